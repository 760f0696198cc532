//! What makes a compute pipeline: files of WGSL, what their type names stand for, and the values of their constants.

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
}

/// The value of a file's `const NAME: u32 = …u;`: the names stand there alone.
pub(crate) fn code(file: &str, name: &str) -> Option<u32> {
    let name = name.to_ascii_uppercase();
    file.lines().find_map(|line| {
        let (declared, value) = line.strip_prefix("const ")?.split_once(": u32 = ")?;
        (declared == name).then(|| value.trim_end_matches("u;").parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn codes_are_read_from_the_file() {
        let file = "// ADD\nconst ADD: u32 = 0u;\nconst SUB_ALL: u32 = 12u;\n";
        assert_eq!((code(file, "add"), code(file, "sub_all"), code(file, "sub")), (Some(0), Some(12), None));
    }
}
