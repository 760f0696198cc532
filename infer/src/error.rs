//! What can go wrong in compiling or running a plan.

use ocelli_tensor::{DType, Shape};

/// The result of compiling or running a plan.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a plan could not be compiled or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The model refused the example, or a tensor operation failed.
    #[error(transparent)]
    Model(#[from] ocelli_nn::Error),
    /// A tensor operation was refused.
    #[error(transparent)]
    Tensor(#[from] ocelli_tensor::Error),
    /// An operation of the plan was refused.
    #[error(transparent)]
    Autograd(#[from] ocelli_autograd::Error),
    /// The model does other things with other inputs or batch sizes, so that one plan cannot stand for it.
    #[error("compile: expected a model that does the same for every batch, {0}")]
    NotUniform(String),
    /// The example is not one that a batch size can be read from.
    #[error("compile: expected example inputs with at least one row along their first axis, received {0}")]
    Example(String),
    /// A run was given another number of inputs or outputs than the plan has.
    #[error("run: expected {expected} {what}, received {received}")]
    Count {
        /// Inputs or outputs.
        what: &'static str,
        /// How many the plan has.
        expected: usize,
        /// How many were given.
        received: usize,
    },
    /// An input has another shape than the plan was compiled for.
    #[error("run: expected input {input} of shape {expected}, received {received}")]
    InputShape {
        /// Which input.
        input: usize,
        /// The shape of the plan, `N` being the batch size.
        expected: String,
        /// What was given.
        received: Shape,
    },
    /// An input has another dtype than the plan was compiled for.
    #[error("run: expected input {input} of dtype {expected}, received {received}")]
    InputDType {
        /// Which input.
        input: usize,
        /// The dtype of the example.
        expected: DType,
        /// What was given.
        received: DType,
    },
    /// A slice for an output has not as many elements as the output.
    #[error("run_into: expected {expected} elements for output {output} of shape {shape}, received {received}")]
    OutputLength {
        /// Which output.
        output: usize,
        /// The output's shape.
        shape: Shape,
        /// Its number of elements.
        expected: usize,
        /// What was given.
        received: usize,
    },
    /// `run_into` writes `f32` only.
    #[error("run_into: expected a plan whose outputs are f32, but output {output} is {received}")]
    OutputDType {
        /// Which output.
        output: usize,
        /// Its dtype.
        received: DType,
    },
}
