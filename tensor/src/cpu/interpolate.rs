//! Resizing kernels.
