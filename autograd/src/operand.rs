//! The other side of a binary operation on variables.

use ocelli_tensor::{Operand, Scalar, Tensor};

use crate::Var;

/// The other operand of a binary operation on a [`Var`]: a variable, a tensor (a constant) or a plain number.
#[derive(Debug, Clone)]
pub enum VarOperand<'a> {
    /// A variable, broadcast against the first operand.
    Var(&'a Var),
    /// A constant tensor, broadcast against the first operand.
    Tensor(&'a Tensor),
    /// A number.
    Scalar(Scalar),
}

impl<'a> VarOperand<'a> {
    /// The value, as the tensor's operations take it.
    pub(crate) fn value(&self) -> Operand<'a> {
        match self {
            VarOperand::Var(var) => Operand::Tensor(var.tensor()),
            VarOperand::Tensor(tensor) => Operand::Tensor(tensor),
            VarOperand::Scalar(scalar) => Operand::Scalar(*scalar),
        }
    }
}

impl<'a> From<&'a Var> for VarOperand<'a> {
    fn from(var: &'a Var) -> Self {
        VarOperand::Var(var)
    }
}

impl<'a> From<&'a Tensor> for VarOperand<'a> {
    fn from(tensor: &'a Tensor) -> Self {
        VarOperand::Tensor(tensor)
    }
}

macro_rules! from_number {
    ($($T:ty),*) => {$(
        impl From<$T> for VarOperand<'_> {
            fn from(value: $T) -> Self {
                VarOperand::Scalar(value.into())
            }
        }
    )*};
}
from_number!(Scalar, bool, i32, i64, u8, usize, f32, f64);
