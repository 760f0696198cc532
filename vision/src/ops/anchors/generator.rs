//! Anchors of some sizes and aspect ratios, at every place of one or several maps.

use ocelli_tensor::Tensor;

use super::{over_maps, require_positive, strides};
use crate::{Error, Result};

const OP: &str = "anchor_generator";

/// Boxes of every size and ratio of a map around every place of it: torchvision's `AnchorGenerator`, with its numbers.
///
/// A ratio is height / width; a size is the side of the square of the same area. Corners are rounded to whole pixels, ties to even, and
/// places lie at multiples of the stride, without a shift by half a pixel.
///
/// ```
/// use ocelli_vision::ops::anchors::AnchorGenerator;
/// # fn main() -> ocelli_vision::Result<()> {
/// let anchors = AnchorGenerator::new(&[vec![32.0]], &[vec![0.5, 1.0]])?;
/// let boxes = anchors.generate([32, 32], &[[1, 2]])?;
/// assert_eq!(boxes.shape()[..], [4, 4]);
/// assert_eq!(boxes.to_vec::<f32>()?[..8], [-23.0, -11.0, 23.0, 11.0, -16.0, -16.0, 16.0, 16.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct AnchorGenerator {
    /// The anchors around 0 of each map.
    cells: Vec<Vec<[f32; 4]>>,
}

impl AnchorGenerator {
    /// The sizes in pixels and the ratios of each map. At a place all sizes of the first ratio come first.
    ///
    /// # Errors
    /// Unless there are ratios for each map, one at least of each, above 0 and finite.
    pub fn new(sizes: &[Vec<f64>], ratios: &[Vec<f64>]) -> Result<Self> {
        if sizes.is_empty() || sizes.len() != ratios.len() {
            let message =
                format!("expected ratios for each map's sizes, received {} sizes and {}", sizes.len(), ratios.len());
            return Err(Error::argument(OP, message));
        }
        for (what, numbers) in sizes.iter().map(|s| ("sizes", s)).chain(ratios.iter().map(|r| ("ratios", r))) {
            if numbers.is_empty() {
                return Err(Error::argument(OP, format!("expected {what} for each map, received none")));
            }
            require_positive(OP, what, numbers)?;
        }
        let cells = sizes.iter().zip(ratios).map(|(sizes, ratios)| cell_anchors(sizes, ratios)).collect();
        Ok(AnchorGenerator { cells })
    }

    /// How many anchors each place of each map has.
    pub fn num_anchors_per_location(&self) -> Vec<usize> {
        self.cells.iter().map(Vec::len).collect()
    }

    /// The anchors around 0 of each map: `x1, y1, x2, y2`.
    pub fn cell_anchors(&self) -> &[Vec<[f32; 4]>] {
        &self.cells
    }

    /// The anchors of a picture of `[height, width]` pixels whose maps have these `[height, width]`: `f32`, `[A, 4]`. A place's
    /// stride is the picture's size divided by the map's, rounded down.
    ///
    /// # Errors
    /// Unless there is a size for each map, none of them 0 or larger than the picture.
    pub fn generate(&self, picture: [usize; 2], maps: &[[usize; 2]]) -> Result<Tensor> {
        let strides = strides(OP, picture, maps)?;
        over_maps(OP, maps, &self.num_anchors_per_location(), |k, row, column, push| {
            let (x, y) = ((column * strides[k][1]) as f32, (row * strides[k][0]) as f32);
            for [x1, y1, x2, y2] in &self.cells[k] {
                push([x1 + x, y1 + y, x2 + x, y2 + y]);
            }
        })
    }
}

/// The anchors around 0, in single precision as torchvision computes them: it decides how halves are rounded.
fn cell_anchors(sizes: &[f64], ratios: &[f64]) -> Vec<[f32; 4]> {
    let anchor = |ratio: f64, size: f64| {
        let height_ratio = (ratio as f32).sqrt();
        let width_ratio = 1.0 / height_ratio;
        let (width, height) = (width_ratio * size as f32, height_ratio * size as f32);
        [-width, -height, width, height].map(|side| (side / 2.0).round_ties_even())
    };
    ratios.iter().flat_map(|&ratio| sizes.iter().map(move |&size| anchor(ratio, size))).collect()
}
