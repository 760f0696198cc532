use proptest::prelude::*;

use super::*;

fn counts(order: &[usize], len: usize) -> Vec<usize> {
    let mut counts = vec![0; len];
    order.iter().for_each(|&index| counts[index] += 1);
    counts
}

/// What every sampler promises.
fn check(sampler: &dyn Sampler, batch_size: usize, seed: u64, epoch: u64) -> Vec<usize> {
    let order = sampler.order(seed, epoch);
    assert_eq!(order.len(), sampler.len());
    assert_eq!(order.is_empty(), sampler.is_empty());
    assert_eq!(sampler.order(seed, epoch), order);
    let batches = sampler.batches(batch_size, seed, epoch);
    let full = batches.iter().filter(|batch| batch.len() == batch_size).count();
    assert_eq!(sampler.batch_counts(batch_size), BatchCounts { all: batches.len(), full });
    assert!(batches.iter().all(|batch| !batch.is_empty() && batch.len() <= batch_size));
    let (mut together, mut sorted) = (batches.concat(), order.clone());
    together.sort_unstable();
    sorted.sort_unstable();
    assert_eq!(together, sorted);
    order
}

proptest! {
    #[test]
    fn every_sample_once(len in 0usize..200, batch_size in 1usize..20, seed: u64, epoch: u64) {
        let order = check(&Sequential::new(len), batch_size, seed, epoch);
        prop_assert_eq!(order, (0..len).collect::<Vec<_>>());
        let order = check(&Random::new(len), batch_size, seed, epoch);
        prop_assert_eq!(counts(&order, len), vec![1; len]);
        if len > 20 {
            prop_assert_ne!(&order, &Random::new(len).order(seed, epoch.wrapping_add(1)));
            prop_assert_ne!(&order, &Random::new(len).order(seed.wrapping_add(3), epoch));
        }
        let repeated = check(&Repeat::new(Random::new(len), 3), batch_size, seed, epoch);
        prop_assert_eq!(counts(&repeated, len), vec![3; len]);
        prop_assert_eq!(counts(&repeated[..len], len), vec![1; len]);
        if len > 20 {
            prop_assert_ne!(&repeated[..len], &repeated[len..2 * len]);
        }
    }

    #[test]
    fn shards_share_every_sample(len in 0usize..100, world in 1usize..9, seed: u64) {
        let mut all = Vec::new();
        let mut lengths = Vec::new();
        for rank in 0..world {
            let shard = Shard::new(Random::new(len), rank, world).unwrap();
            all.extend(check(&shard, 4, seed, 2));
            lengths.push(shard.len());
        }
        prop_assert_eq!(counts(&all, len), vec![1; len]);
        prop_assert!(lengths.iter().max().unwrap() - lengths.iter().min().unwrap() <= 1);
    }

    #[test]
    fn classes_come_equally_often(
        labels in prop::collection::vec(0usize..5, 1..60),
        count in 0usize..200,
        seed: u64,
    ) {
        let order = check(&ClassBalanced::new(&labels, count).unwrap(), 7, seed, 1);
        let mut classes = [0usize; 5];
        order.iter().for_each(|&index| classes[labels[index]] += 1);
        let there: Vec<usize> = (0..5).filter(|class| labels.contains(class)).map(|class| classes[class]).collect();
        prop_assert!(there.iter().max().unwrap() - there.iter().min().unwrap() <= 1, "{:?}", there);
        // Within a class, too, no sample comes twice more often than another.
        let each = counts(&order, labels.len());
        for class in 0..5 {
            let mine = || (0..labels.len()).filter(|&i| labels[i] == class).map(|i| each[i]);
            prop_assert!(mine().max().unwrap_or(0) - mine().min().unwrap_or(0) <= 1);
        }
    }

    #[test]
    fn weights_of_nothing_are_never_drawn(
        weights in prop::collection::vec(prop_oneof![Just(0.0), 0.0f64..1e3, Just(1e-300)], 1..50),
        count in 0usize..60,
        seed: u64,
    ) {
        let positive = weights.iter().filter(|&&weight| weight > 0.0).count();
        match Weighted::with_replacement(weights.clone(), count) {
            Ok(sampler) => {
                let order = check(&sampler, 3, seed, 0);
                prop_assert!(order.iter().all(|&index| weights[index] > 0.0));
            }
            Err(_) => prop_assert!(positive == 0 && count > 0),
        }
        match Weighted::without_replacement(weights.clone(), count) {
            Ok(sampler) => {
                let order = check(&sampler, 3, seed, 0);
                prop_assert!(order.iter().all(|&index| weights[index] > 0.0));
                prop_assert!(counts(&order, weights.len()).iter().all(|&count| count <= 1));
            }
            Err(_) => prop_assert!(positive < count),
        }
    }

    #[test]
    fn buckets_never_mix_groups(
        groups in prop::collection::vec(0usize..4, 0..80),
        batch_size in 1usize..9,
        shuffle: bool,
        seed: u64,
    ) {
        let buckets = Buckets::new(groups.clone(), shuffle);
        check(&buckets, batch_size, seed, 3);
        let batches = buckets.batches(batch_size, seed, 3);
        prop_assert!(batches.iter().all(|batch| batch.iter().all(|&index| groups[index] == groups[batch[0]])));
        // Smaller batches come last, one for each group at most.
        let full = batches.iter().take_while(|batch| batch.len() == batch_size).count();
        prop_assert!(batches[full..].iter().all(|batch| batch.len() < batch_size) && batches.len() - full <= 4);
    }
}

#[test]
fn drawing_follows_the_weights() {
    let weights = vec![1.0, 0.0, 2.0, 5.0];
    let drawn = Weighted::with_replacement(weights.clone(), 8000).unwrap();
    let found = counts(&drawn.order(1, 0), 4);
    // Deviations 30, 39 and 43.
    for (found, expected) in found.iter().zip([1000usize, 0, 2000, 5000]) {
        assert!(found.abs_diff(expected) < 160, "{found} {expected}");
    }
    // Without replacement, the first of two comes by weight, the second by weight from those that are left.
    let pairs = Weighted::without_replacement(weights, 2).unwrap();
    let mut first = [0usize; 4];
    let mut second_after_last = [0usize; 4];
    for epoch in 0..8000 {
        let pair = pairs.order(9, epoch);
        first[pair[0]] += 1;
        if pair[0] == 3 {
            second_after_last[pair[1]] += 1;
        }
    }
    assert!(first.iter().zip([1000usize, 0, 2000, 5000]).all(|(found, expected)| found.abs_diff(expected) < 160));
    let share = second_after_last[2] as f64 / first[3] as f64;
    // 2 of 1 + 2; deviation 0.007.
    assert!((share - 2.0 / 3.0).abs() < 0.03, "{share}");
}

#[test]
fn bagging_draws_from_all() {
    let order = check(&Random::with_replacement(10, 5000).unwrap(), 64, 2, 0);
    // Deviation 21.
    assert!(counts(&order, 10).iter().all(|count| count.abs_diff(500) < 85));
    assert_eq!(check(&Subset::new(vec![3, 3, 1]), 2, 0, 0), [3, 3, 1]);
    let picked: Vec<usize> = (0..100).map(|i| 7 * i).collect();
    let mut order = check(&Subset::random(picked.clone()), 8, 0, 0);
    assert_ne!(order, picked);
    order.sort_unstable();
    assert_eq!(order, picked);
}

#[test]
fn aspect_ratios_are_grouped_as_torchvision_does() {
    // bisect_right of these ratios in 2 ** linspace(-1, 1, 7).
    let sizes = [[100, 10], [200, 100], [100, 60], [100, 100], [100, 150], [100, 200], [10, 100]];
    let buckets = Buckets::by_aspect_ratio(&sizes, 3, true).unwrap();
    assert_eq!(buckets.groups(), [0, 1, 1, 4, 5, 7, 7]);
    assert_eq!(Buckets::by_aspect_ratio(&sizes, 0, true).unwrap().groups(), [0, 0, 0, 1, 1, 1, 1]);
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    assert!(Random::with_replacement(0, 1).is_err() && Random::with_replacement(0, 0).is_ok());
    assert!(ClassBalanced::new(&[], 1).is_err());
    for weights in [vec![1.0, -1.0], vec![f64::NAN], vec![f64::MAX, f64::MAX], vec![0.0]] {
        let text = Weighted::with_replacement(weights, 1).unwrap_err().to_string();
        assert!(text.contains("expected") && text.contains("received"), "{text}");
    }
    assert!(Shard::new(Sequential::new(3), 2, 2).is_err());
    assert!(Shard::new(Sequential::new(3), 0, 0).is_err());
    assert!(Buckets::by_aspect_ratio(&[[0, 3]], 3, true).is_err());
    assert!(Buckets::by_aspect_ratio(&[], usize::MAX, true).is_err());
}
