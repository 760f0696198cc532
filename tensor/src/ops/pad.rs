//! Padding.

use crate::cpu;
use crate::dtype::{with_float, with_width};
use crate::layout::Layout;
use crate::ops::reduce::in_logical_order;
use crate::{Error, Result, Scalar, Shape, Tensor, wgpu};

/// What [`Tensor::pad`] puts around a tensor. For the row `a b c` and two places on each side:
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PadMode {
    /// A number, cast to the tensor's dtype: `0 0 a b c 0 0`.
    Constant(f64),
    /// The tensor mirrored at its edge elements: `c b a b c b a`.
    Reflect,
    /// The edge elements: `a a a b c c c`.
    Replicate,
    /// The tensor from its other end: `b c a b c a b`.
    Circular,
}

impl Tensor {
    /// The tensor with more elements before and behind it. `padding` holds `(before, behind)` for the **last** axes in the order
    /// of the axes: `[(1, 1), (2, 2)]` on a picture `[N, C, H, W]` puts 1 row above and below, 2 columns left and right.
    ///
    /// ```
    /// use ocelli_tensor::{PadMode, Tensor};
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let x = Tensor::arange(0, 3, 1)?;
    /// assert_eq!(x.pad(&[(2, 1)], PadMode::Reflect)?.to_vec::<i64>()?, [2, 1, 0, 1, 2, 1]);
    /// assert_eq!(x.pad(&[(2, 1)], PadMode::Constant(7.0))?.to_vec::<i64>()?, [7, 7, 0, 1, 2, 7]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`] for more pairs than axes, a reflection as wide as its axis or wider, a circular padding wider than its
    /// axis, or replication of an empty axis; [`Error::TooLarge`].
    pub fn pad(&self, padding: &[(usize, usize)], mode: PadMode) -> Result<Tensor> {
        const OP: &str = "pad";
        let (_, shape) = padded_shape(OP, self.shape(), padding, mode)?;
        shape.check_size(OP, self.dtype())?;
        in_memory_order(self, padding, |x, lead, padding| match mode {
            PadMode::Constant(value) => x.pad_constant(lead, padding, value),
            _ => x.pad_with_itself(lead, padding, mode),
        })
    }

    fn pad_with_itself(&self, lead: usize, padding: &[(usize, usize)], mode: PadMode) -> Result<Tensor> {
        let mut padded = self.clone();
        for (i, &(before, behind)) in padding.iter().enumerate() {
            if (before, behind) == (0, 0) {
                continue;
            }
            let axis = (lead + i) as isize;
            let size = self.shape()[lead + i];
            let x = &padded;
            let (head, tail) = match mode {
                PadMode::Reflect => {
                    (x.narrow(axis, 1, before)?.flip(axis)?, x.narrow(axis, size - 1 - behind, behind)?.flip(axis)?)
                }
                PadMode::Circular => (x.narrow(axis, size - before, before)?, x.narrow(axis, 0, behind)?),
                PadMode::Constant(_) | PadMode::Replicate => {
                    let edge = |place, count| {
                        let mut shape = x.shape().clone();
                        shape[axis as usize] = count;
                        x.narrow(axis, place, 1)?.expand(shape)
                    };
                    (edge(0, before)?, edge(size - 1, behind)?)
                }
            };
            padded = Tensor::concat(&[&head, x, &tail], axis)?;
        }
        Ok(padded)
    }

    fn pad_constant(&self, lead: usize, padding: &[(usize, usize)], value: f64) -> Result<Tensor> {
        let dtype = self.dtype();
        let mut shape = self.shape().clone();
        for (size, (before, behind)) in shape[lead..].iter_mut().zip(padding) {
            *size += before + behind;
        }
        let mut target = Layout::contiguous(shape.clone());
        for (i, &(before, _)) in padding.iter().enumerate() {
            target.offset += before * target.strides[lead + i] as usize;
        }
        target.shape = self.shape().clone();
        if self.is_on_wgpu() {
            let padded = Tensor::full_on(self.device(), shape, Scalar::Float(value), dtype)?;
            wgpu::elementwise::write(self, &padded.with_layout(target))?;
            return Ok(padded);
        }
        let filler = Tensor::full((), Scalar::Float(value), dtype)?;
        with_width!(dtype, W => Tensor::build_bits::<W>(shape, dtype, |out| {
            out.fill(filler.bits::<W>().data[0]);
            cpu::copy::into_layout(self.bits::<W>(), out, &target);
            Ok(())
        }))
    }

    /// The gradient of [`Tensor::pad`] at its input, from the gradient at its output (this tensor): each gradient is added to
    /// the element that was copied to its place.
    ///
    /// # Errors
    /// [`Error::Shape`] if this tensor is smaller than the padding, [`Error::DType`] unless it holds floats, and as
    /// [`Tensor::pad`].
    pub fn pad_backward(&self, padding: &[(usize, usize)], mode: PadMode) -> Result<Tensor> {
        const OP: &str = "pad_backward";
        self.dtype().require_float(OP)?;
        let lead = self.rank().checked_sub(padding.len());
        let mut input = self.shape().clone();
        for (i, &(before, behind)) in padding.iter().enumerate() {
            let axis = lead.ok_or_else(|| too_many_pairs(OP, padding.len(), self.rank()))? + i;
            let inner = before.checked_add(behind).and_then(|sum| input[axis].checked_sub(sum));
            input[axis] = inner.ok_or_else(|| {
                let expected = format!("at least {before} + {behind} elements along axis {axis}");
                Error::shape(OP, expected, self.shape())
            })?;
        }
        let (lead, _) = padded_shape(OP, &input, padding, mode)?;
        if let PadMode::Constant(_) = mode {
            let mut dx = self.clone();
            for (i, &(before, _)) in padding.iter().enumerate() {
                dx = dx.narrow((lead + i) as isize, before, input[lead + i])?;
            }
            return Ok(dx);
        }
        self.widened(|dy| {
            in_memory_order(dy, padding, |dy, lead, padding| {
                let mut dx = dy.clone();
                for (i, &sides) in padding.iter().enumerate() {
                    if sides != (0, 0) {
                        dx = fold_axis(&dx, lead + i, sides, mode)?;
                    }
                }
                Ok(dx)
            })
        })
    }
}

/// Calls `f` with a tensor whose axes run from the slowest to the fastest in memory, the first padded axis and the padding from there on,
/// and gives the axes of what it returns their own order back: so the memory order of a dense tensor stays.
fn in_memory_order(
    x: &Tensor,
    padding: &[(usize, usize)],
    f: impl FnOnce(&Tensor, usize, &[(usize, usize)]) -> Result<Tensor>,
) -> Result<Tensor> {
    let lead = x.rank() - padding.len();
    if x.is_contiguous() || !x.layout().is_dense() {
        return f(x, lead, padding);
    }
    let order = x.layout().memory_order();
    let sides = order.iter().map(|axis| axis.checked_sub(lead).map_or((0, 0), |i| padding[i]));
    let y = f(&x.with_layout(x.layout().permute(&order)), 0, &sides.collect::<Vec<_>>())?;
    Ok(y.with_layout(in_logical_order(y.layout(), &order)))
}

/// The gradient of padding along one axis.
fn fold_axis(dy: &Tensor, axis: usize, (before, behind): (usize, usize), mode: PadMode) -> Result<Tensor> {
    let size = dy.shape()[axis] - before - behind;
    let along = axis as isize;
    // Which stretch of the input each piece of the gradient belongs to: (first place, piece). Elements that meet in one place
    // come in separate pieces, as the pieces are added one after the other.
    let (head, tail) = (dy.narrow(along, 0, before)?, dy.narrow(along, before + size, behind)?);
    let pieces: Vec<(usize, Tensor)> = match mode {
        PadMode::Reflect => vec![(1, head.flip(along)?), (size - 1 - behind, tail.flip(along)?)],
        PadMode::Circular => vec![(size - before, head), (0, tail)],
        PadMode::Constant(_) | PadMode::Replicate => {
            let mut pieces = Vec::new();
            for (place, copies) in [(0, head), (size.saturating_sub(1), tail)] {
                if copies.shape()[axis] > 0 {
                    pieces.push((place, copies.sum_keepdim(along)?));
                }
            }
            pieces
        }
    };
    let inner = dy.narrow(along, before, size)?;
    if dy.is_on_wgpu() {
        let dx = inner.copy()?;
        for (first, piece) in &pieces {
            let met = dx.narrow(along, *first, piece.shape()[axis])?;
            wgpu::elementwise::write(&met.add(piece)?, &met)?;
        }
        return Ok(dx);
    }
    let whole = Layout::contiguous(inner.shape().clone());
    with_float!(dy.dtype(), T => Tensor::build::<T>(inner.shape(), |out| {
        cpu::copy::to_contiguous(inner.view::<T>(), out);
        for (first, piece) in &pieces {
            let target = Layout {
                shape: piece.shape().clone(),
                strides: whole.strides.clone(),
                offset: first * whole.strides[axis] as usize,
            };
            cpu::pad::add_into(out, &target, piece.view::<T>());
        }
        Ok(())
    }))
}

fn too_many_pairs(op: &'static str, pairs: usize, rank: usize) -> Error {
    Error::argument(op, format!("expected at most {rank} pairs of paddings, received {pairs}"))
}

/// The first padded axis and the shape of the result, if the mode allows this padding.
fn padded_shape(op: &'static str, shape: &Shape, padding: &[(usize, usize)], mode: PadMode) -> Result<(usize, Shape)> {
    let lead = shape.rank().checked_sub(padding.len());
    let lead = lead.ok_or_else(|| too_many_pairs(op, padding.len(), shape.rank()))?;
    let mut padded = shape.clone();
    for (i, &(before, behind)) in padding.iter().enumerate() {
        let axis = lead + i;
        let size = shape[axis];
        let widest = before.max(behind);
        let limit = match mode {
            _ if widest == 0 => None,
            PadMode::Reflect if widest >= size => Some("a reflection narrower than"),
            PadMode::Circular if widest > size => Some("a circular padding of at most"),
            PadMode::Replicate if size == 0 => Some("something to replicate in"),
            _ => None,
        };
        if let Some(limit) = limit {
            let message =
                format!("expected {limit} the {size} elements along axis {axis}, received {before} and {behind}");
            return Err(Error::argument(op, message));
        }
        padded[axis] = size.saturating_add(before).saturating_add(behind);
    }
    Ok((lead, padded))
}
