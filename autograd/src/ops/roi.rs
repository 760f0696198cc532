//! Regions of interest: RoI align, RoI pooling and their position-sensitive forms. Regions are an input of these ops, without a gradient.

use ocelli_tensor::{RoiOptions, Shape, Tensor};

use crate::{Keeps, NodeView, Op, Result, Var};

/// The means over the bins of regions. Inputs: maps, regions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoiMean {
    /// The bins.
    pub options: RoiOptions,
}

impl Op for RoiMean {
    fn name(&self) -> &'static str {
        self.options.mode.name()
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].roi_mean(x[1], &self.options)?)
    }

    fn keeps(&self) -> Keeps {
        Keeps::input(1)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let op = RoiMeanBackward { shape: node.shape(0).clone(), options: self.options };
        Ok(vec![Some(op.apply(&[dy, &node.input(1)?.detach()])?), None])
    }
}

/// The transposed operation of [`RoiMean`]. Inputs: the gradient at the means, regions.
#[derive(Debug, Clone, PartialEq)]
pub struct RoiMeanBackward {
    /// The shape of the maps.
    pub shape: Shape,
    /// As in [`RoiMean`].
    pub options: RoiOptions,
}

impl Op for RoiMeanBackward {
    fn name(&self) -> &'static str {
        "roi_mean_backward"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].roi_mean_backward(x[1], &self.shape, &self.options)?)
    }

    fn keeps(&self) -> Keeps {
        Keeps::input(1)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        Ok(vec![Some(dy.roi_mean(node.input(1)?.tensor(), &self.options)?), None])
    }
}

/// The greatest element of each bin of regions. Of equal ones the first gets all of the gradient. Inputs: maps, regions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoiMax {
    /// Bins down and across.
    pub output_size: [usize; 2],
    /// Pixels of the maps for one unit of the boxes.
    pub spatial_scale: f64,
}

impl Op for RoiMax {
    fn name(&self) -> &'static str {
        "roi_pool"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].roi_max(x[1], self.output_size, self.spatial_scale)?)
    }

    fn forward_saving(&self, x: &[&Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let (values, indices) = x[0].roi_max_with_indices(x[1], self.output_size, self.spatial_scale)?;
        Ok((values, vec![indices]))
    }

    fn keeps(&self) -> Keeps {
        Keeps::input(1)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let op = RoiMaxBackward { indices: node.saved(0).clone(), shape: node.shape(0).clone() };
        Ok(vec![Some(op.apply(&[dy, &node.input(1)?.detach()])?), None])
    }
}

/// The gradient of [`RoiMax`]: each element is added to the place it came from. Inputs: the gradient at the maxima, regions.
#[derive(Debug, Clone)]
pub struct RoiMaxBackward {
    /// The places, as [`Tensor::roi_max_with_indices`] gives them.
    pub indices: Tensor,
    /// The shape of the maps.
    pub shape: Shape,
}

impl Op for RoiMaxBackward {
    fn name(&self) -> &'static str {
        "roi_pool_backward"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].roi_max_backward(&self.indices, x[1], &self.shape)?)
    }

    fn keeps(&self) -> Keeps {
        Keeps::input(1)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        Ok(vec![Some(dy.roi_max_take(&self.indices, node.input(1)?.tensor())?), None])
    }
}

/// The elements at given places of maps: the transposed operation of [`RoiMaxBackward`]. Inputs: maps, regions.
#[derive(Debug, Clone)]
pub struct RoiMaxTake {
    /// The places, as [`Tensor::roi_max_with_indices`] gives them.
    pub indices: Tensor,
}

impl Op for RoiMaxTake {
    fn name(&self) -> &'static str {
        "roi_pool_take"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].roi_max_take(&self.indices, x[1])?)
    }

    fn keeps(&self) -> Keeps {
        Keeps::input(1)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let op = RoiMaxBackward { indices: self.indices.clone(), shape: node.shape(0).clone() };
        Ok(vec![Some(op.apply(&[dy, &node.input(1)?.detach()])?), None])
    }
}

impl Var {
    /// See [`Tensor::roi_mean`]; differentiable in the maps.
    ///
    /// # Errors
    /// As there.
    pub fn roi_mean(&self, regions: &Tensor, options: &RoiOptions) -> Result<Var> {
        RoiMean { options: *options }.apply(&[self, &Var::from(regions)])
    }

    /// See [`Tensor::roi_max`]; differentiable in the maps. Of equal maxima the first gets all of the gradient.
    ///
    /// # Errors
    /// As there.
    pub fn roi_max(&self, regions: &Tensor, output_size: [usize; 2], spatial_scale: f64) -> Result<Var> {
        RoiMax { output_size, spatial_scale }.apply(&[self, &Var::from(regions)])
    }

    /// See [`Tensor::roi_max_take`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn roi_max_take(&self, indices: &Tensor, regions: &Tensor) -> Result<Var> {
        RoiMaxTake { indices: indices.clone() }.apply(&[self, &Var::from(regions)])
    }
}
