//! Pooling.

use ocelli_autograd::Var;
use ocelli_tensor::{Padding, PerAxis, PoolOptions};

use crate::{Layer, Module, Result};

/// The largest element of each window of `[N, C, H, W]`.
#[derive(Debug, Clone, PartialEq, Module)]
pub struct MaxPool2d {
    #[module(skip)]
    options: PoolOptions,
}

impl MaxPool2d {
    /// Windows of this size, side by side.
    pub fn new(kernel: impl Into<PerAxis>) -> Self {
        MaxPool2d { options: PoolOptions::new(kernel) }
    }

    /// Distance between neighbouring windows; by default their size.
    #[must_use]
    pub fn stride(mut self, stride: impl Into<PerAxis>) -> Self {
        self.options = self.options.stride(stride);
        self
    }

    /// Places around the input that no window takes its maximum from; by default none.
    #[must_use]
    pub fn padding(mut self, padding: impl Into<Padding>) -> Self {
        self.options = self.options.padding(padding);
        self
    }

    /// Distance between neighbouring places of a window; by default 1.
    #[must_use]
    pub fn dilation(mut self, dilation: impl Into<PerAxis>) -> Self {
        self.options = self.options.dilation(dilation);
        self
    }

    /// Whether a window that reaches over the end counts; by default not.
    #[must_use]
    pub fn ceil_mode(mut self, ceil_mode: bool) -> Self {
        self.options = self.options.ceil_mode(ceil_mode);
        self
    }
}

impl Layer for MaxPool2d {
    fn call(&self, x: &Var) -> Result<Var> {
        Ok(x.max_pool(&self.options)?)
    }
}

/// The mean of each window of `[N, C, H, W]`.
#[derive(Debug, Clone, PartialEq, Module)]
pub struct AvgPool2d {
    #[module(skip)]
    options: PoolOptions,
}

impl AvgPool2d {
    /// Windows of this size, side by side.
    pub fn new(kernel: impl Into<PerAxis>) -> Self {
        AvgPool2d { options: PoolOptions::new(kernel) }
    }

    /// Distance between neighbouring windows; by default their size.
    #[must_use]
    pub fn stride(mut self, stride: impl Into<PerAxis>) -> Self {
        self.options = self.options.stride(stride);
        self
    }

    /// Zeros around the input; by default none.
    #[must_use]
    pub fn padding(mut self, padding: impl Into<Padding>) -> Self {
        self.options = self.options.padding(padding);
        self
    }

    /// Whether a window that reaches over the end counts; by default not.
    #[must_use]
    pub fn ceil_mode(mut self, ceil_mode: bool) -> Self {
        self.options = self.options.ceil_mode(ceil_mode);
        self
    }

    /// Whether the zeros around the input count in the mean; by default they do, as in PyTorch. Keras' do not.
    #[must_use]
    pub fn count_include_pad(mut self, count: bool) -> Self {
        self.options = self.options.count_include_pad(count);
        self
    }
}

impl Layer for AvgPool2d {
    fn call(&self, x: &Var) -> Result<Var> {
        Ok(x.avg_pool(&self.options)?)
    }
}

/// Means of windows chosen so that the output has a given size, whatever the input's.
#[derive(Debug, Clone, PartialEq, Module)]
pub struct AdaptiveAvgPool2d {
    #[module(skip)]
    output: [usize; 2],
}

impl AdaptiveAvgPool2d {
    /// To this height and width.
    pub fn new(output: [usize; 2]) -> Self {
        AdaptiveAvgPool2d { output }
    }
}

impl Layer for AdaptiveAvgPool2d {
    fn call(&self, x: &Var) -> Result<Var> {
        Ok(x.adaptive_avg_pool(self.output)?)
    }
}
