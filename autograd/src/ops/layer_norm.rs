//! Layer norm: the last axes normalized by themselves. As with [`super::norm`], gradients are computed together and recorded one by
//! one.

use ocelli_tensor::{Shape, Tensor};

use super::norm::{Split, record, second};
use crate::{Keeps, NodeView, Op, Result, Var};

/// Rows normalized by their own mean and variance. Inputs are `x`, and `gamma` and `beta` of the shape of its last axes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerNorm {
    /// What is added to the variance.
    pub eps: f64,
}

impl Op for LayerNorm {
    fn name(&self) -> &'static str {
        "layer_norm"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].layer_norm(x[1], x[2], self.eps)?.0)
    }

    fn forward_saving(&self, x: &[&Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let (y, mean, var) = x[0].layer_norm(x[1], x[2], self.eps)?;
        Ok((y, vec![mean, var]))
    }

    fn keeps(&self) -> Keeps {
        Keeps::inputs()
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let (x, gamma) = (node.input(0)?, node.input(1)?);
        let (mean, var) = (node.saved(0), node.saved(1));
        let (dx, dgamma, dbeta) = dy.tensor().layer_norm_backward(x.tensor(), gamma.tensor(), (mean, var), self.eps)?;
        let record = |input, gradient| {
            let op = LayerNormGradient { eps: self.eps, input };
            node.needs(input).then(|| record(op, &[dy, &x, &gamma], gradient, &[]))
        };
        Ok(vec![record(0, dx), record(1, dgamma), record(2, dbeta)])
    }
}

/// The gradient of [`LayerNorm`] at one of its inputs. Inputs are the gradient at its result, `x` and `gamma`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerNormGradient {
    /// What is added to the variance.
    pub eps: f64,
    /// Whose gradient: 0 is `x`, 1 `gamma`, 2 `beta`.
    pub input: usize,
}

impl Op for LayerNormGradient {
    fn name(&self) -> &'static str {
        "layer_norm_gradient"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        let [dy, x, gamma] = [x[0], x[1], x[2]];
        let (_, mean, var) = x.layer_norm(gamma, gamma, self.eps)?;
        let (dx, dgamma, dbeta) = dy.layer_norm_backward(x, gamma, (&mean, &var), self.eps)?;
        Ok(match self.input {
            0 => dx,
            1 => dgamma,
            _ => dbeta,
        })
    }

    fn keeps(&self) -> Keeps {
        Keeps::inputs()
    }

    fn backward(&self, node: &NodeView<'_>, g: &Var) -> Result<Vec<Option<Var>>> {
        let (dy, x, gamma) = (node.input(0)?, node.input(1)?, node.input(2)?);
        let split = rows(x.shape(), gamma.shape());
        let (elements, factors) = ((split.elements(&dy)?, split.elements(&x)?), split.of_channels(&gamma)?);
        let d = second(&split, self.eps, self.input, g, (&elements.0, &elements.1, &factors))?;
        let d_x = d.x.map(|d| d.reshape(x.shape())).transpose()?;
        Ok(vec![Some(d.dy.reshape(x.shape())?), d_x, d.gamma])
    }
}

/// The tensor as rows, each with a statistic.
fn rows(shape: &Shape, factors: &Shape) -> Split {
    let count: usize = shape[..shape.rank() - factors.rank()].iter().product();
    let width = factors.numel();
    Split {
        shape: [count, width].into(),
        axes: vec![1],
        statistics: [count, 1].into(),
        channels: [1, width].into(),
        factors: factors.clone(),
    }
}

impl Var {
    /// The result of [`Tensor::layer_norm`]; differentiable.
    ///
    /// ```
    /// use ocelli_autograd::Var;
    /// use ocelli_tensor::{DType, Generator, Tensor};
    /// # fn main() -> ocelli_autograd::Result<()> {
    /// let x = Var::leaf(Tensor::randn([2, 5, 16], DType::F32, &mut Generator::new(0))?)?;
    /// let (gamma, beta) = (Var::leaf(Tensor::ones([16], DType::F32)?)?, Var::leaf(Tensor::zeros([16], DType::F32)?)?);
    /// let y = x.layer_norm(&gamma, &beta, 1e-5)?;
    /// assert_eq!(y.square()?.sum(..)?.backward()?.get(&gamma)?.shape()[..], [16]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn layer_norm(&self, gamma: &Var, beta: &Var, eps: f64) -> Result<Var> {
        LayerNorm { eps }.apply(&[self, gamma, beta])
    }
}
