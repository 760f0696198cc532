//! A picture in memory.

use std::path::{Path, PathBuf};

use ocelli_tensor::{DType, Tensor};

use crate::{Error, Result};

/// The numbers of an [`Image`].
#[derive(Debug, Clone, PartialEq)]
pub enum Pixels {
    /// Bytes, 0 dark and 255 bright.
    U8(Vec<u8>),
    /// Floats; where they mean brightness, 0 dark and 1 bright.
    F32(Vec<f32>),
}

impl Pixels {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Pixels::U8(pixels) => pixels.len(),
            Pixels::F32(pixels) => pixels.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The numbers of an [`Image`], to be changed in place; see [`Image::pixels_mut`].
#[derive(Debug)]
pub enum PixelsMut<'a> {
    /// Bytes, 0 dark and 255 bright.
    U8(&'a mut [u8]),
    /// Floats; where they mean brightness, 0 dark and 1 bright.
    F32(&'a mut [f32]),
}

/// A picture of bytes or floats, with 1 to 4 channels, in memory row by row, in each pixel by pixel, the channels of a pixel side by side (HWC): as
/// files hold it and as kernels read it fastest. Its tensors are channels first to the user, `[channels, height, width]`, and lie like
/// the picture. It may have no row or no column.
///
/// Two pictures are equal if their pixels are, whatever files they come from.
///
/// ```
/// use ocelli_data::Image;
/// # fn main() -> ocelli_data::Result<()> {
/// let image = Image::from_u8([1, 2, 3], vec![0, 51, 102, 255, 204, 153])?;
/// assert_eq!((image.height(), image.width(), image.channels()), (1, 2, 3));
/// assert_eq!(image.to_f32(), [0.0, 0.2, 0.4, 1.0, 0.8, 0.6]);
/// let tensor = image.to_tensor()?;
/// assert_eq!(tensor.shape()[..], [3, 1, 2]);
/// assert_eq!(tensor.to_vec::<u8>()?, [0, 255, 51, 204, 102, 153]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Image {
    height: usize,
    width: usize,
    channels: usize,
    pixels: Pixels,
    path: Option<PathBuf>,
}

impl PartialEq for Image {
    fn eq(&self, other: &Image) -> bool {
        self.shape() == other.shape() && self.pixels == other.pixels
    }
}

impl Image {
    /// A picture of these pixels; `shape` is `[height, width, channels]`.
    ///
    /// # Errors
    /// [`Error::Argument`] unless there are 1 to 4 channels and as many pixels as the shape says.
    pub fn new(shape: [usize; 3], pixels: Pixels) -> Result<Self> {
        let [height, width, channels] = shape;
        if !(1..=4).contains(&channels) {
            let message = format!("expected [height, width, channels] with 1 to 4 channels, received {shape:?}");
            return Err(Error::argument("image", message));
        }
        let count = height.checked_mul(width).and_then(|n| n.checked_mul(channels));
        if count != Some(pixels.len()) {
            let message =
                format!("expected the pixels of [height, width, channels] = {shape:?}, received {}", pixels.len());
            return Err(Error::argument("image", message));
        }
        Ok(Image { height, width, channels, pixels, path: None })
    }

    /// A picture of bytes; `shape` is `[height, width, channels]`.
    ///
    /// # Errors
    /// As [`Image::new`].
    pub fn from_u8(shape: [usize; 3], pixels: Vec<u8>) -> Result<Self> {
        Image::new(shape, Pixels::U8(pixels))
    }

    /// A picture of floats; `shape` is `[height, width, channels]`.
    ///
    /// # Errors
    /// As [`Image::new`].
    pub fn from_f32(shape: [usize; 3], pixels: Vec<f32>) -> Result<Self> {
        Image::new(shape, Pixels::F32(pixels))
    }

    /// A picture from a tensor of shape `[channels, height, width]`, or `[height, width]` for one channel, however it lies in memory. `u8` stays
    /// bytes, any float type becomes `f32`.
    ///
    /// # Errors
    /// [`Error::Tensor`] if it has another rank or another dtype, [`Error::Argument`] unless there are 1 to 4 channels.
    pub fn from_tensor(tensor: &Tensor) -> Result<Self> {
        let interleaved = match tensor.shape()[..] {
            [_, _] => tensor.unsqueeze(2)?,
            [_, _, _] => tensor.permute([1, 2, 0])?,
            _ => {
                let expected = "an image of shape [channels, height, width] or [height, width]";
                return Err(ocelli_tensor::Error::shape("image", expected, tensor.shape()).into());
            }
        };
        let shape = [interleaved.size(0)?, interleaved.size(1)?, interleaved.size(2)?];
        match tensor.dtype() {
            DType::U8 => Image::from_u8(shape, interleaved.to_vec()?),
            dtype if dtype.is_float() => Image::from_f32(shape, interleaved.to_dtype(DType::F32)?.to_vec()?),
            dtype => Err(ocelli_tensor::Error::dtype("image", "u8 or a float dtype", dtype).into()),
        }
    }

    /// The picture as a tensor of shape `[channels, height, width]`, `u8` or `f32`, that lies channels-last in memory as the picture does.
    ///
    /// # Errors
    /// Only if memory runs out.
    pub fn to_tensor(&self) -> Result<Tensor> {
        let tensor = match &self.pixels {
            Pixels::U8(pixels) => Tensor::from_slice(pixels, self.shape())?,
            Pixels::F32(pixels) => Tensor::from_slice(pixels, self.shape())?,
        };
        Ok(tensor.permute([2, 0, 1])?)
    }

    /// The pixels as floats, in their order in memory: bytes divided by 255, floats as they are.
    pub fn to_f32(&self) -> Vec<f32> {
        match &self.pixels {
            Pixels::U8(pixels) => pixels.iter().map(|&x| f32::from(x) / 255.0).collect(),
            Pixels::F32(pixels) => pixels.clone(),
        }
    }

    /// Writes the pixels as [`Image::to_f32`] gives them, each row `stride` numbers behind the one before.
    pub(crate) fn write_f32(&self, out: &mut [f32], stride: usize) {
        let line = self.width * self.channels;
        // Rows that follow each other are one.
        let (line, stride) = if line == stride { (self.pixels.len(), self.pixels.len()) } else { (line, stride) };
        let rows = out.chunks_mut(stride.max(1));
        match &self.pixels {
            Pixels::U8(pixels) => {
                for (row, pixels) in rows.zip(pixels.chunks_exact(line.max(1))) {
                    for (out, &x) in row.iter_mut().zip(pixels) {
                        *out = f32::from(x) / 255.0;
                    }
                }
            }
            Pixels::F32(pixels) => {
                for (row, pixels) in rows.zip(pixels.chunks_exact(line.max(1))) {
                    row[..line].copy_from_slice(pixels);
                }
            }
        }
    }

    /// The picture with floats for pixels: bytes divided by 255, floats as they are.
    pub fn into_float(self) -> Image {
        match self.pixels {
            Pixels::F32(_) => self,
            Pixels::U8(_) => Image { pixels: Pixels::F32(self.to_f32()), ..self },
        }
    }

    /// The file that the picture comes from, if it is known.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The same picture, known to come from this file.
    #[must_use]
    pub fn with_path(self, path: impl Into<PathBuf>) -> Image {
        Image { path: Some(path.into()), ..self }
    }

    /// `[height, width, channels]`.
    pub fn shape(&self) -> [usize; 3] {
        [self.height, self.width, self.channels]
    }

    /// `[height, width]`.
    pub fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    /// The number of channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The number of rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The number of columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The pixels: row by row, in each pixel by pixel, the channels side by side. A row has `width · channels` numbers.
    pub fn pixels(&self) -> &Pixels {
        &self.pixels
    }

    /// The pixels, to be changed in place.
    pub fn pixels_mut(&mut self) -> PixelsMut<'_> {
        match &mut self.pixels {
            Pixels::U8(pixels) => PixelsMut::U8(pixels),
            Pixels::F32(pixels) => PixelsMut::F32(pixels),
        }
    }

    /// The pixels, taken out.
    pub fn into_pixels(self) -> Pixels {
        self.pixels
    }

    /// Other pixels of the same shape, or, with another `shape`, `[height, width, channels]`, for the same file.
    pub(crate) fn replaced(&self, shape: [usize; 3], pixels: Pixels) -> Result<Image> {
        Ok(Image { path: self.path.clone(), ..Image::new(shape, pixels)? })
    }

    /// The picture with floats for pixels: `f(channel, value)`, for bytes of their 255th part.
    pub(crate) fn map_floats(self, f: impl Fn(usize, f32) -> f32) -> Image {
        fn of_bytes<const N: usize>(pixels: &[u8], f: impl Fn(usize, f32) -> f32) -> Vec<f32> {
            // Dividing 256 bytes is less than dividing all.
            let tables: [[f32; 256]; N] =
                std::array::from_fn(|channel| std::array::from_fn(|x| f(channel, x as f32 / 255.0)));
            let mut floats = vec![0.0; pixels.len()];
            for (new, old) in floats.as_chunks_mut::<N>().0.iter_mut().zip(pixels.as_chunks::<N>().0) {
                *new = std::array::from_fn(|channel| tables[channel][usize::from(old[channel])]);
            }
            floats
        }
        fn of_floats<const N: usize>(pixels: &mut [f32], f: impl Fn(usize, f32) -> f32) {
            for pixel in pixels.as_chunks_mut::<N>().0 {
                pixel.iter_mut().enumerate().for_each(|(channel, x)| *x = f(channel, *x));
            }
        }
        let pixels = match (self.pixels, self.channels) {
            (Pixels::U8(pixels), 1) => of_bytes::<1>(&pixels, f),
            (Pixels::U8(pixels), 2) => of_bytes::<2>(&pixels, f),
            (Pixels::U8(pixels), 3) => of_bytes::<3>(&pixels, f),
            (Pixels::U8(pixels), _) => of_bytes::<4>(&pixels, f),
            (Pixels::F32(mut pixels), channels) => {
                match channels {
                    1 => of_floats::<1>(&mut pixels, f),
                    2 => of_floats::<2>(&mut pixels, f),
                    3 => of_floats::<3>(&mut pixels, f),
                    _ => of_floats::<4>(&mut pixels, f),
                }
                pixels
            }
        };
        Image { pixels: Pixels::F32(pixels), ..self }
    }

    /// The value of white: 255 for bytes, 1 for floats.
    pub(crate) fn white(&self) -> f32 {
        match self.pixels {
            Pixels::U8(_) => 255.0,
            Pixels::F32(_) => 1.0,
        }
    }
}

/// The nearest byte; ties go to the even one, as NumPy rounds.
pub(crate) fn to_byte(value: f32) -> u8 {
    // The cast saturates, and makes 0 of NaN.
    value.round_ties_even() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_and_back() {
        for dtype in [DType::U8, DType::F32, DType::F16, DType::F64] {
            let tensor = Tensor::arange(0, 12, 1).unwrap().reshape([2, 3, 2]).unwrap().to_dtype(dtype).unwrap();
            // A transposed view is read in logical order.
            let image = Image::from_tensor(&tensor.transpose(1, 2).unwrap()).unwrap();
            assert_eq!(image.shape(), [2, 3, 2]);
            let numbers = image.clone().into_float().into_pixels();
            let expected = [0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11];
            let scale = if dtype == DType::U8 { 255.0 } else { 1.0 };
            assert_eq!(numbers, Pixels::F32(expected.iter().map(|&x| x as f32 / scale).collect()));
            let back = image.to_tensor().unwrap().to_dtype(DType::I64).unwrap();
            assert_eq!(back.shape()[..], [2, 2, 3]);
            assert_eq!(back.to_vec::<i64>().unwrap(), [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]);
        }
    }

    #[test]
    fn files_make_no_difference() {
        let image = Image::from_u8([1, 1, 1], vec![7]).unwrap();
        let read = image.clone().with_path("x.png");
        assert_eq!(image, read);
        assert_eq!((image.path(), read.into_float().path()), (None, Some(Path::new("x.png"))));
    }

    #[test]
    fn wrong_shapes_are_refused() {
        let text = Image::from_u8([2, 2, 1], vec![0; 5]).unwrap_err().to_string();
        assert!(text.contains("[2, 2, 1], received 5"), "{text}");
        assert!(Image::from_u8([usize::MAX, 2, 2], vec![]).is_err());
        for channels in [0, 5] {
            let text = Image::from_u8([1, 1, channels], vec![0; channels]).unwrap_err().to_string();
            assert!(text.contains("1 to 4 channels"), "{text}");
        }
        assert!(Image::from_tensor(&Tensor::zeros([2], DType::U8).unwrap()).is_err());
        assert!(Image::from_tensor(&Tensor::zeros([2, 2], DType::I32).unwrap()).is_err());
        assert!(Image::from_u8([0, 4, 3], vec![]).is_ok());
    }
}
