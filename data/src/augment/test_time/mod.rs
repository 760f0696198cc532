//! Test-time augmentation: several views of one picture, and the way back of what a network finds in them.

mod merge;
mod view;

pub use self::merge::{Merge, merge_scores};
pub use self::view::View;
