//! Keypoints: targets and peaks against their formulas, and people read from synthetic maps.

use crate::common::{turned, values};
use ocelli_tensor::{DType, Generator, Tensor};
use ocelli_vision::ops::keypoints::{
    AffinityTargets, HeatmapTargets, Peak, PeakFinder, PeopleAssembler, Person, Refinement, Skeleton, heatmap_argmax,
    heatmap_peaks, line_integral,
};
use proptest::prelude::*;

/// `[P, K, 3]`, all labelled.
fn people(places: &[Vec<[f64; 2]>]) -> Tensor {
    let parts = places.first().map_or(0, Vec::len);
    let numbers: Vec<f64> = places.iter().flatten().flat_map(|[x, y]| [*x, *y, 2.0]).collect();
    Tensor::from_vec(numbers, [places.len(), parts, 3]).unwrap()
}

#[test]
fn targets_are_gaussians() {
    let keypoints = people(&[vec![[10.3, 5.6], [0.0, 0.0]], vec![[13.0, 7.0], [-2.0, 4.0]]]);
    let targets = HeatmapTargets::new([12, 20], 1.5);
    let maps = targets.encode(&keypoints).unwrap();
    assert_eq!((maps.dtype(), &maps.shape()[..]), (DType::F32, &[2, 12, 20][..]));
    let found = values(&maps);
    for (part, centers) in [[[10.3, 5.6], [13.0, 7.0]], [[0.0, 0.0], [-2.0, 4.0]]].iter().enumerate() {
        for y in 0..12 {
            for x in 0..20 {
                let value = |[cx, cy]: [f64; 2]| {
                    let (dx, dy) = (f64::from(x) - cx, f64::from(y) - cy);
                    let inside = dx.abs() <= 4.5 && dy.abs() <= 4.5;
                    if inside { (-(dx * dx + dy * dy) / 4.5).exp() } else { 0.0 }
                };
                let expected = value(centers[0]).max(value(centers[1]));
                let at = (part * 12 + y as usize) * 20 + x as usize;
                assert!((found[at] - expected).abs() < 1e-6, "{part} {y} {x}: {} {expected}", found[at]);
            }
        }
    }
    // Rounded as simple baselines and HRNet do, ⌊x + ½⌋.
    let rounded = HeatmapTargets { rounded: true, ..targets }.encode(&keypoints).unwrap();
    let (places, scores) = heatmap_argmax(&rounded, Refinement::None).unwrap();
    assert_eq!(values(&places), [10.0, 6.0, 0.0, 0.0]);
    assert_eq!(values(&scores), [1.0, 1.0]);
    // What is not labelled may be anything; what lies far outside leaves nothing.
    let nowhere = Tensor::new([[[f64::NAN, 3.0, 0.0], [1e300, -1e300, 1.0]]]).unwrap();
    assert!(values(&targets.encode(&nowhere).unwrap()).iter().all(|&x| x == 0.0));
    let everywhere = HeatmapTargets { truncate: f64::INFINITY, ..targets }.encode(&keypoints).unwrap();
    assert!(values(&everywhere).iter().take(240).all(|&x| x > 0.0));
    let none = Tensor::zeros([0, 3, 3], DType::F32).unwrap();
    assert_eq!(values(&targets.encode(&none).unwrap()), [0.0; 720]);
    assert_eq!(HeatmapTargets::new([0, 4], 1.0).encode(&keypoints).unwrap().shape()[..], [2, 0, 4]);

    let text = |targets: HeatmapTargets, x: &Tensor| targets.encode(x).unwrap_err().to_string();
    let broken = text(targets, &Tensor::new([[[1.0, f64::INFINITY, 1.0]]]).unwrap());
    assert!(broken.contains("keypoint 0 of person 0"), "{broken}");
    assert!(text(targets, &Tensor::zeros([2, 3], DType::F32).unwrap()).contains("[people, keypoints, 3]"));
    assert!(text(targets, &Tensor::zeros([2, 3, 3], DType::I64).unwrap()).contains("float"));
    assert!(text(HeatmapTargets::new([4, 4], 0.0), &keypoints).contains("above 0"));
    assert!(text(HeatmapTargets { truncate: f64::NAN, ..targets }, &keypoints).contains("above 0"));
    assert!(targets.encode(&Tensor::new([[[1.0, 1.0, f64::NAN]]]).unwrap()).is_err());
}

#[test]
fn maxima_are_refined() {
    // ln of the surface is quadratic; the surface itself is quadratic in the second map.
    let (cx, cy) = (6.2, 3.7);
    let quadratic = |x: f64, y: f64| 9.0 - (x - cx).powi(2) - 0.5 * (y - cy).powi(2) - 0.3 * (x - cx) * (y - cy);
    let map = |f: &dyn Fn(f64, f64) -> f64| {
        let values: Vec<f64> = (0..8 * 12).map(|i| f(f64::from(i % 12), f64::from(i / 12))).collect();
        Tensor::from_vec(values, [1, 8, 12]).unwrap()
    };
    let gaussian = map(&|x, y| quadratic(x, y).exp());
    let surface = map(&quadratic);
    let near = |x: &Tensor, expected: [f64; 2], tolerance: f64| {
        let found = values(x);
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < tolerance), "{found:?} {expected:?}");
    };
    near(&heatmap_argmax(&gaussian, Refinement::LogQuadratic).unwrap().0, [cx, cy], 1e-9);
    near(&heatmap_argmax(&surface, Refinement::Quadratic).unwrap().0, [cx, cy], 1e-9);
    near(&heatmap_argmax(&surface, Refinement::None).unwrap().0, [6.0, 4.0], 1e-12);
    let (quarter, score) = heatmap_argmax(&surface, Refinement::Quarter).unwrap();
    near(&quarter, [6.25, 3.75], 1e-12);
    assert_eq!(values(&score)[0], quadratic(6.0, 4.0));
    assert_eq!(quarter.dtype(), DType::F64);
    let narrow = surface.to_dtype(DType::F16).unwrap();
    assert_eq!(heatmap_argmax(&narrow, Refinement::Quarter).unwrap().0.dtype(), DType::F32);

    // At a corner, along an edge, beside infinity, on plateaus, of nothing.
    let refinements = [Refinement::None, Refinement::Quarter, Refinement::Quadratic, Refinement::LogQuadratic];
    for refinement in refinements {
        let argmax = |x: Tensor| heatmap_argmax(&x, refinement).unwrap();
        let corner = argmax(Tensor::new([[3.0f32, 2.0], [1.0, 0.0]]).unwrap());
        assert_eq!((values(&corner.0), values(&corner.1)), (vec![0.0, 0.0], vec![3.0]));
        let edge = values(&argmax(Tensor::new([[1.0f32, 3.0, 2.0]]).unwrap()).0);
        assert!(edge[1] == 0.0 && (0.9..=1.5).contains(&edge[0]), "{edge:?}");
        let infinite = argmax(Tensor::new([[1.0f32, f32::INFINITY, 2.0]]).unwrap());
        assert!((0.5..=1.5).contains(&values(&infinite.0)[0]));
        let flat = argmax(Tensor::ones([4, 5], DType::F32).unwrap());
        assert_eq!(values(&flat.0), [0.0, 0.0]);
        let holes = argmax(Tensor::new([[f32::NAN, 0.5, f32::NAN]]).unwrap());
        assert_eq!((values(&holes.0), values(&holes.1)), (vec![1.0, 0.0], vec![0.5]));
        let nothing = argmax(Tensor::full([2, 3], f32::NAN, DType::F32).unwrap());
        assert_eq!((values(&nothing.0), values(&nothing.1)), (vec![0.0, 0.0], vec![f64::NEG_INFINITY]));
    }
    assert!(heatmap_argmax(&Tensor::zeros([3, 0, 2], DType::F32).unwrap(), Refinement::None).is_err());
    assert!(heatmap_argmax(&Tensor::zeros([3], DType::F32).unwrap(), Refinement::None).is_err());
    let batch = Tensor::rand([2, 3, 5, 6], DType::F32, &mut Generator::new(1)).unwrap();
    let (places, scores) = heatmap_argmax(&turned(&batch), Refinement::Quarter).unwrap();
    assert_eq!((&places.shape()[..], &scores.shape()[..]), (&[2, 3, 2][..], &[2, 3][..]));
    assert_eq!(values(&places), values(&heatmap_argmax(&batch, Refinement::Quarter).unwrap().0));
}

#[test]
fn peaks_are_local_maxima() {
    let maps = Tensor::new([
        [
            [0.0f32, 0.0, 0.0, 0.0, 0.9],
            [0.0, 0.5, 0.5, 0.0, 0.0],
            [0.0, 0.5, 0.5, 0.0, 0.3],
            [0.2, 0.0, 0.0, 0.0, f32::NAN],
        ],
        [[0.05; 5]; 4],
    ])
    .unwrap();
    let finder = PeakFinder { refinement: Refinement::None, ..PeakFinder::default() };
    let found = |finder: PeakFinder| -> Vec<(f64, f64)> {
        let peaks = heatmap_peaks(&maps, &finder).unwrap();
        assert!(peaks[1].is_empty());
        peaks[0].iter().map(|peak| (peak.x, peak.y)).collect()
    };
    assert_eq!(found(finder), [(4.0, 0.0), (1.0, 1.0), (4.0, 2.0)]);
    assert_eq!(found(PeakFinder { radius: 2, ..finder }), [(4.0, 0.0), (1.0, 1.0)]);
    assert_eq!(found(PeakFinder { radius: usize::MAX, ..finder }), [(4.0, 0.0)]);
    assert_eq!(found(PeakFinder { max_peaks: 1, ..finder }), [(4.0, 0.0)]);
    assert_eq!(found(PeakFinder { threshold: 0.4, ..finder }), [(4.0, 0.0), (1.0, 1.0)]);
    assert!(heatmap_peaks(&maps, &PeakFinder { threshold: f64::NAN, ..finder }).is_err());
    assert!(heatmap_peaks(&maps.select(0, 0).unwrap(), &finder).is_err());
    let empty = heatmap_peaks(&Tensor::zeros([2, 0, 3], DType::F32).unwrap(), &finder).unwrap();
    assert_eq!(empty, vec![Vec::<Peak>::new(); 2]);
}

#[test]
fn fields_point_along_limbs() {
    let keypoints = people(&[vec![[2.0, 2.0], [8.0, 10.0]], vec![[8.0, 2.0], [2.0, 10.0]], vec![[5.0, 1.0]; 2]]);
    let targets = AffinityTargets { size: [12, 14], width: 1.0, limbs: vec![[0, 1], [1, 0]] };
    let fields = targets.encode(&keypoints).unwrap();
    assert_eq!(fields.shape()[..], [4, 12, 14]);
    let found = values(&fields);
    let at = |map: usize, y: usize, x: usize| found[(map * 12 + y) * 14 + x];
    let unit = [0.6, 0.8];
    // On one limb, on the other, where both cross the mean of both, beside them nothing.
    for (y, x, expected) in [(2, 2, unit), (2, 8, [-0.6, 0.8]), (6, 5, [0.0, 0.8]), (2, 5, [0.0; 2]), (11, 9, [0.0; 2])]
    {
        assert!((at(0, y, x) - expected[0]).abs() < 1e-6 && (at(1, y, x) - expected[1]).abs() < 1e-6, "{y} {x}");
        assert!((at(2, y, x) + expected[0]).abs() < 1e-6 && (at(3, y, x) + expected[1]).abs() < 1e-6, "{y} {x}");
    }
    // The definition, element by element, for one person: the nearest point of the limb is at most 1 away.
    let one = AffinityTargets { limbs: vec![[0, 1]], ..targets.clone() }.encode(&keypoints.narrow(0, 0, 1).unwrap());
    for (i, &value) in values(&one.unwrap())[..168].iter().enumerate() {
        let (dx, dy) = ((i % 14) as f64 - 2.0, (i / 14) as f64 - 2.0);
        let along = (dx * 0.6 + dy * 0.8).clamp(0.0, 10.0);
        let inside = (dx - along * 0.6).hypot(dy - along * 0.8) <= 1.0;
        assert!((value - if inside { 0.6 } else { 0.0 }).abs() < 1e-6, "{i}");
    }

    let first = fields.narrow(0, 0, 2).unwrap();
    let from = Tensor::new([[2.0f64, 2.0], [8.0, 10.0], [2.0, 2.0], [3.0, 3.0]]).unwrap();
    let to = Tensor::new([[8.0f64, 10.0], [2.0, 2.0], [2.0, 10.0], [3.0, 3.0]]).unwrap();
    let integrals = values(&line_integral(&turned(&first), &from, &to, 11).unwrap());
    assert!(integrals[0] > 0.9 && integrals[0] <= 1.0, "{integrals:?}");
    assert!((integrals[0] + integrals[1]).abs() < 1e-6, "the other way round");
    assert!(integrals[2] < 0.4 && integrals[3] == 0.0, "{integrals:?}");
    // Far outside the edge is read.
    let far = Tensor::new([[-1e9f64, 1e9]]).unwrap();
    assert!(values(&line_integral(&first, &far, &far.neg().unwrap(), 3).unwrap())[0].is_finite());

    assert!(targets.encode(&Tensor::zeros([1, 1, 3], DType::F32).unwrap()).unwrap_err().to_string().contains("[0, 1]"));
    assert!(AffinityTargets { width: -1.0, ..targets.clone() }.encode(&keypoints).is_err());
    assert!(AffinityTargets { limbs: vec![[1, 1]], ..targets.clone() }.encode(&keypoints).is_err());
    let none = AffinityTargets { limbs: vec![], ..targets.clone() }.encode(&keypoints).unwrap();
    assert_eq!(none.shape()[..], [0, 12, 14]);
    assert_eq!(AffinityTargets { size: [0, 3], ..targets }.encode(&keypoints).unwrap().shape()[..], [4, 0, 3]);
    assert!(line_integral(&fields, &from, &to, 10).is_err());
    assert!(line_integral(&first, &from, &far, 10).is_err());
    assert!(line_integral(&first, &from, &to, 1).is_err());
    let nan = Tensor::full([4, 2], f64::NAN, DType::F64).unwrap();
    assert!(line_integral(&first, &nan, &to, 10).is_err());
}

/// A standing person of OpenPose's keypoints, moved and scaled.
fn figure(x: f64, y: f64, scale: f64, lean: f64) -> Vec<[f64; 2]> {
    let pose = [
        [0.0, -30.0],
        [0.0, -20.0],
        [-9.0, -20.0],
        [-14.0, -8.0],
        [-16.0, 4.0],
        [9.0, -20.0],
        [14.0, -9.0],
        [12.0, 3.0],
        [-6.0, 5.0],
        [-7.0, 20.0],
        [-8.0, 35.0],
        [6.0, 5.0],
        [8.0, 20.0],
        [9.0, 35.0],
        [-2.5, -33.0],
        [2.5, -33.0],
        [-6.0, -31.0],
        [6.0, -31.0],
    ];
    pose.iter().map(|[px, py]| [x + scale * px - lean * py, y + scale * py]).collect()
}

const SIZE: [usize; 2] = [120, 200];

fn maps_of(people: &Tensor) -> (Tensor, Tensor) {
    let fields = AffinityTargets { size: SIZE, width: 1.0, limbs: Skeleton::openpose().limbs().to_vec() };
    (HeatmapTargets::new(SIZE, 1.5).encode(people).unwrap(), fields.encode(people).unwrap())
}

fn read_back(maps: &Tensor, fields: &Tensor) -> Vec<Person> {
    let finder = PeakFinder { refinement: Refinement::LogQuadratic, ..PeakFinder::default() };
    PeopleAssembler::default().assemble(&heatmap_peaks(maps, &finder).unwrap(), fields).unwrap()
}

/// Whether all keypoints of a person are those of a figure, within half an element.
fn is(person: &Person, figure: &[[f64; 2]]) -> bool {
    let near = |(peak, place): (&Option<Peak>, &[f64; 2])| {
        peak.is_some_and(|peak| (peak.x - place[0]).abs() < 0.5 && (peak.y - place[1]).abs() < 0.5)
    };
    person.keypoints.iter().zip(figure).all(near)
}

#[test]
fn overlapping_people_are_told_apart() {
    // Side by side with arms and legs over each other, one smaller before another, one leaning into its neighbour.
    let figures = [
        figure(40.0, 55.0, 1.0, 0.0),
        figure(57.3, 58.6, 1.05, 0.1),
        figure(80.0, 50.0, 0.95, -0.15),
        figure(120.0, 60.0, 1.2, 0.0),
        figure(126.4, 71.2, 0.7, 0.0),
        figure(165.0, 56.0, 1.1, 0.3),
    ];
    let (maps, fields) = maps_of(&people(&figures));
    let found = read_back(&maps, &fields);
    assert_eq!(found.len(), figures.len());
    for (i, figure) in figures.iter().enumerate() {
        assert_eq!(found.iter().filter(|person| is(person, figure)).count(), 1, "person {i}");
    }
    assert!(found.is_sorted_by(|a, b| a.score >= b.score));
    assert!(found.iter().all(|person| (1.0..2.5).contains(&person.score)));

    // A little noise changes nothing.
    let mut generator = Generator::new(4);
    let mut noisy = |x: &Tensor| {
        let noise = Tensor::randn(x.shape().clone(), DType::F32, &mut generator).unwrap();
        x.add(&noise.mul(0.01).unwrap()).unwrap()
    };
    let again = read_back(&noisy(&maps), &noisy(&fields));
    assert_eq!(again.len(), figures.len());
    for (i, figure) in figures.iter().enumerate() {
        let most = |person: &&Person| {
            let near = |(peak, place): (&Option<Peak>, &[f64; 2])| {
                peak.is_some_and(|p| (p.x - place[0]).abs() < 1.0 && (p.y - place[1]).abs() < 1.0)
            };
            person.keypoints.iter().zip(figure).filter(|pair| near(*pair)).count() >= 16
        };
        assert_eq!(again.iter().filter(most).count(), 1, "person {i}");
    }
}

#[test]
fn hidden_parts_stay_unknown() {
    // Of the first person no legs are labelled, of the second only three keypoints: too few.
    let mut keypoints = values(&people(&[figure(60.0, 50.0, 1.0, 0.0), figure(140.0, 55.0, 1.0, 0.0)]));
    for part in 0..18 {
        if (8..=13).contains(&part) {
            keypoints[part * 3 + 2] = 0.0;
        }
        if ![1, 2, 3].contains(&part) {
            keypoints[(18 + part) * 3 + 2] = 0.0;
        }
    }
    let keypoints = Tensor::from_vec(keypoints, [2, 18, 3]).unwrap();
    let (maps, fields) = maps_of(&keypoints);
    let found = read_back(&maps, &fields);
    assert_eq!(found.len(), 1);
    let missing: Vec<usize> = (0..18).filter(|&part| found[0].keypoints[part].is_none()).collect();
    assert_eq!(missing, [8, 9, 10, 11, 12, 13]);

    // Without a nose the eyes and ears are no part of the tree; the shoulders' rings join the ears.
    let mut keypoints = values(&people(&[figure(60.0, 50.0, 1.0, 0.0)]));
    keypoints[2] = 0.0;
    let (maps, fields) = maps_of(&Tensor::from_vec(keypoints, [1, 18, 3]).unwrap());
    let found = read_back(&maps, &fields);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].keypoints[0].is_none() && found[0].keypoints[16].is_some() && found[0].keypoints[17].is_some());
}

#[test]
fn nothing_is_made_of_nothing_and_bad_options_are_refused() {
    let (maps, fields) = maps_of(&people(&[figure(60.0, 50.0, 1.0, 0.0)]));
    assert!(read_back(&maps.zeros_like().unwrap(), &fields).is_empty());
    assert!(read_back(&maps, &fields.zeros_like().unwrap()).is_empty());
    let peaks = heatmap_peaks(&maps, &PeakFinder::default()).unwrap();
    let default = PeopleAssembler::default;
    for broken in [
        PeopleAssembler { limbs: vec![[0, 18]], ..default() },
        PeopleAssembler { limbs: vec![[0, 1]], ..default() },
        PeopleAssembler { samples: 1, ..default() },
        PeopleAssembler { min_affinity: f64::NAN, ..default() },
        PeopleAssembler { min_support: 1.5, ..default() },
        PeopleAssembler { min_score: f64::NAN, ..default() },
    ] {
        assert!(broken.assemble(&peaks, &fields).is_err(), "{broken:?}");
    }
    assert!(default().assemble(&peaks[1..], &fields).is_err());
    assert!(default().assemble(&peaks, &fields.narrow(0, 0, 36).unwrap()).is_err());
    let mut strange = peaks.clone();
    strange[3][0].x = f64::NAN;
    let text = default().assemble(&strange, &fields).unwrap_err().to_string();
    assert!(text.starts_with("people_assembler: expected finite candidates"), "{text}");
    // Fields of NaN support nothing.
    let nan = fields.mul(f64::NAN).unwrap();
    assert!(default().assemble(&peaks, &nan).unwrap().is_empty());
}

#[test]
fn skeletons_are_trees_and_rings() {
    for skeleton in [Skeleton::coco_person(), Skeleton::openpose(), Skeleton::mpii()] {
        let limbs = skeleton.limbs();
        let mut reached = vec![false; skeleton.len()];
        reached[0] = true;
        for _ in limbs {
            for &[a, b] in limbs {
                let any = reached[a] || reached[b];
                (reached[a], reached[b]) = (any, any);
            }
        }
        assert!(reached.iter().all(|&r| r));
    }
    // The first 17 limbs of OpenPose reach all 18 keypoints: a tree.
    let mut known = vec![1];
    for &[a, b] in &Skeleton::openpose().limbs()[..17] {
        assert!(known.contains(&a) && !known.contains(&b), "{a} {b}");
        known.push(b);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn targets_and_peaks_are_inverse(x in 3.0f64..28.0, y in 3.0f64..20.0, sigma in 0.8f64..3.0) {
        let person = people(&[vec![[x, y]]]);
        let maps = HeatmapTargets::new([24, 32], sigma).encode(&person).unwrap();
        let finder = PeakFinder { refinement: Refinement::LogQuadratic, ..PeakFinder::default() };
        let peaks = heatmap_peaks(&maps, &finder).unwrap();
        prop_assert_eq!(peaks[0].len(), 1);
        prop_assert!((peaks[0][0].x - x).abs() < 1e-3 && (peaks[0][0].y - y).abs() < 1e-3, "{:?}", peaks);
    }

    #[test]
    fn no_candidate_belongs_to_two_people(seed in 0u64..10_000) {
        // Fields and peaks of no meaning.
        let mut generator = Generator::new(seed);
        let fields = Tensor::randn([38, 16, 16], DType::F32, &mut generator).unwrap();
        let maps = Tensor::rand([18, 16, 16], DType::F32, &mut generator).unwrap();
        let peaks = heatmap_peaks(&maps, &PeakFinder { radius: 3, ..PeakFinder::default() }).unwrap();
        let assembler = PeopleAssembler {
            min_support: 0.0, min_affinity: -10.0, min_keypoints: 0, min_score: f64::NEG_INFINITY, ..PeopleAssembler::default()
        };
        let people = assembler.assemble(&peaks, &fields).unwrap();
        prop_assert!(!people.is_empty());
        for part in 0..18 {
            let mut taken: Vec<Peak> = people.iter().filter_map(|person| person.keypoints[part]).collect();
            let count = taken.len();
            taken.dedup_by(|a, b| a.x == b.x && a.y == b.y);
            for (i, a) in taken.iter().enumerate() {
                prop_assert!(taken[i + 1..].iter().all(|b| a != b));
            }
            prop_assert_eq!(taken.len(), count);
        }
    }
}
