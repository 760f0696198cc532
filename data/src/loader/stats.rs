//! What a loader does with its time.

use std::ops::{Add, Sub};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What a loader or one of its epochs did with its time so far: whether the caller waits for the workers (then more of them help) or they for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LoaderStats {
    /// How many batches were given out.
    pub batches: usize,
    /// How many samples were in them.
    pub samples: usize,
    /// How many samples were left out because they could not be read.
    pub skipped: usize,
    /// How long the caller waited for batches; without workers, how long it took to read them.
    pub waited: Duration,
    /// How long samples were read and batches made, by all workers together.
    pub reading: Duration,
    /// How long the workers waited, all together, because enough batches were ready.
    pub idle: Duration,
}

impl LoaderStats {
    fn plus(self, other: LoaderStats) -> LoaderStats {
        self.each(other, Add::add, Add::add)
    }

    /// What has been added to an earlier state.
    pub(super) fn since(self, earlier: LoaderStats) -> LoaderStats {
        self.each(earlier, Sub::sub, Sub::sub)
    }

    fn each(
        self,
        other: LoaderStats,
        count: fn(usize, usize) -> usize,
        time: fn(Duration, Duration) -> Duration,
    ) -> LoaderStats {
        LoaderStats {
            batches: count(self.batches, other.batches),
            samples: count(self.samples, other.samples),
            skipped: count(self.skipped, other.skipped),
            waited: time(self.waited, other.waited),
            reading: time(self.reading, other.reading),
            idle: time(self.idle, other.idle),
        }
    }
}

/// The sum over the epochs of a loader.
#[derive(Debug, Default)]
pub(super) struct Totals(Mutex<LoaderStats>);

impl Totals {
    pub(super) fn add(&self, stats: LoaderStats) {
        let mut total = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *total = total.plus(stats);
    }

    pub(super) fn sum(&self) -> LoaderStats {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
