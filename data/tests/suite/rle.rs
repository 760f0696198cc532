//! Run-length encoded masks against pycocotools (`fixtures/rle.py`), and their invariants.

use ocelli_data::annotation::{BoundingBox, BoxFormat, Polygon, Rle, Segmentation};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    masks: Vec<Mask>,
    large: Large,
    polygons: Vec<Outline>,
    boxes: Vec<Boxed>,
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Mask {
    size: [usize; 2],
    rows: Vec<String>,
    text: String,
    area: u64,
    #[serde(rename = "box")]
    boxed: [f64; 4],
}

#[derive(Deserialize)]
struct Large {
    size: [usize; 2],
    text: String,
}

#[derive(Deserialize)]
struct Outline {
    size: [usize; 2],
    points: Vec<f64>,
    text: String,
    area: u64,
    #[serde(rename = "box")]
    boxed: [f64; 4],
}

#[derive(Deserialize)]
struct Boxed {
    size: [usize; 2],
    #[serde(rename = "box")]
    boxed: [f64; 4],
    text: String,
}

#[derive(Deserialize)]
struct Group {
    size: [usize; 2],
    texts: Vec<String>,
    union: String,
    intersection: String,
    detections: usize,
    objects: usize,
    crowd: Vec<bool>,
    iou: Vec<Vec<f64>>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../fixtures/rle.json")).expect("a committed fixture")
}

#[test]
fn masks_are_encoded_as_by_pycocotools() {
    for mask in fixture().masks {
        let pixels: Vec<u8> = mask.rows.concat().bytes().map(|byte| byte - b'0').collect();
        let rle = Rle::encode(&pixels, mask.size).unwrap();
        assert_eq!(rle.to_compressed(), mask.text);
        assert_eq!(Rle::from_compressed(mask.size, &mask.text).unwrap(), rle);
        assert_eq!(rle.decode().unwrap(), pixels);
        assert_eq!(rle.area(), mask.area);
        assert_eq!(rle.bounding_box().to_array(BoxFormat::Xywh), mask.boxed, "{}", mask.text);
        assert_eq!(Rle::from_counts(mask.size, rle.counts().to_vec()).unwrap(), rle);
        // The forms of COCO's files.
        let written = serde_json::to_string(&rle).unwrap();
        assert_eq!(serde_json::from_str::<Rle>(&written).unwrap(), rle);
        let plain = format!(r#"{{"size": {:?}, "counts": {:?}}}"#, mask.size, rle.counts());
        assert_eq!(serde_json::from_str::<Segmentation>(&plain).unwrap(), Segmentation::Rle(rle));
    }
}

#[test]
fn long_runs_are_written_as_by_pycocotools() {
    let Large { size, text } = fixture().large;
    let rle = Rle::from_compressed(size, &text).unwrap();
    assert_eq!(rle.counts(), [5, 2_000_000_000, 1_500_000_000, 7, 99_999_988]);
    assert_eq!(rle.to_compressed(), text);
    assert_eq!(rle.area(), 2_000_000_007);
}

#[test]
fn polygons_and_boxes_are_drawn_as_by_pycocotools() {
    let fixture = fixture();
    for (i, outline) in fixture.polygons.iter().enumerate() {
        let polygon = Polygon::from_flat(&outline.points).unwrap();
        let rle = Rle::from_polygons(std::slice::from_ref(&polygon), outline.size).unwrap();
        assert_eq!(rle.to_compressed(), outline.text, "polygon {i}: {:?} {:?}", outline.size, outline.points);
        assert_eq!(rle.area(), outline.area);
        if rle.area() > 0 {
            assert_eq!(rle.bounding_box().to_array(BoxFormat::Xywh), outline.boxed);
        }
        let segmentation = Segmentation::Polygons(vec![polygon]);
        assert_eq!(segmentation.to_rle(outline.size).unwrap(), rle);
    }
    for Boxed { size, boxed, text } in fixture.boxes {
        let object = BoundingBox::new(boxed, BoxFormat::Xywh).unwrap();
        assert_eq!(Rle::from_box(&object, size).unwrap().to_compressed(), text, "{boxed:?} in {size:?}");
    }
}

#[test]
fn masks_come_together_as_in_pycocotools() {
    for group in fixture().groups {
        let masks: Vec<Rle> = group.texts.iter().map(|text| Rle::from_compressed(group.size, text).unwrap()).collect();
        assert_eq!(Rle::union(&masks).unwrap().to_compressed(), group.union);
        assert_eq!(Rle::intersection(&masks).unwrap().to_compressed(), group.intersection);
        let (detections, objects) = (&masks[..group.detections], &masks[masks.len() - group.objects..]);
        let iou = Rle::iou_matrix(detections, objects, &group.crowd).unwrap();
        assert_eq!(iou.len(), group.iou.concat().len());
        // serde_json reads a number's last bit wrongly now and then.
        assert!(iou.iter().zip(group.iou.concat()).all(|(a, b)| (a - b).abs() <= 2e-16), "{iou:?} {:?}", group.iou);
    }
}

#[test]
fn empty_and_edge_cases() {
    let empty = Rle::from_polygons(&[], [3, 4]).unwrap();
    assert_eq!((empty.area(), empty.counts(), empty.iou(&empty).unwrap()), (0, &[12][..], 0.0));
    assert_eq!(empty.bounding_box(), BoundingBox::default());
    // Pictures without pixels.
    for size in [[0, 0], [0, 7], [7, 0]] {
        let none = Rle::encode(&[], size).unwrap();
        assert_eq!(none.to_compressed(), "0");
        assert!(none.decode().unwrap().is_empty());
        let triangle = Polygon::from_flat(&[0.0, 0.0, 5.0, 0.0, 0.0, 5.0]).unwrap();
        assert_eq!(Rle::from_polygons(&[triangle], size).unwrap().area(), 0);
        assert_eq!(Rle::from_compressed(size, "").unwrap().area(), 0);
    }
    // Runs of length 0 in the middle and at the ends.
    let odd = Rle::from_counts([2, 3], vec![0, 0, 1, 0, 0, 2, 0, 0, 3, 0]).unwrap();
    assert_eq!((odd.area(), odd.decode().unwrap()), (2, vec![0, 1, 0, 1, 0, 0]));
    assert_eq!(odd.bounding_box().to_array(BoxFormat::Xyxy), [0.0, 0.0, 2.0, 2.0]);
    let plain = Rle::union(&[odd.clone(), Rle::from_counts([2, 3], vec![6]).unwrap()]).unwrap();
    assert_eq!(plain.counts(), [1, 2, 3]);
    assert_eq!(odd.iou(&plain).unwrap(), 1.0);
    assert_eq!(Rle::from_compressed([2, 3], &odd.to_compressed()).unwrap(), odd);
    // An edge of a million million pixels takes no longer than a short one.
    let far = Polygon::from_flat(&[-1e12, -1e12, 1e12, -1e12, 1e12, 1e12, -1e12, 1e12]).unwrap();
    assert_eq!(Rle::from_polygons(&[far], [5, 6]).unwrap().area(), 30);
}

#[test]
fn what_is_no_mask_is_refused() {
    let read = |text: &str| Rle::from_compressed([4, 4], text).unwrap_err().to_string();
    // Not a character of the code; cut off; too long; negative; too many pixels, and too few.
    assert!(read("~0").contains("'~' at 0"));
    assert!(read("5é").contains("at 1"));
    assert!(read("1P").contains("ends within"));
    assert!(read("PPPPPPP0").contains("at most 7"));
    assert!(read("O").contains("received -1"));
    assert!(read("@1").contains("received -16"));
    assert!(read("99").contains("expected runs of 16 pixels") && read("71").contains("received 8"));
    assert!(read("").contains("received 0"));
    assert!(Rle::from_counts([2, 2], vec![u32::MAX, u32::MAX]).is_err());
    assert!(Rle::from_counts([1 << 16, 1 << 16], vec![]).is_err());
    assert!(Rle::from_counts([usize::MAX, 2], vec![]).is_err());
    assert!(Rle::encode(&[0; 5], [2, 3]).is_err());
    let (a, b) = (Rle::encode(&[1; 6], [2, 3]).unwrap(), Rle::encode(&[1; 6], [3, 2]).unwrap());
    assert!(Rle::union(&[]).is_err() && Rle::intersection(&[]).is_err());
    let text = Rle::union(&[a.clone(), b.clone()]).unwrap_err().to_string();
    assert!(text.contains("[2, 3] and [3, 2]"), "{text}");
    assert!(a.iou(&b).is_err() && Rle::iou_matrix(&[&a], &[&a], &[]).is_err());
    assert!(Segmentation::Rle(a).to_rle([3, 2]).is_err());
    let far = Polygon::from_flat(&[0.0, 0.0, 2e12, 0.0, 1.0, 1.0]).unwrap();
    assert!(Rle::from_polygons(&[far], [2, 2]).is_err());
    for json in [r#"{"size": [2, 2], "counts": "~"}"#, r#"{"size": [2, 2], "counts": [-1, 5]}"#, "[[0, 0, 1, 1]]"] {
        assert!(serde_json::from_str::<Segmentation>(json).is_err(), "{json}");
    }
}

/// A mask of a small picture.
fn masks() -> impl Strategy<Value = (Vec<u8>, [usize; 2])> {
    (0usize..12, 0usize..12).prop_flat_map(|(h, w)| (proptest::collection::vec(0u8..2, h * w), Just([h, w])))
}

proptest! {
    #[test]
    fn decoding_undoes_encoding((mask, size) in masks()) {
        let rle = Rle::encode(&mask, size).unwrap();
        prop_assert_eq!(rle.decode().unwrap(), mask.clone());
        prop_assert_eq!(Rle::from_compressed(size, &rle.to_compressed()).unwrap(), rle.clone());
        prop_assert_eq!(rle.area(), mask.iter().map(|&pixel| u64::from(pixel)).sum::<u64>());
    }

    #[test]
    fn union_and_intersection_are_those_of_the_pixels((one, size) in masks(), seed in any::<u64>()) {
        let other: Vec<u8> = (0..one.len()).map(|i| (seed.rotate_left(7 * i as u32) & 1) as u8).collect();
        let encode = |mask: &[u8]| Rle::encode(mask, size).unwrap();
        let both = |inside: fn(u8, u8) -> u8| -> Vec<u8> { one.iter().zip(&other).map(|(a, b)| inside(*a, *b)).collect() };
        let masks = [encode(&one), encode(&other)];
        let (union, shared) = (Rle::union(&masks).unwrap(), Rle::intersection(&masks).unwrap());
        prop_assert_eq!(&union, &encode(&both(|a, b| a | b)));
        prop_assert_eq!(&shared, &encode(&both(|a, b| a & b)));
        let iou = masks[0].iou(&masks[1]).unwrap();
        prop_assert!((0.0..=1.0).contains(&iou));
        prop_assert_eq!(iou, masks[1].iou(&masks[0]).unwrap());
        prop_assert_eq!(iou, if shared.area() == 0 { 0.0 } else { shared.area() as f64 / union.area() as f64 });
    }

    #[test]
    fn no_text_panics(bytes in proptest::collection::vec(40u8..120, 0..40), h in 0usize..9, w in 0usize..9) {
        let text = String::from_utf8(bytes).unwrap();
        if let Ok(rle) = Rle::from_compressed([h, w], &text) {
            prop_assert_eq!(rle.decode().unwrap().len(), h * w);
        }
    }

    #[test]
    fn no_outline_panics(numbers in proptest::collection::vec(any::<f64>(), 0..14), h in 0usize..9, w in 0usize..9) {
        if let Ok(polygon) = Polygon::from_flat(&numbers)
            && let Ok(rle) = Rle::from_polygons(&[polygon], [h, w])
        {
            prop_assert!(rle.area() <= (h * w) as u64);
        }
    }
}
