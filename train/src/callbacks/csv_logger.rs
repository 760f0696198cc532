//! The logs as a table that grows with the epochs.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use ocelli_tensor::safetensors::write_atomically;
use serde::{Deserialize, Serialize};

use super::{Callback, CallbackState, Context};
use crate::history::{csv_header, csv_row};
use crate::{Error, Logs, Result};

/// Writes a line of comma-separated values after each epoch: the epoch counted from 1, then the logs. The columns are those of the first
/// epoch.
///
/// A new training begins the file anew; one that goes on adds to it, and first takes out the lines of epochs that it will train again.
#[derive(Debug, Clone)]
pub struct CsvLogger {
    path: PathBuf,
    columns: Columns,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Columns {
    names: Option<Vec<String>>,
}

impl CsvLogger {
    /// Into this file.
    pub fn new(path: impl AsRef<Path>) -> Self {
        CsvLogger { path: path.as_ref().to_path_buf(), columns: Columns::default() }
    }

    fn append(&self, text: &str) -> Result<()> {
        let mut file =
            OpenOptions::new().create(true).append(true).open(&self.path).map_err(|e| Error::io(&self.path, e))?;
        file.write_all(text.as_bytes()).map_err(|e| Error::io(&self.path, e))
    }
}

impl Callback for CsvLogger {
    fn name(&self) -> &'static str {
        "csv_logger"
    }

    fn on_train_begin(&mut self, context: &mut Context<'_>) -> Result<()> {
        let mut text = String::new();
        if let Some(names) = &self.columns.names
            && context.epoch() > 0
        {
            let old = match std::fs::read_to_string(&self.path) {
                Ok(old) => old,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
                Err(e) => return Err(Error::io(&self.path, e)),
            };
            text = csv_header(names);
            for line in old.split_inclusive('\n').skip(1) {
                let epoch = line.split(',').next().and_then(|number| number.trim().parse::<usize>().ok());
                // A line that was cut short, or that comes after the checkpoint, is written again.
                if line.ends_with('\n') && epoch.is_some_and(|epoch| epoch <= context.epoch()) {
                    text.push_str(line);
                }
            }
        } else {
            self.columns.names = None;
        }
        Ok(write_atomically(&self.path, text.as_bytes())?)
    }

    fn on_epoch_end(&mut self, context: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        let mut text = String::new();
        let names = self.columns.names.get_or_insert_with(|| {
            let names: Vec<String> = logs.names().map(String::from).collect();
            text = csv_header(&names);
            names
        });
        text.push_str(&csv_row(names, context.epoch(), logs));
        self.append(&text)
    }

    fn outputs(&self) -> Vec<PathBuf> {
        vec![self.path.clone()]
    }

    fn state(&self) -> Result<CallbackState> {
        CallbackState::new(&self.columns)
    }

    fn restore(&mut self, state: CallbackState) -> Result<()> {
        self.columns = state.values(self.name())?;
        Ok(())
    }
}
