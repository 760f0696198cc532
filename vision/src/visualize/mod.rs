//! Pictures of results: boxes, masks, keypoints and maps drawn on a picture, and plots of how good they are.
//!
//! | what | how |
//! |------|-----|
//! | boxes with names and scores | [`BoxPainter`] |
//! | masks of objects | [`MaskPainter`] |
//! | a class for each pixel | [`ClassMapPainter`] |
//! | keypoints and skeletons | [`KeypointPainter`] |
//! | numbers for places | [`HeatMap`] in a [`ColorMap`] |
//! | which classes are taken for which | [`ConfusionPlot`] |
//! | precision over recall | [`PrecisionRecallPlot`] |
//! | pictures side by side | [`Grid`] |
//!
//! All take pictures `[H, W]`, `[1, H, W]` or `[3, H, W]`, of `u8` or of floats in `0..=1`, and give `[3, H, W]` of `u8`, which [`save`] writes as a file.
//! Colours are those of a [`Palette`].

mod boxes;
mod canvas;
mod class_map;
mod color_map;
mod confusion_matrix;
mod curves;
mod grid;
mod heat_map;
mod keypoints;
mod legend;
#[cfg(test)]
mod malformed;
mod masks;
mod palette;
mod save;
mod shapes;
mod style;
mod tags;
mod text;

pub use boxes::BoxPainter;
pub use class_map::ClassMapPainter;
pub use color_map::ColorMap;
pub use confusion_matrix::ConfusionPlot;
pub use curves::PrecisionRecallPlot;
pub use grid::Grid;
pub use heat_map::HeatMap;
pub use keypoints::KeypointPainter;
pub use masks::MaskPainter;
pub use palette::{Palette, contrast, ink_on};
pub use save::save;
