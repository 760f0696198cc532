//! Arithmetic of two operands.

use ocelli_tensor::{Operand, Scalar, Tensor};

use crate::{Keeps, NodeView, Op, Result, Var, VarOperand};

/// An arithmetic operation of two broadcast operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// `a + b`
    Add,
    /// `a - b`
    Sub,
    /// `a · b`
    Mul,
    /// `a / b`
    Div,
    /// `a mod b` with the divisor's sign
    Rem,
    /// `aᵇ`
    Pow,
    /// The larger; at a tie each operand gets half of the gradient
    Maximum,
    /// The smaller; at a tie each operand gets half of the gradient
    Minimum,
    /// The angle of the point (b, a)
    Atan2,
    /// `√(a² + b²)`
    Hypot,
}

impl Function {
    fn name(self) -> &'static str {
        match self {
            Function::Add => "add",
            Function::Sub => "sub",
            Function::Mul => "mul",
            Function::Div => "div",
            Function::Rem => "rem",
            Function::Pow => "pow",
            Function::Maximum => "maximum",
            Function::Minimum => "minimum",
            Function::Atan2 => "atan2",
            Function::Hypot => "hypot",
        }
    }

    fn compute(self, a: &Tensor, b: Operand<'_>) -> Result<Tensor> {
        Ok(match self {
            Function::Add => a.add(b),
            Function::Sub => a.sub(b),
            Function::Mul => a.mul(b),
            Function::Div => a.div(b),
            Function::Rem => a.rem(b),
            Function::Pow => a.pow(b),
            Function::Maximum => a.maximum(b),
            Function::Minimum => a.minimum(b),
            Function::Atan2 => a.atan2(b),
            Function::Hypot => a.hypot(b),
        }?)
    }

    fn keeps(self) -> Keeps {
        match self {
            Function::Add | Function::Sub => Keeps::nothing(),
            Function::Pow | Function::Hypot => Keeps::inputs().and(Keeps::output()),
            _ => Keeps::inputs(),
        }
    }

    /// `∂/∂a`, as a factor of `dy`.
    fn left(self, node: &NodeView<'_>, b: &VarOperand<'_>, dy: &Var) -> Result<Var> {
        match self {
            Function::Add | Function::Sub | Function::Rem => Ok(dy.clone()),
            Function::Mul => dy.mul(b.clone()),
            Function::Div => dy.div(b.clone()),
            // b·a^(b-1), and 0 where b is 0, whatever a is.
            Function::Pow => {
                let a = node.input(0)?;
                match b {
                    VarOperand::Scalar(b) if b.to_f64() == 0.0 => dy.mul(0.0),
                    VarOperand::Scalar(b) => dy.mul(&a.pow(b.to_f64() - 1.0)?.mul(b.to_f64())?),
                    VarOperand::Tensor(_) | VarOperand::Var(_) => {
                        let b = constant_or_var(b);
                        let slope = a.pow(&b.sub(1.0)?)?.mul(&b)?;
                        dy.mul(&slope.where_(&b.tensor().ne(0.0)?, &slope.zeros()?)?)
                    }
                }
            }
            Function::Maximum => dy.mul(&share(node.input(0)?.tensor(), b, |a, b| a.gt(b))?),
            Function::Minimum => dy.mul(&share(node.input(0)?.tensor(), b, |a, b| a.lt(b))?),
            Function::Atan2 => {
                let (a, b) = (node.input(0)?, constant_or_var(b));
                dy.mul(&b)?.div(&a.square()?.add(&b.square()?)?)
            }
            Function::Hypot => dy.mul(&node.input(0)?)?.div(&node.output()?),
        }
    }

    /// `∂/∂b`, as a factor of `dy`.
    fn right(self, node: &NodeView<'_>, dy: &Var) -> Result<Var> {
        match self {
            Function::Add => Ok(dy.clone()),
            Function::Sub => dy.neg(),
            Function::Mul => dy.mul(&node.input(0)?),
            Function::Div => {
                let (a, b) = (node.input(0)?, node.input(1)?);
                dy.mul(&a)?.div(&b.square()?)?.neg()
            }
            Function::Rem => {
                let (a, b) = (node.input(0)?, node.input(1)?);
                dy.mul(&a.tensor().div(b.tensor())?.floor()?)?.neg()
            }
            // y·ln a, and 0 where a and y are 0.
            Function::Pow => {
                let (a, y) = (node.input(0)?, node.output()?);
                let slope = a.ln()?.mul(&y)?;
                dy.mul(&slope.where_(&a.tensor().ne(0.0)?, &slope.zeros()?)?)
            }
            Function::Maximum => dy.mul(&share(node.input(1)?.tensor(), &(&node.input(0)?).into(), |b, a| b.gt(a))?),
            Function::Minimum => dy.mul(&share(node.input(1)?.tensor(), &(&node.input(0)?).into(), |b, a| b.lt(a))?),
            Function::Atan2 => {
                let (a, b) = (node.input(0)?, node.input(1)?);
                dy.mul(&a)?.div(&a.square()?.add(&b.square()?)?)?.neg()
            }
            Function::Hypot => dy.mul(&node.input(1)?)?.div(&node.output()?),
        }
    }
}

fn constant_or_var(operand: &VarOperand<'_>) -> Var {
    match operand {
        VarOperand::Var(var) => (*var).clone(),
        VarOperand::Tensor(tensor) => Var::from(*tensor),
        VarOperand::Scalar(_) => unreachable!("a plain number is handled before"),
    }
}

/// 1 where the first operand wins, ½ at ties, 0 elsewhere.
fn share(
    mine: &Tensor,
    other: &VarOperand<'_>,
    wins: impl Fn(&Tensor, Operand<'_>) -> ocelli_tensor::Result<Tensor>,
) -> Result<Var> {
    let won = wins(mine, other.value())?.to_dtype(mine.dtype())?;
    let tied = mine.eq(other.value())?.to_dtype(mine.dtype())?;
    Ok(Var::constant(won.add(&tied.mul(0.5)?)?))
}

/// An arithmetic operation of two variables, broadcast against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binary {
    /// Which.
    pub function: Function,
}

impl Op for Binary {
    fn name(&self) -> &'static str {
        self.function.name()
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        self.function.compute(x[0], x[1].into())
    }

    fn keeps(&self) -> Keeps {
        self.function.keeps()
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let mut gradients = vec![None, None];
        if node.needs(0) {
            let b = if self.function.keeps() == Keeps::nothing() { dy.clone() } else { node.input(1)? };
            gradients[0] = Some(self.function.left(node, &(&b).into(), dy)?.sum_to(node.shape(0))?);
        }
        if node.needs(1) {
            gradients[1] = Some(self.function.right(node, dy)?.sum_to(node.shape(1))?);
        }
        Ok(gradients)
    }
}

/// An arithmetic operation of a variable and a plain number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WithScalar {
    /// Which.
    pub function: Function,
    /// The number.
    pub scalar: Scalar,
}

impl Op for WithScalar {
    fn name(&self) -> &'static str {
        self.function.name()
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        self.function.compute(x[0], self.scalar.into())
    }

    fn keeps(&self) -> Keeps {
        match self.function {
            Function::Mul | Function::Div | Function::Rem => Keeps::nothing(),
            Function::Pow => Keeps::inputs(),
            other => other.keeps(),
        }
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let scalar = match self.function {
            // These rules compute with the number as a variable.
            Function::Atan2 => {
                let value = Var::constant(Tensor::full_on(dy.device(), (), self.scalar, dy.dtype())?);
                return Ok(vec![Some(self.function.left(node, &(&value).into(), dy)?)]);
            }
            _ => VarOperand::Scalar(self.scalar),
        };
        Ok(vec![Some(self.function.left(node, &scalar, dy)?)])
    }
}

impl Var {
    fn binary(&self, function: Function, other: VarOperand<'_>) -> Result<Var> {
        match other {
            VarOperand::Var(other) => Binary { function }.apply(&[self, other]),
            VarOperand::Tensor(other) => Binary { function }.apply(&[self, &Var::from(other)]),
            VarOperand::Scalar(scalar) => WithScalar { function, scalar }.apply(&[self]),
        }
    }

    /// See [`Tensor::add`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn add<'a>(&self, other: impl Into<VarOperand<'a>>) -> Result<Var> {
        self.binary(Function::Add, other.into())
    }

    /// See [`Tensor::sub`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn sub<'a>(&self, other: impl Into<VarOperand<'a>>) -> Result<Var> {
        self.binary(Function::Sub, other.into())
    }

    /// See [`Tensor::mul`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn mul<'a>(&self, other: impl Into<VarOperand<'a>>) -> Result<Var> {
        self.binary(Function::Mul, other.into())
    }

    /// See [`Tensor::div`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn div<'a>(&self, other: impl Into<VarOperand<'a>>) -> Result<Var> {
        self.binary(Function::Div, other.into())
    }

    /// See [`Tensor::rem`]; differentiable where it does not jump.
    ///
    /// # Errors
    /// As there.
    pub fn rem<'a>(&self, other: impl Into<VarOperand<'a>>) -> Result<Var> {
        self.binary(Function::Rem, other.into())
    }

    /// See [`Tensor::pow`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn pow<'a>(&self, other: impl Into<VarOperand<'a>>) -> Result<Var> {
        self.binary(Function::Pow, other.into())
    }

    /// See [`Tensor::maximum`]; differentiable. At a tie each operand gets half of the gradient.
    ///
    /// # Errors
    /// As there.
    pub fn maximum<'a>(&self, other: impl Into<VarOperand<'a>>) -> Result<Var> {
        self.binary(Function::Maximum, other.into())
    }

    /// See [`Tensor::minimum`]; differentiable. At a tie each operand gets half of the gradient.
    ///
    /// # Errors
    /// As there.
    pub fn minimum<'a>(&self, other: impl Into<VarOperand<'a>>) -> Result<Var> {
        self.binary(Function::Minimum, other.into())
    }

    /// See [`Tensor::atan2`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn atan2<'a>(&self, other: impl Into<VarOperand<'a>>) -> Result<Var> {
        self.binary(Function::Atan2, other.into())
    }

    /// See [`Tensor::hypot`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn hypot<'a>(&self, other: impl Into<VarOperand<'a>>) -> Result<Var> {
        self.binary(Function::Hypot, other.into())
    }
}

macro_rules! operator {
    ($Trait:ident, $method:ident) => {
        impl std::ops::$Trait<&Var> for &Var {
            type Output = Result<Var>;
            fn $method(self, other: &Var) -> Result<Var> {
                Var::$method(self, other)
            }
        }
        impl std::ops::$Trait<Var> for Var {
            type Output = Result<Var>;
            fn $method(self, other: Var) -> Result<Var> {
                Var::$method(&self, &other)
            }
        }
        impl std::ops::$Trait<&Var> for Var {
            type Output = Result<Var>;
            fn $method(self, other: &Var) -> Result<Var> {
                Var::$method(&self, other)
            }
        }
        impl std::ops::$Trait<Var> for &Var {
            type Output = Result<Var>;
            fn $method(self, other: Var) -> Result<Var> {
                Var::$method(self, &other)
            }
        }
        impl std::ops::$Trait<f64> for &Var {
            type Output = Result<Var>;
            fn $method(self, other: f64) -> Result<Var> {
                Var::$method(self, other)
            }
        }
        impl std::ops::$Trait<f64> for Var {
            type Output = Result<Var>;
            fn $method(self, other: f64) -> Result<Var> {
                Var::$method(&self, other)
            }
        }
    };
}
operator!(Add, add);
operator!(Sub, sub);
operator!(Mul, mul);
operator!(Div, div);

impl std::ops::Neg for &Var {
    type Output = Result<Var>;
    fn neg(self) -> Result<Var> {
        Var::neg(self)
    }
}
