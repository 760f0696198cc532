//! RoI align and the position-sensitive forms: the mean over each bin.

use super::{RoiOptions, boxes_of, map_shape, require_scale, result_shape};
use crate::cpu::roi::{self as kernel, Maps, Region};
use crate::dtype::with_float;
use crate::layout::Layout;
use crate::ops::on_cpu::or_on_cpu;
use crate::{DType, Error, Result, Shape, Tensor, wgpu};

/// Regions whose bins are worked out at once: a bound on memory.
const BATCH: usize = 1024;

impl Tensor {
    /// The means over the bins of regions of these maps `[N, C, H, W]`, as `[K, C, high, wide]` for `regions` of `[K, 5]`: RoI
    /// align, or a position-sensitive form, which reads channel `(c · high + i) · wide + j` for bin `(i, j)` of channel `c`, so that `C`
    /// becomes `C / (high · wide)`. The numbers are torchvision's.
    ///
    /// What lies outside of the maps, or has no samples, counts as 0. The result's memory is channels-last. On a graphics processor
    /// this waits until the regions have been read.
    ///
    /// ```
    /// use ocelli_tensor::{RoiMode, RoiOptions, Tensor};
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let x = Tensor::arange(0.0, 16.0, 1.0)?.reshape([1, 1, 4, 4])?;
    /// let regions = Tensor::new([[0.0f32, 0.0, 0.0, 4.0, 4.0]])?;
    /// let mode = RoiMode::Align { sampling_ratio: 2, aligned: true };
    /// let y = x.roi_mean(&regions, &RoiOptions { mode, ..RoiOptions::align([2, 2]) })?;
    /// assert_eq!(y.to_vec::<f32>()?, [2.5, 4.5, 10.5, 12.5]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] unless the maps have pixels, the regions are `[K, 5]` and, in position-sensitive forms, the channels are a
    /// multiple of the bins; [`Error::DType`] unless both hold floats; [`Error::Argument`] for a region of an image that is not there or a
    /// box that is not finite, no bins, a spatial scale that is not above 0, or more than 2²⁰ samples along a bin, or along an axis for a
    /// sampling ratio.
    pub fn roi_mean(&self, regions: &Tensor, options: &RoiOptions) -> Result<Tensor> {
        let op = options.mode.name();
        let (shape, _) = options.check(self.shape(), self.dtype(), regions)?;
        self.require_same_device(op, regions)?;
        if self.is_on_wgpu() {
            let there = || {
                let [images, _, height, width] = map_shape(op, self.shape())?;
                let boxes = boxes_of::<f32>(op, regions, images)?;
                let maps = options.maps([height, width], shape[1]);
                wgpu::roi::mean(self, &maps, &options.axes(op, maps.size, &boxes)?, &boxes)
            };
            return or_on_cpu(op, [self, regions], there, |[x, regions]| x.roi_mean(regions, options));
        }
        self.widened(|x| {
            let [images, _, height, width] = map_shape(op, x.shape())?;
            let maps = options.maps([height, width], shape[1]);
            let x = if maps.planes == 1 {
                x.to_channels_last()?
            } else {
                let planes = [images, maps.channels, maps.planes, height, width];
                x.reshape(planes)?.permute([0, 2, 3, 4, 1])?.contiguous()?
            };
            let written = with_float!(x.dtype(), T => {
                let boxes = boxes_of::<T>(op, regions, images)?;
                let axes = options.axes(op, maps.size, &boxes)?;
                Tensor::build::<T>(&shape, |out| {
                    let piece = BATCH * (out.len() / boxes.len().max(1));
                    if piece > 0 {
                        for (boxes, out) in boxes.chunks(BATCH).zip(out.chunks_mut(piece)) {
                            let regions = Region::all(boxes, &axes);
                            kernel::mean(x.dense_elements::<T>(), &maps, &regions, options.output_size, out);
                        }
                    }
                    Ok(())
                })?
            });
            Ok(written.with_layout(Layout::channels_last(shape.clone())))
        })
    }

    /// The gradient of [`Tensor::roi_mean`] at the maps of this `shape`, from the gradient at its result (this tensor): the transposed
    /// operation. Where bins overlap, gradients add up in the order of the regions. On a graphics processor this waits until the regions
    /// have been read.
    ///
    /// # Errors
    /// [`Error::Shape`] if this tensor's shape is not what those maps give, and as [`Tensor::roi_mean`].
    pub fn roi_mean_backward(&self, regions: &Tensor, shape: impl Into<Shape>, options: &RoiOptions) -> Result<Tensor> {
        let (op, shape) = (options.mode.name(), shape.into());
        let (expected, [images, _, height, width]) = options.check(&shape, self.dtype(), regions)?;
        if *self.shape() != expected {
            return Err(Error::shape(op, format!("a gradient of shape {expected}"), self.shape()));
        }
        self.require_same_device(op, regions)?;
        if self.is_on_wgpu() {
            let there = || {
                let boxes = boxes_of::<f32>(op, regions, images)?;
                let maps = options.maps([height, width], expected[1]);
                wgpu::roi::mean_backward(self, &maps, &options.axes(op, maps.size, &boxes)?, &boxes, &shape)
            };
            return or_on_cpu(op, [self, regions], there, |[dy, regions]| {
                dy.roi_mean_backward(regions, &shape, options)
            });
        }
        self.widened(|dy| {
            let maps = options.maps([height, width], expected[1]);
            let dy = dy.to_channels_last()?;
            let written = with_float!(dy.dtype(), T => {
                let boxes = boxes_of::<T>(op, regions, images)?;
                let axes = options.axes(op, maps.size, &boxes)?;
                Tensor::build::<T>([images, maps.planes, height, width, maps.channels], |dx| {
                    dx.fill(0.0);
                    let dy = dy.dense_elements::<T>();
                    let piece = BATCH * (dy.len() / boxes.len().max(1));
                    if piece > 0 {
                        for (boxes, dy) in boxes.chunks(BATCH).zip(dy.chunks(piece)) {
                            let regions = Region::all(boxes, &axes);
                            kernel::mean_backward(dy, &maps, &regions, options.output_size, dx);
                        }
                    }
                    Ok(())
                })?
            });
            match maps.planes {
                1 => Ok(written.with_layout(Layout::channels_last(shape.clone()))),
                _ => written.permute([0, 4, 1, 2, 3])?.reshape(&shape),
            }
        })
    }
}

impl RoiOptions {
    /// The shape of the result, and that of the maps.
    fn check(&self, maps: &Shape, dtype: DType, regions: &Tensor) -> Result<(Shape, [usize; 4])> {
        let (op, [high, wide]) = (self.mode.name(), self.output_size);
        dtype.require_float(op)?;
        let sizes = map_shape(op, maps)?;
        maps.check_size(op, dtype)?;
        require_scale(op, self.spatial_scale)?;
        let mut channels = sizes[1];
        if self.mode.is_position_sensitive() && high > 0 && wide > 0 {
            if !high.checked_mul(wide).is_some_and(|bins| channels.is_multiple_of(bins)) {
                return Err(Error::shape(op, format!("channels that are a multiple of {high} × {wide} bins"), maps));
            }
            channels /= high * wide;
        }
        Ok((result_shape(op, regions, channels, self.output_size, dtype)?, sizes))
    }

    /// How maps lie for the kernels.
    fn maps(&self, size: [usize; 2], channels: usize) -> Maps {
        let [high, wide] = self.output_size;
        Maps { planes: if self.mode.is_position_sensitive() { high * wide } else { 1 }, size, channels }
    }
}
