//! From recorded operations to the kinds that a plan has steps for. What is none of them stays an operation.

use std::any::Any;

use ocelli_autograd::ops::arithmetic::{Binary, Function, WithScalar};
use ocelli_autograd::ops::conv::Conv as ConvOp;
use ocelli_autograd::ops::join::Concat;
use ocelli_autograd::ops::math::{Clamp, LeakyRelu, Math, Relu6};
use ocelli_autograd::ops::matmul::Matmul;
use ocelli_autograd::ops::norm::ChannelNormWith;
use ocelli_autograd::ops::pool::{AdaptiveAvgPool, AdaptiveMaxPool, AvgPool, MaxPool};
use ocelli_autograd::ops::reduce::Mean;
use ocelli_autograd::ops::softmax::{LogSoftmax, Softmax};
use ocelli_autograd::ops::view::{Cast, Permute, Reshape, SliceAxis};
use ocelli_tensor::{DType, NormOptions, NormOver, Scalar, Tensor};

use crate::Result;
use crate::graph::{Conv, Epilogue, Graph, Id, Kind, Linear, Windows};
use crate::kernels::{Activation, binary, map};
use crate::unary::{Unary, named};

pub(super) fn run(graph: &mut Graph) -> Result<()> {
    for id in 0..graph.nodes.len() {
        let node = &graph.nodes[id];
        let Kind::Op(op) = &node.kind else { continue };
        let single = |id: &Id| graph.nodes[*id].dtype == DType::F32;
        if node.dtype != DType::F32 || !node.inputs.iter().all(single) {
            continue;
        }
        let op = op.clone();
        if let Some((kind, inputs)) = lowered(graph, id, &*op)? {
            graph.nodes[id].kind = kind;
            graph.nodes[id].inputs = inputs;
        }
    }
    Ok(())
}

type Lowered = Option<(Kind, Vec<Id>)>;

fn lowered(graph: &Graph, id: Id, op: &dyn Any) -> Result<Lowered> {
    let node = &graph.nodes[id];
    let inputs = node.inputs.clone();
    let rank = |i: usize| graph.nodes[inputs[i]].dims.len();
    let map = |unary: Unary| Some((Kind::Map(vec![unary]), vec![inputs[0]]));
    let with = |kind: Kind| Some((kind, inputs.clone()));
    Ok(if let Some(conv) = op.downcast_ref::<ConvOp>() {
        let (Some(weight), 4) = (graph.constant(inputs[1]), rank(0)) else { return Ok(None) };
        let (bias, residual) = conv.optional_inputs(inputs.len());
        let bias = match bias.map(|i| graph.constant(inputs[i]).cloned()) {
            Some(None) => return Ok(None),
            bias => bias.flatten(),
        };
        let (weight, options) = (weight.clone(), conv.options.clone());
        let epilogue = Epilogue { activation: conv.activation, residual: conv.residual };
        let inputs = [0].into_iter().chain(residual).map(|i| inputs[i]).collect();
        Some((Kind::Conv(Conv { weight, bias, options, epilogue }), inputs))
    } else if op.is::<Matmul>() {
        // Images' last axis is not the fastest one; their products stay with the tensor crate.
        let Some(weight) = graph.constant(inputs[1]).filter(|weight| weight.rank() == 2) else { return Ok(None) };
        if rank(0) < 2 || rank(0) == 4 || graph.nodes[inputs[0]].channels().is_none() {
            return Ok(None);
        }
        Some((Kind::Linear(Linear { weight: weight.t()?, bias: None, epilogue: Epilogue::NONE }), vec![inputs[0]]))
    } else if let Some(op) = op.downcast_ref::<Binary>() {
        two(graph, id, op.function)?
    } else if let Some(op) = op.downcast_ref::<WithScalar>() {
        scalar(op.function, op.scalar).and_then(map)
    } else if let Some(op) = op.downcast_ref::<Math>() {
        match named(Unary::Math(op.function)) {
            Unary::Math(function) if map::scalar(function).is_none() => None,
            unary => map(unary),
        }
    } else if let Some(op) = op.downcast_ref::<LeakyRelu>() {
        map(Unary::Activation(Activation::LeakyRelu(op.slope as f32)))
    } else if let Some(op) = op.downcast_ref::<Clamp>() {
        let (low, high) = (op.low.unwrap_or(f64::NEG_INFINITY) as f32, op.high.unwrap_or(f64::INFINITY) as f32);
        if low <= high { map(Unary::Clamp(low, high)) } else { None }
    } else if op.is::<Relu6>() {
        map(Unary::Activation(Activation::Relu6))
    } else if let Some(op) = op.downcast_ref::<ChannelNormWith>() {
        batch_norm(graph, id, &op.options)?
    } else if op.is::<Cast>() {
        map(Unary::affine(1.0, 0.0))
    } else if let Some(op) = op.downcast_ref::<MaxPool>() {
        pool(graph, id, Windows::Fixed(op.options.clone()), true)
    } else if let Some(op) = op.downcast_ref::<AvgPool>() {
        pool(graph, id, Windows::Fixed(op.options.clone()), false)
    } else if op.is::<AdaptiveMaxPool>() {
        pool(graph, id, Windows::Adaptive, true)
    } else if op.is::<AdaptiveAvgPool>() {
        pool(graph, id, Windows::Adaptive, false)
    } else if let Some(op) = op.downcast_ref::<Mean>() {
        // The mean of each channel, whether its axes stay or not.
        if op.axes == [2, 3] { pool(graph, id, Windows::Adaptive, false) } else { None }
    } else if let Some(op) = op.downcast_ref::<Concat>() {
        if node.channel_axis() == Some(op.axis) { with(Kind::Concat) } else { None }
    } else if let Some(op) = op.downcast_ref::<Softmax>() {
        if node.channel_axis() == Some(op.axis) { with(Kind::Softmax { log: false }) } else { None }
    } else if let Some(op) = op.downcast_ref::<LogSoftmax>() {
        if node.channel_axis() == Some(op.axis) { with(Kind::Softmax { log: true }) } else { None }
    } else if op.is::<Reshape>() {
        with(Kind::Reshape { physical: false })
    } else if let Some(op) = op.downcast_ref::<Permute>() {
        if op.order.len() <= 6 { with(Kind::Permute(op.order.clone())) } else { None }
    } else if let Some(op) = op.downcast_ref::<SliceAxis>() {
        let Some(size) = graph.nodes[inputs[0]].dims[op.axis].constant().filter(|_| rank(0) <= 6) else {
            return Ok(None);
        };
        let step = op.slice.step;
        let first = match op.slice.start {
            Some(start) => {
                if start < 0 {
                    start + size as isize
                } else {
                    start
                }
            }
            None => {
                if step > 0 {
                    0
                } else {
                    size as isize - 1
                }
            }
        };
        let first = if step > 0 { first.clamp(0, size as isize) } else { first.clamp(-1, size as isize - 1) };
        // An empty slice may begin outside.
        usize::try_from(first).ok().and_then(|start| with(Kind::Slice { axis: op.axis, start, step }))
    } else {
        None
    })
}

fn pool(graph: &Graph, id: Id, windows: Windows, max: bool) -> Lowered {
    let inputs = graph.nodes[id].inputs.clone();
    let image = graph.nodes[inputs[0]].dims.len() == 4;
    image.then_some((Kind::Pool { windows, max }, inputs))
}

/// With given statistics a batch norm is affine.
fn batch_norm(graph: &Graph, id: Id, options: &NormOptions) -> Result<Lowered> {
    let node = &graph.nodes[id];
    let (NormOver::Batch, Some(1)) = (options.over, node.channel_axis()) else { return Ok(None) };
    let mut constants = Vec::with_capacity(4);
    for &input in &node.inputs[1..] {
        let Some(tensor) = graph.constant(input) else { return Ok(None) };
        constants.push(tensor.to_dtype(DType::F64)?.to_vec::<f64>()?);
    }
    let [gamma, beta, mean, var] = &constants[..] else { return Ok(None) };
    let scale: Vec<f64> = gamma.iter().zip(var).map(|(gamma, var)| gamma / (var + options.eps).sqrt()).collect();
    let shift = beta.iter().zip(mean).zip(&scale).map(|((beta, mean), scale)| beta - mean * scale).collect();
    let mut chain = vec![Unary::Affine { scale, shift }];
    if options.relu {
        chain.push(Unary::relu());
    }
    Ok(Some((Kind::Map(chain), vec![node.inputs[0]])))
}

/// A function of a value and a number.
fn scalar(function: Function, scalar: Scalar) -> Option<Unary> {
    let s = scalar.to_f64();
    Some(match function {
        Function::Add => Unary::affine(1.0, s),
        Function::Sub => Unary::affine(1.0, -s),
        Function::Mul => Unary::affine(s, 0.0),
        Function::Div => Unary::affine(1.0 / s, 0.0),
        Function::Maximum if !s.is_nan() => Unary::Clamp(s as f32, f32::INFINITY),
        Function::Minimum if !s.is_nan() => Unary::Clamp(f32::NEG_INFINITY, s as f32),
        Function::Pow => Unary::Power(s as f32),
        _ => return None,
    })
}

/// A function of two values: affine if one is a constant for each channel.
fn two(graph: &Graph, id: Id, function: Function) -> Result<Lowered> {
    let node = &graph.nodes[id];
    let (a, b) = (node.inputs[0], node.inputs[1]);
    if !binary::supported(function) {
        return Ok(None);
    }
    for (x, constant, left) in [(a, b, false), (b, a, true)] {
        let Some(tensor) = graph.constant(constant) else { continue };
        if graph.constant(x).is_some() || graph.nodes[x].dims != node.dims {
            continue;
        }
        let Some(values) = per_channel(graph, id, tensor)? else { continue };
        let map =
            |scale: Vec<f64>, shift: Vec<f64>| Ok(Some((Kind::Map(vec![Unary::Affine { scale, shift }]), vec![x])));
        let negative = || values.iter().map(|v| -v).collect();
        match (function, left) {
            (Function::Add, _) => return map(vec![1.0], values),
            (Function::Sub, false) => return map(vec![1.0], negative()),
            (Function::Sub, true) => return map(vec![-1.0], values),
            (Function::Mul, _) => return map(values, vec![0.0]),
            (Function::Div, false) => return map(values.iter().map(|v| 1.0 / v).collect(), vec![0.0]),
            _ => {}
        }
    }
    // Operands of fewer axes or in other orders than the loops know stay with the tensor crate.
    let rank = node.dims.len();
    let same = graph.nodes[a].dims == node.dims && graph.nodes[b].dims == node.dims;
    let aligned = |id: Id| graph.nodes[id].dims.len() == rank || graph.constant(id).is_some();
    let supported = same || ((1..=4).contains(&rank) && aligned(a) && aligned(b));
    Ok(supported.then(|| (Kind::Binary(function, Vec::new()), vec![a, b])))
}

/// The numbers of a constant that broadcasts to node `id` along its channels alone.
fn per_channel(graph: &Graph, id: Id, constant: &Tensor) -> Result<Option<Vec<f64>>> {
    let node = &graph.nodes[id];
    let values = || -> Result<Vec<f64>> { Ok(constant.to_dtype(DType::F64)?.to_vec::<f64>()?) };
    if constant.numel() == 1 {
        return Ok(Some(values()?));
    }
    let (Some(axis), Some(channels)) = (node.channel_axis(), node.channels()) else { return Ok(None) };
    let lead = node.dims.len() - constant.rank().min(node.dims.len());
    let along = |(i, &size): (usize, &usize)| if i + lead == axis { size == channels } else { size == 1 };
    if constant.numel() == channels && constant.shape().iter().enumerate().all(along) {
        return Ok(Some(values()?));
    }
    Ok(None)
}
