//! Layer norm and its gradients. A row is read twice by one kernel; few and long rows go through the kernels of batch norm, which cut
//! them into parts.

use super::Kernel;
use super::elementwise::ROUNDING;
use super::norm::{self, Factors, Grouping, MOMENTS, NORM, Operands, SUMS, shaped};
use super::series::{SERIES, Series};
use crate::{DType, Result, Tensor};

static FORWARD: Kernel =
    Kernel { name: "layer norm", files: &[ROUNDING, SERIES, NORM, MOMENTS, include_str!("shaders/layer_norm.wgsl")] };
static BACKWARD: Kernel = Kernel {
    name: "layer norm backward",
    files: &[ROUNDING, SERIES, NORM, SUMS, include_str!("shaders/layer_norm_backward.wgsl")],
};

/// A matrix whose rows are normalized.
#[derive(Clone, Copy)]
struct Matrix {
    rows: usize,
    width: usize,
}

impl Matrix {
    fn of(x: &Tensor, gamma: &Tensor) -> Matrix {
        let lead = x.rank() - gamma.rank();
        Matrix { rows: x.shape()[..lead].iter().product(), width: gamma.numel() }
    }

    fn series(self) -> Series {
        Series::rows(self.rows, self.width)
    }

    fn columns(self) -> Series {
        Series { batch: 1, outer: self.rows, columns: self.width, run: 1 }
    }

    fn grouping(self) -> Grouping {
        Grouping::of_rows(self.rows, self.width)
    }
}

/// The rows of a row-major tensor normalized, in its dtype; their means and variances, `[rows]`.
pub(crate) fn forward(x: &Tensor, factors: Factors<'_>) -> Result<[Tensor; 3]> {
    let Factors { gamma, beta, eps, relu } = factors;
    let matrix = Matrix::of(x, gamma);
    if x.numel() == 0 {
        let nan = || Tensor::full_on(x.device(), [matrix.rows], f64::NAN, DType::F32);
        return Ok([Tensor::empty_on_wgpu(x, x.shape(), x.dtype())?, nan()?, nan()?]);
    }
    let team = matrix.series().cut();
    let operands = Operands { gamma, beta, eps, relu, ..Operands::of(x) };
    if team.parts > 1 {
        let [mean, variance] = norm::moments(x, matrix.series())?;
        let operands = Operands { mean: &mean, variance: &variance, ..operands };
        let y = norm::normalized(operands, matrix.columns(), matrix.grouping())?;
        return Ok([y, mean, variance]);
    }
    let empty = || Tensor::empty_on_wgpu(x, [matrix.rows], DType::F32);
    let (y, mean, variance) = (Tensor::empty_on_wgpu(x, x.shape(), x.dtype())?, empty()?, empty()?);
    let out = [&y, &mean, &variance];
    operands.run(&FORWARD, (team, matrix.grouping()), &out, &[x, gamma, beta], &[], [0; 4])?;
    Ok([y, mean, variance])
}

/// The gradients at the input, in its dtype, and at gamma and beta, in `f32` and of gamma's shape.
pub(crate) fn backward(
    [dy, x]: [&Tensor; 2],
    gamma: &Tensor,
    eps: f64,
    [mean, variance]: [&Tensor; 2],
) -> Result<[Tensor; 3]> {
    let matrix = Matrix::of(x, gamma);
    if x.numel() == 0 {
        let zeros = || Tensor::full_on(x.device(), gamma.shape(), 0, DType::F32);
        return Ok([Tensor::empty_on_wgpu(x, x.shape(), x.dtype())?, zeros()?, zeros()?]);
    }
    let operands = Operands { dy, mean, variance, gamma, eps, ..Operands::of(x) };
    let of_factors = norm::sums(operands, matrix.columns(), matrix.grouping())?;
    let of_factors = shaped(&of_factors, [2, matrix.width]);
    let [dbeta, dgamma] = [of_factors.select(0, 0)?, of_factors.select(0, 1)?].map(|x| shaped(&x, gamma.shape()));
    let team = matrix.series().cut();
    if team.parts > 1 {
        let u = dy.to_dtype(DType::F32)?.mul(gamma)?;
        let of_rows = Grouping::of_series(matrix.series(), 1);
        let totals = norm::sums(Operands { dy: &u, ..operands }, matrix.series(), of_rows)?;
        let dx = norm::gradient(Operands { totals: &totals, ..operands }, matrix.columns(), matrix.grouping())?;
        return Ok([dx, dgamma, dbeta]);
    }
    let dx = Tensor::empty_on_wgpu(x, x.shape(), x.dtype())?;
    let reads = [dy, x, mean, variance, gamma];
    operands.run(&BACKWARD, (team, matrix.grouping()), &[&dx], &reads, &[], [0; 4])?;
    Ok([dx, dgamma, dbeta])
}
