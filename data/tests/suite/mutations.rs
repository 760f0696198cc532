//! Every parser on files with seeded mutations: an error or a data set, never a panic.

use std::path::{Component, Path};

use ocelli_data::annotation::BoxFormat;
use ocelli_data::image_io::{Decoder, write_png};
use ocelli_data::readers::video::{ClipSampling, VideoEntry, VideoFrames, kinetics_list, parse_skeletons, ucf_list};
use ocelli_data::readers::{
    self, Cifar, CifarDataset, CocoDataset, CocoPanoptic, CsvLabels, ImageNetClasses, JsonLines, OpenImagesDataset,
    Options, Policy, VocDataset, YoloConfig,
};
use ocelli_data::{Dataset, LabelledDataset, SampleRng, idx};
use ocelli_tensor::{DType, Tensor, safetensors};
use serde_json::{Value, json};

use crate::readers::small_voc;

/// Files with some bytes changed, left out, doubled or cut off, from a seed; `check` must return, whatever it says.
fn mutate(name: &str, bytes: &[u8], rounds: u64, check: impl Fn(&[u8])) {
    use rand::Rng;
    let words: [&[u8]; 12] = [
        b"-1",
        b"1e999",
        b"nan",
        b"99999999999999999999",
        b"\0",
        b"\xff\xfe",
        b"../",
        b"\"",
        b"<",
        b",",
        b"null",
        b"\n",
    ];
    for round in 0..rounds {
        let mut rng = SampleRng::new(3, 0, round);
        let mut made = bytes.to_vec();
        for _ in 0..1 + rng.below(4) {
            let at = rng.below(made.len() + 1);
            let end = (at + 1 + rng.below(8)).min(made.len());
            match rng.below(6) {
                0 => drop(made.splice(at..end, words[rng.below(words.len())].iter().copied())),
                1 => made.truncate(at),
                2 => drop(made.drain(at..end)),
                3 => {
                    let piece = made[at..end].to_vec();
                    drop(made.splice(at..at, piece));
                }
                4 => made.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (round % 8)),
                _ => made.iter_mut().skip(at).take(1).for_each(|byte| *byte = rng.next_u32() as u8),
            }
        }
        // What panics is to be seen, with the bytes that made it.
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&made)));
        assert!(caught.is_ok(), "{name}, round {round}: {:?}", String::from_utf8_lossy(&made));
    }
}

const POLICIES: [Policy; 3] = [Policy::Fail, Policy::Drop, Policy::Clip];

#[test]
fn mutated_voc() {
    let root = tempfile::tempdir().unwrap();
    small_voc(root.path());
    let bytes = std::fs::read(root.path().join("Annotations/a.xml")).unwrap();
    let classes = ["cat".to_string(), "a & b".into()];
    assert_eq!(readers::parse_voc_annotation("a", &bytes, &classes, Policy::Fail).unwrap().0.objects.len(), 2);
    mutate("voc", &bytes, 20_000, |bytes| {
        let made = readers::parse_voc_annotation("a.xml", bytes, &classes, POLICIES[bytes.len() % 3]);
        made.into_iter()
            .flat_map(|(labels, _)| labels.objects)
            .for_each(|object| assert!(object.bounding_box.area() > 0.0));
    });
}

#[test]
fn mutated_coco() {
    let whole = include_bytes!("../fixtures/coco.json");
    // A part of the file, so that many mutations hit what matters.
    let mut file: Value = serde_json::from_slice(whole).unwrap();
    file["annotations"].as_array_mut().unwrap().truncate(6);
    let bytes = serde_json::to_vec(&file).unwrap();
    mutate("coco", &bytes, 10_000, |bytes| {
        let options = Options { policy: POLICIES[bytes.len() % 3], ..Options::default() };
        let Ok(data) = CocoDataset::from_slice("c.json", bytes, "p", &options) else { return };
        for record in (0..data.len()).filter_map(|i| data.record(i).ok()) {
            record.labels.objects.iter().for_each(|object| {
                assert!(object.bounding_box.area() > 0.0 && object.class < data.class_names().len())
            });
        }
    });
}

#[test]
fn mutated_yolo() {
    let config = b"path: .\ntrain: images/train\nnc: 2\nnames:\n  0: cat\n  1: \"dog\"\nkpt_shape: [2, 3]\n";
    mutate("data.yaml", config, 10_000, |bytes| drop(YoloConfig::parse("data.yaml", bytes)));
    for (text, keypoints) in
        [("0 0.5 0.5 0.2 0.1\n1 0.1 0.1 0.3 0.1 0.2 0.3\n", None), ("1 .5 .5 .2 .1 .5 .5 2 .4 .4 1\n", Some([2, 3]))]
    {
        let config = YoloConfig { names: vec!["cat".into(), "dog".into()], keypoints, ..YoloConfig::default() };
        assert!(readers::parse_yolo_labels("a", text.as_bytes(), [40, 60], &config, Policy::Fail).is_ok());
        mutate("yolo", text.as_bytes(), 10_000, |bytes| {
            drop(readers::parse_yolo_labels("a.txt", bytes, [40, 60], &config, POLICIES[bytes.len() % 3]));
        });
    }
}

#[test]
fn mutated_tables_and_lines() {
    let boxes = b"ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside\n\
        b,x,/m/cat,1,0.25,0.75,0.5,1,0,1,0,0,-1\na,y,/m/dog,0.5,0,1,0,1,1,0,1,1,1\n";
    let classes = ["/m/cat".to_string(), "/m/dog".into()];
    assert_eq!(readers::check_open_images_boxes("b", boxes, &classes, &Options::default()).unwrap(), (2, 2));
    mutate("open images", boxes, 10_000, |bytes| {
        let options = Options { policy: POLICIES[bytes.len() % 3], ..Options::default() };
        drop(readers::check_open_images_boxes("b.csv", bytes, &classes, &options));
    });
    mutate("csv", b"file,label\na.jpg,dog\n\"b,c.jpg\",cat\n", 10_000, |bytes| {
        drop(readers::parse_csv_labels("l.csv", bytes, "p", CsvLabels::Classes(','), &Options::default()));
    });
    let index = br#"{"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}"#;
    mutate("imagenet", index, 10_000, |bytes| drop(ImageNetClasses::parse("i.json", bytes)));
    mutate("synsets", b"n01440764 tench\nn01443537 goldfish\n", 10_000, |bytes| {
        drop(ImageNetClasses::parse("w.txt", bytes))
    });
}

#[test]
fn mutated_bytes() {
    let mut file = vec![0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3];
    file.extend(0..12);
    assert!(idx::parse_images("x", &file).is_ok());
    mutate("idx", &file, 20_000, |bytes| drop(idx::parse("x", bytes)));
    let record: Vec<u8> = std::iter::once(3).chain((0..3072).map(|i| i as u8)).collect();
    mutate("cifar", &record, 10_000, |bytes| drop(CifarDataset::parse("x", bytes, Cifar::Ten)));
}

#[test]
fn mutated_json_lines() {
    let lines = br#"{"class_names": ["cat", "dog"]}
{"image": "a/1.jpg", "size": [9, 9], "classes": ["dog"], "metadata": {"x": [1, null]}, "objects": [
"#;
    let object = br#"{"class": "cat", "box": [1, 2, 4, 6], "segmentation": [[1, 2, 4, 2, 4, 6]], "keypoints": [2, 3, 2], "crowd": true, "id": 7, "area": 5.5, "attributes": {"a": "b"}}"#;
    let runs = br#", {"class": "dog", "box": [0, 0, 9, 1], "segmentation": {"size": [9, 9], "counts": [0, 3, 78]}}]}"#;
    // The breaks above are for the eye: a picture is one line.
    let (header, line) = lines.split_at(lines.iter().position(|&byte| byte == b'\n').unwrap() + 1);
    let bytes = [header, line.trim_ascii_end(), object, runs, b"\n"].concat();
    let data = JsonLines::from_slice("l.jsonl", &bytes, &Options::default()).unwrap();
    assert_eq!(data.record(0).unwrap().labels.objects.len(), 2);
    mutate("json lines", &bytes, 20_000, |bytes| {
        let options = Options { policy: POLICIES[bytes.len() % 3], ..Options::default() };
        let Ok(data) = JsonLines::from_slice("l.jsonl", bytes, &options) else { return };
        for record in (0..data.len()).filter_map(|i| data.record(i).ok()) {
            assert!(record.path.unwrap().components().all(|part| part != Component::ParentDir));
            record.labels.objects.iter().for_each(|object| assert!(object.bounding_box.area() > 0.0));
        }
    });
}

#[test]
fn mutated_films() {
    let list = b"Jump/v_Jump_g01_c01.avi 1\nRun/v_Run_g01_c02.avi 2\n";
    assert_eq!(ucf_list("l.txt", list).unwrap().len(), 2);
    let table = b"label,youtube_id,time_start,time_end,split\nriding a bike,x_-1,10,20,train\n\"a, b\",y,0,10,train\n";
    assert_eq!(kinetics_list("k.csv", table).unwrap().len(), 2);
    let root = tempfile::tempdir().unwrap();
    // The films of both lists, and beside the root one that no list may lead to.
    let films = root.path().join("films");
    let frame = Tensor::zeros([3, 2, 2], DType::U8).unwrap();
    for film in ["films/Jump/v_Jump_g01_c01", "films/Run/v_Run_g01_c02", "films/riding a bike/x_-1_000010_000020", "x"]
    {
        std::fs::create_dir_all(root.path().join(film)).unwrap();
        write_png(root.path().join(film).join("1.png"), &frame).unwrap();
    }
    let sampling = ClipSampling::Uniform { length: 2 };
    let opened = |entries: &[VideoEntry]| VideoFrames::from_list(&films, entries, sampling, &Options::default());
    assert_eq!(opened(&ucf_list("l.txt", list).unwrap()).unwrap().len(), 2);
    assert_eq!(opened(&kinetics_list("k.csv", table).unwrap()[..1]).unwrap().len(), 1);
    let outside = VideoEntry { folder: "../x".into(), class: None };
    assert!(opened(&[outside]).unwrap_err().to_string().contains("inside of the data set"));
    let check = |entries: ocelli_data::Result<Vec<VideoEntry>>| {
        for entry in entries.into_iter().flatten() {
            // What would lead out of the folder has been refused.
            assert!(
                Path::new(&entry.folder)
                    .components()
                    .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
            );
            // Those that are there open, and no others.
            let there = films.join(&entry.folder).join("1.png").exists();
            let clips = opened(std::slice::from_ref(&entry)).map(|data| data.len()).ok();
            assert_eq!(clips, there.then_some(1), "{entry:?}");
        }
    };
    mutate("ucf", list, 10_000, |bytes| check(ucf_list("l.txt", bytes)));
    mutate("kinetics", table, 10_000, |bytes| check(kinetics_list("k.csv", bytes)));
    assert!(kinetics_list("k.csv", b"label,youtube_id,time_start,time_end\n../a,x,1,2\n").is_err());
    assert!(kinetics_list("k.csv", b"label,youtube_id,time_start,time_end\na,../x,1,2\n").is_err());

    let joints = b"frame,body,joint,x,y,z\n0,0,0,0.5,-1,2.25\n0,0,1,1e-3,0,0\n1,0,0,0,0,0\n1,0,1,3,4,5\n";
    assert_eq!(parse_skeletons("s.csv", joints).unwrap().shape(), [2, 1, 2]);
    mutate("skeletons", joints, 20_000, |bytes| {
        let Ok(sequence) = parse_skeletons("s.csv", bytes) else { return };
        assert_eq!(sequence.positions().len(), sequence.shape().iter().product::<usize>());
        assert!(sequence.positions().iter().flatten().flatten().all(|x| x.is_finite()));
    });
}

#[test]
fn mutated_pictures() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/pictures.safetensors");
    let files = safetensors::load(path).unwrap();
    let decoder = Decoder { max_pixels: 4096, ..Decoder::default() };
    for (name, file) in files.iter().filter_map(|(key, file)| Some((key.strip_suffix(".file")?, file))) {
        let bytes: Vec<u8> = file.to_vec().unwrap();
        assert!(!decoder.animation(name, &bytes).unwrap().frames.is_empty());
        let rounds = if name.ends_with(".gif") { 10_000 } else { 300 };
        mutate(name, &bytes, rounds, |bytes| {
            if let Ok(image) = decoder.decode(name, bytes) {
                assert!((1..=4096).contains(&(image.height() * image.width())));
            }
            let Ok(film) = decoder.animation(name, bytes) else { return };
            assert_eq!(film.frames.len(), film.delays.len());
            assert!(film.frames.iter().map(|frame| frame.height() * frame.width()).sum::<usize>() <= 4096);
        });
    }
}

/// A folder with a small set in COCO's panoptic format: a map of 4 × 6 pixels, whose left half is one segment and right half another. Its JSON file.
pub(crate) fn small_panoptic(root: &Path) -> Vec<u8> {
    let ids = [259u32, 70_000];
    let map: Vec<u8> = (0..24).flat_map(|pixel| ids[pixel % 6 / 3].to_le_bytes().into_iter().take(3)).collect();
    let map = Tensor::from_vec(map, [4, 6, 3]).unwrap().permute([2, 0, 1]).unwrap();
    write_png(root.join("map.png"), &map).unwrap();
    write_png(root.join("picture.png"), &Tensor::zeros([3, 4, 6], DType::U8).unwrap()).unwrap();
    let file = json!({
        "images": [{ "id": 5, "file_name": "picture.png", "width": 6, "height": 4 }],
        "categories": [{ "id": 2, "name": "cat" }, { "id": 9, "name": "grass" }],
        "annotations": [{ "image_id": 5, "file_name": "map.png", "segments_info": [
            { "id": ids[0], "category_id": 2, "bbox": [0, 0, 3, 4], "area": 12, "iscrowd": 0 },
            { "id": ids[1], "category_id": 9, "bbox": [3, 0, 3, 4], "area": 12, "iscrowd": 1 },
        ] }],
    });
    serde_json::to_vec(&file).unwrap()
}

#[test]
fn mutated_panoptic() {
    let root = tempfile::tempdir().unwrap();
    let (bytes, path) = (small_panoptic(root.path()), root.path().join("panoptic.json"));
    let open = |bytes: &[u8], policy| {
        std::fs::write(&path, bytes).unwrap();
        CocoPanoptic::from_file(&path, root.path(), root.path(), &Options { policy, ..Options::default() })
    };
    let data = open(&bytes, Policy::Fail).unwrap();
    let sample = data.get(0).unwrap();
    assert_eq!((data.class_names(), sample.image.shape()), (&["cat".to_string(), "grass".into()][..], [4, 6, 3]));
    assert_eq!(sample.labels.class_map.unwrap().counts(), [(0, 12), (1, 12)].into());
    let [cat, grass] = &sample.labels.objects[..] else { panic!("two segments") };
    assert_eq!((cat.class, cat.id, grass.flags.crowd, cat.area), (0, Some(259), true, Some(12.0)));
    for object in [cat, grass] {
        let mask = object.segmentation.as_ref().unwrap().to_rle([4, 6]).unwrap();
        assert_eq!((mask.bounding_box(), mask.area()), (object.bounding_box, 12));
    }
    let text = String::from_utf8(bytes.clone()).unwrap();
    let outside = open(text.replace("map.png", "../map.png").as_bytes(), Policy::Fail).unwrap();
    assert!(outside.record(0).unwrap_err().to_string().contains("inside of the data set"));

    let read = |data: ocelli_data::Result<CocoPanoptic>| {
        let Ok(data) = data else { return };
        for record in (0..data.len()).filter_map(|i| data.record(i).ok()) {
            assert_eq!(record.labels.class_map.unwrap().size(), record.size.unwrap());
            record.labels.objects.iter().for_each(|object| assert!(object.class < data.class_names().len()));
        }
    };
    mutate("panoptic", &bytes, 3_000, |bytes| read(open(bytes, POLICIES[bytes.len() % 3])));
    let map = std::fs::read(root.path().join("map.png")).unwrap();
    mutate("panoptic map", &map, 3_000, |map| {
        std::fs::write(root.path().join("map.png"), map).unwrap();
        read(open(&bytes, POLICIES[map.len() % 3]));
    });
}

#[test]
fn mutated_voc_lists_and_maps() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    small_voc(root.path());
    let classes = Some(["cat", "a & b", "dog"].map(String::from).to_vec());
    let open = |split: &str, policy| {
        VocDataset::open(root.path(), &Options { classes: classes.clone(), policy, ..Options::of_split(split) })
    };
    let list = b"a -1\nb  0\nc 1\na\n";
    std::fs::write(path("ImageSets/Main/cat_x.txt"), list).unwrap();
    assert_eq!(open("cat_x", Policy::Fail).unwrap().len(), 4);
    mutate("voc list", list, 3_000, |bytes| {
        std::fs::write(path("ImageSets/Main/cat_x.txt"), bytes).unwrap();
        let policy = POLICIES[bytes.len() % 3];
        let Ok(data) = open("cat_x", policy) else { return };
        (0..data.len()).filter_map(|i| data.record(i).ok()).for_each(|record| assert!(record.size.is_some()));
        assert!(
            data.presence("cat", "x").is_ok_and(|list| list.len() == data.len()) || data.presence("cat", "x").is_err()
        );
    });
    let map = b"# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:128,0,0::\na & b:0,128,0:x:y\n";
    mutate("labelmap", map, 2_000, |bytes| {
        std::fs::write(path("labelmap.txt"), bytes).unwrap();
        let options = Options { policy: POLICIES[bytes.len() % 3], ..Options::of_split("train") };
        let Ok(data) = VocDataset::open(root.path(), &options) else { return };
        let objects = (0..data.len()).filter_map(|i| data.record(i).ok()).flat_map(|record| record.labels.objects);
        objects.for_each(|object| assert!(object.class < data.class_names().len()));
    });
    std::fs::remove_file(path("labelmap.txt")).unwrap();

    // A map of classes and one of objects, of a picture without annotation: 0, 1 and 2 as grey levels.
    for folder in ["SegmentationClass", "SegmentationObject"] {
        std::fs::create_dir_all(path(folder)).unwrap();
        let pixels = Tensor::new([[0u8, 1, 1], [2, 2, 0]]).unwrap();
        write_png(path(folder).join("d.png"), &pixels).unwrap();
    }
    write_png(path("JPEGImages/d.png"), &Tensor::zeros([3, 2, 3], DType::U8).unwrap()).unwrap();
    std::fs::write(path("ImageSets/Main/d.txt"), "d\n").unwrap();
    let read = || open("d", Policy::Fail).unwrap().with_masks().record(0);
    let labels = read().unwrap().labels;
    assert_eq!(labels.class_map.unwrap().counts(), [(0, 2), (1, 2), (2, 2)].into());
    let boxes = labels.objects.iter().map(|object| object.bounding_box.to_array(BoxFormat::Xyxy));
    assert_eq!(boxes.collect::<Vec<_>>(), [[1.0, 0.0, 3.0, 1.0], [0.0, 1.0, 2.0, 2.0]]);
    for folder in ["SegmentationClass", "SegmentationObject"] {
        let file = path(folder).join("d.png");
        let bytes = std::fs::read(&file).unwrap();
        mutate(folder, &bytes, 3_000, |bytes| {
            std::fs::write(&file, bytes).unwrap();
            if let Ok(record) = read() {
                assert!(record.labels.objects.iter().all(|object| object.class < 3));
            }
        });
        std::fs::write(&file, bytes).unwrap();
    }
}

#[test]
fn mutated_open_images_masks() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    std::fs::create_dir_all(path("train")).unwrap();
    std::fs::create_dir_all(path("masks")).unwrap();
    write_png(path("train/b.png"), &Tensor::zeros([4, 8], DType::U8).unwrap()).unwrap();
    write_png(path("masks/m.png"), &Tensor::new([[0u8, 255], [0, 255]]).unwrap()).unwrap();
    let boxes = "ImageID,LabelName,XMin,XMax,YMin,YMax\nb,/m/cat,0.25,0.75,0.5,1\n";
    std::fs::write(path("train-annotations-bbox.csv"), boxes).unwrap();
    let masks = "MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax,PredictedIoU,Clicks\n\
        m.png,b,/m/cat,x,0.250001,0.75,0.5,1,0,\nm.png,b,/m/dog,y,0,1,0,1,0.5,\"0.1 0.2 1\"\n";
    let classes = Some(vec!["/m/cat".to_string(), "/m/dog".into()]);
    let open = |bytes: &[u8], policy| {
        std::fs::write(path("train-annotations-object-segmentation.csv"), bytes).unwrap();
        let options = Options { classes: classes.clone(), policy, ..Options::default() };
        OpenImagesDataset::open(root.path(), &options)
    };
    let objects = open(masks.as_bytes(), Policy::Fail).unwrap().record(0).unwrap().labels.objects;
    assert_eq!(objects.iter().filter(|object| object.segmentation.is_some()).count(), 2);
    let outside = masks.replacen("m.png", "../masks/m.png", 1);
    let text = open(outside.as_bytes(), Policy::Fail).unwrap_err().to_string();
    assert!(text.contains("line 2: expected a name without a path"), "{text}");

    let read = |data: ocelli_data::Result<OpenImagesDataset>| {
        let Ok(data) = data else { return };
        for record in (0..data.len()).filter_map(|i| data.record(i).ok()) {
            let size = record.size.unwrap();
            for mask in record.labels.objects.iter().filter_map(|object| object.segmentation.as_ref()) {
                assert_eq!(mask.to_rle(size).unwrap().size(), size);
            }
        }
    };
    mutate("open images masks", masks.as_bytes(), 3_000, |bytes| read(open(bytes, POLICIES[bytes.len() % 3])));
    let mask = std::fs::read(path("masks/m.png")).unwrap();
    mutate("open images mask", &mask, 3_000, |mask| {
        std::fs::write(path("masks/m.png"), mask).unwrap();
        read(open(masks.as_bytes(), Policy::Fail));
    });
}
