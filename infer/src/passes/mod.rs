//! What makes the graph of a trace a small one: each pass rewrites it, in this order.

mod absorb;
mod chain;
mod flatten;
mod gates;
mod lower;
mod residual;

use crate::Result;
use crate::graph::Graph;

/// Runs all passes.
///
/// # Errors
/// If a constant cannot be computed.
pub(crate) fn run(graph: &mut Graph) -> Result<()> {
    lower::run(graph)?;
    gates::run(graph);
    chain::run(graph);
    // Batch norms go into weights, which leaves bare convolutions for residuals, and those leave room for activations.
    absorb::affine(graph)?;
    residual::run(graph);
    absorb::activations(graph);
    chain::run(graph);
    flatten::run(graph)
}
