//! Sums of products in Einstein's notation.

use ocelli_tensor::{EinsumSpec, Label, Shape, Tensor};

use crate::{Keeps, NodeView, Op, Result, Var};

/// A sum of products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Einsum {
    /// The labels of the operands' and the result's axes.
    pub spec: EinsumSpec,
}

impl Op for Einsum {
    fn name(&self) -> &'static str {
        "einsum"
    }

    fn forward(&self, x: &[&Tensor]) -> Result<Tensor> {
        Ok(Tensor::einsum_of(&self.spec, x)?)
    }

    fn keeps(&self) -> Keeps {
        Keeps::inputs()
    }

    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> Result<Vec<Option<Var>>> {
        (0..node.len()).map(|i| if node.needs(i) { self.gradient(node, dy, i).map(Some) } else { Ok(None) }).collect()
    }
}

impl Einsum {
    /// The gradient of one operand: the sum of products of `dy` and the other operands over all labels but its own.
    fn gradient(&self, node: &NodeView<'_>, dy: &Var, which: usize) -> Result<Var> {
        let (labels, shape) = (&self.spec.inputs[which], node.shape(which));
        let mut inputs = vec![self.spec.output.clone()];
        let mut operands = vec![dy.clone()];
        for i in (0..node.len()).filter(|&i| i != which) {
            inputs.push(self.spec.inputs[i].clone());
            operands.push(node.input(i)?);
        }
        // The operand's own size of a label: 1 if it was broadcast.
        let size = |label: &Label| {
            let of_label = labels.iter().zip(shape.iter()).filter(|(own, _)| *own == label);
            of_label.map(|(_, &size)| size).max().unwrap_or(1)
        };
        let mut own: Vec<Label> = Vec::new();
        for label in labels {
            if !own.contains(label) {
                own.push(*label);
            }
        }
        // What nobody else has cannot be summed to: it is repeated afterwards. What was broadcast is summed over.
        let output: Vec<Label> = own
            .iter()
            .filter(|label| size(label) != 1 && inputs.iter().any(|input| input.contains(label)))
            .copied()
            .collect();
        let spec = EinsumSpec { inputs, output: output.clone() };
        let operands: Vec<&Var> = operands.iter().collect();
        let mut gradient = Einsum { spec }.apply(&operands)?;
        for (axis, label) in own.iter().enumerate() {
            if !output.contains(label) {
                gradient = gradient.unsqueeze(axis as isize)?;
            }
        }
        let gradient = gradient.expand(own.iter().map(size).collect::<Shape>())?;
        on_diagonals(gradient, labels, &own, shape)
    }
}

/// Puts a tensor with the labels `own` where repeated labels had taken their diagonals from: zeros elsewhere.
fn on_diagonals(mut x: Var, labels: &[Label], own: &[Label], shape: &Shape) -> Result<Var> {
    if labels.len() == own.len() {
        return Ok(x);
    }
    // Axes in the place of first occurrences, and of size 1 elsewhere.
    let first = |label: &Label| labels.iter().position(|other| other == label).unwrap_or_default();
    let mut sizes = vec![1; labels.len()];
    for (label, &size) in own.iter().zip(x.shape().iter()) {
        sizes[first(label)] = size;
    }
    x = x.reshape(&sizes[..])?;
    for (axis, label) in labels.iter().enumerate() {
        let (from, size) = (first(label), shape[axis]);
        if from == axis || size == 1 {
            continue;
        }
        let mut sizes = vec![1; labels.len()];
        (sizes[from], sizes[axis]) = (size, size);
        x = x.mul(&Tensor::eye(size, size, x.dtype())?.to_device(x.device())?.reshape(&sizes[..])?)?;
    }
    Ok(x)
}

impl Var {
    /// See [`Tensor::einsum`]; differentiable.
    ///
    /// # Errors
    /// As there.
    pub fn einsum(spec: &str, operands: &[&Var]) -> Result<Var> {
        let ranks: Vec<usize> = operands.iter().map(|x| x.rank()).collect();
        Einsum { spec: EinsumSpec::parse(spec, &ranks)? }.apply(operands)
    }
}
