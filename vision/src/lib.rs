//! Computer vision on Ocelli: networks, detection's arithmetic on boxes, and pictures of results.
//!
//! ```
//! use ocelli_nn::{Layer, Module};
//! use ocelli_tensor::{DType, Generator, Tensor};
//! use ocelli_vision::models::{KerasMnist, KerasMnistConfig};
//! use ocelli_vision::ops::nms;
//!
//! # fn main() -> ocelli_vision::Result<()> {
//! let mut generator = Generator::new(42);
//! let model = KerasMnist::new(&KerasMnistConfig::default(), &mut generator)?;
//! assert_eq!(model.parameter_count(), 93_322);
//! model.eval();
//! let digits = Tensor::rand([2, 1, 28, 28], DType::F32, &mut generator)?;
//! assert_eq!(model.forward(&digits.into())?.shape()[..], [2, 10]);
//!
//! let boxes = Tensor::new([[0.0f32, 0.0, 10.0, 10.0], [1.0, 0.0, 11.0, 10.0], [20.0, 0.0, 30.0, 10.0]])?;
//! let scores = Tensor::new([0.6f32, 0.9, 0.3])?;
//! assert_eq!(nms(&boxes, &scores, 0.5)?.to_vec::<i64>()?, [1, 2]);
//! # Ok(())
//! # }
//! ```

mod check;
mod error;
pub mod features;
mod host;
pub mod metrics;
pub mod models;
pub mod ops;
mod picture;
pub mod proposals;
pub mod visualize;

pub use error::{Error, Result};
