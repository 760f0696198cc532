//! What can go wrong in training, and how it is said.

use std::path::{Path, PathBuf};

/// The result of training or evaluating.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why training was refused or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A module refused.
    #[error(transparent)]
    Nn(#[from] ocelli_nn::Error),
    /// A differentiable operation was refused.
    #[error(transparent)]
    Autograd(#[from] ocelli_autograd::Error),
    /// A tensor operation was refused, or a file of tensors is broken.
    #[error(transparent)]
    Tensor(#[from] ocelli_tensor::Error),
    /// Data could not be loaded.
    #[error(transparent)]
    Data(#[from] ocelli_data::Error),
    /// The optimizer refused.
    #[error(transparent)]
    Optim(#[from] ocelli_optim::Error),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file's content is not what its format asks for.
    #[error("{}: {message}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// An argument is out of its domain; the message says what was expected and received.
    #[error("{what}: {message}")]
    Argument {
        /// What was asked for.
        what: &'static str,
        /// What was expected and what was received.
        message: String,
    },
    /// The loss is no number any more. The weights are those before the step, and no checkpoint was written after it.
    #[error(
        "epoch {epoch}, step {step}: expected a finite loss, received {loss}; {}",
        culprit_text(culprit.as_ref())
    )]
    NonFiniteLoss {
        /// The epoch, counted from 1.
        epoch: usize,
        /// The step in the epoch, counted from 1.
        step: usize,
        /// The loss.
        loss: f64,
        /// The parameter with the largest gradient and the norm of that, a NaN being the largest.
        culprit: Option<(String, f64)>,
    },
    /// A weight is no number any more, so no checkpoint is written over the last good one.
    #[error(
        "epoch {epoch}, step {step}: expected finite weights to write into a checkpoint, received NaN or infinity in {key}"
    )]
    NonFiniteWeight {
        /// The epoch, counted from 1.
        epoch: usize,
        /// The number of steps done in the epoch.
        step: usize,
        /// The parameter or buffer.
        key: String,
    },
}

fn culprit_text(culprit: Option<&(String, f64)>) -> String {
    match culprit {
        Some((name, norm)) => {
            format!("the largest gradient is that of {name}, of norm {norm:e}")
        }
        None => "no parameter has a gradient".to_string(),
    }
}

impl Error {
    /// An [`Error::Argument`].
    pub fn argument(what: &'static str, message: impl Into<String>) -> Self {
        Error::Argument { what, message: message.into() }
    }

    /// An [`Error::Io`].
    pub fn io(path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Error::Io { path: path.as_ref().to_path_buf(), source }
    }

    /// An [`Error::Format`].
    pub fn format(path: impl AsRef<Path>, message: impl Into<String>) -> Self {
        Error::Format { path: path.as_ref().to_path_buf(), message: message.into() }
    }
}
