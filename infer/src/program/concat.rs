//! Concats without a copy: who feeds one writes into its slice of the result.

use std::collections::{HashMap, HashSet};

use crate::graph::{Graph, Id, Kind};

/// The concat that a node writes into, and its first channel there.
pub(super) type Claims = HashMap<Id, (Id, usize)>;

/// Which nodes write into which concats, but for those that are `forbidden` to.
pub(super) fn claims(graph: &Graph, live: &[bool], forbidden: &HashSet<Id>) -> Claims {
    let mut claims = Claims::new();
    // The last concat comes first: where concats grow (DenseNet), each is then the front of the one behind it.
    for id in (0..graph.nodes.len()).rev() {
        let node = &graph.nodes[id];
        if !live[id] || !matches!(node.kind, Kind::Concat) {
            continue;
        }
        let mut first = 0;
        let mut slices: Vec<(Id, usize)> = Vec::with_capacity(node.inputs.len());
        for &input in &node.inputs {
            slices.push((input, first));
            match graph.nodes[input].channels() {
                Some(channels) => first += channels,
                None => break,
            }
        }
        if slices.len() < node.inputs.len() {
            continue;
        }
        if !claims.contains_key(&id)
            && !forbidden.contains(&id)
            && let Some((parent, start)) = within(&claims, &slices)
        {
            claims.insert(id, (parent, start));
            continue;
        }
        for (input, first) in slices {
            let once = node.inputs.iter().filter(|&&other| other == input).count() == 1;
            if once && writes_strided(&graph.nodes[input].kind) && !forbidden.contains(&input) {
                claims.entry(input).or_insert((id, first));
            }
        }
    }
    claims
}

/// The concat in which all of the slices lie already, one behind the other, and where they begin.
fn within(claims: &Claims, slices: &[(Id, usize)]) -> Option<(Id, usize)> {
    let (parent, start) = *claims.get(&slices.first()?.0)?;
    let lies = |(input, first): &(Id, usize)| claims.get(input) == Some(&(parent, start + first));
    slices.iter().all(lies).then_some((parent, start))
}

/// Whether steps of this kind can write places that are not next to each other.
fn writes_strided(kind: &Kind) -> bool {
    match kind {
        Kind::Conv(_) | Kind::Map(_) | Kind::Binary(..) | Kind::Pool { .. } => true,
        Kind::Linear(_) | Kind::Concat | Kind::Softmax { .. } => true,
        Kind::Input(_) | Kind::Constant(_) | Kind::Op(_) => false,
        Kind::Reshape { .. } | Kind::Permute(_) | Kind::Slice { .. } => false,
    }
}
