//! Activations named by a value, and their gradients.

use crate::cpu::elementwise;
use crate::dtype::with_float;
use crate::{Activation, Error, Result, Tensor};

impl Tensor {
    /// The activation of every element.
    ///
    /// ```
    /// use ocelli_tensor::{Activation, Tensor};
    ///
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let x = Tensor::new([-1.0f32, 0.5, 7.0])?;
    /// assert_eq!(x.activate(Activation::Relu6)?.to_vec::<f32>()?, [0.0, 0.5, 6.0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::DType`] unless this is a float tensor.
    pub fn activate(&self, activation: Activation) -> Result<Tensor> {
        self.dtype().require_float("activate")?;
        match activation {
            Activation::Identity => Ok(self.clone()),
            Activation::Relu => self.relu(),
            Activation::Relu6 => self.clamp(Some(0.0), Some(6.0)),
            Activation::LeakyRelu(slope) => self.leaky_relu(f64::from(slope)),
            Activation::Silu => self.silu(),
            Activation::HardSwish => self.hard_swish(),
            Activation::Sigmoid => self.sigmoid(),
            Activation::Gelu => self.gelu(),
            Activation::GeluTanh => self.gelu_tanh(),
        }
    }

    /// The gradient of [`Tensor::activate`] with respect to its input, from its result `y` and the gradient `self` of that. At a kink it
    /// is PyTorch's: that of the side where the result does not grow.
    ///
    /// # Errors
    /// [`Error::Argument`] unless the gradient [follows from the result](Activation::follows_from_result); [`Error::Shape`] if the two
    /// differ in shape; [`Error::DType`] unless they are of one float type; [`Error::Device`].
    pub fn activation_backward(&self, y: &Tensor, activation: Activation) -> Result<Tensor> {
        const OP: &str = "activation_backward";
        self.require_same_device(OP, y)?;
        self.dtype().require_float(OP)?;
        self.require_same_dtype(OP, y)?;
        if self.shape() != y.shape() {
            return Err(Error::shape(OP, format!("a gradient of the result's shape {}", y.shape()), self.shape()));
        }
        if !activation.follows_from_result() {
            let message =
                format!("expected an activation whose gradient follows from its result, received {activation:?}");
            return Err(Error::argument(OP, message));
        }
        let wide = self.dtype().wide();
        let (y, dy) = (y.to_dtype(wide)?, self.to_dtype(wide)?);
        let dx = with_float!(wide, T => {
            let (y, dy, shape) = (y.view::<T>(), dy.view::<T>(), self.shape());
            let (buffer, layout) = match activation {
                Activation::Relu => elementwise::zip(y, dy, shape, |y: T, dy: T| if y > 0.0 { dy } else { 0.0 })?,
                Activation::Relu6 => {
                    elementwise::zip(y, dy, shape, |y: T, dy: T| if y > 0.0 && y < 6.0 { dy } else { 0.0 })?
                }
                Activation::LeakyRelu(slope) => {
                    let slope = T::from(slope);
                    elementwise::zip(y, dy, shape, |y: T, dy: T| if y > 0.0 { dy } else { dy * slope })?
                }
                Activation::Sigmoid => elementwise::zip(y, dy, shape, |y: T, dy: T| dy * (y * (1.0 - y)))?,
                _ => return Ok(self.clone()),
            };
            Tensor::from_buffer(buffer, layout, wide)
        });
        dx.to_dtype(self.dtype())
    }
}
