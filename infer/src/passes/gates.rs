//! Activations that are written as a product with their own argument: SiLU, hard-swish, GELU.

use ocelli_autograd::ops::arithmetic::Function;
use ocelli_autograd::ops::math::MathFunction;

use crate::graph::{Graph, Id, Kind};
use crate::kernels::Activation;
use crate::unary::{Unary, simplified};

pub(super) fn run(graph: &mut Graph) {
    for id in 0..graph.nodes.len() {
        let node = &graph.nodes[id];
        let Kind::Binary(Function::Mul, _) = node.kind else { continue };
        let (a, b) = (node.inputs[0], node.inputs[1]);
        if let Some((x, chain)) = gate(graph, a, b).or_else(|| gate(graph, b, a)) {
            graph.nodes[id].kind = Kind::Map(chain);
            graph.nodes[id].inputs = vec![x];
        }
    }
}

/// The chain that is `left · right`, if `left` is a multiple of some `x` and `right` a gate of it.
fn gate(graph: &Graph, left: Id, right: Id) -> Option<(Id, Vec<Unary>)> {
    for (x, scaled) in ways_up(graph, left) {
        let factor = match &scaled[..] {
            [] => 1.0,
            [scale] => match scale.uniform() {
                Some((scale, 0.0)) => scale,
                _ => continue,
            },
            _ => continue,
        };
        for (origin, chain) in ways_up(graph, right) {
            if origin == x
                && let Some((activation, times)) = named(&chain)
            {
                let activation = Unary::Activation(activation);
                return Some((x, simplified(vec![activation, Unary::affine(factor * times, 0.0)])));
            }
        }
    }
    None
}

/// The values that `id` is a function of element by element, with that function; itself first.
fn ways_up(graph: &Graph, mut id: Id) -> Vec<(Id, Vec<Unary>)> {
    let mut chain: Vec<Unary> = Vec::new();
    let mut ways = vec![(id, Vec::new())];
    while let Kind::Map(unaries) = &graph.nodes[id].kind {
        chain.splice(0..0, unaries.iter().cloned());
        id = graph.nodes[id].inputs[0];
        ways.push((id, simplified(chain.clone())));
    }
    ways
}

/// The activation `x · chain(x) · times`.
fn named(chain: &[Unary]) -> Option<(Activation, f64)> {
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-6 * b.abs();
    // A last multiplication belongs to the factor.
    let (chain, times) = match chain {
        [rest @ .., last] if rest.len() == 1 || rest.len() == 2 => match last.uniform() {
            Some((scale, 0.0)) => (rest, scale),
            _ => (chain, 1.0),
        },
        _ => (chain, 1.0),
    };
    match chain {
        [Unary::Activation(Activation::Sigmoid)] => Some((Activation::Silu, times)),
        [before, Unary::Activation(Activation::Relu6)] => match before.uniform()? {
            (1.0, 3.0) => Some((Activation::HardSwish, times * 6.0)),
            _ => None,
        },
        [before, Unary::Clamp(0.0, 1.0)] => {
            let (scale, shift) = before.uniform()?;
            (near(scale, 1.0 / 6.0) && shift == 0.5).then_some((Activation::HardSwish, times))
        }
        [before, Unary::Math(MathFunction::Erf), after] => {
            let ((scale, zero), (weight, shift)) = (before.uniform()?, after.uniform()?);
            let gelu = near(scale, std::f64::consts::FRAC_1_SQRT_2) && zero == 0.0 && weight == shift;
            gelu.then_some((Activation::Gelu, times * 2.0 * weight))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_are_known_in_all_their_forms() {
        let (sigmoid, relu6) = (Unary::Activation(Activation::Sigmoid), Unary::Activation(Activation::Relu6));
        assert_eq!(named(std::slice::from_ref(&sigmoid)), Some((Activation::Silu, 1.0)));
        assert_eq!(named(&[sigmoid, Unary::affine(2.0, 0.0)]), Some((Activation::Silu, 2.0)));
        let sixth = Unary::affine(1.0 / 6.0, 0.0);
        assert_eq!(named(&[Unary::affine(1.0, 3.0), relu6.clone(), sixth]), Some((Activation::HardSwish, 1.0)));
        let clamped = [Unary::affine(1.0 / 6.0, 0.5), Unary::Clamp(0.0, 1.0)];
        assert_eq!(named(&clamped), Some((Activation::HardSwish, 1.0)));
        let root = Unary::affine(std::f64::consts::FRAC_1_SQRT_2, 0.0);
        let gelu = [root, Unary::Math(MathFunction::Erf), Unary::affine(0.5, 0.5)];
        assert_eq!(named(&gelu), Some((Activation::Gelu, 1.0)));
        assert_eq!(named(&[Unary::affine(1.0, 2.0), relu6]), None);
    }
}
