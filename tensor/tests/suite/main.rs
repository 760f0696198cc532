//! Operations on tensors, one program for all so that it is linked once.

#[path = "../adapter/mod.rs"]
mod adapter;
mod common;
mod conv;
mod cross_entropy;
mod display;
mod elementwise;
mod empty;
mod index;
mod interpolate;
mod join;
mod layer_norm;
mod matmul;
mod norm;
mod pool;
mod random;
mod recurrent;
mod reduce;
mod roi;
mod scan;
mod softmax;
mod sort;
mod views;
mod wgpu;
