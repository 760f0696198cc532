//! Training: fit, evaluate, predict, metrics, callbacks, history and checkpoints that resume to the last bit.

mod batches;
mod callbacks;
mod checkpoint;
mod error;
mod evaluate;
mod fit;
mod history;
mod interrupt;
mod logs;
mod metrics;
pub mod plot;
mod progress;
mod rate;
mod state;
mod trainer;

pub use batches::{Batches, Supervised};
pub use callbacks::{
    Callback, CallbackState, Context, CsvLogger, EarlyStopping, LearningRateScheduler, ModelCheckpoint, Monitor,
    MonitorMode, ReduceLROnPlateau,
};
pub use checkpoint::Checkpoint;
pub use error::{Error, Result};
pub use fit::Fit;
pub use history::{EpochLogs, History};
pub use logs::Logs;
pub use metrics::{Accuracy, BinaryAccuracy, ConfusionMatrix, Mean, Metric, TopKAccuracy};
pub use progress::Progress;
pub use trainer::{Clip, Trainer};
