//! Resizing along one axis: every output is a weighted sum of a few inputs.

use super::parallel::over_chunks;
use super::simd::{Kernel, Simd, dispatch};
use crate::element::Real;
use crate::profile;

/// Which inputs make each output of an axis: `taps` entries for each output.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) taps: usize,
    pub(crate) places: Vec<usize>,
    /// Empty if each output is a copy of one input.
    pub(crate) weights: Vec<f64>,
}

impl Table {
    fn outputs(&self) -> usize {
        self.places.len() / self.taps
    }

    fn weight(&self, tap: usize) -> f64 {
        self.weights.get(tap).copied().unwrap_or(1.0)
    }
}

/// Copies: `out[o, i, :] = x[o, place(i), :]` for `x` of shape `[outer, size, inner]`.
pub(crate) fn copy<W: Copy + Send + Sync>(x: &[W], size: usize, inner: usize, table: &Table, out: &mut [W]) {
    let _span = profile::span("interpolate", 2 * size_of_val(out));
    let outputs = table.outputs();
    if inner == 1 {
        over_chunks(out, outputs, 1, |start, piece| {
            for (i, row) in piece.chunks_mut(outputs).enumerate() {
                let x = &x[(start / outputs + i) * size..][..size];
                for (out, &place) in row.iter_mut().zip(&table.places) {
                    *out = x[place];
                }
            }
        });
        return;
    }
    over_chunks(out, inner, 1, |start, piece| {
        for (i, row) in piece.chunks_mut(inner).enumerate() {
            let i = start / inner + i;
            let from = (i / outputs * size + table.places[i % outputs]) * inner;
            row.copy_from_slice(&x[from..from + inner]);
        }
    });
}

/// `out[o, i, :] = Σₜ weight(i, t) · x[o, place(i, t), :]` for `x` of shape `[outer, size, inner]`.
pub(crate) fn forward<T: Real>(x: &[T], size: usize, inner: usize, table: &Table, out: &mut [T]) {
    let _span = profile::span("interpolate", size_of_val(x) + size_of_val(out));
    Sums::of(table).run(x, size, inner, out);
}

/// The transposed operation of [`forward`]: `dx[o, place(i, t), :] += weight(i, t) · dy[o, i, :]`. Each input gathers from its
/// outputs, in their order.
pub(crate) fn backward<T: Real>(dy: &[T], size: usize, inner: usize, table: &Table, dx: &mut [T]) {
    let _span = profile::span("interpolate backward", size_of_val(dy) + size_of_val(dx));
    if !dx.is_empty() {
        Sums::transposed(table, size).run(dy, table.outputs(), inner, dx);
    }
}

/// Output `i` is the sum of the elements that `taps[starts[i]..starts[i + 1]]` name, times their weights.
pub(crate) struct Sums<T> {
    pub(crate) starts: Vec<usize>,
    pub(crate) taps: Vec<(usize, T)>,
    /// The number of taps of every output, if it is one.
    width: usize,
}

impl<T: Real> Sums<T> {
    /// What makes an axis of the result.
    pub(crate) fn of(table: &Table) -> Self {
        Sums {
            starts: (0..=table.outputs()).map(|i| i * table.taps).collect(),
            taps: table.places.iter().enumerate().map(|(i, &place)| (place, T::r(table.weight(i)))).collect(),
            width: table.taps,
        }
    }

    /// What makes an axis of `size` of the gradient at the input.
    pub(crate) fn transposed(table: &Table, size: usize) -> Self {
        let mut starts = vec![0; size + 1];
        for &place in &table.places {
            starts[place + 1] += 1;
        }
        for i in 0..size {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut taps = vec![(0, T::ZERO); table.places.len()];
        for (i, &place) in table.places.iter().enumerate() {
            taps[next[place]] = (i / table.taps, T::r(table.weight(i)));
            next[place] += 1;
        }
        Sums { starts, taps, width: 0 }
    }

    fn run(&self, x: &[T], size: usize, inner: usize, out: &mut [T]) {
        // Whole rows where the axis is the fastest one, which is cut nowhere else.
        let unit = if inner == 1 { self.starts.len() - 1 } else { inner };
        over_chunks(out, unit, 2, |start, out| {
            dispatch(Piece { sums: self, x, size, inner, first: start / unit.max(1), out })
        });
    }
}

/// A piece of the output from row `first` on.
struct Piece<'a, T> {
    sums: &'a Sums<T>,
    x: &'a [T],
    size: usize,
    inner: usize,
    first: usize,
    out: &'a mut [T],
}

impl<T: Real> Kernel for Piece<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Piece { sums, x, size, inner, first, out } = self;
        let outputs = sums.starts.len() - 1;
        if inner == 1 {
            for (i, row) in out.chunks_exact_mut(outputs).enumerate() {
                let x = &x[(first + i) * size..][..size];
                match sums.width {
                    2 => fixed::<T, 2>(x, &sums.taps, row),
                    4 => fixed::<T, 4>(x, &sums.taps, row),
                    _ => {
                        for (out, bounds) in row.iter_mut().zip(sums.starts.windows(2)) {
                            let taps = sums.taps[bounds[0]..bounds[1]].iter();
                            *out = taps.fold(T::ZERO, |sum, &(place, weight)| sum + weight * x[place]);
                        }
                    }
                }
            }
            return;
        }
        for (i, row) in out.chunks_exact_mut(inner).enumerate() {
            let i = first + i;
            let (outer, output) = (i / outputs, i % outputs);
            let from = |place: usize| &x[(outer * size + place) * inner..][..inner];
            let mut rest = &sums.taps[sums.starts[output]..sums.starts[output + 1]];
            let mut begun = false;
            while let [(a, weight_a), (b, weight_b), others @ ..] = rest {
                let taps = from(*a).iter().zip(from(*b));
                if begun {
                    row.iter_mut().zip(taps).for_each(|(out, (&a, &b))| *out = *out + *weight_a * a + *weight_b * b);
                } else {
                    row.iter_mut().zip(taps).for_each(|(out, (&a, &b))| *out = *weight_a * a + *weight_b * b);
                }
                (rest, begun) = (others, true);
            }
            match (rest, begun) {
                ([(a, weight)], true) => row.iter_mut().zip(from(*a)).for_each(|(out, &a)| *out += *weight * a),
                ([(a, weight)], false) => row.iter_mut().zip(from(*a)).for_each(|(out, &a)| *out = *weight * a),
                (_, true) => {}
                (_, false) => row.fill(T::ZERO),
            }
        }
    }
}

#[inline(always)]
fn fixed<T: Real, const TAPS: usize>(x: &[T], taps: &[(usize, T)], out: &mut [T]) {
    for (out, taps) in out.iter_mut().zip(taps.as_chunks::<TAPS>().0) {
        let mut sum = T::ZERO;
        for &(place, weight) in taps {
            sum += weight * x[place];
        }
        *out = sum;
    }
}
