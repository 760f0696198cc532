//! One view of a picture, and the way back of what is found in it.

use ocelli_tensor::{DType, Tensor};

use crate::annotation::{BoundingBox, ClassMap, Keypoint, Keypoints, Skeleton};
use crate::augment::geometry::{Geometry, Matrix, Moves, Scale};
use crate::augment::{Fill, Filter, several_crops};
use crate::reserve::with_capacity;
use crate::{Error, Image, Result};

/// A view of a picture: mirrored, turned, scaled, cut out, in any order; and where in the picture its places are.
///
/// A network is asked about each view. [`merge_scores`](super::merge_scores) makes one of the class scores of all; boxes and keypoints come back to the picture by [`View::boxes_back`] and
/// [`View::keypoints_back`], class maps and scores of pixels by [`View::class_map_back`] and [`View::scores_back`]. The boxes of all views, brought back, are merged by `ocelli_vision::ops`:
/// `merge_views` does both, by `weighted_boxes_fusion` or `batched_nms`.
///
/// ```
/// use ocelli_data::Image;
/// use ocelli_data::annotation::{BoundingBox, BoxFormat};
/// use ocelli_data::augment::View;
/// # fn main() -> ocelli_data::Result<()> {
/// let image = Image::from_u8([40, 60, 1], vec![0; 2400])?;
/// let view = View::new(image).flipped_horizontally()?.scaled(2.0)?;
/// assert_eq!(view.image().shape(), [80, 120, 1]);
/// // What is found at the left of the view is at the right of the picture.
/// let found = BoundingBox::new([0.0, 10.0, 20.0, 30.0], BoxFormat::Xyxy)?;
/// assert_eq!(view.boxes_back(&[found])?[0].to_array(BoxFormat::Xyxy), [50.0, 5.0, 60.0, 15.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    image: Image,
    /// `[height, width]` of the picture.
    whole: [usize; 2],
    /// Where points of the picture lie in the view.
    forward: Matrix,
    mirrored: bool,
}

impl View {
    /// The whole picture.
    pub fn new(image: Image) -> Self {
        View { whole: image.size(), image, forward: Matrix::shift(0.0, 0.0), mirrored: false }
    }

    /// The picture and its mirror image.
    ///
    /// # Errors
    /// Only if memory runs out.
    pub fn flips(image: &Image) -> Result<Vec<View>> {
        Ok(vec![View::new(image.clone()), View::new(image.clone()).flipped_horizontally()?])
    }

    /// The picture at several sizes.
    ///
    /// # Errors
    /// As [`View::scaled`].
    pub fn scales(image: &Image, factors: &[f64]) -> Result<Vec<View>> {
        factors.iter().map(|&factor| View::new(image.clone()).scaled(factor)).collect()
    }

    /// The four corners and the middle of `[height, width]`, then those of the mirror image: [`ten_crop`](crate::augment::ten_crop)'s, in its order.
    ///
    /// # Errors
    /// [`Error::Argument`] if the picture is smaller.
    pub fn ten_crop(image: &Image, size: [usize; 2]) -> Result<Vec<View>> {
        let mut views = Vec::with_capacity(10);
        for whole in View::flips(image)? {
            for start in several_crops::five_starts(image.size(), size)? {
                views.push(whole.clone().cropped(size, start)?);
            }
        }
        Ok(views)
    }

    /// With left and right swapped.
    ///
    /// # Errors
    /// Only if memory runs out.
    pub fn flipped_horizontally(self) -> Result<View> {
        let moves = Moves::flip(self.image.size(), [false, true]);
        View { mirrored: !self.mirrored, ..self }.moved(&moves)
    }

    /// With top and bottom swapped.
    ///
    /// # Errors
    /// Only if memory runs out.
    pub fn flipped_vertically(self) -> Result<View> {
        let moves = Moves::flip(self.image.size(), [true, false]);
        View { mirrored: !self.mirrored, ..self }.moved(&moves)
    }

    /// Turned counter-clockwise by so many right angles.
    ///
    /// # Errors
    /// Only if memory runs out.
    pub fn turned(self, quarters: usize) -> Result<View> {
        let moves = Moves::turn(self.image.size(), quarters);
        self.moved(&moves)
    }

    /// Both sides multiplied by a factor and rounded, at least 1, bilinearly.
    ///
    /// # Errors
    /// [`Error::Argument`] unless the factor is finite and above 0, the picture has pixels, and the result is not too large: see [`Resize::resize`](crate::augment::Resize::resize).
    pub fn scaled(self, factor: f64) -> Result<View> {
        if !(factor.is_finite() && factor > 0.0) {
            return Err(Error::argument("view", format!("expected a finite factor above 0, received {factor}")));
        }
        let size = self.image.size().map(|side| ((side as f64 * factor).round() as usize).max(1));
        self.resized(size, Filter::Bilinear)
    }

    /// Stretched to `[height, width]`.
    ///
    /// # Errors
    /// [`Error::Argument`] if a size is 0, or too large.
    pub fn resized(self, size: [usize; 2], filter: Filter) -> Result<View> {
        let scale = Scale::new(self.image.size(), size, filter)?;
        self.moved(&scale)
    }

    /// The piece of `[height, width]` whose first pixel is `[row, column]`.
    ///
    /// # Errors
    /// [`Error::Argument`] unless it lies within the view.
    pub fn cropped(self, size: [usize; 2], start: [usize; 2]) -> Result<View> {
        let old = self.image.size();
        let inside = |axis: usize| start[axis].checked_add(size[axis]).is_some_and(|end| end <= old[axis]);
        if !(inside(0) && inside(1)) {
            let message = format!("expected a piece within {old:?}, received {size:?} from {start:?} on");
            return Err(Error::argument("view", message));
        }
        self.moved(&Moves::crop(size, start.map(|at| at as i64), Fill::black()))
    }

    fn moved(self, geometry: &dyn Geometry) -> Result<View> {
        // It keeps upright lines upright, so three points tell all.
        let ([x, y], [x_x, x_y], [y_x, y_y]) =
            (geometry.forward([0.0, 0.0]), geometry.forward([1.0, 0.0]), geometry.forward([0.0, 1.0]));
        let step = Matrix::affine([x_x - x, y_x - x, x], [x_y - y, y_y - y, y]);
        Ok(View { image: geometry.image(&self.image)?, forward: step.after(&self.forward), ..self })
    }

    /// What is to be looked at.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// `[height, width]` of the picture.
    pub fn whole(&self) -> [usize; 2] {
        self.whole
    }

    fn backward(&self) -> Result<Matrix> {
        let refused = || {
            let message = format!("expected a view with pixels, received one of {:?}", self.image.size());
            Error::argument("view", message)
        };
        self.forward.inverse().ok_or_else(refused)
    }

    /// Where points `[x, y]` of the view are in the picture.
    ///
    /// # Errors
    /// [`Error::Argument`] if the view has no pixels.
    pub fn points_back(&self, points: &[[f64; 2]]) -> Result<Vec<[f64; 2]>> {
        let backward = self.backward()?;
        Ok(points.iter().map(|&point| backward.apply(point)).collect())
    }

    /// Where boxes of the view are in the picture; they are not cut off.
    ///
    /// # Errors
    /// [`Error::Argument`] if the view has no pixels, or a corner gets too far away.
    pub fn boxes_back(&self, boxes: &[BoundingBox]) -> Result<Vec<BoundingBox>> {
        let backward = self.backward()?;
        let back = |place: &BoundingBox| {
            let corners = [place.min(), place.max()].map(|corner| backward.apply(corner));
            Ok(BoundingBox::around(corners)?.unwrap_or_default())
        };
        boxes.iter().map(back).collect()
    }

    /// Where keypoints of the view are in the picture. If the view is a mirror image, what was found as the left hand is the right one, of which `skeleton` tells.
    ///
    /// # Errors
    /// [`Error::Argument`] if the view has no pixels, a point gets too far away, or the skeleton is of another number of keypoints.
    pub fn keypoints_back(&self, keypoints: &Keypoints, skeleton: Option<&Skeleton>) -> Result<Keypoints> {
        let backward = self.backward()?;
        let back = |point: Keypoint| {
            let [x, y] = backward.apply([point.x, point.y]);
            if point.is_labelled() { Keypoint { x, y, ..point } } else { point }
        };
        let points = keypoints.points();
        let moved = match skeleton.filter(|_| self.mirrored) {
            Some(skeleton) if skeleton.flip().len() != points.len() => {
                let message = format!(
                    "expected the {} keypoints of the skeleton, received {}",
                    skeleton.flip().len(),
                    points.len()
                );
                return Err(Error::argument("view", message));
            }
            Some(skeleton) => skeleton.flip().iter().map(|&from| back(points[from])).collect(),
            None => points.iter().map(|&point| back(point)).collect(),
        };
        Keypoints::new(moved)
    }

    /// A class map of the view as one of the picture: the class of the nearest pixel, [`ClassMap::IGNORE`] where the view does not show the picture.
    ///
    /// # Errors
    /// [`Error::Argument`] unless it has the view's size.
    pub fn class_map_back(&self, map: &ClassMap) -> Result<ClassMap> {
        self.check_size(map.size())?;
        let [height, width] = self.image.size();
        let mut classes = with_capacity(self.whole[0] * self.whole[1])?;
        for_each_pixel(self.whole, |point| {
            let [x, y] = self.forward.apply(point);
            let inside = (0.0..width as f64).contains(&x) && (0.0..height as f64).contains(&y);
            classes.push(if inside { map.classes()[y as usize * width + x as usize] } else { ClassMap::IGNORE });
        });
        ClassMap::new(self.whole, classes)
    }

    /// Scores of the view's pixels, of a float type and shape `[classes, height, width]`, as `f32` ones of the picture's: linear between the middles of pixels, and 0 where the view does not
    /// show the picture. Their mean over several views, by [`merge_scores`](super::merge_scores), is as much too small for all classes where only some of them show a pixel.
    ///
    /// # Errors
    /// [`Error::Tensor`] unless they are of a float type and this rank, [`Error::Argument`] unless they have the view's size.
    pub fn scores_back(&self, scores: &Tensor) -> Result<Tensor> {
        if scores.rank() != 3 {
            let expected = "scores of shape [classes, height, width]";
            return Err(ocelli_tensor::Error::shape("view", expected, scores.shape()).into());
        }
        if !scores.dtype().is_float() {
            return Err(ocelli_tensor::Error::dtype("view", "a float dtype", scores.dtype()).into());
        }
        let classes = scores.size(0)?;
        self.check_size([scores.size(1)?, scores.size(2)?])?;
        let [height, width] = self.image.size();
        let old = scores.to_dtype(DType::F32)?.to_vec::<f32>()?;
        let plane = self.whole[0] * self.whole[1];
        let mut new = crate::reserve::filled(0.0f32, plane.saturating_mul(classes))?;
        let mut at = 0;
        for_each_pixel(self.whole, |point| {
            let [x, y] = self.forward.apply(point);
            if (0.0..width as f64).contains(&x) && (0.0..height as f64).contains(&y) {
                let split = |at: f64, size: usize| {
                    let at = (at - 0.5).clamp(0.0, (size - 1) as f64);
                    (at as usize, (at as usize + 1).min(size - 1), at.fract() as f32)
                };
                let ((left, right, dx), (top, bottom, dy)) = (split(x, width), split(y, height));
                for class in 0..classes {
                    let of = |row: usize, column: usize| old[(class * height + row) * width + column];
                    let upper = of(top, left) + dx * (of(top, right) - of(top, left));
                    let lower = of(bottom, left) + dx * (of(bottom, right) - of(bottom, left));
                    new[class * plane + at] = upper + dy * (lower - upper);
                }
            }
            at += 1;
        });
        Ok(Tensor::from_vec(new, [classes, self.whole[0], self.whole[1]])?)
    }

    fn check_size(&self, received: [usize; 2]) -> Result<()> {
        let expected = self.image.size();
        if received == expected {
            return Ok(());
        }
        let message = format!("expected the view's [height, width] = {expected:?}, received {received:?}");
        Err(Error::argument("view", message))
    }
}

/// The middles of all pixels, row by row.
fn for_each_pixel([height, width]: [usize; 2], mut f: impl FnMut([f64; 2])) {
    for row in 0..height {
        (0..width).for_each(|column| f([column as f64 + 0.5, row as f64 + 0.5]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pixels;
    use crate::annotation::BoxFormat;
    use crate::augment::ten_crop;

    fn image() -> Image {
        Image::from_u8([6, 8, 1], (0..48).collect()).unwrap()
    }

    fn views() -> Vec<View> {
        let new = || View::new(image());
        vec![
            new(),
            new().flipped_horizontally().unwrap(),
            new().flipped_vertically().unwrap(),
            new().turned(1).unwrap(),
            new().turned(3).unwrap().flipped_vertically().unwrap(),
            new().cropped([4, 5], [1, 2]).unwrap().turned(2).unwrap(),
            new().turned(1).unwrap().cropped([3, 3], [4, 1]).unwrap().flipped_horizontally().unwrap(),
        ]
    }

    #[test]
    fn places_and_maps_come_back() {
        for view in views() {
            let [height, width] = view.image().size();
            let Pixels::U8(pixels) = view.image().pixels() else { panic!("bytes stay bytes") };
            let mut all = Vec::new();
            for_each_pixel([height, width], |point| all.push(point));
            // The number of a pixel of the picture says where it is.
            for (&pixel, [x, y]) in pixels.iter().zip(view.points_back(&all).unwrap()) {
                assert_eq!([x, y], [f64::from(pixel % 8) + 0.5, f64::from(pixel / 8) + 0.5], "{view:?}");
            }
            let map = ClassMap::new([height, width], pixels.iter().map(|&x| u16::from(x)).collect()).unwrap();
            let back = view.class_map_back(&map).unwrap();
            let seen = back.classes().iter().enumerate().filter(|&(i, &class)| {
                assert!(usize::from(class) == i || class == ClassMap::IGNORE);
                class != ClassMap::IGNORE
            });
            assert_eq!(seen.count(), height * width);
            // Scores: a plane of the pixel's number, and one of ones.
            let floats = pixels.iter().map(|&x| f32::from(x)).chain(vec![1.0; pixels.len()]).collect();
            let scores = view.scores_back(&Tensor::from_vec(floats, [2, height, width]).unwrap()).unwrap();
            assert_eq!(scores.shape()[..], [2, 6, 8]);
            let scores = scores.to_vec::<f32>().unwrap();
            for (i, &class) in back.classes().iter().enumerate() {
                let expected = if class == ClassMap::IGNORE { [0.0, 0.0] } else { [i as f32, 1.0] };
                assert_eq!([scores[i], scores[48 + i]], expected);
            }
        }
    }

    #[test]
    fn boxes_and_keypoints_come_back() {
        let skeleton = Skeleton::new("stick", ["left", "right"], [[0, 1]]).unwrap();
        for view in views().into_iter().chain(View::scales(&image(), &[0.5, 2.0, 1.3]).unwrap()) {
            let place = BoundingBox::new([3.0, 2.0, 5.0, 4.5], BoxFormat::Xyxy).unwrap();
            let [a, b] = [place.min(), place.max()].map(|point| view.forward.apply(point));
            let there = BoundingBox::around([a, b]).unwrap().unwrap();
            let back = view.boxes_back(&[there]).unwrap()[0].to_array(BoxFormat::Xyxy);
            assert!(back.iter().zip([3.0, 2.0, 5.0, 4.5]).all(|(a, b)| (a - b).abs() < 1e-12), "{back:?}");
            let found = Keypoints::from_flat(&[a[0], a[1], 2.0, b[0], b[1], 1.0]).unwrap();
            let mirrored = view.keypoints_back(&found, Some(&skeleton)).unwrap().to_flat();
            let plain = view.keypoints_back(&found, None).unwrap().to_flat();
            let near = |a: &[f64], b: [f64; 6]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
            assert!(near(&plain, [3.0, 2.0, 2.0, 5.0, 4.5, 1.0]), "{plain:?}");
            let swapped = [5.0, 4.5, 1.0, 3.0, 2.0, 2.0];
            assert!(near(&mirrored, if view.mirrored { swapped } else { [3.0, 2.0, 2.0, 5.0, 4.5, 1.0] }));
            let three = Keypoints::visible([[0.0, 0.0]; 3]).unwrap();
            assert_eq!(view.keypoints_back(&three, Some(&skeleton)).is_err(), view.mirrored);
        }
    }

    #[test]
    fn ten_crops_are_those_of_the_pictures() {
        let views = View::ten_crop(&image(), [3, 4]).unwrap();
        let crops = ten_crop(&image(), [3, 4], false).unwrap();
        assert_eq!(views.iter().map(|view| view.image().clone()).collect::<Vec<_>>(), crops);
        assert!(View::ten_crop(&image(), [7, 4]).is_err());
    }

    #[test]
    fn scores_of_larger_views_come_back_smooth() {
        let view = View::new(image()).scaled(2.0).unwrap();
        // A slope stays one, but for the edge.
        let slope = (0..12 * 16).map(|i| (i % 16) as f32 + 0.5).collect();
        let back = view.scores_back(&Tensor::from_vec(slope, [1, 12, 16]).unwrap()).unwrap().to_vec::<f32>().unwrap();
        assert!(back.iter().enumerate().all(|(i, x)| (x - ((i % 8) as f32 * 2.0 + 1.0)).abs() < 1e-5), "{back:?}");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let floats = Tensor::new([1.0f32, -1.0]).unwrap();
        let view = View::new(image());
        for factor in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert!(view.clone().scaled(factor).is_err(), "{factor}");
        }
        assert!(view.clone().cropped([6, 8], [0, 1]).is_err());
        assert!(view.clone().cropped([usize::MAX, 1], [1, 0]).is_err());
        assert!(view.class_map_back(&ClassMap::new([8, 6], vec![0; 48]).unwrap()).is_err());
        assert!(view.scores_back(&floats).is_err());
        assert!(view.scores_back(&Tensor::zeros([2, 8, 6], DType::F32).unwrap()).is_err());
        assert!(view.scores_back(&Tensor::zeros([2, 6, 8], DType::I64).unwrap()).is_err());
        let nothing = View::new(Image::from_u8([0, 3, 1], vec![]).unwrap());
        assert!(nothing.clone().scaled(2.0).is_err() && nothing.flipped_horizontally().is_ok());
    }
}
