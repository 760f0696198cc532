//! Masks with a byte for each pixel.

use serde::{Deserialize, Serialize};

use super::Rle;
use crate::{Error, Result};

/// A mask of a picture, row by row: 1 inside, 0 outside. What augmentation resamples; files hold [`Rle`], as which serde reads and writes it.
///
/// ```
/// use ocelli_data::annotation::Bitmap;
/// # fn main() -> ocelli_data::Result<()> {
/// let mask = Bitmap::new([2, 3], vec![0, 7, 7, 0, 0, 7])?;
/// assert_eq!((mask.area(), mask.pixels()), (3, &[0, 1, 1, 0, 0, 1][..]));
/// assert_eq!(mask.to_rle()?.to_compressed(), "2111");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Rle", into = "Rle")]
pub struct Bitmap {
    size: [usize; 2],
    pixels: Vec<u8>,
}

impl Bitmap {
    /// The mask of a picture of `[height, width]`, in which what is not 0 is inside.
    ///
    /// # Errors
    /// [`Error::Argument`] unless it has the pixels of that size, of which there are less than 2³².
    pub fn new(size: [usize; 2], mut pixels: Vec<u8>) -> Result<Self> {
        let count = size[0].checked_mul(size[1]).filter(|&count| u32::try_from(count).is_ok());
        if count != Some(pixels.len()) {
            let message = format!("expected the pixels of [height, width] = {size:?}, received {}", pixels.len());
            return Err(Error::argument("bitmap", message));
        }
        pixels.iter_mut().for_each(|pixel| *pixel = u8::from(*pixel != 0));
        Ok(Bitmap { size, pixels })
    }

    /// `[height, width]`.
    pub fn size(&self) -> [usize; 2] {
        self.size
    }

    /// The pixels row by row, 1 inside and 0 outside.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// How many pixels are inside.
    pub fn area(&self) -> u64 {
        self.pixels.iter().map(|&pixel| u64::from(pixel)).sum()
    }

    /// The same mask as runs.
    ///
    /// # Errors
    /// Only if memory runs out.
    pub fn to_rle(&self) -> Result<Rle> {
        Rle::encode(&self.pixels, self.size)
    }
}

impl TryFrom<Rle> for Bitmap {
    type Error = Error;
    fn try_from(mask: Rle) -> Result<Self> {
        Bitmap::new(mask.size(), mask.decode()?)
    }
}

impl From<Bitmap> for Rle {
    fn from(mask: Bitmap) -> Rle {
        // The size has been checked: the runs of a mask that is there can be counted.
        mask.to_rle().unwrap_or_else(|_| unreachable!("a bitmap has the pixels of its size"))
    }
}
