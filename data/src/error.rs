//! What can go wrong while data is read, and how it is said.

use std::path::{Path, PathBuf};

/// The result of reading or loading data.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why data could not be had. Every message names the file or the sample, what was expected and what was received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor operation was refused.
    #[error(transparent)]
    Tensor(#[from] ocelli_tensor::Error),
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
    #[error("{op}: {message}")]
    Argument {
        /// The operation.
        op: &'static str,
        /// What was expected and what was received.
        message: String,
    },
    /// An index lies outside a data set.
    #[error("expected an index in 0..{len}, received {index}")]
    Index {
        /// The index that was asked for.
        index: usize,
        /// The number of samples.
        len: usize,
    },
    /// A sample could not be loaded.
    #[error("sample {index}: {source}")]
    Sample {
        /// Its index in the loader's data set.
        index: usize,
        /// What went wrong.
        source: Box<Error>,
    },
    /// Samples were loaded but could not be put together into a batch.
    #[error("batch {batch}: {source}")]
    Collate {
        /// The number of the batch in its epoch.
        batch: usize,
        /// What went wrong.
        source: Box<Error>,
    },
    /// The code that loads samples panicked, or a worker thread could not be started.
    #[error("a data loading worker failed at {place}: {message}")]
    Worker {
        /// The sample or batch it was working on.
        place: String,
        /// What it said.
        message: String,
    },
    /// A file could not be downloaded.
    #[error("{url}: {message}")]
    Download {
        /// Where it was asked for.
        url: String,
        /// What went wrong.
        message: String,
    },
    /// A file's content is not the published one.
    #[error("{}: expected SHA-256 {expected}, received {received}", path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The published digest, in hexadecimal.
        expected: String,
        /// The digest of what is there.
        received: String,
    },
}

impl Error {
    /// An [`Error::Io`].
    pub fn io(path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Error::Io { path: path.as_ref().to_path_buf(), source }
    }

    /// An [`Error::Format`].
    pub fn format(path: impl AsRef<Path>, message: impl Into<String>) -> Self {
        Error::Format { path: path.as_ref().to_path_buf(), message: message.into() }
    }

    /// An [`Error::Argument`].
    pub fn argument(op: &'static str, message: impl Into<String>) -> Self {
        Error::Argument { op, message: message.into() }
    }

    /// `Err` with an [`Error::Index`] unless `index < len`.
    pub(crate) fn check_index(index: usize, len: usize) -> Result<()> {
        if index < len { Ok(()) } else { Err(Error::Index { index, len }) }
    }
}
