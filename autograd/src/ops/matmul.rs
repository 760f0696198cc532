//! Products of matrices and vectors.

use ocelli_tensor::Tensor;

use crate::{Keeps, NodeView, Op, Result, Var};

/// The matrix product of two operands of any rank but 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matmul;

impl Op for Matmul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].matmul(x[1])?)
    }

    fn keeps(&self) -> Keeps {
        Keeps::inputs()
    }

    /// `da = dy · bᵀ` and `db = aᵀ · dy`, summed over what was broadcast.
    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let (a, b) = (node.input(0)?, node.input(1)?);
        let (row, column) = (a.rank() == 1, b.rank() == 1);
        let a = if row { a.unsqueeze(0)? } else { a };
        let b = if column { b.unsqueeze(1)? } else { b };
        let dy = if column { dy.unsqueeze(-1)? } else { dy.clone() };
        let dy = if row { dy.unsqueeze(-2)? } else { dy };
        let mut gradients = vec![None, None];
        if node.needs(0) {
            let da = dy.matmul(&b.t()?)?.sum_to(a.shape())?;
            gradients[0] = Some(da.reshape(node.shape(0))?);
        }
        if node.needs(1) {
            let db = if b.rank() == 2 && a.rank() > 2 {
                // One right matrix for a batch: its gradient sums over the batch within the product.
                let rows = |x: &Var| {
                    let columns = x.shape()[x.rank() - 1];
                    x.reshape([x.shape()[..x.rank() - 1].iter().product::<usize>(), columns])
                };
                rows(&a)?.t()?.matmul(&rows(&dy)?)?
            } else {
                a.t()?.matmul(&dy)?.sum_to(b.shape())?
            };
            gradients[1] = Some(db.reshape(node.shape(1))?);
        }
        Ok(gradients)
    }
}

impl Var {
    /// See [`Tensor::matmul`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn matmul(&self, other: &Var) -> Result<Var> {
        Matmul.apply(&[self, other])
    }

    /// See [`Tensor::dot`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn dot(&self, other: &Var) -> Result<Var> {
        let fail = |expected: String, received: &Var| {
            Err(ocelli_tensor::Error::shape("dot", expected, received.shape()).into())
        };
        if self.rank() != 1 {
            return fail("a vector".to_string(), self);
        }
        if other.shape() != self.shape() {
            return fail(format!("a vector of shape {}", self.shape()), other);
        }
        self.matmul(other)
    }

    /// See [`Tensor::outer`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn outer(&self, other: &Var) -> Result<Var> {
        for operand in [self, other] {
            if operand.rank() != 1 {
                return Err(ocelli_tensor::Error::shape("outer", "two vectors", operand.shape()).into());
            }
        }
        self.unsqueeze(1)?.mul(&other.unsqueeze(0)?)
    }
}
