//! Heat maps: numbers for places, as colours.

use ocelli_tensor::{Error as TensorError, Tensor};

use super::canvas::{Area, Canvas, Color, INK, PAPER};
use super::color_map::ColorMap;
use super::style::{LEGIBLE, Style, opacity};
use super::text::Text;
use crate::host::elements;
use crate::{Error, Result};

const OP: &str = "heat_map";
/// Where there is no number.
const NOTHING: Color = [150, 150, 150];
/// A map drawn alone is at least so long, in pixels.
const LONGEST: usize = 224;

/// Draws a map of numbers in colours, alone or over a picture, with a bar that says which colour is which number.
///
/// ```
/// use ocelli_tensor::{DType, Tensor};
/// use ocelli_vision::visualize::{ColorMap, HeatMap};
/// # fn main() -> ocelli_vision::Result<()> {
/// let map = Tensor::new([[0.0f32, 0.5], [0.7, 1.0]])?;
/// let picture = Tensor::zeros([3, 120, 160], DType::U8)?;
/// let drawn = HeatMap::new().color_map(ColorMap::Magma).color_bar(false).overlay(&picture, &map)?;
/// assert_eq!(drawn.shape()[..], [3, 120, 160]);
/// assert_eq!(HeatMap::new().color_bar(false).render(&map)?.shape()[..], [3, 224, 224]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct HeatMap {
    colors: ColorMap,
    range: Option<[f64; 2]>,
    opacity: f64,
    bar: bool,
    style: Style,
}

impl Default for HeatMap {
    fn default() -> Self {
        HeatMap { colors: ColorMap::Viridis, range: None, opacity: 0.6, bar: true, style: Style::default() }
    }
}

impl HeatMap {
    /// In viridis, from the smallest number to the largest, with a bar.
    pub fn new() -> Self {
        HeatMap::default()
    }

    /// The colours.
    #[must_use]
    pub fn color_map(mut self, colors: ColorMap) -> Self {
        self.colors = colors;
        self
    }

    /// The numbers at the ends of the colours; what is beyond has the colour of the end.
    #[must_use]
    pub fn range(mut self, least: f64, most: f64) -> Self {
        self.range = Some([least, most]);
        self
    }

    /// How much of the colours is laid over a picture, 0 to 1.
    #[must_use]
    pub fn opacity(mut self, opacity: f64) -> Self {
        self.opacity = opacity;
        self
    }

    /// Whether a bar with the numbers of the colours stands to the right.
    #[must_use]
    pub fn color_bar(mut self, bar: bool) -> Self {
        self.bar = bar;
        self
    }

    /// The height of the bar's numbers, in pixels.
    #[must_use]
    pub fn font_size(mut self, pixels: f64) -> Self {
        self.style.font_size = Some(pixels);
        self
    }

    /// The map `[H, W]` of floats or integers, as `[3, H', W']` of `u8`: a small one is enlarged by a whole factor, its elements being squares.
    /// NaN is grey.
    ///
    /// # Errors
    /// Unless shape and dtype are these, the map has elements, and the range is finite and in order.
    pub fn render(&self, map: &Tensor) -> Result<Tensor> {
        let map = Map::read(map, self.range)?;
        let factor = (LONGEST / map.height.max(map.width)).max(1);
        let mut canvas = Canvas::new(map.width * factor, map.height * factor, NOTHING)?;
        for (y, x) in (0..map.height).flat_map(|y| (0..map.width).map(move |x| (y, x))) {
            if let Some(part) = map.part(map.values[y * map.width + x]) {
                let area = Area { left: x * factor, top: y * factor, width: factor, height: factor };
                canvas.fill(area, self.colors.color(part));
            }
        }
        self.finish(canvas, &map)
    }

    /// The map over a picture `[H, W]`, `[1, H, W]` or `[3, H, W]` (`u8`, or floats in `0..=1`), as `[3, H, W]` of `u8`: with a bar it is wider. The map may have another
    /// size; it is stretched to the picture's, bilinearly. Where it is NaN the picture is seen.
    ///
    /// # Errors
    /// As [`HeatMap::render`], and unless the picture is one and finite.
    pub fn overlay(&self, picture: &Tensor, map: &Tensor) -> Result<Tensor> {
        let mut canvas = Canvas::of_picture(OP, picture)?;
        let (map, amount) = (Map::read(map, self.range)?, opacity(OP, self.opacity)?);
        let rows: Vec<_> = (0..canvas.height()).map(|y| between(y, canvas.height(), map.height)).collect();
        let columns: Vec<_> = (0..canvas.width()).map(|x| between(x, canvas.width(), map.width)).collect();
        for (y, &(y0, y1, dy)) in rows.iter().enumerate() {
            for (x, &(x0, x1, dx)) in columns.iter().enumerate() {
                let at = |y: usize, x: usize| map.values[y * map.width + x];
                // The ends of the range: infinities have no middle.
                let [a, b, c, d] = [at(y0, x0), at(y0, x1), at(y1, x0), at(y1, x1)].map(|value| map.part(value));
                let (Some(a), Some(b), Some(c), Some(d)) = (a, b, c, d) else { continue };
                let (above, below) = (a + (b - a) * dx, c + (d - c) * dx);
                canvas.blend(x, y, self.colors.color(above + (below - above) * dy), amount);
            }
        }
        self.finish(canvas, &map)
    }

    fn finish(&self, canvas: Canvas, map: &Map<'_>) -> Result<Tensor> {
        let font_size = self.style.font_size(OP, &canvas)?.max(LEGIBLE);
        let canvas = if self.bar { with_bar(&canvas, self.colors, map.range, font_size)? } else { canvas };
        canvas.into_tensor()
    }
}

/// A map and the numbers at the ends of its colours.
struct Map<'a> {
    height: usize,
    width: usize,
    values: std::borrow::Cow<'a, [f64]>,
    range: [f64; 2],
}

impl<'a> Map<'a> {
    fn read(map: &'a Tensor, range: Option<[f64; 2]>) -> Result<Self> {
        let [height, width] = match map.shape()[..] {
            [height, width] if height > 0 && width > 0 => [height, width],
            _ => return Err(TensorError::shape(OP, "a map of shape [H, W] with elements", map.shape()).into()),
        };
        if !(map.dtype().is_float() || map.dtype().is_integer()) {
            return Err(TensorError::dtype(OP, "numbers", map.dtype()).into());
        }
        let values = elements::<f64>(map)?;
        let finite = || values.iter().copied().filter(|value| value.is_finite());
        let range = match range {
            Some(range) => range,
            None => match [finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max)] {
                [least, most] if least < most => [least, most],
                // One number, or none: it has the colour of the lower end.
                [least, _] if least.is_finite() => [least, least + least.abs().max(1.0)],
                _ => [0.0, 1.0],
            },
        };
        let [least, most] = range;
        if !(least.is_finite() && most.is_finite() && least < most) {
            let message = format!("expected a finite range in order, received {least} to {most}");
            return Err(Error::argument(OP, message));
        }
        Ok(Map { height, width, values, range })
    }

    /// Where a number lies in the range, 0 to 1.
    fn part(&self, value: f64) -> Option<f64> {
        let [least, most] = self.range.map(|end| end / 2.0);
        // Halves, because the difference of two large numbers may be infinite.
        (!value.is_nan()).then(|| ((value / 2.0 - least) / (most - least)).clamp(0.0, 1.0))
    }
}

/// Between which elements of a map of `of` the pixel at `position` of `length` lies, and how far it is from the first.
fn between(position: usize, length: usize, of: usize) -> (usize, usize, f64) {
    let place = ((position as f64 + 0.5) * of as f64 / length as f64 - 0.5).clamp(0.0, (of - 1) as f64);
    let below = place as usize;
    (below, (below + 1).min(of - 1), place - below as f64)
}

/// The picture with a bar of colours to the right, and numbers beside it.
pub(super) fn with_bar(picture: &Canvas, colors: ColorMap, [least, most]: [f64; 2], font_size: f32) -> Result<Canvas> {
    let text = Text::new(font_size)?;
    let line = text.line_height();
    let (pad, thick) = ((font_size / 2.0).ceil() as usize, (font_size * 0.9).ceil() as usize);
    let height = picture.height().max(3 * line);
    let ticks = ticks([least, most], (height / (3 * line)).clamp(1, 6));
    let labels: Vec<&str> = ticks.iter().map(|(_, label)| label.as_str()).collect();
    let widest = labels.iter().map(|label| text.width(label)).fold(0.0, f32::max).ceil() as usize;
    let (left, top, bottom) = (picture.width() + pad, line / 2, height - line / 2);
    let mut canvas = Canvas::new(left + thick + pad + widest + pad, height, PAPER)?;
    canvas.paste(picture, (0, 0));
    for y in top..bottom {
        let part = 1.0 - (y - top) as f64 / (bottom - top).saturating_sub(1).max(1) as f64;
        canvas.fill(Area { left, top: y, width: thick, height: 1 }, colors.color(part));
    }
    for (part, label) in &ticks {
        let y = (bottom - 1) as f32 - (bottom - 1 - top) as f32 * part;
        canvas.fill(Area { left: left + thick, top: y as usize, width: pad / 2, height: 1 }, INK);
        text.draw(&mut canvas, ((left + thick + pad) as f32, y - font_size / 2.0), label, INK);
    }
    Ok(canvas)
}

/// Round numbers in a range, about so many, and where they lie in it, 0 to 1.
fn ticks([least, most]: [f64; 2], count: usize) -> Vec<(f32, String)> {
    // Halves, because the difference of two large numbers may be infinite.
    let rough = (most / 2.0 - least / 2.0) / count as f64 * 2.0;
    let size = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|x| x * size).into_iter().find(|step| *step >= rough * 0.8).unwrap_or(rough);
    let first = (least / step).ceil();
    let last = (most / step).floor();
    // Numbers too close to each other, or to the largest there is, have no round ones between them.
    if !(step > 0.0 && step.is_finite() && first.is_finite() && last - first < 50.0 && first + 1.0 > first) {
        return vec![(0.0, format!("{least:.3e}")), (1.0, format!("{most:.3e}"))];
    }
    let places = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
    // So many digits that neighbours differ.
    let largest = least.abs().max(most.abs());
    let digits = (largest.log10().floor() - step.log10().floor()).clamp(1.0, 15.0) as usize;
    let plain = largest < 1e5 && step >= 1e-4;
    let tick = |i: usize| {
        let value = (first + i as f64) * step;
        let part = (value / 2.0 - least / 2.0) / (most / 2.0 - least / 2.0);
        // There is no minus before zero.
        let label = if plain { format!("{:.places$}", value + 0.0) } else { format!("{:.digits$e}", value + 0.0) };
        (part.clamp(0.0, 1.0) as f32, label)
    };
    (0..=(last - first).max(0.0) as usize).map(tick).collect()
}

#[cfg(test)]
mod tests {
    use ocelli_tensor::DType;

    use super::*;

    #[test]
    fn maps_have_the_colors_of_their_numbers() {
        let map = Tensor::new([[0.0f32, f32::NAN], [2.0, 4.0]]).unwrap();
        let drawn = HeatMap::new().color_bar(false).render(&map).unwrap();
        let at = |y: isize, x: isize| drawn.select(1, y).unwrap().select(1, x).unwrap().to_vec::<u8>().unwrap();
        assert_eq!(at(0, 0), ColorMap::Viridis.color(0.0));
        assert_eq!(at(10, 200), NOTHING);
        assert_eq!(at(200, 10), ColorMap::Viridis.color(0.5));
        assert_eq!(at(223, 223), ColorMap::Viridis.color(1.0));
        let picture = Tensor::full([8, 8], 10, DType::U8).unwrap();
        let heat = HeatMap::new().opacity(1.0).color_bar(false).range(0.0, 4.0);
        let drawn = heat.overlay(&picture, &Tensor::new([[0.0f64, 4.0]]).unwrap()).unwrap();
        let row = drawn.select(1, 3).unwrap();
        let colors: Vec<Vec<u8>> = (0..8).map(|x| row.select(1, x).unwrap().to_vec().unwrap()).collect();
        let expected =
            [0.0, 0.0, 0.125, 0.375, 0.625, 0.875, 1.0, 1.0].map(|part| ColorMap::Viridis.color(part).to_vec());
        assert_eq!(colors, expected, "halfway between the elements' centres");
    }

    #[test]
    fn strange_maps_are_drawn_or_refused() {
        let maps = [
            vec![f64::NAN; 4],
            vec![3.0; 4],
            vec![f64::MAX, f64::MIN, 0.0, 1.0],
            vec![f64::INFINITY, f64::NEG_INFINITY, 0.0, 1.0],
            vec![1e-310, 0.0, 1e-320, 0.0],
        ];
        let picture = Tensor::zeros([3, 5, 5], DType::U8).unwrap();
        for numbers in maps {
            let map = Tensor::from_vec(numbers.clone(), [2, 2]).unwrap();
            assert!(HeatMap::new().render(&map).is_ok(), "{numbers:?}");
            assert!(HeatMap::new().overlay(&picture, &map).is_ok(), "{numbers:?}");
        }
        let map = Tensor::zeros([2, 2], DType::F32).unwrap();
        assert!(HeatMap::new().range(1.0, 1.0).render(&map).is_err());
        assert!(HeatMap::new().range(f64::NAN, 1.0).render(&map).is_err());
        for shape in [&[2][..], &[0, 2], &[1, 2, 2]] {
            assert!(HeatMap::new().render(&Tensor::zeros(shape, DType::F32).unwrap()).is_err());
        }
    }

    #[test]
    fn ticks_are_round_numbers() {
        let labels = |range| ticks(range, 5).into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(labels([0.0, 1.0]), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels([0.0193, 0.995]), ["0.2", "0.4", "0.6", "0.8"]);
        assert_eq!(labels([0.0, 936.0]), ["0", "200", "400", "600", "800"]);
        assert_eq!(labels([-3.0, 2.0]), ["-3", "-2", "-1", "0", "1", "2"]);
        assert_eq!(labels([0.0, 3e9]), ["0.0e0", "5.0e8", "1.0e9", "1.5e9", "2.0e9", "2.5e9", "3.0e9"]);
        assert_eq!(labels([1e6, 1.01e6]), ["1.000e6", "1.002e6", "1.004e6", "1.006e6", "1.008e6", "1.010e6"]);
        for range in [[0.5, 0.50005], [0.9999, 1.0], [-2e5, -1.99e5], [100_000.0, 100_400.0]] {
            let mut labels = labels(range);
            let count = labels.len();
            labels.dedup();
            assert!(count > 3 && labels.len() == count, "{range:?}: {labels:?}");
        }
        for range in [[f64::MIN, f64::MAX], [0.0, 1e-320], [1.0, 1.0 + f64::EPSILON], [1e300, 1.1e300]] {
            let drawn = ticks(range, 6);
            assert!(
                (1..60).contains(&drawn.len()) && drawn.iter().all(|(part, _)| (0.0..=1.0).contains(part)),
                "{range:?}"
            );
        }
        let places: Vec<f32> = ticks([0.0, 4.0], 4).into_iter().map(|(part, _)| part).collect();
        assert_eq!(places, [0.0, 0.25, 0.5, 0.75, 1.0]);
    }
}
