//! Rotated boxes: their formats, areas, and intersection over union.
//!
//! A rotated box is `cx, cy, w, h, angle`: centre, sides, and the angle in degrees, counter-clockwise as the picture is seen (`y` points
//! down), as in torchvision's `cxcywhr`. At 0° it is the box of [`BoxFormat::Cxcywh`](super::BoxFormat::Cxcywh). All but [`iou_matrix`] is computed
//! where the boxes lie.

use std::f64::consts::PI;

use ocelli_tensor::kernels::{build, over_pieces};
use ocelli_tensor::{DType, Element, Error as TensorError, Tensor};

use super::boxes::wide;
use crate::host::elements;
use crate::{Error, Result};

/// What the numbers of a rotated box mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RotatedFormat {
    /// Centre, width, height, angle: what the functions on rotated boxes take.
    Cxcywhr,
    /// The corner that is at the top left before the box is turned, width, height, angle.
    Xywhr,
    /// Four corners: top left, top right, bottom right, bottom left before the box is turned.
    Xyxyxyxy,
}

impl RotatedFormat {
    /// How many numbers a box has.
    pub fn width(self) -> usize {
        match self {
            RotatedFormat::Cxcywhr | RotatedFormat::Xywhr => 5,
            RotatedFormat::Xyxyxyxy => 8,
        }
    }
}

impl std::str::FromStr for RotatedFormat {
    type Err = Error;

    /// By torchvision's names: `"cxcywhr"`, `"xywhr"`, `"xyxyxyxy"`.
    fn from_str(name: &str) -> Result<Self> {
        match name {
            "cxcywhr" => Ok(RotatedFormat::Cxcywhr),
            "xywhr" => Ok(RotatedFormat::Xywhr),
            "xyxyxyxy" => Ok(RotatedFormat::Xyxyxyxy),
            _ => {
                let message = format!("expected cxcywhr, xywhr or xyxyxyxy, received {name:?}");
                Err(Error::argument("rotated_format", message))
            }
        }
    }
}

/// Writes rotated boxes `[..., K]` in another format. The dtype is the input's. Of four corners, the first two give width and angle,
/// the second and the third the height: what is no rectangle is not noticed.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::rotated::{RotatedFormat, convert};
/// # fn main() -> ocelli_vision::Result<()> {
/// // A quarter turn: the first side points up.
/// let boxes = Tensor::new([[10.0f64, 10.0, 8.0, 4.0, 90.0]])?;
/// let corners = convert(&boxes, RotatedFormat::Cxcywhr, RotatedFormat::Xyxyxyxy)?.to_vec::<f64>()?;
/// for (corner, expected) in corners.into_iter().zip([8.0, 14.0, 8.0, 6.0, 12.0, 6.0, 12.0, 14.0]) {
///     assert!((corner - expected).abs() < 1e-12);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless the boxes are a float tensor whose last axis has the format's size.
pub fn convert(boxes: &Tensor, from: RotatedFormat, to: RotatedFormat) -> Result<Tensor> {
    let dtype = boxes.dtype();
    require_format("rotated::convert", boxes, from)?;
    if from == to {
        return Ok(boxes.clone());
    }
    let boxes = boxes.to_dtype(wide(dtype))?;
    let [x, y, w, h, angle] = match from {
        RotatedFormat::Xyxyxyxy => of_corners(&boxes)?,
        RotatedFormat::Cxcywhr | RotatedFormat::Xywhr => [
            boxes.select(-1, 0)?,
            boxes.select(-1, 1)?,
            boxes.select(-1, 2)?,
            boxes.select(-1, 3)?,
            boxes.select(-1, 4)?,
        ],
    };
    let radians = angle.mul(PI)?.div(180.0)?;
    let (cos, sin) = (radians.cos()?, radians.sin()?);
    // From the first corner along half of each side to the centre, or back.
    let (right, down) = (w.mul(0.5)?, h.mul(0.5)?);
    let across = right.mul(&cos)?.add(&down.mul(&sin)?)?;
    let along = down.mul(&cos)?.sub(&right.mul(&sin)?)?;
    let (x, y) = match (from, to) {
        (RotatedFormat::Cxcywhr, _) => (x.sub(&across)?, y.sub(&along)?),
        (_, RotatedFormat::Cxcywhr) => (x.add(&across)?, y.add(&along)?),
        _ => (x, y),
    };
    let columns = match to {
        RotatedFormat::Cxcywhr | RotatedFormat::Xywhr => vec![x, y, w, h, angle],
        RotatedFormat::Xyxyxyxy => {
            let (x2, y2) = (x.add(&w.mul(&cos)?)?, y.sub(&w.mul(&sin)?)?);
            let (right, down) = (h.mul(&sin)?, h.mul(&cos)?);
            let (x3, y3) = (x2.add(&right)?, y2.add(&down)?);
            let (x4, y4) = (x.add(&right)?, y.add(&down)?);
            vec![x, y, x2, y2, x3, y3, x4, y4]
        }
    };
    Ok(Tensor::stack(&columns, -1)?.to_dtype(dtype)?)
}

/// [`RotatedFormat::Xywhr`] of four corners.
fn of_corners(boxes: &Tensor) -> Result<[Tensor; 5]> {
    let corner =
        |k: isize| -> Result<(Tensor, Tensor)> { Ok((boxes.select(-1, 2 * k)?, boxes.select(-1, 2 * k + 1)?)) };
    let ((x1, y1), (x2, y2), (x3, y3)) = (corner(0)?, corner(1)?, corner(2)?);
    let (right, up) = (x2.sub(&x1)?, y1.sub(&y2)?);
    let angle = up.atan2(&right)?.mul(180.0)?.div(PI)?;
    let (across, down) = (x3.sub(&x2)?, y3.sub(&y2)?);
    let length = |x: &Tensor, y: &Tensor| x.square()?.add(&y.square()?)?.sqrt();
    let (w, h) = (length(&right, &up)?, length(&across, &down)?);
    Ok([x1, y1, w, h, angle])
}

/// Width × height of rotated boxes `[..., 5]` (`cx, cy, w, h, angle`), as a tensor `[...]`; of half types as `f32`.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::rotated::area;
/// # fn main() -> ocelli_vision::Result<()> {
/// let boxes = Tensor::new([[10.0f32, 10.0, 8.0, 4.0, 30.0]])?;
/// assert_eq!(area(&boxes)?.to_vec::<f32>()?, [32.0]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless the boxes are a float tensor `[..., 5]`.
pub fn area(boxes: &Tensor) -> Result<Tensor> {
    require_format("rotated::area", boxes, RotatedFormat::Cxcywhr)?;
    let boxes = boxes.to_dtype(wide(boxes.dtype()))?;
    Ok(boxes.select(-1, 2)?.mul(&boxes.select(-1, 3)?)?)
}

/// The smallest upright boxes [`BoxFormat::Xyxy`](super::BoxFormat::Xyxy) `[..., 4]` around rotated boxes `[..., 5]`, in their dtype.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::rotated::enclosing;
/// # fn main() -> ocelli_vision::Result<()> {
/// // A quarter turn: what was 8 wide is 8 high.
/// let boxes = Tensor::new([[10.0f64, 10.0, 8.0, 4.0, 90.0]])?;
/// let around = enclosing(&boxes)?.to_vec::<f64>()?;
/// for (side, expected) in around.into_iter().zip([8.0, 6.0, 12.0, 14.0]) {
///     assert!((side - expected).abs() < 1e-12);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless the boxes are a float tensor `[..., 5]`.
pub fn enclosing(boxes: &Tensor) -> Result<Tensor> {
    let corners = convert(boxes, RotatedFormat::Cxcywhr, RotatedFormat::Xyxyxyxy)?;
    let of_axis = |axis: isize| corners.slice_axis(-1, ocelli_tensor::Slice::from(axis..).step(2));
    let (x, y) = (of_axis(0)?, of_axis(1)?);
    Ok(Tensor::stack(&[x.min(-1)?, y.min(-1)?, x.max(-1)?, y.max(-1)?], -1)?)
}

/// The intersection over union of each box of `a` (`[N, 5]`) with each of `b` (`[M, 5]`), both `cx, cy, w, h, angle`: a tensor `[N, M]` of the
/// dtype that both promote to, `f32` for half types. torchvision's `box_iou(…, fmt="cxcywhr")`, computed in `f64` by clipping one box at
/// the sides of the other.
///
/// A box whose width or height is not above 0 covers nothing: 0 with every other (torchvision counts one of less than 1e-14 as such
/// too). A box with a number that is not finite, or of infinite area, has NaN with every other. It is measured on the CPU; the result
/// goes to the device of `a`.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::rotated::iou_matrix;
/// # fn main() -> ocelli_vision::Result<()> {
/// // A square, and the same turned by 45°: an octagon of 8·(√2 − 1) is shared.
/// let square = Tensor::new([[5.0f64, 5.0, 2.0, 2.0, 0.0]])?;
/// let turned = Tensor::new([[5.0f64, 5.0, 2.0, 2.0, 45.0]])?;
/// let shared = 8.0 * (2.0f64.sqrt() - 1.0);
/// let iou = iou_matrix(&square, &turned)?.item::<f64>()?;
/// assert!((iou - shared / (8.0 - shared)).abs() < 1e-12);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless both are float tensors of shape `[N, 5]`.
#[doc(alias = "box_iou_rotated")]
pub fn iou_matrix(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let op = "rotated::iou_matrix";
    let (rows, columns) = (read(op, a)?, read(op, b)?);
    let matrix = match wide(a.dtype()).promote(wide(b.dtype())) {
        DType::F64 => matrix::<f64>(&rows, &columns),
        _ => matrix::<f32>(&rows, &columns),
    };
    Ok(matrix?.to_device(a.device())?)
}

fn matrix<T: Element>(rows: &[Rotated], columns: &[Rotated]) -> Result<Tensor> {
    Ok(build([rows.len(), columns.len()], |out: &mut [T]| {
        over_pieces(out, columns.len(), &|row, out| {
            for (iou, column) in out.iter_mut().zip(columns) {
                *iou = T::from_f64(rows[row].iou(column));
            }
        });
    })?)
}

/// Rotated boxes from a tensor `[N, 5]`.
pub(super) fn read(op: &'static str, boxes: &Tensor) -> Result<Vec<Rotated>> {
    if boxes.rank() != 2 {
        return Err(TensorError::shape(op, "rotated boxes of shape [N, 5]", boxes.shape()).into());
    }
    require_format(op, boxes, RotatedFormat::Cxcywhr)?;
    let numbers = elements::<f64>(boxes)?;
    Ok(numbers.as_chunks::<5>().0.iter().map(Rotated::new).collect())
}

fn require_format(op: &'static str, boxes: &Tensor, format: RotatedFormat) -> Result<()> {
    if boxes.shape().last() != Some(&format.width()) {
        let expected = format!("rotated boxes of shape [..., {}]", format.width());
        return Err(TensorError::shape(op, expected, boxes.shape()).into());
    }
    if !boxes.dtype().is_float() {
        return Err(TensorError::dtype(op, "rotated boxes of a float dtype", boxes.dtype()).into());
    }
    Ok(())
}

/// A rotated box, ready to be compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rotated {
    numbers: [f64; 5],
    cos: f64,
    sin: f64,
    area: f64,
}

impl Rotated {
    fn new(numbers: &[f64; 5]) -> Self {
        let [_, _, w, h, angle] = *numbers;
        let (sin, cos) = (angle * PI / 180.0).sin_cos();
        Rotated { numbers: *numbers, cos, sin, area: w * h }
    }

    fn is_finite(&self) -> bool {
        self.area.is_finite() && self.numbers.iter().all(|number| number.is_finite())
    }

    pub(super) fn covers_something(&self) -> bool {
        let [_, _, w, h, _] = self.numbers;
        w > 0.0 && h > 0.0 && self.area > 0.0 && self.is_finite()
    }

    /// The corners of an upright box around this one, a trifle too large; NaN if this one covers nothing.
    pub(super) fn around(&self) -> [f64; 4] {
        if !self.covers_something() {
            return [f64::NAN; 4];
        }
        let [cx, cy, w, h, _] = self.numbers;
        let reach = |centre: f64, half: f64| half + 1e-12 * (half + centre.abs());
        let x = reach(cx, (w * self.cos.abs() + h * self.sin.abs()) / 2.0);
        let y = reach(cy, (w * self.sin.abs() + h * self.cos.abs()) / 2.0);
        [cx - x, cy - y, cx + x, cy + y]
    }

    /// Intersection over union. Which box comes first makes no difference, to the bit.
    pub(super) fn iou(&self, other: &Self) -> f64 {
        if !self.is_finite() || !other.is_finite() {
            return f64::NAN;
        }
        if !self.covers_something() || !other.covers_something() {
            return 0.0;
        }
        let (one, other) = if self.numbers <= other.numbers { (self, other) } else { (other, self) };
        let shared = one.shared_with(other).min(one.area).min(other.area);
        shared / (one.area + other.area - shared)
    }

    /// The area of what both cover.
    fn shared_with(&self, other: &Self) -> f64 {
        let [cx, cy, w, h, _] = self.numbers;
        let [other_cx, other_cy, other_w, other_h, _] = other.numbers;
        // The other box where this one is upright, with its centre at 0.
        let (dx, dy) = (other_cx - cx, other_cy - cy);
        let centre = [dx * self.cos - dy * self.sin, dx * self.sin + dy * self.cos];
        let cos = self.cos * other.cos + self.sin * other.sin;
        let sin = other.sin * self.cos - other.cos * self.sin;
        let (right, down) = ([cos * other_w / 2.0, -sin * other_w / 2.0], [sin * other_h / 2.0, cos * other_h / 2.0]);
        let corner = |a: f64, b: f64| [0, 1].map(|k| centre[k] + a * right[k] + b * down[k]);
        let mut polygon = Polygon::new([corner(-1.0, -1.0), corner(1.0, -1.0), corner(1.0, 1.0), corner(-1.0, 1.0)]);
        for (axis, limit) in [w / 2.0, h / 2.0].into_iter().enumerate() {
            polygon = polygon.clipped(axis, 1.0, limit).clipped(axis, -1.0, limit);
        }
        polygon.area()
    }
}

/// A convex polygon. Four corners, and one more for each of four clips.
struct Polygon {
    corners: [[f64; 2]; Polygon::MOST],
    count: usize,
}

impl Polygon {
    /// Twice as many as there can be, should rounding make a corner point inward.
    const MOST: usize = 16;

    fn new(corners: [[f64; 2]; 4]) -> Self {
        let mut polygon = Polygon { corners: [[0.0; 2]; Self::MOST], count: 0 };
        corners.into_iter().for_each(|corner| polygon.push(corner));
        polygon
    }

    fn push(&mut self, corner: [f64; 2]) {
        if let Some(place) = self.corners.get_mut(self.count) {
            *place = corner;
            self.count += 1;
        }
    }

    /// Each corner and the next one.
    fn edges(&self) -> impl Iterator<Item = ([f64; 2], [f64; 2])> {
        let corners = &self.corners[..self.count];
        corners.iter().copied().zip(corners.iter().copied().cycle().skip(1))
    }

    /// The part where `sign · x[axis] ≤ limit` (I. Sutherland and G. Hodgman, 1974).
    fn clipped(&self, axis: usize, sign: f64, limit: f64) -> Self {
        let mut kept = Polygon { corners: [[0.0; 2]; Self::MOST], count: 0 };
        for (from, to) in self.edges() {
            let (before, after) = (limit - sign * from[axis], limit - sign * to[axis]);
            if before >= 0.0 {
                kept.push(from);
            }
            if (before >= 0.0) != (after >= 0.0) {
                let part = before / (before - after);
                kept.push([0, 1].map(|k| from[k] + part * (to[k] - from[k])));
            }
        }
        kept
    }

    fn area(&self) -> f64 {
        let twice: f64 = self.edges().map(|(a, b)| a[0] * b[1] - a[1] * b[0]).sum();
        twice.abs() / 2.0
    }
}
