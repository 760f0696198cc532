//! What can go wrong in a step.

use ocelli_nn::LoadReport;

/// The result of an optimizer's operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an optimizer refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter or its constraint refused.
    #[error(transparent)]
    Nn(#[from] ocelli_nn::Error),
    /// A differentiable operation was refused.
    #[error(transparent)]
    Autograd(#[from] ocelli_autograd::Error),
    /// A tensor operation was refused.
    #[error(transparent)]
    Tensor(#[from] ocelli_tensor::Error),
    /// An argument is out of its domain; the message says what was expected and received.
    #[error("{what}: {message}")]
    Argument {
        /// What was asked for.
        what: &'static str,
        /// What was expected and what was received.
        message: String,
    },
    /// Stored state does not fit the optimizer.
    #[error("optimizer {0}")]
    State(LoadReport),
}

impl Error {
    /// An [`Error::Argument`].
    pub fn argument(what: &'static str, message: impl Into<String>) -> Self {
        Error::Argument { what, message: message.into() }
    }
}

/// Refuses a hyperparameter unless it fits.
pub(crate) fn require(fits: bool, what: &'static str, expected: &str, received: f64) -> Result<()> {
    if fits {
        return Ok(());
    }
    Err(Error::argument(what, format!("expected {expected}, received {received}")))
}
