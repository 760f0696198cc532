//! Where the points of a picture go: the one place in which labels follow the picture.
//!
//! A change of places says where each new pixel comes from and where each old point goes; [`apply`] does the same to the picture and to all of its
//! labels. Points are places in the plane: pixel (row, column) covers `column..column + 1` by `row..row + 1`.

mod clip;
mod dense;
mod labels;
mod moves;
mod projective;
mod sampling;
mod scale;
mod size;

pub(crate) use dense::Dense;
pub(crate) use labels::mask_box;
pub(crate) use moves::Moves;
pub(crate) use projective::{Matrix, Projective};
pub use sampling::Interpolation;
pub(crate) use sampling::Sampling;
pub(crate) use scale::Scale;
pub(crate) use size::MOST_PIXELS;

use super::Keep;
use crate::annotation::Labels;
use crate::{Image, Result, Sample};

/// What [`Geometry::places`] has for new pixels that show nothing of the old picture.
pub(crate) const OUTSIDE: usize = usize::MAX;

/// A change of places from an old picture to a new one.
pub(crate) trait Geometry {
    /// `[height, width]` of the new picture.
    fn size(&self) -> [usize; 2];

    /// Whether upright rectangles stay upright rectangles.
    fn is_upright(&self) -> bool;

    /// Where a point of the old picture lies in the plane of the new one.
    fn forward(&self, point: [f64; 2]) -> [f64; 2];

    /// Pieces of lines are straight afterwards if they are at most so long; no matter how long by default.
    fn straight(&self) -> f64 {
        f64::INFINITY
    }

    /// `[a, b, c]`: only old points with `ax + by + c > 0` have a place in the new plane.
    fn horizon(&self) -> Option<[f64; 3]> {
        None
    }

    /// The new picture.
    fn image(&self, old: &Image) -> Result<Image>;

    /// For each new pixel, row by row, the number of the nearest pixel of an old picture of this size, or [`OUTSIDE`]. What lies outside is filled as the
    /// picture is if `filled`, else it is [`OUTSIDE`].
    fn places(&self, old: [usize; 2], filled: bool) -> Result<Vec<usize>>;
}

/// The labels of a picture of `old` size, moved without it; all objects stay.
pub(crate) fn move_labels(labels: Labels, old: [usize; 2], geometry: &dyn Geometry) -> Result<Labels> {
    labels::moved(labels, old, geometry, &Keep::ALL, None)
}

/// Changes a picture and all of its labels; objects of which too little is left go. If it is a mirror image, keypoint `i` becomes what `mirror[i]` was.
pub(crate) fn apply(sample: Sample, geometry: &dyn Geometry, keep: &Keep, mirror: Option<&[usize]>) -> Result<Sample> {
    keep.check()?;
    let labels = labels::moved(sample.labels, sample.image.size(), geometry, keep, mirror)?;
    Ok(Sample { image: geometry.image(&sample.image)?, labels })
}
