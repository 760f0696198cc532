//! Intersection over union.

use ocelli_tensor::{DType, Error as TensorError, Tensor};

use super::boxes::widened;
use super::corners::{Corners, Real};
use crate::Result;

/// The intersection over union of each box of `a` (`[N, 4]`) with each box of `b` (`[M, 4]`), both
/// [`BoxFormat::Xyxy`](super::BoxFormat::Xyxy): a tensor `[N, M]`. These are torchvision's numbers (no pixel is added to a width), but a pair of empty
/// boxes has 0 and not NaN. The dtype is the one that both promote to, `f32` for half types.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::iou_matrix;
/// # fn main() -> ocelli_vision::Result<()> {
/// let a = Tensor::new([[0.0f32, 0.0, 2.0, 2.0]])?;
/// let b = Tensor::new([[0.0f32, 0.0, 2.0, 2.0], [1.0, 0.0, 3.0, 2.0], [5.0, 5.0, 6.0, 6.0]])?;
/// assert_eq!(iou_matrix(&a, &b)?.to_vec::<f32>()?, [1.0, 1.0 / 3.0, 0.0]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless both are float tensors of shape `[N, 4]`.
pub fn iou_matrix(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let (a, b) = (widened("iou_matrix", a)?, widened("iou_matrix", b)?);
    match a.dtype().promote(b.dtype()) {
        DType::F64 => matrix::<f64>(&a, &b),
        _ => matrix::<f32>(&a, &b),
    }
}

fn matrix<T: Real>(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let rows = Corners::<T>::read("iou_matrix", a)?;
    let columns = Corners::<T>::read("iou_matrix", b)?;
    let (n, m) = (rows.len(), columns.len());
    let count = n.saturating_mul(m);
    let mut matrix = Vec::new();
    let refused = |_| TensorError::OutOfMemory { bytes: count.saturating_mul(T::DTYPE.size()) };
    matrix.try_reserve_exact(count).map_err(refused)?;
    matrix.resize(count, T::ZERO);
    if m > 0 {
        for (i, row) in matrix.chunks_exact_mut(m).enumerate() {
            columns.iou_with(&rows, i, 0, row, |slot, iou| *slot = iou);
        }
    }
    Ok(Tensor::from_vec(matrix, [n, m])?)
}
