//! The anchors of feature pyramid networks (Lin et al. 2017): one size for each level.

use super::AnchorGenerator;
use crate::Result;

impl AnchorGenerator {
    /// One size and three ratios for each of five levels, P2 to P6: 32 to 512 pixels, as in torchvision's `fasterrcnn_resnet50_fpn`.
    ///
    /// # Errors
    /// None: the numbers are valid.
    pub fn fpn() -> Result<Self> {
        let sizes: Vec<Vec<f64>> = [32.0, 64.0, 128.0, 256.0, 512.0].map(|size| vec![size]).into();
        AnchorGenerator::new(&sizes, &vec![vec![0.5, 1.0, 2.0]; 5])
    }
}
