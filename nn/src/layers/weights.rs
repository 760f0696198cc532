//! What all layers with a kernel and a bias have in common: how they begin, and what keeps them in bounds.

use ocelli_autograd::Var;
use ocelli_tensor::{Activation, DType, Generator, Shape, Tensor};

use crate::initializers::{GlorotUniform, Zeros};
use crate::observe::add_penalty;
use crate::{Constraint, Initializer, Param, Regularizer, Result};

/// Initializers, regularizers and constraints of a kernel and a bias, and what follows them. By default Keras': Glorot's uniform kernel, a bias of
/// zeros, nothing else.
#[derive(Debug, Clone)]
pub struct Weights {
    pub(crate) bias: bool,
    pub(crate) dtype: DType,
    pub(crate) kernel_initializer: Initializer,
    pub(crate) bias_initializer: Initializer,
    pub(crate) kernel_regularizer: Option<Regularizer>,
    pub(crate) bias_regularizer: Option<Regularizer>,
    pub(crate) activity_regularizer: Option<Regularizer>,
    pub(crate) kernel_constraint: Option<Constraint>,
    pub(crate) bias_constraint: Option<Constraint>,
    pub(crate) activation: Activation,
}

impl Default for Weights {
    fn default() -> Self {
        Weights {
            bias: true,
            dtype: DType::F32,
            kernel_initializer: GlorotUniform::default().into(),
            bias_initializer: Zeros::default().into(),
            kernel_regularizer: None,
            bias_regularizer: None,
            activity_regularizer: None,
            kernel_constraint: None,
            bias_constraint: None,
            activation: Activation::Identity,
        }
    }
}

impl Weights {
    /// The kernel of this shape, and the bias with one number for each output.
    pub(crate) fn make(
        &self,
        kernel: impl Into<Shape>,
        outputs: usize,
        generator: &mut Generator,
    ) -> Result<(Param, Option<Param>)> {
        let kernel = self.kernel_initializer.init(kernel, self.dtype, generator)?;
        let kernel = Param::with(kernel, self.kernel_regularizer.clone(), self.kernel_constraint.clone())?;
        if !self.bias {
            return Ok((kernel, None));
        }
        let bias = self.bias_initializer.init([outputs], self.dtype, generator)?;
        let bias = Param::with(bias, self.bias_regularizer.clone(), self.bias_constraint.clone())?;
        Ok((kernel, Some(bias)))
    }
}

/// The γ and β that a normalization begins with: ones and zeros.
pub(crate) fn scale_and_shift(shape: impl Into<Shape>) -> Result<(Param, Param)> {
    let shape = shape.into();
    Ok((Param::new(Tensor::ones(shape.clone(), DType::F32)?)?, Param::new(Tensor::zeros(shape, DType::F32)?)?))
}

/// Adds the penalty on a layer's output, divided by the batch size as in Keras.
pub(crate) fn penalize_activity(regularizer: Option<&Regularizer>, y: &Var) -> Result<()> {
    let Some(regularizer) = regularizer else { return Ok(()) };
    add_penalty(|| {
        let batch = y.shape().first().copied().unwrap_or(1).max(1);
        Ok(regularizer.penalty(y)?.div(batch as f64)?)
    })
}

/// The setters of [`Weights`] on a builder that has it in the field `weights`.
macro_rules! weight_setters {
    () => {
        /// Whether there is a bias; by default there is.
        #[must_use]
        pub fn bias(mut self, bias: bool) -> Self {
            self.weights.bias = bias;
            self
        }
        /// The dtype of the weights; by default `f32`.
        #[must_use]
        pub fn dtype(mut self, dtype: ocelli_tensor::DType) -> Self {
            self.weights.dtype = dtype;
            self
        }
        /// What is applied to the output, as Keras' `activation`; by default nothing.
        #[must_use]
        pub fn activation(mut self, activation: ocelli_tensor::Activation) -> Self {
            self.weights.activation = activation;
            self
        }
        /// How the kernel begins; by default by Glorot's uniform distribution.
        #[must_use]
        pub fn kernel_initializer(mut self, initializer: impl Into<$crate::Initializer>) -> Self {
            self.weights.kernel_initializer = initializer.into();
            self
        }
        /// How the bias begins; by default with zeros.
        #[must_use]
        pub fn bias_initializer(mut self, initializer: impl Into<$crate::Initializer>) -> Self {
            self.weights.bias_initializer = initializer.into();
            self
        }
        /// A penalty on the kernel.
        #[must_use]
        pub fn kernel_regularizer(mut self, regularizer: impl Into<$crate::Regularizer>) -> Self {
            self.weights.kernel_regularizer = Some(regularizer.into());
            self
        }
        /// A penalty on the bias.
        #[must_use]
        pub fn bias_regularizer(mut self, regularizer: impl Into<$crate::Regularizer>) -> Self {
            self.weights.bias_regularizer = Some(regularizer.into());
            self
        }
        /// A penalty on the output, divided by the batch size.
        #[must_use]
        pub fn activity_regularizer(mut self, regularizer: impl Into<$crate::Regularizer>) -> Self {
            self.weights.activity_regularizer = Some(regularizer.into());
            self
        }
        /// A constraint on the kernel, applied after each step of the optimizer.
        #[must_use]
        pub fn kernel_constraint(mut self, constraint: impl Into<$crate::Constraint>) -> Self {
            self.weights.kernel_constraint = Some(constraint.into());
            self
        }
        /// A constraint on the bias, applied after each step of the optimizer.
        #[must_use]
        pub fn bias_constraint(mut self, constraint: impl Into<$crate::Constraint>) -> Self {
            self.weights.bias_constraint = Some(constraint.into());
            self
        }
    };
}
pub(crate) use weight_setters;
