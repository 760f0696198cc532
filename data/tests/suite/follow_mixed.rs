//! Labels stay on what they label where several pictures become one.

use ocelli_data::annotation::{Object, Rle};
use ocelli_data::augment::{
    AugMix, Augment, Fill, HorizontalFlip, Keep, Letterbox, QuarterTurn, Transform, VerticalFlip, copy_paste, mosaic,
};
use ocelli_data::{Pixels, Sample, SampleRng};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::follow::{Chain, SIZE, any_change, check, disc};

/// How far a lookup displaces at most, in any direction.
const HALF: f64 = std::f64::consts::FRAC_1_SQRT_2;

/// Middle and radius of a disc.
fn place() -> impl Strategy<Value = (f64, f64, f64)> {
    (20.0..76.0f64, 20.0..52.0f64, 8.0..15.0f64)
}

/// A disc after changes, in a picture of [`SIZE`].
fn changed((x, y, radius): (f64, f64, f64), steps: &[Transform], rng: &mut SampleRng) -> Chain {
    let back = Letterbox::new(SIZE[0], SIZE[1]).into();
    steps.iter().fold(Chain::new(disc(x, y, radius)), |chain, step| chain.then(step, HALF, rng).then(&back, HALF, rng))
}

/// The mask of an object, row by row.
fn mask(object: &Object) -> Vec<u8> {
    runs(object).decode().unwrap()
}

fn runs(object: &Object) -> Rle {
    object.segmentation.as_ref().unwrap().to_rle(SIZE).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::with_cases(96)
    })]

    /// Each of the four discs of a mosaic, after changes of its own.
    #[test]
    fn labels_stay_on_the_discs_of_a_mosaic(
        discs in prop::array::uniform4((place(), prop::collection::vec(any_change(), 0..2))),
        height in 40usize..110, width in 40usize..110, seed in any::<u64>(),
    ) {
        let rng = &mut SampleRng::new(seed, 0, 0);
        let chains = discs.map(|(place, steps)| changed(place, &steps, rng));
        let mut samples = chains.each_ref().map(|chain| chain.sample.clone());
        for (class, sample) in samples.iter_mut().enumerate() {
            sample.labels.objects.iter_mut().for_each(|object| object.class = class);
        }
        let all = mosaic(samples, [height, width], Fill::Constant(0.0), &Keep::default(), rng).unwrap();
        prop_assert_eq!(all.image.size(), [2 * height, 2 * width]);
        for (class, chain) in chains.into_iter().enumerate() {
            let mut one = all.clone();
            one.labels.objects.retain(|object| object.class == class);
            let mut chain = chain.moved(one, HALF);
            chain.piece = true;
            check(chain)?;
        }
    }

    /// A pasted object has the pixels that it had, and what is below it has lost them.
    #[test]
    fn pasted_labels_are_those_of_their_pixels(
        below in (place(), prop::collection::vec(any_change(), 0..3)),
        above in (place(), prop::collection::vec(any_change(), 0..3)),
        min_area in 1u64..100, seed in any::<u64>(),
    ) {
        let rng = &mut SampleRng::new(seed, 0, 0);
        let [below, above] = [below, above].map(|(place, steps)| changed(place, &steps, rng));
        let both = copy_paste(below.sample.clone(), &above.sample, 1.0, min_area, rng).unwrap();
        // The objects as they have to be: their class, mask and keypoints.
        let large = |mask: &[u8]| mask.iter().map(|&pixel| u64::from(pixel)).sum::<u64>() >= min_area;
        let pasted: Vec<_> =
            above.sample.labels.objects.iter().map(|object| (mask(object), object)).filter(|(mask, _)| large(mask)).collect();
        let mut covered = vec![0; SIZE[0] * SIZE[1]];
        pasted.iter().for_each(|(mask, _)| covered.iter_mut().zip(mask).for_each(|(all, pixel)| *all |= pixel));
        let mut expected = Vec::new();
        for object in &below.sample.labels.objects {
            let old = mask(object);
            let left: Vec<u8> = old.iter().zip(&covered).map(|(&old, &covered)| old & (1 - covered)).collect();
            if left == old || large(&left) {
                expected.push((left, object));
            }
        }
        expected.extend(pasted);
        prop_assert_eq!(both.labels.objects.len(), expected.len());
        for (object, (pixels, old)) in both.labels.objects.iter().zip(&expected) {
            prop_assert_eq!(&mask(object), pixels);
            prop_assert_eq!((object.class, &object.keypoints), (old.class, &old.keypoints));
            let around = runs(object).bounding_box();
            // What nothing lies on stays as it was.
            prop_assert!(object.bounding_box == around || object == *old, "{:?} {:?}", object, around);
        }
        check_pixels(&both, [&below.sample, &above.sample], &covered)?;
        check(above)?;
        check(below)?;
        // Boxes of masks that are not round any more follow, too.
        let flips: [Transform; 3] = [
            HorizontalFlip { probability: 1.0, mirror: None }.into(),
            VerticalFlip { probability: 1.0, mirror: None }.into(),
            QuarterTurn::default().into(),
        ];
        for flip in flips {
            let turned = flip.apply(both.clone(), rng).unwrap();
            prop_assert_eq!(turned.labels.objects.len(), both.labels.objects.len());
            for (object, old) in turned.labels.objects.iter().zip(&both.labels.objects) {
                let around = object.segmentation.as_ref().unwrap().to_rle(turned.image.size()).unwrap().bounding_box();
                let fitted = old.bounding_box == runs(old).bounding_box();
                prop_assert!(!fitted || object.bounding_box == around, "{:?} {:?}", object, around);
            }
        }
    }

    /// A mixture shows a disc in several places, none of which its labels could follow.
    #[test]
    fn labels_of_places_are_not_mixed(
        (x, y, radius) in place(), seed in any::<u64>(),
    ) {
        let mut sample = disc(x, y, radius);
        let mix = AugMix::default();
        prop_assert!(mix.apply(sample.clone(), &mut SampleRng::new(seed, 0, 0)).is_err());
        sample.labels.objects.clear();
        prop_assert!(mix.apply(sample.clone(), &mut SampleRng::new(seed, 0, 0)).is_err());
        sample.labels.class_map = None;
        sample.labels.classes = vec![3];
        let mixed = mix.apply(sample, &mut SampleRng::new(seed, 0, 0)).unwrap();
        prop_assert_eq!((mixed.image.size(), mixed.labels.classes), (SIZE, vec![3]));
    }
}

/// Pixels and classes are those of the upper picture where it covers the lower one.
fn check_pixels(both: &Sample, samples: [&Sample; 2], covered: &[u8]) -> Result<(), TestCaseError> {
    fn values(sample: &Sample) -> (&[u8], &[u16]) {
        let Pixels::U8(pixels) = sample.image.pixels() else { panic!("bytes stay bytes") };
        (pixels, sample.labels.class_map.as_ref().unwrap().classes())
    }
    let (both, [below, above]) = (values(both), samples.map(values));
    for (i, &covered) in covered.iter().enumerate() {
        let from = if covered == 1 { above } else { below };
        prop_assert_eq!((both.0[i], both.1[i]), (from.0[i], from.1[i]));
    }
    Ok(())
}
