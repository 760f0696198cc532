//! The table of what is shown: one line for each transform.

use ocelli_data::augment::{
    AugMix, Augment, AutoAugment, AutoAugmentPolicy, AutoContrast, BoxBlur, CenterCrop, ChannelDropout, ChannelShuffle,
    Clahe, ColorJitter, Compose, Cutout, Elastic, ElasticGrid, Equalize, Erased, Fill, Gamma, GaussianBlur,
    GaussianNoise, Grayscale, GridDistortion, GridMask, HorizontalFlip, Invert, JpegCompression, Keep, Kernel,
    KernelFilter, Letterbox, MinMax, MotionBlur, Normalize, OneOf, Pad, PcaColor, PerImageStandardization, Posterize,
    QuarterTurn, RandAugment, RandomAffine, RandomApply, RandomCrop, RandomErasing, RandomIouCrop, RandomOrder,
    RandomPerspective, RandomResizedCrop, RandomRotation, RandomZoomOut, Resize, ResizeShorter, SaltAndPepper,
    Sharpness, ShiftScaleRotate, Solarize, SomeOf, ToFloat, Transform, TrivialAugment, VerticalFlip, adjust_brightness,
    adjust_contrast, adjust_hue, adjust_saturation, copy_paste, cutmix, five_crop, mixup, mosaic, ten_crop, turned,
};
use ocelli_data::{Batch, Collate, Image, Result, Sample, SampleRng, Stack};
use ocelli_tensor::Tensor;

use crate::scenes::Scenes;

/// Makes a tile of the scenes.
pub(crate) type Change = Box<dyn Fn(&Scenes, &mut SampleRng) -> Result<Sample>>;

const GRAY: Fill = Fill::Constant(127.0);

/// All tiles, each with its title.
pub(crate) fn transforms() -> Vec<(&'static str, Change)> {
    vec![
        ("original", one(Compose::new())),
        // Geometry.
        ("HorizontalFlip", one(HorizontalFlip { probability: 1.0, ..HorizontalFlip::default() })),
        ("VerticalFlip", one(VerticalFlip { probability: 1.0, ..VerticalFlip::default() })),
        ("QuarterTurn", one(QuarterTurn::default())),
        ("turned by 90°", each(|sample, _| turned(sample, 1))),
        ("RandomCrop", one(RandomCrop::new(180, 240, 0))),
        ("RandomCrop, border", one(RandomCrop { fill: Fill::Mirror, ..RandomCrop::new(240, 320, 60) })),
        ("CenterCrop", one(CenterCrop::new(160, 200))),
        ("RandomResizedCrop", one(RandomResizedCrop { area: [0.2, 0.5], ..RandomResizedCrop::new(240, 320) })),
        ("RandomIouCrop", one(RandomIouCrop { overlaps: vec![0.3], ..RandomIouCrop::default() })),
        ("RandomZoomOut", one(RandomZoomOut { probability: 1.0, sides: [1.5, 2.0], fill: GRAY })),
        ("Resize", one(Resize::new(240, 160))),
        ("ResizeShorter", one(ResizeShorter::new(120))),
        ("Letterbox", one(Letterbox { fill: GRAY, ..Letterbox::new(320, 320) })),
        ("Pad, reflect", one(Pad::new(40, Fill::Reflect))),
        ("RandomRotation", one(RandomRotation { fill: GRAY, ..RandomRotation::new(45.0) })),
        ("…, expand", one(RandomRotation { expand: true, fill: GRAY, ..RandomRotation::new(45.0) })),
        ("RandomAffine, nearest", one(affine(Fill::Nearest))),
        ("RandomAffine, wrap", one(affine(Fill::Wrap))),
        ("ShiftScaleRotate", one(shift_scale_rotate())),
        ("RandomPerspective", one(RandomPerspective { probability: 1.0, fill: GRAY, ..RandomPerspective::default() })),
        ("Elastic", one(Elastic { alpha: 90.0, fill: GRAY, ..Elastic::default() })),
        ("ElasticGrid", one(ElasticGrid { deviation: 12.0, ..ElasticGrid::default() })),
        ("GridDistortion", one(GridDistortion { limit: 0.5, ..GridDistortion::default() })),
        ("five_crop", several(|image, _| Ok(five_crop(image, [96, 96])?.to_vec()))),
        ("ten_crop", several(|image, _| ten_crop(image, [96, 96], false))),
        // Colour.
        ("adjust_brightness", image(|image| adjust_brightness(image, 1.5))),
        ("adjust_contrast", image(|image| adjust_contrast(image, 0.4))),
        ("adjust_saturation", image(|image| adjust_saturation(image, 2.5))),
        ("adjust_hue", image(|image| adjust_hue(image, 0.25))),
        ("ColorJitter", one(ColorJitter::new(0.5, 0.5, 0.5, 0.3))),
        ("Gamma", one(Gamma { gamma: [2.0, 2.0] })),
        ("Grayscale", one(Grayscale {})),
        ("ChannelShuffle", one(ChannelShuffle {})),
        ("ChannelDropout", one(ChannelDropout::default())),
        ("PcaColor", one(PcaColor { std: 1.0, ..PcaColor::default() })),
        ("Equalize", one(Equalize {})),
        ("AutoContrast", one(AutoContrast {})),
        ("Clahe", one(Clahe { clip_limit: [4.0, 4.0], ..Clahe::default() })),
        ("Posterize", one(Posterize { bits: 2 })),
        ("Solarize", one(Solarize { threshold: 110.0 })),
        ("Invert", one(Invert {})),
        // Filters and noise.
        ("Sharpness", one(Sharpness { factor: [6.0, 6.0] })),
        ("GaussianBlur", one(GaussianBlur { kernel: [15, 15], sigma: [4.0, 4.0] })),
        ("MotionBlur", one(MotionBlur { kernel: [21, 21] })),
        ("BoxBlur", one(BoxBlur { kernel: [11, 11] })),
        ("KernelFilter, Sobel", one(KernelFilter { kernel: Kernel::Sobel })),
        ("KernelFilter, Scharr", one(KernelFilter { kernel: Kernel::Scharr })),
        ("KernelFilter, sharpen", one(KernelFilter { kernel: Kernel::Sharpen })),
        ("KernelFilter, emboss", one(KernelFilter { kernel: Kernel::Emboss })),
        ("KernelFilter, edge", one(KernelFilter { kernel: Kernel::Edge })),
        ("GaussianNoise", one(GaussianNoise { sigma: 0.15, ..GaussianNoise::default() })),
        ("SaltAndPepper", one(SaltAndPepper { amount: [0.06, 0.06], ..SaltAndPepper::default() })),
        ("JpegCompression", one(JpegCompression { quality: [5, 5] })),
        // Erasing.
        ("RandomErasing", one(RandomErasing { probability: 1.0, ..RandomErasing::default() })),
        ("…, random", one(RandomErasing { probability: 1.0, value: Erased::Random, ..RandomErasing::default() })),
        ("Cutout", one(Cutout { holes: 4, ..Cutout::new(50) })),
        ("GridMask", one(GridMask { probability: 1.0, unit: [40, 60], rotation: 45.0, ..GridMask::default() })),
        // Policies.
        ("AutoAugment, ImageNet", one(AutoAugment { policy: AutoAugmentPolicy::ImageNet, ..AutoAugment::default() })),
        ("AutoAugment, CIFAR-10", one(AutoAugment { policy: AutoAugmentPolicy::Cifar10, ..AutoAugment::default() })),
        ("AutoAugment, SVHN", one(AutoAugment { policy: AutoAugmentPolicy::Svhn, ..AutoAugment::default() })),
        ("RandAugment", one(RandAugment::default())),
        ("TrivialAugment", one(TrivialAugment::default())),
        // A mixture of moved pictures: where objects are cannot be said.
        ("AugMix", each(|sample, rng| Ok(AugMix::default().apply_image(sample.image, rng)?.into()))),
        // Composition.
        ("OneOf", one(OneOf::new().or(Invert {}).or(blur()).or(RandomRotation::new(30.0)))),
        ("SomeOf", one(SomeOf::new(2).or(Invert {}).or(blur()).or(RandomRotation::new(30.0)))),
        ("RandomApply", one(RandomApply::new(0.7, Compose::new().then(Invert {}).then(blur())))),
        ("RandomOrder", one(RandomOrder::new(Compose::new().then(Posterize { bits: 2 }).then(blur())))),
        // Numbers, which are stretched to be seen.
        ("ToFloat", one(ToFloat {})),
        ("MinMax", one(MinMax::default())),
        ("PerImageStandardization", one(PerImageStandardization {})),
        ("Normalize", one(normalize())),
        // Mixing.
        ("mixup", mixed(|batch, rng| Ok(mixup(batch, 2, 8.0, rng)?.images))),
        ("cutmix", mixed(|batch, rng| Ok(cutmix(batch, 2, 1.0, rng)?.images))),
        ("mosaic", all(|samples, rng| mosaic(samples.clone(), [160, 200], GRAY, &Keep::default(), rng))),
        ("copy_paste", all(|[target, source, ..], rng| copy_paste(target.clone(), source, 0.6, 20, rng))),
    ]
}

fn affine(fill: Fill) -> RandomAffine {
    let shifts = RandomAffine { width_shift: 0.15, height_shift: 0.15, ..RandomAffine::default() };
    RandomAffine { rotation: 30.0, shear: 15.0, zoom: [0.8, 1.2], fill, ..shifts }
}

fn shift_scale_rotate() -> ShiftScaleRotate {
    let turns =
        ShiftScaleRotate { rotation: [-40.0, 40.0], shift: [0.1, 0.1], fill: GRAY, ..ShiftScaleRotate::default() };
    ShiftScaleRotate { scale: [0.7, 1.1], shear_x: [-15.0, 15.0], shear_y: [-15.0, 15.0], ..turns }
}

fn normalize() -> Normalize {
    let (mean, std) = Normalize::IMAGENET;
    Normalize::new(mean.to_vec(), std.to_vec())
}

fn blur() -> BoxBlur {
    BoxBlur { kernel: [9, 9] }
}

/// A transform of one sample.
fn one(transform: impl Into<Transform>) -> Change {
    let transform = transform.into();
    each(move |sample, rng| transform.apply(sample, rng))
}

/// A function of one sample.
fn each(change: impl Fn(Sample, &mut SampleRng) -> Result<Sample> + 'static) -> Change {
    Box::new(move |scenes, rng| change(scenes.samples[0].clone(), rng))
}

/// A function of a picture, whose labels stay where they are.
fn image(change: impl Fn(Image) -> Result<Image> + 'static) -> Change {
    each(move |sample, _| sample.map_image(&change))
}

/// A function of all samples.
fn all(change: impl Fn(&[Sample; 4], &mut SampleRng) -> Result<Sample> + 'static) -> Change {
    Box::new(move |scenes, rng| change(&scenes.samples, rng))
}

/// A function that makes several pictures of one, which are shown in rows of five; they have no labels.
fn several(change: impl Fn(&Image, &mut SampleRng) -> Result<Vec<Image>> + 'static) -> Change {
    each(move |sample, rng| {
        let pictures = change(&sample.image, rng)?.iter().map(Image::to_tensor).collect::<Result<Vec<_>>>()?;
        let rows = pictures.chunks(5).map(|row| Ok(Tensor::concat(row, 2)?)).collect::<Result<Vec<_>>>()?;
        Ok(Sample::from(Image::from_tensor(&Tensor::concat(&rows, 1)?)?))
    })
}

/// A function of a batch of two samples, of which the first is shown; classes alone are mixed, not labels with places.
fn mixed(change: impl Fn(&Batch, &mut SampleRng) -> Result<Tensor> + 'static) -> Change {
    all(move |samples, rng| {
        let pictures = samples.iter().take(2).zip(0..).map(|(sample, class)| (sample.image.clone(), class));
        let images = change(&Stack.collate(pictures.collect())?, rng)?;
        Ok(Sample::from(Image::from_tensor(&images.select(0, 0)?)?))
    })
}
