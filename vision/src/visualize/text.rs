//! Text in DejaVu Sans, which is part of this crate: no font of the system is needed. Its licence lies beside it.

use ab_glyph::{Font, FontRef, ScaleFont, point};

use super::canvas::{Canvas, Color};
use crate::{Error, Result};

const FONT: &[u8] = include_bytes!("../../assets/DejaVuSans.ttf");

/// The font in one size.
pub(super) struct Text {
    font: FontRef<'static>,
    size: f32,
}

impl Text {
    /// In this height of a line, in pixels.
    pub(super) fn new(size: f32) -> Result<Self> {
        let font = FontRef::try_from_slice(FONT).map_err(|error| Error::argument("font", error.to_string()))?;
        Ok(Text { font, size })
    }

    /// How many pixels a line takes, with the space to the next.
    pub(super) fn line_height(&self) -> usize {
        (self.size * 1.2).ceil() as usize
    }

    pub(super) fn width(&self, text: &str) -> f32 {
        let font = self.font.as_scaled(self.size);
        let mut last = None;
        text.chars().map(|c| font.glyph_id(c)).fold(0.0, |x, id| {
            let kern = last.replace(id).map_or(0.0, |last| font.kern(last, id));
            x + kern + font.h_advance(id)
        })
    }

    /// The text, cut to this width with `…` for what is left out. Line breaks and the like become spaces.
    pub(super) fn fitted(&self, text: &str, width: f32) -> String {
        let font = self.font.as_scaled(self.size);
        // No more letters than could fit if they were narrow: a text may have millions.
        let (mut kept, mut x) = (Vec::new(), 0.0);
        for letter in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
            x += font.h_advance(font.glyph_id(letter));
            kept.push(letter);
            if x > 1.5 * width + 16.0 * self.size {
                break;
            }
        }
        let whole: String = kept.iter().collect();
        if self.width(&whole) <= width {
            return whole;
        }
        while kept.pop().is_some() {
            let shorter: String = kept.iter().chain(['…'].iter()).collect();
            if self.width(&shorter) <= width {
                return shorter;
            }
        }
        String::new()
    }

    /// Writes a line with its upper left corner at `(left, top)`.
    pub(super) fn draw(&self, canvas: &mut Canvas, (left, top): (f32, f32), text: &str, color: Color) {
        self.each_pixel((left, top), text, |x, y, amount| {
            if x >= 0.0 && y >= 0.0 {
                canvas.blend(x as usize, y as usize, color, amount);
            }
        });
    }

    /// Writes a line upward, as one reads with the head turned left, with the upper left corner of its beginning, which is below, at `(left, bottom)`.
    pub(super) fn draw_up(&self, canvas: &mut Canvas, (left, bottom): (f32, f32), text: &str, color: Color) {
        let (left, bottom) = (left.round(), bottom.round());
        self.each_pixel((0.0, 0.0), text, |x, y, amount| {
            let (x, y) = (left + y, bottom - 1.0 - x);
            if x >= 0.0 && y >= 0.0 {
                canvas.blend(x as usize, y as usize, color, amount);
            }
        });
    }

    /// Calls `paint` with every pixel of the letters and how much of it they cover.
    fn each_pixel(&self, (left, top): (f32, f32), text: &str, mut paint: impl FnMut(f32, f32, f32)) {
        let font = self.font.as_scaled(self.size);
        let baseline = top + font.ascent();
        let (mut x, mut last) = (left, None);
        for id in text.chars().map(|c| font.glyph_id(c)) {
            x += last.replace(id).map_or(0.0, |last| font.kern(last, id));
            let glyph = id.with_scale_and_position(self.size, point(x, baseline));
            x += font.h_advance(id);
            // A space has no outline.
            let Some(outline) = font.outline_glyph(glyph) else { continue };
            let corner = outline.px_bounds().min;
            outline.draw(|dx, dy, amount| paint(corner.x + dx as f32, corner.y + dy as f32, amount));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_to_its_width() {
        let text = Text::new(14.0).unwrap();
        let long = "word ".repeat(1_000_000);
        for width in [0.0, 5.0, 40.0, 333.0] {
            let cut = text.fitted(&long, width);
            assert!(text.width(&cut) <= width, "{cut}");
            assert!(cut.is_empty() || cut.ends_with('…'));
        }
        assert_eq!(text.fitted("two\nlines", 500.0), "two lines");
        assert_eq!(text.fitted("iiiiiiii", text.width("iiiiiiii")), "iiiiiiii");
    }

    #[test]
    fn text_that_runs_upward_is_the_text_turned() {
        let text = Text::new(16.0).unwrap();
        let (width, height) = (text.width("Axis").ceil() as usize + 2, text.line_height());
        let mut level = Canvas::new(width, height, [0; 3]).unwrap();
        text.draw(&mut level, (0.0, 0.0), "Axis", [255; 3]);
        let mut upward = Canvas::new(height, width, [0; 3]).unwrap();
        text.draw_up(&mut upward, (0.0, width as f32), "Axis", [255; 3]);
        let level = level.into_tensor().unwrap().select(0, 0).unwrap().to_vec::<u8>().unwrap();
        let upward = upward.into_tensor().unwrap().select(0, 0).unwrap().to_vec::<u8>().unwrap();
        for (x, y) in (0..width).flat_map(|x| (0..height).map(move |y| (x, y))) {
            assert_eq!(level[y * width + x], upward[(width - 1 - x) * height + y]);
        }
        assert!(level.contains(&255));
    }
}
