//! Changes that draw random numbers, against torchvision's with numbers that are given; `fixtures/drawn.py` made them. Generators differ, so that draws are gone through until
//! one has the given numbers.

use std::collections::BTreeMap;

use ocelli_data::annotation::{BoxFormat, Segmentation};
use ocelli_data::augment::{
    Augment, Fill, FiveCrop, Keep, MixedBatch, RandomCrop, RandomIouCrop, RandomResizedCrop, RandomZoomOut, TenCrop,
    cutmix, jpeg_compression, mixup,
};
use ocelli_data::{Batch, Image, Result, Sample, SampleRng};
use ocelli_tensor::{Tensor, safetensors};

use crate::geometry::{self, numbers};

fn fixtures() -> BTreeMap<String, Tensor> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/drawn.safetensors");
    safetensors::load(path).unwrap()
}

/// The largest difference between numbers of one shape.
fn apart(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.shape(), b.shape());
    numbers(a).iter().zip(numbers(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Compares a sample without and one with masks to torchvision's: pixels within `pixels`, boxes and keypoints within `corners`, masks exactly. Of the objects
/// those are left that `kept` says, with masks those of them that have a pixel.
fn check(name: &str, [plain, masked]: [&Sample; 2], [pixels, corners]: [f64; 2], kept: &[usize]) {
    let fixtures = fixtures();
    let of = |what: &str| &fixtures[&format!("{name}.{what}")];
    for sample in [plain, masked] {
        let difference = apart(&sample.image.to_tensor().unwrap(), of("image"));
        assert!(difference <= pixels, "{name}: pixels {difference}");
    }
    let near = |received: &[f64], expected: &[f64]| {
        let all = received.iter().zip(expected).all(|(a, b)| (a - b).abs() <= corners);
        assert!(all, "{name}: {received:?}, expected {expected:?}");
    };
    let (boxes, points) = (numbers(of("boxes")), numbers(of("points")));
    let [height, width] = plain.image.size().map(|side| side as f64);
    let classes = |sample: &Sample| sample.labels.objects.iter().map(|object| object.class).collect::<Vec<_>>();
    assert_eq!(classes(plain), kept, "{name}");
    for object in &plain.labels.objects {
        let i = object.class;
        near(&object.bounding_box.to_array(BoxFormat::Xyxy), &boxes[4 * i..4 * i + 4]);
        let (point, expected) = (object.keypoints.as_ref().unwrap().points()[0], &points[2 * i..2 * i + 2]);
        // torchvision keeps keypoints outside of the picture.
        let inside = (0.0..=width).contains(&expected[0]) && (0.0..=height).contains(&expected[1]);
        assert_eq!(point.is_labelled(), inside, "{name}: {point:?}, expected {expected:?}");
        if inside {
            near(&[point.x, point.y], expected);
        }
    }
    let mask = |i: usize| of("masks").select(0, i as isize).unwrap().to_vec::<u8>().unwrap();
    let seen: Vec<usize> = kept.iter().copied().filter(|&i| mask(i).contains(&1)).collect();
    assert_eq!(classes(masked), seen, "{name}");
    for object in &masked.labels.objects {
        let Some(Segmentation::Bitmap(moved)) = &object.segmentation else { panic!("{name}: a bitmap stays one") };
        assert_eq!(moved.pixels(), mask(object.class), "{name}: mask {}", object.class);
    }
}

/// Finds the draw by which the picture becomes torchvision's, and compares all that comes with it.
fn find(name: &str, change: &dyn Augment, limits: [f64; 2], kept: &[usize]) {
    let given = geometry::fixtures();
    let [plain, masked] = [false, true].map(|masks| geometry::sample(&given, masks));
    let expected = &fixtures()[&format!("{name}.image")];
    let found = (0..5000).find(|&seed| {
        let image = change.apply_image(plain.image.clone(), &mut SampleRng::new(seed, 0, 0)).unwrap();
        apart(&image.to_tensor().unwrap(), expected) <= limits[0]
    });
    let seed = found.unwrap_or_else(|| panic!("{name}: no draw gives torchvision's picture"));
    let [plain, masked] = [plain, masked].map(|sample| change.apply(sample, &mut SampleRng::new(seed, 0, 0)).unwrap());
    check(name, [&plain, &masked], limits, kept);
}

#[test]
fn drawn_pieces_are_torchvisions() {
    let all = &[0, 1, 2];
    let crop = RandomCrop { fill: Fill::Constant(9.0), ..RandomCrop::new(20, 30, 3) };
    find("random_crop", &crop, [0.0, 1e-9], all);
    let zoom = RandomZoomOut { probability: 1.0, sides: [1.5, 1.5], fill: Fill::Constant(9.0) };
    find("random_zoom_out", &zoom, [0.0, 1e-9], all);
    // 15 × 25 of 24 × 37 pixels, scaled as other pictures are: see `geometry.rs`.
    let (area, ratio) = (375.0 / 888.0, 25.0 / 15.0);
    let resized = RandomResizedCrop { area: [area; 2], ratio: [ratio; 2], ..RandomResizedCrop::new(16, 28) };
    find("random_resized_crop", &resized, [1.0, 1e-5], all);
}

/// The piece follows from the objects, so that all of the sample is needed to draw it.
#[test]
fn pieces_that_overlap_objects_are_torchvisions() {
    let crop = RandomIouCrop { scale: [0.6, 0.6], overlaps: vec![0.0], ..RandomIouCrop::default() };
    let given = geometry::fixtures();
    let apply =
        |seed: u64, masks: bool| crop.apply(geometry::sample(&given, masks), &mut SampleRng::new(seed, 0, 0)).unwrap();
    let expected = &fixtures()["random_iou_crop.image"];
    let same = |seed: &u64| {
        let image = apply(*seed, false).image.to_tensor().unwrap();
        image.shape() == expected.shape() && apart(&image, expected) == 0.0
    };
    let seed = (0..5000).find(same).unwrap();
    check("random_iou_crop", [&apply(seed, false), &apply(seed, true)], [0.0, 1e-9], &[0, 1]);
}

#[test]
fn five_and_ten_crops_are_torchvisions() {
    let given = geometry::fixtures();
    let [plain, masked] = [false, true].map(|masks| geometry::sample(&given, masks));
    let ten = TenCrop { keep: Keep::ALL, ..TenCrop::new(17, 22) };
    let (plain_pieces, masked_pieces) = (ten.crops(&plain).unwrap(), ten.crops(&masked).unwrap());
    for (i, pieces) in plain_pieces.iter().zip(&masked_pieces).enumerate() {
        check(&format!("ten_crop.{i}"), [pieces.0, pieces.1], [0.0, 1e-9], &[0, 1, 2]);
    }
    let five = FiveCrop { keep: Keep::ALL, ..FiveCrop::new(17, 22) };
    assert_eq!(five.crops(&masked).unwrap(), masked_pieces[..5]);
}

fn batch(fixtures: &BTreeMap<String, Tensor>) -> Batch {
    Batch { images: fixtures["batch"].clone(), labels: fixtures["labels"].clone() }
}

/// What mixup makes is linear in its share, so that two of torchvision's results tell those of all others.
#[test]
fn mixed_batches_are_torchvisions() {
    let fixtures = fixtures();
    for seed in 0..20 {
        let mixed = mixup(&batch(&fixtures), 3, 1.0, &mut SampleRng::new(seed, 0, 0)).unwrap();
        // The first picture is of class 2, the one before it of class 1.
        let part = f64::from(mixed.targets.to_vec::<f32>().unwrap()[2]);
        let line = |what: &str| -> Vec<f64> {
            let [a, b] = ["a", "b"].map(|name| numbers(&fixtures[&format!("mixup.{name}.{what}")]));
            a.iter().zip(b).map(|(a, b)| a + (b - a) * (part - 0.3) / 0.5).collect()
        };
        for (received, expected) in [(&mixed.images, line("images")), (&mixed.targets, line("targets"))] {
            let received = numbers(received);
            assert_eq!(received.len(), expected.len());
            let most = received.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(most < 1e-6, "{part}: {most}");
        }
    }
}

/// An alpha as large as this makes the share a half.
#[test]
fn cut_batches_are_torchvisions() {
    let fixtures = fixtures();
    let cut = |seed: u64| -> Result<MixedBatch> { cutmix(&batch(&fixtures), 3, 1e9, &mut SampleRng::new(seed, 0, 0)) };
    for i in 0..2 {
        let of = |what: &str| &fixtures[&format!("cutmix.{i}.{what}")];
        let found = (0..5000).map(|seed| cut(seed).unwrap()).find(|mixed| apart(&mixed.images, of("images")) == 0.0);
        let targets = found.unwrap_or_else(|| panic!("no draw gives torchvision's batch {i}")).targets;
        let difference = apart(&targets, of("targets"));
        assert!(difference < 1e-6, "{i}: {difference}");
    }
}

/// torchvision's files are libjpeg's, which stores colours at half their size if it is not told otherwise, and whose transforms are rounded otherwise. So what is compared by mean
/// differences, within one level of 256, are grey pictures, the brightness of coloured ones, and colours with what libjpeg makes of them at full size.
#[test]
fn compressed_pictures_are_nearly_torchvisions() {
    let fixtures = fixtures();
    let mean = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>() / a.len() as f64;
    let of = |name: String| numbers(&fixtures[&name]);
    // Planes of red, green and blue.
    let brightness = |planes: &[f64]| -> Vec<f64> {
        let size = planes.len() / 3;
        (0..size).map(|i| 0.299 * planes[i] + 0.587 * planes[size + i] + 0.114 * planes[2 * size + i]).collect()
    };
    for quality in [10, 50, 90] {
        let compressed = |kind: &str| {
            let image = Image::from_tensor(&fixtures[&format!("jpeg.{kind}")]).unwrap();
            numbers(&jpeg_compression(image, quality).unwrap().to_tensor().unwrap())
        };
        let (gray, rgb) = (compressed("gray"), compressed("rgb"));
        let (old, full) = (of("jpeg.rgb".into()), of(format!("jpeg.full.{quality}")));
        let torchvision = brightness(&of(format!("jpeg.rgb.{quality}")));
        let apart = [
            mean(&gray, &of(format!("jpeg.gray.{quality}"))),
            mean(&brightness(&rgb), &torchvision),
            mean(&rgb, &full),
        ];
        assert!(apart.iter().all(|&apart| apart < 1.0), "{quality}: {apart:?}");
        // As much is lost.
        let [ours, theirs] = [&rgb, &full].map(|new| mean(&old, new));
        assert!((ours - theirs).abs() < 0.2, "{quality}: {ours} {theirs}");
    }
}
