//! Borders around a picture.

use serde::{Deserialize, Serialize};

use super::geometry::{self, Moves};
use super::{Augment, Fill, Keep};
use crate::{Error, Result, Sample, SampleRng};

/// The most pixels of a border on one side.
const MOST: usize = 1 << 24;

/// Puts a border around a picture: torchvision's `Pad`, whose `constant`, `edge`, `reflect` and `symmetric` are [`Fill::Constant`], [`Fill::Nearest`],
/// [`Fill::Mirror`] and [`Fill::Reflect`] here.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pad {
    /// Columns to the left.
    pub left: usize,
    /// Rows above.
    pub top: usize,
    /// Columns to the right.
    pub right: usize,
    /// Rows below.
    pub bottom: usize,
    /// What the border holds.
    #[serde(default = "Fill::black")]
    pub fill: Fill,
}

impl Pad {
    /// A border of this width on all sides.
    pub fn new(width: usize, fill: Fill) -> Self {
        Pad { left: width, top: width, right: width, bottom: width, fill }
    }
}

impl Augment for Pad {
    fn apply(&self, sample: Sample, _: &mut SampleRng) -> Result<Sample> {
        let widths = [self.left, self.top, self.right, self.bottom];
        if widths.iter().any(|&width| width > MOST) {
            let message = format!("expected borders of at most {MOST} pixels, received {widths:?}");
            return Err(Error::argument("pad", message));
        }
        let [height, width] = sample.image.size();
        let size = [height + self.top + self.bottom, width + self.left + self.right];
        let moves = Moves::crop(size, [-(self.top as i64), -(self.left as i64)], self.fill);
        geometry::apply(sample, &moves, &Keep::ALL, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Image, Pixels};

    #[test]
    fn borders() {
        let row = |fill| {
            let image = Image::from_u8([1, 3, 1], vec![1, 2, 3]).unwrap();
            let pad = Pad { left: 2, top: 0, right: 3, bottom: 0, fill };
            match pad.apply_image(image, &mut SampleRng::new(0, 0, 0)).unwrap().into_pixels() {
                Pixels::U8(pixels) => pixels,
                Pixels::F32(_) => vec![],
            }
        };
        assert_eq!(row(Fill::Constant(9.0)), [9, 9, 1, 2, 3, 9, 9, 9]);
        assert_eq!(row(Fill::Nearest), [1, 1, 1, 2, 3, 3, 3, 3]);
        assert_eq!(row(Fill::Mirror), [3, 2, 1, 2, 3, 2, 1, 2]);
        assert_eq!(row(Fill::Reflect), [2, 1, 1, 2, 3, 3, 2, 1]);
        let color = Image::from_u8([1, 1, 3], vec![1, 2, 3]).unwrap();
        let pad = Pad { right: 1, ..Pad::new(0, Fill::Color([7.0, 8.0, 9.0, 0.0])) };
        let padded = pad.apply_image(color.clone(), &mut SampleRng::new(0, 0, 0)).unwrap();
        assert_eq!(padded, Image::from_u8([1, 2, 3], vec![1, 2, 3, 7, 8, 9]).unwrap());
        assert!(Pad::new(usize::MAX, Fill::Nearest).apply_image(color, &mut SampleRng::new(0, 0, 0)).is_err());
    }
}
