//! Coders: boxes as the numbers that a network is trained to give, relative to anchors, proposals or cells, and back.
//!
//! Encoding makes targets, of tensors. Decoding takes what a network gives and is differentiable, as losses on boxes (GIoU) want it.
//! Boxes are [`BoxFormat::Xyxy`](super::BoxFormat::Xyxy). Results lie on the device of the boxes or codes; those of [`YoloV1Coder`] and
//! [`YoloV2Coder::encode`] go by the CPU, as do the sides that encoding checks.

mod rcnn;
mod yolo;

pub use rcnn::BoxCoder;
pub use yolo::{YoloV1Coder, YoloV2Coder};

use ocelli_autograd::Var;
use ocelli_tensor::{DType, Error as TensorError, Tensor};

use super::boxes::{require_list, widened};
use crate::{Error, Result};

/// Middles and sides of boxes `[N, 4]`, each `[N]`: `[x, y, width, height]`.
fn middles_and_sides(boxes: &Tensor) -> Result<[Tensor; 4]> {
    let [x1, y1, x2, y2] = [0, 1, 2, 3].map(|k| boxes.select(-1, k));
    let (x1, y1) = (x1?, y1?);
    let (width, height) = (x2?.sub(&x1)?, y2?.sub(&y1)?);
    Ok([x1.add(&width.mul(0.5)?)?, y1.add(&height.mul(0.5)?)?, width, height])
}

/// Boxes `[N, 4]` in the dtype that they are computed in, all with sides above 0.
fn solid(op: &'static str, what: &str, boxes: &Tensor) -> Result<Tensor> {
    require_list(op, boxes)?;
    let boxes = widened(op, boxes)?;
    if boxes.numel() == 0 {
        return Ok(boxes);
    }
    let [_, _, width, height] = middles_and_sides(&boxes)?;
    let sides = Tensor::stack(&[width, height], -1)?;
    // A corner that is not a number makes a side that is none.
    let (least, most) = (sides.min(..)?.item::<f64>()?, sides.max(..)?.item::<f64>()?);
    if least > 0.0 && most.is_finite() {
        return Ok(boxes);
    }
    let shown = if least > 0.0 { most } else { least };
    let message = format!("expected {what} with finite corners and sides above 0, received a side of {shown}");
    Err(Error::argument(op, message))
}

/// `Err` unless there are as many of one as of the other.
fn require_pairs(op: &'static str, what: &str, boxes: &Tensor, count: usize) -> Result<()> {
    if boxes.shape()[0] == count {
        return Ok(());
    }
    Err(TensorError::shape(op, format!("{what} of shape [{count}, 4]"), boxes.shape()).into())
}

/// Codes of a float type in the dtype that they are computed in.
fn codes_in(op: &'static str, codes: &Var) -> Result<Var> {
    match codes.dtype() {
        dtype if !dtype.is_float() => Err(TensorError::dtype(op, "codes of a float dtype", dtype).into()),
        dtype if dtype.is_half() => Ok(codes.to_dtype(DType::F32)?),
        _ => Ok(codes.clone()),
    }
}

/// Boxes from middles and sides.
fn corners(x: &Var, y: &Var, width: &Var, height: &Var) -> Result<Var> {
    let (half_width, half_height) = (width.mul(0.5)?, height.mul(0.5)?);
    let corners = [x.sub(&half_width)?, y.sub(&half_height)?, x.add(&half_width)?, y.add(&half_height)?];
    Ok(Var::stack(&corners, -1)?)
}
