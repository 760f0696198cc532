//! Masks of polygons and boxes, as pycocotools draws them.
//!
//! Its `rleFrPoly` walks the outline in steps of a fifth of a pixel, and notes in which row it passes the middle of a column of pixels; between
//! two such rows lies the inside. Here an edge's passings are computed without the steps between them, by the same arithmetic, so that the
//! result is the same whatever the length of an edge.

use super::{Rle, pixels};
use crate::annotation::{BoundingBox, BoxFormat, Polygon};
use crate::reserve::with_capacity;
use crate::{Error, Result};

/// Steps per pixel.
const SCALE: f64 = 5.0;
/// Coordinates beyond this, in pixels, are refused: their steps would not be exact.
const FARTHEST: f64 = 1e12;

impl Rle {
    /// The pixels inside of at least one of the polygons, of a picture of `[height, width]`; none without polygons. What lies outside of the
    /// picture is cut off.
    ///
    /// # Errors
    /// [`Error::Argument`] for pictures of 2³² pixels or more and coordinates beyond ±10¹²; [`Error::Tensor`] if memory
    /// cannot be had.
    pub fn from_polygons(polygons: &[Polygon], size: [usize; 2]) -> Result<Self> {
        let masks: Vec<Rle> = polygons.iter().map(|polygon| fill(polygon.points(), size)).collect::<Result<_>>()?;
        if masks.is_empty() { Rle::from_counts(size, vec![pixels(size)?]) } else { Rle::union(&masks) }
    }

    /// The pixels of a picture of `[height, width]` that lie in a box.
    ///
    /// # Errors
    /// As [`Rle::from_polygons`].
    pub fn from_box(object: &BoundingBox, size: [usize; 2]) -> Result<Self> {
        let [x1, y1, x2, y2] = object.to_array(BoxFormat::Xyxy);
        fill(&[[x1, y1], [x1, y2], [x2, y2], [x2, y1]], size)
    }
}

/// The inside of a closed outline.
fn fill(points: &[[f64; 2]], size: [usize; 2]) -> Result<Rle> {
    let total = pixels(size)?;
    if let Some(far) = points.iter().find(|point| point.iter().any(|x| x.abs() > FARTHEST)) {
        let message = format!("expected coordinates within {FARTHEST:e} pixels, received {far:?}");
        return Err(Error::argument("rle_from_polygons", message));
    }
    let [height, width] = size;
    let corners: Vec<[i64; 2]> = points.iter().map(|point| point.map(|x| (SCALE * x + 0.5) as i64)).collect();
    let edges = || corners.iter().zip(corners.iter().cycle().skip(1)).map(|(&a, &b)| Edge::new(a, b));

    let passings = |edge: Edge| usize::try_from(edge.columns(width).end - edge.columns(width).start).unwrap_or(0);
    let count = edges().map(passings).fold(1, usize::saturating_add);
    let mut places: Vec<u32> = with_capacity(count)?;
    for edge in edges() {
        for column in edge.columns(width) {
            let y = (edge.row(column) as f64 + 0.5) / SCALE - 0.5;
            let row = y.clamp(0.0, height as f64).ceil() as u32;
            places.push(column as u32 * height as u32 + row);
        }
    }
    places.push(total);
    places.sort_unstable();
    Ok(Rle { size, counts: between(&places) })
}

/// The runs between places in order. Two passings at one place undo each other.
fn between(places: &[u32]) -> Vec<u32> {
    let mut counts: Vec<u32> = Vec::new();
    let mut last = 0;
    let mut together = false;
    for &place in places {
        let length = place - last;
        last = place;
        match counts.last_mut() {
            Some(run) if together => {
                *run += length;
                together = false;
            }
            Some(_) if length == 0 => together = true,
            _ => counts.push(length),
        }
    }
    counts
}

/// An edge of an outline, in steps, turned so that it goes forwards along the axis on which it is longer.
struct Edge {
    from: [i64; 2],
    to: [i64; 2],
    /// Whether it is at least as wide as high.
    flat: bool,
    /// Along the shorter axis for each step along the longer one.
    slope: f64,
}

impl Edge {
    fn new(a: [i64; 2], b: [i64; 2]) -> Self {
        let (dx, dy) = ((b[0] - a[0]).abs(), (b[1] - a[1]).abs());
        let flat = dx >= dy;
        let axis = usize::from(!flat);
        let (from, to) = if a[axis] > b[axis] { (b, a) } else { (a, b) };
        let slope = (to[1 - axis] - from[1 - axis]) as f64 / (to[axis] - from[axis]) as f64;
        Edge { from, to, flat, slope }
    }

    /// The columns of a picture whose middle it passes: it has a step at `5k + 2` and one at `5k + 3`.
    fn columns(&self, width: usize) -> std::ops::Range<i64> {
        let (left, right) = (self.from[0].min(self.to[0]), self.from[0].max(self.to[0]));
        (left + 2).div_euclid(5).max(0)..(right + 2).div_euclid(5).min(width as i64)
    }

    /// The upper one of its two steps beside the middle of a column.
    fn row(&self, column: i64) -> i64 {
        let left = 5 * column + 2;
        if self.flat {
            let step = left - self.from[0];
            return self.across(step).min(self.across(step + 1));
        }
        // The first step along `y` that has passed the middle. The division finds it but for rounding.
        let passed = |step: i64| {
            let x = self.across(step);
            if self.slope > 0.0 { x > left } else { x <= left }
        };
        let mut step = ((left as f64 + 0.5 - self.from[0] as f64) / self.slope) as i64;
        step = step.clamp(1, self.to[1] - self.from[1]);
        while step > 1 && passed(step - 1) {
            step -= 1;
        }
        while !passed(step) && step < self.to[1] - self.from[1] {
            step += 1;
        }
        self.from[1] + step - 1
    }

    /// Where the edge is on its shorter axis after so many steps on the longer one.
    fn across(&self, step: i64) -> i64 {
        let start = self.from[usize::from(self.flat)];
        (start as f64 + self.slope * step as f64 + 0.5) as i64
    }
}
