//! Samples that are read and decoded once.

mod file;
mod memory;
mod size;

pub use file::{FileCache, Stored};
pub use memory::MemoryCache;
pub use size::InMemory;
