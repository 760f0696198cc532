//! Sums with the output of a convolution or a linear layer are made in its epilogue.

use ocelli_autograd::ops::arithmetic::Function;

use crate::graph::{Epilogue, Graph, Id, Kind};

pub(super) fn run(graph: &mut Graph) {
    for id in 0..graph.nodes.len() {
        let node = &graph.nodes[id];
        let Kind::Binary(Function::Add, then) = &node.kind else { continue };
        let (a, b, then) = (node.inputs[0], node.inputs[1], then.clone());
        let alike = |id: Id| graph.nodes[id].dims == node.dims;
        if a == b || !alike(a) || !alike(b) || !graph.live()[id] {
            continue;
        }
        let uses = graph.uses();
        let bare = |id: Id| {
            let epilogue = match &graph.nodes[id].kind {
                Kind::Conv(layer) => layer.epilogue,
                Kind::Linear(layer) => layer.epilogue,
                _ => return false,
            };
            epilogue == Epilogue::NONE && uses[id] == 1
        };
        // Of two, the one that runs later: the other's result is there by then.
        let (first, last) = (a.min(b), a.max(b));
        let Some(layer) = [last, first].into_iter().find(|&id| bare(id)) else { continue };
        let other = if layer == a { b } else { a };
        let (mut kind, x) = (graph.nodes[layer].kind.clone(), graph.nodes[layer].inputs[0]);
        match &mut kind {
            Kind::Conv(layer) => layer.epilogue.residual = true,
            Kind::Linear(layer) => layer.epilogue.residual = true,
            _ => continue,
        }
        if then.is_empty() {
            graph.nodes[id].kind = kind;
            graph.nodes[id].inputs = vec![x, other];
        } else if layer > other {
            // The layer stays where it stands, so that what follows the sum can follow it.
            graph.nodes[layer].kind = kind;
            graph.nodes[layer].inputs = vec![x, other];
            graph.nodes[id].kind = Kind::Map(then);
            graph.nodes[id].inputs = vec![layer];
        }
    }
}
