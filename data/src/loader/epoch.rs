//! The batches of one epoch as they are given out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::queue::{Queue, Times};
use super::source::{Broken, Loaded, Skipped, unreadable};
use super::stats::{LoaderStats, Totals};
use super::{Hook, LoaderState};
use crate::Result;

/// How far an epoch has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The number of the epoch.
    pub epoch: u64,
    /// How many batches have been passed, this one and those before the place where the epoch was entered among them.
    pub batch: usize,
    /// How many batches the epoch has.
    pub batches: usize,
    /// How many samples are in the batch.
    pub samples: usize,
    /// How many samples of the epoch were left out so far because they could not be read.
    pub skipped: usize,
}

type Load<B> = dyn Fn(usize, &dyn Fn() -> bool) -> Option<Result<Loaded<B>>> + Send;

enum Reader<B> {
    Caller(Box<Load<B>>),
    Workers(Queue<Loaded<B>>),
}

/// The batches of one epoch, in order. Dropping it stops the workers.
pub struct Epoch<B> {
    state: LoaderState,
    /// How many batches the epoch has.
    batches: usize,
    /// The batch at which the epoch ends: the last one, or one that failed.
    end: usize,
    reader: Reader<B>,
    broken: Broken,
    skipped: Vec<Skipped>,
    stats: LoaderStats,
    /// What the loader has been told of `stats`.
    told: LoaderStats,
    totals: Arc<Totals>,
    progress: Option<Arc<Hook>>,
}

impl<B> Epoch<B> {
    pub(super) fn start(
        load: impl Fn(usize, &dyn Fn() -> bool) -> Option<Result<Loaded<B>>> + Send + Sync + 'static,
        [workers, ahead]: [usize; 2],
        state: LoaderState,
        batches: usize,
        broken: Broken,
        (totals, progress): (Arc<Totals>, Option<Arc<Hook>>),
    ) -> Self
    where
        B: Send + 'static,
    {
        let reader = match workers {
            0 => Reader::Caller(Box::new(load)),
            _ => Reader::Workers(Queue::start(workers, ahead, state.batch, batches, load)),
        };
        let (end, skipped, stats) = (batches.max(state.batch), Vec::new(), LoaderStats::default());
        Epoch { state, batches, end, reader, broken, skipped, stats, told: stats, totals, progress }
    }

    /// The number, in the whole epoch, of the batch that comes next.
    pub fn position(&self) -> usize {
        self.state.batch
    }

    /// Where the epoch stands, for [`DataLoader::resume`](super::DataLoader::resume). Batches that were read ahead are read again then.
    pub fn state(&self) -> LoaderState {
        self.state
    }

    /// The samples that were left out since the epoch was entered because they could not be read; see [`Broken::Skip`].
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// How long the caller and the workers read and waited.
    pub fn stats(&self) -> LoaderStats {
        let times = match &self.reader {
            Reader::Caller(_) => Times { reading: self.stats.waited, idle: Duration::ZERO },
            Reader::Workers(queue) => queue.times(),
        };
        LoaderStats { skipped: self.skipped.len(), reading: times.reading, idle: times.idle, ..self.stats }
    }

    /// Tells the loader what has been done since it was told the last time.
    fn tell(&mut self) {
        let stats = self.stats();
        self.totals.add(stats.since(self.told));
        self.told = stats;
    }

    /// Takes note of samples that were left out; an error at the first that is too many.
    fn skip(&mut self, skipped: Vec<Skipped>) -> Result<()> {
        let most = match self.broken {
            Broken::Fail => 0,
            Broken::Skip { most } => most,
        };
        for one in skipped {
            if self.state.skipped >= most {
                return Err(unreadable(one.index, one.error));
            }
            self.state.skipped += 1;
            self.skipped.push(one);
        }
        Ok(())
    }

    /// The next batch that has a sample.
    fn batch(&mut self) -> Option<Result<B>> {
        while self.state.batch < self.end {
            let loaded = match self.take() {
                Some(Ok(Loaded { batch, samples, skipped })) => self.skip(skipped).map(|()| (batch, samples)),
                Some(Err(error)) => Err(error),
                None => {
                    self.end = self.state.batch;
                    return None;
                }
            };
            let (batch, samples) = match loaded {
                Ok(loaded) => loaded,
                Err(error) => {
                    // Nothing comes after a failure.
                    self.end = self.state.batch;
                    return Some(Err(error));
                }
            };
            self.state.batch += 1;
            // Without a sample that can be read, there is no batch.
            let Some(batch) = batch else { continue };
            self.stats.batches += 1;
            self.stats.samples += samples;
            if let Some(progress) = &self.progress {
                let LoaderState { epoch, batch, skipped, .. } = self.state;
                progress(&Progress { epoch, batch, batches: self.batches, samples, skipped });
            }
            return Some(Ok(batch));
        }
        None
    }

    fn take(&mut self) -> Option<Result<Loaded<B>>> {
        let begun = Instant::now();
        let loaded = match &mut self.reader {
            Reader::Caller(load) => load(self.state.batch, &|| false),
            Reader::Workers(queue) => queue.take(self.state.batch),
        };
        self.stats.waited += begun.elapsed();
        loaded
    }
}

impl<B> Iterator for Epoch<B> {
    type Item = Result<B>;

    fn next(&mut self) -> Option<Result<B>> {
        let batch = self.batch();
        self.tell();
        batch
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // A failure may end the epoch early.
        (0, Some(self.end - self.state.batch))
    }
}

impl<B> Drop for Epoch<B> {
    /// What the workers did since the last batch counts, too.
    fn drop(&mut self) {
        self.tell();
    }
}
