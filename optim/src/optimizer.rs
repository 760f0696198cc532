//! What all optimizers do alike.

use std::collections::BTreeMap;

use ocelli_autograd::Gradients;
use ocelli_nn::{LoadReport, StateDict};
use ocelli_tensor::{DType, Shape, Tensor, UpdateRule, WeightDecay};

use crate::error::require;
use crate::parameters::{Entry, wide};
use crate::{Error, Group, Parameters, Result, Slots};

/// What a method changes one parameter by. Half-precision parameters and their gradients appear in f32.
#[derive(Debug)]
#[non_exhaustive]
pub struct Update<'a> {
    /// The parameter's gradient.
    pub gradient: &'a Tensor,
    /// The weight decay, which comes before the step; [`Update::apply`] sees to it.
    pub decay: WeightDecay,
    /// The learning rate, with the group's factor in it.
    pub learning_rate: f64,
    /// Number of this step among those in which the parameter had a gradient, from 1 on, as in PyTorch. (Keras counts every step,
    /// so there the moments of a layer that was frozen at first are taken for old ones when it begins to train.)
    pub step: u64,
}

impl Update<'_> {
    /// Changes a parameter and the slots of these names by a rule, in one pass.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is no slot of a name, and as [`Tensor::update`].
    pub fn apply(&self, value: &mut Tensor, slots: &mut Slots, names: &[&'static str], rule: UpdateRule) -> Result<()> {
        Ok(value.update(self.gradient, &mut slots.several(names)?, rule, self.decay)?)
    }
}

/// A method of making a loss smaller step by step. Implement the required methods to add one; all that is not specific to a
/// method, such as groups, weight decay, constraints and state dicts, is here.
pub trait Optimizer: Send {
    /// Keras' name, lower case.
    fn name(&self) -> &'static str;

    /// The learning rate that Keras takes where none is given.
    fn default_learning_rate(&self) -> f64 {
        0.001
    }

    /// The parameters that are trained.
    fn parameters(&self) -> &Parameters;

    /// The parameters that are trained.
    fn parameters_mut(&mut self) -> &mut Parameters;

    /// The names of the tensors that are remembered of each parameter, and the number that each is filled with at first.
    fn slots(&self) -> Vec<(&'static str, f64)>;

    /// The weight decay of parameters whose group has none of its own, and whether it is decoupled from the gradient.
    fn weight_decay(&self) -> (f64, bool);

    /// Refuses hyperparameters out of their domain.
    ///
    /// # Errors
    /// [`Error::Argument`] that names what was expected and received.
    fn check(&self) -> Result<()>;

    /// Changes a parameter's value and slots by the method's formula.
    ///
    /// # Errors
    /// If memory runs out.
    fn update(&self, value: &mut Tensor, update: &Update<'_>, slots: &mut Slots) -> Result<()>;

    /// Changes all parameters that have a gradient, and puts them back into their constraints. Others (frozen ones, or those that
    /// the loss does not depend on) are left alone, and so is what is remembered of them.
    ///
    /// # Errors
    /// [`Error::Argument`] if the learning rate or a hyperparameter is out of its domain; nothing has been changed then.
    fn step(&mut self, gradients: &Gradients, learning_rate: f64) -> Result<()> {
        self.check()?;
        let (weight_decay, _) = self.weight_decay();
        for (what, number) in [("learning rate", learning_rate), ("weight decay", weight_decay)] {
            let fits = number.is_finite() && number >= 0.0;
            require(fits, what, "a finite number of at least 0", number)?;
        }
        let slots = self.slots();
        // Taken out, so that `update` can read the optimizer meanwhile.
        let mut entries = std::mem::take(&mut self.parameters_mut().entries);
        let outcome = entries.iter_mut().try_for_each(|entry| advance(self, entry, &slots, gradients, learning_rate));
        let parameters = self.parameters_mut();
        parameters.entries = entries;
        outcome?;
        parameters.steps += 1;
        Ok(())
    }

    /// Puts every parameter whose path is `prefix` or begins with `prefix.` into a group. See [`Parameters::group`].
    ///
    /// # Errors
    /// As there.
    fn set_group(&mut self, prefix: &str, group: Group) -> Result<()> {
        self.parameters_mut().group(prefix, group)
    }

    /// All that the optimizer remembers: `step`, the number of steps, and for each parameter `<path>.step` and
    /// `<path>.<slot>`.
    ///
    /// # Errors
    /// If memory runs out.
    fn state_dict(&self) -> Result<StateDict> {
        let slots = self.slots();
        let mut state = BTreeMap::new();
        state.insert("step".to_string(), number(self.parameters().steps)?);
        for entry in &self.parameters().entries {
            state.insert(format!("{}.step", entry.path), number(entry.steps)?);
            for &(name, initial) in &slots {
                let tensor = match entry.slots.0.get(name) {
                    Some(tensor) => tensor.clone(),
                    None => Tensor::full_on(entry.param.tensor().device(), entry.param.shape(), initial, entry.wide())?,
                };
                state.insert(format!("{}.{name}", entry.path), tensor);
            }
        }
        Ok(state)
    }

    /// Takes over what [`Optimizer::state_dict`] of the same method on the same parameters has told.
    ///
    /// # Errors
    /// [`Error::State`] with the missing, unexpected and misshapen keys, [`Error::Argument`] if a number of steps is negative; the
    /// state has not been changed then.
    fn load_state_dict(&mut self, state: &StateDict) -> Result<()> {
        let slots = self.slots();
        let mut expected = vec![("step".to_string(), Shape::default())];
        for entry in &self.parameters().entries {
            expected.push((format!("{}.step", entry.path), Shape::default()));
            let named = slots.iter().map(|(name, _)| format!("{}.{name}", entry.path));
            expected.extend(named.map(|key| (key, entry.param.shape())));
        }
        let shapes = expected.iter().map(|(key, shape)| (key.as_str(), shape.clone()));
        let report = LoadReport::compare(shapes, state);
        if !report.is_exact() {
            return Err(Error::State(report));
        }
        let count = |key: &str| -> Result<u64> {
            let stored = state[key].to_dtype(DType::I64)?.item::<i64>()?;
            u64::try_from(stored).map_err(|_| {
                let message = format!("expected at least 0 steps in \"{key}\", received {stored}");
                Error::argument("optimizer state", message)
            })
        };
        let steps = count("step")?;
        let mut loaded = Vec::new();
        for entry in &self.parameters().entries {
            let mut tensors = Slots::default();
            for &(name, _) in &slots {
                let tensor = state[&format!("{}.{name}", entry.path)].to_dtype(entry.wide())?;
                let tensor = tensor.to_device(entry.param.tensor().device())?;
                tensors.set(name, tensor);
            }
            loaded.push((count(&format!("{}.step", entry.path))?, tensors));
        }
        let parameters = self.parameters_mut();
        parameters.steps = steps;
        for (entry, (steps, slots)) in parameters.entries.iter_mut().zip(loaded) {
            entry.steps = steps;
            entry.slots = slots;
        }
        Ok(())
    }
}

/// One parameter's step.
fn advance<O: Optimizer + ?Sized>(
    optimizer: &O,
    entry: &mut Entry,
    slots: &[(&'static str, f64)],
    gradients: &Gradients,
    learning_rate: f64,
) -> Result<()> {
    let Some(gradient) = gradients.find(&entry.param.var()) else {
        return Ok(());
    };
    entry.prepare(slots)?;
    let learning_rate = learning_rate * entry.group.learning_rate_factor;
    let (weight_decay, decoupled) = optimizer.weight_decay();
    let weight_decay = entry.group.weight_decay.unwrap_or(weight_decay);
    let decay = match decoupled {
        true => WeightDecay { kept: 1.0 - learning_rate * weight_decay, coupled: 0.0 },
        false => WeightDecay { kept: 1.0, coupled: weight_decay },
    };
    entry.steps += 1;
    let Entry { param, slots, steps, .. } = entry;
    param.change(|value| {
        let dtype = value.dtype();
        let wide = wide(dtype);
        let gradient = gradient.tensor().to_dtype(wide)?;
        let update = Update { gradient: &gradient, decay, learning_rate, step: *steps };
        if wide != dtype {
            *value = value.to_dtype(wide)?;
        }
        optimizer.update(value, &update, slots)?;
        if let Some(constraint) = param.constraint() {
            *value = constraint.apply(value)?;
        }
        if wide != dtype {
            *value = value.to_dtype(dtype)?;
        }
        Ok(())
    })
}

fn number(steps: u64) -> Result<Tensor> {
    Ok(Tensor::full((), steps as i64, DType::I64)?)
}

/// The methods that every optimizer of this crate has.
macro_rules! common_methods {
    ($Optimizer:ident) => {
        impl $Optimizer {
            /// Draws weights towards 0 in each step; see [`Arithmetic`](crate::Arithmetic) for how.
            #[must_use]
            pub fn weight_decay(mut self, weight_decay: f64) -> Self {
                self.weight_decay = weight_decay;
                self
            }

            /// Gives the parameters under a path their own factor of the learning rate or weight decay. See
            /// [`Parameters::group`](crate::Parameters::group).
            ///
            /// # Errors
            /// As there.
            pub fn group(mut self, prefix: &str, group: crate::Group) -> crate::Result<Self> {
                self.parameters.group(prefix, group)?;
                Ok(self)
            }
        }
    };
}
pub(crate) use common_methods;

/// The methods of the trait that read the fields of the same name.
macro_rules! field_accessors {
    () => {
        fn parameters(&self) -> &crate::Parameters {
            &self.parameters
        }

        fn parameters_mut(&mut self) -> &mut crate::Parameters {
            &mut self.parameters
        }
    };
}
pub(crate) use field_accessors;
