//! Elementwise mathematical functions of one operand. They turn integers and booleans into `f32`; half types compute in `f32`.

use crate::cpu::elementwise;
use crate::cpu::math::functions::*;
use crate::cpu::math::{Float, LeakyRelu, Unary};
use crate::cpu::special::Special;
use crate::dtype::{with_float, with_number};
use crate::element::{Number, Real};
use crate::{DType, Element, Error, Result, Scalar, Tensor, wgpu};

/// The body of a function of one float.
macro_rules! float_map {
    ($name:expr, $tensor:expr, |$x:ident| $body:expr) => {
        if let Some(result) = $tensor.float_on_wgpu($name, 0.0) {
            result
        } else { $tensor.to_dtype($tensor.dtype().to_float())?.widened(|tensor| with_float!(tensor.dtype(), T => {
            let (buffer, layout) = elementwise::map(tensor.view::<T>(), |$x: T| -> T { $body })?;
            Ok(Tensor::from_buffer(buffer, layout, T::DTYPE))
        })) }
    };
}

/// Functions of one float that need no more than a line: each with its documentation and its formula.
macro_rules! float_functions {
    ($($(#[$doc:meta])* $name:ident: |$x:ident| $body:expr;)*) => {
        impl Tensor {$(
            $(#[$doc])*
            ///
            /// # Errors
            /// Only if memory runs out.
            pub fn $name(&self) -> Result<Tensor> {
                float_map!(stringify!($name), self, |$x| $body)
            }
        )*}
    };
}

float_functions! {
    /// Square root; NaN below 0.
    sqrt: |x| x.sqrt();
    /// `1 / √x`.
    rsqrt: |x| T::r(1.0) / x.sqrt();
    /// Cube root.
    cbrt: |x| x.cbrt();
    /// `1 / x`.
    recip: |x| T::r(1.0) / x;
    /// `2ˣ`.
    exp2: |x| x.exp2();
    /// Logarithm to base 2.
    log2: |x| x.log2();
    /// Logarithm to base 10.
    log10: |x| x.log10();
    /// `ln(1 + x)`, exact near 0.
    ln_1p: |x| x.ln_1p();
    /// Sine of radians.
    sin: |x| x.sin();
    /// Cosine of radians.
    cos: |x| x.cos();
    /// Tangent of radians.
    tan: |x| x.tan();
    /// Inverse sine.
    asin: |x| x.asin();
    /// Inverse cosine.
    acos: |x| x.acos();
    /// Inverse tangent.
    atan: |x| x.atan();
    /// Hyperbolic sine.
    sinh: |x| x.sinh();
    /// Hyperbolic cosine.
    cosh: |x| x.cosh();
    /// Inverse hyperbolic sine.
    asinh: |x| x.asinh();
    /// Inverse hyperbolic cosine.
    acosh: |x| x.acosh();
    /// Inverse hyperbolic tangent.
    atanh: |x| x.atanh();
    /// `1 - erf(x)`, exact for large `x`.
    erfc: |x| x.error_function_complement();
    /// The inverse of [`Tensor::erf`]: `±∞` at `±1`, NaN outside.
    erfinv: |x| x.inverse_error_function();
}

/// Functions that have a vector form, with its largest error in units in the last place (ulp).
macro_rules! vector_functions {
    ($($(#[$doc:meta])* $name:ident: $Function:ident;)*) => {
        impl Tensor {$(
            $(#[$doc])*
            ///
            /// # Errors
            /// Only if memory runs out.
            pub fn $name(&self) -> Result<Tensor> {
                self.map_vectors(stringify!($name), 0.0, $Function)
            }
        )*}
    };
}

vector_functions! {
    /// `eˣ`, within 2 ulp.
    exp: Exp;
    /// `eˣ - 1`, exact near 0: within 2 ulp.
    exp_m1: ExpM1;
    /// Natural logarithm, within 2 ulp.
    ln: Ln;
    /// Hyperbolic tangent, within 2.5 ulp.
    tanh: Tanh;
    /// The error function `2/√π ∫₀ˣ e^(-t²) dt`, within 3 ulp.
    erf: Erf;
    /// `1 / (1 + e⁻ˣ)`, within 2.5 ulp.
    sigmoid: Sigmoid;
    /// `ln(sigmoid(x))`, without overflow: within 2 ulp.
    log_sigmoid: LogSigmoid;
    /// `ln(1 + eˣ)`, without overflow: within 2 ulp.
    softplus: Softplus;
    /// `x · sigmoid(x)`, also called swish: within 3 ulp.
    ///
    /// P. Ramachandran, B. Zoph, Q. Le, "Searching for activation functions", arXiv:1710.05941, 2017.
    silu: Silu;
    /// `x · Φ(x)` with the standard normal distribution function `Φ`: within 16 ulp of the larger of its size and 10⁻³.
    ///
    /// D. Hendrycks and K. Gimpel, "Gaussian error linear units", arXiv:1606.08415, 2016.
    gelu: Gelu;
    /// The approximation of [`Tensor::gelu`] by `x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³)))`.
    gelu_tanh: GeluTanh;
    /// `min(max(x + 3, 0), 6) / 6`, a sigmoid of straight lines.
    hard_sigmoid: HardSigmoid;
    /// `x · min(max(x + 3, 0), 6) / 6`.
    ///
    /// A. Howard et al., "Searching for MobileNetV3", ICCV 2019.
    hard_swish: HardSwish;
}

fn absolute<T: Number>(x: T) -> T {
    if x < T::ZERO { T::ZERO.minus(x) } else { x }
}

fn sign<T: Number>(x: T) -> T {
    if x > T::ZERO {
        T::ONE
    } else if x < T::ZERO {
        T::ZERO.minus(T::ONE)
    } else {
        x
    }
}

fn relu<T: Number>(x: T) -> T {
    if x < T::ZERO { T::ZERO } else { x }
}

/// The body of a function that keeps the dtype, integers included.
macro_rules! number_map {
    ($op:literal, $tensor:expr, |$x:ident| $body:expr) => {{
        if $tensor.dtype() == DType::Bool {
            return Err(Error::dtype($op, "a number dtype", DType::Bool));
        }
        if $tensor.is_on_wgpu() {
            return wgpu::elementwise::map($tensor, $op, [Scalar::Int(0); 2]);
        }
        $tensor.widened(|tensor| with_number!(tensor.dtype(), T => {
            let (buffer, layout) = elementwise::map(tensor.view::<T>(), |$x: T| -> T { $body })?;
            Ok(Tensor::from_buffer(buffer, layout, T::DTYPE))
        }))
    }};
}

/// Functions that round: integers are themselves.
macro_rules! rounding_functions {
    ($($(#[$doc:meta])* $name:ident: |$x:ident| $body:expr;)*) => {
        impl Tensor {$(
            $(#[$doc])*
            /// Integers stay as they are.
            ///
            /// # Errors
            /// Only if memory runs out.
            pub fn $name(&self) -> Result<Tensor> {
                if !self.dtype().is_float() {
                    return Ok(self.clone());
                }
                float_map!(stringify!($name), self, |$x| $body)
            }
        )*}
    };
}

impl Tensor {
    /// `-x`. Integers wrap around.
    ///
    /// # Errors
    /// [`Error::DType`] for booleans.
    pub fn neg(&self) -> Result<Tensor> {
        number_map!("neg", self, |x| T::ZERO.minus(x))
    }

    /// `|x|`.
    ///
    /// # Errors
    /// [`Error::DType`] for booleans.
    pub fn abs(&self) -> Result<Tensor> {
        number_map!("abs", self, |x| absolute(x))
    }

    /// -1, 0 or 1; NaN stays NaN.
    ///
    /// # Errors
    /// [`Error::DType`] for booleans.
    pub fn sign(&self) -> Result<Tensor> {
        number_map!("sign", self, |x| sign(x))
    }

    /// `x²`.
    ///
    /// # Errors
    /// [`Error::DType`] for booleans.
    pub fn square(&self) -> Result<Tensor> {
        number_map!("square", self, |x| x.times(x))
    }

    /// `max(x, 0)`; NaN stays NaN.
    ///
    /// # Errors
    /// [`Error::DType`] for booleans.
    pub fn relu(&self) -> Result<Tensor> {
        number_map!("relu", self, |x| relu(x))
    }

    /// `x` above 0, `slope · x` below.
    ///
    /// # Errors
    /// Only if memory runs out.
    pub fn leaky_relu(&self, slope: f64) -> Result<Tensor> {
        self.map_vectors("leaky_relu", slope, LeakyRelu(slope))
    }

    /// The function of this name, if this is on a graphics processor.
    fn float_on_wgpu(&self, name: &'static str, parameter: f64) -> Option<Result<Tensor>> {
        let run = || {
            let x = self.to_dtype(self.dtype().to_float())?;
            wgpu::elementwise::map(&x, name, [Scalar::Float(parameter), Scalar::Float(0.0)])
        };
        self.is_on_wgpu().then(run)
    }

    fn map_vectors(&self, name: &'static str, parameter: f64, f: impl Unary<f32> + Unary<f64>) -> Result<Tensor> {
        if let Some(result) = self.float_on_wgpu(name, parameter) {
            return result;
        }
        fn mapped<T: Float>(x: &Tensor, f: impl Unary<T>) -> Result<Tensor> {
            let (buffer, layout) = elementwise::map_vectors(x.view::<T>(), f)?;
            Ok(Tensor::from_buffer(buffer, layout, T::DTYPE))
        }
        self.to_dtype(self.dtype().to_float())?.widened(|x| match x.dtype() {
            DType::F64 => mapped::<f64>(x, f),
            _ => mapped::<f32>(x, f),
        })
    }

    /// Whether each element is NaN.
    ///
    /// # Errors
    /// Only if memory runs out.
    pub fn is_nan(&self) -> Result<Tensor> {
        self.test_float("is_nan", f64::is_nan)
    }

    /// Whether each element is `+∞` or `-∞`.
    ///
    /// # Errors
    /// Only if memory runs out.
    pub fn is_inf(&self) -> Result<Tensor> {
        self.test_float("is_inf", f64::is_infinite)
    }

    /// Whether each element is neither NaN nor infinite.
    ///
    /// # Errors
    /// Only if memory runs out.
    pub fn is_finite(&self) -> Result<Tensor> {
        self.test_float("is_finite", f64::is_finite)
    }

    fn test_float(&self, name: &'static str, test: impl Fn(f64) -> bool + Sync) -> Result<Tensor> {
        if self.is_on_wgpu() {
            if !self.dtype().is_float() {
                return Tensor::full_on(self.device(), self.shape(), test(0.0), DType::Bool);
            }
            return wgpu::elementwise::map_to(self, name, [Scalar::Int(0); 2], DType::Bool);
        }
        crate::dtype::with_element!(self.dtype(), T => {
            let (buffer, layout) = elementwise::map(self.view::<T>(), |x: T| test(x.to_f64()))?;
            Ok(Tensor::from_buffer(buffer, layout, DType::Bool))
        })
    }
}

rounding_functions! {
    /// The next whole number below or equal.
    floor: |x| x.floor();
    /// The next whole number above or equal.
    ceil: |x| x.ceil();
    /// The nearest whole number, halves to the even one.
    round: |x| x.round_ties_even();
    /// The whole part.
    trunc: |x| x.trunc();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn f(values: &[f64]) -> Tensor {
        Tensor::from_slice(values, [values.len()]).unwrap()
    }

    #[test]
    fn extremes_do_not_overflow() {
        let x = f(&[-1000.0, 0.0, 1000.0]);
        assert_eq!(x.sigmoid().unwrap().to_vec::<f64>().unwrap(), [0.0, 0.5, 1.0]);
        let s = x.softplus().unwrap().to_vec::<f64>().unwrap();
        assert_eq!((s[0], s[2]), (0.0, 1000.0));
        assert_eq!(x.log_sigmoid().unwrap().to_vec::<f64>().unwrap()[0], -1000.0);
        assert!(f(&[f64::NAN]).sigmoid().unwrap().item::<f64>().unwrap().is_nan());
        assert!(f(&[f64::NAN]).softplus().unwrap().item::<f64>().unwrap().is_nan());
    }

    #[test]
    fn erfinv_inverts_erf() {
        let x = f(&[-3.0, -0.7, 0.0, 1e-9, 0.4, 2.5]);
        let back = x.erf().unwrap().erfinv().unwrap().to_vec::<f64>().unwrap();
        for (a, b) in x.to_vec::<f64>().unwrap().iter().zip(back) {
            assert!((a - b).abs() <= 1e-9 * a.abs().max(1e-9), "{a} {b}");
        }
        assert_eq!(f(&[1.0, -1.0]).erfinv().unwrap().to_vec::<f64>().unwrap(), [f64::INFINITY, f64::NEG_INFINITY]);
    }

    #[test]
    fn integers_keep_or_become_floats() {
        let x = Tensor::new([-2i32, 3]).unwrap();
        assert_eq!(x.abs().unwrap().to_vec::<i32>().unwrap(), [2, 3]);
        assert_eq!(x.floor().unwrap().dtype(), DType::I32);
        assert_eq!(x.exp().unwrap().dtype(), DType::F32);
        assert!(Tensor::new([true]).unwrap().neg().is_err());
    }

    #[test]
    fn rounding_goes_to_even() {
        assert_eq!(f(&[0.5, 1.5, 2.5, -0.5]).round().unwrap().to_vec::<f64>().unwrap(), [0.0, 2.0, 2.0, 0.0]);
    }
}
