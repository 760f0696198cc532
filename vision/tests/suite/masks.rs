//! Masks against torchvision and pycocotools (`fixtures/masks.py`).

use crate::common::{assert_close, fixture, values};
use ocelli_data::annotation::{Polygon, Rle};
use ocelli_tensor::{DType, Tensor, num_threads, set_num_threads};
use ocelli_vision::ops::{decode_masks, encode_masks, masks_to_boxes, paste_masks_in_image, polygons_to_mask};
use proptest::prelude::*;

/// The same numbers, every other one in memory.
fn spread(masks: &Tensor) -> Tensor {
    let spread = Tensor::stack(&[&masks.zeros_like().unwrap(), masks], -1).unwrap().select(-1, 1).unwrap();
    assert!(!spread.is_contiguous());
    spread
}

#[test]
fn boxes_of_masks_are_torchvisions() {
    let fixture = fixture("masks");
    let masks = &fixture["boxes.masks"];
    for dtype in [DType::U8, DType::Bool, DType::F32, DType::I64] {
        let masks = masks.to_dtype(dtype).unwrap();
        assert_close(&masks_to_boxes(&masks).unwrap(), &fixture["boxes"], 0.0, 0.0, "boxes");
        // Memory in another order.
        let spread = spread(&masks);
        assert_close(&masks_to_boxes(&spread).unwrap(), &fixture["boxes"], 0.0, 0.0, "boxes");
    }
    for shape in [[0, 3, 3], [2, 0, 3], [2, 3, 0]] {
        let boxes = masks_to_boxes(&Tensor::zeros(shape, DType::U8).unwrap()).unwrap();
        assert_eq!((&boxes.shape()[..], values(&boxes)), (&[shape[0], 4][..], vec![0.0; 4 * shape[0]]));
    }
    assert!(masks_to_boxes(&fixture["polygons"]).is_err());
}

#[test]
fn pasted_masks_are_torchvisions() {
    let fixture = fixture("masks");
    let boxes = &fixture["paste.boxes"];
    for (name, padding) in [("28", 1), ("5", 2), ("1", 0)] {
        let masks = &fixture[&format!("paste.{name}.masks")];
        let expected = &fixture[&format!("paste.{name}.f32")];
        let pasted = paste_masks_in_image(masks, &boxes.to_dtype(DType::F32).unwrap(), [18, 22], padding).unwrap();
        assert_close(&pasted, expected, 0.0, 2e-6, name);
        let spread = spread(masks);
        let again = paste_masks_in_image(&spread, &boxes.to_dtype(DType::F32).unwrap(), [18, 22], padding).unwrap();
        assert_eq!(values(&again), values(&pasted));
    }
    let masks = fixture["paste.5.masks"].to_dtype(DType::F64).unwrap();
    let pasted = paste_masks_in_image(&masks, boxes, [18, 22], 2).unwrap();
    assert_close(&pasted, &fixture["paste.5.f64"], 0.0, 1e-12, "f64");
    let halves = paste_masks_in_image(&masks.to_dtype(DType::F16).unwrap(), boxes, [18, 22], 2).unwrap();
    assert_close(&halves, &pasted.to_dtype(DType::F16).unwrap(), 0.0, 1e-3, "f16");
}

#[test]
fn pasting_beside_the_picture_and_in_none() {
    let mask = Tensor::ones([1, 1, 4, 4], DType::F32).unwrap();
    let paste = |corners: [f32; 4], size| {
        let boxes = Tensor::from_vec(corners.to_vec(), [1, 4]).unwrap();
        paste_masks_in_image(&mask, &boxes, size, 1).map(|pasted| (pasted.shape().to_vec(), values(&pasted)))
    };
    for corners in [[-20.0, -20.0, -10.0, -10.0], [50.0, 1.0, 60.0, 2.0], [8.0, 1.0, 2.0, 5.0], [1.0, 8.0, 5.0, 2.0]] {
        assert_eq!(paste(corners, [6, 7]).unwrap(), (vec![1, 1, 6, 7], vec![0.0; 42]), "{corners:?}");
    }
    assert_eq!(paste([0.0, 0.0, 5.0, 5.0], [0, 7]).unwrap().0, [1, 1, 0, 7]);
    // A box as large as coordinates go takes no more time and memory than the picture.
    assert_eq!(paste([-1e9, -1e9, 1e9, 1e9], [3, 3]).unwrap().1, vec![1.0; 9]);
    for corner in [f32::NAN, f32::INFINITY, 1e20] {
        assert!(paste([0.0, 0.0, corner, 5.0], [6, 7]).unwrap_err().to_string().contains("2^31"));
    }
    assert!(paste([0.0, 0.0, 5.0, 5.0], [usize::MAX, 7]).is_err());
    let none = Tensor::zeros([0, 1, 28, 28], DType::F32).unwrap();
    let no_boxes = Tensor::zeros([0, 4], DType::F32).unwrap();
    assert_eq!(paste_masks_in_image(&none, &no_boxes, [5, 6], 1).unwrap().shape()[..], [0, 1, 5, 6]);
    assert!(paste_masks_in_image(&none, &no_boxes, [usize::MAX, 7], 1).is_err());
    assert!(decode_masks(&[], [usize::MAX, 7]).is_err());
    assert!(paste_masks_in_image(&mask, &no_boxes, [5, 6], 1).is_err());
    assert!(paste_masks_in_image(&mask.to_dtype(DType::U8).unwrap(), &no_boxes, [5, 6], 1).is_err());
    assert!(paste_masks_in_image(&Tensor::ones([1, 1, 4, 5], DType::F32).unwrap(), &no_boxes, [5, 6], 1).is_err());
    let boxes = Tensor::zeros([1, 4], DType::F32).unwrap();
    assert!(paste_masks_in_image(&mask, &boxes, [5, 6], usize::MAX).unwrap_err().to_string().contains("padding"));
}

#[test]
fn pasting_does_not_depend_on_threads() {
    let fixture = fixture("masks");
    let (masks, boxes) = (&fixture["paste.28.masks"], &fixture["paste.boxes"]);
    let threads = num_threads();
    let pasted = |count| {
        set_num_threads(count).unwrap();
        values(&paste_masks_in_image(masks, boxes, [18, 22], 1).unwrap())
    };
    assert_eq!(pasted(1), pasted(3));
    set_num_threads(threads).unwrap();
}

#[test]
fn polygons_and_codes_as_tensors() {
    let fixture = fixture("masks");
    let polygons = [&[3.2, 4.0, 17.5, 2.0, 12.0, 19.9][..], &[20.0, 1.0, 25.0, 1.0, 25.0, 18.0, 20.0, 18.0]];
    let polygons = polygons.map(|points| Polygon::from_flat(points).unwrap());
    let mask = polygons_to_mask(&polygons, [21, 27]).unwrap();
    assert_close(&mask, &fixture["polygons"], 0.0, 0.0, "polygons");
    let code = Rle::from_polygons(&polygons, [21, 27]).unwrap();
    let masks = decode_masks(&[code.clone(), code.clone()], [21, 27]).unwrap();
    assert_eq!((&masks.shape()[..], masks.dtype()), (&[2, 21, 27][..], DType::U8));
    assert_eq!(encode_masks(&masks).unwrap(), [code.clone(), code.clone()]);
    let spread = spread(&masks);
    assert_eq!(encode_masks(&spread.to_dtype(DType::F64).unwrap()).unwrap(), [code.clone(), code.clone()]);
    assert_eq!(decode_masks(&[], [3, 4]).unwrap().shape()[..], [0, 3, 4]);
    assert!(decode_masks(&[code], [27, 21]).unwrap_err().to_string().contains("[27, 21]"));
    assert!(encode_masks(&mask).is_err());
}

proptest! {
    #[test]
    fn any_box_is_pasted_or_refused(corners in any::<[f32; 4]>(), height in 0usize..9, width in 0usize..9) {
        let mask = Tensor::ones([1, 1, 3, 3], DType::F32).unwrap();
        let boxes = Tensor::from_vec(corners.to_vec(), [1, 4]).unwrap();
        if let Ok(pasted) = paste_masks_in_image(&mask, &boxes, [height, width], 1) {
            prop_assert!(values(&pasted).iter().all(|x| (0.0..=1.0 + 1e-6).contains(x)));
        }
    }
}
