//! What can go wrong in a tensor operation, and how it is said.

use std::path::{Path, PathBuf};

use crate::{DType, Device, Shape};

/// The result of a tensor operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a tensor operation was refused. Every message names the operation, what was expected and what was received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two shapes do not broadcast against each other (NumPy's rule).
    #[error(
        "{op}: shapes {lhs} and {rhs} do not broadcast: expected sizes that are equal or 1, aligned at the last axis"
    )]
    Broadcast {
        /// The operation.
        op: &'static str,
        /// Shape of the left operand.
        lhs: Shape,
        /// Shape of the right operand.
        rhs: Shape,
    },
    /// A shape is not what the operation needs.
    #[error("{op}: expected {expected}, received shape {received}")]
    Shape {
        /// The operation.
        op: &'static str,
        /// What it needs.
        expected: String,
        /// What it was given.
        received: Shape,
    },
    /// A dtype is not what the operation needs.
    #[error("{op}: expected {expected}, received dtype {received}")]
    DType {
        /// The operation.
        op: &'static str,
        /// What it needs.
        expected: String,
        /// What it was given.
        received: DType,
    },
    /// Two tensors live on different devices.
    #[error("{op}: expected tensors on one device, received {lhs} and {rhs}")]
    Device {
        /// The operation.
        op: &'static str,
        /// Device of the left operand.
        lhs: Device,
        /// Device of the right operand.
        rhs: Device,
    },
    /// A graphics adapter is not there, cannot do what was asked for, has failed or was lost.
    #[error("{device}: {message}")]
    Adapter {
        /// The device.
        device: Device,
        /// What was expected and what was received, or what went wrong.
        message: String,
    },
    /// A kernel would have to see more of a tensor at once than the graphics adapter allows. Operations are done by parts then, or on the
    /// CPU, so this is what a kernel without either has met.
    #[error("{device}: expected at most {most} bytes of one operand for a kernel to see, received {received}")]
    Binding {
        /// The device.
        device: Device,
        /// What the adapter allows.
        most: u64,
        /// What the kernel would have to see.
        received: u64,
    },
    /// An axis lies outside the tensor's rank.
    #[error("{op}: expected an axis in {}..{rank}, received {axis}", -(*rank as isize))]
    Axis {
        /// The operation.
        op: &'static str,
        /// The axis that was asked for.
        axis: isize,
        /// The tensor's rank.
        rank: usize,
    },
    /// An index lies outside an axis.
    #[error("{op}: expected an index in {}..{size} along axis {axis}, received {index}", -(*size as i128))]
    Index {
        /// The operation.
        op: &'static str,
        /// The index that was asked for.
        index: i64,
        /// The axis it points along.
        axis: usize,
        /// The size of that axis.
        size: usize,
    },
    /// An element of an index tensor lies outside the axis that it points along; such elements do not count from the back.
    #[error("{op}: expected indices in 0..{size} along axis {axis}, received {index}")]
    IndexValue {
        /// The operation.
        op: &'static str,
        /// The element.
        index: i64,
        /// The axis it points along.
        axis: usize,
        /// The size of that axis.
        size: usize,
    },
    /// An argument other than a tensor is out of its domain; the message says what was expected and received.
    #[error("{op}: {message}")]
    Argument {
        /// The operation.
        op: &'static str,
        /// What was expected and what was received.
        message: String,
    },
    /// A shape has more elements than memory can address.
    #[error("{op}: shape {shape} of {dtype} has more bytes than memory can address")]
    TooLarge {
        /// The operation.
        op: &'static str,
        /// The shape.
        shape: Shape,
        /// The dtype.
        dtype: DType,
    },
    /// The allocator refused.
    #[error("out of memory: could not allocate {bytes} bytes")]
    OutOfMemory {
        /// How much was asked for.
        bytes: usize,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
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
}

impl Error {
    /// The same error under another operation's name: for an operation that is made of this one.
    #[must_use]
    pub fn under(mut self, name: &'static str) -> Self {
        match &mut self {
            Error::Broadcast { op, .. }
            | Error::Shape { op, .. }
            | Error::DType { op, .. }
            | Error::Device { op, .. }
            | Error::Axis { op, .. }
            | Error::Index { op, .. }
            | Error::IndexValue { op, .. }
            | Error::Argument { op, .. }
            | Error::TooLarge { op, .. } => *op = name,
            Error::Adapter { .. }
            | Error::Binding { .. }
            | Error::OutOfMemory { .. }
            | Error::Io { .. }
            | Error::Format { .. } => {}
        }
        self
    }

    /// An [`Error::Argument`].
    pub fn argument(op: &'static str, message: impl Into<String>) -> Self {
        Error::Argument { op, message: message.into() }
    }

    /// An [`Error::Shape`].
    pub fn shape(op: &'static str, expected: impl Into<String>, received: &Shape) -> Self {
        Error::Shape { op, expected: expected.into(), received: received.clone() }
    }

    /// An [`Error::DType`].
    pub fn dtype(op: &'static str, expected: impl Into<String>, received: DType) -> Self {
        Error::DType { op, expected: expected.into(), received }
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
