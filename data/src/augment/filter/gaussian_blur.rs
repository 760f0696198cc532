//! Blur as of a lens.

use serde::{Deserialize, Serialize};

use super::correlate::{Plane, check_side, separable};
use crate::augment::Augment;
use crate::augment::draw::draw;
use crate::{Error, Image, Result, Sample, SampleRng};

/// [`gaussian_blur`] by a deviation drawn evenly from a range: torchvision's `GaussianBlur`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GaussianBlur {
    /// Rows and columns of the kernel, odd.
    pub kernel: [usize; 2],
    /// The least and the largest standard deviation, in pixels.
    #[serde(default = "usual")]
    pub sigma: [f64; 2],
}

fn usual() -> [f64; 2] {
    [0.1, 2.0]
}

impl GaussianBlur {
    /// A square kernel and deviations in 0.1..=2.
    pub fn new(kernel: usize) -> Self {
        GaussianBlur { kernel: [kernel; 2], sigma: usual() }
    }
}

impl Augment for GaussianBlur {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        let sigma = draw("gaussian blur", "deviations", self.sigma, [0.0, f64::INFINITY], rng)?;
        sample.map_image(|image| gaussian_blur(image, self.kernel, [sigma; 2]))
    }
}

/// Weighs neighbours by a normal distribution: `kernel` and `sigma` are those of rows and of columns. As torchvision's function of the name (which has columns
/// first).
///
/// # Errors
/// [`Error::Argument`] unless sizes are odd and deviations finite and above 0.
pub fn gaussian_blur(image: Image, kernel: [usize; 2], sigma: [f64; 2]) -> Result<Image> {
    for side in kernel {
        check_side("gaussian blur", side)?;
    }
    if !sigma.iter().all(|sigma| sigma.is_finite() && *sigma > 0.0) {
        let message = format!("expected deviations above 0, received {sigma:?}");
        return Err(Error::argument("gaussian blur", message));
    }
    let [down, across] = [0, 1].map(|axis: usize| weights(kernel[axis], sigma[axis]));
    Ok(separable(&Plane::new(&image)?, [&down, &across])?.write(image))
}

/// A normal distribution at whole places around the middle, of sum 1.
fn weights(side: usize, sigma: f64) -> Vec<f32> {
    let half = (side / 2) as f64;
    let density = |place: usize| (-0.5 * ((place as f64 - half) / sigma).powi(2)).exp();
    let sum: f64 = (0..side).map(density).sum();
    (0..side).map(|place| (density(place) / sum) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_refused() {
        let image = Image::from_u8([2, 2, 1], vec![1, 2, 3, 4]).unwrap();
        for (kernel, sigma) in [([2, 3], [1.0; 2]), ([3, 0], [1.0; 2]), ([3, 3], [0.0, 1.0]), ([3, 3], [f64::NAN; 2])] {
            assert!(gaussian_blur(image.clone(), kernel, sigma).is_err());
        }
        let rng = &mut SampleRng::new(0, 0, 0);
        assert!(GaussianBlur { kernel: [3, 3], sigma: [2.0, 1.0] }.apply_image(image.clone(), rng).is_err());
        // A kernel of one pixel changes nothing, one far larger than the picture makes it even: but that one of the two rows
        // (2 levels apart) and columns (1 apart) weighs more by the last weight, 0.0036.
        assert_eq!(gaussian_blur(image.clone(), [1, 1], [1.0; 2]).unwrap(), image);
        let even = gaussian_blur(image.into_float(), [101, 101], [30.0; 2]).unwrap().to_f32();
        assert!(even.iter().all(|x| (x - 2.5 / 255.0).abs() < 0.0054 / 255.0), "{even:?}");
    }
}
