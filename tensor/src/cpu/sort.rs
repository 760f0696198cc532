//! Sorting kernels.
