//! Steps of optimizers in place.

use crate::cpu::update as kernel;
use crate::dtype::with_float;
use crate::{Error, Result, Tensor, wgpu};

/// The formula of one step of an optimizer: what becomes of a parameter `w` with the gradient `g`, and of the tensors that the method
/// remembers of it, its states.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum UpdateRule {
    /// `w ← w − rate · g`. No state.
    Descent {
        /// The learning rate.
        rate: f64,
    },
    /// `v ← momentum · v + taken · g`, then `w ← w − rate · v`, or if it looks `ahead`, `w ← w − rate · (momentum · v + ahead · g)`.
    /// State: `v`.
    Momentum {
        /// The share of `v` that is kept.
        momentum: f64,
        /// The share of the gradient that goes into `v`.
        taken: f64,
        /// The share of the gradient in the step, with Nesterov's momentum.
        ahead: Option<f64>,
        /// The learning rate.
        rate: f64,
    },
    /// `v ← rho · v + (1 − rho) · g²`, `d = g / root(v)`, then `w ← w − rate · d`. States: `v`, if `centered` `a`, if there is
    /// `momentum` `m`.
    RmsProp {
        /// The share of `v` (and `a`) that is kept.
        rho: f64,
        /// What keeps the root from 0.
        epsilon: f64,
        /// Whether the root is `√(v + epsilon)`; otherwise it is `√v + epsilon`.
        inside: bool,
        /// Whether `a ← rho · a + (1 − rho) · g` and the root is that of `v − a²`.
        centered: bool,
        /// With `[kept, taken]` is `m ← kept · m + taken · d`, and the step is `rate · m`.
        momentum: Option<[f64; 2]>,
        /// The learning rate.
        rate: f64,
    },
    /// `m ← beta₁ · m + (1 − beta₁) · g`, `v ← beta₂ · v + (1 − beta₂) · g²`, `w ← w − rate · m / (√v / correction + epsilon)`.
    /// States: `m`, `v`, if `amsgrad` the largest `v` so far, which then stands for `v` in the step.
    Adam {
        /// The shares of `m` and `v` that are kept.
        betas: [f64; 2],
        /// What keeps the divisor from 0.
        epsilon: f64,
        /// What the root is divided by.
        correction: f64,
        /// Whether the largest `v` counts.
        amsgrad: bool,
        /// The learning rate.
        rate: f64,
    },
    /// `a ← a + g²`, `w ← w − rate · g / root(a)`. State: `a`.
    Adagrad {
        /// What keeps the root from 0.
        epsilon: f64,
        /// Whether the root is `√(a + epsilon)`; otherwise it is `√a + epsilon`.
        inside: bool,
        /// The learning rate.
        rate: f64,
    },
    /// `v ← rho · v + (1 − rho) · g²`, `δ = √(d + epsilon) / √(v + epsilon) · g`, `d ← rho · d + (1 − rho) · δ²`, `w ← w − rate · δ`.
    /// States: `v`, `d`.
    Adadelta {
        /// The share of the mean squares that is kept.
        rho: f64,
        /// What is added to the mean squares.
        epsilon: f64,
        /// The learning rate.
        rate: f64,
    },
}

/// What weight decay does to a parameter and its gradient before a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WeightDecay {
    /// `w ← kept · w`: decoupled from the gradient.
    pub kept: f64,
    /// `g ← g + coupled · w`.
    pub coupled: f64,
}

impl Default for WeightDecay {
    /// Nothing.
    fn default() -> Self {
        WeightDecay { kept: 1.0, coupled: 0.0 }
    }
}

impl Tensor {
    /// Makes one step of an optimizer on this parameter, in one pass over it, its gradient and its states. Where a tensor shares its
    /// memory with another, it gets memory of its own first: no other tensor changes.
    ///
    /// ```
    /// use ocelli_tensor::{Tensor, UpdateRule, WeightDecay};
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let (mut w, mut v) = (Tensor::new([1.0f32, 2.0])?, Tensor::new([0.0f32, 1.0])?);
    /// let g = Tensor::new([2.0f32, 4.0])?;
    /// let rule = UpdateRule::Momentum { momentum: 0.5, taken: 1.0, ahead: None, rate: 0.1 };
    /// w.update(&g, &mut [&mut v], rule, WeightDecay::default())?;
    /// assert_eq!(v.to_vec::<f32>()?, [2.0, 4.5]);
    /// assert_eq!(w.to_vec::<f32>()?, [0.8, 1.55]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::DType`] unless all have one shape and this is `f32` or `f64`, which gradient and states are cast
    /// to; [`Error::Argument`] for another number of states than the rule has.
    pub fn update(
        &mut self,
        gradient: &Tensor,
        states: &mut [&mut Tensor],
        rule: UpdateRule,
        decay: WeightDecay,
    ) -> Result<()> {
        const OP: &str = "update";
        let dtype = self.dtype();
        dtype.require_float(OP)?;
        if dtype.is_half() {
            return Err(Error::dtype(OP, "f32 or f64", dtype));
        }
        if states.len() != rule.states() {
            let message = format!("expected {} states for {rule:?}, received {}", rule.states(), states.len());
            return Err(Error::argument(OP, message));
        }
        for other in states.iter().map(|state| &**state).chain([gradient]) {
            self.require_same_device(OP, other)?;
            if other.shape() != self.shape() {
                let expected = format!("a gradient and states of the parameter's shape {}", self.shape());
                return Err(Error::shape(OP, expected, other.shape()));
            }
        }
        let layout = self.layout().dense_like();
        let gradient = gradient.to_dtype(dtype)?.laid_out(&layout)?;
        for state in states.iter_mut().filter(|state| state.dtype() != dtype || !state.layout().lies_like(&layout)) {
            **state = state.to_dtype(dtype)?.laid_out(&layout)?;
        }
        if self.is_on_wgpu() {
            self.make_own()?;
            states.iter_mut().try_for_each(|state| state.make_own())?;
            let states: Vec<&Tensor> = states.iter().map(|state| &**state).collect();
            return wgpu::update::step(self, &gradient, &states, rule, decay);
        }
        with_float!(dtype, T => {
            let w = self.own::<T>()?;
            let g = gradient.dense_elements::<T>();
            let decay = kernel::Decay { kept: decay.kept, coupled: decay.coupled };
            match (rule, states) {
                (UpdateRule::Descent { rate }, []) => kernel::step(w, g, [], decay, kernel::Descent { rate }),
                (UpdateRule::Momentum { momentum, taken, ahead, rate }, [v]) => {
                    kernel::step(w, g, [v.own()?], decay, kernel::Momentum { momentum, taken, ahead, rate });
                }
                (UpdateRule::RmsProp { rho, epsilon, inside, centered, momentum, rate }, states) => {
                    let plain = kernel::RmsProp::<false> { rho, epsilon, inside, momentum, rate };
                    let around_mean = kernel::RmsProp::<true> { rho, epsilon, inside, momentum, rate };
                    match (states, centered) {
                        ([v], _) => kernel::step(w, g, [v.own()?], decay, plain),
                        ([v, a], true) => kernel::step(w, g, [v.own()?, a.own()?], decay, around_mean),
                        ([v, m], false) => kernel::step(w, g, [v.own()?, m.own()?], decay, plain),
                        ([v, a, m], _) => kernel::step(w, g, [v.own()?, a.own()?, m.own()?], decay, around_mean),
                        _ => unreachable!("the number of states was checked"),
                    }
                }
                (UpdateRule::Adam { betas, epsilon, correction, rate, .. }, states) => {
                    let rule = kernel::Adam { betas, epsilon, correction, rate };
                    match states {
                        [m, v] => kernel::step(w, g, [m.own()?, v.own()?], decay, rule),
                        [m, v, largest] => kernel::step(w, g, [m.own()?, v.own()?, largest.own()?], decay, rule),
                        _ => unreachable!("the number of states was checked"),
                    }
                }
                (UpdateRule::Adagrad { epsilon, inside, rate }, [a]) => {
                    kernel::step(w, g, [a.own()?], decay, kernel::Adagrad { epsilon, inside, rate });
                }
                (UpdateRule::Adadelta { rho, epsilon, rate }, [v, d]) => {
                    kernel::step(w, g, [v.own()?, d.own()?], decay, kernel::Adadelta { rho, epsilon, rate });
                }
                _ => unreachable!("the number of states was checked"),
            }
        });
        Ok(())
    }
}

impl UpdateRule {
    /// Number of states.
    fn states(&self) -> usize {
        match *self {
            UpdateRule::Descent { .. } => 0,
            UpdateRule::Momentum { .. } | UpdateRule::Adagrad { .. } => 1,
            UpdateRule::RmsProp { centered, momentum, .. } => {
                1 + usize::from(centered) + usize::from(momentum.is_some())
            }
            UpdateRule::Adam { amsgrad, .. } => 2 + usize::from(amsgrad),
            UpdateRule::Adadelta { .. } => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DType;

    const RULE: UpdateRule = UpdateRule::Momentum { momentum: 0.5, taken: 1.0, ahead: None, rate: 0.5 };

    fn numbers(x: &Tensor) -> Vec<f32> {
        x.to_vec().unwrap()
    }

    #[test]
    fn in_place_unless_the_memory_is_shared() {
        let g = Tensor::new([2.0f32, 4.0]).unwrap();
        let (mut w, mut v) = (Tensor::new([1.0f32, 2.0]).unwrap(), Tensor::zeros([2], DType::F32).unwrap());
        let start = w.view::<f32>().data.as_ptr();
        w.update(&g, &mut [&mut v], RULE, WeightDecay::default()).unwrap();
        assert_eq!(w.view::<f32>().data.as_ptr(), start);
        let (before, before_v) = (w.clone(), v.clone());
        w.update(&g, &mut [&mut v], RULE, WeightDecay::default()).unwrap();
        assert_eq!((numbers(&before), numbers(&before_v)), (vec![0.0, 0.0], vec![2.0, 4.0]));
        assert_eq!((numbers(&w), numbers(&v)), (vec![-1.5, -3.0], vec![3.0, 6.0]));
        // A gradient may be the parameter itself, and a parameter a part of another tensor.
        let whole = Tensor::arange(0.0f32, 6.0, 1.0).unwrap();
        let mut part = whole.narrow(0, 2, 3).unwrap();
        let itself = part.clone();
        part.update(&itself, &mut [], UpdateRule::Descent { rate: 0.5 }, WeightDecay::default()).unwrap();
        assert_eq!(numbers(&part), [1.0, 1.5, 2.0]);
        assert_eq!(numbers(&whole), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    }

    #[test]
    fn any_strides_and_dtypes_of_gradient_and_states() {
        let w = Tensor::arange(0.0f32, 12.0, 1.0).unwrap().reshape([3, 4]).unwrap();
        let g = w.mul(0.5).unwrap();
        let decay = WeightDecay { kept: 0.5, coupled: 0.25 };
        let expected = {
            let (mut w, mut v) = (w.clone(), w.clone());
            w.update(&g, &mut [&mut v], RULE, decay).unwrap();
            (numbers(&w), numbers(&v))
        };
        let columns = |x: &Tensor| x.t().unwrap().reshape([12]).unwrap().reshape([4, 3]).unwrap().t().unwrap();
        for (w0, g, v0) in [
            (columns(&w), g.clone(), w.clone()),
            (w.clone(), columns(&g), columns(&w)),
            (w.clone(), g.to_dtype(DType::F64).unwrap(), w.to_dtype(DType::F16).unwrap()),
        ] {
            let (mut w, mut v) = (w0, v0);
            w.update(&g, &mut [&mut v], RULE, decay).unwrap();
            assert_eq!((numbers(&w), numbers(&v)), expected);
        }
        let mut empty = Tensor::zeros([0, 2], DType::F64).unwrap();
        let (g, mut v) = (empty.clone(), empty.clone());
        empty.update(&g, &mut [&mut v], RULE, decay).unwrap();
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (mut w, g) = (Tensor::zeros([2], DType::F32).unwrap(), Tensor::zeros([3], DType::F32).unwrap());
        let mut text = |g: &Tensor, states: &mut [&mut Tensor]| {
            w.update(g, states, RULE, WeightDecay::default()).unwrap_err().to_string()
        };
        let mut v = Tensor::zeros([2], DType::F32).unwrap();
        assert!(
            text(&g, &mut [&mut v])
                .ends_with("expected a gradient and states of the parameter's shape [2], received shape [3]")
        );
        assert!(text(&v.clone(), &mut []).starts_with("update: expected 1 states for Momentum"));
        let mut half = Tensor::zeros([2], DType::F16).unwrap();
        let refused = half.update(&v, &mut [], RULE, WeightDecay::default()).unwrap_err().to_string();
        assert!(refused.starts_with("update: expected f32 or f64"), "{refused}");
    }
}
