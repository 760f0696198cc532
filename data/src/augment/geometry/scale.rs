//! Stretching a picture to another size.

use fast_image_resize::images::{Image as View, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::{Geometry, size};
use crate::augment::Filter;
use crate::reserve::{filled, with_capacity};
use crate::{Error, Image, Pixels, Result};

/// A picture of `old` stretched to `new`, both `[height, width]`, rows and columns each by their own factor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    old: [usize; 2],
    new: [usize; 2],
    filter: Filter,
}

/// The longest side of a picture that is stretched: each of its places has some dozens of bytes of weights while that is done.
const MOST_SIDE: usize = 1 << 22;

impl Scale {
    /// # Errors
    /// [`Error::Argument`] if a side is 0 or longer than 2²² pixels, or the new picture has more pixels than the old one and than 178,956,970.
    pub(crate) fn new(old: [usize; 2], new: [usize; 2], filter: Filter) -> Result<Self> {
        if old != new {
            size::pixels("resize", old, new)?;
            if !old.iter().chain(&new).all(|side| (1..=MOST_SIDE).contains(side)) {
                let message = format!(
                    "expected sides of 1 to {MOST_SIDE} pixels, received an image of {}x{} to become {}x{}",
                    old[0], old[1], new[0], new[1]
                );
                return Err(Error::argument("resize", message));
            }
        }
        Ok(Scale { old, new, filter })
    }

    /// What the picture is after the first of two passes, one along rows and one along columns; `None` if one pass is enough.
    fn between(&self) -> Option<[usize; 2]> {
        let ([wide, high], most) = ([[self.old[0], self.new[1]], [self.new[0], self.old[1]]], size::MOST_PIXELS);
        let one = self.old[0] == self.new[0] || self.old[1] == self.new[1] || self.filter == Filter::Nearest;
        // Rows first, as Pillow does: bytes are rounded and limited between the passes, which shows where a filter overshoots. Of the two pictures in between
        // the smaller one is no larger than both old and new.
        (!one).then(|| if wide[0] * wide[1] <= most.max(high[0] * high[1]) { wide } else { high })
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
        if let Some(between) = self.between() {
            let first = Scale { new: between, ..*self }.image(old)?;
            return Scale { old: between, ..*self }.image(&first);
        }
        let shape = [self.new[0], self.new[1], old.channels()];
        let count = size::pixels("resize", self.old, self.new)?.saturating_mul(old.channels());
        let pixels = match old.pixels() {
            Pixels::U8(pixels) => {
                let mut out = filled(0, count)?;
                let kind = [PixelType::U8, PixelType::U8x2, PixelType::U8x3, PixelType::U8x4][old.channels() - 1];
                self.stretch(pixels, kind, &mut out)?;
                Pixels::U8(out)
            }
            Pixels::F32(pixels) => {
                let mut out = filled(0.0f32, count)?;
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
        let mut places = with_capacity(size::pixels("resize", self.old, self.new)?)?;
        let (rows, columns) = (along(0, height), along(1, width));
        places.extend(rows.iter().flat_map(|row| columns.iter().map(move |column| row * width + column)));
        Ok(places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_ask_for_too_much_are_refused() {
        let text = |old, new| Scale::new(old, new, Filter::Bilinear).unwrap_err().to_string();
        let wide = text([1, 178_956_970], [224, 40_086_361_280]);
        assert!(wide.ends_with("received one of 1x178956970 to become 224x40086361280"), "{wide}");
        let long = text([1, 178_956_970], [224, 224]);
        assert!(long.contains("1 to 4194304 pixels") && long.ends_with("1x178956970 to become 224x224"), "{long}");
        assert!(Scale::new([1, 178_956_970], [1, 178_956_970], Filter::Bilinear).is_ok());
        assert!(Scale::new([1, 4], [10_000, 10_000], Filter::Bilinear).is_ok());
    }

    #[test]
    fn pictures_in_between_are_not_larger_than_old_and_new() {
        let scale = Scale::new([400_000, 2], [2, 400_000], Filter::Bilinear).unwrap();
        assert_eq!(scale.between(), Some([2, 2]));
        assert_eq!(Scale::new([30, 20], [20, 30], Filter::Bilinear).unwrap().between(), Some([30, 30]));
        assert_eq!(Scale::new([30, 20], [30, 10], Filter::Bilinear).unwrap().between(), None);
        assert_eq!(Scale::new([30, 20], [20, 10], Filter::Nearest).unwrap().between(), None);
        let image = Image::from_u8([400_000, 2, 1], [3, 9].repeat(400_000)).unwrap();
        let Pixels::U8(pixels) = scale.image(&image).unwrap().into_pixels() else { panic!("bytes stay bytes") };
        assert_eq!((pixels.len(), pixels[0], pixels[399_999], pixels[400_000]), (800_000, 3, 9, 3));
    }
}
