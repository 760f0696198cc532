//! Pascal VOC's maps: their numbers against the list of classes, and objects that are left out.

use std::path::Path;

use ocelli_data::annotation::{ClassMap, Labels, Rle};
use ocelli_data::image_io::write_png;
use ocelli_data::readers::{Changes, Options, Policy, VocDataset};
use ocelli_data::{Dataset, LabelledDataset, Result};
use ocelli_tensor::{DType, Tensor};

/// The numbers of cat, cow and dog among Pascal VOC's classes.
const CAT: u8 = 8;
const COW: u8 = 10;
const DOG: u8 = 12;

/// A picture of 2 × 8 pixels with five objects in two columns each but the last, which shares the fourth's: the first is a dog without width.
fn folder(classes: [u8; 8]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    for name in ["Annotations", "JPEGImages", "SegmentationClass", "SegmentationObject", "ImageSets/Segmentation"] {
        std::fs::create_dir_all(path(name)).unwrap();
    }
    let object = |name: &str, left: usize, right: usize| {
        format!(
            "<object><name>{name}</name><bndbox><xmin>{left}</xmin><ymin>0</ymin><xmax>{right}</xmax><ymax>2</ymax></bndbox></object>"
        )
    };
    let objects = [object("dog", 1, 1), object("dog", 2, 4), object("cow", 4, 6), object("cat", 6, 8)].concat();
    let size = "<size><width>8</width><height>2</height></size>";
    std::fs::write(path("Annotations/a.xml"), format!("<annotation>{size}{objects}</annotation>")).unwrap();
    std::fs::write(path("ImageSets/Segmentation/val.txt"), "a\n").unwrap();
    write_png(path("JPEGImages/a.png"), &Tensor::zeros([3, 2, 8], DType::U8).unwrap()).unwrap();
    write_png(path("SegmentationClass/a.png"), &Tensor::new([classes, classes]).unwrap()).unwrap();
    let objects = [1u8, 1, 2, 2, 3, 3, 4, 4];
    write_png(path("SegmentationObject/a.png"), &Tensor::new([objects, objects]).unwrap()).unwrap();
    root
}

fn options(classes: Option<&[&str]>, policy: Policy) -> Options {
    let classes = classes.map(|classes| classes.iter().map(|name| name.to_string()).collect());
    Options { classes, policy, ..Options::of_split("val") }
}

fn read(root: &Path, options: &Options) -> Result<(Labels, Changes)> {
    let data = VocDataset::open_segmentation(root, options)?;
    let labels = data.get(0)?.labels;
    Ok((labels, data.changes()))
}

/// The class of each object and the columns that its mask covers, from and to.
fn objects(labels: &Labels) -> Vec<(usize, Option<[f64; 2]>)> {
    let columns = |mask: Rle| [mask.bounding_box().min()[0], mask.bounding_box().max()[0]];
    let of = |object: &ocelli_data::annotation::Object| {
        (object.class, object.segmentation.as_ref().map(|mask| columns(mask.to_rle([2, 8]).unwrap())))
    };
    labels.objects.iter().map(of).collect()
}

fn row(labels: &Labels) -> Vec<u16> {
    labels.class_map.as_ref().unwrap().classes()[..8].to_vec()
}

#[test]
fn masks_lie_on_their_objects_whatever_is_left_out() {
    let root = folder([DOG, DOG, DOG, DOG, COW, COW, CAT, 255]);
    let (labels, changes) = read(root.path(), &options(None, Policy::Drop)).unwrap();
    let [cat, cow, dog] = [7, 9, 11];
    assert_eq!(objects(&labels), [(dog, Some([2.0, 4.0])), (cow, Some([4.0, 6.0])), (cat, Some([6.0, 8.0]))]);
    // The one without width, whose mask goes with it.
    assert_eq!(changes, Changes { dropped: 1, clipped: 0 });
    assert_eq!(row(&labels), [12, 12, 12, 12, 10, 10, 8, ClassMap::IGNORE]);
}

#[test]
fn numbers_in_maps_become_classes_of_the_list_by_name() {
    let root = folder([DOG, DOG, DOG, DOG, COW, COW, CAT, 255]);
    let (labels, changes) = read(root.path(), &options(Some(&["dog", "cow", "cat"]), Policy::Drop)).unwrap();
    assert_eq!(objects(&labels), [(0, Some([2.0, 4.0])), (1, Some([4.0, 6.0])), (2, Some([6.0, 8.0]))]);
    assert_eq!((row(&labels), changes.dropped), (vec![1, 1, 1, 1, 2, 2, 3, ClassMap::IGNORE], 1));
    // What is not in the list is background; the cow is left out of the annotation, and out of the map.
    let (labels, changes) = read(root.path(), &options(Some(&["cat", "dog"]), Policy::Clip)).unwrap();
    assert_eq!(objects(&labels), [(1, Some([2.0, 4.0])), (0, Some([6.0, 8.0]))]);
    assert_eq!((row(&labels), changes.dropped), (vec![2, 2, 2, 2, 0, 0, 1, ClassMap::IGNORE], 3));
    // Without the annotation, only the maps say so.
    std::fs::remove_file(root.path().join("Annotations/a.xml")).unwrap();
    let (labels, changes) = read(root.path(), &options(Some(&["cat", "dog"]), Policy::Drop)).unwrap();
    assert_eq!(objects(&labels), [(1, Some([0.0, 2.0])), (1, Some([2.0, 4.0])), (0, Some([6.0, 8.0]))]);
    assert_eq!(changes.dropped, 2);
    let text = read(root.path(), &options(Some(&["cat", "dog"]), Policy::Fail)).unwrap_err().to_string();
    assert!(text.contains("SegmentationClass") && text.contains("received \"cow\" (10 in the map)"), "{text}");
    // Maps alone are of Pascal VOC's own classes.
    let data = VocDataset::open_segmentation(root.path(), &options(None, Policy::Fail)).unwrap();
    assert_eq!((data.class_names().len(), data.record(0).unwrap().labels.objects[0].class), (20, 11));
}

#[test]
fn the_order_of_a_label_map_counts() {
    let root = folder([1, 1, 1, 1, 3, 3, 2, 2]);
    let map = "background:0,0,0::\ndog:1,1,1::\ncat:2,2,2::\ncow:3,3,3::\n";
    std::fs::write(root.path().join("labelmap.txt"), map).unwrap();
    let (labels, _) = read(root.path(), &options(Some(&["cat", "cow", "dog"]), Policy::Drop)).unwrap();
    assert_eq!(objects(&labels), [(2, Some([2.0, 4.0])), (1, Some([4.0, 6.0])), (0, Some([6.0, 8.0]))]);
    assert_eq!(row(&labels), [3, 3, 3, 3, 2, 2, 1, 1]);
    // A number that no class has.
    let root = folder([21, 21, 1, 1, 0, 0, 0, 0]);
    let text = read(root.path(), &options(Some(&["aeroplane", "dog", "cow", "cat"]), Policy::Fail));
    // The annotation comes first.
    assert!(text.unwrap_err().to_string().contains("a.xml"));
    std::fs::remove_file(root.path().join("Annotations/a.xml")).unwrap();
    let text = read(root.path(), &options(None, Policy::Fail)).unwrap_err().to_string();
    assert!(text.contains("expected classes in 0..=20 and 255, received 21"), "{text}");
    let (labels, changes) = read(root.path(), &options(None, Policy::Drop)).unwrap();
    // The class; its object; and two objects of background alone.
    assert_eq!((objects(&labels), changes.dropped), (vec![(0, Some([2.0, 4.0]))], 4));
    // A list of other names than Pascal VOC's is the order where nothing else tells one.
    let (labels, _) = read(root.path(), &options(Some(&["cell"]), Policy::Drop)).unwrap();
    assert_eq!(objects(&labels), [(0, Some([2.0, 4.0]))]);
}

#[test]
fn maps_have_the_size_and_the_limit_of_their_picture() {
    let root = folder([DOG; 8]);
    write_png(root.path().join("SegmentationClass/a.png"), &Tensor::new([[DOG; 7]; 2]).unwrap()).unwrap();
    let text = read(root.path(), &options(None, Policy::Drop)).unwrap_err().to_string();
    assert!(text.contains("of its picture, [2, 8], received [2, 7]"), "{text}");
    let small = Options { max_pixels: 13, ..options(None, Policy::Drop) };
    let text = read(root.path(), &small).unwrap_err().to_string();
    assert!(text.contains("SegmentationClass") && text.contains("at most 13 pixels"), "{text}");
}

#[test]
fn parts_are_counted_as_their_objects() {
    let root = folder([0; 8]);
    let boxed = |x: usize| format!("<bndbox><xmin>{x}</xmin><ymin>1</ymin><xmax>4</xmax><ymax>2</ymax></bndbox>");
    let text = format!(
        "<annotation><object><name>dog</name>{}<part><name>head</name>{}</part></object></annotation>",
        boxed(1),
        boxed(3)
    );
    std::fs::write(root.path().join("Annotations/a.xml"), text).unwrap();
    let data = || VocDataset::open(root.path(), &Options::default()).unwrap();
    for (data, x) in [(data(), 3.0), (data().one_based(), 2.0)] {
        let object = &data.record(0).unwrap().labels.objects[0];
        assert_eq!(object.bounding_box.min(), [x - 2.0, x - 2.0]);
        let part = serde_json::json!([{ "name": "head", "box": [x, x - 2.0, 4.0, 2.0] }]);
        assert_eq!(object.attributes["parts"], part);
    }
}
