//! Tracing: a computation as data, for printing, export and compiling.
//!
//! The graph that [`Var::backward`] walks holds only what gradients need. A trace holds every operation that the inputs take part
//! in, whether something needs a gradient or not.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use ocelli_tensor::{DType, Shape, Tensor};

use crate::node::{Source, next_id};
use crate::record::with_recording;
use crate::{Op, Var};

/// What [`trace`] has recorded: the operations between some inputs and the outputs, in the order in which they ran.
#[derive(Debug, Clone)]
pub struct Trace {
    /// Shape and dtype of each input.
    pub inputs: Vec<(Shape, DType)>,
    /// The operations. Each reads inputs, constants and steps before it.
    pub steps: Vec<TraceStep>,
    /// What the computation returned.
    pub outputs: Vec<TraceValue>,
}

/// An operation of a [`Trace`].
#[derive(Debug, Clone)]
pub struct TraceStep {
    /// The operation with its attributes. As an [`Op`] is [`Any`](std::any::Any), its type can be asked for.
    pub op: Arc<dyn Op>,
    /// What it reads.
    pub inputs: Vec<TraceValue>,
    /// The result's shape.
    pub shape: Shape,
    /// The result's dtype.
    pub dtype: DType,
}

/// Where a value of a [`Trace`] comes from.
#[derive(Debug, Clone)]
pub enum TraceValue {
    /// The input of this number.
    Input(usize),
    /// The result of the step of this number.
    Step(usize),
    /// A value that no input takes part in: a weight, or what was computed from weights alone.
    Constant(Tensor),
}

#[derive(Default)]
struct Tracer {
    steps: Vec<TraceStep>,
    /// The variables of the trace, each known by a number as a leaf is.
    values: HashMap<u64, TraceValue>,
}

impl Tracer {
    fn value(&self, var: &Var) -> TraceValue {
        match self.known(var) {
            Some(value) => value.clone(),
            None => TraceValue::Constant(var.tensor().clone()),
        }
    }

    fn known(&self, var: &Var) -> Option<&TraceValue> {
        match var.source() {
            Some(Source::Leaf(id)) => self.values.get(id),
            _ => None,
        }
    }

    fn add(&mut self, tensor: Tensor, value: TraceValue) -> Var {
        let id = next_id();
        self.values.insert(id, value);
        Var::with_source(tensor, Some(Source::Leaf(id)))
    }
}

thread_local! {
    static TRACER: RefCell<Option<Tracer>> = const { RefCell::new(None) };
}

/// Runs `f` on the inputs and returns every operation that it applied to them or to what came of them, on this thread.
///
/// Operations on constants alone (parameters are constants here) are not steps: their results are. Nothing is recorded for
/// `backward`. What `f` computes from [`Var::tensor`] behind the trace's back is a constant to it.
///
/// ```
/// use ocelli_autograd::ops::math::Math;
/// use ocelli_autograd::{Error, TraceValue, Var, trace};
/// use ocelli_tensor::Tensor;
/// # fn main() -> ocelli_autograd::Result<()> {
/// let w = Var::leaf(Tensor::new([2.0f32])?)?;
/// let traced = trace(&[Tensor::new([1.0f32, -1.0])?], |x| Ok::<_, Error>(vec![x[0].mul(&w.square()?)?.relu()?]))?;
/// assert_eq!(traced.steps.len(), 2); // w² is a constant
/// assert!(matches!(&traced.steps[0].inputs[1], TraceValue::Constant(w) if w.to_vec::<f32>()? == [4.0]));
/// let op: &dyn std::any::Any = &*traced.steps[1].op;
/// assert!(op.downcast_ref::<Math>().is_some());
/// assert!(matches!(traced.outputs[..], [TraceValue::Step(1)]));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Those of `f`.
pub fn trace<E>(inputs: &[Tensor], f: impl FnOnce(&[Var]) -> Result<Vec<Var>, E>) -> Result<Trace, E> {
    /// Puts back what was traced before, even after a panic.
    struct Restore(Option<Tracer>);
    impl Drop for Restore {
        fn drop(&mut self) {
            TRACER.set(self.0.take());
        }
    }
    let mut tracer = Tracer::default();
    let vars: Vec<Var> =
        inputs.iter().enumerate().map(|(i, input)| tracer.add(input.clone(), TraceValue::Input(i))).collect();
    let _restore = Restore(TRACER.replace(Some(tracer)));
    let outputs = with_recording(false, || f(&vars))?;
    let tracer = TRACER.take().unwrap_or_default();
    Ok(Trace {
        inputs: inputs.iter().map(|input| (input.shape().clone(), input.dtype())).collect(),
        outputs: outputs.iter().map(|output| tracer.value(output)).collect(),
        steps: tracer.steps,
    })
}

/// The result of an operation that is not recorded for `backward`: a constant, or a step of the trace that is being made.
pub(crate) fn unrecorded(op: impl Op, inputs: &[&Var], output: Tensor) -> Var {
    TRACER.with_borrow_mut(|tracer| match tracer {
        Some(tracer) if inputs.iter().any(|input| tracer.known(input).is_some()) => {
            let inputs = inputs.iter().map(|input| tracer.value(input)).collect();
            let (shape, dtype) = (output.shape().clone(), output.dtype());
            tracer.steps.push(TraceStep { op: Arc::new(op), inputs, shape, dtype });
            let step = tracer.steps.len() - 1;
            tracer.add(output, TraceValue::Step(step))
        }
        _ => Var::constant(output),
    })
}

/// Whether a variable belongs to the trace that is being made.
pub(crate) fn is_traced(var: &Var) -> bool {
    TRACER.with_borrow(|tracer| tracer.as_ref().is_some_and(|tracer| tracer.known(var).is_some()))
}

#[cfg(test)]
mod tests {
    use ocelli_tensor::Tensor;

    use super::*;
    use crate::{Result, no_grad};

    fn traced(f: impl FnOnce(&Var) -> Result<Var>) -> Trace {
        let x = Tensor::new([[1.0f32, 2.0], [3.0, 4.0]]).unwrap();
        trace(&[x], |x| Ok::<_, crate::Error>(vec![f(&x[0])?])).unwrap()
    }

    fn names(trace: &Trace) -> Vec<&'static str> {
        trace.steps.iter().map(|step| step.op.name()).collect()
    }

    #[test]
    fn what_hides_from_gradients_is_traced() {
        let trace = traced(|x| no_grad(|| x.exp())?.detach().max_with_indices(1).map(|(values, _)| values)?.add(x));
        assert_eq!(names(&trace), ["exp", "max_with_indices", "add"]);
        assert!(matches!(trace.steps[2].inputs[..], [TraceValue::Step(1), TraceValue::Input(0)]));
    }

    #[test]
    fn indices_can_be_inputs_and_results_leave_the_trace() {
        let indices = Tensor::new([1i64, 0]).unwrap();
        let mut kept = None;
        let table = Var::leaf(Tensor::new([[1.0f32], [2.0]]).unwrap()).unwrap();
        let trace = trace(&[indices], |x| {
            let y = table.index_select(0, x[0].tensor());
            assert!(y.is_ok());
            let y = x[0].to_dtype(ocelli_tensor::DType::F32)?;
            kept = Some(y.clone());
            Ok::<_, crate::Error>(vec![y, x[0].clone(), table.clone()])
        })
        .unwrap();
        assert!(matches!(trace.outputs[..], [TraceValue::Step(0), TraceValue::Input(0), TraceValue::Constant(_)]));
        // Outside it is a variable like any other.
        let y = kept.unwrap();
        let gradients = y.mul(&table).unwrap().sum(..).unwrap().backward().unwrap();
        assert_eq!(gradients.get(&table).unwrap().to_vec::<f32>().unwrap(), [1.0, 1.0]);
    }

    #[test]
    fn nothing_is_traced_afterwards() {
        let failed = trace(&[Tensor::new(1.0f32).unwrap()], |x| Err::<Vec<Var>, _>(x[0].reshape([7]).unwrap_err()));
        assert!(failed.is_err());
        assert!(TRACER.with_borrow(Option::is_none));
        let inner = traced(|x| {
            assert_eq!(names(&traced(|y| y.add(x))), ["add"]);
            x.neg()
        });
        assert_eq!(names(&inner), ["neg"]);
    }
}
