//! Matrix decompositions.

use crate::cpu::linalg;
use crate::cpu::parallel::SharedMut;
use crate::cpu::threads;
use crate::dtype::with_float;
use crate::ops::on_cpu::on_cpu;
use crate::{DType, Error, Result, Shape, Tensor};

impl Tensor {
    /// The reduced QR decomposition of matrices `[…, m, n]`: `Q` of `[…, m, k]` with orthonormal columns and the upper triangular
    /// `R` of `[…, k, n]` with `k = min(m, n)`, whose product is the matrix.
    ///
    /// It is made by Householder reflections as in LAPACK's `geqrf`, and the signs are LAPACK's: a diagonal element of `R` has the
    /// opposite sign of what was reflected onto it, so that it may be negative. Multiply the columns of `Q` by the signs of
    /// `R`'s diagonal for the decomposition with a positive one.
    ///
    /// On a graphics processor this runs on the CPU: reflections follow one another, each over a few numbers. It waits for the matrices,
    /// and brings the results back.
    ///
    /// # Errors
    /// [`Error::Shape`] below rank 2; [`Error::DType`] for other than float types.
    pub fn qr(&self) -> Result<(Tensor, Tensor)> {
        if self.is_on_wgpu() {
            return on_cpu("qr", [self], |[x]| x.qr());
        }
        const OP: &str = "qr";
        self.dtype().require_float(OP)?;
        if self.rank() < 2 {
            return Err(Error::shape(OP, "matrices […, m, n]", self.shape()));
        }
        if self.dtype().is_half() {
            let (q, r) = self.to_dtype(DType::F32)?.qr()?;
            return Ok((q.to_dtype(self.dtype())?, r.to_dtype(self.dtype())?));
        }
        let lead = &self.shape()[..self.rank() - 2];
        let (m, n) = (self.shape()[lead.len()], self.shape()[lead.len() + 1]);
        let k = m.min(n);
        let shape = |rows: usize, columns: usize| -> Shape { lead.iter().copied().chain([rows, columns]).collect() };
        // Of matrices without elements there may be any number.
        let count = if k == 0 { 0 } else { lead.iter().product() };
        // Column by column, as reflections work on columns.
        let columns = self.transpose(-2, -1)?.contiguous()?;
        with_float!(self.dtype(), T => {
            let source = columns.view::<T>().as_contiguous().unwrap_or_default();
            let mut q = None;
            let r = Tensor::build::<T>(shape(k, n), |r| {
                q = Some(Tensor::build::<T>(shape(m, k), |q| {
                    let (q, r) = (SharedMut::new(q), SharedMut::new(r));
                    threads::each(count, &|i| {
                        let mut columns = source[i * m * n..(i + 1) * m * n].to_vec();
                        // SAFETY: each matrix has its own pieces of `q` and `r`, which outlive the loop.
                        let (q, r) = unsafe {
                            (q.slice(i * m * k..(i + 1) * m * k), r.slice(i * k * n..(i + 1) * k * n))
                        };
                        linalg::qr(&mut columns, m, n, q, r);
                    });
                    Ok(())
                })?);
                Ok(())
            })?;
            let q = q.ok_or_else(|| Error::argument(OP, "expected a result, received none"))?;
            Ok((q, r))
        })
    }

    /// The inverses of upper triangular matrices `[…, n, n]`, of which only the diagonal and what is above is read. A zero on the
    /// diagonal makes it infinite. On a graphics processor this runs on the CPU, as [`Tensor::qr`], whose gradient it is for.
    ///
    /// # Errors
    /// [`Error::Shape`] unless the last two sizes are equal; [`Error::DType`] for other than float types.
    pub fn triangular_inverse(&self) -> Result<Tensor> {
        if self.is_on_wgpu() {
            return on_cpu("triangular_inverse", [self], |[x]| x.triangular_inverse());
        }
        const OP: &str = "triangular_inverse";
        self.dtype().require_float(OP)?;
        let n = self.shape().last().copied().unwrap_or(0);
        if self.rank() < 2 || self.shape()[self.rank() - 2] != n {
            return Err(Error::shape(OP, "square matrices […, n, n]", self.shape()));
        }
        self.widened(|x| {
            let x = x.contiguous()?;
            with_float!(x.dtype(), T => Tensor::build::<T>(x.shape(), |out| {
                let source = x.view::<T>().as_contiguous().unwrap_or_default();
                if n > 0 {
                    let pairs = source.chunks_exact(n * n).zip(out.chunks_exact_mut(n * n));
                    pairs.for_each(|(matrix, out)| linalg::upper_inverse(matrix, n, out));
                }
                Ok(())
            }))
        })
    }
}
