//! Stands for the context where the crate is built without the feature `wgpu`: there are no adapters, so no values of these types.

use std::sync::{Arc, OnceLock};

use super::deferred::{Deferred, Waiting};
use super::index::Known;
use super::{Grid, Program};
use crate::{Adapter, Error, Result};

pub(crate) enum Context {}

pub(crate) enum Memory {}

pub(crate) enum Readback {}

/// Bytes that are brought back at once: any number, as there are none.
pub(crate) const PIECE: usize = 1;

pub(crate) fn adapters() -> Vec<Adapter> {
    Vec::new()
}

#[cfg(not(windows))]
pub(crate) fn finish_all() {}

pub(crate) fn release_idle_memory() {}

impl Context {
    pub(crate) fn of(index: usize) -> Result<Arc<Context>> {
        let message = "expected a build with the feature `wgpu` of ocelli-tensor, received one without".to_owned();
        Err(Error::Adapter { device: crate::Device::Wgpu(index), message })
    }

    pub(crate) fn last(index: usize) -> Result<Arc<Context>> {
        Context::of(index)
    }

    pub(crate) fn bounded(index: usize, _binding: u64) -> Result<Arc<Context>> {
        Context::of(index)
    }

    pub(crate) fn index(&self) -> usize {
        match *self {}
    }

    pub(crate) fn require_own(&self, _memory: &Memory) -> Result<()> {
        match *self {}
    }

    pub(crate) fn has_f16(&self) -> bool {
        match *self {}
    }

    pub(crate) fn has_subgroups(&self) -> bool {
        match *self {}
    }

    pub(crate) fn has_cooperative_matrices(&self) -> bool {
        match *self {}
    }

    pub(crate) fn cooperative(&self) -> &OnceLock<bool> {
        match *self {}
    }

    pub(crate) fn allocate(self: &Arc<Self>, _bytes: usize) -> Result<Memory> {
        match **self {}
    }

    pub(crate) fn upload(self: &Arc<Self>, _bytes: &[u8]) -> Result<Memory> {
        match **self {}
    }

    pub(crate) fn run(
        &self,
        _program: Program<'_>,
        _params: &[u32],
        _writes: &[&Memory],
        _reads: &[&Memory],
        _grid: Grid,
    ) -> Result<()> {
        match *self {}
    }

    pub(crate) fn run_work(
        &self,
        _program: Program<'_>,
        _params: &[u32],
        _writes: &[&Memory],
        _reads: &[&Memory],
        _grid: Grid,
        _flops: usize,
    ) -> Result<()> {
        match *self {}
    }

    pub(crate) fn record(
        &self,
        _program: Program<'_>,
        _params: &[u32],
        _writes: &[&Memory],
        _reads: &[&Memory],
        _grid: Grid,
        _flops: usize,
    ) -> Result<()> {
        match *self {}
    }

    pub(crate) fn waiting(&self) -> &Waiting {
        match *self {}
    }

    pub(crate) fn has_room(&self, _bytes: usize) -> bool {
        match *self {}
    }

    pub(crate) fn defer(self: &Arc<Self>, _bytes: usize, _deferral: Deferred) -> Result<Memory> {
        match **self {}
    }

    pub(crate) fn reserved(&self) -> u64 {
        match *self {}
    }

    pub(crate) fn synchronize(&self) -> Result<()> {
        match *self {}
    }

    pub(crate) fn lose(&self) {
        match *self {}
    }
}

impl Memory {
    pub(crate) fn deferral(&self) -> Option<&Deferred> {
        match *self {}
    }

    pub(crate) fn settle(&self) -> Result<()> {
        match *self {}
    }

    pub(crate) fn known(&self) -> &Known {
        match *self {}
    }

    pub(crate) fn find_buffer(&self) -> Result<bool> {
        match *self {}
    }

    pub(crate) fn fetch_buffer(&self) -> Result<()> {
        match *self {}
    }

    pub(crate) fn bytes(&self) -> usize {
        match *self {}
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        match *self {}
    }

    pub(crate) fn is_visible(&self) -> bool {
        match *self {}
    }

    pub(crate) fn is_too_large(&self) -> Error {
        match *self {}
    }

    pub(crate) fn part(self: &Arc<Self>, _bytes: std::ops::Range<usize>) -> (Arc<Memory>, usize) {
        match **self {}
    }

    pub(crate) fn is_own(memory: &Arc<Self>) -> bool {
        match **memory {}
    }

    pub(crate) fn touches(&self, _other: &Memory) -> bool {
        match *self {}
    }

    pub(crate) fn read_back(&self, _start: usize, _count: usize) -> Result<Readback> {
        match *self {}
    }
}

impl Readback {
    pub(crate) fn wait(&self) {
        match *self {}
    }

    pub(crate) async fn arrive(&self) {
        match *self {}
    }

    pub(crate) fn take(self, _out: &mut [u8]) -> Result<()> {
        match self {}
    }
}
