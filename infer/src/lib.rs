//! Models of [`ocelli_nn`] compiled for inference.
//!
//! [`Plan::compile`] traces a model's `forward` once and for all batch sizes, folds and fuses what it has recorded, packs the
//! weights and plans the memory; [`Plan::run`] then runs a list of steps. It takes any model, also one the user wrote.
//!
//! ```
//! use ocelli_infer::Plan;
//! use ocelli_nn::{Linear, Module, ReLU, Sequential};
//! use ocelli_tensor::{DType, Generator, Tensor};
//!
//! # fn main() -> ocelli_infer::Result<()> {
//! let mut generator = Generator::new(0);
//! let model =
//!     Sequential::new().add(Linear::new(4, 8, &mut generator)?).add(ReLU).add(Linear::new(8, 3, &mut generator)?);
//! let plan = Plan::compile(&model, &Tensor::zeros([1, 4], DType::F32)?)?;
//! let logits = plan.run(&[Tensor::ones([2, 4], DType::F32)?])?.remove(0);
//! assert_eq!(logits.shape()[..], [2, 3]);
//! println!("{}", plan.report()?);
//! # Ok(())
//! # }
//! ```
//!
//! `graph` is what passes rewrite, `passes` the rewriting, `program` the steps and memory for one batch size, `kernels` what
//! steps compute.

mod capture;
mod error;
mod graph;
mod kernels;
mod passes;
mod plan;
mod program;
mod report;
mod unary;

pub use error::{Error, Result};
pub use plan::Plan;
pub use report::{Report, ReportStep};
