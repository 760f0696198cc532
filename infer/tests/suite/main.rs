//! Plans, one program for all so that it is linked once.

mod common;
mod errors;
mod models;
mod ops;
mod threads;
