//! When expressions are computed.
//!
//! Memory of a result that waits is [`Memory`] as any other, without a buffer yet. Whoever records a kernel or a copy has it settled
//! first: it gets its buffer, and the kernel of its expression is recorded. An expression reads settled memory alone, so one never
//! leads to another. Its operands stay alive until then, and are not changed: an operation in place first settles all that reads them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, TryLockError, Weak};

use super::expression::Expression;
use super::{Memory, fused};
use crate::Result;
use crate::layout::Layout;
use crate::lock::locked;

/// How often an expression of one tensor is taken over. Each time saves a writing and costs nothing to memory.
const TAKEN_OVER: usize = 8;
/// The same of several tensors, which are all read again.
const TAKEN_OVER_OF_SEVERAL: usize = 3;

/// What memory will hold.
pub(crate) struct Deferred {
    layout: Layout,
    /// None once its kernel is recorded. Who computes it holds the lock until then.
    expression: Mutex<Option<Expression>>,
    is_settled: AtomicBool,
    /// How many operations have taken the expression over.
    uses: AtomicUsize,
}

impl Deferred {
    pub(super) fn new(expression: Expression, layout: Layout) -> Self {
        Deferred {
            layout,
            expression: Mutex::new(Some(expression)),
            is_settled: AtomicBool::new(false),
            uses: AtomicUsize::new(0),
        }
    }

    /// How the result will lie.
    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// A copy of the expression for an operation that goes on with it; none if it has been computed, or had better be.
    pub(super) fn take_over(&self, is_fit: impl FnOnce(&Expression) -> bool) -> Option<Expression> {
        let expression = locked(&self.expression);
        let expression = expression.as_ref().filter(|expression| is_fit(expression))?;
        let most = if expression.leaves.len() > 1 { TAKEN_OVER_OF_SEVERAL } else { TAKEN_OVER };
        // A number costs nothing to compute.
        let is_free = expression.leaves.is_empty();
        (is_free || self.uses.fetch_add(1, Ordering::Relaxed) < most).then(|| expression.clone())
    }

    fn reads(&self, memory: &Memory) -> bool {
        let reads = |expression: &Expression| expression.leaves.iter().any(|x| x.memory().touches(memory));
        locked(&self.expression).as_ref().is_some_and(reads)
    }

    /// Records the kernel that writes `memory`, which this is of, unless that has been done. Where that fails the expression stays.
    #[cfg_attr(not(feature = "wgpu"), expect(dead_code, reason = "memory settles itself, where there is any"))]
    pub(super) fn settle(&self, memory: &Memory) -> Result<()> {
        if self.is_settled.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut expression = locked(&self.expression);
        if let Some(waiting) = expression.as_ref() {
            memory.fetch_buffer()?;
            fused::record(waiting, memory, &self.layout)?;
            *expression = None;
            self.is_settled.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// As [`Deferred::settle`], where that neither waits for anybody nor takes more memory than there is: else it is left.
    fn settle_at_hand(&self, memory: &Memory) {
        let mut expression = match self.expression.try_lock() {
            Ok(expression) => expression,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        if let Some(waiting) = expression.as_ref()
            && memory.find_buffer().is_ok_and(|found| found)
            && fused::record(waiting, memory, &self.layout).is_ok()
        {
            *expression = None;
            self.is_settled.store(true, Ordering::Release);
        }
    }
}

/// Results of one adapter that wait.
#[derive(Default)]
pub(crate) struct Waiting {
    results: Mutex<Results>,
}

#[derive(Default)]
struct Results {
    /// Some of them settled or gone.
    all: Vec<Weak<Memory>>,
    /// So many are looked through for such.
    crowd: usize,
}

impl Results {
    /// Leaves out those that are settled or gone.
    fn forget(&mut self) {
        self.all.retain(|result| result.upgrade().is_some_and(|result| is_waiting(&result)));
    }
}

impl Waiting {
    pub(super) fn push(&self, result: &Arc<Memory>) {
        let mut results = locked(&self.results);
        if results.all.len() >= results.crowd.max(64) {
            results.forget();
            results.crowd = 2 * results.all.len();
        }
        results.all.push(Arc::downgrade(result));
    }

    /// Computes everything that waits, and is still held by somebody.
    ///
    /// # Errors
    /// As the kernels' recording.
    #[cfg_attr(not(feature = "wgpu"), expect(dead_code, reason = "a context calls it, where there is one"))]
    pub(crate) fn settle(&self) -> Result<()> {
        // They stay known until they are computed: others may ask for those that read some memory meanwhile, and those that fail wait
        // on.
        self.alive().iter().try_for_each(|result| result.settle())?;
        locked(&self.results).forget();
        Ok(())
    }

    /// Computes what can be without more memory than there is, and without waiting for other threads: operands that only these results
    /// hold are free then. Whoever needs one that fails hears why.
    #[cfg_attr(not(feature = "wgpu"), expect(dead_code, reason = "a context calls it, where there is one"))]
    pub(crate) fn settle_at_hand(&self) {
        for result in self.alive() {
            if let Some(deferred) = result.deferral() {
                deferred.settle_at_hand(&result);
            }
        }
    }

    /// Those that somebody holds. They are let go of without the lock: the last holder frees what it reads.
    fn alive(&self) -> Vec<Arc<Memory>> {
        locked(&self.results).all.iter().filter_map(Weak::upgrade).collect()
    }

    /// Computes everything that waits and reads this memory, which is about to change.
    ///
    /// # Errors
    /// As the kernels' recording.
    pub(crate) fn settle_readers(&self, memory: &Memory) -> Result<()> {
        let alive = self.alive();
        let readers = alive.iter().filter(|other| other.deferral().is_some_and(|deferred| deferred.reads(memory)));
        readers.into_iter().try_for_each(|reader| reader.settle())
    }
}

fn is_waiting(memory: &Memory) -> bool {
    memory.deferral().is_some_and(|deferred| !deferred.is_settled.load(Ordering::Acquire))
}
