//! From traces to a graph: what stays the same in batches of two and three rows is the model, what grows is the batch.

use ocelli_autograd::ops::view::{Expand, Reshape, SumTo};
use ocelli_autograd::{Op, Trace, TraceStep, TraceValue};
use ocelli_tensor::{Shape, Tensor};

use crate::graph::{Dim, Graph, Id, Kind, Node};
use crate::{Error, Result};

/// The batch size of the first trace; the second has one row more.
pub(crate) const TRACED: usize = 2;

/// The graph of one trace: for the example's own sizes alone.
pub(crate) fn fixed(trace: &Trace) -> Graph {
    build(trace, |_, shape| shape.iter().map(|&size| Dim::fixed(size)).collect())
}

/// The graph of two traces at [`TRACED`] rows and one more.
///
/// # Errors
/// [`Error::NotUniform`] if the traces differ in more than sizes.
pub(crate) fn batched(first: &Trace, second: &Trace) -> Result<Graph> {
    if first.steps.len() != second.steps.len() {
        let (a, b) = (first.steps.len(), second.steps.len());
        return Err(Error::NotUniform(format!("received one that runs {a} operations on a batch and {b} on another")));
    }
    for (index, (a, b)) in first.steps.iter().zip(&second.steps).enumerate() {
        same_step(index, a, b)?;
    }
    if first.outputs.len() != second.outputs.len() {
        return Err(Error::NotUniform("received one that returns another number of outputs".to_string()));
    }
    for (a, b) in first.outputs.iter().zip(&second.outputs) {
        same_value("an output", a, b)?;
    }
    Ok(build(first, |place, shape| {
        let next = match place {
            Place::Input(i) => &second.inputs[i].0,
            Place::Step(i) => &second.steps[i].shape,
            Place::Constant => shape,
        };
        let sizes = shape.iter().zip(&**next);
        sizes.map(|(&size, &next)| Dim::through((TRACED, size), next)).collect()
    }))
}

enum Place {
    Input(usize),
    Step(usize),
    Constant,
}

fn build(trace: &Trace, dims: impl Fn(Place, &Shape) -> Vec<Dim>) -> Graph {
    let mut nodes: Vec<Node> = Vec::new();
    for (i, (shape, dtype)) in trace.inputs.iter().enumerate() {
        let dims = dims(Place::Input(i), shape);
        nodes.push(Node { kind: Kind::Input(i), inputs: Vec::new(), dims, dtype: *dtype });
    }
    let inputs: Vec<Id> = (0..nodes.len()).collect();
    let mut steps: Vec<Id> = Vec::new();
    let id_of = |value: &TraceValue, nodes: &mut Vec<Node>, steps: &[Id]| match value {
        TraceValue::Input(i) => inputs[*i],
        TraceValue::Step(i) => steps[*i],
        TraceValue::Constant(tensor) => {
            let dims = dims(Place::Constant, tensor.shape());
            nodes.push(Node { kind: Kind::Constant(tensor.clone()), inputs: Vec::new(), dims, dtype: tensor.dtype() });
            nodes.len() - 1
        }
    };
    for (i, step) in trace.steps.iter().enumerate() {
        let inputs = step.inputs.iter().map(|input| id_of(input, &mut nodes, &steps)).collect();
        let dims = dims(Place::Step(i), &step.shape);
        nodes.push(Node { kind: Kind::Op(step.op.clone()), inputs, dims, dtype: step.dtype });
        steps.push(nodes.len() - 1);
    }
    let outputs = trace.outputs.iter().map(|output| id_of(output, &mut nodes, &steps)).collect();
    Graph { nodes, inputs, outputs }
}

fn same_step(index: usize, a: &TraceStep, b: &TraceStep) -> Result<()> {
    let name = a.op.name();
    let differs = |what: String| Err(Error::NotUniform(format!("received one whose step {index} ({name}) {what}")));
    if name != b.op.name() || a.inputs.len() != b.inputs.len() || a.dtype != b.dtype {
        return differs(format!("is {} for another batch", b.op.name()));
    }
    if a.shape.rank() != b.shape.rank() {
        return differs(format!("gives shape {} or {}", a.shape, b.shape));
    }
    // Sizes in attributes may grow with the batch where they are those of the result.
    let sized = is_sized(&*a.op) && is_sized(&*b.op);
    let (attributes, others) = (format!("{:?}", a.op), format!("{:?}", b.op));
    if !sized && attributes != others {
        return differs(format!("has attributes that follow the batch: {attributes} and {others}"));
    }
    for (a, b) in a.inputs.iter().zip(&b.inputs) {
        same_value(name, a, b)?;
    }
    Ok(())
}

/// Whether the attributes of an op are the shape of its result and nothing else.
pub(crate) fn is_sized(op: &dyn Op) -> bool {
    let op: &dyn std::any::Any = op;
    op.is::<Reshape>() || op.is::<Expand>() || op.is::<SumTo>()
}

fn same_value(user: &str, a: &TraceValue, b: &TraceValue) -> Result<()> {
    let same = match (a, b) {
        (TraceValue::Input(a), TraceValue::Input(b)) | (TraceValue::Step(a), TraceValue::Step(b)) => a == b,
        (TraceValue::Constant(a), TraceValue::Constant(b)) => return same_constant(user, a, b),
        _ => false,
    };
    if same {
        return Ok(());
    }
    Err(Error::NotUniform(format!("received one in which {user} reads another value for another batch")))
}

fn same_constant(user: &str, a: &Tensor, b: &Tensor) -> Result<()> {
    let differs = |what: &str| {
        Err(Error::NotUniform(format!(
            "received one in which {user} reads a constant whose {what} the batch or the values of the input: what a model \
             computes from `Var::tensor` cannot be traced"
        )))
    };
    if a.shape() != b.shape() || a.dtype() != b.dtype() {
        return differs("shape follows");
    }
    if same_memory(a, b)? || a.ne(b)?.any(..)?.item::<bool>().is_ok_and(|differ| !differ) {
        return Ok(());
    }
    // NaN is not equal to itself; such a weight has the same bits in both.
    let both_nan = a.dtype().is_float() && a.ne(b)?.logical_and(&a.eq(a)?)?.any(..)?.item::<bool>().is_ok_and(|d| !d);
    if both_nan { Ok(()) } else { differs("values follow") }
}

/// Whether two tensors are one: most constants are weights, and those need not be compared.
fn same_memory(a: &Tensor, b: &Tensor) -> Result<bool> {
    let same = |a: &Tensor, b: &Tensor| match (a.as_slice::<f32>(), b.as_slice::<f32>()) {
        (Some(a), Some(b)) => std::ptr::eq(a, b),
        _ => false,
    };
    Ok(same(a, b) || (a.rank() == 2 && same(&a.t()?, &b.t()?)))
}
