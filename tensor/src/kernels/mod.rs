//! Prepared kernels for whoever runs a network without building tensors: weights are packed once, pictures are slices.
//!
//! [`PackedConv`] and [`PackedLinear`] keep a layer's weights in the order in which the loops read them. They take [`Images`],
//! slices of channels-last memory, write to [`ImagesMut`], and add bias, residual and [`Activation`] in the same pass. Where
//! branches are concatenated each writes into its channels of one buffer: `stride` says how far places lie apart.
//!
//! ```
//! use ocelli_tensor::kernels::{Activation, Images, ImagesMut, PackedConv};
//! use ocelli_tensor::{ConvOptions, DType, Tensor};
//!
//! # fn main() -> ocelli_tensor::Result<()> {
//! let weight = Tensor::ones([4, 3, 3, 3], DType::F32)?;
//! let conv = PackedConv::<f32>::new(&weight, None, &ConvOptions::new().padding(1))?;
//!
//! let pictures = vec![1.0; 2 * 8 * 8 * 3];
//! let x = Images { data: &pictures, images: 2, size: [1, 8, 8], channels: 3, stride: 3 };
//! let size = conv.output_size(x.size)?;
//! let mut y = vec![0.0; 2 * 8 * 8 * 4];
//! let out = ImagesMut { data: &mut y, images: 2, size, channels: 4, stride: 4 };
//! conv.run(x, out, None, Activation::Relu)?;
//! assert_eq!((y[0], y[4 * 9]), (12.0, 27.0));
//! # Ok(())
//! # }
//! ```

mod activation;
mod conv;
mod images;
mod linear;
#[cfg(test)]
mod tests;
mod vectorized;

pub use crate::cpu::gemm::Activation;
pub use activation::activate;
pub use conv::PackedConv;
pub use images::{Images, ImagesMut};
pub use linear::PackedLinear;
pub use vectorized::{Loop, vectorized};

use crate::cpu::parallel::SharedMut;
use crate::cpu::threads;
use crate::memory::Buffer;
use crate::{Device, Element, Error, Result, Shape, Tensor};

/// The numbers of prepared kernels: `f32` and `f64`.
// What the loops need of them is the crate's own, so nobody else can add one.
#[allow(private_bounds)]
pub trait Float: crate::cpu::math::Float {}

impl Float for f32 {}
impl Float for f64 {}

/// Calls `f(number, piece)` for consecutive pieces of `out`, on all threads and in any order; the last one may be shorter.
/// Nothing is allocated. What panics in `f` panics here.
///
/// ```
/// use ocelli_tensor::kernels::over_pieces;
///
/// let mut squares = [0; 10];
/// over_pieces(&mut squares, 3, &|number, piece| {
///     for (i, square) in piece.iter_mut().enumerate() {
///         *square = (3 * number + i).pow(2);
///     }
/// });
/// assert_eq!(squares[9], 81);
/// ```
pub fn over_pieces<T: Send>(out: &mut [T], piece: usize, f: &(dyn Fn(usize, &mut [T]) + Sync)) {
    let piece = piece.max(1);
    let (len, shared) = (out.len(), SharedMut::new(out));
    threads::each(len.div_ceil(piece), &|i| {
        // SAFETY: the pieces are disjoint parts of `out`, which is borrowed until all calls have returned.
        f(i, unsafe { shared.slice(i * piece..((i + 1) * piece).min(len)) });
    });
}

/// A new row-major tensor on the CPU that `fill` writes, with no copy: for loops outside of this crate. What `fill` is given holds
/// arbitrary numbers.
///
/// ```
/// use ocelli_tensor::kernels::build;
///
/// # fn main() -> ocelli_tensor::Result<()> {
/// let squares = build([2, 3], |out: &mut [f32]| {
///     out.iter_mut().enumerate().for_each(|(i, square)| *square = (i * i) as f32);
/// })?;
/// assert_eq!(squares.to_vec::<f32>()?, [0.0, 1.0, 4.0, 9.0, 16.0, 25.0]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::TooLarge`], [`Error::OutOfMemory`].
pub fn build<T: Element>(shape: impl Into<Shape>, fill: impl FnOnce(&mut [T])) -> Result<Tensor> {
    Tensor::build(shape, |out| {
        fill(out);
        Ok(())
    })
}

/// A bias as the loops read it.
fn packed_bias<T: Float>(op: &'static str, bias: &Tensor, outputs: usize) -> Result<Buffer> {
    if bias.shape()[..] != [outputs] {
        return Err(Error::shape(op, format!("a bias of shape [{outputs}]"), bias.shape()));
    }
    bias.dtype().require_float(op)?;
    let bias = bias.to_device(Device::Cpu)?.to_dtype(T::DTYPE)?.contiguous()?;
    let mut packed = Buffer::for_output::<T>(outputs)?;
    packed.as_mut_slice::<T>().copy_from_slice(bias.as_slice::<T>().unwrap_or_default());
    Ok(packed)
}
