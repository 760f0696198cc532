//! Keypoints and skeletons on a picture.

use ocelli_data::annotation::{Keypoint, Keypoints, Skeleton, Visibility};
use ocelli_tensor::{Error as TensorError, Tensor};

use super::canvas::{Canvas, Color};
use super::palette::{Palette, ink_on};
use super::shapes::{Point, dashed, disc, stroke};
use super::style::Style;
use crate::host::elements;
use crate::{Error, Result};

const OP: &str = "draw_keypoints";

/// Draws keypoints and the limbs between them. A visible point is a disc, a hidden one a ring, and a limb with a hidden end is dashed; what is not
/// labelled is left out.
///
/// The left side of a skeleton has the palette's first colour, the right side the second, all else the third; a skeleton without
/// sides has a colour for each point. [`KeypointPainter::by_object`] gives each object one instead.
///
/// ```
/// use ocelli_data::annotation::{Keypoints, Skeleton};
/// use ocelli_tensor::{DType, Tensor};
/// use ocelli_vision::visualize::KeypointPainter;
/// # fn main() -> ocelli_vision::Result<()> {
/// let picture = Tensor::zeros([3, 40, 60], DType::U8)?;
/// let painter = KeypointPainter::new(Skeleton::new("stick", ["left end", "right end"], [[0, 1]])?);
/// let stick = Keypoints::from_flat(&[10.0, 5.0, 2.0, 50.0, 30.0, 1.0])?;
/// let drawn = painter.draw(&picture, &[stick])?;
/// assert_eq!(drawn.shape()[..], [3, 40, 60]);
///
/// // The same as a tensor: x, y, and 0 for not labelled, 1 for hidden, 2 for visible.
/// let stick = Tensor::new([[[10.0f32, 5.0, 2.0], [50.0, 30.0, 1.0]]])?;
/// assert_eq!(painter.draw_tensor(&picture, &stick)?.to_vec::<u8>()?, drawn.to_vec::<u8>()?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct KeypointPainter {
    skeleton: Skeleton,
    palette: Palette,
    style: Style,
    radius: Option<f64>,
    by_object: bool,
}

impl KeypointPainter {
    /// In the default palette, by side.
    pub fn new(skeleton: Skeleton) -> Self {
        KeypointPainter {
            skeleton,
            palette: Palette::default(),
            style: Style::default(),
            radius: None,
            by_object: false,
        }
    }

    /// The colours.
    #[must_use]
    pub fn palette(mut self, palette: Palette) -> Self {
        self.palette = palette;
        self
    }

    /// One colour for each object.
    #[must_use]
    pub fn by_object(mut self) -> Self {
        self.by_object = true;
        self
    }

    /// The width of limbs, in pixels.
    #[must_use]
    pub fn line_width(mut self, pixels: f64) -> Self {
        self.style.line_width = Some(pixels);
        self
    }

    /// The radius of points, in pixels; it follows from the width of limbs unless it is chosen.
    #[must_use]
    pub fn radius(mut self, pixels: f64) -> Self {
        self.radius = Some(pixels);
        self
    }

    /// The picture with objects' keypoints, as `[3, H, W]` of `u8`. The picture is `[H, W]`, `[1, H, W]` or `[3, H, W]`, of `u8` or of floats in
    /// `0..=1`. Points may lie outside; there may be no objects.
    ///
    /// # Errors
    /// Unless the picture is one and finite, and objects have as many points as the skeleton.
    pub fn draw(&self, picture: &Tensor, objects: &[Keypoints]) -> Result<Tensor> {
        let mut canvas = Canvas::of_picture(OP, picture)?;
        let width = self.style.line_width(OP, &canvas)?;
        let radius = match self.radius {
            None => (1.6 * width).max(2.0),
            // As large as the picture covers all of it.
            Some(radius) if radius > 0.0 && radius.is_finite() => radius.min((canvas.width() + canvas.height()) as f64),
            Some(radius) => {
                return Err(Error::argument(OP, format!("expected a radius above 0 pixels, received {radius}")));
            }
        };
        for (i, object) in objects.iter().enumerate() {
            if object.len() != self.skeleton.len() {
                let message =
                    format!("expected {} keypoints of object {i}, received {}", self.skeleton.len(), object.len());
                return Err(Error::argument(OP, message));
            }
            self.paint(&mut canvas, object.points(), i, width, radius)?;
        }
        canvas.into_tensor()
    }

    /// The picture with keypoints `[N, K, 3]` of a float dtype: `x`, `y`, and 0 (not labelled), 1 (hidden) or 2 (visible); otherwise as
    /// [`KeypointPainter::draw`].
    ///
    /// # Errors
    /// Unless shape, dtype and numbers are these, and as [`KeypointPainter::draw`].
    pub fn draw_tensor(&self, picture: &Tensor, keypoints: &Tensor) -> Result<Tensor> {
        let points = self.skeleton.len();
        let count = match keypoints.shape()[..] {
            [count, k, 3] if k == points => count,
            _ => {
                let expected = format!("keypoints of shape [N, {points}, 3]");
                return Err(TensorError::shape(OP, expected, keypoints.shape()).into());
            }
        };
        if !keypoints.dtype().is_float() {
            return Err(TensorError::dtype(OP, "keypoints of a float dtype", keypoints.dtype()).into());
        }
        let numbers = elements::<f64>(keypoints)?;
        let object = |i: usize| Ok(Keypoints::from_flat(&numbers[i * points * 3..(i + 1) * points * 3])?);
        self.draw(picture, &(0..count).map(object).collect::<Result<Vec<_>>>()?)
    }

    fn paint(&self, canvas: &mut Canvas, points: &[Keypoint], object: usize, width: f64, radius: f64) -> Result<()> {
        for &[from, to] in self.skeleton.limbs() {
            let ends = [points[from], points[to]];
            if !ends.iter().all(Keypoint::is_labelled) {
                continue;
            }
            let line: [Point; 2] = ends.map(|end| [end.x, end.y]);
            // A limb across the body belongs to no side.
            let color = match (self.side(from), self.side(to)) {
                (Some(a), Some(b)) if a != b => self.color(2, object),
                (Some(a), _) | (_, Some(a)) => self.color(a, object),
                (None, None) => self.point_color(from, object),
            };
            if ends.iter().all(|end| end.visibility == Visibility::Visible) {
                stroke(canvas, &line, width, color)?;
            } else {
                dashed(canvas, &line, width, 3.0 * width, color)?;
            }
        }
        for (i, point) in points.iter().enumerate().filter(|(_, point)| point.is_labelled()) {
            let (place, color) = ([point.x, point.y], self.point_color(i, object));
            // A rim keeps the point apart from limbs and ground of its colour.
            let rim = (radius / 4.0).max(0.75);
            disc(canvas, place, radius + rim, ink_on(color))?;
            disc(canvas, place, radius, color)?;
            if point.visibility == Visibility::Hidden {
                disc(canvas, place, radius * 0.55, ink_on(color))?;
            }
        }
        Ok(())
    }

    /// Which side a point is on, 0 left and 1 right; none if it is on neither.
    fn side(&self, point: usize) -> Option<usize> {
        let flip = self.skeleton.flip();
        (flip.get(point) != Some(&point)).then(|| usize::from(!self.skeleton.names()[point].contains("left")))
    }

    fn color(&self, part: usize, object: usize) -> Color {
        self.palette.color(if self.by_object { object } else { part })
    }

    fn point_color(&self, point: usize, object: usize) -> Color {
        let sides = self.skeleton.flip().iter().enumerate().any(|(i, &other)| i != other);
        self.color(if sides { self.side(point).unwrap_or(2) } else { point }, object)
    }
}

#[cfg(test)]
mod tests {
    use ocelli_tensor::DType;

    use super::*;

    fn at(picture: &Tensor, y: isize, x: isize) -> Vec<u8> {
        picture.select(1, y).unwrap().select(1, x).unwrap().to_vec().unwrap()
    }

    #[test]
    fn visible_and_hidden_points_differ() {
        let picture = Tensor::full([3, 40, 90], 60, DType::U8).unwrap();
        let skeleton = Skeleton::new("three", ["left", "right", "far"], [[0, 1], [0, 2]]).unwrap();
        let painter = KeypointPainter::new(skeleton).radius(5.0);
        let points = Keypoints::from_flat(&[20.0, 20.0, 2.0, 60.0, 20.0, 1.0, 20.0, 35.0, 0.0]).unwrap();
        let drawn = painter.draw(&picture, &[points]).unwrap();
        let palette = Palette::default();
        assert_eq!(at(&drawn, 20, 20), palette.color(0));
        assert_eq!(at(&drawn, 20, 60), ink_on(palette.color(1)), "a ring");
        assert_eq!(at(&drawn, 16, 60), palette.color(1));
        assert_eq!(at(&drawn, 35, 20), [60; 3], "not labelled");
        let line: Vec<Vec<u8>> = (30..50).map(|x| at(&drawn, 20, x)).collect();
        assert!(line.contains(&vec![60; 3]) && line.iter().any(|x| x[0] != 60), "dashes: {line:?}");
    }

    #[test]
    fn wrong_numbers_are_refused() {
        let picture = Tensor::zeros([8, 8], DType::U8).unwrap();
        let painter = KeypointPainter::new(Skeleton::coco_person());
        assert!(painter.draw(&picture, &[]).is_ok());
        let text = painter.draw(&picture, &[Keypoints::default()]).unwrap_err().to_string();
        assert!(text.contains("expected 17 keypoints of object 0, received 0"), "{text}");
        for shape in [&[1, 16, 3][..], &[17, 3], &[1, 17, 2]] {
            assert!(painter.draw_tensor(&picture, &Tensor::zeros(shape, DType::F32).unwrap()).is_err());
        }
        for number in [f64::NAN, 0.5, 3.0] {
            assert!(painter.draw_tensor(&picture, &Tensor::full([1, 17, 3], number, DType::F64).unwrap()).is_err());
        }
        assert!(painter.draw_tensor(&picture, &Tensor::zeros([2, 17, 3], DType::F32).unwrap()).is_ok());
        assert!(painter.radius(0.0).draw(&picture, &[]).is_err());
    }
}
