//! Curves of brightness.

use serde::{Deserialize, Serialize};

use super::values::{from_unit, map_colors};
use crate::augment::Augment;
use crate::augment::draw::draw;
use crate::{Error, Image, Result, Sample, SampleRng};

/// [`adjust_gamma`] by an exponent drawn evenly from a range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gamma {
    /// The least and the largest exponent; below 1 makes lighter, above 1 darker.
    pub gamma: [f64; 2],
}

impl Default for Gamma {
    /// Exponents in 0.8..=1.2, as Albumentations.
    fn default() -> Self {
        Gamma { gamma: [0.8, 1.2] }
    }
}

impl Augment for Gamma {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        let gamma = draw("gamma", "exponents", self.gamma, [0.0, f64::INFINITY], rng)?;
        sample.map_image(|image| adjust_gamma(image, gamma, 1.0))
    }
}

/// `gain · xᵞ` of all colours in 0..1; a gain other than 1 limits the result to 0..1. As torchvision's function of the name.
///
/// # Errors
/// [`Error::Argument`] for an exponent or a gain below 0.
pub fn adjust_gamma(image: Image, gamma: f64, gain: f64) -> Result<Image> {
    if !(gamma.is_finite() && gain.is_finite() && gamma >= 0.0 && gain >= 0.0) {
        let message = format!("expected an exponent and a gain of at least 0, received {gamma} and {gain}");
        return Err(Error::argument("adjust gamma", message));
    }
    let (scale, gamma, gain) = (1.0 / image.white(), gamma as f32, gain as f32);
    Ok(map_colors(image, from_unit, |_, x| {
        let curve = (x * scale).powf(gamma);
        if gain == 1.0 { curve } else { (gain * curve).clamp(0.0, 1.0) }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let image = Image::from_f32([1, 3, 1], vec![0.0, 0.5, 1.0]).unwrap();
        let gamma = |gamma, gain| adjust_gamma(image.clone(), gamma, gain).unwrap().to_f32();
        assert_eq!(gamma(2.0, 1.0), [0.0, 0.25, 1.0]);
        assert_eq!(gamma(2.0, 2.0), [0.0, 0.5, 1.0]);
        let bytes = Image::from_u8([16, 16, 1], (0..=255).collect()).unwrap();
        assert_eq!(adjust_gamma(bytes.clone(), 1.0, 1.0).unwrap(), bytes);
        for (gamma, gain) in [(-1.0, 1.0), (1.0, -1.0), (f64::NAN, 1.0)] {
            assert!(adjust_gamma(bytes.clone(), gamma, gain).is_err());
        }
        let wrong = Gamma { gamma: [-0.5, 1.0] };
        assert!(wrong.apply_image(bytes, &mut SampleRng::new(0, 0, 0)).is_err());
    }
}
