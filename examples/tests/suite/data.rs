//! The programs about data sets, on small ones: their files and what they print.

use crate::program::run;
use ocelli_data::generated::Shapes;
use ocelli_data::readers::{self, Options};
use ocelli_data::writers::{WriteOptions, write_voc};
use ocelli_data::{Dataset, LabelledDataset, image_io};

#[test]
fn the_gallery_shows_every_transform() {
    let directory = tempfile::tempdir().expect("a directory");
    let sheet = |arguments: &[&str], file: &str, columns: usize| {
        let (success, printed, errors) = run("augmentation_gallery", arguments, directory.path());
        assert!(success, "{errors}");
        let count: usize = printed.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number");
        assert!(count >= 30 && printed.contains(file), "{printed}");
        let picture = image_io::read(directory.path().join(file)).expect("a picture");
        // Cells of 320 pixels and a line of text, with margins of 32.
        let (cell, text, margin) = (320, 40, 32);
        let expected =
            [3, count.div_ceil(columns) * (cell + text + margin) + margin, columns * (cell + margin) + margin];
        assert_eq!(picture.shape()[..], expected);
        picture.to_vec::<u8>().expect("memory")
    };
    let generated = sheet(&[], "runs/augmentation_gallery.png", 6);
    assert_eq!(sheet(&["--out", "again.png"], "again.png", 6), generated, "the same seed gives the same sheet");
    let other = sheet(&["--seed", "1", "--out", "other.png", "--columns", "9"], "other.png", 9);
    assert_ne!(other, generated);

    let picture = Shapes { size: [90, 70], ..Shapes::default() }.get(0).expect("a sample").image;
    let file = directory.path().join("own.png");
    image_io::write_png(&file, &picture.to_tensor().expect("memory")).expect("a file");
    sheet(&["--image", "own.png", "--out", "own-sheet.png"], "own-sheet.png", 6);
    let (success, _, errors) = run("augmentation_gallery", &["--image", "none.png"], directory.path());
    assert!(!success && errors.contains("none.png"), "{errors}");
}

#[test]
fn data_sets_become_json_lines() {
    let directory = tempfile::tempdir().expect("a directory");
    let shapes = Shapes { samples: 3, min_visible: 1.0, ..Shapes::default() };
    write_voc(&shapes, directory.path().join("voc"), &WriteOptions::default()).expect("files");
    let (success, printed, errors) =
        run("convert_dataset", &["voc", "json-lines", "lines", "--split", "train"], directory.path());
    assert!(success, "{errors}");
    assert!(printed.contains("Pascal VOC, 3 pictures, 3 classes"), "{printed}");
    let again = readers::open(directory.path().join("lines"), &Options::default()).expect("a data set");
    assert_eq!((again.len(), again.class_names()), (3, shapes.class_names()));
    for index in 0..3 {
        let (labels, expected) = (again.record(index).expect("labels").labels, shapes.get(index).expect("a sample"));
        assert_eq!(again.get(index).expect("a sample").image, expected.image);
        for (object, expected) in labels.objects.iter().zip(&expected.labels.objects) {
            let pixels = |object: &ocelli_data::annotation::Object| {
                object.segmentation.as_ref().expect("a mask").to_rle([64, 64]).expect("a mask of the picture")
            };
            assert_eq!((object.class, pixels(object)), (expected.class, pixels(expected)));
        }
    }
}
