//! Channels whose elements lie in runs, as in row-major images: vectors reach across a run, and each kernel works on one channel.

use crate::cpu::simd::{Kernel, Lane, Simd, Vector};
use crate::element::Real;

use super::moments::Moments;

/// The most lanes that a vector has.
const MOST_LANES: usize = 16;
/// Vectors that are summed side by side, so that additions need not wait for each other.
const CHAINS: usize = 4;

/// Runs of `len` elements whose starts lie `stride` apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Runs {
    pub(crate) start: usize,
    pub(crate) count: usize,
    pub(crate) stride: usize,
    pub(crate) len: usize,
}

impl Runs {
    /// `Err` by panic if the runs leave memory of this length: what the kernels' reads and writes rest on.
    fn check(&self, len: usize) {
        let end = if self.count == 0 { 0 } else { self.start + (self.count - 1) * self.stride + self.len };
        assert!(end <= len, "runs end at {end} of {len} elements");
    }

    fn starts(self) -> impl Iterator<Item = usize> {
        (0..self.count).map(move |run| self.start + run * self.stride)
    }

    fn numel(&self) -> usize {
        self.count * self.len
    }
}

/// What turns an element into a normalized one: `(x - centre) · scale + shift`, and then 0 if that is negative and `relu` is set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Affine<T> {
    pub(crate) centre: T,
    pub(crate) scale: T,
    pub(crate) shift: T,
    pub(crate) relu: bool,
}

/// An [`Affine`] in registers.
#[derive(Clone, Copy)]
struct AffineVectors<V> {
    centre: V,
    scale: V,
    shift: V,
    zero: V,
}

impl<T> Affine<T> {
    #[inline(always)]
    fn vectors<S: Simd>(&self, s: S) -> AffineVectors<T::Of<S>>
    where
        T: Lane,
    {
        let splat = |value| T::Of::<S>::splat(s, value);
        AffineVectors {
            centre: splat(self.centre),
            scale: splat(self.scale),
            shift: splat(self.shift),
            zero: T::Of::<S>::zero(s),
        }
    }
}

/// The elements' [`Moments`]. The runs should fit the first-level cache: they are read twice.
pub(crate) struct Measure<'a, T> {
    pub(crate) x: &'a [T],
    pub(crate) runs: Runs,
}

impl<T: Lane + Real> Kernel for Measure<'_, T> {
    type Output = Moments;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Moments {
        measure(s, self.x, self.runs)
    }
}

/// See [`Measure`].
#[inline(always)]
pub(super) fn measure<S: Simd, T: Lane + Real>(s: S, x: &[T], runs: Runs) -> Moments {
    runs.check(x.len());
    let count = runs.numel() as f64;
    if count == 0.0 {
        return Moments::default();
    }
    // SAFETY: the runs lie in `x`, as checked.
    let mean = unsafe { sum::<S, T>(s, x.as_ptr(), runs) }.to_f64() / count;
    // SAFETY: as above.
    let (sum, squares) = unsafe { deviations::<S, T>(s, x.as_ptr(), runs, T::r(mean)) };
    // The mean was rounded to be subtracted; what is left of the deviations' sum says how far off that was.
    let centre = T::r(mean).to_f64();
    let rest = sum.to_f64() / count;
    Moments { count, mean: centre + rest, squares: (squares.to_f64() - rest * rest * count).max(0.0) }
}

/// # Safety
/// The runs lie in the memory behind `x`.
#[inline(always)]
unsafe fn sum<S: Simd, T: Lane>(s: S, x: *const T, runs: Runs) -> T {
    let lanes = T::Of::<S>::LANES;
    let mut sums = [T::Of::<S>::zero(s); CHAINS];
    for start in runs.starts() {
        let mut i = 0;
        // SAFETY: `i` stays within the run, which is the caller's promise.
        unsafe {
            let x = x.add(start);
            while i + CHAINS * lanes <= runs.len {
                for (j, sum) in sums.iter_mut().enumerate() {
                    *sum = sum.add(T::Of::<S>::load(s, x.add(i + j * lanes)));
                }
                i += CHAINS * lanes;
            }
            while i + lanes <= runs.len {
                sums[0] = sums[0].add(T::Of::<S>::load(s, x.add(i)));
                i += lanes;
            }
            if i < runs.len {
                sums[1] = sums[1].add(T::Of::<S>::load_first(s, x.add(i), runs.len - i));
            }
        }
    }
    together(sums).sum()
}

/// The sums of `x - centre` and of its square.
///
/// # Safety
/// The runs lie in the memory behind `x`.
#[inline(always)]
unsafe fn deviations<S: Simd, T: Lane>(s: S, x: *const T, runs: Runs, centre: T) -> (T, T) {
    let lanes = T::Of::<S>::LANES;
    let mut sums = [T::Of::<S>::zero(s); CHAINS];
    let mut squares = sums;
    let centres = [centre; MOST_LANES];
    let centre = T::Of::<S>::splat(s, centre);
    for start in runs.starts() {
        let mut i = 0;
        // SAFETY: `i` stays within the run, which is the caller's promise.
        unsafe {
            let x = x.add(start);
            while i + CHAINS * lanes <= runs.len {
                for j in 0..CHAINS {
                    let apart = T::Of::<S>::load(s, x.add(i + j * lanes)).sub(centre);
                    sums[j] = sums[j].add(apart);
                    squares[j] = apart.mul_add(apart, squares[j]);
                }
                i += CHAINS * lanes;
            }
            while i < runs.len {
                // Lanes without an element have a centre of 0 too.
                let count = lanes.min(runs.len - i);
                let centre = T::Of::<S>::load_first(s, centres.as_ptr(), count);
                let apart = T::Of::<S>::load_first(s, x.add(i), count).sub(centre);
                sums[0] = sums[0].add(apart);
                squares[0] = apart.mul_add(apart, squares[0]);
                i += lanes;
            }
        }
    }
    (together(sums).sum(), together(squares).sum())
}

#[inline(always)]
fn together<T, V: Vector<T>>([a, b, c, d]: [V; CHAINS]) -> V {
    a.add(b).add(c.add(d))
}

/// Writes the normalized elements.
pub(crate) struct Normalize<'a, T> {
    pub(crate) x: &'a [T],
    /// As long as `x`; only the runs are written.
    pub(crate) y: *mut T,
    pub(crate) runs: Runs,
    pub(crate) affine: Affine<T>,
}

impl<T: Lane + Real> Kernel for Normalize<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Normalize { x, y, runs, affine } = self;
        runs.check(x.len());
        let lanes = T::Of::<S>::LANES;
        let vectors = affine.vectors(s);
        let x = x.as_ptr();
        for start in runs.starts() {
            // SAFETY: the runs lie in `x`, as checked, and so in `y`; `i` stays within the run.
            unsafe {
                let (x, y) = (x.add(start), y.add(start));
                let mut i = 0;
                while i + lanes <= runs.len {
                    normalized(T::Of::<S>::load(s, x.add(i)), vectors, affine.relu).store(y.add(i));
                    i += lanes;
                }
                if i < runs.len {
                    let count = runs.len - i;
                    let last = T::Of::<S>::load_first(s, x.add(i), count);
                    normalized(last, vectors, affine.relu).store_first(y.add(i), count);
                }
            }
        }
    }
}

#[inline(always)]
fn normalized<T, V: Vector<T>>(x: V, affine: AffineVectors<V>, relu: bool) -> V {
    let y = x.sub(affine.centre).mul_add(affine.scale, affine.shift);
    // In this order the maximum keeps a NaN.
    if relu { affine.zero.max(y) } else { y }
}

/// The gradient where the result was above 0, which is computed again as [`Normalize`] did, so to the same bits.
#[inline(always)]
fn passed<T, V: Vector<T>>(dy: V, x: V, affine: AffineVectors<V>, relu: bool) -> V {
    if relu { V::select(affine.zero.less(normalized(x, affine, false)), dy, affine.zero) } else { dy }
}

/// The sums of the gradient `dy` and of `dy · (x - centre)`.
pub(crate) struct GradientSums<'a, T> {
    pub(crate) dy: &'a [T],
    pub(crate) x: &'a [T],
    pub(crate) runs: Runs,
    pub(crate) affine: Affine<T>,
}

impl<T: Lane + Real> Kernel for GradientSums<'_, T> {
    type Output = [f64; 2];

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> [f64; 2] {
        let GradientSums { dy, x, runs, affine } = self;
        runs.check(x.len().min(dy.len()));
        let lanes = T::Of::<S>::LANES;
        let vectors = affine.vectors(s);
        let mut sums = [T::Of::<S>::zero(s); CHAINS];
        let mut products = sums;
        for start in runs.starts() {
            let mut i = 0;
            // SAFETY: the runs lie in both slices, as checked; `i` stays within the run.
            unsafe {
                let (dy, x) = (dy.as_ptr().add(start), x.as_ptr().add(start));
                while i + CHAINS * lanes <= runs.len {
                    for j in 0..CHAINS {
                        let x = T::Of::<S>::load(s, x.add(i + j * lanes));
                        let dy = T::Of::<S>::load(s, dy.add(i + j * lanes));
                        let dy = passed(dy, x, vectors, affine.relu);
                        sums[j] = sums[j].add(dy);
                        products[j] = dy.mul_add(x.sub(vectors.centre), products[j]);
                    }
                    i += CHAINS * lanes;
                }
                while i < runs.len {
                    // Lanes without an element have no gradient.
                    let count = lanes.min(runs.len - i);
                    let x = T::Of::<S>::load_first(s, x.add(i), count);
                    let dy = passed(T::Of::<S>::load_first(s, dy.add(i), count), x, vectors, affine.relu);
                    sums[0] = sums[0].add(dy);
                    products[0] = dy.mul_add(x.sub(vectors.centre), products[0]);
                    i += lanes;
                }
            }
        }
        [together(sums).sum().to_f64(), together(products).sum().to_f64()]
    }
}

/// Writes the input's gradient `scale · dy + slope · (x - centre) + offset`.
pub(crate) struct Gradient<'a, T> {
    pub(crate) dy: &'a [T],
    pub(crate) x: &'a [T],
    /// As long as `x`; only the runs are written.
    pub(crate) dx: *mut T,
    pub(crate) runs: Runs,
    pub(crate) affine: Affine<T>,
    pub(crate) slope: T,
    pub(crate) offset: T,
}

impl<T: Lane + Real> Kernel for Gradient<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Gradient { dy, x, dx, runs, affine, slope, offset } = self;
        runs.check(x.len().min(dy.len()));
        let lanes = T::Of::<S>::LANES;
        let vectors = affine.vectors(s);
        let (slope, offset) = (T::Of::<S>::splat(s, slope), T::Of::<S>::splat(s, offset));
        for start in runs.starts() {
            // SAFETY: the runs lie in both slices, as checked, and so in `dx`; `i` stays within the run.
            unsafe {
                let (dy, x, dx) = (dy.as_ptr().add(start), x.as_ptr().add(start), dx.add(start));
                let mut i = 0;
                while i + lanes <= runs.len {
                    let x = T::Of::<S>::load(s, x.add(i));
                    let dy = passed(T::Of::<S>::load(s, dy.add(i)), x, vectors, affine.relu);
                    let rest = x.sub(vectors.centre).mul_add(slope, offset);
                    dy.mul_add(vectors.scale, rest).store(dx.add(i));
                    i += lanes;
                }
                if i < runs.len {
                    let count = runs.len - i;
                    let x = T::Of::<S>::load_first(s, x.add(i), count);
                    let dy = passed(T::Of::<S>::load_first(s, dy.add(i), count), x, vectors, affine.relu);
                    let rest = x.sub(vectors.centre).mul_add(slope, offset);
                    dy.mul_add(vectors.scale, rest).store_first(dx.add(i), count);
                }
            }
        }
    }
}
