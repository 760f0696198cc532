//! Reductions over axes.

use ocelli_tensor::{Axes, Tensor};

use crate::node::Node;
use crate::ops::view::SliceScatter;
use crate::record::is_recording;
use crate::trace::unrecorded;
use crate::{Keeps, NodeView, Op, Result, Var};

/// Calls the plain or the keepdim form of a reduction.
macro_rules! reduced {
    ($op:expr, $x:expr, $plain:ident, $keepdim:ident $(, $p:expr)? $(; $correction:expr)?) => {
        Ok(if $op.keepdim {
            $x.$keepdim($($p,)? &$op.axes[..] $(, $correction)?)?
        } else {
            $x.$plain($($p,)? &$op.axes[..] $(, $correction)?)?
        })
    };
}

/// The sum over some axes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// The axes, ascending.
    pub axes: Vec<usize>,
    /// Whether they stay with size 1.
    pub keepdim: bool,
}

impl Op for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        reduced!(self, x[0], sum, sum_keepdim)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let dx = dy.unreduce(node, &self.axes)?.expand(node.shape(0))?;
        Ok(vec![Some(dx)])
    }
}

/// The mean over some axes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mean {
    /// The axes, ascending.
    pub axes: Vec<usize>,
    /// Whether they stay with size 1.
    pub keepdim: bool,
}

impl Op for Mean {
    fn name(&self) -> &'static str {
        "mean"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        reduced!(self, x[0], mean, mean_keepdim)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let share = dy.unreduce(node, &self.axes)?.div(count(node, &self.axes))?;
        Ok(vec![Some(share.expand(node.shape(0))?)])
    }
}

/// The product over some axes. An element's gradient is the product of all others, also where there are zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prod {
    /// The axes, ascending.
    pub axes: Vec<usize>,
    /// Whether they stay with size 1.
    pub keepdim: bool,
}

impl Op for Prod {
    fn name(&self) -> &'static str {
        "prod"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        reduced!(self, x[0], prod, prod_keepdim)
    }

    fn keeps(&self) -> Keeps {
        Keeps::inputs().and(Keeps::output())
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let (x, dy) = (node.input(0)?, dy.unreduce(node, &self.axes)?);
        if !has_zeros(&x)? {
            let y = node.output()?.unreduce(node, &self.axes)?;
            return Ok(vec![Some(dy.mul(&y)?.div(&x)?)]);
        }
        // The axes as the last one.
        let kept = (0..x.rank()).filter(|axis| !self.axes.contains(axis));
        let order: Vec<usize> = kept.chain(self.axes.iter().copied()).collect();
        let mut inverse = vec![0; order.len()];
        for (to, &from) in order.iter().enumerate() {
            inverse[from] = to;
        }
        let moved = x.permute(&order[..])?;
        let mut rows: Vec<usize> = moved.shape()[..x.rank() - self.axes.len()].to_vec();
        rows.push(self.axes.iter().map(|&axis| x.shape()[axis]).product());
        let others = products_of_others(&moved.reshape(rows)?)?;
        let others = others.reshape(moved.shape())?.permute(&inverse[..])?;
        Ok(vec![Some(dy.mul(&others)?)])
    }
}

/// For each element of the last axis the product of the others: of those before times those behind.
fn products_of_others(x: &Var) -> Result<Var> {
    let before = product_before(x)?;
    let behind = product_before(&x.reversed(-1)?)?.reversed(-1)?;
    before.mul(&behind)
}

/// The running product of the elements before each along the last axis; 1 for the first.
fn product_before(x: &Var) -> Result<Var> {
    let (axis, size) = (x.rank() - 1, x.size(-1)?);
    if size == 0 {
        return Ok(x.clone());
    }
    let later =
        SliceScatter { axis, slice: (1..).into(), size }.apply(&[&x.narrow(-1, 0, size - 1)?.cumprod(-1)?])?;
    let first = Tensor::arange(0, size as i64, 1)?.to_device(x.device())?.eq(0)?;
    later.add(&first.to_dtype(x.dtype())?)
}

/// The largest or smallest element over some axes. Equal extremes share the gradient evenly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extreme {
    /// Largest or smallest.
    pub largest: bool,
    /// The axes, ascending.
    pub axes: Vec<usize>,
    /// Whether they stay with size 1.
    pub keepdim: bool,
}

impl Op for Extreme {
    fn name(&self) -> &'static str {
        if self.largest { "max" } else { "min" }
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        if self.largest { reduced!(self, x[0], max, max_keepdim) } else { reduced!(self, x[0], min, min_keepdim) }
    }

    fn keeps(&self) -> Keeps {
        Keeps::inputs().and(Keeps::output())
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let y = node.output()?.unreduce(node, &self.axes)?;
        let share = shared_evenly(&node.input(0)?.tensor().eq(y.tensor())?, &self.axes, dy)?;
        Ok(vec![Some(dy.unreduce(node, &self.axes)?.mul(&share)?)])
    }
}

/// `1 / count` where a mask is true, `count` of them over the axes; 0 elsewhere.
fn shared_evenly(mask: &Tensor, axes: &[usize], like: &Var) -> Result<Tensor> {
    let mask = mask.to_dtype(like.dtype())?;
    Ok(mask.div(&mask.sum_keepdim(axes)?)?)
}

/// The largest or smallest elements along an axis, one of each row: the first, which gets all of the gradient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtremeWithIndices {
    /// Largest or smallest.
    pub largest: bool,
    /// The axis.
    pub axis: usize,
}

impl ExtremeWithIndices {
    fn compute(&self, x: &Tensor) -> Result<(Tensor, Tensor)> {
        let axis = self.axis as isize;
        Ok(if self.largest { x.max_with_indices(axis)? } else { x.min_with_indices(axis)? })
    }
}

impl Op for ExtremeWithIndices {
    fn name(&self) -> &'static str {
        if self.largest { "max_with_indices" } else { "min_with_indices" }
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(self.compute(x[0])?.0)
    }

    fn forward_saving(&self, x: &[&Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let (values, indices) = self.compute(x[0])?;
        Ok((values, vec![indices]))
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let axis = self.axis as isize;
        let indices = node.saved(0).unsqueeze(axis)?;
        Ok(vec![Some(dy.unsqueeze(axis)?.placed_at(node.shape(0), self.axis, &indices)?)])
    }
}

/// The variance over some axes: `dx = dy · 2(x - mean) / (n - correction)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variance {
    /// What is taken off the number of elements to divide by.
    pub correction: usize,
    /// The axes, ascending.
    pub axes: Vec<usize>,
    /// Whether they stay with size 1.
    pub keepdim: bool,
}

impl Op for Variance {
    fn name(&self) -> &'static str {
        "var"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        reduced!(self, x[0], var, var_keepdim; self.correction)
    }

    fn keeps(&self) -> Keeps {
        Keeps::inputs()
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let slope = variance_slope(node, &self.axes, self.correction)?;
        Ok(vec![Some(dy.unreduce(node, &self.axes)?.mul(&slope)?)])
    }
}

/// `2(x - mean) / (n - correction)`.
fn variance_slope(node: &NodeView<'_>, axes: &[usize], correction: usize) -> Result<Var> {
    let x = node.input(0)?;
    let degrees = (count(node, axes) - correction as f64).max(0.0);
    x.sub(&x.mean_keepdim(axes)?)?.mul(2.0 / degrees)
}

/// The standard deviation over some axes. Its gradient is 0 where all elements are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandardDeviation {
    /// What is taken off the number of elements to divide by.
    pub correction: usize,
    /// The axes, ascending.
    pub axes: Vec<usize>,
    /// Whether they stay with size 1.
    pub keepdim: bool,
}

impl Op for StandardDeviation {
    fn name(&self) -> &'static str {
        "std"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        reduced!(self, x[0], std, std_keepdim; self.correction)
    }

    fn keeps(&self) -> Keeps {
        Keeps::inputs().and(Keeps::output())
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let slope = variance_slope(node, &self.axes, self.correction)?;
        let y = node.output()?.unreduce(node, &self.axes)?;
        let dy = dy.unreduce(node, &self.axes)?.div(&y.mul(2.0)?.or_one()?)?;
        let dy = dy.masked_fill(&y.tensor().eq(0.0)?, 0.0)?;
        Ok(vec![Some(dy.mul(&slope)?)])
    }
}

/// `ln Σ eˣ` over some axes: `dx = dy · exp(x - y)`, and 0 where every `x` is -∞.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSumExp {
    /// The axes, ascending.
    pub axes: Vec<usize>,
    /// Whether they stay with size 1.
    pub keepdim: bool,
}

impl Op for LogSumExp {
    fn name(&self) -> &'static str {
        "logsumexp"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        reduced!(self, x[0], logsumexp, logsumexp_keepdim)
    }

    fn keeps(&self) -> Keeps {
        Keeps::inputs().and(Keeps::output())
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let y = node.output()?.unreduce(node, &self.axes)?;
        // Where every x is -∞, so is y, and -∞ - -∞ would be NaN: there all gradients are 0.
        let y = y.masked_fill(&y.tensor().eq(f64::NEG_INFINITY)?, 0.0)?;
        let share = node.input(0)?.sub(&y)?.exp()?;
        Ok(vec![Some(dy.unreduce(node, &self.axes)?.mul(&share)?)])
    }
}

/// The `p`-norm over some axes. Its gradient is 0 where the norm is.
#[derive(Debug, Clone, PartialEq)]
pub struct Norm {
    /// The power.
    pub p: f64,
    /// The axes, ascending.
    pub axes: Vec<usize>,
    /// Whether they stay with size 1.
    pub keepdim: bool,
}

impl Op for Norm {
    fn name(&self) -> &'static str {
        "norm"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        reduced!(self, x[0], norm, norm_keepdim, self.p)
    }

    fn keeps(&self) -> Keeps {
        match self.p {
            0.0 => Keeps::nothing(),
            1.0 => Keeps::inputs(),
            _ => Keeps::inputs().and(Keeps::output()),
        }
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let dy = dy.unreduce(node, &self.axes)?;
        if self.p == 0.0 {
            return Ok(vec![Some(dy.zeros()?.expand(node.shape(0))?)]);
        }
        let x = node.input(0)?;
        let sign = x.tensor().sign()?;
        if self.p == 1.0 {
            return Ok(vec![Some(dy.mul(&sign)?)]);
        }
        let y = node.output()?.unreduce(node, &self.axes)?;
        if self.p.is_infinite() {
            let extreme = x.tensor().abs()?.eq(y.tensor())?;
            let share = shared_evenly(&extreme, &self.axes, &dy)?;
            return Ok(vec![Some(dy.mul(&share.mul(&sign)?)?)]);
        }
        let defined = y.tensor().ne(0.0)?.to_dtype(y.dtype())?;
        let (dy, y) = (dy.mul(&defined)?, y.or_one()?);
        if self.p == 2.0 {
            return Ok(vec![Some(dy.mul(&x.div(&y)?)?)]);
        }
        // |x|ᵖ⁻¹/yᵖ⁻¹ · sign x. The zeros of x are taken out first: a negative power of 0 would be infinite.
        let ratio = x.or_one()?.abs()?.div(&y)?.pow(self.p - 1.0)?;
        Ok(vec![Some(dy.mul(&ratio.mul(&sign)?)?)])
    }
}

/// Number of elements that are reduced to one.
fn count(node: &NodeView<'_>, axes: &[usize]) -> f64 {
    let count: usize = axes.iter().map(|&axis| node.shape(0)[axis]).product();
    count as f64
}

/// Whether an element is 0.
pub(crate) fn has_zeros(x: &Var) -> Result<bool> {
    Ok(x.tensor().eq(0.0)?.any(..)?.item::<bool>()?)
}

/// Records an op whose result was computed together with the indices that its `backward` reads.
pub(crate) fn record_with_indices(op: impl Op, x: &Var, (values, indices): (Tensor, Tensor)) -> (Var, Tensor) {
    if !is_recording() || !x.requires_grad() {
        return (unrecorded(op, &[x], values), indices);
    }
    let var = Node::record(Box::new(op), &[x], values, vec![indices.clone()]);
    (var, indices)
}

/// The two methods of each reduction.
macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident $keepdim_name:ident ($($before:ident: $B:ty)?; $($after:ident: $A:ty)?)
        => |$axes:ident, $keepdim:ident| $op:expr;)*) => {
        impl Var {$(
            #[doc = concat!("See [`Tensor::", stringify!($name), "`]; differentiable.")]
            $(#[$doc])*
            ///
            /// # Errors
            /// As there.
            pub fn $name(&self, $($before: $B,)? axes: impl Into<Axes> $(, $after: $A)?) -> Result<Var> {
                let $axes = axes.into().resolve(stringify!($name), self.shape())?.to_vec();
                let $keepdim = false;
                $op.apply(&[self])
            }

            #[doc = concat!("See [`Tensor::", stringify!($keepdim_name), "`]; differentiable.")]
            $(#[$doc])*
            ///
            /// # Errors
            /// As there.
            pub fn $keepdim_name(&self, $($before: $B,)? axes: impl Into<Axes> $(, $after: $A)?) -> Result<Var> {
                let $axes = axes.into().resolve(stringify!($name), self.shape())?.to_vec();
                let $keepdim = true;
                $op.apply(&[self])
            }
        )*}
    };
}

methods! {
    sum sum_keepdim(;) => |axes, keepdim| Sum { axes, keepdim };
    mean mean_keepdim(;) => |axes, keepdim| Mean { axes, keepdim };
    prod prod_keepdim(;) => |axes, keepdim| Prod { axes, keepdim };
    /// Equal maxima share the gradient evenly.
    max max_keepdim(;) => |axes, keepdim| Extreme { largest: true, axes, keepdim };
    /// Equal minima share the gradient evenly.
    min min_keepdim(;) => |axes, keepdim| Extreme { largest: false, axes, keepdim };
    var var_keepdim(; correction: usize) => |axes, keepdim| Variance { correction, axes, keepdim };
    /// The gradient is 0 where all elements are equal.
    std std_keepdim(; correction: usize) => |axes, keepdim| StandardDeviation { correction, axes, keepdim };
    logsumexp logsumexp_keepdim(;) => |axes, keepdim| LogSumExp { axes, keepdim };
    /// The gradient is 0 where the norm is.
    norm norm_keepdim(p: f64;) => |axes, keepdim| Norm { p, axes, keepdim };
}

impl Var {
    /// A reduced value with size 1 in the place of the reduced axes of input 0, so that it broadcasts to that input.
    pub(crate) fn unreduce(&self, node: &NodeView<'_>, axes: &[usize]) -> Result<Var> {
        let mut shape = node.shape(0).clone();
        axes.iter().for_each(|&axis| shape[axis] = 1);
        self.reshape(shape)
    }

    /// 1 in the place of each 0, so that one can divide by it.
    fn or_one(&self) -> Result<Var> {
        self.masked_fill(&self.tensor().eq(0.0)?, 1.0)
    }

    /// See [`Tensor::max_with_indices`]; differentiable in the values. The position that the index names gets all of the gradient.
    ///
    /// # Errors
    /// As there.
    pub fn max_with_indices(&self, axis: isize) -> Result<(Var, Tensor)> {
        self.extreme_with_indices("max_with_indices", axis, true)
    }

    /// See [`Tensor::min_with_indices`]; differentiable in the values. The position that the index names gets all of the gradient.
    ///
    /// # Errors
    /// As there.
    pub fn min_with_indices(&self, axis: isize) -> Result<(Var, Tensor)> {
        self.extreme_with_indices("min_with_indices", axis, false)
    }

    fn extreme_with_indices(&self, op: &'static str, axis: isize, largest: bool) -> Result<(Var, Tensor)> {
        let axis = self.axis(op, axis)?;
        let op = ExtremeWithIndices { largest, axis };
        let computed = op.compute(self.tensor())?;
        Ok(record_with_indices(op, self, computed))
    }
}
