//! Files with several pictures.

use std::io::Cursor;
use std::path::Path;

use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, DynamicImage, ImageDecoder, ImageFormat};

use super::{Decoder, broken};
use crate::{Error, Image, Result};

/// The pictures of an animated file.
#[derive(Debug, Clone, PartialEq)]
pub struct Animation {
    /// The whole picture at each time, at least one.
    pub frames: Vec<Image>,
    /// How long each is shown, in milliseconds; 0 for that of a file that is not animated.
    pub delays: Vec<f64>,
}

impl Decoder {
    /// As [`Decoder::animation`], of a file.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::Format`] if it is no whole animation or picture, or too large.
    pub fn read_animation(&self, path: impl AsRef<Path>) -> Result<Animation> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|source| Error::io(path, source))?;
        self.animation(path, &bytes)
    }

    /// All pictures of an animated GIF, PNG or WebP file, each as it is shown; one of any other file. All together may have `max_pixels`. The
    /// frames of WebP files are laid over each other in 8 bits, by which a pixel may lose 1 in each frame after the first.
    ///
    /// # Errors
    /// As [`Decoder::decode`].
    pub fn animation(&self, name: impl AsRef<Path>, bytes: &[u8]) -> Result<Animation> {
        let name = name.as_ref();
        let refused = |error| broken(name, &error);
        match self.format(name, bytes)? {
            ImageFormat::Gif => self.checked(name, GifDecoder::new(Cursor::new(bytes)).map_err(refused)?),
            ImageFormat::WebP => {
                let decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(refused)?;
                if decoder.has_animation() { self.checked(name, decoder) } else { self.still(name, bytes) }
            }
            ImageFormat::Png => {
                let decoder = PngDecoder::with_limits(Cursor::new(bytes), self.limits()).map_err(refused)?;
                if !decoder.is_apng().map_err(refused)? {
                    return self.still(name, bytes);
                }
                self.check_size(name, decoder.dimensions(), 1)?;
                self.collect(name, decoder.apng().map_err(refused)?)
            }
            _ => self.still(name, bytes),
        }
    }

    fn still(&self, name: &Path, bytes: &[u8]) -> Result<Animation> {
        Ok(Animation { frames: vec![self.decode(name, bytes)?], delays: vec![0.0] })
    }

    fn checked<'a>(&self, name: &Path, mut decoder: impl ImageDecoder + AnimationDecoder<'a>) -> Result<Animation> {
        self.check_size(name, decoder.dimensions(), 1)?;
        decoder.set_limits(self.limits()).map_err(|error| broken(name, &error))?;
        self.collect(name, decoder)
    }

    fn collect<'a>(&self, name: &Path, decoder: impl AnimationDecoder<'a>) -> Result<Animation> {
        let mut film = Animation { frames: Vec::new(), delays: Vec::new() };
        for frame in decoder.into_frames() {
            let frame = frame.map_err(|error| broken(name, &error))?;
            let (numerator, denominator) = frame.delay().numer_denom_ms();
            let picture = frame.into_buffer();
            self.check_size(name, picture.dimensions(), film.frames.len() as u64 + 1)?;
            film.delays.push(f64::from(numerator) / f64::from(denominator.max(1)));
            film.frames.push(self.image(DynamicImage::ImageRgba8(picture))?);
        }
        if film.frames.is_empty() {
            return Err(Error::format(name, "expected an animation, received one without a picture"));
        }
        Ok(film)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_io::ColorMode;
    use image::{Delay, Frame, Rgba, RgbaImage};

    /// Three pictures of 4 × 3 in one colour each.
    fn written() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
        for level in [0, 120, 255] {
            let picture = RgbaImage::from_pixel(4, 3, Rgba([level, 0, 255 - level, 255]));
            encoder.encode_frame(Frame::from_parts(picture, 0, 0, Delay::from_numer_denom_ms(40, 1))).unwrap();
        }
        drop(encoder);
        bytes
    }

    #[test]
    fn frames_and_delays() {
        let decoder = Decoder { mode: ColorMode::Rgb, ..Decoder::default() };
        let path = tempfile::tempdir().unwrap().path().join("x.gif");
        assert!(decoder.read_animation(&path).is_err());
        let film = decoder.animation(&path, &written()).unwrap();
        assert_eq!((film.frames.len(), &film.delays[..]), (3, &[40.0; 3][..]));
        assert_eq!(film.frames[2].shape(), [3, 4, 3]);
        let red: Vec<f32> = film.frames.iter().map(|frame| 255.0 * frame.to_f32()[0]).collect();
        assert!(red.iter().zip([0.0, 120.0, 255.0]).all(|(a, b): (&f32, f32)| (a - b).abs() < 3.0), "{red:?}");
    }

    #[test]
    fn broken_files() {
        let whole = written();
        let text = |bytes: &[u8]| Decoder::default().animation("x.gif", bytes).unwrap_err().to_string();
        for length in [0, 5, 13, 40] {
            assert!(text(&whole[..length]).contains("x.gif: expected a"), "{length}");
        }
        let mut large = whole;
        large[6..10].copy_from_slice(&[0xff; 4]);
        assert!(text(&large).contains("65535x65535"));
    }
}
