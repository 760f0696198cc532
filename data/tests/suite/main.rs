//! Data sets, loaders and augmentation, one program for all so that it is linked once.

mod augment;
mod color;
mod combinators;
mod dataset;
#[cfg(feature = "download")]
mod download;
mod drawn;
mod follow;
mod follow_mixed;
mod generated;
mod geometry;
mod idx;
mod image_io;
mod labelled;
mod loader;
mod loader_state;
mod mnist;
mod mutations;
mod policies;
mod reader_pictures;
mod readers;
mod real_data;
mod rle;
mod standardize;
mod voc;
mod writers;
