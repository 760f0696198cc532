//! Random changes of pictures that leave their meaning as it is.
//!
//! Every change is a plain struct that serde can read and write, and draws its random numbers from the sample's own
//! [`SampleRng`]. They chain in a [`Compose`]; [`OneOf`], [`SomeOf`], [`RandomApply`] and [`RandomOrder`] draw some of a chain, and policies
//! ([`AutoAugment`], [`RandAugment`], [`TrivialAugment`], [`AugMix`]) have tables of their own.
//!
//! ```
//! use ocelli_data::augment::{Compose, Normalize, RandomAffine};
//! use ocelli_data::{DataLoader, Dataset, mnist};
//! # fn main() -> ocelli_data::Result<()> {
//! let change = Compose::new()
//!     .then(RandomAffine { rotation: 10.0, width_shift: 0.1, height_shift: 0.1, ..RandomAffine::default() })
//!     .then(Normalize::new(vec![0.1307], vec![0.3081]));
//! let (train, _) = mnist::embedded()?;
//! let loader = DataLoader::new(train.augment(change), 32)?.shuffle(true).seed(1);
//! let batch = loader.epoch(0).next().transpose()?;
//! assert!(batch.is_some_and(|batch| batch.images.shape()[..] == [32, 1, 28, 28]));
//! # Ok(())
//! # }
//! ```

mod affine;
mod choose;
mod color;
mod compose;
mod copy_paste;
mod crop;
mod draw;
mod elastic;
mod erasing;
mod fill;
mod filter;
mod flip;
mod geometry;
mod grid_distortion;
mod iou_crop;
mod keep;
mod mixing;
mod mosaic;
mod noise;
mod normalize;
mod numbers;
mod pad;
mod perspective;
mod policies;
mod random_affine;
mod resize;
mod resize_within;
mod resized_crop;
mod several_crops;
mod shift_scale_rotate;
mod test_time;
mod turn;
mod zoom_out;

pub use affine::Affine;
pub use choose::{Choice, OneOf, RandomApply, RandomOrder, SomeOf};
pub use color::{
    AutoContrast, ChannelDropout, ChannelShuffle, Clahe, ColorJitter, Equalize, Gamma, Grayscale, Invert, PcaColor,
    Posterize, Solarize, adjust_brightness, adjust_contrast, adjust_gamma, adjust_hue, adjust_saturation, autocontrast,
    clahe, equalize, grayscale, invert, posterize, solarize,
};
pub(crate) use compose::check_probability;
pub use compose::{Compose, Step, Transform};
pub use copy_paste::copy_paste;
pub use crop::{CenterCrop, RandomCrop};
pub use elastic::{Elastic, ElasticGrid};
pub use erasing::{Cutout, Erased, GridMask, RandomErasing};
pub use fill::Fill;
pub use filter::{
    BoxBlur, GaussianBlur, Kernel, KernelFilter, MotionBlur, Sharpness, adjust_sharpness, box_blur, gaussian_blur,
    motion_blur,
};
pub use flip::{HorizontalFlip, VerticalFlip, flip_horizontal, flip_vertical};
pub use geometry::Interpolation;
pub use grid_distortion::GridDistortion;
pub use iou_crop::RandomIouCrop;
pub use keep::Keep;
pub use mixing::{MixBatches, MixedBatch, cutmix, mixup};
pub use mosaic::mosaic;
pub use noise::{GaussianNoise, JpegCompression, SaltAndPepper, jpeg_compression};
pub use normalize::Normalize;
pub use numbers::{MinMax, Moments, PerImageStandardization, ToFloat, Whitening, one_hot, smooth_labels};
pub use pad::Pad;
pub use perspective::{RandomPerspective, perspective};
pub use policies::{
    AugMix, AutoAugment, AutoAugmentPolicy, Candidate, MagnitudeTable, Magnitudes, Operation, RandAugment,
    TrivialAugment, Warp,
};
pub use random_affine::RandomAffine;
pub use resize::{Filter, Resize};
pub use resize_within::{Letterbox, ResizeShorter};
pub use resized_crop::RandomResizedCrop;
pub use several_crops::{FiveCrop, TenCrop, five_crop, ten_crop};
pub use shift_scale_rotate::{RandomRotation, ShiftScaleRotate};
pub use test_time::{Merge, View, merge_scores};
pub use turn::{QuarterTurn, turned};
pub use zoom_out::RandomZoomOut;

use crate::{Image, Result, Sample, SampleRng};

/// A change of a picture and of all that is known of it: boxes, masks, keypoints and class maps follow the picture.
pub trait Augment: Send + Sync {
    /// Changes a sample; whatever is random about it comes from `rng`.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) if a setting is out of its domain or does not suit the picture, if masks have another size
    /// than the picture, or if the new picture would have more than 178,956,970 pixels, as many as a [`Decoder`](crate::image_io::Decoder) reads, and more than the old one.
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample>;

    /// Changes a picture of which nothing else is known.
    ///
    /// # Errors
    /// As [`Augment::apply`].
    fn apply_image(&self, image: Image, rng: &mut SampleRng) -> Result<Image> {
        Ok(self.apply(Sample::from(image), rng)?.image)
    }
}
