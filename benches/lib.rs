//! What the benchmarks share. Run them with `cargo bench -p ocelli-benches`, one of them with
//! `cargo bench -p ocelli-benches --bench tensor -- matmul`.

use ocelli_tensor::{DType, Generator, Result, Tensor};

/// Standard normal numbers of this shape, the same at each run.
///
/// # Errors
/// Only if memory runs out.
pub fn randn(shape: &[usize]) -> Result<Tensor> {
    Tensor::randn(shape, DType::F32, &mut Generator::new(shape.len() as u64))
}
