//! Turns, shifts, scales and shears with torchvision's meaning of the numbers.

use serde::{Deserialize, Serialize};

use super::geometry::{self, Interpolation, Matrix, Projective, Sampling};
use super::{Augment, Fill, Keep};
use crate::{Error, Result, Sample, SampleRng};

/// Turns, scales, shears and shifts a picture about its middle at random, in one resampling: torchvision's `RandomAffine`, whose ranges these are.
/// [`RandomAffine`](super::RandomAffine) has those of Keras. All are drawn evenly; the default changes nothing.
///
/// At the edge of the picture pixels are mixed with a constant [`Fill`], as torchvision does. By default pixels are mixed bilinearly, whereas torchvision takes the nearest one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShiftScaleRotate {
    /// The smallest and largest angle in degrees, clockwise.
    pub rotation: [f64; 2],
    /// The largest shift to either side and up or down, as parts of width and height; rounded to whole pixels.
    pub shift: [f64; 2],
    /// The smallest and largest factor; above 1 magnifies.
    pub scale: [f64; 2],
    /// The smallest and largest angle in degrees by which rows are sheared.
    pub shear_x: [f64; 2],
    /// The smallest and largest angle in degrees by which columns are sheared.
    pub shear_y: [f64; 2],
    /// How pixels are mixed.
    pub interpolation: Interpolation,
    /// What lies outside the picture.
    pub fill: Fill,
    /// Which objects stay.
    pub keep: Keep,
}

impl Default for ShiftScaleRotate {
    fn default() -> Self {
        ShiftScaleRotate {
            rotation: [0.0; 2],
            shift: [0.0; 2],
            scale: [1.0; 2],
            shear_x: [0.0; 2],
            shear_y: [0.0; 2],
            interpolation: Interpolation::Bilinear,
            fill: Fill::black(),
            keep: Keep::default(),
        }
    }
}

impl Augment for ShiftScaleRotate {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        if self.scale[0].is_nan() || self.scale[0] <= 0.0 {
            let message = format!("expected a scale above 0, received {:?}", self.scale);
            return Err(Error::argument("shift scale rotate", message));
        }
        let [height, width] = sample.image.size();
        let mut between = |[low, high]: [f64; 2]| rng.uniform(low, high);
        let rotation = between(self.rotation)?;
        let shift = [
            between([-self.shift[0], self.shift[0]])? * width as f64,
            between([-self.shift[1], self.shift[1]])? * height as f64,
        ];
        let scale = between(self.scale)?;
        let shear = [between(self.shear_x)?, between(self.shear_y)?];
        let forward = forward(rotation, shift.map(f64::round_ties_even), scale, shear, [height, width]);
        let sampling = Sampling { interpolation: self.interpolation, fill: self.fill, mixed: true };
        let Some(backward) = forward.inverse() else {
            let message = format!("expected shears below 90 degrees, received {shear:?}");
            return Err(Error::argument("shift scale rotate", message));
        };
        let change = Projective::new("shift scale rotate", [height, width], backward, sampling)?;
        geometry::apply(sample, &change, &self.keep, None)
    }
}

/// Turns a picture about its middle by a random angle: torchvision's `RandomRotation`, but bilinearly by default, whereas torchvision takes the nearest pixel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomRotation {
    /// The smallest and largest angle in degrees, counter-clockwise; drawn evenly.
    pub angle: [f64; 2],
    /// Whether the result is large enough for the whole turned picture; otherwise it has the picture's size.
    #[serde(default)]
    pub expand: bool,
    /// How pixels are mixed.
    #[serde(default)]
    pub interpolation: Interpolation,
    /// What lies outside the picture.
    #[serde(default = "Fill::black")]
    pub fill: Fill,
    /// Which objects stay.
    #[serde(default)]
    pub keep: Keep,
}

impl RandomRotation {
    /// By at most so many degrees in both directions, in a picture of the same size.
    pub fn new(most: f64) -> Self {
        RandomRotation {
            angle: [-most, most],
            expand: false,
            interpolation: Interpolation::Bilinear,
            fill: Fill::black(),
            keep: Keep::default(),
        }
    }
}

impl Augment for RandomRotation {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        let old = sample.image.size();
        let angle = rng.uniform(self.angle[0], self.angle[1])?;
        let mut forward = forward(-angle, [0.0; 2], 1.0, [0.0; 2], old);
        let mut size = old;
        if self.expand {
            let (width, height) = (old[1] as f64, old[0] as f64);
            let corners =
                [[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]].map(|corner| forward.apply(corner));
            let span = |axis: usize| {
                let along = corners.map(|corner| corner[axis]);
                let low = along.iter().copied().fold(f64::INFINITY, f64::min);
                let high = along.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                // Rounding must not make a pixel.
                ((low * 1e6).round() / 1e6, (high * 1e6).round() / 1e6)
            };
            let ((left, right), (top, bottom)) = (span(0), span(1));
            // Right angles turn pixels onto pixels; for others all pixels of the old raster that are touched count, as for Pillow and torchvision.
            let right_angle = angle % 90.0 == 0.0;
            let side = |low: f64, high: f64| if right_angle { high - low } else { high.ceil() - low.floor() };
            size = [side(top, bottom) as usize, side(left, right) as usize];
            // The middle stays the middle.
            forward = Matrix::shift((size[1] as f64 - width) / 2.0, (size[0] as f64 - height) / 2.0).after(&forward);
        }
        let Some(backward) = forward.inverse() else {
            return Err(Error::argument("random rotation", format!("expected an angle, received {angle}")));
        };
        let sampling = Sampling { interpolation: self.interpolation, fill: self.fill, mixed: true };
        let change = Projective::new("random rotation", size, backward, sampling)?;
        geometry::apply(sample, &change, &self.keep, None)
    }
}

/// Where points of a picture of `[height, width]` go: `T · C · R · S · Hy · Hx · C⁻¹`, in degrees and pixels, as torchvision computes it.
fn forward(rotation: f64, [tx, ty]: [f64; 2], scale: f64, shear: [f64; 2], [height, width]: [usize; 2]) -> Matrix {
    let (sin, cos) = rotation.to_radians().sin_cos();
    let [tan_x, tan_y] = shear.map(|angle| angle.to_radians().tan());
    let turn = Matrix::affine([scale * cos, -scale * sin, 0.0], [scale * sin, scale * cos, 0.0]);
    let shear_y = Matrix::affine([1.0, 0.0, 0.0], [-tan_y, 1.0, 0.0]);
    let shear_x = Matrix::affine([1.0, -tan_x, 0.0], [0.0, 1.0, 0.0]);
    let (x, y) = (width as f64 / 2.0, height as f64 / 2.0);
    let about = turn.after(&shear_y).after(&shear_x);
    Matrix::shift(x + tx, y + ty).after(&about).after(&Matrix::shift(-x, -y))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Image;

    #[test]
    fn right_angles_with_room_are_quarter_turns() {
        let image = Image::from_u8([2, 3, 1], vec![1, 2, 3, 4, 5, 6]).unwrap();
        let rng = &mut SampleRng::new(0, 0, 0);
        let turn = RandomRotation { angle: [90.0, 90.0], expand: true, ..RandomRotation::new(0.0) };
        let turned = turn.apply_image(image.clone(), rng).unwrap();
        assert_eq!(turned, Image::from_u8([3, 2, 1], vec![3, 6, 2, 5, 1, 4]).unwrap());
        let none = ShiftScaleRotate::default().apply_image(image.clone(), rng).unwrap();
        assert_eq!(none, image);
        let right = ShiftScaleRotate { rotation: [180.0, 180.0], ..ShiftScaleRotate::default() };
        let turned = right.apply_image(image.clone(), rng).unwrap();
        assert_eq!(turned, Image::from_u8([2, 3, 1], vec![6, 5, 4, 3, 2, 1]).unwrap());
    }

    #[test]
    fn strange_settings_and_pictures() {
        let rng = &mut SampleRng::new(0, 0, 0);
        let image = Image::from_u8([1, 1, 1], vec![5]).unwrap();
        let bad = [
            ShiftScaleRotate { scale: [0.0, 1.0], ..ShiftScaleRotate::default() },
            ShiftScaleRotate { rotation: [f64::NAN, 0.0], ..ShiftScaleRotate::default() },
            ShiftScaleRotate { shift: [-1.0, 0.0], ..ShiftScaleRotate::default() },
            ShiftScaleRotate { shear_x: [3.0, f64::INFINITY], ..ShiftScaleRotate::default() },
        ];
        for bad in bad {
            assert!(bad.apply_image(image.clone(), rng).is_err(), "{bad:?}");
        }
        assert!(RandomRotation::new(f64::NAN).apply_image(image.clone(), rng).is_err());
        let turn = RandomRotation { expand: true, ..RandomRotation::new(180.0) };
        for shape in [[0, 0, 1], [0, 4, 1], [1, 1, 1], [1, 9, 1]] {
            let image = Image::from_u8(shape, vec![1; shape.iter().product()]).unwrap();
            assert!(turn.apply_image(image, rng).is_ok());
        }
    }
}
