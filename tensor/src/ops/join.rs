//! Several tensors as one, or one several times: concat, stack, repeat_interleave, tile.

use std::borrow::Borrow;

use crate::cpu;
use crate::dtype::with_width;
use crate::layout::Layout;
use crate::ops::reduce::in_logical_order;
use crate::{Error, Result, Shape, Tensor, wgpu};

impl Tensor {
    /// The tensors one after the other along an axis. Their shapes differ in that axis at most; dtypes are promoted.
    ///
    /// ```
    /// use ocelli_tensor::Tensor;
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let (a, b) = (Tensor::new([[1i64, 2]])?, Tensor::new([[3i64, 4]])?);
    /// assert_eq!(Tensor::concat(&[&a, &b], 1)?.to_vec::<i64>()?, [1, 2, 3, 4]);
    /// assert_eq!(Tensor::stack(&[&a, &b], 0)?.shape()[..], [2, 1, 2]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`] for no tensor at all, [`Error::Axis`], [`Error::Shape`] if the shapes differ elsewhere,
    /// [`Error::Device`].
    pub fn concat<T: Borrow<Tensor>>(tensors: &[T], axis: isize) -> Result<Tensor> {
        let (first, axis) =
            first_of("concat", tensors).and_then(|first| Ok((first, first.shape().axis("concat", axis)?)))?;
        let mut shape = first.shape().clone();
        let mut dtype = first.dtype();
        for tensor in tensors[1..].iter().map(T::borrow) {
            first.require_same_device("concat", tensor)?;
            let agrees =
                tensor.rank() == shape.rank() && (0..shape.rank()).all(|i| i == axis || tensor.shape()[i] == shape[i]);
            if !agrees {
                let expected = format!("shapes that differ from {} in axis {axis} only", first.shape());
                return Err(Error::shape("concat", expected, tensor.shape()));
            }
            shape[axis] = shape[axis].checked_add(tensor.shape()[axis]).ok_or_else(|| Error::TooLarge {
                op: "concat",
                shape: shape.clone(),
                dtype,
            })?;
            dtype = dtype.promote(tensor.dtype());
        }
        let tensors: Vec<Tensor> =
            tensors.iter().map(|tensor| tensor.borrow().to_dtype(dtype)).collect::<Result<_>>()?;
        if let [only] = &tensors[..] {
            return Ok(only.clone());
        }
        // Pictures that all lie channels-last stay so, also those that are parts of others along an axis.
        let order = tensors.iter().find(|tensor| !tensor.is_contiguous()).map(|tensor| tensor.layout().memory_order());
        let Some(order) = order.filter(|order| tensors.iter().all(|tensor| tensor.layout().follows(order))) else {
            return join(&tensors, axis, shape);
        };
        let permuted: Vec<Tensor> =
            tensors.iter().map(|tensor| tensor.with_layout(tensor.layout().permute(&order))).collect();
        let place = order.iter().position(|&other| other == axis).unwrap_or_default();
        let permuted_shape = order.iter().map(|&axis| shape[axis]).collect();
        let joined = join(&permuted, place, permuted_shape)?;
        Ok(joined.with_layout(in_logical_order(joined.layout(), &order)))
    }

    /// Tensors of one shape along a new axis, which stands at position `axis` of the result; dtypes are promoted.
    ///
    /// # Errors
    /// [`Error::Argument`] for no tensor at all, [`Error::Axis`], [`Error::Shape`] if the shapes differ, [`Error::Device`].
    pub fn stack<T: Borrow<Tensor>>(tensors: &[T], axis: isize) -> Result<Tensor> {
        let first = first_of("stack", tensors)?;
        let rank = first.rank() as isize + 1;
        if !(-rank..rank).contains(&axis) {
            return Err(Error::Axis { op: "stack", axis, rank: rank as usize });
        }
        let mut rows = Vec::with_capacity(tensors.len());
        for tensor in tensors.iter().map(T::borrow) {
            if tensor.shape() != first.shape() {
                let expected = format!("tensors of one shape, the first being {}", first.shape());
                return Err(Error::shape("stack", expected, tensor.shape()));
            }
            rows.push(tensor.unsqueeze(axis)?);
        }
        Tensor::concat(&rows, axis)
    }

    /// Every element `count` times in a row along an axis (NumPy's `repeat`): `[a, b]` twice is `[a, a, b, b]`.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::TooLarge`].
    pub fn repeat_interleave(&self, count: usize, axis: isize) -> Result<Tensor> {
        let op = "repeat_interleave";
        let axis = self.shape().axis(op, axis)?;
        let mut spread = self.unsqueeze(axis as isize + 1)?.shape().clone();
        spread[axis + 1] = count;
        spread.check_size(op, self.dtype())?;
        let mut shape = self.shape().clone();
        shape[axis] *= count;
        self.unsqueeze(axis as isize + 1)?.expand(spread)?.reshape(shape)
    }

    /// The whole tensor several times along each axis: `[a, b]` twice is `[a, b, a, b]`. As NumPy and PyTorch have it, the
    /// shorter of `reps` and the shape is led by ones. (PyTorch's `Tensor.repeat` is this function for `reps` as long as the
    /// rank; NumPy's `repeat` is [`Tensor::repeat_interleave`].)
    ///
    /// # Errors
    /// [`Error::TooLarge`].
    pub fn tile(&self, reps: &[usize]) -> Result<Tensor> {
        let rank = self.rank().max(reps.len());
        let led = |sizes: &[usize], i: usize| (i + sizes.len()).checked_sub(rank).map(|j| sizes[j]);
        let counts: Vec<usize> = (0..rank).map(|i| led(reps, i).unwrap_or(1)).collect();
        let sizes: Vec<usize> = (0..rank).map(|i| led(self.shape(), i).unwrap_or(1)).collect();
        let interleave = |a: &[usize]| -> Shape {
            let pairs = a.iter().zip(&sizes);
            pairs.flat_map(|(&count, &size)| [count, size]).collect()
        };
        let spread = interleave(&counts);
        spread.check_size("tile", self.dtype())?;
        let shape: Shape = counts.iter().zip(&sizes).map(|(count, size)| count * size).collect();
        self.reshape(interleave(&vec![1; rank]))?.expand(spread)?.reshape(shape)
    }
}

fn first_of<'a, T: Borrow<Tensor>>(op: &'static str, tensors: &'a [T]) -> Result<&'a Tensor> {
    let first = tensors.first().map(T::borrow);
    first.ok_or_else(|| Error::argument(op, "expected at least 1 tensor, received none"))
}

/// [`join`] of tensors on a graphics processor.
fn join_on_wgpu(tensors: &[Tensor], axis: usize, shape: Shape) -> Result<Tensor> {
    let whole = Tensor::empty_on_wgpu(&tensors[0], shape, tensors[0].dtype())?;
    let mut start = 0;
    for tensor in tensors {
        let target = whole.narrow(axis as isize, start, tensor.shape()[axis])?;
        wgpu::elementwise::write(tensor, &target)?;
        start += tensor.shape()[axis];
    }
    Ok(whole)
}

/// Tensors of one dtype and of fitting shapes, joined to `shape` in row-major order.
fn join(tensors: &[Tensor], axis: usize, shape: Shape) -> Result<Tensor> {
    let dtype = tensors[0].dtype();
    if tensors[0].is_on_wgpu() {
        return join_on_wgpu(tensors, axis, shape);
    }
    with_width!(dtype, W => Tensor::build_bits::<W>(shape.clone(), dtype, |out| {
        let whole = Layout::contiguous(shape);
        let mut start = 0;
        for tensor in tensors {
            let target = Layout {
                shape: tensor.shape().clone(),
                strides: whole.strides.clone(),
                offset: start * whole.strides[axis] as usize,
            };
            cpu::copy::into_layout(tensor.bits::<W>(), out, &target);
            start += tensor.shape()[axis];
        }
        Ok(())
    }))
}
