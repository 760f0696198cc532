//! Floats for bytes.

use serde::{Deserialize, Serialize};

use crate::augment::Augment;
use crate::{Result, Sample, SampleRng};

/// Makes floats in 0..1 of bytes (divided by 255) and leaves floats as they are: what torchvision's `ToTensor` does to the numbers. The tensor itself, channels first,
/// is [`Image::to_tensor`](crate::Image::to_tensor), or made by the loader.
///
/// ```
/// use ocelli_data::augment::{Augment, ToFloat};
/// use ocelli_data::{Image, SampleRng};
/// # fn main() -> ocelli_data::Result<()> {
/// let image = ToFloat {}.apply_image(Image::from_u8([1, 2, 1], vec![0, 51])?, &mut SampleRng::new(0, 0, 0))?;
/// assert_eq!(image, Image::from_f32([1, 2, 1], vec![0.0, 0.2])?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToFloat {}

impl Augment for ToFloat {
    fn apply(&self, sample: Sample, _: &mut SampleRng) -> Result<Sample> {
        sample.map_image(|image| Ok(image.into_float()))
    }
}
