//! Films: folders of frames, and sequences of skeletons. [`Decoder::animation`](crate::image_io::Decoder::animation) reads animated files, which become
//! a [`Clip`](crate::Clip), too.

mod clips;
mod frames;
mod lists;
mod skeletons;

pub use clips::ClipSampling;
pub use frames::VideoFrames;
pub use lists::{VideoEntry, kinetics_list, ucf_list};
pub use skeletons::{SkeletonSequence, ntu_action, parse_skeletons, read_skeletons};
