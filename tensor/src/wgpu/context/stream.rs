//! Kernels and copies in the order in which they were asked for, handed to the adapter many at a time.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use ::wgpu::{BindGroup, Buffer, BufferUsages, CommandEncoder, ComputePass, SubmissionIndex};

use super::pipelines::Pipeline;
use super::timing::Timing;
use super::{Context, Memory};
use crate::Device;
use crate::lock::locked;
use crate::profile::{self, Call};

/// Bytes of parameters that a kernel has.
pub(super) const PARAMS_SIZE: usize = 256;
/// Kernels that are handed over at once: enough to hide what handing over costs, few enough that the adapter begins early.
const KERNELS: usize = 64;
/// Bytes that are copied to the adapter before it is told.
pub(super) const COPIED: u64 = 32 << 20;
/// Bytes that kernels read and write before they are handed over: so much keeps an adapter busy meanwhile.
const TOUCHED: u64 = 256 << 20;
/// Submissions that the adapter has not finished, at most: whoever records more waits for the oldest. So a program that never looks at
/// a result has no more than this queued, nor staged on its way up.
pub(super) const AHEAD: usize = 8;

/// Bind groups that are kept; beyond that all are forgotten.
const BINDINGS: usize = 4096;

/// A layout of bindings, by its place in memory, where it stays, and the buffers, from where on how much of each.
pub(super) type Bound = (usize, SmallVec<[(Buffer, u64, u64); 4]>);

/// What has been recorded and not yet handed over.
pub(super) struct Stream {
    encoder: Option<CommandEncoder>,
    /// Open as long as kernel follows kernel.
    pass: Option<ComputePass<'static>>,
    /// Kernels that were recorded.
    kernels: usize,
    /// Parameters of those kernels that do not get them with the command, and where the adapter will find them: the buffer is written
    /// before the kernels that it belongs to and behind those of the submission before.
    params: Vec<u8>,
    params_buffer: Buffer,
    alignment: usize,
    copied: u64,
    touched: u64,
    /// What was handed over last, the oldest first.
    pub(super) ahead: VecDeque<SubmissionIndex>,
    pub(super) bindings: HashMap<Bound, BindGroup>,
    /// From the first kernel on that is to be timed.
    timing: Option<Timing>,
}

impl Stream {
    pub(super) fn new(device: &::wgpu::Device, limits: &::wgpu::Limits) -> Self {
        let alignment = PARAMS_SIZE.next_multiple_of(limits.min_uniform_buffer_offset_alignment.max(1) as usize);
        let params_buffer = device.create_buffer(&::wgpu::BufferDescriptor {
            label: Some("parameters"),
            size: (KERNELS * alignment) as u64,
            usage: BufferUsages::UNIFORM | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        Stream {
            encoder: None,
            pass: None,
            kernels: 0,
            params: Vec::new(),
            params_buffer,
            alignment,
            copied: 0,
            touched: 0,
            ahead: VecDeque::new(),
            bindings: HashMap::new(),
            timing: None,
        }
    }

    /// Records a kernel. The second of its parameters becomes the number of invocations in a row of workgroups.
    pub(super) fn record<'a>(
        &mut self,
        context: &Context,
        pipeline: &Pipeline,
        params: &[u32],
        memory: impl Iterator<Item = &'a Memory>,
        groups: [u32; 3],
        call: Call,
    ) {
        assert!(size_of_val(params) <= PARAMS_SIZE, "a kernel has at most {PARAMS_SIZE} bytes of parameters");
        if self.kernels == KERNELS {
            self.submit(context);
        }
        self.kernels += 1;
        let offset = self.params.len();
        if pipeline.immediate.is_none() {
            self.params.extend_from_slice(bytemuck::cast_slice(params));
            self.params.resize(offset + self.alignment, 0);
        }
        let bindings = self.bindings(context, pipeline, memory);
        self.touched += call.bytes;
        let is_timed = profile::is_enabled();
        if is_timed {
            profile::expect_end();
        }
        let pass = self.pass(context, is_timed.then_some(call));
        pass.set_pipeline(&pipeline.compute);
        if let Some(bytes) = pipeline.immediate {
            let mut words = [0; PARAMS_SIZE / size_of::<u32>()];
            words[..params.len()].copy_from_slice(params);
            pass.set_bind_group(0, &bindings, &[]);
            pass.set_immediates(0, &bytemuck::cast_slice(&words)[..bytes]);
        } else {
            pass.set_bind_group(0, &bindings, &[offset as u32]);
        }
        pass.dispatch_workgroups(groups[0], groups[1], groups[2]);
        if is_timed {
            self.pass = None;
        }
        if self.touched > TOUCHED {
            self.submit(context);
        }
    }

    /// The open pass, or one of its own for a call that is to be timed.
    fn pass(&mut self, context: &Context, timed: Option<Call>) -> &mut ComputePass<'static> {
        if timed.is_some() {
            self.pass = None;
        }
        let Stream { encoder, pass, timing, .. } = self;
        pass.get_or_insert_with(|| {
            let timestamp_writes = timed.and_then(|call| {
                if timing.is_none() {
                    *timing = Timing::new(&context.device, KERNELS);
                }
                if timing.is_none() {
                    profile::note(Device::Wgpu(context.index), call, Duration::ZERO);
                }
                timing.as_mut().map(|timing| timing.next(call))
            });
            let encoder = opened(encoder, context);
            let descriptor = ::wgpu::ComputePassDescriptor { label: None, timestamp_writes };
            encoder.begin_compute_pass(&descriptor).forget_lifetime()
        })
    }

    /// Made once for the same buffers: a loop has the same kernels on the same memory again and again.
    fn bindings<'a>(
        &mut self,
        context: &Context,
        pipeline: &Pipeline,
        memory: impl Iterator<Item = &'a Memory>,
    ) -> BindGroup {
        let memory: SmallVec<[&Memory; 8]> = memory.collect();
        let operands = memory.iter().map(|memory| (memory.buffer().clone(), memory.start(), memory.seen()));
        let key = (Arc::as_ptr(&pipeline.bindings) as usize, operands.collect());
        if let Some(bindings) = self.bindings.get(&key) {
            return bindings.clone();
        }
        let size = ::wgpu::BufferSize::new(PARAMS_SIZE as u64);
        let params = ::wgpu::BufferBinding { buffer: &self.params_buffer, offset: 0, size };
        let params = pipeline.immediate.is_none().then_some((0, params));
        let operands = memory.iter().enumerate().map(|(i, memory)| (i as u32 + 1, memory.binding()));
        let entry =
            |(binding, buffer)| ::wgpu::BindGroupEntry { binding, resource: ::wgpu::BindingResource::Buffer(buffer) };
        let entries: SmallVec<[::wgpu::BindGroupEntry<'_>; 9]> =
            params.into_iter().chain(operands).map(entry).collect();
        let layout = &pipeline.bindings;
        let descriptor = ::wgpu::BindGroupDescriptor { label: None, layout, entries: &entries };
        let bindings = context.device.create_bind_group(&descriptor);
        if self.bindings.len() >= BINDINGS {
            self.bindings.clear();
        }
        self.bindings.insert(key, bindings.clone());
        bindings
    }

    /// The encoder outside of a pass, for copies.
    pub(super) fn encoder(&mut self, context: &Context) -> &mut CommandEncoder {
        self.pass = None;
        opened(&mut self.encoder, context)
    }

    pub(super) fn copied(&mut self, context: &Context, bytes: u64) {
        self.copied += bytes;
        if self.copied > COPIED {
            self.submit(context);
        }
    }

    /// Hands over what was recorded, and waits if the adapter is too far behind; `None` if nothing was.
    pub(super) fn submit(&mut self, context: &Context) -> Option<SubmissionIndex> {
        self.pass = None;
        let mut encoder = self.encoder.take()?;
        let reading = self.timing.as_mut().and_then(|timing| timing.collect(context, &mut encoder));
        if !self.params.is_empty() {
            context.queue.write_buffer(&self.params_buffer, 0, &self.params);
            self.params.clear();
        }
        (self.kernels, self.copied, self.touched) = (0, 0, 0);
        let submission = context.queue.submit([encoder.finish()]);
        if let Some(reading) = reading {
            reading.count(context);
        }
        locked(&context.staging).submitted();
        self.ahead.push_back(submission.clone());
        let oldest = if self.ahead.len() > AHEAD { self.ahead.pop_front() } else { None };
        // Hears what has finished.
        let poll = match oldest {
            Some(oldest) => ::wgpu::PollType::Wait { submission_index: Some(oldest), timeout: None },
            None => ::wgpu::PollType::Poll,
        };
        context.poll(poll);
        Some(submission)
    }
}

fn opened<'a>(encoder: &'a mut Option<CommandEncoder>, context: &Context) -> &'a mut CommandEncoder {
    let descriptor = ::wgpu::CommandEncoderDescriptor { label: None };
    encoder.get_or_insert_with(|| context.device.create_command_encoder(&descriptor))
}
