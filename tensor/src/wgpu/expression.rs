//! Elementwise operations that have been asked for and not yet run.
//!
//! An operation on elements gives a tensor whose numbers are an [`Expression`]: steps over tensors in memory. An operation on such a
//! tensor takes its steps over and adds one. The kernel of all of them runs when something needs the numbers that is not elementwise,
//! reads them back, or waits for the device (see `deferred.rs`). Only what is too large for a kernel to see is computed at once. So a chain reads its operands and writes its result once, scalars are
//! parameters of it, and what was dropped before never ran.
//!
//! A result that has several readers may be computed again by each. That is bounded: by the size of an expression (equal steps and
//! equal operands are there once, so reading one number many times does not add up), and by how often a result is taken over.

use std::sync::Arc;

use smallvec::SmallVec;

use super::deferred::Deferred;
use super::elementwise::{Numbers, bytes, write};
use super::{Context, Stored, fused, windows};
use crate::layout::Layout;
use crate::{DType, Error, Result, Shape, Tensor};

/// Functions of an expression: some more than an activation that is spelled out.
const MOST_STEPS: usize = 16;
/// Tensors that an expression reads: with the result and the parameters as many bindings as every adapter has.
pub(super) const MOST_LEAVES: usize = 6;
/// An expression that would keep more than so many times its own size in memory is computed at once, if that is worth mentioning.
const KEPT: usize = 8;
const WORTH_MENTIONING: usize = 1 << 20;

/// What a step computes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Function {
    /// One number everywhere, by its bits.
    Fill([u32; 2]),
    /// Of one number, by its name, with parameters.
    Map(&'static str, [[u32; 2]; 2]),
    /// Of two numbers.
    Zip(&'static str, [u32; 2]),
    /// Whether two numbers are in a relation.
    Compare(&'static str),
    /// The first operand where the third is true, the second elsewhere.
    Choose,
    /// The same number as another dtype.
    Cast,
}

impl Function {
    pub(super) fn name(self) -> &'static str {
        match self {
            Function::Fill(_) => "fill",
            Function::Map(name, _) | Function::Zip(name, _) | Function::Compare(name) => name,
            Function::Choose => "where",
            Function::Cast => "to",
        }
    }

    /// Bits of numbers that the function has beside its operands. What is here is a parameter of the kernel, not a part of its text.
    pub(super) fn numbers(self) -> SmallVec<[[u32; 2]; 2]> {
        match self {
            Function::Fill(bits) | Function::Zip("leaky_relu_backward", bits) => SmallVec::from_slice(&[bits]),
            Function::Map("clamp", bits) => SmallVec::from_slice(&bits),
            Function::Map("leaky_relu", [bits, _]) => SmallVec::from_slice(&[bits]),
            _ => SmallVec::new(),
        }
    }
}

/// Where a step's operand comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Source {
    Leaf(usize),
    Step(usize),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    pub(super) function: Function,
    pub(super) operands: SmallVec<[Source; 3]>,
    /// The file of numbers that the function stands in, if in one.
    pub(super) numbers: Option<Numbers>,
    /// Of the result, which is rounded to it.
    pub(super) dtype: DType,
}

/// Steps, each after those that it reads; the last one's result is the whole's.
#[derive(Clone, Default)]
pub(super) struct Expression {
    pub(super) leaves: Vec<Tensor>,
    pub(super) steps: Vec<Step>,
}

/// An operation whose operands are broadcast to `layout`, which is dense and begins at 0. Nothing has been computed when this returns,
/// as a rule.
pub(super) fn apply(
    context: &Arc<Context>,
    (function, numbers): (Function, Option<Numbers>),
    operands: &[&Tensor],
    layout: Layout,
    dtype: DType,
) -> Result<Tensor> {
    operands.iter().try_for_each(|x| context.require_own(x.memory()))?;
    let size = bytes(layout.numel(), Stored::of(dtype, context.has_f16())?)?;
    if layout.numel() == 0 {
        return Ok(Tensor::on_device(Arc::new(context.allocate(size)?), layout, dtype));
    }
    let mut taken: SmallVec<[Option<Expression>; 3]> = operands.iter().map(|x| taken_over(x, &layout.shape)).collect();
    let expression = loop {
        let expression = Expression::joined(operands, &taken, |operands| Step { function, operands, numbers, dtype });
        let refusal = match expression.check(&layout) {
            Ok(true) => break expression,
            Ok(false) => None,
            Err(error) => Some(error),
        };
        // The longest one is computed after all. An operation on tensors in memory fits, unless it cannot be done.
        match taken.iter_mut().max_by_key(|x| x.as_ref().map_or(0, |x| x.steps.len())) {
            Some(longest) if longest.is_some() => *longest = None,
            _ => return Err(refusal.unwrap_or_else(|| fused::too_many_axes(&layout))),
        }
    };
    for (x, _) in operands.iter().zip(&taken).filter(|(_, taken)| taken.is_none()) {
        x.memory().settle()?;
    }
    let is_visible = expression.leaves.iter().all(|x| context.has_room(x.memory().bytes())) && context.has_room(size);
    if !is_visible {
        return at_once(context, &expression, layout, dtype);
    }
    let kept = expression.kept();
    let memory = Arc::new(context.defer(size, Deferred::new(expression, layout.clone()))?);
    if kept > KEPT * size && kept > WORTH_MENTIONING {
        memory.settle()?;
    } else {
        context.waiting().push(&memory);
    }
    Ok(Tensor::on_device(memory, layout, dtype))
}

/// Computes an expression for windows of its result, of as much as a kernel may see.
fn at_once(context: &Arc<Context>, expression: &Expression, layout: Layout, dtype: DType) -> Result<Tensor> {
    let memory = context.allocate(bytes(layout.numel(), Stored::of(dtype, context.has_f16())?)?)?;
    let out = Tensor::on_device(Arc::new(memory), layout, dtype);
    let expanded = expression.leaves.iter().map(|x| x.with_layout(x.layout().broadcast_to(out.shape())));
    let expanded: SmallVec<[Tensor; MOST_LEAVES]> = expanded.collect();
    // Where there are fewer leaves than that, the result again, which is not looked at.
    let tensors: [&Tensor; MOST_LEAVES + 1] =
        std::array::from_fn(|i| i.checked_sub(1).and_then(|i| expanded.get(i)).unwrap_or(&out));
    windows::each_window(tensors, &mut |[out, parts @ ..]| {
        let leaves = parts.into_iter().take(expanded.len()).cloned().collect();
        let part = Expression { leaves, steps: expression.steps.clone() };
        if out.layout().offset == 0 && out.layout().is_dense() {
            return fused::record(&part, out.memory(), out.layout());
        }
        // Kernels write from the beginning of what they see, without gaps.
        write(&at_once(context, &part, out.layout().dense_like(), dtype)?, out)
    })?;
    Ok(out)
}

/// The expression of an operand, if it is one that the operation may take over: of all elements in the result's shape, or of one number.
fn taken_over(x: &Tensor, shape: &Shape) -> Option<Expression> {
    let deferred = x.memory().deferral()?;
    deferred
        .take_over(|expression| expression.leaves.is_empty() || (deferred.layout() == x.layout() && x.shape() == shape))
}

impl Expression {
    /// One step on operands whose expressions are `taken` over, or which are in memory.
    fn joined(
        operands: &[&Tensor],
        taken: &[Option<Expression>],
        step: impl FnOnce(SmallVec<[Source; 3]>) -> Step,
    ) -> Expression {
        let mut whole = Expression::default();
        let operand = |(x, taken): (&&Tensor, &Option<Expression>)| match taken {
            Some(expression) => whole.absorb(expression),
            None => whole.leaf(x),
        };
        let sources = operands.iter().zip(taken).map(operand).collect();
        // It reads the results of all others, so it is none of them: the last one.
        whole.steps.push(step(sources));
        whole
    }

    /// Adds a tensor unless it is there.
    fn leaf(&mut self, x: &Tensor) -> Source {
        let is_same = |leaf: &Tensor| {
            std::ptr::eq(leaf.memory(), x.memory()) && leaf.layout() == x.layout() && leaf.dtype() == x.dtype()
        };
        Source::Leaf(self.leaves.iter().position(is_same).unwrap_or_else(|| {
            self.leaves.push(x.clone());
            self.leaves.len() - 1
        }))
    }

    /// Adds a step unless it is there.
    fn step(&mut self, step: Step) -> Source {
        Source::Step(self.steps.iter().position(|other| *other == step).unwrap_or_else(|| {
            self.steps.push(step);
            self.steps.len() - 1
        }))
    }

    /// Adds all of another expression; its result.
    fn absorb(&mut self, other: &Expression) -> Source {
        let leaves: SmallVec<[Source; MOST_LEAVES]> = other.leaves.iter().map(|x| self.leaf(x)).collect();
        let mut results: SmallVec<[Source; MOST_STEPS]> = SmallVec::new();
        for step in &other.steps {
            let moved = |source: &Source| match *source {
                Source::Leaf(i) => leaves[i],
                Source::Step(i) => results[i],
            };
            let operands = step.operands.iter().map(moved).collect();
            results.push(self.step(Step { operands, ..step.clone() }));
        }
        results[results.len() - 1]
    }

    /// The dtype of a step's operand.
    pub(super) fn dtype(&self, source: Source) -> DType {
        match source {
            Source::Leaf(i) => self.leaves[i].dtype(),
            Source::Step(i) => self.steps[i].dtype,
        }
    }

    /// Bytes of the memory that stays alive for this.
    fn kept(&self) -> usize {
        let is_first = |i: usize| self.leaves[..i].iter().all(|x| !std::ptr::eq(x.memory(), self.leaves[i].memory()));
        let first = (0..self.leaves.len()).filter(|&i| is_first(i));
        first.map(|i| self.leaves[i].memory().bytes()).sum()
    }

    /// The file of numbers that the steps need, or that of the first that needs one.
    pub(super) fn numbers(&self) -> Option<Numbers> {
        self.steps.iter().find_map(|step| step.numbers)
    }

    /// Whether one kernel can do this.
    ///
    /// # Errors
    /// If none can, were it one step alone.
    fn check(&self, layout: &Layout) -> Result<bool> {
        let functions = self.steps.iter().filter(|step| !matches!(step.function, Function::Fill(_))).count();
        let is_alike = self.steps.iter().all(|step| step.numbers.is_none_or(|numbers| Some(numbers) == self.numbers()));
        if functions > MOST_STEPS || self.leaves.len() > MOST_LEAVES || !is_alike {
            return Ok(false);
        }
        count_of(layout.numel())?;
        for x in &self.leaves {
            count_of(x.layout().offset)?;
        }
        Ok(fused::has_room(self, layout))
    }
}

/// Kernels count in 32 bits, and with signs.
pub(super) fn count_of(count: usize) -> Result<u32> {
    let fits = u32::try_from(count).ok().filter(|&count| count <= i32::MAX as u32);
    fits.ok_or_else(|| Error::argument("kernel", format!("expected at most {} elements, received {count}", i32::MAX)))
}
