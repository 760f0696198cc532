//! The programs that show detection, on a small scene: their files and what they print.

use crate::program::run;
use ocelli_data::image_io;

#[test]
fn the_tour_draws_and_measures() {
    let directory = tempfile::tempdir().expect("a directory");
    let tour = || {
        let arguments = ["--out", "tour", "--size", "96", "--scenes", "12", "--seed", "5"];
        let (success, printed, errors) = run("detection_tour", &arguments, directory.path());
        assert!(success, "{errors}");
        printed
    };
    let printed = tour();
    let files = [
        "1_boxes",
        "2_masks",
        "3_class_map",
        "4_keypoints",
        "5_anchors",
        "6_positive_anchors",
        "7_proposals",
        "8_suppression",
        "9_roi_align",
        "10_heat_map",
        "11_precision_recall",
        "12_confusion_matrix",
    ];
    for name in files {
        let picture = image_io::read(directory.path().join("tour").join(format!("{name}.png"))).expect("a picture");
        assert!(picture.shape()[0] == 3 && picture.shape()[1] >= 96 && picture.shape()[2] >= 96, "{name}");
        assert!(printed.contains(&format!("{name}.png")), "{name} is not mentioned: {printed}");
    }
    assert_eq!(std::fs::read_dir(directory.path().join("tour")).expect("a directory").count(), files.len());

    // Of each suppression AP, AP50 and AP75.
    let row = |name: &str| -> Vec<f64> {
        let line = printed.lines().find(|line| line.starts_with(name)).expect("a line for each suppression");
        line[name.len()..].split_whitespace().map(|number| number.parse().expect("a number")).collect()
    };
    let (before, after) = (row("before"), row("NMS"));
    for name in
        ["DIoU-NMS", "soft-NMS, linear", "soft-NMS, Gaussian", "matrix NMS", "mask NMS", "weighted boxes fusion"]
    {
        let numbers = row(name);
        assert!(numbers.len() == 3 && numbers.iter().all(|x| (0.0..=1.0).contains(x)), "{name}: {numbers:?}");
        assert!(numbers[1] > before[1], "{name} helps: {numbers:?}, before {before:?}");
    }
    assert!(after[1] > before[1] + 0.1 && after[1] > after[0], "{after:?}, before {before:?}");
    assert!(printed.contains(" Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = "));
    assert_eq!(tour(), printed, "the same seed gives the same numbers");
}

#[test]
fn proposals_are_drawn_and_counted() {
    let directory = tempfile::tempdir().expect("a directory");
    let (success, _, errors) =
        run("detection_tour", &["--out", ".", "--size", "96", "--scenes", "1"], directory.path());
    assert!(success, "{errors}");
    let arguments = ["1_boxes.png", "--mode", "fast", "--top", "7", "--out", "found.jpg"];
    let (success, printed, errors) = run("selective_search", &arguments, directory.path());
    assert!(success, "{errors}");
    assert!(printed.contains(" proposals in ") && printed.contains("for 96 × 96 pixels"), "{printed}");
    assert!(printed.contains("the first 7 are drawn in found.jpg"), "{printed}");
    assert_eq!(image_io::read(directory.path().join("found.jpg")).expect("a picture").shape()[..], [3, 96, 96]);

    for (arguments, expected) in
        [(["none.png", "--top", "7"], "none.png"), (["1_boxes.png", "--out", "x.gif"], "x.gif")]
    {
        let (success, _, errors) = run("selective_search", &arguments, directory.path());
        assert!(!success && errors.contains(expected), "{errors}");
    }
}
