//! Cross-entropy of logits in one step.

use ocelli_tensor::{ClassTargets, Tensor};

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

/// [`Tensor::cross_entropy`]: `-Σ target · log softmax(x)` along an axis, where the target follows from class indices.
#[derive(Debug, Clone)]
pub struct CrossEntropy {
    /// The class indices.
    pub labels: Tensor,
    /// The axis of the classes.
    pub axis: usize,
    /// What class indices stand for.
    pub targets: ClassTargets,
}

impl Op for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].cross_entropy(&self.labels, self.axis as isize, &self.targets)?.0)
    }

    fn forward_saving(&self, x: &[&Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let (losses, statistics) = x[0].cross_entropy(&self.labels, self.axis as isize, &self.targets)?;
        Ok((losses, vec![statistics]))
    }

    fn keeps(&self) -> Keeps {
        Keeps::input(0)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let op = CrossEntropyBackward { forward: self.clone(), statistics: node.saved(0).clone() };
        Ok(vec![Some(op.apply(&[&node.input(0)?, dy])?)])
    }
}

/// The gradient of [`CrossEntropy`] from its input `x` and `dy`: `dx = (softmax(x) · Σ target − target) · dy`.
#[derive(Debug, Clone)]
pub struct CrossEntropyBackward {
    /// Whose gradient.
    pub forward: CrossEntropy,
    /// The second result of [`Tensor::cross_entropy`].
    pub statistics: Tensor,
}

impl Op for CrossEntropyBackward {
    fn name(&self) -> &'static str {
        "cross_entropy_backward"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        let CrossEntropy { labels, axis, targets } = &self.forward;
        Ok(x[0].cross_entropy_backward(labels, &self.statistics, x[1], *axis as isize, targets)?)
    }

    fn keeps(&self) -> Keeps {
        Keeps::inputs()
    }

    fn backward(&self, node: &NodeView<'_>, g: &Var) -> Result<Vec<Option<Var>>> {
        let (x, dy) = (node.input(0)?, node.input(1)?);
        let CrossEntropy { labels, axis, targets } = &self.forward;
        let of_x = || -> Result<Var> {
            let softmax = x.softmax(*axis as isize)?;
            let mean = softmax.mul(g)?.sum_keepdim(*axis)?;
            let mass = targets.mass(labels, x.shape()[*axis], x.dtype())?;
            softmax.mul(&g.sub(&mean)?)?.mul(&dy.mul(&mass)?.unsqueeze(*axis as isize)?)
        };
        let of_dy = || -> Result<Var> {
            let ones = Var::constant(dy.tensor().ones_like()?);
            self.clone().apply(&[&x, &ones])?.mul(g)?.sum(*axis)
        };
        Ok(vec![node.needs(0).then(of_x).transpose()?, node.needs(1).then(of_dy).transpose()?])
    }
}

impl Var {
    /// See [`Tensor::cross_entropy`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn cross_entropy(&self, labels: &Tensor, axis: isize, targets: &ClassTargets) -> Result<Var> {
        let axis = self.axis("cross_entropy", axis)?;
        CrossEntropy { labels: labels.clone(), axis, targets: targets.clone() }.apply(&[self])
    }

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
