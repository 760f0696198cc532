//! Parts of a picture that are lost. Only pixels change: boxes, masks and keypoints of what is hidden stay, as torchvision leaves them; so a network learns to find what
//! it does not see whole.

mod cutout;
mod grid_mask;
mod random_erasing;

pub use cutout::Cutout;
pub use grid_mask::GridMask;
pub use random_erasing::RandomErasing;

use std::ops::Range;

use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::image::to_byte;
use crate::{Error, Image, PixelsMut, Result, SampleRng};

/// What stands where pixels have been erased.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Erased {
    /// This value in all channels, in the picture's own units (255 is white in pictures of bytes, 1 in those of floats).
    Constant(f64),
    /// A value for each channel, in the picture's own units; those that the picture has not are passed over.
    Color([f64; 4]),
    /// A random value for each pixel and channel: of the standard normal distribution in pictures of floats, as torchvision's `"random"` for normalized ones; any
    /// byte, each as likely as the others, in pictures of bytes.
    Random,
}

impl Default for Erased {
    /// Black, or the mean of a normalized picture.
    fn default() -> Self {
        Erased::Constant(0.0)
    }
}

impl Erased {
    /// `Err` unless all values are finite.
    fn check(&self, op: &'static str) -> Result<()> {
        let finite = match self {
            Erased::Constant(value) => value.is_finite(),
            Erased::Color(values) => values.iter().all(|value| value.is_finite()),
            Erased::Random => true,
        };
        if finite { Ok(()) } else { Err(Error::argument(op, format!("expected finite values, received {self:?}"))) }
    }

    fn value(&self, channel: usize) -> f64 {
        match self {
            Erased::Constant(value) => *value,
            Erased::Color(values) => values[channel],
            Erased::Random => 0.0,
        }
    }

    /// Erases pixels side by side, from number `pixels.start` on.
    fn erase(&self, image: &mut Image, pixels: Range<usize>, rng: &mut SampleRng) {
        let channels = image.channels();
        let numbers = pixels.start * channels..pixels.end * channels;
        let random = *self == Erased::Random;
        match image.pixels_mut() {
            PixelsMut::U8(all) if random => all[numbers].iter_mut().for_each(|x| *x = rng.below(256) as u8),
            PixelsMut::F32(all) if random => {
                all[numbers].iter_mut().for_each(|x| *x = StandardNormal.sample(&mut *rng));
            }
            PixelsMut::U8(all) => fill(&mut all[numbers], channels, |channel| to_byte(self.value(channel) as f32)),
            PixelsMut::F32(all) => fill(&mut all[numbers], channels, |channel| self.value(channel) as f32),
        }
    }

    /// Erases a rectangle.
    fn rectangle(&self, image: &mut Image, rows: Range<usize>, columns: Range<usize>, rng: &mut SampleRng) {
        let width = image.width();
        for row in rows {
            self.erase(image, row * width + columns.start..row * width + columns.end, rng);
        }
    }
}

fn fill<T: Copy>(numbers: &mut [T], channels: usize, value: impl Fn(usize) -> T) {
    for pixel in numbers.chunks_exact_mut(channels) {
        for (channel, x) in pixel.iter_mut().enumerate() {
            *x = value(channel);
        }
    }
}
