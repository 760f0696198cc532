//! A picture that is drawn on.

use ocelli_tensor::{Error as TensorError, Tensor};

use crate::Result;

/// Red, green, blue.
pub(super) type Color = [u8; 3];

/// A rectangle of pixels: left, top, width, height.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Area {
    /// This area with a border of so many pixels around it; what lies left of or above the picture is cut off.
    pub(super) fn grown(self, border: usize) -> Area {
        Area {
            left: self.left.saturating_sub(border),
            top: self.top.saturating_sub(border),
            width: self.width + self.left.min(border) + border,
            height: self.height + self.top.min(border) + border,
        }
    }
}

/// Pixels in rows, three bytes each. What is drawn outside is cut off.
pub(super) struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize, color: Color) -> Result<Self> {
        let bytes = width.saturating_mul(height).saturating_mul(3);
        let mut pixels = Vec::new();
        pixels.try_reserve_exact(bytes).map_err(|_| TensorError::OutOfMemory { bytes })?;
        pixels.extend(color.iter().cycle().take(bytes));
        Ok(Canvas { width, height, pixels })
    }

    /// Lays a color over a pixel, so much of it (`0..=1`).
    pub(super) fn blend(&mut self, x: usize, y: usize, color: Color, amount: f32) {
        if x < self.width && y < self.height {
            let at = (y * self.width + x) * 3;
            for (old, new) in self.pixels[at..at + 3].iter_mut().zip(color) {
                *old = (f32::from(*old) + (f32::from(new) - f32::from(*old)) * amount.clamp(0.0, 1.0)).round() as u8;
            }
        }
    }

    pub(super) fn fill(&mut self, area: Area, color: Color) {
        for y in area.top..(area.top + area.height).min(self.height) {
            for x in area.left..(area.left + area.width).min(self.width) {
                self.blend(x, y, color, 1.0);
            }
        }
    }

    /// The picture as a tensor `[3, height, width]`.
    pub(super) fn into_tensor(self) -> Result<Tensor> {
        Ok(Tensor::from_vec(self.pixels, [self.height, self.width, 3])?.permute([2, 0, 1])?)
    }
}
