//! Sums of weighted neighbours.

use crate::augment::Fill;
use crate::augment::color::color_channels;
use crate::image::to_byte;
use crate::{Error, Image, Pixels, PixelsMut, Result, SampleRng, reserve};

/// A neighbour and its weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tap {
    pub(super) row: i32,
    pub(super) column: i32,
    pub(super) weight: f32,
}

/// The colours of a picture as numbers in its own units, worked on without rounding between steps.
#[derive(Debug, Clone)]
pub(super) struct Plane {
    size: [usize; 2],
    channels: usize,
    pub(super) values: Vec<f32>,
}

impl Plane {
    pub(super) fn new(image: &Image) -> Result<Plane> {
        let mut values = reserve::with_capacity(image.pixels().len())?;
        match image.pixels() {
            Pixels::U8(pixels) => values.extend(pixels.iter().map(|&x| f32::from(x))),
            Pixels::F32(pixels) => values.extend_from_slice(pixels),
        }
        Ok(Plane { size: image.size(), channels: image.channels(), values })
    }

    /// Each number as the sum of its weighted neighbours. The taps of one call are of one row or of few columns: the work is their number times the picture's.
    pub(super) fn correlate(&self, taps: &[Tap]) -> Result<Plane> {
        let [height, width] = self.size;
        let channels = self.channels;
        let reach = taps.iter().map(|tap| tap.column.unsigned_abs() as usize).max().unwrap_or(0);
        // A row with its mirror images on both sides, so that the loop over a row knows no border.
        let mut row = reserve::filled(0.0f32, (width + 2 * reach) * channels)?;
        let mut values = reserve::filled(0.0f32, self.values.len())?;
        if values.is_empty() {
            return Ok(Plane { values, ..*self });
        }
        let line = width * channels;
        for y in 0..height {
            let mut loaded = None;
            for tap in taps {
                let from = Fill::Mirror.resolve(y as i64 + i64::from(tap.row), height);
                if loaded != Some(from) {
                    fill_row(&mut row, &self.values[from * line..(from + 1) * line], channels, reach);
                    loaded = Some(from);
                }
                let start = (reach as i64 + i64::from(tap.column)) as usize * channels;
                let neighbours = &row[start..start + line];
                let sums = &mut values[y * line..(y + 1) * line];
                sums.iter_mut().zip(neighbours).for_each(|(sum, x)| *sum += tap.weight * x);
            }
        }
        Ok(Plane { values, ..*self })
    }

    /// Puts the numbers into the picture that they come from, as the nearest bytes or limited to 0..=1 as its floats; opacity stays.
    pub(super) fn write(self, mut image: Image) -> Image {
        let (channels, colors) = (image.channels(), color_channels(&image));
        fn put<T>(pixels: &mut [T], values: &[f32], channels: usize, colors: usize, convert: impl Fn(f32) -> T) {
            for (pixel, values) in pixels.chunks_exact_mut(channels).zip(values.chunks_exact(channels)) {
                pixel[..colors].iter_mut().zip(values).for_each(|(x, &value)| *x = convert(value));
            }
        }
        match image.pixels_mut() {
            PixelsMut::U8(pixels) => put(pixels, &self.values, channels, colors, to_byte),
            PixelsMut::F32(pixels) => put(pixels, &self.values, channels, colors, |x| x),
        }
        image
    }
}

/// A row and its mirror images.
fn fill_row(row: &mut [f32], values: &[f32], channels: usize, reach: usize) {
    let width = values.len() / channels;
    row[reach * channels..][..values.len()].copy_from_slice(values);
    for side in 0..reach {
        for (place, at) in [(side as i64 - reach as i64, side), ((width + side) as i64, reach + width + side)] {
            let from = Fill::Mirror.resolve(place, width) * channels;
            row[at * channels..(at + 1) * channels].copy_from_slice(&values[from..from + channels]);
        }
    }
}

/// Two passes, over columns and over rows, with these weights around the middle.
pub(super) fn separable(plane: &Plane, weights: [&[f32]; 2]) -> Result<Plane> {
    let around = |place: usize, count: usize| place as i32 - (count / 2) as i32;
    let [down, across] = weights;
    let taps = |weights: &[f32], vertical: bool| -> Vec<Tap> {
        let tap = |(i, &weight)| match (around(i, weights.len()), vertical) {
            (row, true) => Tap { row, column: 0, weight },
            (column, false) => Tap { row: 0, column, weight },
        };
        weights.iter().enumerate().map(tap).collect()
    };
    plane.correlate(&taps(across, false))?.correlate(&taps(down, true))
}

/// `Err` unless the side of a kernel is odd and of a size that makes sense.
pub(super) fn check_side(op: &'static str, side: usize) -> Result<()> {
    if side % 2 == 1 && side < 1 << 12 {
        return Ok(());
    }
    Err(Error::argument(op, format!("expected kernels of an odd size below 4096, received {side}")))
}

/// An odd number drawn evenly from a range.
pub(super) fn odd_side(op: &'static str, [low, high]: [usize; 2], rng: &mut SampleRng) -> Result<usize> {
    check_side(op, low)?;
    check_side(op, high)?;
    if low > high {
        return Err(Error::argument(op, format!("expected sizes in order, received {low}..={high}")));
    }
    Ok(low + 2 * rng.below((high - low) / 2 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pixel by itself.
    fn slowly(image: &Image, taps: &[Tap]) -> Vec<f32> {
        let Pixels::F32(pixels) = image.pixels() else { panic!("floats") };
        let [height, width, channels] = image.shape();
        let mut out = Vec::new();
        for y in 0..height as i64 {
            for x in 0..width as i64 {
                for channel in 0..channels {
                    let at = |tap: &Tap| {
                        let row = Fill::Mirror.resolve(y + i64::from(tap.row), height);
                        let column = Fill::Mirror.resolve(x + i64::from(tap.column), width);
                        tap.weight * pixels[(row * width + column) * channels + channel]
                    };
                    out.push(taps.iter().map(at).sum());
                }
            }
        }
        out
    }

    #[test]
    fn sums_are_those_of_each_pixel() {
        let tap = |row, column, weight| Tap { row, column, weight };
        let taps = [tap(-1, 2, 0.5), tap(0, 0, 1.0), tap(2, -3, -0.25), tap(-7, 0, 2.0), tap(0, 7, 0.125)];
        for [height, width, channels] in [[5, 4, 3], [1, 1, 1], [2, 7, 2], [3, 1, 4]] {
            let pixels = (0..height * width * channels).map(|i| (i * i % 17) as f32).collect();
            let image = Image::from_f32([height, width, channels], pixels).unwrap();
            let plane = Plane::new(&image).unwrap().correlate(&taps).unwrap();
            assert_eq!(plane.values, slowly(&image, &taps));
        }
        let nothing = Image::from_f32([3, 0, 1], vec![]).unwrap();
        assert!(Plane::new(&nothing).unwrap().correlate(&taps).unwrap().values.is_empty());
    }
}
