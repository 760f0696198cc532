//! Writers: what comes back of what they wrote, masks above all.

use std::path::Path;

use ocelli_data::annotation::{BoxFormat, Flags, Keypoints, Labels, Object, Polygon, Segmentation};
use ocelli_data::generated::Shapes;
use ocelli_data::image_io::write_png;
use ocelli_data::readers::{self, CocoDataset, Format, JsonLines, Options, VocDataset};
use ocelli_data::writers::{WriteOptions, write_coco, write_json_lines, write_voc};
use ocelli_data::{Dataset, Error, Image, LabelledDataset, Record, Result, Sample};
use ocelli_tensor::{DType, Tensor};
use serde_json::json;

use crate::readers::all_labels;

/// Samples that are given, with any names of classes.
struct Given(Vec<Sample>, Vec<String>);

impl Dataset for Given {
    type Item = Sample;
    fn len(&self) -> usize {
        self.0.len()
    }
    fn get(&self, index: usize) -> Result<Sample> {
        self.0.get(index).cloned().ok_or(Error::Index { index, len: self.0.len() })
    }
}

impl LabelledDataset for Given {
    fn record(&self, index: usize) -> Result<Record> {
        let Sample { image, labels } = self.get(index)?;
        Ok(Record { path: None, size: Some(image.size()), labels })
    }
    fn class_names(&self) -> &[String] {
        &self.1
    }
}

/// Figures that hide none of each other, so that all of their masks have a place in one map. The names of the classes are not in order, and one has no object.
fn shapes() -> Given {
    let shapes = Shapes { samples: 6, objects: 2..=4, min_visible: 1.0, ..Shapes::default() };
    let samples = (0..6).map(|i| shapes.get(i).unwrap()).collect();
    Given(samples, ["round", "edgy", "angular", "absent"].map(String::from).to_vec())
}

fn masks(labels: &Labels, size: [usize; 2]) -> Vec<Option<ocelli_data::annotation::Rle>> {
    let masks = labels.objects.iter().map(|object| object.segmentation.as_ref());
    masks.map(|mask| mask.map(|mask| mask.to_rle(size).unwrap())).collect()
}

#[test]
fn maps_of_pascal_voc_come_back() {
    let root = tempfile::tempdir().unwrap();
    let data = shapes();
    let options = Options::of_split("val");
    let write = WriteOptions { split: "val".into(), ..WriteOptions::default() };
    let written = write_voc(&data, root.path(), &write).unwrap();
    let keypoints: usize = all_labels(&data).iter().map(|labels| labels.objects.len()).sum();
    let classes: usize = all_labels(&data).iter().map(|labels| labels.classes.len()).sum();
    assert_eq!((written.pictures, written.objects, written.left_out), (6, keypoints, keypoints + classes));
    let all = [
        Box::new(VocDataset::open_segmentation(root.path(), &options).unwrap()) as Box<dyn LabelledDataset>,
        readers::open(root.path(), &options).unwrap(),
    ];
    for again in all {
        assert_eq!((again.len(), again.class_names()), (6, data.class_names()));
        for (i, expected) in data.0.iter().enumerate() {
            let sample = again.get(i).unwrap();
            assert_eq!((&sample.image, &sample.labels.class_map), (&expected.image, &expected.labels.class_map));
            assert_eq!(masks(&sample.labels, [64, 64]), masks(&expected.labels, [64, 64]));
            let of = |labels: &Labels| -> Vec<_> {
                labels.objects.iter().map(|object| (object.class, object.bounding_box)).collect()
            };
            assert_eq!(of(&sample.labels), of(&expected.labels));
        }
    }
    // Masks are not read where nobody asks for them, nor looked for where there are none.
    assert!(VocDataset::open(root.path(), &options).unwrap().record(0).unwrap().labels.class_map.is_none());
    std::fs::remove_file(root.path().join("SegmentationClass/000000.png")).unwrap();
    assert!(readers::open(root.path(), &options).unwrap().record(0).unwrap().labels.class_map.is_none());
    assert!(VocDataset::open_segmentation(root.path(), &options).unwrap().record(0).is_err());
    // Another part has to have the same classes.
    let other = Given(vec![], vec!["cat".into()]);
    let text = write_voc(&other, root.path(), &WriteOptions::default()).unwrap_err().to_string();
    assert!(text.contains("labelmap.txt") && text.ends_with("received [\"cat\"]"), "{text}");
}

#[test]
fn masks_of_pascal_voc_become_cocos() {
    let root = tempfile::tempdir().unwrap();
    let data = shapes();
    let write = WriteOptions { pictures: false, ..WriteOptions::default() };
    let options = Options::of_split("train");
    write_voc(&data, root.path().join("voc"), &WriteOptions::default()).unwrap();
    write_coco(&readers::open(root.path().join("voc"), &options).unwrap(), root.path().join("coco"), &write).unwrap();
    let coco = CocoDataset::open(root.path().join("coco"), &options).unwrap();
    for (labels, expected) in all_labels(&coco).iter().zip(all_labels(&data)) {
        assert_eq!(masks(labels, [64, 64]), masks(&expected, [64, 64]));
    }
    assert_eq!(coco.class_names(), data.class_names());
}

/// Labels with all that a line can hold.
fn everything() -> Labels {
    let place = |numbers| ocelli_data::annotation::BoundingBox::new(numbers, BoxFormat::Xyxy).unwrap();
    let outline = Polygon::from_flat(&[1.0, 0.1, 5.0 / 3.0, 7.25, 9.0, 1e-9]).unwrap();
    let object = Object {
        segmentation: Some(Segmentation::Polygons(vec![outline.clone(), outline])),
        keypoints: Some(Keypoints::from_flat(&[1.5, 2.0, 2.0, 0.1, 7.0, 1.0, 0.0, 0.0, 0.0]).unwrap()),
        area: Some(0.1 + 0.2),
        id: Some(u64::MAX),
        attributes: [("a \"b\"\n".to_string(), json!({ "c": [1, null, "ü"] }))].into(),
        ..Object::new(1, place([0.1, 0.2, 9.0 - 1e-12, 7.3]))
    };
    let flagged = |set: fn(&mut Flags)| {
        let mut object = Object::new(0, place([0.0, 0.0, 1.0, 1.0]));
        set(&mut object.flags);
        object
    };
    let flags: [fn(&mut Flags); 6] = [
        |flags| flags.difficult = true,
        |flags| flags.truncated = true,
        |flags| flags.occluded = true,
        |flags| flags.crowd = true,
        |flags| flags.depiction = true,
        |flags| flags.inside = true,
    ];
    let metadata = [("camera".to_string(), json!(3)), ("at".into(), json!(0.1))].into();
    let objects = std::iter::once(object).chain(flags.map(flagged)).collect();
    Labels { classes: vec![1, 0], objects, metadata, class_map: None }
}

#[test]
fn json_lines_come_back() {
    let root = tempfile::tempdir().unwrap();
    let image = Image::from_u8([8, 9, 3], (0..216).collect()).unwrap();
    let samples = vec![Sample { image: image.clone(), labels: everything() }, Sample::from(image)];
    let data = Given(samples, vec!["z \"quoted\"".into(), "a".into()]);
    let written = write_json_lines(&data, root.path(), &WriteOptions::default()).unwrap();
    assert_eq!((written.pictures, written.objects, written.left_out), (2, 7, 0));
    assert_eq!(readers::detect(root.path()).unwrap(), Format::JsonLines);
    for options in [Options::default(), Options::of_split("train")] {
        let again = readers::open(root.path(), &options).unwrap();
        assert_eq!(again.class_names(), data.class_names());
        for (i, expected) in data.0.iter().enumerate() {
            assert_eq!(&again.get(i).unwrap(), expected);
            assert_eq!(again.record(i).unwrap().size, Some([8, 9]));
        }
    }
    // A second part beside the first; which is meant has to be said then.
    let shapes = shapes();
    let options = WriteOptions { split: "val".into(), ..WriteOptions::default() };
    let written = write_json_lines(&shapes, root.path(), &options).unwrap();
    assert_eq!(written.left_out, 6);
    assert!(readers::open(root.path(), &Options::default()).is_err());
    assert!(readers::open(root.path(), &Options::of_split("../x")).is_err());
    let again = readers::open(root.path(), &Options::of_split("val")).unwrap();
    for (i, expected) in shapes.0.iter().enumerate() {
        let sample = again.get(i).unwrap();
        assert_eq!((sample.image, sample.labels.objects), (expected.image.clone(), expected.labels.objects.clone()));
        assert_eq!(sample.labels.classes, expected.labels.classes);
    }
    let twice = Given(vec![], vec!["a".into(), "a".into()]);
    let text = write_json_lines(&twice, root.path(), &options).unwrap_err().to_string();
    assert!(text.contains("received \"a\" again"), "{text}");
}

#[test]
fn coco_through_json_lines() {
    let root = tempfile::tempdir().unwrap();
    let bytes = include_bytes!("../fixtures/coco.json");
    let data = CocoDataset::from_slice("coco.json", bytes, "p", &Options::default()).unwrap();
    let write = WriteOptions { pictures: false, ..WriteOptions::default() };
    let written = write_json_lines(&data, root.path(), &write).unwrap();
    assert_eq!((written.pictures, written.objects, written.left_out), (12, 60, 0));
    let again = JsonLines::open(root.path().join("train.jsonl"), &Options::default()).unwrap();
    assert_eq!(all_labels(&again), all_labels(&data));
}

#[test]
fn pictures_keep_their_files() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("from/a b");
    std::fs::create_dir_all(&folder).unwrap();
    write_png(folder.join("x y.PNG"), &Tensor::full([3, 4, 5], 9, DType::U8).unwrap()).unwrap();
    let line = "{\"image\": \"a b/x y.PNG\", \"classes\": [\"one\"]}\n";
    std::fs::write(root.path().join("from/all.jsonl"), line).unwrap();
    let data = readers::open(root.path().join("from"), &Options::default()).unwrap();
    write_json_lines(&data, root.path().join("to"), &WriteOptions::default()).unwrap();
    let again = readers::open(root.path().join("to"), &Options::of_split("train")).unwrap();
    assert_eq!(again.get(0).unwrap(), data.get(0).unwrap());
    let bytes = |path: &Path| std::fs::read(path).unwrap();
    assert_eq!(bytes(&again.record(0).unwrap().path.unwrap()), bytes(&data.record(0).unwrap().path.unwrap()));
}
