//! Intersection over union of all pairs of boxes, and its forms for boxes that do not touch.
//!
//! All take boxes [`BoxFormat::Xyxy`](super::BoxFormat::Xyxy) `[..., N, 4]` and `[..., M, 4]` of any float type and give `[..., N, M]`; the axes
//! in front are broadcast. The dtype is the one that both promote to, `f32` for half types. The numbers are torchvision's, but where
//! that divides nothing by nothing and gives NaN, the quotient is 0 here. A box with a NaN has NaN with every other. A pair is measured on
//! the CPU; a result goes to the device of `a`.

use std::f64::consts::PI;

use ocelli_tensor::kernels::{build, over_pieces};
use ocelli_tensor::{DType, Error as TensorError, Shape, Tensor};

use super::boxes::widened;
use super::corners::{Corners, Real, Rect};
use crate::Result;
use crate::host::elements;

/// What torchvision adds to divisors that may be 0.
pub(super) const EPSILON: f64 = 1e-7;

/// About so many pairs are worth a task.
const PAIRS: usize = 16 * 1024;

/// The intersection over union of each box of `a` with each of `b`: 1 for the same box, 0 for boxes that share nothing. torchvision's
/// `box_iou` (no pixel is added to a width), but a pair of empty boxes has 0 and not NaN.
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
/// Unless both are float tensors of shape `[..., N, 4]` whose axes in front broadcast.
#[doc(alias = "box_iou")]
#[doc(alias = "jaccard")]
pub fn iou_matrix(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    measured("iou_matrix", a, b, Measure::Iou)
}

/// The generalized intersection over union of each box of `a` with each of `b`: `IoU − (hull − union)/hull`, where the hull is the smallest
/// box around both; from −1 (far apart) to 1. torchvision's `generalized_box_iou`; where the hull has no area its part is 0.
/// (H. Rezatofighi et al., "Generalized Intersection over Union", 2019.)
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::giou_matrix;
/// # fn main() -> ocelli_vision::Result<()> {
/// let a = Tensor::new([[0.0f32, 0.0, 1.0, 1.0]])?;
/// let b = Tensor::new([[3.0f32, 0.0, 4.0, 1.0]])?;
/// assert_eq!(giou_matrix(&a, &b)?.to_vec::<f32>()?, [-0.5]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`iou_matrix`].
#[doc(alias = "generalized_box_iou")]
pub fn giou_matrix(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    measured("giou_matrix", a, b, Measure::Giou)
}

/// The distance intersection over union of each box of `a` with each of `b`: `IoU − d²/(c² + 1e-7)`, where `d` is the distance of the
/// centres and `c` the diagonal of the hull. torchvision's `distance_box_iou`. (Z. Zheng et al., "Distance-IoU Loss", 2019.)
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::diou_matrix;
/// # fn main() -> ocelli_vision::Result<()> {
/// // Apart: only the distance counts, 3 of the hull's diagonal of √(4² + 1²).
/// let a = Tensor::new([[0.0f64, 0.0, 1.0, 1.0]])?;
/// let b = Tensor::new([[3.0f64, 0.0, 4.0, 1.0]])?;
/// assert!((diou_matrix(&a, &b)?.item::<f64>()? + 9.0 / 17.0).abs() < 1e-6);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`iou_matrix`].
#[doc(alias = "distance_box_iou")]
pub fn diou_matrix(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    measured("diou_matrix", a, b, Measure::Diou)
}

/// The complete intersection over union of each box of `a` with each of `b`: `DIoU − αv`, where `v = 4/π²·(atan(w/h) − atan(w′/h′))²`
/// compares the shapes and `α = v/(1 − IoU + v + 1e-7)`. torchvision's `complete_box_iou`; a box whose sides are both 0 counts as having
/// `atan(w/h) = 0`. (Z. Zheng et al., "Distance-IoU Loss", 2019.)
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::{ciou_matrix, diou_matrix};
/// # fn main() -> ocelli_vision::Result<()> {
/// // The same centre, but one lies and the other stands.
/// let a = Tensor::new([[0.0f64, 1.0, 4.0, 3.0]])?;
/// let b = Tensor::new([[1.0f64, 0.0, 3.0, 4.0]])?;
/// assert!((diou_matrix(&a, &b)?.item::<f64>()? - 1.0 / 3.0).abs() < 1e-6);
/// assert!(ciou_matrix(&a, &b)?.item::<f64>()? < 1.0 / 3.0);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`iou_matrix`].
#[doc(alias = "complete_box_iou")]
pub fn ciou_matrix(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    measured("ciou_matrix", a, b, Measure::Ciou)
}

/// What a pair of boxes is compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    Iou,
    Giou,
    Diou,
    Ciou,
}

fn measured(op: &'static str, a: &Tensor, b: &Tensor, measure: Measure) -> Result<Tensor> {
    let device = a.device();
    let (a, b) = (widened(op, a)?, widened(op, b)?);
    let matrix = match a.dtype().promote(b.dtype()) {
        DType::F64 => matrices::<f64>(op, &a, &b, measure),
        _ => matrices::<f32>(op, &a, &b, measure),
    };
    Ok(matrix?.to_device(device)?)
}

/// A matrix for each place of the axes in front.
fn matrices<T: Real>(op: &'static str, a: &Tensor, b: &Tensor, measure: Measure) -> Result<Tensor> {
    let (n, m, lead) = paired(op, a, b)?;
    let of = |x: &Tensor, count: usize| -> Result<Vec<T>> {
        let shape: Vec<usize> = lead.iter().copied().chain([count, 4]).collect();
        Ok(elements(&x.expand(shape)?)?.into_owned())
    };
    let (rows, columns) = (of(a, n)?, of(b, m)?);
    let shape: Vec<usize> = lead.iter().copied().chain([n, m]).collect();
    Ok(build(shape, |out: &mut [T]| {
        if out.is_empty() {
            return;
        }
        let pairs = rows.chunks_exact(4 * n).zip(columns.chunks_exact(4 * m));
        for ((rows, columns), out) in pairs.zip(out.chunks_exact_mut(n * m)) {
            matrix(&Corners::of(rows), &Corners::of(columns), measure, out);
        }
    })?)
}

/// The numbers of boxes of both, and the broadcast axes in front of them.
fn paired(op: &'static str, a: &Tensor, b: &Tensor) -> Result<(usize, usize, Vec<usize>)> {
    let split = |x: &Tensor| match x.shape()[..] {
        [ref lead @ .., count, _] => Ok((lead.to_vec(), count)),
        _ => Err(TensorError::shape(op, "boxes of shape [..., N, 4]", x.shape())),
    };
    let ((lead_a, n), (lead_b, m)) = (split(a)?, split(b)?);
    let lead = Shape::from(lead_a).broadcast(op, &lead_b.into())?;
    Ok((n, m, lead.to_vec()))
}

fn matrix<T: Real>(rows: &Corners<T>, columns: &Corners<T>, measure: Measure, out: &mut [T]) {
    let aspects = |boxes: &Corners<T>| boxes.iter().map(aspect).collect::<Vec<T>>();
    let (row_aspects, column_aspects) = match measure {
        Measure::Ciou => (aspects(rows), aspects(columns)),
        _ => (Vec::new(), Vec::new()),
    };
    let m = columns.len();
    let height = (PAIRS / m).max(1);
    over_pieces(out, height * m, &|piece, out| {
        for (k, out) in out.chunks_exact_mut(m).enumerate() {
            let i = piece * height + k;
            let (row, eps) = (rows.get(i), T::from_f64(EPSILON));
            match measure {
                Measure::Giou => columns.with_each(out, |giou, other| *giou = row.giou(other)),
                _ => columns.with_each(out, |iou, other| *iou = row.iou_or_zero(other)),
            }
            if measure == Measure::Ciou {
                penalize_shapes(out, row_aspects[i], &column_aspects);
            }
            if matches!(measure, Measure::Diou | Measure::Ciou) {
                columns.with_each(out, |iou, other| *iou = *iou - row.distance(other, eps));
            }
        }
    });
}

/// The angle of a box's diagonal, from the vertical.
fn aspect<T: Real>(b: Rect<T>) -> T {
    let (width, height) = (b.x2 - b.x1, b.y2 - b.y1);
    if width == T::ZERO && height == T::ZERO { T::ZERO } else { (width / height).atan() }
}

/// Takes `αv` from intersections over unions.
fn penalize_shapes<T: Real>(ious: &mut [T], aspect: T, others: &[T]) {
    let (factor, one, eps) = (T::from_f64(4.0 / (PI * PI)), T::from_f64(1.0), T::from_f64(EPSILON));
    for (iou, &other) in ious.iter_mut().zip(others) {
        let v = factor * ((aspect - other) * (aspect - other));
        *iou = *iou - v / (one - *iou + v + eps) * v;
    }
}
