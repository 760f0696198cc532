//! What feeds a training: whole epochs of real pictures with two worker threads, and a file in COCO's format.

use std::hint::black_box;
use std::io::Write;
use std::path::{Path, PathBuf};

use ocelli_benches::{coco_file, imagenet};
use ocelli_data::augment::{
    CenterCrop, ColorJitter, Compose, HorizontalFlip, Normalize, RandomCrop, RandomResizedCrop, ResizeShorter,
};
use ocelli_data::image_io::{ColorMode, Decoder};
use ocelli_data::readers::{Cifar, CifarDataset, CocoDataset, Options};
use ocelli_data::{DataLoader, Dataset, Image, VecDataset};

use crate::{Result, THREADS, Work};

/// 364 JPEG files of 640 × 480, as a network is evaluated.
pub(crate) fn jpeg_224() -> Result<Work> {
    let change = Compose::new().then(ResizeShorter::new(256)).then(CenterCrop::new(224, 224)).then(imagenet());
    epochs(files()?, change, 32)
}

/// The same files, as a network is trained.
pub(crate) fn train_224() -> Result<Work> {
    let jitter = ColorJitter::new(0.4, 0.4, 0.4, 0.1);
    let change = Compose::new()
        .then(RandomResizedCrop::new(224, 224))
        .then(HorizontalFlip::default())
        .then(jitter)
        .then(imagenet());
    epochs(files()?, change, 32)
}

/// 10,000 pictures of CIFAR-10, which lie in memory.
pub(crate) fn cifar() -> Result<Work> {
    let data = CifarDataset::open(directory("cifar10"), Cifar::Ten, &Options::default())?;
    let data = data.map(|sample| Ok((sample.image, sample.labels.classes[0])));
    let normalize = Normalize::new(vec![0.4914, 0.4822, 0.4465], vec![0.2470, 0.2435, 0.2616]);
    let change = Compose::new().then(RandomCrop::new(32, 32, 4)).then(HorizontalFlip::default()).then(normalize);
    epochs(data, change, 128)
}

/// 100,000 annotations with outlines, from the file to the index of what each picture has.
pub(crate) fn coco_parse() -> Result<Work> {
    const ANNOTATIONS: usize = 100_000;
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(coco_file(ANNOTATIONS).as_bytes())?;
    Ok(Box::new(move || {
        let data = CocoDataset::from_file(file.path(), "", &Options::default())?;
        assert_eq!(black_box(data).annotations(), ANNOTATIONS);
        Ok(())
    }))
}

/// Where a real data set lies: in `$OCELLI_DATA`, or in the directory `shared/data` beside the workspace.
fn directory(name: &str) -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    std::env::var_os("OCELLI_DATA").map_or_else(beside, PathBuf::from).join(name)
}

/// The pictures of bccd, all of one class.
fn files() -> Result<impl Dataset<Item = (Image, usize)> + 'static> {
    let folder = directory("bccd").join("JPEGImages");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<PathBuf>>>()?;
    files.sort();
    let decoder = Decoder { mode: ColorMode::Rgb, ..Decoder::default() };
    Ok(VecDataset::new(files).map(move |file| Ok((decoder.read(file)?, 0))))
}

/// One epoch after the other, each in a new order.
fn epochs(data: impl Dataset<Item = (Image, usize)> + 'static, change: Compose, batch: usize) -> Result<Work> {
    let loader = DataLoader::new(data.augment(change), batch)?.shuffle(true).workers(THREADS);
    let mut epoch = 0;
    Ok(Box::new(move || {
        for batch in loader.epoch(epoch) {
            black_box(batch?);
        }
        epoch += 1;
        Ok(())
    }))
}
