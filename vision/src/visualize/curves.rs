//! Precision–recall curves.
//!
//! Drawn on this crate's canvas rather than with `plotters`, which draws the history of a training: its bitmaps have smooth lines of one pixel
//! only, and it would bring a second set of decoders for pictures (`image` 0.24) into all programs that use a network.

use ocelli_tensor::Tensor;

use super::canvas::{Area, Canvas, Color, INK, PAPER};
use super::legend::with_legend;
use super::palette::Palette;
use super::shapes::{Point, stroke};
use super::text::Text;
use crate::check::require_fraction;
use crate::metrics::CocoEvaluation;
use crate::{Error, Result};

const OP: &str = "precision_recall_plot";
const GRID: Color = [222, 222, 222];
/// Height and width of what the curves are drawn in, and the space left of, below, above and right of it.
const SIDES: [usize; 2] = [420, 560];
const MARGINS: [usize; 4] = [74, 62, 16, 20];
const TITLE: usize = 36;

/// Draws precision over recall, a curve for each class or detector, with the average precision in the legend.
///
/// ```
/// use ocelli_vision::visualize::PrecisionRecallPlot;
/// # fn main() -> ocelli_vision::Result<()> {
/// let mut plot = PrecisionRecallPlot::new().title("Validation");
/// plot.add("cat", &[0.0, 0.5, 1.0], &[1.0, 1.0, 0.6], Some(0.9))?;
/// plot.add("dog", &[0.0, 0.4, 0.8], &[1.0, 0.7, 0.4], None)?;
/// assert_eq!(plot.render()?.shape()[0], 3);
/// assert!(plot.add("bird", &[0.5, 0.2], &[1.0, 1.0], None).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct PrecisionRecallPlot {
    title: Option<String>,
    palette: Palette,
    curves: Vec<Curve>,
}

#[derive(Debug, Clone)]
struct Curve {
    name: String,
    /// What stands behind the name in the legend.
    average: String,
    points: Vec<[f64; 2]>,
}

impl PrecisionRecallPlot {
    /// Without curves.
    pub fn new() -> Self {
        PrecisionRecallPlot::default()
    }

    /// A line above the curves.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// The colours, by the number of the curve.
    #[must_use]
    pub fn palette(mut self, palette: Palette) -> Self {
        self.palette = palette;
        self
    }

    /// Adds a curve through these points, and, if it is given, its average precision to the legend.
    ///
    /// # Errors
    /// [`Error::Argument`] unless there are as many recalls as precisions, all are in `0..=1`, as is the average precision, and recall does not fall.
    pub fn add(&mut self, name: &str, recall: &[f64], precision: &[f64], average: Option<f64>) -> Result<()> {
        if recall.len() != precision.len() {
            let message =
                format!("expected a precision for each of {} recalls, received {}", recall.len(), precision.len());
            return Err(Error::argument(OP, message));
        }
        for &number in recall.iter().chain(precision).chain(&average) {
            require_fraction(OP, "recall and precision", number)?;
        }
        if let Some(pair) = recall.windows(2).find(|pair| pair[1] < pair[0]) {
            let message = format!("expected recalls that do not fall, received {} after {}", pair[1], pair[0]);
            return Err(Error::argument(OP, message));
        }
        let average = average.map(|average| format!("  AP {average:.3}")).unwrap_or_default();
        let points = recall.iter().zip(precision).map(|(&recall, &precision)| [recall, precision]).collect();
        self.curves.push(Curve { name: name.to_string(), average, points });
        Ok(())
    }

    /// Adds the curve of a category at an overlap, of objects of all sizes and with the largest number of detections; the average precision is that of this
    /// overlap.
    ///
    /// ```
    /// use ocelli_vision::metrics::{CocoDetection, CocoEvaluator, CocoObject, CocoParams};
    /// use ocelli_vision::visualize::PrecisionRecallPlot;
    /// # fn main() -> ocelli_vision::Result<()> {
    /// let mut evaluator = CocoEvaluator::new(CocoParams::boxes())?;
    /// let place = [10.0, 10.0, 50.0, 50.0];
    /// evaluator.add(1, vec![CocoObject::new(17, place)], vec![CocoDetection::new(17, 0.9, place)])?;
    /// let mut plot = PrecisionRecallPlot::new();
    /// plot.add_coco("cat", &evaluator.evaluate()?, 17, 0.5)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`] if there are no objects of the category, or the overlap has not been evaluated.
    pub fn add_coco(&mut self, name: &str, evaluation: &CocoEvaluation, category: i64, iou: f64) -> Result<()> {
        let params = evaluation.params();
        let area = params.area_ranges.first().map(|range| range.name.as_str()).unwrap_or_default();
        let most = params.max_detections.last().copied().unwrap_or_default();
        let Some((precision, _)) = evaluation.curve(category, iou, area, most) else {
            let message =
                format!("expected a category with objects and an evaluated overlap, received {category} at {iou}");
            return Err(Error::argument(OP, message));
        };
        let average = precision.iter().sum::<f64>() / precision.len().max(1) as f64;
        self.add(name, &params.recall_thresholds, precision, Some(average))
    }

    /// The curves as a picture `[3, H, W]` of `u8`.
    ///
    /// # Errors
    /// Only if memory runs out.
    pub fn render(&self) -> Result<Tensor> {
        let [height, width] = SIDES;
        let [left, below, top, right] = MARGINS;
        let top = top + if self.title.is_some() { TITLE } else { 0 };
        let (text, heading) = (Text::new(16.0)?, Text::new(19.0)?);
        let mut canvas = Canvas::new(left + width + right, top + height + below, PAPER)?;
        let at = |[recall, precision]: [f64; 2]| -> Point {
            [left as f64 + recall * width as f64, top as f64 + (1.0 - precision) * height as f64]
        };
        for i in 0..=10 {
            let part = f64::from(i) / 10.0;
            let [x, y] = at([part, part]).map(|x| x.round() as usize);
            let color = if i == 0 { INK } else { GRID };
            canvas.fill(Area { left: x, top, width: 1, height }, color);
            canvas.fill(Area { left, top: y, width: width + 1, height: 1 }, color);
            if i % 2 == 0 {
                let label = format!("{part:.1}");
                let half = text.line_height() as f32 / 2.0;
                text.draw(&mut canvas, (x as f32 - text.width(&label) / 2.0, (top + height + 7) as f32), &label, INK);
                text.draw(&mut canvas, (left as f32 - 8.0 - text.width(&label), y as f32 - half + 1.0), &label, INK);
            }
        }
        // Both axes again, over the grid's ends.
        canvas.fill(Area { left, top, width: 1, height }, INK);
        canvas.fill(Area { left, top: top + height, width: width + 1, height: 1 }, INK);
        let middle = left as f32 + (width as f32 - heading.width("Recall")) / 2.0;
        heading.draw(&mut canvas, (middle, (top + height + 32) as f32), "Recall", INK);
        let lower = top as f32 + (height as f32 + heading.width("Precision")) / 2.0;
        heading.draw_up(&mut canvas, (8.0, lower), "Precision", INK);
        if let Some(title) = &self.title {
            let title = heading.fitted(title, width as f32);
            heading.draw(&mut canvas, (left as f32, 12.0), &title, INK);
        }
        for (i, curve) in self.curves.iter().enumerate().rev() {
            let mut line: Vec<Point> = curve.points.iter().copied().map(at).collect();
            // Points of one pixel add nothing.
            line.dedup_by(|a, b| (a[0] - b[0]).abs() < 0.2 && (a[1] - b[1]).abs() < 0.2);
            stroke(&mut canvas, &line, 2.6, self.palette.color(i))?;
        }
        let entry = |(i, curve): (usize, &Curve)| (self.palette.color(i), curve.name.clone(), curve.average.clone());
        let entries: Vec<_> = self.curves.iter().enumerate().map(entry).collect();
        if entries.is_empty() { canvas.into_tensor() } else { with_legend(&canvas, &entries, 16.0)?.into_tensor() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_run_where_their_numbers_are() {
        let mut plot = PrecisionRecallPlot::new();
        plot.add("flat", &[0.0, 1.0], &[0.5, 0.5], Some(0.5)).unwrap();
        let picture = plot.render().unwrap();
        let at = |y: usize, x: usize| {
            picture.select(1, y as isize).unwrap().select(1, x as isize).unwrap().to_vec::<u8>().unwrap()
        };
        let (y, x) = (MARGINS[2] + SIDES[0] / 2, MARGINS[0] + 155);
        assert_eq!(at(y, x), Palette::default().color(0));
        assert_eq!(at(y + 10, x), PAPER);
    }

    #[test]
    fn wrong_curves_are_refused() {
        let mut plot = PrecisionRecallPlot::new().title("t");
        assert!(plot.add("", &[0.0], &[], None).is_err());
        assert!(plot.add("", &[0.5, 0.4], &[1.0, 1.0], None).is_err());
        for number in [f64::NAN, -0.1, 1.1, f64::INFINITY] {
            assert!(plot.add("", &[number], &[1.0], None).is_err());
            assert!(plot.add("", &[0.5], &[number], None).is_err());
            assert!(plot.add("", &[0.5], &[0.5], Some(number)).is_err());
        }
        let empty = plot.render().unwrap().shape().to_vec();
        plot.add("", &[], &[], Some(0.0)).unwrap();
        plot.add("one point", &[0.5], &[0.5], None).unwrap();
        for i in 0..200 {
            plot.add(&format!("class {i}"), &[0.0, 1.0], &[1.0, f64::from(i) / 200.0], None).unwrap();
        }
        assert!(plot.render().unwrap().shape()[2] > empty[2]);
    }
}
