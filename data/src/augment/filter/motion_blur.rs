//! Blur as of a moved camera.

use serde::{Deserialize, Serialize};

use super::correlate::{Plane, Tap, check_side, odd_side};
use crate::augment::Augment;
use crate::{Error, Image, Result, Sample, SampleRng};

/// [`motion_blur`] by a length drawn evenly from a range, in a direction drawn evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MotionBlur {
    /// The least and the largest length in pixels, both odd.
    pub kernel: [usize; 2],
}

impl Augment for MotionBlur {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        let length = odd_side("motion blur", self.kernel, rng)?;
        let angle = rng.uniform(0.0, 180.0)?;
        sample.map_image(|image| motion_blur(image, length, angle))
    }
}

/// The mean of `length` pixels on a line through each pixel; the line's angle is in degrees, counted from right to up. Places between pixels take part in the
/// two nearest ones.
///
/// # Errors
/// [`Error::Argument`] unless the length is odd and the angle finite.
pub fn motion_blur(image: Image, length: usize, angle: f64) -> Result<Image> {
    check_side("motion blur", length)?;
    if !angle.is_finite() {
        return Err(Error::argument("motion blur", format!("expected a finite angle, received {angle}")));
    }
    Ok(Plane::new(&image)?.correlate(&line(length, angle))?.write(image))
}

/// The pixels of a line, each of one step along the axis that it is nearer to.
fn line(length: usize, angle: f64) -> Vec<Tap> {
    let (sin, cos) = angle.to_radians().sin_cos();
    let half = (length / 2) as i32;
    let flat = cos.abs() >= sin.abs();
    // Rows count downwards.
    let slope = if flat { -sin / cos } else { -cos / sin };
    let each = 1.0 / length as f64;
    let mut taps = Vec::with_capacity(2 * length);
    for step in -half..=half {
        let across = f64::from(step) * slope;
        let before = across.floor();
        let part = across - before;
        for (place, weight) in [(before as i32, 1.0 - part), (before as i32 + 1, part)] {
            // What rounding leaves of 0.
            if weight > 1e-6 {
                let (row, column) = if flat { (place, step) } else { (step, place) };
                taps.push(Tap { row, column, weight: (each * weight) as f32 });
            }
        }
    }
    // Neighbours of one row lie side by side in memory.
    taps.sort_by_key(|tap| (tap.row, tap.column));
    taps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lie_as_they_should() {
        let places = |length, angle| line(length, angle).iter().map(|tap| (tap.row, tap.column)).collect::<Vec<_>>();
        assert_eq!(places(3, 0.0), [(0, -1), (0, 0), (0, 1)]);
        assert_eq!(places(3, 90.0), [(-1, 0), (0, 0), (1, 0)]);
        // Up and to the right.
        assert_eq!(places(3, 45.0), [(-1, 1), (0, 0), (1, -1)]);
        for angle in 0..180 {
            let sum: f32 = line(9, f64::from(angle)).iter().map(|tap| tap.weight).sum();
            assert!((sum - 1.0).abs() < 1e-6);
        }
        let image = Image::from_u8([1, 5, 1], vec![0, 0, 90, 0, 0]).unwrap();
        let expected = Image::from_u8([1, 5, 1], vec![0, 30, 30, 30, 0]).unwrap();
        assert_eq!(motion_blur(image.clone(), 3, 180.0).unwrap(), expected);
        assert!(motion_blur(image.clone(), 4, 0.0).is_err() && motion_blur(image.clone(), 3, f64::NAN).is_err());
        assert!(MotionBlur { kernel: [5, 3] }.apply_image(image, &mut SampleRng::new(0, 0, 0)).is_err());
    }
}
