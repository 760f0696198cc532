//! Numbers brought to a common scale, against Keras, TensorFlow and PyTorch; `fixtures/standardize.py` made the numbers.

use std::collections::BTreeMap;

use ocelli_data::augment::{Augment, Compose, Moments, PerImageStandardization, Whitening, one_hot, smooth_labels};
use ocelli_data::{Image, SampleRng, VecDataset};
use ocelli_tensor::{DType, Tensor, safetensors};

fn fixtures() -> BTreeMap<String, Tensor> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/standardize.safetensors");
    safetensors::load(path).unwrap()
}

/// Pictures of a tensor `[n, height, width, channels]`.
fn pictures(tensor: &Tensor) -> Vec<Image> {
    let of = |i: usize| Image::from_tensor(&tensor.select(0, i as isize).unwrap().permute([2, 0, 1]).unwrap());
    (0..tensor.shape()[0]).map(|i| of(i).unwrap()).collect()
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().to_vec().unwrap()
}

/// Changes the first pictures and compares with all that Keras made of them.
fn compare(change: &dyn Augment, images: &[Image], expected: &Tensor, allowed: f64) {
    let rng = &mut SampleRng::new(0, 0, 0);
    let received: Vec<f32> = images[..expected.shape()[0]]
        .iter()
        .flat_map(|image| change.apply_image(image.clone(), rng).unwrap().to_f32())
        .collect();
    let expected = numbers(expected);
    assert_eq!(received.len(), expected.len());
    let apart = received.iter().zip(expected).map(|(&a, b)| (f64::from(a) - b).abs() / b.abs().max(1.0));
    let apart = apart.fold(0.0, f64::max);
    assert!(apart <= allowed, "{apart}");
}

fn dataset(images: &[Image]) -> VecDataset<(Image, usize)> {
    VecDataset::new(images.iter().map(|image| (image.clone(), 0)).collect())
}

#[test]
fn featurewise_standardization_is_that_of_keras() {
    let fixtures = fixtures();
    let images = pictures(&fixtures["pictures"]);
    let moments = Moments::of(&dataset(&images)).unwrap();
    let (mean, std) = (numbers(&fixtures["featurewise.mean"]), numbers(&fixtures["featurewise.std"]));
    let near = |a: &[f64], b: &[f64]| a.len() == 3 && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
    assert!(near(moments.mean(), &mean) && near(&moments.std(), &std), "{moments:?}");
    compare(&moments.normalize().unwrap(), &images, &fixtures["featurewise"], 1e-6);
}

#[test]
fn whitening_is_that_of_keras() {
    let fixtures = fixtures();
    let images = pictures(&fixtures["pictures"]);
    for (name, epsilon) in [("whitened", Whitening::EPSILON), ("whitened_softly", 0.5)] {
        let whitening = Whitening::fit(&dataset(&images), epsilon).unwrap();
        compare(&whitening, &images, &fixtures[name], 2e-5);
        // As it comes from a file, in a chain.
        let text = serde_json::to_string(&Compose::new().then(whitening)).unwrap();
        compare(&serde_json::from_str::<Compose>(&text).unwrap(), &images, &fixtures[name], 2e-5);
    }
}

#[test]
fn whitening_of_few_pictures_leaves_out_what_none_has() {
    let fixtures = fixtures();
    let few = pictures(&fixtures["pictures"])[..30].to_vec();
    compare(&Whitening::fit(&dataset(&few), Whitening::EPSILON).unwrap(), &few, &fixtures["few"], 2e-5);
}

#[test]
fn standardization_of_single_pictures_is_that_of_tensorflow() {
    let fixtures = fixtures();
    for kind in ["bytes", "floats"] {
        let images = pictures(&fixtures[kind]);
        // TensorFlow adds bytes up in 32 bits.
        compare(&PerImageStandardization {}, &images, &fixtures[&format!("per_image.{kind}")], 5e-5);
    }
}

#[test]
fn smoothed_labels_are_those_of_keras_and_pytorch() {
    let fixtures = fixtures();
    for epsilon in ["0.1", "0.5"] {
        let targets = one_hot(&fixtures["labels"], 5).unwrap();
        let smooth = numbers(&smooth_labels(&targets, epsilon.parse().unwrap()).unwrap());
        for peer in ["torch", "keras"] {
            let expected = numbers(&fixtures[&format!("smooth.{peer}.{epsilon}")]);
            assert!(smooth.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-7), "{peer}: {smooth:?} {expected:?}");
        }
    }
}
