//! A tensor that remembers how it was computed.

use std::collections::{BTreeSet, HashSet};

use ocelli_tensor::{DType, Device, Element, Shape, Tensor};

use crate::node::{Source, next_id};
use crate::trace::is_traced;
use crate::{Error, Result};

/// A [`Tensor`] and, if it needs a gradient, where it came from.
///
/// Its operations have the names and meanings of the tensor's. Those on constants, and all inside [`no_grad`](crate::no_grad),
/// cost what the tensor's cost.
///
/// ```
/// use ocelli_autograd::Var;
/// use ocelli_tensor::Tensor;
///
/// # fn main() -> ocelli_autograd::Result<()> {
/// let w = Var::leaf(Tensor::new([[1.0f32, 2.0], [3.0, 4.0]])?)?;
/// let x = Var::constant(Tensor::new([[1.0f32], [10.0]])?);
/// let loss = w.matmul(&x)?.square()?.sum(..)?;
/// let gradients = loss.backward()?;
/// assert_eq!(gradients.get(&w)?.to_vec::<f32>()?, [42.0, 420.0, 86.0, 860.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Var {
    tensor: Tensor,
    source: Option<Source>,
}

impl Var {
    /// A value that needs no gradient: a batch of pictures, a label.
    pub fn constant(tensor: Tensor) -> Self {
        Var { tensor, source: None }
    }

    /// A variable whose gradient is wanted: a weight. Clones of it are the same variable.
    ///
    /// # Errors
    /// [`Error::NotFloat`] unless the dtype is a float type.
    pub fn leaf(tensor: Tensor) -> Result<Self> {
        if !tensor.dtype().is_float() {
            return Err(Error::NotFloat { op: "leaf", received: tensor.dtype() });
        }
        Ok(Var { tensor, source: Some(Source::Leaf(next_id())) })
    }

    /// The same variable with another value: a weight after an optimizer's step. Of a computed value, a constant.
    ///
    /// # Errors
    /// [`Error::NotFloat`] unless the dtype is a float type.
    pub fn with_value(&self, tensor: Tensor) -> Result<Self> {
        if !tensor.dtype().is_float() {
            return Err(Error::NotFloat { op: "with_value", received: tensor.dtype() });
        }
        let is_leaf = matches!(self.source, Some(Source::Leaf(_))) && !is_traced(self);
        let source = self.source.clone().filter(|_| is_leaf);
        Ok(Var { tensor, source })
    }

    /// Lets `change` change the value of this variable, in place where nothing else shares its memory: an optimizer's step. Of a
    /// computed value this makes a constant.
    ///
    /// # Errors
    /// What `change` returns, or an error if it has left another shape or dtype.
    pub fn change_value<E: From<Error>>(
        &mut self,
        change: impl FnOnce(&mut Tensor) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let (shape, dtype) = (self.shape().clone(), self.dtype());
        self.source.take_if(|source| matches!(source, Source::Node(_)));
        change(&mut self.tensor)?;
        if *self.shape() != shape {
            let expected = format!("the variable's shape {shape}");
            return Err(Error::from(ocelli_tensor::Error::shape("change_value", expected, self.shape())).into());
        }
        if self.dtype() != dtype {
            let expected = format!("the variable's dtype {dtype}");
            return Err(Error::from(ocelli_tensor::Error::dtype("change_value", expected, self.dtype())).into());
        }
        Ok(())
    }

    pub(crate) fn with_source(tensor: Tensor, source: Option<Source>) -> Self {
        Var { tensor, source }
    }

    pub(crate) fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    /// The value.
    pub fn tensor(&self) -> &Tensor {
        &self.tensor
    }

    /// The value, without the way it was computed.
    pub fn into_tensor(self) -> Tensor {
        self.tensor
    }

    /// The same value as a constant: nothing behind it gets a gradient through it.
    #[must_use]
    pub fn detach(&self) -> Var {
        // A trace is about values, and follows them through here.
        if is_traced(self) { self.clone() } else { Var::constant(self.tensor.clone()) }
    }

    /// Whether `backward` of something computed from this leads here.
    pub fn requires_grad(&self) -> bool {
        self.source.is_some()
    }

    /// The name of the operation that computed this, if it was recorded.
    pub fn op_name(&self) -> Option<&'static str> {
        match &self.source {
            Some(Source::Node(node)) => Some(node.op.name()),
            _ => None,
        }
    }

    /// The type names of all operations recorded in the way to this value, each once, sorted.
    pub fn recorded_ops(&self) -> Vec<String> {
        let (mut seen, mut names) = (HashSet::new(), BTreeSet::new());
        let mut stack: Vec<Source> = self.source.iter().cloned().collect();
        while let Some(source) = stack.pop() {
            if let Source::Node(node) = source
                && seen.insert(node.id)
            {
                let text = format!("{:?}", node.op);
                names.insert(text.split([' ', '{', '(']).next().unwrap_or_default().to_string());
                stack.extend(node.edges.iter().flatten().cloned());
            }
        }
        names.into_iter().collect()
    }

    /// The sizes of the axes.
    pub fn shape(&self) -> &Shape {
        self.tensor.shape()
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.tensor.rank()
    }

    /// Number of elements.
    pub fn numel(&self) -> usize {
        self.tensor.numel()
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        self.tensor.dtype()
    }

    /// Where the elements are.
    pub fn device(&self) -> Device {
        self.tensor.device()
    }

    /// The size of one axis; `-1` is the last.
    ///
    /// # Errors
    /// If `axis` is outside `-rank..rank`.
    pub fn size(&self, axis: isize) -> Result<usize> {
        Ok(self.tensor.size(axis)?)
    }

    /// See [`Tensor::to_vec`].
    ///
    /// # Errors
    /// As there.
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>> {
        Ok(self.tensor.to_vec()?)
    }

    /// See [`Tensor::item`].
    ///
    /// # Errors
    /// As there.
    pub fn item<T: Element>(&self) -> Result<T> {
        Ok(self.tensor.item()?)
    }

    /// Resolves an axis counted from the front or the back.
    pub(crate) fn axis(&self, op: &'static str, axis: isize) -> Result<usize> {
        Ok(self.shape().axis(op, axis)?)
    }
}

impl From<Tensor> for Var {
    fn from(tensor: Tensor) -> Self {
        Var::constant(tensor)
    }
}

impl From<&Tensor> for Var {
    fn from(tensor: &Tensor) -> Self {
        Var::constant(tensor.clone())
    }
}

/// In one line: where it came from, shape, dtype and device. The numbers are [`Var::tensor`]'s to show.
impl std::fmt::Debug for Var {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.source {
            None => f.write_str("Var(constant")?,
            Some(Source::Leaf(_)) => f.write_str("Var(leaf")?,
            Some(Source::Node(node)) => write!(f, "Var(op={}", node.op.name())?,
        }
        write!(f, ", shape={}, dtype={}, device={})", self.shape(), self.dtype(), self.device())
    }
}
