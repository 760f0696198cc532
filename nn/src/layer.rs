//! Modules of one input and one output.

use ocelli_autograd::Var;

use crate::{Module, Result, observe};

/// A module that maps one value to another: what can stand in a [`Sequential`](crate::Sequential).
///
/// As in Keras, whoever writes a layer writes [`Layer::call`], and whoever uses one calls [`Layer::forward`].
///
/// ```
/// use ocelli_autograd::Var;
/// use ocelli_nn::{Layer, Linear, Module, Result};
/// use ocelli_tensor::{DType, Generator, Tensor};
///
/// /// `x + relu(fc(x))`
/// #[derive(Module)]
/// struct Residual {
///     fc: Linear,
/// }
///
/// impl Layer for Residual {
///     fn call(&self, x: &Var) -> Result<Var> {
///         Ok(x.add(&self.fc.forward(x)?.relu()?)?)
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let block = Residual { fc: Linear::new(8, 8, &mut Generator::new(0))? };
/// let y = block.forward(&Tensor::ones([2, 8], DType::F32)?.into())?;
/// assert_eq!(y.shape()[..], [2, 8]);
/// # Ok(())
/// # }
/// ```
pub trait Layer: Module {
    /// Computes the output. Write this one; call [`Layer::forward`].
    ///
    /// # Errors
    /// If the input does not fit the layer.
    fn call(&self, x: &Var) -> Result<Var>;

    /// Computes the output, in sight of a [`Summary`](crate::Summary) that is being made.
    ///
    /// # Errors
    /// If the input does not fit the layer.
    fn forward(&self, x: &Var) -> Result<Var> {
        observe::watched(self, || self.call(x))
    }
}

impl<L: Layer + ?Sized> Layer for Box<L> {
    fn call(&self, x: &Var) -> Result<Var> {
        (**self).call(x)
    }
    fn forward(&self, x: &Var) -> Result<Var> {
        (**self).forward(x)
    }
}

impl<L: Layer + ?Sized> Layer for std::sync::Arc<L> {
    fn call(&self, x: &Var) -> Result<Var> {
        (**self).call(x)
    }
    fn forward(&self, x: &Var) -> Result<Var> {
        (**self).forward(x)
    }
}
