//! Lines, discs and polygons with smooth edges.
//!
//! How much of a pixel a polygon covers is computed by `ab_glyph_rasterizer`, which draws the letters too: so no second rasterizer such as
//! `tiny-skia` is built, whose premultiplied RGBA would have to be converted both ways. Lines follow from the distance to the nearest of their
//! pieces, which makes joints of any angle, and many short pieces, one line.

use ab_glyph_rasterizer::{Rasterizer, point};

use super::canvas::{Canvas, Color};
use crate::Result;
use crate::host::reserved;

/// A place in pixels, to the right and down.
pub(super) type Point = [f64; 2];

/// Beyond this, places are moved: no picture is as large, and differences of such numbers are exact enough to cut lines.
const FAR: f64 = 1e7;

/// Lays a color over the inside of a polygon, so much of it (`0..=1`).
pub(super) fn fill_polygon(canvas: &mut Canvas, points: &[Point], color: Color, amount: f32) -> Result<()> {
    let size = [canvas.width() as f64, canvas.height() as f64];
    let points = clipped(points, size);
    let Some([left, top, right, bottom]) = bounds(&points, 0.0, size) else { return Ok(()) };
    // A column more, for what the rasterizer writes right of an edge.
    let row = right - left + 1;
    // It takes its memory unasked.
    drop(reserved::<f32>(row * (bottom - top))?);
    let mut rasterizer = Rasterizer::new(row, bottom - top);
    let local = |[x, y]: Point| point((x - left as f64) as f32, (y - top as f64) as f32);
    for (i, &to) in points.iter().enumerate() {
        rasterizer.draw_line(local(points[(i + points.len() - 1) % points.len()]), local(to));
    }
    rasterizer.for_each_pixel(|i, part| {
        // What is left of rounding covers nothing.
        if i % row < right - left && part.abs() > 1e-3 {
            canvas.blend(left + i % row, top + i / row, color, part.abs().min(1.0) * amount);
        }
    });
    Ok(())
}

/// Lays a color over a disc.
pub(super) fn disc(canvas: &mut Canvas, middle: Point, radius: f64, color: Color) -> Result<()> {
    paint(canvas, &[[near(middle); 2]], 2.0 * radius, color)
}

/// Lays a color over a line along points. It has round ends and corners.
pub(super) fn stroke(canvas: &mut Canvas, points: &[Point], width: f64, color: Color) -> Result<()> {
    let pieces: Vec<[Point; 2]> = points.windows(2).map(|pair| [near(pair[0]), near(pair[1])]).collect();
    paint(canvas, &pieces, width, color)
}

/// A line in dashes of this length, round ends included; the spaces between are as long.
pub(super) fn dashed(canvas: &mut Canvas, points: &[Point], width: f64, dash: f64, color: Color) -> Result<()> {
    let size = [canvas.width() as f64, canvas.height() as f64];
    let dash = dash.max(2.0);
    let (mut pieces, mut phase) = (Vec::new(), 0.0);
    for pair in points.windows(2) {
        // Only what can be seen is divided: a line may come from far away.
        let Some((from, to)) = seen(near(pair[0]), near(pair[1]), size, width) else { continue };
        let length = (to[0] - from[0]).hypot(to[1] - from[1]);
        let at = |t: f64| [0, 1].map(|axis| from[axis] + (to[axis] - from[axis]) * (t / length));
        let mut start = -phase;
        while start < length && length > 0.0 {
            let (a, b) = (start.max(0.0), (start + dash).min(length));
            if b > a {
                let middle = (a + b) / 2.0;
                pieces.push([at((a + width / 2.0).min(middle)), at((b - width / 2.0).max(middle))]);
            }
            start += 2.0 * dash;
        }
        phase = (phase + length) % (2.0 * dash);
    }
    paint(canvas, &pieces, width, color)
}

/// Lays a color over what is within half of the width of any of the pieces.
fn paint(canvas: &mut Canvas, pieces: &[[Point; 2]], width: f64, color: Color) -> Result<()> {
    let size = [canvas.width() as f64, canvas.height() as f64];
    // A pixel whose middle lies half a pixel farther is not covered.
    let reach = width / 2.0 + 0.5;
    let Some([left, top, right, bottom]) = bounds(pieces.as_flattened(), reach, size) else { return Ok(()) };
    let row = right - left;
    let mut covered = reserved::<f32>(row * (bottom - top))?;
    covered.resize(row * (bottom - top), 0.0);
    for &[from, to] in pieces {
        let step = [to[0] - from[0], to[1] - from[1]];
        let squared = step[0] * step[0] + step[1] * step[1];
        let Some([_, first, _, last]) = bounds(&[from, to], reach, size) else { continue };
        for y in first..last {
            let middle = y as f64 + 0.5;
            // The part of the piece that is near enough above or below.
            let crossing = |edge: f64| (middle + edge * reach - from[1]) / step[1];
            let (a, b) = if step[1] == 0.0 { (0.0, 1.0) } else { (crossing(-1.0), crossing(1.0)) };
            let (a, b) = (a.min(b).clamp(0.0, 1.0), a.max(b).clamp(0.0, 1.0));
            let ends = [a, b].map(|t| [from[0] + step[0] * t, middle]);
            let Some([first, _, last, _]) = bounds(&ends, reach, size) else { continue };
            for x in first..last {
                let place = [x as f64 + 0.5 - from[0], middle - from[1]];
                let along = place[0] * step[0] + place[1] * step[1];
                let t = if squared > 0.0 { (along / squared).clamp(0.0, 1.0) } else { 0.0 };
                let distance = (place[0] - step[0] * t).hypot(place[1] - step[1] * t);
                let part = (reach - distance).min(1.0) as f32;
                if let Some(old) = covered.get_mut((y - top) * row + x - left) {
                    *old = old.max(part);
                }
            }
        }
    }
    for (i, part) in covered.into_iter().enumerate().filter(|(_, part)| *part > 0.0) {
        canvas.blend(left + i % row, top + i / row, color, part);
    }
    Ok(())
}

/// A place as it is drawn: not so far away that numbers get coarse.
fn near(place: Point) -> Point {
    place.map(|x| x.clamp(-FAR, FAR))
}

/// The part of a line that lies in the picture or within a margin around it (Liang and Barsky, 1984).
fn seen(from: Point, to: Point, size: [f64; 2], margin: f64) -> Option<(Point, Point)> {
    let (mut first, mut last) = (0.0f64, 1.0f64);
    for ((&start, &end), &length) in from.iter().zip(&to).zip(&size) {
        let step = end - start;
        for (room, step) in [(start + margin, -step), (length + margin - start, step)] {
            if step == 0.0 {
                if room < 0.0 {
                    return None;
                }
            } else if step > 0.0 {
                last = last.min(room / step);
            } else {
                first = first.max(room / step);
            }
        }
    }
    let at = |t: f64| [0, 1].map(|axis| from[axis] + (to[axis] - from[axis]) * t);
    (first < last).then(|| (at(first), at(last)))
}

/// The part of a polygon that lies in the picture (I. Sutherland, G. Hodgman, 1974).
fn clipped(points: &[Point], size: [f64; 2]) -> Vec<Point> {
    let mut points: Vec<Point> = points.iter().copied().map(near).collect();
    for (axis, limit, sign) in [(0, 0.0, 1.0), (0, size[0], -1.0), (1, 0.0, 1.0), (1, size[1], -1.0)] {
        let depth = |place: Point| (place[axis] - limit) * sign;
        let mut kept = Vec::with_capacity(points.len() + 4);
        for (i, &to) in points.iter().enumerate() {
            let from = points[(i + points.len() - 1) % points.len()];
            let (a, b) = (depth(from), depth(to));
            if (a < 0.0) != (b < 0.0) {
                let t = a / (a - b);
                let mut crossing = [0, 1].map(|axis| from[axis] + (to[axis] - from[axis]) * t);
                crossing[axis] = limit;
                kept.push(crossing);
            }
            if b >= 0.0 {
                kept.push(to);
            }
        }
        points = kept;
    }
    points
}

/// The pixels within reach of points in the picture: left, top, right, bottom.
fn bounds(points: &[Point], reach: f64, size: [f64; 2]) -> Option<[usize; 4]> {
    let least = |axis: usize| points.iter().map(|place| place[axis]).fold(f64::INFINITY, f64::min) - reach;
    let most = |axis: usize| points.iter().map(|place| place[axis]).fold(f64::NEG_INFINITY, f64::max) + reach;
    let [left, top] = [least(0), least(1)].map(|x| x.floor().max(0.0) as usize);
    let [right, bottom] = [0, 1].map(|axis| most(axis).ceil().clamp(0.0, size[axis]) as usize);
    (left < right && top < bottom).then_some([left, top, right, bottom])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn red(canvas: Canvas) -> (Vec<u8>, usize) {
        let width = canvas.width();
        (canvas.into_tensor().unwrap().select(0, 0).unwrap().to_vec().unwrap(), width)
    }

    #[test]
    fn polygons_cover_what_they_enclose() {
        let mut canvas = Canvas::new(8, 8, [0; 3]).unwrap();
        // Half of the columns 1 and 5, whatever way it runs.
        fill_polygon(&mut canvas, &[[1.5, 2.0], [5.5, 2.0], [5.5, 4.0], [1.5, 4.0]], [200; 3], 1.0).unwrap();
        let (pixels, width) = red(canvas);
        assert_eq!(pixels[2 * width..3 * width], [0, 100, 200, 200, 200, 100, 0, 0]);
        assert_eq!(pixels.iter().map(|&x| u32::from(x)).sum::<u32>(), 2 * 800);
        let mut canvas = Canvas::new(8, 8, [0; 3]).unwrap();
        let all = [[-1e300, -1e300], [-1e300, 1e300], [1e300, 1e300], [1e300, -1e300]];
        fill_polygon(&mut canvas, &all, [200; 3], 0.5).unwrap();
        assert!(red(canvas).0.iter().all(|&x| x == 100), "the picture is inside");
    }

    #[test]
    fn lines_have_their_width_and_no_gaps() {
        let mut canvas = Canvas::new(40, 40, [0; 3]).unwrap();
        // Many short steps look like one long one.
        let points: Vec<Point> = (0..=300).map(|i| [5.0 + f64::from(i) / 10.0, 20.0]).collect();
        stroke(&mut canvas, &points, 4.0, [255; 3]).unwrap();
        let (pixels, width) = red(canvas);
        for x in 8..32 {
            let column: Vec<u8> = (0..40).map(|y| pixels[y * width + x]).collect();
            assert_eq!(column.iter().filter(|&&x| x > 250).count(), 4, "column {x}");
            assert_eq!(column.iter().filter(|&&x| x > 0).count(), 4, "column {x}");
        }
        let mut canvas = Canvas::new(40, 40, [0; 3]).unwrap();
        dashed(&mut canvas, &[[-1e12, 20.0], [1e12, 20.0]], 2.0, 5.0, [255; 3]).unwrap();
        let (pixels, width) = red(canvas);
        let drawn = pixels[20 * width..21 * width].iter().filter(|&&x| x > 127).count();
        assert!((15..=25).contains(&drawn), "{drawn} of 40");
    }

    #[test]
    fn what_is_outside_is_not_drawn() {
        let mut canvas = Canvas::new(5, 5, [7; 3]).unwrap();
        stroke(&mut canvas, &[[-50.0, -50.0], [-9.0, 30.0]], 3.0, [255; 3]).unwrap();
        disc(&mut canvas, [100.0, 2.0], 50.0, [255; 3]).unwrap();
        fill_polygon(&mut canvas, &[[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]], [255; 3], 1.0).unwrap();
        dashed(&mut canvas, &[[3.0, 3.0], [3.0, 3.0]], 1.0, 0.0, [255; 3]).unwrap();
        stroke(&mut canvas, &[], 3.0, [255; 3]).unwrap();
        assert!(red(canvas).0.iter().all(|&x| x == 7));
    }
}
