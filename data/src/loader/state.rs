//! Where an epoch stands, to be saved.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Where an epoch stands between two batches. Saved in a checkpoint, it lets [`DataLoader::resume`](super::DataLoader::resume) go on with the
/// batches that an uninterrupted epoch would have given.
///
/// ```
/// use ocelli_data::{DataLoader, LoaderState, mnist};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let loader = DataLoader::new(mnist::embedded()?.1, 50)?.shuffle(true).seed(1);
/// let mut epoch = loader.epoch(3);
/// epoch.by_ref().take(10).try_for_each(|batch| batch.map(drop))?;
/// let text = serde_json::to_string(&epoch.state())?;
///
/// let state: LoaderState = serde_json::from_str(&text)?;
/// let rest = loader.clone().workers(1).resume(&state)?;
/// assert_eq!((rest.position(), rest.count()), (10, 30));
/// assert!(loader.seed(2).resume(&state).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoaderState {
    /// The loader's seed.
    pub seed: u64,
    /// The number of the epoch.
    pub epoch: u64,
    /// The batch that comes next.
    pub batch: usize,
    /// How many samples were left out so far because they could not be read.
    pub skipped: usize,
    /// A number that follows from which samples are in which batch of the epoch.
    pub fingerprint: u64,
}

impl LoaderState {
    pub(super) fn check(&self, seed: u64, fingerprint: u64, batches: usize) -> Result<()> {
        let refuse = |message| Err(Error::argument("resume", message));
        if self.seed != seed {
            return refuse(format!("expected the state of a loader with seed {seed}, received seed {}", self.seed));
        }
        if self.fingerprint != fingerprint {
            let received = "others or another batch size";
            return refuse(format!("expected an epoch of the same samples in the same batches, received {received}"));
        }
        if self.batch > batches {
            return refuse(format!("expected a place among {batches} batches, received {}", self.batch));
        }
        Ok(())
    }
}
