//! Other views of the same numbers. None of these copies, but [`Tensor::reshape`] where strides force it.

use smallvec::SmallVec;

use crate::layout::Layout;
use crate::{Axes, Error, Result, Shape, Slice, Tensor, wgpu};

impl Tensor {
    /// The same elements in the same logical order under another shape; one size may be `-1`, "whatever is left". A view where
    /// the strides can say it, else a copy.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shape holds another number of elements.
    pub fn reshape(&self, shape: impl Into<crate::TargetShape>) -> Result<Tensor> {
        let shape = shape.into().resolve("reshape", self.shape())?;
        shape.check_size("reshape", self.dtype())?;
        match self.layout().reshape(&shape) {
            Some(layout) => Ok(self.with_layout(layout)),
            None => Ok(self.copy()?.with_layout(Layout::contiguous(shape))),
        }
    }

    /// The axes in another order: axis `i` of the result is axis `order[i]` of this tensor.
    ///
    /// # Errors
    /// [`Error::Argument`] unless `order` names every axis once.
    pub fn permute(&self, order: impl Into<Axes>) -> Result<Tensor> {
        let order = match order.into() {
            Axes::All => return Ok(self.clone()),
            Axes::Some(order) => order,
        };
        let mut resolved: SmallVec<[usize; 4]> = SmallVec::with_capacity(self.rank());
        for &axis in &order {
            let axis = self.shape().axis("permute", axis)?;
            if !resolved.contains(&axis) {
                resolved.push(axis);
            }
        }
        if resolved.len() != self.rank() || order.len() != self.rank() {
            let message = format!("expected each of the {} axes once, received {order:?}", self.rank());
            return Err(Error::argument("permute", message));
        }
        Ok(self.with_layout(self.layout().permute(&resolved)))
    }

    /// Two axes exchanged.
    ///
    /// # Errors
    /// [`Error::Axis`].
    pub fn transpose(&self, a: isize, b: isize) -> Result<Tensor> {
        let (a, b) = (self.shape().axis("transpose", a)?, self.shape().axis("transpose", b)?);
        let mut order: Vec<usize> = (0..self.rank()).collect();
        order.swap(a, b);
        Ok(self.with_layout(self.layout().permute(&order)))
    }

    /// The last two axes exchanged: the transpose of a matrix, or of each matrix in a batch.
    ///
    /// # Errors
    /// [`Error::Axis`] if the rank is below 2.
    pub fn t(&self) -> Result<Tensor> {
        self.transpose(-2, -1)
    }

    /// Without these axes, which must have size 1; `..` drops every axis of size 1.
    ///
    /// # Errors
    /// [`Error::Shape`] if a named axis has another size.
    pub fn squeeze(&self, axes: impl Into<Axes>) -> Result<Tensor> {
        let axes = axes.into();
        let resolved = axes.resolve("squeeze", self.shape())?;
        if let (Axes::Some(_), Some(axis)) = (&axes, resolved.iter().find(|&&axis| self.shape()[axis] != 1)) {
            return Err(Error::shape("squeeze", format!("size 1 along axis {axis}"), self.shape()));
        }
        let kept: Vec<usize> =
            (0..self.rank()).filter(|axis| !resolved.contains(axis) || self.shape()[*axis] != 1).collect();
        Ok(self.with_layout(self.layout().permute(&kept)))
    }

    /// With a new axis of size 1 before position `axis` of the result; `-1` appends it.
    ///
    /// # Errors
    /// [`Error::Axis`] if `axis` is outside `-(rank + 1)..=rank`.
    pub fn unsqueeze(&self, axis: isize) -> Result<Tensor> {
        let rank = self.rank() as isize + 1;
        if !(-rank..rank).contains(&axis) {
            return Err(Error::Axis { op: "unsqueeze", axis, rank: rank as usize });
        }
        let axis = if axis < 0 { axis + rank } else { axis } as usize;
        let mut layout = self.layout().clone();
        let mut sizes: Vec<usize> = layout.shape.to_vec();
        let stride = if axis < sizes.len() { layout.strides[axis] * sizes[axis].max(1) as isize } else { 1 };
        sizes.insert(axis, 1);
        layout.strides.insert(axis, stride);
        layout.shape = sizes.into();
        Ok(self.with_layout(layout))
    }

    /// Axes `start..=end` (negative: from the back) as one.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] if `start` comes after `end`.
    pub fn flatten(&self, start: isize, end: isize) -> Result<Tensor> {
        if self.rank() == 0 {
            return self.reshape([1usize]);
        }
        let (first, last) = (self.shape().axis("flatten", start)?, self.shape().axis("flatten", end)?);
        if first > last {
            return Err(Error::argument("flatten", format!("expected start ≤ end, received {start} and {end}")));
        }
        let shape = self.shape();
        let merged = shape[first..=last].iter().product();
        let sizes: Shape =
            shape[..first].iter().copied().chain([merged]).chain(shape[last + 1..].iter().copied()).collect();
        self.reshape(sizes)
    }

    /// `length` elements from `start` along one axis.
    ///
    /// # Errors
    /// [`Error::Argument`] if they do not lie inside the axis.
    pub fn narrow(&self, axis: isize, start: usize, length: usize) -> Result<Tensor> {
        let axis = self.shape().axis("narrow", axis)?;
        let size = self.shape()[axis];
        if start.checked_add(length).is_none_or(|end| end > size) {
            let message = format!(
                "expected a range inside 0..{size} along axis {axis}, received start {start} and length {length}"
            );
            return Err(Error::argument("narrow", message));
        }
        self.slice_axis(axis as isize, Slice::new(Some(start as isize), Some((start + length) as isize), 1))
    }

    /// One position along an axis, which goes away. Negative positions count from the end.
    ///
    /// # Errors
    /// [`Error::Index`] if the position lies outside.
    pub fn select(&self, axis: isize, index: isize) -> Result<Tensor> {
        let axis = self.shape().axis("select", axis)?;
        let size = self.shape()[axis] as isize;
        if !(-size..size).contains(&index) {
            return Err(Error::Index { op: "select", index: index as i64, axis, size: size as usize });
        }
        let start = if index < 0 { index + size } else { index } as usize;
        self.narrow(axis as isize, start, 1)?.squeeze(axis)
    }

    /// `start:stop:step` along one axis.
    ///
    /// ```
    /// use ocelli_tensor::{Slice, Tensor};
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let x = Tensor::arange(0, 6, 1)?;
    /// assert_eq!(x.slice_axis(0, 1..-1)?.to_vec::<i64>()?, [1, 2, 3, 4]);
    /// assert_eq!(x.slice_axis(0, Slice::from(..).step(-2))?.to_vec::<i64>()?, [5, 3, 1]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] if the step is 0.
    pub fn slice_axis(&self, axis: isize, slice: impl Into<Slice>) -> Result<Tensor> {
        let axis = self.shape().axis("slice", axis)?;
        let slice = slice.into();
        let (start, count) = slice.resolve("slice", self.shape()[axis])?;
        let mut layout = self.layout().clone();
        if count > 0 {
            layout.offset = (layout.offset as isize + start as isize * layout.strides[axis]) as usize;
        }
        layout.shape[axis] = count;
        // The stride of an axis with one element is never walked along, and a step beyond the axis may be any number.
        if count > 1 {
            layout.strides[axis] *= slice.step;
        }
        Ok(self.with_layout(layout))
    }

    /// `start:stop:step` along the first axes; the others are kept whole.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are more slices than axes or a step is 0.
    pub fn slice(&self, slices: &[Slice]) -> Result<Tensor> {
        if slices.len() > self.rank() {
            let message = format!("expected at most {} slices, received {}", self.rank(), slices.len());
            return Err(Error::argument("slice", message));
        }
        let mut result = self.clone();
        for (axis, slice) in slices.iter().enumerate() {
            result = result.slice_axis(axis as isize, *slice)?;
        }
        Ok(result)
    }

    /// Zeros with this tensor written to `start:stop:step` along one axis, which has `size` elements in the result: the
    /// gradient of [`Tensor::slice_axis`].
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Shape`] if the slice has another length than this tensor's axis.
    pub fn slice_scatter(&self, axis: isize, slice: impl Into<Slice>, size: usize) -> Result<Tensor> {
        let axis = self.shape().axis("slice_scatter", axis)?;
        let mut shape = self.shape().clone();
        shape[axis] = size;
        let zeros = Tensor::full_on(self.device(), shape, 0, self.dtype())?;
        let target = zeros.slice_axis(axis as isize, slice)?;
        if target.shape() != self.shape() {
            let expected = format!("{} elements along axis {axis}", target.shape()[axis]);
            return Err(Error::shape("slice_scatter", expected, self.shape()));
        }
        if self.is_on_wgpu() {
            wgpu::elementwise::write(self, &target)?;
            return Ok(zeros);
        }
        crate::dtype::with_width!(self.dtype(), W => Tensor::build_bits::<W>(zeros.shape(), self.dtype(), |out| {
            out.fill(0);
            crate::cpu::copy::into_layout(self.bits::<W>(), out, target.layout());
            Ok(())
        }))
    }

    /// This tensor repeated along axes of size 1 (and new leading axes) to `shape`, without a copy.
    ///
    /// # Errors
    /// [`Error::Broadcast`] if it does not broadcast to that shape.
    pub fn expand(&self, shape: impl Into<Shape>) -> Result<Tensor> {
        let shape = shape.into();
        shape.check_size("expand", self.dtype())?;
        if self.shape().broadcast("expand", &shape)? != shape {
            return Err(Error::Broadcast { op: "expand", lhs: self.shape().clone(), rhs: shape });
        }
        Ok(self.with_layout(self.layout().broadcast_to(&shape)))
    }

    /// Pieces of `size` elements along an axis, the last one smaller if need be.
    ///
    /// # Errors
    /// [`Error::Argument`] if `size` is 0 and the axis is not empty.
    pub fn split(&self, size: usize, axis: isize) -> Result<Vec<Tensor>> {
        let axis = self.shape().axis("split", axis)?;
        let length = self.shape()[axis];
        if length == 0 {
            return Ok(vec![self.clone()]);
        }
        if size == 0 {
            return Err(Error::argument("split", "expected pieces of at least 1 element, received 0"));
        }
        let mut pieces = crate::memory::reserved(length.div_ceil(size))?;
        for start in (0..length).step_by(size) {
            pieces.push(self.narrow(axis as isize, start, size.min(length - start))?);
        }
        Ok(pieces)
    }

    /// At most `count` pieces of equal size along an axis, the last one smaller if need be (PyTorch's rule).
    ///
    /// # Errors
    /// [`Error::Argument`] if `count` is 0.
    pub fn chunk(&self, count: usize, axis: isize) -> Result<Vec<Tensor>> {
        if count == 0 {
            return Err(Error::argument("chunk", "expected at least 1 piece, received 0"));
        }
        let length = self.size(axis)?;
        self.split(length.div_ceil(count).max(1), axis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(shape: &[usize]) -> Tensor {
        let count = shape.iter().product::<usize>();
        Tensor::arange(0, count, 1).unwrap().reshape(Shape::from(shape)).unwrap()
    }

    #[test]
    fn views_share_and_reshape_copies_when_it_must() {
        let x = range(&[2, 3]);
        let t = x.t().unwrap();
        assert_eq!(t.reshape([-1]).unwrap().to_vec::<i64>().unwrap(), [0, 3, 1, 4, 2, 5]);
        assert_eq!(t.unsqueeze(0).unwrap().shape()[..], [1, 3, 2]);
        assert_eq!(t.unsqueeze(-1).unwrap().squeeze(..).unwrap().to_vec::<i64>().unwrap(), [0, 3, 1, 4, 2, 5]);
        assert_eq!(x.select(1, -1).unwrap().to_vec::<i64>().unwrap(), [2, 5]);
        assert_eq!(x.expand([2, 2, 3]).unwrap().to_vec::<i64>().unwrap()[6..], [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn slices_of_flipped_views() {
        let x = range(&[4, 5]);
        let s = x.slice(&[Slice::from(..).step(-1), Slice::from(1..).step(2)]).unwrap();
        assert_eq!(s.to_vec::<i64>().unwrap(), [16, 18, 11, 13, 6, 8, 1, 3]);
        let again =
            s.slice_axis(0, Slice::from(1..3).step(1)).unwrap().slice_axis(1, Slice::from(..).step(-1)).unwrap();
        assert_eq!(again.to_vec::<i64>().unwrap(), [13, 11, 8, 6]);
    }

    #[test]
    fn pieces() {
        let x = range(&[7]);
        let sizes = |pieces: Vec<Tensor>| pieces.iter().map(Tensor::numel).collect::<Vec<_>>();
        assert_eq!(sizes(x.split(3, 0).unwrap()), [3, 3, 1]);
        assert_eq!(sizes(x.chunk(3, 0).unwrap()), [3, 3, 1]);
        assert_eq!(sizes(range(&[5]).chunk(4, 0).unwrap()), [2, 2, 1]);
    }

    #[test]
    fn errors_say_what_was_wrong() {
        let x = range(&[2, 3]);
        let text = |r: Result<Tensor>| r.unwrap_err().to_string();
        assert_eq!(text(x.permute([0, 0])), "permute: expected each of the 2 axes once, received [0, 0]");
        assert_eq!(text(x.squeeze(1)), "squeeze: expected size 1 along axis 1, received shape [2, 3]");
        assert_eq!(text(x.select(1, 3)), "select: expected an index in -3..3 along axis 1, received 3");
        assert!(text(x.narrow(1, 2, 2)).starts_with("narrow: expected a range inside 0..3"));
        assert!(text(x.expand([2, 4])).starts_with("expand: shapes [2, 3] and [2, 4]"));
        assert!(text(x.reshape([4, -1])).contains("[4, -1]"));
    }
}
