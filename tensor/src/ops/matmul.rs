//! Products of matrices and vectors.

use half::{bf16, f16};
use smallvec::SmallVec;

use crate::cpu::gemm::{self, Factor, Half, Size, Strided, Target};
use crate::cpu::parallel::SharedMut;
use crate::cpu::simd::level;
use crate::cpu::threads;
use crate::element::Number;
use crate::layout::Layout;
use crate::tensor::View;
use crate::{DType, Element, Error, Result, Shape, Tensor, wgpu};

/// Products of fewer multiplications are not worth packing.
const TINY: usize = 2048;
/// Rows or columns for which it does not pay to pack the other factor, if what is summed over lies there side by side.
const FEW_DOTS: usize = 32;
/// The same if it lies apart.
const FEW_STREAMS: usize = 15;

impl Tensor {
    /// The matrix product, with PyTorch's rules for the rank:
    ///
    /// * two vectors `[k]`, `[k]` give their dot product, of rank 0;
    /// * `[…, m, k]` and `[…, k, n]` give `[…, m, n]`, the leading axes being broadcast;
    /// * a vector is taken for a row on the left (`[k]` × `[…, k, n]` → `[…, n]`) and for a column on the right.
    ///
    /// The dtype is a float type, `i32` or `i64` (which wrap on overflow); half types are summed in `f32`, with the processor's dot products of bfloat16 if it has them.
    ///
    /// ```
    /// use ocelli_tensor::Tensor;
    ///
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let a = Tensor::new([[1.0f32, 2.0], [3.0, 4.0]])?;
    /// assert_eq!(a.matmul(&a)?.to_vec::<f32>()?, [7.0, 10.0, 15.0, 22.0]);
    /// let v = Tensor::new([1.0f32, -1.0])?;
    /// assert_eq!(a.matmul(&v)?.to_vec::<f32>()?, [-1.0, -1.0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] for rank 0 or if the inner sizes differ, [`Error::Broadcast`] if the leading axes do not broadcast,
    /// [`Error::DType`] for `u8`, booleans or two different dtypes, [`Error::Device`].
    pub fn matmul(&self, other: &Tensor) -> Result<Tensor> {
        const OP: &str = "matmul";
        self.require_same_device(OP, other)?;
        self.require_same_dtype(OP, other)?;
        if matches!(self.dtype(), DType::U8 | DType::Bool) {
            return Err(Error::dtype(OP, "a float dtype, i32 or i64", self.dtype()));
        }
        for operand in [self, other] {
            if operand.rank() == 0 {
                return Err(Error::shape(OP, "a vector or matrix", operand.shape()));
            }
        }
        let (row, column) = (self.rank() == 1, other.rank() == 1);
        let a = if row { self.unsqueeze(0)? } else { self.clone() };
        let b = if column { other.unsqueeze(1)? } else { other.clone() };
        let (m, k) = (a.shape()[a.rank() - 2], a.shape()[a.rank() - 1]);
        let (inner, n) = (b.shape()[b.rank() - 2], b.shape()[b.rank() - 1]);
        if k != inner {
            let expected = format!("a right operand with {k} rows for a left one of {}", self.shape());
            return Err(Error::shape(OP, expected, other.shape()));
        }
        let lead = |x: &Tensor| Shape::from(&x.shape()[..x.rank() - 2]);
        let batch = lead(&a).broadcast(OP, &lead(&b))?;
        let mut shape: SmallVec<[usize; 6]> = batch.iter().copied().collect();
        if !row {
            shape.push(m);
        }
        if !column {
            shape.push(n);
        }
        let shape = Shape::from(&shape[..]);
        if self.is_on_wgpu() {
            return product_on_wgpu(&a, &b, &batch)?.reshape(&shape);
        }
        let size = Size { m, n, k };
        match self.dtype() {
            DType::I32 => product::<i32>(&a, &b, &batch, size, shape),
            DType::I64 => product::<i64>(&a, &b, &batch, size, shape),
            DType::F64 => product::<f64>(&a, &b, &batch, size, shape),
            DType::F16 => half_product::<f16>(&a, &b, &batch, size, shape),
            DType::BF16 => half_product::<bf16>(&a, &b, &batch, size, shape),
            _ => product::<f32>(&a, &b, &batch, size, shape),
        }
    }

    /// The dot product of two vectors of one length, of rank 0.
    ///
    /// # Errors
    /// [`Error::Shape`] if one is no vector or the lengths differ; otherwise as [`Tensor::matmul`].
    pub fn dot(&self, other: &Tensor) -> Result<Tensor> {
        if self.rank() != 1 {
            return Err(Error::shape("dot", "a vector", self.shape()));
        }
        if other.shape() != self.shape() {
            let expected = format!("a vector of shape {}", self.shape());
            return Err(Error::shape("dot", expected, other.shape()));
        }
        self.matmul(other)
    }

    /// All products of an element of this vector `[m]` and one of another `[n]`: `[m, n]`. Dtypes promote as in [`Tensor::mul`].
    ///
    /// # Errors
    /// [`Error::Shape`] if one is no vector; [`Error::Device`].
    pub fn outer(&self, other: &Tensor) -> Result<Tensor> {
        for operand in [self, other] {
            if operand.rank() != 1 {
                return Err(Error::shape("outer", "two vectors", operand.shape()));
            }
        }
        self.unsqueeze(1)?.mul(&other.unsqueeze(0)?)
    }
}

/// [`wgpu::matmul::product`], by parts of the batch, of rows, columns or sums if the matrices are too large to be seen at once.
fn product_on_wgpu(a: &Tensor, b: &Tensor, batch: &Shape) -> Result<Tensor> {
    let whole = wgpu::matmul::product(a, b, batch);
    if !matches!(whole, Err(Error::Binding { .. })) {
        return whole;
    }
    let with_batch = |x: &Tensor| {
        let sizes: Shape = batch.iter().chain(&x.shape()[x.rank() - 2..]).copied().collect();
        x.expand(sizes)
    };
    // Sums of parts need the digits.
    let (dtype, wide) = (a.dtype(), a.dtype().wide());
    let (a, b, lead) = (with_batch(&a.to_dtype(wide)?)?, with_batch(&b.to_dtype(wide)?)?, batch.rank());
    let product = |a: &Tensor, b: &Tensor| {
        let batch = Shape::from(&a.shape()[..lead]);
        let sums = wgpu::windows::over_parts(a.shape()[lead + 1], |first, count| {
            let (a, b) = (a.narrow(-1, first, count)?, b.narrow(-2, first, count)?);
            wgpu::matmul::product(&a, &b, &batch)
        })?;
        wgpu::windows::total(sums.iter())
    };
    let axes: Vec<usize> = (0..lead).collect();
    let [product] = wgpu::windows::in_parts([&a, &b], &axes, &|[a, b]| {
        wgpu::windows::in_parts([a], &[lead], &|[a]| {
            wgpu::windows::in_parts([b], &[lead + 1], &|[b]| Ok([product(a, b)?]))
        })
    })?;
    product.to_dtype(dtype)
}

/// Multiplies matrices that lie in the last two axes; `batch` is what the axes before broadcast to.
fn product<T: Factor>(a: &Tensor, b: &Tensor, batch: &Shape, size: Size, shape: Shape) -> Result<Tensor> {
    each_product(a, b, batch, size, shape, one::<T>)
}

/// As [`product`] of half-precision numbers, which are summed in `f32`.
fn half_product<H: Half>(a: &Tensor, b: &Tensor, batch: &Shape, size: Size, shape: Shape) -> Result<Tensor> {
    let dtype = a.dtype();
    let y = if size.m == 1 || size.n == 1 || multiplications(size) < TINY {
        product::<f32>(&a.to_dtype(DType::F32)?, &b.to_dtype(DType::F32)?, batch, size, shape)
    } else {
        each_product::<H, f32>(a, b, batch, size, shape, |a, b, size, out| {
            let left = Strided::plain(a.data, a.offset, a.row, a.column);
            let right = Strided::plain(b.data, b.offset, b.column, b.row);
            gemm::half_gemm(level(), size, left, right, Target::plain(out, size.n))
        })
    };
    y?.to_dtype(dtype)
}

fn multiplications(Size { m, n, k }: Size) -> usize {
    m.saturating_mul(n).saturating_mul(k)
}

/// Calls `one(left, right, size, result)` for every pair of matrices.
fn each_product<T: Element, R: Number>(
    a: &Tensor,
    b: &Tensor,
    batch: &Shape,
    size: Size,
    shape: Shape,
    one: impl Fn(Matrix<'_, T>, Matrix<'_, T>, Size, &mut [R]) -> Result<()> + Sync,
) -> Result<Tensor> {
    let Size { m, n, k } = size;
    Tensor::build::<R>(shape, |out| {
        if out.is_empty() {
            return Ok(());
        }
        if k == 0 {
            out.fill(R::ZERO);
            return Ok(());
        }
        let (a, b) = (a.view::<T>(), b.view::<T>());
        // One right matrix for all: the rows of all left ones are one tall matrix, if strides can say that.
        if b.layout.shape[..b.layout.shape.rank() - 2].iter().all(|&size| size == 1)
            && batch.numel() > 1
            && batch[..] == a.layout.shape[..a.layout.shape.rank() - 2]
        {
            let rows = batch.numel() * m;
            if let Some(tall) = a.layout.reshape(&[rows, k].into()) {
                let size = Size { m: rows, n, k };
                let a = Matrix::new(a.data, &tall, tall.offset);
                let b = Matrix::new(b.data, b.layout, b.layout.offset);
                return one(a, b, size, out);
            }
        }
        let full = |view: &View<'_, T>| {
            let rank = view.layout.shape.rank();
            let matrix = &view.layout.shape[rank - 2..];
            let full: SmallVec<[usize; 6]> = batch.iter().chain(matrix).copied().collect();
            view.layout.broadcast_to(&Shape::from(&full[..]))
        };
        let (left, right) = (full(&a), full(&b));
        let shared = SharedMut::new(out);
        let one_of = |i: usize| {
            let a = Matrix::new(a.data, &left, start_of(&left, batch, i));
            let b = Matrix::new(b.data, &right, start_of(&right, batch, i));
            // SAFETY: each batch index has its own piece of `out`, which is borrowed until all are done.
            one(a, b, size, unsafe { shared.slice(i * m * n..(i + 1) * m * n) })
        };
        let count = batch.numel();
        if count.saturating_mul(multiplications(size)) < 64 * TINY {
            (0..count).try_for_each(one_of)
        } else {
            threads::try_each(count, &one_of)
        }
    })
}

/// Where the matrix of a batch index begins.
fn start_of(layout: &Layout, batch: &Shape, index: usize) -> usize {
    let (mut rest, mut place) = (index, layout.offset as isize);
    for (&size, &stride) in batch.iter().zip(&layout.strides).rev() {
        place += (rest % size) as isize * stride;
        rest /= size;
    }
    place as usize
}

/// A matrix in memory.
#[derive(Clone, Copy)]
struct Matrix<'a, T> {
    data: &'a [T],
    offset: usize,
    row: isize,
    column: isize,
}

impl<'a, T: Copy> Matrix<'a, T> {
    /// The last two axes of a layout.
    fn new(data: &'a [T], layout: &Layout, offset: usize) -> Self {
        let rank = layout.strides.len();
        Matrix { data, offset, row: layout.strides[rank - 2], column: layout.strides[rank - 1] }
    }
}

/// One product, `k` and the result not being empty.
fn one<T: Factor>(a: Matrix<'_, T>, b: Matrix<'_, T>, size: Size, out: &mut [T]) -> Result<()> {
    let left = Strided::plain(a.data, a.offset, a.row, a.column);
    let right = Strided::plain(b.data, b.offset, b.column, b.row);
    // The matrix that the few vectors are multiplied with, if its numbers lie so that they can be read as they are.
    let (few, matrix) = if size.m <= size.n { (size.m, right) } else { (size.n, left) };
    let most = match (matrix.depth.inner, matrix.lanes.inner) {
        (1, _) => FEW_DOTS,
        (_, 1) => FEW_STREAMS,
        _ => 1,
    };
    if few <= most || multiplications(size) < TINY {
        return gemm::few_gemm(level(), size, left, right, out);
    }
    gemm::gemm(size, &left, &right, Target::plain(out, size.n))
}
