//! Samples that are read and decoded once.

mod file;
mod making;
mod memory;
mod size;
mod stored;

pub use file::FileCache;
pub use memory::MemoryCache;
pub use size::InMemory;
pub use stored::Stored;
