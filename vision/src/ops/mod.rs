//! Detection's arithmetic on boxes.

pub mod boxes;
mod corners;
mod iou;
mod masks;
mod nms;

pub use boxes::BoxFormat;
pub use iou::iou_matrix;
pub use masks::{decode_masks, encode_masks, masks_to_boxes, paste_masks_in_image, polygons_to_mask};
pub use nms::{batched_nms, nms};
