//! Segmentation and selective search against scikit-image and a plain reference of the paper's definitions (`fixtures/classical.py`), windows and
//! pyramids.

use std::collections::BTreeSet;

use crate::common::{fixture, turned, values};
use ocelli_tensor::{DType, Generator, PadMode, Tensor, num_threads, set_num_threads};
use ocelli_vision::proposals::{ColorSpace, Felzenszwalb, ImagePyramid, SelectiveSearch, Similarity, SlidingWindows};
use proptest::prelude::*;

#[test]
fn segmentation_is_scikit_images() {
    let fixture = fixture("classical");
    let picture = &fixture["segmentation.picture"];
    for (scale, sigma, min_size) in [(40, 0.8, 20), (15, 0.0, 1), (60, 1.7, 10), (5, 0.5, 5)] {
        let segmentation = Felzenszwalb { scale: f64::from(scale), sigma, min_size };
        let labels = segmentation.segment(picture).unwrap();
        assert_eq!(labels.dtype(), DType::I64);
        let expected = &fixture[&format!("segmentation.{scale}")];
        assert!(values(expected).iter().any(|&label| label > 1.0), "a test of more than one region");
        assert_eq!(values(&labels), values(expected), "scale {scale}");
    }
}

/// The boxes as whole numbers.
fn boxes(x: &Tensor) -> BTreeSet<Vec<i64>> {
    values(x).chunks(4).map(|corners| corners.iter().map(|&x| x as i64).collect()).collect()
}

#[test]
fn grouping_follows_the_papers_definitions() {
    let fixture = fixture("classical");
    let picture = &fixture["segmentation.picture"];
    for (space, name) in [(ColorSpace::Lab, "lab"), (ColorSpace::Hsv, "hsv"), (ColorSpace::Hue, "hue")] {
        for (similarity, kinds) in [
            (Similarity::ALL, "CTSF"),
            (Similarity::WITHOUT_COLOR, "TSF"),
            (Similarity::FILL, "F"),
            (Similarity::SIZE, "S"),
        ] {
            let search = SelectiveSearch {
                color_spaces: vec![space],
                scales: vec![15.0],
                similarities: vec![similarity],
                min_side: 0,
                ..SelectiveSearch::single()
            };
            let found = search.propose(picture).unwrap();
            assert_eq!(found.dtype(), DType::F32);
            let found = boxes(&found);
            assert_eq!(found, boxes(&fixture[&format!("search.{name}.{kinds}")]), "{name} {kinds}");
            assert!(found.contains(&vec![0, 0, 64, 48]), "the picture is the last region");
        }
    }
}

/// A scene of coloured rectangles with a little noise, and their boxes.
fn scene(seed: u64) -> (Tensor, Vec<[usize; 4]>) {
    let mut picture = Tensor::full([3, 160, 200], 0.35f32, DType::F32).unwrap();
    let places = [[10, 10, 60, 50], [80, 20, 130, 100], [150, 30, 190, 70], [20, 90, 65, 140], [120, 110, 185, 150]];
    let colors = [[0.9f32, 0.1, 0.1], [0.1, 0.8, 0.2], [0.2, 0.2, 0.9], [0.9, 0.8, 0.1], [0.1, 0.7, 0.8]];
    for ([left, top, right, bottom], color) in places.into_iter().zip(colors) {
        let color = Tensor::new(color).unwrap().reshape([3, 1, 1]).unwrap().sub(0.35).unwrap();
        let patch = color.expand([3, bottom - top, right - left]).unwrap();
        let around = [(top, 160 - bottom), (left, 200 - right)];
        picture = picture.add(&patch.pad(&around, PadMode::Constant(0.0)).unwrap()).unwrap();
    }
    let noise = Tensor::randn([3, 160, 200], DType::F32, &mut Generator::new(seed)).unwrap();
    (picture.add(&noise.mul(0.02).unwrap()).unwrap(), places.to_vec())
}

#[test]
fn objects_are_found_by_every_mode() {
    let (picture, places) = scene(5);
    for search in [SelectiveSearch::single(), SelectiveSearch::fast(), SelectiveSearch::quality()] {
        let found = search.propose(&picture).unwrap();
        let found = values(&found);
        for place in &places {
            let want = place.map(|x| x as f64);
            let area = |b: &[f64]| (b[2] - b[0]) * (b[3] - b[1]);
            let iou = |b: &[f64]| {
                let side = |k: usize| (b[k + 2].min(want[k + 2]) - b[k].max(want[k])).max(0.0);
                let shared = side(0) * side(1);
                shared / (area(b) + area(&want) - shared)
            };
            let best = found.chunks(4).map(iou).fold(0.0, f64::max);
            assert!(best > 0.9, "{place:?}: {best}");
        }
        for corners in found.chunks(4) {
            assert!(corners[0] >= 0.0 && corners[1] >= 0.0 && corners[2] <= 200.0 && corners[3] <= 160.0);
            assert!(corners[2] - corners[0] >= 20.0 && corners[3] - corners[1] >= 20.0);
        }
        assert_eq!(boxes(&search.propose(&picture).unwrap()).len() * 4, found.len(), "each box once");
    }
}

#[test]
fn proposals_depend_on_the_seed_alone() {
    let (picture, _) = scene(6);
    let search = SelectiveSearch::fast();
    let threads = num_threads();
    set_num_threads(1).unwrap();
    let one = search.propose(&picture).unwrap();
    set_num_threads(3).unwrap();
    let three = search.propose(&picture).unwrap();
    set_num_threads(threads).unwrap();
    assert_eq!(values(&one), values(&three));
    let other = SelectiveSearch { seed: 1, ..search.clone() }.propose(&picture).unwrap();
    assert_ne!(values(&one), values(&other));
    assert_eq!(boxes(&one), boxes(&other), "the seed changes their order, not the boxes");
    // A memory order of its own, a channel for three, bytes.
    let other_order = turned(&picture);
    assert_eq!(values(&search.propose(&other_order).unwrap()), values(&one));
    let gray = picture.select(0, 1).unwrap();
    let three_grays = Tensor::stack(&[&gray, &gray, &gray], 0).unwrap();
    assert_eq!(values(&search.propose(&gray).unwrap()), values(&search.propose(&three_grays).unwrap()));
}

#[test]
fn strange_pictures_and_options() {
    let flat = Tensor::zeros([3, 30, 40], DType::U8).unwrap();
    let whole = SelectiveSearch::quality().propose(&flat).unwrap();
    assert_eq!(values(&whole), [0.0, 0.0, 40.0, 30.0]);
    assert_eq!(values(&Felzenszwalb::default().segment(&flat).unwrap()), [0.0; 1200]);
    for size in [[1, 1], [1, 50], [50, 1], [2, 2]] {
        let picture = Tensor::rand(size, DType::F32, &mut Generator::new(1)).unwrap();
        let labels = Felzenszwalb { scale: 0.0, sigma: 3.0, min_size: 0 }.segment(&picture).unwrap();
        assert_eq!(labels.shape()[..], size);
        let search = SelectiveSearch { min_side: 1, scales: vec![1.0], ..SelectiveSearch::fast() };
        let found = boxes(&search.propose(&picture).unwrap());
        assert!(found.contains(&vec![0, 0, size[1] as i64, size[0] as i64]));
        assert_eq!(SelectiveSearch::fast().propose(&picture).unwrap().shape()[..], [0, 4], "all are too small");
    }
    let text = |error: ocelli_vision::Error| error.to_string();
    for broken in [
        Felzenszwalb { scale: -1.0, ..Felzenszwalb::default() },
        Felzenszwalb { scale: f64::INFINITY, ..Felzenszwalb::default() },
        Felzenszwalb { sigma: f64::NAN, ..Felzenszwalb::default() },
        Felzenszwalb { sigma: 101.0, ..Felzenszwalb::default() },
    ] {
        assert!(text(broken.segment(&flat).unwrap_err()).contains("felzenszwalb: expected a "));
    }
    let nan = Tensor::full([8, 8], f32::NAN, DType::F32).unwrap();
    assert!(text(Felzenszwalb::default().segment(&nan).unwrap_err()).ends_with("finite numbers, received NaN"));
    assert!(Felzenszwalb::default().segment(&Tensor::zeros([3, 0, 4], DType::U8).unwrap()).is_err());
    assert!(Felzenszwalb::default().segment(&Tensor::zeros([4, 4], DType::I64).unwrap()).is_err());
    let fast = SelectiveSearch::fast;
    let nothing = Similarity { size: false, ..Similarity::SIZE };
    for broken in [
        SelectiveSearch { color_spaces: vec![], ..fast() },
        SelectiveSearch { scales: vec![], ..fast() },
        SelectiveSearch { scales: vec![50.0, f64::NAN], ..fast() },
        SelectiveSearch { similarities: vec![], ..fast() },
        SelectiveSearch { similarities: vec![nothing], ..fast() },
        SelectiveSearch { sigma: -1.0, ..fast() },
    ] {
        assert!(broken.propose(&flat).is_err(), "{broken:?}");
    }
}

#[test]
fn windows_step_over_the_picture() {
    let windows = SlidingWindows { cover: true, ..SlidingWindows::new([4, 3], [2, 5]) };
    let found = windows.boxes([7, 9]).unwrap();
    let lefts_and_tops: Vec<Vec<f64>> = values(&found).chunks(4).map(|b| b[..2].to_vec()).collect();
    assert_eq!(
        lefts_and_tops,
        [[0., 0.], [5., 0.], [6., 0.], [0., 2.], [5., 2.], [6., 2.], [0., 3.], [5., 3.], [6., 3.]]
    );
    assert!(values(&found).chunks(4).all(|b| b[2] - b[0] == 3.0 && b[3] - b[1] == 4.0));
    assert_eq!(windows.boxes([3, 9]).unwrap().shape()[..], [0, 4]);
    assert_eq!(windows.boxes([4, 3]).unwrap().shape()[..], [1, 4]);
    assert!(SlidingWindows::new([0, 3], [1, 1]).boxes([7, 9]).is_err());
    assert!(SlidingWindows::new([1, 3], [1, 0]).boxes([7, 9]).is_err());
    assert!(SlidingWindows::new([1, 1], [1, 1]).boxes([1 << 23, 1 << 23]).is_err(), "more than there is memory");
    assert!(SlidingWindows::new([1, 1], [1, 1]).boxes([1, usize::MAX]).is_err());
}

#[test]
fn pyramids_shrink_to_the_smallest_size() {
    let picture = Tensor::rand([3, 100, 60], DType::F32, &mut Generator::new(2)).unwrap();
    let pyramid = ImagePyramid { scale: 2.0, min_size: [10, 10], max_levels: 9 };
    let levels = pyramid.levels(&picture).unwrap();
    assert_eq!(levels.iter().map(|level| level.size()).collect::<Vec<_>>(), [[100, 60], [50, 30], [25, 15]]);
    assert_eq!(values(levels[0].image()), values(&picture));
    // Averages: the mean of the picture stays.
    let mean = |x: &Tensor| values(x).iter().sum::<f64>() / x.numel() as f64;
    assert!((mean(levels[2].image()) - mean(&picture)).abs() < 0.01);
    let corner = Tensor::new([[0.0f32, 0.0, 15.0, 25.0]]).unwrap();
    assert_eq!(values(&levels[2].to_picture(&corner).unwrap()), [0.0, 0.0, 60.0, 100.0]);
    assert!(levels[2].to_picture(&picture).is_err());
    assert_eq!(ImagePyramid { max_levels: 2, ..pyramid }.levels(&picture).unwrap().len(), 2);
    assert!(ImagePyramid { min_size: [101, 1], ..pyramid }.levels(&picture).unwrap().is_empty());
    let slow = ImagePyramid { scale: 1.01, max_levels: 1000, min_size: [1, 1] };
    let sizes: BTreeSet<_> = slow.levels(&picture).unwrap().iter().map(|level| level.size()).collect();
    assert!(sizes.len() > 90 && sizes.contains(&[2, 1]), "no size twice");
    for broken in [
        ImagePyramid { scale: 1.0, ..pyramid },
        ImagePyramid { scale: f64::NAN, ..pyramid },
        ImagePyramid { min_size: [0, 1], ..pyramid },
    ] {
        assert!(broken.levels(&picture).is_err());
    }
    assert!(pyramid.levels(&Tensor::zeros([3, 0, 5], DType::U8).unwrap()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn regions_are_connected_numbered_and_large_enough(
        seed in 0u64..1000, scale in 0.0f64..200.0, sigma in 0.0f64..2.0, min_size in 0usize..40,
    ) {
        let picture = Tensor::rand([3, 17, 23], DType::F32, &mut Generator::new(seed)).unwrap();
        let labels = Felzenszwalb { scale, sigma, min_size }.segment(&picture).unwrap().to_vec::<i64>().unwrap();
        let mut next = 0;
        for &label in &labels {
            prop_assert!(label <= next, "numbers in the order of first pixels");
            next = next.max(label + 1);
        }
        for label in 0..next {
            let size = labels.iter().filter(|&&l| l == label).count();
            prop_assert!(size >= min_size || next == 1);
        }
        // Each pixel but a region's first has a neighbour of its region, so all are reached from the first.
        let mut reached: Vec<bool> = labels.iter().enumerate().map(|(i, l)| labels[..i].iter().all(|m| m != l)).collect();
        for _ in 0..labels.len() {
            for i in 0..labels.len() {
                let (y, x) = (i / 23, i % 23);
                let near = |j: usize| y.abs_diff(j / 23) <= 1 && x.abs_diff(j % 23) <= 1 && labels[j] == labels[i];
                reached[i] = reached[i] || (0..labels.len()).any(|j| reached[j] && near(j));
            }
            if reached.iter().all(|&r| r) {
                break;
            }
        }
        prop_assert!(reached.iter().all(|&r| r));
    }
}
