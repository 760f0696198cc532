//! Elementwise operations. Functions, casts, comparisons and choice become steps of expressions (`expression.rs`); copies have kernels
//! of their own.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use half::{bf16, f16};

use super::expression::{Function, apply, count_of};
use super::fused::numbers_of_cast;
use super::kernel::codes;
use super::{Context, Grid, Kernel, Memory, Program, Stored, windows};
use crate::args::Scalar;
use crate::cpu::walk::Walk;
use crate::layout::Layout;
use crate::{DType, Error, Result, Shape, Tensor};

pub(super) const ROUNDING: &str = include_str!("shaders/rounding.wgsl");
pub(super) const OPERANDS: &str = include_str!("shaders/operands.wgsl");
pub(super) const F32: &str = include_str!("shaders/f32.wgsl");
pub(super) const I32: &str = include_str!("shaders/i32.wgsl");
pub(super) const I64: &str = include_str!("shaders/i64.wgsl");
/// Invocations of a workgroup, as the files say.
const GROUP: usize = 64;
/// Axes that the parameters have room for once neighbours are merged; operands with more are copied slice by slice.
const MOST_AXES: usize = 8;

static COPY: Kernel = Kernel { name: "copy", files: &[OPERANDS, include_str!("shaders/copy.wgsl")] };
static WRITE: Kernel = Kernel { name: "write", files: &[OPERANDS, include_str!("shaders/write.wgsl")] };

/// Which file of numbers a dtype computes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Numbers {
    F32,
    I32,
    I64,
}

/// How a number becomes an element of this dtype: the constant `RESULT`.
pub(super) fn rounding(dtype: DType) -> u32 {
    match dtype {
        DType::BF16 => 1,
        DType::F16 => 2,
        DType::U8 => 3,
        DType::Bool => 4,
        _ => 0,
    }
}

impl Numbers {
    pub(super) fn of(dtype: DType) -> Self {
        match dtype {
            DType::I64 => Numbers::I64,
            DType::I32 | DType::U8 | DType::Bool => Numbers::I32,
            DType::F16 | DType::BF16 | DType::F32 | DType::F64 => Numbers::F32,
        }
    }

    /// A function's number in its file. A name that is missing there is a bug of ours.
    pub(super) fn function(self, name: &'static str) -> u32 {
        // Read once: every operation asks.
        static CODES: LazyLock<[HashMap<String, u32>; 3]> = LazyLock::new(|| [F32, I32, I64].map(codes));
        let code = CODES[self as usize].get(name).copied();
        code.unwrap_or_else(|| unreachable!("{self:?} has no function {name:?}"))
    }

    /// The bits of a number.
    pub(super) fn bits(self, number: Scalar) -> [u32; 2] {
        match self {
            Numbers::F32 => [number.cast::<f32>().to_bits(), 0],
            Numbers::I32 => [number.cast::<i32>() as u32, 0],
            Numbers::I64 => {
                let bits = number.cast::<i64>() as u64;
                [bits as u32, (bits >> 32) as u32]
            }
        }
    }
}

/// A row-major copy, or one in another dense layout of this shape that begins at 0.
pub(crate) fn copy(x: &Tensor, layout: Layout) -> Result<Tensor> {
    let run = Run { kernel: &COPY, result: x.dtype(), rounding: false, parameters: [[0; 2]; 2] };
    run.into_layout(x, layout)
}

/// Writes the elements of `x` to those of `target`, of its shape, of which no two coincide. Nothing that waits may read `target`, unless it
/// is `x`.
pub(crate) fn write(x: &Tensor, target: &Tensor) -> Result<()> {
    if x.numel() == 0 {
        return Ok(());
    }
    let run = Run { kernel: &WRITE, result: x.dtype(), rounding: false, parameters: [[0; 2]; 2] };
    windows::each_window([target, x], &mut |[target, x]| {
        if merged_axes([x.layout(), target.layout()]) > MOST_AXES {
            let sizes = x.shape().iter().enumerate().filter(|(_, size)| **size > 1);
            let (axis, &size) = sizes.min_by_key(|(_, size)| **size).unwrap_or((0, &1));
            return (0..size as isize)
                .try_for_each(|i| write(&x.select(axis as isize, i)?, &target.select(axis as isize, i)?));
        }
        let nowhere = Layout::contiguous(Shape::from(())).broadcast_to(x.shape());
        let places = [x.layout().clone(), target.layout().clone(), nowhere];
        run.record(x.memory().context(), [x], x.layout(), places, target.memory())
    })
}

/// One number everywhere.
pub(crate) fn fill(context: &Arc<Context>, shape: &Shape, number: Scalar, dtype: DType) -> Result<Tensor> {
    // As an element, so that the kernel has nothing to round.
    let bits = match dtype {
        DType::F16 => [number.cast::<f16>().to_f32().to_bits(), 0],
        DType::BF16 => [number.cast::<bf16>().to_f32().to_bits(), 0],
        DType::U8 => [u32::from(number.cast::<u8>()), 0],
        DType::Bool => [u32::from(number.cast::<bool>()), 0],
        _ => Numbers::of(dtype).bits(number),
    };
    apply(context, (Function::Fill(bits), None), &[], Layout::contiguous(shape.clone()), dtype)
}

/// The same numbers as another dtype.
pub(crate) fn cast(x: &Tensor, dtype: DType) -> Result<Tensor> {
    let function = (Function::Cast, numbers_of_cast(x.dtype(), dtype));
    apply(x.memory().context(), function, &[x], x.layout().dense_like(), dtype)
}

/// A function of one number, by its name, with up to two parameters. Half types compute in `f32`.
pub(crate) fn map(x: &Tensor, name: &'static str, parameters: [Scalar; 2]) -> Result<Tensor> {
    map_to(x, name, parameters, x.dtype())
}

/// As [`map`], whose result is of another dtype.
pub(crate) fn map_to(x: &Tensor, name: &'static str, parameters: [Scalar; 2], result: DType) -> Result<Tensor> {
    let numbers = Numbers::of(x.dtype());
    let function = (Function::Map(name, parameters.map(|number| numbers.bits(number))), Some(numbers));
    apply(x.memory().context(), function, &[x], x.layout().dense_like(), result)
}

/// A function of two numbers that compute alike, broadcast to `shape`, with one parameter.
pub(crate) fn zip(
    operands: [&Tensor; 2],
    shape: &Shape,
    name: &'static str,
    parameter: Scalar,
    dtype: DType,
) -> Result<Tensor> {
    let numbers = Numbers::of(dtype);
    let is_of_bools = dtype == DType::Bool;
    let function = (Function::Zip(name, numbers.bits(parameter)), (!is_of_bools).then_some(numbers));
    broadcast(function, &operands, shape, dtype)
}

/// Whether two numbers of one dtype are in a relation, broadcast to `shape`.
pub(crate) fn compare(operands: [&Tensor; 2], shape: &Shape, name: &'static str) -> Result<Tensor> {
    let dtype = operands[0].dtype();
    let is_of_bools = dtype == DType::Bool;
    let function = (Function::Compare(name), (!is_of_bools).then_some(Numbers::of(dtype)));
    broadcast(function, &operands, shape, DType::Bool)
}

/// The first operand where the third (of booleans) is true, the second elsewhere, broadcast to `shape`.
pub(crate) fn choose(operands: [&Tensor; 3], shape: &Shape) -> Result<Tensor> {
    broadcast((Function::Choose, None), &operands, shape, operands[0].dtype())
}

/// Applies a function in the order of memory of the first operand that is dense and of the result's shape.
fn broadcast(
    function: (Function, Option<Numbers>),
    operands: &[&Tensor],
    shape: &Shape,
    dtype: DType,
) -> Result<Tensor> {
    let dense = operands.iter().map(|x| x.layout()).find(|layout| layout.shape == *shape && layout.is_dense());
    let layout = dense.map_or_else(|| Layout::contiguous(shape.clone()), Layout::dense_like);
    apply(operands[0].memory().context(), function, operands, layout, dtype)
}

/// A kernel with what is common to all.
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub(super) kernel: &'static Kernel,
    pub(super) result: DType,
    /// Whether the kernel rounds to the result's dtype.
    pub(super) rounding: bool,
    pub(super) parameters: [[u32; 2]; 2],
}

impl Run {
    fn into_layout(self, x: &Tensor, layout: Layout) -> Result<Tensor> {
        let context = x.memory().context();
        let out = context.allocate(bytes(layout.numel(), Stored::of(self.result, context.has_f16())?)?)?;
        let out = Tensor::on_device(Arc::new(out), layout, self.result);
        if out.numel() > 0 {
            windows::each_window([&out, x], &mut |[out, x]| {
                let is_fit = merged_axes([out.layout(), x.layout()]) <= MOST_AXES;
                if is_fit && out.layout().offset == 0 && out.layout().is_dense() {
                    // Operands that a kernel does not have lie nowhere.
                    let nowhere = || Layout::contiguous(Shape::from(())).broadcast_to(out.shape());
                    let places = [x.layout().clone(), nowhere(), nowhere()];
                    return self.record(context, [x], out.layout(), places, out.memory());
                }
                write(x, out)
            })?;
        }
        Ok(out)
    }

    /// Records the kernel for every element of `layout`, in its order of memory; `places` say where the operands' elements lie.
    pub(super) fn record<const N: usize>(
        &self,
        context: &Arc<Context>,
        operands: [&Tensor; N],
        layout: &Layout,
        places: [Layout; 3],
        out: &Memory,
    ) -> Result<()> {
        let stored = Stored::of(self.result, context.has_f16())?;
        let walk = Walk::along_first([layout, &places[0], &places[1], &places[2]]);
        let (rank, mut params) = (walk.axes().len().max(1), [0u32; 44]);
        if rank > MOST_AXES {
            let message = format!("expected at most {MOST_AXES} axes that do not lie as one block, received {rank}");
            return Err(Error::argument(self.kernel.name, message));
        }
        params[0] = count_of(layout.numel())?;
        params[2..4].copy_from_slice(&self.parameters[0]);
        params[4..6].copy_from_slice(&self.parameters[1]);
        for i in 0..3 {
            params[8 + i] = count_of(walk.start()[1 + i])?;
        }
        for (axis, (size, strides)) in walk.axes().rev().enumerate() {
            params[12 + axis] = size as u32;
            for i in 0..3 {
                params[20 + 8 * i + axis] = strides[1 + i] as i32 as u32;
            }
        }
        let mut types = [("R", stored), ("A", stored), ("B", stored), ("C", stored)];
        for ((_, stored), x) in types[1..].iter_mut().zip(operands) {
            *stored = Stored::of(x.dtype(), context.has_f16())?;
        }
        let rounding = if self.rounding { rounding(self.result) } else { 0 };
        let constants = [("RANK", rank as u32), ("RESULT", rounding)];
        let program = Program { kernel: self.kernel, types: &types, sizes: &[], constants: &constants };
        context.run(program, &params, &[out], &operands.map(Tensor::memory), Grid::of(layout.numel(), GROUP))
    }
}

fn merged_axes(layouts: [&Layout; 2]) -> usize {
    Walk::along_first(layouts).axes().len()
}

/// Bytes of so many elements.
pub(crate) fn bytes(count: usize, stored: Stored) -> Result<usize> {
    count.checked_mul(stored.bytes()).ok_or(Error::OutOfMemory { bytes: usize::MAX })
}
