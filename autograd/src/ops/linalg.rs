//! Matrix decompositions.

use ocelli_tensor::Tensor;

use crate::{Keeps, NodeView, Op, Result, Var};

/// `Q` of the reduced QR decomposition of matrices with at least as many rows as columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QrBasis;

impl Op for QrBasis {
    fn name(&self) -> &'static str {
        "qr"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].qr()?.0)
    }

    fn keeps(&self) -> Keeps {
        Keeps::inputs().and(Keeps::output())
    }

    /// `dA = (dQ + Q · S) · R⁻ᵀ`, `S` being the lower triangle of `-dQᵀ · Q` mirrored to the upper one (Walter and Lehmann,
    /// Algorithmic differentiation of linear algebra functions, 2012).
    fn backward(&self, node: &NodeView<'_>, dq: &Var) -> Result<Vec<Option<Var>>> {
        let (a, q) = (node.input(0)?, node.output()?);
        let size = q.shape()[q.rank() - 1];
        let r = upper(&q.t()?.matmul(&a)?)?;
        let m = dq.t()?.matmul(&q)?.neg()?;
        let below = m.mul(&triangle(size, size, &q, true)?)?;
        let mirrored =
            below.add(&below.t()?)?.add(&m.mul(&Tensor::eye(size, size, q.dtype())?.to_device(q.device())?)?)?;
        let da = dq.add(&q.matmul(&mirrored)?)?.matmul(&r.triangular_inverse()?.t()?)?;
        Ok(vec![Some(da)])
    }
}

/// The inverse of upper triangular matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TriangularInverse;

impl Op for TriangularInverse {
    fn name(&self) -> &'static str {
        "triangular_inverse"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].triangular_inverse()?)
    }

    fn keeps(&self) -> Keeps {
        Keeps::output()
    }

    /// `dR = -R⁻ᵀ · dX · R⁻ᵀ`, above the diagonal and on it.
    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let inverse = node.output()?.t()?;
        Ok(vec![Some(upper(&inverse.matmul(dy)?.matmul(&inverse)?.neg()?)?)])
    }
}

/// The same matrices with zeros below the diagonal.
fn upper(x: &Var) -> Result<Var> {
    let (rows, columns) = (x.shape()[x.rank() - 2], x.shape()[x.rank() - 1]);
    x.mul(&triangle(rows, columns, x, false)?)
}

/// Ones below the diagonal, or on it and above, of the dtype and on the device of a variable.
fn triangle(rows: usize, columns: usize, like: &Var, below: bool) -> Result<Tensor> {
    let down = Tensor::arange(0, rows, 1)?.unsqueeze(1)?;
    let across = Tensor::arange(0, columns, 1)?;
    let ones = if below { across.lt(&down)? } else { across.ge(&down)? };
    Ok(ones.to_dtype(like.dtype())?.to_device(like.device())?)
}

impl Var {
    /// See [`Tensor::qr`]; differentiable where the first `min(m, n)` columns are linearly independent (as in PyTorch). Elsewhere
    /// the gradient is not finite.
    ///
    /// `R` is computed from `Q` (as `Qᵀ` times the matrix), so that it may differ from the tensor's by rounding.
    ///
    /// # Errors
    /// As there.
    pub fn qr(&self) -> Result<(Var, Var)> {
        // What makes a matrix unfit is the tensor's to say.
        if self.rank() < 2 || !self.requires_grad() {
            let (q, r) = self.tensor().qr()?;
            return Ok((Var::constant(q), Var::constant(r)));
        }
        let (rows, columns) = (self.shape()[self.rank() - 2], self.shape()[self.rank() - 1]);
        // Columns behind the first square take no part in Q.
        let q = QrBasis.apply(&[&self.narrow(-1, 0, rows.min(columns))?])?;
        let r = upper(&q.t()?.matmul(self)?)?;
        Ok((q, r))
    }

    /// See [`Tensor::triangular_inverse`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn triangular_inverse(&self) -> Result<Var> {
        TriangularInverse.apply(&[self])
    }
}
