//! A picture as the loops over pixels read it.

use ocelli_data::Image;
use ocelli_tensor::{Device, Error as TensorError, Tensor};

use crate::{Error, Result};

/// Finite floats, channel by channel, in each row by row; bytes have become fractions of 255. It has at least one pixel.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) values: Vec<f32>,
}

impl Picture {
    /// A tensor `[C, H, W]` or `[H, W]` of `u8` or floats, of one or three channels, with pixels, none of them NaN or infinite.
    pub(crate) fn read(op: &'static str, tensor: &Tensor) -> Result<Self> {
        let image = Image::from_tensor(&tensor.to_device(Device::Cpu)?)?;
        let [height, width, channels] = image.shape();
        if !matches!(channels, 1 | 3) || height == 0 || width == 0 {
            let expected = "a picture of shape [H, W], [1, H, W] or [3, H, W] with pixels";
            return Err(TensorError::shape(op, expected, tensor.shape()).into());
        }
        let interleaved = image.to_f32();
        let mut values: Vec<f32> = Vec::with_capacity(interleaved.len());
        for channel in 0..channels {
            values.extend(interleaved.iter().skip(channel).step_by(channels));
        }
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(Error::argument(op, format!("expected a picture of finite numbers, received {value}")));
        }
        Ok(Picture { channels, height, width, values })
    }

    /// The number of pixels.
    pub(crate) fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Red, green and blue; one channel is all three.
    pub(crate) fn rgb(&self) -> [&[f32]; 3] {
        let pixels = self.pixels();
        [0, 1, 2].map(|channel: usize| &self.values[channel.min(self.channels - 1) * pixels..][..pixels])
    }
}
