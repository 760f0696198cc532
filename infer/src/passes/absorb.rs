//! Functions behind a convolution or a linear layer go into it: affine ones into its weights, activations into its epilogue.

use ocelli_tensor::{DType, Tensor};

use crate::Result;
use crate::graph::{Epilogue, Graph, Id, Kind};
use crate::kernels::Activation;
use crate::unary::Unary;

/// `scale · (W·x + b) + shift` is `(scale · W)·x + (scale · b + shift)`: so a batch norm costs nothing.
pub(super) fn affine(graph: &mut Graph) -> Result<()> {
    let nothing = |epilogue: &Epilogue| *epilogue == Epilogue::NONE;
    absorb(graph, nothing, |unary, weight, bias, _| {
        let Unary::Affine { scale, shift } = unary else { return Ok(false) };
        (*weight, *bias) = scaled(weight, bias.as_ref(), scale, shift)?;
        Ok(true)
    })
}

/// An activation is applied while the sum is still in a register.
pub(super) fn activations(graph: &mut Graph) {
    let linear = |epilogue: &Epilogue| epilogue.activation == Activation::Identity;
    // Nothing here can fail.
    let _ = absorb(graph, linear, |unary, _, _, epilogue| {
        let Unary::Activation(activation) = unary else { return Ok(false) };
        epilogue.activation = *activation;
        Ok(true)
    });
}

/// Calls `take` for the first function of each chain behind a layer whose epilogue is `fit`; what it takes leaves the chain.
fn absorb(
    graph: &mut Graph,
    fit: impl Fn(&Epilogue) -> bool,
    take: impl Fn(&Unary, &mut Tensor, &mut Option<Tensor>, &mut Epilogue) -> Result<bool>,
) -> Result<()> {
    for id in 0..graph.nodes.len() {
        let Kind::Map(chain) = &graph.nodes[id].kind else { continue };
        let (Some(first), source) = (chain.first().cloned(), graph.nodes[id].inputs[0]) else { continue };
        // What nothing reads any more must not take anything along.
        if !graph.live()[id] || graph.uses()[source] != 1 {
            continue;
        }
        let taken = match &mut graph.nodes[source].kind {
            Kind::Conv(layer) if fit(&layer.epilogue) => {
                take(&first, &mut layer.weight, &mut layer.bias, &mut layer.epilogue)?
            }
            Kind::Linear(layer) if fit(&layer.epilogue) => {
                take(&first, &mut layer.weight, &mut layer.bias, &mut layer.epilogue)?
            }
            _ => false,
        };
        if taken {
            shorten(graph, id, source);
        }
    }
    Ok(())
}

/// Takes the first function from a chain; if none is left, the node becomes what it reads.
fn shorten(graph: &mut Graph, id: Id, source: Id) {
    if let Kind::Map(chain) = &mut graph.nodes[id].kind {
        chain.remove(0);
        if chain.is_empty() {
            let (kind, inputs) = (graph.nodes[source].kind.clone(), graph.nodes[source].inputs.clone());
            graph.nodes[id].kind = kind;
            graph.nodes[id].inputs = inputs;
        }
    }
}

/// A layer's weight and bias times `scale` plus `shift`, computed in double precision.
fn scaled(weight: &Tensor, bias: Option<&Tensor>, scale: &[f64], shift: &[f64]) -> Result<(Tensor, Option<Tensor>)> {
    let outputs = weight.shape()[0];
    let spread = |values: &[f64]| -> Vec<f64> { (0..outputs).map(|o| values[o.min(values.len() - 1)]).collect() };
    let (scale, shift) = (Tensor::from_vec(spread(scale), [outputs])?, Tensor::from_vec(spread(shift), [outputs])?);
    let mut column = vec![1; weight.rank()];
    column[0] = outputs;
    let weight = weight.to_dtype(DType::F64)?.mul(&scale.reshape(&column[..])?)?.to_dtype(DType::F32)?;
    let bias = match bias {
        Some(bias) => bias.to_dtype(DType::F64)?.mul(&scale)?.add(&shift)?,
        None => shift,
    };
    Ok((weight, Some(bias.to_dtype(DType::F32)?)))
}
