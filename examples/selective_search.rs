//! Draws where selective search sees objects in a picture.
//!
//! `cargo run --release --example selective_search -- photo.jpg --mode quality --top 100` writes `proposals.png`.

#![allow(clippy::print_stdout)] // A program for the terminal.

use std::path::PathBuf;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use ocelli_data::image_io::{self, ColorMode};
use ocelli_examples::Result;
use ocelli_vision::proposals::SelectiveSearch;
use ocelli_vision::visualize::{BoxPainter, save};

/// How many groupings are made.
#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    /// 8 groupings.
    Fast,
    /// 80 groupings: more objects are found, and found better.
    Quality,
}

/// Proposes the boxes of objects in a picture and draws the most promising.
#[derive(Parser)]
struct Options {
    /// A PNG or JPEG file.
    image: PathBuf,
    /// How thoroughly to search.
    #[arg(long, value_enum, default_value_t = Mode::Fast)]
    mode: Mode,
    /// How many proposals to draw.
    #[arg(long, default_value_t = 50)]
    top: usize,
    /// A PNG or JPEG file to write.
    #[arg(long, default_value = "proposals.png")]
    out: PathBuf,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let picture = image_io::read_as(&options.image, ColorMode::Rgb)?;
    let search = match options.mode {
        Mode::Fast => SelectiveSearch::fast(),
        Mode::Quality => SelectiveSearch::quality(),
    };
    let start = Instant::now();
    let boxes = search.propose(&picture)?;
    let seconds = start.elapsed().as_secs_f64();
    let [height, width] = [picture.shape()[1], picture.shape()[2]];
    let count = boxes.shape()[0];
    println!("{count} proposals in {seconds:.2} s for {width} × {height} pixels");

    let top = boxes.narrow(0, 0, options.top.min(count))?;
    save(&options.out, &BoxPainter::new().without_tags().draw(&picture, &top, None, None)?)?;
    println!("the first {} are drawn in {}", top.shape()[0], options.out.display());
    Ok(())
}
