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

    /// The text, cut to this width with `…` for what is left out.
    pub(super) fn fitted(&self, text: &str, width: f32) -> String {
        if self.width(text) <= width {
            return text.to_string();
        }
        let mut kept: Vec<char> = text.chars().collect();
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
            outline.draw(|dx, dy, amount| {
                let (x, y) = (corner.x + dx as f32, corner.y + dy as f32);
                if x >= 0.0 && y >= 0.0 {
                    canvas.blend(x as usize, y as usize, color, amount);
                }
            });
        }
    }
}
