//! Pooling in 1 to 3 dimensions.

use ocelli_tensor::{PoolOptions, Shape, Tensor};

use crate::ops::reduce::record_with_indices;
use crate::{NodeView, Op, Result, Var};

/// The greatest element of each window. Of equal ones the first gets all of the gradient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaxPool {
    /// The windows.
    pub options: PoolOptions,
}

impl Op for MaxPool {
    fn name(&self) -> &'static str {
        "max_pool"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].max_pool(&self.options)?)
    }

    fn forward_saving(&self, x: &[&Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let (values, indices) = x[0].max_pool_with_small_indices(&self.options)?;
        Ok((values, vec![indices]))
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        scattered(node, dy, Some(&self.options))
    }
}

/// The greatest elements of windows chosen such that the spatial sizes become those given. Of equal ones the first gets all of
/// the gradient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdaptiveMaxPool {
    /// The spatial sizes of the result.
    pub output: Shape,
}

impl Op for AdaptiveMaxPool {
    fn name(&self) -> &'static str {
        "adaptive_max_pool"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].adaptive_max_pool(&self.output)?)
    }

    fn forward_saving(&self, x: &[&Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let (values, indices) = x[0].adaptive_max_pool_with_small_indices(&self.output)?;
        Ok((values, vec![indices]))
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        scattered(node, dy, None)
    }
}

/// The gradient of a maximum: each goes to the place that the node has saved.
fn scattered(node: &NodeView<'_>, dy: &Var, options: Option<&PoolOptions>) -> Result<Vec<Option<Var>>> {
    let (indices, spatial) = (node.saved(0).clone(), node.shape(0)[2..].into());
    let op = MaxPoolBackward { indices, spatial, options: options.cloned() };
    Ok(vec![Some(op.apply(&[dy])?)])
}

/// The gradient of [`MaxPool`]: each element is added to the place it came from.
#[derive(Debug, Clone)]
pub struct MaxPoolBackward {
    /// The places, as [`Tensor::max_pool_with_indices`] or [`Tensor::max_pool_with_small_indices`] gives them.
    pub indices: Tensor,
    /// The spatial sizes before pooling.
    pub spatial: Shape,
    /// The windows that the places lie in, if they are regular.
    pub options: Option<PoolOptions>,
}

impl Op for MaxPoolBackward {
    fn name(&self) -> &'static str {
        "max_pool_backward"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(match &self.options {
            Some(options) => x[0].max_pool_backward_within(&self.indices, &self.spatial, options)?,
            None => x[0].max_pool_backward(&self.indices, &self.spatial)?,
        })
    }

    fn backward(&self, _node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        Ok(vec![Some(dy.max_pool_take(&self.indices)?)])
    }
}

/// The elements at given places of each channel: the transposed operation of [`MaxPoolBackward`].
#[derive(Debug, Clone)]
pub struct MaxPoolTake {
    /// The places, as [`Tensor::max_pool_with_indices`] or [`Tensor::max_pool_with_small_indices`] gives them.
    pub indices: Tensor,
}

impl Op for MaxPoolTake {
    fn name(&self) -> &'static str {
        "max_pool_take"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].max_pool_take(&self.indices)?)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let op = MaxPoolBackward { indices: self.indices.clone(), spatial: node.shape(0)[2..].into(), options: None };
        Ok(vec![Some(op.apply(&[dy])?)])
    }
}

/// The mean of each window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvgPool {
    /// The windows.
    pub options: PoolOptions,
}

impl Op for AvgPool {
    fn name(&self) -> &'static str {
        "avg_pool"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].avg_pool(&self.options)?)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let op = AvgPoolBackward { spatial: node.shape(0)[2..].into(), options: self.options.clone() };
        Ok(vec![Some(op.apply(&[dy])?)])
    }
}

/// The transposed operation of [`AvgPool`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvgPoolBackward {
    /// The spatial sizes before pooling.
    pub spatial: Shape,
    /// The windows.
    pub options: PoolOptions,
}

impl Op for AvgPoolBackward {
    fn name(&self) -> &'static str {
        "avg_pool_backward"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].avg_pool_backward(&self.spatial, &self.options)?)
    }

    fn backward(&self, _node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        Ok(vec![Some(dy.avg_pool(&self.options)?)])
    }
}

/// The mean of windows chosen such that the spatial sizes become those given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdaptiveAvgPool {
    /// The spatial sizes of the result.
    pub output: Shape,
}

impl Op for AdaptiveAvgPool {
    fn name(&self) -> &'static str {
        "adaptive_avg_pool"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].adaptive_avg_pool(&self.output)?)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let op = AdaptiveAvgPoolBackward { spatial: node.shape(0)[2..].into() };
        Ok(vec![Some(op.apply(&[dy])?)])
    }
}

/// The transposed operation of [`AdaptiveAvgPool`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdaptiveAvgPoolBackward {
    /// The spatial sizes before pooling.
    pub spatial: Shape,
}

impl Op for AdaptiveAvgPoolBackward {
    fn name(&self) -> &'static str {
        "adaptive_avg_pool_backward"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].adaptive_avg_pool_backward(&self.spatial)?)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        Ok(vec![Some(dy.adaptive_avg_pool(&node.shape(0)[2..])?)])
    }
}

impl Var {
    /// See [`Tensor::max_pool`]; differentiable. Of equal maxima the first gets all of the gradient.
    ///
    /// ```
    /// use ocelli_autograd::Var;
    /// use ocelli_tensor::{PoolOptions, Tensor};
    /// # fn main() -> ocelli_autograd::Result<()> {
    /// let x = Var::leaf(Tensor::new([[[1.0f32, 5.0, 2.0, 2.0]]])?)?;
    /// let gradients = x.max_pool(&PoolOptions::new(2))?.sum(..)?.backward()?;
    /// assert_eq!(gradients.get(&x)?.to_vec::<f32>()?, [0.0, 1.0, 1.0, 0.0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn max_pool(&self, options: &PoolOptions) -> Result<Var> {
        MaxPool { options: options.clone() }.apply(&[self])
    }

    /// See [`Tensor::max_pool_with_indices`]; differentiable in the values.
    ///
    /// # Errors
    /// As there.
    pub fn max_pool_with_indices(&self, options: &PoolOptions) -> Result<(Var, Tensor)> {
        let op = MaxPool { options: options.clone() };
        let computed = self.tensor().max_pool_with_indices(options)?;
        Ok(record_with_indices(op, self, computed))
    }

    /// See [`Tensor::max_pool_take`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn max_pool_take(&self, indices: &Tensor) -> Result<Var> {
        MaxPoolTake { indices: indices.clone() }.apply(&[self])
    }

    /// See [`Tensor::avg_pool`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn avg_pool(&self, options: &PoolOptions) -> Result<Var> {
        AvgPool { options: options.clone() }.apply(&[self])
    }

    /// See [`Tensor::adaptive_avg_pool`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn adaptive_avg_pool(&self, output: impl Into<Shape>) -> Result<Var> {
        AdaptiveAvgPool { output: output.into() }.apply(&[self])
    }

    /// See [`Tensor::adaptive_max_pool`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn adaptive_max_pool(&self, output: impl Into<Shape>) -> Result<Var> {
        AdaptiveMaxPool { output: output.into() }.apply(&[self])
    }

    /// See [`Tensor::adaptive_max_pool_with_indices`]; differentiable in the values.
    ///
    /// # Errors
    /// As there.
    pub fn adaptive_max_pool_with_indices(&self, output: impl Into<Shape>) -> Result<(Var, Tensor)> {
        let output = output.into();
        let computed = self.tensor().adaptive_max_pool_with_indices(&output)?;
        Ok(record_with_indices(AdaptiveMaxPool { output }, self, computed))
    }

    /// See [`Tensor::global_avg_pool`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn global_avg_pool(&self) -> Result<Var> {
        self.adaptive_avg_pool(1).map_err(|error| error.under("global_avg_pool"))
    }

    /// See [`Tensor::global_max_pool`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn global_max_pool(&self) -> Result<Var> {
        self.adaptive_max_pool(1).map_err(|error| error.under("global_max_pool"))
    }
}
