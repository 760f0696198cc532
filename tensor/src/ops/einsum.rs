//! Sums of products in Einstein's notation.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use crate::layout::Layout;
use crate::{Error, Result, Shape, Tensor};

const OP: &str = "einsum";

/// The name of an axis: a letter, or one of the axes that `...` stands for, counted from the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// An axis under an ellipsis; 0 is the last. Such axes broadcast from the back.
    Ellipsis(usize),
    /// An axis with a letter.
    Letter(char),
}

/// What an einsum does: the labels of every operand's axes and of the result's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EinsumSpec {
    /// For each operand the labels of its axes.
    pub inputs: Vec<Vec<Label>>,
    /// The labels of the result's axes.
    pub output: Vec<Label>,
}

impl EinsumSpec {
    /// Reads a specification such as `"bij,bjk->bik"` for operands of these ranks; see [`Tensor::einsum`].
    ///
    /// # Errors
    /// [`Error::Argument`] if it cannot be read or does not fit the ranks.
    pub fn parse(spec: &str, ranks: &[usize]) -> Result<EinsumSpec> {
        let fail = |message: String| Err(Error::argument(OP, format!("{message} in {spec:?}")));
        let (left, right) = match spec.split_once("->") {
            Some((left, right)) => (left, Some(right)),
            None => (spec, None),
        };
        let terms: Vec<&str> = left.split(',').collect();
        if terms.len() != ranks.len() {
            return fail(format!("expected labels for {} operands, received those of {}", ranks.len(), terms.len()));
        }
        let mut inputs = Vec::with_capacity(terms.len());
        let mut under = 0;
        for (term, &rank) in terms.iter().zip(ranks) {
            let (before, after) = match letters(spec, term)? {
                (before, None) if before.len() == rank => (before, None),
                (before, Some(after)) if before.len() + after.len() <= rank => (before, Some(after)),
                _ => {
                    return fail(format!("expected labels for an operand of rank {rank}, received {:?}", term.trim()));
                }
            };
            let mut labels = before;
            if let Some(after) = after {
                let count = rank - labels.len() - after.len();
                under = under.max(count);
                labels.extend((0..count).rev().map(Label::Ellipsis));
                labels.extend(after);
            }
            inputs.push(labels);
        }
        let hidden = (0..under).rev().map(Label::Ellipsis);
        let output = match right {
            Some(term) => {
                let (mut output, after) = letters(spec, term)?;
                if let Some(after) = after {
                    output.extend(hidden);
                    output.extend(after);
                }
                output
            }
            None => {
                let mut counts = BTreeMap::new();
                for label in inputs.iter().flatten() {
                    *counts.entry(*label).or_insert(0usize) += 1;
                }
                let once =
                    |(label, count): (Label, usize)| (count == 1 && matches!(label, Label::Letter(_))).then_some(label);
                hidden.chain(counts.into_iter().filter_map(once)).collect()
            }
        };
        for (i, label) in output.iter().enumerate() {
            if output[..i].contains(label) {
                return fail(format!("expected every label once in the result, received {label} twice"));
            }
            if !inputs.iter().any(|input| input.contains(label)) {
                return fail(format!("expected the result's labels among the operands', received {label}"));
            }
        }
        Ok(EinsumSpec { inputs, output })
    }

    /// The size of every label for operands of these shapes; an axis of size 1 broadcasts.
    ///
    /// # Errors
    /// [`Error::Shape`] if a label stands for two sizes.
    pub fn sizes(&self, shapes: &[&Shape]) -> Result<BTreeMap<Label, usize>> {
        let mut sizes = BTreeMap::new();
        for (labels, shape) in self.inputs.iter().zip(shapes) {
            for (&label, &size) in labels.iter().zip(shape.iter()) {
                let known = sizes.entry(label).or_insert(size);
                if *known == 1 {
                    *known = size;
                } else if size != 1 && size != *known {
                    return Err(Error::shape(OP, format!("size {known} for every axis {label}"), shape));
                }
            }
        }
        Ok(sizes)
    }
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Label::Letter(letter) => write!(f, "{letter}"),
            Label::Ellipsis(_) => f.write_str("..."),
        }
    }
}

/// The letters before and, if there is one, after the ellipsis.
fn letters(spec: &str, term: &str) -> Result<(Vec<Label>, Option<Vec<Label>>)> {
    let read = |part: &str| {
        let mut labels = Vec::new();
        for letter in part.chars().filter(|c| !c.is_whitespace()) {
            if !letter.is_ascii_alphabetic() {
                let message = format!("expected letters, \",\", \"...\" and \"->\", received {letter:?} in {spec:?}");
                return Err(Error::argument(OP, message));
            }
            labels.push(Label::Letter(letter));
        }
        Ok(labels)
    };
    match term.split_once("...") {
        None => Ok((read(term)?, None)),
        Some((before, after)) => Ok((read(before)?, Some(read(after)?))),
    }
}

impl Tensor {
    /// The sum of products that `spec` describes in Einstein's notation, with NumPy's and PyTorch's rules.
    ///
    /// Every operand's axes are named by letters; axes of one name run together. What the part after `->` does not name is
    /// summed over; without `->` the result has the letters that occur once, in alphabetical order. A letter twice in one operand
    /// takes the diagonal. `...` stands for any axes, which broadcast. Operands are contracted from left to right, each pair by
    /// a matrix product.
    ///
    /// ```
    /// use ocelli_tensor::{DType, Tensor};
    ///
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// // Attention scores: [batch, time, heads, features] twice.
    /// let (q, k) = (Tensor::ones([2, 5, 4, 8], DType::F32)?, Tensor::ones([2, 7, 4, 8], DType::F32)?);
    /// let scores = Tensor::einsum("bthd,bshd->bhts", &[&q, &k])?;
    /// assert_eq!(scores.shape()[..], [2, 4, 5, 7]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`] for a specification that cannot be read or does not fit the operands' ranks, [`Error::Shape`] if a
    /// letter stands for two sizes; otherwise as [`Tensor::matmul`].
    pub fn einsum(spec: &str, operands: &[&Tensor]) -> Result<Tensor> {
        let ranks: Vec<usize> = operands.iter().map(|x| x.rank()).collect();
        Tensor::einsum_of(&EinsumSpec::parse(spec, &ranks)?, operands)
    }

    /// As [`Tensor::einsum`], by a specification that is already taken apart.
    ///
    /// # Errors
    /// As [`Tensor::einsum`].
    pub fn einsum_of(spec: &EinsumSpec, operands: &[&Tensor]) -> Result<Tensor> {
        let fits = spec.inputs.len() == operands.len()
            && spec.inputs.iter().zip(operands).all(|(labels, x)| labels.len() == x.rank());
        if !fits || operands.is_empty() {
            let message =
                format!("expected operands for {} lists of labels, received {}", spec.inputs.len(), operands.len());
            return Err(Error::argument(OP, message));
        }
        for (i, label) in spec.output.iter().enumerate() {
            if spec.output[..i].contains(label) || !spec.inputs.iter().any(|labels| labels.contains(label)) {
                let message = format!("expected the result's labels once and among the operands', received {label}");
                return Err(Error::argument(OP, message));
            }
        }
        let shapes: Vec<&Shape> = operands.iter().map(|x| x.shape()).collect();
        let sizes = spec.sizes(&shapes)?;
        for operand in &operands[1..] {
            operands[0].require_same_device(OP, operand)?;
            operands[0].require_same_dtype(OP, operand)?;
        }
        let mut terms = operands.iter().zip(&spec.inputs).map(|(x, labels)| Term::new(x, labels));
        let Some(mut result) = terms.next() else {
            return Err(Error::argument(OP, "expected at least one operand, received none"));
        };
        for (i, next) in terms.enumerate() {
            let needed = |label: &Label| {
                spec.output.contains(label) || spec.inputs[i + 2..].iter().any(|labels| labels.contains(label))
            };
            result = result.contract(next, &needed, &sizes)?;
        }
        let result = result.summed(&|label| spec.output.contains(label))?;
        result.aligned(&spec.output)?.tensor.expand(spec.output.iter().map(|label| sizes[label]).collect::<Shape>())
    }
}

/// A tensor whose axes have labels, each its own.
struct Term {
    tensor: Tensor,
    labels: SmallVec<[Label; 6]>,
}

impl Term {
    /// Takes the diagonal of labels that are repeated: the strides of their axes add up.
    fn new(x: &Tensor, labels: &[Label]) -> Term {
        let layout = x.layout();
        let mut own: SmallVec<[Label; 6]> = SmallVec::new();
        let mut sizes: SmallVec<[usize; 6]> = SmallVec::new();
        let mut strides = SmallVec::new();
        for (axis, label) in labels.iter().enumerate() {
            let (size, stride) = (layout.shape[axis], layout.strides[axis]);
            match own.iter().position(|other| other == label) {
                // A size of 1 beside a larger one stays where it is.
                Some(first) if size != 1 && sizes[first] != 1 => strides[first] += stride,
                Some(first) if size != 1 => (sizes[first], strides[first]) = (size, stride),
                Some(_) => {}
                None => {
                    own.push(*label);
                    sizes.push(size);
                    strides.push(stride);
                }
            }
        }
        let layout = Layout { shape: Shape::from(&sizes[..]), strides, offset: layout.offset };
        Term { tensor: x.with_layout(layout), labels: own }
    }

    fn size(&self, label: &Label) -> usize {
        self.labels.iter().position(|own| own == label).map_or(1, |axis| self.tensor.shape()[axis])
    }

    /// The same with these axes, in this order; those that it has not are of size 1. All that it has are among them.
    fn aligned(&self, labels: &[Label]) -> Result<Term> {
        let order: Vec<usize> =
            labels.iter().filter_map(|label| self.labels.iter().position(|own| own == label)).collect();
        let mut tensor = self.tensor.permute(&order[..])?;
        for (axis, label) in labels.iter().enumerate() {
            if !self.labels.contains(label) {
                tensor = tensor.unsqueeze(axis as isize)?;
            }
        }
        Ok(Term { tensor, labels: labels.into() })
    }

    /// The sum over the axes that are not needed: the product with a vector of ones.
    fn summed(self, needed: &dyn Fn(&Label) -> bool) -> Result<Term> {
        let (stay, leave): (SmallVec<[Label; 6]>, SmallVec<[Label; 6]>) =
            self.labels.iter().copied().partition(|label| needed(label));
        if leave.is_empty() {
            return Ok(self);
        }
        let order: Vec<Label> = stay.iter().chain(&leave).copied().collect();
        let aligned = self.aligned(&order)?.tensor;
        let kept = Shape::from(&aligned.shape()[..stay.len()]);
        let count: usize = aligned.shape()[stay.len()..].iter().product();
        let ones = Tensor::full_on(aligned.device(), [count], 1, aligned.dtype())?;
        let tensor = aligned.reshape([kept.numel(), count])?.matmul(&ones)?.reshape(&kept)?;
        Ok(Term { tensor, labels: stay })
    }

    /// The product with another term, summed over the axes that nobody needs any more.
    fn contract(self, other: Term, needed: &dyn Fn(&Label) -> bool, sizes: &BTreeMap<Label, usize>) -> Result<Term> {
        let a = self.summed(&|label| needed(label) || other.labels.contains(label))?;
        let b = other.summed(&|label| needed(label) || a.labels.contains(label))?;
        let of = |own: &Term, other: &Term, shared: bool, need: bool| -> Vec<Label> {
            let is = |label: &&Label| other.labels.contains(label) == shared && needed(label) == need;
            own.labels.iter().filter(is).copied().collect()
        };
        let (batch, inner) = (of(&a, &b, true, true), of(&a, &b, true, false));
        let (left, right) = (of(&a, &b, false, true), of(&b, &a, false, true));
        let labels: SmallVec<[Label; 6]> = batch.iter().chain(&left).chain(&right).copied().collect();
        if inner.is_empty() {
            let tensor = a.aligned(&labels)?.tensor.mul(&b.aligned(&labels)?.tensor)?;
            return Ok(Term { tensor, labels });
        }
        // Both as [batch, m, k] and [batch, k, n], the axes that they share having their full size.
        let matrix = |term: &Term, parts: [&[Label]; 3]| -> Result<(Tensor, Shape)> {
            let order = parts.concat();
            let full: Shape = order
                .iter()
                .map(|label| {
                    if batch.contains(label) || inner.contains(label) {
                        a.size(label).max(b.size(label)).min(sizes[label])
                    } else {
                        term.size(label)
                    }
                })
                .collect();
            let tensor = term.aligned(&order)?.tensor.expand(full.clone())?;
            let mut start = 0;
            let merged = parts.map(|part| {
                start += part.len();
                full[start - part.len()..start].iter().product::<usize>()
            });
            Ok((tensor.reshape(merged)?, full))
        };
        let (x, x_sizes) = matrix(&a, [&batch, &left, &inner])?;
        let (y, y_sizes) = matrix(&b, [&batch, &inner, &right])?;
        let shape: Shape =
            x_sizes[..batch.len() + left.len()].iter().chain(&y_sizes[batch.len() + inner.len()..]).copied().collect();
        let tensor = x.matmul(&y)?.reshape(&shape)?;
        Ok(Term { tensor, labels })
    }
}
