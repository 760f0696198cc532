//! Where objects may be, before a network says so: what R-CNN, and detectors before it, looked at.
//!
//! [`SelectiveSearch`] merges the regions of a [`Felzenszwalb`] segmentation from small to large and proposes the box of each;
//! [`SlidingWindows`] looks everywhere, on each level of an [`ImagePyramid`].

mod color_space;
mod filter;
mod grouping;
mod pyramid;
mod regions;
mod segmentation;
mod selective_search;
mod sliding_windows;

pub use color_space::ColorSpace;
pub use pyramid::{ImagePyramid, PyramidLevel};
pub use segmentation::Felzenszwalb;
pub use selective_search::{SelectiveSearch, Similarity};
pub use sliding_windows::SlidingWindows;
