//! The threads that operations share their tasks among.
//!
//! An operation lasts microseconds, so what counts is how soon its tasks begin and how soon the caller knows that they are done. The
//! calling thread is at work from the start; helpers, which look for new work for a moment before they sleep, join it. Whoever comes
//! too late finds nothing and is not waited for. A call allocates nothing.

mod pool;
mod work;

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::{Error, Result};
use work::Work;

/// The most threads that can be asked for.
const MOST_THREADS: usize = 4096;

/// What [`set_num_threads`] was told; 0 for nothing.
static CHOSEN: AtomicUsize = AtomicUsize::new(0);

/// On how many threads an operation runs at most: what [`set_num_threads`] was told, else the environment variable `OCELLI_THREADS`,
/// else as many as the process may use at once.
pub fn num_threads() -> usize {
    static FIRST: OnceLock<usize> = OnceLock::new();
    match CHOSEN.load(Ordering::Relaxed) {
        0 => *FIRST.get_or_init(|| {
            let told = std::env::var("OCELLI_THREADS").ok().and_then(|text| text.trim().parse().ok());
            let told = told.filter(|count| (1..=MOST_THREADS).contains(count));
            told.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
        }),
        chosen => chosen,
    }
}

/// Chooses on how many threads operations run from now on, the calling one included. Their results do not depend on it.
///
/// ```
/// ocelli_tensor::set_num_threads(2)?;
/// assert_eq!(ocelli_tensor::num_threads(), 2);
/// # Ok::<(), ocelli_tensor::Error>(())
/// ```
///
/// # Errors
/// [`Error::Argument`] unless the count lies in `1..=4096`.
pub fn set_num_threads(count: usize) -> Result<()> {
    if !(1..=MOST_THREADS).contains(&count) {
        return Err(Error::argument(
            "set_num_threads",
            format!("expected 1 to {MOST_THREADS} threads, received {count}"),
        ));
    }
    CHOSEN.store(count, Ordering::Relaxed);
    Ok(())
}

/// Calls `f` with every number below `count`, on any threads and in any order. What panics there panics here.
pub(crate) fn each(count: usize, f: &(dyn Fn(usize) + Sync)) {
    let threads = num_threads().min(count);
    if threads <= 1 {
        (0..count).for_each(f);
        return;
    }
    let work = Work::new(f, count, threads);
    pool::run(&work);
    if let Some(panic) = work.into_panic() {
        resume_unwind(panic);
    }
}

/// As [`each`] for tasks that may fail. After a failure no new tasks begin; of several errors one is returned.
///
/// # Errors
/// That of a task.
pub(crate) fn try_each(count: usize, f: &(dyn Fn(usize) -> Result<()> + Sync)) -> Result<()> {
    let (failed, error) = (AtomicBool::new(false), Mutex::new(None));
    each(count, &|i| {
        if failed.load(Ordering::Relaxed) {
            return;
        }
        if let Err(e) = f(i) {
            failed.store(true, Ordering::Relaxed);
            *error.lock().unwrap_or_else(PoisonError::into_inner) = Some(e);
        }
    });
    error.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    /// As [`each`] on so many threads.
    fn each_on(threads: usize, count: usize, f: &(dyn Fn(usize) + Sync)) {
        let work = Work::new(f, count, threads);
        pool::run(&work);
        if let Some(panic) = work.into_panic() {
            resume_unwind(panic);
        }
    }

    #[test]
    fn every_task_is_done_once() {
        let check = |threads: usize, count: usize| {
            let times: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
            each_on(threads, count, &|i| {
                times[i].fetch_add(1, Ordering::Relaxed);
            });
            assert!(times.iter().all(|times| times.load(Ordering::Relaxed) == 1), "{count} on {threads}");
        };
        for threads in [1, 2, 3, 8, 40] {
            [0, 1, 2, 3, 7, 64, 1000].into_iter().for_each(|count| check(threads, count));
        }
        for round in 0..2000 {
            check(2 + round % 3, round % 17);
        }
    }

    #[test]
    fn tasks_may_have_tasks() {
        let sum = AtomicUsize::new(0);
        each_on(4, 20, &|i| {
            each_on(3, i, &|j| {
                sum.fetch_add(j, Ordering::Relaxed);
            });
        });
        assert_eq!(sum.into_inner(), (0..20).map(|i: usize| i * i.saturating_sub(1) / 2).sum::<usize>());
    }

    #[test]
    fn calls_at_the_same_time_do_not_meet() {
        std::thread::scope(|scope| {
            for seed in 0..4 {
                scope.spawn(move || {
                    for round in 0..300 {
                        let (count, sum) = (seed * 31 + round % 50, AtomicUsize::new(0));
                        each_on(3, count, &|i| {
                            sum.fetch_add(i, Ordering::Relaxed);
                        });
                        assert_eq!(sum.into_inner(), count * count.saturating_sub(1) / 2);
                    }
                });
            }
        });
    }

    #[test]
    fn an_error_or_panic_of_a_task_comes_back() {
        for bad in 0..40 {
            let result = try_each(40, &|i| if i == bad { Err(Error::argument("test", i.to_string())) } else { Ok(()) });
            assert!(result.unwrap_err().to_string().contains(&bad.to_string()));
            let panic = catch_unwind(|| each_on(3, 40, &|i| assert!(i != bad, "task {i}"))).unwrap_err();
            assert_eq!(panic.downcast_ref::<String>(), Some(&format!("task {bad}")));
        }
        assert!(try_each(40, &|_| Ok(())).is_ok());
    }

    #[test]
    fn counts_out_of_range_are_refused() {
        assert!(set_num_threads(0).is_err() && set_num_threads(MOST_THREADS + 1).is_err());
    }
}
