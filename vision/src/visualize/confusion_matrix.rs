//! Confusion matrices as pictures.

use ocelli_tensor::{Error as TensorError, Tensor};

use super::canvas::{Area, Canvas, Color, INK, PAPER};
use super::color_map::ColorMap;
use super::heat_map::with_bar;
use super::palette::ink_on;
use super::style::LEGIBLE;
use super::text::Text;
use crate::host::elements;
use crate::{Error, Result};

const OP: &str = "confusion_plot";
const LINE: Color = [215, 215, 215];
/// The row of a class that does not occur has no fractions.
const NOTHING: Color = [235, 235, 235];
/// More classes than this have no room on a picture.
const MOST: usize = 2048;

/// Draws which classes are taken for which: a row for each true class, a column for each predicted one, the number in its cell. For any number of
/// classes up to 2048: names stand upright where they are wider than a cell, long ones are cut, and where cells get too small there are neither
/// numbers nor names.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::metrics::ConfusionMatrix;
/// use ocelli_vision::visualize::ConfusionPlot;
/// # fn main() -> ocelli_vision::Result<()> {
/// let mut matrix = ConfusionMatrix::new(2)?;
/// matrix.update(&Tensor::new([0i64, 0, 1, 1, 1])?, &Tensor::new([0i64, 1, 1, 1, 1])?)?;
/// let plot = ConfusionPlot::new().class_names(["cat", "dog"]).normalized(true).title("Validation");
/// let picture = plot.render(&matrix.to_tensor()?)?;
/// assert_eq!(picture.shape()[0], 3);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct ConfusionPlot {
    names: Vec<String>,
    normalized: bool,
    title: Option<String>,
}

/// Where everything stands, in pixels.
struct Layout {
    cell: usize,
    /// Of the first cell.
    left: usize,
    top: usize,
    side: usize,
}

impl ConfusionPlot {
    /// Of counts.
    pub fn new() -> Self {
        ConfusionPlot::default()
    }

    /// The names of the classes by number. Others are called by their number.
    #[must_use]
    pub fn class_names<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.names = names.into_iter().map(Into::into).collect();
        self
    }

    /// Whether each row is divided by its sum: its diagonal is then the recall of the class.
    #[must_use]
    pub fn normalized(mut self, normalized: bool) -> Self {
        self.normalized = normalized;
        self
    }

    /// A line above the matrix.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// The matrix `[K, K]` of integers or floats, true × predicted, as `[3, H, W]` of `u8`.
    ///
    /// # Errors
    /// Unless shape and dtype are these, there are 1 to 2048 classes, and the numbers are finite and not negative.
    pub fn render(&self, counts: &Tensor) -> Result<Tensor> {
        let classes = match counts.shape()[..] {
            [rows, columns] if rows == columns && (1..=MOST).contains(&rows) => rows,
            _ => {
                let expected = format!("a matrix of shape [K, K] for 1 to {MOST} classes");
                return Err(TensorError::shape(OP, expected, counts.shape()).into());
            }
        };
        if !(counts.dtype().is_float() || counts.dtype().is_integer()) {
            return Err(TensorError::dtype(OP, "numbers", counts.dtype()).into());
        }
        let counts = elements::<f64>(counts)?;
        if let Some(count) = counts.iter().find(|count| !(count.is_finite() && **count >= 0.0)) {
            return Err(Error::argument(OP, format!("expected finite counts that are not negative, received {count}")));
        }
        let mut values = counts.into_owned();
        if self.normalized {
            for row in values.chunks_exact_mut(classes) {
                let most = row.iter().copied().fold(0.0, f64::max);
                // Divided by the largest first: a sum of large numbers may be infinite.
                let sum: f64 = row.iter().map(|count| count / most).sum();
                row.iter_mut().for_each(|count| *count = *count / most / sum);
            }
        }
        self.draw(&values, classes)
    }

    fn draw(&self, values: &[f64], classes: usize) -> Result<Tensor> {
        let cell = match classes {
            ..=100 => (760 / classes).clamp(14, 96),
            _ => (1600 / classes).max(2),
        };
        let side = cell * classes;
        let font = Text::new((cell as f32 * 0.8).clamp(11.0, 17.0))?;
        let heading = Text::new(18.0)?;
        let named = cell as f32 >= 11.0;
        // As many letters as a class's name needs to be known by, but not more than the matrix is wide.
        let room = (side as f32 * 0.6).clamp(60.0, 190.0);
        let name = |class: usize| {
            let name = self.names.get(class).cloned().unwrap_or_else(|| class.to_string());
            font.fitted(&name, room)
        };
        let names: Vec<String> = if named { (0..classes).map(name).collect() } else { Vec::new() };
        let widest = names.iter().map(|name| font.width(name)).fold(0.0, f32::max).ceil() as usize;
        let upright = widest + 6 > cell;
        let (pad, line) = (12, heading.line_height());
        let below = if upright { widest } else { font.line_height() } + if named { 8 } else { 0 };
        let layout = Layout {
            cell,
            left: pad + line + widest + 14,
            top: if self.title.is_some() { pad + line + pad } else { pad },
            side,
        };
        // Wide enough for the words below a small matrix.
        let words = ["predicted class", "true class"];
        let span = side.max(heading.width(words[0]).ceil() as usize);
        let width = layout.left + span + pad;
        let height = layout.top + span + below + line + pad + 6;
        let mut canvas = Canvas::new(width, height, PAPER)?;
        let most = if self.normalized { 1.0 } else { values.iter().copied().fold(0.0, f64::max).max(1.0) };
        self.draw_cells(&mut canvas, &layout, values, classes, most)?;

        let (bottom, gap) = (layout.top + side, 6.0);
        for (i, name) in names.iter().enumerate() {
            let middle = (i * cell) as f32 + cell as f32 / 2.0;
            let across = font.line_height() as f32 / 2.0;
            let left = layout.left as f32 - gap - font.width(name);
            font.draw(&mut canvas, (left, layout.top as f32 + middle - across), name, INK);
            if upright {
                let below = bottom as f32 + gap + font.width(name);
                font.draw_up(&mut canvas, (layout.left as f32 + middle - across, below), name, INK);
            } else {
                let left = layout.left as f32 + middle - font.width(name) / 2.0;
                font.draw(&mut canvas, (left, bottom as f32 + gap), name, INK);
            }
        }
        let middle = |word: &str| (side as f32 - heading.width(word)) / 2.0;
        let left = (layout.left as f32 + middle(words[0])).max(0.0);
        heading.draw(&mut canvas, (left, (bottom + below + 6) as f32), words[0], INK);
        let lower = (bottom as f32 - middle(words[1])).max(heading.width(words[1]));
        heading.draw_up(&mut canvas, (pad as f32 / 2.0, lower), words[1], INK);
        if let Some(title) = &self.title {
            let title = heading.fitted(title, (width - 2 * pad) as f32);
            heading.draw(&mut canvas, (pad as f32, pad as f32), &title, INK);
        }
        with_bar(&canvas, ColorMap::Blues, [0.0, most], 14.0)?.into_tensor()
    }

    fn draw_cells(
        &self,
        canvas: &mut Canvas,
        layout: &Layout,
        values: &[f64],
        classes: usize,
        most: f64,
    ) -> Result<()> {
        let &Layout { cell, left, top, side } = layout;
        // Lines between cells, as long as those are larger than lines.
        let line = usize::from(cell >= 8);
        canvas.fill(Area { left, top, width: side, height: side }.grown(1), LINE);
        let texts: Vec<String> =
            if cell as f32 >= LEGIBLE { values.iter().map(|&x| self.number(x)).collect() } else { Vec::new() };
        let text = fitting(&texts, cell)?;
        for (i, &value) in values.iter().enumerate() {
            let area = Area {
                left: left + i % classes * cell,
                top: top + i / classes * cell,
                width: cell - line,
                height: cell - line,
            };
            let color = if value.is_nan() { NOTHING } else { ColorMap::Blues.color(value / most) };
            canvas.fill(area, color);
            if let (Some(text), Some(number)) = (&text, texts.get(i)) {
                let x = area.left as f32 + (area.width as f32 - text.width(number)) / 2.0;
                let y = area.top as f32 + (area.height as f32 - text.line_height() as f32) / 2.0 + 1.0;
                text.draw(canvas, (x, y), number, ink_on(color));
            }
        }
        Ok(())
    }

    fn number(&self, value: f64) -> String {
        match value {
            _ if value.is_nan() => "–".to_string(),
            _ if self.normalized => format!("{value:.2}"),
            ..1e4 if value.fract() == 0.0 => format!("{value:.0}"),
            ..1e4 => format!("{value:.1}"),
            ..1e7 => format!("{:.0}k", value / 1e3),
            ..1e10 => format!("{:.0}M", value / 1e6),
            _ => format!("{value:.0e}"),
        }
    }
}

/// The font in the largest size in which all numbers fit into a cell; none if that could not be read.
fn fitting(texts: &[String], cell: usize) -> Result<Option<Text>> {
    let size = (cell as f32 * 0.5).min(18.0);
    let text = Text::new(size)?;
    let widest = texts.iter().map(|number| text.width(number)).fold(0.0, f32::max);
    let size = if widest > 0.0 { size * ((cell as f32 - 4.0) / widest).min(1.0) } else { 0.0 };
    if size >= LEGIBLE { Ok(Some(Text::new(size)?)) } else { Ok(None) }
}

#[cfg(test)]
mod tests {
    use ocelli_tensor::DType;

    use super::*;

    #[test]
    fn matrices_of_all_sizes_are_drawn() {
        for classes in [1, 2, 10, 80, 101, 300] {
            let counts = Tensor::arange(0, (classes * classes) as i64, 1).unwrap().reshape([classes, classes]).unwrap();
            for normalized in [false, true] {
                let names = (0..classes).map(|i| format!("a class with a long name, number {i}"));
                let plot = ConfusionPlot::new().class_names(names).normalized(normalized).title("title");
                let [_, height, width] = plot.render(&counts).unwrap().shape()[..] else { panic!("not a picture") };
                assert!(height < 2000 && width < 2000, "{classes}: {height}×{width}");
            }
        }
    }

    #[test]
    fn cells_are_as_dark_as_their_numbers() {
        let counts = Tensor::new([[0i64, 8], [0, 0]]).unwrap();
        let picture = ConfusionPlot::new().render(&counts).unwrap();
        let row = picture.select(1, 16).unwrap().to_vec::<u8>().unwrap();
        let width = picture.shape()[2];
        let pixels: Vec<[u8; 3]> = (0..width).map(|x| [row[x], row[width + x], row[2 * width + x]]).collect();
        assert!(pixels.contains(&ColorMap::Blues.color(1.0)) && pixels.contains(&ColorMap::Blues.color(0.0)));
        // A class that does not occur has no recall.
        let plot = ConfusionPlot::new().normalized(true);
        assert!(plot.render(&counts).unwrap().to_vec::<u8>().unwrap().contains(&NOTHING[0]));
        assert_eq!((plot.number(f64::NAN), plot.number(0.256)), ("–".to_string(), "0.26".to_string()));
        assert_eq!(ConfusionPlot::new().number(123_456.0), "123k");
    }

    #[test]
    fn what_is_no_matrix_is_refused() {
        for shape in [&[0, 0][..], &[2, 3], &[4], &[2049, 2049]] {
            assert!(ConfusionPlot::new().render(&Tensor::zeros(shape, DType::U8).unwrap()).is_err(), "{shape:?}");
        }
        for number in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(ConfusionPlot::new().render(&Tensor::full([2, 2], number, DType::F64).unwrap()).is_err());
        }
        for normalized in [true, false] {
            let huge = Tensor::full([2, 2], f64::MAX, DType::F64).unwrap();
            assert!(ConfusionPlot::new().normalized(normalized).render(&huge).is_ok());
        }
    }
}
