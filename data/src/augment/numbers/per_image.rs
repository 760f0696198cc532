//! Each picture by its own mean and deviation.

use serde::{Deserialize, Serialize};

use crate::augment::Augment;
use crate::{Pixels, Result, Sample, SampleRng};

/// `(x − mean) / max(std, 1/√n)` with mean and standard deviation of all `n` numbers of a picture: TensorFlow's `per_image_standardization`. The result is of floats, the lower limit of the
/// deviation in the picture's own units: bytes count up to 255, as there.
///
/// ```
/// use ocelli_data::augment::{Augment, PerImageStandardization};
/// use ocelli_data::{Image, SampleRng};
/// # fn main() -> ocelli_data::Result<()> {
/// let image = Image::from_u8([1, 4, 1], vec![10, 10, 30, 30])?;
/// let standard = PerImageStandardization {}.apply_image(image, &mut SampleRng::new(0, 0, 0))?;
/// assert_eq!(standard.to_f32(), [-1.0, -1.0, 1.0, 1.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerImageStandardization {}

impl Augment for PerImageStandardization {
    fn apply(&self, sample: Sample, _: &mut SampleRng) -> Result<Sample> {
        sample.map_image(|image| {
            let numbers = match image.pixels() {
                Pixels::U8(pixels) => pixels.iter().map(|&x| f32::from(x)).collect(),
                Pixels::F32(pixels) => pixels.clone(),
            };
            let standard = standardized(numbers);
            image.replaced(image.shape(), Pixels::F32(standard))
        })
    }
}

fn standardized(mut numbers: Vec<f32>) -> Vec<f32> {
    // Without numbers nothing is divided by this.
    let count = numbers.len().max(1) as f64;
    let mean = numbers.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
    let square = numbers.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / count;
    let deviation = square.sqrt().max(1.0 / count.sqrt());
    numbers.iter_mut().for_each(|x| *x = ((f64::from(*x) - mean) / deviation) as f32);
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Image;

    #[test]
    fn pictures_of_one_value_or_none() {
        let rng = &mut SampleRng::new(0, 0, 0);
        let flat = Image::from_u8([2, 2, 3], vec![200; 12]).unwrap();
        assert_eq!(PerImageStandardization {}.apply_image(flat, rng).unwrap().to_f32(), [0.0; 12]);
        let nothing = Image::from_f32([0, 2, 3], vec![]).unwrap();
        assert_eq!(PerImageStandardization {}.apply_image(nothing.clone(), rng).unwrap(), nothing);
    }
}
