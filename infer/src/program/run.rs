//! Running the steps.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use bytemuck::{Pod, Zeroable};
use ocelli_tensor::Tensor;

use super::view::{View, physical, places_and_channels, row_major, three};
use super::{Action, Operand, Packed, Program, Source, Step};
use crate::kernels::copy::{Axis, Copy};
use crate::kernels::{Images, ImagesMut, binary, map, pool, softmax};
use crate::{Error, Result};

/// A cache line, so that the arena begins at one.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([f32; 16]);

/// What one run needs: the arena and the results of operations on tensors.
#[derive(Debug)]
pub(crate) struct Workspace {
    arena: Vec<Line>,
    slots: Vec<Option<Tensor>>,
}

impl Workspace {
    fn new(program: &Program) -> Result<Self> {
        let mut arena = Vec::new();
        let (count, bytes) = (program.arena.div_ceil(16), program.arena.saturating_mul(size_of::<f32>()));
        arena.try_reserve_exact(count).map_err(|_| ocelli_tensor::Error::OutOfMemory { bytes })?;
        arena.resize(count, Line::zeroed());
        Ok(Workspace { arena, slots: vec![None; program.slots] })
    }

    fn arena(&self) -> &[f32] {
        bytemuck::cast_slice(&self.arena)
    }
}

/// The arena without the slice that a step writes.
struct Rest<'a> {
    before: &'a [f32],
    behind: &'a [f32],
    /// Where what is behind begins.
    start: usize,
}

impl Rest<'_> {
    fn get(&self, view: &View) -> &[f32] {
        if view.numel() == 0 {
            &[]
        } else if view.end() <= self.before.len() {
            &self.before[view.start..view.end()]
        } else {
            &self.behind[view.start - self.start..view.end() - self.start]
        }
    }

    fn read<'a>(&'a self, operand: &'a Operand) -> &'a [f32] {
        match operand {
            Operand::Arena(view) => self.get(view),
            Operand::Constant(values, _) => values,
        }
    }

    fn images<'a>(&'a self, operand: &'a Operand, images: usize, size: [usize; 2]) -> Images<'a, f32> {
        let View { channels, stride, .. } = operand.view();
        Images { data: self.read(operand), images, size: three(size), channels, stride }
    }

    /// The places as images of one place each.
    fn rows<'a>(&'a self, operand: &'a Operand) -> Images<'a, f32> {
        self.images(operand, operand.view().places, [1, 1])
    }
}

impl Program {
    /// Runs all steps and hands the workspace to `finish` for the outputs.
    ///
    /// # Errors
    /// If an operation on tensors fails, or memory runs out.
    pub(crate) fn run<R: Send>(
        &self,
        inputs: &[Tensor],
        finish: impl FnOnce(&Workspace) -> Result<R> + Send,
    ) -> Result<R> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let workspace = idle().pop();
        let mut workspace = match workspace {
            Some(workspace) => workspace,
            None => Workspace::new(self)?,
        };
        let steps = self.steps.iter().try_for_each(|step| step.run(inputs, &mut workspace));
        let result = steps.and_then(|()| finish(&workspace));
        workspace.slots.fill(None);
        idle().push(workspace);
        result
    }

    /// The shortest time of each step in so many runs.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub(crate) fn time(&self, inputs: &[Tensor], runs: usize) -> Result<Vec<Duration>> {
        let mut workspace = Workspace::new(self)?;
        let mut best = vec![Duration::MAX; self.steps.len()];
        for _ in 0..runs {
            for (step, best) in self.steps.iter().zip(&mut best) {
                let start = Instant::now();
                step.run(inputs, &mut workspace)?;
                *best = start.elapsed().min(*best);
            }
        }
        Ok(best)
    }

    /// The outputs as tensors.
    ///
    /// # Errors
    /// If memory runs out.
    pub(crate) fn outputs(&self, inputs: &[Tensor], workspace: &Workspace) -> Result<Vec<Tensor>> {
        self.outputs.iter().map(|output| tensor(&output.source, inputs, workspace)).collect()
    }

    /// The elements of each output in logical order, written to slices of the right lengths.
    ///
    /// # Errors
    /// [`Error::OutputLength`], [`Error::OutputDType`].
    pub(crate) fn write_outputs(
        &self,
        inputs: &[Tensor],
        workspace: &Workspace,
        slices: &mut [&mut [f32]],
    ) -> Result<()> {
        for (index, (output, slice)) in self.outputs.iter().zip(slices).enumerate() {
            let expected = output.shape.iter().product();
            if slice.len() != expected {
                let (shape, received) = (output.shape[..].into(), slice.len());
                return Err(Error::OutputLength { output: index, shape, expected, received });
            }
            if expected == 0 {
                continue;
            }
            if let Source::Arena(view, _) = &output.source {
                output.row_major.run(&workspace.arena()[view.start..view.end()], slice);
                continue;
            }
            let tensor = tensor(&output.source, inputs, workspace)?;
            let received = tensor.dtype();
            let tensor = tensor.reshape([expected])?;
            let Some(elements) = tensor.as_slice::<f32>() else {
                return Err(Error::OutputDType { output: index, received });
            };
            slice.copy_from_slice(elements);
        }
        Ok(())
    }
}

/// What a program returns.
#[derive(Debug)]
pub(crate) struct Output {
    pub(super) source: Source,
    shape: Vec<usize>,
    /// From where the value lies in the arena to logical order.
    row_major: Copy,
}

impl Output {
    pub(super) fn new(source: Source, shape: Vec<usize>) -> Self {
        let from = match &source {
            Source::Arena(view, shape) => view.strides(shape),
            _ => row_major(&shape),
        };
        let axes = shape.iter().zip(from).zip(row_major(&shape));
        let axes = axes.map(|((&size, from), to)| Axis { size, from, to: to.unsigned_abs() });
        Output { row_major: Copy::new(axes, 0), source, shape }
    }
}

/// A value as a tensor; of one in the arena, a copy.
fn tensor(source: &Source, inputs: &[Tensor], workspace: &Workspace) -> Result<Tensor> {
    let missing = || ocelli_tensor::Error::argument("run", "expected a value that was computed, received none");
    match source {
        Source::Input(i) => inputs.get(*i).cloned().ok_or_else(|| missing().into()),
        Source::Slot(slot) => workspace.slots[*slot].clone().ok_or_else(|| missing().into()),
        Source::Constant(tensor) => Ok(tensor.clone()),
        Source::Arena(view, shape) => {
            let sizes = physical(shape);
            let (places, channels) = places_and_channels(shape);
            let tensor = if view.numel() == 0 {
                Tensor::from_slice::<f32>(&[], &sizes[..])?
            } else if view.is_dense() {
                Tensor::from_slice(&workspace.arena()[view.start..view.end()], &sizes[..])?
            } else {
                let mut dense = vec![0.0; places * channels];
                let x = &workspace.arena()[view.start..view.end()];
                map::copy_places(x, view.stride, &mut dense, channels, channels);
                Tensor::from_vec(dense, &sizes[..])?
            };
            Ok(if shape.len() == 4 { tensor.permute([0, 3, 1, 2])? } else { tensor })
        }
    }
}

impl Step {
    fn run(&self, inputs: &[Tensor], workspace: &mut Workspace) -> Result<()> {
        match &self.action {
            Action::Call { op, from, slot } => {
                let tensors: Vec<Tensor> =
                    from.iter().map(|source| tensor(source, inputs, workspace)).collect::<Result<_>>()?;
                let tensors: Vec<&Tensor> = tensors.iter().collect();
                workspace.slots[*slot] = Some(op.forward(&tensors)?);
                return Ok(());
            }
            Action::Load { from, row_major } => {
                if self.write.numel() > 0 {
                    let tensor = tensor(from, inputs, workspace)?;
                    let arena: &mut [f32] = bytemuck::cast_slice_mut(&mut workspace.arena);
                    load(&tensor, row_major, &mut arena[self.write.start..self.write.end()])?;
                }
                return Ok(());
            }
            _ => {}
        }
        if self.write.numel() == 0 {
            return Ok(());
        }
        let arena: &mut [f32] = bytemuck::cast_slice_mut(&mut workspace.arena);
        let (before, arena) = arena.split_at_mut(self.write.start);
        let (out, behind) = arena.split_at_mut(self.write.end() - self.write.start);
        let rest = Rest { before, behind, start: self.write.end() };
        self.compute(&rest, out)
    }

    fn compute(&self, rest: &Rest<'_>, out: &mut [f32]) -> Result<()> {
        let View { places, channels, stride, .. } = self.write;
        let read = |i: usize| (rest.read(&self.reads[i]), self.reads[i].view().stride);
        match &self.action {
            Action::Conv { layer, activation, images, input, output } => {
                let Packed::Conv(conv) = &**layer else { return Ok(()) };
                let x = rest.images(&self.reads[0], *images, *input);
                let residual = self.reads.get(1).map(|read| rest.images(read, *images, *output));
                let out = ImagesMut { data: out, images: *images, size: three(*output), channels, stride };
                conv.run(x, out, residual, *activation)?;
            }
            Action::Linear { layer, activation } => {
                let Packed::Linear(linear) = &**layer else { return Ok(()) };
                let residual = self.reads.get(1).map(|read| rest.rows(read));
                let out = ImagesMut { data: out, images: places, size: [1; 3], channels, stride };
                linear.run(rest.rows(&self.reads[0]), out, residual, *activation)?;
            }
            Action::Map(chain) => {
                let in_place = matches!(&self.reads[0], Operand::Arena(view) if *view == self.write);
                map::map(if in_place { None } else { Some(read(0)) }, chain, out, channels, stride);
            }
            Action::Binary(function, shape, chain) => {
                binary::binary(*function, read(0).0, read(1).0, shape, chain, out, stride);
            }
            Action::Pool { max, rows, columns, images, input } => {
                let x = rest.images(&self.reads[0], *images, *input);
                let out = ImagesMut {
                    data: out,
                    images: *images,
                    size: three([rows.len(), columns.len()]),
                    channels,
                    stride,
                };
                if *max { pool::max(x, rows, columns, out) } else { pool::average(x, rows, columns, out) }
            }
            Action::Softmax { log } => {
                let (x, x_stride) = read(0);
                softmax::softmax(x, x_stride, *log, out, channels, stride);
            }
            Action::Copy(copy) => copy.run(read(0).0, out),
            Action::Load { .. } | Action::Call { .. } => {}
        }
        Ok(())
    }
}

/// Copies a tensor to where steps read it, from whatever order it lies in.
fn load(tensor: &Tensor, row_major: &Copy, out: &mut [f32]) -> Result<()> {
    if tensor.rank() == 4
        && let Some(x) = tensor.permute([0, 2, 3, 1])?.as_slice::<f32>()
    {
        out.copy_from_slice(x);
        return Ok(());
    }
    if let Some(x) = tensor.as_slice::<f32>() {
        row_major.run(x, out);
        return Ok(());
    }
    let dense = tensor.reshape([tensor.numel()])?;
    row_major.run(dense.as_slice::<f32>().unwrap_or_default(), out);
    Ok(())
}
