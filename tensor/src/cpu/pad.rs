//! Padding kernels.
