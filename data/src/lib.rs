//! Data sets, loaders and augmentation for computer vision.
//!
//! A [`Dataset`] gives samples by number; combinators make others of it ([`Dataset::map`], [`Dataset::map_random`],
//! [`Dataset::subset`], [`Concat`], [`split`], [`stratified_split`], [`k_fold`]); a [`DataLoader`] makes shuffled batches of it, or those of
//! another [`sampler`], read ahead by worker threads. The batches follow from a seed alone, whatever the number of workers.
//!
//! ```
//! use ocelli_data::{DataLoader, Dataset, mnist, stratified_split};
//!
//! # fn main() -> ocelli_data::Result<()> {
//! // 10,000 real digits are part of this crate; nothing is downloaded.
//! let (train, test) = mnist::embedded()?;
//! assert_eq!((train.len(), test.len()), (8_000, 2_000));
//!
//! // Hold every tenth digit of each class back for validation.
//! let labels = train.labels().to_vec();
//! let parts = stratified_split(train, &[0.9, 0.1], 42, |i| Ok(usize::from(labels[i])))?;
//! let (train, validation) = (parts[0].clone(), parts[1].clone());
//! assert_eq!(train.len() + validation.len(), 8_000);
//!
//! // Batches in a new order each epoch, read ahead by two threads.
//! let loader = DataLoader::new(train, 64)?.shuffle(true).seed(42).workers(2);
//! for batch in loader.epoch(0).take(3) {
//!     let batch = batch?;
//!     assert_eq!(batch.images.shape()[..], [64, 1, 28, 28]);
//!     assert_eq!(batch.labels.shape()[..], [64]);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The embedded digits are a sample of MNIST (Y. LeCun, C. Cortes, C. Burges), which is licensed under CC BY-SA 3.0, unlike the code of this
//! crate; `assets/mnist-sample/README.md` says where they come from.

pub mod annotation;
pub mod augment;
mod cache;
mod classification;
mod clip;
mod dataset;
#[cfg(feature = "download")]
pub mod download;
mod error;
pub mod fashion_mnist;
pub mod generated;
pub mod idx;
mod idx_directory;
mod image;
pub mod image_io;
mod loader;
pub mod mnist;
mod random;
pub mod readers;
mod reserve;
mod sample;
pub mod sampler;
pub mod writers;

pub use cache::{FileCache, InMemory, MemoryCache, Stored};
pub use classification::ImageClassification;
pub use clip::Clip;
pub use dataset::{
    Augmentable, Augmented, Concat, CopyPaste, CopyPasteSettings, Dataset, Fold, Map, MapRandom, Mosaic,
    MosaicSettings, Subset, TensorDataset, VecDataset, group_k_fold, group_split, k_fold, multi_label_split, split,
    stratified_k_fold, stratified_split,
};
pub use error::{Error, Result};
pub use image::{Image, Pixels, PixelsMut};
pub use loader::{
    Batch, Broken, ClipBatch, Collate, DataLoader, Epoch, ListBatch, Lists, LoaderState, LoaderStats, MultiHot,
    MultiHotBatch, Pad, PaddedBatch, Progress, Skipped, Stack, StackClips,
};
pub use random::SampleRng;
pub use sample::{LabelledDataset, Record, Sample};
