//! Policies and random erasing against torchvision; `fixtures/policies.py` made the numbers.

use std::collections::BTreeMap;

use ocelli_data::annotation::{BoundingBox, BoxFormat, ClassMap, Keypoints, Object};
use ocelli_data::augment::{
    Augment, AutoAugment, AutoAugmentPolicy, Fill, Interpolation, MagnitudeTable, Magnitudes, Operation, RandAugment,
    RandomErasing, TrivialAugment, Warp,
};
use ocelli_data::{Image, Pixels, Sample, SampleRng};
use ocelli_tensor::{Tensor, safetensors};

fn fixtures() -> BTreeMap<String, Tensor> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/policies.safetensors");
    safetensors::load(path).unwrap()
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    tensor.to_vec().unwrap()
}

/// The largest difference between two pictures, in the pixels' own units.
fn difference(a: &Image, b: &Image) -> f32 {
    assert_eq!(a.shape(), b.shape());
    let apart = a.to_f32().iter().zip(b.to_f32()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    if matches!(a.pixels(), Pixels::U8(_)) { apart * 255.0 } else { apart }
}

#[test]
fn operations_that_move_pixels_are_those_of_torchvision() {
    let fixtures = fixtures();
    let picture = Image::from_tensor(&fixtures["image"]).unwrap();
    let moved = |operation: Operation, image: &Image, magnitude, warp: &Warp| {
        operation.apply(Sample::from(image.clone()), magnitude, warp).unwrap().image
    };
    let floats = picture.clone().into_float();
    let mut compared = 0;
    for operation in &Operation::ALL[1..6] {
        for (i, magnitude) in numbers(&fixtures[&format!("{operation:?}.magnitudes")]).into_iter().enumerate() {
            let expected = |what: &str| Image::from_tensor(&fixtures[&format!("{operation:?}.{i}.{what}")]).unwrap();
            let nearest = Warp::default();
            assert_eq!(
                moved(*operation, &picture, magnitude, &nearest),
                expected("nearest"),
                "{operation:?} {magnitude}"
            );
            let filled = Warp { fill: Fill::Color([10.0, 200.0, 77.0, 0.0]), ..nearest };
            assert_eq!(
                moved(*operation, &picture, magnitude, &filled),
                expected("filled"),
                "{operation:?} {magnitude}"
            );
            let bilinear = Warp { interpolation: Interpolation::Bilinear, ..nearest };
            let apart = difference(&moved(*operation, &floats, magnitude, &bilinear), &expected("bilinear"));
            assert!(apart < 1e-6, "{operation:?} {magnitude}: {apart}");
            compared += 1;
        }
    }
    assert_eq!(compared, 14);
}

#[test]
fn labels_follow_operations_as_in_torchvision() {
    let fixtures = fixtures();
    let mut sample = Sample::from(Image::from_tensor(&fixtures["image"]).unwrap());
    let size @ [height, width] = sample.image.size();
    let (boxes, points) = (numbers(&fixtures["boxes"]), numbers(&fixtures["points"]));
    for (corners, point) in boxes.as_chunks::<4>().0.iter().zip(points.as_chunks::<2>().0) {
        let keypoints = Some(Keypoints::visible([*point]).unwrap());
        let place = BoundingBox::new(*corners, BoxFormat::Xyxy).unwrap();
        sample.labels.objects.push(Object { keypoints, ..Object::new(0, place) });
    }
    let mask = fixtures["mask"].to_vec::<u8>().unwrap();
    sample.labels.class_map = Some(ClassMap::new(size, mask.iter().map(|&x| u16::from(x)).collect()).unwrap());
    for operation in &Operation::ALL[1..6] {
        for (i, magnitude) in numbers(&fixtures[&format!("{operation:?}.magnitudes")]).into_iter().enumerate() {
            let expected = |what: &str| &fixtures[&format!("{operation:?}.{i}.{what}")];
            let moved = operation.apply(sample.clone(), magnitude, &Warp::default()).unwrap().labels;
            assert_eq!(moved.objects.len(), 2);
            let (boxes, points) = (numbers(expected("boxes")), numbers(expected("points")));
            let places = boxes.as_chunks::<4>().0.iter().zip(points.as_chunks::<2>().0);
            for (object, (corners, &[x, y])) in moved.objects.iter().zip(places) {
                let received = object.bounding_box.to_array(BoxFormat::Xyxy);
                let near = received.iter().zip(corners).all(|(a, b)| (a - b).abs() < 1e-9);
                assert!(near, "{operation:?} {magnitude}: {received:?} {corners:?}");
                // A point that has left the picture is labelled no more.
                let inside = (0.0..=width as f64).contains(&x) && (0.0..=height as f64).contains(&y);
                let point = object.keypoints.as_ref().unwrap().points()[0];
                let near = (point.x - x).abs() < 1e-9 && (point.y - y).abs() < 1e-9;
                assert!(point.is_labelled() == inside && (near || !inside), "{operation:?} {magnitude}: {point:?}");
            }
            let expected = expected("mask").to_vec::<u8>().unwrap();
            let map = moved.class_map.unwrap();
            for (&class, mask) in map.classes().iter().zip(expected) {
                assert!(class == u16::from(mask) || (class == ClassMap::IGNORE && mask == 0), "{operation:?}");
            }
        }
    }
}

#[test]
fn operations_that_change_colours_are_those_of_torchvision() {
    let fixtures = fixtures();
    let bytes = Image::from_tensor(&fixtures["image"]).unwrap();
    let changed = |operation: Operation, image: &Image, magnitude| {
        operation.apply(Sample::from(image.clone()), magnitude, &Warp::default()).unwrap().image
    };
    let mut compared = 0;
    for operation in Operation::ALL.iter().filter(|operation| !Operation::ALL[1..6].contains(operation)) {
        for (i, magnitude) in numbers(&fixtures[&format!("{operation:?}.magnitudes")]).into_iter().enumerate() {
            let expected = |what: &str| Image::from_tensor(&fixtures[&format!("{operation:?}.{i}.{what}")]).unwrap();
            let (received, expected_bytes) = (changed(*operation, &bytes, magnitude), expected("bytes"));
            let apart = received.to_f32().iter().zip(expected_bytes.to_f32()).filter(|(a, b)| **a != *b).count();
            // What is cut off to a byte depends on the last bit of a float where factors mix two colours.
            let mixed = [Operation::Color, Operation::Contrast, Operation::Sharpness].contains(operation);
            let most = if mixed { bytes.to_f32().len() / 100 } else { 0 };
            assert!(apart <= most, "{operation:?} {magnitude}: bytes {apart}");
            assert!(difference(&received, &expected_bytes) < 1.01, "{operation:?} {magnitude}");
            let floats = bytes.clone().into_float();
            let apart = difference(&changed(*operation, &floats, magnitude), &expected("floats"));
            assert!(apart < 2e-6, "{operation:?} {magnitude}: floats {apart}");
            compared += 1;
        }
    }
    assert_eq!(compared, 22);
}

#[test]
fn strengths_are_those_of_torchvision() {
    let fixtures = fixtures();
    let tables = [
        (MagnitudeTable::AutoAugment, &[10][..]),
        (MagnitudeTable::RandAugment, &[31, 10, 2]),
        (MagnitudeTable::TrivialAugmentWide, &[31, 7]),
        (MagnitudeTable::AugMix, &[10]),
        (MagnitudeTable::AugMixPartial, &[10]),
    ];
    for (table, counts) in tables {
        let order = fixtures[&format!("table.{table:?}")].to_vec::<i64>().unwrap();
        let expected: Vec<Operation> = order.into_iter().map(|i| Operation::ALL[i as usize]).collect();
        assert_eq!(table.operations(), expected);
        for &steps in counts {
            for &operation in table.operations() {
                let expected = numbers(&fixtures[&format!("table.{table:?}.{steps}.{operation:?}")]);
                let received = match table.magnitudes(operation, steps, [224, 331]) {
                    Magnitudes::None => vec![],
                    Magnitudes::Plain(all) => [vec![0.0], all].concat(),
                    Magnitudes::Signed(all) => [vec![1.0], all].concat(),
                };
                assert_eq!(received.len(), expected.len(), "{table:?} {operation:?}");
                for (a, b) in received.iter().zip(&expected) {
                    // PyTorch adds steps up in vectors whose width is the processor's: the last of 24 bits may differ.
                    assert!((a - b).abs() <= 2.4e-7 * b.abs().max(1.0), "{table:?} {operation:?}: {a} {b}");
                }
            }
        }
    }
}

#[test]
fn sub_policies_are_those_of_torchvision() {
    let fixtures = fixtures();
    for (policy, name) in [
        (AutoAugmentPolicy::ImageNet, "imagenet"),
        (AutoAugmentPolicy::Cifar10, "cifar10"),
        (AutoAugmentPolicy::Svhn, "svhn"),
    ] {
        let received: Vec<f64> = policy
            .sub_policies()
            .into_iter()
            .flatten()
            .flat_map(|candidate| {
                let operation = Operation::ALL.iter().position(|&other| other == candidate.operation).unwrap();
                [operation as f64, candidate.probability, candidate.step.map_or(-1.0, |step| step as f64)]
            })
            .collect();
        assert_eq!(received, numbers(&fixtures[&format!("policy.{name}")]), "{name}");
    }
}

#[test]
fn policies_change_bytes_and_floats_and_move_labels() {
    let fixtures = fixtures();
    let bytes = Image::from_tensor(&fixtures["image"]).unwrap();
    let policies: Vec<Box<dyn Augment>> = vec![
        Box::new(RandAugment::default()),
        Box::new(TrivialAugment::default()),
        Box::new(AutoAugment::default()),
        Box::new(AutoAugment { policy: AutoAugmentPolicy::Svhn, ..AutoAugment::default() }),
    ];
    for policy in policies {
        let (mut changed, mut moved) = (0, 0);
        for index in 0..60 {
            for image in [bytes.clone(), bytes.clone().into_float()] {
                let mut sample = Sample::from(image.clone());
                let place = BoundingBox::new([6.0, 4.0, 15.0, 11.0], BoxFormat::Xyxy).unwrap();
                sample.labels.objects.push(Object::new(0, place));
                let after = policy.apply(sample.clone(), &mut SampleRng::new(0, 0, index)).unwrap();
                assert_eq!(after, policy.apply(sample, &mut SampleRng::new(0, 0, index)).unwrap());
                assert_eq!(after.image.shape(), image.shape());
                assert!(after.image.to_f32().iter().all(|x| (0.0..=1.0).contains(x)));
                changed += usize::from(after.image != image);
                let there = |object: &Object| object.bounding_box != place;
                moved += usize::from(after.labels.objects.first().is_none_or(there));
            }
        }
        assert!(changed > 60 && moved > 10 && moved < changed, "{changed} {moved}");
    }
}

#[test]
fn rectangles_are_erased_as_often_and_as_large_as_by_torchvision() {
    let fixtures = fixtures();
    for i in 0..3 {
        let expected = numbers(&fixtures[&format!("erasing.{i}")]);
        let [height, width] = [expected[0], expected[1]].map(|side| side as usize);
        let (area, ratio) = ([expected[2], expected[3]], [expected[4], expected[5]]);
        let erasing = RandomErasing { probability: 1.0, area, ratio, ..RandomErasing::default() };
        let image = Image::from_u8([height, width, 1], vec![1; height * width]).unwrap();
        let runs = 20_000;
        // Sums, and sums of squares, of height, width, top and left.
        let (mut sums, mut squares, mut none) = ([0.0; 4], [0.0; 4], 0.0);
        for index in 0..runs {
            let erased = erasing.apply_image(image.clone(), &mut SampleRng::new(1, 0, index)).unwrap();
            let Pixels::U8(pixels) = erased.pixels() else { panic!("bytes stay bytes") };
            let gone = |at: &usize| pixels[*at] == 0;
            let (Some(first), Some(last)) = ((0..pixels.len()).find(gone), (0..pixels.len()).rfind(gone)) else {
                none += 1.0;
                continue;
            };
            let ([top, left], [bottom, right]) = ([first / width, first % width], [last / width, last % width]);
            let found = [bottom - top + 1, right - left + 1, top, left].map(|x| x as f64);
            for ((sum, square), x) in sums.iter_mut().zip(&mut squares).zip(found) {
                *sum += x;
                *square += x * x;
            }
        }
        let count = runs as f64 - none;
        let part = none / runs as f64;
        assert!((part - expected[6]).abs() < 0.012, "{i}: none {part} {}", expected[6]);
        for (k, (sum, square)) in sums.iter().zip(&squares).enumerate() {
            let mean = sum / count;
            let deviation = (square / count - mean * mean).sqrt();
            // Both are random: of 20,000 and 40,000 draws, a mean's standard error is 0.009 deviations.
            let scale = expected[11 + k];
            assert!((mean - expected[7 + k]).abs() < 0.045 * scale, "{i}.{k}: mean {mean} {}", expected[7 + k]);
            assert!((deviation / scale - 1.0).abs() < 0.045, "{i}.{k}: deviation {deviation} {scale}");
        }
    }
}
