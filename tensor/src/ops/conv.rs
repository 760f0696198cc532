//! Convolution and transposed convolution in 1 to 3 dimensions.
//!
//! As in every deep-learning framework this is the cross-correlation: the kernel is not flipped.

mod options;
mod padding;

use smallvec::SmallVec;

pub use options::ConvOptions;
use options::Resolved;
pub use padding::{Padding, PerAxis};

use crate::cpu::conv::forward::Written;
use crate::cpu::conv::pointwise::Planes;
use crate::cpu::conv::{self, Geometry, Images};
use crate::cpu::gemm::Activation;
use crate::dtype::with_float;
use crate::layout::Layout;
use crate::memory::Buffer;
use crate::{Error, Result, Shape, Tensor};

impl Tensor {
    /// The convolution of images `[N, C, spatial…]` with one to three spatial axes and a weight `[O, C / groups, kernel…]`:
    ///
    /// `y[n, o, p] = bias[o] + Σ x[n, c, p · stride + t · dilation - padding] · weight[o, c, t]` over the channels `c` of `o`'s
    /// group and the places `t` of the kernel. See [`ConvOptions::output_shape`] for the size of the result.
    ///
    /// ```
    /// use ocelli_tensor::{ConvOptions, DType, Padding, Tensor};
    ///
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let x = Tensor::ones([1, 1, 3, 3], DType::F32)?;
    /// let weight = Tensor::ones([1, 1, 2, 2], DType::F32)?;
    /// let y = x.conv(&weight, None, &ConvOptions::new().padding(Padding::Same))?;
    /// assert_eq!(y.to_vec::<f32>()?, [4.0, 4.0, 2.0, 4.0, 4.0, 2.0, 2.0, 2.0, 1.0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] for ranks other than these, channels that do not fit the weight and groups, a kernel larger than the
    /// padded input, or a bias that is not `[O]`; [`Error::Argument`] for options out of their domain; [`Error::DType`]
    /// unless all are of one float type; [`Error::Device`].
    pub fn conv(&self, weight: &Tensor, bias: Option<&Tensor>, options: &ConvOptions) -> Result<Tensor> {
        const OP: &str = "conv";
        let (shape, resolved) = options.check(OP, self.shape(), weight.shape())?;
        require_alike(OP, self, weight)?;
        if let Some(bias) = bias {
            require_alike(OP, self, bias)?;
            require_bias(OP, bias, weight.shape()[0])?;
        }
        let geometry = geometry(self.shape(), weight.shape(), &shape, options, &resolved);
        let wide = self.dtype().wide();
        let (x, weight) = (self.to_dtype(wide)?, weight.to_dtype(wide)?.contiguous()?);
        let bias = bias.map(|b| b.to_dtype(wide)?.contiguous()).transpose()?;
        let y = with_float!(wide, T => {
            let (weight, bias) = (elements::<T>(&weight), bias.as_ref().map(elements::<T>));
            if geometry.is_depthwise() {
                let x = x.contiguous()?;
                Tensor::build::<T>(shape, |out| {
                    conv::depthwise::forward(&geometry, elements(&x), weight, bias, out);
                    Ok(())
                })
            } else if let Some(x) = planes::<T>(&geometry, &x) {
                Tensor::build::<T>(shape, |out| conv::pointwise::forward(&geometry, x, weight, bias, out))
            } else {
                let x = channels_last(&x)?;
                let packed = conv::forward::pack(&geometry, weight)?;
                let zeros = Buffer::zeroed::<T>(geometry.channels)?;
                let stride = geometry.groups * geometry.filters;
                build_channels_last::<T>(&shape, |out| {
                    let written = Written { out, stride, bias, residual: None, activation: Activation::Identity };
                    conv::forward::forward(&geometry, images::<T>(&x), &packed, zeros.as_slice::<T>(), written);
                    Ok(())
                })
            }
        })?;
        y.to_dtype(self.dtype())
    }

    /// The transposed convolution of `[N, C, spatial…]` and a weight `[C, O / groups, kernel…]`: every input place adds its
    /// multiple of the kernel to the result, at `p · stride + t · dilation - padding`. It is the gradient of a convolution from
    /// the result's shape to the input's. See [`ConvOptions::transposed_shape`] for the size of the result.
    ///
    /// `output_padding` makes the result longer at its end (less than a stride), as several sizes lead to the same input.
    ///
    /// # Errors
    /// [`Error::Shape`] for ranks or channels that do not fit, a result without places, or a bias that is not `[O]`;
    /// [`Error::Argument`] for options out of their domain; [`Error::DType`] unless all are of one float type;
    /// [`Error::Device`].
    pub fn conv_transpose(
        &self,
        weight: &Tensor,
        bias: Option<&Tensor>,
        options: &ConvOptions,
        output_padding: impl Into<PerAxis>,
    ) -> Result<Tensor> {
        const OP: &str = "conv_transpose";
        let (shape, back) = options.transposed_shape(self.shape(), weight.shape(), &output_padding.into())?;
        require_alike(OP, self, weight)?;
        if let Some(bias) = bias {
            require_alike(OP, self, bias)?;
            require_bias(OP, bias, shape[1])?;
        }
        let y = conv_input_gradient(OP, weight, self, &shape, &back)?;
        match bias {
            None => Ok(y),
            Some(bias) => {
                let mut sizes: SmallVec<[usize; 5]> = SmallVec::from_elem(1, shape.rank());
                sizes[1] = shape[1];
                y.add(&bias.reshape(&sizes[..])?)
            }
        }
    }

    /// The gradient of [`Tensor::conv`] with respect to its input of `input_shape`, `dy` being that of its result.
    ///
    /// # Errors
    /// [`Error::Shape`] if `dy` is not of the shape that the convolution gives; otherwise as [`Tensor::conv`].
    pub fn conv_backward_input(
        weight: &Tensor,
        dy: &Tensor,
        input_shape: &Shape,
        options: &ConvOptions,
    ) -> Result<Tensor> {
        const OP: &str = "conv_backward_input";
        require_alike(OP, dy, weight)?;
        conv_input_gradient(OP, weight, dy, input_shape, options)
    }

    /// The gradient of [`Tensor::conv`] with respect to its weight of `weight_shape`, `x` being its input and `dy` the gradient
    /// of its result. Images are summed in an order that follows from the shapes alone.
    ///
    /// # Errors
    /// [`Error::Shape`] if `dy` is not of the shape that the convolution gives; otherwise as [`Tensor::conv`].
    pub fn conv_backward_weight(
        x: &Tensor,
        dy: &Tensor,
        weight_shape: &Shape,
        options: &ConvOptions,
    ) -> Result<Tensor> {
        const OP: &str = "conv_backward_weight";
        require_alike(OP, x, dy)?;
        let (shape, resolved) = options.check(OP, x.shape(), weight_shape)?;
        require_result(OP, dy, &shape)?;
        let geometry = geometry(x.shape(), weight_shape, &shape, options, &resolved);
        let (dtype, wide) = (x.dtype(), x.dtype().wide());
        let (x, dy) = (x.to_dtype(wide)?, dy.to_dtype(wide)?);
        let dw = with_float!(wide, T => {
            let empty = dy.numel() == 0;
            if geometry.is_depthwise() {
                let (x, dy) = (x.contiguous()?, dy.contiguous()?);
                Tensor::build::<T>(weight_shape.clone(), |out| {
                    if empty {
                        out.fill(0.0);
                    } else {
                        conv::depthwise::weight(&geometry, elements(&x), elements(&dy), out);
                    }
                    Ok(())
                })
            } else if let (Some(x), Some(dy)) = (planes::<T>(&geometry, &x), planes::<T>(&geometry, &dy)) {
                Tensor::build::<T>(weight_shape.clone(), |out| conv::pointwise::weight(&geometry, x, dy, out))
            } else {
                let (x, dy) = (channels_last(&x)?, channels_last(&dy)?);
                Tensor::build::<T>(weight_shape.clone(), |out| {
                    if empty || out.is_empty() {
                        out.fill(0.0);
                        return Ok(());
                    }
                    conv::backward_weight::weight(&geometry, images::<T>(&x), images::<T>(&dy), out)
                })
            }
        })?;
        dw.to_dtype(dtype)
    }
}

fn conv_input_gradient(
    op: &'static str,
    weight: &Tensor,
    dy: &Tensor,
    input_shape: &Shape,
    options: &ConvOptions,
) -> Result<Tensor> {
    let (shape, resolved) = options.check(op, input_shape, weight.shape())?;
    require_result(op, dy, &shape)?;
    let geometry = geometry(input_shape, weight.shape(), &shape, options, &resolved);
    let (dtype, wide) = (dy.dtype(), dy.dtype().wide());
    let weight = weight.to_dtype(wide)?.contiguous()?;
    let dy = dy.to_dtype(wide)?;
    let empty = dy.numel() == 0;
    let dx = with_float!(wide, T => {
        let weight = elements::<T>(&weight);
        if geometry.is_depthwise() {
            let dy = dy.contiguous()?;
            Tensor::build::<T>(input_shape.clone(), |out| {
                if empty {
                    out.fill(0.0);
                } else {
                    conv::depthwise::input(&geometry, weight, elements::<T>(&dy), out);
                }
                Ok(())
            })
        } else if let Some(dy) = planes::<T>(&geometry, &dy) {
            Tensor::build::<T>(input_shape.clone(), |out| conv::pointwise::input(&geometry, weight, dy, out))
        } else {
            let dy = channels_last(&dy)?;
            build_channels_last::<T>(input_shape, |out| {
                if empty {
                    out.fill(0.0);
                    return Ok(());
                }
                conv::backward_input::input(&geometry, weight, images::<T>(&dy), out)
            })
        }
    })?;
    dx.to_dtype(dtype)
}

/// The elements of a row-major tensor.
fn elements<T: crate::Element>(x: &Tensor) -> &[T] {
    x.view::<T>().as_contiguous().unwrap_or_default()
}

fn require_alike(op: &'static str, x: &Tensor, other: &Tensor) -> Result<()> {
    x.require_same_device(op, other)?;
    x.dtype().require_float(op)?;
    x.require_same_dtype(op, other)
}

fn require_bias(op: &'static str, bias: &Tensor, channels: usize) -> Result<()> {
    if bias.shape()[..] == [channels] {
        return Ok(());
    }
    Err(Error::shape(op, format!("a bias of shape [{channels}]"), bias.shape()))
}

fn require_result(op: &'static str, dy: &Tensor, shape: &Shape) -> Result<()> {
    if dy.shape() == shape {
        return Ok(());
    }
    Err(Error::shape(op, format!("a gradient of the result's shape {shape}"), dy.shape()))
}

/// The last three of an array's axes, the missing ones being `fill`.
fn three<T: Copy>(values: &[T], fill: T) -> [T; 3] {
    let mut three = [fill; 3];
    three[3 - values.len()..].copy_from_slice(values);
    three
}

fn geometry(input: &Shape, weight: &Shape, output: &Shape, options: &ConvOptions, resolved: &Resolved) -> Geometry {
    let before: SmallVec<[isize; 3]> = resolved.padding.iter().map(|pair| pair.0 as isize).collect();
    Geometry {
        images: input[0],
        channels: weight[1],
        filters: weight[0] / options.groups,
        groups: options.groups,
        input: three(&input[2..], 1),
        output: three(&output[2..], 1),
        kernel: three(&weight[2..], 1),
        stride: three(&resolved.stride, 1),
        dilation: three(&resolved.dilation, 1),
        before: three(&before, 0),
    }
}

/// The images of a 1×1 convolution, if they lie in planes and not channels-last.
fn planes<'a, T: crate::Element>(geometry: &Geometry, x: &'a Tensor) -> Option<Planes<'a, T>> {
    let layout = x.layout();
    if !geometry.is_pointwise() || channels_are_neighbours(x) {
        return None;
    }
    let mut step = 1;
    for (&size, &stride) in layout.shape[2..].iter().zip(&layout.strides[2..]).rev() {
        if size != 1 && stride != step {
            return None;
        }
        step *= size as isize;
    }
    let (image, channel) = (layout.strides[0], layout.strides[1]);
    Some(Planes { data: x.view::<T>().data, offset: layout.offset, image, channel })
}

fn channels_are_neighbours(x: &Tensor) -> bool {
    x.shape()[1] == 1 || x.layout().strides[1] == 1
}

/// The images with their channels as neighbours in memory: as they are, or a copy.
fn channels_last(x: &Tensor) -> Result<Tensor> {
    if channels_are_neighbours(x) {
        return Ok(x.clone());
    }
    x.to_channels_last()
}

/// A new tensor of this logical shape, channels-last in memory, that `fill` writes.
fn build_channels_last<T: crate::Element>(shape: &Shape, fill: impl FnOnce(&mut [T]) -> Result<()>) -> Result<Tensor> {
    shape.check_size("conv", T::DTYPE)?;
    let mut buffer = Buffer::for_output::<T>(shape.numel())?;
    fill(buffer.as_mut_slice::<T>())?;
    Ok(Tensor::from_buffer(buffer, Layout::channels_last(shape.clone()), T::DTYPE))
}

/// A batch of images whose channels are neighbours.
fn images<T: crate::Element>(x: &Tensor) -> Images<'_, T> {
    let layout = x.layout();
    let places = three(&layout.strides[2..], 0);
    Images { data: x.view::<T>().data, offset: layout.offset, image: layout.strides[0], places }
}
