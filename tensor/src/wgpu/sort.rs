//! Sorting, and the first few in order.
//!
//! Elements become pairs of a key (an unsigned integer of the same order) and their place. Tiles of a row are sorted in shared memory, and
//! the sorted runs merged two by two, each time by one pass over memory. Where only the first `k` are asked for, no run is longer.

use super::elementwise::{Numbers, bytes};
use super::{Grid, Kernel, Memory, Program, Stored};
use crate::{DType, Result, Shape, Tensor};

const KEYS: [&str; 3] = [
    include_str!("shaders/sort_key_f32.wgsl"),
    include_str!("shaders/sort_key_i32.wgsl"),
    include_str!("shaders/sort_key_i64.wgsl"),
];
const PAIRS: &str = include_str!("shaders/sort.wgsl");
const TILES: &str = include_str!("shaders/sort_tiles.wgsl");
const MERGE: &str = include_str!("shaders/sort_merge.wgsl");
/// By [`Numbers`].
static SORT_TILES: [Kernel; 3] = [
    Kernel { name: "sort tiles f32", files: &[KEYS[0], PAIRS, TILES] },
    Kernel { name: "sort tiles i32", files: &[KEYS[1], PAIRS, TILES] },
    Kernel { name: "sort tiles i64", files: &[KEYS[2], PAIRS, TILES] },
];
/// By [`Numbers`].
static MERGES: [Kernel; 3] = [
    Kernel { name: "sort merge f32", files: &[KEYS[0], PAIRS, MERGE] },
    Kernel { name: "sort merge i32", files: &[KEYS[1], PAIRS, MERGE] },
    Kernel { name: "sort merge i64", files: &[KEYS[2], PAIRS, MERGE] },
];
static TAKE: Kernel = Kernel { name: "sort take", files: &[include_str!("shaders/sort_take.wgsl")] };

/// Invocations of a workgroup.
const GROUP: usize = 256;
/// Pairs that a workgroup holds: 12 KiB of those with keys of 64 bits.
const TILE: usize = 1024;
/// Runs whose first few are sorted by tiles once more instead of merged: as many of them as a tile must hold for it to pay.
const RUNS: usize = 4;

/// The first `k` elements in order of each row (along the last axis) of a row-major tensor, and their places (`i64`).
pub(crate) fn first_in_order(x: &Tensor, k: usize, descending: bool) -> Result<(Tensor, Tensor)> {
    let last = x.rank() - 1;
    let n = x.shape()[last];
    let mut shape: Shape = x.shape().clone();
    shape[last] = k;
    let values = Tensor::empty_on_wgpu(x, shape.clone(), x.dtype())?;
    let indices = Tensor::empty_on_wgpu(x, shape, DType::I64)?;
    if values.numel() > 0 {
        let rows = x.numel() / n;
        let mut pairs = Pairs::of_elements(x, rows, k, descending)?;
        while pairs.run < pairs.n {
            pairs = if pairs.run * RUNS <= TILE { pairs.sorted_by_tiles(k)? } else { pairs.merged(k)? };
        }
        let params = [values.numel(), 0, k, pairs.n, n, x.layout().offset].map(|x| x as u32);
        let context = x.memory().context();
        let types = [("A", Stored::of(x.dtype(), context.has_f16())?)];
        let program = Program { kernel: &TAKE, types: &types, sizes: &[("GROUP", GROUP as u32)], constants: &[] };
        let writes: [&Memory; 2] = [values.memory(), indices.memory()];
        context.run(program, &params, &writes, &[x.memory(), &pairs.places], Grid::of(values.numel(), GROUP))?;
    }
    Ok((values, indices))
}

/// Rows of keys and places, in sorted runs.
struct Pairs {
    numbers: Numbers,
    keys: Memory,
    places: Memory,
    rows: usize,
    /// Pairs of a row.
    n: usize,
    /// Pairs of a run; the last of a row may be shorter.
    run: usize,
}

/// What runs of so many pairs become, the first `keep` of each being kept.
struct Cut {
    runs: usize,
    keep: usize,
    /// Pairs of a row that are left.
    kept: usize,
}

impl Cut {
    fn of(n: usize, run: usize, k: usize) -> Cut {
        let (runs, keep) = (n.div_ceil(run), run.min(k));
        Cut { runs, keep, kept: (runs - 1) * keep + keep.min(n - (runs - 1) * run) }
    }
}

impl Pairs {
    fn empty(beside: &Memory, numbers: Numbers, rows: usize, cut: &Cut) -> Result<Pairs> {
        let (context, count) = (beside.context(), rows * cut.kept);
        let keys = context.allocate(bytes(count, key(numbers))?)?;
        let places = context.allocate(bytes(count, Stored::U32)?)?;
        Ok(Pairs { numbers, keys, places, rows, n: cut.kept, run: cut.keep })
    }

    fn of_elements(x: &Tensor, rows: usize, k: usize, descending: bool) -> Result<Pairs> {
        let stored = Stored::of(x.dtype(), x.memory().context().has_f16())?;
        let constants = [("FIRST", 1), ("DESCENDING", u32::from(descending))];
        let of = (x.layout().offset, rows, x.numel() / rows);
        Pairs::tiles(Numbers::of(x.dtype()), [x.memory(), x.memory()], stored, &constants, of, k)
    }

    fn sorted_by_tiles(&self, k: usize) -> Result<Pairs> {
        let (reads, of) = ([&self.keys, &self.places], (0, self.rows, self.n));
        Pairs::tiles(self.numbers, reads, key(self.numbers), &[("FIRST", 0)], of, k)
    }

    fn tiles(
        numbers: Numbers,
        reads: [&Memory; 2],
        stored: Stored,
        constants: &[(&'static str, u32)],
        (offset, rows, n): (usize, usize, usize),
        k: usize,
    ) -> Result<Pairs> {
        let size = n.next_power_of_two().min(TILE);
        let cut = Cut::of(n, size, k);
        let out = Pairs::empty(reads[0], numbers, rows, &cut)?;
        let params = [rows, 0, n, offset, cut.runs, size, cut.keep, cut.kept];
        let groups = (rows * cut.runs).div_ceil(TILE / size);
        out.write(&SORT_TILES[numbers as usize], &[("A", stored)], constants, params, reads, groups)?;
        Ok(out)
    }

    fn merged(&self, k: usize) -> Result<Pairs> {
        let cut = Cut::of(self.n, 2 * self.run, k);
        let out = Pairs::empty(&self.keys, self.numbers, self.rows, &cut)?;
        let tiles = cut.keep.div_ceil(TILE);
        let params = [self.rows, 0, self.n, self.run, cut.runs, tiles, cut.keep, cut.kept];
        let groups = self.rows * cut.runs * tiles;
        out.write(&MERGES[self.numbers as usize], &[], &[], params, [&self.keys, &self.places], groups)?;
        Ok(out)
    }

    /// Runs a kernel that makes these pairs.
    fn write(
        &self,
        kernel: &'static Kernel,
        types: &[(&'static str, Stored)],
        constants: &[(&'static str, u32)],
        params: [usize; 8],
        reads: [&Memory; 2],
        groups: usize,
    ) -> Result<()> {
        let sizes = [("GROUP", GROUP as u32), ("TILE", TILE as u32)];
        let (program, params) = (Program { kernel, types, sizes: &sizes, constants }, params.map(|x| x as u32));
        self.keys.context().run(program, &params, &[&self.keys, &self.places], &reads, Grid::groups(groups))
    }
}

/// How keys are stored.
fn key(numbers: Numbers) -> Stored {
    if numbers == Numbers::I64 { Stored::I64 } else { Stored::U32 }
}
