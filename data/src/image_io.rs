//! Reading and writing PNG and JPEG files as tensors.

use std::io::Cursor;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageReader};
use ocelli_tensor::{DType, Tensor};

use crate::{Error, Result};

/// Which channels a picture is read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ColorMode {
    /// Those of the file: grey (1), grey and opacity (2), red, green, blue (3), or those and opacity (4).
    #[default]
    Unchanged,
    /// One channel of brightness (ITU-R BT.709's weights for colours); opacity is dropped.
    Gray,
    /// Red, green, blue; opacity is dropped.
    Rgb,
}

/// Reads a PNG or JPEG file as `u8` of shape `[channels, height, width]`, with the channels that it has. 16 bits per channel become 8.
///
/// The format is told by the content, not by the name.
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
/// [`Error::Io`] if the file cannot be read, [`Error::Format`] if it is no whole PNG or JPEG file.
pub fn read(path: impl AsRef<Path>) -> Result<Tensor> {
    read_as(path, ColorMode::Unchanged)
}

/// As [`read`], with the channels that are asked for.
///
/// # Errors
/// As [`read`].
pub fn read_as(path: impl AsRef<Path>, mode: ColorMode) -> Result<Tensor> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|source| Error::io(path, source))?;
    decode(path, &bytes, mode)
}

/// As [`read_as`], from the bytes of a file; `name` is what errors call it.
///
/// # Errors
/// [`Error::Format`].
pub fn decode(name: impl AsRef<Path>, bytes: &[u8], mode: ColorMode) -> Result<Tensor> {
    let name = name.as_ref();
    let broken = |error: &dyn std::fmt::Display| {
        let message = format!("expected a whole PNG or JPEG file, received a broken one ({error})");
        Error::format(name, message)
    };
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| broken(&error))?;
    if reader.format().is_none() {
        return Err(Error::format(name, "expected a PNG or JPEG file, received neither"));
    }
    let image = reader.decode().map_err(|error| broken(&error))?;
    let (height, width) = (image.height() as usize, image.width() as usize);
    let color = image.color();
    let (channels, pixels) = match mode {
        ColorMode::Gray => (1, image.into_luma8().into_raw()),
        ColorMode::Rgb => (3, image.into_rgb8().into_raw()),
        ColorMode::Unchanged => match (color.has_color(), color.has_alpha()) {
            (false, false) => (1, image.into_luma8().into_raw()),
            (false, true) => (2, image.into_luma_alpha8().into_raw()),
            (true, false) => (3, image.into_rgb8().into_raw()),
            (true, true) => (4, DynamicImage::into_rgba8(image).into_raw()),
        },
    };
    // Files hold the channels of a pixel side by side.
    let pixels = Tensor::from_vec(pixels, [height, width, channels])?;
    Ok(pixels.permute([2, 0, 1])?)
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
/// [`Error::Tensor`] if shape or dtype are others, or the directory cannot be written; [`Error::Argument`] for another quality.
pub fn write_jpeg(path: impl AsRef<Path>, pixels: &Tensor, quality: u8) -> Result<()> {
    let path = path.as_ref();
    if !(1..=100).contains(&quality) {
        let message = format!("expected a quality in 1..=100, received {quality}");
        return Err(Error::argument("write_jpeg", message));
    }
    let (pixels, [channels, height, width]) = interleaved("write_jpeg", pixels, 3)?;
    let color = match channels {
        1 => ExtendedColorType::L8,
        3 => ExtendedColorType::Rgb8,
        _ => {
            let message = format!("expected 1 or 3 channels, received {channels}");
            return Err(Error::argument("write_jpeg", message));
        }
    };
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .write_image(&pixels, width, height, color)
        .map_err(|error| Error::format(path, format!("the image cannot be written: {error}")))?;
    Ok(ocelli_tensor::safetensors::write_atomically(path, &bytes)?)
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
            assert!(text(&path).contains("x.png: expected a whole PNG or JPEG"));
        }
        std::fs::write(&path, "no picture").unwrap();
        assert!(text(&path).ends_with("x.png: expected a PNG or JPEG file, received neither"));
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
