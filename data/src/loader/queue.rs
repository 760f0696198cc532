//! Worker threads that read batches ahead, and the queue that puts them back in order.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::{Error, Result};

/// Batches on their way from the workers to the caller.
pub(super) struct Queue<B> {
    shared: Arc<Shared<B>>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared<B> {
    state: Mutex<State<B>>,
    /// A batch is ready, or a worker is gone.
    ready: Condvar,
    /// The caller has taken a batch, or wants no more.
    taken: Condvar,
    end: usize,
    ahead: usize,
}

struct State<B> {
    /// The next batch that no worker has begun.
    unclaimed: usize,
    /// The batch that the caller needs next.
    wanted: usize,
    finished: BTreeMap<usize, Result<B>>,
    running: usize,
    stopped: bool,
    times: Times,
}

/// What the workers did with their time, all together.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Times {
    /// Reading samples and making batches.
    pub(super) reading: Duration,
    /// Waiting for the caller to take a batch.
    pub(super) idle: Duration,
}

impl<B> Shared<B> {
    fn lock(&self) -> MutexGuard<'_, State<B>> {
        // No code of others runs under the lock, so it cannot be left half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next batch to read, as soon as there is room for it; `None` when there is none left.
    fn claim(&self) -> Option<usize> {
        let mut state = self.lock();
        let begun = Instant::now();
        while !state.stopped && state.unclaimed < self.end && state.unclaimed >= state.wanted.saturating_add(self.ahead)
        {
            state = self.taken.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.times.idle += begun.elapsed();
        if state.stopped || state.unclaimed >= self.end {
            return None;
        }
        state.unclaimed += 1;
        Some(state.unclaimed - 1)
    }

    fn deliver(&self, batch: usize, result: Result<B>, reading: Duration) {
        let mut state = self.lock();
        state.times.reading += reading;
        if result.is_err() {
            // The caller will not come past this batch: begin no later one.
            state.unclaimed = self.end;
        }
        state.finished.insert(batch, result);
        self.ready.notify_all();
    }

    fn stopped(&self) -> bool {
        self.lock().stopped
    }
}

/// Tells the caller that a worker is gone, also if it unwinds.
struct Leaving<'a, B>(&'a Shared<B>);

impl<B> Drop for Leaving<'_, B> {
    fn drop(&mut self) {
        self.0.lock().running -= 1;
        self.0.ready.notify_all();
    }
}

impl<B: Send + 'static> Queue<B> {
    /// Starts `workers` threads that read the batches `first..end`, at most `ahead` of them before the caller asks.
    pub(super) fn start(
        workers: usize,
        ahead: usize,
        first: usize,
        end: usize,
        load: impl Fn(usize, &dyn Fn() -> bool) -> Option<Result<B>> + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                unclaimed: first,
                wanted: first,
                finished: BTreeMap::new(),
                running: 0,
                stopped: false,
                times: Times::default(),
            }),
            ready: Condvar::new(),
            taken: Condvar::new(),
            end,
            ahead,
        });
        let load = Arc::new(load);
        let mut threads = Vec::with_capacity(workers);
        for number in 0..workers {
            let (mine, load) = (shared.clone(), load.clone());
            shared.lock().running += 1;
            let work = move || {
                let shared = &*mine;
                let _leaving = Leaving(shared);
                while let Some(batch) = shared.claim() {
                    let begun = Instant::now();
                    match load(batch, &|| shared.stopped()) {
                        Some(result) => shared.deliver(batch, result, begun.elapsed()),
                        None => return,
                    }
                }
            };
            let started = std::thread::Builder::new().name(format!("ocelli-data-{number}")).spawn(work);
            match started {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    shared.lock().running -= 1;
                    // Fewer workers do the same work; none at all is a failure.
                    if number == 0 {
                        let place = format!("batch {first}");
                        let message = format!("no thread could be started: {error}");
                        shared.deliver(first, Err(Error::Worker { place, message }), Duration::ZERO);
                    }
                    break;
                }
            }
        }
        Queue { shared, threads }
    }
}

impl<B> Queue<B> {
    /// Waits for a batch. `None` only if it is not one of those to be read.
    pub(super) fn take(&mut self, batch: usize) -> Option<Result<B>> {
        let mut state = self.shared.lock();
        loop {
            if let Some(result) = state.finished.remove(&batch) {
                state.wanted = batch + 1;
                self.shared.taken.notify_all();
                return Some(result);
            }
            if state.running == 0 {
                let place = format!("batch {batch}");
                let message = "its thread ended before the batch was read".to_string();
                return Some(Err(Error::Worker { place, message }));
            }
            state = self.shared.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<B> Queue<B> {
    /// What the workers have done so far.
    pub(super) fn times(&self) -> Times {
        self.shared.lock().times
    }
}

impl<B> Drop for Queue<B> {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.shared.taken.notify_all();
        for thread in self.threads.drain(..) {
            // A worker that panicked has told so already.
            let _ = thread.join();
        }
    }
}
