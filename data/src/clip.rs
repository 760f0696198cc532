//! Pictures in a row.

use crate::Sample;
use crate::annotation::Labels;

/// A clip of a film: its frames in order, and what is known of them together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Clip {
    /// The frames, each with its own labels; the ids of objects tell which are the same in several frames.
    pub frames: Vec<Sample>,
    /// What holds for the whole clip, such as the class of an action.
    pub labels: Labels,
}
