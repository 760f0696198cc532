//! Memory of an adapter, recycled.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use super::Context;
use crate::lock::locked;
use crate::memory::size_class;
use crate::wgpu::deferred::Deferred;
use crate::wgpu::index::Known;
use crate::{Device, Error, Result};

/// The smallest buffer: a few words cost as much as one.
const SMALLEST: usize = 256;
/// Kernels may write this many bytes at once, and so behind the last element.
const BLOCK: usize = 64;

/// A piece of an adapter's memory that belongs to one tensor's storage, or a part of one.
pub(crate) struct Memory {
    context: Arc<Context>,
    /// Memory that waits for what it is to hold has none yet.
    buffer: OnceLock<::wgpu::Buffer>,
    /// Where it begins in the buffer.
    start: usize,
    /// Bytes in use.
    bytes: usize,
    /// Bytes that kernels see.
    seen: u64,
    /// What this is a part of.
    whole: Option<Arc<Memory>>,
    deferral: Option<Box<Deferred>>,
    known: Known,
}

/// Of so many bytes in use, those that kernels see.
fn seen(bytes: usize) -> u64 {
    bytes.next_multiple_of(BLOCK).max(SMALLEST) as u64
}

impl Memory {
    fn whole(
        context: &Arc<Context>,
        bytes: usize,
        buffer: OnceLock<::wgpu::Buffer>,
        deferral: Option<Box<Deferred>>,
    ) -> Memory {
        let (seen, known) = (seen(bytes), Known::default());
        Memory { context: context.clone(), buffer, start: 0, bytes, seen, whole: None, deferral, known }
    }

    pub(crate) fn deferral(&self) -> Option<&Deferred> {
        self.deferral.as_deref()
    }

    /// Records what writes this memory, if that waits.
    ///
    /// # Errors
    /// As [`Context::allocate`] and [`Context::run`].
    pub(crate) fn settle(&self) -> Result<()> {
        self.deferral.as_ref().map_or(Ok(()), |deferral| deferral.settle(self))
    }

    /// Takes the buffer of memory that waits.
    ///
    /// # Errors
    /// As [`Context::allocate`].
    pub(crate) fn fetch_buffer(&self) -> Result<()> {
        if self.buffer.get().is_none() {
            let buffer = self.context.take_buffer(self.bytes)?;
            self.buffer.get_or_init(|| buffer);
        }
        Ok(())
    }

    /// Takes the buffer of memory that waits, if there is one without giving back anything.
    ///
    /// # Errors
    /// As [`Context::allocate`].
    pub(crate) fn find_buffer(&self) -> Result<bool> {
        if self.buffer.get().is_none()
            && let Some(buffer) = self.context.find_buffer(self.bytes)?
        {
            self.buffer.get_or_init(|| buffer);
        }
        Ok(self.buffer.get().is_some())
    }

    pub(crate) fn known(&self) -> &Known {
        &self.known
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// Bytes in use.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What kernels see.
    pub(super) fn binding(&self) -> ::wgpu::BufferBinding<'_> {
        let size = ::wgpu::BufferSize::new(self.seen);
        ::wgpu::BufferBinding { buffer: self.buffer(), offset: self.start as u64, size }
    }

    pub(super) fn seen(&self) -> u64 {
        self.seen
    }

    /// Whether a kernel may see all of it.
    pub(crate) fn is_visible(&self) -> bool {
        self.seen <= self.context.limits.max_storage_buffer_binding_size
    }

    /// The error of an operation for which this memory is too large.
    pub(crate) fn is_too_large(&self) -> Error {
        let most = self.context.limits.max_storage_buffer_binding_size;
        Error::Binding { device: Device::Wgpu(self.context.index()), most, received: self.seen }
    }

    /// The part with these bytes, and how many bytes come before it in this memory; it may begin a little earlier than they do. Memory
    /// that waits has no parts.
    pub(crate) fn part(self: &Arc<Self>, bytes: Range<usize>) -> (Arc<Memory>, usize) {
        let alignment = (self.context.limits.min_storage_buffer_offset_alignment as usize).max(BLOCK);
        let skipped = bytes.start.min(self.bytes) / alignment * alignment;
        let end = bytes.end.clamp(skipped, self.bytes);
        if end - skipped == self.bytes {
            return (self.clone(), 0);
        }
        let (start, bytes, buffer) = (self.start + skipped, end - skipped, self.buffer().clone());
        let part = Memory {
            context: self.context.clone(),
            start,
            bytes,
            seen: seen(bytes).min(buffer.size() - start as u64),
            buffer: OnceLock::from(buffer),
            whole: Some(self.whole.as_ref().unwrap_or(self).clone()),
            deferral: None,
            known: self.known.clone(),
        };
        (Arc::new(part), skipped)
    }

    /// Whether no other tensor has this memory, or a part of it. Whoever knows of results that wait has none of them.
    pub(crate) fn is_own(memory: &Arc<Self>) -> bool {
        Arc::strong_count(memory) == 1 && memory.whole.as_ref().is_none_or(|whole| Arc::strong_count(whole) == 1)
    }

    /// Whether this is the other memory, or one of them a part of the other or both of a third.
    pub(crate) fn touches(&self, other: &Memory) -> bool {
        let whole = |memory: &Memory| std::ptr::from_ref(memory.whole.as_deref().unwrap_or(memory));
        std::ptr::eq(whole(self), whole(other))
    }

    /// Where it begins in the buffer, in bytes.
    pub(super) fn start(&self) -> u64 {
        self.start as u64
    }

    pub(super) fn buffer(&self) -> &::wgpu::Buffer {
        self.buffer.get().unwrap_or_else(|| unreachable!("memory is settled before it is used"))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if self.whole.is_some() {
            return;
        }
        // Kernels that were recorded before still use it; those that get it next are recorded behind them.
        if let Some(buffer) = self.buffer.take() {
            locked(&self.context.pool).give(buffer);
        }
    }
}

impl Context {
    /// Memory of arbitrary content.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the adapter has no more, also after idle memory was given back; [`Error::Adapter`] if it cannot
    /// have so much in one piece.
    pub(crate) fn allocate(self: &Arc<Self>, bytes: usize) -> Result<Memory> {
        Ok(Memory::whole(self, bytes, OnceLock::from(self.take_buffer(bytes)?), None))
    }

    /// Memory that is taken once it is needed, and written then.
    ///
    /// # Errors
    /// [`Error::Adapter`] if something that ran before has failed, or the device was lost.
    pub(crate) fn defer(self: &Arc<Self>, bytes: usize, deferral: Deferred) -> Result<Memory> {
        self.check()?;
        Ok(Memory::whole(self, bytes, OnceLock::new(), Some(Box::new(deferral))))
    }

    /// Whether one tensor, and one operand of a kernel, can have so many bytes.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.capacity(bytes).is_some_and(|capacity| capacity <= self.limits.max_storage_buffer_binding_size)
    }

    /// The size of a buffer that holds so many bytes: a class of sizes, or the largest there is; `None` if it holds fewer.
    fn capacity(&self, bytes: usize) -> Option<u64> {
        let most = self.limits.max_buffer_size / BLOCK as u64 * BLOCK as u64;
        (bytes as u64 <= most).then(|| (size_class(bytes.max(SMALLEST)) as u64).min(most))
    }

    /// A buffer for so many bytes.
    ///
    /// What waits is not computed for it, or only what can be at once: whoever asks may itself be computing something that waits, and
    /// keep others from that.
    fn take_buffer(&self, bytes: usize) -> Result<::wgpu::Buffer> {
        if let Some(buffer) = self.find_buffer(bytes)? {
            return Ok(buffer);
        }
        self.reclaim()?;
        if let Some(buffer) = self.find_buffer(bytes)? {
            return Ok(buffer);
        }
        self.waiting.settle_at_hand();
        self.reclaim()?;
        self.find_buffer(bytes)?.ok_or(Error::OutOfMemory { bytes })
    }

    /// A buffer that lies idle, or a new one; none if there is no memory for it.
    fn find_buffer(&self, bytes: usize) -> Result<Option<::wgpu::Buffer>> {
        let Some(capacity) = self.capacity(bytes) else {
            let message =
                format!("expected at most {} bytes for one tensor, received {bytes}", self.limits.max_buffer_size);
            return Err(Error::Adapter { device: Device::Wgpu(self.index), message });
        };
        let recycled = locked(&self.pool).take(capacity);
        Ok(recycled.or_else(|| self.create(capacity)))
    }

    /// Gives back what lies idle, which may be what is missing. Memory that kernels on their way use is only free behind them.
    ///
    /// # Errors
    /// [`Error::Adapter`] if something that ran before has failed, or the device was lost.
    pub(super) fn reclaim(&self) -> Result<()> {
        self.finish()?;
        self.release_idle_memory();
        // Bind groups and buffers that have just been let go of.
        self.poll(::wgpu::PollType::Poll);
        self.check()
    }

    /// Bytes of all buffers of tensors, and of those that they are copied through, idle ones included.
    pub(crate) fn reserved(&self) -> u64 {
        locked(&self.pool).reserved + self.staged.load(Ordering::Relaxed)
    }

    /// Whether so many bytes more are within the bounds.
    pub(super) fn is_within_bounds(&self, size: u64) -> bool {
        self.reserved() + size <= self.bounds.memory
    }

    fn create(&self, size: u64) -> Option<::wgpu::Buffer> {
        use ::wgpu::BufferUsages;
        if !self.is_within_bounds(size) {
            return None;
        }
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        let descriptor = ::wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false };
        let buffer = self.create_buffer(&descriptor)?;
        locked(&self.pool).reserved += size;
        Some(buffer)
    }

    /// None if there is no memory for it.
    pub(super) fn create_buffer(&self, descriptor: &::wgpu::BufferDescriptor<'_>) -> Option<::wgpu::Buffer> {
        let scope = self.device.push_error_scope(::wgpu::ErrorFilter::OutOfMemory);
        let buffer = self.device.create_buffer(descriptor);
        pollster::block_on(scope.pop()).is_none().then_some(buffer)
    }
}

/// Buffers that nobody uses, by size.
#[derive(Default)]
pub(super) struct Pool {
    idle: HashMap<u64, Vec<::wgpu::Buffer>>,
    /// Bytes of all buffers, those in use included.
    reserved: u64,
}

impl Pool {
    fn take(&mut self, size: u64) -> Option<::wgpu::Buffer> {
        self.idle.get_mut(&size)?.pop()
    }

    fn give(&mut self, buffer: ::wgpu::Buffer) {
        self.idle.entry(buffer.size()).or_default().push(buffer);
    }

    pub(super) fn release(&mut self) {
        let idle: u64 = self.idle.drain().map(|(size, buffers)| size * buffers.len() as u64).sum();
        self.reserved -= idle;
    }
}
