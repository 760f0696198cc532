//! Each picture with objects of another.

use serde::{Deserialize, Serialize};

use crate::augment::{check_probability, copy_paste};
use crate::{Dataset, Result, Sample, SampleRng};

/// A data set into whose samples, with a probability, objects of another one of it are pasted ([`copy_paste`]), which is drawn from the sample's own random numbers: so they follow from
/// seed, epoch and index.
///
/// ```
/// use ocelli_data::generated::Shapes;
/// use ocelli_data::{CopyPaste, Dataset};
/// # fn main() -> ocelli_data::Result<()> {
/// let shapes = Shapes { objects: 1..=1, ..Shapes::default() };
/// let pasted = CopyPaste::new(shapes).object_probability(1.0).get(0)?;
/// // The new object lies above; it may hide the old one.
/// assert!((1..=2).contains(&pasted.labels.objects.len()));
/// # Ok(())
/// # }
/// ```
///
/// [`Dataset::get`], which is given no random numbers, uses those of seed 0 and epoch 0: it always gives the same sample.
///
/// What is done is told by [`CopyPasteSettings`], which serde can read and write.
#[derive(Debug, Clone)]
pub struct CopyPaste<D> {
    inner: D,
    settings: CopyPasteSettings,
}

/// How [`CopyPaste`] makes its samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CopyPasteSettings {
    /// How often something is pasted into a sample, from 0 to 1.
    pub probability: f64,
    /// How often each object of the other sample is pasted, from 0 to 1.
    pub object_probability: f64,
    /// How many pixels have to be left of an object.
    pub min_area: u64,
}

impl Default for CopyPasteSettings {
    /// Into every sample, each object of the other one being pasted every second time, and hidden ones staying as long as a pixel of them is seen.
    fn default() -> Self {
        CopyPasteSettings { probability: 1.0, object_probability: 0.5, min_area: 1 }
    }
}

impl<D: Dataset<Item = Sample>> CopyPaste<D> {
    /// Into every sample, each object of the other one being pasted every second time, and hidden ones staying as long as a pixel of them is seen.
    pub fn new(inner: D) -> Self {
        CopyPaste::with(inner, CopyPasteSettings::default())
    }

    /// Pastes as the settings say.
    pub fn with(inner: D, settings: CopyPasteSettings) -> Self {
        CopyPaste { inner, settings }
    }

    /// How objects are pasted.
    pub fn settings(&self) -> &CopyPasteSettings {
        &self.settings
    }

    /// How often something is pasted into a sample, from 0 to 1.
    #[must_use]
    pub fn probability(mut self, probability: f64) -> Self {
        self.settings.probability = probability;
        self
    }

    /// How often each object of the other sample is pasted, from 0 to 1.
    #[must_use]
    pub fn object_probability(mut self, object_probability: f64) -> Self {
        self.settings.object_probability = object_probability;
        self
    }

    /// How many pixels have to be left of an object.
    #[must_use]
    pub fn min_area(mut self, min_area: u64) -> Self {
        self.settings.min_area = min_area;
        self
    }
}

impl<D: Dataset<Item = Sample>> Dataset for CopyPaste<D> {
    type Item = Sample;
    fn len(&self) -> usize {
        self.inner.len()
    }
    fn get(&self, index: usize) -> Result<Sample> {
        self.get_random(index, &mut SampleRng::new(0, 0, index as u64))
    }
    fn get_random(&self, index: usize, rng: &mut SampleRng) -> Result<Sample> {
        let CopyPasteSettings { probability, object_probability, min_area } = self.settings;
        check_probability(probability)?;
        let target = self.inner.get_random(index, rng)?;
        if !rng.chance(probability) {
            return Ok(target);
        }
        // Another one, where there is one.
        let len = self.inner.len();
        let other = (index + usize::from(len > 1) + rng.below(len.saturating_sub(1))) % len.max(1);
        let source = self.inner.get_random(other, rng)?;
        copy_paste(target, &source, object_probability, min_area, rng)
    }
}
