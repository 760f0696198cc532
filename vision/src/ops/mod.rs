//! Detection's arithmetic on boxes.

pub mod boxes;
mod corners;
mod iou;
mod nms;

pub use boxes::BoxFormat;
pub use iou::iou_matrix;
pub use nms::{batched_nms, nms};
