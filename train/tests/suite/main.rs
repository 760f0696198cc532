//! Training, one program for all so that it is linked once.

mod callbacks;
mod common;
mod resume;
mod robustness;
mod training;
