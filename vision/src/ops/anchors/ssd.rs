//! SSD's default boxes (Liu et al. 2016).

use ocelli_tensor::Tensor;

use super::{over_maps, require_positive};
use crate::{Error, Result};

const OP: &str = "default_box_generator";

/// SSD's default boxes: torchvision's `DefaultBoxGenerator`, with its numbers.
///
/// Map `k` has the scale `sₖ`, a fraction of the picture. At the middle of each place there is a square of `sₖ`, one of
/// `√(sₖ · sₖ₊₁)`, and for each aspect ratio `a` a box of `sₖ√a × sₖ/√a` and one turned by 90°.
///
/// ```
/// use ocelli_vision::ops::anchors::DefaultBoxGenerator;
/// # fn main() -> ocelli_vision::Result<()> {
/// let boxes = DefaultBoxGenerator::ssd300()?;
/// assert_eq!(boxes.num_anchors_per_location(), [4, 6, 6, 6, 4, 4]);
/// let maps = [38, 19, 10, 5, 3, 1].map(|size| [size, size]);
/// assert_eq!(boxes.generate([300, 300], &maps)?.shape()[..], [8732, 4]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct DefaultBoxGenerator {
    ratios: Vec<Vec<f64>>,
    /// One more than maps.
    scales: Vec<f64>,
    steps: Option<Vec<f64>>,
    clip: bool,
}

impl DefaultBoxGenerator {
    /// Boxes of these aspect ratios (besides 1) for each map, with evenly spaced scales from 0.15 to 0.9 and 1 behind, clipped.
    ///
    /// # Errors
    /// Unless there is a map, and the ratios are above 0 and finite.
    pub fn new(ratios: &[Vec<f64>]) -> Result<Self> {
        if ratios.is_empty() {
            return Err(Error::argument(OP, "expected the aspect ratios of each map, received none"));
        }
        ratios.iter().try_for_each(|ratios| require_positive(OP, "aspect ratios", ratios))?;
        let scales = DefaultBoxGenerator { ratios: ratios.to_vec(), scales: Vec::new(), steps: None, clip: true };
        scales.scale_range(0.15, 0.9)
    }

    /// The boxes of SSD300 with VGG-16, as in torchvision's `ssd300_vgg16`.
    ///
    /// # Errors
    /// None: the numbers are valid.
    pub fn ssd300() -> Result<Self> {
        let (few, many) = (vec![2.0], vec![2.0, 3.0]);
        let ratios = [few.clone(), many.clone(), many.clone(), many, few.clone(), few];
        DefaultBoxGenerator::new(&ratios)?
            .scales(&[0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05])?
            .steps(&[8.0, 16.0, 32.0, 64.0, 100.0, 300.0])
    }

    /// The boxes of SSDLite320 with MobileNet v3, as in torchvision's `ssdlite320_mobilenet_v3_large`.
    ///
    /// # Errors
    /// None: the numbers are valid.
    pub fn ssdlite320() -> Result<Self> {
        DefaultBoxGenerator::new(&vec![vec![2.0, 3.0]; 6])?.scale_range(0.2, 0.95)
    }

    /// Evenly spaced scales from `least` for the first map to `most` for the last, and 1 behind (`most`, of one map).
    ///
    /// # Errors
    /// Unless both are above 0 and finite.
    pub fn scale_range(self, least: f64, most: f64) -> Result<Self> {
        let maps = self.ratios.len();
        if maps == 1 {
            return self.scales(&[least, most]);
        }
        let step = |k: usize| least + (most - least) * k as f64 / (maps - 1) as f64;
        let scales: Vec<f64> = (0..maps).map(step).chain([1.0]).collect();
        self.scales(&scales)
    }

    /// The scale of each map, and one more, for the larger square of the last.
    ///
    /// # Errors
    /// Unless there are so many, above 0 and finite.
    pub fn scales(mut self, scales: &[f64]) -> Result<Self> {
        require_positive(OP, "scales", scales)?;
        if scales.len() != self.ratios.len() + 1 {
            let message = format!("expected {} scales, received {}", self.ratios.len() + 1, scales.len());
            return Err(Error::argument(OP, message));
        }
        self.scales = scales.to_vec();
        Ok(self)
    }

    /// Pixels of the picture between the places of each map; without them a map covers the picture evenly.
    ///
    /// # Errors
    /// Unless there is one for each map, above 0 and finite.
    pub fn steps(mut self, steps: &[f64]) -> Result<Self> {
        require_positive(OP, "steps", steps)?;
        if steps.len() != self.ratios.len() {
            let message = format!("expected {} steps, received {}", self.ratios.len(), steps.len());
            return Err(Error::argument(OP, message));
        }
        self.steps = Some(steps.to_vec());
        Ok(self)
    }

    /// Whether sides are cut to the picture's. Boxes themselves are not cut at its edges.
    #[must_use]
    pub fn clip(mut self, clip: bool) -> Self {
        self.clip = clip;
        self
    }

    /// How many boxes each place of each map has.
    pub fn num_anchors_per_location(&self) -> Vec<usize> {
        self.ratios.iter().map(|ratios| 2 + 2 * ratios.len()).collect()
    }

    /// The boxes of a picture of `[height, width]` pixels whose maps have these `[height, width]`: `f32`, `[A, 4]`.
    ///
    /// # Errors
    /// Unless there is a size for each map, and memory for the boxes.
    pub fn generate(&self, [height, width]: [usize; 2], maps: &[[usize; 2]]) -> Result<Tensor> {
        let sides: Vec<Vec<[f32; 2]>> = (0..self.ratios.len()).map(|k| self.sides(k)).collect();
        over_maps(OP, maps, &self.num_anchors_per_location(), |k, row, column, push| {
            let places = match &self.steps {
                Some(steps) => [height as f64 / steps[k], width as f64 / steps[k]],
                None => maps[k].map(|size| size as f64),
            };
            let middle = |i: usize, places: f64| (i as f32 + 0.5) / places as f32;
            let (x, y) = (middle(column, places[1]), middle(row, places[0]));
            let (wide, high) = (width as f32, height as f32);
            for [w, h] in &sides[k] {
                push([(x - 0.5 * w) * wide, (y - 0.5 * h) * high, (x + 0.5 * w) * wide, (y + 0.5 * h) * high]);
            }
        })
    }

    /// The widths and heights of the boxes of a map, as fractions of the picture.
    fn sides(&self, k: usize) -> Vec<[f32; 2]> {
        let (scale, larger) = (self.scales[k], (self.scales[k] * self.scales[k + 1]).sqrt());
        let turned = |ratio: &f64| {
            let (w, h) = (scale * ratio.sqrt(), scale / ratio.sqrt());
            [[w, h], [h, w]]
        };
        let sides = [[scale; 2], [larger; 2]].into_iter().chain(self.ratios[k].iter().flat_map(turned));
        sides
            .map(|sides| sides.map(|side| if self.clip { (side as f32).clamp(0.0, 1.0) } else { side as f32 }))
            .collect()
    }
}
