//! Data sets one behind the other.

use crate::{Dataset, Error, Result, SampleRng};

/// Several data sets as one: all samples of the first, then all of the second, and so on.
///
/// ```
/// use ocelli_data::{Concat, Dataset, VecDataset};
/// # fn main() -> ocelli_data::Result<()> {
/// let both = Concat::new(vec![VecDataset::new(vec![1, 2]), VecDataset::new(vec![3])]);
/// assert_eq!(both.len(), 3);
/// assert_eq!(both.get(2)?, 3);
/// # Ok(())
/// # }
/// ```
///
/// Data sets of different types but one item type go in as `Box<dyn Dataset<Item = …>>`.
#[derive(Debug, Clone)]
pub struct Concat<D> {
    parts: Vec<D>,
    /// Where each part ends.
    ends: Vec<usize>,
}

impl<D: Dataset> Concat<D> {
    /// One data set of these parts.
    pub fn new(parts: Vec<D>) -> Self {
        let ends = parts
            .iter()
            .scan(0, |end, part| {
                *end += part.len();
                Some(*end)
            })
            .collect();
        Concat { parts, ends }
    }

    /// The part that holds a sample, and the sample's number in it.
    fn find(&self, index: usize) -> Result<(&D, usize)> {
        Error::check_index(index, self.len())?;
        let part = self.ends.partition_point(|&end| end <= index);
        let start = part.checked_sub(1).map_or(0, |before| self.ends[before]);
        Ok((&self.parts[part], index - start))
    }
}

impl<D: Dataset> Dataset for Concat<D> {
    type Item = D::Item;
    fn len(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }
    fn get(&self, index: usize) -> Result<D::Item> {
        let (part, index) = self.find(index)?;
        part.get(index)
    }
    fn get_random(&self, index: usize, rng: &mut SampleRng) -> Result<D::Item> {
        let (part, index) = self.find(index)?;
        part.get_random(index, rng)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VecDataset;

    #[test]
    fn empty_parts_are_passed_over() {
        let parts: Vec<Box<dyn Dataset<Item = i32>>> = vec![
            Box::new(VecDataset::new(vec![])),
            Box::new(VecDataset::new(vec![1, 2])),
            Box::new(VecDataset::new(vec![])),
            Box::new(VecDataset::new(vec![30]).map(|x| Ok(x / 10))),
        ];
        let all = Concat::new(parts);
        let items: Vec<i32> = (0..all.len()).map(|i| all.get(i).unwrap()).collect();
        assert_eq!(items, [1, 2, 3]);
        let text = all.get(3).unwrap_err().to_string();
        assert_eq!(text, "expected an index in 0..3, received 3");
        assert!(Concat::<VecDataset<i32>>::new(vec![]).is_empty());
    }
}
