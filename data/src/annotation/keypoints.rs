//! Keypoints: named places on an object, such as the joints of a person.

use serde::{Deserialize, Serialize};

use super::{BoundingBox, Skeleton};
use crate::{Error, Result};

/// Whether a keypoint is there to be seen, with COCO's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub enum Visibility {
    /// 0: not labelled; the position means nothing.
    #[default]
    Absent,
    /// 1: labelled, but hidden behind something.
    Hidden,
    /// 2: labelled and visible.
    Visible,
}

impl TryFrom<f64> for Visibility {
    type Error = Error;

    fn try_from(number: f64) -> Result<Self> {
        match number {
            0.0 => Ok(Visibility::Absent),
            1.0 => Ok(Visibility::Hidden),
            2.0 => Ok(Visibility::Visible),
            _ => Err(Error::argument("visibility", format!("expected 0, 1 or 2, received {number}"))),
        }
    }
}

impl From<Visibility> for f64 {
    fn from(visibility: Visibility) -> f64 {
        match visibility {
            Visibility::Absent => 0.0,
            Visibility::Hidden => 1.0,
            Visibility::Visible => 2.0,
        }
    }
}

/// One place on an object, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Keypoint {
    /// To the right.
    pub x: f64,
    /// Down.
    pub y: f64,
    /// Whether it is there to be seen.
    pub visibility: Visibility,
}

impl Keypoint {
    /// Whether the position is known: the point is visible, or hidden.
    pub fn is_labelled(&self) -> bool {
        self.visibility != Visibility::Absent
    }

    /// The point in a picture of `[height, width]`: one that is labelled outside of it no longer is.
    pub(crate) fn within(self, [height, width]: [usize; 2]) -> Keypoint {
        let inside = (0.0..=width as f64).contains(&self.x) && (0.0..=height as f64).contains(&self.y);
        if inside || !self.is_labelled() { self } else { Keypoint::default() }
    }
}

/// The keypoints of one object, in the order of its [`Skeleton`]. Serde reads and writes COCO's flat list `[x, y, v, x, y, v, …]`.
///
/// ```
/// use ocelli_data::annotation::{Keypoints, Skeleton};
/// # fn main() -> ocelli_data::Result<()> {
/// let skeleton = Skeleton::new("stick", ["left end", "right end"], [[0, 1]])?;
/// let stick = Keypoints::from_flat(&[10.0, 5.0, 2.0, 30.0, 6.0, 1.0])?;
/// // In the mirror, what was the right end is the left one.
/// let mirrored = stick.flip_horizontal(100.0, &skeleton)?;
/// assert_eq!(mirrored.to_flat(), [70.0, 6.0, 1.0, 90.0, 5.0, 2.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<f64>", into = "Vec<f64>")]
pub struct Keypoints {
    points: Vec<Keypoint>,
}

impl Keypoints {
    /// An object's keypoints.
    ///
    /// # Errors
    /// [`Error::Argument`] if a coordinate is not finite.
    pub fn new(points: Vec<Keypoint>) -> Result<Self> {
        if let Some(point) = points.iter().find(|point| !(point.x.is_finite() && point.y.is_finite())) {
            return Err(Error::argument("keypoints", format!("expected finite positions, received {point:?}")));
        }
        Ok(Keypoints { points })
    }

    /// From COCO's flat list `[x, y, v, x, y, v, …]`, `v` being a [`Visibility`].
    ///
    /// # Errors
    /// [`Error::Argument`] unless the numbers are in threes, finite, and each `v` is 0, 1 or 2.
    pub fn from_flat(numbers: &[f64]) -> Result<Self> {
        let (points, rest) = numbers.as_chunks::<3>();
        if !rest.is_empty() {
            let message = format!("expected x, y and visibility of each point, received {} numbers", numbers.len());
            return Err(Error::argument("keypoints", message));
        }
        let point = |&[x, y, v]: &[f64; 3]| Ok(Keypoint { x, y, visibility: Visibility::try_from(v)? });
        Keypoints::new(points.iter().map(point).collect::<Result<_>>()?)
    }

    /// All visible, at these places `[x, y]`: what a network finds.
    ///
    /// # Errors
    /// As [`Keypoints::new`].
    pub fn visible(places: impl IntoIterator<Item = [f64; 2]>) -> Result<Self> {
        let point = |[x, y]: [f64; 2]| Keypoint { x, y, visibility: Visibility::Visible };
        Keypoints::new(places.into_iter().map(point).collect())
    }

    /// COCO's flat list `[x, y, v, x, y, v, …]`.
    pub fn to_flat(&self) -> Vec<f64> {
        self.points.iter().flat_map(|point| [point.x, point.y, point.visibility.into()]).collect()
    }

    /// The points, in the skeleton's order.
    pub fn points(&self) -> &[Keypoint] {
        &self.points
    }

    /// How many keypoints the skeleton has, labelled or not.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// How many are labelled: COCO's `num_keypoints`.
    pub fn count_labelled(&self) -> usize {
        self.points.iter().filter(|point| point.is_labelled()).count()
    }

    /// The smallest box around the labelled points; `None` if there are none.
    ///
    /// # Errors
    /// [`Error::Argument`] if they are so far apart that their distance is no finite number.
    pub fn bounding_box(&self) -> Result<Option<BoundingBox>> {
        BoundingBox::around(self.points.iter().filter(|point| point.is_labelled()).map(|point| [point.x, point.y]))
    }

    /// The labelled points moved: what augmentation does to a picture, done to its labels. The others stay what they are.
    ///
    /// # Errors
    /// [`Error::Argument`] if a point is no longer finite.
    pub fn map(&self, mut change: impl FnMut([f64; 2]) -> [f64; 2]) -> Result<Self> {
        let mut points = self.points.clone();
        for point in points.iter_mut().filter(|point| point.is_labelled()) {
            [point.x, point.y] = change([point.x, point.y]);
        }
        Keypoints::new(points)
    }

    /// The object in a picture of this width that is mirrored left to right: `x` becomes `width - x`, and what is left becomes right. Points without
    /// label get the position 0, 0, as in torchvision's reference for persons.
    ///
    /// Positions are places in the plane here. Where a dataset counts pixels, and the first one's place is 0, give `width - 1`.
    ///
    /// # Errors
    /// [`Error::Argument`] unless the skeleton has as many points, and the width is finite.
    pub fn flip_horizontal(&self, width: f64, skeleton: &Skeleton) -> Result<Self> {
        if skeleton.len() != self.len() {
            let message = format!(
                "expected the {} keypoints of the skeleton {:?}, received {}",
                skeleton.len(),
                skeleton.name(),
                self.len()
            );
            return Err(Error::argument("flip_horizontal", message));
        }
        if !width.is_finite() {
            return Err(Error::argument("flip_horizontal", format!("expected a finite width, received {width}")));
        }
        let mirrored = |&from: &usize| match self.points[from] {
            point if point.is_labelled() => Keypoint { x: width - point.x, ..point },
            _ => Keypoint::default(),
        };
        Keypoints::new(skeleton.flip().iter().map(mirrored).collect())
    }
}

impl TryFrom<Vec<f64>> for Keypoints {
    type Error = Error;

    fn try_from(numbers: Vec<f64>) -> Result<Self> {
        Keypoints::from_flat(&numbers)
    }
}

impl From<Keypoints> for Vec<f64> {
    fn from(keypoints: Keypoints) -> Self {
        keypoints.to_flat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_labelled_does_not_count() {
        let points = Keypoints::from_flat(&[1.0, 2.0, 2.0, 90.0, 80.0, 0.0, 5.0, -1.0, 1.0]).unwrap();
        assert_eq!((points.len(), points.count_labelled(), points.is_empty()), (3, 2, false));
        let around = points.bounding_box().unwrap().unwrap();
        assert_eq!((around.min(), around.max()), ([1.0, -1.0], [5.0, 2.0]));
        let moved = points.map(|[x, y]| [x + 1.0, y * 2.0]).unwrap();
        assert_eq!(moved.to_flat(), [2.0, 4.0, 2.0, 90.0, 80.0, 0.0, 6.0, -2.0, 1.0]);
        assert_eq!(Keypoints::from_flat(&[3.0, 3.0, 0.0]).unwrap().bounding_box().unwrap(), None);
        let found = Keypoints::visible([[1.0, 2.0]]).unwrap();
        assert_eq!(serde_json::to_string(&found).unwrap(), "[1.0,2.0,2.0]");
    }

    #[test]
    fn a_mirrored_person_mirrored_is_the_person() {
        for skeleton in [Skeleton::coco_person(), Skeleton::openpose(), Skeleton::mpii()] {
            let places = (0..skeleton.len()).map(|i| [i as f64, (i * i) as f64]);
            let person = Keypoints::visible(places).unwrap();
            let mirrored = person.flip_horizontal(64.0, &skeleton).unwrap();
            assert_ne!(mirrored, person);
            assert_eq!(mirrored.flip_horizontal(64.0, &skeleton).unwrap(), person);
        }
        // An unlabelled point moves with its side and loses its position.
        let skeleton = Skeleton::new("eyes", ["left", "right"], []).unwrap();
        let half = Keypoints::from_flat(&[7.0, 7.0, 0.0, 3.0, 4.0, 1.0]).unwrap();
        let mirrored = half.flip_horizontal(10.0, &skeleton).unwrap();
        assert_eq!(mirrored.to_flat(), [7.0, 4.0, 1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn wrong_lists_are_refused() {
        for numbers in [&[1.0, 2.0][..], &[1.0, 2.0, 3.0], &[1.0, 2.0, 0.5], &[f64::NAN, 0.0, 0.0]] {
            assert!(Keypoints::from_flat(numbers).is_err(), "{numbers:?}");
        }
        let point = Keypoints::from_flat(&[1.0, 2.0, 2.0]).unwrap();
        let text = point.flip_horizontal(5.0, &Skeleton::coco_person()).unwrap_err().to_string();
        assert!(text.contains("17 keypoints") && text.contains("received 1"), "{text}");
        assert!(point.map(|_| [f64::INFINITY, 0.0]).is_err());
        let none = Keypoints::default();
        assert!(none.flip_horizontal(f64::NAN, &Skeleton::new("none", [], []).unwrap()).is_err());
        assert!(serde_json::from_str::<Keypoints>("[1, 2]").is_err());
    }
}
