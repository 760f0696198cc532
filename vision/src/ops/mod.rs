//! Detection's arithmetic on boxes.
//!
//! Tensors may lie on any device. What is arithmetic alone (formats, areas, coders, losses, regions of interest) is computed there, and refused
//! if its operands lie apart. What compares and chooses (overlaps of all pairs, suppression, assignment, draws, masks, keypoints) is done on the
//! CPU, by the same code for every device, so that ties and NaN are where they always are; its results go to the device of the tensor that the
//! function's or the module's documentation names. What is made of plain numbers (anchors, run-length codes) lies on the CPU.

pub mod anchors;
pub mod boxes;
mod center_sampling;
pub mod coders;
mod corners;
mod fusion;
mod iou;
mod iou_loss;
pub mod keypoints;
mod mask_iou;
mod masks;
mod matcher;
mod nms;
pub mod roi;
pub mod rotated;
mod sampler;
mod test_time;
mod tree;

pub use boxes::BoxFormat;
pub use center_sampling::CenterSampling;
pub use fusion::{Detections, FusedScore, FusionOptions, weighted_boxes_fusion};
pub use iou::{ciou_matrix, diou_matrix, giou_matrix, iou_matrix};
pub use iou_loss::{
    LOSS_EPSILON, box_iou_loss, complete_box_iou_loss, distance_box_iou_loss, generalized_box_iou_loss,
};
pub use mask_iou::mask_iou_matrix;
pub use masks::{decode_masks, encode_masks, masks_to_boxes, paste_masks_in_image, polygons_to_mask};
pub use matcher::{LowQuality, Matcher};
pub use nms::{
    MatrixDecay, Rescored, SoftDecay, batched_nms, diou_nms, mask_nms, matrix_nms, nms, rotated_nms, soft_nms,
};
pub use sampler::{BalancedPositiveNegativeSampler, hard_negative_mining};
pub use test_time::{MergeViews, merge_views};
