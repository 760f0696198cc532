//! New tensors.

use crate::dtype::with_element;
use crate::{DType, Device, Element, Error, Result, Scalar, Shape, Tensor, wgpu};

impl Tensor {
    /// Copies `values`, row-major, into a tensor of this shape.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shape holds another number of elements.
    pub fn from_slice<T: Element>(values: &[T], shape: impl Into<Shape>) -> Result<Tensor> {
        let shape = shape.into();
        shape.check_size("from_slice", T::DTYPE)?;
        if shape.numel() != values.len() {
            return Err(Error::shape("from_slice", format!("a shape of {} elements", values.len()), &shape));
        }
        Tensor::build(shape, |out| {
            out.copy_from_slice(values);
            Ok(())
        })
    }

    /// As [`Tensor::from_slice`] for a vector.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shape holds another number of elements.
    pub fn from_vec<T: Element>(values: Vec<T>, shape: impl Into<Shape>) -> Result<Tensor> {
        Tensor::from_slice(&values, shape)
    }

    /// A tensor from a number or nested arrays or vectors of numbers.
    ///
    /// ```
    /// use ocelli_tensor::Tensor;
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let x = Tensor::new([[1.0f32, 2.0], [3.0, 4.0]])?;
    /// assert_eq!(x.shape()[..], [2, 2]);
    /// assert_eq!(Tensor::new(7i64)?.rank(), 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`] if nested vectors differ in length.
    pub fn new<A: Nested>(values: A) -> Result<Tensor> {
        let mut flat = Vec::new();
        let shape = values.collect_into(&mut flat)?;
        Tensor::from_vec(flat, shape)
    }

    /// Zeros.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::OutOfMemory`].
    pub fn zeros(shape: impl Into<Shape>, dtype: DType) -> Result<Tensor> {
        Tensor::full(shape, 0, dtype)
    }

    /// Ones.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::OutOfMemory`].
    pub fn ones(shape: impl Into<Shape>, dtype: DType) -> Result<Tensor> {
        Tensor::full(shape, 1, dtype)
    }

    /// One number everywhere.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::OutOfMemory`].
    pub fn full(shape: impl Into<Shape>, value: impl Into<Scalar>, dtype: DType) -> Result<Tensor> {
        let (shape, value) = (shape.into(), value.into());
        shape.check_size("full", dtype)?;
        with_element!(dtype, T => Tensor::build::<T>(shape, |out| {
            out.fill(value.cast());
            Ok(())
        }))
    }

    /// As [`Tensor::full`], on a device.
    ///
    /// # Errors
    /// As there; [`Error::Adapter`], [`Error::DType`] as [`Tensor::to_device`].
    pub fn full_on(device: Device, shape: impl Into<Shape>, value: impl Into<Scalar>, dtype: DType) -> Result<Tensor> {
        match device {
            Device::Cpu => Tensor::full(shape, value, dtype),
            Device::Wgpu(index) => {
                let shape = shape.into();
                shape.check_size("full", dtype)?;
                wgpu::elementwise::fill(&wgpu::Context::of(index)?, &shape, value.into(), dtype)
            }
        }
    }

    /// Zeros of this tensor's shape and dtype, on its device.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn zeros_like(&self) -> Result<Tensor> {
        Tensor::full_on(self.device(), self.shape(), 0, self.dtype())
    }

    /// Ones of this tensor's shape and dtype, on its device.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn ones_like(&self) -> Result<Tensor> {
        Tensor::full_on(self.device(), self.shape(), 1, self.dtype())
    }

    /// `start, start + step, …` up to but without `stop`. Element `i` is `start + i·step`, so errors do not add up. The dtype is
    /// `i64` if all three are whole numbers, else `f32`.
    ///
    /// # Errors
    /// [`Error::Argument`] if `step` is 0 or an argument is not finite.
    pub fn arange(start: impl Into<Scalar>, stop: impl Into<Scalar>, step: impl Into<Scalar>) -> Result<Tensor> {
        let (start, stop, step) = (start.into(), stop.into(), step.into());
        let [first, end, by] = [start, stop, step].map(Scalar::to_f64);
        let count = ((end - first) / by).ceil();
        if by == 0.0 || !by.is_finite() || !count.is_finite() {
            let message = format!("expected finite numbers and a step other than 0, received {first}, {end}, {by}");
            return Err(Error::argument("arange", message));
        }
        if let (Scalar::Int(start), Scalar::Int(stop), Scalar::Int(step)) = (start, stop, step) {
            // As whole numbers, for what a double cannot hold.
            let (span, step_wide) = (i128::from(stop) - i128::from(start), i128::from(step));
            let count = ((span + step_wide - step_wide.signum()) / step_wide).max(0) as usize;
            return Tensor::build::<i64>([count], |out| {
                out.iter_mut().enumerate().for_each(|(i, out)| *out = start.wrapping_add(step.wrapping_mul(i as i64)));
                Ok(())
            });
        }
        Tensor::build::<f32>([count.max(0.0) as usize], |out| {
            out.iter_mut().enumerate().for_each(|(i, out)| *out = (first + i as f64 * by) as f32);
            Ok(())
        })
    }

    /// `count` numbers at equal distances from `start` to `stop`, both included.
    ///
    /// # Errors
    /// [`Error::DType`] unless `dtype` is a float type.
    pub fn linspace(start: f64, stop: f64, count: usize, dtype: DType) -> Result<Tensor> {
        dtype.require_float("linspace")?;
        let step = if count > 1 { (stop - start) / (count - 1) as f64 } else { 0.0 };
        with_element!(dtype, T => Tensor::build::<T>([count], |out| {
            for (i, out) in out.iter_mut().enumerate() {
                // Counting from the nearer end makes both ends exact.
                let value = if i < count / 2 { start + i as f64 * step } else { stop - (count - 1 - i) as f64 * step };
                *out = T::from_f64(if count == 1 { start } else { value });
            }
            Ok(())
        }))
    }

    /// `rows × columns` with ones on the diagonal.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::OutOfMemory`].
    pub fn eye(rows: usize, columns: usize, dtype: DType) -> Result<Tensor> {
        with_element!(dtype, T => Tensor::build::<T>([rows, columns], |out| {
            out.fill(T::default());
            out.iter_mut().step_by(columns + 1).take(rows.min(columns)).for_each(|out| *out = T::from_i64(1));
            Ok(())
        }))
    }

    /// Class numbers as rows of zeros with a one: shape `[…, classes]`, on their device. A graphics processor is waited for until it has
    /// checked them, unless they came from the CPU as they are.
    ///
    /// # Errors
    /// [`Error::DType`] unless the tensor holds integers, [`Error::Index`] if a number is not in `0..classes`.
    pub fn one_hot(&self, classes: usize, dtype: DType) -> Result<Tensor> {
        if !self.dtype().is_integer() {
            return Err(Error::dtype("one_hot", "an integer dtype", self.dtype()));
        }
        let labels = if self.is_on_wgpu() { self.clone() } else { self.to_dtype(DType::I64)? };
        let end = i64::try_from(classes).unwrap_or(i64::MAX);
        if let Some(index) = labels.first_outside(0, end - 1)? {
            return Err(Error::argument(
                "one_hot",
                format!("expected class numbers in 0..{classes}, received {index}"),
            ));
        }
        let shape: Shape = self.shape().iter().copied().chain([classes]).collect();
        if self.is_on_wgpu() {
            if shape.numel() == 0 {
                return Tensor::full_on(self.device(), shape, 0, dtype);
            }
            let all = Tensor::arange(0, end, 1)?.to_device(self.device())?;
            return labels.to_dtype(DType::I64)?.unsqueeze(-1)?.eq(&all)?.to_dtype(dtype);
        }
        let labels = labels.to_vec::<i64>()?;
        with_element!(dtype, T => Tensor::build::<T>(shape, |out| {
            out.fill(T::default());
            for (row, &label) in labels.iter().enumerate() {
                out[row * classes + label as usize] = T::from_i64(1);
            }
            Ok(())
        }))
    }
}

/// A number, or arrays or vectors of them nested to any depth: what [`Tensor::new`] takes.
pub trait Nested {
    /// The type of the numbers.
    type Element: Element;
    /// Appends the numbers in row-major order and tells the shape.
    ///
    /// # Errors
    /// [`Error::Argument`] if vectors beside each other differ in shape.
    fn collect_into(&self, flat: &mut Vec<Self::Element>) -> Result<Shape>;
}

macro_rules! nested_number {
    ($($T:ty),*) => {$(
        impl Nested for $T {
            type Element = $T;
            fn collect_into(&self, flat: &mut Vec<$T>) -> Result<Shape> {
                flat.push(*self);
                Ok(Shape::default())
            }
        }
    )*};
}
nested_number!(f32, f64, half::f16, half::bf16, i32, i64, u8, bool);

fn collect_rows<A: Nested>(rows: &[A], flat: &mut Vec<A::Element>) -> Result<Shape> {
    let mut inner: Option<Shape> = None;
    for row in rows {
        let shape = row.collect_into(flat)?;
        if inner.as_ref().is_some_and(|inner| *inner != shape) {
            let message = format!("expected rows of one shape, received {} and {shape}", inner.unwrap_or_default());
            return Err(Error::argument("new", message));
        }
        inner = Some(shape);
    }
    Ok([rows.len()].into_iter().chain(inner.unwrap_or_default().iter().copied()).collect())
}

impl<A: Nested, const N: usize> Nested for [A; N] {
    type Element = A::Element;
    fn collect_into(&self, flat: &mut Vec<A::Element>) -> Result<Shape> {
        collect_rows(self, flat)
    }
}
impl<A: Nested> Nested for Vec<A> {
    type Element = A::Element;
    fn collect_into(&self, flat: &mut Vec<A::Element>) -> Result<Shape> {
        collect_rows(self, flat)
    }
}
impl<A: Nested> Nested for &[A] {
    type Element = A::Element;
    fn collect_into(&self, flat: &mut Vec<A::Element>) -> Result<Shape> {
        collect_rows(self, flat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_literals() {
        let x = Tensor::new([[[1i32, 2], [3, 4]], [[5, 6], [7, 8]]]).unwrap();
        assert_eq!(x.shape()[..], [2, 2, 2]);
        assert_eq!(Tensor::new(Vec::<f32>::new()).unwrap().shape()[..], [0]);
        let ragged = Tensor::new(vec![vec![1.0f32], vec![1.0, 2.0]]).unwrap_err();
        assert_eq!(ragged.to_string(), "new: expected rows of one shape, received [1] and [2]");
    }

    #[test]
    fn ranges() {
        let ints = |a: i64, b: i64, c: i64| Tensor::arange(a, b, c).unwrap().to_vec::<i64>().unwrap();
        assert_eq!(ints(0, 5, 2), [0, 2, 4]);
        assert_eq!(ints(5, 0, -2), [5, 3, 1]);
        assert_eq!(ints(0, -3, 1), [0i64; 0]);
        assert_eq!(Tensor::arange(0.0, 1.0, 0.3).unwrap().to_vec::<f32>().unwrap(), [0.0, 0.3, 0.6, 0.9]);
        assert!(Tensor::arange(0, 1, 0).is_err());
        let line = Tensor::linspace(0.0, 1.0, 5, DType::F64).unwrap().to_vec::<f64>().unwrap();
        assert_eq!(line, [0.0, 0.25, 0.5, 0.75, 1.0]);
    }

    #[test]
    fn one_hot_checks_its_labels() {
        let labels = Tensor::new([2i64, 0]).unwrap();
        let hot = labels.one_hot(3, DType::F32).unwrap();
        assert_eq!(hot.to_vec::<f32>().unwrap(), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
        let error = labels.one_hot(2, DType::F32).unwrap_err();
        assert_eq!(error.to_string(), "one_hot: expected class numbers in 0..2, received 2");
    }

    #[test]
    fn wrong_counts_are_refused() {
        let error = Tensor::from_slice(&[1.0f32; 5], [2, 3]).unwrap_err();
        assert_eq!(error.to_string(), "from_slice: expected a shape of 5 elements, received shape [2, 3]");
        assert!(matches!(Tensor::zeros([1 << 40, 1 << 40], DType::F32), Err(Error::TooLarge { .. })));
    }
}
