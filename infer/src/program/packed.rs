//! Weights in the order that kernels read.

use std::sync::Arc;

use super::view::three;
use crate::Result;
use crate::graph::{Graph, Id, Kind};
use crate::kernels::{PackedConv, PackedLinear};

/// A layer's weights in the order that its kernel reads.
#[derive(Debug)]
pub(crate) enum Packed {
    Conv(PackedConv<f32>),
    Linear(PackedLinear<f32>),
}

impl Packed {
    /// The packed weights of each layer; `None` for all other nodes.
    ///
    /// # Errors
    /// If memory runs out.
    pub(crate) fn all(graph: &Graph) -> Result<Vec<Option<Arc<Packed>>>> {
        let live = graph.live();
        let pack = |(id, live): (Id, bool)| {
            let packed = match &graph.nodes[id].kind {
                Kind::Conv(l) if live => {
                    let (weight, bias, options) = (&l.weight, l.bias.as_ref(), &l.options);
                    let [height, width] =
                        [2, 3].map(|axis| graph.nodes[graph.nodes[id].inputs[0]].dims[axis].constant());
                    Packed::Conv(match (height, width) {
                        (Some(height), Some(width)) => {
                            PackedConv::for_size(weight, bias, options, three([height, width]))?
                        }
                        _ => PackedConv::new(weight, bias, options)?,
                    })
                }
                Kind::Linear(l) if live => Packed::Linear(PackedLinear::new(&l.weight, l.bias.as_ref())?),
                _ => return Ok(None),
            };
            Ok(Some(Arc::new(packed)))
        };
        live.into_iter().enumerate().map(pack).collect()
    }
}
