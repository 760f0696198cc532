//! Changes of colours. Places stay as they are, and so do all labels; so does opacity, the last of two or four channels.
//!
//! They work on pictures whose values mean brightness (bytes, or floats in 0..1), so they belong before
//! [`Normalize`](super::Normalize).

mod adjust;
mod autocontrast;
mod channel_dropout;
mod channel_shuffle;
mod clahe;
mod equalize;
mod gamma;
mod grayscale;
mod hue;
mod invert;
mod jitter;
mod lab;
mod pca;
mod posterize;
mod solarize;
mod values;

pub use adjust::{adjust_brightness, adjust_contrast, adjust_saturation};
pub use autocontrast::{AutoContrast, autocontrast};
pub use channel_dropout::ChannelDropout;
pub use channel_shuffle::ChannelShuffle;
pub use clahe::{Clahe, clahe};
pub use equalize::{Equalize, equalize};
pub use gamma::{Gamma, adjust_gamma};
pub use grayscale::{Grayscale, grayscale};
pub use hue::adjust_hue;
pub use invert::{Invert, invert};
pub use jitter::ColorJitter;
pub use pca::PcaColor;
pub use posterize::{Posterize, posterize};
pub use solarize::{Solarize, solarize};
pub(super) use values::color_channels;
