//! Neural-network modules over [`ocelli_autograd`]: layers, initializers, regularizers, constraints, losses, summaries.
//!
//! ```
//! use ocelli_autograd::Var;
//! use ocelli_nn::{Conv2d, CrossEntropy, Flatten, Layer, Linear, Loss, MaxPool2d, Module, ReLU, Sequential};
//! use ocelli_tensor::{DType, Generator, Tensor};
//!
//! # fn main() -> ocelli_nn::Result<()> {
//! let mut generator = Generator::new(42);
//! let model = Sequential::new()
//!     .add(Conv2d::new(1, 8, 3, &mut generator)?)
//!     .add(ReLU)
//!     .add(MaxPool2d::new(2))
//!     .add(Flatten::new())
//!     .add(Linear::new(8 * 13 * 13, 10, &mut generator)?);
//!
//! let pictures = Var::constant(Tensor::rand([4, 1, 28, 28], DType::F32, &mut generator)?);
//! let labels = Tensor::new([3i64, 1, 4, 1])?;
//! let loss = CrossEntropy::new().loss(&model.forward(&pictures)?, &labels)?;
//! let gradients = loss.backward()?;
//! for (path, param) in model.named_parameters() {
//!     assert_eq!(gradients.get(&param.var())?.shape(), &param.shape(), "{path}");
//! }
//! # Ok(())
//! # }
//! ```

// The derive macro names this crate from outside.
extern crate self as ocelli_nn;

pub mod constraints;
mod error;
pub mod initializers;
mod layer;
mod layers;
pub mod losses;
mod module;
mod observe;
mod param;
pub mod regularizers;
mod sequential;
mod state_dict;
mod summary;

pub use constraints::Constraint;
pub use error::{Error, Result};
pub use initializers::Initializer;
pub use layer::Layer;
pub use layers::activation::{GELU, HardSigmoid, HardSwish, LeakyReLU, ReLU, ReLU6, SiLU, Sigmoid, Softmax, Tanh};
pub use layers::batch_norm::{BatchNorm, BatchNorm1d, BatchNorm2d, BatchNorm3d};
pub use layers::conv::{Conv2d, Conv2dBuilder};
pub use layers::dropout::Dropout;
pub use layers::flatten::Flatten;
pub use layers::group_norm::GroupNorm;
pub use layers::layer_norm::LayerNorm;
pub use layers::linear::{Linear, LinearBuilder};
pub use layers::pool::{AdaptiveAvgPool2d, AvgPool2d, MaxPool2d};
pub use layers::recurrent::{
    GRU, GruKind, LSTM, LstmKind, PlainKind, Recurrent, RecurrentBuilder, RecurrentKind, SimpleRNN,
};
pub use losses::{CrossEntropy, Loss};
pub use module::{Module, Part, Visitor, distinct};
pub use observe::{add_penalty, collect_penalties};
pub use ocelli_nn_derive::Module;
pub use param::{Buffer, Mode, Param, RandomStream};
pub use regularizers::Regularizer;
pub use sequential::Sequential;
pub use state_dict::{LoadReport, Misshapen, StateDict};
pub use summary::{Row, Summary, summary};
