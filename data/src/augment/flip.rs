//! Mirror images.

use serde::{Deserialize, Serialize};

use super::Augment;
use super::geometry::{self, Moves};
use super::keep::Keep;
use crate::annotation::Skeleton;
use crate::{Image, Result, Sample, SampleRng};

/// Swaps left and right at random.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HorizontalFlip {
    /// How often.
    pub probability: f64,
    /// Which keypoint each one becomes in a mirror, as [`Skeleton::flip`] tells; without it keypoints keep their numbers, so that a left hand stays the left one.
    pub mirror: Option<Vec<usize>>,
}

impl Default for HorizontalFlip {
    /// Every second time.
    fn default() -> Self {
        HorizontalFlip { probability: 0.5, mirror: None }
    }
}

impl HorizontalFlip {
    /// With keypoints of this skeleton: what is left becomes right.
    #[must_use]
    pub fn with_skeleton(self, skeleton: &Skeleton) -> Self {
        HorizontalFlip { mirror: Some(skeleton.flip().to_vec()), ..self }
    }
}

impl Augment for HorizontalFlip {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        flip(sample, [false, true], self.probability, self.mirror.as_deref(), rng)
    }
}

/// Swaps top and bottom at random.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerticalFlip {
    /// How often.
    pub probability: f64,
    /// As [`HorizontalFlip::mirror`].
    pub mirror: Option<Vec<usize>>,
}

impl Default for VerticalFlip {
    /// Every second time.
    fn default() -> Self {
        VerticalFlip { probability: 0.5, mirror: None }
    }
}

impl VerticalFlip {
    /// With keypoints of this skeleton: what is left becomes right, since this is a mirror image too.
    #[must_use]
    pub fn with_skeleton(self, skeleton: &Skeleton) -> Self {
        VerticalFlip { mirror: Some(skeleton.flip().to_vec()), ..self }
    }
}

impl Augment for VerticalFlip {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        flip(sample, [true, false], self.probability, self.mirror.as_deref(), rng)
    }
}

fn flip(
    sample: Sample,
    axes: [bool; 2],
    probability: f64,
    mirror: Option<&[usize]>,
    rng: &mut SampleRng,
) -> Result<Sample> {
    super::check_probability(probability)?;
    if !rng.chance(probability) {
        return Ok(sample);
    }
    let moves = Moves::flip(sample.image.size(), axes);
    geometry::apply(sample, &moves, &Keep::ALL, mirror)
}

/// The picture with left and right swapped.
///
/// # Errors
/// Only if memory runs out.
pub fn flip_horizontal(image: &Image) -> Result<Image> {
    geometry::Geometry::image(&Moves::flip(image.size(), [false, true]), image)
}

/// The picture with top and bottom swapped.
///
/// # Errors
/// Only if memory runs out.
pub fn flip_vertical(image: &Image) -> Result<Image> {
    geometry::Geometry::image(&Moves::flip(image.size(), [true, false]), image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flips_mirror_every_channel() {
        let image = Image::from_u8([1, 3, 2], vec![1, 4, 2, 5, 3, 6]).unwrap();
        let expected = Image::from_u8([1, 3, 2], vec![3, 6, 2, 5, 1, 4]).unwrap();
        assert_eq!(flip_horizontal(&image).unwrap(), expected);
        assert_eq!(flip_vertical(&image).unwrap(), image);
        let image = Image::from_f32([2, 2, 1], vec![1.0, 2.0, 3.0, 4.0]).unwrap();
        let expected = Image::from_f32([2, 2, 1], vec![3.0, 4.0, 1.0, 2.0]).unwrap();
        assert_eq!(flip_vertical(&image).unwrap(), expected);
    }

    #[test]
    fn probabilities_hold() {
        let image = Image::from_u8([1, 2, 1], vec![1, 2]).unwrap();
        let count = |probability| {
            let flip = HorizontalFlip { probability, ..HorizontalFlip::default() };
            (0..1000)
                .filter(|&i| flip.apply_image(image.clone(), &mut SampleRng::new(0, 0, i)).unwrap() != image)
                .count()
        };
        assert_eq!((count(0.0), count(1.0)), (0, 1000));
        // Standard deviation 16.
        assert!((430..570).contains(&count(0.5)));
        let bad = VerticalFlip { probability: 1.5, mirror: None };
        assert!(bad.apply_image(image, &mut SampleRng::new(0, 0, 0)).is_err());
    }
}
