//! Mixing new pixels from old ones, wherever these are.

use serde::{Deserialize, Serialize};

use super::{OUTSIDE, size::pixels as count};
use crate::augment::Fill;
use crate::image::to_byte;
use crate::reserve::{filled, with_capacity};
use crate::{Image, Pixels, Result};

/// How a pixel is mixed whose place lies between old pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// The pixel in which the place lies.
    Nearest,
    /// Linearly from the four pixels around it.
    #[default]
    Bilinear,
}

/// How new pixels are made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sampling {
    pub(crate) interpolation: Interpolation,
    pub(crate) fill: Fill,
    /// Whether pixels at the edge of the picture are mixed with the constant that lies outside, as torchvision does; Keras has the constant where a place is
    /// not between pixels.
    pub(crate) mixed: bool,
}

/// Where a row of new pixels comes from: places in the plane of the old picture; NaN is outside.
pub(super) type Row<'a> = &'a mut [[f64; 2]];

/// A picture of `[height, width]` of which `places(row, …)` tells where each row comes from.
pub(super) fn warp(
    old: &Image,
    size: [usize; 2],
    sampling: &Sampling,
    places: impl Fn(usize, Row<'_>),
) -> Result<Image> {
    let shape = [size[0], size[1], old.channels()];
    let pixels = match (old.pixels(), old.channels()) {
        (Pixels::U8(pixels), 1) => Pixels::U8(mixed::<u8, 1>(pixels, old.size(), size, sampling, places)?),
        (Pixels::U8(pixels), 2) => Pixels::U8(mixed::<u8, 2>(pixels, old.size(), size, sampling, places)?),
        (Pixels::U8(pixels), 3) => Pixels::U8(mixed::<u8, 3>(pixels, old.size(), size, sampling, places)?),
        (Pixels::U8(pixels), _) => Pixels::U8(mixed::<u8, 4>(pixels, old.size(), size, sampling, places)?),
        (Pixels::F32(pixels), 1) => Pixels::F32(mixed::<f32, 1>(pixels, old.size(), size, sampling, places)?),
        (Pixels::F32(pixels), 2) => Pixels::F32(mixed::<f32, 2>(pixels, old.size(), size, sampling, places)?),
        (Pixels::F32(pixels), 3) => Pixels::F32(mixed::<f32, 3>(pixels, old.size(), size, sampling, places)?),
        (Pixels::F32(pixels), _) => Pixels::F32(mixed::<f32, 4>(pixels, old.size(), size, sampling, places)?),
    };
    old.replaced(shape, pixels)
}

/// For each new pixel the number of the old pixel in which its place lies, or [`OUTSIDE`].
pub(super) fn nearest(
    old: [usize; 2],
    size: [usize; 2],
    fill: Fill,
    places: impl Fn(usize, Row<'_>),
) -> Result<Vec<usize>> {
    let mut out = with_capacity(count("warp", old, size)?)?;
    let mut row = filled([f64::NAN; 2], size[1])?;
    for at in 0..size[0] {
        places(at, &mut row);
        out.extend(row.iter().map(|&place| nearest_place(old, place, fill).unwrap_or(OUTSIDE)));
    }
    Ok(out)
}

/// A number that a picture consists of.
trait Number: Copy {
    fn number(self) -> f64;
    fn of(value: f64) -> Self;
}

impl Number for u8 {
    fn number(self) -> f64 {
        f64::from(self)
    }
    fn of(value: f64) -> u8 {
        to_byte(value as f32)
    }
}

impl Number for f32 {
    fn number(self) -> f64 {
        f64::from(self)
    }
    fn of(value: f64) -> f32 {
        value as f32
    }
}

fn mixed<T: Number, const C: usize>(
    pixels: &[T],
    old: [usize; 2],
    size: [usize; 2],
    sampling: &Sampling,
    places: impl Fn(usize, Row<'_>),
) -> Result<Vec<T>> {
    let pixels = pixels.as_chunks::<C>().0;
    let fill: [f64; C] = std::array::from_fn(|channel| sampling.fill.value(channel));
    let mut out: Vec<[T; C]> = with_capacity(count("warp", old, size)?)?;
    let mut row = filled([f64::NAN; 2], size[1])?;
    for at in 0..size[0] {
        places(at, &mut row);
        out.extend(row.iter().map(|&place| match sampling.interpolation {
            Interpolation::Nearest => {
                nearest_place(old, place, sampling.fill).map_or(fill.map(T::of), |place| pixels[place])
            }
            Interpolation::Bilinear => bilinear(pixels, old, place, sampling, fill).map(T::of),
        }));
    }
    Ok(out.into_flattened())
}

fn bilinear<T: Number, const C: usize>(
    pixels: &[[T; C]],
    [height, width]: [usize; 2],
    [x, y]: [f64; 2],
    sampling: &Sampling,
    fill: [f64; C],
) -> [f64; C] {
    // From the plane to numbers of pixels, whose middles have whole ones.
    let (x, y) = (settle(x - 0.5), settle(y - 0.5));
    let inside = |x: f64, size: usize| (0.0..=size as f64 - 1.0).contains(&x);
    let sharp = sampling.fill.is_constant() && !sampling.mixed && !(inside(x, width) && inside(y, height));
    if sharp || x.is_nan() || y.is_nan() {
        return fill;
    }
    let (left, top) = (x.floor(), y.floor());
    // Casts saturate, so that far away is far away; one less leaves room for the neighbour.
    let place = |at: f64, size: usize, axis_fill: Fill| {
        let at = (at as i64).clamp(-(1 << 60), 1 << 60);
        [axis_fill.place(at, size), axis_fill.place(at + 1, size)]
    };
    // A constant beside the last pixel has no share where places are between pixels.
    let along = if sampling.mixed || !sampling.fill.is_constant() { sampling.fill } else { Fill::Nearest };
    let (columns, rows) = (place(left, width, along), place(top, height, along));
    let (dx, dy) = (x - left, y - top);
    let mut sum = [0.0; C];
    for (row, down) in rows.into_iter().zip([1.0 - dy, dy]) {
        for (column, across) in columns.into_iter().zip([1.0 - dx, dx]) {
            let share = down * across;
            match (row, column) {
                (Some(row), Some(column)) => {
                    let pixel = &pixels[row * width + column];
                    for (sum, x) in sum.iter_mut().zip(pixel) {
                        *sum += x.number() * share;
                    }
                }
                _ => {
                    for (sum, x) in sum.iter_mut().zip(fill) {
                        *sum += x * share;
                    }
                }
            }
        }
    }
    sum
}

/// The number of the old pixel in which a place lies.
fn nearest_place([height, width]: [usize; 2], [x, y]: [f64; 2], fill: Fill) -> Option<usize> {
    let (x, y) = (settle(x), settle(y));
    if x.is_nan() || y.is_nan() {
        return None;
    }
    let along = |at: f64, size: usize| fill.place((at.floor() as i64).clamp(-(1 << 60), 1 << 60), size);
    Some(along(y, height)? * width + along(x, width)?)
}

/// A coordinate that rounding has put beside a whole number is that number: turning by 90° moves pixels and mixes none.
fn settle(x: f64) -> f64 {
    let whole = x.round();
    if (x - whole).abs() < 1e-9 { whole } else { x }
}
