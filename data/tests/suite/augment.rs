//! Augmentation against Keras, SciPy, Pillow and torchvision; `fixtures/augment.py` made the numbers.

use std::collections::BTreeMap;

use ocelli_data::augment::{Affine, Augment, CenterCrop, Fill, Filter, Normalize, Resize};
use ocelli_data::{DataLoader, Dataset, Image, Result, SampleRng, VecDataset};
use ocelli_tensor::{Tensor, safetensors};

fn fixtures() -> BTreeMap<String, Tensor> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/augment.safetensors");
    safetensors::load(path).unwrap()
}

fn image(fixtures: &BTreeMap<String, Tensor>, name: &str) -> Image {
    Image::from_tensor(&fixtures[name]).unwrap()
}

/// The largest difference between two pictures of one shape, in the pixels' own units.
fn difference(a: &Image, b: &Image) -> f64 {
    assert_eq!(a.shape(), b.shape());
    let values = |image: &Image| {
        let tensor = image.to_tensor().unwrap();
        tensor.to_dtype(ocelli_tensor::DType::F64).unwrap().to_vec::<f64>().unwrap()
    };
    values(a).iter().zip(values(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

fn affine(numbers: &Tensor) -> Affine {
    let n = numbers.to_vec::<f64>().unwrap();
    Affine { rotation: n[0], shift: [n[1], n[2]], shear: n[3], zoom: [n[4], n[5]] }
}

const FILLS: [(&str, Fill); 4] =
    [("nearest", Fill::Nearest), ("reflect", Fill::Reflect), ("constant", Fill::Constant(0.25)), ("wrap", Fill::Wrap)];

#[test]
fn affine_changes_are_those_of_keras() {
    let fixtures = fixtures();
    let input = image(&fixtures, "keras.input");
    for i in 0..5 {
        let affine = affine(&fixtures[&format!("keras.{i}.numbers")]);
        for (name, fill) in &FILLS[..3] {
            let expected = image(&fixtures, &format!("keras.{i}.{name}"));
            let received = affine.apply(&input, *fill).unwrap();
            let difference = difference(&received, &expected);
            assert!(difference < 1e-6, "{affine:?}, {name}: {difference}");
        }
    }
}

#[test]
fn affine_changes_of_wide_pictures_are_those_of_scipy() {
    let fixtures = fixtures();
    let input = image(&fixtures, "scipy.input");
    let affine = affine(&fixtures["scipy.numbers"]);
    for (name, fill) in FILLS {
        let expected = image(&fixtures, &format!("scipy.{name}"));
        let difference = difference(&affine.apply(&input, fill).unwrap(), &expected);
        assert!(difference < 1e-6, "{name}: {difference}");
    }
}

#[test]
fn bytes_are_rounded_floats() {
    let fixtures = fixtures();
    let bytes = image(&fixtures, "pillow.input");
    let floats = Tensor::to_dtype(&fixtures["pillow.input"], ocelli_tensor::DType::F32).unwrap();
    let floats = Image::from_tensor(&floats).unwrap();
    let affine = affine(&fixtures["scipy.numbers"]);
    for (_, fill) in FILLS {
        let a = affine.apply(&bytes, fill).unwrap();
        let b = affine.apply(&floats, fill).unwrap();
        assert!(difference(&a, &b) <= 0.5 + 1e-4);
    }
}

#[test]
fn resizing_is_pillows() {
    let fixtures = fixtures();
    let input = image(&fixtures, "pillow.input");
    let floats = Tensor::to_dtype(&fixtures["pillow.input"], ocelli_tensor::DType::F32).unwrap();
    let floats = Image::from_tensor(&floats).unwrap();
    for (height, width) in [(20, 17), (6, 7), (13, 4)] {
        for (name, filter) in [
            ("nearest", Filter::Nearest),
            ("bilinear", Filter::Bilinear),
            ("bicubic", Filter::Bicubic),
            ("lanczos3", Filter::Lanczos3),
        ] {
            let resize = Resize { filter, ..Resize::new(height, width) };
            let of = |suffix| image(&fixtures, &format!("pillow.{height}x{width}.{name}{suffix}"));
            let floats = difference(&resize.resize(&floats).unwrap(), &of(".float"));
            assert!(floats < 1e-3, "{height}x{width} {name}: {floats}");
            if matches!(filter, Filter::Nearest | Filter::Bilinear) {
                // Those that do not overshoot; for the others see `geometry.rs`.
                let shown = difference(&resize.resize(&input).unwrap(), &of(""));
                assert!(shown <= 1.0, "{height}x{width} {name}: {shown}");
            }
        }
    }
}

#[test]
fn normalized_pictures_and_crops_are_torchvisions() {
    let fixtures = fixtures();
    let expect = |name: &str, received: Image| {
        let difference = difference(&received, &image(&fixtures, name));
        assert!(difference < 1e-6, "{name}: {difference}");
    };
    let color = || image(&fixtures, "torchvision.color");
    let rng = &mut SampleRng::new(0, 0, 0);
    let (mean, std) = Normalize::IMAGENET;
    let normalize = Normalize::new(mean.to_vec(), std.to_vec());
    expect("torchvision.color.normalize", normalize.apply_image(color(), rng).unwrap());
    for (height, width) in [(2, 3), (4, 5)] {
        let crop = CenterCrop::new(height, width);
        expect(&format!("torchvision.color.crop.{height}x{width}"), crop.apply_image(color(), rng).unwrap());
    }
}

/// A chain of every random change gives the same batches whatever the number of workers.
#[test]
fn augmented_batches_do_not_depend_on_workers() {
    use ocelli_data::augment::{ColorJitter, Compose, HorizontalFlip, RandomAffine, RandomCrop, VerticalFlip};
    let fixtures = fixtures();
    let input = image(&fixtures, "pillow.input");
    let change = Compose::new()
        .then(RandomCrop::new(10, 10, 2))
        .sometimes(0.5, HorizontalFlip::default())
        .then(VerticalFlip::default())
        .then(ColorJitter::new(0.2, 0.2, 0.2, 0.1))
        .then(RandomAffine {
            rotation: 30.0,
            width_shift: 0.1,
            height_shift: 0.1,
            shear: 5.0,
            zoom: [0.8, 1.2],
            fill: Fill::Reflect,
            ..RandomAffine::default()
        });
    let run = |workers: usize, epoch: u64| -> Vec<Vec<f32>> {
        let samples = (0..30).map(|label| (input.clone(), label)).collect();
        let loader = DataLoader::new(VecDataset::new(samples).augment(change.clone()), 7)
            .unwrap()
            .shuffle(true)
            .seed(3)
            .workers(workers);
        loader.epoch(epoch).map(|batch| Ok(batch?.images.to_vec::<f32>()?)).collect::<Result<_>>().unwrap()
    };
    let first = run(0, 0);
    for workers in 1..=3 {
        assert_eq!(run(workers, 0), first);
    }
    assert_ne!(run(0, 1), first);
}
