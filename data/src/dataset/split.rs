//! Cutting a data set into parts at random, the same way for the same seed.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::random::{permutation, shuffle};
use crate::{Dataset, Error, Result, Subset};

/// Cuts a data set into parts of these fractions, at random: every sample lies in one part at most. Fractions that add up to
/// 1 use every sample.
///
/// ```
/// use ocelli_data::{Dataset, VecDataset, split};
/// # fn main() -> ocelli_data::Result<()> {
/// let parts = split(VecDataset::new((0..100).collect()), &[0.8, 0.2], 42)?;
/// assert_eq!((parts[0].len(), parts[1].len()), (80, 20));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Argument`] unless the fractions are in `0..=1` and add up to at most 1.
pub fn split<D: Dataset>(dataset: D, fractions: &[f64], seed: u64) -> Result<Vec<Subset<Arc<D>>>> {
    check("split", fractions)?;
    let order = permutation(dataset.len(), seed, 0);
    let ends = ends(fractions, order.len());
    let dataset = Arc::new(dataset);
    starts(&ends).zip(&ends).map(|(start, &end)| Subset::new(dataset.clone(), order[start..end].to_vec())).collect()
}

/// As [`split`], but every class is cut by these fractions on its own, so that all parts have the same mixture.
/// `label(index)` tells the class of a sample.
///
/// Each part lists its samples in random order, not class by class.
///
/// # Errors
/// [`Error::Argument`] unless the fractions are in `0..=1` and add up to at most 1; whatever `label` returns.
pub fn stratified_split<D: Dataset>(
    dataset: D,
    fractions: &[f64],
    seed: u64,
    label: impl FnMut(usize) -> Result<usize>,
) -> Result<Vec<Subset<Arc<D>>>> {
    check("stratified_split", fractions)?;
    let order = permutation(dataset.len(), seed, 0);
    let mut parts = vec![Vec::new(); fractions.len()];
    for members in by_class(&order, label)?.values() {
        let ends = ends(fractions, members.len());
        for ((part, start), &end) in parts.iter_mut().zip(starts(&ends)).zip(&ends) {
            part.extend_from_slice(&members[start..end]);
        }
    }
    assemble(dataset, parts, seed)
}

/// As [`split`], but samples of one group, such as pictures of one person or frames of one film, all come into one part. `group(index)`
/// tells the group of a sample.
///
/// The groups come in random order, each into the part that lacks most samples; so the sizes are near the fractions where groups
/// are small. Each part lists its samples in random order.
///
/// # Errors
/// [`Error::Argument`] unless the fractions are in `0..=1` and add up to at most 1; whatever `group` returns.
pub fn group_split<D: Dataset>(
    dataset: D,
    fractions: &[f64],
    seed: u64,
    group: impl FnMut(usize) -> Result<usize>,
) -> Result<Vec<Subset<Arc<D>>>> {
    check("group_split", fractions)?;
    let order = permutation(dataset.len(), seed, 0);
    let mut groups: Vec<Vec<usize>> = by_class(&order, group)?.into_values().collect();
    shuffle(&mut groups, seed, 0);
    let rest = (1.0 - fractions.iter().sum::<f64>()).max(0.0);
    let share = |fraction: f64| fraction * order.len() as f64;
    let mut lacking: Vec<f64> = fractions.iter().copied().map(share).collect();
    // What the fractions leave lacks samples, too, which are not given out; to the parts themselves goes what is equal.
    if rest > 1e-9 {
        lacking.push(share(rest));
    }
    let mut parts = vec![Vec::new(); lacking.len()];
    for group in groups {
        // The first of those that lack as many.
        let Some(most) = (0..lacking.len()).rev().max_by(|&a, &b| lacking[a].total_cmp(&lacking[b])) else { break };
        lacking[most] -= group.len() as f64;
        parts[most].extend(group);
    }
    parts.truncate(fractions.len());
    assemble(dataset, parts, seed)
}

/// The samples of each class, in this order.
pub(super) fn by_class(
    order: &[usize],
    mut label: impl FnMut(usize) -> Result<usize>,
) -> Result<BTreeMap<usize, Vec<usize>>> {
    let mut classes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &index in order {
        classes.entry(label(index)?).or_default().push(index);
    }
    Ok(classes)
}

/// Parts of these samples, each in random order.
pub(super) fn assemble<D: Dataset>(dataset: D, parts: Vec<Vec<usize>>, seed: u64) -> Result<Vec<Subset<Arc<D>>>> {
    let dataset = Arc::new(dataset);
    parts
        .into_iter()
        .enumerate()
        .map(|(i, mut part)| {
            shuffle(&mut part, seed, 1 + i as u64);
            Subset::new(dataset.clone(), part)
        })
        .collect()
}

pub(super) fn check(op: &'static str, fractions: &[f64]) -> Result<()> {
    let sum: f64 = fractions.iter().sum();
    // Fractions such as 0.7, 0.2 and 0.1 add up to 1 only nearly.
    if fractions.iter().all(|f| (0.0..=1.0).contains(f)) && sum <= 1.0 + 1e-9 {
        return Ok(());
    }
    let message = format!("expected fractions in 0..=1 that add up to at most 1, received {fractions:?}");
    Err(Error::argument(op, message))
}

/// Where each part ends: the running sum of the fractions, rounded, so that no sample is lost between two parts.
fn ends(fractions: &[f64], count: usize) -> Vec<usize> {
    let mut sum = 0.0;
    fractions
        .iter()
        .map(|fraction| {
            sum += fraction;
            ((sum * count as f64).round() as usize).min(count)
        })
        .collect()
}

fn starts(ends: &[usize]) -> impl Iterator<Item = usize> + '_ {
    std::iter::once(0).chain(ends.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VecDataset;

    fn items(part: &impl Dataset<Item = usize>) -> Vec<usize> {
        (0..part.len()).map(|i| part.get(i).unwrap()).collect()
    }

    #[test]
    fn parts_share_nothing_and_lose_nothing() {
        let data = VecDataset::new((0..101).collect());
        let parts = split(data.clone(), &[0.7, 0.2, 0.1], 1).unwrap();
        assert_eq!(parts.iter().map(Dataset::len).collect::<Vec<_>>(), [71, 20, 10]);
        let mut all: Vec<usize> = parts.iter().flat_map(items).collect();
        assert_ne!(all, (0..101).collect::<Vec<_>>());
        all.sort_unstable();
        assert_eq!(all, (0..101).collect::<Vec<_>>());
        let again = split(data.clone(), &[0.7, 0.2, 0.1], 1).unwrap();
        assert_eq!(items(&parts[1]), items(&again[1]));
        let other = split(data, &[0.7, 0.2, 0.1], 2).unwrap();
        assert_ne!(items(&parts[1]), items(&other[1]));
    }

    #[test]
    fn strata_keep_their_shares() {
        // Class 0 has 90 samples, class 1 has 10.
        let data = VecDataset::new((0..100).collect());
        let parts = stratified_split(data, &[0.8, 0.2], 5, |i| Ok(usize::from(i % 10 == 0))).unwrap();
        let rare = |part: &Subset<_>| part.indices().iter().filter(|&&i| i % 10 == 0).count();
        assert_eq!((parts[0].len(), rare(&parts[0])), (80, 8));
        assert_eq!((parts[1].len(), rare(&parts[1])), (20, 2));
        let first: Vec<bool> = parts[0].indices().iter().map(|i| i % 10 == 0).collect();
        assert!(first.windows(2).filter(|w| w[0] != w[1]).count() > 2);
    }

    #[test]
    fn groups_stay_together() {
        let data = || VecDataset::new((0..200).collect());
        // 50 groups of 4.
        let parts = group_split(data(), &[0.7, 0.2], 3, |i| Ok(i / 4)).unwrap();
        assert_eq!(parts.iter().map(Dataset::len).collect::<Vec<_>>(), [140, 40]);
        for part in &parts {
            assert!(part.indices().iter().all(|i| (0..4).all(|j| part.indices().contains(&(i / 4 * 4 + j)))));
            assert!(part.indices().windows(2).filter(|pair| pair[0] / 4 != pair[1] / 4).count() > 20);
        }
        let other = group_split(data(), &[0.7, 0.2], 4, |i| Ok(i / 4)).unwrap();
        assert_ne!(parts[0].indices(), other[0].indices());
        let one = group_split(data(), &[0.5, 0.5], 3, |_| Ok(9)).unwrap();
        assert_eq!((one[0].len(), one[1].len()), (200, 0));
        assert!(group_split::<VecDataset<usize>>(data(), &[1.5], 0, Ok).is_err());
    }

    #[test]
    fn bad_fractions_are_refused() {
        let data = || VecDataset::new((0..10).collect());
        for fractions in [&[0.8, 0.3][..], &[-0.1], &[f64::NAN]] {
            assert!(split::<VecDataset<usize>>(data(), fractions, 0).is_err());
            assert!(stratified_split::<VecDataset<usize>>(data(), fractions, 0, |_| Ok(0)).is_err());
        }
        let failed =
            stratified_split::<VecDataset<usize>>(data(), &[0.5], 0, |_| Err(Error::argument("label", "none")));
        assert!(failed.is_err());
    }
}
