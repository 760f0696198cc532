//! Cutting pictures with several labels each.

use std::sync::Arc;

use super::split::{assemble, check};
use crate::random::{order_rng, permutation};
use crate::{Dataset, Error, Result, SampleRng, Subset};

/// As [`stratified_split`](crate::stratified_split) for samples that have any number of labels each: every part gets its share of every
/// label as nearly as can be, rare ones first (K. Sechidis, G. Tsoumakas and I. Vlahavas, "On the stratification of multi-label data", ECML
/// PKDD 2011, algorithm 1). `labels(index)` tells the labels of a sample.
///
/// The sizes of the parts are near their fractions, not exactly those. Each part lists its samples in random order.
///
/// ```
/// use ocelli_data::generated::Shapes;
/// use ocelli_data::{Dataset, LabelledDataset, multi_label_split};
/// # fn main() -> ocelli_data::Result<()> {
/// let shapes = Shapes { samples: 100, ..Shapes::default() };
/// let parts = multi_label_split(shapes.clone(), &[0.8, 0.2], 1, |index| Ok(shapes.record(index)?.labels.classes))?;
/// assert_eq!(parts[0].len() + parts[1].len(), 100);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Argument`] unless the fractions are in `0..=1` and add up to at most 1; whatever `labels` returns.
pub fn multi_label_split<D: Dataset>(
    dataset: D,
    fractions: &[f64],
    seed: u64,
    mut labels: impl FnMut(usize) -> Result<Vec<usize>>,
) -> Result<Vec<Subset<Arc<D>>>> {
    const OP: &str = "multi_label_split";
    check(OP, fractions)?;
    let order = permutation(dataset.len(), seed, 0);
    let mut of_sample = vec![Vec::new(); order.len()];
    let mut names = Vec::new();
    for &index in &order {
        let mut found = labels(index)?;
        found.sort_unstable();
        found.dedup();
        names.extend_from_slice(&found);
        of_sample[index] = found;
    }
    names.sort_unstable();
    names.dedup();
    // Labels as numbers without gaps.
    for label in of_sample.iter_mut().flatten() {
        *label =
            names.binary_search(label).map_err(|_| Error::argument(OP, "expected known labels, received another"))?;
    }
    // What the fractions leave is a part, too, which is not given out.
    let rest = (1.0 - fractions.iter().sum::<f64>()).max(0.0);
    let shares: Vec<f64> = fractions.iter().copied().chain((rest > 1e-9).then_some(rest)).collect();
    let mut parts = Deal::new(&order, &of_sample, names.len(), &shares, order_rng(seed, 1)).run();
    parts.truncate(fractions.len());
    assemble(dataset, parts, seed)
}

/// The samples as they are dealt out.
struct Deal<'a> {
    of_sample: &'a [Vec<usize>],
    /// The samples of each label, in random order.
    members: Vec<Vec<usize>>,
    /// How many samples of each label are left.
    left: Vec<usize>,
    order: &'a [usize],
    dealt: Vec<bool>,
    parts: Vec<Vec<usize>>,
    /// How many samples each part still wants, in all and of each label.
    wanted: Vec<f64>,
    wanted_of: Vec<Vec<f64>>,
    rng: SampleRng,
}

impl<'a> Deal<'a> {
    fn new(order: &'a [usize], of_sample: &'a [Vec<usize>], labels: usize, shares: &[f64], rng: SampleRng) -> Self {
        let mut members = vec![Vec::new(); labels];
        for &index in order {
            of_sample[index].iter().for_each(|&label| members[label].push(index));
        }
        let left: Vec<usize> = members.iter().map(Vec::len).collect();
        let wanted = shares.iter().map(|share| share * order.len() as f64).collect();
        let wanted_of = left.iter().map(|&count| shares.iter().map(|share| share * count as f64).collect()).collect();
        let (dealt, parts) = (vec![false; order.len()], vec![Vec::new(); shares.len()]);
        Deal { of_sample, members, left, order, dealt, parts, wanted, wanted_of, rng }
    }

    fn run(mut self) -> Vec<Vec<usize>> {
        if self.parts.is_empty() {
            return self.parts;
        }
        // Again and again the label of which the fewest samples are left.
        while let Some(label) = (0..self.left.len()).filter(|&label| self.left[label] > 0).min_by_key(|&l| self.left[l])
        {
            for index in std::mem::take(&mut self.members[label]) {
                if !self.dealt[index] {
                    let part = self.choose(Some(label));
                    self.give(index, part);
                }
            }
        }
        for &index in self.order {
            if !self.dealt[index] {
                let part = self.choose(None);
                self.give(index, part);
            }
        }
        self.parts
    }

    /// The part that wants most samples of a label; of those that want as many, the one that wants most in all; of those, any.
    fn choose(&mut self, label: Option<usize>) -> usize {
        let wants = |part: usize| (label.map_or(0.0, |label| self.wanted_of[label][part]), self.wanted[part]);
        let mut best = vec![0];
        for part in 1..self.parts.len() {
            let (mine, other) = (wants(part), wants(best[0]));
            match mine.0.total_cmp(&other.0).then(mine.1.total_cmp(&other.1)) {
                std::cmp::Ordering::Greater => best = vec![part],
                std::cmp::Ordering::Equal => best.push(part),
                std::cmp::Ordering::Less => {}
            }
        }
        best[self.rng.below(best.len())]
    }

    fn give(&mut self, index: usize, part: usize) {
        self.dealt[index] = true;
        self.parts[part].push(index);
        self.wanted[part] -= 1.0;
        for &label in &self.of_sample[index] {
            self.wanted_of[label][part] -= 1.0;
            self.left[label] -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VecDataset;

    fn data(count: usize) -> VecDataset<usize> {
        VecDataset::new((0..count).collect())
    }

    /// Labels of which some are rare, and some come together.
    fn labels(index: usize) -> Vec<usize> {
        let mut rng = SampleRng::new(77, 0, index as u64);
        let mut labels: Vec<usize> = (0..8).filter(|&label| rng.chance(0.5 / (1 << label) as f64)).collect();
        if labels.contains(&0) && rng.chance(0.5) {
            labels.push(20);
        }
        labels
    }

    #[test]
    fn every_part_has_its_share_of_every_label() {
        let fractions = [0.6, 0.25, 0.15];
        for seed in 0..5 {
            let parts = multi_label_split(data(1000), &fractions, seed, |i| Ok(labels(i))).unwrap();
            let mut all: Vec<usize> = parts.iter().flat_map(|part| part.indices().to_vec()).collect();
            all.sort_unstable();
            assert_eq!(all, (0..1000).collect::<Vec<_>>());
            for (part, fraction) in parts.iter().zip(fractions) {
                assert!((part.len() as f64 - fraction * 1000.0).abs() <= 6.0, "{}", part.len());
                for label in [0, 1, 2, 3, 4, 5, 6, 7, 20] {
                    let all = (0..1000).filter(|&i| labels(i).contains(&label)).count() as f64;
                    let here = part.indices().iter().filter(|&&i| labels(i).contains(&label)).count() as f64;
                    // A split at random would be off by the root of 0.24 · 500, about 11, for the commonest.
                    assert!((here - fraction * all).abs() <= 3.0, "label {label}: {here} of {all} in {fraction}");
                }
            }
        }
    }

    #[test]
    fn one_label_each_is_stratified_exactly() {
        let label = |i: usize| vec![usize::from(i.is_multiple_of(10))];
        let parts = multi_label_split(data(100), &[0.8, 0.2], 3, |i| Ok(label(i))).unwrap();
        for (part, [all, rare]) in parts.iter().zip([[80, 8], [20, 2]]) {
            assert_eq!((part.len(), part.indices().iter().filter(|&&i| i % 10 == 0).count()), (all, rare));
        }
        let again = multi_label_split(data(100), &[0.8, 0.2], 3, |i| Ok(label(i))).unwrap();
        assert_eq!(parts[0].indices(), again[0].indices());
        // Without labels the sizes alone count; what the fractions leave is not given out.
        let parts = multi_label_split(data(50), &[0.5, 0.1], 3, |_| Ok(vec![])).unwrap();
        assert_eq!((parts[0].len(), parts[1].len()), (25, 5));
        assert!(multi_label_split(data(50), &[], 3, |_| Ok(vec![1])).unwrap().is_empty());
    }

    #[test]
    fn wrong_arguments_are_refused() {
        assert!(multi_label_split(data(5), &[0.8, 0.3], 0, |_| Ok(vec![])).is_err());
        assert!(multi_label_split(data(5), &[0.8], 0, |_| Err(Error::argument("labels", "none"))).is_err());
    }
}
