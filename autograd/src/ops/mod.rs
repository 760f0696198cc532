//! The differentiable operations, one family a file, as in the tensor crate: each is a struct with its attributes.

pub mod activation;
pub mod arithmetic;
pub mod arrange;
pub mod conv;
pub mod cross_entropy;
pub mod dropout;
pub mod einsum;
pub mod index;
pub mod interpolate;
pub mod join;
pub mod layer_norm;
pub mod linalg;
pub mod math;
pub mod matmul;
pub mod norm;
pub mod pad;
pub mod pool;
pub mod recurrent;
pub mod reduce;
pub mod roi;
pub mod scan;
pub mod select;
pub mod softmax;
pub mod sort;
pub mod view;
