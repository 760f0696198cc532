//! A training in one file.

use std::collections::BTreeMap;
use std::path::Path;

use ocelli_nn::StateDict;
use ocelli_tensor::Tensor;
use ocelli_tensor::safetensors::{SafeTensorsFile, save_with_metadata};
use serde::{Deserialize, Serialize};

use crate::rate::Rate;
use crate::state::State;
use crate::{CallbackState, Error, History, Result};

const FORMAT: &str = "ocelli-checkpoint";
const VERSION: u32 = 1;

const MODEL: &str = "model.";
const OPTIMIZER: &str = "optimizer.";
const CALLBACK: &str = "callback.";

/// A training at the end of one of its steps: what [`Trainer::checkpoint`](crate::Trainer::checkpoint) writes and
/// [`Trainer::resume`](crate::Trainer::resume) reads.
///
/// The file is a safetensors file. The model's tensors have `model.` before their names, the optimizer's `optimizer.`, and those that
/// callbacks keep (the best weights so far) `callback.<number>.`; all else is JSON in the header's metadata.
#[derive(Clone)]
pub struct Checkpoint {
    pub(crate) model: StateDict,
    pub(crate) optimizer: StateDict,
    pub(crate) callbacks: Vec<(String, CallbackState)>,
    pub(crate) rest: Rest,
}

/// What is no tensor.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Rest {
    pub(crate) state: State,
    /// The optimizer's name.
    pub(crate) optimizer: String,
    /// The learning rate or its schedule.
    pub(crate) rate: Rate,
    /// The positions of the model's streams of random numbers.
    pub(crate) random: Vec<(String, u64)>,
    /// The metrics of the epoch so far.
    pub(crate) metrics: Vec<(String, Vec<f64>)>,
}

/// The callbacks' part of the metadata.
#[derive(Serialize, Deserialize)]
struct NamedValues {
    name: String,
    values: serde_json::Value,
}

impl Checkpoint {
    /// Reads a checkpoint.
    ///
    /// # Errors
    /// [`Error::Tensor`] if the file cannot be read or is cut short, [`Error::Format`] if it is no checkpoint, or one of a later
    /// version.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = SafeTensorsFile::open(path)?;
        let metadata = file.metadata();
        if metadata.get("format").map(String::as_str) != Some(FORMAT) {
            let message = "expected a checkpoint of a training, received another safetensors file";
            return Err(Error::format(path, message));
        }
        let version = metadata.get("version").cloned().unwrap_or_default();
        if version != VERSION.to_string() {
            let message = format!("expected a checkpoint of version {VERSION}, received version {version:?}");
            return Err(Error::format(path, message));
        }
        let rest: Rest = json(path, &metadata, "training")?;
        let named: Vec<NamedValues> = json(path, &metadata, "callbacks")?;
        let name_and_values =
            |NamedValues { name, values }| (name, CallbackState { values, tensors: StateDict::new() });
        let mut checkpoint = Checkpoint {
            model: StateDict::new(),
            optimizer: StateDict::new(),
            callbacks: named.into_iter().map(name_and_values).collect(),
            rest,
        };
        for name in file.names() {
            let tensor = file.tensor(&name)?;
            checkpoint.put(&name, tensor).ok_or_else(|| {
                let message = format!("expected tensors of a model, an optimizer or callbacks, received {name:?}");
                Error::format(path, message)
            })?;
        }
        Ok(checkpoint)
    }

    /// Puts a tensor of the file where it belongs.
    fn put(&mut self, name: &str, tensor: Tensor) -> Option<()> {
        if let Some(name) = name.strip_prefix(MODEL) {
            self.model.insert(name.to_string(), tensor);
        } else if let Some(name) = name.strip_prefix(OPTIMIZER) {
            self.optimizer.insert(name.to_string(), tensor);
        } else {
            let (number, name) = name.strip_prefix(CALLBACK)?.split_once('.')?;
            let (_, state) = self.callbacks.get_mut(number.parse::<usize>().ok()?)?;
            state.tensors.insert(name.to_string(), tensor);
        }
        Some(())
    }

    /// Writes the checkpoint to a file, which appears whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let mut tensors = BTreeMap::new();
        let mut add = |prefix: &str, part: &StateDict| {
            tensors.extend(part.iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor.clone())));
        };
        add(MODEL, &self.model);
        add(OPTIMIZER, &self.optimizer);
        for (number, (_, state)) in self.callbacks.iter().enumerate() {
            add(&format!("{CALLBACK}{number}."), &state.tensors);
        }
        let named =
            self.callbacks.iter().map(|(name, state)| NamedValues { name: name.clone(), values: state.values.clone() });
        let text = |value: serde_json::Result<String>| {
            value.map_err(|e| Error::format(path, format!("the state of the training has no form in JSON: {e}")))
        };
        let metadata = BTreeMap::from([
            ("format".to_string(), FORMAT.to_string()),
            ("version".to_string(), VERSION.to_string()),
            ("training".to_string(), text(serde_json::to_string(&self.rest))?),
            ("callbacks".to_string(), text(serde_json::to_string(&named.collect::<Vec<_>>()))?),
        ]);
        Ok(save_with_metadata(path, &tensors, &metadata)?)
    }

    /// The model's weights and buffers.
    pub fn model(&self) -> &StateDict {
        &self.model
    }

    /// The number of epochs that are done.
    pub fn epoch(&self) -> usize {
        self.rest.state.epoch
    }

    /// The number of steps of the next epoch that are done.
    pub fn step(&self) -> usize {
        self.rest.state.step
    }

    /// The epochs that are done.
    pub fn history(&self) -> &History {
        &self.rest.state.history
    }
}

fn json<T: serde::de::DeserializeOwned>(path: &Path, metadata: &BTreeMap<String, String>, key: &str) -> Result<T> {
    let text = metadata.get(key).map_or("", String::as_str);
    serde_json::from_str(text).map_err(|e| {
        Error::format(path, format!("expected the state of a training under {key:?}, received a broken one ({e})"))
    })
}

/// The first key whose tensor holds a NaN or an infinity.
pub(crate) fn first_non_finite(tensors: &StateDict) -> Result<Option<String>> {
    for (key, tensor) in tensors {
        if tensor.dtype().is_float() && !tensor.is_finite()?.all(..)?.item::<bool>()? {
            return Ok(Some(key.clone()));
        }
    }
    Ok(None)
}
