//! Optimizers, learning-rate schedules and gradient clipping.
//!
//! ```
//! use ocelli_nn::Param;
//! use ocelli_optim::{Adam, Optimizer};
//! use ocelli_tensor::Tensor;
//!
//! # fn main() -> ocelli_optim::Result<()> {
//! // The minimum of (w - 3)².
//! let w = Param::new(Tensor::new([0.0f64])?)?;
//! let mut adam = Adam::new(vec![("w".to_string(), w.clone())]);
//! for _ in 0..200 {
//!     let loss = w.var().sub(3.0)?.square()?.sum(..)?;
//!     adam.step(&loss.backward()?, 0.1)?;
//! }
//! assert!((w.tensor().item::<f64>()? - 3.0).abs() < 1e-2);
//! # Ok(())
//! # }
//! ```
//!
//! An optimizer is made from a module's `named_parameters()`. Everything it remembers is kept by the parameters' paths, so
//! [`Optimizer::state_dict`] can be written to a file and loaded into an optimizer of the same network later.
//!
//! **Whose arithmetic.** Keras and PyTorch define the same methods slightly differently: see [`Arithmetic`]. `new` gives Keras'
//! arithmetic and defaults, `pytorch` gives PyTorch's.

mod adadelta;
mod adagrad;
mod adam;
mod adamw;
mod arithmetic;
pub mod clip;
mod error;
mod names;
mod optimizer;
mod parameters;
mod rmsprop;
pub mod schedules;
mod sgd;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamw::AdamW;
pub use arithmetic::Arithmetic;
pub use clip::{clip_by_global_norm, clip_by_norm, clip_by_value};
pub use error::{Error, Result};
pub use names::from_name;
pub use optimizer::{Optimizer, Update};
pub use parameters::{Group, Parameters, Slots};
pub use rmsprop::RmsProp;
pub use schedules::Schedule;
pub use sgd::Sgd;
