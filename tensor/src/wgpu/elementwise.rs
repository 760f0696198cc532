//! Elementwise kernels: copies, casts, functions of one and two numbers, comparisons, choice.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use super::kernel::codes;
use super::{Context, Grid, Kernel, Memory, Program, Stored};
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
/// Axes that the parameters have room for.
const MOST_AXES: usize = 8;

/// The kernel of one file for each file of numbers.
macro_rules! kernels {
    ($($Name:ident $file:literal;)*) => {$(
        static $Name: [Kernel; 3] = [
            Kernel { name: concat!($file, " f32"), files: &[ROUNDING, OPERANDS, F32, include_str!(concat!("shaders/", $file, ".wgsl"))] },
            Kernel { name: concat!($file, " i32"), files: &[ROUNDING, OPERANDS, I32, include_str!(concat!("shaders/", $file, ".wgsl"))] },
            Kernel { name: concat!($file, " i64"), files: &[ROUNDING, OPERANDS, I64, include_str!(concat!("shaders/", $file, ".wgsl"))] },
        ];
    )*};
}

kernels! {
    FILL "fill";
    MAP "map";
    ZIP "zip";
    COMPARE "compare";
    TO_F32 "to_f32";
    TO_I32 "to_i32";
    TO_I64 "to_i64";
    TO_U8 "to_u8";
    TO_BOOL "to_bool";
}
static COPY: Kernel = Kernel { name: "copy", files: &[OPERANDS, include_str!("shaders/copy.wgsl")] };
static WRITE: Kernel = Kernel { name: "write", files: &[OPERANDS, include_str!("shaders/write.wgsl")] };
static CHOOSE: Kernel = Kernel { name: "choose", files: &[OPERANDS, include_str!("shaders/choose.wgsl")] };

/// Which file of numbers a dtype computes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    let run = Run { kernel: &COPY, function: None, result: x.dtype(), rounding: false, parameters: [[0; 2]; 2] };
    run.into_layout([x], layout)
}

/// Writes the elements of `x` to the places of `out` that `target`, of its shape, names; no two of them coincide.
pub(crate) fn write(x: &Tensor, out: &Memory, target: &Layout) -> Result<()> {
    if x.numel() == 0 {
        return Ok(());
    }
    let run = Run { kernel: &WRITE, function: None, result: x.dtype(), rounding: false, parameters: [[0; 2]; 2] };
    let nowhere = Layout::contiguous(Shape::from(())).broadcast_to(x.shape());
    run.record(x.memory().context(), [x], x.layout(), [x.layout().clone(), target.clone(), nowhere], out)
}

/// One number everywhere.
pub(crate) fn fill(context: &Arc<Context>, shape: &Shape, number: Scalar, dtype: DType) -> Result<Tensor> {
    let numbers = Numbers::of(dtype);
    let kernel = &FILL[numbers as usize];
    let parameters = [numbers.bits(number), [0; 2]];
    let run = Run { kernel, function: None, result: dtype, rounding: true, parameters };
    run.on(context, [], Layout::contiguous(shape.clone()))
}

/// The same numbers as another dtype.
pub(crate) fn cast(x: &Tensor, dtype: DType) -> Result<Tensor> {
    let kernels = match dtype {
        DType::F32 | DType::F16 | DType::BF16 | DType::F64 => &TO_F32,
        DType::I32 => &TO_I32,
        DType::I64 => &TO_I64,
        DType::U8 => &TO_U8,
        DType::Bool => &TO_BOOL,
    };
    let kernel = &kernels[Numbers::of(x.dtype()) as usize];
    let run = Run { kernel, function: None, result: dtype, rounding: true, parameters: [[0; 2]; 2] };
    run.into_layout([x], x.layout().dense_like())
}

/// A function of one number, by its name, with up to two parameters. Half types compute in `f32`.
pub(crate) fn map(x: &Tensor, name: &'static str, parameters: [Scalar; 2]) -> Result<Tensor> {
    map_to(x, name, parameters, x.dtype())
}

/// As [`map`], whose result is of another dtype.
pub(crate) fn map_to(x: &Tensor, name: &'static str, parameters: [Scalar; 2], result: DType) -> Result<Tensor> {
    let numbers = Numbers::of(x.dtype());
    let run = Run {
        kernel: &MAP[numbers as usize],
        function: Some(numbers.function(name)),
        result,
        rounding: true,
        parameters: parameters.map(|number| numbers.bits(number)),
    };
    run.into_layout([x], x.layout().dense_like())
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
    let run = Run {
        kernel: &ZIP[numbers as usize],
        function: Some(numbers.function(name)),
        result: dtype,
        rounding: true,
        parameters: [numbers.bits(parameter), [0; 2]],
    };
    run.broadcast(operands, shape)
}

/// Whether two numbers of one dtype are in a relation, broadcast to `shape`.
pub(crate) fn compare(operands: [&Tensor; 2], shape: &Shape, name: &'static str) -> Result<Tensor> {
    let numbers = Numbers::of(operands[0].dtype());
    let run = Run {
        kernel: &COMPARE[numbers as usize],
        function: Some(numbers.function(name)),
        result: DType::Bool,
        rounding: false,
        parameters: [[0; 2]; 2],
    };
    run.broadcast(operands, shape)
}

/// The first operand where the third (of booleans) is true, the second elsewhere, broadcast to `shape`.
pub(crate) fn choose(operands: [&Tensor; 3], shape: &Shape) -> Result<Tensor> {
    let result = operands[0].dtype();
    Run { kernel: &CHOOSE, function: None, result, rounding: false, parameters: [[0; 2]; 2] }.broadcast(operands, shape)
}

/// A kernel with what is common to all.
pub(super) struct Run {
    pub(super) kernel: &'static Kernel,
    pub(super) function: Option<u32>,
    pub(super) result: DType,
    /// Whether the kernel rounds to the result's dtype.
    pub(super) rounding: bool,
    pub(super) parameters: [[u32; 2]; 2],
}

impl Run {
    fn broadcast<const N: usize>(self, operands: [&Tensor; N], shape: &Shape) -> Result<Tensor> {
        let dense = operands.iter().map(|x| x.layout()).find(|layout| layout.shape == *shape && layout.is_dense());
        let layout = dense.map_or_else(|| Layout::contiguous(shape.clone()), Layout::dense_like);
        self.into_layout(operands, layout)
    }

    fn into_layout<const N: usize>(self, operands: [&Tensor; N], layout: Layout) -> Result<Tensor> {
        self.on(operands[0].memory().context(), operands, layout)
    }

    fn on<const N: usize>(self, context: &Arc<Context>, operands: [&Tensor; N], layout: Layout) -> Result<Tensor> {
        let stored = Stored::of(self.result, context.has_f16())?;
        let count = layout.numel();
        let out = context.allocate(bytes(count, stored)?)?;
        if count > 0 {
            // Operands that a kernel does not have lie nowhere.
            let places = std::array::from_fn(|i| match operands.get(i) {
                Some(x) => x.layout().broadcast_to(&layout.shape),
                None => Layout::contiguous(Shape::from(())).broadcast_to(&layout.shape),
            });
            self.record(context, operands, &layout, places, &out)?;
        }
        Ok(Tensor::on_device(Arc::new(out), layout, self.result))
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
        let mut constants = vec![("RANK", rank as u32), ("RESULT", rounding)];
        constants.extend(self.function.map(|function| ("FUNCTION", function)));
        let program = Program { kernel: self.kernel, types: &types, sizes: &[], constants: &constants };
        context.run(program, &params, &[out], &operands.map(Tensor::memory), Grid::of(layout.numel(), GROUP))
    }
}

/// Bytes of so many elements.
pub(crate) fn bytes(count: usize, stored: Stored) -> Result<usize> {
    count.checked_mul(stored.bytes()).ok_or(Error::OutOfMemory { bytes: usize::MAX })
}

/// Kernels count in 32 bits, and with signs.
fn count_of(count: usize) -> Result<u32> {
    let fits = u32::try_from(count).ok().filter(|&count| count <= i32::MAX as u32);
    fits.ok_or_else(|| Error::argument("kernel", format!("expected at most {} elements, received {count}", i32::MAX)))
}
