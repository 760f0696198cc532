//! The helpers: threads of the process that live on, and the list of what is being worked on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::num_threads;
use super::work::Work;
use crate::profile;

/// How often a thread looks for what it waits for, some ten nanoseconds apart, before it sleeps: longer than the usual gap between two
/// operations, as waking takes tens of microseconds.
const LOOKS: u32 = 8000;
/// Every so many looks another process may have the processor.
const LOOKS_BETWEEN_YIELDS: u32 = 64;

static POOL: Pool = Pool {
    state: Mutex::new(State { works: Vec::new(), helpers: 0, busy: 0, asleep: 0, waiting: 0 }),
    news: AtomicU32::new(0),
    wake: Condvar::new(),
    left: Condvar::new(),
};

struct Pool {
    state: Mutex<State>,
    /// Changes with every new work.
    news: AtomicU32,
    /// For helpers: there may be work.
    wake: Condvar,
    /// For callers: a helper has left a work.
    left: Condvar,
}

struct State {
    /// What is being worked on, the newest last.
    works: Vec<Listed>,
    /// Threads that were started.
    helpers: usize,
    /// Those of them that are inside some work.
    busy: usize,
    /// Those that wait for `wake`.
    asleep: usize,
    /// Callers that wait for `left`.
    waiting: usize,
}

/// A work in its caller's frame, with its lifetime forgotten.
#[derive(Clone, Copy)]
struct Listed(*const Work<'static>);

// SAFETY: a work is `Sync`; see `State::enter` for how long it is there.
unsafe impl Send for Listed {}

/// Does all tasks of a work, with whoever helps. The caller's panic goes on after all helpers have left.
pub(super) fn run(work: &Work<'_>) {
    let _retire = Retire(work);
    POOL.publish(work);
    work.run(0);
}

/// Takes a work from the list and waits until no helper is inside, even if a task of the calling thread panics.
struct Retire<'a>(&'a Work<'a>);

impl Drop for Retire<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.give_up(None);
        }
        POOL.retire(self.0);
    }
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&'static self, work: &Work<'_>) {
        let mut state = self.lock();
        state.works.push(Listed(std::ptr::from_ref(work).cast()));
        while state.helpers + 1 < work.threads {
            let number = state.helpers + 1;
            // Without another thread the work is done by those that are there.
            if thread::Builder::new().name(format!("ocelli-{number}")).spawn(move || self.help(number)).is_err() {
                break;
            }
            state.helpers = number;
        }
        self.news.fetch_add(1, Ordering::Release);
        let asleep = state.asleep;
        drop(state);
        self.wake_two(asleep);
    }

    /// Wakes two helpers, each of which wakes two more: so many need not be woken by one.
    fn wake_two(&self, asleep: usize) {
        (0..asleep.min(2)).for_each(|_| self.wake.notify_one());
    }

    fn retire(&self, work: &Work<'_>) {
        let listed: *const Work<'static> = std::ptr::from_ref(work).cast();
        let mut state = self.lock();
        state.works.retain(|other| !std::ptr::eq(other.0, listed));
        if !state.works.is_empty() {
            // One thread less is at work: others' work may have a helper more.
            self.news.fetch_add(1, Ordering::Release);
            self.wake.notify_one();
        }
        drop(state);
        // Nobody enters any more. Acquire: what helpers wrote is seen here.
        let is_empty = || work.inside.load(Ordering::Acquire) == 0;
        if look(&is_empty) {
            return;
        }
        let mut state = self.lock();
        while !is_empty() {
            state.waiting += 1;
            state = self.left.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
    }

    /// A helper's life.
    fn help(&self, number: usize) {
        profile::helps();
        let mut state = self.lock();
        loop {
            if let Some(listed) = state.enter() {
                let asleep = state.asleep;
                drop(state);
                // SAFETY: see `State::enter`.
                let work = unsafe { &*listed.0 };
                if asleep > 0 && work.threads > 2 && work.is_left() {
                    self.wake_two(asleep);
                }
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work.run(number))) {
                    work.give_up(Some(panic));
                }
                state = self.lock();
                state.busy -= 1;
                // Release: what was written in there is seen by the caller. The work may be gone from here on.
                work.inside.fetch_sub(1, Ordering::Release);
                if state.waiting > 0 {
                    self.left.notify_all();
                }
                continue;
            }
            let seen = self.news.load(Ordering::Relaxed);
            drop(state);
            let is_new = look(&|| self.news.load(Ordering::Relaxed) != seen);
            state = self.lock();
            if !is_new && self.news.load(Ordering::Relaxed) == seen {
                state.asleep += 1;
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.asleep -= 1;
            }
        }
    }
}

impl State {
    /// Finds a work with tasks left for a helper, who is inside then: the work's caller takes it from the list before it waits for all to
    /// leave, both under the lock, so that what is found here stays until `inside` is counted down.
    fn enter(&mut self) -> Option<Listed> {
        // Callers are at work themselves.
        if self.busy + self.works.len() >= num_threads() {
            return None;
        }
        let listed = self.works.iter().rev().copied().find(|listed| {
            // SAFETY: it is listed, so its caller has not left.
            let work = unsafe { &*listed.0 };
            work.inside.load(Ordering::Relaxed) + 1 < work.threads && work.is_left()
        })?;
        self.busy += 1;
        // SAFETY: as above.
        unsafe { &*listed.0 }.inside.fetch_add(1, Ordering::Relaxed);
        Some(listed)
    }
}

/// Looks for a while whether something has come true.
fn look(is_true: &dyn Fn() -> bool) -> bool {
    for i in 1..=LOOKS {
        if is_true() {
            return true;
        }
        if i % LOOKS_BETWEEN_YIELDS == 0 { thread::yield_now() } else { std::hint::spin_loop() }
    }
    false
}
