//! Layers one after the other.

use ocelli_autograd::Var;

use crate::{Layer, Module, Result, Visitor};

/// A chain of layers: each gets what the one before gave. Keys of files count the layers: `"0.weight"`, as in PyTorch, unless
/// they were added under a name.
///
/// ```
/// use ocelli_nn::{Flatten, Layer, Linear, ReLU, Sequential};
/// use ocelli_tensor::{DType, Generator, Tensor};
/// # fn main() -> ocelli_nn::Result<()> {
/// let mut generator = Generator::new(0);
/// let model = Sequential::new()
///     .add(Flatten::new())
///     .add(Linear::new(784, 64, &mut generator)?)
///     .add(ReLU)
///     .add(Linear::new(64, 10, &mut generator)?);
/// let logits = model.forward(&Tensor::zeros([2, 1, 28, 28], DType::F32)?.into())?;
/// assert_eq!(logits.shape()[..], [2, 10]);
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct Sequential {
    layers: Vec<(String, Box<dyn Layer>)>,
}

impl Sequential {
    /// No layers yet.
    pub fn new() -> Self {
        Sequential::default()
    }

    /// With another layer at the end, named by its number.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "Keras' name; it adds to a list, not a number")]
    pub fn add(self, layer: impl Layer + 'static) -> Self {
        let name = self.layers.len().to_string();
        self.add_named(name, layer)
    }

    /// With another layer at the end, under a name.
    #[must_use]
    pub fn add_named(mut self, name: impl Into<String>, layer: impl Layer + 'static) -> Self {
        self.layers.push((name.into(), Box::new(layer)));
        self
    }

    /// The names and layers.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &dyn Layer)> {
        self.layers.iter().map(|(name, layer)| (name.as_str(), &**layer))
    }

    /// Number of layers.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there are none; such a chain gives back its input.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }
}

impl Module for Sequential {
    fn visit(&self, visitor: &mut dyn Visitor) {
        self.layers.iter().for_each(|(name, layer)| layer.visit_as(name, visitor));
    }
}

impl Layer for Sequential {
    fn call(&self, x: &Var) -> Result<Var> {
        self.layers.iter().try_fold(x.clone(), |x, (_, layer)| layer.forward(&x))
    }
}
