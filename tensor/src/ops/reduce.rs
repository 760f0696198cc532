//! Reductions over any set of axes: sums, products, extremes, moments, norms.

use smallvec::SmallVec;

use crate::cpu::reduce::{self, Block, keep, larger, smaller};
use crate::dtype::{with_float, with_number};
use crate::element::{Number, Real};
use crate::layout::Layout;
use crate::memory::Buffer;
use crate::{Axes, DType, Element, Error, Result, Tensor};

/// The tensor with its axes in memory order, row-major, and that order.
pub(crate) fn in_memory_order(x: &Tensor) -> Result<(Tensor, SmallVec<[usize; 4]>)> {
    let order = x.layout().memory_order();
    Ok((
        x.with_layout(x.layout().permute(&order)).contiguous()?,
        order,
    ))
}

/// `layout`, whose axis `i` is axis `order[i]` of the logical tensor, with its axes in logical order.
pub(crate) fn in_logical_order(layout: &Layout, order: &[usize]) -> Layout {
    let mut inverse: SmallVec<[usize; 4]> = SmallVec::from_elem(0, order.len());
    for (i, &axis) in order.iter().enumerate() {
        inverse[axis] = i;
    }
    layout.permute(&inverse)
}

/// How a tensor is folded over a set of axes: dense memory is folded run by run, a run being axes to be folded that lie side by
/// side in memory, from the innermost outwards.
struct Plan {
    x: Tensor,
    /// At least one.
    blocks: SmallVec<[Block; 2]>,
    /// Of the result.
    layout: Layout,
    /// Elements that are folded into one.
    count: usize,
}

impl Plan {
    fn new(op: &'static str, x: &Tensor, axes: &Axes, keepdim: bool) -> Result<Plan> {
        let axes = axes.resolve(op, x.shape())?;
        let (dense, order) = in_memory_order(x)?;
        let mut groups: SmallVec<[(usize, bool); 4]> = SmallVec::new();
        for (&axis, &size) in order.iter().zip(dense.shape().iter()) {
            let folded = axes.contains(&axis);
            match groups.last_mut() {
                Some((group, of_folded)) if *of_folded == folded => *group *= size,
                _ => groups.push((size, folded)),
            }
        }
        let mut blocks = SmallVec::new();
        let mut inner = 1;
        while let Some((size, folded)) = groups.pop() {
            if folded {
                let outer = groups.iter().map(|&(size, _)| size).product();
                blocks.push(Block {
                    outer,
                    n: size,
                    inner,
                });
            } else {
                inner *= size;
            }
        }
        if blocks.is_empty() {
            blocks.push(Block {
                outer: 1,
                n: 1,
                inner,
            });
        }
        let folded: SmallVec<[usize; 4]> = (0..order.len())
            .filter(|&i| axes.contains(&order[i]))
            .collect();
        let ones = Layout::contiguous(dense.shape().reduced(&folded, true));
        let mut layout = in_logical_order(&ones, &order);
        if !keepdim {
            let kept: SmallVec<[usize; 4]> =
                (0..x.rank()).filter(|axis| !axes.contains(axis)).collect();
            layout = layout.permute(&kept);
        }
        let count = axes.iter().map(|&axis| x.shape()[axis]).product();
        Ok(Plan {
            x: dense,
            blocks,
            layout,
            count,
        })
    }

    /// `Err` if a result would have to come from no element at all.
    fn require_elements(&self, op: &'static str) -> Result<()> {
        if self.count == 0 && self.layout.numel() > 0 {
            return Err(Error::shape(
                op,
                "at least one element along the axes",
                self.x.shape(),
            ));
        }
        Ok(())
    }

    fn elements<T: Element>(&self) -> &[T] {
        self.x.view::<T>().as_contiguous().unwrap_or_default()
    }

    fn finish<T: Element>(self, buffer: Buffer) -> Tensor {
        Tensor::from_buffer(buffer, self.layout, T::DTYPE)
    }

    fn fold<T: Number>(
        self,
        start: T,
        map: impl Fn(T, T) -> T + Sync,
        join: impl Fn(T, T) -> T + Sync + Copy,
    ) -> Result<Tensor> {
        let mut buffer =
            reduce::fold(self.elements::<T>(), self.blocks[0], None, start, map, join)?;
        for &block in &self.blocks[1..] {
            buffer = reduce::fold(buffer.as_slice::<T>(), block, None, start, keep, join)?;
        }
        Ok(self.finish::<T>(buffer))
    }

    /// Sums of squared distances from the mean. Runs are merged by Chan's formula (Chan, Golub and LeVeque 1979).
    fn squared_deviations<T: Real>(self) -> Result<Tensor> {
        let (mut means, mut deviations): (Option<Buffer>, Option<Buffer>) = (None, None);
        let mut count = T::ONE;
        for &block in &self.blocks {
            let x = means
                .as_ref()
                .map_or_else(|| self.elements::<T>(), Buffer::as_slice::<T>);
            let n = T::r(block.n as f64);
            let mut mean = reduce::fold(x, block, None, T::ZERO, keep, T::plus)?;
            mean.as_mut_slice::<T>()
                .iter_mut()
                .for_each(|mean| *mean = *mean / n);
            let square = |x: T, mean: T| (x - mean) * (x - mean);
            let centre = Some(mean.as_slice::<T>());
            let mut between = reduce::fold(x, block, centre, T::ZERO, square, T::plus)?;
            if let Some(within) = &deviations {
                let within =
                    reduce::fold(within.as_slice::<T>(), block, None, T::ZERO, keep, T::plus)?;
                let pairs = between.as_mut_slice::<T>().iter_mut();
                pairs
                    .zip(within.as_slice::<T>())
                    .for_each(|(between, &within)| *between = *between * count + within);
            }
            count *= n;
            (means, deviations) = (Some(mean), Some(between));
        }
        let buffer = deviations.map_or_else(|| Buffer::zeroed::<T>(self.layout.numel()), Ok)?;
        Ok(self.finish::<T>(buffer))
    }

    fn logsumexp<T: Real>(self) -> Result<Tensor> {
        let mut sums: Option<Buffer> = None;
        for &block in &self.blocks {
            let x = sums
                .as_ref()
                .map_or_else(|| self.elements::<T>(), Buffer::as_slice::<T>);
            let mut centre = reduce::fold(x, block, None, T::LOWEST, keep, larger)?;
            for centre in centre.as_mut_slice::<T>() {
                // ∞ - ∞ would be NaN where the answer is the infinity itself.
                if *centre == T::LOWEST || *centre == T::HIGHEST {
                    *centre = T::ZERO;
                }
            }
            let centre = centre.as_slice::<T>();
            let exp = |x: T, centre: T| (x - centre).exp();
            let mut sum = reduce::fold(x, block, Some(centre), T::ZERO, exp, T::plus)?;
            for (sum, &centre) in sum.as_mut_slice::<T>().iter_mut().zip(centre) {
                *sum = sum.ln() + centre;
            }
            sums = Some(sum);
        }
        let buffer = sums.map_or_else(|| Buffer::zeroed::<T>(self.layout.numel()), Ok)?;
        Ok(self.finish::<T>(buffer))
    }
}

/// Each reduction in two forms: without the axes, and with size 1 in their place.
macro_rules! reductions {
    ($($(#[$doc:meta])* $name:ident, $keepdim_name:ident
        ($($before:ident: $B:ty)?; $($after:ident: $A:ty)?) = |$x:ident, $axes:ident, $keepdim:ident| $body:expr;)*) => {
        impl Tensor {$(
            $(#[$doc])*
            pub fn $name(&self, $($before: $B,)? axes: impl Into<Axes> $(, $after: $A)?) -> Result<Tensor> {
                let ($x, $axes, $keepdim) = (self, &axes.into(), false);
                $body
            }

            #[doc = concat!("As [`Tensor::", stringify!($name), "`], with size 1 in place of the axes.")]
            ///
            /// # Errors
            #[doc = concat!("Those of [`Tensor::", stringify!($name), "`].")]
            pub fn $keepdim_name(&self, $($before: $B,)? axes: impl Into<Axes> $(, $after: $A)?) -> Result<Tensor> {
                let ($x, $axes, $keepdim) = (self, &axes.into(), true);
                $body
            }
        )*}
    };
}

reductions! {
    /// The sum over these axes; 0 over no element. Integers and booleans give `i64`; half types are summed in `f32`.
    ///
    /// ```
    /// use ocelli_tensor::Tensor;
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let x = Tensor::new([[1.0f32, 2.0], [3.0, 4.0]])?;
    /// assert_eq!(x.sum(0)?.to_vec::<f32>()?, [4.0, 6.0]);
    /// assert_eq!(x.sum(..)?.item::<f32>()?, 10.0);
    /// assert_eq!(x.sum_keepdim([-1])?.shape()[..], [2, 1]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] if an axis is named twice.
    sum, sum_keepdim(;) = |x, axes, keepdim| x.sum_or_product("sum", axes, keepdim)?.to_dtype(x.sum_dtype());

    /// The product over these axes; 1 over no element. Integers and booleans give `i64`.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] if an axis is named twice.
    prod, prod_keepdim(;) = |x, axes, keepdim| x.sum_or_product("prod", axes, keepdim)?.to_dtype(x.sum_dtype());

    /// The mean over these axes; NaN over no element. Integers and booleans give `f32`.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] if an axis is named twice.
    mean, mean_keepdim(;) = |x, axes, keepdim| x.mean_of(axes, keepdim);

    /// The largest element over these axes; NaN if one is NaN.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] if an axis is named twice, [`Error::Shape`] if there is no element.
    max, max_keepdim(;) = |x, axes, keepdim| x.extreme("max", axes, keepdim);

    /// The smallest element over these axes; NaN if one is NaN.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] if an axis is named twice, [`Error::Shape`] if there is no element.
    min, min_keepdim(;) = |x, axes, keepdim| x.extreme("min", axes, keepdim);

    /// Whether any element over these axes is true (not zero); false over no element.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] if an axis is named twice.
    any, any_keepdim(;) = |x, axes, keepdim| x.truth("any", axes, keepdim);

    /// Whether all elements over these axes are true (not zero); true over no element.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] if an axis is named twice.
    all, all_keepdim(;) = |x, axes, keepdim| x.truth("all", axes, keepdim);

    /// The variance over these axes, `Σ(x - mean)² / max(n - correction, 0)`: correction 1 is the sample's (PyTorch's default), 0
    /// the population's (NumPy's and Keras' default). Integers and booleans give `f32`.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] if an axis is named twice.
    var, var_keepdim(; correction: usize) = |x, axes, keepdim| x.variance("var", axes, correction, keepdim)?.to_dtype(x.dtype().to_float());

    /// The standard deviation over these axes: the square root of [`Tensor::var`].
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] if an axis is named twice.
    std, std_keepdim(; correction: usize) = |x, axes, keepdim| x.variance("std", axes, correction, keepdim)?.sqrt()?.to_dtype(x.dtype().to_float());

    /// The `p`-norm over these axes, `(Σ|x|^p)^(1/p)`: for `p` of ∞ (-∞) the largest (smallest) absolute value, for 0 the number of
    /// elements other than 0. Integers and booleans give `f32`.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] if an axis is named twice or `p` is NaN, [`Error::Shape`] if `p` is ∞ or below 0 and
    /// there is no element.
    norm, norm_keepdim(p: f64;) = |x, axes, keepdim| x.p_norm(p, axes, keepdim);

    /// `ln Σ eˣ` over these axes, without overflow; -∞ over no element. Integers and booleans give `f32`.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Argument`] if an axis is named twice.
    logsumexp, logsumexp_keepdim(;) = |x, axes, keepdim| {
        x.to_dtype(x.dtype().to_float())?.widened(|x| {
            let plan = Plan::new("logsumexp", x, axes, keepdim)?;
            with_float!(x.dtype(), T => plan.logsumexp::<T>())
        })
    };
}

impl Tensor {
    fn sum_dtype(&self) -> DType {
        if self.dtype().is_float() {
            self.dtype()
        } else {
            DType::I64
        }
    }

    /// In the dtype that kernels compute in.
    fn sum_or_product(&self, op: &'static str, axes: &Axes, keepdim: bool) -> Result<Tensor> {
        let x = self.to_dtype(self.sum_dtype().wide())?;
        let plan = Plan::new(op, &x, axes, keepdim)?;
        match (x.dtype(), op) {
            (DType::I64, "prod") => plan.fold::<i64>(1, keep, i64::wrapping_mul),
            (DType::I64, _) => plan.fold::<i64>(0, keep, i64::wrapping_add),
            (_, "prod") => with_float!(x.dtype(), T => plan.fold::<T>(T::ONE, keep, T::times)),
            _ => with_float!(x.dtype(), T => plan.fold::<T>(T::ZERO, keep, T::plus)),
        }
    }

    fn mean_of(&self, axes: &Axes, keepdim: bool) -> Result<Tensor> {
        let dtype = self.dtype().to_float();
        let resolved = axes.resolve("mean", self.shape())?;
        let count: usize = resolved.iter().map(|&axis| self.shape()[axis]).product();
        let sum = self
            .to_dtype(dtype.wide())?
            .sum_or_product("mean", axes, keepdim)?;
        sum.div(count as f64)?.to_dtype(dtype)
    }

    fn extreme(&self, op: &'static str, axes: &Axes, keepdim: bool) -> Result<Tensor> {
        let wide = match self.dtype() {
            DType::Bool => DType::U8,
            dtype => dtype.wide(),
        };
        let plan = Plan::new(op, &self.to_dtype(wide)?, axes, keepdim)?;
        plan.require_elements(op)?;
        let values = with_number!(wide, T => match op {
            "max" => plan.fold::<T>(T::LOWEST, keep, larger),
            _ => plan.fold::<T>(T::HIGHEST, keep, smaller),
        })?;
        values.to_dtype(self.dtype())
    }

    fn truth(&self, op: &'static str, axes: &Axes, keepdim: bool) -> Result<Tensor> {
        let plan = Plan::new(
            op,
            &self.to_dtype(DType::Bool)?.to_dtype(DType::U8)?,
            axes,
            keepdim,
        )?;
        let truth = match op {
            "any" => plan.fold::<u8>(0, keep, |a, b| a | b),
            _ => plan.fold::<u8>(1, keep, |a, b| a & b),
        };
        truth?.to_dtype(DType::Bool)
    }

    /// In the dtype that kernels compute in.
    fn variance(
        &self,
        op: &'static str,
        axes: &Axes,
        correction: usize,
        keepdim: bool,
    ) -> Result<Tensor> {
        let x = self.to_dtype(self.dtype().to_float().wide())?;
        let plan = Plan::new(op, &x, axes, keepdim)?;
        let degrees = plan.count.saturating_sub(correction);
        with_float!(x.dtype(), T => plan.squared_deviations::<T>())?.div(degrees as f64)
    }

    fn p_norm(&self, p: f64, axes: &Axes, keepdim: bool) -> Result<Tensor> {
        if p.is_nan() {
            return Err(Error::argument(
                "norm",
                "expected p to be a number, received NaN",
            ));
        }
        let x = self.to_dtype(self.dtype().to_float().wide())?;
        let plan = Plan::new("norm", &x, axes, keepdim)?;
        if p < 0.0 || p == f64::INFINITY {
            plan.require_elements("norm")?;
        }
        let norm = with_float!(x.dtype(), T => if p == f64::INFINITY {
            plan.fold::<T>(T::ZERO, |x, _| x.abs(), larger)
        } else if p == f64::NEG_INFINITY {
            plan.fold::<T>(T::HIGHEST, |x, _| x.abs(), smaller)
        } else if p == 0.0 {
            plan.fold::<T>(T::ZERO, |x, _| if x == T::ZERO { T::ZERO } else { T::ONE }, T::plus)
        } else if p == 1.0 {
            plan.fold::<T>(T::ZERO, |x, _| x.abs(), T::plus)
        } else if p == 2.0 {
            plan.fold::<T>(T::ZERO, |x, _| x * x, T::plus)?.sqrt()
        } else {
            plan.fold::<T>(T::ZERO, |x, _| x.abs().powf(T::r(p)), T::plus)?.pow(1.0 / p)
        })?;
        norm.to_dtype(self.dtype().to_float())
    }

    /// The position of the largest element along `axis` as `i64`, without the axis: the first of equals; a NaN counts as largest.
    /// For the position in the whole tensor, flatten it first.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Shape`] if the axis is empty.
    pub fn argmax(&self, axis: isize) -> Result<Tensor> {
        self.position("argmax", axis, true)?.squeeze(axis)
    }

    /// As [`Tensor::argmax`], with size 1 in place of the axis.
    ///
    /// # Errors
    /// Those of [`Tensor::argmax`].
    pub fn argmax_keepdim(&self, axis: isize) -> Result<Tensor> {
        self.position("argmax", axis, true)
    }

    /// The position of the smallest element along `axis` as `i64`, without the axis: the first of equals; a NaN counts as smallest.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Shape`] if the axis is empty.
    pub fn argmin(&self, axis: isize) -> Result<Tensor> {
        self.position("argmin", axis, false)?.squeeze(axis)
    }

    /// As [`Tensor::argmin`], with size 1 in place of the axis.
    ///
    /// # Errors
    /// Those of [`Tensor::argmin`].
    pub fn argmin_keepdim(&self, axis: isize) -> Result<Tensor> {
        self.position("argmin", axis, false)
    }

    /// The largest elements along `axis` and their positions as `i64`, both without the axis: the first of equals; a NaN wins.
    ///
    /// ```
    /// use ocelli_tensor::Tensor;
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let (values, indices) = Tensor::new([[1.0f32, 3.0, 3.0], [5.0, 4.0, 0.0]])?.max_with_indices(-1)?;
    /// assert_eq!(values.to_vec::<f32>()?, [3.0, 5.0]);
    /// assert_eq!(indices.to_vec::<i64>()?, [1, 0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Shape`] if the axis is empty.
    pub fn max_with_indices(&self, axis: isize) -> Result<(Tensor, Tensor)> {
        self.with_indices("max_with_indices", axis, true)
    }

    /// The smallest elements along `axis` and their positions as `i64`, both without the axis: the first of equals; a NaN wins.
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::Shape`] if the axis is empty.
    pub fn min_with_indices(&self, axis: isize) -> Result<(Tensor, Tensor)> {
        self.with_indices("min_with_indices", axis, false)
    }

    fn with_indices(
        &self,
        op: &'static str,
        axis: isize,
        largest: bool,
    ) -> Result<(Tensor, Tensor)> {
        let indices = self.position(op, axis, largest)?;
        let values = self.gather(axis, &indices)?.squeeze(axis)?;
        Ok((values, indices.squeeze(axis)?))
    }

    /// Positions of extremes, with size 1 in place of the axis.
    fn position(&self, op: &'static str, axis: isize, largest: bool) -> Result<Tensor> {
        let axis = self.shape().axis(op, axis)?;
        let shape = self.shape().reduced(&[axis], true);
        if self.shape()[axis] == 0 && shape.numel() > 0 {
            let expected = format!("at least one element along axis {axis}");
            return Err(Error::shape(op, expected, self.shape()));
        }
        let wide = match self.dtype() {
            DType::Bool => DType::U8,
            dtype => dtype.wide(),
        };
        let x = self.to_dtype(wide)?.contiguous()?;
        let block = Block::around(x.shape(), axis);
        with_number!(wide, T => Tensor::build::<i64>(shape, |out| {
            if block.n > 0 {
                reduce::arg(x.view::<T>().as_contiguous().unwrap_or_default(), block, largest, out);
            }
            Ok(())
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sums_keep_their_digits() {
        // Added one after the other in f32, this sum would stop at 2²⁴.
        let n = 20_000_000;
        let x = Tensor::full([n], 1.0, DType::F32).unwrap();
        assert_eq!(x.sum(..).unwrap().item::<f64>().unwrap(), n as f64);
        let columns = x.reshape([n / 4, 4]).unwrap().sum(0).unwrap();
        assert_eq!(columns.to_vec::<f32>().unwrap(), [(n / 4) as f32; 4]);
    }

    #[test]
    fn variance_far_from_zero() {
        let x = Tensor::arange(0.0, 1000.0, 1.0).unwrap().add(1e6).unwrap();
        let var = x.var(.., 0).unwrap().item::<f64>().unwrap();
        assert!((var / 83_333.25 - 1.0).abs() < 1e-6, "{var}");
    }

    #[test]
    fn runs_of_axes_are_folded_in_turn() {
        let x = Tensor::arange(0, 120, 1)
            .unwrap()
            .reshape([2, 3, 4, 5])
            .unwrap();
        let plan = Plan::new("sum", &x, &Axes::from([0, 2, 3]), false).unwrap();
        let block = |outer, n, inner| Block { outer, n, inner };
        assert_eq!(plan.blocks[..], [block(6, 20, 1), block(1, 2, 3)]);
        let channels_last = x.permute([0, 3, 1, 2]).unwrap();
        let plan = Plan::new("sum", &channels_last, &Axes::from([0, 2, 3]), false).unwrap();
        assert_eq!(plan.blocks[..], [block(1, 24, 5)]);
    }
}
