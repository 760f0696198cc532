//! An opened adapter: where kernels are recorded, and memory comes from.

mod adapters;
mod cache;
mod memory;
mod pipelines;
mod staging;
mod stream;
#[cfg(test)]
mod tests;
mod timing;
mod trouble;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock};

use smallvec::SmallVec;

pub(crate) use adapters::adapters;
use cache::Cache;
pub(crate) use memory::Memory;
use memory::Pool;
use pipelines::Pipelines;
pub(crate) use staging::PIECE;
use staging::Staging;
use stream::Stream;
use trouble::Trouble;

use super::deferred::Waiting;
use super::{Grid, Program};
use crate::lock::locked;
use crate::profile::Call;
use crate::{Device, Error, Result};

/// Everything about one adapter. Recording is in one order, whichever threads it comes from: memory that one thread frees may be
/// another's in the next kernel.
pub(crate) struct Context {
    index: usize,
    device: ::wgpu::Device,
    queue: ::wgpu::Queue,
    features: ::wgpu::Features,
    limits: ::wgpu::Limits,
    pipelines: Mutex<Pipelines>,
    pool: Mutex<Pool>,
    staging: Mutex<Staging>,
    /// Bytes of the buffers that staging has made.
    staged: Arc<AtomicU64>,
    stream: Mutex<Stream>,
    waiting: Waiting,
    trouble: Arc<Trouble>,
    cooperative: OnceLock<bool>,
    bounds: Bounds,
}

/// What a context may take, where that is less than its adapter has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Bytes of memory in all, those that tensors are copied through included.
    pub(crate) memory: u64,
    /// Bytes of an operand that a kernel sees.
    pub(crate) binding: u64,
}

impl Bounds {
    pub(crate) const NONE: Bounds = Bounds { memory: u64::MAX, binding: u64::MAX };
}

/// Contexts that have been opened, by the adapter's number.
static OPENED: Mutex<Vec<(usize, Arc<Context>)>> = Mutex::new(Vec::new());

impl Context {
    /// The context of an adapter, which is opened if it is not yet, or has failed or was lost.
    ///
    /// # Errors
    /// [`Error::Adapter`] if there is no such adapter or it cannot be opened.
    pub(crate) fn of(index: usize) -> Result<Arc<Context>> {
        locked(&OPENED).retain(|(_, context)| context.trouble.message().is_none());
        Context::last(index)
    }

    /// The context of an adapter, also if it has failed or was lost since it was opened.
    ///
    /// # Errors
    /// [`Error::Adapter`] if there is no such adapter or it cannot be opened.
    pub(crate) fn last(index: usize) -> Result<Arc<Context>> {
        let mut opened = locked(&OPENED);
        if let Some((_, context)) = opened.iter().find(|(other, _)| *other == index) {
            return Ok(context.clone());
        }
        let context = Arc::new(Context::open(index, Bounds::NONE)?);
        opened.push((index, context.clone()));
        Ok(context)
    }

    /// The context of an adapter whose kernels see no more than so many bytes of an operand; it takes the place of another that is open.
    ///
    /// # Errors
    /// [`Error::Adapter`] if there is no such adapter or it cannot be opened.
    pub(crate) fn bounded(index: usize, binding: u64) -> Result<Arc<Context>> {
        let mut opened = locked(&OPENED);
        if let Some((_, context)) = opened.iter().find(|(i, other)| *i == index && other.bounds.binding == binding) {
            return Ok(context.clone());
        }
        opened.retain(|(other, _)| *other != index);
        let context = Arc::new(Context::open(index, Bounds { binding, ..Bounds::NONE })?);
        opened.push((index, context.clone()));
        Ok(context)
    }

    fn open(index: usize, bounds: Bounds) -> Result<Context> {
        let adapter = adapters::adapter(index)?;
        let mut limits = adapter.limits();
        // Kernels count places with a sign, whatever the adapter would let them see.
        let binding = limits.max_storage_buffer_binding_size.min(i32::MAX as u64);
        limits.max_storage_buffer_binding_size = binding.min(bounds.binding);
        if !adapter.features().contains(::wgpu::Features::IMMEDIATES) {
            limits.max_immediate_size = 0;
        }
        let (device, queue, features) = adapters::opened(adapter, &limits)
            .map_err(|error| adapters::refused(index, format!("expected it to open, received {error}")))?;
        let trouble = Trouble::watch(&device);
        let staged = Arc::default();
        Ok(Context {
            index,
            pipelines: Mutex::new(Pipelines::new(&device, Cache::open(&device))),
            pool: Mutex::default(),
            staging: Mutex::new(Staging::new(&staged)),
            staged,
            stream: Mutex::new(Stream::new(&device, &limits)),
            waiting: Waiting::default(),
            device,
            queue,
            features,
            limits,
            trouble,
            bounds,
            cooperative: OnceLock::new(),
        })
    }

    pub(crate) fn index(&self) -> usize {
        self.index
    }

    /// # Errors
    /// [`Error::Adapter`] if the memory is another context's: of the same adapter, before that was opened anew.
    pub(crate) fn require_own(&self, memory: &Memory) -> Result<()> {
        if std::ptr::eq(&**memory.context(), self) {
            return Ok(());
        }
        self.check()?;
        memory.context().check()?;
        let message = "expected tensors of this device, received one of before it was opened anew".to_owned();
        Err(Error::Adapter { device: Device::Wgpu(self.index), message })
    }

    /// Whether shaders have `f16`.
    pub(crate) fn has_f16(&self) -> bool {
        self.features.contains(::wgpu::Features::SHADER_F16)
    }

    /// Whether invocations that run together can add up without shared memory.
    pub(crate) fn has_subgroups(&self) -> bool {
        self.features.contains(::wgpu::Features::SUBGROUP)
    }

    /// Results that wait for somebody who needs them.
    pub(crate) fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// Whether shaders have matrices of 16 × 16 that a subgroup multiplies, of `f16` with sums in `f32`.
    pub(crate) fn has_cooperative_matrices(&self) -> bool {
        self.features.contains(::wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX)
    }

    /// Whether these have been found to compute what they should, if that has been tried.
    pub(crate) fn cooperative(&self) -> &OnceLock<bool> {
        &self.cooperative
    }

    /// Records a kernel, which sees `params` (with the command, or as binding 0), then from binding 1 on what it
    /// writes and what it reads.
    ///
    /// # Errors
    /// [`Error::Adapter`] if the device was lost, something that ran before has failed, or memory is of a context before this one;
    /// [`Error::Binding`] if memory is larger than a kernel may see.
    pub(crate) fn run(
        &self,
        program: Program<'_>,
        params: &[u32],
        writes: &[&Memory],
        reads: &[&Memory],
        grid: Grid,
    ) -> Result<()> {
        self.run_work(program, params, writes, reads, grid, 0)
    }

    /// As [`Context::run`], of a kernel that does so many additions and multiplications (for the profile).
    ///
    /// # Errors
    /// As there.
    pub(crate) fn run_work(
        &self,
        program: Program<'_>,
        params: &[u32],
        writes: &[&Memory],
        reads: &[&Memory],
        grid: Grid,
        flops: usize,
    ) -> Result<()> {
        writes.iter().chain(reads).try_for_each(|memory| memory.settle())?;
        self.record(program, params, writes, reads, grid, flops)
    }

    /// As [`Context::run_work`], where no memory waits.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn record(
        &self,
        program: Program<'_>,
        params: &[u32],
        writes: &[&Memory],
        reads: &[&Memory],
        grid: Grid,
        flops: usize,
    ) -> Result<()> {
        self.check()?;
        writes.iter().chain(reads).try_for_each(|memory| self.require_own(memory))?;
        if let Some(memory) = writes.iter().chain(reads).find(|memory| !memory.is_visible()) {
            return Err(memory.is_too_large());
        }
        let pipeline =
            locked(&self.pipelines).get(self, program, params.len(), (writes.len(), reads.len())).map_err(|error| {
                let message = format!("expected it to take the kernel `{}`, received {error}", program.kernel.name);
                Error::Adapter { device: Device::Wgpu(self.index), message }
            })?;
        let most = self.limits.max_compute_workgroups_per_dimension as usize;
        let mut params: SmallVec<[u32; 64]> = SmallVec::from_slice(params);
        let groups = match grid {
            Grid::Rows { groups, unit } => {
                // As many rows as needed, none much longer than another.
                let rows = groups.div_ceil(most).max(1);
                let row = groups.div_ceil(rows);
                params[1] = (row * unit) as u32;
                [row, rows, 1]
            }
            Grid::Box(groups) => groups,
        };
        if groups.iter().any(|&count| count > most) {
            let message = format!("expected at most {most} workgroups along an axis, received {groups:?}");
            return Err(Error::Adapter { device: Device::Wgpu(self.index), message });
        }
        let memory = writes.iter().chain(reads).copied();
        let bytes = memory.clone().map(|memory| memory.bytes() as u64).sum();
        let call = Call { kernel: program.kernel.name, bytes, flops: flops as u64 };
        locked(&self.stream).record(self, &pipeline, &params, memory, groups.map(|count| count as u32), call);
        Ok(())
    }

    /// Waits for everything that was asked for, as far as somebody still holds it.
    ///
    /// # Errors
    /// [`Error::Adapter`] if any of it failed.
    pub(crate) fn synchronize(&self) -> Result<()> {
        self.waiting.settle()?;
        self.finish()
    }

    /// Waits for everything that was recorded.
    ///
    /// # Errors
    /// [`Error::Adapter`] if any of it failed.
    fn finish(&self) -> Result<()> {
        let submission = locked(&self.stream).submit(self);
        self.wait(submission)
    }

    /// Gives the memory that freed tensors have left behind back to the adapter.
    pub(crate) fn release_idle_memory(&self) {
        // Bind groups would keep the buffers.
        locked(&self.stream).bindings.clear();
        locked(&self.pool).release();
        locked(&self.staging).release();
    }

    /// Loses the device, for tests of what follows from that.
    pub(crate) fn lose(&self) {
        self.device.destroy();
        // Hears of it.
        let _ = self.wait(None);
    }

    fn wait(&self, submission: Option<::wgpu::SubmissionIndex>) -> Result<()> {
        self.poll(::wgpu::PollType::Wait { submission_index: submission, timeout: None });
        locked(&self.pipelines).save();
        self.check()
    }

    fn poll(&self, poll: ::wgpu::PollType) {
        if let Err(error) = self.device.poll(poll) {
            self.trouble.note(format!("it does not answer: {error}"));
        }
    }

    fn check(&self) -> Result<()> {
        match self.trouble.message() {
            None => Ok(()),
            Some(message) => Err(Error::Adapter { device: Device::Wgpu(self.index), message: message.to_owned() }),
        }
    }
}

/// Waits for all that was recorded, so that it is known how long it took. What has failed is left to others to tell.
#[cfg(not(windows))]
pub(crate) fn finish_all() {
    let opened: Vec<Arc<Context>> = locked(&OPENED).iter().map(|(_, context)| context.clone()).collect();
    opened.iter().for_each(|context| drop(context.finish()));
}

/// Gives the memory that freed tensors have left behind back to their adapters.
pub(crate) fn release_idle_memory() {
    locked(&OPENED).iter().for_each(|(_, context)| context.release_idle_memory());
}
