//! Colours moved along the directions in which those of photographs vary.

use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::values::map_colors;
use crate::augment::Augment;
use crate::image::to_byte;
use crate::{Error, Result, Sample, SampleRng};

/// Adds to every pixel one multiple of each principal component of colours, drawn normally with a deviation of `std` times the component's: "fancy PCA" (A.
/// Krizhevsky, I. Sutskever, G. Hinton, 2012, section 4.1). The result stays between black and white; grey pictures stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PcaColor {
    /// How much, as a part of what photographs differ by.
    pub std: f64,
    /// How far the colours of the training set's pixels, in 0..1, vary along each vector.
    pub values: [f64; 3],
    /// The eigenvectors, one for each value.
    pub vectors: [[f64; 3]; 3],
}

impl Default for PcaColor {
    /// A tenth, as in the paper, with ImageNet's components as they have been published with Facebook's ResNet in Torch.
    fn default() -> Self {
        PcaColor {
            std: 0.1,
            values: [0.2175, 0.0188, 0.0045],
            vectors: [[-0.5675, -0.5808, -0.5836], [0.7192, -0.0045, -0.6948], [0.4009, -0.8140, 0.4203]],
        }
    }
}

impl Augment for PcaColor {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        if !(self.std.is_finite() && self.std >= 0.0) {
            let message = format!("expected a deviation of at least 0, received {}", self.std);
            return Err(Error::argument("pca color", message));
        }
        let white = sample.image.white();
        let mut shift = [0.0; 3];
        for (value, vector) in self.values.iter().zip(self.vectors) {
            let normal: f64 = StandardNormal.sample(rng);
            for (shift, part) in shift.iter_mut().zip(vector) {
                *shift += self.std * normal * value * part;
            }
        }
        let shift = shift.map(|x| x as f32 * white);
        sample.map_image(|image| {
            if image.channels() < 3 {
                return Ok(image);
            }
            Ok(map_colors(image, to_byte, |channel, x| (x + shift[channel]).clamp(0.0, white)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Image;

    #[test]
    fn colors_vary_as_the_components_say() {
        let image = Image::from_f32([1, 1, 3], vec![0.5; 3]).unwrap();
        let change = PcaColor::default();
        let count = 4000;
        let mut moves: Vec<[f64; 3]> = Vec::new();
        for index in 0..count {
            let changed = change.apply_image(image.clone(), &mut SampleRng::new(0, 0, index)).unwrap().to_f32();
            moves.push(std::array::from_fn(|channel| f64::from(changed[channel]) - 0.5));
        }
        for (row, column) in (0..9).map(|i| (i / 3, i % 3)) {
            let received = moves.iter().map(|moved| moved[row] * moved[column]).sum::<f64>() / count as f64;
            let components = change.values.iter().zip(change.vectors);
            let expected: f64 = components.map(|(value, vector)| value * value * vector[row] * vector[column]).sum();
            // Relative standard deviation of a variance: sqrt(2 / 4000) = 0.022.
            assert!((received - 0.01 * expected).abs() < 0.1 * 0.01 * 0.2175f64.powi(2), "{received} {expected}");
        }
        let gray = Image::from_u8([1, 1, 1], vec![7]).unwrap();
        let rng = &mut SampleRng::new(0, 0, 0);
        assert_eq!(change.apply_image(gray.clone(), rng).unwrap(), gray);
        let wrong = PcaColor { std: -1.0, ..change };
        assert!(wrong.apply_image(gray, rng).is_err());
    }
}
