//! Mathematical functions of one operand.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, LN_2, LN_10};

use ocelli_tensor::{Activation, Tensor};

use super::activation;
use crate::{Keeps, NodeView, Op, Result, Var};

/// Generates the enum, the op and the methods from one table: a function's name on [`Tensor`] and [`Var`], what its gradient
/// reads, and the gradient.
macro_rules! functions {
    ($($Variant:ident $name:ident $keeps:expr, |$node:ident, $dy:ident| $gradient:expr;)*) => {
        /// A mathematical function.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum MathFunction {
            $(
                #[doc = concat!("[`Tensor::", stringify!($name), "`]")]
                $Variant,
            )*
        }

        /// A mathematical function, element by element.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Math {
            /// Which.
            pub function: MathFunction,
        }

        impl Op for Math {
            fn name(&self) -> &'static str {
                match self.function {
                    $(MathFunction::$Variant => stringify!($name),)*
                }
            }

            fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
                Ok(match self.function {
                    $(MathFunction::$Variant => x[0].$name(),)*
                }?)
            }

            fn keeps(&self) -> Keeps {
                match self.function {
                    $(MathFunction::$Variant => $keeps,)*
                }
            }

            fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
                self.backward_owned(node, dy.clone())
            }

            fn backward_owned(&self, node: &NodeView<'_>, dy: Var) -> Result<Vec<Option<Var>>> {
                let gradient = match self.function {
                    $(MathFunction::$Variant => {
                        let ($node, $dy) = (node, dy);
                        $gradient
                    })*
                };
                Ok(vec![Some(gradient)])
            }
        }

        impl Var {
            $(
                #[doc = concat!("See [`Tensor::", stringify!($name), "`]; differentiable.")]
                ///
                /// # Errors
                /// As there.
                pub fn $name(&self) -> Result<Var> {
                    Math { function: MathFunction::$Variant }.apply(&[self])
                }
            )*
        }
    };
}

/// `1 - x²` and `1 + x²`, which several derivatives are made of.
fn one_minus_square(x: &Var) -> Result<Var> {
    x.square()?.neg()?.add(1.0)
}
fn one_plus_square(x: &Var) -> Result<Var> {
    x.square()?.add(1.0)
}

/// `2/√π · e^(-x²)`, the derivative of the error function.
fn bell(x: &Var) -> Result<Var> {
    x.square()?.neg()?.exp()?.mul(FRAC_2_SQRT_PI)
}

/// Where a mask is true, as numbers of the variable's dtype.
fn as_numbers(mask: Tensor, like: &Var) -> Result<Var> {
    Ok(Var::constant(mask.to_dtype(like.dtype())?))
}

const NOTHING: Keeps = Keeps::nothing();
const INPUT: Keeps = Keeps::input(0);
const OUTPUT: Keeps = Keeps::output();

functions! {
    Neg neg NOTHING, |_node, dy| dy.neg()?;
    Abs abs INPUT, |node, dy| dy.mul(&node.input(0)?.tensor().sign()?)?;
    Sign sign NOTHING, |_node, dy| dy.zeros()?;
    Square square INPUT, |node, dy| dy.mul(&node.input(0)?)?.mul(2.0)?;
    Sqrt sqrt OUTPUT, |node, dy| dy.div(&node.output()?)?.mul(0.5)?;
    Rsqrt rsqrt OUTPUT, |node, dy| dy.mul(&node.output()?.pow(3.0)?)?.mul(-0.5)?;
    Cbrt cbrt OUTPUT, |node, dy| dy.div(&node.output()?.square()?)?.mul(1.0 / 3.0)?;
    Recip recip OUTPUT, |node, dy| dy.mul(&node.output()?.square()?)?.neg()?;
    Exp exp OUTPUT, |node, dy| dy.mul(&node.output()?)?;
    Exp2 exp2 OUTPUT, |node, dy| dy.mul(&node.output()?)?.mul(LN_2)?;
    ExpM1 exp_m1 OUTPUT, |node, dy| dy.mul(&node.output()?.add(1.0)?)?;
    Ln ln INPUT, |node, dy| dy.div(&node.input(0)?)?;
    Log2 log2 INPUT, |node, dy| dy.div(&node.input(0)?)?.mul(1.0 / LN_2)?;
    Log10 log10 INPUT, |node, dy| dy.div(&node.input(0)?)?.mul(1.0 / LN_10)?;
    Ln1p ln_1p INPUT, |node, dy| dy.div(&node.input(0)?.add(1.0)?)?;
    Sin sin INPUT, |node, dy| dy.mul(&node.input(0)?.cos()?)?;
    Cos cos INPUT, |node, dy| dy.mul(&node.input(0)?.sin()?)?.neg()?;
    Tan tan OUTPUT, |node, dy| dy.mul(&one_plus_square(&node.output()?)?)?;
    Asin asin INPUT, |node, dy| dy.mul(&one_minus_square(&node.input(0)?)?.rsqrt()?)?;
    Acos acos INPUT, |node, dy| dy.mul(&one_minus_square(&node.input(0)?)?.rsqrt()?)?.neg()?;
    Atan atan INPUT, |node, dy| dy.div(&one_plus_square(&node.input(0)?)?)?;
    Sinh sinh INPUT, |node, dy| dy.mul(&node.input(0)?.cosh()?)?;
    Cosh cosh INPUT, |node, dy| dy.mul(&node.input(0)?.sinh()?)?;
    Tanh tanh OUTPUT, |node, dy| dy.mul(&one_minus_square(&node.output()?)?)?;
    Asinh asinh INPUT, |node, dy| dy.mul(&one_plus_square(&node.input(0)?)?.rsqrt()?)?;
    Acosh acosh INPUT, |node, dy| dy.mul(&node.input(0)?.square()?.sub(1.0)?.rsqrt()?)?;
    Atanh atanh INPUT, |node, dy| dy.div(&one_minus_square(&node.input(0)?)?)?;
    Erf erf INPUT, |node, dy| dy.mul(&bell(&node.input(0)?)?)?;
    Erfc erfc INPUT, |node, dy| dy.mul(&bell(&node.input(0)?)?)?.neg()?;
    Erfinv erfinv OUTPUT, |node, dy| dy.div(&bell(&node.output()?)?)?;
    Sigmoid sigmoid OUTPUT, |node, dy| {
        let y = node.output()?;
        dy.mul(&y.mul(&y.neg()?.add(1.0)?)?)?
    };
    LogSigmoid log_sigmoid INPUT, |node, dy| dy.mul(&node.input(0)?.neg()?.sigmoid()?)?;
    Softplus softplus INPUT, |node, dy| dy.mul(&node.input(0)?.sigmoid()?)?;
    Silu silu INPUT, |node, dy| {
        let (x, s) = (node.input(0)?, node.input(0)?.sigmoid()?);
        dy.mul(&s.mul(&x.mul(&s.neg()?.add(1.0)?)?.add(1.0)?)?)?
    };
    Gelu gelu INPUT, |node, dy| {
        let x = node.input(0)?;
        let below = x.mul(FRAC_1_SQRT_2)?.erf()?.add(1.0)?.mul(0.5)?;
        let density = x.square()?.mul(-0.5)?.exp()?.mul(0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2)?;
        dy.mul(&x.mul(&density)?.add(&below)?)?
    };
    GeluTanh gelu_tanh INPUT, |node, dy| {
        // x/2 · (1 + t) with t = tanh(a·x + b·x³).
        let (a, b) = (FRAC_2_SQRT_PI * FRAC_1_SQRT_2, 0.044_715 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2);
        let x = node.input(0)?;
        let square = x.square()?;
        let t = x.mul(&square.mul(b)?.add(a)?)?.tanh()?;
        let slope = one_minus_square(&t)?.mul(&square.mul(3.0 * b)?.add(a)?)?;
        dy.mul(&x.mul(&slope)?.add(&t)?.add(1.0)?.mul(0.5)?)?
    };
    HardSigmoid hard_sigmoid OUTPUT, |node, dy| {
        let y = node.output()?;
        let inside = y.tensor().gt(0.0)?.logical_and(&y.tensor().lt(1.0)?)?;
        dy.mul(&as_numbers(inside, &dy)?)?.mul(1.0 / 6.0)?
    };
    HardSwish hard_swish INPUT, |node, dy| {
        let x = node.input(0)?;
        let inside = as_numbers(x.tensor().gt(-3.0)?.logical_and(&x.tensor().lt(3.0)?)?, &dy)?;
        let above = as_numbers(x.tensor().ge(3.0)?, &dy)?;
        dy.mul(&x.mul(1.0 / 3.0)?.add(0.5)?.mul(&inside)?.add(&above)?)?
    };
    Relu relu OUTPUT, |node, dy| activation::backward(Activation::Relu, &node.output()?, dy)?;
    Floor floor NOTHING, |_node, dy| dy.zeros()?;
    Ceil ceil NOTHING, |_node, dy| dy.zeros()?;
    Round round NOTHING, |_node, dy| dy.zeros()?;
    Trunc trunc NOTHING, |_node, dy| dy.zeros()?;
}

/// `x` above 0, `slope · x` below; the gradient at 0 is `slope`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeakyRelu {
    /// The factor below 0.
    pub slope: f64,
}

impl Op for LeakyRelu {
    fn name(&self) -> &'static str {
        "leaky_relu"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].leaky_relu(self.slope)?)
    }

    fn keeps(&self) -> Keeps {
        INPUT
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let above = as_numbers(node.input(0)?.tensor().gt(0.0)?, dy)?;
        Ok(vec![Some(dy.mul(&above.mul(1.0 - self.slope)?.add(self.slope)?)?)])
    }
}

/// `min(max(x, 0), 6)`; the gradient passes where `0 < x < 6`, as in PyTorch, which the output tells: [`Clamp`] must keep its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relu6;

impl Op for Relu6 {
    fn name(&self) -> &'static str {
        "relu6"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].clamp(Some(0.0), Some(6.0))?)
    }

    fn keeps(&self) -> Keeps {
        OUTPUT
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        self.backward_owned(node, dy.clone())
    }

    fn backward_owned(&self, node: &NodeView<'_>, dy: Var) -> Result<Vec<Option<Var>>> {
        Ok(vec![Some(activation::backward(Activation::Relu6, &node.output()?, dy)?)])
    }
}

/// `x` limited to `low..=high`; the gradient passes where `low ≤ x ≤ high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clamp {
    /// The lower limit.
    pub low: Option<f64>,
    /// The upper limit.
    pub high: Option<f64>,
}

impl Op for Clamp {
    fn name(&self) -> &'static str {
        "clamp"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].clamp(self.low, self.high)?)
    }

    fn keeps(&self) -> Keeps {
        INPUT
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let x = node.input(0)?;
        let above = x.tensor().ge(self.low.unwrap_or(f64::NEG_INFINITY))?;
        let inside = above.logical_and(&x.tensor().le(self.high.unwrap_or(f64::INFINITY))?)?;
        Ok(vec![Some(dy.mul(&as_numbers(inside, dy)?)?)])
    }
}

impl Var {
    /// See [`Tensor::leaky_relu`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn leaky_relu(&self, slope: f64) -> Result<Var> {
        LeakyRelu { slope }.apply(&[self])
    }

    /// `min(max(x, 0), 6)`, whose gradient is 0 at 0 and at 6.
    ///
    /// # Errors
    /// As [`Tensor::clamp`].
    pub fn relu6(&self) -> Result<Var> {
        Relu6.apply(&[self])
    }

    /// See [`Tensor::clamp`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn clamp(&self, low: Option<f64>, high: Option<f64>) -> Result<Var> {
        Clamp { low, high }.apply(&[self])
    }

    /// A constant of zeros of this shape and dtype.
    ///
    /// # Errors
    /// Only if memory runs out.
    pub fn zeros(&self) -> Result<Var> {
        Ok(Var::constant(self.tensor().zeros_like()?))
    }
}
