//! Changes that make a pixel of its neighbours: blur, sharpness, classical filters. Places stay as they are, and so do all labels; so does opacity.
//!
//! Outside, a picture goes on as its mirror image ([`Fill::Mirror`](super::Fill::Mirror)): torchvision's "reflect", OpenCV's default.

mod box_blur;
mod correlate;
mod gaussian_blur;
mod kernel_filter;
mod motion_blur;
mod sharpness;

pub use box_blur::{BoxBlur, box_blur};
pub use gaussian_blur::{GaussianBlur, gaussian_blur};
pub use kernel_filter::{Kernel, KernelFilter};
pub use motion_blur::{MotionBlur, motion_blur};
pub use sharpness::{Sharpness, adjust_sharpness};
