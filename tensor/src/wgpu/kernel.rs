//! What makes a compute pipeline: files of WGSL, what their type names stand for, and the values of their constants.

use std::collections::HashMap;

use super::Stored;

/// A program of WGSL: files that are joined into one, whose entry point is `main`.
#[derive(Debug)]
pub(crate) struct Kernel {
    /// No other kernel's.
    pub(crate) name: &'static str,
    pub(crate) files: &'static [&'static str],
}

/// A kernel for certain types and constants.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(feature = "wgpu"), expect(dead_code, reason = "the context reads it, where there is one"))]
pub(crate) struct Program<'a> {
    pub(crate) kernel: &'static Kernel,
    /// What names of types that the files leave open stand for.
    pub(crate) types: &'a [(&'static str, Stored)],
    /// Sizes of arrays that the files leave open.
    pub(crate) sizes: &'a [(&'static str, u32)],
    /// The values of `override` constants.
    pub(crate) constants: &'a [(&'static str, u32)],
}

/// Workgroups that keep an adapter busy, of kernels that do little for each number.
pub(super) const GROUPS: usize = 256;

/// Workgroups along an axis that every adapter takes.
const AT_ONCE: usize = 65_535;

/// How many workgroups run.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(feature = "wgpu"), expect(dead_code, reason = "the context reads it, where there is one"))]
pub(crate) enum Grid {
    /// So many, one behind the other, in several rows if one would be too long. The second of the kernel's parameters becomes the
    /// length of a row, a workgroup counting `unit`.
    Rows { groups: usize, unit: usize },
    /// So many along each axis.
    Box([usize; 3]),
}

impl Grid {
    /// One invocation for each of `count`, in workgroups of `group`.
    pub(crate) fn of(count: usize, group: usize) -> Self {
        Grid::Rows { groups: count.div_ceil(group), unit: group }
    }

    /// Workgroups that know themselves by one number.
    pub(crate) fn groups(count: usize) -> Self {
        Grid::Rows { groups: count, unit: 1 }
    }

    /// A box of so many workgroups along each axis in pieces that every adapter takes, each with the numbers of its first workgroup.
    pub(crate) fn pieces(size: [usize; 3]) -> impl Iterator<Item = ([usize; 3], Grid)> {
        let starts = move |axis: usize| (0..size[axis]).step_by(AT_ONCE);
        let firsts = starts(2).flat_map(move |z| starts(1).flat_map(move |y| starts(0).map(move |x| [x, y, z])));
        firsts.map(move |first| (first, Grid::Box(std::array::from_fn(|i| (size[i] - first[i]).min(AT_ONCE)))))
    }
}

/// How a workgroup's invocations share an axis of neighbours: `lanes` of them side by side, `ways` for each, `across` workgroups.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lanes {
    pub(crate) lanes: usize,
    pub(crate) ways: usize,
    pub(crate) across: usize,
}

impl Lanes {
    /// For so many neighbours, in workgroups of `group` invocations: few neighbours are read by few lanes.
    pub(crate) fn of(neighbours: usize, group: usize) -> Self {
        let lanes = neighbours.next_power_of_two().min(64);
        Lanes { lanes, ways: group / lanes, across: neighbours.div_ceil(lanes) }
    }
}

/// The values of a file's lines `const NAME: u32 = …u;`, by their names in lower case: functions and modes are listed there alone.
pub(crate) fn codes(file: &str) -> HashMap<String, u32> {
    let code = |line: &str| {
        let (name, value) = line.strip_prefix("const ")?.split_once(": u32 = ")?;
        Some((name.to_ascii_lowercase(), value.trim_end_matches("u;").parse().ok()?))
    };
    file.lines().filter_map(code).collect()
}

#[cfg(test)]
mod tests {
    use super::{Grid, codes};

    #[test]
    fn pieces_cover_a_box() {
        for size in [[3, 4, 5], [65_535, 1, 1], [65_536, 2, 131_071], [1, 200_000, 65_537]] {
            let mut groups = 0;
            for (first, grid) in Grid::pieces(size) {
                let Grid::Box(piece) = grid else { panic!("expected a box, received {grid:?}") };
                assert!((0..3).all(|i| piece[i] <= 65_535 && first[i] + piece[i] <= size[i] && first[i] % 65_535 == 0));
                groups += piece.iter().product::<usize>();
            }
            assert_eq!(groups, size.iter().product::<usize>());
        }
    }

    #[test]
    fn codes_are_read_from_the_file() {
        let file = "// ADD\nconst ADD: u32 = 0u;\nconst SUB_ALL: u32 = 12u;\n";
        let codes = codes(file);
        assert_eq!((codes.len(), codes["add"], codes["sub_all"]), (2, 0, 12));
    }
}
