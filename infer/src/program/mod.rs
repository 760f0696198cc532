//! A graph at one batch size: steps, and the places in one arena that they read and write.

mod build;
mod concat;
mod memory;
mod name;
mod packed;
mod places;
mod run;
mod view;

use std::sync::{Arc, Mutex};

use ocelli_autograd::Op;
use ocelli_autograd::ops::arithmetic::Function;
use ocelli_tensor::Tensor;

pub(crate) use packed::Packed;
pub(crate) use run::Workspace;
use view::View;

use crate::kernels::Activation;
use crate::kernels::binary::Broadcast;
use crate::kernels::copy::Copy;
use crate::kernels::map::Chain;
use crate::kernels::pool::Window;

/// The steps for one batch size.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) steps: Vec<Step>,
    outputs: Vec<run::Output>,
    /// Elements of the arena.
    pub(crate) arena: usize,
    slots: usize,
    /// Arenas that no run is using.
    idle: Mutex<Vec<Workspace>>,
}

#[derive(Debug)]
pub(crate) struct Step {
    /// What it does, for a report.
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    action: Action,
    reads: Vec<Operand>,
    write: View,
    /// Floating-point operations: an addition and a multiplication are two.
    pub(crate) flops: u64,
    /// Bytes read and written, weights included.
    pub(crate) bytes: u64,
}

/// An operand of a step that works on slices.
#[derive(Debug, Clone)]
enum Operand {
    Arena(View),
    Constant(Arc<Vec<f32>>, View),
}

/// A value as a tensor.
#[derive(Debug, Clone)]
enum Source {
    Input(usize),
    Slot(usize),
    Constant(Tensor),
    /// A value in the arena and its shape.
    Arena(View, Vec<usize>),
}

#[derive(Debug)]
enum Action {
    /// A tensor into the arena: `row_major` is the copy for a tensor that lies so.
    Load {
        from: Source,
        row_major: Copy,
    },
    /// An operation on tensors; its result goes to a slot.
    Call {
        op: Arc<dyn Op>,
        from: Vec<Source>,
        slot: usize,
    },
    Conv {
        layer: Arc<Packed>,
        activation: Activation,
        images: usize,
        input: [usize; 2],
        output: [usize; 2],
    },
    Linear {
        layer: Arc<Packed>,
        activation: Activation,
    },
    Map(Chain),
    Binary(Function, Broadcast, Chain),
    Pool {
        max: bool,
        rows: Vec<Window>,
        columns: Vec<Window>,
        images: usize,
        input: [usize; 2],
    },
    Softmax {
        log: bool,
    },
    Copy(Copy),
}

impl Action {
    /// Whether the step works on tensors instead of slices of the arena.
    fn is_call(&self) -> bool {
        matches!(self, Action::Call { .. })
    }
}

impl Step {
    /// Whether the step computes with tensors, which takes memory outside the arena.
    pub(crate) fn allocates(&self) -> bool {
        self.action.is_call()
    }
}
