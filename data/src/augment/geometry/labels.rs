//! Labels that follow their picture.

use std::cell::OnceCell;

use super::{Geometry, OUTSIDE, clip};
use crate::annotation::{
    Bitmap, BoundingBox, BoxFormat, ClassMap, Keypoint, Keypoints, Labels, Object, Polygon, Rle, Segmentation,
};
use crate::augment::Keep;
use crate::{Error, Result};

/// How near old points may come to the horizon, in parts of the distance from the picture.
const HORIZON: f64 = 1e-6;

/// The labels of a picture of `old` size, moved.
pub(super) fn moved(
    mut labels: Labels,
    old: [usize; 2],
    geometry: &dyn Geometry,
    keep: &Keep,
    mirror: Option<&[usize]>,
) -> Result<Labels> {
    let mover = Mover { old, new: geometry.size(), geometry, keep, mirror, places: OnceCell::new() };
    labels.objects =
        labels.objects.into_iter().filter_map(|object| mover.object(object).transpose()).collect::<Result<_>>()?;
    labels.class_map = labels.class_map.map(|map| mover.class_map(&map)).transpose()?;
    Ok(labels)
}

struct Mover<'a> {
    old: [usize; 2],
    new: [usize; 2],
    geometry: &'a dyn Geometry,
    keep: &'a Keep,
    mirror: Option<&'a [usize]>,
    /// Where the pixels of masks come from: the same for all of them.
    places: OnceCell<Vec<usize>>,
}

impl Mover<'_> {
    /// The object moved; `None` if too little of it is left.
    fn object(&self, mut object: Object) -> Result<Option<Object>> {
        let before = object.segmentation.as_ref().map(measure);
        let whole = self.hull(&object.bounding_box)?;
        let mut inside = whole.clipped(self.new);
        let visible = if whole.area() > 0.0 { inside.area() / whole.area() } else { 1.0 };
        if let Some(segmentation) = object.segmentation.take() {
            let Some((moved, around)) = self.segmentation(segmentation)? else { return Ok(None) };
            if !self.geometry.is_upright() {
                inside = around;
            }
            object.segmentation = Some(moved);
        }
        let enough = inside.width() >= self.keep.min_side
            && inside.height() >= self.keep.min_side
            && inside.area() >= self.keep.min_area
            && visible >= self.keep.min_visible;
        if !enough {
            return Ok(None);
        }
        if let Some(area) = object.area {
            let (before, after) = match (before, &object.segmentation) {
                (Some(before), Some(segmentation)) => (before, measure(segmentation)),
                _ => (object.bounding_box.area(), inside.area()),
            };
            object.area = Some(if before > 0.0 { area * (after / before) } else { after });
        }
        object.bounding_box = inside;
        object.keypoints = object.keypoints.map(|keypoints| self.keypoints(&keypoints)).transpose()?;
        Ok(Some(object))
    }

    /// The smallest box around a moved one, not cut off.
    fn hull(&self, old: &BoundingBox) -> Result<BoundingBox> {
        let [x1, y1, x2, y2] = old.to_array(BoxFormat::Xyxy);
        let outline = self.outline(&[[x1, y1], [x2, y1], [x2, y2], [x1, y2]]);
        Ok(BoundingBox::around(outline)?.unwrap_or_default())
    }

    /// An outline moved, not cut off; empty if all of it lies beyond the horizon.
    fn outline(&self, points: &[[f64; 2]]) -> Vec<[f64; 2]> {
        let fine = clip::subdivided(points, self.geometry.straight());
        let seen = match self.geometry.horizon() {
            Some([a, b, c]) => {
                let least = HORIZON * (a.abs() * self.old[1] as f64 + b.abs() * self.old[0] as f64 + c.abs());
                clip::half_plane(&fine, [a, b, c - least])
            }
            None => fine,
        };
        seen.into_iter().map(|point| self.geometry.forward(point)).collect()
    }

    /// A mask moved and the box around it; `None` if nothing of it is in the new picture.
    fn segmentation(&self, old: Segmentation) -> Result<Option<(Segmentation, BoundingBox)>> {
        match old {
            Segmentation::Polygons(polygons) => {
                let mut moved = Vec::with_capacity(polygons.len());
                for polygon in &polygons {
                    let outline = self.outline(polygon.points());
                    let inside = clip::picture(outline.clone(), self.new);
                    if inside.len() < 3 {
                        continue;
                    }
                    let cut = inside != outline;
                    let polygon = Polygon::new(inside)?;
                    // A line that lies along an edge is what remains of an outline that has gone.
                    if !cut || polygon.area() > 0.0 {
                        moved.push(polygon);
                    }
                }
                let around = BoundingBox::around(moved.iter().flat_map(|polygon| polygon.points().iter().copied()))?;
                Ok(around.map(|around| (Segmentation::Polygons(moved), around)))
            }
            Segmentation::Rle(mask) => {
                self.check_size("mask", mask.size())?;
                let moved = Rle::encode(&self.mask(&mask.decode()?)?, self.new)?;
                let around = moved.bounding_box();
                Ok((moved.area() > 0).then_some((Segmentation::Rle(moved), around)))
            }
            Segmentation::Bitmap(mask) => {
                self.check_size("mask", mask.size())?;
                let moved = Bitmap::new(self.new, self.mask(mask.pixels())?)?;
                let around = mask_box(&moved)?;
                Ok(around.map(|around| (Segmentation::Bitmap(moved), around)))
            }
        }
    }

    /// The pixels of a mask moved, row by row.
    fn mask(&self, old: &[u8]) -> Result<Vec<u8>> {
        let places = match self.places.get() {
            Some(places) => places,
            None => {
                let places = self.geometry.places(self.old, false)?;
                self.places.get_or_init(|| places)
            }
        };
        Ok(places.iter().map(|&place| if place == OUTSIDE { 0 } else { old[place] }).collect())
    }

    fn class_map(&self, old: &ClassMap) -> Result<ClassMap> {
        self.check_size("class map", old.size())?;
        let places = self.geometry.places(self.old, true)?;
        let classes = old.classes();
        let moved = places.iter().map(|&place| if place == OUTSIDE { ClassMap::IGNORE } else { classes[place] });
        ClassMap::new(self.new, moved.collect())
    }

    /// Keypoints moved; those that have left the picture are no longer labelled.
    fn keypoints(&self, old: &Keypoints) -> Result<Keypoints> {
        let moved = |point: Keypoint| {
            if !point.is_labelled() {
                return point;
            }
            let [x, y] = self.geometry.forward([point.x, point.y]);
            Keypoint { x, y, ..point }.within(self.new)
        };
        let points = old.points();
        match self.mirror {
            Some(mirror) if mirror.len() != points.len() || mirror.iter().any(|&from| from >= points.len()) => {
                let message = format!(
                    "expected the {} keypoints whose mirror images are known, received {}",
                    mirror.len(),
                    points.len()
                );
                Err(Error::argument("keypoints", message))
            }
            Some(mirror) => Keypoints::new(mirror.iter().map(|&from| moved(points[from])).collect()),
            None => Keypoints::new(points.iter().map(|&point| moved(point)).collect()),
        }
    }

    fn check_size(&self, what: &str, received: [usize; 2]) -> Result<()> {
        if received == self.old {
            return Ok(());
        }
        let message =
            format!("expected a {what} of the picture's [height, width] = {:?}, received {received:?}", self.old);
        Err(Error::argument("augment", message))
    }
}

/// How large a mask is, in square pixels.
fn measure(segmentation: &Segmentation) -> f64 {
    match segmentation {
        Segmentation::Polygons(polygons) => polygons.iter().map(Polygon::area).sum(),
        Segmentation::Rle(mask) => mask.area() as f64,
        Segmentation::Bitmap(mask) => mask.area() as f64,
    }
}

/// The smallest box around the pixels of a mask; `None` if there are none.
pub(crate) fn mask_box(mask: &Bitmap) -> Result<Option<BoundingBox>> {
    let width = mask.size()[1];
    let mut corners: Option<[usize; 4]> = None;
    for (y, row) in mask.pixels().chunks(width.max(1)).enumerate() {
        let first = row.iter().position(|&pixel| pixel != 0);
        let last = row.iter().rposition(|&pixel| pixel != 0);
        if let (Some(first), Some(last)) = (first, last) {
            let [x1, y1, x2, _] = corners.unwrap_or([first, y, last + 1, y + 1]);
            corners = Some([x1.min(first), y1, x2.max(last + 1), y + 1]);
        }
    }
    corners.map(|corners| BoundingBox::new(corners.map(|x| x as f64), BoxFormat::Xyxy)).transpose()
}
