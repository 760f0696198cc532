//! Ways between the processor's memory and the adapter's, through buffers that both can reach and that are used again.

use std::sync::{Arc, Mutex};

use ::wgpu::{Buffer, BufferDescriptor, BufferUsages, COPY_BUFFER_ALIGNMENT, MapMode};

use super::stream::COPIED;
use super::{Context, Memory, locked};
use crate::memory::size_class;
use crate::{Error, Result};

/// The smallest buffer.
const SMALLEST: usize = 4096;
/// Idle bytes that are kept, for each way.
const IDLE: u64 = 256 << 20;

/// Buffers for one way, by the usage that they are made with.
struct Way {
    usage: BufferUsages,
    idle: Vec<Buffer>,
}

impl Way {
    fn new(usage: BufferUsages) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Way { usage, idle: Vec::new() }))
    }

    /// # Errors
    /// [`Error::OutOfMemory`].
    fn take(&mut self, context: &Context, bytes: u64) -> Result<Buffer> {
        let size = size_class((bytes as usize).max(SMALLEST)) as u64;
        if let Some(i) = self.idle.iter().position(|buffer| buffer.size() == size) {
            return Ok(self.idle.swap_remove(i));
        }
        let mapped_at_creation = self.usage.contains(BufferUsages::MAP_WRITE);
        let descriptor = BufferDescriptor { label: Some("staging"), size, usage: self.usage, mapped_at_creation };
        context.create_buffer(&descriptor).ok_or(Error::OutOfMemory { bytes: bytes as usize })
    }

    fn give(&mut self, buffer: Buffer) {
        let idle: u64 = self.idle.iter().map(Buffer::size).sum();
        if idle + buffer.size() <= IDLE {
            self.idle.push(buffer);
        }
    }
}

pub(super) struct Staging {
    /// Mapped while idle.
    up: Arc<Mutex<Way>>,
    /// Unmapped while idle.
    down: Arc<Mutex<Way>>,
    /// Buffers that the commands recorded so far copy from.
    in_use: Vec<Buffer>,
}

impl Default for Staging {
    fn default() -> Self {
        let up = Way::new(BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC);
        let down = Way::new(BufferUsages::MAP_READ | BufferUsages::COPY_DST);
        Staging { up, down, in_use: Vec::new() }
    }
}

impl Staging {
    /// Buffers that the adapter has been told to copy from are idle once they can be mapped again.
    pub(super) fn submitted(&mut self) {
        for buffer in self.in_use.drain(..) {
            let (way, mapped) = (self.up.clone(), buffer.clone());
            buffer.map_async(MapMode::Write, .., move |result| {
                if result.is_ok() {
                    locked(&way).give(mapped);
                }
            });
        }
    }
}

impl Context {
    /// A copy of these bytes in the adapter's memory.
    ///
    /// # Errors
    /// As [`Context::allocate`].
    pub(crate) fn upload(self: &Arc<Self>, bytes: &[u8]) -> Result<Memory> {
        self.check()?;
        let memory = self.allocate(bytes.len())?;
        let way = locked(&self.staging).up.clone();
        for (piece, start) in bytes.chunks(COPIED as usize).zip((0..).step_by(COPIED as usize)) {
            let size = (piece.len() as u64).next_multiple_of(COPY_BUFFER_ALIGNMENT);
            let buffer = locked(&way).take(self, size)?;
            match buffer.get_mapped_range_mut(..size) {
                Ok(mut mapped) => mapped.slice(..piece.len()).copy_from_slice(piece),
                Err(_) => {
                    self.check()?;
                    return Err(Error::OutOfMemory { bytes: piece.len() });
                }
            }
            buffer.unmap();
            let mut stream = locked(&self.stream);
            stream.encoder(self).copy_buffer_to_buffer(&buffer, 0, memory.buffer(), start, size);
            locked(&self.staging).in_use.push(buffer);
            stream.copied(self, size);
        }
        Ok(memory)
    }
}

impl Memory {
    /// Waits for what the memory is to hold, and copies its bytes from `start` on.
    ///
    /// # Errors
    /// [`Error::Adapter`] if something that led to it has failed, or the device was lost.
    pub(crate) fn download(&self, start: usize, out: &mut [u8]) -> Result<()> {
        let context = self.context();
        context.check()?;
        if out.is_empty() {
            return Ok(());
        }
        // Copies begin and end at whole words.
        let skip = start % COPY_BUFFER_ALIGNMENT as usize;
        let size = ((skip + out.len()) as u64).next_multiple_of(COPY_BUFFER_ALIGNMENT);
        let way = locked(&context.staging).down.clone();
        let buffer = locked(&way).take(context, size)?;
        let submission = {
            let mut stream = locked(&context.stream);
            stream.encoder(context).copy_buffer_to_buffer(self.buffer(), (start - skip) as u64, &buffer, 0, size);
            stream.submit(context)
        };
        let trouble = context.trouble.clone();
        buffer.map_async(MapMode::Read, ..size, move |result| {
            if let Err(error) = result {
                trouble.note(format!("its memory cannot be read: {error}"));
            }
        });
        context.wait(submission)?;
        match buffer.get_mapped_range(..size) {
            Ok(mapped) => out.copy_from_slice(&mapped[skip..skip + out.len()]),
            Err(error) => {
                context.trouble.note(format!("its memory cannot be read: {error}"));
                return context.check();
            }
        }
        buffer.unmap();
        locked(&way).give(buffer);
        Ok(())
    }
}
