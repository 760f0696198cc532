//! Brightness stretched to a range.

use serde::{Deserialize, Serialize};

use crate::augment::Augment;
use crate::{Error, Result, Sample, SampleRng};

/// Stretches numbers linearly from one range to another: from the smallest and largest of each picture (over all channels), or from a given range. The result is of floats; bytes are divided by
/// 255 first. Numbers outside a given range come to lie outside the new one. A picture of one value gets the lower end.
///
/// ```
/// use ocelli_data::augment::{Augment, MinMax};
/// use ocelli_data::{Image, SampleRng};
/// # fn main() -> ocelli_data::Result<()> {
/// let image = Image::from_f32([1, 3, 1], vec![2.0, 4.0, 3.0])?;
/// let rng = &mut SampleRng::new(0, 0, 0);
/// assert_eq!(MinMax::default().apply_image(image.clone(), rng)?.to_f32(), [0.0, 1.0, 0.5]);
/// let given = MinMax { from: Some([0.0, 4.0]), to: [-1.0, 1.0] };
/// assert_eq!(given.apply_image(image, rng)?.to_f32(), [0.0, 1.0, 0.5]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MinMax {
    /// What becomes the ends of the new range; each picture's smallest and largest number if it is `None`.
    pub from: Option<[f32; 2]>,
    /// The new range.
    pub to: [f32; 2],
}

impl Default for MinMax {
    /// From each picture's own range to 0..1.
    fn default() -> Self {
        MinMax { from: None, to: [0.0, 1.0] }
    }
}

impl Augment for MinMax {
    fn apply(&self, sample: Sample, _: &mut SampleRng) -> Result<Sample> {
        let range = |[low, high]: [f32; 2]| (high - low).is_finite() && low < high;
        if !range(self.to) || !self.from.is_none_or(range) {
            let message = format!("expected finite ranges, the smaller number first, received {self:?}");
            return Err(Error::argument("min max", message));
        }
        sample.map_image(|image| {
            let image = image.into_float();
            let [low, high] = match self.from {
                Some(from) => from,
                None => image
                    .to_f32()
                    .into_iter()
                    .fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], x| [low.min(x), high.max(x)]),
            };
            // In 64 bits the distance of any two numbers is one.
            let (low, span) = (f64::from(low), f64::from(high) - f64::from(low));
            let [start, end] = self.to.map(f64::from);
            let part = |x: f32| if span > 0.0 { (f64::from(x) - low) / span } else { 0.0 };
            Ok(image.map_floats(|_, x| (start + (end - start) * part(x)) as f32))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Image;

    #[test]
    fn by_hand() {
        let rng = &mut SampleRng::new(0, 0, 0);
        let bytes = Image::from_u8([1, 3, 1], vec![51, 102, 153]).unwrap();
        let own = MinMax { to: [10.0, 20.0], ..MinMax::default() };
        let stretched = own.apply_image(bytes.clone(), rng).unwrap().to_f32();
        assert!(stretched.iter().zip([10.0, 15.0, 20.0]).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-5));
        let given = MinMax { from: Some([0.4, 0.5]), ..MinMax::default() };
        let stretched = given.apply_image(bytes.clone(), rng).unwrap().to_f32();
        assert!(stretched.iter().zip([-2.0, 0.0, 2.0]).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-5));
        let flat = Image::from_f32([1, 2, 1], vec![7.0; 2]).unwrap();
        assert_eq!(own.apply_image(flat, rng).unwrap().to_f32(), [10.0; 2]);
        let far = Image::from_f32([1, 2, 1], vec![f32::MIN, f32::MAX]).unwrap();
        assert_eq!(own.apply_image(far, rng).unwrap().to_f32(), [10.0, 20.0]);
        let nothing = Image::from_u8([0, 2, 1], vec![]).unwrap();
        assert_eq!(own.apply_image(nothing, rng).unwrap().shape(), [0, 2, 1]);
        for range in [[1.0, 1.0], [2.0, 1.0], [f32::NAN, 1.0], [0.0, f32::INFINITY]] {
            assert!(MinMax { to: range, from: None }.apply_image(bytes.clone(), rng).is_err());
            assert!(MinMax { from: Some(range), ..own }.apply_image(bytes.clone(), rng).is_err());
        }
    }
}
