//! Elements in another order: flip, roll.

use crate::{Axes, Error, Result, Slice, Tensor};

impl Tensor {
    /// The elements in reverse order along these axes. A view.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] if an axis is named twice.
    pub fn flip(&self, axes: impl Into<Axes>) -> Result<Tensor> {
        let axes = axes.into().resolve("flip", self.shape())?;
        axes.iter().try_fold(self.clone(), |x, &axis| x.slice_axis(axis as isize, Slice::from(..).step(-1)))
    }

    /// The elements moved by `shifts[i]` places along `axes[i]`; those pushed over the end come in again at the start. An axis
    /// named twice is rolled twice (NumPy's rule).
    ///
    /// ```
    /// use ocelli_tensor::Tensor;
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let x = Tensor::arange(0, 5, 1)?;
    /// assert_eq!(x.roll(&[2], &[0])?.to_vec::<i64>()?, [3, 4, 0, 1, 2]);
    /// assert_eq!(x.roll(&[-1], &[0])?.to_vec::<i64>()?, [1, 2, 3, 4, 0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] unless there is one shift for each axis.
    pub fn roll(&self, shifts: &[isize], axes: &[isize]) -> Result<Tensor> {
        if shifts.len() != axes.len() {
            let message =
                format!("expected one shift for each axis, received {} shifts for {} axes", shifts.len(), axes.len());
            return Err(Error::argument("roll", message));
        }
        let mut rolled = self.clone();
        for (&shift, &axis) in shifts.iter().zip(axes) {
            let axis = self.shape().axis("roll", axis)?;
            let size = self.shape()[axis];
            let shift = match size {
                0 => continue,
                size => shift.rem_euclid(size as isize) as usize,
            };
            if shift == 0 {
                continue;
            }
            let axis = axis as isize;
            let (head, tail) = (rolled.narrow(axis, 0, size - shift)?, rolled.narrow(axis, size - shift, shift)?);
            rolled = Tensor::concat(&[tail, head], axis)?;
        }
        Ok(rolled)
    }
}
