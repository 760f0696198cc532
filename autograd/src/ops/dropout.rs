//! Dropout.

use ocelli_tensor::{Generator, Tensor};

use crate::{NodeView, Op, Result, Var};

/// [`Tensor::dropout`]: `y = x ⊙ m` with a random `m`, `dx = dy ⊙ m`. The same `m` is drawn again for the gradient, so none is kept.
#[derive(Debug, Clone)]
pub struct Dropout {
    /// The probability of zeros.
    pub rate: f64,
    /// Draws `m`; always from this state.
    pub generator: Generator,
}

impl Op for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].dropout(self.rate, &mut self.generator.clone())?)
    }

    fn backward(&self, _node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        Ok(vec![Some(self.clone().apply(&[dy])?)])
    }
}

impl Var {
    /// See [`Tensor::dropout`]; differentiable. The numbers are drawn from `generator` as it is; give each use one of its own.
    ///
    /// # Errors
    /// As there.
    pub fn dropout(&self, rate: f64, generator: Generator) -> Result<Var> {
        Dropout { rate, generator }.apply(&[self])
    }
}
