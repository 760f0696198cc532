//! Data sets one behind the other.

use std::sync::OnceLock;

use crate::annotation::ClassDetails;
use crate::readers::Changes;
use crate::{Dataset, Error, LabelledDataset, Record, Result, SampleRng};

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
///
/// Data sets with labels have to number the same classes the same way: [`Concat::labelled`] checks that at once, otherwise the first
/// [`LabelledDataset::record`] does.
#[derive(Debug, Clone)]
pub struct Concat<D> {
    parts: Vec<D>,
    /// Where each part ends.
    ends: Vec<usize>,
    /// What is wrong with the classes of the parts, once somebody has asked for labels.
    classes: OnceLock<Option<String>>,
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
        Concat { parts, ends, classes: OnceLock::new() }
    }

    /// As [`Concat::new`], for data sets with labels.
    ///
    /// ```
    /// use ocelli_data::generated::Shapes;
    /// use ocelli_data::{Concat, LabelledDataset};
    /// # fn main() -> ocelli_data::Result<()> {
    /// let shapes = |seed| Shapes { samples: 10, seed, ..Shapes::default() };
    /// let both = Concat::labelled(vec![shapes(0), shapes(1)])?;
    /// assert_eq!(both.record(13)?.labels, shapes(1).record(3)?.labels);
    /// assert_eq!(both.class_names(), shapes(0).class_names());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`] unless all parts have the same names of classes in the same order, and those that tell details of a class tell the same.
    pub fn labelled(parts: Vec<D>) -> Result<Self>
    where
        D: LabelledDataset,
    {
        let all = Concat::new(parts);
        all.check_classes()?;
        Ok(all)
    }

    fn check_classes(&self) -> Result<()>
    where
        D: LabelledDataset,
    {
        match self.classes.get_or_init(|| different_classes(&self.parts)) {
            None => Ok(()),
            Some(message) => Err(Error::argument("concat", message.clone())),
        }
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

/// Labels can be had if all parts have the same classes; else each is an error.
impl<D: LabelledDataset> LabelledDataset for Concat<D> {
    fn record(&self, index: usize) -> Result<Record> {
        self.check_classes()?;
        let (part, index) = self.find(index)?;
        part.record(index)
    }
    fn class_names(&self) -> &[String] {
        self.parts.first().map_or(&[], LabelledDataset::class_names)
    }
    fn class_details(&self, class: usize) -> ClassDetails {
        let told = self.parts.iter().map(|part| part.class_details(class)).find(|details| !details.is_empty());
        told.unwrap_or_default()
    }
    fn changes(&self) -> Changes {
        self.parts.iter().fold(Changes::default(), |sum, part| sum + part.changes())
    }
}

/// In what the classes of the parts differ, if they do.
fn different_classes<D: LabelledDataset>(parts: &[D]) -> Option<String> {
    let (first, rest) = parts.split_first()?;
    let names = first.class_names();
    if let Some((place, other)) = rest.iter().enumerate().find(|(_, part)| part.class_names() != names) {
        let other = other.class_names();
        return Some(format!("expected the classes of part 0, {names:?}, received {other:?} in part {}", place + 1));
    }
    names.iter().enumerate().find_map(|(class, name)| {
        let told = parts.iter().map(|part| part.class_details(class)).enumerate();
        let mut told = told.filter(|(_, details)| !details.is_empty());
        let (one, expected) = told.next()?;
        let (other, received) = told.find(|(_, details)| *details != expected)?;
        Some(format!(
            "expected the class {name:?} as part {one} has it, {expected:?}, received {received:?} in part {other}"
        ))
    })
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
