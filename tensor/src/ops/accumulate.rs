//! Sums that grow in place.

use crate::cpu::elementwise;
use crate::dtype::with_float;
use crate::{Error, Result, Tensor};

impl Tensor {
    /// Adds a tensor of this shape and dtype to this one: in place if no other tensor shares this one's memory and both lie alike,
    /// otherwise as [`Tensor::add`]. No other tensor changes.
    ///
    /// ```
    /// use ocelli_tensor::Tensor;
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let mut sum = Tensor::new([1.0f32, 2.0])?;
    /// sum.accumulate(&Tensor::new([10.0f32, 20.0])?)?;
    /// assert_eq!(sum.to_vec::<f32>()?, [11.0, 22.0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::DType`], [`Error::Device`] if the other is of another shape, dtype or device.
    pub fn accumulate(&mut self, other: &Tensor) -> Result<()> {
        const OP: &str = "accumulate";
        self.require_same_device(OP, other)?;
        self.require_same_dtype(OP, other)?;
        if other.shape() != self.shape() {
            return Err(Error::shape(OP, format!("a tensor of shape {}", self.shape()), other.shape()));
        }
        if !self.is_changeable_with(other) {
            *self = self.add(other)?;
            return Ok(());
        }
        with_float!(self.dtype(), T => {
            elementwise::zip_in_place(self.own::<T>()?, other.dense_elements::<T>(), |x: T, y: T| x + y);
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_place_unless_the_memory_is_shared() {
        let mut sum = Tensor::new([[1.0f64, 2.0], [3.0, 4.0]]).unwrap();
        let x = sum.mul(10.0).unwrap();
        let start = sum.view::<f64>().data.as_ptr();
        sum.accumulate(&x).unwrap();
        assert_eq!((sum.view::<f64>().data.as_ptr(), sum.to_vec().unwrap()), (start, vec![11.0, 22.0, 33.0, 44.0]));
        let shared = sum.clone();
        sum.accumulate(&x.t().unwrap()).unwrap();
        assert_eq!(shared.to_vec::<f64>().unwrap(), [11.0, 22.0, 33.0, 44.0]);
        assert_eq!(sum.to_vec::<f64>().unwrap(), [21.0, 52.0, 53.0, 84.0]);
        drop(shared);
        sum.accumulate(&sum.clone()).unwrap();
        assert_eq!(sum.to_vec::<f64>().unwrap(), [42.0, 104.0, 106.0, 168.0]);
        let mut whole = Tensor::new([1i64, 2]).unwrap();
        whole.accumulate(&whole.clone()).unwrap();
        assert_eq!(whole.to_vec::<i64>().unwrap(), [2, 4]);
        let error = whole.accumulate(&Tensor::new([1i64]).unwrap()).unwrap_err().to_string();
        assert_eq!(error, "accumulate: expected a tensor of shape [2], received shape [1]");
        assert!(whole.accumulate(&Tensor::new([1.0f32, 2.0]).unwrap()).is_err());
    }
}
