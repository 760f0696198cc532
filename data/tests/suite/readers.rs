//! Readers and writers of data sets: against pycocotools (`fixtures/coco.py`), there and back through all formats, and on real data sets where they are at hand.

use std::path::Path;

use ocelli_data::annotation::{BoxFormat, Labels};
use ocelli_data::image_io::{ColorMode, write_png};
use ocelli_data::readers::{
    self, Changes, Cifar, CifarDataset, ClassificationSamples, CocoCategory, CocoDataset, Format, Options, Policy,
    VocDataset, YoloConfig, YoloDataset,
};
use ocelli_data::writers::{WriteOptions, YoloKind, write_coco, write_voc, write_yolo};
use ocelli_data::{Dataset, LabelledDataset, fashion_mnist, mnist};
use ocelli_tensor::{DType, Tensor};
use serde_json::Value;

use crate::real_data::directory;

#[test]
fn coco_is_read_as_by_pycocotools() {
    let expected: Value = serde_json::from_str(include_str!("../fixtures/coco_expected.json")).unwrap();
    let data = CocoDataset::from_slice("coco.json", include_bytes!("../fixtures/coco.json"), "p", &Options::default())
        .unwrap();
    let names: Vec<&str> =
        expected["categories"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(data.class_names(), names);
    let images = expected["images"].as_array().unwrap();
    assert_eq!((data.len(), data.annotations()), (images.len(), 60));
    for (i, image) in images.iter().enumerate() {
        let record = data.record(i).unwrap();
        assert_eq!(record.labels.metadata["image_id"], image["id"]);
        assert_eq!(record.path.unwrap(), Path::new("p").join(image["file"].as_str().unwrap()));
        let objects = image["objects"].as_array().unwrap();
        assert_eq!(record.labels.objects.len(), objects.len());
        for (object, expected) in record.labels.objects.iter().zip(objects) {
            assert_eq!(object.id, expected["id"].as_u64());
            assert_eq!(data.class_names()[object.class], expected["category"].as_str().unwrap());
            let bbox: Vec<f64> = serde_json::from_value(expected["bbox"].clone()).unwrap();
            let [x, y, w, h] = object.bounding_box.to_array(BoxFormat::Xywh);
            assert_eq!([x, y], bbox[..2]);
            // Corners round the sides.
            assert!((w - bbox[2]).abs() < 1e-12 && (h - bbox[3]).abs() < 1e-12);
            assert_eq!(object.area, expected["area"].as_f64());
            assert_eq!(object.flags.crowd, expected["crowd"] == 1);
            let mask = object.segmentation.as_ref().unwrap().to_rle(record.size.unwrap()).unwrap();
            assert_eq!(mask.to_compressed(), expected["mask"].as_str().unwrap());
            let keypoints = object.keypoints.as_ref().map(|points| points.to_flat());
            assert_eq!(keypoints, serde_json::from_value::<Option<Vec<f64>>>(expected["keypoints"].clone()).unwrap());
        }
    }
    assert_eq!(data.changes(), Changes::default());
    let person = data.categories().iter().find(|category| category.name == "person").unwrap();
    assert_eq!((person.keypoints.len(), &person.limbs[..]), (3, &[[0, 1], [0, 2]][..]));
}

/// A folder with a small set in Pascal VOC's layout.
pub(crate) fn small_voc(root: &Path) {
    for folder in ["Annotations", "JPEGImages", "ImageSets/Main"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    let object = |name: &str, [x1, y1, x2, y2]: [usize; 4], flags: [u8; 3]| {
        format!(
            "<object><name>{name}</name><pose>Left</pose><truncated>{}</truncated><occluded>{}</occluded><difficult>{}</difficult>\
             <bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>",
            flags[0], flags[1], flags[2]
        )
    };
    let files = [
        ("a", [33, 47], vec![object("cat", [3, 1, 46, 33], [1, 0, 1]), object("a &amp; b", [0, 0, 7, 11], [0, 1, 0])]),
        ("b", [71, 19], vec![]),
        ("c", [13, 13], vec![object("dog", [1, 2, 12, 13], [0, 0, 0])]),
    ];
    for (name, [height, width], objects) in files {
        let text = format!(
            "<annotation><size><width>{width}</width><height>{height}</height></size>{}</annotation>",
            objects.concat()
        );
        std::fs::write(root.join(format!("Annotations/{name}.xml")), text).unwrap();
        let picture = Tensor::full([3, height, width], 7, DType::U8).unwrap();
        write_png(root.join(format!("JPEGImages/{name}.png")), &picture).unwrap();
    }
    std::fs::write(root.join("ImageSets/Main/train.txt"), "a\nb\nc\n").unwrap();
}

pub(crate) fn all_labels(data: &dyn LabelledDataset) -> Vec<Labels> {
    (0..data.len()).map(|i| data.record(i).unwrap().labels).collect()
}

#[test]
fn voc_to_coco_to_yolo_to_voc() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    small_voc(&path("voc"));
    let options = Options::of_split("train");
    let voc = readers::open(path("voc"), &options).unwrap();
    let write = WriteOptions::default();

    let written = write_coco(&voc, path("coco"), &write).unwrap();
    assert_eq!((written.pictures, written.objects, written.left_out), (3, 3, 0));
    let coco = readers::open(path("coco"), &options).unwrap();
    let written = write_yolo(&coco, path("yolo"), &write, YoloKind::Boxes).unwrap();
    assert_eq!((written.pictures, written.objects), (3, 3));
    let yolo = readers::open(path("yolo"), &options).unwrap();
    write_voc(&yolo, path("again"), &write).unwrap();
    let again = readers::open(path("again"), &options).unwrap();

    for other in [&coco, &yolo, &again] {
        assert_eq!(other.class_names(), voc.class_names());
        for (i, labels) in all_labels(other).iter().enumerate() {
            let (expected, sample) = (voc.get(i).unwrap(), other.get(i).unwrap());
            assert_eq!(sample.image, expected.image);
            assert_eq!(labels.objects.len(), expected.labels.objects.len());
        }
    }
    let boxes = |data: &dyn LabelledDataset| -> Vec<_> {
        all_labels(data)
            .into_iter()
            .flat_map(|labels| labels.objects)
            .map(|object| (object.class, object.bounding_box))
            .collect()
    };
    assert_eq!(boxes(&again), boxes(&voc));
    assert_eq!(boxes(&coco), boxes(&voc));

    // What both can hold, which between these two is all of an object.
    let back = write_voc(&coco, path("back"), &write).unwrap();
    // Ids of objects.
    assert_eq!(back.left_out, 3);
    let objects = |data: &dyn LabelledDataset| -> Vec<_> {
        let objects = all_labels(data).into_iter().flat_map(|labels| labels.objects);
        objects.map(|object| (object.class, object.bounding_box, object.flags, object.attributes)).collect()
    };
    assert_eq!(objects(&readers::open(path("back"), &options).unwrap()), objects(&voc));
}

#[test]
fn coco_through_itself_and_yolo() {
    let root = tempfile::tempdir().unwrap();
    let bytes = include_bytes!("../fixtures/coco.json");
    let data = CocoDataset::from_slice("coco.json", bytes, "p", &Options::default()).unwrap();
    let write = WriteOptions { pictures: false, split: "val".into() };
    let written = write_coco(&data, root.path().join("coco"), &write).unwrap();
    assert_eq!((written.pictures, written.objects, written.left_out), (12, 60, 0));
    let again = CocoDataset::open(root.path().join("coco"), &Options::of_split("val")).unwrap();
    let objects =
        |data: &dyn LabelledDataset| all_labels(data).into_iter().map(|labels| labels.objects).collect::<Vec<_>>();
    for (a, b) in objects(&again).into_iter().flatten().zip(objects(&data).into_iter().flatten()) {
        let size_of = |object: &ocelli_data::annotation::Object| object.segmentation.clone();
        assert_eq!((a.id, a.class, a.area, a.flags, &a.keypoints), (b.id, b.class, b.area, b.flags, &b.keypoints));
        let near = a.bounding_box.to_array(BoxFormat::Xyxy).into_iter().zip(b.bounding_box.to_array(BoxFormat::Xyxy));
        assert!(near.into_iter().all(|(a, b)| (a - b).abs() < 1e-9));
        assert_eq!(size_of(&a), size_of(&b));
    }
    assert_eq!(again.record(3).unwrap().labels.metadata, data.record(3).unwrap().labels.metadata);
    // What the file says of the classes, keypoints and skeletons among it.
    let categories = |data: &CocoDataset| -> Vec<_> {
        data.categories().iter().map(|category| CocoCategory { id: None, ..category.clone() }).collect()
    };
    assert_eq!(categories(&again), categories(&data));
    assert_eq!(again.class_details(0).limbs, [[0, 1], [0, 2]]);

    // Outlines and keypoints; the crowds, which have no outline, become boxes and are counted.
    let target = root.path().join("yolo");
    let written = write_yolo(&data, &target, &write, YoloKind::Outlines).unwrap();
    assert_eq!(written.objects, 60);
    let (crowds, second_parts) = (12, 24);
    assert!(written.left_out >= crowds + second_parts, "{}", written.left_out);
    assert!(
        write_yolo(&data, &target, &WriteOptions { split: "train".into(), ..write.clone() }, YoloKind::Keypoints)
            .is_err()
    );
    assert!(
        write_yolo(&data, root.path().join("x"), &WriteOptions { split: "x".into(), ..write.clone() }, YoloKind::Boxes)
            .is_err()
    );
    let config = YoloConfig::parse("data.yaml", &std::fs::read(target.join("data.yaml")).unwrap()).unwrap();
    assert_eq!(config.names, data.class_names());
}

#[test]
fn keypoints_keep_their_mirror() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    let file = br#"{"images": [{"id": 1, "file_name": "1.png", "height": 20, "width": 30}],
        "categories": [{"id": 1, "name": "face", "supercategory": "person", "keypoints": ["nose", "left_eye", "right_eye"], "skeleton": [[1, 2]]}],
        "annotations": [{"id": 5, "image_id": 1, "category_id": 1, "bbox": [1, 2, 20, 10], "keypoints": [9, 9, 2, 8, 8, 2, 0, 0, 0]}]}"#;
    std::fs::create_dir_all(path("coco/images/train")).unwrap();
    std::fs::create_dir_all(path("coco/annotations")).unwrap();
    write_png(path("coco/images/train/1.png"), &Tensor::full([3, 20, 30], 7, DType::U8).unwrap()).unwrap();
    std::fs::write(path("coco/annotations/instances_train.json"), file).unwrap();
    let (options, write) = (Options::of_split("train"), WriteOptions::default());
    let coco = CocoDataset::open(path("coco"), &options).unwrap();
    let written = write_yolo(&coco, path("yolo"), &write, YoloKind::Keypoints).unwrap();
    // The ids of the picture and of the object; supercategory, names and limbs.
    assert_eq!((written.objects, written.left_out), (1, 5));
    let yolo = YoloDataset::open(path("yolo"), &options).unwrap();
    assert_eq!((yolo.config().flip.clone(), yolo.config().keypoints), (vec![0, 2, 1], Some([3, 3])));
    // Once more, from YOLO to YOLO, where nothing else tells the mirror.
    let written = write_yolo(&yolo, path("again"), &write, YoloKind::Keypoints).unwrap();
    assert_eq!(written.left_out, 0);
    let again = YoloDataset::open(path("again"), &options).unwrap();
    assert_eq!(again.config(), yolo.config());
    assert_eq!(all_labels(&again), all_labels(&yolo));
    // COCO has names or nothing, boxes no keypoints.
    assert_eq!(write_coco(&yolo, path("named"), &write).unwrap().left_out, 1);
    assert_eq!(write_yolo(&yolo, path("boxes"), &write, YoloKind::Boxes).unwrap().left_out, 2);
    // A second split with another mirror does not get into one data.yaml with the first.
    let yaml = std::fs::read_to_string(path("yolo/data.yaml")).unwrap();
    std::fs::write(path("yolo/data.yaml"), yaml.replace("[0, 2, 1]", "[0, 1, 2]")).unwrap();
    let val = WriteOptions { split: "val".into(), ..write };
    let text = write_yolo(&yolo, path("yolo"), &val, YoloKind::Keypoints).unwrap_err().to_string();
    assert!(text.contains("[0, 1, 2], received [0, 2, 1]"), "{text}");
    // Nor does one get into a data.yaml whose splits lie in another folder.
    std::fs::write(path("yolo/data.yaml"), yaml.replace("path: .", "path: images")).unwrap();
    let text = write_yolo(&yolo, path("yolo"), &val, YoloKind::Keypoints).unwrap_err().to_string();
    assert!(text.contains("its own folder"), "{text}");
}

#[test]
fn formats_are_found_out() {
    let root = tempfile::tempdir().unwrap();
    let make = |files: &[&str]| {
        let folder = tempfile::tempdir_in(root.path()).unwrap().keep();
        for file in files {
            std::fs::create_dir_all(folder.join(file).parent().unwrap()).unwrap();
            std::fs::write(folder.join(file), "").unwrap();
        }
        folder
    };
    let cases: [(&[&str], Format); 13] = [
        (&["train-images-idx3-ubyte.gz"], Format::Mnist),
        (&["data_batch_1.bin", "batches.meta.txt"], Format::Cifar10),
        (&["train.bin", "fine_label_names.txt"], Format::Cifar100),
        (&["Annotations/a.xml", "JPEGImages/a.jpg"], Format::Voc),
        (&["a.xml", "a.jpg"], Format::Voc),
        (&["annotations/instances_val.json"], Format::Coco),
        (&["train/_annotations.coco.json"], Format::Coco),
        (&["data.yaml", "train/images/a.jpg"], Format::Yolo),
        (&["images/a.jpg", "labels/a.txt"], Format::Yolo),
        (&["validation-annotations-bbox.csv"], Format::OpenImages),
        (&["train/n01440764/a.JPEG"], Format::ImageNet),
        (&["labels.csv", "a.jpg"], Format::Csv),
        (&["cat/a.jpg", "dog/b.jpg"], Format::ImageFolder),
    ];
    for (files, format) in cases {
        assert_eq!(readers::detect(make(files)).unwrap(), format, "{files:?}");
    }
    assert_eq!(readers::detect(make(&["x.jsonl"])).unwrap(), Format::JsonLines);
    assert!(readers::detect(make(&["a.jpg"])).unwrap_err().to_string().contains("a.jpg"));
    assert!(readers::detect(root.path().join("nowhere")).is_err());
}

#[test]
fn many_threads_read_the_same() {
    let root = tempfile::tempdir().unwrap();
    small_voc(root.path());
    let data = VocDataset::open(root.path(), &Options::of_split("train")).unwrap();
    let expected = all_labels(&data);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..8).for_each(|_| assert_eq!(all_labels(&data), expected)));
        }
    });
}

#[test]
fn bccd_whole() {
    let Some(root) = directory("bccd") else { return };
    assert_eq!(readers::detect(&root).unwrap(), Format::Voc);
    let mut counts = std::collections::BTreeMap::new();
    let (mut truncated, mut dropped) = (0, 0);
    for (split, pictures) in [("train", 205), ("val", 87), ("test", 72)] {
        let options = Options { policy: Policy::Drop, ..Options::of_split(split) };
        let data = VocDataset::open(&root, &options).unwrap();
        assert_eq!(
            (data.len(), data.class_names()),
            (pictures, &["Platelets".to_string(), "RBC".into(), "WBC".into()][..])
        );
        for i in 0..data.len() {
            let record = data.record(i).unwrap();
            assert_eq!(record.size, Some([480, 640]));
            assert!(record.path.unwrap().is_file());
            let sample = data.get(i).unwrap();
            assert_eq!((sample.image.shape(), &sample.labels), ([480, 640, 3], &record.labels));
            for object in record.labels.objects {
                *counts.entry(data.class_names()[object.class].clone()).or_insert(0) += 1;
                truncated += usize::from(object.flags.truncated);
                assert!(!object.flags.difficult);
            }
        }
        dropped += data.changes().dropped;
        assert_eq!(data.changes().clipped, 0);
    }
    // Two red blood cells of zero size are left out.
    assert_eq!(dropped, 2);
    assert_eq!(counts, [("Platelets".into(), 361), ("RBC".into(), 4155 - 2), ("WBC".into(), 372)].into());
    assert!((1129..=1131).contains(&truncated), "{truncated}");
    let data = VocDataset::open(&root, &Options::of_split("val")).unwrap();
    let errors: Vec<String> =
        (0..data.len()).filter_map(|i| data.record(i).err()).map(|error| error.to_string()).collect();
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0].contains("BloodImage_00338.xml: line ") && errors[0].contains("[504.0, 337.0, 504.0, 337.0]"),
        "{}",
        errors[0]
    );
    // As the official files mean them, they are one pixel.
    let data = VocDataset::open(&root, &Options::of_split("val")).unwrap().one_based();
    assert!((0..data.len()).all(|i| data.record(i).is_ok()));

    // All of it through the other formats: the same boxes come back.
    let target = tempfile::tempdir().unwrap();
    let path = |name: &str| target.path().join(name);
    let options = Options { policy: Policy::Drop, ..Options::of_split("val") };
    let voc = readers::open(&root, &options).unwrap();
    let write = WriteOptions { split: "val".into(), pictures: true };
    write_coco(&voc, path("coco"), &write).unwrap();
    write_yolo(&readers::open(path("coco"), &options).unwrap(), path("yolo"), &write, YoloKind::Boxes).unwrap();
    write_voc(&YoloDataset::open(path("yolo"), &options).unwrap(), path("voc"), &write).unwrap();
    let again = readers::open(path("voc"), &options).unwrap();
    assert_eq!(again.len(), voc.len());
    let boxes = |data: &dyn LabelledDataset| -> Vec<Vec<_>> {
        all_labels(data)
            .into_iter()
            .map(|labels| labels.objects.into_iter().map(|object| (object.class, object.bounding_box)).collect())
            .collect()
    };
    assert_eq!(boxes(&again), boxes(&voc));
}

#[test]
fn isbi_membrane_whole() {
    let Some(root) = directory("isbi-membrane") else { return };
    // Pictures and masks are folders of one class each, as far as their layout tells.
    let options = Options { color: ColorMode::Unchanged, ..Options::default() };
    let data = readers::open_as(&root, Format::ImageFolder, &options).unwrap();
    assert_eq!((data.len(), data.class_names()), (60, &["image".to_string(), "label".into()][..]));
    let (mut inside, mut all) = (0, 0);
    for i in 0..data.len() {
        let sample = data.get(i).unwrap();
        assert_eq!(sample.image.shape(), [512, 512, 1]);
        if sample.labels.classes == [1] {
            let pixels = sample.image.to_f32();
            assert!(pixels.iter().all(|&pixel| pixel == 0.0 || pixel == 1.0));
            inside += pixels.iter().filter(|&&pixel| pixel == 1.0).count();
            all += pixels.len();
        }
    }
    assert!((inside as f64 / all as f64 - 0.7804).abs() < 5e-5);
}

#[test]
fn cifar10_whole() {
    let Some(root) = directory("cifar10") else { return };
    assert_eq!(readers::detect(&root).unwrap(), Format::Cifar10);
    for (split, each) in [("train", 1_000), ("test", 200)] {
        let data = CifarDataset::open(&root, Cifar::Ten, &Options::of_split(split)).unwrap();
        assert_eq!((data.len(), data.class_names()[9].as_str()), (10 * each, "truck"));
        let (mut counts, mut sums, mut squares) = ([0; 10], [0u64; 3], [0u64; 3]);
        for i in 0..data.len() {
            let sample = data.get(i).unwrap();
            counts[sample.labels.classes[0]] += 1;
            let pixels = sample.image.to_tensor().unwrap().to_vec::<u8>().unwrap();
            for (channel, pixels) in pixels.chunks_exact(1024).enumerate() {
                sums[channel] += pixels.iter().map(|&pixel| u64::from(pixel)).sum::<u64>();
                squares[channel] += pixels.iter().map(|&pixel| u64::from(pixel).pow(2)).sum::<u64>();
            }
        }
        assert_eq!(counts, [each; 10]);
        if split == "train" {
            let count = data.len() as f64 * 1024.0;
            let expected = [(0.4945, 0.2454), (0.4834, 0.2425), (0.4458, 0.2596)];
            for (channel, (mean, deviation)) in expected.into_iter().enumerate() {
                let own = sums[channel] as f64 / count;
                let variance = squares[channel] as f64 / count - own * own;
                assert!((own / 255.0 - mean).abs() < 5e-5 && (variance.sqrt() / 255.0 - deviation).abs() < 5e-5);
            }
        }
    }
}

#[test]
fn digits_and_garments_whole() {
    for (name, mean, first) in [("mnist", 0.130660, 5), ("fashion-mnist", 0.286105, 9)] {
        let Some(root) = directory(name) else { continue };
        let data = readers::open(&root, &Options::default()).unwrap();
        assert_eq!((data.len(), data.record(0).unwrap().labels.classes[0]), (60_000, first));
        assert_eq!(readers::open(&root, &Options::of_split("test")).unwrap().len(), 10_000);
        assert_eq!(data.record(7).unwrap().size, Some([28, 28]));
        let (train, _) =
            if name == "mnist" { mnist::from_directory(&root) } else { fashion_mnist::from_directory(&root) }.unwrap();
        let samples = ClassificationSamples::new(train.clone());
        let sum: u64 = train.images().to_vec::<u8>().unwrap().iter().map(|&pixel| u64::from(pixel)).sum();
        assert!((sum as f64 / (60_000.0 * 784.0 * 255.0) - mean).abs() < 1e-6);
        for i in [0, 31, 59_999] {
            let (image, class) = train.get(i).unwrap();
            let sample = samples.get(i).unwrap();
            assert_eq!((sample.image, sample.labels.classes), (image, vec![class]));
        }
    }
}
