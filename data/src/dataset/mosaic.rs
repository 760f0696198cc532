//! Each picture with three others.

use serde::{Deserialize, Serialize};

use crate::augment::{Fill, Keep, check_probability, mosaic};
use crate::{Dataset, Result, Sample, SampleRng};

/// A data set whose samples become, with a probability, a [`mosaic`] of themselves and three others of it, drawn from the sample's own random numbers: so they follow from
/// seed, epoch and index.
///
/// A mosaic has twice the given size, other samples have theirs; a [`Letterbox`](crate::augment::Letterbox) behind it makes them alike.
///
/// ```
/// use ocelli_data::generated::Shapes;
/// use ocelli_data::{Dataset, Mosaic};
/// # fn main() -> ocelli_data::Result<()> {
/// let four = Mosaic::new(Shapes::default(), [64, 64]);
/// let sample = four.get(0)?;
/// assert_eq!(sample.image.shape(), [128, 128, 3]);
/// # Ok(())
/// # }
/// ```
///
/// [`Dataset::get`], which is given no random numbers, uses those of seed 0 and epoch 0: it always gives the same sample.
///
/// What is done is told by [`MosaicSettings`], which serde can read and write.
#[derive(Debug, Clone)]
pub struct Mosaic<D> {
    inner: D,
    settings: MosaicSettings,
}

/// How [`Mosaic`] makes its samples.
///
/// ```
/// use ocelli_data::generated::Shapes;
/// use ocelli_data::{Mosaic, MosaicSettings};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let settings: MosaicSettings = serde_json::from_str(r#"{"height": 64, "width": 96, "probability": 0.5}"#)?;
/// let data = Mosaic::with(Shapes::default(), settings);
/// assert_eq!(data.settings(), Mosaic::new(Shapes::default(), [64, 96]).probability(0.5).settings());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MosaicSettings {
    /// Rows of each quarter.
    pub height: usize,
    /// Columns of each quarter.
    pub width: usize,
    /// How often a sample becomes a mosaic, from 0 to 1; others stay as they are.
    #[serde(default = "always")]
    pub probability: f64,
    /// What is where no picture is: a constant.
    #[serde(default = "Fill::black")]
    pub fill: Fill,
    /// Which objects stay that have been cut off.
    #[serde(default)]
    pub keep: Keep,
}

fn always() -> f64 {
    1.0
}

impl MosaicSettings {
    /// Every sample in a mosaic whose quarters are of this size, with black where no picture is.
    pub fn new(height: usize, width: usize) -> Self {
        MosaicSettings { height, width, probability: always(), fill: Fill::black(), keep: Keep::default() }
    }
}

impl<D: Dataset<Item = Sample>> Mosaic<D> {
    /// Every sample in a mosaic whose quarters are of `[height, width]`, with black where no picture is.
    pub fn new(inner: D, [height, width]: [usize; 2]) -> Self {
        Mosaic::with(inner, MosaicSettings::new(height, width))
    }

    /// Mosaics as the settings say.
    pub fn with(inner: D, settings: MosaicSettings) -> Self {
        Mosaic { inner, settings }
    }

    /// How mosaics are made.
    pub fn settings(&self) -> &MosaicSettings {
        &self.settings
    }

    /// How often a sample becomes a mosaic, from 0 to 1; others stay as they are.
    #[must_use]
    pub fn probability(mut self, probability: f64) -> Self {
        self.settings.probability = probability;
        self
    }

    /// What is where no picture is: a constant.
    #[must_use]
    pub fn fill(mut self, fill: Fill) -> Self {
        self.settings.fill = fill;
        self
    }

    /// Which objects stay that have been cut off.
    #[must_use]
    pub fn keep(mut self, keep: Keep) -> Self {
        self.settings.keep = keep;
        self
    }
}

impl<D: Dataset<Item = Sample>> Dataset for Mosaic<D> {
    type Item = Sample;
    fn len(&self) -> usize {
        self.inner.len()
    }
    fn get(&self, index: usize) -> Result<Sample> {
        self.get_random(index, &mut SampleRng::new(0, 0, index as u64))
    }
    fn get_random(&self, index: usize, rng: &mut SampleRng) -> Result<Sample> {
        let MosaicSettings { height, width, probability, fill, keep } = &self.settings;
        check_probability(*probability)?;
        let first = self.inner.get_random(index, rng)?;
        if !rng.chance(*probability) {
            return Ok(first);
        }
        let mut other = || {
            let other = rng.below(self.inner.len());
            self.inner.get_random(other, rng)
        };
        let samples = [first, other()?, other()?, other()?];
        mosaic(samples, [*height, *width], *fill, keep, rng)
    }
}
