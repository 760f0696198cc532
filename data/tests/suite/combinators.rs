//! Data sets and batches that mix samples: what comes out follows from seed, epoch and index alone, whatever the number of workers.

use ocelli_data::augment::{Fill, Letterbox, MixBatches, MixedBatch};
use ocelli_data::generated::Shapes;
use ocelli_data::{
    CopyPaste, CopyPasteSettings, DataLoader, Dataset, Image, Mosaic, MosaicSettings, Result, Sample, SampleRng,
    VecDataset, mnist,
};

fn shapes() -> Shapes {
    Shapes { samples: 24, size: [32, 40], ..Shapes::default() }
}

/// A batch is the samples themselves.
fn keep(items: Vec<Sample>) -> Result<Vec<Sample>> {
    Ok(items)
}

fn both() -> impl Dataset<Item = Sample> {
    let pasted = CopyPaste::new(shapes()).probability(0.5).object_probability(0.7).min_area(10);
    Mosaic::new(pasted, [32, 40]).probability(0.6).fill(Fill::Constant(114.0)).augment(Letterbox::new(48, 48))
}

#[test]
fn samples_do_not_depend_on_workers() {
    let run = |workers| {
        let loader = DataLoader::new(both(), 5).unwrap().shuffle(true).seed(3).workers(workers).collate(keep);
        [0, 1].map(|epoch| loader.epoch(epoch).collect::<Result<Vec<_>>>().unwrap().concat())
    };
    let all = run(0);
    assert_eq!(all[0].len(), 24);
    assert_ne!(all[0], all[1]);
    assert_eq!(run(1), all);
    assert_eq!(run(3), all);
}

#[test]
fn settings_come_back_from_json() {
    let mosaic = Mosaic::new(shapes(), [32, 40]).probability(0.6).fill(Fill::Constant(114.0));
    let text = serde_json::to_string(mosaic.settings()).unwrap();
    let again: MosaicSettings = serde_json::from_str(&text).unwrap();
    assert_eq!((again.height, again.width, again.probability, again.fill), (32, 40, 0.6, Fill::Constant(114.0)));
    let pasted = CopyPaste::new(shapes()).probability(0.5).object_probability(0.7).min_area(10);
    let text = serde_json::to_string(pasted.settings()).unwrap();
    let settings: CopyPasteSettings = serde_json::from_str(&text).unwrap();
    assert_eq!(&settings, pasted.settings());
    for index in 0..10 {
        assert_eq!(Mosaic::with(shapes(), again).get(index).unwrap(), mosaic.get(index).unwrap());
        assert_eq!(CopyPaste::with(shapes(), settings).get(index).unwrap(), pasted.get(index).unwrap());
    }
    let short: MosaicSettings = serde_json::from_str(r#"{"height": 8, "width": 9}"#).unwrap();
    assert_eq!(short, MosaicSettings::new(8, 9));
    assert_eq!(serde_json::from_str::<CopyPasteSettings>("{}").unwrap(), CopyPasteSettings::default());
    for wrong in [r#"{"height": 8}"#, r#"{"height": 8, "width": 9, "probabilty": 1}"#] {
        assert!(serde_json::from_str::<MosaicSettings>(wrong).is_err(), "{wrong}");
    }
    assert!(serde_json::from_str::<CopyPasteSettings>(r#"{"min_arae": 3}"#).is_err());
}

#[test]
fn mosaics_come_as_often_as_asked() {
    let mosaic = Mosaic::new(shapes(), [32, 40]).probability(0.25);
    let count = |index: usize| {
        (0..60)
            .filter(|&epoch| {
                let sample = mosaic.get_random(index, &mut SampleRng::new(0, epoch, index as u64)).unwrap();
                let size = sample.image.size();
                assert!(size == [64, 80] || sample == shapes().get(index).unwrap());
                size == [64, 80]
            })
            .count()
    };
    // Of 1440, 360 ± 16.
    let made: usize = (0..24).map(count).sum();
    assert!((290..430).contains(&made), "{made}");
    let text = Mosaic::new(shapes(), [32, 40]).probability(1.5).get(0).unwrap_err().to_string();
    assert!(text.contains("0..=1, received 1.5"), "{text}");
    assert!(mosaic.get(24).is_err());
}

#[test]
fn objects_of_other_samples_are_pasted() {
    let pasted = CopyPaste::new(shapes()).object_probability(1.0);
    for index in 0..24 {
        let old = shapes().get(index).unwrap();
        let new = pasted.get_random(index, &mut SampleRng::new(0, 0, index as u64)).unwrap();
        // The ids of generated objects are those of the whole data set, so that new ones are known.
        let ids = |sample: &Sample| sample.labels.objects.iter().map(|object| object.id).collect::<Vec<_>>();
        let (before, after) = (ids(&old), ids(&new));
        assert!(after.iter().any(|id| !before.contains(id)), "{before:?} {after:?}");
        assert_ne!(old.image, new.image);
    }
    let never = CopyPaste::new(shapes()).probability(0.0);
    assert_eq!(never.get(3).unwrap(), shapes().get(3).unwrap());
    assert!(CopyPaste::new(shapes()).probability(-0.5).get(0).is_err());
    assert!(CopyPaste::new(shapes()).object_probability(2.0).get(0).is_err());
    // Alone, a sample has its own objects pasted onto themselves.
    let one = VecDataset::new(vec![shapes().get(0).unwrap()]);
    assert_eq!(CopyPaste::new(one).object_probability(1.0).get(0).unwrap().image, shapes().get(0).unwrap().image);
}

#[test]
fn mixed_batches_do_not_depend_on_workers_and_resume() {
    let digits = mnist::embedded().unwrap().1.subset((0..100).collect()).unwrap();
    let mix = MixBatches { cutmix: Some(1.0), probability: 0.8, smoothing: 0.1, ..MixBatches::new(10) };
    let loader =
        |workers| DataLoader::new(digits.clone(), 8).unwrap().shuffle(true).seed(5).workers(workers).collate(mix);
    let plain = |batch: MixedBatch| (batch.images.to_vec::<f32>().unwrap(), batch.targets.to_vec::<f32>().unwrap());
    let run = |workers, epoch| loader(workers).epoch(epoch).map(|batch| plain(batch.unwrap())).collect::<Vec<_>>();
    let all = run(0, 0);
    assert_eq!(all.len(), 13);
    assert!(run(2, 0) == all && run(4, 0) == all);
    assert!(run(0, 1) != all);
    let rest: Vec<_> = loader(1).epoch_from(0, 9).map(|batch| plain(batch.unwrap())).collect();
    assert!(rest == all[9..]);
    // Batches of one epoch draw numbers of their own: parts of classes differ.
    let mut parts: Vec<u32> = all.iter().flat_map(|(_, targets)| targets.iter().map(|x| x.to_bits())).collect();
    parts.sort_unstable();
    parts.dedup();
    assert!(parts.len() > 10, "{}", parts.len());
}

#[test]
fn pictures_of_other_kinds_are_refused() {
    let images: Vec<(Image, usize)> = vec![(Image::from_u8([1, 1, 1], vec![1]).unwrap(), 3)];
    let loader = DataLoader::new(VecDataset::new(images), 1).unwrap().collate(MixBatches::new(3));
    let text = loader.epoch(0).next().unwrap().err().unwrap().to_string();
    assert!(text.contains("0..3, received 3"), "{text}");
}
