//! Polygons: outlines of objects.

use serde::{Deserialize, Serialize};

use super::BoundingBox;
use crate::{Error, Result};

/// A closed outline of at least three points `[x, y]`, in pixels. Where it crosses itself, the even-odd rule tells what is inside.
///
/// Serde reads and writes COCO's flat list `[x1, y1, x2, y2, …]`.
///
/// ```
/// use ocelli_data::annotation::Polygon;
/// # fn main() -> ocelli_data::Result<()> {
/// let square = Polygon::new(vec![[1.0, 1.0], [3.0, 1.0], [3.0, 3.0], [1.0, 3.0]])?;
/// assert_eq!(square.area(), 4.0);
/// let moved = square.map(|[x, y]| [x + 10.0, y])?;
/// assert_eq!(moved.to_flat(), [11.0, 1.0, 13.0, 1.0, 13.0, 3.0, 11.0, 3.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f64>", into = "Vec<f64>")]
pub struct Polygon {
    points: Vec<[f64; 2]>,
}

impl Polygon {
    /// The outline along these points, closed from the last to the first.
    ///
    /// # Errors
    /// [`Error::Argument`] unless there are three points or more and all are finite.
    pub fn new(points: Vec<[f64; 2]>) -> Result<Self> {
        if points.len() < 3 {
            let message = format!("expected at least 3 points, received {}", points.len());
            return Err(Error::argument("polygon", message));
        }
        if let Some(point) = points.iter().find(|point| point.iter().any(|x| !x.is_finite())) {
            return Err(Error::argument("polygon", format!("expected finite points, received {point:?}")));
        }
        Ok(Polygon { points })
    }

    /// The outline along the points of COCO's flat list `[x1, y1, x2, y2, …]`.
    ///
    /// # Errors
    /// As [`Polygon::new`], and if the list has an odd length.
    pub fn from_flat(numbers: &[f64]) -> Result<Self> {
        let (points, rest) = numbers.as_chunks::<2>();
        if !rest.is_empty() {
            let message = format!("expected x and y of each point, received {} numbers", numbers.len());
            return Err(Error::argument("polygon", message));
        }
        Polygon::new(points.to_vec())
    }

    /// COCO's flat list `[x1, y1, x2, y2, …]`.
    pub fn to_flat(&self) -> Vec<f64> {
        self.points.as_flattened().to_vec()
    }

    /// The points `[x, y]`, at least three.
    pub fn points(&self) -> &[[f64; 2]] {
        &self.points
    }

    /// The enclosed area by the shoelace formula, in square pixels; of an outline that crosses itself, the size of the difference
    /// between what it runs round one way and the other.
    pub fn area(&self) -> f64 {
        let next = self.points.iter().cycle().skip(1);
        let doubled: f64 = self.points.iter().zip(next).map(|([x, y], [u, v])| x * v - u * y).sum();
        doubled.abs() / 2.0
    }

    /// The smallest box around the points.
    ///
    /// # Errors
    /// [`Error::Argument`] if they are so far apart that their distance is no finite number.
    pub fn bounding_box(&self) -> Result<BoundingBox> {
        Ok(BoundingBox::around(self.points.iter().copied())?.unwrap_or_default())
    }

    /// The outline with every point moved: what augmentation does to a picture, done to its labels.
    ///
    /// # Errors
    /// [`Error::Argument`] if a point is no longer finite.
    pub fn map(&self, change: impl FnMut([f64; 2]) -> [f64; 2]) -> Result<Self> {
        Polygon::new(self.points.iter().copied().map(change).collect())
    }
}

impl TryFrom<Vec<f64>> for Polygon {
    type Error = Error;

    fn try_from(numbers: Vec<f64>) -> Result<Self> {
        Polygon::from_flat(&numbers)
    }
}

impl From<Polygon> for Vec<f64> {
    fn from(polygon: Polygon) -> Self {
        polygon.to_flat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_and_boxes() {
        // An L of 3 unit squares, clockwise and counter-clockwise.
        let mut points = vec![[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [1.0, 1.0], [1.0, 2.0], [0.0, 2.0]];
        assert_eq!(Polygon::new(points.clone()).unwrap().area(), 3.0);
        points.reverse();
        let shape = Polygon::new(points).unwrap();
        assert_eq!(shape.area(), 3.0);
        assert_eq!(shape.bounding_box().unwrap().max(), [2.0, 2.0]);
        assert_eq!(Polygon::from_flat(&shape.to_flat()).unwrap(), shape);
    }

    #[test]
    fn what_encloses_nothing_is_refused() {
        for numbers in [&[][..], &[1.0, 2.0], &[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0, 3.0, 4.0, 5.0]] {
            assert!(Polygon::from_flat(numbers).is_err(), "{numbers:?}");
        }
        assert!(Polygon::from_flat(&[0.0, 0.0, 1.0, 0.0, f64::NAN, 1.0]).is_err());
        let text = Polygon::from_flat(&[0.0, 0.0, 1.0, 0.0]).unwrap_err().to_string();
        assert!(text.contains("at least 3 points, received 2"), "{text}");
        let shape = Polygon::from_flat(&[0.0, 0.0, 1.0, 0.0, 1.0, 1.0]).unwrap();
        assert!(shape.map(|[x, y]| [x / 0.0, y]).is_err());
        assert!(serde_json::from_str::<Polygon>("[0, 0, 1, 0]").is_err());
        assert_eq!(serde_json::from_str::<Polygon>("[0, 0, 1, 0, 1, 1]").unwrap(), shape);
    }
}
