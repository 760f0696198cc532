//! Boxes as the loops over pairs read them: a column for each number, and what two boxes have in common.

use std::ops::{Add, Div, Mul, Sub};

use ocelli_tensor::{Element, Tensor};

use super::boxes;
use crate::Result;
use crate::host::elements;

/// The float types that boxes are computed in.
pub(super) trait Real:
    Element + Copy + PartialOrd + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    const ZERO: Self;
    const INFINITY: Self;
    /// Lengths and areas from here up are far enough from the smallest number that a product rounds as usual.
    const SAFE: Self;

    /// The largest number of this type that is not above `x`: `y > x` holds for the same `y` of this type.
    fn at_most(x: f64) -> Self;

    fn atan(self) -> Self;
}

impl Real for f32 {
    const ZERO: f32 = 0.0;
    const INFINITY: f32 = f32::INFINITY;
    const SAFE: f32 = f32::MIN_POSITIVE / f32::EPSILON;

    fn at_most(x: f64) -> f32 {
        let nearest = x as f32;
        if f64::from(nearest) > x { nearest.next_down() } else { nearest }
    }

    fn atan(self) -> f32 {
        self.atan()
    }
}

impl Real for f64 {
    const ZERO: f64 = 0.0;
    const INFINITY: f64 = f64::INFINITY;
    const SAFE: f64 = f64::MIN_POSITIVE / f64::EPSILON;

    fn at_most(x: f64) -> f64 {
        x
    }

    fn atan(self) -> f64 {
        self.atan()
    }
}

/// One box and its area.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect<T> {
    pub(super) x1: T,
    pub(super) y1: T,
    pub(super) x2: T,
    pub(super) y2: T,
    pub(super) area: T,
}

// Everything here is without branches, so that loops over pairs become vector code.
impl<T: Real> Rect<T> {
    #[inline(always)]
    pub(super) fn new([x1, y1, x2, y2]: [T; 4]) -> Self {
        Rect { x1, y1, x2, y2, area: (x2 - x1) * (y2 - y1) }
    }

    /// Whether it covers anything: both sides are above 0, and the area is a number and not infinite.
    pub(super) fn covers_something(self) -> bool {
        self.x2 > self.x1 && self.y2 > self.y1 && self.area > T::ZERO && self.area < T::INFINITY
    }

    /// The areas of what both cover, and of what either covers.
    #[inline(always)]
    fn shared_and_union(self, other: Self) -> (T, T) {
        let width = positive(smaller(self.x2, other.x2) - larger(self.x1, other.x1));
        let height = positive(smaller(self.y2, other.y2) - larger(self.y1, other.y1));
        let shared = width * height;
        (shared, self.area + other.area - shared)
    }

    /// Width and height of the smallest box around both.
    #[inline(always)]
    fn hull(self, other: Self) -> (T, T) {
        let width = larger(self.x2, other.x2) - smaller(self.x1, other.x1);
        let height = larger(self.y2, other.y2) - smaller(self.y1, other.y1);
        (positive(width), positive(height))
    }

    /// Intersection over union; NaN where neither covers anything.
    #[inline(always)]
    pub(super) fn iou(self, other: Self) -> T {
        let (shared, union) = self.shared_and_union(other);
        shared / union
    }

    /// As [`Rect::iou`], with 0 for nothing of nothing.
    #[inline(always)]
    pub(super) fn iou_or_zero(self, other: Self) -> T {
        let (shared, union) = self.shared_and_union(other);
        let iou = shared / union;
        if union == T::ZERO { T::ZERO } else { iou }
    }

    /// Generalized intersection over union: less the part of the hull that neither covers.
    #[inline(always)]
    pub(super) fn giou(self, other: Self) -> T {
        let (shared, union) = self.shared_and_union(other);
        let (iou, (width, height)) = (shared / union, self.hull(other));
        let hull = width * height;
        let iou = if union == T::ZERO { T::ZERO } else { iou };
        let lost = (hull - union) / hull;
        iou - if hull == T::ZERO { T::ZERO } else { lost }
    }

    /// What DIoU takes from the intersection over union: the squared distance of the centres by that of the hull's corners.
    #[inline(always)]
    pub(super) fn distance(self, other: Self, eps: T) -> T {
        let (width, height) = self.hull(other);
        let half = T::from_f64(0.5);
        let x = (self.x1 + self.x2) * half - (other.x1 + other.x2) * half;
        let y = (self.y1 + self.y2) * half - (other.y1 + other.y2) * half;
        (x * x + y * y) / (width * width + height * height + eps)
    }
}

/// Boxes, corner by corner.
pub(super) struct Corners<T> {
    x1: Vec<T>,
    y1: Vec<T>,
    x2: Vec<T>,
    y2: Vec<T>,
    area: Vec<T>,
}

impl<T: Real> Corners<T> {
    /// The boxes of a tensor `[N, 4]` in `T`.
    pub(super) fn read(op: &'static str, tensor: &Tensor) -> Result<Self> {
        boxes::require_list(op, tensor)?;
        Ok(Corners::of(&elements::<T>(tensor)?))
    }

    /// Boxes from their numbers, four each.
    pub(super) fn of(numbers: &[T]) -> Self {
        let column = |k: usize| numbers.chunks_exact(4).map(|corners| corners[k]).collect();
        let area = numbers.chunks_exact(4).map(|b| (b[2] - b[0]) * (b[3] - b[1])).collect();
        Corners { x1: column(0), y1: column(1), x2: column(2), y2: column(3), area }
    }

    /// These boxes, in this order.
    pub(super) fn select(&self, order: &[usize]) -> Self {
        let pick = |column: &[T]| order.iter().map(|&i| column[i]).collect();
        Corners {
            x1: pick(&self.x1),
            y1: pick(&self.y1),
            x2: pick(&self.x2),
            y2: pick(&self.y2),
            area: pick(&self.area),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.area.len()
    }

    pub(super) fn get(&self, i: usize) -> Rect<T> {
        Rect { x1: self.x1[i], y1: self.y1[i], x2: self.x2[i], y2: self.y2[i], area: self.area[i] }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Rect<T>> {
        (0..self.len()).map(|i| self.get(i))
    }

    /// `each(slot, box)` for each of these boxes and its slot; there are as many slots.
    #[inline(always)]
    pub(super) fn with_each<S>(&self, slots: &mut [S], each: impl Fn(&mut S, Rect<T>)) {
        // Slices of one length: the loop has no checks of bounds, so that it becomes vector code.
        let count = slots.len();
        let (u1, v1) = (&self.x1[..count], &self.y1[..count]);
        let (u2, v2) = (&self.x2[..count], &self.y2[..count]);
        let areas = &self.area[..count];
        for j in 0..count {
            each(&mut slots[j], Rect { x1: u1[j], y1: v1[j], x2: u2[j], y2: v2[j], area: areas[j] });
        }
    }
}

#[inline(always)]
pub(super) fn larger<T: Real>(a: T, b: T) -> T {
    if a > b { a } else { b }
}

#[inline(always)]
pub(super) fn smaller<T: Real>(a: T, b: T) -> T {
    if a < b { a } else { b }
}

#[inline(always)]
fn positive<T: Real>(x: T) -> T {
    larger(x, T::ZERO)
}
