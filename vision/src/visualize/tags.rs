//! Names and numbers on filled tags beside what they name.

use super::canvas::{Area, Canvas, Color};
use super::palette::ink_on;
use super::style::LEGIBLE;
use super::text::Text;
use crate::Result;

/// So many tags are kept clear of each other; in a crowd of more nothing can be read anyway.
const KEPT_CLEAR: usize = 2000;

/// What is written, and the place that it names: left, top, right, bottom, in pixels.
pub(super) struct Tag {
    pub(super) text: String,
    pub(super) color: Color,
    pub(super) place: [f64; 4],
}

/// Draws tags that lie wholly in the picture: above their place, or else inside, below or beside it, where they cover no tag before them if
/// that can be. Text that is wider than the picture is cut off; where not even a letter has room, there is no tag. Earlier tags lie on top.
pub(super) fn draw_tags(canvas: &mut Canvas, tags: &[Tag], font_size: f32, line: usize) -> Result<()> {
    let (width, height) = (canvas.width(), canvas.height());
    let font_size = font_size.min(height as f32 / 1.4);
    // What a user made small on purpose is drawn; what is small because the picture is, says nothing.
    if font_size < 4.0 || (font_size < LEGIBLE / 1.4 && height < 16) {
        return Ok(());
    }
    let text = Text::new(font_size)?;
    let pad = (font_size / 5.0).ceil() as usize;
    let tall = text.line_height().min(height);
    let mut taken: Vec<Area> = Vec::new();
    let mut placed = Vec::with_capacity(tags.len());
    for tag in tags {
        let written = text.fitted(&tag.text, width.saturating_sub(2 * pad) as f32);
        if written.is_empty() {
            continue;
        }
        let wide = (text.width(&written).ceil() as usize + 2 * pad).min(width);
        let area = place(tag.place, [wide, tall], [width, height], line, &taken);
        if taken.len() < KEPT_CLEAR {
            taken.push(area);
        }
        placed.push((area, written, tag.color));
    }
    for (area, written, color) in placed.into_iter().rev() {
        canvas.fill(area, color);
        let top = area.top as f32 + (tall as f32 - font_size) / 2.0;
        text.draw(canvas, ((area.left + pad) as f32, top), &written, ink_on(color));
    }
    Ok(())
}

/// The first of the possible places that is free, or the one that covers the least.
fn place(object: [f64; 4], [wide, tall]: [usize; 2], size: [usize; 2], line: usize, taken: &[Area]) -> Area {
    let [x1, y1, x2, y2] = object.map(|x| x.clamp(-1e9, 1e9));
    let half = line as f64 / 2.0;
    let (w, h) = (wide as f64, tall as f64);
    let (left, right) = (x1 - half, x2 + half - w);
    let mut candidates = Vec::with_capacity(10);
    // Above, unless that is outside; then inside, below, beside.
    if y1 - half - h >= 0.0 {
        candidates.extend([[left, y1 - half - h], [right, y1 - half - h]]);
    }
    candidates.push([left, y1 - half]);
    if x2 - x1 > 1.5 * w {
        candidates.push([right, y1 - half]);
    }
    if y2 + half + h <= size[1] as f64 {
        candidates.extend([[left, y2 + half], [right, y2 + half]]);
    }
    candidates.extend([[left, y2 + half - h], [x2 + half, y1 - half], [x1 - half - w, y1 - half], [x2 + half, y2 - h]]);
    let inside = |[x, y]: [f64; 2]| {
        let shifted =
            |x: f64, length: usize, of: usize| x.round().clamp(0.0, of.saturating_sub(length) as f64) as usize;
        Area { left: shifted(x, wide, size[0]), top: shifted(y, tall, size[1]), width: wide, height: tall }
    };
    let mut best: Option<(usize, Area)> = None;
    for area in candidates.into_iter().map(inside) {
        let covered = taken.iter().map(|other| other.shared(area)).sum();
        if covered == 0 {
            return area;
        }
        if best.is_none_or(|(least, _)| covered < least) {
            best = Some((covered, area));
        }
    }
    best.map_or(inside([left, y1]), |(_, area)| area)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: [usize; 2] = [200, 100];

    #[test]
    fn tags_stay_in_the_picture() {
        let tag = [60, 12];
        assert_eq!(place([50.0, 40.0, 90.0, 80.0], tag, SIZE, 2, &[]).top, 27, "above");
        assert_eq!(place([50.0, 5.0, 90.0, 80.0], tag, SIZE, 2, &[]).top, 4, "inside, where there is no room above");
        assert_eq!(place([190.0, 40.0, 199.0, 80.0], tag, SIZE, 2, &[]).left, 140, "shifted left");
        let far = 1e300;
        for object in [[-far, -far, far, far], [far, far, far, far], [-far; 4], [199.0, 99.0, 200.0, 100.0]] {
            let area = place(object, tag, SIZE, 2, &[]);
            assert!(area.left + area.width <= 200 && area.top + area.height <= 100, "{object:?}: {area:?}");
        }
        let area = place([0.0, 0.0, 1.0, 1.0], [1, 1], [1, 1], 1, &[]);
        assert_eq!((area.left, area.top), (0, 0));
    }

    #[test]
    fn tags_make_way_for_each_other() {
        let mut taken = Vec::new();
        for _ in 0..5 {
            let area = place([50.0, 30.0, 150.0, 70.0], [40, 12], SIZE, 2, &taken);
            assert!(taken.iter().all(|other| area.shared(*other) == 0), "{taken:?} {area:?}");
            taken.push(area);
        }
    }
}
