//! Noise and what files do to pictures. Places stay as they are, and so do all labels; so does opacity.

mod gaussian_noise;
mod jpeg;
mod salt_and_pepper;

pub use gaussian_noise::GaussianNoise;
pub use jpeg::{JpegCompression, jpeg_compression};
pub use salt_and_pepper::SaltAndPepper;
