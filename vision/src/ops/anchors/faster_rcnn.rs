//! Faster R-CNN's anchors (Ren et al. 2015): three sizes and three ratios on one map.

use super::AnchorGenerator;
use crate::Result;

impl AnchorGenerator {
    /// Squares of 128, 256 and 512 pixels and their like with ratios 1:2 and 2:1, on one map: nine at each place.
    ///
    /// # Errors
    /// None: the numbers are valid.
    pub fn faster_rcnn() -> Result<Self> {
        AnchorGenerator::new(&[vec![128.0, 256.0, 512.0]], &[vec![0.5, 1.0, 2.0]])
    }
}
