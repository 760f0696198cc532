//! A module's values by path, and whether they fit.

use std::collections::BTreeMap;

use ocelli_tensor::{Shape, Tensor};

use crate::{Buffer, Error, Param, Result};

/// Tensors by path: `"layer1.0.conv1.weight"`. What a `.safetensors` file holds.
pub type StateDict = BTreeMap<String, Tensor>;

/// A stored tensor whose shape is not the module's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misshapen {
    /// Its path.
    pub key: String,
    /// The module's shape.
    pub expected: Shape,
    /// The stored shape.
    pub received: Shape,
}

/// How stored tensors and a module's keys differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Keys of the module that are not stored.
    pub missing: Vec<String>,
    /// Stored keys that the module does not have.
    pub unexpected: Vec<String>,
    /// Keys that both have, with different shapes.
    pub misshapen: Vec<Misshapen>,
}

impl LoadReport {
    /// Compares a module's keys and shapes with stored ones. `num_batches_tracked` may be missing: files of PyTorch before 0.4.1
    /// do not have it, and no forward pass depends on it.
    pub fn compare<'a>(expected: impl IntoIterator<Item = (&'a str, Shape)>, state: &StateDict) -> Self {
        let expected: BTreeMap<&str, Shape> = expected.into_iter().collect();
        let mut report = LoadReport::default();
        for (key, shape) in &expected {
            match state.get(*key) {
                None if key.ends_with("num_batches_tracked") => {}
                None => report.missing.push((*key).to_string()),
                Some(tensor) if tensor.shape() != shape => report.misshapen.push(Misshapen {
                    key: (*key).to_string(),
                    expected: shape.clone(),
                    received: tensor.shape().clone(),
                }),
                Some(_) => {}
            }
        }
        report.unexpected = state.keys().filter(|key| !expected.contains_key(key.as_str())).cloned().collect();
        report
    }

    /// Whether everything fits.
    pub fn is_exact(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.misshapen.is_empty()
    }
}

impl std::fmt::Display for LoadReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |keys: Vec<String>| {
            let shown = keys.iter().take(10).cloned().collect::<Vec<_>>().join(", ");
            let more = if keys.len() > 10 { ", …" } else { "" };
            format!("{} [{shown}{more}]", keys.len())
        };
        let misshapen =
            self.misshapen.iter().map(|m| format!("{}: expected {}, received {}", m.key, m.expected, m.received));
        write!(
            f,
            "state dict: expected exactly the module's keys and shapes, received missing {}, unexpected {}, misshapen {}",
            list(self.missing.clone()),
            list(self.unexpected.clone()),
            list(misshapen.collect())
        )
    }
}

fn compare(params: &[(String, Param)], buffers: &[(String, Buffer)], state: &StateDict) -> LoadReport {
    let params = params.iter().map(|(key, param)| (key.as_str(), param.shape()));
    let buffers = buffers.iter().map(|(key, buffer)| (key.as_str(), buffer.tensor().shape().clone()));
    LoadReport::compare(params.chain(buffers), state)
}

pub(crate) fn load_strict(params: &[(String, Param)], buffers: &[(String, Buffer)], state: &StateDict) -> Result<()> {
    let report = compare(params, buffers, state);
    if !report.is_exact() {
        return Err(Error::StateDict(report));
    }
    assign(params, buffers, state)
}

pub(crate) fn load_matching(
    params: &[(String, Param)],
    buffers: &[(String, Buffer)],
    state: &StateDict,
) -> Result<LoadReport> {
    let report = compare(params, buffers, state);
    let fits = |key: &String| !report.misshapen.iter().any(|m| m.key == *key);
    let state = state.iter().filter(|(key, _)| fits(key)).map(|(key, tensor)| (key.clone(), tensor.clone())).collect();
    assign(params, buffers, &state)?;
    Ok(report)
}

fn assign(params: &[(String, Param)], buffers: &[(String, Buffer)], state: &StateDict) -> Result<()> {
    for (key, param) in params {
        if let Some(tensor) = state.get(key) {
            param.set(tensor.clone())?;
        }
    }
    for (key, buffer) in buffers {
        if let Some(tensor) = state.get(key) {
            buffer.set(tensor.clone())?;
        }
    }
    Ok(())
}
