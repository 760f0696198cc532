//! RetinaNet's anchors (Lin et al. 2017): three sizes per octave.

use super::AnchorGenerator;
use crate::Result;

impl AnchorGenerator {
    /// Three sizes per octave and three ratios for each of five levels, P3 to P7, from 32 pixels on: nine at each place. As in
    /// torchvision's `retinanet_resnet50_fpn`, sizes are cut to whole pixels: 32, 40, 50 and so on.
    ///
    /// # Errors
    /// None: the numbers are valid.
    pub fn retinanet() -> Result<Self> {
        let octave = |size: f64| [0.0, 1.0, 2.0].map(|third: f64| (size * (third / 3.0).exp2()).floor()).to_vec();
        let sizes: Vec<Vec<f64>> = [32.0, 64.0, 128.0, 256.0, 512.0].map(octave).into();
        AnchorGenerator::new(&sizes, &vec![vec![0.5, 1.0, 2.0]; 5])
    }
}
