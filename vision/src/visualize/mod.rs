//! Pictures of results.

mod canvas;
mod grid;
mod text;

pub use grid::Grid;
