//! The outline of an object as COCO's files give it.

use serde::{Deserialize, Serialize};

use super::{Bitmap, Polygon, Rle};
use crate::{Error, Result};

/// Which pixels an object covers: polygons (most objects) or runs (crowds, results of networks). Serde reads and writes the field
/// `segmentation` of COCO's files.
///
/// ```
/// use ocelli_data::annotation::Segmentation;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let outline: Segmentation = serde_json::from_str("[[1, 1, 5, 1, 5, 5, 1, 5]]")?;
/// assert_eq!(outline.to_rle([8, 8])?.area(), 16);
/// let crowd: Segmentation = serde_json::from_str(r#"{"size": [2, 2], "counts": [1, 3]}"#)?;
/// assert_eq!(crowd.to_rle([2, 2])?.area(), 3);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Segmentation {
    /// The parts of the object, which may be in several pieces.
    Polygons(Vec<Polygon>),
    /// A mask of the whole picture.
    Rle(Rle),
    /// A mask of the whole picture with a byte for each pixel; files hold its runs.
    #[serde(skip_deserializing)]
    Bitmap(Bitmap),
}

impl Segmentation {
    /// The mask in a picture of `[height, width]`.
    ///
    /// # Errors
    /// As [`Rle::from_polygons`]; [`Error::Argument`] if runs are those of a picture of another size.
    pub fn to_rle(&self, size: [usize; 2]) -> Result<Rle> {
        match self {
            Segmentation::Polygons(polygons) => Rle::from_polygons(polygons, size),
            Segmentation::Rle(mask) if mask.size() == size => Ok(mask.clone()),
            Segmentation::Bitmap(mask) if mask.size() == size => mask.to_rle(),
            Segmentation::Rle(mask) => Err(other_size(size, mask.size())),
            Segmentation::Bitmap(mask) => Err(other_size(size, mask.size())),
        }
    }
}

fn other_size(expected: [usize; 2], received: [usize; 2]) -> Error {
    let message = format!("expected a mask of [height, width] = {expected:?}, received {received:?}");
    Error::argument("segmentation", message)
}
