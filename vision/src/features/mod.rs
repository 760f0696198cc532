//! Classical features: what recognition was built from before networks, and R-CNN still in part.
//!
//! [`integral_image`] sums any rectangle with four reads, [`Hog`] describes a window by its gradients' directions, and a [`LinearSvm`]
//! tells classes apart by such descriptions, or by the features of a network, as R-CNN does.

mod hog;
mod integral;
mod svm;

pub use hog::{BlockNorm, Hog, Votes};
pub use integral::{box_sums, integral_image};
pub use svm::{ClassWeight, LinearClassifier, LinearSvm, SvmLoss};
