//! Whatever changes are chained, labels stay on what they label.

use ocelli_data::annotation::{
    Bitmap, BoundingBox, BoxFormat, ClassMap, Keypoint, Keypoints, Object, Polygon, Rle, Segmentation,
};
use ocelli_data::augment::{
    Augment, AutoAugment, AutoAugmentPolicy, CenterCrop, Elastic, ElasticGrid, Fill, GridDistortion, HorizontalFlip,
    Keep, Letterbox, Operation, Pad, QuarterTurn, RandAugment, RandomAffine, RandomCrop, RandomIouCrop,
    RandomPerspective, RandomResizedCrop, RandomRotation, RandomZoomOut, Resize, ResizeShorter, ShiftScaleRotate,
    Transform, TrivialAugment, VerticalFlip,
};
use ocelli_data::{Image, Pixels, Sample, SampleRng};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

pub(crate) const SIZE: [usize; 2] = [72, 96];

/// In how many places of its rim a disc tells how it is stretched.
const PROBES: usize = 16;

/// A bright disc on black with its class map, and on it the same object three times: outlined, as runs, as a bitmap; with keypoints: its middle, and in each of
/// [`PROBES`] places a point of the rim, one a pixel further out and one a pixel along the rim.
pub(crate) fn disc(x: f64, y: f64, radius: f64) -> Sample {
    let [height, width] = SIZE;
    let inside = |i: usize| {
        let (row, column) = ((i / width) as f64 + 0.5, (i % width) as f64 + 0.5);
        (column - x).hypot(row - y) <= radius
    };
    let mask: Vec<u8> = (0..height * width).map(|i| u8::from(inside(i))).collect();
    let image = Image::from_u8([height, width, 1], mask.iter().map(|x| x * 255).collect()).unwrap();
    let mut sample = Sample::from(image);
    let corner = |i: usize| {
        let angle = i as f64 / 64.0 * std::f64::consts::TAU;
        [x + radius * angle.cos(), y + radius * angle.sin()]
    };
    let outline = Polygon::new((0..64).map(corner).collect()).unwrap();
    let bitmap = Bitmap::new(SIZE, mask.clone()).unwrap();
    let around = BoundingBox::new([x - radius, y - radius, x + radius, y + radius], BoxFormat::Xyxy).unwrap();
    let masks = [
        Segmentation::Polygons(vec![outline]),
        Segmentation::Rle(bitmap.to_rle().unwrap()),
        Segmentation::Bitmap(bitmap),
    ];
    let probes = (0..PROBES).flat_map(|i| {
        let (sine, cosine) = (i as f64 / PROBES as f64 * std::f64::consts::TAU).sin_cos();
        let [rim_x, rim_y] = [x + radius * cosine, y + radius * sine];
        [[rim_x, rim_y], [rim_x + cosine, rim_y + sine], [rim_x - sine, rim_y + cosine]]
    });
    let points: Vec<[f64; 2]> = std::iter::once([x, y]).chain(probes).collect();
    for mask in masks {
        let keypoints = Some(Keypoints::visible(points.iter().copied()).unwrap());
        sample.labels.objects.push(Object { segmentation: Some(mask), keypoints, ..Object::new(1, around) });
    }
    sample.labels.class_map = Some(ClassMap::new(SIZE, mask.into_iter().map(u16::from).collect()).unwrap());
    sample
}

/// Changes by which nothing leaves the picture and upright boxes stay upright.
pub(crate) fn whole() -> impl Strategy<Value = Transform> {
    prop_oneof![
        Just(HorizontalFlip { probability: 1.0, mirror: None }.into()),
        Just(VerticalFlip { probability: 1.0, mirror: None }.into()),
        Just(QuarterTurn::default().into()),
        (0usize..9, 0usize..9)
            .prop_map(|(left, top)| Pad { left, top, right: 3, bottom: 0, fill: Fill::Reflect }.into()),
        (40usize..120, 40usize..120).prop_map(|(height, width)| Resize::new(height, width).into()),
        (40usize..110).prop_map(|size| ResizeShorter::new(size).into()),
        (50usize..120, 50usize..120).prop_map(|(height, width)| Letterbox::new(height, width).into()),
        Just(RandomZoomOut { probability: 1.0, sides: [1.0, 1.5], ..RandomZoomOut::default() }.into()),
    ]
}

/// Changes of any kind, moderate ones.
pub(crate) fn any_change() -> impl Strategy<Value = Transform> {
    let fills = prop_oneof![Just(Fill::Constant(0.0)), Just(Fill::Constant(9.0))];
    prop_oneof![
        whole(),
        Just(CenterCrop::new(36, 36).into()),
        Just(RandomCrop::new(38, 38, 2).into()),
        Just(RandomResizedCrop { area: [0.4, 1.0], ..RandomResizedCrop::new(64, 64) }.into()),
        (0.0..180.0, any::<bool>(), fills)
            .prop_map(|(most, expand, fill)| { RandomRotation { expand, fill, ..RandomRotation::new(most) }.into() }),
        Just(
            ShiftScaleRotate {
                rotation: [-30.0, 30.0],
                shift: [0.1, 0.1],
                scale: [0.8, 1.2],
                shear_x: [-8.0, 8.0],
                shear_y: [-8.0, 8.0],
                ..ShiftScaleRotate::default()
            }
            .into()
        ),
        Just(
            RandomAffine {
                rotation: 20.0,
                width_shift: 0.1,
                height_shift: 0.1,
                shear: 8.0,
                zoom: [0.8, 1.2],
                fill: Fill::Constant(0.0),
                keep: Keep::default(),
            }
            .into()
        ),
        Just(RandomPerspective { probability: 1.0, distortion: 0.3, ..RandomPerspective::default() }.into()),
        Just(Elastic { alpha: 20.0, ..Elastic::default() }.into()),
        Just(ElasticGrid { deviation: 2.0, fill: Fill::Constant(0.0), ..ElasticGrid::default() }.into()),
        Just(GridDistortion::default().into()),
        Just(RandomIouCrop::default().into()),
        policy(),
    ]
}

/// Changes that draw operations, most of which leave labels where they are.
fn policy() -> impl Strategy<Value = Transform> {
    let tables = [AutoAugmentPolicy::ImageNet, AutoAugmentPolicy::Cifar10, AutoAugmentPolicy::Svhn];
    prop_oneof![
        Just(RandAugment::default().into()),
        Just(TrivialAugment::default().into()),
        prop::sample::select(tables.to_vec())
            .prop_map(|policy| AutoAugment { policy, ..AutoAugment::default() }.into()),
    ]
}

/// How far the pixels of a mask may be from what they stand for.
///
/// A pixel of the first mask is inside if its middle is. A change that resamples looks up, for the middle of each new pixel, the old pixel in which its place lies,
/// and takes what has been found out for the middle of that: another place, by at most half an old pixel along each axis. So after some
/// changes a pixel is inside or not as a place is that is displaced by at most `e`: after each change by `stretch · (e + half a pixel)`, and by `stretch · e`
/// where pixels move as they are. Half a pixel along each axis is `1/√2` in a direction in between.
pub(crate) struct Chain {
    pub(crate) sample: Sample,
    /// In pixels of the picture, in any direction.
    displaced: f64,
    /// Whether a part of the disc has left the picture.
    cut: bool,
    /// Whether colours have been changed, so that the disc may be no brighter than what surrounds it.
    recoloured: bool,
    /// Whether objects have gone because of where their middle was, which is no more exact than the edges of their boxes.
    chosen: bool,
    /// Whether the picture is a piece of a larger one, in which others begin behind its edge.
    pub(crate) piece: bool,
}

impl Chain {
    pub(crate) fn new(sample: Sample) -> Self {
        Chain { sample, displaced: 0.0, cut: false, recoloured: false, chosen: false, piece: false }
    }

    /// One more change; `half` is by how much a lookup displaces at most.
    pub(crate) fn then(self, step: &Transform, half: f64, rng: &mut SampleRng) -> Chain {
        let size = self.sample.image.size();
        let (operations, warp) = match step {
            Transform::RandAugment(policy) => (policy.draw(size, &mut rng.clone()).unwrap(), policy.warp),
            Transform::TrivialAugment(policy) => (vec![policy.draw(size, &mut rng.clone()).unwrap()], policy.warp),
            Transform::AutoAugment(policy) => (policy.draw(size, &mut rng.clone()), policy.warp),
            _ => {
                let half = if moves_pixels(step) { 0.0 } else { half };
                let chosen = self.chosen || matches!(step, Transform::RandomIouCrop(_));
                let sample = step.apply(self.sample.clone(), rng).unwrap();
                return Chain { chosen, ..self }.moved(sample, half);
            }
        };
        // A policy is what its operations are, each with a lookup of its own.
        let all = step.apply(self.sample.clone(), rng).unwrap();
        let chain = operations.into_iter().fold(self, |chain, (operation, magnitude)| {
            let sample = operation.apply(chain.sample.clone(), magnitude, &warp).unwrap();
            match operation {
                Operation::Identity => chain,
                Operation::ShearX | Operation::ShearY | Operation::Rotate => chain.moved(sample, half),
                Operation::TranslateX | Operation::TranslateY => chain.moved(sample, 0.0),
                _ => Chain { recoloured: true, ..chain }.moved(sample, 0.0),
            }
        });
        assert_eq!(chain.sample, all);
        chain
    }

    /// After a change that made this of the sample.
    pub(crate) fn moved(self, sample: Sample, half: f64) -> Chain {
        let before = outline(&self.sample).and_then(|object| object.keypoints.clone());
        let after = outline(&sample).and_then(|object| object.keypoints.clone());
        let (Some(before), Some(after)) = (before, after) else { return Chain { sample, cut: true, ..self } };
        let (stretch, whole) = stretch(&before, &after);
        // Where nothing of the rim is left, nothing is known.
        let displaced = stretch.map_or(f64::INFINITY, |stretch| stretch * (self.displaced + half));
        Chain { sample, displaced, cut: self.cut || !whole, ..self }
    }

    /// How far the edge of a mask may be from that of what it stands for: how far places are displaced, half a pixel from the middle of the outermost pixel to its
    /// edge, and a tenth, as COCO's way from outlines to pixels puts corners on fifths of pixels.
    fn edge(&self) -> f64 {
        self.displaced + 0.5 + 0.1
    }

    /// The largest distance between the box of a mask of pixels and that of the ellipse that it stands for. The middle of the nearest pixel is beside the place in which
    /// the ellipse touches its box, where the rim has bent away.
    fn allowed(&self, ellipse: &Object) -> f64 {
        self.edge() + bend(ellipse, self.displaced + 0.5)
    }
}

/// How far, seen from the sides of its box, the rim of an ellipse has bent away so many pixels beside the places in which it touches them.
fn bend(ellipse: &Object, beside: f64) -> f64 {
    let Some(Segmentation::Polygons(outlines)) = &ellipse.segmentation else { panic!("an outline") };
    let area: f64 = outlines.iter().map(Polygon::area).sum();
    let bend = |half: f64| {
        // The other half of a box of this height around an upright ellipse of the same area; slanting does not change how it bends.
        let other = area / (std::f64::consts::PI * half);
        half * (1.0 - (1.0 - (beside / other).powi(2)).max(0.0).sqrt())
    };
    bend(0.5 * ellipse.bounding_box.width()).max(bend(0.5 * ellipse.bounding_box.height()))
}

/// Whether a change moves pixels as they are.
fn moves_pixels(step: &Transform) -> bool {
    matches!(
        step,
        Transform::HorizontalFlip(_)
            | Transform::VerticalFlip(_)
            | Transform::QuarterTurn(_)
            | Transform::Pad(_)
            | Transform::CenterCrop(_)
            | Transform::RandomCrop(_)
            | Transform::RandomIouCrop(_)
            | Transform::RandomZoomOut(_)
    )
}

fn outline(sample: &Sample) -> Option<&Object> {
    sample.labels.objects.iter().find(|object| matches!(object.segmentation, Some(Segmentation::Polygons(_))))
}

/// By how much a change has stretched the picture along the rim at most, in whichever direction, if any of the rim is still in the picture; and whether all of
/// it is.
fn stretch(before: &Keypoints, after: &Keypoints) -> (Option<f64>, bool) {
    let (mut most, mut whole) = (0.0f64, true);
    for (old, new) in before.points()[1..].chunks(3).zip(after.points()[1..].chunks(3)) {
        whole &= new[0].is_labelled();
        if !old.iter().chain(new).all(|point| point.is_labelled()) {
            continue;
        }
        // The change is A with A · old = new; its largest singular value is that of the larger eigenvalue of AᵀA.
        let side = |of: &[Keypoint], i: usize| [of[i].x - of[0].x, of[i].y - of[0].y];
        let ([a, b], [c, d]) = (side(old, 1), side(old, 2));
        let ([e, f], [g, h]) = (side(new, 1), side(new, 2));
        let det = a * d - b * c;
        let [p, q, r, s] = [(e * d - g * b) / det, (g * a - e * c) / det, (f * d - h * b) / det, (h * a - f * c) / det];
        let (trace, det): (f64, f64) = (p * p + q * q + r * r + s * s, p * s - q * r);
        most = most.max((0.5 * (trace + (trace * trace - 4.0 * det * det).max(0.0).sqrt())).sqrt());
    }
    ((most > 0.0).then_some(most), whole)
}

/// The mask of an object as runs in its picture.
fn runs(object: &Object, size: [usize; 2]) -> Rle {
    object.segmentation.as_ref().unwrap().to_rle(size).unwrap()
}

/// The largest distance between the sides of two boxes.
fn apart(a: &BoundingBox, b: &BoundingBox) -> f64 {
    let sides = a.to_array(BoxFormat::Xyxy).into_iter().zip(b.to_array(BoxFormat::Xyxy));
    sides.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

proptest! {
    // The same cases each time, so that a failure comes from a change.
    #![proptest_config(ProptestConfig {
        failure_persistence: None, rng_seed: RngSeed::Fixed(6), ..ProptestConfig::with_cases(192)
    })]

    /// The box of each kind of mask is the moved box.
    #[test]
    fn boxes_are_those_of_their_masks(
        x in 20.0..76.0f64, y in 20.0..52.0f64, radius in 6.0..15.0f64,
        steps in prop::collection::vec(whole(), 1..5), seed in any::<u64>(),
    ) {
        let rng = &mut SampleRng::new(seed, 0, 0);
        // Rectangles stay upright, so displacements along one axis alone change a side.
        let chain = steps.iter().fold(Chain::new(disc(x, y, radius)), |chain, step| chain.then(step, 0.5, rng));
        prop_assert!(!chain.cut);
        prop_assert_eq!(chain.sample.labels.objects.len(), 3);
        let outlined = outline(&chain.sample).unwrap();
        for object in &chain.sample.labels.objects {
            let mask = runs(object, chain.sample.image.size()).bounding_box();
            // Outlines themselves are exact.
            let allowed = match object.segmentation {
                Some(Segmentation::Polygons(_)) => 0.5 + 0.1 + bend(outlined, 0.5),
                _ => chain.allowed(outlined),
            };
            prop_assert!(apart(&mask, &object.bounding_box) <= allowed, "{:?} {:?} {}", mask, object.bounding_box, allowed);
        }
    }

    /// One change of any kind: the boxes of bitmap and runs are alike, and near that of the outline; a keypoint in the picture lies on its mask, its class and its
    /// disc.
    #[test]
    fn labels_stay_on_the_disc(
        x in 20.0..76.0f64, y in 20.0..52.0f64, radius in 6.0..15.0f64,
        step in any_change(), seed in any::<u64>(),
    ) {
        let chain = Chain::new(disc(x, y, radius));
        check(chain.then(&step, std::f64::consts::FRAC_1_SQRT_2, &mut SampleRng::new(seed, 0, 0)))?;
    }

    /// Several changes.
    #[test]
    fn labels_stay_on_the_disc_through_chains(
        x in 20.0..76.0f64, y in 20.0..52.0f64, radius in 8.0..15.0f64,
        steps in prop::collection::vec(any_change(), 2..4), seed in any::<u64>(),
    ) {
        let rng = &mut SampleRng::new(seed, 0, 0);
        let mut chain = Chain::new(disc(x, y, radius));
        // What comes out of a crop is too small for another crop.
        for step in steps.into_iter().flat_map(|step| [step, Letterbox::new(72, 96).into()]) {
            chain = chain.then(&step, std::f64::consts::FRAC_1_SQRT_2, rng);
        }
        check(chain)?;
    }
}

/// What holds after any changes.
pub(crate) fn check(chain: Chain) -> Result<(), TestCaseError> {
    let edge = chain.edge();
    let Chain { sample, cut, recoloured, chosen, piece, .. } = &chain;
    let (cut, recoloured, chosen) = (*cut, *recoloured, *chosen);
    let size @ [height, width] = sample.image.size();
    let map = sample.labels.class_map.as_ref().unwrap();
    prop_assert_eq!(map.size(), size);
    let objects = &sample.labels.objects;
    for object in objects {
        let place = object.bounding_box;
        prop_assert_eq!(place.clipped(size), place);
        let mask = runs(object, size);
        let around = mask.bounding_box();
        // What is cut off by the edge has a box that may be larger than the mask, never smaller.
        let [x1, y1, x2, y2] = around.to_array(BoxFormat::Xyxy);
        let grown = [place.min()[0] - edge, place.min()[1] - edge, place.max()[0] + edge, place.max()[1] + edge];
        let covered = x1 >= grown[0] && y1 >= grown[1] && x2 <= grown[2] && y2 <= grown[3];
        prop_assert!(mask.area() == 0 || covered, "{:?} {:?} {}", around, object, edge);
        let point = object.keypoints.as_ref().unwrap().points()[0];
        let near = |at: f64, size: usize| at < 2.0 || at > size as f64 - 2.0;
        if point.is_labelled() && !near(point.x, width) && !near(point.y, height) {
            // What was cut off before may end at the point itself, with an edge that is no more exact than others.
            let reach = if cut || *piece { edge } else { 0.0 };
            let span = |at: f64, size: usize| {
                (at - reach).max(0.0) as usize..((at + reach).min(size as f64) as usize + 1).min(size)
            };
            let (rows, columns) = (span(point.y, height), span(point.x, width));
            let places: Vec<usize> =
                rows.flat_map(|row| columns.clone().map(move |column| row * width + column)).collect();
            let mask = mask.decode().unwrap();
            prop_assert!(places.iter().any(|&at| mask[at] == 1), "{:?} {}", point, reach);
            prop_assert!(places.iter().any(|&at| map.classes()[at] == 1), "{:?} {}", point, reach);
            let Pixels::U8(pixels) = sample.image.pixels() else { panic!("bytes stay bytes") };
            prop_assert!(recoloured || places.iter().any(|&at| pixels[at] > 127), "{:?} {}", point, reach);
        }
    }
    let of = |kind: usize| {
        objects.iter().find(|object| match object.segmentation {
            Some(Segmentation::Polygons(_)) => kind == 0,
            Some(Segmentation::Rle(_)) => kind == 1,
            _ => kind == 2,
        })
    };
    match (of(0), of(1), of(2)) {
        (Some(outline), Some(runs), Some(bitmap)) => {
            prop_assert_eq!(runs.bounding_box, bitmap.bounding_box);
            let apart = apart(&outline.bounding_box, &runs.bounding_box);
            let allowed = chain.allowed(outline);
            // What has been cut off has corners, whose tips may hold the middle of no pixel.
            prop_assert!(
                cut || apart <= allowed,
                "{} {} {:?} {:?}",
                apart,
                allowed,
                outline.bounding_box,
                runs.bounding_box
            );
        }
        (None, None, None) => {}
        _ if chosen => {}
        // On an edge a sliver may be too little as pixels and enough as an outline: one in which no place is further from its rim than edges are exact. The area
        // of what is convex is at most its rim times that depth.
        (outline, runs, bitmap) => {
            for left in [outline, runs, bitmap].into_iter().flatten() {
                let rim = 2.0 * (left.bounding_box.width() + left.bounding_box.height());
                let area = self::runs(left, size).area() as f64;
                prop_assert!(
                    area <= rim * (edge + std::f64::consts::FRAC_1_SQRT_2),
                    "{} {:?}",
                    area,
                    left.bounding_box
                );
            }
        }
    }
    Ok(())
}
