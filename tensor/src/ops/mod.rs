//! The public operations, one family a file: what each promises, its checks, and one call to the kernel of the device.

mod accumulate;
pub(crate) mod arithmetic;
mod arrange;
mod cast;
mod compare;
pub(crate) mod conv;
pub(crate) mod create;
pub(crate) mod cross_entropy;
mod dropout;
pub(crate) mod einsum;
pub(crate) mod images;
mod index;
pub(crate) mod interpolate;
mod join;
mod linalg;
mod math;
mod matmul;
pub(crate) mod pad;
pub(crate) mod pool;
pub(crate) mod recurrent;
mod reduce;
mod scan;
mod softmax;
mod sort;
pub(crate) mod update;
mod view;
