//! What a differentiable operation is.

use std::any::Any;
use std::fmt::Debug;

use ocelli_tensor::Tensor;

use crate::node::{Node, NodeView};
use crate::record::is_recording;
use crate::trace::unrecorded;
use crate::{Error, Result, Var};

/// A differentiable operation as data: a struct that holds the operation's attributes.
///
/// Implement it to add an operation of your own; everything that walks the graph then knows it.
///
/// ```
/// use ocelli_autograd::{Keeps, NodeView, Op, Result, Var};
/// use ocelli_tensor::Tensor;
///
/// /// `y = x³`
/// #[derive(Debug)]
/// struct Cube;
///
/// impl Op for Cube {
///     fn name(&self) -> &'static str {
///         "cube"
///     }
///     fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
///         Ok(x[0].mul(&x[0].square()?)?)
///     }
///     fn keeps(&self) -> Keeps {
///         Keeps::inputs()
///     }
///     fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
///         let x = node.input(0)?;
///         Ok(vec![Some(x.square()?.mul(3.0)?.mul(dy)?)])
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let x = Var::leaf(Tensor::new(2.0f64)?)?;
/// let y = Cube.apply(&[&x])?;
/// assert_eq!(y.backward()?.get(&x)?.item::<f64>()?, 12.0);
/// # Ok(())
/// # }
/// ```
pub trait Op: Any + Debug + Send + Sync {
    /// The name in messages and pictures of the graph: lower case, as the method on [`Var`].
    fn name(&self) -> &'static str;

    /// Computes the result. The inputs are those given to [`Op::apply`], in the same order.
    ///
    /// # Errors
    /// Whatever makes the inputs unfit.
    fn forward(&self, inputs: &[&Tensor]) -> Result<Tensor>;

    /// As [`Op::forward`], while recording: returns besides the result what [`Op::backward`] will want to read through
    /// [`NodeView::saved`] (masks, indices, statistics).
    ///
    /// # Errors
    /// As [`Op::forward`].
    fn forward_saving(&self, inputs: &[&Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        Ok((self.forward(inputs)?, Vec::new()))
    }

    /// Which of inputs and output [`Op::backward`] reads. Only these are kept; nothing by default.
    fn keeps(&self) -> Keeps {
        Keeps::nothing()
    }

    /// The gradient of each input, given the gradient `dy` of the output; `None` for inputs that have none (indices) or do not
    /// need one ([`NodeView::needs`]). It is written with operations on [`Var`], so that it can be differentiated again.
    ///
    /// # Errors
    /// Whatever an operation in it is refused for.
    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>>;

    /// As [`Op::backward`], of a gradient that the caller no longer needs: its memory may become a result's, where no other tensor shares
    /// it.
    ///
    /// # Errors
    /// As there.
    fn backward_owned(&self, node: &NodeView<'_>, dy: Var) -> Result<Vec<Option<Var>>> {
        self.backward(node, &dy)
    }

    /// Runs the operation, and records it if recording is on and an input needs a gradient.
    ///
    /// # Errors
    /// As [`Op::forward`].
    fn apply(self, inputs: &[&Var]) -> Result<Var>
    where
        Self: Sized,
    {
        let tensors: Vec<&Tensor> = inputs.iter().map(|input| input.tensor()).collect();
        if !is_recording() || !inputs.iter().any(|input| input.requires_grad()) {
            let output = self.forward(&tensors)?;
            return Ok(unrecorded(self, inputs, output));
        }
        let (output, saved) = self.forward_saving(&tensors)?;
        if !output.dtype().is_float() {
            return Err(Error::NotFloat { op: self.name(), received: output.dtype() });
        }
        Ok(Node::record(Box::new(self), inputs, output, saved))
    }
}

/// Which values a node keeps for its op's `backward`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeps {
    /// Bit `i`: input `i`.
    inputs: u64,
    output: bool,
}

impl Keeps {
    /// No value.
    pub const fn nothing() -> Self {
        Keeps { inputs: 0, output: false }
    }

    /// All inputs.
    pub const fn inputs() -> Self {
        Keeps { inputs: u64::MAX, output: false }
    }

    /// One input (of the first 64).
    pub const fn input(index: usize) -> Self {
        Keeps { inputs: 1 << index, output: false }
    }

    /// The output.
    pub const fn output() -> Self {
        Keeps { inputs: 0, output: true }
    }

    /// What either keeps.
    pub const fn and(self, other: Keeps) -> Self {
        Keeps { inputs: self.inputs | other.inputs, output: self.output | other.output }
    }

    pub(crate) fn keeps_input(self, index: usize) -> bool {
        // An op of more than 64 inputs (a concat) keeps all or none of those behind.
        self.inputs >> index.min(63) & 1 == 1
    }

    pub(crate) fn keeps_output(self) -> bool {
        self.output
    }
}
