use super::*;

const FILE: &str = r#"{"info": {"x": [1, {"y": null}]}, "licenses": [],
"images": [{"id": 7, "file_name": "a/7.jpg", "width": 64, "height": 48, "coco_url": "u"}, {"id": "8", "file_name": "8.jpg"}],
"categories": [{"id": 9, "name": "dog"}, {"id": 3, "name": "cat", "supercategory": "animal", "keypoints": ["nose", "tail"], "skeleton": [[1, 2]]}],
"annotations": [
{"id": 1, "image_id": 7, "category_id": 3, "bbox": [10, 20, 30, 5], "area": 75.5, "iscrowd": 0, "segmentation": [[10, 20, 40, 20, 40, 25]],
 "keypoints": [11, 21, 2, 0, 0, 0], "num_keypoints": 1, "score": 0.5, "truncated": 1},
{"id": 2, "image_id": "7", "category_id": 9, "bbox": [0, 0, 2, 2], "iscrowd": 1, "segmentation": {"size": [48, 64], "counts": [0, 2, 3070]}},
{"id": 3, "image_id": 8, "category_id": 9, "bbox": [1, 1, 600, 1]}]}"#;

fn open(text: &str, policy: Policy) -> Result<CocoDataset> {
    CocoDataset::from_slice("x.json", text.as_bytes(), "p", &Options { policy, ..Options::default() })
}

fn message(text: &str) -> String {
    let all = |data: CocoDataset| (0..data.len()).try_for_each(|i| data.record(i).map(drop));
    open(text, Policy::Fail).and_then(all).unwrap_err().to_string()
}

#[test]
fn annotations_become_labels() {
    let data = open(FILE, Policy::Fail).unwrap();
    assert_eq!((data.len(), data.annotations(), data.class_names()), (2, 3, &["cat".to_string(), "dog".into()][..]));
    assert_eq!((data.categories()[0].id, &data.categories()[0].limbs[..]), (Some(3), &[[0, 1]][..]));
    let record = data.record(0).unwrap();
    assert_eq!((record.path.as_deref(), record.size), (Some(Path::new("p/a/7.jpg")), Some([48, 64])));
    let [cat, dogs] = &record.labels.objects[..] else { panic!("{record:?}") };
    assert_eq!((cat.class, cat.id, cat.area), (0, Some(1), Some(75.5)));
    assert_eq!(cat.bounding_box.to_array(BoxFormat::Xywh), [10.0, 20.0, 30.0, 5.0]);
    assert_eq!(cat.keypoints.as_ref().unwrap().to_flat(), [11.0, 21.0, 2.0, 0.0, 0.0, 0.0]);
    assert!(cat.flags.truncated && !cat.flags.crowd);
    assert_eq!(cat.attributes, [("score".to_string(), Value::from(0.5))].into());
    assert!(dogs.flags.crowd && matches!(&dogs.segmentation, Some(Segmentation::Rle(mask)) if mask.area() == 2));
    // Of a picture whose size is not known nothing lies outside.
    let record = data.record(1).unwrap();
    assert_eq!(
        (record.size, record.labels.objects.len(), &record.labels.metadata["image_id"]),
        (None, 1, &Value::from(8))
    );
    assert!(data.record(2).is_err());
}

#[test]
fn what_does_not_fit_is_named() {
    assert!(
        message(&FILE.replace("[10, 20, 30, 5]", "[10, 20, 0, 5]"))
            .contains("x.json: image 7: annotation 1: expected a box with a width")
    );
    assert!(message(&FILE.replace("[10, 20, 30, 5]", "[10, 20, 60, 5]")).contains("[48, 64], received Xywh [10.0"));
    assert!(
        message(&FILE.replace("\"image_id\": 8", "\"image_id\": 99"))
            .contains("annotation 2 (from 0): expected the id of a picture")
    );
    assert!(message(&FILE.replace("{\"id\": 3, \"image", "{\"id\": 1, \"image")).contains("received 1 again"));
    assert!(message(&FILE.replace("\"category_id\": 3", "\"category_id\": 4")).contains("category_id, received 4"));
    assert!(message(&FILE.replace("\"id\": \"8\"", "\"id\": 7")).contains("each picture once, received id 7"));
    assert!(message(&FILE.replace("\"id\": 9, \"name\"", "\"id\": 3, \"name\"")).contains("each category once"));
    assert!(message(&FILE.replace("[[1, 2]]", "[[0, 2]]")).contains("received [0, 2]"));
    assert!(message(&FILE.replace("a/7.jpg", "../7.jpg")).contains("inside of the data set"));
    assert!(message(&FILE.replace("[0, 2, 3070]", "[0, 2, 3071]")).contains("annotation 2: "));
    assert!(message(&FILE.replace("[10, 20, 30, 5]", "[NaN, 20, 30, 5]")).contains("line 5 column"));
    assert!(message(&FILE[..FILE.len() / 2]).contains("expected a JSON file of COCO"));
    assert!(message("").contains("x.json") && message("[]").contains("x.json"));
}

#[test]
fn what_does_not_fit_is_left_out() {
    let text = FILE.replace("[10, 20, 30, 5]", "[NaN, 20, 30, 5]").replace("\"image_id\": 8", "\"image_id\": 99");
    let data = open(&text, Policy::Drop).unwrap();
    assert_eq!(data.record(0).unwrap().labels.objects.len(), 1);
    assert_eq!(data.record(0).unwrap().labels.objects[0].class, 1);
    assert_eq!(data.changes(), Changes { dropped: 2, clipped: 0 });
    let data = open(&FILE.replace("[10, 20, 30, 5]", "[10, 20, 60, 5]"), Policy::Clip).unwrap();
    assert_eq!(data.record(0).unwrap().labels.objects[0].bounding_box.max(), [64.0, 25.0]);
    assert_eq!(data.changes(), Changes { dropped: 0, clipped: 1 });
    let options = Options { classes: Some(vec!["dog".into()]), policy: Policy::Drop, ..Options::default() };
    let data = CocoDataset::from_slice("x.json", FILE.as_bytes(), "p", &options).unwrap();
    assert_eq!((data.record(0).unwrap().labels.objects.len(), data.class_names().len()), (1, 1));
}

#[test]
fn folders() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["annotations", "val2017", "images/train2017"] {
        std::fs::create_dir_all(path(name)).unwrap();
    }
    for name in ["instances_val2017", "captions_val2017", "person_keypoints_val2017", "instances_train2017"] {
        std::fs::write(path("annotations").join(format!("{name}.json")), FILE).unwrap();
    }
    let found = |split: Option<&str>| find(folder.path(), split);
    let named = |file: &str, pictures: &str| Found {
        file: path("annotations").join(file),
        pictures: path(pictures),
        maps: path("annotations"),
    };
    assert_eq!(found(Some("val2017")).unwrap(), named("instances_val2017.json", "val2017"));
    assert_eq!(found(Some("train2017")).unwrap(), named("instances_train2017.json", "images/train2017"));
    assert!(found(None).unwrap_err().to_string().contains("expected one JSON file"));
    assert!(found(Some("test")).is_err() && found(Some("../x")).is_err());
    assert_eq!(splits(folder.path()), ["train2017", "val2017"]);
    // Maps lie in a folder that is called as the file.
    std::fs::create_dir_all(path("annotations/panoptic_x")).unwrap();
    std::fs::write(path("annotations/panoptic_x.json"), "").unwrap();
    assert_eq!(found(Some("x")).unwrap().maps, path("annotations/panoptic_x"));
    assert_eq!(splits(folder.path()), ["train2017", "val2017", "x"]);
}

#[test]
fn only_captions_need_no_category() {
    let text = FILE.replace("\"image_id\": 8, \"category_id\": 9", "\"image_id\": 8");
    let error = message(&text);
    assert!(
        error.contains("annotation 2 (from 0): expected the id of a category as category_id, received none"),
        "{error}"
    );
    let data = open(&text, Policy::Drop).unwrap();
    assert_eq!((data.record(1).unwrap().labels.objects.len(), data.changes().dropped), (0, 1));
    let caption = FILE.replace("\"image_id\": 8, \"category_id\": 9", "\"image_id\": 8, \"caption\": \"A dog.\"");
    let data = open(&caption, Policy::Fail).unwrap();
    let labels = data.record(1).unwrap().labels;
    assert_eq!((labels.objects.len(), &labels.metadata["captions"]), (0, &serde_json::json!(["A dog."])));
    assert_eq!(data.changes(), Changes::default());
}

#[test]
fn panoptic_files_are_refused() {
    let text = r#"{"images": [{"id": 7, "file_name": "7.jpg"}], "categories": [{"id": 9, "name": "dog"}],
        "annotations": [{"image_id": 7, "file_name": "7.png", "segments_info": []}]}"#;
    for policy in [Policy::Fail, Policy::Drop, Policy::Clip] {
        let error = open(text, policy).unwrap_err().to_string();
        assert!(error.contains("x.json: ") && error.contains("CocoPanoptic"), "{error}");
    }
}
