//! Memory of an adapter, recycled.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Context, locked};
use crate::memory::size_class;
use crate::{Device, Error, Result};

/// The smallest buffer: a few words cost as much as one.
const SMALLEST: usize = 256;

/// A piece of an adapter's memory that belongs to one tensor's storage.
pub(crate) struct Memory {
    context: Arc<Context>,
    buffer: ::wgpu::Buffer,
    /// Bytes in use.
    bytes: usize,
}

impl Memory {
    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// Bytes in use.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn buffer(&self) -> &::wgpu::Buffer {
        &self.buffer
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // Kernels that were recorded before still use it; those that get it next are recorded behind them.
        locked(&self.context.pool).give(self.buffer.clone());
    }
}

impl Context {
    /// Memory of arbitrary content.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the adapter has no more, also after idle memory was given back; [`Error::Adapter`] if it cannot
    /// have so much in one piece.
    pub(crate) fn allocate(self: &Arc<Self>, bytes: usize) -> Result<Memory> {
        let capacity = size_class(bytes.max(SMALLEST)) as u64;
        if capacity > self.limits.max_buffer_size {
            let message =
                format!("expected at most {} bytes for one tensor, received {bytes}", self.limits.max_buffer_size);
            return Err(Error::Adapter { device: Device::Wgpu(self.index), message });
        }
        let recycled = locked(&self.pool).take(capacity);
        let buffer = match recycled {
            Some(buffer) => buffer,
            None => match self.create(capacity) {
                Some(buffer) => buffer,
                None => {
                    // What lies idle may be what is missing. Memory that kernels on their way use is only free behind them.
                    self.synchronize()?;
                    self.release_idle_memory();
                    self.create(capacity).ok_or(Error::OutOfMemory { bytes })?
                }
            },
        };
        Ok(Memory { context: self.clone(), buffer, bytes })
    }

    /// Bytes of all buffers of tensors, idle ones included.
    pub(crate) fn reserved(&self) -> u64 {
        locked(&self.pool).reserved
    }

    fn create(&self, size: u64) -> Option<::wgpu::Buffer> {
        use ::wgpu::BufferUsages;
        if locked(&self.pool).reserved + size > self.bounds.memory {
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
