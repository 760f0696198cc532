//! What can go wrong while recording or differentiating.

use ocelli_tensor::{DType, Shape};

/// The result of a differentiable operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a differentiable operation was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The tensor operation underneath was refused.
    #[error(transparent)]
    Tensor(#[from] ocelli_tensor::Error),
    /// Only floats have derivatives.
    #[error("{op}: expected a float dtype, as only floats have gradients, received {received}")]
    NotFloat {
        /// What was asked for.
        op: &'static str,
        /// The dtype it was asked of.
        received: DType,
    },
    /// `backward` starts from one number.
    #[error(
        "backward: expected exactly one element to start from (or a seed through `backward_from`), received shape {0}"
    )]
    NotScalar(Shape),
    /// Nothing was recorded: no input needed a gradient, or recording was off.
    #[error(
        "backward: expected a value computed from variables that need gradients, received one without a recorded graph"
    )]
    NoGraph,
    /// The values that the gradient reads were dropped by an earlier `backward`.
    #[error(
        "backward: expected the values of `{op}`, but an earlier backward has freed them; use `Backward::new().retain_graph()` there"
    )]
    GraphFreed {
        /// The op whose values are gone.
        op: &'static str,
    },
    /// A gradient has another shape than its value: a bug in an op's `backward`.
    #[error("{op}: expected a gradient of shape {expected} for input {input}, received {received}")]
    GradientShape {
        /// The op.
        op: &'static str,
        /// Which input.
        input: usize,
        /// The input's shape.
        expected: Shape,
        /// What `backward` returned.
        received: Shape,
    },
    /// A variable did not take part in the computation.
    #[error(
        "gradients: expected a variable that the result was computed from, received one that it does not depend on"
    )]
    NoGradient,
}

impl Error {
    /// A tensor's error under the name that the user called.
    pub(crate) fn under(self, name: &'static str) -> Self {
        match self {
            Error::Tensor(error) => Error::Tensor(error.under(name)),
            other => other,
        }
    }
}
