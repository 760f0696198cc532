//! The history as curves, drawn with a font that is part of this crate: no system library is needed.
//!
//! The font is DejaVu Sans, reduced to Latin characters; its licence is `assets/DejaVuSans-Latin.LICENSE.txt`.

use std::io::Cursor;
use std::ops::Range;
use std::path::Path;
use std::sync::OnceLock;

use ocelli_tensor::safetensors::write_atomically;
use plotters::backend::BitMapBackend;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};

use crate::{Error, History, Result};

const FONT: &[u8] = include_bytes!("../assets/DejaVuSans-Latin.ttf");
const FAMILY: &str = "ocelli";
const PANEL: (u32, u32) = (720, 540);

/// Seaborn's "deep" blue and orange, and two more.
const COLORS: [RGBColor; 4] =
    [RGBColor(76, 114, 176), RGBColor(221, 132, 82), RGBColor(85, 168, 104), RGBColor(196, 78, 82)];
const INK: RGBColor = RGBColor(38, 38, 38);
const GRID: RGBColor = RGBColor(222, 222, 222);

/// One set of axes: its title and its curves.
struct Panel {
    title: String,
    curves: Vec<(String, Vec<(f64, f64)>)>,
}

/// Draws the loss into one panel and the accuracy beside it, each for training and validation. Without an accuracy the first other
/// metric takes its place, and without any metric there is one panel.
///
/// # Errors
/// If the file cannot be written.
pub fn write_curves(history: &History, path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    let failed = |what: String| Error::format(path, format!("the curves cannot be drawn: {what}"));
    let panels = panels(history);
    let (width, height) = (PANEL.0 * panels.len() as u32, PANEL.1);
    let mut pixels = vec![0; (width * height * 3) as usize];
    draw(&panels, &mut pixels, (width, height)).map_err(failed)?;
    let mut png = Cursor::new(Vec::new());
    image::RgbImage::from_raw(width, height, pixels)
        .ok_or_else(|| failed("the picture has another size than its pixels".into()))?
        .write_to(&mut png, image::ImageFormat::Png)
        .map_err(|e| failed(e.to_string()))?;
    Ok(write_atomically(path, &png.into_inner())?)
}

fn panels(history: &History) -> Vec<Panel> {
    let names = history.names();
    let plain = |name: &&&str| !name.starts_with("val_") && **name != "loss" && **name != "learning_rate";
    let metric = names.iter().find(|name| **name == "accuracy").or_else(|| names.iter().find(plain));
    let panel = |title: String, name: &str| {
        let curve = |label: &str, name: &str| {
            let points = history.get(name).into_iter();
            // Infinities and NaN have no place on an axis.
            let points: Vec<(f64, f64)> = points
                .filter(|(_, value)| value.is_finite())
                .map(|(epoch, value)| ((epoch + 1) as f64, value))
                .collect();
            (!points.is_empty()).then(|| (label.to_string(), points))
        };
        let curves = [curve("train", name), curve("validation", &format!("val_{name}"))];
        Panel { title, curves: curves.into_iter().flatten().collect() }
    };
    let mut panels = vec![panel("Loss".to_string(), "loss")];
    if let Some(name) = metric {
        panels.push(panel(title_of(name), name));
    }
    panels
}

/// `"top_5_accuracy"` as `"Top 5 accuracy"`.
fn title_of(name: &str) -> String {
    let mut letters = name.chars();
    let first: String = letters.by_ref().take(1).flat_map(char::to_uppercase).collect();
    first + &letters.as_str().replace('_', " ")
}

/// Registers the font once in the process.
fn load_font() -> std::result::Result<(), String> {
    static LOADED: OnceLock<bool> = OnceLock::new();
    let load = || register_font(FAMILY, FontStyle::Normal, FONT).is_ok();
    if *LOADED.get_or_init(load) { Ok(()) } else { Err("the embedded font is broken".to_string()) }
}

fn draw(panels: &[Panel], pixels: &mut [u8], size: (u32, u32)) -> std::result::Result<(), String> {
    load_font()?;
    let area = BitMapBackend::with_buffer(pixels, size).into_drawing_area();
    area.fill(&WHITE).map_err(|e| e.to_string())?;
    for (panel, part) in panels.iter().zip(area.split_evenly((1, panels.len()))) {
        draw_panel(panel, &part).map_err(|e| e.to_string())?;
    }
    area.present().map_err(|e| e.to_string())
}

type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;
type DrawError<'a> = DrawingAreaErrorKind<<BitMapBackend<'a> as DrawingBackend>::ErrorType>;

fn draw_panel<'a>(panel: &Panel, area: &Area<'a>) -> std::result::Result<(), DrawError<'a>> {
    let points = || panel.curves.iter().flat_map(|(_, points)| points);
    let (x, y) = (span(points().map(|point| point.0), 0.0), span(points().map(|point| point.1), 0.05));
    let epochs = (x.end - x.start) as usize + 1;
    let font = |size: i32| (FAMILY, size).into_font().color(&INK);
    let mut chart = ChartBuilder::on(area)
        .caption(&panel.title, font(26))
        .margin(14)
        .margin_right(26)
        .x_label_area_size(52)
        .y_label_area_size(78)
        .build_cartesian_2d(x, y.clone())?;
    let whole = |value: &f64| {
        if value.fract() == 0.0 { format!("{value:.0}") } else { String::new() }
    };
    let places = places(&y);
    let number = |value: &f64| format!("{value:.places$}");
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .x_labels(epochs.clamp(2, 11))
        .y_labels(8)
        .x_label_formatter(&whole)
        .y_label_formatter(&number)
        .label_style(font(17))
        .axis_desc_style(font(19))
        .x_desc("Epoch")
        .y_desc(&panel.title)
        .draw()?;
    for (i, (label, points)) in panel.curves.iter().enumerate() {
        let color = COLORS[i % COLORS.len()];
        let line = LineSeries::new(points.iter().copied(), color.stroke_width(3));
        let legend = move |(x, y)| PathElement::new([(x, y), (x + 26, y)], color.stroke_width(3));
        chart.draw_series(line)?.label(label).legend(legend);
        // Dots tell the epochs apart, until there are too many of them.
        if epochs <= 40 {
            let dot = |&point: &(f64, f64)| Circle::new(point, 4, color.filled());
            chart.draw_series(points.iter().map(dot))?;
        }
    }
    if !panel.curves.is_empty() {
        let falls = panel.curves.iter().any(|(_, points)| falls(points));
        let corner = if falls { SeriesLabelPosition::UpperRight } else { SeriesLabelPosition::LowerRight };
        chart
            .configure_series_labels()
            .position(corner)
            .margin(16)
            .legend_area_size(34)
            .background_style(WHITE.mix(0.9))
            .border_style(GRID)
            .label_font(font(18))
            .draw()?;
    }
    Ok(())
}

/// Whether a curve ends lower than it begins, which leaves the upper right corner free for the legend.
fn falls(points: &[(f64, f64)]) -> bool {
    matches!((points.first(), points.last()), (Some(first), Some(last)) if last.1 < first.1)
}

/// The range of some numbers, widened by a share on both sides and never empty.
fn span(values: impl Iterator<Item = f64>, margin: f64) -> Range<f64> {
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return 0.0..1.0;
    }
    let width = high - low;
    // Numbers that are (nearly) equal still get an axis with different labels.
    if width <= 1e-9 * high.abs().max(1e-12) {
        let half = (high.abs() * 0.1).max(0.5);
        return low - half..high + half;
    }
    low - width * margin..high + width * margin
}

/// How many decimal places tell the labels of an axis apart.
fn places(range: &Range<f64>) -> usize {
    let step = (range.end - range.start) / 8.0;
    (-step.log10()).ceil().clamp(0.0, 12.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(epochs: usize) -> History {
        let mut history = History::new();
        for epoch in 0..epochs {
            let t = epoch as f64;
            let logs = [
                ("loss", 0.9 * (-t / 3.0).exp() + 0.02),
                ("accuracy", 1.0 - 0.25 * (-t / 2.5).exp()),
                ("val_loss", 0.7 * (-t / 3.0).exp() + 0.08 + 0.004 * t),
                ("val_accuracy", 0.985 - 0.2 * (-t / 2.0).exp()),
            ];
            history.push(epoch, logs.into());
        }
        history
    }

    #[test]
    fn pictures_have_two_panels_with_ink_in_both() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history.png");
        history(12).write_png(&path).unwrap();
        if let Ok(copy) = std::env::var("OCELLI_KEEP_PLOT") {
            std::fs::copy(&path, copy).unwrap();
        }
        let picture = image::open(&path).unwrap().to_rgb8();
        assert_eq!(picture.dimensions(), (2 * PANEL.0, PANEL.1));
        for color in &COLORS[..2] {
            for half in [0..PANEL.0, PANEL.0..2 * PANEL.0] {
                let inked = picture
                    .enumerate_pixels()
                    .any(|(x, _, pixel)| half.contains(&x) && pixel.0 == [color.0, color.1, color.2]);
                assert!(inked, "{color:?} is missing in {half:?}");
            }
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn odd_histories_are_drawn_too() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("odd.png");
        let constant = |values: &[f64]| {
            let mut history = History::new();
            for (epoch, value) in values.iter().enumerate() {
                history.push(epoch, [("loss", *value)].into());
            }
            history
        };
        let odd: [&[f64]; 6] =
            [&[], &[0.5], &[0.0, 0.0], &[f64::NAN, f64::INFINITY], &[1e-30, 2e-30], &[1e12, f64::NAN, 3e12]];
        for values in odd {
            constant(values).write_png(&path).unwrap();
            assert_eq!(image::open(&path).unwrap().width(), PANEL.0, "{values:?}");
        }
        history(200).write_png(&path).unwrap();
        let missing = directory.path().join("missing").join("x.png");
        assert!(history(2).write_png(missing).is_err());
    }

    #[test]
    fn titles_are_words() {
        assert_eq!(title_of("top_5_accuracy"), "Top 5 accuracy");
        assert_eq!(title_of(""), "");
    }
}
