//! Looks through a data set: how many pictures and objects, of which classes and sizes, what is there twice, what is broken.
//!
//! `cargo run --release --example dataset_stats -- bccd --split train` finds out the format of a folder, prints a table and draws it.

#![allow(clippy::print_stdout, clippy::print_stderr)] // A program for the terminal.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use ocelli_data::annotation::BoundingBox;
use ocelli_data::image_io::write_png;
use ocelli_data::readers::{self, Options as ReadOptions, Policy};
use ocelli_data::{Dataset, LabelledDataset};
use ocelli_examples::{Result, finish};
use ocelli_tensor::Tensor;
use plotters::backend::BitMapBackend;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};
use sha2::{Digest, Sha256};

/// Looks through a data set: counts, sizes, duplicates, broken files.
#[derive(Parser)]
struct Options {
    /// The folder of the data set, whose format is found out
    folder: PathBuf,
    /// The part of the data set, as it is called there
    #[arg(long)]
    split: Option<String>,
    /// Do not read the pictures: neither duplicates nor broken pictures are found then
    #[arg(long)]
    labels_only: bool,
    /// The picture of the distributions
    #[arg(long, default_value = "runs/dataset_stats.png")]
    out: PathBuf,
}

/// Bars and what is written below them.
type Bars = Vec<(String, usize)>;

/// What has been found.
#[derive(Default)]
struct Found {
    pictures: usize,
    objects: usize,
    /// Of each class the pictures with it and the objects.
    classes: Vec<[usize; 2]>,
    /// Pictures by their `[height, width]`.
    sizes: BTreeMap<[usize; 2], usize>,
    /// Objects by the logarithm to base 2 of the root of their area.
    sides: BTreeMap<i32, usize>,
    /// Objects by their area as COCO sorts them.
    small_medium_large: [usize; 3],
    /// Objects by twice the logarithm to base 2 of width over height.
    aspects: BTreeMap<i32, usize>,
    /// Objects in a picture.
    each: BTreeMap<usize, usize>,
    broken: Vec<String>,
    /// Pictures by the hash of their content.
    contents: BTreeMap<[u8; 32], Vec<String>>,
}

fn main() -> ExitCode {
    finish(run(&Options::parse()))
}

fn run(options: &Options) -> Result<()> {
    // What does not fit is counted, not an error.
    let read = ReadOptions { split: options.split.clone(), policy: Policy::Drop, ..ReadOptions::default() };
    let format = readers::detect(&options.folder)?;
    let data = readers::open_as(&options.folder, format, &read)?;
    let mut found = Found { classes: vec![[0; 2]; data.class_names().len()], ..Found::default() };
    for index in 0..data.len() {
        look_at(&*data, index, !options.labels_only, &mut found)?;
    }
    println!("{}: {format}, split {}", options.folder.display(), options.split.as_deref().unwrap_or("by default"));
    print(&found, &data, options.labels_only);
    draw(&found, data.class_names(), &options.out)?;
    println!("\nwritten to {}", options.out.display());
    Ok(())
}

fn look_at(data: &dyn LabelledDataset, index: usize, pictures: bool, found: &mut Found) -> Result<()> {
    found.pictures += 1;
    let record = match data.record(index) {
        Ok(record) => record,
        Err(error) => {
            found.broken.push(error.to_string());
            return Ok(());
        }
    };
    let mut size = record.size;
    if pictures {
        match data.get(index) {
            Ok(sample) => {
                size = Some([sample.image.height(), sample.image.width()]);
                let bytes = match &record.path {
                    Some(path) => std::fs::read(path)?,
                    None => sample.image.to_tensor()?.to_vec::<u8>()?,
                };
                let name = record.path.map_or_else(|| format!("picture {index}"), |path| path.display().to_string());
                found.contents.entry(Sha256::digest(&bytes).into()).or_default().push(name);
            }
            Err(error) => found.broken.push(error.to_string()),
        }
    }
    if let Some(size) = size {
        *found.sizes.entry(size).or_default() += 1;
    }
    let mut in_picture: Vec<usize> = record.labels.classes;
    for object in &record.labels.objects {
        found.objects += 1;
        found.classes[object.class][1] += 1;
        in_picture.push(object.class);
        count_box(&object.bounding_box, object.area, found);
    }
    *found.each.entry(record.labels.objects.len()).or_default() += 1;
    in_picture.sort_unstable();
    in_picture.dedup();
    in_picture.into_iter().for_each(|class| found.classes[class][0] += 1);
    Ok(())
}

fn count_box(boxed: &BoundingBox, area: Option<f64>, found: &mut Found) {
    let area = area.unwrap_or_else(|| boxed.area());
    let kind = usize::from(area >= 32.0 * 32.0) + usize::from(area >= 96.0 * 96.0);
    found.small_medium_large[kind] += 1;
    *found.sides.entry(boxed.area().sqrt().log2().floor() as i32).or_default() += 1;
    *found.aspects.entry((2.0 * (boxed.width() / boxed.height()).log2()).round() as i32).or_default() += 1;
}

fn print(found: &Found, data: &dyn LabelledDataset, labels_only: bool) {
    println!("{} pictures, {} objects, {} classes\n", found.pictures, found.objects, found.classes.len());
    println!("{:<28} {:>10} {:>10} {:>8}", "class", "pictures", "objects", "share");
    let all = if found.objects > 0 { found.objects } else { found.pictures }.max(1) as f64;
    for (name, [pictures, objects]) in data.class_names().iter().zip(&found.classes) {
        let share = if found.objects > 0 { *objects } else { *pictures } as f64 / all;
        println!("{name:<28} {pictures:>10} {objects:>10} {:>7.1}%", 100.0 * share);
    }
    let [small, medium, large] = found.small_medium_large;
    if found.objects > 0 {
        println!("\nobjects by area: {small} small (below 32²), {medium} medium, {large} large (96² and more)");
        println!("width over height: {}", listed(&aspects(found)));
        println!("side (root of the area): {}", listed(&sides(found)));
        let empty = found.each.get(&0).copied().unwrap_or(0);
        let most = found.each.keys().next_back().copied().unwrap_or(0);
        println!(
            "objects in a picture: {:.2} on average, {most} at most; {empty} pictures without",
            found.objects as f64 / found.pictures.max(1) as f64
        );
    }
    let mut sizes: Vec<_> = found.sizes.iter().collect();
    sizes.sort_by_key(|(size, count)| (std::cmp::Reverse(**count), **size));
    let shown: Vec<String> =
        sizes.iter().take(5).map(|([height, width], count)| format!("{width}×{height}: {count}")).collect();
    println!("sizes of pictures (width × height): {}{}", shown.join(", "), if sizes.len() > 5 { ", …" } else { "" });
    let changes = data.changes();
    println!("labels that do not fit: {}", changes.dropped + changes.clipped);
    if labels_only {
        return;
    }
    let twice: Vec<&Vec<String>> = found.contents.values().filter(|names| names.len() > 1).collect();
    let copies: usize = twice.iter().map(|names| names.len() - 1).sum();
    println!("pictures whose content is there already: {copies}");
    twice.iter().take(5).for_each(|names| println!("    {}", names.join(" = ")));
    println!("broken files: {}", found.broken.len());
    found.broken.iter().take(10).for_each(|error| println!("    {error}"));
}

fn listed(bars: &Bars) -> String {
    bars.iter().map(|(name, count)| format!("{name}: {count}")).collect::<Vec<_>>().join(", ")
}

fn sides(found: &Found) -> Bars {
    found.sides.iter().map(|(side, &count)| (format!("{}–{}", 2f64.powi(*side), 2f64.powi(side + 1)), count)).collect()
}

fn aspects(found: &Found) -> Bars {
    found
        .aspects
        .iter()
        .map(|(aspect, &count)| (format!("{:.2}", 2f64.powf(f64::from(*aspect) / 2.0)), count))
        .collect()
}

const FONT: &[u8] = include_bytes!("../train/assets/DejaVuSans-Latin.ttf");
const FAMILY: &str = "ocelli";
const PANEL: (u32, u32) = (720, 480);
/// More classes than this are not told apart in a picture; the most frequent are drawn.
const MOST_BARS: usize = 24;
const BLUE: RGBColor = RGBColor(76, 114, 176);
const INK: RGBColor = RGBColor(38, 38, 38);

/// Draws what there is: classes, sizes, aspect ratios, objects in a picture.
fn draw(found: &Found, names: &[String], path: &Path) -> Result<()> {
    let place = usize::from(found.objects > 0);
    let mut classes: Bars = names.iter().cloned().zip(found.classes.iter().map(|counts| counts[place])).collect();
    if classes.len() > MOST_BARS {
        classes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        classes.truncate(MOST_BARS);
    }
    let mut panels = vec![(if place == 1 { "Objects of each class" } else { "Pictures of each class" }, classes)];
    if found.objects > 0 {
        panels.push(("Side of objects in pixels (root of the area)", sides(found)));
        panels.push(("Width over height of objects", aspects(found)));
        let each: Bars = found.each.iter().map(|(objects, &pictures)| (objects.to_string(), pictures)).collect();
        panels.push(("Pictures by the number of their objects", each));
    }
    register_font(FAMILY, FontStyle::Normal, FONT).map_err(|_| "the embedded font is broken")?;
    let columns = panels.len().min(2);
    let rows = panels.len().div_ceil(columns);
    let (width, height) = (PANEL.0 * columns as u32, PANEL.1 * rows as u32);
    let mut pixels = vec![0; (width * height * 3) as usize];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        area.fill(&WHITE).map_err(|error| error.to_string())?;
        for ((title, bars), part) in panels.iter().zip(area.split_evenly((rows, columns))) {
            draw_panel(title, bars, &part)?;
        }
        area.present().map_err(|error| error.to_string())?;
    }
    let [height, width] = [height as usize, width as usize];
    // What is drawn has red, green and blue side by side.
    let picture = Tensor::from_vec(pixels, [height, width, 3])?.permute([2, 0, 1])?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    Ok(write_png(path, &picture)?)
}

fn draw_panel(title: &str, bars: &Bars, area: &DrawingArea<BitMapBackend<'_>, Shift>) -> Result<()> {
    let most = bars.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    let font = |size: i32| (FAMILY, size).into_font().color(&INK);
    let longest = bars.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    // Names that would run into each other stand upright.
    let upright = longest * bars.len() > 70;
    let mut chart = ChartBuilder::on(area)
        .caption(title, font(24))
        .margin(14)
        .x_label_area_size(if upright { 130 } else { 36 })
        .y_label_area_size(70)
        .build_cartesian_2d(0.0..bars.len().max(1) as f64, 0.0..most as f64 * 1.12)
        .map_err(|error| error.to_string())?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .disable_x_axis()
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .y_labels(6)
        .y_label_formatter(&|count| format!("{count:.0}"))
        .label_style(font(16))
        .draw()
        .map_err(|error| error.to_string())?;
    let plot = chart.plotting_area().clone();
    for (i, (name, count)) in bars.iter().enumerate() {
        let (left, right, top) = (i as f64 + 0.1, i as f64 + 0.9, *count as f64);
        plot.draw(&Rectangle::new([(left, 0.0), (right, top)], BLUE.filled())).map_err(|error| error.to_string())?;
        let (x, bottom) = plot.map_coordinate(&(i as f64 + 0.5, 0.0));
        let (_, y) = plot.map_coordinate(&(i as f64 + 0.5, top));
        let centred = |size: i32| {
            (FAMILY, size).into_text_style(area).color(&INK).pos(plotters::style::text_anchor::Pos::new(
                plotters::style::text_anchor::HPos::Center,
                plotters::style::text_anchor::VPos::Bottom,
            ))
        };
        let (ox, oy) = area.get_base_pixel();
        if bars.len() <= 16 {
            area.draw_text(&count.to_string(), &centred(14), (x - ox, y - oy - 2))
                .map_err(|error| error.to_string())?;
        }
        let short: String = name.chars().take(18).collect();
        let style = if upright {
            (FAMILY, 14).into_font().transform(FontTransform::Rotate90).into_text_style(area).color(&INK)
        } else {
            centred(15)
        };
        let place = if upright { (x - ox + 7, bottom - oy + 6) } else { (x - ox, bottom - oy + 22) };
        area.draw_text(&short, &style, place).map_err(|error| error.to_string())?;
    }
    Ok(())
}
