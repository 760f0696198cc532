//! Flattening.

use ocelli_autograd::Var;

use crate::{Layer, Module, Result};

/// All axes behind the first as one: `[N, C, H, W]` to `[N, C·H·W]`.
#[derive(Debug, Clone, Copy, Default, Module)]
pub struct Flatten;

impl Flatten {
    /// The layer.
    pub fn new() -> Self {
        Flatten
    }
}

impl Layer for Flatten {
    fn call(&self, x: &Var) -> Result<Var> {
        if x.rank() < 2 {
            return Ok(x.reshape([-1, 1])?);
        }
        Ok(x.flatten(1, -1)?)
    }
}
