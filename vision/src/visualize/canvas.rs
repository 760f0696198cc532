//! A picture that is drawn on.

use ocelli_tensor::{Error as TensorError, Tensor};

use crate::Result;
use crate::picture::Picture;

/// Red, green, blue.
pub(super) type Color = [u8; 3];

/// What is behind plots and legends.
pub(super) const PAPER: Color = [255, 255, 255];
/// What is written and drawn on it.
pub(super) const INK: Color = [30, 30, 30];

/// A rectangle of pixels: left, top, width, height.
#[derive(Debug, Clone, Copy, PartialEq)]
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

    /// How many pixels two areas share.
    pub(super) fn shared(self, other: Area) -> usize {
        let along =
            |a: usize, length: usize, b: usize, other: usize| (a + length).min(b + other).saturating_sub(a.max(b));
        along(self.left, self.width, other.left, other.width) * along(self.top, self.height, other.top, other.height)
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

    /// A picture `[H, W]`, `[1, H, W]` or `[3, H, W]`, of `u8` or of floats where 0 is dark and 1 is bright, to be drawn on.
    pub(super) fn of_picture(op: &'static str, picture: &Tensor) -> Result<Self> {
        let picture = Picture::read(op, picture)?;
        let mut canvas = Canvas::new(picture.width, picture.height, [0; 3])?;
        let planes = picture.rgb();
        for (i, pixel) in canvas.pixels.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            *pixel = planes.map(|plane| (plane[i] * 255.0).round().clamp(0.0, 255.0) as u8);
        }
        Ok(canvas)
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn height(&self) -> usize {
        self.height
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
        let columns = area.left.min(self.width)..(area.left + area.width).min(self.width);
        for y in area.top..(area.top + area.height).min(self.height) {
            let row = &mut self.pixels[y * self.width * 3..(y + 1) * self.width * 3];
            row.as_chunks_mut::<3>().0[columns.clone()].fill(color);
        }
    }

    /// Lays a color over an area, so much of it (`0..=1`).
    pub(super) fn tint(&mut self, area: Area, color: Color, amount: f32) {
        for y in area.top..(area.top + area.height).min(self.height) {
            for x in area.left..(area.left + area.width).min(self.width) {
                self.blend(x, y, color, amount);
            }
        }
    }

    /// Copies another picture, its upper left corner to `(left, top)`.
    pub(super) fn paste(&mut self, other: &Canvas, (left, top): (usize, usize)) {
        let width = other.width.min(self.width.saturating_sub(left)) * 3;
        for y in 0..other.height.min(self.height.saturating_sub(top)) {
            let (from, to) = (y * other.width * 3, ((top + y) * self.width + left) * 3);
            self.pixels[to..to + width].copy_from_slice(&other.pixels[from..from + width]);
        }
    }

    /// The picture as a tensor `[3, height, width]`.
    pub(super) fn into_tensor(self) -> Result<Tensor> {
        Ok(Tensor::from_vec(self.pixels, [self.height, self.width, 3])?.permute([2, 0, 1])?)
    }
}
