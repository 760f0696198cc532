//! Models and boxes, one program for all so that it is linked once.

mod anchors;
mod assignment;
mod boxes;
mod coco;
mod coders;
mod common;
mod devices;
mod features;
mod fusion;
mod huge;
mod iou;
mod keypoints;
mod malformed;
mod malformed_pictures;
mod masks;
mod metrics;
mod models;
mod plans;
mod proposals;
mod roi;
mod suppression;
