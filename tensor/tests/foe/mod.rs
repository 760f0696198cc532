//! Hostile arguments of every kind, and what the operations that got them answered.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ocelli_tensor::*;

/// More elements than any address space holds, so that no allocator gives them, though a view may have them.
pub(crate) const HUGE: usize = 1 << 52;

/// Where the hostile arguments of one case come from (SplitMix64), and what went wrong.
pub(crate) struct Foe {
    pub(crate) state: u64,
    /// Where its tensors are.
    pub(crate) device: Device,
    pub(crate) failures: Vec<String>,
}

impl Foe {
    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub(crate) fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    /// Mostly a small number.
    pub(crate) fn size(&mut self) -> usize {
        if self.below(6) > 0 {
            self.below(4)
        } else {
            self.of(&[HUGE, usize::MAX, usize::MAX - 1, isize::MAX as usize])
        }
    }

    /// One for all axes, one for each of `rank`, or a wrong number of them.
    pub(crate) fn sizes(&mut self, rank: usize) -> Vec<usize> {
        let count = self.of(&[1, rank, rank, rank + 1]);
        (0..count).map(|_| self.size()).collect()
    }

    /// As [`Foe::sizes`] for a stride, dilation or kernel, whose greatest legal number makes no result large.
    pub(crate) fn steps(&mut self, rank: usize) -> PerAxis {
        let sizes = self.sizes(rank);
        let steps: Vec<usize> =
            sizes.into_iter().map(|size| if self.below(8) == 0 { 1 << 31 } else { size.max(self.below(2)) }).collect();
        PerAxis::from(steps)
    }

    pub(crate) fn padding(&mut self, rank: usize) -> Padding {
        match self.below(5) {
            0 => Padding::Valid,
            1 => Padding::Same,
            2 => Padding::Causal,
            3 => Padding::from(&self.sizes(rank)[..]),
            _ => Padding::from((self.size(), self.size())),
        }
    }

    pub(crate) fn axis(&mut self, rank: usize) -> isize {
        let rank = rank as isize;
        if self.below(4) > 0 && rank > 0 {
            return self.below(2 * rank as usize) as isize - rank;
        }
        self.of(&[rank, -rank - 1, isize::MIN, isize::MAX, 0, -1])
    }

    pub(crate) fn axes(&mut self, rank: usize) -> Axes {
        let count = self.below(4);
        if count == 3 {
            return Axes::All;
        }
        let axes: Vec<isize> = (0..count).map(|_| self.axis(rank)).collect();
        Axes::from(&axes[..])
    }

    pub(crate) fn position(&mut self) -> isize {
        self.of(&[0, 1, -1, 2, -3, 7, isize::MIN, isize::MAX])
    }

    pub(crate) fn slice(&mut self) -> Slice {
        let mut position = || self.coin().then(|| self.position());
        let (start, stop) = (position(), position());
        Slice::new(start, stop, self.position())
    }

    pub(crate) fn float(&mut self) -> f64 {
        self.of(&[0.0, 1.0, -1.5, 2.0, 0.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300, 1e-300])
    }

    pub(crate) fn scalar(&mut self) -> Scalar {
        match self.below(3) {
            0 => Scalar::Bool(self.coin()),
            1 => Scalar::Int(self.of(&[0, 1, -1, 3, i64::MIN, i64::MAX])),
            _ => Scalar::Float(self.float()),
        }
    }

    pub(crate) fn dtype(&mut self) -> DType {
        if self.coin() { DType::F32 } else { self.of(&DType::ALL) }
    }

    pub(crate) fn shape(&mut self) -> Vec<usize> {
        let rank = self.below(6);
        (0..rank).map(|_| self.of(&[1, 2, 2, 3, 3, 4, 0])).collect()
    }

    /// A tensor of a shape and dtype, lying in memory in one of many ways.
    pub(crate) fn lying(&mut self, shape: &[usize], dtype: DType) -> Tensor {
        let rank = shape.len();
        let reversed: Vec<isize> = (0..rank as isize).rev().collect();
        let order = if self.coin() { (0..rank as isize).collect() } else { reversed };
        let place = |axis: usize| order.iter().position(|&at| at as usize == axis).unwrap();
        let wide = self.below(3);
        let base: Vec<usize> = order.iter().map(|&axis| shape[axis as usize] * if wide == 0 { 2 } else { 1 }).collect();
        let count: usize = base.iter().product();
        let mut x = Tensor::arange(0, count, 1).unwrap().sub(2).unwrap();
        if self.below(3) == 0 {
            let special = Tensor::full((), self.float(), DType::F32).unwrap();
            x = x.lt(3).unwrap().where_(&special, &x.to_dtype(DType::F32).unwrap()).unwrap();
        }
        x = x.to_dtype(dtype).unwrap().reshape(&base[..]).unwrap();
        // Doubles stay where they are: an adapter has none, and operands of two devices are to be refused.
        if dtype != DType::F64 {
            x = x.to_device(self.device).unwrap();
        }
        if wide == 0 {
            for axis in 0..rank {
                x = x.slice_axis(axis as isize, Slice::from(..).step(self.of(&[2, -2]))).unwrap();
            }
        }
        let inverse: Vec<usize> = (0..rank).map(place).collect();
        let x = x.permute(&inverse[..]).unwrap();
        assert_eq!(x.shape()[..], *shape);
        x
    }

    pub(crate) fn tensor(&mut self) -> Tensor {
        let (shape, dtype) = (self.shape(), self.dtype());
        let x = self.lying(&shape, dtype);
        let rank = x.rank();
        match self.below(8) {
            0 => {
                // An axis along which nothing moves, of any length.
                let axis = self.below(rank + 1);
                let mut wide = x.unsqueeze(axis as isize).unwrap();
                let mut shape = wide.shape().clone();
                shape[axis] = self.of(&[3, 3, HUGE]);
                wide = wide.expand(shape).unwrap_or(wide);
                wide
            }
            1 if rank > 0 => x.flip(self.below(rank)).unwrap(),
            _ => x,
        }
    }

    /// Calls an operation; what it gives is looked at in every way there is.
    pub(crate) fn call<T: Outcome>(&mut self, name: &str, given: &dyn std::fmt::Debug, op: impl FnOnce() -> Result<T>) {
        let outcome = catch_unwind(AssertUnwindSafe(|| match op() {
            Ok(result) => result.look(),
            Err(error) => {
                let text = error.to_string();
                assert!(text.len() > 8);
                // A device does not fail for what it is given.
                let troubles = ["a kernel failed", "take the kernel", "was lost", "does not answer", "opened anew"];
                assert!(!troubles.iter().any(|trouble| text.contains(trouble)), "{text}");
            }
        }));
        if outcome.is_err() {
            self.failures.push(format!("{name} of {given:?}"));
        }
    }
}

/// What an operation gives.
pub(crate) trait Outcome {
    fn look(&self);
}

impl Outcome for Tensor {
    fn look(&self) {
        let text = |x: &dyn Display| assert!(!x.to_string().is_empty());
        text(self);
        assert!(format!("{self:?}").contains("shape="));
        let _ = self.item::<f64>();
        match self.dtype() {
            DType::F32 => {
                assert!(self.to_vec::<f32>().is_ok_and(|x| x.len() == self.numel()) || self.numel() >= HUGE / 8)
            }
            _ => assert!(self.to_vec::<f32>().is_err()),
        }
        assert_eq!(self.strides().len(), self.rank());
    }
}
impl<A: Outcome, B: Outcome> Outcome for (A, B) {
    fn look(&self) {
        self.0.look();
        self.1.look();
    }
}
impl<T: Outcome> Outcome for Vec<T> {
    fn look(&self) {
        self.iter().for_each(T::look);
    }
}
macro_rules! plain_outcome {
    ($($T:ty),*) => {$(impl Outcome for $T { fn look(&self) {} })*};
}
plain_outcome!((), bool, usize, Shape, ConvOptions);

/// Calls methods of one tensor by name.
macro_rules! each {
    ($foe:ident, $x:expr, $($name:ident($($argument:expr),*)),* $(,)?) => {$({
        let x = &$x;
        let what = (brief(x), vec![$(format!("{:?}", $argument)),*] as Vec<String>);
        $foe.call(stringify!($name), &what, || x.$name($($argument),*));
    })*};
}

pub(crate) fn brief(x: &Tensor) -> String {
    format!("{} {} {:?}", x.dtype(), x.shape(), x.strides())
}
