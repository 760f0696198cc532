//! Where a training is.

use serde::{Deserialize, Serialize};

use crate::{Batches, History, Logs, Mean};

/// Where a training is, apart from the tensors: all that a resumed one needs to go on with the same numbers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// The epoch, from 0, and the number of its steps that are done.
    pub(crate) epoch: usize,
    pub(crate) step: usize,
    /// Steps in all epochs together.
    pub(crate) global_step: u64,
    /// Whether a callback has ended the training.
    pub(crate) stopped: bool,
    /// The running loss of the epoch.
    #[serde(with = "mean")]
    pub(crate) loss: Mean,
    pub(crate) history: History,
    /// The data of the epoch, if one has begun.
    pub(crate) data: Option<Data>,
}

/// By what a checkpoint recognizes the data of its epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Data {
    pub(crate) batches: usize,
    pub(crate) samples: usize,
    pub(crate) order: u64,
}

impl Data {
    pub(crate) fn of(batches: &dyn Batches, epoch: usize) -> Self {
        Data { batches: batches.len(), samples: batches.samples(), order: batches.fingerprint(epoch as u64) }
    }
}

impl State {
    /// The logs of the last epoch that is done.
    pub(crate) fn last_logs(&self) -> Logs {
        self.history.last().cloned().unwrap_or_default()
    }
}

mod mean {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::Mean;

    pub(super) fn serialize<S: Serializer>(mean: &Mean, serializer: S) -> Result<S::Ok, S::Error> {
        mean.state().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Mean, D::Error> {
        let mut mean = Mean::new();
        mean.restore(&Vec::<f64>::deserialize(deserializer)?).map_err(serde::de::Error::custom)?;
        Ok(mean)
    }
}
