//! Labels of pictures in memory: boxes, polygons, run-length encoded masks, keypoints, and their codecs.
//!
//! Readers of data sets make them, augmentation moves them, detection and its metrics compare them. Positions are in pixels, `x`
//! to the right and `y` down, and pixel (row, column) covers `column..column + 1` by `row..row + 1`.
//!
//! ```
//! use ocelli_data::annotation::{BoxFormat, Polygon, Rle};
//! # fn main() -> ocelli_data::Result<()> {
//! // An object as COCO's files describe it: polygons, here one of three points.
//! let triangle = Polygon::from_flat(&[10.0, 10.0, 60.0, 10.0, 10.0, 60.0])?;
//! let mask = Rle::from_polygons(&[triangle], [100, 100])?;
//! assert_eq!(mask.area(), 1225);
//! assert_eq!(mask.bounding_box().to_array(BoxFormat::Xywh), [10.0, 10.0, 49.0, 49.0]);
//!
//! // The same mask as the text that COCO's files hold, and back.
//! let text = mask.to_compressed();
//! assert_eq!(Rle::from_compressed([100, 100], &text)?, mask);
//! # Ok(())
//! # }
//! ```

mod bitmap;
mod bounding_box;
mod class_details;
mod class_map;
mod keypoints;
mod labels;
mod polygon;
mod rle;
mod segmentation;
mod skeleton;

pub use bitmap::Bitmap;
pub use bounding_box::{BoundingBox, BoxFormat};
pub use class_details::ClassDetails;
pub(crate) use class_details::check_flip;
pub use class_map::ClassMap;
pub use keypoints::{Keypoint, Keypoints, Visibility};
pub use labels::{Flags, Labels, Object};
pub use polygon::Polygon;
pub use rle::Rle;
pub use segmentation::Segmentation;
pub use skeleton::Skeleton;
