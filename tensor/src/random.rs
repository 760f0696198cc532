//! Seeded random numbers that are the same on every device and for any number of threads.
//!
//! The source is Philox4x32-10 (J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a function from a
//! counter and a key to four random words. The key is the seed; a tensor of `n` numbers takes the next `⌈n/4⌉` counters, so every
//! element can be computed without its neighbours.

use std::convert::Infallible;

use crate::cpu::parallel::over_chunks;
use crate::wgpu::random::Draw;
use crate::{DType, Device, Element, Error, Result, Shape, Tensor, wgpu};

/// A stream of random numbers, given by a seed and a position. Cloning it gives a second stream that repeats the same numbers.
///
/// It also implements [`rand::Rng`], so the distributions of `rand` and `rand_distr` can draw from it.
///
/// ```
/// use ocelli_tensor::{DType, Generator, Tensor};
/// # fn main() -> ocelli_tensor::Result<()> {
/// let mut generator = Generator::new(42);
/// let a = Tensor::randn([2, 3], DType::F32, &mut generator)?;
/// let b = Tensor::randn([2, 3], DType::F32, &mut Generator::new(42))?;
/// assert_eq!(a.to_vec::<f32>()?, b.to_vec::<f32>()?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generator {
    seed: u64,
    /// The next counter.
    position: u64,
    /// Words of the last counter that single draws have not used yet, next one last.
    rest: Vec<u32>,
}

impl Generator {
    /// The stream of a seed, from its beginning.
    pub fn new(seed: u64) -> Self {
        Generator { seed, position: 0, rest: Vec::new() }
    }

    /// The stream of a seed from a position on: what [`Generator::seed`] and [`Generator::position`] have told before.
    pub fn at(seed: u64, position: u64) -> Self {
        Generator { seed, position, rest: Vec::new() }
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The next unused counter; words of an earlier one that single draws have left over are not part of it.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// A generator of its own, whose numbers have nothing to do with those of this one or of another fork.
    pub fn fork(&mut self) -> Generator {
        Generator::new(self.take_u64())
    }

    fn take_u32(&mut self) -> u32 {
        if self.rest.is_empty() {
            let mut words = philox(self.seed, self.position);
            words.reverse();
            self.rest.extend(words);
            self.position = self.position.wrapping_add(1);
        }
        self.rest.pop().unwrap_or_default()
    }

    fn take_u64(&mut self) -> u64 {
        u64::from(self.take_u32()) | u64::from(self.take_u32()) << 32
    }

    /// The stream from here on, as seed and counter, of which `count` words are taken.
    pub(crate) fn words(&mut self, count: usize) -> (u64, u64) {
        (self.seed, self.reserve(count))
    }

    /// Words below this come with the given probability.
    pub(crate) fn limit(probability: f64) -> u64 {
        (probability * 4_294_967_296.0) as u64
    }

    /// Reserves the counters for `count` words and returns the first.
    fn reserve(&mut self, count: usize) -> u64 {
        let first = self.position;
        self.position = self.position.wrapping_add(count.div_ceil(4) as u64);
        first
    }
}

impl rand::TryRng for Generator {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.take_u32())
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.take_u64())
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for piece in bytes.chunks_mut(4) {
            piece.copy_from_slice(&self.take_u32().to_le_bytes()[..piece.len()]);
        }
        Ok(())
    }
}

/// Philox4x32-10 of a 64-bit key and a 64-bit counter (the upper half of the counter is 0).
pub(crate) fn philox(key: u64, counter: u64) -> [u32; 4] {
    let mut c = [counter as u32, (counter >> 32) as u32, 0, 0];
    let mut k = [key as u32, (key >> 32) as u32];
    for _ in 0..10 {
        let a = u64::from(c[0]) * 0xD251_1F53;
        let b = u64::from(c[2]) * 0xCD9E_8D57;
        c = [(b >> 32) as u32 ^ c[1] ^ k[0], b as u32, (a >> 32) as u32 ^ c[3] ^ k[1], a as u32];
        k = [k[0].wrapping_add(0x9E37_79B9), k[1].wrapping_add(0xBB67_AE85)];
    }
    c
}

/// [`philox`] of `N` counters from `first` on: word `k` of counter `i` is `[k][i]`.
#[inline(always)]
pub(crate) fn philox_lanes<const N: usize>(key: u64, first: u64) -> [[u32; N]; 4] {
    let counters: [u64; N] = std::array::from_fn(|i| first.wrapping_add(i as u64));
    let (mut c0, mut c1) = (counters.map(|counter| counter as u32), counters.map(|counter| (counter >> 32) as u32));
    let (mut c2, mut c3) = ([0; N], [0; N]);
    let mut k = [key as u32, (key >> 32) as u32];
    for _ in 0..10 {
        for ((c0, c1), (c2, c3)) in c0.iter_mut().zip(&mut c1).zip(c2.iter_mut().zip(&mut c3)) {
            let a = u64::from(*c0) * 0xD251_1F53;
            let b = u64::from(*c2) * 0xCD9E_8D57;
            (*c0, *c1) = ((b >> 32) as u32 ^ *c1 ^ k[0], b as u32);
            (*c2, *c3) = ((a >> 32) as u32 ^ *c3 ^ k[1], a as u32);
        }
        k = [k[0].wrapping_add(0x9E37_79B9), k[1].wrapping_add(0xBB67_AE85)];
    }
    [c0, c1, c2, c3]
}

/// Bits of a number that is drawn evenly: one less than would be rounded to 1, which does not belong to `0..1`.
fn even_bits(dtype: DType) -> u32 {
    match dtype {
        DType::F16 => 11,
        DType::BF16 => 8,
        _ => 24,
    }
}

/// 24 random bits as a number in `0..1`: every value is exact in `f32`.
fn unit(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// Two words as two independent standard normal numbers (G. Box and M. Muller, 1958).
fn normal_pair(a: u32, b: u32) -> [f32; 2] {
    // 1 - u lies in (0, 1], where the logarithm is finite.
    let radius = (-2.0 * (1.0 - unit(a)).ln()).sqrt();
    let (sin, cos) = (std::f32::consts::TAU * unit(b)).sin_cos();
    [radius * cos, radius * sin]
}

impl Tensor {
    /// Four words for every four elements, turned into numbers by `f`.
    fn random<T: Element>(
        shape: impl Into<Shape>,
        generator: &mut Generator,
        f: impl Fn([u32; 4]) -> [T; 4] + Sync,
    ) -> Result<Tensor> {
        Tensor::build::<T>(shape, |out| {
            let (seed, first) = generator.words(out.len());
            over_chunks(out, 4, 8, |start, piece| {
                for (i, group) in piece.chunks_mut(4).enumerate() {
                    let values = f(philox(seed, first.wrapping_add((start / 4 + i) as u64)));
                    group.copy_from_slice(&values[..group.len()]);
                }
            });
            Ok(())
        })
    }

    /// Numbers drawn evenly from `0..1`.
    ///
    /// # Errors
    /// [`Error::DType`] unless `dtype` is a float type.
    pub fn rand(shape: impl Into<Shape>, dtype: DType, generator: &mut Generator) -> Result<Tensor> {
        Tensor::rand_on(Device::Cpu, shape, dtype, generator)
    }

    /// As [`Tensor::rand`], on a device: the same numbers.
    ///
    /// # Errors
    /// As there; [`Error::Adapter`], [`Error::DType`] as [`Tensor::to_device`].
    pub fn rand_on(device: Device, shape: impl Into<Shape>, dtype: DType, generator: &mut Generator) -> Result<Tensor> {
        dtype.require_float("rand")?;
        let (shape, bits) = (shape.into(), even_bits(dtype));
        if let Device::Wgpu(index) = device {
            return wgpu::random::draw(index, &shape, dtype, generator, Draw::Unit { bits });
        }
        if dtype.is_half() {
            let scale = (1u32 << bits) as f32;
            let x = Tensor::random::<f32>(shape, generator, |w| w.map(|w| (unit(w) * scale).floor() / scale))?;
            return x.to_dtype(dtype);
        }
        Tensor::random::<f32>(shape, generator, |w| w.map(unit))?.to_dtype(dtype)
    }

    /// Numbers drawn from the standard normal distribution.
    ///
    /// # Errors
    /// [`Error::DType`] unless `dtype` is a float type.
    pub fn randn(shape: impl Into<Shape>, dtype: DType, generator: &mut Generator) -> Result<Tensor> {
        Tensor::randn_on(Device::Cpu, shape, dtype, generator)
    }

    /// As [`Tensor::randn`], on a device: the same numbers up to rounding, a few millionths.
    ///
    /// # Errors
    /// As there; [`Error::Adapter`], [`Error::DType`] as [`Tensor::to_device`].
    pub fn randn_on(
        device: Device,
        shape: impl Into<Shape>,
        dtype: DType,
        generator: &mut Generator,
    ) -> Result<Tensor> {
        dtype.require_float("randn")?;
        if let Device::Wgpu(index) = device {
            return wgpu::random::draw(index, &shape.into(), dtype, generator, Draw::Normal);
        }
        let normals = |[a, b, c, d]: [u32; 4]| {
            let ([x, y], [z, w]) = (normal_pair(a, b), normal_pair(c, d));
            [x, y, z, w]
        };
        Tensor::random::<f32>(shape, generator, normals)?.to_dtype(dtype)
    }

    /// Whole numbers drawn evenly from `low..high`.
    ///
    /// # Errors
    /// [`Error::DType`] unless `dtype` is an integer type, [`Error::Argument`] if the range is empty, longer than 2³² or
    /// outside the dtype.
    pub fn randint(
        low: i64,
        high: i64,
        shape: impl Into<Shape>,
        dtype: DType,
        generator: &mut Generator,
    ) -> Result<Tensor> {
        Tensor::randint_on(Device::Cpu, low, high, shape, dtype, generator)
    }

    /// As [`Tensor::randint`], on a device: the same numbers.
    ///
    /// # Errors
    /// As there; [`Error::Adapter`].
    pub fn randint_on(
        device: Device,
        low: i64,
        high: i64,
        shape: impl Into<Shape>,
        dtype: DType,
        generator: &mut Generator,
    ) -> Result<Tensor> {
        if !dtype.is_integer() {
            return Err(Error::dtype("randint", "an integer dtype", dtype));
        }
        let span = i128::from(high) - i128::from(low);
        let fits = crate::dtype::with_number!(dtype, T => [low, high.wrapping_sub(1)].iter().all(|&end| T::from_i64(end).to_i64() == end));
        if !(1..=1i128 << 32).contains(&span) || !fits {
            let message = format!("expected a range of 1 to 2^32 numbers inside {dtype}, received {low}..{high}");
            return Err(Error::argument("randint", message));
        }
        if let Device::Wgpu(index) = device {
            let draw = Draw::Range { low, span: span as u64 };
            return wgpu::random::draw(index, &shape.into(), dtype, generator, draw);
        }
        // The upper word of word · span: uneven by less than span / 2³².
        let draw = |w: u32| low + ((u128::from(w) * span as u128) >> 32) as i64;
        Tensor::random::<i64>(shape, generator, |w| w.map(draw))?.to_dtype(dtype)
    }

    /// `true` with the given probability.
    ///
    /// # Errors
    /// [`Error::Argument`] unless `probability` is in `0..=1`.
    pub fn bernoulli(probability: f64, shape: impl Into<Shape>, generator: &mut Generator) -> Result<Tensor> {
        Tensor::bernoulli_on(Device::Cpu, probability, shape, generator)
    }

    /// As [`Tensor::bernoulli`], on a device: the same ones.
    ///
    /// # Errors
    /// As there; [`Error::Adapter`].
    pub fn bernoulli_on(
        device: Device,
        probability: f64,
        shape: impl Into<Shape>,
        generator: &mut Generator,
    ) -> Result<Tensor> {
        if !(0.0..=1.0).contains(&probability) {
            return Err(Error::argument(
                "bernoulli",
                format!("expected a probability in 0..=1, received {probability}"),
            ));
        }
        let limit = Generator::limit(probability);
        if let Device::Wgpu(index) = device {
            return wgpu::random::draw(index, &shape.into(), DType::Bool, generator, Draw::Boolean { limit });
        }
        Tensor::random::<bool>(shape, generator, |w| w.map(|w| u64::from(w) < limit))
    }

    /// The numbers `0..count` in random order, as `i64`, on the CPU: each exchange follows from the one before.
    ///
    /// # Errors
    /// Only if memory runs out.
    pub fn randperm(count: usize, generator: &mut Generator) -> Result<Tensor> {
        use rand::seq::SliceRandom;
        Tensor::build::<i64>([count], |out| {
            out.iter_mut().enumerate().for_each(|(i, out)| *out = i as i64);
            out.shuffle(generator);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers of the Random123 library (`kat_vectors`, philox4x32 with 10 rounds, all-zero input).
    #[test]
    fn philox_known_answer() {
        assert_eq!(philox(0, 0), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
    }

    #[test]
    fn moments_and_ranges() {
        let mut g = Generator::new(7);
        let n = 200_000;
        let x = Tensor::randn([n], DType::F32, &mut g).unwrap().to_vec::<f32>().unwrap();
        let mean = x.iter().map(|&x| f64::from(x)).sum::<f64>() / n as f64;
        let var = x.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / n as f64;
        let fourth = x.iter().map(|&x| f64::from(x).powi(4)).sum::<f64>() / n as f64;
        // Standard errors at this n: 0.0022, 0.0032, 0.022.
        assert!(mean.abs() < 0.01 && (var - 1.0).abs() < 0.015 && (fourth - 3.0).abs() < 0.1, "{mean} {var} {fourth}");
        let u = Tensor::rand([n], DType::F16, &mut g).unwrap().to_dtype(DType::F32).unwrap().to_vec::<f32>().unwrap();
        assert!(u.iter().all(|u| (0.0..1.0).contains(u)));
        let i = Tensor::randint(-2, 3, [n], DType::I64, &mut g).unwrap().to_vec::<i64>().unwrap();
        for value in -2..3 {
            let share = i.iter().filter(|&&i| i == value).count() as f64 / n as f64;
            assert!((share - 0.2).abs() < 0.01, "{value}: {share}");
        }
        let b = Tensor::bernoulli(0.3, [n], &mut g).unwrap().to_vec::<bool>().unwrap();
        assert!((b.iter().filter(|&&b| b).count() as f64 / n as f64 - 0.3).abs() < 0.01);
    }

    #[test]
    fn draws_are_reproducible_and_independent_of_threads() {
        let draw = || Tensor::randn([100_001], DType::F32, &mut Generator::new(1)).unwrap().to_vec::<f32>().unwrap();
        let on = |threads: usize| {
            crate::set_num_threads(threads).unwrap();
            draw()
        };
        assert_eq!(on(1), on(3));
        let mut g = Generator::new(5);
        let first = g.fork();
        assert_ne!(first, g.fork());
        let resumed = Generator::at(g.seed(), g.position());
        assert_eq!(resumed.position(), g.position());
    }

    #[test]
    fn permutations_hold_every_number() {
        let mut p = Tensor::randperm(100, &mut Generator::new(3)).unwrap().to_vec::<i64>().unwrap();
        assert_ne!(p, (0..100).collect::<Vec<_>>());
        p.sort_unstable();
        assert_eq!(p, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn bad_ranges_are_refused() {
        let g = &mut Generator::new(0);
        assert!(Tensor::randint(3, 3, [2], DType::I64, g).is_err());
        assert!(Tensor::randint(0, 300, [2], DType::U8, g).is_err());
        assert!(Tensor::rand([2], DType::I32, g).is_err());
        assert!(Tensor::bernoulli(1.5, [2], g).is_err());
    }
}
