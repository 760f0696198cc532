//! Regions of interest against torchvision (`fixtures/roi.py`), and what broken ones get.

use crate::common::{assert_close, fixture, scattered, values};
use ocelli_autograd::Var;
use ocelli_tensor::{DType, Generator, Tensor, set_num_threads};
use ocelli_vision::ops::roi::{
    LevelMapper, MultiScaleRoiAlign, PsRoiAlign, PsRoiPool, RoiAlign, RoiPool, rois_from_boxes,
};
use proptest::prelude::*;

type Forward = Box<dyn Fn(&Var, &Tensor) -> ocelli_vision::Result<Var>>;

/// The cases of the fixture by name.
fn cases() -> Vec<(&'static str, Forward)> {
    fn align(output_size: [usize; 2], sampling_ratio: usize, aligned: bool) -> Forward {
        let align = RoiAlign { output_size, spatial_scale: 0.5, sampling_ratio, aligned };
        Box::new(move |x, rois| align.forward(x, rois))
    }
    fn ps_align(sampling_ratio: usize) -> Forward {
        let align = PsRoiAlign { sampling_ratio, ..PsRoiAlign::new([3, 2], 0.5) };
        Box::new(move |x, rois| align.forward(x, rois))
    }
    vec![
        ("align.2", align([3, 2], 2, false)),
        ("align.2.aligned", align([3, 2], 2, true)),
        ("align.0", align([3, 2], 0, false)),
        ("align.0.aligned", align([3, 2], 0, true)),
        ("align.5", align([4, 5], 5, false)),
        ("pool", Box::new(|x, rois| RoiPool::new([3, 2], 0.5).forward(x, rois))),
        ("ps_align.2", ps_align(2)),
        ("ps_align.0", ps_align(0)),
        ("ps_pool", Box::new(|x, rois| PsRoiPool::new([3, 2], 0.5).forward(x, rois))),
        ("ps_pool.inner", Box::new(|x, rois| PsRoiPool::new([3, 2], 0.5).forward(x, rois))),
    ]
}

/// The gradient that the fixture's script has given.
fn upstream(y: &Var) -> Tensor {
    let numbers: Vec<f64> = (0..y.numel()).map(|i| ((i % 17) as f64 - 8.0) / 8.0).collect();
    Tensor::from_vec(numbers, y.shape()).unwrap().to_dtype(y.dtype()).unwrap()
}

/// `Σ dy ⊙ y`, whose gradient at `y` is `dy`.
fn gradient(y: &Var, x: &Var) -> Tensor {
    y.mul(&upstream(y)).unwrap().sum(..).unwrap().backward().unwrap().get(x).unwrap().tensor().clone()
}

/// A tensor of rank 4 whose elements lie in another order than its axes.
fn turned(x: &Tensor) -> Tensor {
    let copy = x.permute([3, 1, 0, 2]).unwrap();
    let zeros = copy.zeros_like().unwrap();
    let spread = Tensor::stack(&[zeros, copy], -1).unwrap();
    spread.select(-1, 1).unwrap().permute([2, 1, 3, 0]).unwrap()
}

#[test]
fn regions_are_torchvisions() {
    let fixture = fixture("roi");
    for (name, forward) in cases() {
        for (dtype, suffix, tolerance) in [(DType::F32, "f32", 1e-5), (DType::F64, "f64", 1e-12)] {
            let key = format!("{name}.{suffix}");
            let rois = &fixture[if name.ends_with("inner") { "inner" } else { "regions" }];
            let (maps, rois) = (fixture["maps"].to_dtype(dtype).unwrap(), rois.to_dtype(dtype).unwrap());
            // torchvision divides 0 by 0 for a bin without samples.
            let expected = &fixture[&key];
            let expected = expected.masked_fill(&expected.is_nan().unwrap(), 0.0).unwrap();
            for (maps, rois) in [(maps.clone(), rois.clone()), (turned(&maps), scattered(&rois))] {
                let x = Var::leaf(maps).unwrap();
                let y = forward(&x, &rois).unwrap();
                assert_close(y.tensor(), &expected, tolerance, tolerance, &key);
                // torchvision spreads this gradient over a row and a column that it did not read.
                if name != "ps_pool" {
                    let expected = &fixture[&format!("{key}.gradient")];
                    assert_close(&gradient(&y, &x), expected, tolerance, tolerance, &format!("gradient of {key}"));
                }
            }
        }
    }
}

#[test]
fn half_types_are_computed_in_single_precision() {
    let fixture = fixture("roi");
    for (name, forward) in cases() {
        let rois = fixture["regions"].to_dtype(DType::F32).unwrap();
        let half = fixture["maps"].to_dtype(DType::BF16).unwrap();
        let wide = half.to_dtype(DType::F32).unwrap();
        let y = forward(&Var::from(&half), &rois).unwrap();
        let expected = forward(&Var::from(&wide), &rois).unwrap();
        assert_close(y.tensor(), &expected.tensor().to_dtype(DType::BF16).unwrap(), 0.0, 0.0, name);
    }
}

#[test]
fn results_do_not_depend_on_threads() {
    let mut generator = Generator::new(3);
    let maps = Tensor::randn([2, 150, 20, 24], DType::F32, &mut generator).unwrap();
    let corner = Tensor::rand([1500, 2], DType::F32, &mut generator).unwrap().mul(20.0).unwrap();
    let size = Tensor::rand([1500, 2], DType::F32, &mut generator).unwrap().mul(12.0).unwrap();
    let images = Tensor::randint(0, 2, [1500, 1], DType::I64, &mut generator).unwrap().to_dtype(DType::F32).unwrap();
    let rois = Tensor::concat(&[&images, &corner, &corner.add(&size).unwrap()], 1).unwrap();
    let run = |threads: usize| {
        set_num_threads(threads).unwrap();
        let x = Var::leaf(maps.clone()).unwrap();
        let align = RoiAlign { aligned: true, ..RoiAlign::new([3, 3], 1.0) }.forward(&x, &rois).unwrap();
        let pool = RoiPool::new([2, 2], 1.0).forward(&x, &rois).unwrap();
        [align.tensor().clone(), gradient(&align, &x), pool.tensor().clone(), gradient(&pool, &x)].map(|y| values(&y))
    };
    assert!(run(1) == run(3));
}

#[test]
fn pyramids_are_torchvisions() {
    let fixture = fixture("roi");
    let boxes = &fixture["pyramid.boxes"];
    let lists = [boxes.narrow(0, 0, 25).unwrap(), boxes.narrow(0, 25, 15).unwrap()];
    let mapper = LevelMapper::new(2, 5).unwrap().canonical(56.0, 4).unwrap();
    let levels: Vec<f64> = mapper.levels(boxes).unwrap().into_iter().map(|level| level as f64).collect();
    assert_eq!(levels, values(&fixture["pyramid.levels"]));

    let maps: Vec<Var> = (0..4).map(|i| Var::leaf(fixture[&format!("pyramid.{i}")].clone()).unwrap()).collect();
    let sizes = [[120, 128], [100, 128]];
    let align = MultiScaleRoiAlign { canonical_scale: 56.0, ..MultiScaleRoiAlign::new([2, 2], 2) };
    let y = align.forward(&maps, &lists, &sizes).unwrap();
    assert_close(y.tensor(), &fixture["pyramid"], 1e-5, 1e-5, "pyramid");
    let gradients = y.mul(&upstream(&y)).unwrap().sum(..).unwrap().backward().unwrap();
    for (i, maps) in maps.iter().enumerate() {
        let expected = &fixture[&format!("pyramid.{i}.gradient")];
        assert_close(gradients.get(maps).unwrap().tensor(), expected, 1e-5, 1e-5, "gradient of a level");
    }
    let one = MultiScaleRoiAlign::new([2, 2], 0).forward(&maps[..1], &lists, &sizes).unwrap();
    assert_close(one.tensor(), &fixture["pyramid.one"], 1e-5, 1e-5, "one level");
    let none = [boxes.narrow(0, 0, 0).unwrap(), boxes.narrow(0, 0, 0).unwrap()];
    assert_eq!(align.forward(&maps, &none, &sizes).unwrap().shape()[..], [0, 3, 2, 2]);

    // A negative area and NaN have the lowest level.
    let odd = Tensor::new([[0.0f32, 0.0, -900.0, 900.0], [f32::NAN; 4], [0.0, 0.0, 1e19, 1e19]]).unwrap();
    assert_eq!(mapper.levels(&odd).unwrap(), [0, 0, 3]);
    let apart = [maps[0].clone(), maps[2].clone()];
    let text = align.forward(&apart, &lists, &sizes).unwrap_err().to_string();
    assert!(text.contains("half the scale"), "{text}");
    for (maps, boxes, sizes) in [
        (&maps[..0], &lists[..], &sizes[..]),
        (&maps[..], &lists[..1], &sizes[..]),
        (&maps[..], &lists[..], &sizes[..1]),
        (&maps[..], &lists[..], &[[0, 9], [0, 9]][..]),
    ] {
        assert!(align.forward(maps, boxes, sizes).is_err());
    }
}

#[test]
fn no_regions_no_images_no_channels() {
    let none = rois_from_boxes(&[]).unwrap();
    assert_eq!(none.shape()[..], [0, 5]);
    for (name, forward) in cases() {
        let bins = if name == "align.5" { [4, 5] } else { [3, 2] };
        let channels = |all: usize| if name.starts_with("ps") { all / 6 } else { all };
        for (maps, rois) in [([1, 6, 4, 4], 0), ([0, 6, 4, 4], 0), ([1, 0, 4, 4], 2)] {
            let x = Var::leaf(Tensor::zeros(maps, DType::F32).unwrap()).unwrap();
            let y = forward(&x, &Tensor::zeros([rois, 5], DType::F32).unwrap()).unwrap();
            assert_eq!(y.shape()[..], [rois, channels(maps[1]), bins[0], bins[1]], "{name}");
            assert!(values(&gradient(&y, &x)).iter().all(|&g| g == 0.0));
        }
    }
}

#[test]
fn bad_arguments_are_named() {
    let maps = Var::from(Tensor::zeros([2, 6, 4, 4], DType::F32).unwrap());
    let rois = |row: [f32; 5]| Tensor::new([row]).unwrap();
    let good = rois([0.0, 0.0, 0.0, 2.0, 2.0]);
    for (name, forward) in cases() {
        let text = |maps: &Var, rois: &Tensor| forward(maps, rois).unwrap_err().to_string();
        for image in [2.0, -1.0, 0.5, f32::NAN] {
            let text = text(&maps, &rois([image, 0.0, 0.0, 2.0, 2.0]));
            assert!(text.contains("expected the number of an image in 0..2, received"), "{name}: {text}");
        }
        for corner in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let text = text(&maps, &rois([0.0, 0.0, corner, 2.0, 2.0]));
            assert!(text.contains("expected boxes of finite numbers"), "{name}: {text}");
        }
        assert!(text(&maps, &Tensor::zeros([3, 4], DType::F32).unwrap()).contains("[K, 5]"));
        assert!(text(&maps, &Tensor::zeros([3, 5], DType::I64).unwrap()).contains("a float dtype"));
        assert!(text(&Var::from(Tensor::zeros([6, 4, 4], DType::F32).unwrap()), &good).contains("[N, C, H, W]"));
        assert!(text(&Var::from(Tensor::zeros([1, 6, 0, 4], DType::F32).unwrap()), &good).contains("with pixels"));
        assert!(text(&Var::from(Tensor::zeros([1, 6, 4, 4], DType::I64).unwrap()), &good).contains("float"));
        if name.starts_with("ps") {
            let text = text(&Var::from(Tensor::zeros([1, 7, 4, 4], DType::F32).unwrap()), &good);
            assert!(text.contains("a multiple of 3 × 2 bins"), "{text}");
        }
    }
    for scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(RoiAlign::new([2, 2], scale).forward(&maps, &good).unwrap_err().to_string().contains("scale above 0"));
        assert!(RoiPool::new([2, 2], scale).forward(&maps, &good).is_err());
    }
    for size in [[0, 2], [2, 0], [usize::MAX, 2], [1 << 40, 1 << 40]] {
        assert!(RoiAlign::new(size, 1.0).forward(&maps, &good).is_err());
        assert!(RoiPool::new(size, 1.0).forward(&maps, &good).is_err());
        assert!(PsRoiAlign::new(size, 1.0).forward(&maps, &good).is_err());
        assert!(PsRoiPool::new(size, 1.0).forward(&maps, &good).is_err());
    }
    let endless = RoiAlign { sampling_ratio: 1 << 40, ..RoiAlign::new([2, 2], 1.0) };
    assert!(endless.forward(&maps, &good).unwrap_err().to_string().contains("at most 1048576 samples"));
    let large = rois([0.0, 0.0, 0.0, 1e9, 1.0]);
    assert!(RoiAlign::new([2, 2], 1.0).forward(&maps, &large).is_err());

    let (dy, places) =
        (Tensor::zeros([1, 6, 2, 2], DType::F32).unwrap(), Tensor::zeros([1, 6, 2, 2], DType::I32).unwrap());
    for place in [-2, 16, i32::MIN, i32::MAX] {
        let wrong = Tensor::full([1, 6, 2, 2], place, DType::I32).unwrap();
        let text = dy.roi_max_backward(&wrong, &good, [2, 6, 4, 4]).unwrap_err().to_string();
        assert!(text.contains(&format!("expected places in -1..16, received {place}")), "{text}");
        assert!(maps.tensor().roi_max_take(&wrong, &good).is_err());
    }
    assert!(dy.roi_max_backward(&places, &good, [2, 5, 4, 4]).is_err());
    assert!(dy.roi_max_backward(&dy, &good, [2, 6, 4, 4]).is_err());
    assert!(Tensor::zeros([1, 6, 2, 3], DType::F32).unwrap().roi_max_backward(&places, &good, [2, 6, 4, 4]).is_err());
}

#[test]
fn enormous_boxes_and_boxes_far_away_take_no_time() {
    let maps = Var::leaf(Tensor::ones([1, 6, 8, 8], DType::F32).unwrap()).unwrap();
    let huge = Tensor::new([
        [0.0f32, -1e6, -1e6, 1e6, 1e6],
        [0.0, 1e30, 1e30, 1e30, 1e30],
        [0.0, -1e30, -1e30, -1e30, -1e30],
        [0.0, f32::MAX, f32::MAX, f32::MIN, f32::MIN],
        [0.0, 1e6, 1e6, -1e6, -1e6],
    ])
    .unwrap();
    for (name, forward) in cases() {
        let y = forward(&maps, &huge).unwrap();
        assert!(values(y.tensor()).iter().all(|y| y.is_finite()), "{name}");
        assert!(values(&gradient(&y, &maps)).iter().all(|g| g.is_finite()), "{name}");
    }
    let fixed = RoiAlign { sampling_ratio: 2, ..RoiAlign::new([2, 2], 1.0) };
    let all = Tensor::new([[0.0f32, f32::MIN, f32::MIN, f32::MAX, f32::MAX]]).unwrap();
    assert_eq!(values(fixed.forward(&maps, &all).unwrap().tensor()), vec![0.0; 24]);
}

#[test]
fn the_greatest_of_nan_and_of_equal_elements() {
    let x = Tensor::new([[[[1.0f32, 3.0, 3.0], [f32::NAN, 0.0, 3.0], [0.0, 0.0, 2.0]]]]).unwrap();
    let rois =
        Tensor::new([[0.0f32, 1.0, 0.0, 2.0, 2.0], [0.0, 0.0, 0.0, 2.0, 2.0], [0.0, 7.0, 7.0, 9.0, 9.0]]).unwrap();
    let (values, places) = x.roi_max_with_indices(&rois, [1, 1], 1.0).unwrap();
    let values = values.to_vec::<f32>().unwrap();
    assert!(values[0] == 3.0 && values[1].is_nan() && values[2] == 0.0, "{values:?}");
    assert_eq!(places.to_vec::<i32>().unwrap(), [1, 3, -1]);
    let dx = Tensor::ones([3, 1, 1, 1], DType::F32).unwrap().roi_max_backward(&places, &rois, [1, 1, 3, 3]).unwrap();
    assert_eq!(crate::common::values(&dx), [0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
}

/// Any float, with what is odd more often than chance gives.
fn odd() -> impl Strategy<Value = f32> {
    prop_oneof![
        4 => -20.0f32..40.0,
        1 => any::<f32>(),
        1 => prop::sample::select(vec![0.0, -0.0, 1.0, 8.0, 1e6, -1e6, 1e-30, f32::NAN, f32::INFINITY, f32::MAX]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_region_has_means_within_the_map_or_an_error(
        rows in prop::collection::vec((0i8..3, odd(), odd(), odd(), odd()), 0..6),
        size in (1usize..9, 1usize..9),
        bins in (1usize..4, 1usize..4),
        ratio in 0usize..4,
        aligned: bool,
        scale in 0.01f64..2.0,
    ) {
        let (count, bins) = (rows.len(), [bins.0, bins.1]);
        let finite = rows.iter().all(|r| r.0 < 2 && [r.1, r.2, r.3, r.4].iter().all(|x| x.is_finite()));
        let numbers: Vec<f32> = rows.iter().flat_map(|r| [f32::from(r.0), r.1, r.2, r.3, r.4]).collect();
        let rois = Tensor::from_vec(numbers, [count, 5]).unwrap();
        let channels = 2 * bins[0] * bins[1];
        let maps = Tensor::rand([2, channels, size.0, size.1], DType::F32, &mut Generator::new(1)).unwrap();
        let x = Var::leaf(maps).unwrap();
        let align = RoiAlign { output_size: bins, spatial_scale: scale, sampling_ratio: ratio, aligned };
        let ps_align = PsRoiAlign { sampling_ratio: ratio, ..PsRoiAlign::new(bins, scale) };
        let (pool, ps_pool) = (RoiPool::new(bins, scale), PsRoiPool::new(bins, scale));
        let results = [
            (align.forward(&x, &rois), ratio > 0),
            (ps_align.forward(&x, &rois), ratio > 0),
            (pool.forward(&x, &rois), true),
            (ps_pool.forward(&x, &rois), true),
        ];
        for (result, bounded) in results {
            match result {
                // Means and maxima of numbers in 0..1; what lies outside counts as 0.
                Ok(y) => {
                    prop_assert!(finite);
                    prop_assert!(values(y.tensor()).iter().all(|y| (0.0..1.0 + 1e-5).contains(y)));
                    // A mean passes on at most what it got.
                    let dx = y.sum(..).unwrap().backward().unwrap().get(&x).unwrap().tensor().clone();
                    prop_assert!(values(&dx).iter().sum::<f64>() <= y.numel() as f64 * (1.0 + 1e-5));
                }
                Err(error) => {
                    let text = error.to_string();
                    prop_assert!(!finite || (!bounded && text.contains("samples along a bin")), "{}", text);
                }
            }
        }
    }
}
