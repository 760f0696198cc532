//! What is said of pictures and classes is said by parts and caches of a data set too.

use std::path::Path;

use ocelli_data::annotation::ClassDetails;
use ocelli_data::generated::Shapes;
use ocelli_data::image_io::write_png;
use ocelli_data::readers::{self, CocoDataset, Options, Policy, YoloDataset, image_folder};
use ocelli_data::writers::{WriteOptions, YoloKind, write_yolo};
use ocelli_data::{
    Concat, DataLoader, Dataset, Error, FileCache, LabelledDataset, MemoryCache, Record, Result, Sample, split,
};
use ocelli_tensor::{DType, Tensor};

use crate::readers::all_labels;

fn picture(path: &Path, value: i64) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_png(path, &Tensor::full([3, 10, 20], value, DType::U8).unwrap()).unwrap();
}

/// Four pictures in COCO's format, each with a cat, and a dog without width.
fn coco(root: &Path) -> CocoDataset {
    let mut images = Vec::new();
    let mut annotations = Vec::new();
    for i in 0..4 {
        picture(&root.join(format!("images/train/{i}.png")), i);
        images.push(format!(r#"{{"id": {i}, "file_name": "{i}.png", "height": 10, "width": 20}}"#));
        annotations.push(format!(r#"{{"id": {i}, "image_id": {i}, "category_id": 1, "bbox": [{i}, 1, 5, 6]}}"#));
    }
    annotations.push(r#"{"id": 9, "image_id": 2, "category_id": 2, "bbox": [1, 1, 0, 6]}"#.into());
    let categories =
        r#"{"id": 1, "name": "cat", "supercategory": "animal", "keypoints": ["nose"]}, {"id": 2, "name": "dog"}"#;
    let (images, annotations) = (images.join(", "), annotations.join(", "));
    let text = format!(r#"{{"images": [{images}], "annotations": [{annotations}], "categories": [{categories}]}}"#);
    std::fs::create_dir_all(root.join("annotations")).unwrap();
    std::fs::write(root.join("annotations/instances_train.json"), text).unwrap();
    CocoDataset::open(root, &Options { policy: Policy::Drop, ..Options::of_split("train") }).unwrap()
}

/// A data set says of classes what COCO's file does, and counts what has been dropped of all labels.
fn check(data: &dyn LabelledDataset, dropped: usize) {
    assert_eq!(data.class_names(), ["cat", "dog"]);
    let cat = data.class_details(0);
    assert_eq!((cat.supercategory.as_deref(), &cat.keypoints[..]), (Some("animal"), &["nose".to_string()][..]));
    assert!(data.class_details(1).is_empty() && data.class_details(2).is_empty());
    assert_eq!(data.changes().dropped, 0);
    for i in 0..data.len() {
        let (record, sample) = (data.record(i).unwrap(), data.get(i).unwrap());
        assert_eq!(record.labels, sample.labels);
        assert!(record.path.is_some() && sample.image.path() == record.path.as_deref());
    }
    assert!(data.record(data.len()).is_err());
    assert_eq!(data.changes().dropped, dropped);
}

#[test]
fn parts_and_caches_say_what_the_whole_does() {
    let root = tempfile::tempdir().unwrap();
    let open = || coco(root.path());
    let expected = all_labels(&open());
    check(&open(), 1);
    let subset = open().subset(vec![3, 2, 2]).unwrap();
    check(&subset, 1);
    assert_eq!(all_labels(&subset), [3, 2, 2].map(|i: usize| expected[i].clone()));
    check(&MemoryCache::new(open(), usize::MAX).unwrap(), 1);
    let cached = FileCache::open(open(), root.path().join("cache"), "a").unwrap();
    check(&FileCache::open(open(), root.path().join("cache"), "a").unwrap(), 1);
    assert_eq!(all_labels(&cached), expected);
    let both = Concat::labelled(vec![open(), open()]).unwrap();
    check(&both, 2);
    assert_eq!(all_labels(&both), [&expected[..], &expected].concat());
    let again = open().subset(vec![2, 0]).unwrap();
    check(&Concat::new(vec![Box::new(open()) as Box<dyn LabelledDataset>, Box::new(again)]), 2);
}

#[test]
fn splits_can_be_written_and_cached() {
    let root = tempfile::tempdir().unwrap();
    let parts = split(coco(root.path()), &[0.75, 0.25], 1).unwrap();
    let target = root.path().join("yolo");
    for (part, name) in parts.iter().zip(["train", "val"]) {
        let options = WriteOptions { split: name.into(), ..WriteOptions::default() };
        write_yolo(part, &target, &options, YoloKind::Boxes).unwrap();
        let again = YoloDataset::open(&target, &Options::of_split(name)).unwrap();
        assert_eq!((again.len(), again.class_names()), (part.len(), part.class_names()));
    }
    let all = readers::open(&target, &Options::default()).unwrap();
    assert_eq!(all.len(), 4);
    let cached = FileCache::open(&parts[0], root.path().join("part"), "part 0").unwrap();
    assert_eq!(cached.get(1).unwrap(), parts[0].get(1).unwrap());
}

/// Shapes with other names of classes, or with details of them.
struct Other(Shapes, Vec<String>, ClassDetails);

impl Dataset for Other {
    type Item = Sample;
    fn len(&self) -> usize {
        self.0.len()
    }
    fn get(&self, index: usize) -> Result<Sample> {
        self.0.get(index)
    }
}

impl LabelledDataset for Other {
    fn record(&self, index: usize) -> Result<Record> {
        self.0.record(index)
    }
    fn class_names(&self) -> &[String] {
        &self.1
    }
    fn class_details(&self, class: usize) -> ClassDetails {
        if class == 1 { self.2.clone() } else { ClassDetails::default() }
    }
}

#[test]
fn parts_have_to_have_the_same_classes() {
    let other = |names: &[&str], kind: Option<&str>| {
        let details = ClassDetails { supercategory: kind.map(String::from), ..ClassDetails::default() };
        Other(Shapes { samples: 2, ..Shapes::default() }, names.iter().map(|name| name.to_string()).collect(), details)
    };
    let parts = || vec![other(&["a", "b", "c"], None), other(&["a", "c", "b"], None)];
    let text = Concat::labelled(parts()).err().map(|error| error.to_string()).unwrap();
    assert!(text.contains(r#"["a", "b", "c"], received ["a", "c", "b"] in part 1"#), "{text}");
    // Whoever does not ask at once is told with the first label.
    let both = Concat::new(parts());
    assert!(both.get(3).is_ok());
    assert!(matches!(both.record(3), Err(Error::Argument { op: "concat", .. })));
    let names = ["a", "b", "c"];
    let kinds = |kinds: [Option<&str>; 3]| Concat::labelled(Vec::from(kinds.map(|kind| other(&names, kind))));
    let told = kinds([None, Some("letter"), Some("letter")]).unwrap();
    assert_eq!(told.class_details(1).supercategory.as_deref(), Some("letter"));
    let text = kinds([Some("letter"), None, Some("sound")]).err().map(|error| error.to_string()).unwrap();
    assert!(text.contains("\"b\" as part 0") && text.contains("in part 2"), "{text}");
    assert!(Concat::<Other>::labelled(vec![]).unwrap().class_names().is_empty());
}

#[test]
fn folders_of_pictures_become_batches() {
    let root = tempfile::tempdir().unwrap();
    for (i, name) in ["set/cat/1.png", "set/dog/2.png", "set/dog/3.png"].into_iter().enumerate() {
        picture(&root.path().join(name), 51 * i as i64);
    }
    let data = || image_folder(root.path().join("set"), &Options::default()).unwrap();
    let loader = DataLoader::new(data(), 32).unwrap();
    let batch = loader.epoch(0).next().unwrap().unwrap();
    assert_eq!(batch.images.shape()[..], [3, 3, 10, 20]);
    let means = batch.images.mean([1, 2, 3]).unwrap().to_vec::<f32>().unwrap();
    assert!(means.iter().zip([0.0, 0.2, 0.4]).all(|(mean, expected): (&f32, f32)| (mean - expected).abs() < 1e-6));
    assert_eq!(batch.labels.to_vec::<i64>().unwrap(), [0, 1, 1]);
    // Pairs know their file from the cache alone.
    let pairs = || data().map(|sample| Ok((sample.image, sample.labels.classes[0])));
    for _ in 0..2 {
        let cached = FileCache::open(pairs(), root.path().join("pairs"), "a").unwrap();
        for i in 0..3 {
            let (image, class) = cached.get(i).unwrap();
            let (expected, expected_class) = pairs().get(i).unwrap();
            assert_eq!((&image, image.path(), class), (&expected, expected.path(), expected_class));
            assert!(image.path().is_some());
        }
    }
}
