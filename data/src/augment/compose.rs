//! Several changes, one after the other.

use serde::{Deserialize, Serialize};

use super::{
    AugMix, Augment, AutoAugment, AutoContrast, BoxBlur, CenterCrop, ChannelDropout, ChannelShuffle, Clahe,
    ColorJitter, Cutout, Elastic, ElasticGrid, Equalize, Gamma, GaussianBlur, GaussianNoise, Grayscale, GridDistortion,
    GridMask, HorizontalFlip, Invert, JpegCompression, KernelFilter, Letterbox, MinMax, MotionBlur, Normalize, OneOf,
    Pad, PcaColor, PerImageStandardization, Posterize, QuarterTurn, RandAugment, RandomAffine, RandomApply, RandomCrop,
    RandomErasing, RandomIouCrop, RandomOrder, RandomPerspective, RandomResizedCrop, RandomRotation, RandomZoomOut,
    Resize, ResizeShorter, SaltAndPepper, Sharpness, ShiftScaleRotate, Solarize, SomeOf, ToFloat, TrivialAugment,
    VerticalFlip, Whitening,
};
use crate::{Error, Result, Sample, SampleRng};

macro_rules! transforms {
    ($($Name:ident),*) => {
        /// Any change of this crate, so that a chain of them can be read from a file and written to one.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "type", rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Transform {
            $(
                #[doc = concat!("See [`", stringify!($Name), "`](super::", stringify!($Name), ").")]
                $Name($Name),
            )*
        }

        $(
            impl From<$Name> for Transform {
                fn from(transform: $Name) -> Self {
                    Transform::$Name(transform)
                }
            }
        )*

        impl Augment for Transform {
            fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
                match self {
                    $(Transform::$Name(transform) => transform.apply(sample, rng),)*
                }
            }
        }
    };
}

transforms!(
    AugMix,
    AutoAugment,
    Cutout,
    GridMask,
    MinMax,
    OneOf,
    PerImageStandardization,
    RandAugment,
    RandomApply,
    RandomErasing,
    RandomOrder,
    SomeOf,
    ToFloat,
    TrivialAugment,
    Whitening,
    AutoContrast,
    BoxBlur,
    CenterCrop,
    ChannelDropout,
    ChannelShuffle,
    Clahe,
    ColorJitter,
    Compose,
    Elastic,
    ElasticGrid,
    Equalize,
    Gamma,
    GaussianBlur,
    GaussianNoise,
    Grayscale,
    GridDistortion,
    HorizontalFlip,
    Invert,
    JpegCompression,
    KernelFilter,
    Letterbox,
    MotionBlur,
    Normalize,
    Pad,
    PcaColor,
    Posterize,
    QuarterTurn,
    RandomAffine,
    RandomCrop,
    RandomIouCrop,
    RandomPerspective,
    RandomResizedCrop,
    RandomRotation,
    RandomZoomOut,
    Resize,
    ResizeShorter,
    SaltAndPepper,
    Sharpness,
    ShiftScaleRotate,
    Solarize,
    VerticalFlip
);

/// One change of a [`Compose`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// How often it is made.
    #[serde(default = "always")]
    pub probability: f64,
    /// The change.
    pub transform: Transform,
}

fn always() -> f64 {
    1.0
}

/// Changes one after the other, each made always or with a probability.
///
/// ```
/// use ocelli_data::augment::{Augment, Compose, RandomAffine, Resize};
/// use ocelli_data::{Image, SampleRng};
/// # fn main() -> ocelli_data::Result<()> {
/// let turn = RandomAffine { rotation: 15.0, ..RandomAffine::default() };
/// let change = Compose::new().then(Resize::new(8, 8)).sometimes(0.5, turn);
/// let image = Image::from_u8([2, 2, 1], vec![0, 50, 100, 255])?;
/// assert_eq!(change.apply_image(image, &mut SampleRng::new(0, 0, 0))?.shape(), [8, 8, 1]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compose {
    /// The changes, in order.
    pub steps: Vec<Step>,
}

impl Compose {
    /// No change.
    pub fn new() -> Self {
        Compose::default()
    }

    /// Appends a change that is always made.
    pub fn then(self, transform: impl Into<Transform>) -> Self {
        self.sometimes(1.0, transform)
    }

    /// Appends a change that is made with a probability.
    pub fn sometimes(mut self, probability: f64, transform: impl Into<Transform>) -> Self {
        self.steps.push(Step { probability, transform: transform.into() });
        self
    }
}

impl Augment for Step {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        check_probability(self.probability)?;
        if rng.chance(self.probability) { self.transform.apply(sample, rng) } else { Ok(sample) }
    }
}

impl Augment for Compose {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        self.steps.iter().try_fold(sample, |sample, step| step.apply(sample, rng))
    }
}

/// `Err` unless it is in `0..=1`.
pub(crate) fn check_probability(probability: f64) -> Result<()> {
    if (0.0..=1.0).contains(&probability) {
        return Ok(());
    }
    let message = format!("expected a probability in 0..=1, received {probability}");
    Err(Error::argument("augment", message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Image;
    use crate::augment::Fill;

    #[test]
    fn a_chain_comes_back_from_json() {
        let chain = Compose::new()
            .then(RandomCrop::new(24, 24, 2))
            .sometimes(0.3, RandomAffine { rotation: 5.0, fill: Fill::Constant(0.5), ..RandomAffine::default() })
            .then(Compose::new().then(VerticalFlip::default()))
            .then(Normalize::new(vec![0.5], vec![0.25]));
        let text = serde_json::to_string(&chain).unwrap();
        assert_eq!(serde_json::from_str::<Compose>(&text).unwrap(), chain);
        let short = r#"{"steps": [{"transform": {"type": "random_affine", "zoom": [0.9, 1.1], "fill": "wrap"}}]}"#;
        let expected =
            Compose::new().then(RandomAffine { zoom: [0.9, 1.1], fill: Fill::Wrap, ..RandomAffine::default() });
        assert_eq!(serde_json::from_str::<Compose>(short).unwrap(), expected);
        // A misspelt setting is not passed over.
        let wrong = r#"{"steps": [{"transform": {"type": "random_affine", "rotatoin": 5.0}}]}"#;
        let text = serde_json::from_str::<Compose>(wrong).unwrap_err().to_string();
        assert!(text.contains("rotatoin"), "{text}");
    }

    #[test]
    fn steps_run_in_order_and_as_often_as_they_should() {
        let image = Image::from_u8([1, 2, 1], vec![100, 200]).unwrap();
        let flip = HorizontalFlip { probability: 1.0, ..HorizontalFlip::default() };
        let chain = Compose::new().sometimes(0.25, flip.clone()).sometimes(0.0, CenterCrop::new(9, 9));
        let flipped = (0..1000)
            .filter(|&i| {
                let rng = &mut SampleRng::new(0, 0, i);
                chain.apply_image(image.clone(), rng).unwrap() != image
            })
            .count();
        // Standard deviation 14.
        assert!((190..310).contains(&flipped), "{flipped}");
        let broken = Compose::new().sometimes(f64::NAN, flip);
        assert!(broken.apply_image(image, &mut SampleRng::new(0, 0, 0)).is_err());
    }
}
