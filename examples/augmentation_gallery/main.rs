//! Every transform on one picture, with its boxes, masks and keypoints, on one sheet.
//!
//! `cargo run --release --example augmentation_gallery` writes `runs/augmentation_gallery.png`; `--image FILE` takes a picture of one's own, in whose
//! middle an oval stands for an object.

#![allow(clippy::print_stdout, clippy::print_stderr)] // A program for the terminal.

mod scenes;
mod transforms;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use ocelli_data::{Image, Pixels, Sample, SampleRng};
use ocelli_examples::{Result, finish};
use ocelli_tensor::Tensor;
use ocelli_vision::visualize::{BoxPainter, Grid, KeypointPainter, MaskPainter};

use scenes::Scenes;
use transforms::transforms;

/// Shows every transform of pictures and their labels on one sheet.
#[derive(Parser)]
struct Options {
    /// A picture to change, instead of figures that are made up
    #[arg(long)]
    image: Option<PathBuf>,
    /// The PNG file that is written
    #[arg(long, default_value = "runs/augmentation_gallery.png")]
    out: PathBuf,
    /// From which all that is random follows
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many pictures stand side by side
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=64))]
    columns: u16,
}

fn main() -> ExitCode {
    finish(run(&Options::parse()))
}

fn run(options: &Options) -> Result<()> {
    let scenes = match &options.image {
        Some(path) => Scenes::of_picture(path)?,
        None => Scenes::generated(options.seed)?,
    };
    let mut sheet = Grid::new(usize::from(options.columns)).cell(scenes::WIDTH);
    let all = transforms();
    let count = all.len();
    for (index, (title, change)) in all.into_iter().enumerate() {
        let mut rng = SampleRng::new(options.seed, 0, index as u64);
        let changed = change(&scenes, &mut rng).map_err(|error| format!("{title}: {error}"))?;
        sheet.add(&drawn(&scenes, changed)?, title, false)?;
    }
    if let Some(folder) = options.out.parent() {
        std::fs::create_dir_all(folder)?;
    }
    sheet.write_png(&options.out)?;
    println!("{count} pictures in {}", options.out.display());
    Ok(())
}

/// The picture with its labels.
fn drawn(scenes: &Scenes, sample: Sample) -> Result<Tensor> {
    let objects = sample.labels.objects;
    let picture = shown(sample.image)?.to_tensor()?;
    let masked = objects.iter().filter_map(|object| Some((object.segmentation.clone()?, object.class as i64)));
    let (masks, classes): (Vec<_>, Vec<i64>) = masked.unzip();
    let classes = Tensor::from_slice(&classes, [classes.len()])?;
    let mut drawn = MaskPainter::new().opacity(0.35).draw_segmentations(&picture, &masks, Some(&classes))?;
    drawn =
        BoxPainter::new().class_names(&scenes.names).line_width(2.0).font_size(15.0).draw_objects(&drawn, &objects)?;
    for (class, skeleton) in scenes.skeletons.iter().enumerate() {
        let of_class = objects.iter().filter(|object| object.class == class);
        let keypoints: Vec<_> = of_class.filter_map(|object| object.keypoints.clone()).collect();
        drawn = KeypointPainter::new(skeleton.clone()).line_width(1.5).radius(4.0).draw(&drawn, &keypoints)?;
    }
    Ok(drawn)
}

/// Pixels that may be seen: floats that are no brightness any more are stretched to 0 to 1.
fn shown(image: Image) -> Result<Image> {
    let Pixels::F32(pixels) = image.pixels() else { return Ok(image) };
    let (low, high) = pixels.iter().fold((0.0f32, 1.0f32), |(low, high), &x| (low.min(x), high.max(x)));
    let stretched = pixels.iter().map(|x| (x - low) / (high - low)).collect();
    Ok(Image::from_f32(image.shape(), stretched)?)
}
