//! Orthogonal matrices.

use ocelli_tensor::{DType, Generator, Shape, Tensor};
use serde::{Deserialize, Serialize};

use super::seeded;
use crate::{Error, Result};

/// A matrix with orthonormal rows or columns (whichever are fewer), times `gain`, evenly distributed among all such matrices. A
/// weight `[out, in, kernel…]` is seen as the matrix `[out, in · Π kernel]`.
///
/// A. Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks", ICLR 2014.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Orthogonal {
    /// Gives the same numbers at each call.
    pub seed: Option<u64>,
    /// The factor; 1 by default.
    pub gain: f64,
}

impl Default for Orthogonal {
    fn default() -> Self {
        Orthogonal::new(1.0)
    }
}

impl Orthogonal {
    /// With this factor.
    pub fn new(gain: f64) -> Self {
        Orthogonal { seed: None, gain }
    }

    pub(super) fn values(&self, shape: &Shape, dtype: DType, generator: &mut Generator) -> Result<Tensor> {
        let [rows, ref rest @ ..] = shape[..] else {
            return Err(too_small(shape));
        };
        if rest.is_empty() {
            return Err(too_small(shape));
        }
        let columns: usize = rest.iter().product();
        if rows * columns == 0 {
            return Ok(Tensor::zeros(shape, dtype)?);
        }
        let (tall, narrow) = (rows.max(columns), rows.min(columns));
        let normal = seeded(self.seed, generator, |g| Tensor::randn([tall, narrow], dtype, g))?;
        let (q, r) = normal.qr()?;
        // The decomposition fixes the signs of R's diagonal by how it computes; that R's diagonal be positive makes Q unique,
        // and so its distribution even (F. Mezzadri, "How to generate random matrices from the classical compact groups").
        let diagonal = r.mul(&Tensor::eye(narrow, narrow, dtype)?)?.sum(0)?;
        let signs = diagonal.ge(0.0)?.to_dtype(dtype)?.mul(2.0)?.sub(1.0)?;
        let q = q.mul(&signs)?;
        let q = if rows < columns { q.t()? } else { q };
        Ok(q.mul(self.gain)?.reshape(shape)?)
    }
}

fn too_small(shape: &Shape) -> Error {
    let message = format!("expected a shape of at least 2 axes, received {shape}");
    Error::argument("orthogonal initializer", message)
}
