//! Elements in another order: flip, roll.

use ocelli_tensor::{Axes, Tensor};

use crate::{NodeView, Op, Result, Var};

/// The elements in reverse order along some axes; its own gradient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flip {
    /// The axes.
    pub axes: Vec<usize>,
}

impl Op for Flip {
    fn name(&self) -> &'static str {
        "flip"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].flip(&self.axes[..])?)
    }

    fn backward(&self, _node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        Ok(vec![Some(self.clone().apply(&[dy])?)])
    }
}

/// The elements moved along some axes, around the end. Its gradient is moved back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roll {
    /// How far, for each axis.
    pub shifts: Vec<isize>,
    /// The axes.
    pub axes: Vec<isize>,
}

impl Op for Roll {
    fn name(&self) -> &'static str {
        "roll"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].roll(&self.shifts, &self.axes)?)
    }

    fn backward(&self, _node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        // Within the axis first: the most negative shift has no negative.
        let back = self.shifts.iter().zip(&self.axes).map(|(&shift, &axis)| {
            let size = dy.size(axis)?.max(1) as isize;
            Ok(-(shift % size))
        });
        let back = back.collect::<Result<Vec<isize>>>()?;
        Ok(vec![Some(dy.roll(&back, &self.axes)?)])
    }
}

impl Var {
    /// See [`Tensor::flip`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn flip(&self, axes: impl Into<Axes>) -> Result<Var> {
        let axes = axes.into().resolve("flip", self.shape())?.to_vec();
        Flip { axes }.apply(&[self])
    }

    /// See [`Tensor::roll`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn roll(&self, shifts: &[isize], axes: &[isize]) -> Result<Var> {
        Roll { shifts: shifts.to_vec(), axes: axes.to_vec() }.apply(&[self])
    }
}
