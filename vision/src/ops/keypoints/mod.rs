//! Keypoints: maps that networks learn to give, and how people are read from them.
//!
//! All coordinates are those of a map: `x` to the right, `y` down, whole numbers in the middle of its elements. A network of stride 8 wants
//! keypoints divided by 8, and its results multiplied by 8.
//!
//! Bottom-up, as in OpenPose: [`heatmap_peaks`] finds candidates of each part, [`line_integral`] measures along a part-affinity field how well two of them fit
//! together, and [`PeopleAssembler`] joins them to people. Top-down, as in simple baselines and HRNet, each map has one maximum: [`heatmap_argmax`].
//! [`HeatmapTargets`] and [`AffinityTargets`] make the maps to learn. Which keypoints limbs join is said by a [`Skeleton`].

mod affinity;
mod peaks;
mod people;
mod targets;

pub use ocelli_data::annotation::Skeleton;

pub use affinity::{AffinityTargets, line_integral};
pub use peaks::{Peak, PeakFinder, Refinement, heatmap_argmax, heatmap_peaks};
pub use people::{PeopleAssembler, Person};
pub use targets::HeatmapTargets;
