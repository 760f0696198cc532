//! Reverse-mode automatic differentiation over [`ocelli_tensor`].
//!
//! A [`Var`] is a tensor and the way it was computed. Operations on variables are recorded; [`Var::backward`] walks the record
//! back and returns the [`Gradients`].
//!
//! ```
//! use ocelli_autograd::Var;
//! use ocelli_tensor::Tensor;
//!
//! # fn main() -> ocelli_autograd::Result<()> {
//! // One step of gradient descent on (w·3 - 6)².
//! let w = Var::leaf(Tensor::new(1.0f64)?)?;
//! let loss = w.mul(3.0)?.sub(6.0)?.square()?;
//! let gradients = loss.backward()?;
//! assert_eq!(gradients.get(&w)?.item::<f64>()?, -18.0);
//! let w = w.with_value(w.tensor().sub(&gradients.get(&w)?.tensor().mul(0.05)?)?)?;
//! assert_eq!(w.item::<f64>()?, 1.9);
//! # Ok(())
//! # }
//! ```
//!
//! An operation is a struct that implements [`Op`]: the record is data, which printing, export and compiling can read.
//! Gradients are computed by operations on variables, so they can be differentiated again ([`Backward::create_graph`]).

mod error;
mod gradients;
mod node;
mod op;
mod operand;
pub mod ops;
mod record;
mod trace;
mod var;

pub use error::{Error, Result};
pub use gradients::{Backward, Gradients};
pub use node::NodeView;
pub use op::{Keeps, Op};
pub use operand::VarOperand;
pub use record::{is_recording, no_grad};
pub use trace::{Trace, TraceStep, TraceValue, trace};
pub use var::Var;
