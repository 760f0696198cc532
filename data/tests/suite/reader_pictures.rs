//! What all readers hold to where pictures are concerned: their limit of pixels, EXIF data, sizes that labels claim; and folders of very many files.

use std::path::Path;
use std::time::{Duration, Instant};

use ocelli_data::annotation::BoxFormat;
use ocelli_data::generated::Shapes;
use ocelli_data::image_io::write_png;
use ocelli_data::readers::{self, CocoDataset, CocoPanoptic, Format, JsonLines, Options, Policy, image_folder};
use ocelli_data::writers::{WriteOptions, YoloKind, write_coco, write_json_lines, write_voc, write_yolo};
use ocelli_data::{Dataset, LabelledDataset, Pixels, Result, Sample};
use ocelli_tensor::{DType, Tensor, safetensors};

use crate::mutations::small_panoptic;

/// The same pictures, of 9 × 14 pixels and without objects, in the formats with positions. The EXIF data say that they stand on a side.
fn turned(root: &Path) -> Vec<(Format, std::path::PathBuf)> {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/pictures.safetensors");
    let file: Vec<u8> = safetensors::load(fixtures).unwrap()["orientation6.png.file"].to_vec().unwrap();
    for folder in ["folder/cat", "yolo/images/train"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
        std::fs::write(root.join(folder).join("a.png"), &file).unwrap();
    }
    std::fs::write(root.join("yolo/data.yaml"), "train: images/train\nnames: [cat]\n").unwrap();
    let lines = b"{\"class_names\": [\"cat\"]}\n{\"image\": \"folder/cat/a.png\", \"size\": [9, 14]}\n";
    let data = JsonLines::from_slice(root.join("x.jsonl"), lines, &Options::default()).unwrap();
    let write = WriteOptions::default();
    write_voc(&data, root.join("voc"), &write).unwrap();
    write_coco(&data, root.join("coco"), &write).unwrap();
    write_json_lines(&data, root.join("lines"), &write).unwrap();
    let formats = [("voc", Format::Voc), ("coco", Format::Coco), ("yolo", Format::Yolo), ("lines", Format::JsonLines)];
    formats.map(|(name, format)| (format, root.join(name))).to_vec()
}

#[test]
fn turning_depends_on_the_reader_alone() {
    let root = tempfile::tempdir().unwrap();
    let options = Options::of_split("train");
    for (format, folder) in turned(root.path()) {
        let data = readers::open_as(&folder, format, &options).unwrap();
        let (record, sample) = (data.record(0).unwrap(), data.get(0).unwrap());
        assert!(record.labels.objects.is_empty());
        let size = if format == Format::Yolo { [14, 9] } else { [9, 14] };
        assert_eq!((record.size, sample.image.shape()), (Some(size), [size[0], size[1], 3]), "{format}");
    }
    let data = image_folder(root.path().join("folder"), &Options::default()).unwrap();
    assert_eq!((data.record(0).unwrap().size, data.get(0).unwrap().image.shape()), (None, [14, 9, 3]));
}

/// Positions and pixels of a data set with one object in it, the box of which lies in the first row of pixels.
fn first_row(data: &dyn LabelledDataset) -> (Vec<f64>, Vec<u8>) {
    let Sample { image, labels } = data.get(0).unwrap();
    let width = image.width();
    let boxed = labels.objects[0].bounding_box.to_array(BoxFormat::Xyxy);
    assert_eq!(data.record(0).unwrap().size, Some(image.size()));
    let Pixels::U8(pixels) = image.pixels() else { panic!("floats") };
    (boxed.to_vec(), pixels[..3 * width].to_vec())
}

/// Formats understand EXIF data in different ways: what is written has to be read with the labels where they were.
#[test]
fn turned_pictures_pass_between_formats() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    turned(root.path());
    let (options, write) = (Options::of_split("train"), WriteOptions::default());
    std::fs::create_dir_all(path("yolo/labels/train")).unwrap();
    std::fs::write(path("yolo/labels/train/a.txt"), format!("0 0.5 {} 1 {}\n", 0.5 / 14.0, 1.0 / 14.0)).unwrap();
    let lines =
        b"{\"image\": \"a.png\", \"size\": [9, 14], \"objects\": [{\"class\": \"cat\", \"box\": [0, 0, 14, 1]}]}\n";
    let stored = JsonLines::from_slice(path("folder/cat/x.jsonl"), lines, &Options::default()).unwrap();
    let yolo = readers::open_as(path("yolo"), Format::Yolo, &options).unwrap();
    let sources: [(&str, &dyn LabelledDataset); 2] = [("of lines", &stored), ("of yolo", &yolo)];
    for (name, data) in sources {
        let expected = first_row(data);
        assert_eq!(expected.0[2..], [if name == "of yolo" { 9.0 } else { 14.0 }, 1.0]);
        let root = path(name);
        write_voc(data, root.join("voc"), &write).unwrap();
        write_coco(data, root.join("coco"), &write).unwrap();
        write_json_lines(data, root.join("lines"), &write).unwrap();
        write_yolo(data, root.join("yolo"), &write, YoloKind::Boxes).unwrap();
        for (folder, format) in
            [("voc", Format::Voc), ("coco", Format::Coco), ("yolo", Format::Yolo), ("lines", Format::JsonLines)]
        {
            let again = readers::open_as(root.join(folder), format, &options).unwrap();
            let (boxed, pixels) = first_row(&again);
            assert!(boxed.iter().zip(&expected.0).all(|(a, b)| (a - b).abs() < 1e-9), "{name} {format}: {boxed:?}");
            assert_eq!(pixels, expected.1, "{name} {format}");
        }
        // Where the formats agree the file is what it was.
        let same = if name == "of yolo" { "yolo/images/train/a.png" } else { "coco/images/train/a.png" };
        assert_eq!(std::fs::read(root.join(same)).unwrap(), std::fs::read(path("folder/cat/a.png")).unwrap(), "{name}");
        let other = if name == "of yolo" { "coco/images/train/a.png" } else { "yolo/images/train/a.png" };
        assert_ne!(
            std::fs::read(root.join(other)).unwrap(),
            std::fs::read(path("folder/cat/a.png")).unwrap(),
            "{name}"
        );
    }
    // The labels of a picture that stays where it is would be wrong in another format.
    let alone = WriteOptions { pictures: false, ..WriteOptions::default() };
    let text = write_coco(&yolo, path("alone"), &alone).unwrap_err().to_string();
    assert!(text.contains("a.png: expected pictures to be written too"), "{text}");
    assert!(write_coco(&stored, path("alone"), &alone).is_ok());
    let text = write_coco(&yolo, path("yolo"), &write).unwrap_err().to_string();
    assert!(text.contains("a.png: expected another folder"), "{text}");
    assert!(write_yolo(&yolo, path("yolo"), &write, YoloKind::Boxes).is_ok());
}

#[test]
fn yolo_folders_hold_nothing_but_what_is_written() {
    let root = tempfile::tempdir().unwrap();
    let write = WriteOptions::default();
    let shapes = |samples| Shapes { samples, ..Shapes::default() };
    write_yolo(&shapes(3), root.path(), &write, YoloKind::Boxes).unwrap();
    write_yolo(&shapes(4), root.path(), &write, YoloKind::Boxes).unwrap();
    let text = write_yolo(&shapes(2), root.path(), &write, YoloKind::Boxes).unwrap_err().to_string();
    assert!(
        text.starts_with("write_yolo: expected a folder without pictures but those") && text.ends_with("000002.png")
    );
    let other = WriteOptions { split: "val".into(), ..WriteOptions::default() };
    write_yolo(&shapes(2), root.path(), &other, YoloKind::Boxes).unwrap();
    let read = |split| readers::open(root.path(), &Options::of_split(split)).unwrap().len();
    assert_eq!((read("train"), read("val")), (4, 2));
    // Of another extension, and in a folder below.
    let refused = |name: &str| {
        let path = root.path().join("images/val").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "").unwrap();
        let text = write_yolo(&shapes(2), root.path(), &other, YoloKind::Boxes).unwrap_err().to_string();
        std::fs::remove_file(&path).unwrap();
        assert!(text.contains("without pictures but those") && text.contains(name), "{text}");
    };
    refused("000001.jpg");
    refused("below/x.png");
    assert!(write_yolo(&shapes(2), root.path(), &other, YoloKind::Boxes).is_ok());
}

/// A picture from elsewhere has the name of one that lies in the folder already, and comes first.
#[test]
fn pictures_that_stay_are_not_written_over() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("images/train");
    std::fs::create_dir_all(folder.join("sub")).unwrap();
    for (name, level) in [("sub/a.png", 1), ("a.png", 2)] {
        write_png(folder.join(name), &Tensor::full([3, 2, 2], level, DType::U8).unwrap()).unwrap();
    }
    let lines = b"{\"image\": \"images/train/sub/a.png\", \"classes\": [\"one\"]}\n{\"image\": \"images/train/a.png\", \"classes\": [\"two\"]}\n";
    let data = JsonLines::from_slice(root.path().join("x.jsonl"), lines, &Options::default()).unwrap();
    write_json_lines(&data, root.path(), &WriteOptions::default()).unwrap();
    let again = JsonLines::open(root.path().join("train.jsonl"), &Options::default()).unwrap();
    let level = |index: usize| {
        (
            again.get(index).unwrap().image.to_tensor().unwrap().to_vec::<u8>().unwrap()[0],
            again.record(index).unwrap().labels.classes,
        )
    };
    assert_eq!((level(0), level(1)), ((1, vec![0]), (2, vec![1])));
}

#[test]
fn every_reader_has_a_limit_of_pixels() {
    let root = tempfile::tempdir().unwrap();
    let mut sets = turned(root.path());
    sets.push((Format::ImageFolder, root.path().to_path_buf()));
    for (format, folder) in sets {
        let split = if format == Format::ImageFolder { "folder" } else { "train" };
        let get = |max_pixels| {
            readers::open_as(&folder, format, &Options { max_pixels, ..Options::of_split(split) }).unwrap().get(0)
        };
        assert!(get(126).is_ok(), "{format}");
        let text = get(125).unwrap_err().to_string();
        assert!(text.contains("1 to 125 pixels, received 9x14"), "{format}: {text}");
    }
}

#[test]
fn sizes_that_are_claimed_are_those_of_the_pictures() {
    let root = tempfile::tempdir().unwrap();
    let replaced = |path: &Path, from: &str, to: &str| {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    };
    let sets = turned(root.path());
    replaced(&root.path().join("voc/Annotations/a.xml"), "<width>14<", "<width>15<");
    replaced(&root.path().join("coco/annotations/instances_train.json"), "\"width\":14", "\"width\":15");
    replaced(&root.path().join("lines/train.jsonl"), "[9,14]", "[9,15]");
    for (format, folder) in sets.into_iter().filter(|(format, _)| *format != Format::Yolo) {
        for policy in [Policy::Fail, Policy::Drop] {
            let options = Options { policy, ..Options::of_split("train") };
            let data = readers::open_as(&folder, format, &options).unwrap();
            assert_eq!(data.record(0).unwrap().size, Some([9, 15]), "{format}");
            let text = data.get(0).unwrap_err().to_string();
            assert!(text.contains("a.png: expected a picture of [height, width] = [9, 15]"), "{format}: {text}");
            assert!(text.ends_with("received [9, 14]"), "{format}: {text}");
        }
    }
}

#[test]
fn boxes_are_compared_with_the_picture_where_no_size_is_claimed() {
    let root = tempfile::tempdir().unwrap();
    write_png(root.path().join("a.png"), &Tensor::zeros([3, 10, 20], DType::U8).unwrap()).unwrap();
    let coco = br#"{"images": [{"id": 1, "file_name": "a.png"}], "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [15, 2, 10, 4]}]}"#;
    let lines = b"{\"image\": \"a.png\", \"objects\": [{\"class\": \"cat\", \"box\": [15, 2, 25, 6]}]}\n";
    let open = |policy| -> [Box<dyn LabelledDataset>; 2] {
        let options = Options { policy, ..Options::default() };
        [
            Box::new(CocoDataset::from_slice("x.json", coco, root.path(), &options).unwrap()),
            Box::new(JsonLines::from_slice(root.path().join("x.jsonl"), lines, &options).unwrap()),
        ]
    };
    for data in open(Policy::Fail) {
        // Without the picture, nothing can be said to lie outside.
        assert_eq!(data.record(0).unwrap().labels.objects[0].bounding_box.max(), [25.0, 6.0]);
        let text = data.get(0).unwrap_err().to_string();
        assert!(text.contains("inside of a picture of [height, width] = [10, 20]"), "{text}");
    }
    for data in open(Policy::Clip) {
        assert_eq!(data.get(0).unwrap().labels.objects[0].bounding_box.max(), [20.0, 6.0]);
        assert_eq!((data.changes().clipped, data.record(0).unwrap().size), (1, None));
        assert_eq!(data.changes().clipped, 1);
    }
}

#[test]
fn panoptic_folders_are_opened_as_such() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    for folder in ["annotations/panoptic_val", "val"] {
        std::fs::create_dir_all(path(folder)).unwrap();
    }
    let file = small_panoptic(root.path());
    std::fs::rename(path("map.png"), path("annotations/panoptic_val/map.png")).unwrap();
    std::fs::rename(path("picture.png"), path("val/picture.png")).unwrap();
    std::fs::write(path("annotations/panoptic_val.json"), file).unwrap();
    assert_eq!(readers::detect(root.path()).unwrap(), Format::Coco);
    let check = |data: &dyn LabelledDataset| {
        assert_eq!((data.len(), data.class_names()), (1, &["cat".to_string(), "grass".into()][..]));
        let labels = data.get(0).unwrap().labels;
        assert_eq!((labels.objects.len(), labels.class_map.unwrap().size()), (2, [4, 6]));
    };
    for options in [Options::default(), Options::of_split("val")] {
        check(&readers::open(root.path(), &options).unwrap());
        check(&CocoPanoptic::open(root.path(), &options).unwrap());
        let text = CocoDataset::open(root.path(), &options).unwrap_err().to_string();
        assert!(text.contains("panoptic_val.json") && text.contains("CocoPanoptic"), "{text}");
    }
    let small = Options { max_pixels: 23, ..Options::default() };
    let text = readers::open(root.path(), &small).unwrap().record(0).unwrap_err().to_string();
    assert!(text.contains("map.png: expected at most 23 pixels"), "{text}");
}

/// A look at every file for each of them would take minutes.
#[test]
fn folders_of_very_many_files_open_quickly() -> Result<()> {
    const FILES: usize = 20_000;
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("cat");
    std::fs::create_dir(&folder).unwrap();
    for i in 0..FILES {
        std::fs::File::create(folder.join(format!("{i:06}.jpg"))).unwrap();
    }
    let start = Instant::now();
    let data = readers::open(root.path(), &Options::default())?;
    let record = data.record(FILES - 1)?;
    let elapsed = start.elapsed();
    assert_eq!((data.len(), record.path), (FILES, Some(folder.join(format!("{:06}.jpg", FILES - 1)))));
    assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
    Ok(())
}
