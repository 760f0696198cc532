//! N-dimensional tensors for computer vision, with kernels for the CPU.
//!
//! ```
//! use ocelli_tensor::{DType, Tensor};
//!
//! # fn main() -> ocelli_tensor::Result<()> {
//! let picture = Tensor::zeros([1, 3, 32, 32], DType::U8)?;
//! let x = (picture.to_dtype(DType::F32)? / 255.0)?;
//! assert_eq!(x.permute([0, 2, 3, 1])?.shape()[..], [1, 32, 32, 3]);
//! # Ok(())
//! # }
//! ```

mod adapter;
mod args;
mod cpu;
mod device;
mod display;
mod dtype;
mod element;
mod error;
pub mod kernels;
mod layout;
mod lock;
mod memory;
mod ops;
pub mod profile;
mod random;
pub mod safetensors;
mod shape;
mod tensor;
mod user;
mod wgpu;

pub use adapter::{Adapter, AdapterKind};
pub use args::{Axes, Operand, Scalar, Slice, TargetShape};
pub use cpu::gemm::Activation;
pub use cpu::threads::{num_threads, set_num_threads};
pub use device::Device;
pub use dtype::DType;
pub use element::Element;
pub use error::{Error, Result};
pub use half::{bf16, f16};
pub use memory::release_idle_memory;
pub use ops::conv::{ConvOptions, Padding, PerAxis};
pub use ops::create::Nested;
pub use ops::cross_entropy::ClassTargets;
pub use ops::einsum::{EinsumSpec, Label};
pub use ops::interpolate::{InterpolateMode, ResizeTo};
pub use ops::norm::{NormOptions, NormOver};
pub use ops::pad::PadMode;
pub use ops::pool::PoolOptions;
pub use ops::recurrent::{RecurrentCell, RecurrentGradients, RecurrentWeights};
pub use ops::roi::{RoiMode, RoiOptions};
pub use ops::update::{UpdateRule, WeightDecay};
pub use random::Generator;
pub use shape::Shape;
pub use tensor::Tensor;
#[doc(hidden)]
pub use user::cache_directory;
