//! The class of every pixel.

use crate::{Error, Result};

/// A class for each pixel of a picture, row by row: what semantic segmentation learns.
///
/// ```
/// use ocelli_data::annotation::ClassMap;
/// # fn main() -> ocelli_data::Result<()> {
/// let map = ClassMap::new([2, 2], vec![0, 1, 1, ClassMap::IGNORE])?;
/// assert_eq!(map.counts(), [(0, 1), (1, 2), (ClassMap::IGNORE, 1)].into());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassMap {
    size: [usize; 2],
    classes: Vec<u16>,
}

impl ClassMap {
    /// The class of pixels that count for nothing, as the borders of objects in Pascal VOC's pictures do: 255.
    pub const IGNORE: u16 = 255;

    /// The classes of a picture of `[height, width]`.
    ///
    /// # Errors
    /// [`Error::Argument`] unless there is one for each pixel.
    pub fn new(size: [usize; 2], classes: Vec<u16>) -> Result<Self> {
        if size[0].checked_mul(size[1]) != Some(classes.len()) {
            let message = format!("expected the pixels of [height, width] = {size:?}, received {}", classes.len());
            return Err(Error::argument("class map", message));
        }
        Ok(ClassMap { size, classes })
    }

    /// `[height, width]`.
    pub fn size(&self) -> [usize; 2] {
        self.size
    }

    /// The classes, row by row.
    pub fn classes(&self) -> &[u16] {
        &self.classes
    }

    /// How many pixels each class has.
    pub fn counts(&self) -> std::collections::BTreeMap<u16, u64> {
        let mut counts = std::collections::BTreeMap::new();
        for &class in &self.classes {
            *counts.entry(class).or_insert(0) += 1;
        }
        counts
    }
}
