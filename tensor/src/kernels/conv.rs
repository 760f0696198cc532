//! A convolution whose weight was packed before.

use std::marker::PhantomData;

use super::{Activation, Float, Images, ImagesMut};
use crate::cpu::conv::{self, Geometry, Lie};
use crate::cpu::gemm::{Finish, Output};
use crate::memory::Buffer;
use crate::ops::conv::algorithm::Algorithm;
use crate::ops::conv::{ConvOptions, geometry};
use crate::{Device, Error, Result, Shape, Tensor};

const OP: &str = "PackedConv";
const WEIGHT: &str = "a weight [O, C / groups, kernel…] with 1 to 3 spatial axes";

/// A convolution of one to three spatial axes with its weight in the order in which the loops read it:
/// `activation(conv(x) + bias + residual)`, written once.
///
/// It gives the numbers of [`Tensor::conv`](crate::Tensor::conv) up to rounding: sums may be made in another order. Which algorithm
/// runs follows from the shapes alone. See [`kernels`](crate::kernels) for an example.
pub struct PackedConv<T> {
    algorithm: Algorithm<T>,
    bias: Option<Buffer>,
    options: ConvOptions,
    weight: Shape,
    element: PhantomData<T>,
}

impl<T: Float> PackedConv<T> {
    /// Packs a weight `[O, C / groups, kernel…]` of any float type, and a bias `[O]`, without knowing what pictures will come.
    ///
    /// # Errors
    /// [`Error::Shape`] for a weight or bias of other shapes; [`Error::Argument`] for options out of their domain;
    /// [`Error::DType`] for weights that are no floats; [`Error::OutOfMemory`].
    pub fn new(weight: &Tensor, bias: Option<&Tensor>, options: &ConvOptions) -> Result<Self> {
        let shape = weight.shape();
        if !(3..=5).contains(&shape.rank()) {
            return Err(Error::shape(OP, WEIGHT, shape));
        }
        // One window.
        let mut size = [1; 3];
        let dilation = options.dilation.resolve(OP, "dilation", shape.rank() - 2, 1)?;
        for ((size, &kernel), dilation) in size[5 - shape.rank()..].iter_mut().zip(&shape[2..]).zip(dilation) {
            *size = kernel.saturating_mul(dilation);
        }
        Self::for_size(weight, bias, options, size)
    }

    /// As [`PackedConv::new`], packed for the algorithm that suits pictures of this size best. Other sizes run too.
    ///
    /// # Errors
    /// As [`PackedConv::new`] and [`PackedConv::output_size`].
    pub fn for_size(weight: &Tensor, bias: Option<&Tensor>, options: &ConvOptions, size: [usize; 3]) -> Result<Self> {
        let shape = weight.shape().clone();
        if !(3..=5).contains(&shape.rank()) {
            return Err(Error::shape(OP, WEIGHT, &shape));
        }
        weight.dtype().require_float(OP)?;
        let geometry = geometry_of(&shape, options, 1, size)?;
        let packed = weight.to_device(Device::Cpu)?.to_dtype(T::DTYPE)?.contiguous()?;
        let bias = bias.map(|bias| super::packed_bias::<T>(OP, bias, shape[0])).transpose()?;
        let algorithm = Algorithm::new(&geometry, &packed)?;
        Ok(PackedConv { algorithm, bias, options: options.clone(), weight: shape, element: PhantomData })
    }

    /// Channels of the pictures that this takes.
    pub fn inputs(&self) -> usize {
        self.weight[1] * self.options.groups
    }

    /// Channels of the pictures that this gives.
    pub fn outputs(&self) -> usize {
        self.weight[0]
    }

    /// Places of the result along depth, height and width for pictures of this size.
    ///
    /// # Errors
    /// [`Error::Shape`] if the padded picture is smaller than the kernel, or has axes that the weight does not have.
    pub fn output_size(&self, size: [usize; 3]) -> Result<[usize; 3]> {
        Ok(self.geometry(1, size)?.output)
    }

    /// Floating-point operations of a convolution by its definition: an addition and a multiplication are two.
    ///
    /// # Errors
    /// As [`PackedConv::output_size`].
    pub fn flops(&self, images: usize, size: [usize; 3]) -> Result<u64> {
        let geometry = self.geometry(images, size)?;
        let outputs = (images * geometry.windows()) as u64 * self.outputs() as u64;
        Ok(2 * outputs * geometry.depth() as u64)
    }

    /// `out = activation(conv(x) + bias + residual)`. What kernels lay out anew lies in buffers that are kept from call to call.
    ///
    /// # Errors
    /// [`Error::Shape`] for pictures of other channels or sizes than these; [`Error::Argument`] for slices that are too short;
    /// [`Error::OutOfMemory`].
    pub fn run(
        &self,
        x: Images<'_, T>,
        out: ImagesMut<'_, T>,
        residual: Option<Images<'_, T>>,
        activation: Activation,
    ) -> Result<()> {
        let geometry = self.geometry(x.images, x.size)?;
        x.require(OP, "pictures", x.images, x.size, self.inputs())?;
        out.as_images().require(OP, "a result", x.images, geometry.output, self.outputs())?;
        if let Some(residual) = &residual {
            residual.require(OP, "a residual", x.images, geometry.output, self.outputs())?;
        }
        let bias = self.bias.as_ref().map(Buffer::as_slice::<T>);
        let finish = Finish { bias, residual: residual.map(Images::places_of), activation };
        let conv::Images { image, places, .. } = conv::Images::dense(x.data, x.size, x.stride);
        let lie = Lie { offset: 0, image, channel: 1, places };
        self.algorithm.run(&geometry, (x.data, lie), &Output::new(out.data, out.stride, finish))
    }

    fn geometry(&self, images: usize, size: [usize; 3]) -> Result<Geometry> {
        geometry_of(&self.weight, &self.options, images, size)
    }
}

/// The sizes of a convolution of so many pictures.
fn geometry_of(weight: &Shape, options: &ConvOptions, images: usize, size: [usize; 3]) -> Result<Geometry> {
    let axes = weight.rank() - 2;
    let (missing, there) = size.split_at(3 - axes);
    if missing.iter().any(|&size| size != 1) {
        let expected = format!("pictures with one place along the axes that weight {weight} does not have");
        return Err(Error::shape(OP, expected, &Shape::from(size)));
    }
    let mut sizes = [images, weight[1].saturating_mul(options.groups), 0, 0, 0];
    sizes[2..2 + axes].copy_from_slice(there);
    let input = Shape::from(&sizes[..2 + axes]);
    let (output, resolved) = options.check(OP, &input, weight)?;
    Ok(geometry(&input, weight, &output, options, &resolved))
}

impl<T: Float> std::fmt::Debug for PackedConv<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct(OP)
            .field("weight", &self.weight)
            .field("bias", &self.bias.is_some())
            .field("options", &self.options)
            .field("algorithm", &self.algorithm.name())
            .finish()
    }
}
