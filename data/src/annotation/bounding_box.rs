//! Boxes with upright sides.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What the four numbers of a box mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BoxFormat {
    /// Left, top, right, bottom.
    Xyxy,
    /// Left, top, width, height: COCO's.
    Xywh,
    /// Centre, width, height: YOLO's and DETR's.
    Cxcywh,
}

impl std::str::FromStr for BoxFormat {
    type Err = Error;

    /// By torchvision's names: `"xyxy"`, `"xywh"`, `"cxcywh"`.
    fn from_str(name: &str) -> Result<Self> {
        match name {
            "xyxy" => Ok(BoxFormat::Xyxy),
            "xywh" => Ok(BoxFormat::Xywh),
            "cxcywh" => Ok(BoxFormat::Cxcywh),
            _ => Err(Error::argument("box_format", format!("expected xyxy, xywh or cxcywh, received {name:?}"))),
        }
    }
}

/// A box: `x1 ≤ x < x2`, `y1 ≤ y < y2`, so that its width is `x2 - x1` with no pixel added. The corners are finite and in
/// order; a box may be empty. In pixels, or, after [`BoundingBox::normalized`], in fractions of a picture's sizes.
///
/// ```
/// use ocelli_data::annotation::{BoundingBox, BoxFormat};
/// # fn main() -> ocelli_data::Result<()> {
/// let cat = BoundingBox::new([10.0, 20.0, 30.0, 60.0], BoxFormat::Xyxy)?;
/// assert_eq!(cat.to_array(BoxFormat::Xywh), [10.0, 20.0, 20.0, 40.0]);
/// assert_eq!(cat.normalized([80, 40])?.to_array(BoxFormat::Cxcywh), [0.5, 0.5, 0.5, 0.5]);
/// assert_eq!(cat.iou(&BoundingBox::new([20.0, 20.0, 40.0, 60.0], BoxFormat::Xyxy)?), 1.0 / 3.0);
/// assert!(BoundingBox::new([30.0, 20.0, 10.0, 60.0], BoxFormat::Xyxy).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BoundingBox {
    x1: f64,
    y1: f64,
    x2: f64,
    y2: f64,
}

impl BoundingBox {
    /// The box that these four numbers mean in a format.
    ///
    /// # Errors
    /// [`Error::Argument`] unless the numbers and the corners that follow from them are finite, and width and height not negative.
    pub fn new(numbers: [f64; 4], format: BoxFormat) -> Result<Self> {
        let [a, b, c, d] = numbers;
        // Of width and height themselves: corners may round a negative one away.
        let sides = match format {
            BoxFormat::Xyxy => [c - a, d - b],
            BoxFormat::Xywh | BoxFormat::Cxcywh => [c, d],
        };
        let [x1, y1, x2, y2] = match format {
            BoxFormat::Xyxy => numbers,
            BoxFormat::Xywh => [a, b, a + c, b + d],
            BoxFormat::Cxcywh => [a - c / 2.0, b - d / 2.0, a + c / 2.0, b + d / 2.0],
        };
        let finite = [x1, y1, x2, y2].iter().chain(&sides).all(|x| x.is_finite());
        if !finite || sides.iter().any(|&side| side < 0.0) {
            let message =
                format!("expected finite {format:?} numbers, width and height not negative, received {numbers:?}");
            return Err(Error::argument("bounding_box", message));
        }
        Ok(BoundingBox { x1, y1, x2, y2 })
    }

    /// The smallest box around points; `None` without points.
    ///
    /// # Errors
    /// [`Error::Argument`] if a coordinate, or the distance of two, is not finite.
    pub fn around(points: impl IntoIterator<Item = [f64; 2]>) -> Result<Option<Self>> {
        let mut corners: Option<[f64; 4]> = None;
        for [x, y] in points {
            // `min` and `max` pass over NaN, which is to be seen.
            if x.is_nan() || y.is_nan() {
                return Err(Error::argument("bounding_box", format!("expected finite points, received {:?}", [x, y])));
            }
            let [x1, y1, x2, y2] = corners.unwrap_or([x, y, x, y]);
            corners = Some([x1.min(x), y1.min(y), x2.max(x), y2.max(y)]);
        }
        corners.map(|corners| BoundingBox::new(corners, BoxFormat::Xyxy)).transpose()
    }

    /// The four numbers of a format.
    pub fn to_array(&self, format: BoxFormat) -> [f64; 4] {
        let BoundingBox { x1, y1, x2, y2 } = *self;
        match format {
            BoxFormat::Xyxy => [x1, y1, x2, y2],
            BoxFormat::Xywh => [x1, y1, x2 - x1, y2 - y1],
            BoxFormat::Cxcywh => [x1 + (x2 - x1) / 2.0, y1 + (y2 - y1) / 2.0, x2 - x1, y2 - y1],
        }
    }

    /// `[left, top]`.
    pub fn min(&self) -> [f64; 2] {
        [self.x1, self.y1]
    }

    /// `[right, bottom]`.
    pub fn max(&self) -> [f64; 2] {
        [self.x2, self.y2]
    }

    /// `x2 - x1`.
    pub fn width(&self) -> f64 {
        self.x2 - self.x1
    }

    /// `y2 - y1`.
    pub fn height(&self) -> f64 {
        self.y2 - self.y1
    }

    /// Width × height.
    pub fn area(&self) -> f64 {
        self.width() * self.height()
    }

    /// The part inside a picture of `[height, width]`; a box that lies outside becomes an empty one on the edge.
    pub fn clipped(&self, [height, width]: [usize; 2]) -> Self {
        let (width, height) = (width as f64, height as f64);
        BoundingBox {
            x1: self.x1.clamp(0.0, width),
            y1: self.y1.clamp(0.0, height),
            x2: self.x2.clamp(0.0, width),
            y2: self.y2.clamp(0.0, height),
        }
    }

    /// Pixels as fractions of a picture's `[height, width]`.
    ///
    /// # Errors
    /// [`Error::Argument`] unless the picture has a height and a width.
    pub fn normalized(&self, size: [usize; 2]) -> Result<Self> {
        if size.contains(&0) {
            let message = format!("expected a picture with a height and a width, received {size:?}");
            return Err(Error::argument("normalized", message));
        }
        let (height, width) = (size[0] as f64, size[1] as f64);
        Ok(BoundingBox { x1: self.x1 / width, y1: self.y1 / height, x2: self.x2 / width, y2: self.y2 / height })
    }

    /// Fractions of a picture's `[height, width]` as pixels: undoes [`BoundingBox::normalized`].
    ///
    /// # Errors
    /// [`Error::Argument`] if the numbers get too large.
    pub fn denormalized(&self, [height, width]: [usize; 2]) -> Result<Self> {
        let (width, height) = (width as f64, height as f64);
        let corners = [self.x1 * width, self.y1 * height, self.x2 * width, self.y2 * height];
        BoundingBox::new(corners, BoxFormat::Xyxy)
    }

    /// The area that two boxes share.
    pub fn intersection(&self, other: &Self) -> f64 {
        let width = self.x2.min(other.x2) - self.x1.max(other.x1);
        let height = self.y2.min(other.y2) - self.y1.max(other.y1);
        width.max(0.0) * height.max(0.0)
    }

    /// Intersection over union; 0 for two empty boxes.
    pub fn iou(&self, other: &Self) -> f64 {
        let shared = self.intersection(other);
        if shared > 0.0 { shared / (self.area() + other.area() - shared) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_say_the_same_box() {
        let numbers = [3.5, -2.0, 8.0, 7.5];
        let object = BoundingBox::new(numbers, BoxFormat::Xyxy).unwrap();
        for name in ["xyxy", "xywh", "cxcywh"] {
            let format: BoxFormat = name.parse().unwrap();
            assert_eq!(BoundingBox::new(object.to_array(format), format).unwrap(), object);
        }
        assert_eq!(object.to_array(BoxFormat::Cxcywh), [5.75, 2.75, 4.5, 9.5]);
        assert_eq!((object.width(), object.height(), object.area()), (4.5, 9.5, 42.75));
        assert_eq!((object.min(), object.max()), ([3.5, -2.0], [8.0, 7.5]));
        let fractions = object.normalized([20, 10]).unwrap();
        assert_eq!(fractions.to_array(BoxFormat::Xyxy), [0.35, -0.1, 0.8, 0.375]);
        assert_eq!(fractions.denormalized([20, 10]).unwrap(), object);
        assert!("yxyx".parse::<BoxFormat>().unwrap_err().to_string().contains("\"yxyx\""));
    }

    #[test]
    fn clipping_and_sharing() {
        let new = |corners| BoundingBox::new(corners, BoxFormat::Xyxy).unwrap();
        let object = new([-5.0, 2.0, 30.0, 8.0]);
        assert_eq!(object.clipped([6, 20]), new([0.0, 2.0, 20.0, 6.0]));
        assert_eq!(new([50.0, 50.0, 60.0, 60.0]).clipped([6, 20]).area(), 0.0);
        assert_eq!(object.iou(&object), 1.0);
        assert_eq!(object.iou(&new([30.0, 0.0, 40.0, 9.0])), 0.0);
        let empty = new([1.0, 1.0, 1.0, 1.0]);
        assert_eq!((empty.iou(&empty), empty.intersection(&object)), (0.0, 0.0));
    }

    #[test]
    fn what_is_no_box_is_refused() {
        let broken = [
            [f64::NAN, 0.0, 1.0, 1.0],
            [0.0, f64::INFINITY, 1.0, f64::INFINITY],
            [0.0, 0.0, -1.0, 1.0],
            [0.0, 0.0, 1.0, -1e-300],
            [-f64::MAX, 0.0, f64::MAX, 1.0],
        ];
        for numbers in broken {
            for format in [BoxFormat::Xyxy, BoxFormat::Xywh, BoxFormat::Cxcywh] {
                let made = BoundingBox::new(numbers, format);
                // Half of the largest number is still one.
                assert!(made.is_err() || numbers[2] == f64::MAX, "{numbers:?} {format:?}");
            }
        }
        let text = BoundingBox::new([5.0, 0.0, 1.0, 1.0], BoxFormat::Xyxy).unwrap_err().to_string();
        assert!(text.contains("[5.0, 0.0, 1.0, 1.0]"), "{text}");
        assert!(BoundingBox::around([[0.0, 0.0], [f64::NAN, 1.0]]).is_err());
        assert_eq!(BoundingBox::around([]).unwrap(), None);
        assert!(BoundingBox::default().normalized([0, 5]).is_err());
    }
}
