//! Convolution and transposed convolution in 1 to 3 dimensions.
//!
//! As in every deep-learning framework this is the cross-correlation: the kernel is not flipped.

pub(crate) mod algorithm;
mod lying;
mod options;
mod padding;

use algorithm::{Algorithm, Last, by_taps, taps_first};
use lying::{as_places, build_channels_last, channels_last, elements, images, in_places, lie, places, planes, three};
use smallvec::SmallVec;

pub use options::ConvOptions;
use options::Resolved;
pub use padding::{Padding, PerAxis};

use crate::cpu::conv::winograd::{self, Tiles};
use crate::cpu::conv::{self, Geometry};
use crate::cpu::gemm::{Activation, Finish, Output};
use crate::cpu::parallel::over_chunks;
use crate::dtype::with_float;
use crate::kernels::activate;
use crate::layout::Layout;
use crate::ops::on_cpu::{on_cpu, or_on_cpu};
use crate::{Device, Error, Result, Shape, Tensor, wgpu};

impl Tensor {
    /// The convolution of images `[N, C, spatial…]` with one to three spatial axes and a weight `[O, C / groups, kernel…]`:
    ///
    /// `y[n, o, p] = bias[o] + Σ x[n, c, p · stride + t · dilation - padding] · weight[o, c, t]` over the channels `c` of `o`'s
    /// group and the places `t` of the kernel. See [`ConvOptions::output_shape`] for the size of the result.
    ///
    /// Graphics processors count places with 32 bits: a convolution whose padded input, padding or dilated kernel is 2²⁹ or longer along
    /// an axis runs on the CPU, the tensors going there and back. So do its gradients and transposed convolutions.
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
        self.conv_fused(weight, bias, None, options, Activation::Identity)
    }

    /// `activation(conv + residual)`: a [`Tensor::conv`] whose results get the sum with a tensor of their shape, and an activation, before
    /// they leave the cache. Sizes of 2²⁹ and more are left to the CPU as there.
    ///
    /// # Errors
    /// [`Error::Shape`] if the residual is not of the result's shape; otherwise as [`Tensor::conv`].
    pub fn conv_fused(
        &self,
        weight: &Tensor,
        bias: Option<&Tensor>,
        residual: Option<&Tensor>,
        options: &ConvOptions,
        activation: Activation,
    ) -> Result<Tensor> {
        const OP: &str = "conv";
        let (shape, resolved) = options.check(OP, self.shape(), weight.shape())?;
        require_alike(OP, self, weight)?;
        if let Some(bias) = bias {
            require_alike(OP, self, bias)?;
            require_bias(OP, bias, weight.shape()[0])?;
        }
        if let Some(residual) = residual {
            require_alike(OP, self, residual)?;
            require_result(OP, "residual", residual, &shape)?;
        }
        if shape.numel() == 0 || weight.numel() == 0 {
            let y = with_bias(Tensor::full_on(self.device(), shape, 0, self.dtype())?, bias)?;
            let y = if let Some(residual) = residual { y.add(residual)? } else { y };
            return y.activate(activation);
        }
        let geometry = geometry(self.shape(), weight.shape(), &shape, options, &resolved);
        if self.is_on_wgpu() {
            let here = |[x, weight]: [&Tensor; 2]| {
                let moved = |x: Option<&Tensor>| x.map(|x| x.to_device(Device::Cpu)).transpose();
                let (bias, residual) = (moved(bias)?, moved(residual)?);
                x.conv_fused(weight, bias.as_ref(), residual.as_ref(), options, activation)
            };
            if !wgpu::conv::serves(&geometry) {
                return on_cpu(OP, [self, weight], here);
            }
            let there = || {
                let (bias, weight) = (bias.map(Tensor::contiguous).transpose()?, weight.contiguous()?);
                let parts = wgpu::windows::over_parts(self.shape()[0], |first, count| {
                    let (part, shape) = (self.narrow(0, first, count)?, of_images(&shape, count));
                    let residual = residual.map(|x| x.narrow(0, first, count)).transpose()?;
                    let epilogue =
                        wgpu::conv::Epilogue { bias: bias.as_ref(), residual: residual.as_ref(), activation };
                    let geometry = Geometry { images: count, ..geometry };
                    wgpu::conv::forward(&geometry, &shape, &part, &weight, epilogue)
                })?;
                Tensor::concat(&parts, 0)
            };
            return or_on_cpu(OP, [self, weight], there, here);
        }
        let wide = self.dtype().wide();
        let (x, weight) = (self.to_dtype(wide)?, weight.to_dtype(wide)?.contiguous()?);
        let bias = bias.map(|b| b.to_dtype(wide)?.contiguous()).transpose()?;
        let residual = residual.map(|r| r.to_dtype(wide)).transpose()?;
        let y = with_float!(wide, T => {
            let bias = bias.as_ref().map(elements::<T>);
            // Behind kernels of row-major images, which have no epilogue for it.
            let finish = |out: &mut [T]| -> Result<()> {
                let residual = residual.as_ref().map(Tensor::contiguous).transpose()?;
                let residual = residual.as_ref().map(elements::<T>);
                over_chunks(out, 1, 4, |start, piece| {
                    for (out, &residual) in piece.iter_mut().zip(residual.unwrap_or_default().get(start..).unwrap_or_default()) {
                        *out += residual;
                    }
                    activate(activation, piece);
                });
                Ok(())
            };
            if geometry.is_depthwise() && as_places::<T>(&x).is_none() && conv::depthwise::serves_rows(&geometry) {
                let x = x.contiguous()?;
                Tensor::build::<T>(shape, |out| {
                    conv::depthwise::forward(&geometry, elements(&x), elements(&weight), bias, out)?;
                    finish(out)
                })
            } else if let Some(x) = planes::<T>(&geometry, &x) {
                Tensor::build::<T>(shape, |out| {
                    conv::pointwise::forward(&geometry, x, elements(&weight), bias, out)?;
                    finish(out)
                })
            } else {
                let x = if geometry.is_depthwise() {
                    in_places::<T>(x)?
                } else if conv::direct::serves(&geometry) {
                    x
                } else {
                    channels_last(&x)?
                };
                let algorithm = Algorithm::<T>::new(&geometry, &weight)?;
                let residual = residual.map(in_places::<T>).transpose()?;
                let residual = residual.as_ref().map(places::<T>);
                let finish = Finish { bias, residual, activation };
                build_channels_last::<T>(&shape, |out| {
                    let out = Output::new(out, geometry.groups * geometry.filters, finish);
                    algorithm.run(&geometry, (x.view::<T>().data, lie(&x)), &out)
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
    /// With options of 2²⁹ and more it runs on the CPU, wherever its tensors are (see [`Tensor::conv`]).
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
        with_bias(y, bias)
    }

    /// The gradient of [`Tensor::conv`] with respect to its input of `input_shape`, `dy` being that of its result. Where that runs on the
    /// CPU for its size, wherever its tensors are, so does this.
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
    /// of its result. Images are summed in an order that follows from the shapes alone. Where [`Tensor::conv`] runs on the CPU for its
    /// size, wherever its tensors are, so does this.
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
        require_result(OP, "gradient", dy, &shape)?;
        weight_shape.check_size(OP, x.dtype())?;
        let (dtype, wide) = (x.dtype(), x.dtype().wide());
        if weight_shape.numel() == 0 || dy.numel() == 0 {
            return Tensor::full_on(dy.device(), weight_shape.clone(), 0, dtype);
        }
        let geometry = geometry(x.shape(), weight_shape, &shape, options, &resolved);
        if x.is_on_wgpu() {
            let here = |[x, dy]: [&Tensor; 2]| Tensor::conv_backward_weight(x, dy, weight_shape, options);
            if !wgpu::conv::serves(&geometry) {
                return on_cpu(OP, [x, dy], here);
            }
            let there = || {
                // Long sums need the digits.
                let (x, dy) = (x.to_dtype(wide)?, dy.to_dtype(wide)?);
                let parts = wgpu::windows::over_parts(geometry.images, |first, count| {
                    let geometry = Geometry { images: count, ..geometry };
                    let (x, dy) = (x.narrow(0, first, count)?, dy.narrow(0, first, count)?);
                    wgpu::conv::weight(&geometry, weight_shape, &x, &dy)
                })?;
                wgpu::windows::total(parts.iter())?.to_dtype(dtype)
            };
            return or_on_cpu(OP, [x, dy], there, here);
        }
        let (x, dy) = (x.to_dtype(wide)?, dy.to_dtype(wide)?);
        let dw = with_float!(wide, T => {
            if geometry.is_depthwise() {
                let are_places = as_places::<T>(&x).is_some() && as_places::<T>(&dy).is_some();
                if !are_places && conv::depthwise::serves_rows(&geometry) {
                    let (x, dy) = (x.contiguous()?, dy.contiguous()?);
                    Tensor::build::<T>(weight_shape.clone(), |out| {
                        conv::depthwise::weight(&geometry, elements(&x), elements(&dy), out)
                    })
                } else {
                    let (x, dy) = (in_places::<T>(x)?, in_places::<T>(dy)?);
                    let (x, dy) = (places::<T>(&x), places::<T>(&dy));
                    Tensor::build::<T>(weight_shape.clone(), |out| {
                        conv::depthwise::weight_channels_last(&geometry, x, dy, out)
                    })
                }
            } else if conv::direct::serves(&geometry) {
                let (x, lie) = (x.view::<T>().data, lie(&x));
                let dy = in_places::<T>(dy)?;
                let dy = places::<T>(&dy);
                Tensor::build::<T>(weight_shape.clone(), |out| conv::direct::weight(&geometry, (x, lie), dy, out))
            } else if let (Some(x), Some(dy)) = (planes::<T>(&geometry, &x), planes::<T>(&geometry, &dy)) {
                Tensor::build::<T>(weight_shape.clone(), |out| conv::pointwise::weight(&geometry, x, dy, out))
            } else {
                let (x, dy) = (channels_last(&x)?, channels_last(&dy)?);
                let (x, dy) = (images::<T>(&x), images::<T>(&dy));
                let (sums, filters) = match Tiles::suit::<T>(&geometry) {
                    Some(tiles) => winograd::weight(tiles, &geometry, x, dy)?,
                    None => conv::backward_weight::weight(&geometry, x, dy)?,
                };
                let sizes = [geometry.groups, geometry.taps(), geometry.channels, filters];
                let sums = Tensor::from_buffer(sums, Layout::contiguous(Shape::from(sizes)), wide);
                let sums = sums.narrow(3, 0, geometry.filters)?.permute([0, 3, 2, 1])?;
                sums.contiguous()?.reshape(weight_shape)
            }
        })?;
        dw.to_dtype(dtype)
    }
}

/// The shape of so many images.
fn of_images(shape: &Shape, count: usize) -> Shape {
    let mut shape = shape.clone();
    shape[0] = count;
    shape
}

fn conv_input_gradient(
    op: &'static str,
    weight: &Tensor,
    dy: &Tensor,
    input_shape: &Shape,
    options: &ConvOptions,
) -> Result<Tensor> {
    let (shape, resolved) = options.check(op, input_shape, weight.shape())?;
    require_result(op, "gradient", dy, &shape)?;
    let (dtype, wide) = (dy.dtype(), dy.dtype().wide());
    if input_shape.numel() == 0 || dy.numel() == 0 {
        return Tensor::full_on(dy.device(), input_shape.clone(), 0, dtype);
    }
    let geometry = geometry(input_shape, weight.shape(), &shape, options, &resolved);
    if dy.is_on_wgpu() {
        let here = |[weight, dy]: [&Tensor; 2]| conv_input_gradient(op, weight, dy, input_shape, options);
        if !wgpu::conv::serves(&geometry) {
            return on_cpu(op, [weight, dy], here);
        }
        let there = || {
            let weight = weight.contiguous()?;
            let parts = wgpu::windows::over_parts(geometry.images, |first, count| {
                let geometry = Geometry { images: count, ..geometry };
                wgpu::conv::input(&geometry, &of_images(input_shape, count), &weight, &dy.narrow(0, first, count)?)
            })?;
            Tensor::concat(&parts, 0)
        };
        return or_on_cpu(op, [weight, dy], there, here);
    }
    let weight = weight.to_dtype(wide)?.contiguous()?;
    let dy = dy.to_dtype(wide)?;
    let dx = with_float!(wide, T => {
        if geometry.is_depthwise() {
            if as_places::<T>(&dy).is_none() && conv::depthwise::serves_rows(&geometry) {
                let dy = dy.contiguous()?;
                Tensor::build::<T>(input_shape.clone(), |out| {
                    conv::depthwise::input(&geometry, elements(&weight), elements::<T>(&dy), out)
                })
            } else {
                let weight = taps_first::<T>(&geometry, elements(&weight))?;
                let dy = in_places::<T>(dy)?;
                let dy = places::<T>(&dy);
                build_channels_last::<T>(input_shape, |out| {
                    conv::depthwise::input_channels_last(&geometry, weight.as_slice(), dy, out);
                    Ok(())
                })
            }
        } else if let Some(dy) = planes::<T>(&geometry, &dy) {
            Tensor::build::<T>(input_shape.clone(), |out| conv::pointwise::input(&geometry, elements(&weight), dy, out))
        } else {
            let dy = channels_last(&dy)?;
            let by_taps = by_taps(&geometry, &weight, Last::Channels)?;
            let weight = elements::<T>(&by_taps);
            build_channels_last::<T>(input_shape, |out| {
                let dy = images::<T>(&dy);
                match Tiles::suit::<T>(&geometry) {
                    Some(tiles) => winograd::input(tiles, &geometry, weight, dy, out),
                    None => conv::backward_input::input(&geometry, weight, dy, out),
                }
            })
        }
    })?;
    dx.to_dtype(dtype)
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

/// Adds a number for each channel, if there are such.
fn with_bias(y: Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let Some(bias) = bias else { return Ok(y) };
    let mut sizes: SmallVec<[usize; 5]> = SmallVec::from_elem(1, y.rank());
    sizes[1] = y.shape()[1];
    y.add(&bias.reshape(&sizes[..])?)
}

fn require_result(op: &'static str, what: &str, x: &Tensor, shape: &Shape) -> Result<()> {
    if x.shape() == shape {
        return Ok(());
    }
    Err(Error::shape(op, format!("a {what} of the result's shape {shape}"), x.shape()))
}

pub(crate) fn geometry(
    input: &Shape,
    weight: &Shape,
    output: &Shape,
    options: &ConvOptions,
    resolved: &Resolved,
) -> Geometry {
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
