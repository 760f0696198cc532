//! Edges harder or softer.

use ocelli_tensor::kernels::{Loop, vectorized};
use serde::{Deserialize, Serialize};

use super::correlate::{Plane, Tap};
use crate::augment::Augment;
use crate::augment::draw::draw;
use crate::{Error, Image, Result, Sample, SampleRng};

/// [`adjust_sharpness`] by a factor drawn evenly from a range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sharpness {
    /// The least and the largest factor; below 1 makes softer, above 1 harder.
    pub factor: [f64; 2],
}

impl Augment for Sharpness {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        let factor = draw("sharpness", "factors", self.factor, [0.0, f64::INFINITY], rng)?;
        sample.map_image(|image| adjust_sharpness(image, factor))
    }
}

/// Multiplies the distance of all pixels but those at the border from a smoothed picture (3×3, the middle weighing 5, the others 1) by a factor; the result stays
/// between black and white. As torchvision's function of the name: bytes are rounded down. Pictures of less than three rows or columns stay as they are.
///
/// # Errors
/// [`Error::Argument`] for a negative factor.
pub fn adjust_sharpness(image: Image, factor: f64) -> Result<Image> {
    if !(factor.is_finite() && factor >= 0.0) {
        let message = format!("expected a factor of at least 0, received {factor}");
        return Err(Error::argument("adjust sharpness", message));
    }
    let [height, width] = image.size();
    if height <= 2 || width <= 2 {
        return Ok(image);
    }
    let weight = |row: i32, column: i32| if row == 0 && column == 0 { 5.0 / 13.0 } else { 1.0 / 13.0 };
    let tap = |i: i32| Tap { row: i / 3 - 1, column: i % 3 - 1, weight: weight(i / 3 - 1, i % 3 - 1) };
    let taps: Vec<Tap> = (0..9).map(tap).collect();
    let mut plane = Plane::new(&image)?;
    let smooth = plane.correlate(&taps)?;
    let (white, rest) = (image.white(), (1.0 - factor) as f32);
    let line = width * image.channels();
    for row in 1..height - 1 {
        let inner = row * line + image.channels()..(row + 1) * line - image.channels();
        vectorized(Mix { sharp: &mut plane.values[inner.clone()], smooth: &smooth.values[inner], rest, white });
    }
    Ok(plane.write(image))
}

/// Moves numbers by a share of the way to smoothed ones.
struct Mix<'a> {
    sharp: &'a mut [f32],
    smooth: &'a [f32],
    rest: f32,
    white: f32,
}

impl Loop for Mix<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let bytes = self.white == 255.0;
        for (x, &smooth) in self.sharp.iter_mut().zip(self.smooth) {
            let smooth = if bytes { smooth.round_ties_even() } else { smooth };
            let mixed = (smooth - *x).mul_add(self.rest, *x).clamp(0.0, self.white);
            *x = if bytes { mixed.floor() } else { mixed };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let image = Image::from_u8([3, 3, 1], vec![0, 0, 0, 0, 130, 0, 0, 0, 0]).unwrap();
        let middle = |factor| {
            let sharp = adjust_sharpness(image.clone(), factor).unwrap();
            let crate::Pixels::U8(pixels) = sharp.into_pixels() else { panic!("bytes stay bytes") };
            assert_eq!(pixels.iter().map(|&x| usize::from(x)).sum::<usize>(), usize::from(pixels[4]));
            pixels[4]
        };
        // Smoothed, the middle is 50.
        assert_eq!([middle(0.0), middle(1.0), middle(1.5), middle(9.0)], [50, 130, 170, 255]);
        for factor in [-1.0, f64::NAN] {
            assert!(adjust_sharpness(image.clone(), factor).is_err());
        }
        let thin = Image::from_u8([2, 5, 1], (0..10).collect()).unwrap();
        assert_eq!(adjust_sharpness(thin.clone(), 3.0).unwrap(), thin);
    }
}
