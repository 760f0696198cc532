//! Boxes with names and scores on a picture.

use ocelli_data::annotation::{BoxFormat as Format, Object};
use ocelli_tensor::{Error as TensorError, Tensor};

use super::canvas::{Area, Canvas, Color};
use super::palette::Palette;
use super::shapes::{Point, fill_polygon, stroke};
use super::style::{Style, opacity};
use super::tags::{Tag, draw_tags};
use crate::host::elements;
use crate::ops::rotated::{self, RotatedFormat};
use crate::{Error, Result, host};

const OP: &str = "draw_boxes";

/// Draws boxes, each with a tag that says class and score. Lines and letters follow the picture's size unless they are chosen.
///
/// Tags lie in the picture, above their boxes where there is room, and keep clear of each other where they can. The surest detection is drawn
/// last, over all others.
///
/// ```
/// use ocelli_tensor::{DType, Tensor};
/// use ocelli_vision::visualize::BoxPainter;
/// # fn main() -> ocelli_vision::Result<()> {
/// let picture = Tensor::zeros([3, 120, 160], DType::U8)?;
/// let boxes = Tensor::new([[20.0f32, 30.0, 90.0, 100.0], [80.0, 10.0, 150.0, 60.0]])?;
/// let (labels, scores) = (Tensor::new([0i64, 1])?, Tensor::new([0.93f32, 0.41])?);
/// let painter = BoxPainter::new().class_names(["cat", "dog"]);
/// let drawn = painter.draw(&picture, &boxes, Some(&labels), Some(&scores))?;
/// assert_eq!(drawn.shape()[..], [3, 120, 160]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct BoxPainter {
    names: Vec<String>,
    palette: Palette,
    style: Style,
    fill: f64,
    untagged: bool,
}

/// What a box is drawn as.
struct Shape {
    /// Left, top, right, bottom; of a turned box, those around it.
    around: [f64; 4],
    corners: Option<[Point; 4]>,
    color: Color,
    text: String,
}

impl Shape {
    /// Where the tag belongs: of a turned box, at its topmost corner.
    fn tagged(&self) -> [f64; 4] {
        let [x1, y1, x2, y2] = self.around;
        let top = self.corners.and_then(|corners| corners.into_iter().min_by(|a, b| a[1].total_cmp(&b[1])));
        [top.map_or(x1, |top| top[0]), y1, x2, y2]
    }
}

impl BoxPainter {
    /// Outlines in the default palette.
    pub fn new() -> Self {
        BoxPainter::default()
    }

    /// The names of the classes by number. Others are called by their number.
    #[must_use]
    pub fn class_names<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.names = names.into_iter().map(Into::into).collect();
        self
    }

    /// The colours: by class, or, without classes, by the number of the box.
    #[must_use]
    pub fn palette(mut self, palette: Palette) -> Self {
        self.palette = palette;
        self
    }

    /// The width of lines, in pixels.
    #[must_use]
    pub fn line_width(mut self, pixels: f64) -> Self {
        self.style.line_width = Some(pixels);
        self
    }

    /// The height of a line of text, in pixels. Letters are never higher than the picture.
    #[must_use]
    pub fn font_size(mut self, pixels: f64) -> Self {
        self.style.font_size = Some(pixels);
        self
    }

    /// How much of their colour boxes are filled with, 0 (the default, not at all) to 1.
    #[must_use]
    pub fn fill(mut self, opacity: f64) -> Self {
        self.fill = opacity;
        self
    }

    /// Without tags.
    #[must_use]
    pub fn without_tags(mut self) -> Self {
        self.untagged = true;
        self
    }

    /// The picture with boxes `[N, 4]` ([`BoxFormat::Xyxy`](crate::ops::BoxFormat::Xyxy), a float dtype), as `[3, H, W]` of `u8`. The picture is `[H, W]`, `[1, H, W]` or `[3, H,
    /// W]`, of `u8` or of floats in `0..=1`. `labels` `[N]` are integers from 0 on, `scores` `[N]` floats. Boxes may reach out of
    /// the picture or lie outside of it; there may be none.
    ///
    /// # Errors
    /// Unless shapes and dtypes are these, the picture and the boxes are finite, and no box has its right or lower side first.
    pub fn draw(
        &self,
        picture: &Tensor,
        boxes: &Tensor,
        labels: Option<&Tensor>,
        scores: Option<&Tensor>,
    ) -> Result<Tensor> {
        let canvas = Canvas::of_picture(OP, picture)?;
        let corners = host::boxes(OP, boxes)?;
        let facts = self.facts(corners.len(), labels, scores)?;
        let mut shapes = Vec::with_capacity(corners.len());
        for (i, (around, (color, text))) in corners.into_iter().zip(facts).enumerate() {
            let [x1, y1, x2, y2] = around;
            if !(around.iter().all(|x| x.is_finite()) && x1 <= x2 && y1 <= y2) {
                let message = format!("expected finite left ≤ right and top ≤ bottom of box {i}, received {around:?}");
                return Err(Error::argument(OP, message));
            }
            shapes.push(Shape { around, corners: None, color, text });
        }
        self.paint(canvas, shapes, scores)
    }

    /// The picture with rotated boxes `[N, 5]` or `[N, 8]` of any [`RotatedFormat`]; otherwise as [`BoxPainter::draw`].
    ///
    /// ```
    /// use ocelli_tensor::{DType, Tensor};
    /// use ocelli_vision::ops::rotated::RotatedFormat;
    /// use ocelli_vision::visualize::BoxPainter;
    /// # fn main() -> ocelli_vision::Result<()> {
    /// let picture = Tensor::ones([1, 90, 90], DType::F32)?;
    /// // Centre, width, height, degrees.
    /// let boxes = Tensor::new([[45.0f32, 45.0, 60.0, 20.0, 30.0]])?;
    /// let drawn = BoxPainter::new().draw_rotated(&picture, &boxes, RotatedFormat::Cxcywhr, None, None)?;
    /// assert_eq!(drawn.shape()[..], [3, 90, 90]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Unless shapes and dtypes are these, and picture and corners are finite.
    pub fn draw_rotated(
        &self,
        picture: &Tensor,
        boxes: &Tensor,
        format: RotatedFormat,
        labels: Option<&Tensor>,
        scores: Option<&Tensor>,
    ) -> Result<Tensor> {
        let canvas = Canvas::of_picture(OP, picture)?;
        if boxes.rank() != 2 {
            let expected = format!("rotated boxes of shape [N, {}]", format.width());
            return Err(TensorError::shape(OP, expected, boxes.shape()).into());
        }
        let boxes = rotated::convert(boxes, format, RotatedFormat::Xyxyxyxy)?;
        let corners = elements::<f64>(&boxes)?.into_owned();
        let corners = corners.as_chunks::<8>().0;
        let facts = self.facts(corners.len(), labels, scores)?;
        let mut shapes = Vec::with_capacity(corners.len());
        for (i, (numbers, (color, text))) in corners.iter().zip(facts).enumerate() {
            if let Some(number) = numbers.iter().find(|x| !x.is_finite()) {
                return Err(Error::argument(OP, format!("expected finite corners of box {i}, received {number}")));
            }
            let corners = [0, 1, 2, 3].map(|i| [numbers[2 * i], numbers[2 * i + 1]]);
            let least = |axis: usize| corners.iter().map(|corner| corner[axis]).fold(f64::INFINITY, f64::min);
            let most = |axis: usize| corners.iter().map(|corner| corner[axis]).fold(f64::NEG_INFINITY, f64::max);
            shapes.push(Shape { around: [least(0), least(1), most(0), most(1)], corners: Some(corners), color, text });
        }
        self.paint(canvas, shapes, scores)
    }

    /// The picture with the boxes and classes of a data set's objects.
    ///
    /// ```
    /// use ocelli_data::annotation::{BoundingBox, BoxFormat, Object};
    /// use ocelli_tensor::{DType, Tensor};
    /// use ocelli_vision::visualize::BoxPainter;
    /// # fn main() -> ocelli_vision::Result<()> {
    /// let picture = Tensor::zeros([3, 60, 80], DType::U8)?;
    /// let cat = Object::new(3, BoundingBox::new([10.0, 20.0, 30.0, 50.0], BoxFormat::Xyxy)?);
    /// assert_eq!(BoxPainter::new().draw_objects(&picture, &[cat])?.shape()[..], [3, 60, 80]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`BoxPainter::draw`].
    pub fn draw_objects(&self, picture: &Tensor, objects: &[Object]) -> Result<Tensor> {
        let corners = objects.iter().flat_map(|object| object.bounding_box.to_array(Format::Xyxy)).collect();
        let boxes = Tensor::from_vec::<f64>(corners, [objects.len(), 4])?;
        let labels = objects.iter().map(|object| i64::try_from(object.class).unwrap_or(i64::MAX)).collect();
        self.draw(picture, &boxes, Some(&Tensor::from_vec::<i64>(labels, [objects.len()])?), None)
    }

    /// Color and text of each box.
    fn facts(&self, count: usize, labels: Option<&Tensor>, scores: Option<&Tensor>) -> Result<Vec<(Color, String)>> {
        let labels = labels.map(|labels| classes(OP, labels, count)).transpose()?;
        let scores = scores.map(|scores| host::scores(OP, count, scores)).transpose()?;
        let fact = |i: usize| {
            let class = labels.as_ref().map(|labels| labels[i]);
            let name = class.map(|class| match self.names.get(class) {
                Some(name) => name.clone(),
                None => class.to_string(),
            });
            let score = scores.as_ref().map(|scores| format!("{:.2}", scores[i]));
            let words: Vec<String> = name.into_iter().chain(score).filter(|word| !word.is_empty()).collect();
            (self.palette.color(class.unwrap_or(i)), words.join(" "))
        };
        Ok((0..count).map(fact).collect())
    }

    fn paint(&self, mut canvas: Canvas, shapes: Vec<Shape>, scores: Option<&Tensor>) -> Result<Tensor> {
        let width = self.style.line_width(OP, &canvas)?;
        let font_size = self.style.font_size(OP, &canvas)?;
        let fill = opacity(OP, self.fill)?;
        let size = [canvas.width() as f64, canvas.height() as f64];
        let mut order: Vec<usize> = (0..shapes.len()).collect();
        if let Some(scores) = scores {
            let scores = host::scores(OP, shapes.len(), scores)?;
            order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        }
        let seen = |shape: &Shape| {
            let [x1, y1, x2, y2] = shape.around;
            x1 < size[0] && y1 < size[1] && x2 > 0.0 && y2 > 0.0
        };
        order.retain(|&i| shapes.get(i).is_some_and(seen));
        let shapes: Vec<&Shape> = order.iter().map(|&i| &shapes[i]).collect();
        for shape in shapes.iter().rev() {
            match shape.corners {
                Some(corners) => {
                    fill_polygon(&mut canvas, &corners, shape.color, fill)?;
                    let closed = [corners[0], corners[1], corners[2], corners[3], corners[0]];
                    stroke(&mut canvas, &closed, width, shape.color)?;
                }
                None => rectangle(&mut canvas, shape.around, width.round() as usize, shape.color, fill),
            }
        }
        if !self.untagged {
            let tag = |shape: &&Shape| Tag { text: shape.text.clone(), color: shape.color, place: shape.tagged() };
            let tags: Vec<Tag> = shapes.iter().filter(|shape| !shape.text.is_empty()).map(tag).collect();
            draw_tags(&mut canvas, &tags, font_size, width.round() as usize)?;
        }
        canvas.into_tensor()
    }
}

/// An upright box: its sides are whole pixels, half of their width outside; a side that lies outside of the picture is not drawn.
fn rectangle(canvas: &mut Canvas, corners: [f64; 4], width: usize, color: Color, fill: f32) {
    let size = [canvas.width() as i64, canvas.height() as i64];
    // Far corners are as good as those just outside.
    let near = |x: f64| x.round().clamp(-1e6, 1e9) as i64;
    let [x1, y1, x2, y2] = corners.map(near);
    let (outer, inner) = ((width / 2) as i64, width.div_ceil(2) as i64);
    let area = |left: i64, top: i64, right: i64, bottom: i64| {
        let [left, right] = [left, right].map(|x| x.clamp(0, size[0]) as usize);
        let [top, bottom] = [top, bottom].map(|y| y.clamp(0, size[1]) as usize);
        Area { left, top, width: right.saturating_sub(left), height: bottom.saturating_sub(top) }
    };
    if fill > 0.0 {
        canvas.tint(area(x1, y1, x2, y2), color, fill);
    }
    let sides = [
        area(x1 - outer, y1 - outer, x2 + outer, y1 + inner),
        area(x1 - outer, y2 - inner, x2 + outer, y2 + outer),
        area(x1 - outer, y1 - outer, x1 + inner, y2 + outer),
        area(x2 - inner, y1 - outer, x2 + outer, y2 + outer),
    ];
    sides.into_iter().for_each(|side| canvas.fill(side, color));
}

/// The classes `[count]` of objects: integers from 0 on.
pub(super) fn classes(op: &'static str, labels: &Tensor, count: usize) -> Result<Vec<usize>> {
    let class = |label: i64| {
        let refused = |_| Error::argument(op, format!("expected labels from 0 on, received {label}"));
        usize::try_from(label).map_err(refused)
    };
    host::labels(op, count, labels)?.into_iter().map(class).collect()
}
