//! What a forward pass tells besides its result: which layers ran, and the penalties on their activity.
//!
//! Both go to the thread that runs the pass and only while someone there listens, so a model stays `Sync` and serving costs
//! nothing.

use std::cell::RefCell;

use ocelli_autograd::Var;
use ocelli_tensor::Shape;

use crate::{Layer, Result};

/// A layer that has run.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// 1 for the model itself, 2 for what it calls, …
    pub(crate) depth: usize,
    pub(crate) address: usize,
    pub(crate) type_name: &'static str,
    pub(crate) output: Shape,
}

#[derive(Default)]
struct Watcher {
    depth: usize,
    calls: Vec<Call>,
}

thread_local! {
    static WATCHER: RefCell<Option<Watcher>> = const { RefCell::new(None) };
    static PENALTIES: RefCell<Option<Vec<Var>>> = const { RefCell::new(None) };
}

/// Puts a value back when a scope ends, even by a panic.
struct Restore<T: 'static>(&'static std::thread::LocalKey<RefCell<Option<T>>>, Option<T>);

impl<T> Drop for Restore<T> {
    fn drop(&mut self) {
        self.0.set(self.1.take());
    }
}

/// Runs `call`, which is the layer's, and notes that the layer ran if someone listens.
pub(crate) fn watched<L: Layer + ?Sized>(layer: &L, call: impl FnOnce() -> Result<Var>) -> Result<Var> {
    let enter = |watcher: &mut Watcher| {
        watcher.depth += 1;
        (watcher.depth, watcher.calls.len())
    };
    let Some((depth, position)) = WATCHER.with_borrow_mut(|watcher| watcher.as_mut().map(enter)) else {
        return call();
    };
    let result = call();
    WATCHER.with_borrow_mut(|watcher| {
        let Some(watcher) = watcher else { return };
        watcher.depth -= 1;
        if let Ok(y) = &result {
            let address = std::ptr::from_ref(layer).cast::<()>().addr();
            let call = Call { depth, address, type_name: layer.type_name(), output: y.shape().clone() };
            // Before what it has called, so that the list is in the order in which the layers began.
            watcher.calls.insert(position, call);
        }
    });
    result
}

/// Runs `f` and returns with its result the layers that ran, in the order in which they began.
pub(crate) fn calls_of<R>(f: impl FnOnce() -> R) -> (R, Vec<Call>) {
    let _restore = Restore(&WATCHER, WATCHER.replace(Some(Watcher::default())));
    let result = f();
    let calls = WATCHER.with_borrow_mut(|watcher| watcher.as_mut().map(|watcher| std::mem::take(&mut watcher.calls)));
    (result, calls.unwrap_or_default())
}

/// Runs `f` (a forward pass) and returns with its result the penalties on activity that layers have added on the way. A
/// training loop adds them to the loss.
pub fn collect_penalties<R>(f: impl FnOnce() -> R) -> (R, Vec<Var>) {
    let _restore = Restore(&PENALTIES, PENALTIES.replace(Some(Vec::new())));
    let result = f();
    let penalties = PENALTIES.with_borrow_mut(Option::take);
    (result, penalties.unwrap_or_default())
}

/// Adds a penalty to those that [`collect_penalties`] is collecting on this thread; nothing happens if nobody is.
///
/// # Errors
/// If computing the penalty fails.
pub fn add_penalty(penalty: impl FnOnce() -> Result<Var>) -> Result<()> {
    if PENALTIES.with_borrow(Option::is_some) {
        let penalty = penalty()?;
        PENALTIES.with_borrow_mut(|penalties| penalties.as_mut().map(|penalties| penalties.push(penalty)));
    }
    Ok(())
}
