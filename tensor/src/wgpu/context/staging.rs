//! Ways between the processor's memory and the adapter's, through buffers that both can reach and that are used again.

use std::future::poll_fn;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use ::wgpu::{Buffer, BufferDescriptor, BufferUsages, COPY_BUFFER_ALIGNMENT, MapMode, PollType, SubmissionIndex};

use super::stream::COPIED;
use super::{Context, Memory};
use crate::lock::locked;
use crate::memory::size_class;
use crate::{Error, Result};

/// The smallest buffer.
const SMALLEST: usize = 4096;
/// Idle bytes that are kept, for each way.
const IDLE: u64 = 256 << 20;

/// A buffer that counts as long as it is there.
struct Staged {
    buffer: Buffer,
    reserved: Arc<AtomicU64>,
}

impl Staged {
    fn new(buffer: Buffer, reserved: &Arc<AtomicU64>) -> Self {
        reserved.fetch_add(buffer.size(), Ordering::Relaxed);
        Staged { buffer, reserved: reserved.clone() }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        self.reserved.fetch_sub(self.buffer.size(), Ordering::Relaxed);
    }
}

impl Deref for Staged {
    type Target = Buffer;

    fn deref(&self) -> &Buffer {
        &self.buffer
    }
}

/// Buffers for one way, by the usage that they are made with.
struct Way {
    usage: BufferUsages,
    idle: Vec<Staged>,
    /// Bytes of all buffers of both ways, those in use included.
    reserved: Arc<AtomicU64>,
}

impl Way {
    fn new(usage: BufferUsages, reserved: &Arc<AtomicU64>) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Way { usage, idle: Vec::new(), reserved: reserved.clone() }))
    }

    /// None if there is no memory for it.
    fn take(&mut self, context: &Context, size: u64) -> Option<Staged> {
        if let Some(i) = self.idle.iter().position(|buffer| buffer.size() == size) {
            return Some(self.idle.swap_remove(i));
        }
        if !context.is_within_bounds(size) {
            return None;
        }
        let mapped_at_creation = self.usage.contains(BufferUsages::MAP_WRITE);
        let descriptor = BufferDescriptor { label: Some("staging"), size, usage: self.usage, mapped_at_creation };
        Some(Staged::new(context.create_buffer(&descriptor)?, &self.reserved))
    }

    fn give(&mut self, buffer: Staged) {
        let idle: u64 = self.idle.iter().map(|buffer| buffer.size()).sum();
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
    in_use: Vec<Staged>,
}

impl Staging {
    /// Without buffers; the bytes of those that are made are added to `reserved`.
    pub(super) fn new(reserved: &Arc<AtomicU64>) -> Self {
        let up = Way::new(BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC, reserved);
        let down = Way::new(BufferUsages::MAP_READ | BufferUsages::COPY_DST, reserved);
        Staging { up, down, in_use: Vec::new() }
    }

    /// Buffers that the adapter has been told to copy from are idle once they can be mapped again.
    pub(super) fn submitted(&mut self) {
        for buffer in self.in_use.drain(..) {
            let (way, mapped) = (self.up.clone(), buffer.buffer.clone());
            mapped.map_async(MapMode::Write, .., move |result| {
                if result.is_ok() {
                    locked(&way).give(buffer);
                }
            });
        }
    }

    /// Lets go of what lies idle.
    pub(super) fn release(&mut self) {
        for way in [&self.up, &self.down] {
            locked(way).idle.clear();
        }
    }
}

impl Context {
    /// # Errors
    /// [`Error::OutOfMemory`] if the adapter has no more, also after idle memory was given back; [`Error::Adapter`] if something that
    /// ran before has failed.
    fn stage(&self, way: &Mutex<Way>, bytes: u64) -> Result<Staged> {
        let size = size_class((bytes as usize).max(SMALLEST)) as u64;
        // Buffers come back to their way while the adapter is waited for: it may not be kept meanwhile.
        let found = locked(way).take(self, size);
        if let Some(buffer) = found {
            return Ok(buffer);
        }
        self.reclaim()?;
        locked(way).take(self, size).ok_or(Error::OutOfMemory { bytes: bytes as usize })
    }

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
            let buffer = self.stage(&way, size)?;
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

/// Bytes that are brought back at once, at most.
pub(crate) const PIECE: usize = COPIED as usize;

/// Bytes on their way from the adapter's memory.
pub(crate) struct Readback {
    context: Arc<Context>,
    buffer: Staged,
    /// Bytes before the first one that is wanted, and those up to the last one.
    skip: usize,
    size: u64,
    submission: Option<SubmissionIndex>,
    arrival: Arc<Mutex<Arrival>>,
}

#[derive(Default)]
struct Arrival {
    has_come: bool,
    is_watched: bool,
    waker: Option<Waker>,
}

impl Memory {
    /// Begins to bring `count` bytes (1 to [`PIECE`]) from `start` on to the processor.
    ///
    /// # Errors
    /// [`Error::Adapter`] if something that led to them has failed, or the device was lost; [`Error::OutOfMemory`].
    pub(crate) fn read_back(&self, start: usize, count: usize) -> Result<Readback> {
        let context = self.context();
        context.check()?;
        self.settle()?;
        // Copies begin and end at whole words.
        let skip = start % COPY_BUFFER_ALIGNMENT as usize;
        let size = ((skip + count) as u64).next_multiple_of(COPY_BUFFER_ALIGNMENT);
        let way = locked(&context.staging).down.clone();
        let buffer = context.stage(&way, size)?;
        let submission = {
            let mut stream = locked(&context.stream);
            stream.encoder(context).copy_buffer_to_buffer(
                self.buffer(),
                self.start() + (start - skip) as u64,
                &buffer,
                0,
                size,
            );
            stream.submit(context)
        };
        let arrival = Arc::<Mutex<Arrival>>::default();
        let (trouble, come) = (context.trouble.clone(), arrival.clone());
        buffer.map_async(MapMode::Read, ..size, move |result| {
            if let Err(error) = result {
                trouble.note(format!("its memory cannot be read: {error}"));
            }
            has_come(&come);
        });
        Ok(Readback { context: context.clone(), buffer, skip, size, submission, arrival })
    }
}

impl Readback {
    /// Waits for the bytes.
    pub(crate) fn wait(&self) {
        self.context.poll(PollType::Wait { submission_index: self.submission.clone(), timeout: None });
        locked(&self.context.pipelines).save();
    }

    /// Waits for the bytes without keeping the thread: the adapter is asked by another one, which ends with that.
    pub(crate) async fn arrive(&self) {
        poll_fn(|task| {
            let mut arrival = locked(&self.arrival);
            if arrival.has_come {
                return Poll::Ready(());
            }
            arrival.waker = Some(task.waker().clone());
            if !std::mem::replace(&mut arrival.is_watched, true) {
                let (context, come, submission) = (self.context.clone(), self.arrival.clone(), self.submission.clone());
                let watch = move || {
                    context.poll(PollType::Wait { submission_index: submission, timeout: None });
                    // Also where the adapter has nothing more to say.
                    has_come(&come);
                };
                let thread = std::thread::Builder::new().name("ocelli readback".to_owned());
                if let Err(error) = thread.spawn(watch) {
                    self.context.trouble.note(format!("there is no thread that could wait for it: {error}"));
                    return Poll::Ready(());
                }
            }
            Poll::Pending
        })
        .await;
    }

    /// The bytes, which have come.
    ///
    /// # Errors
    /// [`Error::Adapter`] if something that led to them has failed, or the device was lost.
    pub(crate) fn take(self, out: &mut [u8]) -> Result<()> {
        let Readback { context, buffer, skip, size, .. } = self;
        context.check()?;
        match buffer.get_mapped_range(..size) {
            Ok(mapped) => out.copy_from_slice(&mapped[skip..skip + out.len()]),
            Err(error) => {
                context.trouble.note(format!("its memory cannot be read: {error}"));
                return context.check();
            }
        }
        buffer.unmap();
        let way = locked(&context.staging).down.clone();
        locked(&way).give(buffer);
        Ok(())
    }
}

fn has_come(arrival: &Mutex<Arrival>) {
    let waker = {
        let mut arrival = locked(arrival);
        arrival.has_come = true;
        arrival.waker.take()
    };
    if let Some(waker) = waker {
        waker.wake();
    }
}
