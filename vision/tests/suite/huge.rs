//! Shapes and settings that cost nothing to write down and more memory than there is to fulfil: each is an error, none ends the program or
//! keeps it busy.

use ocelli_autograd::Var;
use ocelli_tensor::{DType, Tensor};
use ocelli_vision::features::Hog;
use ocelli_vision::ops::keypoints::{AffinityTargets, PeakFinder, heatmap_peaks};
use ocelli_vision::ops::roi::{RoiAlign, RoiPool};
use ocelli_vision::ops::{decode_masks, encode_masks, mask_iou_matrix, masks_to_boxes};

fn zeros(shape: &[usize]) -> Tensor {
    Tensor::zeros(shape, DType::U8).unwrap()
}

#[test]
fn masks_without_pixels() {
    let many = zeros(&[1 << 40, 0, 3]);
    assert!(masks_to_boxes(&many).is_err());
    assert!(mask_iou_matrix(&many, &zeros(&[0, 0, 3])).is_err());
    // Columns without rows are no pixels to go through.
    let wide = zeros(&[1, 0, 1 << 40]);
    let code = encode_masks(&wide).unwrap();
    assert_eq!((code[0].area(), code[0].size()), (0, [0, 1 << 40]));
    assert_eq!(decode_masks(&code, [0, 1 << 40]).unwrap().shape()[..], [1, 0, 1 << 40]);
}

#[test]
fn maps_without_elements() {
    let maps = Tensor::zeros([1 << 40, 0, 3], DType::F32).unwrap();
    assert!(heatmap_peaks(&maps, &PeakFinder::default()).is_err());
    let people = Tensor::zeros([1, 2, 3], DType::F32).unwrap();
    let targets = |limbs| AffinityTargets { size: [1 << 30, 1 << 30], width: 1.0, limbs };
    assert_eq!(targets(vec![]).encode(&people).unwrap().numel(), 0);
    assert!(targets(vec![[0, 1]]).encode(&people).is_err());
}

#[test]
fn blocks_of_more_cells_than_memory_holds() {
    let hog = Hog { pixels_per_cell: [1, 1], cells_per_block: [1024, 1024], ..Hog::default() };
    let picture = zeros(&[1, 2048, 2048]);
    assert!(hog.features(&picture).is_err());
    assert!(hog.descriptors(&picture.unsqueeze(0).unwrap()).is_err());
}

#[test]
fn more_bins_than_single_precision_tells_apart() {
    // Without channels the result has no elements, but each bin would be prepared.
    let maps = Var::from(Tensor::zeros([1, 0, 4, 4], DType::F32).unwrap());
    let region = Tensor::new([[0.0f32, 0.0, 0.0, 3.0, 3.0]]).unwrap();
    let message = RoiAlign::new([1, 1 << 33], 1.0).forward(&maps, &region).unwrap_err().to_string();
    assert!(message.contains("1 to 1048576 bins"), "{message}");
    assert!(RoiPool::new([1 << 33, 1], 1.0).forward(&maps, &region).is_err());
    assert!(RoiAlign::new([1, 1 << 10], 1.0).forward(&maps, &region).is_ok());
    // Samples of all bins together.
    let samples = |bins, sampling_ratio| {
        let align = RoiAlign { sampling_ratio, ..RoiAlign::new([bins, 1], 1.0) };
        align.forward(&maps, &region).map(drop).map_err(|error| error.to_string())
    };
    assert!(samples(4096, 1 << 20).unwrap_err().contains("1048576 samples along a bin, and along an axis"));
    assert!(samples(1 << 10, 1 << 10).is_ok());
}
