//! Fewer levels of brightness.

use serde::{Deserialize, Serialize};

use super::values::{down, map_colors};
use crate::augment::Augment;
use crate::{Error, Image, Pixels, Result, Sample, SampleRng};

/// Keeps so many bits of each colour; see [`posterize`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Posterize {
    /// How many bits, at most 8.
    pub bits: u32,
}

impl Augment for Posterize {
    fn apply(&self, sample: Sample, _: &mut SampleRng) -> Result<Sample> {
        sample.map_image(|image| posterize(image, self.bits))
    }
}

/// Keeps the upper `bits` of 8 bits of each colour, floats as the largest of `2^bits` levels that is not above. As torchvision's function of the name.
///
/// # Errors
/// [`Error::Argument`] for more than 8 bits.
pub fn posterize(image: Image, bits: u32) -> Result<Image> {
    if bits > 8 {
        return Err(Error::argument("posterize", format!("expected at most 8 bits, received {bits}")));
    }
    if let Pixels::U8(_) = image.pixels() {
        let mask = (0xFF00u32 >> bits) as u8;
        return Ok(map_colors(image, |x| down(x) & mask, |_, x| x));
    }
    let levels = (1u32 << bits) as f32;
    Ok(map_colors(image, down, |_, x| (x * levels).floor().clamp(0.0, levels - 1.0) / levels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let image = Image::from_u8([1, 4, 1], vec![0, 63, 64, 255]).unwrap();
        let bits = |bits| posterize(image.clone(), bits).unwrap();
        assert_eq!(bits(2), Image::from_u8([1, 4, 1], vec![0, 0, 64, 192]).unwrap());
        assert_eq!((bits(8), bits(0)), (image.clone(), Image::from_u8([1, 4, 1], vec![0; 4]).unwrap()));
        let floats = Image::from_f32([1, 3, 1], vec![0.2, 0.25, 1.0]).unwrap();
        assert_eq!(posterize(floats, 2).unwrap().to_f32(), [0.0, 0.25, 0.75]);
        assert!(posterize(image, 9).is_err());
    }
}
