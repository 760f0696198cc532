//! Boxes: their formats, conversions, areas, clipping.
//!
//! Boxes are a float tensor `[..., 4]` in pixels, `x` to the right and `y` down; a box covers `x1 ≤ x < x2`, so that its width is
//! `x2 - x1` with no pixel added, as in torchvision. A normalized box is one whose coordinates are fractions of the picture's sizes: see
//! [`normalize`].
//!
//! Everything here is computed where the boxes lie, but for the positions of [`remove_small`], which the CPU finds.

pub use ocelli_data::annotation::BoxFormat;
use ocelli_tensor::{DType, Error as TensorError, Tensor};

use crate::{Error, Result};

/// Writes boxes `[..., 4]` in another format. Shape and dtype are the input's.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::boxes::{BoxFormat, convert};
/// # fn main() -> ocelli_vision::Result<()> {
/// let boxes = Tensor::new([[10.0f32, 20.0, 30.0, 60.0]])?;
/// let centred = convert(&boxes, BoxFormat::Xyxy, BoxFormat::Cxcywh)?;
/// assert_eq!(centred.to_vec::<f32>()?, [20.0, 40.0, 20.0, 40.0]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless the boxes are a float tensor whose last axis has size 4.
pub fn convert(boxes: &Tensor, from: BoxFormat, to: BoxFormat) -> Result<Tensor> {
    let [a, b, c, d] = columns("convert", boxes)?;
    if from == to {
        return Ok(boxes.clone());
    }
    let half = |length: &Tensor| length.mul(0.5);
    let [x1, y1, x2, y2] = match from {
        BoxFormat::Xyxy => [a, b, c, d],
        BoxFormat::Xywh => {
            let (x2, y2) = (a.add(&c)?, b.add(&d)?);
            [a, b, x2, y2]
        }
        BoxFormat::Cxcywh => {
            let (w, h) = (half(&c)?, half(&d)?);
            [a.sub(&w)?, b.sub(&h)?, a.add(&w)?, b.add(&h)?]
        }
    };
    let columns = match to {
        BoxFormat::Xyxy => [x1, y1, x2, y2],
        BoxFormat::Xywh => {
            let (w, h) = (x2.sub(&x1)?, y2.sub(&y1)?);
            [x1, y1, w, h]
        }
        BoxFormat::Cxcywh => [half(&x1.add(&x2)?)?, half(&y1.add(&y2)?)?, x2.sub(&x1)?, y2.sub(&y1)?],
    };
    Ok(Tensor::stack(&columns.each_ref(), -1)?)
}

/// Turns pixels into fractions of the picture's `[height, width]`; in every format.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::boxes::normalize;
/// # fn main() -> ocelli_vision::Result<()> {
/// let boxes = Tensor::new([[16.0f32, 12.0, 64.0, 48.0]])?;
/// // Of a picture 64 wide and 48 high.
/// assert_eq!(normalize(&boxes, [48, 64])?.to_vec::<f32>()?, [0.25, 0.25, 1.0, 1.0]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless the boxes are a float tensor `[..., 4]` and the picture has pixels.
pub fn normalize(boxes: &Tensor, size: [usize; 2]) -> Result<Tensor> {
    let factors = sizes_beside("normalize", boxes, size)?;
    if size.contains(&0) {
        let message = format!("expected a picture with a height and a width, received {size:?}");
        return Err(Error::argument("normalize", message));
    }
    Ok(boxes.div(&factors)?.to_dtype(boxes.dtype())?)
}

/// Turns fractions of the picture's `[height, width]` into pixels: undoes [`normalize`].
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::boxes::denormalize;
/// # fn main() -> ocelli_vision::Result<()> {
/// let boxes = Tensor::new([[0.25f32, 0.25, 1.0, 1.0]])?;
/// assert_eq!(denormalize(&boxes, [48, 64])?.to_vec::<f32>()?, [16.0, 12.0, 64.0, 48.0]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless the boxes are a float tensor `[..., 4]`.
pub fn denormalize(boxes: &Tensor, size: [usize; 2]) -> Result<Tensor> {
    Ok(boxes.mul(&sizes_beside("denormalize", boxes, size)?)?.to_dtype(boxes.dtype())?)
}

/// Width × height of boxes `[..., 4]` as a tensor `[...]`; of half types as `f32`, since the area of a large box is beyond `f16`.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::boxes::{BoxFormat, area};
/// # fn main() -> ocelli_vision::Result<()> {
/// let boxes = Tensor::new([[10.0f32, 20.0, 30.0, 60.0]])?;
/// assert_eq!(area(&boxes, BoxFormat::Xyxy)?.to_vec::<f32>()?, [800.0]);
/// assert_eq!(area(&boxes, BoxFormat::Xywh)?.to_vec::<f32>()?, [1800.0]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless the boxes are a float tensor `[..., 4]`.
pub fn area(boxes: &Tensor, format: BoxFormat) -> Result<Tensor> {
    let [a, b, c, d] = columns("area", &widened("area", boxes)?)?;
    Ok(match format {
        BoxFormat::Xyxy => c.sub(&a)?.mul(&d.sub(&b)?)?,
        BoxFormat::Xywh | BoxFormat::Cxcywh => c.mul(&d)?,
    })
}

/// Cuts [`BoxFormat::Xyxy`] boxes at the edges of a picture of `[height, width]`. A box that lies outside becomes empty.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::boxes::clip;
/// # fn main() -> ocelli_vision::Result<()> {
/// let boxes = Tensor::new([[-5.0f32, 10.0, 70.0, 20.0]])?;
/// assert_eq!(clip(&boxes, [48, 64])?.to_vec::<f32>()?, [0.0, 10.0, 64.0, 20.0]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless the boxes are a float tensor `[..., 4]`.
pub fn clip(boxes: &Tensor, size: [usize; 2]) -> Result<Tensor> {
    let [x1, y1, x2, y2] = columns("clip", boxes)?;
    let within = |x: &Tensor, size: usize| x.clamp(Some(0.0), Some(size as f64));
    let [height, width] = size;
    let columns = [within(&x1, width)?, within(&y1, height)?, within(&x2, width)?, within(&y2, height)?];
    Ok(Tensor::stack(&columns.each_ref(), -1)?)
}

/// The positions, as `i64`, of those [`BoxFormat::Xyxy`] boxes `[N, 4]` of which both sides are at least `min_size` long.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::boxes::remove_small;
/// # fn main() -> ocelli_vision::Result<()> {
/// let boxes = Tensor::new([[0.0f32, 0.0, 9.0, 1.0], [0.0, 0.0, 4.0, 4.0]])?;
/// let kept = remove_small(&boxes, 2.0)?;
/// assert_eq!(kept.to_vec::<i64>()?, [1]);
/// assert_eq!(boxes.index_select(0, &kept)?.shape()[..], [1, 4]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless the boxes are a float tensor `[N, 4]` and `min_size` is a number.
pub fn remove_small(boxes: &Tensor, min_size: f64) -> Result<Tensor> {
    require_list("remove_small", boxes)?;
    if min_size.is_nan() {
        return Err(Error::argument("remove_small", "expected a smallest side, received NaN"));
    }
    let [x1, y1, x2, y2] = columns("remove_small", boxes)?;
    let long = |high: &Tensor, low: &Tensor| high.sub(low)?.ge(min_size);
    let keep = long(&x2, &x1)?.logical_and(&long(&y2, &y1)?)?;
    Ok(keep.nonzero()?.squeeze(1)?)
}

/// The four columns of boxes.
fn columns(op: &'static str, boxes: &Tensor) -> Result<[Tensor; 4]> {
    require_boxes(op, boxes)?;
    Ok([boxes.select(-1, 0)?, boxes.select(-1, 1)?, boxes.select(-1, 2)?, boxes.select(-1, 3)?])
}

/// `[width, height, width, height]`, in a dtype that holds them: a picture may have more pixels than `f16` counts.
fn sizes_beside(op: &'static str, boxes: &Tensor, [height, width]: [usize; 2]) -> Result<Tensor> {
    require_boxes(op, boxes)?;
    let sizes = [width, height, width, height].map(|size| size as f64);
    Ok(Tensor::new(sizes)?.to_dtype(wide(boxes.dtype()))?.to_device(boxes.device())?)
}

/// The dtype that boxes are computed in.
pub(super) fn wide(dtype: DType) -> DType {
    if dtype.is_half() { DType::F32 } else { dtype }
}

/// Boxes in the dtype that they are computed in.
pub(super) fn widened(op: &'static str, boxes: &Tensor) -> Result<Tensor> {
    require_boxes(op, boxes)?;
    Ok(boxes.to_dtype(wide(boxes.dtype()))?)
}

/// `Err` unless these are boxes `[..., 4]` of a float type.
pub(super) fn require_boxes(op: &'static str, boxes: &Tensor) -> Result<()> {
    if boxes.shape().last() != Some(&4) {
        return Err(TensorError::shape(op, "boxes of shape [..., 4]", boxes.shape()).into());
    }
    if !boxes.dtype().is_float() {
        return Err(TensorError::dtype(op, "boxes of a float dtype", boxes.dtype()).into());
    }
    Ok(())
}

/// `Err` unless these are boxes `[N, 4]` of a float type.
pub(crate) fn require_list(op: &'static str, boxes: &Tensor) -> Result<()> {
    if boxes.rank() != 2 {
        return Err(TensorError::shape(op, "boxes of shape [N, 4]", boxes.shape()).into());
    }
    require_boxes(op, boxes)
}
