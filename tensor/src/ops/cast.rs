//! Casts between dtypes.

use crate::cpu::elementwise;
use crate::dtype::with_element;
use crate::{DType, Element, Result, Tensor, wgpu};

impl Tensor {
    /// The same numbers as another dtype: float to integer truncates towards zero and saturates, anything to `bool` asks for
    /// "not zero", to a narrower float rounds to nearest even. The tensor itself if the dtype is already that.
    ///
    /// # Errors
    /// [`Error::DType`](crate::Error::DType) for `f64` on a graphics processor; otherwise only if memory runs out.
    pub fn to_dtype(&self, dtype: DType) -> Result<Tensor> {
        if dtype == self.dtype() {
            return Ok(self.clone());
        }
        if self.is_on_wgpu() {
            return wgpu::elementwise::cast(self, dtype);
        }
        with_element!(self.dtype(), A => with_element!(dtype, B => {
            // Integers up to 64 bits do not fit into a double.
            let (buffer, layout) = if A::DTYPE.is_float() {
                elementwise::map(self.view::<A>(), |x: A| B::from_f64(x.to_f64()))?
            } else {
                elementwise::map(self.view::<A>(), |x: A| B::from_i64(x.to_i64()))?
            };
            Ok(Tensor::from_buffer(buffer, layout, dtype))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts_truncate_saturate_and_ask_for_zero() {
        let x = Tensor::from_slice(&[-1.7f32, 0.0, 0.5, 3.9, 1e20, f32::NAN], [6]).unwrap();
        assert_eq!(x.to_dtype(DType::I32).unwrap().to_vec::<i32>().unwrap(), [-1, 0, 0, 3, i32::MAX, 0]);
        assert_eq!(x.to_dtype(DType::U8).unwrap().to_vec::<u8>().unwrap(), [0, 0, 0, 3, 255, 0]);
        let bools = x.to_dtype(DType::Bool).unwrap().to_vec::<bool>().unwrap();
        assert_eq!(bools, [true, false, true, true, true, true]);
    }

    #[test]
    fn large_integers_keep_their_last_digit() {
        let x = Tensor::from_slice(&[(1i64 << 53) + 1], [1]).unwrap();
        assert_eq!(x.to_dtype(DType::I64).unwrap().to_vec::<i64>().unwrap(), [(1i64 << 53) + 1]);
        assert_eq!(x.to_dtype(DType::I32).unwrap().to_vec::<i32>().unwrap(), [1]);
    }

    #[test]
    fn every_pair_of_dtypes_keeps_small_numbers() {
        let x = Tensor::from_slice(&[0i64, 1], [2]).unwrap();
        for a in DType::ALL {
            for b in DType::ALL {
                let back = x.to_dtype(a).unwrap().to_dtype(b).unwrap().to_dtype(DType::I64).unwrap();
                assert_eq!(back.to_vec::<i64>().unwrap(), [0, 1], "{a} to {b}");
            }
        }
    }
}
