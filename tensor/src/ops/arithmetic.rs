//! Elementwise arithmetic of two operands, with NumPy's broadcasting, and the operators `+ - * /` on references.

use crate::cpu::elementwise;
use crate::dtype::{with_float, with_number};
use crate::element::Number;
use crate::{DType, Element, Error, Operand, Result, Scalar, Shape, Tensor, wgpu};

/// Both operands as tensors of one dtype, and the shape they broadcast to.
pub(crate) struct Pair {
    pub(crate) a: Tensor,
    pub(crate) b: Tensor,
    /// What `b` was made of, if of a plain number.
    scalar: Option<Scalar>,
    pub(crate) shape: Shape,
    /// The dtype that promotion gives; `a` and `b` are of its [`DType::wide`] form (on a graphics processor they may be of their own,
    /// which its kernels widen as they read).
    pub(crate) dtype: DType,
}

impl Pair {
    /// Promotes and broadcasts.
    pub(crate) fn new(op: &'static str, a: &Tensor, b: Operand<'_>) -> Result<Pair> {
        let dtype = match b {
            Operand::Tensor(b) => {
                a.require_same_device(op, b)?;
                a.dtype().promote(b.dtype())
            }
            Operand::Scalar(b) => b.dtype_beside(a.dtype()),
        };
        Pair::with_dtype(op, a, b, dtype)
    }

    /// As [`Pair::new`], for operations on floats: integers become `f32`.
    pub(crate) fn float(op: &'static str, a: &Tensor, b: Operand<'_>) -> Result<Pair> {
        let dtype = match b {
            Operand::Tensor(b) => {
                a.require_same_device(op, b)?;
                a.dtype().promote(b.dtype()).to_float()
            }
            Operand::Scalar(_) => a.dtype().to_float(),
        };
        Pair::with_dtype(op, a, b, dtype)
    }

    fn with_dtype(op: &'static str, a: &Tensor, b: Operand<'_>, dtype: DType) -> Result<Pair> {
        let wide = |x: &Tensor| {
            let is_read_so = x.is_on_wgpu() && x.dtype().is_float() && dtype.is_float();
            if is_read_so { Ok(x.clone()) } else { x.to_dtype(dtype.wide()) }
        };
        let (b, scalar) = match b {
            Operand::Tensor(b) => (wide(b)?, None),
            Operand::Scalar(b) => (Tensor::full_on(a.device(), (), b, dtype.wide())?, Some(b)),
        };
        let a = wide(a)?;
        let shape = a.shape().broadcast(op, b.shape())?;
        shape.check_size(op, dtype)?;
        Ok(Pair { a, b, scalar, shape, dtype })
    }

    /// The function of this name, if the operands are on a graphics processor.
    fn on_wgpu(&self, name: &'static str) -> Option<Result<Tensor>> {
        let run = || wgpu::elementwise::zip([&self.a, &self.b], &self.shape, name, Scalar::Int(0), self.dtype);
        self.a.is_on_wgpu().then(run)
    }

    fn numbers(
        self,
        floats: impl Fn(&Self) -> Result<Tensor>,
        op: &'static str,
        of_bools: impl Fn(bool, bool) -> Option<bool> + Sync,
    ) -> Result<Tensor> {
        if self.dtype == DType::Bool && of_bools(true, true).is_none() {
            return Err(Error::dtype(op, "a dtype with arithmetic (use logical_xor for booleans)", self.dtype));
        }
        // Sums, products and extremes of booleans as numbers, "not zero" then, are "or" and "and".
        if let Some(result) = self.on_wgpu(op) {
            return result;
        }
        if self.dtype != DType::Bool {
            return floats(&self)?.to_dtype(self.dtype);
        }
        let apply = |a, b| of_bools(a, b).unwrap_or_default();
        let (buffer, layout) = elementwise::zip(self.a.view::<bool>(), self.b.view::<bool>(), &self.shape, apply)?;
        Ok(Tensor::from_buffer(buffer, layout, DType::Bool))
    }
}

/// Applies a function of two numbers of the pair's (wide) type.
macro_rules! apply_numbers {
    ($pair:expr, |$x:ident, $y:ident| $body:expr) => {
        with_number!($pair.a.dtype(), T => {
            let (a, b) = ($pair.a.view::<T>(), $pair.b.view::<T>());
            let (buffer, layout) = elementwise::zip(a, b, &$pair.shape, |$x: T, $y: T| -> T { $body })?;
            Ok(Tensor::from_buffer(buffer, layout, T::DTYPE))
        })
    };
}

/// Applies a function of two floats of the pair's (wide) type, and narrows the result.
macro_rules! apply_floats {
    ($name:literal, $pair:expr, |$x:ident, $y:ident| $body:expr) => {{
        let pair = $pair;
        if let Some(result) = pair.on_wgpu($name) {
            return result;
        }
        with_float!(pair.a.dtype(), T => {
            let (a, b) = (pair.a.view::<T>(), pair.b.view::<T>());
            let (buffer, layout) = elementwise::zip(a, b, &pair.shape, |$x: T, $y: T| -> T { $body })?;
            Tensor::from_buffer(buffer, layout, T::DTYPE).to_dtype(pair.dtype)
        })
    }};
}

impl Tensor {
    /// `self + other`, broadcast. For booleans this is "or".
    ///
    /// # Errors
    /// [`Error::Broadcast`], [`Error::Device`].
    pub fn add<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let pair = Pair::new("add", self, other.into())?;
        pair.numbers(|pair| apply_numbers!(pair, |x, y| x.plus(y)), "add", |x, y| Some(x | y))
    }

    /// `self - other`, broadcast.
    ///
    /// # Errors
    /// [`Error::Broadcast`], [`Error::Device`], [`Error::DType`] for two booleans.
    pub fn sub<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let pair = Pair::new("sub", self, other.into())?;
        pair.numbers(|pair| apply_numbers!(pair, |x, y| x.minus(y)), "sub", |_, _| None)
    }

    /// `self · other`, broadcast. For booleans this is "and".
    ///
    /// # Errors
    /// [`Error::Broadcast`], [`Error::Device`].
    pub fn mul<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let pair = Pair::new("mul", self, other.into())?;
        pair.numbers(|pair| apply_numbers!(pair, |x, y| x.times(y)), "mul", |x, y| Some(x & y))
    }

    /// True division `self / other`, broadcast: integers give `f32`.
    ///
    /// # Errors
    /// [`Error::Broadcast`], [`Error::Device`].
    pub fn div<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        apply_floats!("div", Pair::float("div", self, other.into())?, |x, y| x / y)
    }

    /// `self - other · floor(self / other)`: the remainder with the divisor's sign (Python's `%`). Of floats it is exact on every device,
    /// but where the signs differ: there the divisor is added to the exact remainder, and the sum rounded (it may be the divisor then).
    ///
    /// # Errors
    /// [`Error::Broadcast`], [`Error::Device`], [`Error::DType`] for booleans, [`Error::Argument`] if an integer is divided by 0.
    pub fn rem<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let pair = Pair::new("rem", self, other.into())?;
        pair.require_divisors("rem")?;
        if let Some(result) = pair.on_wgpu("rem") {
            return result;
        }
        match pair.dtype {
            DType::I32 => {
                pair.integers::<i32>(|x, y| x.wrapping_sub(y.wrapping_mul(floor_div(x.into(), y.into()) as i32)))
            }
            DType::I64 => pair.integers::<i64>(|x, y| x.wrapping_sub(y.wrapping_mul(floor_div(x, y)))),
            DType::U8 => pair.integers::<u8>(|x, y| x % y),
            _ => apply_floats!("rem", pair, |x, y| {
                let r = x % y;
                // `%` has the dividend's sign; an exact zero keeps the divisor's.
                if r != 0.0 && (r < 0.0) != (y < 0.0) { r + y } else { r }
            }),
        }
    }

    /// `floor(self / other)` in the promoted dtype (Python's `//`). Of floats it is the floor of the rounded quotient: where that is the
    /// whole number above, so is the result.
    ///
    /// # Errors
    /// [`Error::Broadcast`], [`Error::Device`], [`Error::DType`] for booleans, [`Error::Argument`] if an integer is divided by 0.
    pub fn floor_div<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let pair = Pair::new("floor_div", self, other.into())?;
        pair.require_divisors("floor_div")?;
        if let Some(result) = pair.on_wgpu("floor_div") {
            return result;
        }
        match pair.dtype {
            DType::I32 => pair.integers::<i32>(|x, y| floor_div(x.into(), y.into()) as i32),
            DType::I64 => pair.integers::<i64>(floor_div),
            DType::U8 => pair.integers::<u8>(|x, y| x / y),
            _ => apply_floats!("floor_div", pair, |x, y| (x / y).floor()),
        }
    }

    /// `self` to the power of `other`, broadcast. Integers to an integer power stay integers.
    ///
    /// # Errors
    /// [`Error::Broadcast`], [`Error::Device`], [`Error::Argument`] for an integer to a negative integer power.
    pub fn pow<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let other = other.into();
        if let Operand::Scalar(exponent) = other
            && self.dtype().is_float()
        {
            // The powers that networks use need no logarithm.
            match exponent.to_f64() {
                2.0 => return self.mul(self),
                0.5 => return self.sqrt(),
                _ => {}
            }
        }
        let pair = Pair::new("pow", self, other)?;
        if pair.dtype.is_float() {
            return apply_floats!("pow", pair, |x, y| x.powf(y));
        }
        let negative = pair.whole_seconds()?.lt(0)?.to_vec::<bool>()?.contains(&true);
        if negative {
            return Err(Error::argument(
                "pow",
                "expected exponents that are not negative for an integer base, received one",
            ));
        }
        if let Some(result) = pair.on_wgpu("pow") {
            return result;
        }
        let (a, b) = (pair.a.to_dtype(DType::I64)?, pair.b.to_dtype(DType::I64)?);
        let (buffer, layout) = elementwise::zip(a.view::<i64>(), b.view::<i64>(), &pair.shape, wrapping_power)?;
        Tensor::from_buffer(buffer, layout, DType::I64).to_dtype(pair.dtype)
    }

    /// The larger of both, broadcast; NaN if either is NaN.
    ///
    /// # Errors
    /// [`Error::Broadcast`], [`Error::Device`].
    pub fn maximum<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let pair = Pair::new("maximum", self, other.into())?;
        let larger = |pair: &Pair| apply_numbers!(pair, |x, y| if x > y || x.nan() { x } else { y });
        pair.numbers(larger, "maximum", |x, y| Some(x | y))
    }

    /// The smaller of both, broadcast; NaN if either is NaN.
    ///
    /// # Errors
    /// [`Error::Broadcast`], [`Error::Device`].
    pub fn minimum<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let pair = Pair::new("minimum", self, other.into())?;
        let smaller = |pair: &Pair| apply_numbers!(pair, |x, y| if x < y || x.nan() { x } else { y });
        pair.numbers(smaller, "minimum", |x, y| Some(x & y))
    }

    /// The angle of the point (`other`, `self`), in `-π..=π`.
    ///
    /// # Errors
    /// [`Error::Broadcast`], [`Error::Device`].
    pub fn atan2<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        apply_floats!("atan2", Pair::float("atan2", self, other.into())?, |x, y| x.atan2(y))
    }

    /// `√(self² + other²)` without overflow on the way.
    ///
    /// # Errors
    /// [`Error::Broadcast`], [`Error::Device`].
    pub fn hypot<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        apply_floats!("hypot", Pair::float("hypot", self, other.into())?, |x, y| x.hypot(y))
    }

    /// Every element limited to `low..=high`; either may be `None`. NaN stays NaN; where `low` is above `high`, that is `high`
    /// everywhere.
    ///
    /// # Errors
    /// [`Error::DType`] for booleans.
    pub fn clamp(&self, low: Option<f64>, high: Option<f64>) -> Result<Tensor> {
        if self.dtype() == DType::Bool {
            return Err(Error::dtype("clamp", "a number dtype", self.dtype()));
        }
        if self.is_on_wgpu() {
            // The limits of the dtype stand for what is missing.
            let limits = with_number!(self.dtype().wide(), T => {
                let of = |limit: Option<f64>, none: T| Scalar::from(limit.map_or(none, T::from_f64));
                [of(low, T::LOWEST), of(high, T::HIGHEST)]
            });
            return wgpu::elementwise::map(self, "clamp", limits);
        }
        self.widened(|x| {
            with_number!(x.dtype(), T => {
                let low = low.map_or(T::LOWEST, T::from_f64);
                let high = high.map_or(T::HIGHEST, T::from_f64);
                let limit = |x: T| {
                    let x = if x < low { low } else { x };
                    if x > high { high } else { x }
                };
                let (buffer, layout) = elementwise::map(x.view::<T>(), limit)?;
                Ok(Tensor::from_buffer(buffer, layout, T::DTYPE))
            })
        })
    }
}

impl Pair {
    fn integers<T: Element>(self, f: impl Fn(T, T) -> T + Sync) -> Result<Tensor> {
        let (buffer, layout) = elementwise::zip(self.a.view::<T>(), self.b.view::<T>(), &self.shape, f)?;
        Ok(Tensor::from_buffer(buffer, layout, T::DTYPE))
    }

    /// The second operand as `i64`, to be looked at: on the CPU if it is a plain number, for which no device has to be waited for.
    fn whole_seconds(&self) -> Result<Tensor> {
        match self.scalar {
            Some(scalar) => Tensor::full((), scalar, self.dtype)?.to_dtype(DType::I64),
            None => self.b.to_dtype(DType::I64),
        }
    }

    fn require_divisors(&self, op: &'static str) -> Result<()> {
        if self.dtype == DType::Bool {
            return Err(Error::dtype(op, "a number dtype", self.dtype));
        }
        if self.dtype.is_integer() && self.whole_seconds()?.to_vec::<i64>()?.contains(&0) {
            return Err(Error::argument(op, "expected integer divisors other than 0, received 0"));
        }
        Ok(())
    }
}

/// `x` to a power that is not negative, wrapping around; any `i64` is an exponent, which `i64::wrapping_pow` does not take.
fn wrapping_power(x: i64, exponent: i64) -> i64 {
    let (mut base, mut rest, mut power) = (x, exponent, 1i64);
    while rest > 0 {
        if rest & 1 == 1 {
            power = power.wrapping_mul(base);
        }
        base = base.wrapping_mul(base);
        rest >>= 1;
    }
    power
}

fn floor_div(x: i64, y: i64) -> i64 {
    let quotient = x.wrapping_div(y);
    if x.wrapping_rem(y) != 0 && (x < 0) != (y < 0) { quotient - 1 } else { quotient }
}

macro_rules! operator {
    ($Trait:ident, $method:ident) => {
        impl std::ops::$Trait<&Tensor> for &Tensor {
            type Output = Result<Tensor>;
            fn $method(self, other: &Tensor) -> Result<Tensor> {
                Tensor::$method(self, other)
            }
        }
        impl std::ops::$Trait<Tensor> for &Tensor {
            type Output = Result<Tensor>;
            fn $method(self, other: Tensor) -> Result<Tensor> {
                Tensor::$method(self, &other)
            }
        }
        impl std::ops::$Trait<&Tensor> for Tensor {
            type Output = Result<Tensor>;
            fn $method(self, other: &Tensor) -> Result<Tensor> {
                Tensor::$method(&self, other)
            }
        }
        impl std::ops::$Trait<Tensor> for Tensor {
            type Output = Result<Tensor>;
            fn $method(self, other: Tensor) -> Result<Tensor> {
                Tensor::$method(&self, &other)
            }
        }
        impl std::ops::$Trait<f64> for &Tensor {
            type Output = Result<Tensor>;
            fn $method(self, other: f64) -> Result<Tensor> {
                Tensor::$method(self, Scalar::Float(other))
            }
        }
        impl std::ops::$Trait<f64> for Tensor {
            type Output = Result<Tensor>;
            fn $method(self, other: f64) -> Result<Tensor> {
                Tensor::$method(&self, Scalar::Float(other))
            }
        }
    };
}
operator!(Add, add);
operator!(Sub, sub);
operator!(Mul, mul);
operator!(Div, div);

impl std::ops::Neg for &Tensor {
    type Output = Result<Tensor>;
    fn neg(self) -> Result<Tensor> {
        Tensor::neg(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promotion_and_weak_scalars() {
        let ints = Tensor::new([1i32, 2]).unwrap();
        let halves = Tensor::new([0.5f32, 0.25]).unwrap().to_dtype(DType::F16).unwrap();
        assert_eq!(ints.add(&halves).unwrap().dtype(), DType::F16);
        assert_eq!(ints.add(1).unwrap().dtype(), DType::I32);
        assert_eq!(ints.add(1.5).unwrap().to_vec::<f32>().unwrap(), [2.5, 3.5]);
        assert_eq!(halves.mul(2.0).unwrap().dtype(), DType::F16);
        assert_eq!(ints.div(2).unwrap().to_vec::<f32>().unwrap(), [0.5, 1.0]);
        let bools = Tensor::new([true, false]).unwrap();
        assert_eq!(bools.add(1).unwrap().dtype(), DType::I64);
        assert_eq!(bools.add(&bools).unwrap().to_vec::<bool>().unwrap(), [true, false]);
        assert!(bools.sub(&bools).unwrap_err().to_string().starts_with("sub: expected a dtype with arithmetic"));
    }

    #[test]
    fn broadcasting_any_strides() {
        let a = Tensor::arange(0, 6, 1).unwrap().reshape([2, 3]).unwrap();
        let b = Tensor::new([10i64, 20]).unwrap().unsqueeze(1).unwrap();
        assert_eq!((&a + &b).unwrap().to_vec::<i64>().unwrap(), [10, 11, 12, 23, 24, 25]);
        assert_eq!((&a.t().unwrap() * &a.t().unwrap()).unwrap().to_vec::<i64>().unwrap(), [0, 9, 1, 16, 4, 25]);
        let column = a.slice_axis(1, 0..1).unwrap();
        assert_eq!((&column - &a).unwrap().to_vec::<i64>().unwrap(), [0, -1, -2, 0, -1, -2]);
    }

    #[test]
    fn division_of_integers_floors() {
        let a = Tensor::new([7i64, -7, 7, -7]).unwrap();
        let b = Tensor::new([2i64, 2, -2, -2]).unwrap();
        assert_eq!(a.floor_div(&b).unwrap().to_vec::<i64>().unwrap(), [3, -4, -4, 3]);
        assert_eq!(a.rem(&b).unwrap().to_vec::<i64>().unwrap(), [1, 1, -1, -1]);
        assert!(a.rem(0).unwrap_err().to_string().contains("received 0"));
        let x = Tensor::new([5.5f32, -5.5]).unwrap();
        assert_eq!(x.rem(2.0).unwrap().to_vec::<f32>().unwrap(), [1.5, 0.5]);
        assert_eq!(Tensor::new([i64::MIN]).unwrap().floor_div(-1).unwrap().to_vec::<i64>().unwrap(), [i64::MIN]);
    }

    #[test]
    fn nan_goes_through_maximum_and_clamp() {
        let x = Tensor::new([f32::NAN, 1.0, -2.0]).unwrap();
        assert!(x.maximum(0.0).unwrap().to_vec::<f32>().unwrap()[0].is_nan());
        assert!(x.minimum(0.0).unwrap().to_vec::<f32>().unwrap()[0].is_nan());
        let c = x.clamp(Some(-1.0), None).unwrap().to_vec::<f32>().unwrap();
        assert!(c[0].is_nan() && c[1..] == [1.0, -1.0]);
    }

    #[test]
    fn integer_powers() {
        let x = Tensor::new([2i32, -3]).unwrap();
        assert_eq!(x.pow(3).unwrap().to_vec::<i32>().unwrap(), [8, -27]);
        assert!(x.pow(-1).is_err());
    }
}
