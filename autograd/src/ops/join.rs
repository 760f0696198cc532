//! Several tensors as one, or one several times: concat, stack, repeat_interleave, tile.

use std::borrow::Borrow;

use ocelli_tensor::{Shape, Tensor};

use crate::{NodeView, Op, Result, Var};

/// The inputs one after the other along an axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concat {
    /// The axis.
    pub axis: usize,
}

impl Op for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(Tensor::concat(x, self.axis as isize)?)
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        let mut start = 0;
        (0..node.len())
            .map(|i| {
                let size = node.shape(i)[self.axis];
                start += size;
                let piece = || dy.narrow(self.axis as isize, start - size, size);
                node.needs(i).then(piece).transpose()
            })
            .collect()
    }
}

impl Var {
    /// See [`Tensor::concat`]; differentiable.
    ///
    /// ```
    /// use ocelli_autograd::Var;
    /// use ocelli_tensor::Tensor;
    /// # fn main() -> ocelli_autograd::Result<()> {
    /// let (a, b) = (Var::leaf(Tensor::new([1.0f32])?)?, Var::leaf(Tensor::new([2.0f32, 3.0])?)?);
    /// let gradients = Var::concat(&[&a, &b], 0)?.square()?.sum(..)?.backward()?;
    /// assert_eq!(gradients.get(&b)?.to_vec::<f32>()?, [4.0, 6.0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn concat<V: Borrow<Var>>(vars: &[V], axis: isize) -> Result<Var> {
        let vars: Vec<&Var> = vars.iter().map(V::borrow).collect();
        let axis = match vars.first() {
            Some(first) => first.axis("concat", axis)?,
            // The tensor's own error says what is missing.
            None => 0,
        };
        Concat { axis }.apply(&vars)
    }

    /// See [`Tensor::stack`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn stack<V: Borrow<Var>>(vars: &[V], axis: isize) -> Result<Var> {
        let vars: Vec<&Var> = vars.iter().map(V::borrow).collect();
        if vars.iter().any(|var| var.shape() != vars[0].shape()) || vars.is_empty() {
            // The checks are the tensor's.
            let tensors: Vec<&Tensor> = vars.iter().map(|var| var.tensor()).collect();
            return Ok(Var::constant(Tensor::stack(&tensors, axis)?));
        }
        let rank = vars[0].rank() as isize + 1;
        let rows: Vec<Var> = vars.iter().map(|var| var.unsqueeze(axis)).collect::<Result<_>>()?;
        Var::concat(&rows, if axis < 0 { axis + rank } else { axis })
    }

    /// See [`Tensor::repeat_interleave`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn repeat_interleave(&self, count: usize, axis: isize) -> Result<Var> {
        let axis = self.axis("repeat_interleave", axis)?;
        let spread = self.unsqueeze(axis as isize + 1)?;
        let mut shape = spread.shape().clone();
        shape[axis + 1] = count;
        // The expansion has checked that the product below is a number.
        let spread = spread.expand(shape)?;
        let mut merged = self.shape().clone();
        merged[axis] *= count;
        spread.reshape(merged)
    }

    /// See [`Tensor::tile`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn tile(&self, reps: &[usize]) -> Result<Var> {
        let rank = self.rank().max(reps.len());
        let led = |sizes: &[usize]| -> Vec<usize> {
            let ones = std::iter::repeat_n(1, rank - sizes.len());
            ones.chain(sizes.iter().copied()).collect()
        };
        let (counts, sizes) = (led(reps), led(self.shape()));
        let interleaved = |counts: &[usize]| -> Shape {
            let pairs = counts.iter().zip(&sizes);
            pairs.flat_map(|(&count, &size)| [count, size]).collect()
        };
        let spread = self.reshape(interleaved(&vec![1; rank]))?.expand(interleaved(&counts))?;
        let sizes: Shape = counts.iter().zip(&sizes).map(|(count, size)| count * size).collect();
        spread.reshape(sizes)
    }
}
