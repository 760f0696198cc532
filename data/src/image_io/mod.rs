//! Reading and writing files of pictures.

mod animation;
pub(crate) mod jpeg;

use std::io::Cursor;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits};
use ocelli_tensor::{DType, Tensor};

pub use animation::Animation;

use crate::{Error, Image, Result};

/// Which channels a picture is read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ColorMode {
    /// Those of the file: grey (1), grey and opacity (2), red, green, blue (3), or those and opacity (4). Palettes and CMYK become colours, GIF
    /// files have an opacity.
    #[default]
    Unchanged,
    /// One channel of brightness, with Pillow's weights for colours (ITU-R BT.601); opacity is dropped.
    Gray,
    /// Red, green, blue; opacity is dropped.
    Rgb,
    /// Red, green, blue, opacity; what has none is opaque.
    Rgba,
}

/// How files of pictures are read: PNG, JPEG, GIF, BMP, PNM and WebP, the format being told by the content, not by the name.
///
/// 16 bits per channel become the nearest 8. Of an animated file [`Decoder::decode`] gives the first frame, [`Decoder::animation`] all. A file that ends before its
/// last pixel is an error.
///
/// ```
/// use ocelli_data::image_io::{self, ColorMode, Decoder};
/// use ocelli_tensor::Tensor;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let path = std::env::temp_dir().join(format!("ocelli-doc-decoder-{}.png", std::process::id()));
/// image_io::write_png(&path, &Tensor::new([[[0u8, 128, 255]]])?)?;
/// let image = Decoder { mode: ColorMode::Rgb, ..Decoder::default() }.read(&path)?;
/// assert_eq!((image.shape(), image.path()), ([1, 3, 3], Some(path.as_path())));
/// let small = Decoder { max_pixels: 2, ..Decoder::default() };
/// assert!(small.read(&path).is_err());
/// # std::fs::remove_file(&path)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoder {
    /// The channels.
    pub mode: ColorMode,
    /// Larger pictures are refused before memory is reserved for them: a file of a few bytes can claim any size.
    pub max_pixels: u64,
    /// Whether a picture is turned as its EXIF data say. Labels that were made without regard to these need `false`.
    pub orient: bool,
}

impl Default for Decoder {
    /// The file's own channels, turned as EXIF says, at most 178,956,970 pixels (Pillow's limit: a quarter of a gigabyte in 12 bits).
    fn default() -> Self {
        Decoder { mode: ColorMode::Unchanged, max_pixels: 178_956_970, orient: true }
    }
}

const FORMATS: &str = "PNG, JPEG, GIF, BMP, PNM or WebP";

impl Decoder {
    /// The picture of a file, which knows its path.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::Format`] if it is no whole picture or too large.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Image> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|source| Error::io(path, source))?;
        Ok(self.decode(path, &bytes)?.with_path(path))
    }

    /// The picture of the bytes of a file; `name` is what errors call it.
    ///
    /// # Errors
    /// [`Error::Format`].
    pub fn decode(&self, name: impl AsRef<Path>, bytes: &[u8]) -> Result<Image> {
        let name = name.as_ref();
        let format = self.format(name, bytes)?;
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        reader.limits(self.limits());
        let mut decoder = reader.into_decoder().map_err(|error| broken(name, &error))?;
        self.check_size(name, decoder.dimensions(), 1)?;
        // What is wrong with EXIF data is not wrong with the picture.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let mut image = DynamicImage::from_decoder(decoder).map_err(|error| broken(name, &error))?;
        if self.orient {
            image.apply_orientation(orientation);
        }
        self.image(image)
    }

    /// The format that the content tells; an error for what cannot be read or visibly ends too early.
    fn format(&self, name: &Path, bytes: &[u8]) -> Result<ImageFormat> {
        let format = image::guess_format(bytes).ok().filter(|format| format.reading_enabled());
        let Some(format) = format else {
            let received = if bytes.is_empty() { "an empty file" } else { "none of them" };
            return Err(Error::format(name, format!("expected a {FORMATS} file, received {received}")));
        };
        if format == ImageFormat::Jpeg && !jpeg::has_end(bytes) {
            return Err(broken(name, &"the end of the picture is missing"));
        }
        Ok(format)
    }

    /// What decoders may reserve: 16 bytes for each pixel and as much again while they decode, and some for small pictures.
    fn limits(&self) -> Limits {
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(self.max_pixels.saturating_mul(32).saturating_add(1 << 24));
        limits
    }

    fn check_size(&self, name: &Path, (width, height): (u32, u32), frames: u64) -> Result<()> {
        let pixels = u64::from(width).saturating_mul(u64::from(height)).saturating_mul(frames);
        if (1..=self.max_pixels).contains(&pixels) {
            return Ok(());
        }
        let message = format!(
            "expected a picture of 1 to {} pixels, received {height}x{width}, in {frames} frames",
            self.max_pixels
        );
        Err(Error::format(name, message))
    }

    fn image(&self, image: DynamicImage) -> Result<Image> {
        let (height, width) = (image.height() as usize, image.width() as usize);
        let color = image.color();
        let (channels, pixels) = match (self.mode, color.has_color(), color.has_alpha()) {
            (ColorMode::Gray, true, _) => (1, gray(image.into_rgb8().into_raw())),
            (ColorMode::Gray, false, _) | (ColorMode::Unchanged, false, false) => (1, image.into_luma8().into_raw()),
            (ColorMode::Unchanged, false, true) => (2, image.into_luma_alpha8().into_raw()),
            (ColorMode::Rgb, _, _) | (ColorMode::Unchanged, true, false) => (3, image.into_rgb8().into_raw()),
            (ColorMode::Rgba, _, _) | (ColorMode::Unchanged, true, true) => (4, image.into_rgba8().into_raw()),
        };
        Image::from_u8([height, width, channels], pixels)
    }
}

fn broken(name: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::format(name, format!("expected a whole {FORMATS} file, received a broken one ({error})"))
}

/// Pillow's brightness of colours.
fn gray(rgb: Vec<u8>) -> Vec<u8> {
    let brightness = |&[r, g, b]: &[u8; 3]| {
        ((u32::from(r) * 19_595 + u32::from(g) * 38_470 + u32::from(b) * 7_471 + 0x8000) >> 16) as u8
    };
    rgb.as_chunks::<3>().0.iter().map(brightness).collect()
}

/// Reads a file as `u8` of shape `[channels, height, width]`, as the default [`Decoder`] does: with the channels that it has, turned as EXIF says.
///
/// ```
/// use ocelli_data::image_io;
/// use ocelli_tensor::Tensor;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let path = std::env::temp_dir().join(format!("ocelli-doc-{}.png", std::process::id()));
/// let gray = Tensor::new([[[0u8, 128, 255]]])?;
/// image_io::write_png(&path, &gray)?;
/// assert_eq!(image_io::read(&path)?.to_vec::<u8>()?, [0, 128, 255]);
/// # std::fs::remove_file(&path)?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`Decoder::read`].
pub fn read(path: impl AsRef<Path>) -> Result<Tensor> {
    read_as(path, ColorMode::Unchanged)
}

/// As [`read`], with the channels that are asked for.
///
/// # Errors
/// As [`Decoder::read`].
pub fn read_as(path: impl AsRef<Path>, mode: ColorMode) -> Result<Tensor> {
    Decoder { mode, ..Decoder::default() }.read(path)?.to_tensor()
}

/// As [`read_as`], from the bytes of a file; `name` is what errors call it.
///
/// # Errors
/// As [`Decoder::decode`].
pub fn decode(name: impl AsRef<Path>, bytes: &[u8], mode: ColorMode) -> Result<Tensor> {
    Decoder { mode, ..Decoder::default() }.decode(name, bytes)?.to_tensor()
}

/// Writes a `u8` tensor of shape `[channels, height, width]` (1 to 4 channels, see [`ColorMode::Unchanged`]) or `[height, width]` as a PNG
/// file. The file appears whole or not at all.
///
/// # Errors
/// [`Error::Tensor`] if shape or dtype are others, or the directory cannot be written.
pub fn write_png(path: impl AsRef<Path>, pixels: &Tensor) -> Result<()> {
    let path = path.as_ref();
    let (pixels, [channels, height, width]) = interleaved("write_png", pixels, 4)?;
    let color = match channels {
        1 => ExtendedColorType::L8,
        2 => ExtendedColorType::La8,
        3 => ExtendedColorType::Rgb8,
        _ => ExtendedColorType::Rgba8,
    };
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(&pixels, width, height, color)
        .map_err(|error| Error::format(path, format!("the image cannot be written: {error}")))?;
    Ok(ocelli_tensor::safetensors::write_atomically(path, &bytes)?)
}

/// Writes a `u8` tensor of shape `[channels, height, width]` (1 or 3 channels) or `[height, width]` as a JPEG file of a quality in
/// 1..=100. The file appears whole or not at all.
///
/// # Errors
/// [`Error::Tensor`] if shape or dtype are others, or the directory cannot be written; [`Error::Argument`] for another quality or sides above
/// 65,535 pixels.
pub fn write_jpeg(path: impl AsRef<Path>, pixels: &Tensor, quality: u8) -> Result<()> {
    let path = path.as_ref();
    let (pixels, [channels, height, width]) = interleaved("write_jpeg", pixels, 3)?;
    let bytes = encode_jpeg("write_jpeg", &pixels, [height, width, channels].map(|side| side as usize), quality)?;
    Ok(ocelli_tensor::safetensors::write_atomically(path, &bytes)?)
}

/// The bytes of a JPEG file of these pixels; `shape` is `[height, width, channels]`, and `op` is what errors call.
pub(crate) fn encode_jpeg(op: &'static str, pixels: &[u8], shape: [usize; 3], quality: u8) -> Result<Vec<u8>> {
    if !(1..=100).contains(&quality) {
        let message = format!("expected a quality in 1..=100, received {quality}");
        return Err(Error::argument(op, message));
    }
    let [height, width, channels] = shape;
    let color = match channels {
        1 => ExtendedColorType::L8,
        3 => ExtendedColorType::Rgb8,
        _ => return Err(Error::argument(op, format!("expected 1 or 3 channels, received {channels}"))),
    };
    let (Ok(rows @ 1..), Ok(columns @ 1..)) = (u16::try_from(height), u16::try_from(width)) else {
        let message = format!("expected 1 to 65535 rows and columns, received {height}x{width}");
        return Err(Error::argument(op, message));
    };
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .write_image(pixels, columns.into(), rows.into(), color)
        .map_err(|error| Error::argument(op, format!("expected pixels that can be encoded, received {error}")))?;
    Ok(bytes)
}

/// The pixels with their channels side by side, and `[channels, height, width]`.
fn interleaved(op: &'static str, pixels: &Tensor, most: usize) -> Result<(Vec<u8>, [u32; 3])> {
    if pixels.dtype() != DType::U8 {
        return Err(ocelli_tensor::Error::dtype(op, "pixels of u8", pixels.dtype()).into());
    }
    let shape = match pixels.shape()[..] {
        [height, width] => [1, height, width],
        [channels, height, width] => [channels, height, width],
        _ => [0; 3],
    };
    let sizes = shape.map(|size| u32::try_from(size).unwrap_or(0));
    if sizes.contains(&0) || shape[0] > most {
        let expected = format!(
            "an image of shape [channels, height, width] or [height, width] with 1 to {most} channels and at least one pixel"
        );
        return Err(ocelli_tensor::Error::shape(op, expected, pixels.shape()).into());
    }
    let pixels = pixels.reshape(shape)?.permute([1, 2, 0])?.to_vec()?;
    Ok((pixels, sizes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(channels: i64) -> Tensor {
        Tensor::arange(0, channels * 12, 1)
            .unwrap()
            .to_dtype(DType::U8)
            .unwrap()
            .reshape([channels as usize, 3, 4])
            .unwrap()
    }

    #[test]
    fn png_files_come_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.png");
        for channels in 1..=4 {
            let x = picture(channels);
            write_png(&path, &x).unwrap();
            let back = read(&path).unwrap();
            assert_eq!(back.shape(), x.shape());
            assert_eq!(back.to_vec::<u8>().unwrap(), x.to_vec::<u8>().unwrap());
            assert_eq!(read_as(&path, ColorMode::Gray).unwrap().shape()[..], [1, 3, 4]);
            assert_eq!(read_as(&path, ColorMode::Rgb).unwrap().shape()[..], [3, 3, 4]);
        }
        // A view that lies otherwise in memory, without a channel axis.
        let x = picture(1).select(0, 0).unwrap().t().unwrap();
        write_png(&path, &x).unwrap();
        let back = read(&path).unwrap();
        assert_eq!(back.shape()[..], [1, 4, 3]);
        assert_eq!(back.to_vec::<u8>().unwrap(), x.to_vec::<u8>().unwrap());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn jpeg_files_come_back_nearly() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.jpeg");
        for channels in [1, 3] {
            let x = Tensor::full([channels, 16, 16], 100, DType::U8).unwrap();
            write_jpeg(&path, &x, 95).unwrap();
            let back = read(&path).unwrap();
            assert_eq!(back.shape(), x.shape());
            let near = |&x: &u8| x.abs_diff(100) <= 2;
            assert!(back.to_vec::<u8>().unwrap().iter().all(near));
        }
        assert!(write_jpeg(&path, &picture(3), 0).is_err());
        assert!(write_jpeg(&path, &picture(2), 90).is_err());
    }

    #[test]
    fn broken_files_are_errors_that_name_them() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.png");
        let text = |path: &Path| read(path).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(text(&path).contains("x.png: "), "{}", text(&path));
        write_png(&path, &picture(3)).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for length in [8, 20, whole.len() / 2] {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(text(&path).contains("x.png: expected a whole PNG, JPEG"), "{}", text(&path));
        }
        std::fs::write(&path, "no picture").unwrap();
        assert!(
            text(&path).ends_with("x.png: expected a PNG, JPEG, GIF, BMP, PNM or WebP file, received none of them")
        );
        std::fs::write(&path, "").unwrap();
        assert!(text(&path).ends_with("received an empty file"), "{}", text(&path));
        // A JPEG file that ends too early, under another name.
        write_jpeg(&path, &Tensor::full([3, 40, 40], 100, DType::U8).unwrap(), 90).unwrap();
        let whole = std::fs::read(&path).unwrap();
        assert!(read(&path).is_ok());
        for length in [4, 100, whole.len() - 60, whole.len() - 2] {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(text(&path).contains("x.png: expected a whole PNG, JPEG"), "{length}: {}", text(&path));
        }
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let path = Path::new("never-written.png");
        for shape in [&[5, 2, 2][..], &[2], &[1, 0, 2], &[1, 1, 2, 2]] {
            assert!(write_png(path, &Tensor::zeros(shape, DType::U8).unwrap()).is_err());
        }
        assert!(write_png(path, &Tensor::zeros([2, 2], DType::F32).unwrap()).is_err());
        let nowhere = Path::new("no/such/directory/x.png");
        let text = write_png(nowhere, &picture(1)).unwrap_err().to_string();
        assert!(text.contains("no/such/directory/x.png"), "{text}");
    }
}
