//! How a tensor is folded over a set of axes.

use smallvec::SmallVec;

use crate::cpu::math::Float;
use crate::cpu::reduce::{self, Block, Fold, Squares, Sum, Vectors};
use crate::cpu::simd::Lane;
use crate::cpu::softmax;
use crate::element::{Number, Real};
use crate::layout::Layout;
use crate::memory::Buffer;
use crate::wgpu::reduce::Fold as WgpuFold;
use crate::{Axes, Element, Error, Result, Scalar, Tensor, wgpu};

/// The tensor with its axes in memory order, row-major, and that order.
pub(crate) fn in_memory_order(x: &Tensor) -> Result<(Tensor, SmallVec<[usize; 4]>)> {
    let order = x.layout().memory_order();
    Ok((x.with_layout(x.layout().permute(&order)).contiguous()?, order))
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
pub(super) struct Plan {
    x: Tensor,
    /// At least one.
    blocks: SmallVec<[Block; 2]>,
    /// Of the result.
    layout: Layout,
    /// Elements that are folded into one.
    pub(super) count: usize,
}

impl Plan {
    pub(super) fn new(op: &'static str, x: &Tensor, axes: &Axes, keepdim: bool) -> Result<Plan> {
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
                blocks.push(Block { outer, n: size, inner });
            } else {
                inner *= size;
            }
        }
        if blocks.is_empty() {
            blocks.push(Block { outer: 1, n: 1, inner });
        }
        let folded: SmallVec<[usize; 4]> = (0..order.len()).filter(|&i| axes.contains(&order[i])).collect();
        let ones = Layout::contiguous(dense.shape().reduced(&folded, true));
        let mut layout = in_logical_order(&ones, &order);
        if !keepdim {
            let kept: SmallVec<[usize; 4]> = (0..x.rank()).filter(|axis| !axes.contains(axis)).collect();
            layout = layout.permute(&kept);
        }
        let count = axes.iter().map(|&axis| x.shape()[axis]).product();
        Ok(Plan { x: dense, blocks, layout, count })
    }

    /// `Err` if a result would have to come from no element at all.
    pub(super) fn require_elements(&self, op: &'static str) -> Result<()> {
        if self.count == 0 && self.layout.numel() > 0 {
            return Err(Error::shape(op, "at least one element along the axes", self.x.shape()));
        }
        Ok(())
    }

    fn elements<T: Element>(&self) -> &[T] {
        self.x.view::<T>().as_contiguous().unwrap_or_default()
    }

    fn finish<T: Element>(self, buffer: Buffer) -> Tensor {
        Tensor::from_buffer(buffer, self.layout, T::DTYPE)
    }

    pub(super) fn fold<T: Number>(self, by: &impl Fold<T>) -> Result<Tensor> {
        let mut buffer = reduce::fold(self.elements::<T>(), self.blocks[0], None, by)?;
        for &block in &self.blocks[1..] {
            buffer = reduce::fold(buffer.as_slice::<T>(), block, None, &by.joining())?;
        }
        Ok(self.finish::<T>(buffer))
    }

    /// Sums of squared distances from the mean. Runs are merged by Chan's formula (Chan, Golub and LeVeque 1979).
    pub(super) fn squared_deviations<T: Real + Lane>(self) -> Result<Tensor> {
        let (mut means, mut deviations): (Option<Buffer>, Option<Buffer>) = (None, None);
        let mut count = T::ONE;
        for &block in &self.blocks {
            let x = means.as_ref().map_or_else(|| self.elements::<T>(), Buffer::as_slice::<T>);
            let n = T::r(block.n as f64);
            let mut mean = reduce::fold(x, block, None, &Vectors(Sum))?;
            mean.as_mut_slice::<T>().iter_mut().for_each(|mean| *mean = *mean / n);
            let centre = Some(mean.as_slice::<T>());
            let mut between = reduce::fold(x, block, centre, &Vectors(Squares))?;
            if let Some(within) = &deviations {
                let within = reduce::fold(within.as_slice::<T>(), block, None, &Vectors(Sum))?;
                let pairs = between.as_mut_slice::<T>().iter_mut();
                pairs.zip(within.as_slice::<T>()).for_each(|(between, &within)| *between = *between * count + within);
            }
            count *= n;
            (means, deviations) = (Some(mean), Some(between));
        }
        let buffer = deviations.map_or_else(|| Buffer::zeroed::<T>(self.layout.numel()), Ok)?;
        Ok(self.finish::<T>(buffer))
    }

    /// Folds by a graphics processor's function of two numbers, of a function of each element.
    pub(super) fn fold_on_wgpu(self, name: &'static str, of: Option<&'static str>, start: Scalar) -> Result<Tensor> {
        let mut x = self.x.clone();
        for (i, &block) in self.blocks.iter().enumerate() {
            x = folded(&x, block, WgpuFold { name, of: of.filter(|_| i == 0), start })?;
        }
        Ok(x.with_layout(self.layout))
    }

    /// [`Plan::logsumexp`] of a tensor on a graphics processor, of which this is the plan: `max + ln Σ e^(x − max)`.
    pub(super) fn logsumexp_on_wgpu(self, x: &Tensor, axes: &Axes, keepdim: bool) -> Result<Tensor> {
        let lowest = Scalar::Float(f64::NEG_INFINITY);
        let largest = Plan::new("logsumexp", x, axes, true)?.fold_on_wgpu("maximum", None, lowest)?;
        // Where all are -∞ or one is ∞, the distance from that would be no number.
        let largest = largest.is_inf()?.where_(&largest.zeros_like()?, &largest)?;
        let sum = x.sub(&largest)?.exp()?.sum_keepdim(axes.clone())?.ln()?.add(&largest)?;
        sum.contiguous()?.reshape(if keepdim { sum.shape() } else { &self.layout.shape })
    }

    pub(super) fn logsumexp<T: Float>(self) -> Result<Tensor> {
        let mut sums: Option<Buffer> = None;
        for &block in &self.blocks {
            let x = sums.as_ref().map_or_else(|| self.elements::<T>(), Buffer::as_slice::<T>);
            sums = Some(softmax::log_sum_exp(x, block)?);
        }
        let buffer = sums.map_or_else(|| Buffer::zeroed::<T>(self.layout.numel()), Ok)?;
        Ok(self.finish::<T>(buffer))
    }
}

/// [`wgpu::reduce::fold`] of a tensor that may be too large to be seen at once.
fn folded(x: &Tensor, Block { outer, n, inner }: Block, fold: WgpuFold) -> Result<Tensor> {
    let offset = x.layout().offset;
    let x = x.with_layout(Layout { offset, ..Layout::contiguous([outer, n, inner].into()) });
    // A long axis is folded by parts, and what these give once more.
    let axes = if n > inner { [0, 1, 2] } else { [0, 2, 1] };
    let [result] = wgpu::windows::in_parts([&x], &axes, &|[x]| {
        let block = Block::around(x.shape(), 1);
        let result = wgpu::reduce::fold(&x.contiguous()?, block, fold)?;
        Ok([result.with_layout(Layout::contiguous([block.outer, 1, block.inner].into()))])
    })?;
    // As many as the axis was cut into.
    let n = result.shape()[1];
    if n > 1 { folded(&result, Block { outer, n, inner }, WgpuFold { of: None, ..fold }) } else { Ok(result) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_axes_are_folded_in_turn() {
        let x = Tensor::arange(0, 120, 1).unwrap().reshape([2, 3, 4, 5]).unwrap();
        let plan = Plan::new("sum", &x, &Axes::from([0, 2, 3]), false).unwrap();
        let block = |outer, n, inner| Block { outer, n, inner };
        assert_eq!(plan.blocks[..], [block(6, 20, 1), block(1, 2, 3)]);
        let channels_last = x.permute([0, 3, 1, 2]).unwrap();
        let plan = Plan::new("sum", &channels_last, &Axes::from([0, 2, 3]), false).unwrap();
        assert_eq!(plan.blocks[..], [block(1, 24, 5)]);
    }
}
