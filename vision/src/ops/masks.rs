//! Masks of objects: their boxes, pasting into pictures, polygons and run-length codes as tensors.
//!
//! All of it runs on the CPU; results come back on the device of the (first) tensor they are made of.

use std::ops::Range;

use ocelli_data::annotation::{Polygon, Rle};
use ocelli_tensor::kernels::over_pieces;
use ocelli_tensor::{DType, Device, Error as TensorError, Tensor};

use super::boxes;
use super::corners::Real;
use crate::check::require_masks;
use crate::host::{elements, filled, reserved};
use crate::{Error, Result};

/// The boxes around masks `[N, H, W]`, in which what is not 0 (or false) is inside: left, top, right, bottom of the pixels inside, as `f32` `[N, 4]`.
///
/// As torchvision's, these are pixels, not edges: of a mask of one pixel the right is the left (add 1 to right and bottom for
/// [`BoxFormat::Xyxy`](super::BoxFormat::Xyxy)). An empty mask has the box 0, 0, 0, 0.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::masks_to_boxes;
/// # fn main() -> ocelli_vision::Result<()> {
/// let mask = Tensor::new([[[0u8, 0, 0, 0], [0, 1, 1, 0], [0, 0, 1, 0]]])?;
/// assert_eq!(masks_to_boxes(&mask)?.to_vec::<f32>()?, [1.0, 1.0, 2.0, 2.0]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless the masks are of rank 3.
pub fn masks_to_boxes(masks: &Tensor) -> Result<Tensor> {
    let [count, height, width] = require_masks("masks_to_boxes", masks)?;
    let mut around = filled(0.0f32, count.saturating_mul(4))?;
    let pixels = masks.to_device(Device::Cpu)?.to_dtype(DType::Bool)?.to_vec::<bool>()?;
    if width > 0 {
        over_pieces(&mut around, 4, &|i, around| {
            let rows = pixels[i * height * width..(i + 1) * height * width].chunks_exact(width);
            let mut corners: Option<[usize; 4]> = None;
            for (y, row) in rows.enumerate() {
                let first = row.iter().position(|inside| *inside);
                let last = row.iter().rposition(|inside| *inside);
                if let (Some(first), Some(last)) = (first, last) {
                    let [x1, y1, x2, _] = corners.unwrap_or([first, y, last, y]);
                    corners = Some([x1.min(first), y1, x2.max(last), y]);
                }
            }
            for (slot, corner) in around.iter_mut().zip(corners.unwrap_or_default()) {
                *slot = corner as f32;
            }
        });
    }
    Ok(Tensor::from_vec(around, [count, 4])?.to_device(masks.device())?)
}

/// Pastes the masks that a network sees in boxes into pictures of `[height, width]`: torchvision's `paste_masks_in_image`, after Mask R-CNN (K. He et al.,
/// 2017). `masks` are probabilities `[N, 1, M, M]`, `boxes` [`BoxFormat::Xyxy`](super::BoxFormat::Xyxy) `[N, 4]`, the result is
/// `[N, 1, height, width]` of the masks' dtype; a threshold of 0.5 makes it a mask.
///
/// Each mask gets `padding` pixels of 0 on all sides (1 in torchvision), its box grows in proportion and is cut to whole pixels, and the mask is resized to
/// it bilinearly. A box whose right edge lies left of its left one, or whose bottom lies above its top, stays empty.
///
/// ```
/// use ocelli_tensor::{DType, Tensor};
/// use ocelli_vision::ops::paste_masks_in_image;
/// # fn main() -> ocelli_vision::Result<()> {
/// let mask = Tensor::ones([1, 1, 28, 28], DType::F32)?;
/// let boxes = Tensor::new([[20.0f32, 10.0, 50.0, 30.0]])?;
/// let pasted = paste_masks_in_image(&mask, &boxes, [48, 64], 1)?;
/// assert_eq!(pasted.shape()[..], [1, 1, 48, 64]);
/// let inside = pasted.gt(0.5)?.to_vec::<bool>()?;
/// assert_eq!(inside.iter().filter(|inside| **inside).count(), 32 * 20);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless the shapes are these, the masks square and not empty, both of a float dtype, and coordinates of boxes (also after they have grown) finite and within ±2³¹; and if
/// memory for the result cannot be had.
pub fn paste_masks_in_image(masks: &Tensor, boxes: &Tensor, size: [usize; 2], padding: usize) -> Result<Tensor> {
    const OP: &str = "paste_masks_in_image";
    let side = match masks.shape()[..] {
        [_, 1, height, width] if height == width && height > 0 => height,
        _ => return Err(TensorError::shape(OP, "masks of shape [N, 1, M, M]", masks.shape()).into()),
    };
    if !masks.dtype().is_float() {
        return Err(TensorError::dtype(OP, "masks of a float dtype", masks.dtype()).into());
    }
    boxes::require_list(OP, boxes)?;
    let count = masks.shape()[0];
    if boxes.shape()[0] != count {
        return Err(TensorError::shape(OP, format!("a box for each mask, shape [{count}, 4]"), boxes.shape()).into());
    }
    let Some(padded) = padding.checked_mul(2).and_then(|both| both.checked_add(side)).filter(|side| *side < 1 << 24)
    else {
        return Err(Error::argument(OP, format!("expected padding of less than 2^23 pixels, received {padding}")));
    };
    let places = match boxes.dtype() {
        DType::F64 => places::<f64>(boxes, padded as f64 / side as f64)?,
        _ => places::<f32>(boxes, padded as f64 / side as f64)?,
    };
    let pasted = match masks.dtype() {
        DType::F64 => paste::<f64>(masks, side, padding, &places, size)?,
        _ => paste::<f32>(masks, side, padding, &places, size)?,
    };
    Ok(pasted.to_dtype(masks.dtype())?.to_device(masks.device())?)
}

/// The mask of an object given by polygons, as pycocotools draws them: `u8` `[height, width]`, 1 inside of at least one of them. This is what
/// torchvision's references train on, one for each object.
///
/// ```
/// use ocelli_data::annotation::Polygon;
/// use ocelli_vision::ops::polygons_to_mask;
/// # fn main() -> ocelli_vision::Result<()> {
/// let triangle = Polygon::from_flat(&[0.0, 0.0, 4.0, 0.0, 0.0, 4.0])?;
/// let mask = polygons_to_mask(&[triangle], [3, 4])?;
/// assert_eq!(mask.to_vec::<u8>()?, [1, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 0]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Data`] for pictures of 2³² pixels or more and coordinates beyond ±10¹², and if memory cannot be had.
pub fn polygons_to_mask(polygons: &[Polygon], size: [usize; 2]) -> Result<Tensor> {
    Ok(Tensor::from_vec(Rle::from_polygons(polygons, size)?.decode()?, size)?)
}

/// Run-length encoded masks of a picture of `[height, width]` as a `u8` tensor `[N, height, width]`, 1 inside.
///
/// ```
/// use ocelli_data::annotation::Rle;
/// use ocelli_vision::ops::decode_masks;
/// # fn main() -> ocelli_vision::Result<()> {
/// // Two pixels outside, then two inside, down the columns.
/// let code = Rle::from_counts([2, 2], vec![2, 2])?;
/// assert_eq!(decode_masks(&[code], [2, 2])?.to_vec::<u8>()?, [0, 1, 0, 1]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Argument`] if a mask is of another size; if memory cannot be had.
pub fn decode_masks(masks: &[Rle], size: [usize; 2]) -> Result<Tensor> {
    const OP: &str = "decode_masks";
    let [height, width] = size;
    if let Some(other) = masks.iter().find(|mask| mask.size() != size) {
        let message = format!("expected masks of [height, width] = {size:?}, received {:?}", other.size());
        return Err(Error::argument(OP, message));
    }
    let mut pixels = zeros(masks.len(), size, 0u8)?;
    for (mask, slots) in masks.iter().zip(pixels.chunks_exact_mut(height.saturating_mul(width).max(1))) {
        slots.copy_from_slice(&mask.decode()?);
    }
    Ok(Tensor::from_vec(pixels, [masks.len(), height, width])?)
}

/// Masks `[N, H, W]`, in which what is not 0 (or false) is inside, as run-length codes: what COCO's results are written with.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::{decode_masks, encode_masks};
/// # fn main() -> ocelli_vision::Result<()> {
/// let masks = Tensor::new([[[0u8, 1], [1, 1]], [[0, 0], [0, 0]]])?;
/// let codes = encode_masks(&masks)?;
/// assert_eq!((codes[0].area(), codes[1].area()), (3, 0));
/// assert_eq!(decode_masks(&codes, [2, 2])?.to_vec::<u8>()?, masks.to_vec::<u8>()?);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless the masks are of rank 3 and have less than 2³² pixels each.
pub fn encode_masks(masks: &Tensor) -> Result<Vec<Rle>> {
    let [count, height, width] = require_masks("encode_masks", masks)?;
    let pixels = masks.to_device(Device::Cpu)?.to_dtype(DType::Bool)?.to_dtype(DType::U8)?.to_vec::<u8>()?;
    let plane = height * width;
    (0..count).map(|i| Ok(Rle::encode(&pixels[i * plane..(i + 1) * plane], [height, width])?)).collect()
}

/// Planes of zeros, if there is memory for them.
fn zeros<T: Copy>(count: usize, [height, width]: [usize; 2], zero: T) -> Result<Vec<T>> {
    let len = count.saturating_mul(height).saturating_mul(width);
    let mut planes = reserved(len)?;
    planes.resize(len, zero);
    Ok(planes)
}

/// The boxes grown about their centres and cut to whole pixels: left, top, right, bottom, the last two being pixels of the box.
fn places<T: Real>(boxes: &Tensor, scale: f64) -> Result<Vec<[i64; 4]>> {
    const FARTHEST: f64 = 2_147_483_648.0;
    let numbers = elements::<T>(boxes)?;
    let (half, scale) = (T::from_f64(0.5), T::from_f64(scale));
    let mut all = Vec::with_capacity(numbers.len() / 4);
    for &[x1, y1, x2, y2] in numbers.as_chunks::<4>().0 {
        let (w, h) = ((x2 - x1) * half * scale, (y2 - y1) * half * scale);
        let (x, y) = ((x2 + x1) * half, (y2 + y1) * half);
        let grown = [x - w, y - h, x + w, y + h];
        // Not so if one of them is NaN.
        if !grown.iter().all(|x| x.to_f64().abs() <= FARTHEST) {
            let received = [x1, y1, x2, y2].map(T::to_f64);
            let message = format!("expected finite boxes within ±2^31 pixels, received {received:?}");
            return Err(Error::argument("paste_masks_in_image", message));
        }
        all.push(grown.map(T::to_i64));
    }
    Ok(all)
}

/// What a pixel of a resized row or column is mixed from: two places and the share of the second.
struct Tap<T> {
    low: usize,
    high: usize,
    share: T,
}

/// The taps of some pixels where `from` pixels become `to`, in PyTorch's arithmetic (corners not aligned).
fn taps<T: Real>(from: usize, to: i64, visible: Range<i64>) -> Vec<Tap<T>> {
    let (half, scale) = (T::from_f64(0.5), T::from_f64(from as f64) / T::from_i64(to));
    let tap = |i| {
        let place = scale * (T::from_i64(i) + half) - half;
        let place = if place > T::ZERO { place } else { T::ZERO };
        let low = (place.to_i64() as usize).min(from - 1);
        Tap { low, high: (low + 1).min(from - 1), share: place - T::from_i64(low as i64) }
    };
    visible.map(tap).collect()
}

fn paste<T: Real>(
    masks: &Tensor,
    side: usize,
    padding: usize,
    places: &[[i64; 4]],
    [height, width]: [usize; 2],
) -> Result<Tensor> {
    let mut planes = zeros(places.len(), [height, width], T::ZERO)?;
    let masks = masks.to_device(Device::Cpu)?.to_dtype(T::DTYPE)?.to_vec::<T>()?;
    let padded = side + 2 * padding;
    let one = T::from_f64(1.0);
    over_pieces(&mut planes, height.saturating_mul(width).max(1), &|i, plane| {
        let [x1, y1, x2, y2] = places[i];
        let (columns, rows) = (visible(x1, x2, width), visible(y1, y2, height));
        if columns.is_empty() || rows.is_empty() {
            return;
        }
        let mask = &masks[i * side * side..(i + 1) * side * side];
        // The row of the padded mask, if it is not padding.
        let row_of = |row: usize| row.checked_sub(padding).and_then(|row| mask.chunks_exact(side).nth(row));
        let across: Vec<Tap<T>> = taps(padded, x2 - x1 + 1, columns.start - x1..columns.end - x1);
        let down: Vec<Tap<T>> = taps(padded, y2 - y1 + 1, rows.start - y1..rows.end - y1);
        let mut mixed = vec![T::ZERO; padded];
        for (tap, y) in down.iter().zip(rows) {
            mixed.fill(T::ZERO);
            for (row, share) in [(tap.low, one - tap.share), (tap.high, tap.share)] {
                for (slot, &pixel) in mixed[padding..].iter_mut().zip(row_of(row).unwrap_or_default()) {
                    *slot = *slot + pixel * share;
                }
            }
            let row = &mut plane[y as usize * width..(y as usize + 1) * width];
            for (slot, tap) in row[columns.start as usize..columns.end as usize].iter_mut().zip(&across) {
                *slot = mixed[tap.low] * (one - tap.share) + mixed[tap.high] * tap.share;
            }
        }
    });
    Ok(Tensor::from_vec(planes, [places.len(), 1, height, width])?)
}

/// The pixels from `first` to `last` that a picture has.
fn visible(first: i64, last: i64, size: usize) -> Range<i64> {
    first.max(0)..(last + 1).min(size as i64)
}
