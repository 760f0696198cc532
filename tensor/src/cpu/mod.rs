//! Kernels on the CPU. They receive arguments that `ops` has checked.

pub(crate) mod conv;
pub(crate) mod copy;
pub(crate) mod cross_entropy;
pub(crate) mod dropout;
pub(crate) mod elementwise;
pub(crate) mod gemm;
pub(crate) mod index;
pub(crate) mod interpolate;
pub(crate) mod linalg;
pub(crate) mod math;
pub(crate) mod norm;
pub(crate) mod pad;
pub(crate) mod parallel;
pub(crate) mod pool;
pub(crate) mod recurrent;
pub(crate) mod reduce;
pub(crate) mod roi;
pub(crate) mod scan;
pub(crate) mod simd;
pub(crate) mod softmax;
pub(crate) mod sort;
pub(crate) mod special;
pub(crate) mod stream;
pub(crate) mod threads;
pub(crate) mod update;
pub(crate) mod walk;
