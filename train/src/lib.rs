//! Training: fit, evaluate, predict, metrics, callbacks, history, and checkpoints that resume to the last bit.
//!
//! A [`Trainer`] takes a model, a loss and an optimizer; [`Trainer::fit`] trains on the batches of a loader, shows its progress, calls
//! [`Callback`]s in Keras' order and keeps a [`History`].
//!
//! ```
//! use ocelli_data::{DataLoader, TensorDataset};
//! use ocelli_nn::{CrossEntropy, Linear, Module, ReLU, Sequential};
//! use ocelli_optim::Adam;
//! use ocelli_tensor::{DType, Generator, Tensor};
//! use ocelli_train::{Accuracy, EarlyStopping, Progress, Trainer};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // 256 points; class 1 are those whose coordinates have one sign.
//! let mut generator = Generator::new(42);
//! let points = Tensor::randn([256, 2], DType::F32, &mut generator)?;
//! let classes = points.select(1, 0)?.mul(&points.select(1, 1)?)?.gt(0.0)?.to_dtype(DType::I64)?;
//! let loader = DataLoader::new(TensorDataset::new(points.clone(), classes)?, 32)?.shuffle(true).seed(42);
//!
//! let model = Sequential::new()
//!     .add(Linear::new(2, 32, &mut generator)?)
//!     .add(ReLU)
//!     .add(Linear::new(32, 2, &mut generator)?);
//! let directory = std::env::temp_dir().join(format!("ocelli-train-doc-{}", std::process::id()));
//! let mut trainer = Trainer::new(&model, CrossEntropy::new(), Adam::new(model.named_parameters()))
//!     .learning_rate(0.01)
//!     .metric(Accuracy::new())
//!     .callback(EarlyStopping::new("loss").patience(3))
//!     .checkpoint(directory.join("checkpoint.safetensors"))
//!     .progress(Progress::Silent);
//! let fit = trainer.fit(&loader, None, 20)?;
//! assert!(trainer.evaluate(&loader)?.get("accuracy").is_some_and(|accuracy| accuracy > 0.9));
//! assert_eq!(trainer.predict(&points)?.shape()[..], [256, 2]);
//!
//! // The curves, the table, and a training that goes on where it was.
//! fit.history.write_png(directory.join("history.png"))?;
//! fit.history.write_csv(directory.join("history.csv"))?;
//! trainer.resume(directory.join("checkpoint.safetensors"))?;
//! # std::fs::remove_dir_all(&directory)?;
//! # Ok(())
//! # }
//! ```
//!
//! **Resuming.** A checkpoint holds the weights, the optimizer's and the callbacks' state, the learning rate or schedule, the positions of
//! the model's random streams, and the sums of the epoch so far. With the same loader, the training that goes on from it comes to the
//! same weights and logs, bit for bit, as one that was never stopped, at whatever step that was.

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

pub use batches::{Batches, Pairs, Supervised};
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
