//! Colours in another order.

use serde::{Deserialize, Serialize};

use super::values::{down, map_pixels};
use crate::augment::Augment;
use crate::random::shuffle_by;
use crate::{Result, Sample, SampleRng};

/// Puts red, green and blue into a random order: torchvision's `RandomChannelPermutation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelShuffle {}

impl Augment for ChannelShuffle {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        let mut order = [0, 1, 2];
        shuffle_by(&mut order, rng);
        sample.map_image(|image| Ok(map_pixels(image, down, |rgb| order.map(|channel: usize| rgb[channel]))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Image, Pixels};

    #[test]
    fn every_order_comes() {
        let image = Image::from_u8([1, 1, 4], vec![0, 1, 2, 3]).unwrap();
        let mut seen = std::collections::BTreeMap::new();
        for index in 0..600 {
            let changed = ChannelShuffle {}.apply_image(image.clone(), &mut SampleRng::new(0, 0, index)).unwrap();
            let Pixels::U8(pixels) = changed.into_pixels() else { panic!("bytes stay bytes") };
            let mut sorted = pixels.clone();
            sorted.sort_unstable();
            assert_eq!((sorted, pixels[3]), (vec![0, 1, 2, 3], 3));
            *seen.entry(pixels).or_insert(0) += 1;
        }
        // Standard deviation 9.
        assert!(seen.len() == 6 && seen.values().all(|&count| count > 60), "{seen:?}");
    }
}
