//! Boxes as the loops over pairs read them: a column for each number, and the areas.

use std::ops::{Add, Div, Mul, Sub};

use ocelli_tensor::{Device, Element, Tensor};

use super::boxes;
use crate::Result;

/// The float types that boxes are computed in.
pub(super) trait Real:
    Element + PartialOrd + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    const ZERO: Self;

    /// The largest number of this type that is not above `x`: `y > x` holds for the same `y` of this type.
    fn at_most(x: f64) -> Self;
}

impl Real for f32 {
    const ZERO: f32 = 0.0;

    fn at_most(x: f64) -> f32 {
        let nearest = x as f32;
        if f64::from(nearest) > x { nearest.next_down() } else { nearest }
    }
}

impl Real for f64 {
    const ZERO: f64 = 0.0;

    fn at_most(x: f64) -> f64 {
        x
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
        let numbers = tensor.to_device(Device::Cpu)?.to_dtype(T::DTYPE)?.to_vec::<T>()?;
        let column = |k: usize| numbers.chunks_exact(4).map(|corners| corners[k]).collect();
        let area = numbers.chunks_exact(4).map(|b| (b[2] - b[0]) * (b[3] - b[1])).collect();
        Ok(Corners { x1: column(0), y1: column(1), x2: column(2), y2: column(3), area })
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

    /// Intersection over union of box `i` of `one` with each of these boxes from `start` on: `each(slot, iou)` for each slot.
    pub(super) fn iou_with<S>(&self, one: &Self, i: usize, start: usize, slots: &mut [S], each: impl Fn(&mut S, T)) {
        let (x1, y1, x2, y2, area) = (one.x1[i], one.y1[i], one.x2[i], one.y2[i], one.area[i]);
        // Slices of one length: the loop has no checks of bounds and no branches, so that it becomes vector code.
        let count = slots.len();
        let (u1, v1) = (&self.x1[start..][..count], &self.y1[start..][..count]);
        let (u2, v2) = (&self.x2[start..][..count], &self.y2[start..][..count]);
        let areas = &self.area[start..][..count];
        for j in 0..count {
            let width = positive(smaller(x2, u2[j]) - larger(x1, u1[j]));
            let height = positive(smaller(y2, v2[j]) - larger(y1, v1[j]));
            let shared = width * height;
            let union = area + areas[j] - shared;
            let iou = shared / union;
            // Two empty boxes share nothing of nothing.
            each(&mut slots[j], if union == T::ZERO { T::ZERO } else { iou });
        }
    }
}

fn larger<T: Real>(a: T, b: T) -> T {
    if a > b { a } else { b }
}

fn smaller<T: Real>(a: T, b: T) -> T {
    if a < b { a } else { b }
}

fn positive<T: Real>(x: T) -> T {
    larger(x, T::ZERO)
}
