//! What colours mean, written beside a picture.

use super::canvas::{Area, Canvas, Color, INK, PAPER};
use super::text::Text;
use crate::Result;

/// The widest name, in heights of a line.
const WIDEST: f32 = 12.0;

/// Columns of names; what is beyond them is counted.
const COLUMNS: usize = 3;

/// A colour, what is called so, and what is written behind that whole, however long the name.
pub(super) type Entry = (Color, String, String);

/// The picture with a legend to the right of it: a square of each colour and its name.
pub(super) fn with_legend(picture: &Canvas, entries: &[Entry], font_size: f32) -> Result<Canvas> {
    let font_size = font_size.max(super::style::LEGIBLE);
    let text = Text::new(font_size)?;
    let (line, pad) = (text.line_height() + 2, (font_size / 2.0).ceil() as usize);
    let square = (font_size * 0.8) as usize;
    let room = picture.height().saturating_sub(2 * pad) / line;
    // Beside a low picture there is room for some names all the same.
    let rows = room.max(entries.len().min(8)).max(1);
    let mut shown = entries.to_vec();
    if shown.len() > rows * COLUMNS {
        shown.truncate(rows * COLUMNS - 1);
        shown.push((PAPER, format!("… {} more", entries.len() - shown.len()), String::new()));
    }
    let named = |(_, name, behind): &Entry| {
        text.fitted(name, (WIDEST * font_size - text.width(behind)).max(font_size)) + behind.as_str()
    };
    let names: Vec<String> = shown.iter().map(named).collect();
    let widths: Vec<usize> = names
        .chunks(rows)
        .map(|names| {
            let widest = names.iter().map(|name| text.width(name)).fold(0.0, f32::max);
            widest.ceil() as usize + square + 2 * pad
        })
        .collect();
    let height = picture.height().max(rows.min(shown.len()) * line + 2 * pad);
    let mut canvas = Canvas::new(picture.width() + pad + widths.iter().sum::<usize>(), height, PAPER)?;
    canvas.paste(picture, (0, 0));
    let mut left = picture.width() + pad;
    for ((names, entries), width) in names.chunks(rows).zip(shown.chunks(rows)).zip(widths) {
        for (row, (name, (color, ..))) in names.iter().zip(entries).enumerate() {
            let top = pad + row * line;
            canvas.fill(Area { left, top: top + (line - square) / 2, width: square, height: square }, *color);
            text.draw(&mut canvas, ((left + square + pad / 2 + 1) as f32, top as f32 + 1.0), name, INK);
        }
        left += width;
    }
    Ok(canvas)
}
