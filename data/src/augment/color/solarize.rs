//! Negatives of what is bright.

use serde::{Deserialize, Serialize};

use super::values::{down, map_colors};
use crate::augment::Augment;
use crate::{Error, Image, Result, Sample, SampleRng};

/// Makes a negative of what is bright; see [`solarize`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Solarize {
    /// The first value that is changed, in the picture's own units.
    pub threshold: f32,
}

impl Augment for Solarize {
    fn apply(&self, sample: Sample, _: &mut SampleRng) -> Result<Sample> {
        sample.map_image(|image| solarize(image, self.threshold))
    }
}

/// White minus each colour that is at or above a threshold in the picture's own units (255 is white in pictures of bytes, 1 in those of floats). As torchvision's
/// function of the name.
///
/// # Errors
/// [`Error::Argument`] for a threshold above white.
pub fn solarize(image: Image, threshold: f32) -> Result<Image> {
    let white = image.white();
    if threshold.is_nan() || threshold > white {
        return Err(Error::argument("solarize", format!("expected a threshold up to {white}, received {threshold}")));
    }
    Ok(map_colors(image, down, |_, x| if x >= threshold { white - x } else { x }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let image = Image::from_u8([1, 4, 1], vec![0, 99, 100, 255]).unwrap();
        let expected = Image::from_u8([1, 4, 1], vec![0, 99, 155, 0]).unwrap();
        assert_eq!(solarize(image.clone(), 100.0).unwrap(), expected);
        assert!(solarize(image.clone(), f32::NAN).is_err() && solarize(image.into_float(), 1.5).is_err());
    }
}
