//! Masks of objects laid over a picture.

use std::borrow::Cow;

use ocelli_data::annotation::{Rle, Segmentation};
use ocelli_tensor::{DType, Error as TensorError, Tensor};

use super::boxes::classes;
use super::canvas::{Canvas, Color};
use super::palette::Palette;
use super::style::{Style, opacity};
use crate::Result;
use crate::check::require_masks;
use crate::host::{elements, reserved};

const OP: &str = "draw_masks";

/// Lays translucent masks with an outline over a picture, each in the colour of its class, or, without classes, of its number.
///
/// ```
/// use ocelli_data::annotation::{Polygon, Segmentation};
/// use ocelli_tensor::{DType, Tensor};
/// use ocelli_vision::visualize::MaskPainter;
/// # fn main() -> ocelli_vision::Result<()> {
/// let picture = Tensor::full([3, 40, 60], 128, DType::U8)?;
/// let triangle = Polygon::from_flat(&[10.0, 5.0, 50.0, 20.0, 10.0, 35.0])?;
/// let triangle = Segmentation::Polygons(vec![triangle]);
/// let drawn = MaskPainter::new().opacity(0.4).draw_segmentations(&picture, &[triangle], None)?;
/// assert_eq!(drawn.shape()[..], [3, 40, 60]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct MaskPainter {
    palette: Palette,
    style: Style,
    opacity: f64,
    outline: bool,
}

impl Default for MaskPainter {
    fn default() -> Self {
        MaskPainter { palette: Palette::default(), style: Style::default(), opacity: 0.5, outline: true }
    }
}

impl MaskPainter {
    /// Masks that let half of the picture through, outlined.
    pub fn new() -> Self {
        MaskPainter::default()
    }

    /// The colours.
    #[must_use]
    pub fn palette(mut self, palette: Palette) -> Self {
        self.palette = palette;
        self
    }

    /// How much of its colour a mask is laid over the picture with, 0 to 1.
    #[must_use]
    pub fn opacity(mut self, opacity: f64) -> Self {
        self.opacity = opacity;
        self
    }

    /// The width of outlines in pixels; they lie inside of the masks.
    #[must_use]
    pub fn line_width(mut self, pixels: f64) -> Self {
        self.style.line_width = Some(pixels);
        self
    }

    /// Without outlines.
    #[must_use]
    pub fn without_outline(mut self) -> Self {
        self.outline = false;
        self
    }

    /// The picture with masks `[N, H, W]`, as `[3, H, W]` of `u8`; a later mask lies on top. Inside is `true`, what is not 0 among integers, and what is
    /// above 0.5 among floats. The picture is `[H, W]`, `[1, H, W]` or `[3, H, W]`, of `u8` or of floats in `0..=1`; `labels` `[N]` are integers from 0 on.
    ///
    /// ```
    /// use ocelli_tensor::{DType, Tensor};
    /// use ocelli_vision::visualize::MaskPainter;
    /// # fn main() -> ocelli_vision::Result<()> {
    /// let picture = Tensor::zeros([1, 4, 4], DType::F32)?;
    /// let all = Tensor::ones([1, 4, 4], DType::Bool)?;
    /// let drawn = MaskPainter::new().opacity(1.0).draw(&picture, &all, None)?;
    /// assert_eq!(drawn.select(0, 0)?.to_vec::<u8>()?, [230; 16]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Unless shapes and dtypes are these and the picture is finite.
    pub fn draw(&self, picture: &Tensor, masks: &Tensor, labels: Option<&Tensor>) -> Result<Tensor> {
        let canvas = Canvas::of_picture(OP, picture)?;
        let size = [canvas.height(), canvas.width()];
        let [count, height, width] = require_masks(OP, masks)?;
        if [height, width] != size {
            let expected = format!("masks of the picture's size, shape [N, {}, {}]", size[0], size[1]);
            return Err(TensorError::shape(OP, expected, masks.shape()).into());
        }
        let inside = if masks.dtype().is_float() { masks.gt(0.5)? } else { masks.ne(0)? };
        let inside = inside.to_dtype(DType::U8)?;
        let inside = elements::<u8>(&inside)?;
        let pixels = height * width;
        self.paint(canvas, count, labels, |i| Ok(Cow::Borrowed(&inside[i * pixels..(i + 1) * pixels])))
    }

    /// The picture with run-length encoded masks; otherwise as [`MaskPainter::draw`].
    ///
    /// ```
    /// use ocelli_data::annotation::Rle;
    /// use ocelli_tensor::{DType, Tensor};
    /// use ocelli_vision::visualize::MaskPainter;
    /// # fn main() -> ocelli_vision::Result<()> {
    /// let picture = Tensor::zeros([3, 4, 4], DType::U8)?;
    /// let right_half = Rle::from_counts([4, 4], vec![8, 8])?;
    /// let drawn = MaskPainter::new().draw_rles(&picture, &[right_half], None)?;
    /// assert_eq!(drawn.select(0, 0)?.to_vec::<u8>()?[..4], [0, 0, 230, 230]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Unless the masks have the picture's size, and as [`MaskPainter::draw`].
    pub fn draw_rles(&self, picture: &Tensor, masks: &[Rle], labels: Option<&Tensor>) -> Result<Tensor> {
        let canvas = Canvas::of_picture(OP, picture)?;
        let size = [canvas.height(), canvas.width()];
        let mask = |i: usize| {
            let mask: &Rle = &masks[i];
            if mask.size() != size {
                let message = format!("expected a mask of [height, width] = {size:?}, received {:?}", mask.size());
                return Err(crate::Error::argument(OP, message));
            }
            Ok(Cow::Owned(mask.decode()?))
        };
        self.paint(canvas, masks.len(), labels, mask)
    }

    /// The picture with what a data set says of objects, polygons or masks; otherwise as [`MaskPainter::draw`].
    ///
    /// # Errors
    /// Unless masks have the picture's size, and as [`MaskPainter::draw`].
    pub fn draw_segmentations(
        &self,
        picture: &Tensor,
        masks: &[Segmentation],
        labels: Option<&Tensor>,
    ) -> Result<Tensor> {
        let canvas = Canvas::of_picture(OP, picture)?;
        let size = [canvas.height(), canvas.width()];
        self.paint(canvas, masks.len(), labels, |i| Ok(Cow::Owned(masks[i].to_rle(size)?.decode()?)))
    }

    fn paint<'a>(
        &self,
        mut canvas: Canvas,
        count: usize,
        labels: Option<&Tensor>,
        mask: impl Fn(usize) -> Result<Cow<'a, [u8]>>,
    ) -> Result<Tensor> {
        let labels = labels.map(|labels| classes(OP, labels, count)).transpose()?;
        let amount = opacity(OP, self.opacity)?;
        let line = self.style.line_width(OP, &canvas)?.round() as usize;
        for i in 0..count {
            let color = self.palette.color(labels.as_ref().map_or(i, |labels| labels[i]));
            let mask = mask(i)?;
            lay(&mut canvas, &mask, color, amount);
            if self.outline {
                let width = canvas.width();
                lay(&mut canvas, &outline(&mask, width, line)?, color, 1.0);
            }
        }
        canvas.into_tensor()
    }
}

/// Lays a color over the pixels of a mask.
fn lay(canvas: &mut Canvas, mask: &[u8], color: Color, amount: f32) {
    let width = canvas.width();
    for (y, row) in mask.chunks_exact(width).enumerate() {
        for (x, _) in row.iter().enumerate().filter(|(_, inside)| **inside != 0) {
            canvas.blend(x, y, color, amount);
        }
    }
}

/// The pixels of a mask that are at most so many steps from what is outside, steps to corners too; outside of the picture is outside. In a time that
/// does not depend on the number of steps.
fn outline(mask: &[u8], width: usize, steps: usize) -> Result<Vec<u8>> {
    let mut near = reserved::<u8>(mask.len())?;
    near.resize(mask.len(), 0);
    // Along a row, how far the last pixel outside is behind; likewise from the other end.
    for (row, near) in mask.chunks_exact(width).zip(near.chunks_exact_mut(width)) {
        let mut sweep = |columns: &mut dyn Iterator<Item = usize>| {
            let mut behind = 0usize;
            for x in columns {
                behind = if row[x] == 0 { 0 } else { behind + 1 };
                near[x] |= u8::from(behind <= steps);
            }
        };
        sweep(&mut (0..width));
        sweep(&mut (0..width).rev());
    }
    // The same along columns, of what is near in its row.
    let mut edge = near.clone();
    let height = mask.len() / width;
    let mut sweep = |rows: &mut dyn Iterator<Item = usize>| {
        let mut behind = vec![0usize; width];
        for y in rows {
            let line = y * width..(y + 1) * width;
            for ((behind, near), edge) in behind.iter_mut().zip(&near[line.clone()]).zip(&mut edge[line]) {
                *behind = if *near != 0 { 0 } else { *behind + 1 };
                *edge |= u8::from(*behind <= steps);
            }
        }
    };
    sweep(&mut (0..height));
    sweep(&mut (0..height).rev());
    edge.iter_mut().zip(mask).for_each(|(edge, inside)| *edge &= u8::from(*inside != 0));
    Ok(edge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outlines_are_what_lies_near_the_outside() {
        let (height, width) = (23usize, 31usize);
        let mask: Vec<u8> = (0..height * width)
            .map(|i| {
                let (y, x) = ((i / width) as i32, (i % width) as i32);
                u8::from((y - 9).pow(2) + (x - 20).pow(2) < 130 && (x * 7 + y * 5) % 61 != 0)
            })
            .collect();
        for steps in [1, 2, 4] {
            let edge = outline(&mask, width, steps).unwrap();
            for (i, &edge) in edge.iter().enumerate() {
                let (y, x, reach) = ((i / width) as i32, (i % width) as i32, steps as i32);
                let outside = |v: i32, u: i32| {
                    !(0..height as i32).contains(&v)
                        || !(0..width as i32).contains(&u)
                        || mask[v as usize * width + u as usize] == 0
                };
                let near = (y - reach..=y + reach).any(|v| (x - reach..=x + reach).any(|u| outside(v, u)));
                assert_eq!(edge != 0, mask[i] != 0 && near, "({y}, {x}), {steps} steps");
            }
        }
    }

    #[test]
    fn all_kinds_of_masks_are_drawn_alike() {
        let picture = Tensor::full([3, 12, 16], 90, DType::U8).unwrap();
        let bytes: Vec<u8> = (0..2 * 12 * 16).map(|i| u8::from(i % 16 > 5 && i % 5 > 0)).collect();
        let masks = Tensor::from_vec(bytes, [2, 12, 16]).unwrap();
        let labels = Tensor::new([4i64, 1]).unwrap();
        let painter = MaskPainter::new();
        let drawn = painter.draw(&picture, &masks, Some(&labels)).unwrap().to_vec::<u8>().unwrap();
        for dtype in [DType::Bool, DType::F32, DType::I64] {
            let same = painter.draw(&picture, &masks.to_dtype(dtype).unwrap(), Some(&labels)).unwrap();
            assert_eq!(same.to_vec::<u8>().unwrap(), drawn, "{dtype:?}");
        }
        let rles = crate::ops::encode_masks(&masks).unwrap();
        assert_eq!(painter.draw_rles(&picture, &rles, Some(&labels)).unwrap().to_vec::<u8>().unwrap(), drawn);
        let segmentations: Vec<_> = rles.into_iter().map(Segmentation::Rle).collect();
        let same = painter.draw_segmentations(&picture, &segmentations, Some(&labels)).unwrap();
        assert_eq!(same.to_vec::<u8>().unwrap(), drawn);
        // Half of the colour, and nothing outside.
        let plain = MaskPainter::new().without_outline().opacity(0.5);
        let one = Tensor::zeros([1, 12, 16], DType::U8).unwrap();
        assert_eq!(plain.draw(&picture, &one, None).unwrap().to_vec::<u8>().unwrap(), vec![90; 3 * 12 * 16]);
        let all = Tensor::ones([1, 12, 16], DType::U8).unwrap();
        assert_eq!(plain.draw(&picture, &all, None).unwrap().to_vec::<u8>().unwrap()[0], 160);
        for shape in [[2, 12, 15], [1, 1, 1]] {
            assert!(painter.draw(&picture, &Tensor::zeros(shape, DType::U8).unwrap(), None).is_err());
        }
        assert!(painter.draw(&picture, &masks, Some(&Tensor::new([-1i64, 2]).unwrap())).is_err());
        assert!(MaskPainter::new().opacity(f64::NAN).draw(&picture, &masks, None).is_err());
    }
}
