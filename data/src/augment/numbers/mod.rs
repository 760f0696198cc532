//! Pixels as a network likes its numbers: floats, in a range, of mean 0 and deviation 1, without what neighbours have in common.

mod eigen;
mod min_max;
mod moments;
mod per_image;
mod targets;
mod to_float;
mod whitening;

pub use min_max::MinMax;
pub use moments::Moments;
pub use per_image::PerImageStandardization;
pub use targets::{one_hot, smooth_labels};
pub use to_float::ToFloat;
pub use whitening::Whitening;
