//! What policies are made of.

use serde::{Deserialize, Serialize};

use super::Warp;
use crate::augment::geometry::{self, Matrix, Projective, Sampling};
use crate::augment::{
    adjust_brightness, adjust_contrast, adjust_saturation, adjust_sharpness, autocontrast, equalize, invert, posterize,
    solarize,
};
use crate::{Error, Result, Sample};

/// One of the operations that policies choose from, under torchvision's names. What its magnitude means is said with each; those without one pass over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// No change.
    Identity,
    /// Rows are shifted to the left, each by the magnitude times its distance from the upper edge.
    ShearX,
    /// Columns are shifted up, each by the magnitude times its distance from the left edge.
    ShearY,
    /// A shift to the right by so many pixels, rounded towards 0.
    TranslateX,
    /// A shift down by so many pixels, rounded towards 0.
    TranslateY,
    /// A turn about the middle by so many degrees, counter-clockwise.
    Rotate,
    /// [`adjust_brightness`] by 1 + magnitude.
    Brightness,
    /// [`adjust_saturation`] by 1 + magnitude.
    Color,
    /// [`adjust_contrast`] by 1 + magnitude.
    Contrast,
    /// [`adjust_sharpness`] by 1 + magnitude.
    Sharpness,
    /// [`posterize`] to so many bits, rounded towards 0.
    Posterize,
    /// [`solarize`] from so much on, in parts of white.
    Solarize,
    /// [`autocontrast`].
    AutoContrast,
    /// [`equalize`].
    Equalize,
    /// [`invert`].
    Invert,
}

impl Operation {
    /// All of them.
    pub const ALL: [Operation; 15] = [
        Operation::Identity,
        Operation::ShearX,
        Operation::ShearY,
        Operation::TranslateX,
        Operation::TranslateY,
        Operation::Rotate,
        Operation::Brightness,
        Operation::Color,
        Operation::Contrast,
        Operation::Sharpness,
        Operation::Posterize,
        Operation::Solarize,
        Operation::AutoContrast,
        Operation::Equalize,
        Operation::Invert,
    ];

    /// Changes a sample, as strongly as the magnitude says. Boxes, masks, keypoints and class maps follow shears, shifts and turns.
    ///
    /// ```
    /// use ocelli_data::augment::{Operation, Warp};
    /// use ocelli_data::{Image, Sample};
    /// # fn main() -> ocelli_data::Result<()> {
    /// let sample = Sample::from(Image::from_u8([1, 3, 1], vec![1, 2, 3])?);
    /// let moved = Operation::TranslateX.apply(sample, -1.9, &Warp::default())?;
    /// assert_eq!(moved.image, Image::from_u8([1, 3, 1], vec![2, 3, 0])?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`] unless the magnitude is finite and one of this operation, the picture has as many channels as it asks for, and masks have
    /// the picture's size.
    pub fn apply(self, sample: Sample, magnitude: f64, warp: &Warp) -> Result<Sample> {
        if !magnitude.is_finite() {
            return Err(Error::argument("operation", format!("expected a finite magnitude, received {magnitude}")));
        }
        let factor = 1.0 + magnitude;
        match self {
            Operation::Identity => Ok(sample),
            Operation::ShearX
            | Operation::ShearY
            | Operation::TranslateX
            | Operation::TranslateY
            | Operation::Rotate => self.moved(sample, magnitude, warp),
            Operation::Brightness => sample.map_image(|image| adjust_brightness(image, factor)),
            Operation::Color => sample.map_image(|image| adjust_saturation(image, factor)),
            Operation::Contrast => sample.map_image(|image| adjust_contrast(image, factor)),
            Operation::Sharpness => sample.map_image(|image| adjust_sharpness(image, factor)),
            Operation::Posterize => {
                if !(0.0..9.0).contains(&magnitude) {
                    let message = format!("expected 0 to 8 bits, received {magnitude}");
                    return Err(Error::argument("posterize", message));
                }
                sample.map_image(|image| posterize(image, magnitude as u32))
            }
            Operation::Solarize => sample.map_image(|image| {
                let threshold = image.white() * magnitude as f32;
                solarize(image, threshold)
            }),
            Operation::AutoContrast => sample.map_image(|image| Ok(autocontrast(image))),
            Operation::Equalize => sample.map_image(|image| Ok(equalize(image))),
            Operation::Invert => sample.map_image(|image| Ok(invert(image))),
        }
    }

    fn moved(self, sample: Sample, magnitude: f64, warp: &Warp) -> Result<Sample> {
        let size @ [height, width] = sample.image.size();
        // Where a new pixel comes from.
        let backward = match self {
            Operation::ShearX => Matrix::affine([1.0, magnitude, 0.0], [0.0, 1.0, 0.0]),
            Operation::ShearY => Matrix::affine([1.0, 0.0, 0.0], [magnitude, 1.0, 0.0]),
            Operation::TranslateX => Matrix::shift(-magnitude.trunc(), 0.0),
            Operation::TranslateY => Matrix::shift(0.0, -magnitude.trunc()),
            _ => {
                let (sin, cos) = magnitude.to_radians().sin_cos();
                let (x, y) = (width as f64 / 2.0, height as f64 / 2.0);
                let turn = Matrix::affine([cos, -sin, 0.0], [sin, cos, 0.0]);
                Matrix::shift(x, y).after(&turn).after(&Matrix::shift(-x, -y))
            }
        };
        let sampling = Sampling { interpolation: warp.interpolation, fill: warp.fill, mixed: true };
        geometry::apply(sample, &Projective::new("operation", size, backward, sampling)?, &warp.keep, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Image;
    use crate::annotation::{BoundingBox, BoxFormat, Keypoints, Object};

    fn sample() -> Sample {
        let mut sample = Sample::from(Image::from_u8([4, 4, 1], (0..16).collect()).unwrap());
        let place = BoundingBox::new([0.0, 0.0, 2.0, 2.0], BoxFormat::Xyxy).unwrap();
        let keypoints = Some(Keypoints::visible([[1.5, 1.5]]).unwrap());
        sample.labels.objects.push(Object { keypoints, ..Object::new(0, place) });
        sample
    }

    #[test]
    fn labels_follow() {
        let warp = Warp::default();
        let moved = |operation: Operation, magnitude| {
            let sample = operation.apply(sample(), magnitude, &warp).unwrap();
            let object = sample.labels.objects[0].clone();
            let point = object.keypoints.unwrap().points()[0];
            (object.bounding_box.to_array(BoxFormat::Xyxy), [point.x, point.y])
        };
        assert_eq!(moved(Operation::TranslateX, 1.5), ([1.0, 0.0, 3.0, 2.0], [2.5, 1.5]));
        assert_eq!(moved(Operation::TranslateY, 2.0), ([0.0, 2.0, 2.0, 4.0], [1.5, 3.5]));
        assert_eq!(moved(Operation::ShearX, -0.5), ([0.0, 0.0, 3.0, 2.0], [2.25, 1.5]));
        assert_eq!(moved(Operation::ShearY, -0.5), ([0.0, 0.0, 2.0, 3.0], [1.5, 2.25]));
        let ([x1, y1, x2, y2], [x, y]) = moved(Operation::Rotate, 90.0);
        let expected = [0.0, 2.0, 2.0, 4.0, 1.5, 2.5];
        assert!([x1, y1, x2, y2, x, y].iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12));
        // A colour is no place.
        assert_eq!(moved(Operation::Brightness, 0.5), ([0.0, 0.0, 2.0, 2.0], [1.5, 1.5]));
    }

    #[test]
    fn magnitudes_that_mean_nothing_are_refused() {
        for operation in Operation::ALL {
            for magnitude in [f64::NAN, f64::INFINITY] {
                let text = operation.apply(sample(), magnitude, &Warp::default()).unwrap_err().to_string();
                assert!(text.contains("expected a finite magnitude"), "{text}");
            }
        }
        for bits in [-1.0, 9.0] {
            assert!(Operation::Posterize.apply(sample(), bits, &Warp::default()).is_err());
        }
        for far in [1e300, -1e300] {
            for operation in [Operation::TranslateX, Operation::TranslateY] {
                let gone = operation.apply(sample(), far, &Warp::default()).unwrap();
                assert_eq!(gone.image, Image::from_u8([4, 4, 1], vec![0; 16]).unwrap());
                assert!(gone.labels.objects.is_empty());
            }
        }
    }
}
