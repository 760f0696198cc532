//! Folds for cross-validation.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::split::by_class;
use crate::random::permutation;
use crate::{Dataset, Error, Result, Subset};

/// One of several ways to cut a data set into samples to train on and samples to test with.
#[derive(Debug, Clone)]
pub struct Fold<D> {
    /// What to train on: all that is not in `test`.
    pub train: Subset<D>,
    /// What to test with.
    pub test: Subset<D>,
}

/// Cuts a data set into `folds` ways to train and test: every sample is tested with once, and the numbers of samples to test with
/// differ by at most one. Samples are in random order.
///
/// ```
/// use ocelli_data::{Dataset, VecDataset, k_fold};
/// # fn main() -> ocelli_data::Result<()> {
/// for fold in k_fold(VecDataset::new((0..10).collect()), 3, 42)? {
///     assert_eq!(fold.train.len() + fold.test.len(), 10);
///     assert!((3..=4).contains(&fold.test.len()));
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Argument`] unless there are at least two folds, and a sample for each.
pub fn k_fold<D: Dataset>(dataset: D, folds: usize, seed: u64) -> Result<Vec<Fold<Arc<D>>>> {
    let order = permutation(dataset.len(), seed, 0);
    check("k_fold", folds, order.len(), "samples")?;
    // The first ones take the rest of an uneven division.
    let mut of = vec![0; order.len()];
    order.iter().enumerate().for_each(|(place, &index)| of[index] = place % folds);
    assemble(dataset, folds, &order, &of)
}

/// As [`k_fold`], but of each class, too, the numbers of samples to test with differ by at most one. `label(index)` tells the class of a
/// sample.
///
/// # Errors
/// [`Error::Argument`] unless there are at least two folds, and a sample for each; whatever `label` returns.
pub fn stratified_k_fold<D: Dataset>(
    dataset: D,
    folds: usize,
    seed: u64,
    label: impl FnMut(usize) -> Result<usize>,
) -> Result<Vec<Fold<Arc<D>>>> {
    let order = permutation(dataset.len(), seed, 0);
    check("stratified_k_fold", folds, order.len(), "samples")?;
    // Dealt out class by class without a gap: each class and all together come out even.
    let mut of = vec![0; order.len()];
    let dealt = by_class(&order, label)?.into_values().flatten();
    dealt.enumerate().for_each(|(place, index)| of[index] = place % folds);
    assemble(dataset, folds, &order, &of)
}

/// As [`k_fold`], but samples of one group, such as pictures of one person, are tested with together: none is trained on where another is
/// tested with. `group(index)` tells the group of a sample. Folds are as even as a greedy choice makes them: the largest group that
/// is left goes to the smallest fold.
///
/// # Errors
/// [`Error::Argument`] unless there are at least two folds, and a group for each; whatever `group` returns.
pub fn group_k_fold<D: Dataset>(
    dataset: D,
    folds: usize,
    seed: u64,
    group: impl FnMut(usize) -> Result<usize>,
) -> Result<Vec<Fold<Arc<D>>>> {
    let order = permutation(dataset.len(), seed, 0);
    let groups = by_class(&order, group)?;
    check("group_k_fold", folds, groups.len(), "groups")?;
    let mut members: Vec<Vec<usize>> = groups.into_values().collect();
    // Groups of one size are in random order: that of their first samples.
    let place: BTreeMap<usize, usize> = order.iter().enumerate().map(|(place, &index)| (index, place)).collect();
    members.sort_by_key(|group| (std::cmp::Reverse(group.len()), group.first().map(|index| place[index])));
    let (mut of, mut sizes) = (vec![0; order.len()], vec![0usize; folds]);
    for group in members {
        let smallest = (0..folds).min_by_key(|&fold| sizes[fold]).unwrap_or(0);
        sizes[smallest] += group.len();
        group.into_iter().for_each(|index| of[index] = smallest);
    }
    assemble(dataset, folds, &order, &of)
}

fn check(op: &'static str, folds: usize, available: usize, what: &str) -> Result<()> {
    if folds >= 2 && folds <= available {
        return Ok(());
    }
    let message = format!("expected 2 folds or more and at most one for each of {available} {what}, received {folds}");
    Err(Error::argument(op, message))
}

/// The folds, if `of` tells for each sample in which it is tested with.
fn assemble<D: Dataset>(dataset: D, folds: usize, order: &[usize], of: &[usize]) -> Result<Vec<Fold<Arc<D>>>> {
    let dataset = Arc::new(dataset);
    (0..folds)
        .map(|fold| {
            let (test, train): (Vec<usize>, Vec<usize>) = order.iter().partition(|&&index| of[index] == fold);
            Ok(Fold { train: Subset::new(dataset.clone(), train)?, test: Subset::new(dataset.clone(), test)? })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::VecDataset;

    /// What all folds promise; the sizes of the tests.
    fn check_folds(made: &[Fold<Arc<VecDataset<usize>>>], len: usize) -> Vec<usize> {
        let mut tested = vec![0; len];
        for fold in made {
            let mut all: Vec<usize> = fold.train.indices().iter().chain(fold.test.indices()).copied().collect();
            fold.test.indices().iter().for_each(|&index| tested[index] += 1);
            all.sort_unstable();
            assert_eq!(all, (0..len).collect::<Vec<_>>());
        }
        assert_eq!(tested, vec![1; len]);
        made.iter().map(|fold| fold.test.len()).collect()
    }

    fn even(sizes: &[usize]) -> bool {
        sizes.iter().max().unwrap_or(&0) - sizes.iter().min().unwrap_or(&0) <= 1
    }

    proptest! {
        #[test]
        fn every_sample_is_tested_with_once(
            labels in prop::collection::vec(0usize..6, 2..80),
            folds in 2usize..7,
            seed: u64,
        ) {
            let len = labels.len();
            let data = || VecDataset::new((0..len).collect::<Vec<usize>>());
            let plain = k_fold(data(), folds, seed);
            prop_assert_eq!(plain.is_ok(), folds <= len);
            if let Ok(made) = plain {
                prop_assert!(even(&check_folds(&made, len)));
                let made = stratified_k_fold(data(), folds, seed, |i| Ok(labels[i])).unwrap();
                prop_assert!(even(&check_folds(&made, len)));
                for class in 0..6 {
                    let count = |fold: &Fold<_>| fold.test.indices().iter().filter(|&&i| labels[i] == class).count();
                    prop_assert!(even(&made.iter().map(count).collect::<Vec<_>>()));
                }
            }
            let groups: std::collections::BTreeSet<usize> = labels.iter().copied().collect();
            let grouped = group_k_fold(data(), folds, seed, |i| Ok(labels[i]));
            prop_assert_eq!(grouped.is_ok(), folds <= groups.len());
            if let Ok(made) = grouped {
                let sizes = check_folds(&made, len);
                for fold in &made {
                    let tested: Vec<usize> = fold.test.indices().iter().map(|&i| labels[i]).collect();
                    prop_assert!(!tested.is_empty());
                    prop_assert!(fold.train.indices().iter().all(|&i| !tested.contains(&labels[i])));
                }
                // No fold exceeds another by more than its largest group.
                let largest = groups.iter().map(|group| labels.iter().filter(|label| *label == group).count()).max();
                prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= largest.unwrap());
            }
        }
    }

    #[test]
    fn seeds_change_folds() {
        let data = || VecDataset::new((0..30).collect::<Vec<usize>>());
        let test = |seed| k_fold(data(), 3, seed).unwrap()[0].test.indices().to_vec();
        assert_eq!(test(1), test(1));
        assert_ne!(test(1), test(2));
        let text = k_fold(data(), 1, 0).unwrap_err().to_string();
        assert!(text.contains("each of 30 samples, received 1"), "{text}");
        assert!(stratified_k_fold(data(), 2, 0, |_| Err(Error::argument("label", "none"))).is_err());
    }
}
