//! Activations named by a value, and their gradients.

use crate::cpu::elementwise;
use crate::dtype::with_float;
use crate::{Activation, Element, Error, Result, Scalar, Tensor, wgpu};

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
        let mut dx = self.clone();
        dx.change_to_activation_backward(y, activation)?;
        Ok(dx)
    }

    /// As [`Tensor::activation_backward`], in this tensor's own memory where no other tensor shares it.
    ///
    /// # Errors
    /// As there.
    pub fn change_to_activation_backward(&mut self, y: &Tensor, activation: Activation) -> Result<()> {
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
        if self.is_on_wgpu() {
            let (name, slope) = match activation {
                Activation::Relu => ("relu_backward", 0.0),
                Activation::Relu6 => ("relu6_backward", 0.0),
                Activation::LeakyRelu(slope) => ("leaky_relu_backward", slope),
                Activation::Sigmoid => ("sigmoid_backward", 0.0),
                _ => return Ok(()),
            };
            let slope = Scalar::Float(f64::from(slope));
            *self = wgpu::elementwise::zip([self, y], self.shape(), name, slope, self.dtype())?;
            return Ok(());
        }
        let dtype = self.dtype();
        if dtype.is_half() {
            let dx = self.to_dtype(dtype.wide())?.activation_backward(&y.to_dtype(dtype.wide())?, activation)?;
            *self = dx.to_dtype(dtype)?;
            return Ok(());
        }
        with_float!(dtype, T => match activation {
            Activation::Relu => change(self, y, |dy: T, y: T| if y > 0.0 { dy } else { 0.0 }),
            Activation::Relu6 => change(self, y, |dy: T, y: T| if y > 0.0 && y < 6.0 { dy } else { 0.0 }),
            Activation::LeakyRelu(slope) => {
                let slope = T::from(slope);
                change(self, y, |dy: T, y: T| if y > 0.0 { dy } else { dy * slope })
            }
            Activation::Sigmoid => change(self, y, |dy: T, y: T| dy * (y * (1.0 - y))),
            _ => Ok(()),
        })
    }
}

/// `x = f(x, y)`.
fn change<T: Element>(x: &mut Tensor, y: &Tensor, f: impl Fn(T, T) -> T + Sync) -> Result<()> {
    if x.is_changeable_with(y) {
        elementwise::zip_in_place(x.own::<T>()?, y.dense_elements::<T>(), f);
    } else {
        let (buffer, layout) = elementwise::zip(x.view::<T>(), y.view::<T>(), x.shape(), f)?;
        *x = Tensor::from_buffer(buffer, layout, T::DTYPE);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients_change_in_place_unless_the_memory_is_shared() {
        let y = Tensor::new([[0.0f32, 1.0], [6.0, 2.0]]).unwrap();
        let mut dy = y.add(1.0).unwrap();
        let (start, shared) = (dy.view::<f32>().data.as_ptr(), dy.clone());
        dy.change_to_activation_backward(&y, Activation::Relu6).unwrap();
        assert_eq!(shared.to_vec::<f32>().unwrap(), [1.0, 2.0, 7.0, 3.0]);
        assert_eq!(dy.to_vec::<f32>().unwrap(), [0.0, 2.0, 0.0, 3.0]);
        drop(dy);
        let mut dy = shared;
        dy.change_to_activation_backward(&y, Activation::Relu).unwrap();
        assert_eq!((dy.view::<f32>().data.as_ptr(), dy.to_vec().unwrap()), (start, vec![0.0f32, 2.0, 7.0, 3.0]));
        // In another order of memory.
        dy.change_to_activation_backward(&y.t().unwrap(), Activation::LeakyRelu(0.5)).unwrap();
        assert_eq!(dy.to_vec::<f32>().unwrap(), [0.0, 2.0, 7.0, 3.0]);
        let mut half = dy.to_dtype(crate::DType::F16).unwrap();
        half.change_to_activation_backward(&half.clone(), Activation::Relu6).unwrap();
        assert_eq!(half.to_dtype(crate::DType::F32).unwrap().to_vec::<f32>().unwrap(), [0.0, 2.0, 0.0, 3.0]);
    }
}
