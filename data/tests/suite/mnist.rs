//! The embedded sample, and the whole data sets where they are at hand.
//!
//! The numbers are those that describe the published files: sizes, first labels, how often each digit occurs, mean and standard deviation.

use crate::real_data::directory;
use ocelli_data::{DataLoader, Dataset, ImageClassification, fashion_mnist, mnist};

fn histogram(data: &ImageClassification) -> [usize; 10] {
    let mut counts = [0; 10];
    for &label in data.labels() {
        counts[usize::from(label)] += 1;
    }
    counts
}

/// Mean and standard deviation of all pixels in 0..1.
fn moments(data: &ImageClassification) -> (f64, f64) {
    let pixels = data.images().to_vec::<u8>().unwrap();
    let (mut sum, mut squares) = (0u64, 0u64);
    for &pixel in &pixels {
        sum += u64::from(pixel);
        squares += u64::from(pixel).pow(2);
    }
    let mean = sum as f64 / pixels.len() as f64;
    let variance = squares as f64 / pixels.len() as f64 - mean * mean;
    (mean / 255.0, variance.sqrt() / 255.0)
}

#[test]
fn embedded_sample() {
    let (train, test) = mnist::embedded().unwrap();
    assert_eq!(train.images().shape()[..], [8_000, 28, 28]);
    assert_eq!(test.images().shape()[..], [2_000, 28, 28]);
    assert_eq!(train.labels()[..10], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    assert_eq!(train.classes(), 10);
    // Every digit is there, about as often as any other.
    assert!(histogram(&train).iter().all(|count| (600..1000).contains(count)));
    assert!(histogram(&test).iter().all(|count| (150..250).contains(count)));
    let (mean, deviation) = moments(&train);
    assert!((mean - 0.1307).abs() < 0.002 && (deviation - 0.3081).abs() < 0.002);
    let loader = DataLoader::new(test, 512).unwrap().workers(1);
    let batch = loader.epoch(0).nth(3).unwrap().unwrap();
    assert_eq!(batch.images.shape()[..], [464, 1, 28, 28]);
}

#[test]
fn the_sample_begins_the_whole() {
    let Some(directory) = directory("mnist") else {
        return;
    };
    let (train, test) = mnist::from_directory(directory).unwrap();
    assert_eq!(train.images().shape()[..], [60_000, 28, 28]);
    assert_eq!(test.images().shape()[..], [10_000, 28, 28]);
    assert_eq!(train.labels()[..10], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    assert_eq!(test.labels()[..10], [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
    let expected = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949];
    assert_eq!(histogram(&train), expected);
    assert_eq!(histogram(&test), [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    let (mean, deviation) = moments(&train);
    assert!((mean - 0.130660).abs() < 1e-6 && (deviation - 0.308108).abs() < 1e-6);
    let (sample, _) = mnist::embedded().unwrap();
    for index in [0, 1, 4_000] {
        assert_eq!(sample.get(index).unwrap(), train.get(index).unwrap());
    }
}

#[test]
fn fashion() {
    let Some(directory) = directory("fashion-mnist") else {
        return;
    };
    let (train, test) = fashion_mnist::from_directory(directory).unwrap();
    assert_eq!((train.name(), train.class_names()[9].as_str()), ("fashion-mnist", "Ankle boot"));
    assert_eq!(histogram(&train), [6_000; 10]);
    assert_eq!(histogram(&test), [1_000; 10]);
    assert_eq!(train.labels()[..4], [9, 0, 0, 3]);
    let (mean, deviation) = moments(&train);
    assert!((mean - 0.286).abs() < 5e-4 && (deviation - 0.353).abs() < 5e-4);
}
