//! Colours taken away.

use serde::{Deserialize, Serialize};

use super::values::{color_channels, down, map_colors};
use crate::augment::Augment;
use crate::random::shuffle_by;
use crate::{Error, Result, Sample, SampleRng};

/// Sets some colour channels, drawn evenly, to one value: Albumentations' `ChannelDropout`. One channel at least stays, so that grey pictures are not changed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChannelDropout {
    /// The least and the largest number of channels.
    pub channels: [usize; 2],
    /// The value, in the picture's own units.
    pub fill: f32,
}

impl Default for ChannelDropout {
    /// One channel becomes black.
    fn default() -> Self {
        ChannelDropout { channels: [1, 1], fill: 0.0 }
    }
}

impl Augment for ChannelDropout {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        let [low, high] = self.channels;
        if low > high || !self.fill.is_finite() {
            let message = format!(
                "expected numbers of channels in order and a finite value, received {low}..={high} and {}",
                self.fill
            );
            return Err(Error::argument("channel dropout", message));
        }
        let colors = color_channels(&sample.image);
        let count = (low + rng.below(high - low + 1)).min(colors - 1);
        let mut order = [0, 1, 2];
        shuffle_by(&mut order[..colors], rng);
        let dropped = &order[..count];
        sample.map_image(|image| {
            Ok(map_colors(image, down, |channel, x| if dropped.contains(&channel) { self.fill } else { x }))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Image;

    #[test]
    fn as_many_go_as_are_asked_for() {
        let image = Image::from_f32([1, 1, 4], vec![0.5; 4]).unwrap();
        let count = |channels, index| {
            let dropout = ChannelDropout { channels, fill: 0.25 };
            let changed = dropout.apply_image(image.clone(), &mut SampleRng::new(0, 0, index)).unwrap().to_f32();
            assert_eq!(changed[3], 0.5);
            changed.iter().filter(|&&x| x == 0.25).count()
        };
        let mut seen = [0; 4];
        for index in 0..100 {
            assert_eq!((count([1, 1], index), count([0, 0], index), count([5, 5], index)), (1, 0, 2));
            seen[count([0, 2], index)] += 1;
        }
        assert!(seen[..3].iter().all(|&n| n > 10) && seen[3] == 0, "{seen:?}");
        let wrong = ChannelDropout { channels: [2, 1], fill: 0.0 };
        assert!(wrong.apply_image(image, &mut SampleRng::new(0, 0, 0)).is_err());
    }
}
