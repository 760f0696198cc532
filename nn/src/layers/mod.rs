//! The layers, one family a file.

pub mod activation;
pub mod batch_norm;
pub mod conv;
pub mod dropout;
pub mod flatten;
pub mod group_norm;
pub mod layer_norm;
pub mod linear;
pub mod pool;
pub mod recurrent;
pub mod weights;
