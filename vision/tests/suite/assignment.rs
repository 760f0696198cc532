//! Matchers, samplers and centre sampling against torchvision (`fixtures/assignment.py`), and what broken input gets.

use std::collections::BTreeSet;

use crate::common::{fixture, scattered, values};
use ocelli_tensor::{DType, Generator, Tensor};
use ocelli_vision::ops::{BalancedPositiveNegativeSampler, CenterSampling, LowQuality, Matcher, hard_negative_mining};
use proptest::prelude::*;

#[test]
fn matches_are_torchvisions() {
    let fixture = fixture("assignment");
    for i in 0..4 {
        let get = |key: &str| &fixture[&format!("matcher.{i}.{key}")];
        let quality = get("quality");
        for quality in [quality.clone(), scattered(quality)] {
            for (high, low) in [("0.7", "0.3"), ("0.5", "0.5"), ("0.4", "0.0")] {
                let matcher = Matcher::new(high.parse().unwrap(), low.parse().unwrap()).unwrap();
                for (low_quality, name) in [(LowQuality::Drop, "drop"), (LowQuality::Keep, "keep")] {
                    let matches = matcher.low_quality(low_quality).matches(&quality).unwrap();
                    assert_eq!(matches.dtype(), DType::I64);
                    assert_eq!(
                        values(&matches),
                        values(get(&format!("{high}.{low}.{name}"))),
                        "{i} {high} {low} {name}"
                    );
                }
            }
            let ssd = Matcher::new(0.5, 0.5).unwrap().low_quality(LowQuality::Force);
            assert_eq!(values(&ssd.matches(&quality).unwrap()), values(get("force")), "{i} force");
        }
    }
}

#[test]
fn no_boxes_no_predictions_and_nan() {
    let matcher = Matcher::new(0.5, 0.4).unwrap();
    let empty = |shape: [usize; 2]| Tensor::zeros(shape, DType::F32).unwrap();
    for low_quality in [LowQuality::Drop, LowQuality::Keep, LowQuality::Force] {
        let matcher = matcher.low_quality(low_quality);
        assert_eq!(values(&matcher.matches(&empty([0, 3])).unwrap()), [-1.0; 3]);
        assert_eq!(matcher.matches(&empty([3, 0])).unwrap().shape()[..], [0]);
        let nan = Tensor::new([[f32::NAN, 0.9, f32::NAN], [0.6, f32::NAN, f32::NAN], [f32::NAN; 3]]).unwrap();
        assert_eq!(values(&matcher.matches(&nan).unwrap()), [1.0, 0.0, -1.0]);
    }
    for (high, low) in [(0.3, 0.5), (f64::NAN, 0.1), (0.5, f64::NAN)] {
        let text = Matcher::new(high, low).unwrap_err().to_string();
        assert!(text.contains("expected a low threshold up to the high one"), "{text}");
    }
    assert!(matcher.matches(&Tensor::zeros([3], DType::F32).unwrap()).is_err());
    assert!(matcher.matches(&Tensor::zeros([3, 2], DType::I64).unwrap()).is_err());
    // Half types, of which 0.5 is one.
    let half = Tensor::new([[0.5f32, 0.25]]).unwrap().to_dtype(DType::F16).unwrap();
    assert_eq!(values(&matcher.matches(&half).unwrap()), [0.0, -1.0]);
}

#[test]
fn hard_negatives_are_torchvisions() {
    let fixture = fixture("assignment");
    let (loss, positive) = (&fixture["ssd.loss"], &fixture["ssd.positive"]);
    let positive = positive.to_dtype(DType::Bool).unwrap();
    let expected = values(&fixture["ssd.negative"]);
    assert_eq!(values(&hard_negative_mining(loss, &positive, 3.0).unwrap()), expected);
    assert_eq!(values(&hard_negative_mining(&scattered(loss), &scattered(&positive), 3.0).unwrap()), expected);
    let first = hard_negative_mining(&loss.select(0, 0).unwrap(), &positive.select(0, 0).unwrap(), 3.0).unwrap();
    assert_eq!(values(&first), expected[..30]);
}

#[test]
fn hard_negatives_of_ties_nan_and_broken_input() {
    let mine = |loss: &[f32], positive: &[bool], ratio: f64| {
        let positive = Tensor::from_slice(positive, [positive.len()]).unwrap();
        let mask = hard_negative_mining(&Tensor::from_slice(loss, [loss.len()]).unwrap(), &positive, ratio).unwrap();
        (0..).zip(mask.to_vec::<bool>().unwrap()).filter(|(_, taken)| *taken).map(|(i, _)| i).collect::<Vec<usize>>()
    };
    let positive = [false, true, false, false, false];
    assert_eq!(mine(&[0.5, 9.0, 0.5, 0.5, 0.5], &positive, 2.0), [0, 2]);
    assert_eq!(mine(&[0.5, 9.0, f32::NAN, f32::INFINITY, 0.7], &positive, 2.0), [2, 3]);
    assert_eq!(mine(&[0.5, 9.0, 0.1, 0.2, 0.7], &positive, 1.9), [4]);
    assert_eq!(mine(&[0.5, 9.0, 0.1, 0.2, 0.7], &positive, 100.0), [0, 2, 3, 4]);
    assert_eq!(mine(&[0.5, 9.0], &[true, true], 3.0), [0usize; 0]);
    assert_eq!(mine(&[0.5, 9.0], &[false, false], 3.0), [0usize; 0]);
    assert_eq!(mine(&[], &[], 3.0), [0usize; 0]);

    let (loss, mask) = (Tensor::zeros([2, 3], DType::F32).unwrap(), Tensor::zeros([2, 3], DType::Bool).unwrap());
    for ratio in [-1.0, f64::NAN, f64::INFINITY] {
        let text = hard_negative_mining(&loss, &mask, ratio).unwrap_err().to_string();
        assert_eq!(text, format!("hard_negative_mining: expected a ratio from 0 on, received {ratio}"));
    }
    assert!(hard_negative_mining(&mask, &mask, 3.0).is_err());
    assert!(hard_negative_mining(&loss, &loss, 3.0).is_err());
    assert!(hard_negative_mining(&loss, &mask.narrow(0, 0, 1).unwrap(), 3.0).is_err());
    assert!(hard_negative_mining(&Tensor::zeros((), DType::F32).unwrap(), &mask, 3.0).is_err());
}

#[test]
fn centre_sampling_is_torchvisions() {
    let fixture = fixture("assignment");
    let (anchors, boxes) = (&fixture["fcos.anchors"], &fixture["fcos.boxes"]);
    let sampling = CenterSampling::new(1.5).unwrap();
    let expected = values(&fixture["fcos.matches"]);
    assert!(expected.iter().any(|&matched| matched >= 0.0) && expected.contains(&-1.0));
    for (anchors, boxes) in [(anchors.clone(), boxes.clone()), (scattered(anchors), scattered(boxes))] {
        assert_eq!(values(&sampling.matches(&anchors, &[256, 64, 16], &boxes).unwrap()), expected);
    }
    let none = boxes.narrow(0, 0, 0).unwrap();
    assert_eq!(values(&sampling.matches(anchors, &[256, 64, 16], &none).unwrap()), vec![-1.0; 336]);
    let broken =
        Tensor::new([[f32::NAN, 0.0, 9.0, 9.0], [9.0, 9.0, 0.0, 0.0], [0.0, 0.0, f32::INFINITY, 9.0]]).unwrap();
    assert_eq!(values(&sampling.matches(anchors, &[256, 64, 16], &broken).unwrap()), vec![-1.0; 336]);
    for levels in [&[256, 64][..], &[], &[usize::MAX, 2]] {
        let text = sampling.matches(anchors, levels, boxes).unwrap_err().to_string();
        assert!(text.contains("expected levels of 336 anchors together"), "{text}");
    }
    for radius in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(CenterSampling::new(radius).is_err());
    }
    assert!(sampling.matches(&Tensor::zeros([4], DType::F32).unwrap(), &[1], boxes).is_err());
}

#[test]
fn a_seed_draws_the_same_and_another_seed_others() {
    let labels = Tensor::from_vec((0..1000i64).map(|i| i % 3 - 1).collect(), [1000]).unwrap();
    let sampler = BalancedPositiveNegativeSampler::new(64, 0.5).unwrap();
    let draw = |seed: u64, labels: &Tensor| {
        let (positive, negative) = sampler.sample(labels, &mut Generator::new(seed)).unwrap();
        (values(&positive), values(&negative))
    };
    assert_eq!(draw(1, &labels), draw(1, &labels.to_dtype(DType::F32).unwrap()));
    assert_ne!(draw(1, &labels).0, draw(2, &labels).0);
    assert_ne!(draw(1, &labels).1, draw(2, &labels).1);
    // Every prediction gets its turn.
    let mut seen = vec![0.0; 1000];
    for seed in 0..200 {
        let (positive, negative) = draw(seed, &labels);
        (0..1000).for_each(|i| seen[i] += positive[i] + negative[i]);
    }
    assert!((0..1000).all(|i| (seen[i] > 0.0) == (i % 3 != 0)));
    for fraction in [-0.1, 1.1, f64::NAN] {
        let text = BalancedPositiveNegativeSampler::new(4, fraction).unwrap_err().to_string();
        assert!(text.ends_with(&format!("expected a positive fraction in 0..=1, received {fraction}")));
    }
    let generator = &mut Generator::new(0);
    assert!(sampler.sample(&Tensor::zeros([2, 2], DType::I64).unwrap(), generator).is_err());
    assert!(sampler.sample(&Tensor::zeros([2], DType::Bool).unwrap(), generator).is_err());
}

proptest! {
    #[test]
    fn draws_are_as_many_as_torchvisions_and_of_their_kind(
        labels in prop::collection::vec(-1i64..4, 0..60),
        batch in 0usize..40,
        fraction in 0.0f64..=1.0,
        seed: u64,
    ) {
        let count = labels.len();
        let tensor = Tensor::from_slice(&labels, [count]).unwrap();
        let sampler = BalancedPositiveNegativeSampler::new(batch, fraction).unwrap();
        let (positive, negative) = sampler.sample(&tensor, &mut Generator::new(seed)).unwrap();
        let those = |mask: &Tensor| -> BTreeSet<usize> {
            mask.to_vec::<bool>().unwrap().iter().enumerate().filter(|(_, drawn)| **drawn).map(|(i, _)| i).collect()
        };
        let (positive, negative) = (those(&positive), those(&negative));
        prop_assert!(positive.iter().all(|&i| labels[i] >= 1) && negative.iter().all(|&i| labels[i] == 0));
        let of = |wanted: fn(i64) -> bool| labels.iter().filter(|label| wanted(**label)).count();
        let positives = of(|label| label >= 1).min((batch as f64 * fraction) as usize);
        prop_assert_eq!(positive.len(), positives);
        prop_assert_eq!(negative.len(), of(|label| label == 0).min(batch - positives));
    }

    #[test]
    fn matches_follow_their_definition(
        rows in prop::collection::vec(prop::collection::vec(0u8..6, 5), 0..5),
        high in 0u8..7,
        low in 0u8..7,
    ) {
        let (high, low) = (high.max(low), low.min(high));
        let quality: Vec<f32> = rows.concat().into_iter().map(|q| f32::from(q) / 5.0).collect();
        let quality = Tensor::from_vec(quality, [rows.len(), 5]).unwrap();
        let threshold = |x: u8| f64::from(x) / 5.0;
        let matcher = Matcher::new(threshold(high), threshold(low)).unwrap();
        let matches = matcher.matches(&quality).unwrap().to_vec::<i64>().unwrap();
        for (j, matched) in matches.into_iter().enumerate() {
            let best = rows.iter().map(|row| row[j]).max();
            let expected = match best {
                Some(best) if best >= high => rows.iter().position(|row| row[j] == best).unwrap() as i64,
                Some(best) if best >= low => -2,
                _ => -1,
            };
            prop_assert_eq!(matched, expected);
        }
    }
}
