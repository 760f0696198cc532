//! Sizes of lines and letters that follow from a picture's.

use super::canvas::Canvas;
use crate::{Error, Result};

/// The smallest height of a line of text that can be read, in pixels.
pub(super) const LEGIBLE: f32 = 9.0;

/// Sizes that a user has chosen, or none.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Style {
    pub(super) line_width: Option<f64>,
    pub(super) font_size: Option<f64>,
}

impl Style {
    /// The width of lines in pixels: chosen, or 1 in small pictures, 2 in one of 440 pixels, 14 in one of 3,000. No wider than the picture.
    pub(super) fn line_width(&self, op: &'static str, canvas: &Canvas) -> Result<f64> {
        let side = canvas.width().min(canvas.height()) as f64;
        let width = chosen(op, "a line width", self.line_width)?.unwrap_or((side / 220.0).round());
        Ok(width.clamp(1.0, side.max(1.0)))
    }

    /// The height of a line of text in pixels: chosen, or 11 in small pictures, 25 in one of 900 pixels, 83 in one of 3,000.
    pub(super) fn font_size(&self, op: &'static str, canvas: &Canvas) -> Result<f32> {
        let side = canvas.width().min(canvas.height()) as f64;
        let size = chosen(op, "a font size", self.font_size)?.unwrap_or((side / 36.0).max(11.0));
        // Letters higher than the picture could not be read; memory is taken for each.
        Ok(size.min(canvas.height() as f64) as f32)
    }
}

/// A size in pixels that a user has chosen.
fn chosen(op: &'static str, what: &str, size: Option<f64>) -> Result<Option<f64>> {
    match size {
        Some(size) if !(size.is_finite() && size > 0.0) => {
            Err(Error::argument(op, format!("expected {what} above 0 pixels, received {size}")))
        }
        size => Ok(size),
    }
}

/// How much of a color is laid over a picture.
pub(super) fn opacity(op: &'static str, amount: f64) -> Result<f32> {
    crate::check::require_fraction(op, "an opacity", amount)?;
    Ok(amount as f32)
}
