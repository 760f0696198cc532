//! A linear layer whose weight was packed before.

use super::{Activation, Float, Images, ImagesMut};
use crate::cpu::gemm::{EvenRows, Finish, Output, Packed, product};
use crate::cpu::simd::{Level, level};
use crate::memory::Buffer;
use crate::{Device, Error, Result, Tensor};

const OP: &str = "PackedLinear";

/// A product with a matrix along the channels of every place, `activation(x · Wᵀ + bias + residual)`, with the matrix in the order
/// in which the loops read it. A single row reads it once, at the speed of memory; many rows share what is in the cache.
///
/// ```
/// use ocelli_tensor::kernels::{Activation, Images, ImagesMut, PackedLinear};
/// use ocelli_tensor::Tensor;
///
/// # fn main() -> ocelli_tensor::Result<()> {
/// let (weight, bias) = (Tensor::new([[1.0f32, 2.0], [3.0, 4.0], [5.0, 6.0]])?, Tensor::new([0.5f32, 0.5, -99.0])?);
/// let linear = PackedLinear::<f32>::new(&weight, Some(&bias))?;
/// let mut y = [0.0; 3];
/// let x = Images { data: &[1.0, 10.0], images: 1, size: [1; 3], channels: 2, stride: 2 };
/// let out = ImagesMut { data: &mut y, images: 1, size: [1; 3], channels: 3, stride: 3 };
/// linear.run(x, out, None, Activation::Relu)?;
/// assert_eq!(y, [21.5, 43.5, 0.0]);
/// # Ok(())
/// # }
/// ```
pub struct PackedLinear<T> {
    packed: Packed<T>,
    bias: Option<Buffer>,
    inputs: usize,
    outputs: usize,
}

impl<T: Float> PackedLinear<T> {
    /// Packs a weight `[outputs, inputs]` of any float type, and a bias `[outputs]`.
    ///
    /// # Errors
    /// [`Error::Shape`] for a weight or bias of other shapes; [`Error::DType`] for weights that are no floats;
    /// [`Error::OutOfMemory`].
    pub fn new(weight: &Tensor, bias: Option<&Tensor>) -> Result<Self> {
        Self::at(level(), weight, bias)
    }

    pub(super) fn at(level: Level, weight: &Tensor, bias: Option<&Tensor>) -> Result<Self> {
        let &[outputs, inputs] = &weight.shape()[..] else {
            return Err(Error::shape(OP, "a weight [outputs, inputs]", weight.shape()));
        };
        weight.dtype().require_float(OP)?;
        let weight = weight.to_device(Device::Cpu)?.to_dtype(T::DTYPE)?.contiguous()?;
        let bias = bias.map(|bias| super::packed_bias::<T>(OP, bias, outputs)).transpose()?;
        let elements = weight.as_slice::<T>().unwrap_or_default();
        let packed = Packed::transposed(level, inputs, outputs, elements)?;
        Ok(PackedLinear { packed, bias, inputs, outputs })
    }

    /// Numbers of a row that this takes.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Numbers of a row that this gives.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// `out = activation(x · Wᵀ + bias + residual)`: each place is a row. Nothing is allocated.
    ///
    /// # Errors
    /// [`Error::Shape`] for rows of other lengths or numbers than these; [`Error::Argument`] for slices that are too short.
    pub fn run(
        &self,
        x: Images<'_, T>,
        out: ImagesMut<'_, T>,
        residual: Option<Images<'_, T>>,
        activation: Activation,
    ) -> Result<()> {
        x.require(OP, "rows", x.images, x.size, self.inputs)?;
        out.as_images().require(OP, "a result", x.images, x.size, self.outputs)?;
        if let Some(residual) = &residual {
            residual.require(OP, "a residual", x.images, x.size, self.outputs)?;
        }
        let bias = self.bias.as_ref().map(Buffer::as_slice::<T>);
        let output =
            Output::new(out.data, out.stride, Finish { bias, residual: residual.map(Images::places_of), activation });
        // SAFETY: `out` is borrowed for the whole call; every row has as many numbers as the product is deep, as was checked.
        unsafe {
            product(x.places(), &EvenRows { data: x.data, stride: x.stride, depth: self.inputs }, &self.packed, &output)
        };
        Ok(())
    }
}

impl<T: Float> std::fmt::Debug for PackedLinear<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let PackedLinear { inputs, outputs, bias, .. } = self;
        write!(f, "{OP} {{ inputs: {inputs}, outputs: {outputs}, bias: {} }}", bias.is_some())
    }
}
