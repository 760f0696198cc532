//! What can go wrong in a module.

use crate::LoadReport;

/// The result of a module's operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a module refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A differentiable operation was refused.
    #[error(transparent)]
    Autograd(#[from] ocelli_autograd::Error),
    /// A tensor operation was refused.
    #[error(transparent)]
    Tensor(#[from] ocelli_tensor::Error),
    /// A layer's input is not what it was made for.
    #[error("{layer}: expected {expected}, received {received}")]
    Input {
        /// The layer.
        layer: &'static str,
        /// What it takes.
        expected: String,
        /// What it was given.
        received: String,
    },
    /// An argument is out of its domain; the message says what was expected and received.
    #[error("{what}: {message}")]
    Argument {
        /// What was being made.
        what: &'static str,
        /// What was expected and what was received.
        message: String,
    },
    /// Stored weights do not fit the module.
    #[error("{0}")]
    StateDict(LoadReport),
}

impl Error {
    /// An [`Error::Argument`].
    pub fn argument(what: &'static str, message: impl Into<String>) -> Self {
        Error::Argument { what, message: message.into() }
    }
}
