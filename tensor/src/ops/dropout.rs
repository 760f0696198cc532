//! Dropout.

use crate::cpu::{dropout, elementwise};
use crate::dtype::with_float;
use crate::{Error, Generator, Result, Tensor, wgpu};

impl Tensor {
    /// The tensor with each element set to 0 with probability `rate` and the others divided by `1 − rate`: which ones follows from the
    /// generator alone, as with [`Tensor::bernoulli`] of `1 − rate`, however the tensor lies in memory.
    ///
    /// # Errors
    /// [`Error::Argument`] unless `rate` is in `0..=1`, [`Error::DType`] unless the dtype is a float type.
    pub fn dropout(&self, rate: f64, generator: &mut Generator) -> Result<Tensor> {
        const OP: &str = "dropout";
        self.dtype().require_float(OP)?;
        if !(0.0..=1.0).contains(&rate) {
            return Err(Error::argument(OP, format!("expected a rate in 0..=1, received {rate}")));
        }
        let (scale, limit) = (1.0 / (1.0 - rate), Generator::limit(1.0 - rate));
        if self.is_on_wgpu() {
            return wgpu::random::dropout(self, generator, limit, scale);
        }
        self.widened(|x| {
            if x.is_contiguous() {
                let stream = generator.words(x.numel());
                return with_float!(x.dtype(), T => Tensor::build::<T>(x.shape(), |out| {
                    let x = x.view::<T>().as_contiguous().unwrap_or_default();
                    dropout::forward(x, out, stream, limit, scale as T);
                    Ok(())
                }));
            }
            let kept = Tensor::bernoulli(1.0 - rate, x.shape(), generator)?;
            with_float!(x.dtype(), T => {
                let scaled = |x: T, kept: bool| if kept { x * scale as T } else { x * 0.0 };
                let (buffer, layout) = elementwise::zip(x.view::<T>(), kept.view::<bool>(), x.shape(), scaled)?;
                Ok(Tensor::from_buffer(buffer, layout, x.dtype()))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{DType, Generator, Tensor};

    #[test]
    fn the_elements_that_bernoulli_keeps_in_either_memory_order() {
        for rate in [0.0, 0.3, 0.5, 1.0] {
            for count in [0, 1, 3, 63, 64, 65, 1000, 40_000] {
                let x = Tensor::randn([count, 3], DType::F64, &mut Generator::new(2)).unwrap();
                let kept = Tensor::bernoulli(1.0 - rate, x.shape(), &mut Generator::new(9)).unwrap();
                let scale = if rate < 1.0 { 1.0 / (1.0 - rate) } else { 0.0 };
                let expected = x.mul(&kept.to_dtype(DType::F64).unwrap().mul(scale).unwrap()).unwrap();
                let mut generator = Generator::new(9);
                let y = x.dropout(rate, &mut generator).unwrap();
                assert!(y.allclose(&expected, 1e-15, 0.0).unwrap(), "{rate} {count}");
                let mut other = Generator::new(9);
                let columns = x.t().unwrap().reshape([3 * count]).unwrap().reshape([3, count]).unwrap().t().unwrap();
                let y = columns.dropout(rate, &mut other).unwrap();
                assert!(y.allclose(&expected, 1e-15, 0.0).unwrap(), "{rate} {count}");
                assert_eq!(generator, other);
            }
        }
        let error = Tensor::zeros([2], DType::F32).unwrap().dropout(-0.5, &mut Generator::new(1)).unwrap_err();
        assert_eq!(error.to_string(), "dropout: expected a rate in 0..=1, received -0.5");
    }
}
