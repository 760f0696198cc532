//! Writers: what comes back of what they wrote, masks above all.

use std::path::Path;

use ocelli_data::annotation::{BoxFormat, Flags, Keypoints, Labels, Object, Polygon, Segmentation};
use ocelli_data::generated::Shapes;
use ocelli_data::image_io::{write_jpeg, write_png};
use ocelli_data::readers::{self, CocoDataset, Format, JsonLines, Options, VocDataset};
use ocelli_data::writers::{WriteOptions, Written, YoloKind, write_coco, write_json_lines, write_voc, write_yolo};
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

/// An object's id, and its area if it is not the box's.
fn numbers(object: &Object) -> usize {
    usize::from(object.id.is_some()) + usize::from(object.area.is_some_and(|area| area != object.bounding_box.area()))
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
    let numbers: usize = all_labels(&data).iter().flat_map(|labels| &labels.objects).map(numbers).sum();
    assert_eq!((written.pictures, written.objects, written.left_out), (6, keypoints, keypoints + classes + numbers));
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
    // Three supercategories, and the names and limbs of a person's keypoints.
    let details = |data: &dyn LabelledDataset| (0..4).map(|class| data.class_details(class)).collect::<Vec<_>>();
    assert_eq!(details(&again), details(&data));
    assert!(details(&data).iter().any(|details| !details.limbs.is_empty()));
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

type Writer = fn(&dyn LabelledDataset, &Path, &WriteOptions) -> Result<Written>;

const WRITERS: [(&str, Writer); 4] = [
    ("voc", |data, root, options| write_voc(data, root, options)),
    ("coco", |data, root, options| write_coco(data, root, options)),
    ("yolo", |data, root, options| write_yolo(data, root, options, YoloKind::Boxes)),
    ("json lines", |data, root, options| write_json_lines(data, root, options)),
];

/// How many files lie below a folder.
fn count_files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { count_files(&path) } else { 1 }).sum()
}

#[test]
fn splits_of_one_folder_stay() {
    let shapes = |seed, samples| Shapes { seed, samples, size: [30, 40], ..Shapes::default() };
    for (format, writer) in WRITERS {
        let root = tempfile::tempdir().unwrap();
        let write = |data: &Shapes, split: &str| {
            let options = WriteOptions { split: split.into(), ..WriteOptions::default() };
            writer(data, root.path(), &options).unwrap();
        };
        let check = |data: &Shapes, split: &str| {
            let again = readers::open(root.path(), &Options::of_split(split)).unwrap();
            assert_eq!(again.len(), data.len(), "{format} {split}");
            for i in 0..data.len() {
                let (sample, expected) = (again.get(i).unwrap(), data.get(i).unwrap());
                assert!(sample.image == expected.image, "{format} {split} {i}");
                let objects = sample.labels.objects.iter().zip(&expected.labels.objects);
                assert_eq!(sample.labels.objects.len(), expected.labels.objects.len());
                for (a, b) in objects {
                    let corners = |object: &Object| object.bounding_box.to_array(BoxFormat::Xyxy);
                    let near = corners(a).into_iter().zip(corners(b)).all(|(a, b)| (a - b).abs() < 1e-5);
                    assert!(a.class == b.class && near, "{format} {split} {i}");
                }
            }
        };
        let (train, val, new) = (shapes(0, 4), shapes(1, 3), shapes(2, 4));
        write(&train, "train");
        write(&val, "val");
        check(&train, "train");
        check(&val, "val");
        // Written again, a split takes the place of what it was, and the other one stays.
        let files = count_files(root.path());
        for data in [&new, &train, &new] {
            write(data, "train");
            check(data, "train");
            check(&val, "val");
        }
        write(&val, "val");
        check(&new, "train");
        check(&val, "val");
        assert_eq!(count_files(root.path()), files, "{format}");
    }
}

#[test]
fn pascal_voc_written_again_has_nothing_of_before() {
    let root = tempfile::tempdir().unwrap();
    let options = WriteOptions::default();
    let read = || VocDataset::open(root.path(), &Options::of_split("train")).unwrap().with_masks();
    write_voc(&shapes(), root.path(), &options).unwrap();
    assert!(read().record(0).unwrap().labels.class_map.is_some());
    let mut plain = shapes();
    for sample in &mut plain.0 {
        sample.labels.class_map = None;
        sample.labels.objects.iter_mut().for_each(|object| object.segmentation = None);
    }
    write_voc(&plain, root.path(), &options).unwrap();
    assert!(read().record(0).unwrap().labels.class_map.is_none());
    assert!(VocDataset::open_segmentation(root.path(), &Options::of_split("train")).is_err());
    // Labels that are written in place of others, for pictures that stay, leave their maps alone.
    write_voc(&shapes(), root.path(), &options).unwrap();
    let in_place = VocDataset::open(root.path(), &Options::of_split("train")).unwrap();
    write_voc(&in_place, root.path(), &options).unwrap();
    let again = VocDataset::open_segmentation(root.path(), &Options::of_split("train")).unwrap();
    assert_eq!(again.record(0).unwrap().labels.class_map, shapes().0[0].labels.class_map);
    // A picture that has become one of another kind.
    let source = tempfile::tempdir().unwrap();
    write_jpeg(source.path().join("x.jpg"), &Tensor::full([3, 8, 8], 20, DType::U8).unwrap(), 90).unwrap();
    write_png(source.path().join("x.png"), &Tensor::full([3, 8, 8], 200, DType::U8).unwrap()).unwrap();
    for (name, value) in [("x.jpg", 20.0), ("x.png", 200.0), ("x.jpg", 20.0)] {
        let file = source.path().join("all.jsonl");
        std::fs::write(&file, format!("{{\"image\": \"{name}\"}}\n")).unwrap();
        let target = source.path().join("voc");
        write_voc(&JsonLines::open(file, &Options::default()).unwrap(), &target, &options).unwrap();
        let again = VocDataset::open(&target, &Options::of_split("train")).unwrap();
        let pixel = again.get(0).unwrap().image.to_f32()[0] * 255.0;
        assert!((pixel - value).abs() < 3.0, "{name}: {pixel}");
    }
}

#[test]
fn what_a_format_does_not_hold_is_counted() {
    let root = tempfile::tempdir().unwrap();
    let image = Image::from_u8([8, 9, 3], (0..216).collect()).unwrap();
    let data = Given(vec![Sample { image, labels: everything() }], vec!["a".into(), "b".into()]);
    // Pascal VOC: two classes; keypoints, id, area and attribute of the first object; three flags.
    // COCO: two classes of the picture, two metadata, and the one id of seven objects.
    // YOLO: two classes, two metadata; mask, keypoints, id, area and attribute of the first object; six flags.
    let expected = [9, 5, 15, 0];
    for ((format, writer), expected) in WRITERS.into_iter().zip(expected) {
        let written = writer(&data, &root.path().join(format), &WriteOptions::default()).unwrap();
        assert_eq!((written.objects, written.left_out), (7, expected), "{format}");
    }
    // Metadata that are plain come back as texts.
    let again = VocDataset::open(root.path().join("voc"), &Options::of_split("train")).unwrap();
    assert_eq!(again.record(0).unwrap().labels.metadata["camera"], "3");
}

#[test]
fn captions_come_back() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    let file = r#"{"images": [{"id": 7, "file_name": "7.jpg", "height": 4, "width": 5}, {"id": 3, "file_name": "3.jpg", "height": 4, "width": 5}],
        "annotations": [{"id": 1, "image_id": 7, "caption": "one"}, {"id": 2, "image_id": 7, "caption": "über"}, {"id": 4, "image_id": 3, "caption": "x"}]}"#;
    let data = CocoDataset::from_slice("captions.json", file.as_bytes(), "p", &Options::default()).unwrap();
    let write = WriteOptions { pictures: false, ..WriteOptions::default() };
    assert_eq!(write_coco(&data, path("alone"), &write).unwrap().left_out, 0);
    let again = CocoDataset::open(path("alone"), &Options::of_split("train")).unwrap();
    assert_eq!(all_labels(&again), all_labels(&data));
    assert_eq!(all_labels(&again)[0].metadata["captions"], json!(["one", "über"]));
    // Beside objects they have a file of their own, as COCO's do.
    let mut both = shapes();
    both.0[2].labels.metadata.insert("captions".into(), json!(["two", "three"]));
    both.0[3].labels.metadata.insert("captions".into(), json!([7]));
    let classes: usize = all_labels(&both).iter().map(|labels| labels.classes.len()).sum();
    assert_eq!(write_coco(&both, path("both"), &write).unwrap().left_out, classes + 6 + 1);
    let captions = path("both/annotations/captions_train.json");
    let again = CocoDataset::from_file(captions, path("both"), &Options::default()).unwrap();
    assert_eq!(all_labels(&again)[2].metadata["captions"], json!(["two", "three"]));
    let objects = all_labels(&CocoDataset::open(path("both"), &Options::of_split("train")).unwrap());
    assert_eq!(objects[2].objects.len(), both.0[2].labels.objects.len());
}
