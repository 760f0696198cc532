//! The tensor itself: storage, layout, dtype.

use std::sync::Arc;

use crate::layout::Layout;
use crate::memory::Buffer;
use crate::wgpu::{self, Memory};
use crate::{DType, Device, Element, Error, Result, Shape};

/// An n-dimensional array of numbers.
///
/// A tensor is a handle: cloning it, permuting or slicing it shares the numbers and copies none. Operations never change a
/// tensor, they make a new one. Rank, dtype and device are known at run time only, and every operation that can be refused
/// returns a [`Result`](crate::Result) whose error says why.
///
/// ```
/// use ocelli_tensor::Tensor;
///
/// # fn main() -> ocelli_tensor::Result<()> {
/// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3])?;
/// let y = (x.transpose(0, 1)? * 2.0)?;
/// assert_eq!(y.shape()[..], [3, 2]);
/// assert_eq!(y.to_vec::<f32>()?, [2.0, 8.0, 4.0, 10.0, 6.0, 12.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Tensor {
    storage: Storage,
    layout: Layout,
    dtype: DType,
}

/// Memory shared by all views of a tensor.
#[derive(Clone)]
pub(crate) enum Storage {
    /// On the processor.
    Cpu(Arc<Buffer>),
    /// On a graphics processor.
    Wgpu(Arc<Memory>),
}

/// A tensor's elements as a CPU kernel sees them: all of its storage, and the layout that says where the tensor's own lie.
#[derive(Clone, Copy)]
pub(crate) struct View<'a, T> {
    pub(crate) data: &'a [T],
    pub(crate) layout: &'a Layout,
}

impl<'a, T: Copy> View<'a, T> {
    /// The elements in logical order as a slice, if that is how they lie in memory.
    pub(crate) fn as_contiguous(&self) -> Option<&'a [T]> {
        self.layout.is_contiguous().then(|| {
            // A view of no elements may have an offset behind the end.
            let start = self.layout.offset.min(self.data.len());
            &self.data[start..start + self.layout.numel()]
        })
    }
}

impl Tensor {
    // ---- what it is ------------------------------------------------------------------------------------------------

    /// The sizes of the axes.
    pub fn shape(&self) -> &Shape {
        &self.layout.shape
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.layout.shape.rank()
    }

    /// Number of elements.
    pub fn numel(&self) -> usize {
        self.layout.numel()
    }

    /// The size of one axis; `-1` is the last.
    ///
    /// # Errors
    /// [`Error::Axis`] if `axis` is outside `-rank..rank`.
    pub fn size(&self, axis: isize) -> Result<usize> {
        Ok(self.shape()[self.shape().axis("size", axis)?])
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Where the elements are.
    pub fn device(&self) -> Device {
        match &self.storage {
            Storage::Cpu(_) => Device::Cpu,
            Storage::Wgpu(memory) => Device::Wgpu(memory.context().index()),
        }
    }

    /// The distance in memory between neighbours along each axis, in elements. Only of interest for looking at memory
    /// formats: every operation takes any strides.
    pub fn strides(&self) -> &[isize] {
        &self.layout.strides
    }

    /// Whether the elements lie in memory in logical (row-major) order.
    pub fn is_contiguous(&self) -> bool {
        self.layout.is_contiguous()
    }

    // ---- what it holds ---------------------------------------------------------------------------------------------

    /// All elements in logical order. The type must be the tensor's own; see [`Tensor::to_dtype`] for a cast.
    ///
    /// # Errors
    /// [`Error::DType`] if `T` is not the tensor's type.
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>> {
        if T::DTYPE != self.dtype {
            return Err(Error::dtype("to_vec", format!("a tensor of {}", T::DTYPE), self.dtype));
        }
        let dense = self.contiguous()?.to_device(Device::Cpu)?;
        Ok(dense.view::<T>().as_contiguous().unwrap_or_default().to_vec())
    }

    /// As [`Tensor::to_vec`], without keeping a thread waiting for a graphics processor; on the CPU the future is ready at once. The
    /// copy begins when the future is first polled, which may be by any executor.
    ///
    /// # Errors
    /// Those of [`Tensor::to_vec`].
    pub fn to_vec_async<T: Element>(&self) -> impl Future<Output = Result<Vec<T>>> + Send + use<T> {
        let x = self.clone();
        async move {
            if T::DTYPE == x.dtype && x.is_on_wgpu() {
                return x.contiguous()?.to_device_async(Device::Cpu).await?.to_vec();
            }
            x.to_vec()
        }
    }

    /// All elements in logical order without a copy; `None` if they do not lie in memory that way, are not of this type, or are not on
    /// the CPU.
    ///
    /// ```
    /// use ocelli_tensor::Tensor;
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let x = Tensor::new([[1.0f32, 2.0], [3.0, 4.0]])?;
    /// assert_eq!(x.as_slice::<f32>(), Some(&[1.0, 2.0, 3.0, 4.0][..]));
    /// assert_eq!(x.t()?.as_slice::<f32>(), None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn as_slice<T: Element>(&self) -> Option<&[T]> {
        if T::DTYPE == self.dtype && self.device() == Device::Cpu { self.view::<T>().as_contiguous() } else { None }
    }

    /// The only element of a tensor with one element, cast to `T`.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are none or several.
    pub fn item<T: Element>(&self) -> Result<T> {
        if self.numel() != 1 {
            return Err(Error::shape("item", "exactly one element", self.shape()));
        }
        if self.device() != Device::Cpu {
            return self.contiguous()?.to_device(Device::Cpu)?.item();
        }
        crate::dtype::with_element!(self.dtype, E => {
            let value = self.view::<E>().data[self.layout.offset];
            Ok(if E::DTYPE.is_float() { T::from_f64(value.to_f64()) } else { T::from_i64(value.to_i64()) })
        })
    }

    /// The same numbers on another device; the tensor itself if they are there. A view brings along only what it shows. What is on its
    /// way to a graphics processor is copied before this returns, and computed with once the adapter has it.
    ///
    /// A graphics processor keeps `u8` and `bool` in four bytes each, and has no `f64`.
    ///
    /// # Errors
    /// [`Error::Adapter`] if the device cannot be opened, or has failed; [`Error::DType`] for `f64` to a graphics processor;
    /// [`Error::OutOfMemory`].
    pub fn to_device(&self, device: Device) -> Result<Tensor> {
        if device == self.device() {
            return Ok(self.clone());
        }
        match (&self.storage, device) {
            (Storage::Cpu(_), Device::Wgpu(index)) => wgpu::transfer::upload(&wgpu::Context::of(index)?, self),
            (Storage::Cpu(_), Device::Cpu) => Ok(self.clone()),
            (Storage::Wgpu(_), Device::Cpu) => wgpu::transfer::download(self),
            (Storage::Wgpu(_), Device::Wgpu(_)) => wgpu::transfer::download(self)?.to_device(device),
        }
    }

    /// As [`Tensor::to_device`], without keeping a thread waiting for a graphics processor; the future is ready at once if the tensor is
    /// on the CPU. The copy begins when the future is first polled, which may be by any executor.
    ///
    /// # Errors
    /// Those of [`Tensor::to_device`].
    pub fn to_device_async(&self, device: Device) -> impl Future<Output = Result<Tensor>> + Send + use<> {
        let x = self.clone();
        async move {
            if x.is_on_wgpu() && device != x.device() {
                return wgpu::transfer::download_later(&x).await?.to_device(device);
            }
            x.to_device(device)
        }
    }

    // ---- for the operations of this crate --------------------------------------------------------------------------

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// A new tensor on the CPU.
    pub(crate) fn from_buffer(buffer: Buffer, layout: Layout, dtype: DType) -> Self {
        Tensor { storage: Storage::Cpu(Arc::new(buffer)), layout, dtype }
    }

    /// A new tensor on a graphics processor.
    pub(crate) fn on_device(memory: Arc<Memory>, layout: Layout, dtype: DType) -> Self {
        Tensor { storage: Storage::Wgpu(memory), layout, dtype }
    }

    /// A row-major tensor of arbitrary content, on the graphics processor of another.
    pub(crate) fn empty_on_wgpu(beside: &Tensor, shape: impl Into<Shape>, dtype: DType) -> Result<Self> {
        Self::empty_in(beside.memory().context(), shape, dtype)
    }

    /// As [`Tensor::empty_on_wgpu`], in a context.
    pub(crate) fn empty_in(context: &Arc<wgpu::Context>, shape: impl Into<Shape>, dtype: DType) -> Result<Self> {
        let shape = shape.into();
        shape.check_size("allocate", dtype)?;
        let bytes = wgpu::elementwise::bytes(shape.numel(), wgpu::Stored::of(dtype, context.has_f16())?)?;
        Ok(Tensor::on_device(Arc::new(context.allocate(bytes)?), Layout::contiguous(shape), dtype))
    }

    /// Whether the elements are on a graphics processor.
    pub(crate) fn is_on_wgpu(&self) -> bool {
        matches!(self.storage, Storage::Wgpu(_))
    }

    /// The memory of a tensor on a graphics processor.
    pub(crate) fn memory(&self) -> &Memory {
        match &self.storage {
            Storage::Wgpu(memory) => memory,
            Storage::Cpu(_) => unreachable!("a kernel of a graphics processor was given a tensor on the CPU"),
        }
    }

    /// The memory of a tensor on the CPU.
    fn buffer(&self) -> &Arc<Buffer> {
        match &self.storage {
            Storage::Cpu(buffer) => buffer,
            Storage::Wgpu(_) => unreachable!("a kernel of the CPU was given a tensor on {}", self.device()),
        }
    }

    /// A new row-major tensor on the CPU that `fill` writes. What `fill` is given has arbitrary content.
    pub(crate) fn build<T: Element>(
        shape: impl Into<Shape>,
        fill: impl FnOnce(&mut [T]) -> Result<()>,
    ) -> Result<Tensor> {
        let shape = shape.into();
        shape.check_size("allocate", T::DTYPE)?;
        let mut buffer = Buffer::for_output::<T>(shape.numel())?;
        fill(buffer.as_mut_slice::<T>())?;
        Ok(Self::from_buffer(buffer, Layout::contiguous(shape), T::DTYPE))
    }

    /// As [`Tensor::build`] for kernels that move elements of any dtype as integers `W` of their width.
    pub(crate) fn build_bits<W: bytemuck::Pod>(
        shape: impl Into<Shape>,
        dtype: DType,
        fill: impl FnOnce(&mut [W]) -> Result<()>,
    ) -> Result<Tensor> {
        let shape = shape.into();
        shape.check_size("allocate", dtype)?;
        debug_assert_eq!(size_of::<W>(), dtype.size());
        let bytes = shape.numel() * dtype.size();
        let mut buffer =
            if dtype == DType::Bool { Buffer::zeroed_bytes(bytes)? } else { Buffer::recycled_bytes(bytes)? };
        fill(buffer.as_mut_bits::<W>())?;
        Ok(Self::from_buffer(buffer, Layout::contiguous(shape), dtype))
    }

    /// The same storage under another layout; of memory that is too large for a kernel to see, the part that the layout spans.
    pub(crate) fn with_layout(&self, layout: Layout) -> Tensor {
        if let Storage::Wgpu(memory) = &self.storage
            && !memory.is_visible()
        {
            let (part, layout) = wgpu::windows::spanned(memory, layout, self.dtype);
            return Tensor::on_device(part, layout, self.dtype);
        }
        Tensor { storage: self.storage.clone(), layout, dtype: self.dtype }
    }

    /// The elements for a kernel whose type was chosen by this tensor's dtype.
    pub(crate) fn view<T: Element>(&self) -> View<'_, T> {
        assert_eq!(T::DTYPE, self.dtype, "a kernel was given a tensor of another dtype than it was chosen for");
        View { data: self.buffer().as_slice::<T>(), layout: &self.layout }
    }

    /// The elements as integers of their width, for a kernel that only moves them.
    pub(crate) fn bits<W: bytemuck::AnyBitPattern>(&self) -> View<'_, W> {
        assert_eq!(size_of::<W>(), self.dtype.size(), "a kernel was chosen for another width than the tensor's");
        View { data: self.buffer().as_bits::<W>(), layout: &self.layout }
    }

    /// The bytes of a row-major tensor.
    pub(crate) fn contiguous_bytes(&self) -> &[u8] {
        assert!(self.is_contiguous(), "only row-major elements are one piece of memory");
        let bytes = self.buffer().as_bytes();
        let start = (self.layout.offset * self.dtype.size()).min(bytes.len());
        &bytes[start..start + self.numel() * self.dtype.size()]
    }

    /// This tensor, or a row-major copy of it if it does not lie that way.
    pub(crate) fn contiguous(&self) -> Result<Tensor> {
        if self.is_contiguous() { Ok(self.clone()) } else { self.copy() }
    }

    /// A row-major copy.
    pub(crate) fn copy(&self) -> Result<Tensor> {
        if self.is_on_wgpu() {
            return wgpu::elementwise::copy(self, Layout::contiguous(self.shape().clone()));
        }
        crate::dtype::with_width!(self.dtype, W => {
            Tensor::build_bits::<W>(self.shape(), self.dtype, |out| {
                crate::cpu::copy::to_contiguous(self.bits::<W>(), out);
                Ok(())
            })
        })
    }

    /// Images `[N, C, spatial…]` whose memory is channels-last, with the strides that say so also where sizes of 1 leave them open:
    /// this tensor, or a copy if it does not lie that way.
    pub(crate) fn to_channels_last(&self) -> Result<Tensor> {
        let layout = Layout::channels_last(self.shape().clone());
        if self.layout.is_channels_last() {
            return Ok(self.with_layout(Layout { offset: self.layout.offset, ..layout }));
        }
        self.copy_into(&layout)
    }

    /// This tensor, or a copy if it does not lie like a dense layout of its shape.
    pub(crate) fn laid_out(&self, layout: &Layout) -> Result<Tensor> {
        if self.layout.lies_like(layout) { Ok(self.clone()) } else { self.copy_into(layout) }
    }

    /// A copy in a dense layout of this shape that begins at 0.
    fn copy_into(&self, layout: &Layout) -> Result<Tensor> {
        if self.is_on_wgpu() {
            return wgpu::elementwise::copy(self, Layout { offset: 0, ..layout.clone() });
        }
        crate::dtype::with_width!(self.dtype, W => {
            let mut copy = Tensor::build_bits::<W>(self.shape(), self.dtype, |out| {
                crate::cpu::copy::into_layout(self.bits::<W>(), out, layout);
                Ok(())
            })?;
            copy.layout = Layout { offset: 0, ..layout.clone() };
            Ok(copy)
        })
    }

    /// The elements of a dense tensor in memory order.
    pub(crate) fn dense_elements<T: Element>(&self) -> &[T] {
        debug_assert!(self.numel() == 0 || self.layout.is_dense());
        let data = self.view::<T>().data;
        let start = self.layout.offset.min(data.len());
        &data[start..start + self.numel()]
    }

    /// Whether no other tensor shares the memory.
    pub(crate) fn is_own(&mut self) -> bool {
        match &mut self.storage {
            Storage::Cpu(buffer) => Arc::get_mut(buffer).is_some(),
            Storage::Wgpu(memory) => Memory::is_own(memory),
        }
    }

    /// Whether a kernel of f32 or f64 can change this tensor, element by element in the order of memory, by another one.
    pub(crate) fn is_changeable_with(&mut self, other: &Tensor) -> bool {
        let has_kernel =
            !self.is_on_wgpu() && matches!(self.dtype, DType::F32 | DType::F64) && self.dtype == other.dtype;
        has_kernel && self.is_own() && self.layout.is_dense() && self.layout.lies_like(&other.layout)
    }

    /// Sees to it that the memory is no other tensor's, and dense.
    pub(crate) fn make_own(&mut self) -> Result<()> {
        if self.is_on_wgpu() && !self.is_own() {
            // Those that share the memory may be results that wait, and only read it.
            self.memory().context().waiting().settle_readers(self.memory())?;
        }
        if !self.is_own() || !self.layout.is_dense() {
            *self = self.copy_into(&self.layout.dense_like())?;
        }
        Ok(())
    }

    /// The elements in memory order, to be changed. If the memory is another tensor's too, or not dense, this tensor gets memory of
    /// its own first: a change is never seen elsewhere.
    pub(crate) fn own<T: Element>(&mut self) -> Result<&mut [T]> {
        assert_eq!(T::DTYPE, self.dtype, "a kernel was given a tensor of another dtype than it was chosen for");
        self.make_own()?;
        let numel = self.layout.numel();
        let Storage::Cpu(buffer) = &mut self.storage else {
            unreachable!("a kernel of the CPU was given a tensor on a graphics processor")
        };
        let data = Arc::get_mut(buffer).expect("a copy is nobody else's").as_mut_slice::<T>();
        let start = self.layout.offset.min(data.len());
        Ok(&mut data[start..start + numel])
    }

    /// Runs a kernel of f32 and f64 on this float tensor: half types are widened to f32 before and the result is narrowed after.
    pub(crate) fn widened(&self, kernel: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
        if !self.dtype.is_half() {
            return kernel(self);
        }
        kernel(&self.to_dtype(DType::F32)?)?.to_dtype(self.dtype)
    }

    /// `Err` unless both tensors are on one device.
    pub(crate) fn require_same_device(&self, op: &'static str, other: &Tensor) -> Result<()> {
        if self.device() == other.device() {
            Ok(())
        } else {
            Err(Error::Device { op, lhs: self.device(), rhs: other.device() })
        }
    }

    /// `Err` unless both tensors have one dtype.
    pub(crate) fn require_same_dtype(&self, op: &'static str, other: &Tensor) -> Result<()> {
        if self.dtype == other.dtype {
            Ok(())
        } else {
            Err(Error::dtype(op, format!("operands of one dtype, the first being {}", self.dtype), other.dtype))
        }
    }
}
