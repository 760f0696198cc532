//! Softmax kernels.
