//! Normalization by channel: batch, group and instance norm.
//!
//! The kernels compute all gradients together; as ops they are one [`ChannelNormGradient`] for each input. Its own gradient follows
//! from the symmetry of the map `J` that takes a gradient at the normalized elements `x̂ = (x - mean) r`, `r = 1 / √(var + eps)`, back
//! to `x`: `J u = r (u - mean u - x̂ mean(u x̂))`.

use ocelli_tensor::{NormOptions, NormOver, Shape, Tensor};

use crate::node::Node;
use crate::record::is_recording;
use crate::trace::unrecorded;
use crate::{Keeps, NodeView, Op, Result, Var};

/// Channels normalized by their own mean and variance: batch norm in training, group norm, instance norm. Inputs are `x`, `gamma` and
/// `beta`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChannelNorm {
    /// What shares a mean and a variance, eps, and whether a ReLU follows.
    pub options: NormOptions,
}

impl Op for ChannelNorm {
    fn name(&self) -> &'static str {
        "channel_norm"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].channel_norm(x[1], x[2], &self.options)?.0)
    }

    fn forward_saving(&self, x: &[&Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let (y, mean, var) = x[0].channel_norm(x[1], x[2], &self.options)?;
        Ok((y, vec![mean, var]))
    }

    fn keeps(&self) -> Keeps {
        Keeps::inputs()
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let (x, gamma, beta) = (node.input(0)?, node.input(1)?, node.input(2)?);
        let (mean, var) = (node.saved(0), node.saved(1));
        let (dx, dgamma, dbeta) =
            dy.tensor().channel_norm_backward(x.tensor(), gamma.tensor(), beta.tensor(), (mean, var), &self.options)?;
        let record = |input, gradient| {
            let op = ChannelNormGradient { options: self.options, input };
            node.needs(input).then(|| record(op, &[dy, &x, &gamma, &beta], gradient, &[mean, var]))
        };
        Ok(vec![record(0, dx), record(1, dgamma), record(2, dbeta)])
    }
}

/// The gradient of [`ChannelNorm`] at one of its inputs. Inputs are the gradient at its result, and its inputs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChannelNormGradient {
    /// The options of the normalization.
    pub options: NormOptions,
    /// Whose gradient: 0 is `x`, 1 `gamma`, 2 `beta`.
    pub input: usize,
}

impl Op for ChannelNormGradient {
    fn name(&self) -> &'static str {
        "channel_norm_gradient"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(self.forward_saving(x)?.0)
    }

    fn forward_saving(&self, x: &[&Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let [dy, x, gamma, beta] = [x[0], x[1], x[2], x[3]];
        let (_, mean, var) = x.channel_norm(gamma, beta, &self.options)?;
        let (dx, dgamma, dbeta) = dy.channel_norm_backward(x, gamma, beta, (&mean, &var), &self.options)?;
        let gradient = match self.input {
            0 => dx,
            1 => dgamma,
            _ => dbeta,
        };
        Ok((gradient, vec![mean, var]))
    }

    fn keeps(&self) -> Keeps {
        Keeps::inputs()
    }

    fn backward(&self, node: &NodeView<'_>, g: &Var) -> Result<Vec<Option<Var>>> {
        let (dy, x, gamma, beta) = (node.input(0)?, node.input(1)?, node.input(2)?, node.input(3)?);
        let split = Split::new(x.shape(), self.options.over);
        // Gradients pass where the result was above 0; where that is does not depend on anything in a smooth way.
        let passed = |dy: &Var| -> Result<Var> {
            if !self.options.relu {
                return Ok(dy.clone());
            }
            let statistics = (node.saved(0), node.saved(1));
            let y = x.tensor().channel_norm_with(gamma.tensor(), beta.tensor(), statistics, &self.options)?;
            dy.mul(&y.gt(0.0)?.to_dtype(dy.dtype())?)
        };
        let dy = split.elements(&passed(&dy)?)?;
        let gamma = split.of_channels(&gamma)?;
        let d = second(&split, self.options.eps, self.input, g, (&dy, &split.elements(&x)?, &gamma))?;
        let d_dy = passed(&d.dy.reshape(x.shape())?)?;
        let d_x = d.x.map(|d| d.reshape(x.shape())).transpose()?;
        Ok(vec![Some(d_dy), d_x, d.gamma, None])
    }
}

/// Channels normalized by given means and variances: batch norm in evaluation. Inputs are `x`, `gamma`, `beta`, means and variances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChannelNormWith {
    /// What shares a mean and a variance, eps, and whether a ReLU follows.
    pub options: NormOptions,
}

impl Op for ChannelNormWith {
    fn name(&self) -> &'static str {
        "channel_norm_with"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].channel_norm_with(x[1], x[2], (x[3], x[4]), &self.options)?)
    }

    fn keeps(&self) -> Keeps {
        if self.options.relu { Keeps::inputs().and(Keeps::output()) } else { Keeps::inputs() }
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let split = Split::new(node.shape(0), self.options.over);
        let statistic = |input: usize| -> Result<Var> { node.input(input)?.reshape(&split.statistics) };
        let dy = match self.options.relu {
            true => dy.mul(&node.output()?.tensor().gt(0.0)?.to_dtype(dy.dtype())?)?,
            false => dy.clone(),
        };
        let dy = split.elements(&dy)?;
        let r = statistic(4)?.add(self.options.eps)?.rsqrt()?;
        let scaled = dy.mul(&split.of_channels(&node.input(1)?)?.mul(&r)?)?;
        let mut gradients = vec![None; 5];
        if node.needs(0) {
            gradients[0] = Some(scaled.reshape(node.shape(0))?);
        }
        if node.needs(2) {
            gradients[2] = Some(split.to_channels(&dy)?);
        }
        if node.needs(3) {
            gradients[3] = Some(scaled.sum_keepdim(&split.axes[..])?.neg()?.reshape(node.shape(3))?);
        }
        if node.needs(1) || node.needs(4) {
            let apart = split.elements(&node.input(0)?)?.sub(&statistic(3)?)?;
            if node.needs(1) {
                gradients[1] = Some(split.to_channels(&dy.mul(&apart.mul(&r)?)?)?);
            }
            if node.needs(4) {
                let along = scaled.mul(&apart)?.sum_keepdim(&split.axes[..])?;
                gradients[4] = Some(along.mul(&r.square()?)?.mul(-0.5)?.reshape(node.shape(4))?);
            }
        }
        Ok(gradients)
    }
}

/// What the gradient of a gradient has for each of the latter's inputs but `beta`, in the shapes of a [`Split`].
pub(super) struct Second {
    pub(super) dy: Var,
    pub(super) x: Option<Var>,
    /// In the shape of `gamma` itself.
    pub(super) gamma: Option<Var>,
}

/// The gradients of the gradient at `x`, `gamma` or `beta` (`input` 0, 1 or 2), from the gradient `g` at it. `dy`, `x` and `gamma` are
/// in the shapes of `split`.
pub(super) fn second(
    split: &Split,
    eps: f64,
    input: usize,
    g: &Var,
    (dy, x, gamma): (&Var, &Var, &Var),
) -> Result<Second> {
    if input == 2 {
        return Ok(Second { dy: split.of_channels(g)?.expand(&split.shape)?, x: None, gamma: None });
    }
    let normal = Normal::new(split, x, eps)?;
    if input == 1 {
        let g = split.of_channels(g)?;
        let x = normal.backward(&dy.mul(&g)?)?;
        return Ok(Second { dy: normal.x.mul(&g)?, x: Some(x), gamma: None });
    }
    let (g, u) = (split.elements(g)?, dy.mul(gamma)?);
    // The scalar to differentiate is g·J u = r q.
    let j_g = normal.backward(&g)?;
    let d_gamma = split.to_channels(&dy.mul(&j_g)?)?;
    let (along_g, along_u) = (normal.mean(&g.mul(&normal.x)?)?, normal.mean(&u.mul(&normal.x)?)?);
    let apart = normal.mean(&g)?.mul(&normal.mean(&u)?)?.add(&along_g.mul(&along_u)?)?;
    let q_share = normal.mean(&g.mul(&u)?)?.sub(&apart)?;
    let through_x = g.mul(&along_u)?.add(&u.mul(&along_g)?)?.mul(&normal.r)?.neg()?;
    let through_r = normal.x.mul(&normal.r.square()?.mul(&q_share)?)?;
    let d_x = normal.backward(&through_x)?.sub(&through_r)?;
    Ok(Second { dy: j_g.mul(gamma)?, x: Some(d_x), gamma: Some(d_gamma) })
}

/// `[N, C, …]` seen as `[N, groups, C / groups, …]`, or what else has statistics over some axes and factors along others.
pub(super) struct Split {
    pub(super) shape: Shape,
    /// The axes that share a statistic.
    pub(super) axes: Vec<usize>,
    /// 1 in place of these.
    pub(super) statistics: Shape,
    /// 1 everywhere but in the place of the channels.
    pub(super) channels: Shape,
    /// The shape of the factors.
    pub(super) factors: Shape,
}

impl Split {
    fn new(shape: &Shape, over: NormOver) -> Split {
        let (groups, first) = match over {
            NormOver::Batch => (shape[1], Some(0)),
            NormOver::Groups(groups) => (groups, None),
        };
        let within = shape[1].checked_div(groups).unwrap_or(1);
        let split: Shape = [shape[0], groups, within].iter().chain(&shape[2..]).copied().collect();
        let axes: Vec<usize> = first.into_iter().chain(2..split.rank()).collect();
        let kept = |keep: &dyn Fn(usize) -> bool| -> Shape {
            split.iter().enumerate().map(|(axis, &size)| if keep(axis) { size } else { 1 }).collect()
        };
        let (statistics, channels) = (kept(&|axis| !axes.contains(&axis)), kept(&|axis| axis == 1 || axis == 2));
        Split { shape: split, axes, statistics, channels, factors: [shape[1]].into() }
    }

    pub(super) fn elements(&self, x: &Var) -> Result<Var> {
        x.reshape(&self.shape)
    }

    /// Values of the channels, such that they broadcast.
    pub(super) fn of_channels(&self, values: &Var) -> Result<Var> {
        values.reshape(&self.channels)
    }

    /// The sums for each channel.
    fn to_channels(&self, x: &Var) -> Result<Var> {
        x.sum_to(&self.channels)?.reshape(&self.factors)
    }
}

/// Normalized elements, written in plain operations.
struct Normal {
    x: Var,
    /// `1 / √(var + eps)`
    r: Var,
    axes: Vec<usize>,
}

impl Normal {
    fn new(split: &Split, x: &Var, eps: f64) -> Result<Normal> {
        let axes = split.axes.clone();
        let apart = x.sub(&x.mean_keepdim(&axes[..])?)?;
        let r = apart.square()?.mean_keepdim(&axes[..])?.add(eps)?.rsqrt()?;
        Ok(Normal { x: apart.mul(&r)?, r, axes })
    }

    fn mean(&self, x: &Var) -> Result<Var> {
        x.mean_keepdim(&self.axes[..])
    }

    /// The gradient at `x` from that at the normalized elements: `J u`.
    fn backward(&self, u: &Var) -> Result<Var> {
        let along = self.x.mul(&self.mean(&u.mul(&self.x)?)?)?;
        u.sub(&self.mean(u)?)?.sub(&along)?.mul(&self.r)
    }
}

/// Records an op whose result was computed already.
pub(super) fn record(op: impl Op, inputs: &[&Var], output: Tensor, saved: &[&Tensor]) -> Var {
    if !is_recording() || !inputs.iter().any(|input| input.requires_grad()) {
        return unrecorded(op, inputs, output);
    }
    Node::record(Box::new(op), inputs, output, saved.iter().map(|&saved| saved.clone()).collect())
}

impl Var {
    /// See [`Tensor::channel_norm`]; differentiable. Returns also the means and variances that were used.
    ///
    /// ```
    /// use ocelli_autograd::Var;
    /// use ocelli_tensor::{DType, Generator, NormOptions, Tensor};
    /// # fn main() -> ocelli_autograd::Result<()> {
    /// let x = Var::leaf(Tensor::randn([4, 3, 5, 5], DType::F32, &mut Generator::new(0))?)?;
    /// let (gamma, beta) = (Var::leaf(Tensor::ones([3], DType::F32)?)?, Var::leaf(Tensor::zeros([3], DType::F32)?)?);
    /// let (y, mean, _var) = x.channel_norm(&gamma, &beta, &NormOptions::batch(1e-5))?;
    /// assert_eq!(mean.shape()[..], [3]);
    /// assert_eq!(y.square()?.sum(..)?.backward()?.get(&beta)?.shape()[..], [3]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn channel_norm(&self, gamma: &Var, beta: &Var, options: &NormOptions) -> Result<(Var, Tensor, Tensor)> {
        let (y, mean, var) = self.tensor().channel_norm(gamma.tensor(), beta.tensor(), options)?;
        let y = record(ChannelNorm { options: *options }, &[self, gamma, beta], y, &[&mean, &var]);
        Ok((y, mean, var))
    }

    /// See [`Tensor::channel_norm_with`]; differentiable in all inputs.
    ///
    /// # Errors
    /// As there.
    pub fn channel_norm_with(
        &self,
        gamma: &Var,
        beta: &Var,
        (mean, var): (&Var, &Var),
        options: &NormOptions,
    ) -> Result<Var> {
        ChannelNormWith { options: *options }.apply(&[self, gamma, beta, mean, var])
    }
}
