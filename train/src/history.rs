//! What happened in training, epoch by epoch.

use std::fmt::Write as _;
use std::path::Path;

use ocelli_tensor::safetensors::write_atomically;
use serde::{Deserialize, Serialize};

use crate::{Logs, Result};

/// The logs of every epoch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    epochs: Vec<EpochLogs>,
}

/// The logs of one epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochLogs {
    /// The epoch, counted from 0 as callbacks are told it. Files and progress show it counted from 1.
    pub epoch: usize,
    /// `loss`, the metrics, and with `val_` before their names those on the validation data.
    pub logs: Logs,
}

impl History {
    /// Of no epochs yet.
    pub fn new() -> Self {
        History::default()
    }

    /// Adds an epoch.
    pub fn push(&mut self, epoch: usize, logs: Logs) {
        self.epochs.push(EpochLogs { epoch, logs });
    }

    /// The epochs in order.
    pub fn epochs(&self) -> &[EpochLogs] {
        &self.epochs
    }

    /// Number of epochs.
    pub fn len(&self) -> usize {
        self.epochs.len()
    }

    /// Whether there is no epoch.
    pub fn is_empty(&self) -> bool {
        self.epochs.is_empty()
    }

    /// The logs of the last epoch.
    pub fn last(&self) -> Option<&Logs> {
        self.epochs.last().map(|epoch| &epoch.logs)
    }

    /// All names that occur, in the order in which they first do.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for name in self.epochs.iter().flat_map(|epoch| epoch.logs.names()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The numbers of one name with their epochs (from 0); epochs that do not have it are left out.
    pub fn get(&self, name: &str) -> Vec<(usize, f64)> {
        let value = |epoch: &EpochLogs| Some((epoch.epoch, epoch.logs.get(name)?));
        self.epochs.iter().filter_map(value).collect()
    }

    /// As comma-separated text: a line of names that begins with `epoch`, then a line per epoch, counted from 1. What an epoch
    /// does not have is empty. Numbers are written so that they read back to the last bit.
    pub fn to_csv(&self) -> String {
        let names = self.names();
        let mut text = csv_header(&names);
        for epoch in &self.epochs {
            text.push_str(&csv_row(&names, epoch.epoch, &epoch.logs));
        }
        text
    }

    /// Writes [`History::to_csv`] to a file, which appears whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_csv(&self, path: impl AsRef<Path>) -> Result<()> {
        Ok(write_atomically(path, self.to_csv().as_bytes())?)
    }

    /// Draws loss and accuracy over the epochs into a PNG file, which appears whole or not at all: see [`plot`](crate::plot).
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_png(&self, path: impl AsRef<Path>) -> Result<()> {
        crate::plot::write_curves(self, path)
    }
}

/// The first line of a table of logs.
pub(crate) fn csv_header<S: AsRef<str>>(names: &[S]) -> String {
    let mut line = "epoch".to_string();
    for name in names {
        line.push(',');
        line.push_str(&quoted(name.as_ref()));
    }
    line.push('\n');
    line
}

/// The line of an epoch (from 0).
pub(crate) fn csv_row<S: AsRef<str>>(names: &[S], epoch: usize, logs: &Logs) -> String {
    let mut line = (epoch + 1).to_string();
    for name in names {
        line.push(',');
        if let Some(value) = logs.get(name.as_ref()) {
            // Writing to a string cannot fail.
            let _ = write!(line, "{value}");
        }
    }
    line.push('\n');
    line
}

/// Text as RFC 4180 wants it in a field.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_with_gaps() {
        let mut history = History::new();
        history.push(0, [("loss", 0.5), ("a,b", 1.0)].into());
        history.push(1, [("loss", 1.0 / 3.0), ("val_loss", f64::NAN)].into());
        let expected = "epoch,loss,\"a,b\",val_loss\n1,0.5,1,\n2,0.3333333333333333,,NaN\n";
        assert_eq!(history.to_csv(), expected);
        assert_eq!(history.get("a,b"), [(0, 1.0)]);
        assert_eq!(history.last().and_then(|logs| logs.get("loss")), Some(1.0 / 3.0));

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history.csv");
        history.write_csv(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        assert!(history.write_csv(directory.path().join("missing/x.csv")).is_err());
    }

    #[test]
    fn an_empty_history_is_a_header() {
        assert_eq!(History::new().to_csv(), "epoch\n");
        assert!(History::new().is_empty() && History::new().last().is_none());
    }
}
