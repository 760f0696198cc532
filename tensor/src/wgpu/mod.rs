//! Tensors on graphics processors, through WebGPU.
//!
//! What a kernel computes stands in `shaders/*.wgsl`. A file here for each family chooses the kernel, its constants and the number of
//! workgroups; `context` records that for the adapter. Without the feature `wgpu` the context is a type that has no values
//! (`absent.rs`), so that the families need no second form.

#[cfg(not(feature = "wgpu"))]
#[path = "absent.rs"]
mod context;
#[cfg(feature = "wgpu")]
mod context;
pub(crate) mod conv;
mod cooperative;
pub(crate) mod cross_entropy;
mod deferred;
pub(crate) mod elementwise;
mod expression;
mod fused;
pub(crate) mod index;
pub(crate) mod interpolate;
mod kernel;
pub(crate) mod layer_norm;
pub(crate) mod matmul;
pub(crate) mod norm;
pub(crate) mod pool;
pub(crate) mod position;
pub(crate) mod random;
pub(crate) mod recurrent;
pub(crate) mod reduce;
pub(crate) mod roi;
pub(crate) mod scan;
mod series;
pub(crate) mod softmax;
pub(crate) mod sort;
mod stored;
pub(crate) mod transfer;
pub(crate) mod update;
pub(crate) mod windows;

use context::PIECE;
#[cfg(not(windows))]
pub(crate) use context::finish_all;
pub(crate) use context::{Context, Memory, adapters, release_idle_memory};
pub(crate) use kernel::{Grid, Kernel, Program};
pub(crate) use stored::Stored;
