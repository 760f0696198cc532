//! Cutting a piece out of a picture.

use serde::{Deserialize, Serialize};

use super::geometry::{self, Moves};
use super::{Augment, Fill, Keep};
use crate::{Error, Image, Result, Sample, SampleRng};

/// Cuts the middle out, with a black border where the picture is smaller. Where it cannot be exactly in the middle, the odd pixel falls where torchvision's `CenterCrop` puts it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CenterCrop {
    /// Rows of the result.
    pub height: usize,
    /// Columns of the result.
    pub width: usize,
    /// Which objects stay.
    #[serde(default)]
    pub keep: Keep,
}

impl CenterCrop {
    /// The middle of this size.
    pub fn new(height: usize, width: usize) -> Self {
        CenterCrop { height, width, keep: Keep::default() }
    }
}

impl Augment for CenterCrop {
    fn apply(&self, sample: Sample, _: &mut SampleRng) -> Result<Sample> {
        let size = [self.height, self.width];
        let old = sample.image.size();
        let start = [0, 1].map(|axis| match old[axis].checked_sub(size[axis]) {
            // Halves go to the even number.
            Some(room) => (room as f64 / 2.0).round_ties_even() as i64,
            // Half of it fits into the type.
            None => -(((size[axis] - old[axis]) / 2) as i64),
        });
        geometry::apply(sample, &Moves::crop(size, start, Fill::black()), &self.keep, None)
    }
}

/// Cuts a piece out at random, from the picture with a border around it: a shift by whole pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomCrop {
    /// Rows of the result.
    pub height: usize,
    /// Columns of the result.
    pub width: usize,
    /// The width of the border on every side.
    #[serde(default)]
    pub padding: usize,
    /// What the border holds.
    #[serde(default = "Fill::black")]
    pub fill: Fill,
    /// Which objects stay.
    #[serde(default)]
    pub keep: Keep,
}

impl RandomCrop {
    /// A piece of this size from a picture with a black border.
    pub fn new(height: usize, width: usize, padding: usize) -> Self {
        RandomCrop { height, width, padding, fill: Fill::black(), keep: Keep::default() }
    }
}

impl Augment for RandomCrop {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        let size = [self.height, self.width];
        let room = room("random crop", &sample.image, size, self.padding)?;
        // The room has been counted with a sign.
        let start = room.map(|room| rng.below(room + 1) as i64 - self.padding as i64);
        geometry::apply(sample, &Moves::crop(size, start, self.fill), &self.keep, None)
    }
}

/// By how much the picture, with a border, is larger than the piece: rows, columns.
fn room(op: &'static str, image: &Image, size: [usize; 2], padding: usize) -> Result<[usize; 2]> {
    let grow = |size: usize| {
        padding
            .checked_mul(2)
            .and_then(|border| size.checked_add(border))
            // Places are counted with a sign.
            .filter(|&size| size <= i64::MAX as usize)
    };
    let [rows, columns] = [image.height(), image.width()].map(grow);
    match (rows.and_then(|rows| rows.checked_sub(size[0])), columns.and_then(|columns| columns.checked_sub(size[1]))) {
        (Some(rows), Some(columns)) => Ok([rows, columns]),
        _ => {
            let message = format!(
                "expected an image of at least {}x{} with a border of {padding}, received {}x{}",
                size[0],
                size[1],
                image.height(),
                image.width()
            );
            Err(Error::argument(op, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square() -> Image {
        Image::from_u8([3, 3, 1], (1..=9).collect()).unwrap()
    }

    #[test]
    fn the_middle() {
        let rng = &mut SampleRng::new(0, 0, 0);
        let crop = CenterCrop::new;
        let one = crop(1, 1).apply_image(square(), rng).unwrap();
        assert_eq!(one, Image::from_u8([1, 1, 1], vec![5]).unwrap());
        // Half a pixel of room: round(0.5) is 0.
        let two = crop(2, 3).apply_image(square(), rng).unwrap();
        assert_eq!(two, Image::from_u8([2, 3, 1], vec![1, 2, 3, 4, 5, 6]).unwrap());
        // As torchvision 0.29's CenterCrop: the larger half of a border is below and on the right.
        let three = crop(4, 2).apply_image(square(), rng).unwrap();
        assert_eq!(three, Image::from_u8([4, 2, 1], vec![1, 2, 4, 5, 7, 8, 0, 0]).unwrap());
        let six = crop(1, 6).apply_image(square(), rng).unwrap();
        assert_eq!(six, Image::from_u8([1, 6, 1], vec![0, 4, 5, 6, 0, 0]).unwrap());
        assert!(crop(usize::MAX, 3).apply_image(square(), rng).is_err());
    }

    #[test]
    fn every_place_comes_up() {
        let mut seen = std::collections::BTreeSet::new();
        for index in 0..300 {
            let rng = &mut SampleRng::new(0, 0, index);
            let piece = RandomCrop::new(1, 1, 1).apply_image(square(), rng).unwrap();
            seen.insert(piece.to_tensor().unwrap().item::<i64>().unwrap());
        }
        assert_eq!(seen, (0..=9).collect());
    }

    #[test]
    fn borders() {
        let crop = |fill| RandomCrop { fill, ..RandomCrop::new(5, 5, 1) };
        let rows = |fill| {
            let rng = &mut SampleRng::new(0, 0, 0);
            let all = crop(fill).apply_image(square(), rng).unwrap().to_tensor().unwrap();
            all.to_vec::<u8>().unwrap()[..10].to_vec()
        };
        assert_eq!(rows(Fill::Constant(7.0)), [7, 7, 7, 7, 7, 7, 1, 2, 3, 7]);
        assert_eq!(rows(Fill::Reflect), [1, 1, 2, 3, 3, 1, 1, 2, 3, 3]);
        assert_eq!(rows(Fill::Wrap), [9, 7, 8, 9, 7, 3, 1, 2, 3, 1]);
        let rng = &mut SampleRng::new(0, 0, 0);
        assert!(RandomCrop::new(4, 3, 0).apply_image(square(), rng).is_err());
        assert!(RandomCrop::new(1, 1, usize::MAX).apply_image(square(), rng).is_err());
        let nothing = Image::from_u8([0, 0, 1], vec![]).unwrap();
        let border = crop(Fill::Reflect);
        let border = RandomCrop { height: 2, width: 2, ..border };
        let black = Image::from_u8([2, 2, 1], vec![0; 4]).unwrap();
        assert_eq!(border.apply_image(nothing, rng).unwrap(), black);
    }
}
