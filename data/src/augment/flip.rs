//! Mirror images.

use serde::{Deserialize, Serialize};

use super::Augment;
use crate::{Image, Result, SampleRng};

macro_rules! flip {
    ($(#[$doc:meta])* $Name:ident, $flip:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $Name {
            /// How often.
            pub probability: f64,
        }

        impl Default for $Name {
            /// Every second time.
            fn default() -> Self {
                $Name { probability: 0.5 }
            }
        }

        impl Augment for $Name {
            fn apply(&self, image: Image, rng: &mut SampleRng) -> Result<Image> {
                super::compose::check_probability(self.probability)?;
                Ok(if rng.chance(self.probability) { $flip(&image) } else { image })
            }
        }
    };
}

flip!(
    /// Swaps left and right at random.
    HorizontalFlip,
    flip_horizontal
);
flip!(
    /// Swaps top and bottom at random.
    VerticalFlip,
    flip_vertical
);

/// The picture with left and right swapped.
pub fn flip_horizontal(image: &Image) -> Image {
    let [_, height, width] = image.shape();
    image.gather([height, width], 0.0, |row, column| Some((row, width - 1 - column)))
}

/// The picture with top and bottom swapped.
pub fn flip_vertical(image: &Image) -> Image {
    let [_, height, width] = image.shape();
    image.gather([height, width], 0.0, |row, column| Some((height - 1 - row, column)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flips_mirror_every_channel() {
        let image = Image::from_u8([2, 1, 3], vec![1, 2, 3, 4, 5, 6]).unwrap();
        let expected = Image::from_u8([2, 1, 3], vec![3, 2, 1, 6, 5, 4]).unwrap();
        assert_eq!(flip_horizontal(&image), expected);
        assert_eq!(flip_vertical(&image), image);
        let image = Image::from_f32([1, 2, 2], vec![1.0, 2.0, 3.0, 4.0]).unwrap();
        let expected = Image::from_f32([1, 2, 2], vec![3.0, 4.0, 1.0, 2.0]).unwrap();
        assert_eq!(flip_vertical(&image), expected);
    }

    #[test]
    fn probabilities_hold() {
        let image = Image::from_u8([1, 1, 2], vec![1, 2]).unwrap();
        let count = |probability| {
            let flip = HorizontalFlip { probability };
            (0..1000).filter(|&i| flip.apply(image.clone(), &mut SampleRng::new(0, 0, i)).unwrap() != image).count()
        };
        assert_eq!((count(0.0), count(1.0)), (0, 1000));
        // Standard deviation 16.
        assert!((430..570).contains(&count(0.5)));
        let bad = VerticalFlip { probability: 1.5 };
        assert!(bad.apply(image, &mut SampleRng::new(0, 0, 0)).is_err());
    }
}
