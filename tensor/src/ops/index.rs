//! Reading and writing at places that other tensors name: indices and masks.

use crate::cpu::copy::to_contiguous;
use crate::cpu::index::{gather, scatter};
use crate::dtype::{with_number, with_width};
use crate::element::Number;
use crate::layout::Layout;
use crate::ops::on_cpu::{on_cpu, or_on_cpu};
use crate::tensor::View;
use crate::wgpu::index::Scatter;
use crate::wgpu::windows::{beside, in_parts};
use crate::{DType, Error, Result, Scalar, Shape, Tensor, wgpu};

impl Tensor {
    /// `out[…, j, …] = self[…, index[…, j, …], …]`, the index replacing the position along `axis` (PyTorch's `gather`). The result
    /// has the shape of the index, whose other axes may be shorter than the tensor's. A graphics processor is waited for until it has
    /// checked the indices.
    ///
    /// ```
    /// use ocelli_tensor::Tensor;
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let x = Tensor::new([[1.0f32, 2.0], [3.0, 4.0]])?;
    /// let y = x.gather(1, &Tensor::new([[0i64, 0], [1, 0]])?)?;
    /// assert_eq!(y.to_vec::<f32>()?, [1.0, 1.0, 4.0, 3.0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::DType`] unless the index is of `i32` or `i64`, [`Error::Shape`] if its shape does not fit,
    /// [`Error::IndexValue`] if an index is outside `0..size`, [`Error::Device`].
    pub fn gather(&self, axis: isize, index: &Tensor) -> Result<Tensor> {
        let place = Place::new("gather", self, axis, index)?;
        place.require_fit("gather", self.shape(), index.shape(), true)?;
        place.gather("gather", self)
    }

    /// A copy in which `out[…, index[…, j, …], …] = src[…, j, …]`, the index replacing the position along `axis` (PyTorch's
    /// `scatter`). Where an index occurs several times, the last one wins. A graphics processor is waited for as in
    /// [`Tensor::gather`].
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::DType`] unless the index is of `i32` or `i64` and `src` of the tensor's dtype, [`Error::Shape`] if
    /// the index is longer than the source, or than the tensor along another axis, [`Error::IndexValue`] if an index is outside
    /// `0..size`, [`Error::Device`].
    pub fn scatter(&self, axis: isize, index: &Tensor, src: &Tensor) -> Result<Tensor> {
        let place = Place::new("scatter", self, axis, index)?;
        place.require_source("scatter", self, src)?;
        place.require_fit("scatter", self.shape(), index.shape(), true)?;
        place.require_fit("scatter", src.shape(), index.shape(), false)?;
        if self.is_on_wgpu() {
            return or_on_cpu(
                "scatter",
                [self, index, src],
                || place.scattered(self.copy()?, src, Scatter::Last),
                |[x, index, src]| x.scatter(axis, index, src),
            );
        }
        with_width!(self.dtype(), W => {
            let index = place.index.view::<i64>();
            let src_layout = Layout { shape: index.layout.shape.clone(), ..src.layout().clone() };
            let src = View { layout: &src_layout, ..src.bits::<W>() };
            Tensor::build_bits::<W>(self.shape(), self.dtype(), |out| {
                to_contiguous(self.bits::<W>(), out);
                let target = Layout::contiguous(self.shape().clone());
                scatter(out, place.in_layout(&target).as_ref(), index, src, |_, new| new);
                Ok(())
            })
        })
    }

    /// As [`Tensor::scatter`], adding the source to what is there; several indices to one place add up, in their order. Half types are
    /// summed in `f32`.
    ///
    /// # Errors
    /// Those of [`Tensor::scatter`], and [`Error::DType`] for booleans.
    pub fn scatter_add(&self, axis: isize, index: &Tensor, src: &Tensor) -> Result<Tensor> {
        let place = Place::new("scatter_add", self, axis, index)?;
        place.require_source("scatter_add", self, src)?;
        place.require_fit("scatter_add", self.shape(), index.shape(), true)?;
        place.require_fit("scatter_add", src.shape(), index.shape(), false)?;
        place.add_to("scatter_add", self, src)
    }

    /// The slices of this tensor at these positions of `axis`, in the index's order; `index` has one axis. A graphics processor is
    /// waited for as in [`Tensor::gather`].
    ///
    /// ```
    /// use ocelli_tensor::Tensor;
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let rows = Tensor::new([[1i32, 2], [3, 4], [5, 6]])?.index_select(0, &Tensor::new([2i64, 0])?)?;
    /// assert_eq!(rows.to_vec::<i32>()?, [5, 6, 1, 2]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::DType`] unless the index holds integers, [`Error::Shape`] unless it has one axis,
    /// [`Error::IndexValue`] if an index is outside `0..size`, [`Error::Device`].
    pub fn index_select(&self, axis: isize, index: &Tensor) -> Result<Tensor> {
        let place = Place::new("index_select", self, axis, index)?;
        place.along_one_axis("index_select", self)?.gather("index_select", self)
    }

    /// A copy in which the slices of `src` are added at these positions of `axis`; `index` has one axis, as long as the source's
    /// `axis`. Half types are summed in `f32`. A graphics processor is waited for as in [`Tensor::gather`].
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::DType`] unless the index holds integers and `src` has the tensor's dtype, which is not boolean,
    /// [`Error::Shape`] unless the index has one axis and the source the tensor's shape with the index's length along `axis`,
    /// [`Error::IndexValue`] if an index is outside `0..size`, [`Error::Device`].
    pub fn index_add(&self, axis: isize, index: &Tensor, src: &Tensor) -> Result<Tensor> {
        let place = Place::new("index_add", self, axis, index)?;
        place.require_source("index_add", self, src)?;
        let place = place.along_one_axis("index_add", self)?;
        if src.shape() != place.index.shape() {
            let expected = format!("a source of shape {}", place.index.shape());
            return Err(Error::shape("index_add", expected, src.shape()));
        }
        place.add_to("index_add", self, src)
    }

    /// The elements where `mask` is true, in logical order, as one axis; both are broadcast. From a graphics processor they go to the CPU
    /// and back, as only the mask tells how many there are.
    ///
    /// # Errors
    /// [`Error::DType`] unless the mask is boolean, [`Error::Broadcast`], [`Error::Device`].
    pub fn masked_select(&self, mask: &Tensor) -> Result<Tensor> {
        if self.is_on_wgpu() {
            return on_cpu("masked_select", [self, mask], |[x, mask]| x.masked_select(mask));
        }
        let shape = self.mask_shape("masked_select", mask)?;
        let x = self.expand(&shape)?.contiguous()?;
        let mask = mask.expand(&shape)?.contiguous()?;
        let mask = mask.view::<bool>().as_contiguous().unwrap_or_default();
        let count = mask.iter().filter(|&&chosen| chosen).count();
        with_width!(x.dtype(), W => Tensor::build_bits::<W>([count], x.dtype(), |out| {
            let x = x.bits::<W>().as_contiguous().unwrap_or_default();
            let chosen = x.iter().zip(mask).filter(|(_, chosen)| **chosen);
            for (out, (&x, _)) in out.iter_mut().zip(chosen) {
                *out = x;
            }
            Ok(())
        }))
    }

    /// A copy with `value` where `mask` is true; the mask is broadcast to the tensor's shape.
    ///
    /// # Errors
    /// [`Error::DType`] unless the mask is boolean, [`Error::Shape`] if it does not broadcast to the tensor's shape,
    /// [`Error::Argument`] if the tensor's dtype cannot hold a value of this kind, [`Error::Device`].
    pub fn masked_fill(&self, mask: &Tensor, value: impl Into<Scalar>) -> Result<Tensor> {
        let value = value.into();
        if self.mask_shape("masked_fill", mask)? != *self.shape() {
            let expected = format!("a mask that broadcasts to shape {}", self.shape());
            return Err(Error::shape("masked_fill", expected, mask.shape()));
        }
        if value.dtype_beside(self.dtype()) != self.dtype() {
            let message = format!("expected a value that fits {}, received {value:?}", self.dtype());
            return Err(Error::argument("masked_fill", message));
        }
        mask.where_(&Tensor::full_on(self.device(), (), value, self.dtype())?, self)
    }

    /// [`Tensor::gather`] by positions that an operation has found in a tensor of this shape.
    pub(crate) fn gather_found(&self, axis: usize, index: &Tensor) -> Result<Tensor> {
        Place { axis, index: index.clone() }.gather("gather", self)
    }

    /// The first of this tensor's whole numbers (of `i64` on the CPU) that is not from `lowest` to `highest`. A graphics processor is
    /// waited for.
    pub(crate) fn first_outside(&self, lowest: i64, highest: i64) -> Result<Option<i64>> {
        let dense = self.without_repetitions(None)?.contiguous()?;
        if self.is_on_wgpu() {
            return wgpu::index::first_outside(&dense, lowest, highest);
        }
        let numbers = dense.view::<i64>().as_contiguous().unwrap_or_default();
        Ok(numbers.iter().copied().find(|number| !(lowest..=highest).contains(number)))
    }

    /// One element in place of those that an expanded axis repeats, except for `kept`.
    pub(crate) fn without_repetitions(&self, kept: Option<usize>) -> Result<Tensor> {
        let repeats = |axis: usize| self.strides()[axis] == 0 && self.shape()[axis] > 1 && Some(axis) != kept;
        (0..self.rank()).filter(|&axis| repeats(axis)).try_fold(self.clone(), |x, axis| x.narrow(axis as isize, 0, 1))
    }

    fn mask_shape(&self, op: &'static str, mask: &Tensor) -> Result<Shape> {
        self.require_same_device(op, mask)?;
        if mask.dtype() != DType::Bool {
            return Err(Error::dtype(op, "a boolean mask", mask.dtype()));
        }
        let shape = self.shape().broadcast(op, mask.shape())?;
        shape.check_size(op, self.dtype())?;
        Ok(shape)
    }
}

/// An axis and checked indices along it.
pub(crate) struct Place {
    pub(crate) axis: usize,
    /// Of `i64`, on graphics processors of any whole numbers; there one below 0 names no place.
    pub(crate) index: Tensor,
}

/// Where the elements lie if every index were 0, and how far an index leads from there.
struct Origin(Layout, isize);

impl Origin {
    fn as_ref(&self) -> (&Layout, isize) {
        (&self.0, self.1)
    }
}

impl Place {
    fn new(op: &'static str, x: &Tensor, axis: isize, index: &Tensor) -> Result<Place> {
        x.require_same_device(op, index)?;
        let axis = x.shape().axis(op, axis)?;
        let bytes_too = matches!(op, "index_select" | "index_add");
        if !index.dtype().is_integer() || (index.dtype() == DType::U8 && !bytes_too) {
            let expected = match bytes_too {
                true => "an index of i32, i64 or u8",
                false => "an index of i32 or i64",
            };
            return Err(Error::dtype(op, expected, index.dtype()));
        }
        let index = if index.is_on_wgpu() { index.clone() } else { index.to_dtype(DType::I64)? };
        let size = x.shape()[axis];
        match index.first_outside(0, size as i64 - 1)? {
            None => Ok(Place { axis, index }),
            Some(index) => Err(Error::IndexValue { op, index, axis, size }),
        }
    }

    fn require_source(&self, op: &'static str, x: &Tensor, src: &Tensor) -> Result<()> {
        x.require_same_device(op, src)?;
        x.require_same_dtype(op, src)
    }

    /// `Err` unless the index has the rank of `shape` and is nowhere longer, `axis` excepted if that is `free`.
    fn require_fit(&self, op: &'static str, shape: &Shape, index: &Shape, free: bool) -> Result<()> {
        // PyTorch lets an empty index pass whatever its rank is; here the rule has no exception.
        let fits = |axis: usize| index[axis] <= shape[axis] || (free && axis == self.axis);
        if index.rank() == shape.rank() && (0..shape.rank()).all(fits) {
            return Ok(());
        }
        let except = match free {
            true => format!(" apart from axis {}", self.axis),
            false => String::new(),
        };
        let expected = format!("an index no longer than shape {shape}{except}");
        Err(Error::shape(op, expected, index))
    }

    /// This index of one axis, repeated along the other axes of `x`.
    fn along_one_axis(self, op: &'static str, x: &Tensor) -> Result<Place> {
        if self.index.rank() != 1 {
            return Err(Error::shape(op, "an index with one axis", self.index.shape()));
        }
        let mut shape = x.shape().clone();
        shape[self.axis] = self.index.numel();
        shape.check_size(op, x.dtype())?;
        let mut column: Shape = std::iter::repeat_n(1, x.rank()).collect();
        column[self.axis] = self.index.numel();
        let index = self.index.reshape(column)?.expand(&shape)?;
        Ok(Place { index, ..self })
    }

    fn in_layout(&self, x: &Layout) -> Origin {
        let mut strides = x.strides.clone();
        strides[self.axis] = 0;
        let origin = Layout { shape: self.index.shape().clone(), strides, offset: x.offset };
        Origin(origin, x.strides[self.axis])
    }

    /// The elements that the indices name, wherever the tensor is.
    fn gather(&self, op: &'static str, x: &Tensor) -> Result<Tensor> {
        if x.is_on_wgpu() {
            let here = |[x, index]: [&Tensor; 2]| self.with(self.repeated(index)?).gather(op, x);
            return or_on_cpu(op, [x, &self.once()?], || self.gather_from(x), here);
        }
        let origin = self.in_layout(x.layout());
        with_width!(x.dtype(), W => Tensor::build_bits::<W>(self.index.shape(), x.dtype(), |out| {
            gather(x.bits::<W>().data, origin.as_ref(), self.index.view::<i64>(), out);
            Ok(())
        }))
    }

    /// The indices without those that other axes only repeat.
    fn once(&self) -> Result<Tensor> {
        self.index.without_repetitions(Some(self.axis))
    }

    /// What [`Place::once`] gave, on the CPU, as it was.
    fn repeated(&self, index: &Tensor) -> Result<Tensor> {
        index.to_dtype(DType::I64)?.expand(self.index.shape())
    }

    /// The same axis with other indices.
    fn with(&self, index: Tensor) -> Place {
        Place { index, ..*self }
    }

    /// The elements of a tensor on a graphics processor that the indices name, 0 where they name none.
    ///
    /// # Errors
    /// [`Error::Binding`] if a line along the axis is more than a kernel may see.
    pub(crate) fn gather_from(&self, x: &Tensor) -> Result<Tensor> {
        let (axis, index) = (self.axis, &self.index);
        let x = (0..x.rank())
            .filter(|&other| other != axis)
            .try_fold(x.clone(), |x, other| x.narrow(other as isize, 0, index.shape()[other]))?;
        beside([&x, index], axis, &|[x, index]| {
            let x = visible(x)?;
            let [gathered] = in_parts([index], &[axis], &|[index]| {
                let place = self.with(visible(index)?);
                Ok([wgpu::index::gather(&x, place.in_layout(x.layout()).as_ref(), &place.index)?])
            })?;
            Ok(gathered)
        })
    }

    /// A tensor on a graphics processor, which is nobody else's, once the elements of `src` were written to the places that the indices
    /// name.
    ///
    /// # Errors
    /// [`Error::Binding`] if lines along the axis are more than a kernel may see, or the indices name places in some lines only.
    pub(crate) fn scattered(&self, out: Tensor, src: &Tensor, by: Scatter) -> Result<Tensor> {
        let (axis, index) = (self.axis, &self.index);
        let write = |out: &Tensor, src: &Tensor, index: &Tensor| {
            let place = self.with(index.clone());
            wgpu::index::scatter(out, place.in_layout(out.layout()).as_ref(), (axis, index), src, by)
        };
        match write(&out, src, index) {
            Err(Error::Binding { .. })
                if out.shape().reduced(&[axis], true) == index.shape().reduced(&[axis], true) => {}
            result => return result.map(|()| out),
        }
        let src = Tensor::with_layout(src, Layout { shape: index.shape().clone(), ..src.layout().clone() });
        beside([&out, index, &src], axis, &|[out, index, src]| {
            let src = visible(src)?;
            let out = visible_copy(out)?;
            write(&out, &src, index)?;
            Ok(out)
        })
    }

    fn add_to(&self, op: &'static str, x: &Tensor, src: &Tensor) -> Result<Tensor> {
        if x.dtype() == DType::Bool {
            return Err(Error::dtype(op, "a number dtype", x.dtype()));
        }
        let wide = x.dtype().wide();
        let (wide_x, src) = (x.to_dtype(wide)?, src.to_dtype(wide)?);
        if x.is_on_wgpu() {
            let there = || self.scattered(wide_x.copy()?, &src, Scatter::Sum);
            let sum = or_on_cpu(op, [&wide_x, &self.once()?, &src], there, |[x, index, src]| {
                self.with(self.repeated(index)?).add_to(op, x, src)
            })?;
            return sum.to_dtype(x.dtype());
        }
        let sum = with_number!(wide, T => {
            let layout = Layout { shape: self.index.shape().clone(), ..src.layout().clone() };
            let src = View { layout: &layout, ..src.view::<T>() };
            Tensor::build::<T>(x.shape(), |out| {
                to_contiguous(wide_x.view::<T>(), out);
                let target = Layout::contiguous(x.shape().clone());
                let origin = self.in_layout(&target);
                scatter(out, origin.as_ref(), self.index.view::<i64>(), src, Number::plus);
                Ok(())
            })
        })?;
        sum.to_dtype(x.dtype())
    }
}

/// A tensor on a graphics processor, as a copy if a kernel may not see all that lies between its elements.
///
/// # Errors
/// [`Error::Binding`] if it may not see the copy either.
fn visible(x: &Tensor) -> Result<Tensor> {
    if x.memory().is_visible() { Ok(x.clone()) } else { visible_copy(x) }
}

/// A copy, which a kernel may see, see [`visible`].
fn visible_copy(x: &Tensor) -> Result<Tensor> {
    let memory = x.memory();
    let bytes = wgpu::elementwise::bytes(x.numel(), wgpu::Stored::of(x.dtype(), memory.context().has_f16())?)?;
    if memory.context().has_room(bytes) { x.copy() } else { Err(memory.is_too_large()) }
}
