//! What compressed files lose.

use serde::{Deserialize, Serialize};

use crate::augment::Augment;
use crate::augment::color::color_channels;
use crate::image::to_byte;
use crate::image_io::{ColorMode, Decoder, encode_jpeg};
use crate::{Error, Image, Pixels, PixelsMut, Result, Sample, SampleRng};

/// [`jpeg_compression`] by a quality drawn evenly from a range: torchvision's `JPEG`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JpegCompression {
    /// The least and the largest quality, in 1..=100.
    pub quality: [u8; 2],
}

impl Augment for JpegCompression {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        let [low, high] = self.quality;
        if low > high || low < 1 || high > 100 {
            let message = format!("expected qualities in 1..=100, received {low}..={high}");
            return Err(Error::argument("jpeg compression", message));
        }
        let quality = low + rng.below(usize::from(high - low) + 1) as u8;
        sample.map_image(|image| jpeg_compression(image, quality))
    }
}

/// The picture as it comes back from a JPEG file of this quality; floats are rounded to bytes on the way.
///
/// # Errors
/// [`Error::Argument`] unless the quality is in 1..=100, no side is longer than 65,535 pixels, and the picture has pixels.
pub fn jpeg_compression(mut image: Image, quality: u8) -> Result<Image> {
    let (channels, colors) = (image.channels(), color_channels(&image));
    let colored = |pixel: &[f32]| pixel[..colors].iter().map(|x| to_byte(x * 255.0)).collect::<Vec<u8>>();
    let bytes: Vec<u8> = match image.pixels() {
        Pixels::U8(pixels) => pixels.chunks_exact(channels).flat_map(|pixel| &pixel[..colors]).copied().collect(),
        Pixels::F32(pixels) => pixels.chunks_exact(channels).flat_map(colored).collect(),
    };
    let file = encode_jpeg("jpeg compression", &bytes, [image.height(), image.width(), colors], quality)?;
    let mode = if colors == 1 { ColorMode::Gray } else { ColorMode::Rgb };
    let decoded = Decoder { mode, max_pixels: u64::MAX, orient: false }.decode("the compressed picture", &file)?;
    let Pixels::U8(bytes) = decoded.into_pixels() else { return Ok(image) };
    match image.pixels_mut() {
        PixelsMut::U8(pixels) => {
            for (pixel, new) in pixels.chunks_exact_mut(channels).zip(bytes.chunks_exact(colors)) {
                pixel[..colors].copy_from_slice(new);
            }
        }
        PixelsMut::F32(pixels) => {
            for (pixel, new) in pixels.chunks_exact_mut(channels).zip(bytes.chunks_exact(colors)) {
                pixel.iter_mut().zip(new).for_each(|(x, &new)| *x = f32::from(new) / 255.0);
            }
        }
    }
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(channels: usize) -> Image {
        let pixels = (0..32 * 32 * channels).map(|i| (i / channels % 32 * 4 + i / channels / 32 * 3) as u8).collect();
        Image::from_u8([32, 32, channels], pixels).unwrap()
    }

    /// The mean difference between a picture and its compressed form, in levels of 256.
    fn loss(image: &Image, quality: u8) -> f32 {
        let compressed = jpeg_compression(image.clone(), quality).unwrap();
        let (old, new) = (image.to_f32(), compressed.to_f32());
        255.0 * old.iter().zip(&new).map(|(a, b)| (a - b).abs()).sum::<f32>() / old.len() as f32
    }

    #[test]
    fn less_quality_loses_more() {
        for channels in 1..=4 {
            let image = gradient(channels);
            let [bad, good] = [loss(&image, 5), loss(&image, 95)];
            assert!(good < 1.0 && bad > 1.5 * good, "{channels}: {bad} {good}");
            let float = image.clone().into_float();
            assert!((loss(&float, 95) - good).abs() < 1e-3);
        }
        // Opacity is not compressed.
        let (old, new) = (gradient(4), jpeg_compression(gradient(4), 1).unwrap());
        let opacity = |image: &Image| image.to_f32().into_iter().skip(3).step_by(4).collect::<Vec<_>>();
        assert_eq!(opacity(&old), opacity(&new));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let rng = &mut SampleRng::new(0, 0, 0);
        for quality in [[0, 50], [50, 101], [60, 50]] {
            assert!(JpegCompression { quality }.apply_image(gradient(1), rng).is_err(), "{quality:?}");
        }
        assert!(jpeg_compression(Image::from_u8([0, 3, 1], vec![]).unwrap(), 50).is_err());
        let long = Image::from_u8([1, 70_000, 1], vec![0; 70_000]).unwrap();
        assert!(jpeg_compression(long, 50).is_err());
    }
}
