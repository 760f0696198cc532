//! The plan: what a user compiles and runs.

use std::sync::{Arc, Mutex, PoisonError};

use ocelli_autograd::{Trace, Var, trace};
use ocelli_nn::{Layer, Mode, Module, Visitor};
use ocelli_tensor::{DType, Device, Tensor};

use crate::capture::{self, TRACED};
use crate::graph::{Dim, Graph, Kind, display};
use crate::passes;
use crate::program::{Packed, Program};
use crate::report::Report;
use crate::{Error, Result};

/// A model compiled for inference: what its `forward` does in evaluation, as a list of steps over planned memory.
///
/// Compiling runs the model twice, with batches of two and three rows of the example, and records every operation. Batch norms are
/// folded into the layers before them, activations and residual sums are done where those layers write, weights are packed in the
/// order that the kernels read, concatenated branches write into their slices, and all values share one arena. A run makes no
/// graph, and its steps on slices of the arena allocate nothing.
///
/// The numbers are those of `forward` up to rounding: sums are made in other orders. A plan has the weights of the moment in
/// which it was compiled.
///
/// A plan runs batches of any size, and from many threads at once. An operation without a step of its own (one of the user's, for
/// instance) runs through its [`forward`](ocelli_autograd::Op::forward), which allocates as it does elsewhere; [`Plan::report`]
/// marks these steps.
///
/// ```
/// use ocelli_infer::Plan;
/// use ocelli_nn::{BatchNorm2d, Conv2d, Flatten, Layer, Linear, MaxPool2d, Module, ReLU, Sequential};
/// use ocelli_tensor::{DType, Generator, Tensor};
///
/// # fn main() -> ocelli_infer::Result<()> {
/// let mut generator = Generator::new(0);
/// let model = Sequential::new()
///     .add(Conv2d::builder(3, 8, 3).padding(1).bias(false).build(&mut generator)?)
///     .add(BatchNorm2d::new(8)?)
///     .add(ReLU)
///     .add(MaxPool2d::new(2))
///     .add(Flatten::new())
///     .add(Linear::new(8 * 16 * 16, 10, &mut generator)?);
///
/// let example = Tensor::rand([1, 3, 32, 32], DType::F32, &mut generator)?;
/// let plan = Plan::compile(&model, &example)?;
///
/// let pictures = Tensor::rand([5, 3, 32, 32], DType::F32, &mut generator)?;
/// let logits = plan.run(&[pictures.clone()])?.remove(0);
/// model.eval();
/// let expected = model.forward(&pictures.into())?;
/// let difference = logits.sub(expected.tensor())?.abs()?.max(..)?.item::<f32>()?;
/// assert!(difference < 1e-5);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Plan {
    graph: Graph,
    packed: Vec<Option<Arc<Packed>>>,
    examples: Vec<Tensor>,
    batched: bool,
    /// The latest batch sizes, the last used first.
    programs: Mutex<Vec<(usize, Arc<Program>)>>,
}

/// Batch sizes that a plan remembers.
const REMEMBERED: usize = 8;

impl Plan {
    /// Compiles a model of one input and one output, for batches of any size. Each row of `example` (along its first axis)
    /// is a sample; shape and dtype count, the numbers do not. The model is traced in evaluation, and left in the mode it was in.
    ///
    /// # Errors
    /// [`Error::Model`] if the model refuses the example, [`Error::NotUniform`] if what it does depends on the batch size or on
    /// values in ways that a trace cannot see (such as [`Var::tensor`]), [`Error::Example`] if the example has no rows.
    pub fn compile(model: &(impl Layer + ?Sized), example: &Tensor) -> Result<Plan> {
        let _evaluating = Evaluating::new(model);
        Plan::compile_with(std::slice::from_ref(example), |x| Ok(vec![model.forward(&x[0])?]))
    }

    /// As [`Plan::compile`] for batches of the example's size only: for a model that [`Plan::compile`] says is not uniform.
    ///
    /// # Errors
    /// [`Error::Model`] if the model refuses the example.
    pub fn compile_fixed(model: &(impl Layer + ?Sized), example: &Tensor) -> Result<Plan> {
        let _evaluating = Evaluating::new(model);
        Plan::compile_fixed_with(std::slice::from_ref(example), |x| Ok(vec![model.forward(&x[0])?]))
    }

    /// As [`Plan::compile`] for any computation of several inputs and outputs. Call [`Module::eval`] first if layers of two
    /// modes take part. The first axis of every input is the batch.
    ///
    /// ```
    /// use ocelli_infer::Plan;
    /// use ocelli_tensor::{DType, Device, Tensor};
    /// # fn main() -> ocelli_infer::Result<()> {
    /// let examples = [Tensor::zeros([1, 3], DType::F32)?, Tensor::zeros([1, 3], DType::F32)?];
    /// let plan = Plan::compile_with(&examples, |x| Ok(vec![x[0].add(&x[1])?.relu()?, x[0].mul(2.0)?]))?;
    /// let (a, b) = (Tensor::new([[1.0f32, 2.0, 3.0]])?, Tensor::new([[1.0f32, -5.0, 0.5]])?);
    /// let outputs = plan.run(&[a, b])?;
    /// assert_eq!(outputs[0].to_vec::<f32>()?, [2.0, 0.0, 3.5]);
    /// assert_eq!(outputs[1].to_vec::<f32>()?, [2.0, 4.0, 6.0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Plan::compile`].
    pub fn compile_with(examples: &[Tensor], model: impl Fn(&[Var]) -> ocelli_nn::Result<Vec<Var>>) -> Result<Plan> {
        require_cpu(examples)?;
        let first = trace(&rows(examples, TRACED, false)?, &model)?;
        // Other values too, so that a constant which follows them is found out.
        let second = trace(&rows(examples, TRACED + 1, true)?, &model)?;
        let graph = capture::batched(&first, &second)?;
        drop((first, second));
        Plan::of(graph, examples, true)
    }

    /// As [`Plan::compile_with`] for the examples' sizes only.
    ///
    /// # Errors
    /// [`Error::Model`] if the computation fails.
    pub fn compile_fixed_with(
        examples: &[Tensor],
        model: impl FnOnce(&[Var]) -> ocelli_nn::Result<Vec<Var>>,
    ) -> Result<Plan> {
        require_cpu(examples)?;
        let trace: Trace = trace(examples, model)?;
        Plan::of(capture::fixed(&trace), examples, false)
    }

    fn of(mut graph: Graph, examples: &[Tensor], batched: bool) -> Result<Plan> {
        passes::run(&mut graph)?;
        let packed = Packed::all(&graph)?;
        // The packed weights are enough; of the others only the shapes are read from here on.
        let shape_of = |weight: &mut Tensor| -> Result<()> {
            *weight = Tensor::zeros((), DType::F32)?.expand(weight.shape())?;
            Ok(())
        };
        for node in &mut graph.nodes {
            match &mut node.kind {
                Kind::Conv(layer) => shape_of(&mut layer.weight)?,
                Kind::Linear(layer) => shape_of(&mut layer.weight)?,
                _ => {}
            }
        }
        let plan = Plan { graph, packed, examples: examples.to_vec(), batched, programs: Mutex::default() };
        // What cannot be laid out is refused now, not in the first run.
        plan.program(plan.batch_size(examples)?)?;
        Ok(plan)
    }

    /// Runs the plan. The inputs have the examples' shapes, but for the batch, and dtypes; any strides are taken.
    ///
    /// # Errors
    /// [`Error::Count`], [`Error::InputShape`], [`Error::InputDType`] for inputs that the plan was not compiled for.
    pub fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let program = self.program(self.batch_size(inputs)?)?;
        program.run(inputs, |workspace| program.outputs(inputs, workspace))
    }

    /// Runs the plan and writes the elements of each output in logical (row-major) order. It allocates nothing once it has
    /// run for a batch size, unless inputs have odd strides or a step is one that allocates (see [`Plan::report`]).
    ///
    /// ```
    /// use ocelli_infer::Plan;
    /// use ocelli_nn::{Linear, Module};
    /// use ocelli_tensor::{DType, Generator, Tensor};
    /// # fn main() -> ocelli_infer::Result<()> {
    /// let model = Linear::new(4, 3, &mut Generator::new(0))?;
    /// let plan = Plan::compile(&model, &Tensor::zeros([1, 4], DType::F32)?)?;
    /// let mut logits = [0.0; 2 * 3];
    /// plan.run_into(&[Tensor::ones([2, 4], DType::F32)?], &mut [&mut logits])?;
    /// assert_eq!(logits[..3], logits[3..]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Plan::run`]; [`Error::Count`] and [`Error::OutputLength`] for slices that do not fit, [`Error::OutputDType`] unless
    /// all outputs are `f32`.
    pub fn run_into(&self, inputs: &[Tensor], outputs: &mut [&mut [f32]]) -> Result<()> {
        let expected = self.graph.outputs.len();
        if outputs.len() != expected {
            return Err(Error::Count { what: "outputs", expected, received: outputs.len() });
        }
        let program = self.program(self.batch_size(inputs)?)?;
        program.run(inputs, |workspace| program.write_outputs(inputs, workspace, outputs))
    }

    /// Runs the examples several times and tells what each step takes.
    ///
    /// # Errors
    /// As [`Plan::run`].
    pub fn report(&self) -> Result<Report> {
        self.report_for(&self.examples)
    }

    /// As [`Plan::report`] for other inputs.
    ///
    /// # Errors
    /// As [`Plan::run`].
    pub fn report_for(&self, inputs: &[Tensor]) -> Result<Report> {
        let program = self.program(self.batch_size(inputs)?)?;
        Report::measure(&program, inputs)
    }

    /// The batch size of inputs that fit.
    fn batch_size(&self, inputs: &[Tensor]) -> Result<usize> {
        let ids = &self.graph.inputs;
        if inputs.len() != ids.len() {
            return Err(Error::Count { what: "inputs", expected: ids.len(), received: inputs.len() });
        }
        require_cpu(inputs)?;
        let batch = match inputs.first() {
            Some(first) if self.batched => first.shape().first().copied().unwrap_or(1),
            _ => 1,
        };
        for (i, (input, &id)) in inputs.iter().zip(ids).enumerate() {
            let node = &self.graph.nodes[id];
            let fits = |(dim, &size): (&Dim, &usize)| dim.at(batch).is_ok_and(|expected| expected == size);
            if input.rank() != node.dims.len() || !node.dims.iter().zip(input.shape().iter()).all(fits) {
                let (expected, received) = (display(&node.dims), input.shape().clone());
                return Err(Error::InputShape { input: i, expected, received });
            }
            if input.dtype() != node.dtype {
                return Err(Error::InputDType { input: i, expected: node.dtype, received: input.dtype() });
            }
        }
        Ok(batch)
    }

    /// The steps for a batch size: those of before, or new ones.
    fn program(&self, batch: usize) -> Result<Arc<Program>> {
        let known = || self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        let find = |programs: &mut Vec<(usize, Arc<Program>)>| {
            let at = programs.iter().position(|(size, _)| *size == batch)?;
            programs[..=at].rotate_right(1);
            Some(Arc::clone(&programs[0].1))
        };
        if let Some(program) = find(&mut known()) {
            return Ok(program);
        }
        let program = Arc::new(Program::build(&self.graph, &self.packed, batch)?);
        let mut programs = known();
        // Another thread may have built the same meanwhile.
        if let Some(program) = find(&mut programs) {
            return Ok(program);
        }
        programs.truncate(REMEMBERED - 1);
        programs.insert(0, (batch, Arc::clone(&program)));
        Ok(program)
    }
}

/// Batches of so many rows made of the examples' own; with `moved`, with their elements in other places.
fn rows(examples: &[Tensor], count: usize, moved: bool) -> Result<Vec<Tensor>> {
    let batch = |example: &Tensor| {
        if example.shape().first().is_none_or(|&rows| rows == 0) {
            return Err(Error::Example(format!("one of shape {}", example.shape())));
        }
        let batch = Tensor::concat(&vec![example; count], 0)?.narrow(0, 0, count)?;
        Ok(if moved { batch.roll(&[1], &[-1])? } else { batch })
    };
    examples.iter().map(batch).collect()
}

/// Switches a model to evaluation for as long as this lives, then every layer back to the mode it was in.
struct Evaluating<'a, M: Layer + ?Sized> {
    model: &'a M,
    modes: Vec<bool>,
}

impl<'a, M: Layer + ?Sized> Evaluating<'a, M> {
    fn new(model: &'a M) -> Self {
        struct Modes(Vec<bool>);
        impl Visitor for Modes {
            fn mode(&mut self, mode: &Mode) {
                self.0.push(mode.is_training());
                mode.set_training(false);
            }
        }
        let mut modes = Modes(Vec::new());
        model.visit(&mut modes);
        Evaluating { model, modes: modes.0 }
    }
}

impl<M: Layer + ?Sized> Drop for Evaluating<'_, M> {
    fn drop(&mut self) {
        struct Restore<'a>(std::slice::Iter<'a, bool>);
        impl Visitor for Restore<'_> {
            fn mode(&mut self, mode: &Mode) {
                if let Some(training) = self.0.next() {
                    mode.set_training(*training);
                }
            }
        }
        Module::visit(self.model, &mut Restore(self.modes.iter()));
    }
}

/// `Err` unless all are on the CPU, where plans run.
fn require_cpu(tensors: &[Tensor]) -> Result<()> {
    match tensors.iter().map(Tensor::device).find(|&device| device != Device::Cpu) {
        None => Ok(()),
        Some(rhs) => Err(ocelli_tensor::Error::Device { op: "plan", lhs: Device::Cpu, rhs }.into()),
    }
}
