//! Functions of one element that follow each other become one step; those that change nothing disappear.

use crate::graph::{Graph, Kind};
use crate::unary::simplified;

pub(super) fn run(graph: &mut Graph) {
    for id in 0..graph.nodes.len() {
        let Kind::Map(chain) = &graph.nodes[id].kind else { continue };
        // What nothing reads any more must not take anything along.
        if !graph.live()[id] {
            continue;
        }
        let mut chain = simplified(chain.clone());
        let source = graph.nodes[id].inputs[0];
        if chain.is_empty() {
            graph.replace(id, source);
            continue;
        }
        // A source that others read too is computed anyway.
        if graph.uses()[source] == 1 {
            match &mut graph.nodes[source].kind {
                Kind::Map(before) => {
                    let mut whole = std::mem::take(before);
                    whole.append(&mut chain);
                    let inputs = graph.nodes[source].inputs.clone();
                    graph.nodes[id].kind = Kind::Map(simplified(whole));
                    graph.nodes[id].inputs = inputs;
                    continue;
                }
                Kind::Binary(function, before) => {
                    let mut whole = before.clone();
                    whole.append(&mut chain);
                    let (kind, inputs) =
                        (Kind::Binary(*function, simplified(whole)), graph.nodes[source].inputs.clone());
                    graph.nodes[id].kind = kind;
                    graph.nodes[id].inputs = inputs;
                    continue;
                }
                _ => {}
            }
        }
        graph.nodes[id].kind = Kind::Map(chain);
    }
}
