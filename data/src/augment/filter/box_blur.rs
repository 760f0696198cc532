//! The mean of neighbours.

use serde::{Deserialize, Serialize};

use super::correlate::{Plane, check_side, odd_side, separable};
use crate::augment::Augment;
use crate::{Image, Result, Sample, SampleRng};

/// [`box_blur`] by a square of an odd size drawn evenly from a range: Albumentations' `Blur`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoxBlur {
    /// The least and the largest side, both odd.
    pub kernel: [usize; 2],
}

impl Augment for BoxBlur {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        let side = odd_side("box blur", self.kernel, rng)?;
        sample.map_image(|image| box_blur(image, [side; 2]))
    }
}

/// The mean of so many rows and columns around each pixel: OpenCV's `blur`.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) unless both are odd.
pub fn box_blur(image: Image, kernel: [usize; 2]) -> Result<Image> {
    for side in kernel {
        check_side("box blur", side)?;
    }
    let [down, across] = kernel.map(|side| vec![1.0 / side as f32; side]);
    Ok(separable(&Plane::new(&image)?, [&down, &across])?.write(image))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let image = Image::from_u8([1, 4, 2], vec![0, 9, 30, 8, 90, 7, 0, 6]).unwrap();
        // (30 + 0 + 30) / 3 at the border; opacity stays.
        let expected = Image::from_u8([1, 4, 2], vec![20, 9, 40, 8, 40, 7, 60, 6]).unwrap();
        assert_eq!(box_blur(image.clone(), [1, 3]).unwrap(), expected);
        assert!(box_blur(image.clone(), [2, 3]).is_err());
        let rng = &mut SampleRng::new(0, 0, 0);
        for kernel in [[3, 1], [2, 3], [3, 4]] {
            assert!(BoxBlur { kernel }.apply_image(image.clone(), rng).is_err());
        }
        let sides: std::collections::BTreeSet<usize> = (0..50).map(|_| odd_side("x", [3, 7], rng).unwrap()).collect();
        assert_eq!(sides.into_iter().collect::<Vec<_>>(), [3, 5, 7]);
    }
}
