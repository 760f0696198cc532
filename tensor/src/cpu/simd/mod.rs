//! One way to write a kernel for every instruction set.
//!
//! A kernel is a struct whose [`Kernel::run`] is generic over [`Simd`], written once with [`Vector`]s; [`dispatch`] compiles it for
//! AVX-512, AVX2 with FMA, NEON and portable code, and runs the best that the processor has. Everything inside `run` must be
//! `#[inline(always)]`, or it would be compiled without those instructions.
//!
//! A vector can only be made with a token of its instruction set, and a token is only given out by [`dispatch`]: so holding a vector
//! proves that its instructions exist, and arithmetic on it is safe.

mod level;
#[cfg(target_arch = "aarch64")]
mod neon;
mod partial;
mod portable;
mod transpose;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use level::{Level, level};
pub(crate) use partial::{get, load, put, store};
pub(crate) use transpose::{Transpose, plain as transpose_plain};

/// An instruction set; a value of it proves that the processor has it.
pub(crate) trait Simd: Copy + Send + Sync + Transpose + 'static {
    type F32: Vector<f32, Token = Self>;
    type F64: Vector<f64, Token = Self>;
    /// Registers for vectors.
    const REGISTERS: usize;
}

/// `LANES` numbers in a register.
///
/// Arithmetic is IEEE 754's. `mul_add` rounds once where the instruction set has it, twice in portable code.
// A vector is complete, whichever of its methods today's kernels call.
#[allow(dead_code)]
pub(crate) trait Vector<T>: Copy {
    type Token: Simd;
    /// What a comparison gives: a bit for each lane.
    type Mask: Copy;
    const LANES: usize;

    fn splat(token: Self::Token, value: T) -> Self;
    fn zero(token: Self::Token) -> Self;
    /// # Safety
    /// `LANES` numbers can be read at `from`.
    unsafe fn load(token: Self::Token, from: *const T) -> Self;
    /// The first `count` numbers, zeros behind.
    ///
    /// # Safety
    /// `count` numbers, at most `LANES`, can be read at `from`.
    unsafe fn load_first(token: Self::Token, from: *const T, count: usize) -> Self;
    /// # Safety
    /// `LANES` numbers can be written at `to`.
    unsafe fn store(self, to: *mut T);
    /// # Safety
    /// `count` numbers, at most `LANES`, can be written at `to`.
    unsafe fn store_first(self, to: *mut T, count: usize);

    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    /// `self · factor + term`.
    fn mul_add(self, factor: Self, term: Self) -> Self;
    /// The larger one; `other` if one is not a number, as the x86 instruction has it.
    fn max(self, other: Self) -> Self;
    /// The smaller one; `other` if one is not a number.
    fn min(self, other: Self) -> Self;
    fn sqrt(self) -> Self;
    fn abs(self) -> Self;
    /// To the nearest whole number, ties to even; for magnitudes below 2²².
    fn round(self) -> Self;
    /// `self · 2ⁿ` for whole `n`, if the result is a normal number.
    fn scale(self, n: Self) -> Self;

    /// The magnitude of `self` with the sign of `other`.
    fn copysign(self, other: Self) -> Self;
    /// `m` in `1..2` and a whole `e` with `self = m · 2ᵉ`, of positive normal numbers.
    fn split(self) -> (Self, Self);

    /// `self < other`, false if one is not a number.
    fn less(self, other: Self) -> Self::Mask;
    /// `self = other`, false if one is not a number.
    fn equal(self, other: Self) -> Self::Mask;
    /// Where the mask is set `yes`, elsewhere `no`.
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;

    /// The sum of the lanes, in a fixed order.
    fn sum(self) -> T;
    /// The largest lane, none being NaN.
    fn largest(self) -> T;
}

/// A number that there are vectors of. `<f32 as Lane>::Of<S>` is the vector of `S`.
pub(crate) trait Lane: crate::element::Number {
    type Of<S: Simd>: Vector<Self, Token = S>;
}

impl Lane for f32 {
    type Of<S: Simd> = S::F32;
}

impl Lane for f64 {
    type Of<S: Simd> = S::F64;
}

/// Work that is compiled for every instruction set. `run` carries `#[inline(always)]`.
pub(crate) trait Kernel {
    type Output;
    fn run<S: Simd>(self, token: S) -> Self::Output;
}

/// Runs the kernel with the best instructions of this processor (see [`level`]).
pub(crate) fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    dispatch_at(level(), kernel)
}

/// Runs the kernel with the instructions of a level that this processor has.
pub(crate) fn dispatch_at<K: Kernel>(level: Level, kernel: K) -> K::Output {
    match level {
        Level::Portable => kernel.run(portable::Portable),
        // SAFETY: a `Level` is only made if the processor has its instructions.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { x86::avx2(kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { x86::avx512(kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        Level::Neon => unsafe { neon::neon(kernel) },
    }
}

/// Asks for data to be brought into the second-level cache, where the processor can be asked.
#[inline(always)]
pub(crate) fn prefetch<T>(data: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for line in data.chunks((64 / size_of::<T>().max(1)).max(1)) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: every x86-64 processor has this instruction, which reads nothing that the program could see.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = data;
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Arithmetic<T>(std::marker::PhantomData<T>);

    impl<T: Lane> Kernel for Arithmetic<T> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            let lanes = T::Of::<S>::LANES;
            let numbers: Vec<T> = (0..lanes).map(|i| T::from_f64(i as f64 * 1.5 - 4.25)).collect();
            let read = |x: T::Of<S>| {
                let mut out = vec![T::ZERO; lanes];
                // SAFETY: `out` has that many elements.
                unsafe { x.store(out.as_mut_ptr()) };
                out.into_iter().map(T::to_f64).collect::<Vec<f64>>()
            };
            // SAFETY: `numbers` has that many elements.
            let x = unsafe { T::Of::<S>::load(s, numbers.as_ptr()) };
            let two = T::Of::<S>::splat(s, T::from_f64(2.0));
            let check = |what: &str, result: T::Of<S>, f: &dyn Fn(f64) -> f64| {
                let expected: Vec<f64> = numbers.iter().map(|x| f(x.to_f64())).collect();
                assert_eq!(read(result), expected, "{what}");
            };
            check("add", x.add(two), &|x| x + 2.0);
            check("sub", x.sub(two), &|x| x - 2.0);
            check("mul", x.mul(two), &|x| x * 2.0);
            check("div", x.div(two), &|x| x / 2.0);
            check("mul_add", x.mul_add(two, x), &|x| x * 2.0 + x);
            check("max", x.max(two), &|x| x.max(2.0));
            check("min", x.min(two), &|x| x.min(2.0));
            check("abs", x.abs(), &f64::abs);
            check("sqrt", x.mul(x).sqrt(), &f64::abs);
            check("round", x.round(), &|x| x.round_ties_even());
            check("scale", x.scale(x.round()), &|x| x * x.round_ties_even().exp2());
            check("select", T::Of::<S>::select(x.less(two), x, two), &|x| if x < 2.0 { x } else { 2.0 });
            check("copysign", two.copysign(x), &|x| 2f64.copysign(x));
            let positive = x.mul(x);
            check("fraction of split", positive.split().0, &|x| x * x / (x * x).log2().floor().exp2());
            check("exponent of split", positive.split().1, &|x| (x * x).log2().floor());
            check("equal", T::Of::<S>::select(x.equal(x), x, two), &|x| x);
            let sum: f64 = numbers.iter().map(|x| x.to_f64()).sum();
            assert_eq!(x.sum().to_f64(), sum);
            assert_eq!(x.largest().to_f64(), (lanes - 1) as f64 * 1.5 - 4.25);
            for count in 0..=lanes {
                // SAFETY: `numbers` has `lanes` elements.
                let part = unsafe { T::Of::<S>::load_first(s, numbers.as_ptr(), count) };
                let expected: Vec<f64> =
                    (0..lanes).map(|i| if i < count { numbers[i].to_f64() } else { 0.0 }).collect();
                assert_eq!(read(part), expected);
                let mut out = vec![T::from_f64(9.0); lanes];
                // SAFETY: `out` has `lanes` elements.
                unsafe { x.store_first(out.as_mut_ptr(), count) };
                for (i, out) in out.iter().enumerate() {
                    assert_eq!(out.to_f64(), if i < count { numbers[i].to_f64() } else { 9.0 });
                }
            }
        }
    }

    #[test]
    fn every_level_of_this_processor() {
        for level in Level::all() {
            dispatch_at(level, Arithmetic::<f32>(std::marker::PhantomData));
            dispatch_at(level, Arithmetic::<f64>(std::marker::PhantomData));
        }
    }
}
