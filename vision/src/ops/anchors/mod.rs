//! Anchors: the boxes that a detector begins with, at every place of its feature maps.
//!
//! Anchors are a tensor `[A, 4]` of [`BoxFormat::Xyxy`](super::BoxFormat::Xyxy) in pixels of the picture, map after map, within a map row by
//! row, and at each place in the order of the sizes and ratios: the order in which torchvision's heads give their predictions. They lie on the CPU.

mod faster_rcnn;
mod fpn;
mod generator;
mod kmeans;
mod retinanet;
mod ssd;
mod yolo;

pub use generator::AnchorGenerator;
pub use kmeans::{KmeansAnchors, kmeans_anchors};
pub use ssd::DefaultBoxGenerator;
pub use yolo::YoloPriors;

use ocelli_tensor::Tensor;

use crate::host::reserved;
use crate::{Error, Result};

/// Anchors of all maps: `per_place[k]` of them at each place of map `k`, of `sizes[k]` rows and columns. `fill(k, row, column)` gives those
/// of a place.
fn over_maps(
    op: &'static str,
    maps: &[[usize; 2]],
    per_place: &[usize],
    mut fill: impl FnMut(usize, usize, usize, &mut dyn FnMut([f32; 4])),
) -> Result<Tensor> {
    if maps.len() != per_place.len() {
        let message = format!("expected the sizes of {} maps, received {}", per_place.len(), maps.len());
        return Err(Error::argument(op, message));
    }
    let too_many = || Error::argument(op, format!("expected anchors that memory can address, received maps {maps:?}"));
    let mut total = 0usize;
    for ([high, wide], anchors) in maps.iter().zip(per_place) {
        let count = high.checked_mul(*wide).and_then(|places| places.checked_mul(*anchors));
        total = count.and_then(|count| total.checked_add(count)).ok_or_else(too_many)?;
    }
    let mut numbers: Vec<f32> = reserved(total.checked_mul(4).ok_or_else(too_many)?)?;
    for (k, &[high, wide]) in maps.iter().enumerate() {
        // Any number of rows may have no columns.
        for place in 0..high * wide {
            fill(k, place / wide, place % wide, &mut |anchor| numbers.extend(anchor));
        }
    }
    Ok(Tensor::from_vec(numbers, [total, 4])?)
}

/// Pixels of the picture from one place of a map to the next, rounded down.
fn strides(op: &'static str, picture: [usize; 2], maps: &[[usize; 2]]) -> Result<Vec<[usize; 2]>> {
    let stride = |&map: &[usize; 2]| {
        if map.contains(&0) || map[0] > picture[0] || map[1] > picture[1] {
            let message = format!(
                "expected maps with places, at most as many as the picture's {picture:?} pixels, received {map:?}"
            );
            return Err(Error::argument(op, message));
        }
        Ok([picture[0] / map[0], picture[1] / map[1]])
    };
    maps.iter().map(stride).collect()
}

/// `Err` unless all numbers are above 0 and finite.
fn require_positive(op: &'static str, what: &str, numbers: &[f64]) -> Result<()> {
    match numbers.iter().find(|&&x| !(x > 0.0 && x.is_finite())) {
        None => Ok(()),
        Some(wrong) => Err(Error::argument(op, format!("expected {what} above 0, received {wrong}"))),
    }
}
