//! Copies between memory orders.

use super::{over_pieces, places_per_task};

/// One axis of a copy: its size, and the elements from one position to the next in source and destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Axis {
    pub(crate) size: usize,
    pub(crate) from: isize,
    pub(crate) to: usize,
}

/// A copy over up to six axes, the slowest of the destination first.
#[derive(Debug, Clone)]
pub(crate) struct Copy {
    axes: Vec<Axis>,
    /// Where the first element stands in the source.
    start: usize,
}

impl Copy {
    /// Axes in any order.
    pub(crate) fn new(axes: impl IntoIterator<Item = Axis>, start: usize) -> Self {
        let mut axes: Vec<Axis> = axes.into_iter().filter(|axis| axis.size != 1).collect();
        axes.sort_by_key(|axis| std::cmp::Reverse(axis.to));
        // Neighbours that lie as one in both are one.
        let mut merged: Vec<Axis> = Vec::with_capacity(axes.len());
        for axis in axes {
            match merged.last_mut() {
                Some(outer) if outer.to == axis.to * axis.size && outer.from == axis.from * axis.size as isize => {
                    *outer = Axis { size: outer.size * axis.size, ..axis };
                }
                _ => merged.push(axis),
            }
        }
        Copy { axes: merged, start }
    }

    /// Number of elements.
    fn work(&self) -> usize {
        self.axes.iter().map(|axis| axis.size).product()
    }

    pub(crate) fn run(&self, x: &[f32], out: &mut [f32]) {
        let Some(first) = self.axes.first() else {
            if let (Some(out), Some(x)) = (out.first_mut(), x.get(self.start)) {
                *out = *x;
            }
            return;
        };
        if self.work() == 0 {
            return;
        }
        let per_task = places_per_task(self.work() / first.size);
        over_pieces(out, per_task * first.to, &|task, out| {
            let done = task * per_task;
            let size = per_task.min(first.size.saturating_sub(done));
            let start = self.start as isize + done as isize * first.from;
            nested(x, start, Axis { size, ..*first }, &self.axes[1..], out);
        });
    }
}

/// The loop over `axis`, and inside it those over the others.
fn nested(x: &[f32], start: isize, axis: Axis, inner: &[Axis], out: &mut [f32]) {
    let at = |i: usize| start + i as isize * axis.from;
    match inner {
        [] if axis.from == 1 && axis.to == 1 => {
            out[..axis.size].copy_from_slice(&x[start as usize..][..axis.size]);
        }
        [] => {
            for i in 0..axis.size {
                out[i * axis.to] = x[at(i) as usize];
            }
        }
        [last] if axis.from == 1 && last.to == 1 => transpose(x, start, axis, *last, out),
        [next, rest @ ..] => {
            for i in 0..axis.size {
                nested(x, at(i), *next, rest, &mut out[i * axis.to..]);
            }
        }
    }
}

/// Two axes, of which one is dense in the source and the other in the destination, by tiles that fit the cache.
fn transpose(x: &[f32], start: isize, rows: Axis, columns: Axis, out: &mut [f32]) {
    const TILE: usize = 16;
    match columns.size {
        3 => return interleave::<3>(x, start, rows, columns, out),
        4 => return interleave::<4>(x, start, rows, columns, out),
        _ => {}
    }
    let mut lines: [&[f32]; TILE] = [&[]; TILE];
    for first in (0..columns.size).step_by(TILE) {
        let width = TILE.min(columns.size - first);
        for (i, line) in lines[..width].iter_mut().enumerate() {
            let at = start + (first + i) as isize * columns.from;
            *line = &x[at as usize..][..rows.size];
        }
        for row in 0..rows.size {
            let out = &mut out[row * rows.to + first..][..width];
            out.iter_mut().zip(&lines).for_each(|(out, line)| *out = line[row]);
        }
    }
}

/// As [`transpose`] for the few columns that pictures have as their channels.
fn interleave<const N: usize>(x: &[f32], start: isize, rows: Axis, columns: Axis, out: &mut [f32]) {
    let line = |i: usize| &x[(start + i as isize * columns.from) as usize..][..rows.size];
    let lines: [&[f32]; N] = std::array::from_fn(line);
    for (row, out) in out.chunks_mut(rows.to).enumerate().take(rows.size) {
        let numbers: [f32; N] = std::array::from_fn(|i| lines[i][row]);
        out[..N].copy_from_slice(&numbers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposes_and_reverses() {
        let x: Vec<f32> = (0..6).map(|v| v as f32).collect();
        let mut out = [0.0; 6];
        Copy::new([Axis { size: 2, from: 3, to: 1 }, Axis { size: 3, from: 1, to: 2 }], 0).run(&x, &mut out);
        assert_eq!(out, [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        Copy::new([Axis { size: 6, from: -1, to: 1 }], 5).run(&x, &mut out);
        assert_eq!(out, [5.0, 4.0, 3.0, 2.0, 1.0, 0.0]);
        Copy::new([Axis { size: 1, from: 7, to: 9 }], 4).run(&x, &mut out);
        assert_eq!(out[0], 4.0);
        Copy::new([Axis { size: 0, from: 1, to: 1 }], 0).run(&x, &mut out);
    }

    #[test]
    fn large_transposes_are_cut_into_tasks() {
        for (rows, columns) in [(300, 333), (3, 70_000), (4, 1000), (1, 999)] {
            large_transpose(rows, columns);
        }
    }

    fn large_transpose(rows: usize, columns: usize) {
        let x: Vec<f32> = (0..rows * columns).map(|v| v as f32).collect();
        let mut out = vec![0.0; rows * columns];
        let axes = [Axis { size: rows, from: columns as isize, to: 1 }, Axis { size: columns, from: 1, to: rows }];
        Copy::new(axes, 0).run(&x, &mut out);
        assert!((0..rows * columns).all(|i| out[i] == x[i % rows * columns + i / rows]));
    }
}
