//! Every brightness as often as the others.

use serde::{Deserialize, Serialize};

use super::values::{color_channels, from_unit, map_bytes};
use crate::augment::Augment;
use crate::{Image, PixelsMut, Result, Sample, SampleRng};

/// Makes the histogram of each colour flat; see [`equalize`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Equalize {}

impl Augment for Equalize {
    fn apply(&self, sample: Sample, _: &mut SampleRng) -> Result<Sample> {
        sample.map_image(|image| Ok(equalize(image)))
    }
}

/// Makes the histogram of each colour as flat as it can be while equal values stay equal. As torchvision's function of the name, and so as Pillow's; floats become
/// one of 256 levels.
pub fn equalize(mut image: Image) -> Image {
    let (channels, colors) = (image.channels(), color_channels(&image));
    match image.pixels_mut() {
        PixelsMut::U8(pixels) => {
            let tables: Vec<[u8; 256]> = (0..colors).map(|channel| table(pixels, channels, channel)).collect();
            map_bytes(image, &tables)
        }
        PixelsMut::F32(pixels) => {
            let bytes: Vec<u8> = pixels.iter().map(|&x| from_unit(x)).collect();
            for channel in 0..colors {
                let table = table(&bytes, channels, channel);
                let of_channel = bytes.iter().skip(channel).step_by(channels);
                for (x, &byte) in pixels.iter_mut().skip(channel).step_by(channels).zip(of_channel) {
                    *x = f32::from(table[usize::from(byte)]) * (1.0 / 255.0);
                }
            }
            image
        }
    }
}

/// What becomes of each value of a channel.
fn table(pixels: &[u8], channels: usize, channel: usize) -> [u8; 256] {
    let mut histogram = [0usize; 256];
    for &x in pixels.iter().skip(channel).step_by(channels) {
        histogram[usize::from(x)] += 1;
    }
    let brightest = histogram.iter().rposition(|&count| count > 0).unwrap_or(0);
    let step = histogram[..brightest].iter().sum::<usize>() / 255;
    if step == 0 {
        return std::array::from_fn(|value| value as u8);
    }
    let mut below = 0;
    histogram.map(|count| {
        let level = (below + step / 2) / step;
        below += count;
        level.min(255) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pixels;

    #[test]
    fn by_hand() {
        // 256 values of 10..=137, two of each.
        let pixels: Vec<u8> = (0..256).map(|i| 10 + (i / 2) as u8).collect();
        let image = Image::from_u8([16, 16, 1], pixels).unwrap();
        let Pixels::U8(levels) = equalize(image.clone()).into_pixels() else { panic!("bytes stay bytes") };
        // 254 are below the brightest: less than one a level, so that nothing changes.
        assert_eq!(levels, (0..256).map(|i| 10 + (i / 2) as u8).collect::<Vec<_>>());
        let twice = Image::from_u8([32, 16, 1], (0..512).map(|i| 10 + (i / 4) as u8).collect()).unwrap();
        let Pixels::U8(levels) = equalize(twice).into_pixels() else { panic!("bytes stay bytes") };
        assert!(levels.iter().enumerate().all(|(i, &level)| usize::from(level) == (i / 4 * 4).min(255)));
    }
}
