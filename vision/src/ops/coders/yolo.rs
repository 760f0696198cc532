//! YOLO's coders: the middle of a box within its cell, and its sides.

use ocelli_autograd::Var;
use ocelli_tensor::{Error as TensorError, Tensor};

use super::{codes_in, corners, middles_and_sides, require_pairs, solid};
use crate::host::{self, elements};
use crate::ops::boxes::{require_list, widened};
use crate::{Error, Result};

/// YOLO's first version (Redmon et al. 2016): a box belongs to the cell that its middle lies in. Its code is the middle's place within
/// the cell, as fractions of it, and the square roots of width and height as fractions of the picture.
///
/// ```
/// use ocelli_autograd::Var;
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::coders::YoloV1Coder;
/// # fn main() -> ocelli_vision::Result<()> {
/// let coder = YoloV1Coder::new([7, 7], [448, 448])?;
/// let boxes = Tensor::new([[80.0f32, 144.0, 192.0, 256.0]])?;
/// let (cells, codes) = coder.encode(&boxes)?;
/// assert_eq!(cells.to_vec::<i64>()?, [3 * 7 + 2]);
/// assert_eq!(codes.to_vec::<f32>()?, [0.125, 0.125, 0.5, 0.5]);
/// assert_eq!(coder.decode(&Var::from(codes), &cells)?.to_vec::<f32>()?, boxes.to_vec::<f32>()?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct YoloV1Coder {
    grid: [usize; 2],
    picture: [usize; 2],
}

impl YoloV1Coder {
    /// A grid of `[rows, columns]` of cells over a picture of `[height, width]` pixels.
    ///
    /// # Errors
    /// If any of them is 0.
    pub fn new(grid: [usize; 2], picture: [usize; 2]) -> Result<Self> {
        if grid.contains(&0) || picture.contains(&0) {
            let message = format!("expected cells and a picture with pixels, received {grid:?} and {picture:?}");
            return Err(Error::argument("yolo_v1_coder", message));
        }
        Ok(YoloV1Coder { grid, picture })
    }

    /// The cell of each box of `[N, 4]`, as `i64`, row by row, and its code, `[N, 4]`. A middle on the picture's lower or right edge
    /// belongs to the last cell. Half types give `f32`.
    ///
    /// # Errors
    /// Unless the boxes are a float tensor `[N, 4]` with finite corners, sides above 0 and middles in the picture.
    pub fn encode(&self, boxes: &Tensor) -> Result<(Tensor, Tensor)> {
        const OP: &str = "yolo_v1_coder";
        let boxes = solid(OP, "boxes", boxes)?;
        let ([rows, columns], [height, width]) = (self.grid, self.picture.map(|size| size as f64));
        let (mut cells, mut codes) = (Vec::new(), Vec::new());
        for (number, [x1, y1, x2, y2]) in host::boxes(OP, &boxes)?.into_iter().enumerate() {
            let (x, y) = ((x1 + x2) / 2.0, (y1 + y2) / 2.0);
            if !((0.0..=width).contains(&x) && (0.0..=height).contains(&y)) {
                let expected = "expected boxes with their middle in the picture";
                return Err(Error::argument(OP, format!("{expected}, received ({x}, {y}) of box {number}")));
            }
            let within = |x: f64, cells: usize, size: f64| {
                let x = x / size * cells as f64;
                let cell = (x as usize).min(cells - 1);
                (cell, x - cell as f64)
            };
            let ((column, x), (row, y)) = (within(x, columns, width), within(y, rows, height));
            cells.push((row * columns + column) as i64);
            codes.extend([x, y, ((x2 - x1) / width).sqrt(), ((y2 - y1) / height).sqrt()]);
        }
        let count = cells.len();
        let codes = Tensor::from_vec(codes, [count, 4])?.to_dtype(boxes.dtype())?.to_device(boxes.device())?;
        Ok((Tensor::from_vec(cells, [count])?.to_device(boxes.device())?, codes))
    }

    /// The boxes `[N, 4]` of codes `[N, 4]` of these cells (integers `[N]`); differentiable in the codes. Half types give `f32`.
    ///
    /// # Errors
    /// Unless the codes are a float tensor `[N, 4]` and the cells integers `[N]` of the grid.
    pub fn decode(&self, codes: &Var, cells: &Tensor) -> Result<Var> {
        const OP: &str = "yolo_v1_coder";
        require_list(OP, codes.tensor())?;
        let (codes, count) = (codes_in(OP, codes)?, codes.shape()[0]);
        if !cells.dtype().is_integer() {
            return Err(TensorError::dtype(OP, "cells of an integer dtype", cells.dtype()).into());
        }
        if cells.shape()[..] != [count] {
            return Err(TensorError::shape(OP, format!("cells of shape [{count}]"), cells.shape()).into());
        }
        let [rows, columns] = self.grid;
        let mut firsts = [Vec::with_capacity(count), Vec::with_capacity(count)];
        for &cell in elements::<i64>(cells)?.iter() {
            match usize::try_from(cell).ok().filter(|&cell| cell / columns < rows) {
                Some(cell) => {
                    firsts[0].push((cell % columns) as f64);
                    firsts[1].push((cell / columns) as f64);
                }
                None => {
                    let message = format!("expected cells of a grid of {rows} × {columns}, received {cell}");
                    return Err(Error::argument(OP, message));
                }
            }
        }
        let first = |numbers: &[f64]| -> Result<Tensor> {
            Ok(Tensor::from_slice(numbers, [count])?.to_dtype(codes.dtype())?.to_device(codes.device())?)
        };
        let [height, width] = self.picture.map(|size| size as f64);
        let x = codes.select(-1, 0)?.add(&first(&firsts[0])?)?.mul(width / columns as f64)?;
        let y = codes.select(-1, 1)?.add(&first(&firsts[1])?)?.mul(height / rows as f64)?;
        let side = |k: isize, size: f64| codes.select(-1, k)?.square()?.mul(size);
        corners(&x, &y, &side(2, width)?, &side(3, height)?)
    }
}

/// How far within a cell [`YoloV2Coder::encode`] takes a middle at least to be: the edge itself has no logit.
const EDGE: f64 = 1e-6;

/// YOLO's second version (Redmon and Farhadi 2016, also of the third): `x = σ(tₓ) + cell`, in cells, `width = prior · exp(t_w)`. Priors
/// stand in the middles of their cells, as [`YoloPriors`](crate::ops::anchors::YoloPriors) gives them.
///
/// ```
/// use ocelli_autograd::Var;
/// use ocelli_tensor::{DType, Tensor};
/// use ocelli_vision::ops::coders::YoloV2Coder;
/// # fn main() -> ocelli_vision::Result<()> {
/// let coder = YoloV2Coder::new([32.0, 32.0])?;
/// let prior = Tensor::new([[38.0f32, 6.0, 58.0, 26.0]])?;
/// // σ(0) is the middle of the cell, exp(0) the prior's own size.
/// let middle = Var::from(Tensor::zeros([1, 4], DType::F32)?);
/// assert_eq!(coder.decode(&middle, &prior)?.to_vec::<f32>()?, prior.to_vec::<f32>()?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct YoloV2Coder {
    stride: [f64; 2],
}

impl YoloV2Coder {
    /// Of cells of `[height, width]` pixels.
    ///
    /// # Errors
    /// Unless both are above 0 and finite.
    pub fn new(stride: [f64; 2]) -> Result<Self> {
        if stride.iter().any(|&side| !(side > 0.0 && side.is_finite())) {
            let message = format!("expected cells with sides above 0, received {stride:?}");
            return Err(Error::argument("yolo_v2_coder", message));
        }
        Ok(YoloV2Coder { stride })
    }

    /// The codes `[N, 4]` of boxes `[N, 4]` relative to the priors `[N, 4]` of their cells. As an edge of a cell has no finite logit,
    /// middles count as a millionth of the cell away from it. Half types give `f32`.
    ///
    /// # Errors
    /// Unless both are float tensors `[N, 4]` of boxes with finite corners and sides above 0, the middle of each box being in its
    /// prior's cell.
    pub fn encode(&self, boxes: &Tensor, priors: &Tensor) -> Result<Tensor> {
        const OP: &str = "yolo_v2_coder";
        let (boxes, priors) = (solid(OP, "boxes", boxes)?, solid(OP, "priors", priors)?);
        require_pairs(OP, "priors", &priors, boxes.shape()[0])?;
        let dtype = boxes.dtype().promote(priors.dtype());
        let [high, wide] = self.stride;
        let mut codes = Vec::new();
        let pairs = host::boxes(OP, &boxes)?.into_iter().zip(host::boxes(OP, &priors)?);
        for (number, (of_box, prior)) in pairs.enumerate() {
            let logit = |k: usize, stride: f64| {
                let fraction = ((of_box[k] + of_box[k + 2]) - (prior[k] + prior[k + 2])) / 2.0 / stride + 0.5;
                // Room for the rounding of corners in single precision.
                if !(-1e-3..=1.0 + 1e-3).contains(&fraction) {
                    let expected = "expected boxes with their middle in the cell of their prior";
                    return Err(Error::argument(OP, format!("{expected}, received {fraction} cells in box {number}")));
                }
                let fraction = fraction.clamp(EDGE, 1.0 - EDGE);
                Ok((fraction / (1.0 - fraction)).ln())
            };
            let ratio = |k: usize| ((of_box[k + 2] - of_box[k]) / (prior[k + 2] - prior[k])).ln();
            codes.extend([logit(0, wide)?, logit(1, high)?, ratio(0), ratio(1)]);
        }
        let count = codes.len() / 4;
        Ok(Tensor::from_vec(codes, [count, 4])?.to_dtype(dtype)?.to_device(boxes.device())?)
    }

    /// The boxes `[N, 4]` of codes `[N, 4]` relative to priors `[N, 4]`; differentiable in the codes. Half types give `f32`.
    /// Arithmetic is IEEE 754's.
    ///
    /// # Errors
    /// Unless both are float tensors `[N, 4]`.
    pub fn decode(&self, codes: &Var, priors: &Tensor) -> Result<Var> {
        const OP: &str = "yolo_v2_coder";
        require_list(OP, codes.tensor())?;
        require_list(OP, priors)?;
        require_pairs(OP, "priors", priors, codes.shape()[0])?;
        let codes = codes_in(OP, codes)?;
        let [x, y, w, h] = middles_and_sides(&widened(OP, priors)?.to_dtype(codes.dtype())?)?;
        let [high, wide] = self.stride;
        let middle = |k: isize, stride: f64, from: &Tensor| -> Result<Var> {
            Ok(codes.select(-1, k)?.sigmoid()?.sub(0.5)?.mul(stride)?.add(from)?)
        };
        let side = |k: isize, prior: &Tensor| -> Result<Var> { Ok(codes.select(-1, k)?.exp()?.mul(prior)?) };
        corners(&middle(0, wide, &x)?, &middle(1, high, &y)?, &side(2, &w)?, &side(3, &h)?)
    }
}
