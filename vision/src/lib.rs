//! Computer vision on Ocelli: detection's arithmetic on boxes, and pictures of results.

mod error;
pub mod ops;
pub mod visualize;

pub use error::{Error, Result};
