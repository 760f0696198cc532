//! Losses of predicted boxes by their overlap with the true ones, pair by pair.
//!
//! All take boxes [`BoxFormat::Xyxy`](super::BoxFormat::Xyxy) of one shape `[..., 4]`, as variables: they are differentiable in both. They
//! are `1 −` a form of intersection over union, with torchvision's arithmetic and gradients; `eps` (torchvision's default is
//! [`LOSS_EPSILON`]) is added to divisors, so that boxes without area have a finite loss. Half types are widened to `f32`. The mean
//! of no boxes is 0, as there. They are computed where the boxes lie.

use std::f64::consts::PI;

use ocelli_autograd::Var;
use ocelli_nn::losses::Reduction;
use ocelli_tensor::Error as TensorError;

use super::boxes::{require_boxes, wide};
use crate::{Error, Result};

/// What torchvision's losses add to divisors.
pub const LOSS_EPSILON: f64 = super::iou::EPSILON;

/// `1 − IoU`: the loss that does not know where to go from boxes that do not overlap (its gradient is 0 there).
///
/// ```
/// use ocelli_autograd::Var;
/// use ocelli_nn::losses::Reduction;
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::box_iou_loss;
/// # fn main() -> ocelli_vision::Result<()> {
/// let predicted = Var::leaf(Tensor::new([[0.0f64, 0.0, 2.0, 2.0]])?)?;
/// let target = Var::constant(Tensor::new([[1.0f64, 0.0, 3.0, 2.0]])?);
/// let loss = box_iou_loss(&predicted, &target, Reduction::Mean, 0.0)?;
/// assert!((loss.item::<f64>()? - 2.0 / 3.0).abs() < 1e-12);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless both are float variables of one shape `[..., 4]`, and `eps` is finite and not negative.
pub fn box_iou_loss(boxes1: &Var, boxes2: &Var, reduction: Reduction, eps: f64) -> Result<Var> {
    let pairs = Pairs::new("box_iou_loss", boxes1, boxes2, eps)?;
    reduced(&pairs.iou()?.neg()?.add(1.0)?, reduction)
}

/// `1 − GIoU`, with a part for the hull that neither box covers: torchvision's `generalized_box_iou_loss`.
/// (H. Rezatofighi et al., "Generalized Intersection over Union", 2019.)
///
/// ```
/// use ocelli_autograd::Var;
/// use ocelli_nn::losses::Reduction;
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::generalized_box_iou_loss;
/// # fn main() -> ocelli_vision::Result<()> {
/// let predicted = Var::leaf(Tensor::new([[0.0f64, 0.0, 1.0, 1.0]])?)?;
/// let target = Var::constant(Tensor::new([[3.0f64, 0.0, 4.0, 1.0]])?);
/// let loss = generalized_box_iou_loss(&predicted, &target, Reduction::Mean, 0.0)?;
/// assert_eq!(loss.item::<f64>()?, 1.5);
/// // To the right.
/// assert!(loss.backward()?.get(&predicted)?.to_vec::<f64>()?[2] < 0.0);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`box_iou_loss`].
pub fn generalized_box_iou_loss(boxes1: &Var, boxes2: &Var, reduction: Reduction, eps: f64) -> Result<Var> {
    let pairs = Pairs::new("generalized_box_iou_loss", boxes1, boxes2, eps)?;
    let (_, union) = pairs.shared_and_union()?;
    let (width, height) = pairs.hull()?;
    let hull = width.mul(&height)?;
    let giou = pairs.iou()?.sub(&hull.sub(&union)?.div(&hull.add(eps)?)?)?;
    reduced(&giou.neg()?.add(1.0)?, reduction)
}

/// `1 − IoU + d²/(c² + eps)`, with the distance `d` of the centres and the diagonal `c` of the hull: torchvision's
/// `distance_box_iou_loss`. (Z. Zheng et al., "Distance-IoU Loss", 2019.)
///
/// ```
/// use ocelli_autograd::Var;
/// use ocelli_nn::losses::Reduction;
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::distance_box_iou_loss;
/// # fn main() -> ocelli_vision::Result<()> {
/// let predicted = Var::leaf(Tensor::new([[0.0f64, 0.0, 2.0, 2.0]])?)?;
/// let target = Var::constant(Tensor::new([[1.0f64, 0.0, 3.0, 2.0]])?);
/// let loss = distance_box_iou_loss(&predicted, &target, Reduction::Mean, 0.0)?;
/// // The centres are 1 apart, the hull is 3 by 2.
/// assert!((loss.item::<f64>()? - (2.0 / 3.0 + 1.0 / 13.0)).abs() < 1e-12);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`box_iou_loss`].
pub fn distance_box_iou_loss(boxes1: &Var, boxes2: &Var, reduction: Reduction, eps: f64) -> Result<Var> {
    let pairs = Pairs::new("distance_box_iou_loss", boxes1, boxes2, eps)?;
    reduced(&pairs.distance_loss(&pairs.iou()?)?, reduction)
}

/// The loss by distance `+ αv`, where `v = 4/π²·(atan(w/h) − atan(w′/h′))²` compares the shapes and `α = v/(1 − IoU + v + eps)` is a constant
/// to the gradient: torchvision's `complete_box_iou_loss`. (torchvision uses its default in the part of the distance, whatever `eps` it
/// is given; here `eps` is that of all divisors.) A box without height has no shape: NaN if it has no width either.
///
/// ```
/// use ocelli_autograd::Var;
/// use ocelli_nn::losses::Reduction;
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::complete_box_iou_loss;
/// # fn main() -> ocelli_vision::Result<()> {
/// let predicted = Var::leaf(Tensor::new([[0.0f64, 0.0, 2.0, 2.0]])?)?;
/// let target = Var::constant(Tensor::new([[1.0f64, 0.0, 3.0, 2.0]])?);
/// let loss = complete_box_iou_loss(&predicted, &target, Reduction::Mean, 0.0)?;
/// // Boxes of one shape: the loss by distance.
/// assert!((loss.item::<f64>()? - (2.0 / 3.0 + 1.0 / 13.0)).abs() < 1e-12);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`box_iou_loss`].
pub fn complete_box_iou_loss(boxes1: &Var, boxes2: &Var, reduction: Reduction, eps: f64) -> Result<Var> {
    let pairs = Pairs::new("complete_box_iou_loss", boxes1, boxes2, eps)?;
    let iou = pairs.iou()?;
    let angle = |[x1, y1, x2, y2]: &[Var; 4]| x2.sub(x1)?.div(&y2.sub(y1)?)?.atan();
    let v = angle(&pairs.b)?.sub(&angle(&pairs.a)?)?.square()?.mul(4.0 / (PI * PI))?;
    let alpha = {
        let v = v.detach();
        v.div(&iou.detach().neg()?.add(1.0)?.add(&v)?.add(eps)?)?
    };
    reduced(&pairs.distance_loss(&iou)?.add(&alpha.mul(&v)?)?, reduction)
}

/// The columns of both.
struct Pairs {
    a: [Var; 4],
    b: [Var; 4],
    eps: f64,
}

impl Pairs {
    fn new(op: &'static str, a: &Var, b: &Var, eps: f64) -> Result<Self> {
        require_boxes(op, a.tensor())?;
        require_boxes(op, b.tensor())?;
        if a.shape() != b.shape() {
            let expected = format!("boxes of the first ones' shape {}", a.shape());
            return Err(TensorError::shape(op, expected, b.shape()).into());
        }
        if !(eps >= 0.0 && eps.is_finite()) {
            return Err(Error::argument(op, format!("expected a finite eps that is not negative, received {eps}")));
        }
        let columns = |x: &Var| -> Result<[Var; 4]> {
            let x = if x.dtype().is_half() { x.to_dtype(wide(x.dtype()))? } else { x.clone() };
            Ok([x.select(-1, 0)?, x.select(-1, 1)?, x.select(-1, 2)?, x.select(-1, 3)?])
        };
        Ok(Pairs { a: columns(a)?, b: columns(b)?, eps })
    }

    fn shared_and_union(&self) -> Result<(Var, Var)> {
        let ([x1, y1, x2, y2], [u1, v1, u2, v2]) = (&self.a, &self.b);
        let width = x2.minimum(u2)?.sub(&x1.maximum(u1)?)?.relu()?;
        let height = y2.minimum(v2)?.sub(&y1.maximum(v1)?)?.relu()?;
        let shared = width.mul(&height)?;
        let area = |[x1, y1, x2, y2]: &[Var; 4]| x2.sub(x1)?.mul(&y2.sub(y1)?);
        let union = area(&self.a)?.add(&area(&self.b)?)?.sub(&shared)?;
        Ok((shared, union))
    }

    fn iou(&self) -> Result<Var> {
        let (shared, union) = self.shared_and_union()?;
        Ok(shared.div(&union.add(self.eps)?)?)
    }

    /// Width and height of the smallest box around both.
    fn hull(&self) -> Result<(Var, Var)> {
        let ([x1, y1, x2, y2], [u1, v1, u2, v2]) = (&self.a, &self.b);
        Ok((x2.maximum(u2)?.sub(&x1.minimum(u1)?)?, y2.maximum(v2)?.sub(&y1.minimum(v1)?)?))
    }

    /// `1 − IoU + d²/(c² + eps)`.
    fn distance_loss(&self, iou: &Var) -> Result<Var> {
        let ([x1, y1, x2, y2], [u1, v1, u2, v2]) = (&self.a, &self.b);
        let (width, height) = self.hull()?;
        let diagonal = width.square()?.add(&height.square()?)?.add(self.eps)?;
        let between = |low: &Var, high: &Var, other_low: &Var, other_high: &Var| {
            low.add(high)?.mul(0.5)?.sub(&other_low.add(other_high)?.mul(0.5)?)?.square()
        };
        let distance = between(x1, x2, u1, u2)?.add(&between(y1, y2, v1, v2)?)?;
        Ok(iou.neg()?.add(1.0)?.add(&distance.div(&diagonal)?)?)
    }
}

fn reduced(losses: &Var, reduction: Reduction) -> Result<Var> {
    Ok(match reduction {
        Reduction::None => losses.clone(),
        Reduction::Mean if losses.numel() > 0 => losses.mean(..)?,
        Reduction::Mean | Reduction::Sum => losses.sum(..)?,
    })
}
