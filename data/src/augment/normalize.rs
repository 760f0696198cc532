//! Bringing pixels to mean 0 and standard deviation 1.

use serde::{Deserialize, Serialize};

use super::Augment;
use crate::{Error, Result, Sample, SampleRng};

/// `(x − mean) / std` per channel. The result is of floats; bytes are divided by 255 first, so `mean` and `std` are those of pixels in 0..1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalize {
    /// The mean of each channel, or one for all.
    pub mean: Vec<f32>,
    /// The standard deviation of each channel, or one for all.
    pub std: Vec<f32>,
}

impl Normalize {
    /// The means and standard deviations that `torchvision` uses for ImageNet.
    pub const IMAGENET: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

    /// Means and standard deviations, one for each channel or one for all.
    pub fn new(mean: Vec<f32>, std: Vec<f32>) -> Self {
        Normalize { mean, std }
    }
}

impl Augment for Normalize {
    fn apply(&self, sample: Sample, _: &mut SampleRng) -> Result<Sample> {
        let channels = sample.image.channels();
        let fits = |values: &[f32]| values.len() == 1 || values.len() == channels;
        let usable = self.std.iter().all(|std| std.is_finite() && *std > 0.0);
        if !(fits(&self.mean) && fits(&self.std) && usable) {
            let message = format!(
                "expected 1 or {channels} means and standard deviations above 0, received {:?} and {:?}",
                self.mean, self.std
            );
            return Err(Error::argument("normalize", message));
        }
        let each = |values: &[f32]| std::array::from_fn::<f32, 4, _>(|channel| values[channel.min(values.len() - 1)]);
        let (mean, std) = (each(&self.mean), each(&self.std));
        sample.map_image(|image| Ok(image.map_floats(|channel, x| (x - mean[channel]) / std[channel])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Image;

    #[test]
    fn by_hand() {
        let rng = &mut SampleRng::new(0, 0, 0);
        let image = Image::from_u8([1, 2, 2], vec![0, 51, 255, 102]).unwrap();
        let each = Normalize::new(vec![0.5, 0.2], vec![0.5, 0.1]);
        let expected = [-1.0, 0.0, 1.0, 2.0];
        let result = each.apply_image(image.clone(), rng).unwrap().to_f32();
        assert!(result.iter().zip(expected).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-6));
        let all = Normalize::new(vec![1.0], vec![2.0]);
        let result = all.apply_image(image.clone(), rng).unwrap().to_f32();
        assert_eq!([result[0], result[2]], [-0.5, 0.0]);
        for (mean, std) in [(vec![], vec![1.0]), (vec![0.0; 3], vec![1.0]), (vec![0.0], vec![0.0])] {
            assert!(Normalize::new(mean, std).apply_image(image.clone(), rng).is_err());
        }
    }
}
