//! A picture in memory.

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

/// A picture: channels first, then rows, then columns (CHW), of bytes or floats.
///
/// ```
/// use ocelli_data::Image;
/// # fn main() -> ocelli_data::Result<()> {
/// let image = Image::from_u8([1, 2, 2], vec![0, 51, 102, 255])?;
/// assert_eq!(image.to_f32(), [0.0, 0.2, 0.4, 1.0]);
/// assert_eq!(image.to_tensor()?.shape()[..], [1, 2, 2]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    channels: usize,
    height: usize,
    width: usize,
    pixels: Pixels,
}

impl Image {
    /// A picture of these pixels; `shape` is `[channels, height, width]`.
    ///
    /// # Errors
    /// [`Error::Argument`] unless there are as many pixels as the shape says.
    pub fn new(shape: [usize; 3], pixels: Pixels) -> Result<Self> {
        let [channels, height, width] = shape;
        let count = channels.checked_mul(height).and_then(|n| n.checked_mul(width));
        if count != Some(pixels.len()) {
            let message =
                format!("expected the pixels of [channels, height, width] = {shape:?}, received {}", pixels.len());
            return Err(Error::argument("image", message));
        }
        Ok(Image { channels, height, width, pixels })
    }

    /// A picture of bytes; `shape` is `[channels, height, width]`.
    ///
    /// # Errors
    /// As [`Image::new`].
    pub fn from_u8(shape: [usize; 3], pixels: Vec<u8>) -> Result<Self> {
        Image::new(shape, Pixels::U8(pixels))
    }

    /// A picture of floats; `shape` is `[channels, height, width]`.
    ///
    /// # Errors
    /// As [`Image::new`].
    pub fn from_f32(shape: [usize; 3], pixels: Vec<f32>) -> Result<Self> {
        Image::new(shape, Pixels::F32(pixels))
    }

    /// A picture from a tensor of shape `[channels, height, width]`, or `[height, width]` for one channel. `u8` stays bytes, any float
    /// type becomes `f32`.
    ///
    /// # Errors
    /// [`Error::Tensor`] if it has another rank or another dtype.
    pub fn from_tensor(tensor: &Tensor) -> Result<Self> {
        let shape = match tensor.shape()[..] {
            [height, width] => [1, height, width],
            [channels, height, width] => [channels, height, width],
            _ => {
                let expected = "an image of shape [channels, height, width] or [height, width]";
                return Err(ocelli_tensor::Error::shape("image", expected, tensor.shape()).into());
            }
        };
        match tensor.dtype() {
            DType::U8 => Image::from_u8(shape, tensor.to_vec()?),
            dtype if dtype.is_float() => Image::from_f32(shape, tensor.to_dtype(DType::F32)?.to_vec()?),
            dtype => Err(ocelli_tensor::Error::dtype("image", "u8 or a float dtype", dtype).into()),
        }
    }

    /// The picture as a tensor of shape `[channels, height, width]`, `u8` or `f32`.
    ///
    /// # Errors
    /// Only if memory runs out.
    pub fn to_tensor(&self) -> Result<Tensor> {
        Ok(match &self.pixels {
            Pixels::U8(pixels) => Tensor::from_slice(pixels, self.shape())?,
            Pixels::F32(pixels) => Tensor::from_slice(pixels, self.shape())?,
        })
    }

    /// The pixels as floats: bytes divided by 255, floats as they are.
    pub fn to_f32(&self) -> Vec<f32> {
        match &self.pixels {
            Pixels::U8(pixels) => pixels.iter().map(|&x| f32::from(x) / 255.0).collect(),
            Pixels::F32(pixels) => pixels.clone(),
        }
    }

    /// The picture with floats for pixels: bytes divided by 255, floats as they are.
    pub fn into_float(self) -> Image {
        match self.pixels {
            Pixels::F32(_) => self,
            Pixels::U8(_) => Image { pixels: Pixels::F32(self.to_f32()), ..self },
        }
    }

    /// `[channels, height, width]`.
    pub fn shape(&self) -> [usize; 3] {
        [self.channels, self.height, self.width]
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

    /// The pixels: channel by channel, in each row by row.
    pub fn pixels(&self) -> &Pixels {
        &self.pixels
    }

    /// The pixels, taken out.
    pub fn into_pixels(self) -> Pixels {
        self.pixels
    }

    /// A picture of another size: `pixel(channel, row, column)` tells which pixel of this one each new pixel is, `None` being the
    /// fill value. The caller promises that the places lie inside.
    pub(crate) fn gather(
        &self,
        [height, width]: [usize; 2],
        fill: f64,
        place: impl Fn(usize, usize) -> Option<(usize, usize)>,
    ) -> Image {
        let places: Vec<Option<usize>> = (0..height)
            .flat_map(|row| (0..width).map(move |column| (row, column)))
            .map(|(row, column)| place(row, column).map(|(y, x)| y * self.width + x))
            .collect();
        fn take<T: Copy>(pixels: &[T], plane: usize, channels: usize, places: &[Option<usize>], fill: T) -> Vec<T> {
            let mut out = Vec::with_capacity(channels * places.len());
            for channel in 0..channels {
                let plane = &pixels[channel * plane..(channel + 1) * plane];
                out.extend(places.iter().map(|place| place.map_or(fill, |i| plane[i])));
            }
            out
        }
        let (plane, channels) = (self.height * self.width, self.channels);
        let pixels = match &self.pixels {
            Pixels::U8(pixels) => Pixels::U8(take(pixels, plane, channels, &places, to_byte(fill as f32))),
            Pixels::F32(pixels) => Pixels::F32(take(pixels, plane, channels, &places, fill as f32)),
        };
        Image { channels, height, width, pixels }
    }

    /// Changes every pixel by `f(channel, value)`. Bytes stay bytes: they are rounded and limited to 0..=255 afterwards.
    pub(crate) fn map_values(mut self, f: impl Fn(usize, f32) -> f32) -> Image {
        let plane = (self.height * self.width).max(1);
        match &mut self.pixels {
            Pixels::U8(pixels) => {
                for (channel, plane) in pixels.chunks_mut(plane).enumerate() {
                    for x in plane {
                        *x = to_byte(f(channel, f32::from(*x)));
                    }
                }
            }
            Pixels::F32(pixels) => {
                for (channel, plane) in pixels.chunks_mut(plane).enumerate() {
                    for x in plane {
                        *x = f(channel, *x);
                    }
                }
            }
        }
        self
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
            assert_eq!(image.shape(), [2, 2, 3]);
            let back = image.to_tensor().unwrap().to_dtype(DType::I64).unwrap().to_vec::<i64>().unwrap();
            assert_eq!(back, [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]);
        }
    }

    #[test]
    fn wrong_shapes_are_refused() {
        let text = Image::from_u8([1, 2, 2], vec![0; 5]).unwrap_err().to_string();
        assert!(text.contains("[1, 2, 2], received 5"), "{text}");
        assert!(Image::from_u8([usize::MAX, 2, 2], vec![]).is_err());
        assert!(Image::from_tensor(&Tensor::zeros([2], DType::U8).unwrap()).is_err());
        assert!(Image::from_tensor(&Tensor::zeros([2, 2], DType::I32).unwrap()).is_err());
        assert!(Image::from_u8([3, 0, 4], vec![]).is_ok());
    }
}
