//! Models and boxes, one program for all so that it is linked once.

mod anchors;
mod assignment;
mod boxes;
mod coco;
mod coders;
mod common;
mod features;
mod fusion;
mod iou;
mod keypoints;
mod malformed;
mod masks;
mod metrics;
mod models;
mod plans;
mod proposals;
mod roi;
mod suppression;
