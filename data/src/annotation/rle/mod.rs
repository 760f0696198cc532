//! COCO's run-length encoded masks.

mod combine;
mod compressed;
mod rasterize;

use serde::{Deserialize, Serialize};

use super::{BoundingBox, BoxFormat};
use crate::{Error, Result, reserve};

/// A mask of a picture, as the lengths of its runs: down the columns, from left to right, by turns outside and inside, the
/// first run (which may be 0 long) outside. Work on it takes as long as there are runs, not pixels.
///
/// Numbers and texts are those of COCO's API (P. Dollár and T.-Y. Lin, pycocotools). Serde reads COCO's objects with `size` and `counts`,
/// these as compressed text or as a list, and writes the compressed text.
///
/// Two encodings are equal if their runs are: a run of length 0 in the middle, which nothing here writes but which is read, makes a
/// difference.
///
/// ```
/// use ocelli_data::annotation::Rle;
/// # fn main() -> ocelli_data::Result<()> {
/// let mask = [
///     0, 1, 1, //
///     0, 0, 1,
/// ];
/// let rle = Rle::encode(&mask, [2, 3])?;
/// assert_eq!(rle.counts(), [2, 1, 1, 2]);
/// assert_eq!((rle.area(), rle.to_compressed().as_str()), (3, "2111"));
/// assert_eq!(rle.decode()?, mask);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Rle {
    size: [usize; 2],
    counts: Vec<u32>,
}

impl Rle {
    /// The mask of a picture of `[height, width]` whose runs have these lengths: COCO's uncompressed form.
    ///
    /// # Errors
    /// [`Error::Argument`] unless the lengths add up to the pixels of the picture, of which there are less than 2³².
    pub fn from_counts(size: [usize; 2], counts: Vec<u32>) -> Result<Self> {
        let pixels = pixels(size)?;
        let sum: u64 = counts.iter().map(|&count| u64::from(count)).sum();
        if sum != u64::from(pixels) {
            let message = format!("expected runs of {pixels} pixels for [height, width] = {size:?}, received {sum}");
            return Err(Error::argument("rle", message));
        }
        Ok(Rle { size, counts })
    }

    /// Encodes a mask given row by row, in which what is not 0 is inside.
    ///
    /// # Errors
    /// [`Error::Argument`] unless it has the pixels of `[height, width]`, of which there are less than 2³².
    pub fn encode(mask: &[u8], size: [usize; 2]) -> Result<Self> {
        if pixels(size)? as usize != mask.len() {
            let message = format!("expected the pixels of [height, width] = {size:?}, received {}", mask.len());
            return Err(Error::argument("rle", message));
        }
        let [height, width] = size;
        let mut runs = Encoder::default();
        // Columns without rows have no runs, however many they are.
        for column in 0..if height == 0 { 0 } else { width } {
            let (mut start, mut inside) = (0, false);
            for row in 0..height {
                let pixel = mask[row * width + column] != 0;
                if pixel != inside {
                    runs.push(inside, (row - start) as u32);
                    (start, inside) = (row, pixel);
                }
            }
            runs.push(inside, (height - start) as u32);
        }
        Ok(Rle { size, counts: runs.finish() })
    }

    /// The mask of `[height, width]`, row by row: 1 inside, 0 outside.
    ///
    /// # Errors
    /// [`Error::Tensor`] if memory for it cannot be had.
    pub fn decode(&self) -> Result<Vec<u8>> {
        let [height, width] = self.size;
        let mut mask = reserve::filled(0, height * width)?;
        for [mut start, end] in self.inside() {
            while start < end {
                let (column, row) = (start / height, start % height);
                let rows = (height - row).min(end - start);
                for row in row..row + rows {
                    mask[row * width + column] = 1;
                }
                start += rows;
            }
        }
        Ok(mask)
    }

    /// `[height, width]` of the picture.
    pub fn size(&self) -> [usize; 2] {
        self.size
    }

    /// The lengths of the runs: COCO's uncompressed form.
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// How many pixels are inside.
    pub fn area(&self) -> u64 {
        self.counts.iter().skip(1).step_by(2).map(|&count| u64::from(count)).sum()
    }

    /// The smallest box around the pixels inside; at the origin and empty if there are none.
    pub fn bounding_box(&self) -> BoundingBox {
        let height = self.size[0];
        let (mut left, mut top, mut right, mut bottom) = (usize::MAX, usize::MAX, 0, 0);
        for [start, end] in self.inside() {
            let (first, last) = (start / height, (end - 1) / height);
            left = left.min(first);
            right = right.max(last + 1);
            // A run that goes on in the next column has touched the bottom, and then the top.
            let (y1, y2) = if first < last { (0, height) } else { (start % height, (end - 1) % height + 1) };
            top = top.min(y1);
            bottom = bottom.max(y2);
        }
        let corners = [left, top, right, bottom].map(|x| x as f64);
        // Only without any run do the corners stand in the wrong order.
        BoundingBox::new(corners, BoxFormat::Xyxy).unwrap_or_default()
    }

    /// The runs inside that have pixels, as `[start, end)` down the columns.
    fn inside(&self) -> impl Iterator<Item = [usize; 2]> {
        let mut at = 0;
        let ends = self.counts.iter().map(move |&count| {
            at += count as usize;
            [at - count as usize, at]
        });
        ends.skip(1).step_by(2).filter(|[start, end]| start < end)
    }
}

/// How many pixels a picture has.
fn pixels([height, width]: [usize; 2]) -> Result<u32> {
    let count = height.checked_mul(width).and_then(|count| u32::try_from(count).ok());
    count.ok_or_else(|| {
        let message = format!("expected a picture of less than 2^32 pixels, received [{height}, {width}]");
        Error::argument("rle", message)
    })
}

/// Puts runs together.
#[derive(Default)]
struct Encoder {
    counts: Vec<u32>,
    inside: bool,
    run: u32,
}

impl Encoder {
    fn push(&mut self, inside: bool, length: u32) {
        if inside != self.inside && length > 0 {
            self.counts.push(std::mem::take(&mut self.run));
            self.inside = inside;
        }
        self.run += length;
    }

    fn finish(mut self) -> Vec<u32> {
        self.counts.push(self.run);
        self.counts
    }
}

/// An encoding as COCO's files hold it.
#[derive(Serialize, Deserialize)]
struct Written {
    size: [usize; 2],
    counts: WrittenCounts,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenCounts {
    Compressed(String),
    Plain(Vec<u32>),
}

impl TryFrom<Written> for Rle {
    type Error = Error;

    fn try_from(written: Written) -> Result<Self> {
        match written.counts {
            WrittenCounts::Compressed(text) => Rle::from_compressed(written.size, &text),
            WrittenCounts::Plain(counts) => Rle::from_counts(written.size, counts),
        }
    }
}

impl From<Rle> for Written {
    fn from(rle: Rle) -> Self {
        Written { size: rle.size, counts: WrittenCounts::Compressed(rle.to_compressed()) }
    }
}
