//! Cross-entropy of logits in one step.

use ocelli_tensor::Tensor;

use crate::{Keeps, NodeView, Op, Result, Var};

/// `-Σ target · log softmax(x)` along an axis, for a constant `target`: `dx = (softmax(x) · Σ target − target) · dy`.
///
/// The logarithm of the softmax is never exponentiated and taken again, so large logits neither overflow nor lose digits.
/// Where the target is 0 the term is 0, also for a logit of −∞.
#[derive(Debug, Clone)]
pub struct SoftmaxCrossEntropy {
    /// Non-negative weights of the classes, of the input's shape and dtype; they need not add up to 1.
    pub target: Tensor,
    /// The axis of the classes.
    pub axis: usize,
}

impl Op for SoftmaxCrossEntropy {
    fn name(&self) -> &'static str {
        "softmax_cross_entropy"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        let terms = x[0].log_softmax(self.axis as isize)?.mul(&self.target)?;
        let terms = self.target.eq(0.0)?.where_(&terms.zeros_like()?, &terms)?;
        Ok(terms.sum(self.axis)?.neg()?)
    }

    fn keeps(&self) -> Keeps {
        Keeps::input(0)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let mass = self.target.sum_keepdim(self.axis)?;
        let softmax = node.input(0)?.softmax(self.axis as isize)?;
        let slope = softmax.mul(&mass)?.sub(&self.target)?;
        Ok(vec![Some(slope.mul(&dy.unsqueeze(self.axis as isize)?)?)])
    }
}

impl Var {
    /// `-Σ target · log softmax(self)` along `axis`, which the result does not have any more; differentiable in `self`. `target`
    /// holds the probability of each class, or any non-negative weights.
    ///
    /// # Errors
    /// If `target` has another shape or dtype, `axis` is outside `-rank..rank`, or the dtype is not a float type.
    pub fn softmax_cross_entropy(&self, target: &Tensor, axis: isize) -> Result<Var> {
        const OP: &str = "softmax_cross_entropy";
        let axis = self.axis(OP, axis)?;
        if target.shape() != self.shape() {
            let expected = format!("a target of the logits' shape {}", self.shape());
            return Err(ocelli_tensor::Error::shape(OP, expected, target.shape()).into());
        }
        if target.dtype() != self.dtype() {
            let expected = format!("a target of the logits' dtype {}", self.dtype());
            return Err(ocelli_tensor::Error::dtype(OP, expected, target.dtype()).into());
        }
        SoftmaxCrossEntropy { target: target.clone(), axis }.apply(&[self])
    }
}
