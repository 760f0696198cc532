//! What can go wrong in the vision crate, and how it is said.

/// The result of an operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation was refused. Every message names the operation, what was expected and what was received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor operation was refused.
    #[error(transparent)]
    Tensor(#[from] ocelli_tensor::Error),
    /// A picture was refused.
    #[error(transparent)]
    Data(#[from] ocelli_data::Error),
    /// An argument is out of its domain; the message says what was expected and received.
    #[error("{op}: {message}")]
    Argument {
        /// The operation.
        op: &'static str,
        /// What was expected and what was received.
        message: String,
    },
}

impl Error {
    /// An [`Error::Argument`].
    pub fn argument(op: &'static str, message: impl Into<String>) -> Self {
        Error::Argument { op, message: message.into() }
    }
}
