//! When kernels began and ended, by the adapter's own clock.

use std::time::Duration;

use ::wgpu::{Buffer, BufferUsages, CommandEncoder, ComputePassTimestampWrites, Features, MapMode, QuerySet};

use super::Context;
use crate::Device;
use crate::profile::{self, Call};

/// Bytes of a timestamp.
const TIMESTAMP: u64 = 8;

/// Room for the kernels of one submission: two timestamps each.
pub(super) struct Timing {
    queries: QuerySet,
    resolved: Buffer,
    calls: Vec<Call>,
}

impl Timing {
    /// None if the adapter has no timestamps.
    pub(super) fn new(device: &::wgpu::Device, kernels: usize) -> Option<Self> {
        if !device.features().contains(Features::TIMESTAMP_QUERY) {
            return None;
        }
        let count = 2 * kernels as u32;
        let descriptor = ::wgpu::QuerySetDescriptor { label: None, ty: ::wgpu::QueryType::Timestamp, count };
        let queries = device.create_query_set(&descriptor);
        let usage = BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC;
        Some(Timing { queries, resolved: buffer(device, u64::from(count) * TIMESTAMP, usage), calls: Vec::new() })
    }

    /// The timestamps of the next kernel's pass.
    pub(super) fn next(&mut self, call: Call) -> ComputePassTimestampWrites<'_> {
        let first = 2 * self.calls.len() as u32;
        self.calls.push(call);
        ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: Some(first),
            end_of_pass_write_index: Some(first + 1),
        }
    }

    /// Records that the timestamps are brought to where they can be read; after the submission, [`Reading::count`] does so.
    pub(super) fn collect(&mut self, context: &Context, encoder: &mut CommandEncoder) -> Option<Reading> {
        let calls = std::mem::take(&mut self.calls);
        let count = 2 * calls.len() as u32;
        if count == 0 {
            return None;
        }
        let bytes = u64::from(count) * TIMESTAMP;
        encoder.resolve_query_set(&self.queries, 0..count, &self.resolved, 0);
        let staging = buffer(&context.device, bytes, BufferUsages::MAP_READ | BufferUsages::COPY_DST);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, &staging, 0, bytes);
        Some(Reading { staging, calls })
    }
}

/// Timestamps on their way.
pub(super) struct Reading {
    staging: Buffer,
    calls: Vec<Call>,
}

impl Reading {
    /// Counts the calls once the adapter has made them.
    pub(super) fn count(self, context: &Context) {
        let nanoseconds = f64::from(context.queue.get_timestamp_period());
        let (device, Reading { staging, calls }) = (Device::Wgpu(context.index), self);
        let source = staging.clone();
        staging.map_async(MapMode::Read, .., move |mapped| {
            if mapped.is_err() {
                return;
            }
            let Ok(bytes) = source.get_mapped_range(..) else { return };
            let stamps: Vec<u64> = bytes.chunks_exact(8).map(bytemuck::pod_read_unaligned).collect();
            for (call, stamps) in calls.into_iter().zip(stamps.chunks_exact(2)) {
                let ticks = stamps[1].saturating_sub(stamps[0]);
                profile::note(device, call, Duration::from_nanos((ticks as f64 * nanoseconds) as u64));
            }
        });
    }
}

fn buffer(device: &::wgpu::Device, size: u64, usage: BufferUsages) -> Buffer {
    device.create_buffer(&::wgpu::BufferDescriptor {
        label: Some("timestamps"),
        size,
        usage,
        mapped_at_creation: false,
    })
}
