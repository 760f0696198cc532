//! Kernels that put tensors together.
