//! Running sums and products.
//!
//! An axis is cut into parts if its columns alone would not keep an adapter busy: one kernel finds what each part comes to, the other what
//! runs within each. So an element is read twice and written once.

use super::elementwise::{I64, Numbers, ROUNDING, bytes};
use super::kernel::{GROUPS, Lanes};
use super::{Grid, Kernel, Memory, Program, Stored};
use crate::cpu::reduce::Block;
use crate::{DType, Result, Tensor};

const SUM: &str = include_str!("shaders/scan_sum.wgsl");
const PRODUCT: &str = include_str!("shaders/scan_product.wgsl");
const INTEGERS: &str = include_str!("shaders/scan_i64.wgsl");
const PARTS: &str = include_str!("shaders/scan_parts.wgsl");
const TOTAL: &str = include_str!("shaders/scan_totals.wgsl");
const SCAN: &str = include_str!("shaders/scan.wgsl");

/// What runs: for each kind its kernels, by their order here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sum,
    Product,
    Integers,
}

static TOTALS: [Kernel; 3] = [
    Kernel { name: "scan totals sum", files: &[SUM, PARTS, TOTAL] },
    Kernel { name: "scan totals product", files: &[PRODUCT, PARTS, TOTAL] },
    Kernel { name: "scan totals i64", files: &[ROUNDING, I64, INTEGERS, PARTS, TOTAL] },
];
static SCANS: [Kernel; 3] = [
    Kernel { name: "scan sum", files: &[SUM, PARTS, SCAN] },
    Kernel { name: "scan product", files: &[PRODUCT, PARTS, SCAN] },
    Kernel { name: "scan i64", files: &[ROUNDING, I64, INTEGERS, PARTS, SCAN] },
];

/// Invocations of a workgroup.
const GROUP: usize = 256;
/// Neighbours along the axis that an invocation joins in a round.
const STEP: usize = 4;
/// Rounds of a workgroup at least, so that a second kernel pays, and at most: each has some 20 rounds of loops, of which adapters allow
/// 65,535.
const ROUNDS: std::ops::RangeInclusive<usize> = 4..=1024;

/// The running sum or product along the middle axis of a row-major tensor (of `f32` or `i64`) that is seen as a block.
pub(crate) fn scan(x: &Tensor, Block { outer, n, inner }: Block, product: bool) -> Result<Tensor> {
    let out = Tensor::empty_on_wgpu(x, x.shape(), x.dtype())?;
    if out.numel() == 0 {
        return Ok(out);
    }
    let kind = match (x.dtype(), product) {
        (DType::I64, _) => Kind::Integers,
        (_, true) => Kind::Product,
        (_, false) => Kind::Sum,
    };
    let context = x.memory().context();
    let Lanes { lanes, ways, across } = Lanes::of(inner, GROUP);
    let round = ways * STEP;
    let rounds = n.div_ceil(GROUPS.div_ceil(outer * across)).div_ceil(round);
    let part = rounds.clamp(*ROUNDS.start(), *ROUNDS.end()).min(n.div_ceil(round)) * round;
    let parts = n.div_ceil(part);
    let groups = outer * parts * across;
    let params = [n, 0, inner, x.layout().offset, part, parts, across, groups].map(|x| x as u32);
    let stored = Stored::of(x.dtype(), context.has_f16())?;
    let types = [("R", stored), ("A", stored)];
    let sizes = [("LANES", lanes as u32), ("WAYS", ways as u32), ("STEP", STEP as u32)];
    let fold = [("FOLD", Numbers::I64.function(if product { "mul" } else { "add" }))];
    let constants = if kind == Kind::Integers { &fold[..] } else { &[] };
    let run = |kernel, write: &Memory, reads: &[&Memory]| {
        let program = Program { kernel, types: &types, sizes: &sizes, constants };
        context.run(program, &params, &[write], reads, Grid::groups(groups))
    };
    let mut totals = None;
    if parts > 1 {
        let running = if kind == Kind::Sum { Stored::F32 } else { Stored::I64 };
        let memory = totals.insert(context.allocate(bytes(outer * parts * inner, running)?)?);
        run(&TOTALS[kind as usize], memory, &[x.memory()])?;
    }
    run(&SCANS[kind as usize], out.memory(), &[x.memory(), totals.as_ref().unwrap_or(x.memory())])?;
    Ok(out)
}
