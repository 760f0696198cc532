//! The coder of the R-CNN family and of SSD: shifts of the middle relative to the sides, and logarithms of their ratios.

use ocelli_autograd::Var;
use ocelli_tensor::{Error as TensorError, Tensor};

use super::{codes_in, corners, middles_and_sides, require_pairs, solid};
use crate::ops::boxes::{require_list, widened};
use crate::{Error, Result};

const OP: &str = "box_coder";

/// `(wₓ·Δx / w, w_y·Δy / h, w_w·ln(w′ / w), w_h·ln(h′ / h))` for a box `w′ × h′` whose middle lies `Δx, Δy` from that of a
/// proposal `w × h` (Girshick et al. 2014): torchvision's `BoxCoder`, with its numbers.
///
/// ```
/// use ocelli_autograd::Var;
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::coders::BoxCoder;
/// # fn main() -> ocelli_vision::Result<()> {
/// let coder = BoxCoder::new([10.0, 10.0, 5.0, 5.0])?;
/// let (boxes, proposals) = (Tensor::new([[12.0f32, 8.0, 22.0, 18.0]])?, Tensor::new([[10.0f32, 10.0, 20.0, 20.0]])?);
/// let codes = coder.encode(&boxes, &proposals)?;
/// assert_eq!(codes.to_vec::<f32>()?, [2.0, -2.0, 0.0, 0.0]);
/// let decoded = coder.decode(&Var::from(codes), &proposals)?;
/// assert_eq!(decoded.shape()[..], [1, 1, 4]);
/// assert_eq!(decoded.to_vec::<f32>()?, boxes.to_vec::<f32>()?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoxCoder {
    weights: [f64; 4],
    clip: Option<f64>,
}

impl BoxCoder {
    /// With weights of x, y, width and height: `[1, 1, 1, 1]` for a region proposal network, `[10, 10, 5, 5]` for R-CNN's heads.
    /// Decoding takes logarithms of at most `ln(1000 / 16)`.
    ///
    /// # Errors
    /// Unless the weights are above 0 and finite.
    pub fn new(weights: [f64; 4]) -> Result<Self> {
        match weights.iter().find(|&&weight| !(weight > 0.0 && weight.is_finite())) {
            None => Ok(BoxCoder { weights, clip: Some((1000.0f64 / 16.0).ln()) }),
            Some(wrong) => Err(Error::argument(OP, format!("expected weights above 0, received {wrong}"))),
        }
    }

    /// SSD's coder (Liu et al. 2016): codes are divided by variances, `[0.1, 0.1, 0.2, 0.2]` in the authors' networks, which is the same
    /// as weights of their inverses. Nothing is clipped.
    ///
    /// # Errors
    /// Unless the variances are above 0 and finite.
    pub fn with_variances(variances: [f64; 4]) -> Result<Self> {
        BoxCoder::new(variances.map(f64::recip))?.clip(None)
    }

    /// The largest logarithm of a ratio of sides that decoding takes, before `exp` makes it a side; `None` for any.
    ///
    /// # Errors
    /// If it is NaN.
    pub fn clip(mut self, largest: Option<f64>) -> Result<Self> {
        if largest.is_some_and(f64::is_nan) {
            return Err(Error::argument(OP, "expected a number to clip logarithms at, received NaN"));
        }
        self.clip = largest;
        Ok(self)
    }

    /// The codes `[N, 4]` of boxes `[N, 4]` relative to proposals `[N, 4]`: what a network is trained to give. The dtype is the one
    /// that both promote to, `f32` for half types.
    ///
    /// # Errors
    /// Unless both are float tensors `[N, 4]` of boxes with finite corners and sides above 0: others have no code.
    pub fn encode(&self, boxes: &Tensor, proposals: &Tensor) -> Result<Tensor> {
        let (boxes, proposals) = (solid(OP, "boxes", boxes)?, solid(OP, "proposals", proposals)?);
        require_pairs(OP, "proposals", &proposals, boxes.shape()[0])?;
        let [x, y, w, h] = middles_and_sides(&boxes)?;
        let [from_x, from_y, from_w, from_h] = middles_and_sides(&proposals)?;
        let [wx, wy, ww, wh] = self.weights;
        let codes = [
            x.sub(&from_x)?.mul(wx)?.div(&from_w)?,
            y.sub(&from_y)?.mul(wy)?.div(&from_h)?,
            w.div(&from_w)?.ln()?.mul(ww)?,
            h.div(&from_h)?.ln()?.mul(wh)?,
        ];
        Ok(Tensor::stack(&codes, -1)?)
    }

    /// The boxes `[N, k, 4]` of codes `[N, 4·k]` (`k` classes) relative to proposals `[N, 4]`; differentiable in the codes. The dtype
    /// is the codes', `f32` for half types. Arithmetic is IEEE 754's: a code that is NaN makes a corner that is.
    ///
    /// # Errors
    /// Unless the codes are a float tensor `[N, 4·k]` and the proposals one of `[N, 4]`.
    pub fn decode(&self, codes: &Var, proposals: &Tensor) -> Result<Var> {
        let [count, numbers] = codes.shape()[..] else {
            return Err(TensorError::shape(OP, "codes of shape [N, 4·k]", codes.shape()).into());
        };
        if !numbers.is_multiple_of(4) {
            return Err(TensorError::shape(OP, "codes of shape [N, 4·k]", codes.shape()).into());
        }
        require_list(OP, proposals)?;
        require_pairs(OP, "proposals", proposals, count)?;
        let codes = codes_in(OP, codes)?;
        let proposals = widened(OP, proposals)?.to_dtype(codes.dtype())?;
        let codes = codes.reshape([count, numbers / 4, 4])?;
        let [from_x, from_y, from_w, from_h] = middles_and_sides(&proposals)?;
        let column = |tensor: Tensor| tensor.unsqueeze(-1);
        let (from_x, from_y, from_w, from_h) = (column(from_x)?, column(from_y)?, column(from_w)?, column(from_h)?);
        let code = |k: usize| codes.select(-1, k as isize)?.div(self.weights[k]);
        let x = code(0)?.mul(&from_w)?.add(&from_x)?;
        let y = code(1)?.mul(&from_h)?.add(&from_y)?;
        let (mut ratio_w, mut ratio_h) = (code(2)?, code(3)?);
        if self.clip.is_some() {
            (ratio_w, ratio_h) = (ratio_w.clamp(None, self.clip)?, ratio_h.clamp(None, self.clip)?);
        }
        corners(&x, &y, &ratio_w.exp()?.mul(&from_w)?, &ratio_h.exp()?.mul(&from_h)?)
    }
}
