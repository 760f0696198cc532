//! The steps from a file to a batch, each in one thread, and a file in COCO's format.
#![allow(missing_docs)] // criterion's macros make public items without documentation

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ocelli_benches::{bench, coco_file, criterion, imagenet};
use ocelli_data::augment::{
    Augment, CenterCrop, ColorJitter, HorizontalFlip, RandomCrop, RandomResizedCrop, Resize, ResizeShorter,
};
use ocelli_data::generated::{Background, Shapes};
use ocelli_data::image_io::{Decoder, write_jpeg};
use ocelli_data::readers::{CocoDataset, Options};
use ocelli_data::{Collate, Dataset, Image, SampleRng, Stack};

/// A picture of figures before stripes, and the bytes of a JPEG file of it.
fn picture(size: [usize; 2]) -> (Image, Vec<u8>) {
    let shapes =
        Shapes { size, objects: 12..=12, background: Background::Stripes { amplitude: 16 }, ..Shapes::default() };
    let image = shapes.get(0).expect("a sample").image;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("picture.jpg");
    write_jpeg(&path, &image.to_tensor().expect("memory"), 92).expect("a file");
    (image, std::fs::read(path).expect("a file"))
}

fn decoding(c: &mut Criterion) {
    let (image, file) = picture([480, 640]);
    let work = Throughput::Elements((image.height() * image.width()) as u64);
    bench(c, "decode", "jpeg 480x640", work, || Decoder::default().decode("picture.jpg", &file));
}

fn changes(c: &mut Criterion) {
    let (image, _) = picture([480, 640]);
    let shrunk = Resize::new(224, 224).resize(&image).expect("a size");
    let small = Resize::new(32, 32).resize(&image).expect("a size");
    let jitter = ColorJitter::new(0.4, 0.4, 0.4, 0.1);
    let flip = HorizontalFlip { probability: 1.0, mirror: None };
    let cases: [(&str, &dyn Augment, &Image); 9] = [
        ("resize 480x640 to 256", &ResizeShorter::new(256), &image),
        ("random piece of 480x640 to 224", &RandomResizedCrop::new(224, 224), &image),
        ("center crop 224 of 480x640", &CenterCrop::new(224, 224), &image),
        ("flip 224", &flip, &shrunk),
        ("color jitter 224", &jitter, &shrunk),
        ("normalize 224", &imagenet(), &shrunk),
        ("crop 32 with a border of 4", &RandomCrop::new(32, 32, 4), &small),
        ("flip 32", &flip, &small),
        ("normalize 32", &imagenet(), &small),
    ];
    for (name, change, image) in cases {
        let mut index = 0;
        bench(c, "augment", name, Throughput::Elements(1), || {
            index += 1;
            change.apply_image(image.clone(), &mut SampleRng::new(0, 0, index))
        });
    }
}

fn batches(c: &mut Criterion) {
    let (image, _) = picture([224, 224]);
    for (name, image) in [("bytes", image.clone()), ("floats", image.into_float())] {
        let items = vec![(image, 0); 32];
        bench(c, "collate", &format!("32x224x224 of {name}"), Throughput::Elements(32), || {
            Stack.collate(black_box(items.clone()))
        });
    }
}

fn annotations(c: &mut Criterion) {
    let file = coco_file(10_000);
    bench(c, "coco", "parse 10,000 annotations", Throughput::Bytes(file.len() as u64), || {
        CocoDataset::from_slice("file.json", file.as_bytes(), "", &Options::default())
    });
}

criterion_group!(name = benches; config = criterion(); targets = decoding, changes, batches, annotations);
criterion_main!(benches);
