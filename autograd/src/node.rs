//! The recorded graph: a node for each operation, edges to where its inputs came from.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ocelli_tensor::{DType, Shape, Tensor};

use crate::{Error, Op, Result, Var};

/// Counts nodes and leaves; a node's number is above those of all it was computed from.
static NEXT_ID: AtomicU64 = AtomicU64::new(0);

pub(crate) fn next_id() -> u64 {
    NEXT_ID.fetch_add(1, Ordering::Relaxed)
}

/// Where a value that needs a gradient came from.
#[derive(Clone)]
pub(crate) enum Source {
    /// A variable of the user's, known by this number.
    Leaf(u64),
    /// The result of a recorded operation.
    Node(Arc<Node>),
}

impl Source {
    pub(crate) fn id(&self) -> u64 {
        match self {
            Source::Leaf(id) => *id,
            Source::Node(node) => node.id,
        }
    }
}

/// A recorded operation.
pub(crate) struct Node {
    pub(crate) id: u64,
    pub(crate) op: Box<dyn Op>,
    /// Where each input came from; `None`: a constant.
    pub(crate) edges: Vec<Option<Source>>,
    inputs: Vec<(Shape, DType)>,
    /// What `backward` reads; taken away when it has passed.
    values: Mutex<Option<Values>>,
}

struct Values {
    inputs: Vec<Option<Tensor>>,
    output: Option<Tensor>,
    saved: Vec<Tensor>,
}

impl Node {
    pub(crate) fn record(op: Box<dyn Op>, inputs: &[&Var], output: Tensor, saved: Vec<Tensor>) -> Var {
        let keeps = op.keeps();
        let values = Values {
            inputs: inputs
                .iter()
                .enumerate()
                .map(|(i, input)| keeps.keeps_input(i).then(|| input.tensor().clone()))
                .collect(),
            output: keeps.keeps_output().then(|| output.clone()),
            saved,
        };
        let node = Node {
            id: next_id(),
            op,
            edges: inputs.iter().map(|input| input.source().cloned()).collect(),
            inputs: inputs.iter().map(|input| (input.tensor().shape().clone(), input.tensor().dtype())).collect(),
            values: Mutex::new(Some(values)),
        };
        Var::with_source(output, Some(Source::Node(Arc::new(node))))
    }

    /// Runs the op's `backward`. Unless `retain`, the values that it reads are freed when it returns.
    pub(crate) fn backward(self: &Arc<Self>, dy: Var, needed: &[bool], retain: bool) -> Result<Vec<Option<Var>>> {
        let lock = || self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let values = if retain {
            lock().as_ref().map(|v| Values {
                inputs: v.inputs.clone(),
                output: v.output.clone(),
                saved: v.saved.clone(),
            })
        } else {
            lock().take()
        };
        let values = values.ok_or(Error::GraphFreed { op: self.op.name() })?;
        let mut gradients = self.op.backward_owned(&NodeView { node: self, values: &values, needed }, dy)?;
        for (input, gradient) in gradients.iter_mut().enumerate() {
            let (expected, dtype) = &self.inputs[input];
            let Some(gradient) = gradient else { continue };
            if gradient.shape() != expected {
                let (expected, received) = (expected.clone(), gradient.shape().clone());
                return Err(Error::GradientShape { op: self.op.name(), input, expected, received });
            }
            // Where an op has promoted its inputs, the gradient goes back to the input's own dtype.
            if gradient.dtype() != *dtype {
                *gradient = gradient.to_dtype(*dtype)?;
            }
        }
        Ok(gradients)
    }
}

impl Drop for Node {
    /// Drops long chains in a loop: a graph of a hundred thousand ops would overflow the stack by recursion.
    fn drop(&mut self) {
        let mut edges = std::mem::take(&mut self.edges);
        while let Some(edge) = edges.pop() {
            if let Some(Source::Node(node)) = edge
                && let Some(mut node) = Arc::into_inner(node)
            {
                edges.append(&mut node.edges);
            }
        }
    }
}

/// What an op's `backward` sees of its node.
pub struct NodeView<'a> {
    node: &'a Arc<Node>,
    values: &'a Values,
    needed: &'a [bool],
}

impl NodeView<'_> {
    /// Whether the gradient of this input is wanted.
    pub fn needs(&self, index: usize) -> bool {
        self.needed[index]
    }

    /// Number of inputs.
    pub fn len(&self) -> usize {
        self.node.inputs.len()
    }

    /// Whether the op has no inputs.
    pub fn is_empty(&self) -> bool {
        self.node.inputs.is_empty()
    }

    /// The shape of an input.
    pub fn shape(&self, index: usize) -> &Shape {
        &self.node.inputs[index].0
    }

    /// The dtype of an input.
    pub fn dtype(&self, index: usize) -> DType {
        self.node.inputs[index].1
    }

    /// An input that [`Op::keeps`] names, connected to the graph for second derivatives.
    ///
    /// # Errors
    /// [`Error::GraphFreed`] if `keeps` does not name it.
    pub fn input(&self, index: usize) -> Result<Var> {
        let tensor = self.values.inputs[index].clone().ok_or(Error::GraphFreed { op: self.node.op.name() })?;
        Ok(Var::with_source(tensor, self.node.edges[index].clone()))
    }

    /// The output, if [`Op::keeps`] names it, connected to the graph for second derivatives.
    ///
    /// # Errors
    /// [`Error::GraphFreed`] if `keeps` does not name it.
    pub fn output(&self) -> Result<Var> {
        let tensor = self.values.output.clone().ok_or(Error::GraphFreed { op: self.node.op.name() })?;
        Ok(Var::with_source(tensor, Some(Source::Node(Arc::clone(self.node)))))
    }

    /// A tensor that [`Op::forward_saving`] returned.
    pub fn saved(&self, index: usize) -> &Tensor {
        &self.values.saved[index]
    }

    /// All tensors that [`Op::forward_saving`] returned.
    pub fn saved_all(&self) -> &[Tensor] {
        &self.values.saved
    }
}
