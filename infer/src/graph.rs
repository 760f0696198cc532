//! The graph that passes rewrite: what a plan computes, before it is known where.

use std::sync::Arc;

use ocelli_autograd::Op;
use ocelli_autograd::ops::arithmetic::Function;
use ocelli_tensor::{ConvOptions, DType, PoolOptions, Tensor};

use crate::Result;
use crate::unary::Unary;

/// A node's number. Inputs of a node have smaller ones.
pub(crate) type Id = usize;

/// A size that may grow with the batch: `per_image · n + fixed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dim {
    pub(crate) per_image: isize,
    pub(crate) fixed: isize,
}

impl Dim {
    pub(crate) fn fixed(size: usize) -> Self {
        Dim { per_image: 0, fixed: size as isize }
    }

    /// The line through the sizes at two batch sizes that differ by 1; `None` if no whole numbers describe it.
    pub(crate) fn through((n, size): (usize, usize), next: usize) -> Self {
        let per_image = next as isize - size as isize;
        Dim { per_image, fixed: size as isize - per_image * n as isize }
    }

    pub(crate) fn at(self, n: usize) -> Result<usize> {
        let size = self.per_image.checked_mul(n as isize).and_then(|grown| grown.checked_add(self.fixed));
        size.and_then(|size| usize::try_from(size).ok()).ok_or_else(|| {
            let message = format!("expected a batch size at which {self} is a size, received {n}");
            ocelli_tensor::Error::argument("run", message).into()
        })
    }

    /// The size, if it is the same for every batch.
    pub(crate) fn constant(self) -> Option<usize> {
        if self.per_image == 0 { usize::try_from(self.fixed).ok() } else { None }
    }
}

impl std::fmt::Display for Dim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.per_image, self.fixed) {
            (0, fixed) => write!(f, "{fixed}"),
            (1, 0) => f.write_str("N"),
            (1, fixed) => write!(f, "N{fixed:+}"),
            (times, 0) => write!(f, "{times}·N"),
            (times, fixed) => write!(f, "{times}·N{fixed:+}"),
        }
    }
}

/// `[N, 3, 224, 224]`.
pub(crate) fn display(dims: &[Dim]) -> String {
    let sizes: Vec<String> = dims.iter().map(Dim::to_string).collect();
    format!("[{}]", sizes.join(", "))
}

/// A 2-d convolution with a constant weight. Inputs: x, and what is added before the activation if `residual`.
#[derive(Debug, Clone)]
pub(crate) struct Conv {
    pub(crate) weight: Tensor,
    pub(crate) bias: Option<Tensor>,
    pub(crate) options: ConvOptions,
    pub(crate) epilogue: Epilogue,
}

/// A product with a constant matrix, `x·Wᵀ + b` along the last axis. Inputs as of [`Conv`].
#[derive(Debug, Clone)]
pub(crate) struct Linear {
    /// `[out, in]`
    pub(crate) weight: Tensor,
    pub(crate) bias: Option<Tensor>,
    pub(crate) epilogue: Epilogue,
}

/// What happens to a sum of products before it is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Epilogue {
    pub(crate) residual: bool,
    pub(crate) activation: crate::kernels::Activation,
}

impl Epilogue {
    pub(crate) const NONE: Epilogue = Epilogue { residual: false, activation: crate::kernels::Activation::Identity };
}

/// Which windows of `[N, C, H, W]` are reduced to one number.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Windows {
    Fixed(PoolOptions),
    /// As many of about equal size as the output has places.
    Adaptive,
}

/// What a node computes. Images (rank 4) lie channels-last, all others row-major; all but the first three are of `f32`.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Input(usize),
    Constant(Tensor),
    /// An operation without a step of its own: runs as in `forward`, on tensors.
    Op(Arc<dyn Op>),
    Conv(Conv),
    Linear(Linear),
    /// Functions of one element, one after the other.
    Map(Vec<Unary>),
    /// Two operands of equal or broadcasting shapes, and functions of the result.
    Binary(Function, Vec<Unary>),
    Pool {
        windows: Windows,
        max: bool,
    },
    /// Along the channels: axis 1 of images, the last axis of others.
    Concat,
    /// Along the channels.
    Softmax {
        log: bool,
    },
    /// The same elements in row-major order; if `physical`, in the order in which the input lies in memory instead.
    Reshape {
        physical: bool,
    },
    Permute(Vec<usize>),
    /// Every `step`-th from `start` along an axis.
    Slice {
        axis: usize,
        start: usize,
        step: isize,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) inputs: Vec<Id>,
    pub(crate) dims: Vec<Dim>,
    pub(crate) dtype: DType,
}

impl Node {
    pub(crate) fn shape(&self, n: usize) -> Result<Vec<usize>> {
        self.dims.iter().map(|dim| dim.at(n)).collect()
    }

    /// The axis that is fastest in memory and that concats, softmax and affine functions work along.
    pub(crate) fn channel_axis(&self) -> Option<usize> {
        channel_axis(self.dims.len())
    }

    pub(crate) fn channels(&self) -> Option<usize> {
        self.dims[self.channel_axis()?].constant()
    }
}

pub(crate) fn channel_axis(rank: usize) -> Option<usize> {
    match rank {
        0 => None,
        4 => Some(1),
        rank => Some(rank - 1),
    }
}

/// What a plan computes: nodes in an order in which they can run.
#[derive(Debug, Clone)]
pub(crate) struct Graph {
    pub(crate) nodes: Vec<Node>,
    /// One for each input of the model.
    pub(crate) inputs: Vec<Id>,
    pub(crate) outputs: Vec<Id>,
}

impl Graph {
    /// Which nodes the outputs depend on; inputs always count.
    pub(crate) fn live(&self) -> Vec<bool> {
        let mut live = vec![false; self.nodes.len()];
        self.outputs.iter().chain(&self.inputs).for_each(|&id| live[id] = true);
        for id in (0..self.nodes.len()).rev() {
            if live[id] {
                self.nodes[id].inputs.iter().for_each(|&input| live[input] = true);
            }
        }
        live
    }

    /// How often each node's value is read by live nodes or returned.
    pub(crate) fn uses(&self) -> Vec<usize> {
        let live = self.live();
        let mut uses = vec![0; self.nodes.len()];
        self.outputs.iter().for_each(|&id| uses[id] += 1);
        for node in self.nodes.iter().zip(live).filter_map(|(node, live)| live.then_some(node)) {
            node.inputs.iter().for_each(|&input| uses[input] += 1);
        }
        uses
    }

    /// Reads `to` wherever `from` was read.
    pub(crate) fn replace(&mut self, from: Id, to: Id) {
        let everywhere = self.nodes.iter_mut().flat_map(|node| &mut node.inputs).chain(&mut self.outputs);
        everywhere.filter(|id| **id == from).for_each(|id| *id = to);
    }

    pub(crate) fn constant(&self, id: Id) -> Option<&Tensor> {
        match &self.nodes[id].kind {
            Kind::Constant(tensor) => Some(tensor),
            _ => None,
        }
    }
}
