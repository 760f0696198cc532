//! What an optimizer knows about each parameter.

use std::collections::BTreeMap;

use ocelli_nn::Param;
use ocelli_tensor::{DType, Tensor};

use crate::{Error, Result};

/// The parameters of an optimizer with their paths, groups and what is remembered of each.
#[derive(Debug, Default)]
pub struct Parameters {
    pub(crate) entries: Vec<Entry>,
    /// Number of steps taken.
    pub(crate) steps: u64,
}

/// One parameter.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) param: Param,
    pub(crate) group: Group,
    /// Number of steps in which this parameter had a gradient.
    pub(crate) steps: u64,
    pub(crate) slots: Slots,
}

/// How the parameters of a group differ from the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Group {
    /// What the learning rate is multiplied by.
    pub learning_rate_factor: f64,
    /// Their weight decay; `None`: the optimizer's.
    pub weight_decay: Option<f64>,
}

impl Default for Group {
    /// Not at all.
    fn default() -> Self {
        Group { learning_rate_factor: 1.0, weight_decay: None }
    }
}

impl Group {
    /// With this factor of the learning rate.
    pub fn learning_rate_factor(mut self, factor: f64) -> Self {
        self.learning_rate_factor = factor;
        self
    }

    /// With this weight decay.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = Some(weight_decay);
        self
    }
}

/// The tensors that a method remembers of one parameter, by name: its momentum, its mean square. Of half-precision parameters
/// they are kept in f32.
#[derive(Debug, Default)]
pub struct Slots(pub(crate) BTreeMap<&'static str, Tensor>);

impl Slots {
    /// The tensor of this name.
    ///
    /// # Errors
    /// [`Error::Argument`] if the optimizer's [`slots`](crate::Optimizer::slots) do not name it.
    pub fn get(&self, name: &'static str) -> Result<&Tensor> {
        self.0.get(name).ok_or_else(|| self.missing(name))
    }

    /// The tensors of these names, to be changed.
    ///
    /// # Errors
    /// As [`Slots::get`], also if a name comes twice.
    pub fn several(&mut self, names: &[&'static str]) -> Result<Vec<&mut Tensor>> {
        let absent =
            |name: &&str| names.iter().filter(|other| *other == name).count() > 1 || !self.0.contains_key(*name);
        if let Some(name) = names.iter().find(|&name| absent(name)) {
            return Err(self.missing(name));
        }
        let place = |name: &str| names.iter().position(|&other| other == name);
        let mut found: Vec<(usize, &mut Tensor)> =
            self.0.iter_mut().filter_map(|(name, tensor)| Some((place(name)?, tensor))).collect();
        found.sort_by_key(|(place, _)| *place);
        Ok(found.into_iter().map(|(_, tensor)| tensor).collect())
    }

    fn missing(&self, name: &str) -> Error {
        Error::argument("optimizer slot", format!("expected one of {:?}, received {name}", self.0.keys()))
    }

    /// Remembers this tensor until the next step, and returns it.
    pub fn set(&mut self, name: &'static str, tensor: Tensor) -> &Tensor {
        let slot = self.0.entry(name).or_insert_with(|| tensor.clone());
        *slot = tensor;
        slot
    }
}

impl Parameters {
    /// From a module's `named_parameters()`. Of a parameter that appears under several paths the first one counts.
    pub fn new(parameters: Vec<(String, Param)>) -> Self {
        let mut entries: Vec<Entry> = Vec::with_capacity(parameters.len());
        for (path, param) in parameters {
            if !entries.iter().any(|known| known.param.is_same(&param)) {
                entries.push(Entry { path, param, group: Group::default(), steps: 0, slots: Slots::default() });
            }
        }
        Parameters { entries, steps: 0 }
    }

    /// Number of steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The parameters with their paths, each once.
    pub fn named(&self) -> Vec<(String, Param)> {
        let entries = self.entries.iter();
        entries.map(|entry| (entry.path.clone(), entry.param.clone())).collect()
    }

    /// Puts every parameter whose path is `prefix` or begins with `prefix.` into a group. A later group takes parameters from an
    /// earlier one.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is no such parameter, or a number of the group is negative or not finite.
    pub fn group(&mut self, prefix: &str, group: Group) -> Result<()> {
        let numbers = [Some(group.learning_rate_factor), group.weight_decay];
        for number in numbers.into_iter().flatten() {
            let fits = number.is_finite() && number >= 0.0;
            crate::error::require(fits, "group", "finite numbers of at least 0", number)?;
        }
        let mut found = false;
        for entry in &mut self.entries {
            let rest = entry.path.strip_prefix(prefix);
            if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || prefix.is_empty()) {
                entry.group = group;
                found = true;
            }
        }
        if found {
            return Ok(());
        }
        let paths: Vec<&str> = self.entries.iter().map(|entry| entry.path.as_str()).collect();
        let shown = paths[..paths.len().min(10)].join(", ");
        let message = format!("expected the beginning of one of the paths {shown}…, received \"{prefix}\"");
        Err(Error::argument("group", message))
    }
}

impl Entry {
    /// The dtype that steps are computed in.
    pub(crate) fn wide(&self) -> DType {
        wide(self.param.tensor().dtype())
    }

    /// Sees to it that there is a tensor in each slot.
    pub(crate) fn prepare(&mut self, slots: &[(&'static str, f64)]) -> Result<()> {
        for &(name, initial) in slots {
            if !self.slots.0.contains_key(name) {
                let tensor = Tensor::full_on(self.param.tensor().device(), self.param.shape(), initial, self.wide())?;
                self.slots.set(name, tensor);
            }
        }
        Ok(())
    }
}

/// The dtype that steps of parameters of a dtype are computed in.
pub(crate) fn wide(dtype: DType) -> DType {
    if dtype.is_half() { DType::F32 } else { dtype }
}
