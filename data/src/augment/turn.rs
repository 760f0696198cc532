//! Turns by right angles.

use serde::{Deserialize, Serialize};

use super::geometry::{self, Moves};
use super::{Augment, Keep};
use crate::{Result, Sample, SampleRng};

/// Turns a picture by 0, 90, 180 or 270 degrees, each as often as the others. Pixels move as they are; height and width change places in half of the turns.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuarterTurn {
    /// How often one of the four is drawn; otherwise the picture stays as it is.
    pub probability: f64,
}

impl Default for QuarterTurn {
    /// Every time.
    fn default() -> Self {
        QuarterTurn { probability: 1.0 }
    }
}

impl Augment for QuarterTurn {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        super::check_probability(self.probability)?;
        if !rng.chance(self.probability) {
            return Ok(sample);
        }
        turned(sample, rng.below(4))
    }
}

/// A sample turned counter-clockwise by so many right angles, as NumPy's `rot90` does.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) if a mask has another size than the picture.
pub fn turned(sample: Sample, quarters: usize) -> Result<Sample> {
    let moves = Moves::turn(sample.image.size(), quarters);
    geometry::apply(sample, &moves, &Keep::ALL, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Image;

    #[test]
    fn every_turn_comes_up() {
        let image = Image::from_u8([1, 2, 1], vec![1, 2]).unwrap();
        let mut seen = Vec::new();
        for index in 0..50 {
            let turned = QuarterTurn::default().apply_image(image.clone(), &mut SampleRng::new(0, 0, index)).unwrap();
            if !seen.contains(&turned) {
                seen.push(turned);
            }
        }
        assert_eq!(seen.len(), 4);
        let none = QuarterTurn { probability: 0.0 };
        assert_eq!(none.apply_image(image.clone(), &mut SampleRng::new(0, 0, 0)).unwrap(), image);
    }
}
