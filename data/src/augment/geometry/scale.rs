//! Stretching a picture to another size.

use fast_image_resize::images::{Image as View, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::Geometry;
use crate::augment::Filter;
use crate::{Error, Image, Pixels, Result};

/// A picture of `old` stretched to `new`, both `[height, width]`, rows and columns each by their own factor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    old: [usize; 2],
    new: [usize; 2],
    filter: Filter,
}

impl Scale {
    /// # Errors
    /// [`Error::Argument`] if a size is 0 or larger than 2³² − 1.
    pub(crate) fn new(old: [usize; 2], new: [usize; 2], filter: Filter) -> Result<Self> {
        if old != new && old.iter().chain(&new).any(|&side| side == 0 || u32::try_from(side).is_err()) {
            let message = format!(
                "expected sizes in 1..2^32, received an image of {}x{} to become {}x{}",
                old[0], old[1], new[0], new[1]
            );
            return Err(Error::argument("resize", message));
        }
        Ok(Scale { old, new, filter })
    }

    /// Stretches pixels, seen as bytes.
    fn stretch(&self, pixels: &[u8], kind: PixelType, out: &mut [u8]) -> Result<()> {
        let refused = |error: &dyn std::fmt::Display| {
            let message = format!("expected an image that can become {:?}, received {error}", self.new);
            Error::argument("resize", message)
        };
        let algorithm = match self.filter {
            Filter::Nearest => ResizeAlg::Nearest,
            Filter::Box => ResizeAlg::Convolution(FilterType::Box),
            Filter::Bilinear => ResizeAlg::Convolution(FilterType::Bilinear),
            Filter::Bicubic => ResizeAlg::Convolution(FilterType::CatmullRom),
            Filter::Lanczos3 => ResizeAlg::Convolution(FilterType::Lanczos3),
        };
        // The sizes have been checked.
        let [from_height, from_width, to_height, to_width] =
            [self.old[0], self.old[1], self.new[0], self.new[1]].map(|side| side as u32);
        let from = ImageRef::new(from_width, from_height, pixels, kind).map_err(|error| refused(&error))?;
        let mut to = View::from_slice_u8(to_width, to_height, out, kind).map_err(|error| refused(&error))?;
        let options = ResizeOptions::new().resize_alg(algorithm).use_alpha(false);
        Resizer::new().resize(&from, &mut to, &options).map_err(|error| refused(&error))
    }
}

impl Geometry for Scale {
    fn size(&self) -> [usize; 2] {
        self.new
    }

    fn is_upright(&self) -> bool {
        true
    }

    fn forward(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        // Multiplied first: a whole number of pixels stays one.
        let along = |axis: usize, at: f64| at * self.new[axis] as f64 / self.old[axis].max(1) as f64;
        [along(1, x), along(0, y)]
    }

    fn image(&self, old: &Image) -> Result<Image> {
        if self.old == self.new {
            return Ok(old.clone());
        }
        let shape = [self.new[0], self.new[1], old.channels()];
        let count = shape[0].checked_mul(shape[1]).and_then(|count| count.checked_mul(shape[2]));
        let count = count.filter(|count| count.checked_mul(4).is_some_and(|bytes| isize::try_from(bytes).is_ok()));
        let Some(count) = count else {
            let message = format!("expected a size that fits into memory, received {:?}", self.new);
            return Err(Error::argument("resize", message));
        };
        let pixels = match old.pixels() {
            Pixels::U8(pixels) => {
                let mut out = vec![0; count];
                let kind = [PixelType::U8, PixelType::U8x2, PixelType::U8x3, PixelType::U8x4][old.channels() - 1];
                // Rows first, as Pillow does: bytes are rounded and limited between the passes, which shows where a filter overshoots.
                let wide = Scale { new: [self.old[0], self.new[1]], ..*self };
                if wide.new == self.new || wide.new == self.old || self.filter == Filter::Nearest {
                    self.stretch(pixels, kind, &mut out)?;
                } else {
                    let between = wide.image(old)?;
                    let high = Scale { old: wide.new, ..*self };
                    if let Pixels::U8(pixels) = between.pixels() {
                        high.stretch(pixels, kind, &mut out)?;
                    }
                }
                Pixels::U8(out)
            }
            Pixels::F32(pixels) => {
                let mut out = vec![0.0f32; count];
                let kind = [PixelType::F32, PixelType::F32x2, PixelType::F32x3, PixelType::F32x4][old.channels() - 1];
                self.stretch(bytemuck::cast_slice(pixels), kind, bytemuck::cast_slice_mut(&mut out))?;
                Pixels::F32(out)
            }
        };
        old.replaced(shape, pixels)
    }

    fn places(&self, [height, width]: [usize; 2], _: bool) -> Result<Vec<usize>> {
        // The old pixel in which the middle of the new one lies: exact in whole numbers.
        let along = |axis: usize, old: usize| -> Vec<usize> {
            let new = self.new[axis];
            (0..new).map(|at| ((2 * at as u128 + 1) * old as u128 / (2 * new as u128)) as usize).collect()
        };
        let (rows, columns) = (along(0, height), along(1, width));
        Ok(rows.iter().flat_map(|row| columns.iter().map(move |column| row * width + column)).collect())
    }
}
