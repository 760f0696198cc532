//! Convolution, its two gradients and transposed convolution in 1 to 3 dimensions.
//!
//! A convolution is linear in its input and in its weight, so each of its gradients is again a convolution, forward or
//! backward: [`Conv`], [`ConvBackwardInput`] and [`ConvBackwardWeight`] are each other's gradients, to any order.

use ocelli_tensor::{Activation, ConvOptions, PerAxis, Shape, Tensor};

use super::activation;
use crate::{Keeps, NodeView, Op, Result, Var};

/// The convolution of an input and a weight, plus a bias and a residual of the result's shape if there are such inputs, in this order, and
/// an activation of that.
#[derive(Debug, Clone, PartialEq)]
pub struct Conv {
    /// Stride, padding, dilation, groups.
    pub options: ConvOptions,
    /// One whose gradient follows from its result.
    pub activation: Activation,
    /// Whether the last input is a residual.
    pub residual: bool,
}

impl Conv {
    /// Of so many inputs: which is the bias, and which the residual.
    #[must_use]
    pub fn optional_inputs(&self, count: usize) -> (Option<usize>, Option<usize>) {
        let residual = self.residual.then(|| count - 1);
        ((2 < residual.unwrap_or(count)).then_some(2), residual)
    }
}

impl Op for Conv {
    fn name(&self) -> &'static str {
        "conv"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        let (bias, residual) = self.optional_inputs(x.len());
        Ok(x[0].conv_fused(x[1], bias.map(|i| x[i]), residual.map(|i| x[i]), &self.options, self.activation)?)
    }

    fn keeps(&self) -> Keeps {
        let inputs = Keeps::input(0).and(Keeps::input(1));
        if self.activation == Activation::Identity { inputs } else { inputs.and(Keeps::output()) }
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        self.backward_owned(node, dy.clone())
    }

    fn backward_owned(&self, node: &NodeView<'_>, dy: Var) -> Result<Vec<Option<Var>>> {
        let dy = &match self.activation {
            Activation::Identity => dy,
            activation => activation::backward(activation, &node.output()?, dy)?,
        };
        let mut gradients = vec![None; node.len()];
        if node.needs(0) {
            gradients[0] = Some(Var::conv_backward_input(&node.input(1)?, dy, node.shape(0), &self.options)?);
        }
        if node.needs(1) {
            gradients[1] = Some(Var::conv_backward_weight(&node.input(0)?, dy, node.shape(1), &self.options)?);
        }
        let (bias, residual) = self.optional_inputs(node.len());
        if let Some(bias) = bias.filter(|&i| node.needs(i)) {
            gradients[bias] = Some(bias_gradient(dy)?);
        }
        if let Some(residual) = residual.filter(|&i| node.needs(i)) {
            gradients[residual] = Some(dy.clone());
        }
        Ok(gradients)
    }
}

/// The gradient of a convolution with respect to its input, from the weight and the gradient of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvBackwardInput {
    /// The shape of the convolution's input.
    pub input_shape: Shape,
    /// The convolution's options.
    pub options: ConvOptions,
}

impl Op for ConvBackwardInput {
    fn name(&self) -> &'static str {
        "conv_backward_input"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(Tensor::conv_backward_input(x[0], x[1], &self.input_shape, &self.options)?)
    }

    fn keeps(&self) -> Keeps {
        Keeps::inputs()
    }

    fn backward(&self, node: &NodeView<'_>, g: &Var) -> Result<Vec<Option<Var>>> {
        let mut gradients = vec![None, None];
        if node.needs(0) {
            gradients[0] = Some(Var::conv_backward_weight(g, &node.input(1)?, node.shape(0), &self.options)?);
        }
        if node.needs(1) {
            gradients[1] = Some(g.conv(&node.input(0)?, None, &self.options)?);
        }
        Ok(gradients)
    }
}

/// The gradient of a convolution with respect to its weight, from the input and the gradient of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvBackwardWeight {
    /// The shape of the convolution's weight.
    pub weight_shape: Shape,
    /// The convolution's options.
    pub options: ConvOptions,
}

impl Op for ConvBackwardWeight {
    fn name(&self) -> &'static str {
        "conv_backward_weight"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(Tensor::conv_backward_weight(x[0], x[1], &self.weight_shape, &self.options)?)
    }

    fn keeps(&self) -> Keeps {
        Keeps::inputs()
    }

    fn backward(&self, node: &NodeView<'_>, g: &Var) -> Result<Vec<Option<Var>>> {
        let mut gradients = vec![None, None];
        if node.needs(0) {
            gradients[0] = Some(Var::conv_backward_input(g, &node.input(1)?, node.shape(0), &self.options)?);
        }
        if node.needs(1) {
            gradients[1] = Some(node.input(0)?.conv(g, None, &self.options)?);
        }
        Ok(gradients)
    }
}

/// The transposed convolution of an input and a weight, plus a bias if there is a third input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvTranspose {
    /// Stride, padding, dilation, groups.
    pub options: ConvOptions,
    /// How much longer the result is made at its end.
    pub output_padding: PerAxis,
}

impl Op for ConvTranspose {
    fn name(&self) -> &'static str {
        "conv_transpose"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(x[0].conv_transpose(x[1], x.get(2).copied(), &self.options, self.output_padding.clone())?)
    }

    fn keeps(&self) -> Keeps {
        Keeps::input(0).and(Keeps::input(1))
    }

    /// It is the gradient of a convolution that leads from its result back to its input; so that convolution is its own gradient.
    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let (_, back) = self.options.transposed_shape(node.shape(0), node.shape(1), &self.output_padding)?;
        let mut gradients = vec![None; node.len()];
        if node.needs(0) {
            gradients[0] = Some(dy.conv(&node.input(1)?, None, &back)?);
        }
        if node.needs(1) {
            gradients[1] = Some(Var::conv_backward_weight(dy, &node.input(0)?, node.shape(1), &back)?);
        }
        if node.len() == 3 && node.needs(2) {
            gradients[2] = Some(bias_gradient(dy)?);
        }
        Ok(gradients)
    }
}

/// The sum over all axes but the channels.
fn bias_gradient(dy: &Var) -> Result<Var> {
    let axes: Vec<usize> = (0..dy.rank()).filter(|&axis| axis != 1).collect();
    dy.sum(&axes[..])
}

impl Var {
    /// See [`Tensor::conv`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn conv(&self, weight: &Var, bias: Option<&Var>, options: &ConvOptions) -> Result<Var> {
        self.conv_fused(weight, bias, None, options, Activation::Identity)
    }

    /// See [`Tensor::conv_fused`]; differentiable. An activation whose gradient does not follow from its result is recorded as an
    /// operation of its own.
    ///
    /// # Errors
    /// As there.
    pub fn conv_fused(
        &self,
        weight: &Var,
        bias: Option<&Var>,
        residual: Option<&Var>,
        options: &ConvOptions,
        activation: Activation,
    ) -> Result<Var> {
        let follows = activation.follows_from_result();
        let fused = if follows { activation } else { Activation::Identity };
        let op = Conv { options: options.clone(), activation: fused, residual: residual.is_some() };
        let inputs: Vec<&Var> = [self, weight].into_iter().chain(bias).chain(residual).collect();
        let y = op.apply(&inputs)?;
        if follows { Ok(y) } else { y.activate(activation) }
    }

    /// See [`Tensor::conv_transpose`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn conv_transpose(
        &self,
        weight: &Var,
        bias: Option<&Var>,
        options: &ConvOptions,
        output_padding: impl Into<PerAxis>,
    ) -> Result<Var> {
        let op = ConvTranspose { options: options.clone(), output_padding: output_padding.into() };
        match bias {
            Some(bias) => op.apply(&[self, weight, bias]),
            None => op.apply(&[self, weight]),
        }
    }

    /// See [`Tensor::conv_backward_input`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn conv_backward_input(weight: &Var, dy: &Var, input_shape: &Shape, options: &ConvOptions) -> Result<Var> {
        ConvBackwardInput { input_shape: input_shape.clone(), options: options.clone() }.apply(&[weight, dy])
    }

    /// See [`Tensor::conv_backward_weight`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn conv_backward_weight(x: &Var, dy: &Var, weight_shape: &Shape, options: &ConvOptions) -> Result<Var> {
        ConvBackwardWeight { weight_shape: weight_shape.clone(), options: options.clone() }.apply(&[x, dy])
    }
}
