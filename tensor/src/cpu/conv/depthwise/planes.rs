//! Row-major images: a plane is what one channel of one image has of places or windows, and vectors lie along its rows.
//!
//! A band of a plane's rows is written down with the zeros around it (see [`Row`]) and stays in the first cache while all taps
//! read it, so each plane comes from memory once. The gradient with respect to the input is the same correlation: of `dy` with
//! `stride - 1` zeros between its places, by the weight with its taps reversed.

use crate::cpu::conv::Geometry;
use crate::cpu::conv::rows::Row;
use crate::cpu::simd::{Kernel, Lane, Simd, Vector};

/// Bytes of a band: with what is read and written beside it, it fits the first cache.
const BAND: usize = 20 * 1024;
/// Rows of the result that are summed at once.
const ROWS: usize = 4;
/// Lanes of the widest vector.
pub(super) const WIDEST: usize = 16;

/// Which planes are summed into which, and how.
pub(super) struct Plan {
    /// The gradient's geometry is turned round: what it reads is `dy`.
    geometry: Geometry,
    /// Distance of the source's places, where zeros stand between them.
    spread: [usize; 3],
    reversed: bool,
    /// Planes of the source that belong to planes of the result: one of both is 1.
    sources: usize,
    results: usize,
}

impl Plan {
    pub(super) fn forward(geometry: &Geometry) -> Self {
        Plan { geometry: *geometry, spread: [1; 3], reversed: false, sources: 1, results: geometry.filters }
    }

    /// The gradient with respect to the input.
    pub(super) fn input(geometry: &Geometry) -> Self {
        let before = std::array::from_fn(|axis| {
            let span = geometry.dilation[axis] * (geometry.kernel[axis] - 1);
            span as isize - geometry.before[axis]
        });
        let turned = Geometry { input: geometry.output, output: geometry.input, stride: [1; 3], before, ..*geometry };
        Plan { geometry: turned, spread: geometry.stride, reversed: true, sources: geometry.filters, results: 1 }
    }

    /// Elements of a plane of the result.
    pub(super) fn windows(&self) -> usize {
        self.geometry.windows()
    }

    /// A padded row, with room for vectors of any instruction set.
    fn row(&self) -> Row {
        let row = Row::new(&self.geometry, self.geometry.output[2].next_multiple_of(WIDEST));
        Row { spread: self.spread[2], ..row }
    }

    /// Padded rows that so many rows of the result read, which is a multiple of [`ROWS`].
    fn rows_read(&self, rows: usize) -> usize {
        let geometry = &self.geometry;
        (rows - 1) * geometry.stride[1] + (geometry.kernel[1] - 1) * geometry.dilation[1] + 1
    }

    /// Rows of the result that a band serves.
    fn band<T>(&self) -> usize {
        let read = BAND / (self.row().len() * size_of::<T>()).max(1);
        let extra = self.rows_read(ROWS) - 1;
        let rows = read.saturating_sub(extra) / self.geometry.stride[1] / ROWS * ROWS + ROWS;
        rows.min(self.geometry.output[1].next_multiple_of(ROWS))
    }

    /// Elements of the memory for a band.
    pub(super) fn scratch<T>(&self) -> usize {
        self.rows_read(self.band::<T>().max(1)).saturating_mul(self.row().len())
    }

    /// The place of the source that stands at a padded one, if one does.
    #[inline(always)]
    fn place(&self, axis: usize, padded: usize) -> Option<usize> {
        let place = usize::try_from(padded as isize - self.geometry.before[axis]).ok()?;
        let (place, between) = (place / self.spread[axis], place % self.spread[axis]);
        (between == 0 && place < self.geometry.input[axis]).then_some(place)
    }
}

/// Planes of the result, which follow each other from `first`.
pub(super) struct Sum<'a, T> {
    pub(super) plan: &'a Plan,
    pub(super) source: &'a [T],
    pub(super) weight: &'a [T],
    pub(super) bias: Option<&'a [T]>,
    pub(super) first: usize,
    pub(super) out: &'a mut [T],
    pub(super) scratch: &'a mut [T],
}

impl<T: Lane> Kernel for Sum<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Sum { plan, source, weight, bias, first, out, scratch } = self;
        let geometry = &plan.geometry;
        let (places, windows, taps) = (geometry.places(), geometry.windows(), geometry.taps());
        let [kernel_deep, kernel_high, kernel_wide] = geometry.kernel;
        let [deep, high, wide] = geometry.output;
        let (row, band) = (plan.row(), plan.band::<T>());
        let length = row.len();
        for (i, out) in out.chunks_exact_mut(windows).enumerate() {
            let plane = first + i;
            let first_filter = plane % (geometry.groups * plan.results) * plan.sources;
            let bias = bias.map_or(T::ZERO, |bias| bias[first_filter]);
            for (x, top) in (0..deep).flat_map(|x| (0..high).step_by(band).map(move |top| (x, top))) {
                let rows = band.min(high - top);
                let count = plan.rows_read(rows.next_multiple_of(ROWS));
                let from = (x * high + top) * wide;
                let out = &mut out[from..from + rows * wide];
                let mut add = false;
                for source_of in 0..plan.sources {
                    let plane = plane / plan.results * plan.sources + source_of;
                    let source = &source[plane * places..(plane + 1) * places];
                    let filter = first_filter + source_of;
                    let weight = &weight[filter * taps..(filter + 1) * taps];
                    for tap in 0..kernel_deep {
                        let padded = x * geometry.stride[0] + tap * geometry.dilation[0];
                        let Some(depth) = plan.place(0, padded) else { continue };
                        for (r, padded) in scratch[..count * length].chunks_exact_mut(length).enumerate() {
                            match plan.place(1, top * geometry.stride[1] + r) {
                                None => padded.fill(T::ZERO),
                                Some(y) => {
                                    let start = (depth * geometry.input[1] + y) * geometry.input[2];
                                    row.fill(source, start as isize, 1, padded);
                                }
                            }
                        }
                        let area = kernel_high * kernel_wide;
                        let start = if plan.reversed { taps - 1 - tap * area } else { tap * area };
                        let band = Band {
                            rows: &*scratch,
                            row,
                            step: [geometry.stride[1], geometry.dilation[1]],
                            kernel: [kernel_high, kernel_wide],
                            weight,
                            start: start as isize,
                            direction: if plan.reversed { -1 } else { 1 },
                            wide,
                            bias: (!add).then_some(bias),
                        };
                        band.sum(s, out);
                        add = true;
                    }
                }
                if !add {
                    out.fill(bias);
                }
            }
        }
    }
}

/// One band of one plane's rows and the taps that read them.
struct Band<'a, T> {
    rows: &'a [T],
    row: Row,
    /// Padded rows between windows and between taps.
    step: [usize; 2],
    kernel: [usize; 2],
    weight: &'a [T],
    /// The first tap's weight; the next ones lie in this direction.
    start: isize,
    direction: isize,
    /// Windows of a row of the result.
    wide: usize,
    /// What sums begin with; none adds to what the result holds.
    bias: Option<T>,
}

impl<T: Lane> Band<'_, T> {
    #[inline(always)]
    fn sum<S: Simd>(&self, s: S, out: &mut [T]) {
        match (self.kernel, self.step) {
            ([3, 3], [1, 1]) => self.fixed::<S, 3, 1>(s, out),
            ([3, 3], [2, 1]) => self.fixed::<S, 3, 2>(s, out),
            ([5, 5], [1, 1]) => self.fixed::<S, 5, 1>(s, out),
            ([5, 5], [2, 1]) => self.fixed::<S, 5, 2>(s, out),
            ([7, 7], [1, 1]) => self.fixed::<S, 7, 1>(s, out),
            ([7, 7], [2, 1]) => self.fixed::<S, 7, 2>(s, out),
            _ => self.any(s, out),
        }
    }

    #[inline(always)]
    fn weight(&self, tap: usize) -> T {
        self.weight[(self.start + tap as isize * self.direction) as usize]
    }

    /// The sums so far of [`ROWS`] rows, of which `rows` exist, from a column on.
    ///
    /// # Safety
    /// `out` leads to `count` elements in each of the rows.
    #[inline(always)]
    unsafe fn begin<S: Simd>(&self, s: S, out: *const T, rows: usize, count: usize) -> [T::Of<S>; ROWS] {
        let mut sums = [T::Of::<S>::splat(s, self.bias.unwrap_or(T::ZERO)); ROWS];
        if self.bias.is_none() {
            for (r, sum) in sums.iter_mut().enumerate() {
                if r < rows {
                    // SAFETY: the caller's promise.
                    *sum = unsafe { T::Of::<S>::load_first(s, out.add(r * self.wide), count) };
                }
            }
        }
        sums
    }

    /// # Safety
    /// As for [`Band::begin`].
    #[inline(always)]
    unsafe fn end<S: Simd>(&self, sums: [T::Of<S>; ROWS], out: *mut T, rows: usize, count: usize) {
        for (r, sum) in sums.into_iter().enumerate() {
            if r < rows {
                // SAFETY: the caller's promise.
                unsafe {
                    match count == T::Of::<S>::LANES {
                        true => sum.store(out.add(r * self.wide)),
                        false => sum.store_first(out.add(r * self.wide), count),
                    }
                }
            }
        }
    }

    /// A square kernel of known size: a column of taps at a time, so that each load serves several rows of the result.
    #[inline(always)]
    fn fixed<S: Simd, const K: usize, const STRIDE: usize>(&self, s: S, out: &mut [T]) {
        let (length, wide) = (self.row.len(), self.wide);
        let mut weights = [T::Of::<S>::zero(s); 49];
        let mut offsets = [0; 7];
        for column in 0..K {
            offsets[column] = self.row.offset(column);
            for row in 0..K {
                weights[column * K + row] = T::Of::<S>::splat(s, self.weight(row * K + column));
            }
        }
        for top in (0..out.len() / wide).step_by(ROWS) {
            let rows = (out.len() / wide - top).min(ROWS);
            let read = (ROWS - 1) * STRIDE + K;
            debug_assert!(self.rows.len() >= (top * STRIDE + read) * length);
            let source = self.rows[top * STRIDE * length..].as_ptr();
            let out = out[top * wide..].as_mut_ptr();
            for left in (0..wide).step_by(T::Of::<S>::LANES) {
                let count = (wide - left).min(T::Of::<S>::LANES);
                // SAFETY: `rows` rows of `wide` elements follow in `out`.
                let mut sums = unsafe { self.begin(s, out.add(left), rows, count) };
                for column in 0..K {
                    let mut x = [T::Of::<S>::zero(s); 13];
                    for (r, x) in x[..read].iter_mut().enumerate() {
                        // SAFETY: a padded row has room for a vector behind each tap's offset, and the band has these rows.
                        *x = unsafe { T::Of::<S>::load(s, source.add(r * length + offsets[column] + left)) };
                    }
                    for row in 0..K {
                        let weight = weights[column * K + row];
                        for r in 0..ROWS {
                            sums[r] = x[r * STRIDE + row].mul_add(weight, sums[r]);
                        }
                    }
                }
                // SAFETY: as above.
                unsafe { self.end::<S>(sums, out.add(left), rows, count) };
            }
        }
    }

    /// Any kernel, stride and dilation.
    #[inline(always)]
    fn any<S: Simd>(&self, s: S, out: &mut [T]) {
        let (length, wide) = (self.row.len(), self.wide);
        for top in (0..out.len() / wide).step_by(ROWS) {
            let rows = (out.len() / wide - top).min(ROWS);
            let out = out[top * wide..].as_mut_ptr();
            for left in (0..wide).step_by(T::Of::<S>::LANES) {
                let count = (wide - left).min(T::Of::<S>::LANES);
                // SAFETY: `rows` rows of `wide` elements follow in `out`.
                let mut sums = unsafe { self.begin(s, out.add(left), rows, count) };
                for row in 0..self.kernel[0] {
                    let first = (top * self.step[0] + row * self.step[1]) * length;
                    debug_assert!(self.rows.len() >= first + ((ROWS - 1) * self.step[0] + 1) * length);
                    for column in 0..self.kernel[1] {
                        let weight = T::Of::<S>::splat(s, self.weight(row * self.kernel[1] + column));
                        let from = first + self.row.offset(column) + left;
                        for (r, sum) in sums.iter_mut().enumerate() {
                            // SAFETY: a padded row has room for a vector behind each tap's offset, and the band has these rows.
                            let x = unsafe {
                                T::Of::<S>::load(s, self.rows.as_ptr().add(from + r * self.step[0] * length))
                            };
                            *sum = x.mul_add(weight, *sum);
                        }
                    }
                }
                // SAFETY: as above.
                unsafe { self.end::<S>(sums, out.add(left), rows, count) };
            }
        }
    }
}
