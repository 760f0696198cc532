//! The tasks of one call.

use std::any::Any;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use smallvec::SmallVec;

/// The most stretches that the tasks are cut into; more threads share them.
const MOST: usize = 16;

/// What threads share. Each begins with a stretch of tasks of its own, the same for the same count, so that what one operation left in
/// a core's cache is where the next one wants it; who is done takes tasks from the ends of the others' stretches.
pub(super) struct Work<'a> {
    f: &'a (dyn Fn(usize) + Sync),
    stretches: SmallVec<[Stretch; MOST]>,
    /// Threads that may share the work.
    pub(super) threads: usize,
    /// Helpers that may be calling `f`. They enter and leave in sight of the pool (see `pool`).
    pub(super) inside: AtomicUsize,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// The first task and the end of what is left, alone in what processors exchange.
#[repr(align(128))]
struct Stretch(AtomicU64);

impl<'a> Work<'a> {
    pub(super) fn new(f: &'a (dyn Fn(usize) + Sync), count: usize, threads: usize) -> Self {
        // No machine's memory holds the results of more tasks.
        assert!(u32::try_from(count).is_ok(), "there are more tasks than can be counted");
        let cuts = threads.clamp(1, MOST);
        let stretch = |i: usize| Stretch(AtomicU64::new(pack(count * i / cuts, count * (i + 1) / cuts)));
        Work {
            f,
            stretches: (0..cuts).map(stretch).collect(),
            threads,
            inside: AtomicUsize::new(0),
            panic: Mutex::new(None),
        }
    }

    /// Whether tasks have not been begun.
    pub(super) fn is_left(&self) -> bool {
        let left = |stretch: &Stretch| {
            let left = stretch.0.load(Ordering::Relaxed);
            first(left) < end(left)
        };
        self.stretches.iter().any(left)
    }

    /// Does what is left to a thread, then what is left to others.
    pub(super) fn run(&self, thread: usize) {
        let cuts = self.stretches.len();
        for i in 0..cuts {
            let stretch = &self.stretches[(thread + i) % cuts].0;
            while let Some(task) = take(stretch, i == 0) {
                (self.f)(task);
            }
        }
    }

    /// Leaves nothing to do, and keeps what a task panicked with.
    pub(super) fn give_up(&self, panic: Option<Box<dyn Any + Send>>) {
        self.stretches.iter().for_each(|stretch| stretch.0.store(0, Ordering::Relaxed));
        if panic.is_some() {
            *self.panic.lock().unwrap_or_else(PoisonError::into_inner) = panic;
        }
    }

    pub(super) fn into_panic(self) -> Option<Box<dyn Any + Send>> {
        self.panic.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pack(first: usize, end: usize) -> u64 {
    (first as u64) << 32 | end as u64
}

fn first(left: u64) -> usize {
    (left >> 32) as usize
}

fn end(left: u64) -> usize {
    left as u32 as usize
}

/// The first or the last task of a stretch.
fn take(stretch: &AtomicU64, from_front: bool) -> Option<usize> {
    let rest = |left: u64| {
        let (first, end) = (first(left), end(left));
        (first < end).then(|| if from_front { pack(first + 1, end) } else { pack(first, end - 1) })
    };
    // What tasks read and write is ordered by how helpers enter and leave; here only the numbers count.
    let left = stretch.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest).ok()?;
    Some(if from_front { first(left) } else { end(left) - 1 })
}
