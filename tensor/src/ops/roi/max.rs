//! RoI pooling: the greatest element of each bin.

use super::{boxes_of, map_shape, require_scale, result_shape};
use crate::cpu::roi::{self as kernel, Maps, Pooling};
use crate::dtype::with_float;
use crate::layout::Layout;
use crate::ops::index::Place as Indices;
use crate::ops::on_cpu::or_on_cpu;
use crate::wgpu::index::Scatter;
use crate::wgpu::windows::in_parts;
use crate::{DType, Error, Result, Shape, Tensor, wgpu};

const OP: &str = "roi_pool";

impl Tensor {
    /// The greatest element of each bin of regions of these maps `[N, C, H, W]`, as `[K, C, high, wide]` for `regions` of `[K, 5]`:
    /// Fast R-CNN's RoI pooling (Girshick 2015). Boxes are multiplied by `spatial_scale` and rounded to whole pixels, both ends
    /// included, and are at least one pixel large; the ends of bins are rounded too, outwards. A bin outside of the map has 0, NaN always
    /// wins. The numbers are torchvision's (which passes NaN over).
    ///
    /// The result's memory is channels-last. On a graphics processor this waits until the regions have been read.
    ///
    /// ```
    /// use ocelli_tensor::Tensor;
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let x = Tensor::arange(0.0, 16.0, 1.0)?.reshape([1, 1, 4, 4])?;
    /// let regions = Tensor::new([[0.0f32, 0.0, 0.0, 3.0, 3.0]])?;
    /// assert_eq!(x.roi_max(&regions, [2, 2], 1.0)?.to_vec::<f32>()?, [5.0, 7.0, 13.0, 15.0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] unless the maps have pixels and the regions are `[K, 5]`, [`Error::DType`] unless both hold floats,
    /// [`Error::Argument`] for a region of an image that is not there or a box that is not finite, no bins, or a spatial scale that is not
    /// above 0; [`Error::TooLarge`] for maps of 2³¹ places and more.
    pub fn roi_max(&self, regions: &Tensor, output_size: [usize; 2], spatial_scale: f64) -> Result<Tensor> {
        Ok(self.roi_max_with_indices(regions, output_size, spatial_scale)?.0)
    }

    /// As [`Tensor::roi_max`], with the place of each greatest element as `i32`: its row-major number in the map of its channel. Of
    /// equal ones the first counts. A bin outside of the map has place -1.
    ///
    /// # Errors
    /// As [`Tensor::roi_max`].
    pub fn roi_max_with_indices(
        &self,
        regions: &Tensor,
        output_size: [usize; 2],
        spatial_scale: f64,
    ) -> Result<(Tensor, Tensor)> {
        self.dtype().require_float(OP)?;
        let [images, channels, height, width] = map_shape(OP, self.shape())?;
        require_scale(OP, spatial_scale)?;
        let shape = result_shape(OP, regions, channels, output_size, self.dtype())?;
        require_small(OP, height, width)?;
        self.require_same_device(OP, regions)?;
        if self.is_on_wgpu() {
            let there = || {
                let maps = Maps { planes: 1, size: [height, width], channels };
                let pooling = Pooling { maps, bins: output_size, scale: spatial_scale as f32 };
                let [values, places] = wgpu::roi::max(self, &pooling, &boxes_of(OP, regions, images)?)?;
                Ok((values, places))
            };
            return or_on_cpu(OP, [self, regions], there, |[x, regions]| {
                x.roi_max_with_indices(regions, output_size, spatial_scale)
            });
        }
        let mut places = Tensor::build::<i32>(&shape, |_| Ok(()))?;
        let values = self.widened(|x| {
            let x = x.to_channels_last()?;
            let maps = Maps { planes: 1, size: [height, width], channels };
            let written = with_float!(x.dtype(), T => {
                let boxes = boxes_of::<T>(OP, regions, images)?;
                let pooling = Pooling { maps, bins: output_size, scale: spatial_scale as T };
                Tensor::build::<T>(&shape, |out| {
                    if !out.is_empty() {
                        kernel::max(x.dense_elements::<T>(), &pooling, &boxes, out, places.own::<i32>()?);
                    }
                    Ok(())
                })?
            });
            Ok(written.with_layout(Layout::channels_last(shape.clone())))
        })?;
        Ok((values, places.with_layout(Layout::channels_last(shape.clone()))))
    }

    /// The gradient of [`Tensor::roi_max`] at the maps of this `shape`, from the gradient at its result (this tensor) and the places
    /// that [`Tensor::roi_max_with_indices`] gave: each gradient is added to the element it came from, in the order of the regions. On a
    /// graphics processor this waits until regions and places have been checked.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes do not fit, [`Error::DType`] unless this tensor and the regions hold floats and `indices` `i32`,
    /// [`Error::Argument`] for a place outside of the maps, and as [`Tensor::roi_max`] for regions.
    pub fn roi_max_backward(&self, indices: &Tensor, regions: &Tensor, shape: impl Into<Shape>) -> Result<Tensor> {
        const OP: &str = "roi_pool_backward";
        let shape = shape.into();
        self.dtype().require_float(OP)?;
        let [images, channels, height, width] = map_shape(OP, &shape)?;
        shape.check_size(OP, self.dtype())?;
        require_small(OP, height, width)?;
        let bins = places_shape(OP, indices, regions, channels)?;
        if self.shape() != indices.shape() {
            return Err(Error::shape(OP, format!("a gradient of shape {}", indices.shape()), self.shape()));
        }
        self.require_same_device(OP, regions)?;
        self.require_same_device(OP, indices)?;
        if self.is_on_wgpu() {
            let there = || {
                let rows = Rows::new(OP, regions, [images, height, width])?;
                self.widened(|dy| rows.scattered(OP, dy, indices))
            };
            return or_on_cpu(OP, [self, indices, regions], there, |[dy, indices, regions]| {
                dy.roi_max_backward(indices, regions, &shape)
            });
        }
        let (places, images_of) = (checked_places(OP, indices, height * width)?, images_of(OP, regions, images)?);
        self.widened(|dy| {
            let dy = dy.to_channels_last()?;
            let maps = Maps { planes: 1, size: [height, width], channels };
            let written = with_float!(dy.dtype(), T => Tensor::build::<T>(&shape, |dx| {
                dx.fill(0.0);
                kernel::scatter(dy.dense_elements::<T>(), places.dense_elements(), &images_of, &maps, bins, dx);
                Ok(())
            })?);
            Ok(written.with_layout(Layout::channels_last(shape.clone())))
        })
    }

    /// The elements of these maps at the places that [`Tensor::roi_max_with_indices`] gave, 0 for place -1: the transposed operation of
    /// [`Tensor::roi_max_backward`]. On a graphics processor this waits until regions and places have been checked.
    ///
    /// # Errors
    /// As [`Tensor::roi_max_backward`].
    pub fn roi_max_take(&self, indices: &Tensor, regions: &Tensor) -> Result<Tensor> {
        const OP: &str = "roi_pool_take";
        self.dtype().require_float(OP)?;
        let [images, channels, height, width] = map_shape(OP, self.shape())?;
        require_small(OP, height, width)?;
        let bins = places_shape(OP, indices, regions, channels)?;
        self.require_same_device(OP, regions)?;
        self.require_same_device(OP, indices)?;
        if self.is_on_wgpu() {
            let there = || Rows::new(OP, regions, [images, height, width])?.taken(OP, self, indices);
            return or_on_cpu(OP, [self, indices, regions], there, |[x, indices, regions]| {
                x.roi_max_take(indices, regions)
            });
        }
        let (places, images_of) = (checked_places(OP, indices, height * width)?, images_of(OP, regions, images)?);
        self.widened(|x| {
            let x = x.to_channels_last()?;
            let maps = Maps { planes: 1, size: [height, width], channels };
            let written = with_float!(x.dtype(), T => Tensor::build::<T>(indices.shape(), |out| {
                if !out.is_empty() {
                    kernel::take(x.dense_elements::<T>(), places.dense_elements(), &images_of, &maps, bins, out);
                }
                Ok(())
            })?);
            Ok(written.with_layout(Layout::channels_last(indices.shape().clone())))
        })
    }
}

/// Maps on a graphics processor as rows of channels, all images one below the other: an index is added to and gathered from along an axis.
struct Rows {
    sizes: [usize; 3],
    /// Where the image of each region begins.
    starts: Tensor,
}

impl Rows {
    /// Of maps of these images, height and width.
    fn new(op: &'static str, regions: &Tensor, sizes @ [images, height, width]: [usize; 3]) -> Result<Rows> {
        let images_of = images_of(op, regions, images)?;
        require_small(op, images.saturating_mul(height), width)?;
        let starts: Vec<i32> = images_of.iter().map(|image| (image * height * width) as i32).collect();
        let starts = Tensor::from_vec(starts, [images_of.len(), 1, 1, 1])?.to_device(regions.device())?;
        Ok(Rows { sizes, starts })
    }

    /// The rows that places `[K, C, high, wide]` name, as `[K · high · wide, C]`. Waits until they have been checked.
    fn places(&self, op: &'static str, places: &Tensor) -> Result<Indices> {
        let [_, height, width] = self.sizes;
        let places = places.permute([0, 2, 3, 1])?;
        if let Some(place) = places.first_outside(-1, (height * width) as i64 - 1)? {
            return Err(outside(op, height * width, place));
        }
        let [regions, high, wide, channels] = places.shape()[..] else { unreachable!("places have four axes") };
        let named = places.ge(0)?.where_(&places.add(&self.starts)?, &places)?;
        Ok(Indices { axis: 0, index: named.reshape([regions * high * wide, channels])? })
    }

    /// Adds each gradient to the element that its place names.
    fn scattered(&self, op: &'static str, dy: &Tensor, places: &Tensor) -> Result<Tensor> {
        let [images, height, width] = self.sizes;
        let [dx] = in_parts([dy, places], &[1], &|[dy, places]| {
            let (places, channels) = (self.places(op, places)?, dy.shape()[1]);
            let dx = Tensor::full_on(dy.device(), [images * height * width, channels], 0, dy.dtype())?;
            // A copy if these are some of many channels: kernels see what is between them too.
            let dy = dy.permute([0, 2, 3, 1])?.reshape(places.index.shape())?.contiguous()?;
            let dx = places.scattered(dx, &dy, Scatter::Sum)?;
            Ok([dx.reshape([images, height, width, channels])?.permute([0, 3, 1, 2])?.to_channels_last()?])
        })?;
        Ok(dx)
    }

    /// The element that each place names.
    fn taken(&self, op: &'static str, x: &Tensor, places: &Tensor) -> Result<Tensor> {
        let [images, height, width] = self.sizes;
        let [regions, _, high, wide] = places.shape()[..] else { unreachable!("places have four axes") };
        let [y] = in_parts([x, places], &[1], &|[x, places]| {
            let channels = x.shape()[1];
            let x = x.permute([0, 2, 3, 1])?.reshape([images * height * width, channels])?.contiguous()?;
            let taken = self.places(op, places)?.gather_from(&x)?;
            Ok([taken.reshape([regions, high, wide, channels])?.permute([0, 3, 1, 2])?.to_channels_last()?])
        })?;
        Ok(y)
    }
}

/// `Err` if a place of a map (or of a column of maps) of so many rows is no `i32`.
fn require_small(op: &'static str, height: usize, width: usize) -> Result<()> {
    match height.checked_mul(width).map(i32::try_from) {
        Some(Ok(_)) => Ok(()),
        _ => Err(Error::TooLarge { op, shape: [height, width].into(), dtype: DType::I32 }),
    }
}

/// The bins of a region, if these are places for these regions and channels.
fn places_shape(op: &'static str, indices: &Tensor, regions: &Tensor, channels: usize) -> Result<usize> {
    if indices.dtype() != DType::I32 {
        return Err(Error::dtype(op, "places of dtype i32", indices.dtype()));
    }
    let [_, _, high, wide] = indices.shape()[..] else {
        return Err(Error::shape(op, "places [K, C, high, wide]", indices.shape()));
    };
    let expected = result_shape(op, regions, channels, [high, wide], DType::I32)?;
    if expected != *indices.shape() {
        return Err(Error::shape(op, format!("places of shape {expected}"), indices.shape()));
    }
    Ok(high * wide)
}

/// These places channels-last, each -1 or in a map of so many.
fn checked_places(op: &'static str, indices: &Tensor, map: usize) -> Result<Tensor> {
    let places = indices.to_channels_last()?;
    let wrong = places.dense_elements::<i32>().iter().find(|&&place| place < -1 || i64::from(place) >= map as i64);
    match wrong {
        None => Ok(places),
        Some(&place) => Err(outside(op, map, place.into())),
    }
}

fn outside(op: &'static str, map: usize, place: i64) -> Error {
    Error::argument(op, format!("expected places in -1..{map}, received {place}"))
}

/// The image of each region.
fn images_of(op: &'static str, regions: &Tensor, images: usize) -> Result<Vec<usize>> {
    let boxes = boxes_of::<f64>(op, regions, images)?;
    Ok(boxes.iter().map(|[image, ..]| *image as usize).collect())
}
