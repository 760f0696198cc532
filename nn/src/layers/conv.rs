//! Convolution.

use ocelli_autograd::Var;
use ocelli_tensor::{Activation, ConvOptions, Generator, Padding, PerAxis};

use super::weights::{Weights, penalize_activity, weight_setters};
use crate::observe::watched;
use crate::{Error, Layer, Module, Param, Regularizer, Result};

/// Convolution of `[N, C, H, W]` with a weight `[out, C / groups, kernel height, kernel width]`.
///
/// ```
/// use ocelli_nn::{Conv2d, Layer};
/// use ocelli_tensor::{DType, Generator, Padding, Tensor};
/// # fn main() -> ocelli_nn::Result<()> {
/// let conv = Conv2d::builder(3, 16, [5, 3]).stride(2).padding(Padding::Same).bias(false).build(&mut Generator::new(0))?;
/// let y = conv.forward(&Tensor::zeros([1, 3, 32, 33], DType::F32)?.into())?;
/// assert_eq!(y.shape()[..], [1, 16, 16, 17]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Module)]
pub struct Conv2d {
    weight: Param,
    bias: Option<Param>,
    #[module(skip)]
    options: ConvOptions,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    activity_regularizer: Option<Regularizer>,
}

/// How to make a [`Conv2d`].
#[derive(Debug, Clone)]
pub struct Conv2dBuilder {
    inputs: usize,
    outputs: usize,
    kernel: PerAxis,
    options: ConvOptions,
    weights: Weights,
}

impl Conv2d {
    /// Stride 1, no padding, with a bias.
    ///
    /// # Errors
    /// If a size is 0.
    pub fn new(inputs: usize, outputs: usize, kernel: impl Into<PerAxis>, generator: &mut Generator) -> Result<Self> {
        Conv2d::builder(inputs, outputs, kernel).build(generator)
    }

    /// To choose stride, padding, dilation, groups, initializers, regularizers, constraints, an activation or no bias.
    pub fn builder(inputs: usize, outputs: usize, kernel: impl Into<PerAxis>) -> Conv2dBuilder {
        Conv2dBuilder {
            inputs,
            outputs,
            kernel: kernel.into(),
            options: ConvOptions::default(),
            weights: Weights::default(),
        }
    }

    /// The weight, `[out, in / groups, height, width]`.
    pub fn weight(&self) -> &Param {
        &self.weight
    }

    /// The bias, `[out]`.
    pub fn bias(&self) -> Option<&Param> {
        self.bias.as_ref()
    }

    /// What is applied to the output.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// Stride, padding, dilation and groups.
    pub fn options(&self) -> &ConvOptions {
        &self.options
    }
}

impl Conv2dBuilder {
    weight_setters!();

    /// Distance between neighbouring windows; by default 1.
    #[must_use]
    pub fn stride(mut self, stride: impl Into<PerAxis>) -> Self {
        self.options.stride = stride.into();
        self
    }

    /// Zeros around the input; by default none. `Padding::Same` and `Padding::Valid` are Keras'.
    #[must_use]
    pub fn padding(mut self, padding: impl Into<Padding>) -> Self {
        self.options.padding = padding.into();
        self
    }

    /// Distance between neighbouring places of the kernel; by default 1.
    #[must_use]
    pub fn dilation(mut self, dilation: impl Into<PerAxis>) -> Self {
        self.options.dilation = dilation.into();
        self
    }

    /// Into how many groups the channels fall; by default 1.
    #[must_use]
    pub fn groups(mut self, groups: usize) -> Self {
        self.options.groups = groups;
        self
    }

    /// Makes the layer.
    ///
    /// # Errors
    /// If a size is 0 or the channels do not fall into the groups.
    pub fn build(self, generator: &mut Generator) -> Result<Conv2d> {
        let kernel = self.kernel.resolve("Conv2d", "kernel", 2, 1)?;
        let (inputs, outputs, groups) = (self.inputs, self.outputs, self.options.groups);
        let fits = |channels: usize| channels > 0 && groups > 0 && channels.is_multiple_of(groups);
        if !fits(inputs) || !fits(outputs) {
            let message = format!("expected channels that fall into {groups} groups, received {inputs} and {outputs}");
            return Err(Error::argument("Conv2d", message));
        }
        let shape = [outputs, inputs / groups, kernel[0], kernel[1]];
        let (weight, bias) = self.weights.make(shape, outputs, generator)?;
        let Weights { activation, activity_regularizer, .. } = self.weights;
        Ok(Conv2d { weight, bias, options: self.options, activation, activity_regularizer })
    }
}

impl Conv2d {
    /// `activation(conv(x) + bias + residual)` in one pass, forward and backward: the end of a residual block without a normalization in
    /// between. The residual is of the result's shape.
    ///
    /// ```
    /// use ocelli_autograd::Var;
    /// use ocelli_nn::{Conv2d, Layer};
    /// use ocelli_tensor::{Activation, DType, Generator, Tensor};
    ///
    /// # fn main() -> ocelli_nn::Result<()> {
    /// let mut generator = Generator::new(0);
    /// let first = Conv2d::builder(8, 8, 3).padding(1).activation(Activation::Relu).build(&mut generator)?;
    /// let second = Conv2d::builder(8, 8, 3).padding(1).activation(Activation::Relu).build(&mut generator)?;
    /// let x = Var::constant(Tensor::randn([2, 8, 6, 6], DType::F32, &mut generator)?);
    /// let y = second.forward_with_residual(&first.forward(&x)?, &x)?;
    /// assert_eq!(y.shape()[..], [2, 8, 6, 6]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Layer::forward`], and for a residual of another shape.
    pub fn forward_with_residual(&self, x: &Var, residual: &Var) -> Result<Var> {
        watched(self, || self.apply(x, Some(residual)))
    }

    fn apply(&self, x: &Var, residual: Option<&Var>) -> Result<Var> {
        if x.rank() != 4 {
            let received = format!("shape {}", x.shape());
            return Err(Error::Input { layer: "Conv2d", expected: "pictures [N, C, H, W]".into(), received });
        }
        let bias = self.bias.as_ref().map(Param::var);
        let y = x.conv_fused(&self.weight.var(), bias.as_ref(), residual, &self.options, self.activation)?;
        penalize_activity(self.activity_regularizer.as_ref(), &y)?;
        Ok(y)
    }
}

impl Layer for Conv2d {
    fn call(&self, x: &Var) -> Result<Var> {
        self.apply(x, None)
    }
}
