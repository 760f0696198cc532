//! A flattened image in front of linear layers stays as it lies, channels-last: the layers' weights are put into that order once.

use crate::Result;
use crate::graph::{Dim, Graph, Id, Kind};

pub(super) fn run(graph: &mut Graph) -> Result<()> {
    for id in 0..graph.nodes.len() {
        let Kind::Reshape { physical: false } = graph.nodes[id].kind else { continue };
        let Some(image) = flattened(graph, id) else { continue };
        let live = graph.live();
        let readers: Vec<Id> =
            (id..graph.nodes.len()).filter(|&user| live[user] && graph.nodes[user].inputs.contains(&id)).collect();
        // The weights of a reader are for x alone: what is added has an order of its own.
        let reads_rows =
            |&user: &Id| matches!(graph.nodes[user].kind, Kind::Linear(_)) && graph.nodes[user].inputs[0] == id;
        let once = |&user: &Id| graph.nodes[user].inputs.iter().filter(|&&input| input == id).count() == 1;
        if graph.outputs.contains(&id) || !readers.iter().all(|user| reads_rows(user) && once(user)) {
            continue;
        }
        for user in readers {
            if let Kind::Linear(layer) = &mut graph.nodes[user].kind {
                let [channels, height, width] = image;
                let outputs = layer.weight.shape()[0];
                let planes = layer.weight.reshape([outputs, channels, height, width])?;
                layer.weight = planes.permute([0, 2, 3, 1])?.reshape([outputs, channels * height * width])?;
            }
        }
        graph.nodes[id].kind = Kind::Reshape { physical: true };
    }
    Ok(())
}

/// `[C, H, W]` if the node makes `[N, C·H·W]` of images `[N, C, H, W]`.
fn flattened(graph: &Graph, id: Id) -> Option<[usize; 3]> {
    let (node, source) = (&graph.nodes[id], &graph.nodes[graph.nodes[id].inputs[0]]);
    let &[n, c, h, w] = &source.dims[..] else { return None };
    let image = [c.constant()?, h.constant()?, w.constant()?];
    let features = image.iter().product();
    (node.dims[..] == [n, Dim::fixed(features)]).then_some(image)
}
