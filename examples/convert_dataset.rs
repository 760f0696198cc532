//! Writes a data set in another format.
//!
//! `cargo run --release --example convert_dataset -- bccd coco out --split train` reads a folder, whose format is found out, and writes the pictures and
//! their labels as COCO, Pascal VOC, YOLO or JSON lines.

#![allow(clippy::print_stdout, clippy::print_stderr)] // A program for the terminal.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use ocelli_data::readers::{self, Options as ReadOptions, Policy};
use ocelli_data::writers::{WriteOptions, YoloKind, write_coco, write_json_lines, write_voc, write_yolo};
use ocelli_data::{Dataset, LabelledDataset};
use ocelli_examples::{Result, finish};

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    /// Pascal VOC: an XML file for each picture, and its maps of classes and objects
    Voc,
    /// COCO: one JSON file
    Coco,
    /// YOLO: a text with boxes for each picture
    Yolo,
    /// YOLO with outlines
    YoloOutlines,
    /// YOLO with keypoints
    YoloKeypoints,
    /// JSON lines: a line for each picture
    JsonLines,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Odd {
    /// Stop at the first
    Fail,
    /// Leave them out
    Drop,
    /// Cut boxes at the edge of their picture, leave out the rest
    Clip,
}

/// Writes a data set in another format.
#[derive(Parser)]
struct Options {
    /// The folder of the data set
    from: PathBuf,
    /// The format to write
    #[arg(value_enum)]
    target: Target,
    /// The folder to write into
    to: PathBuf,
    /// The part of the data set to read, as it is called there
    #[arg(long)]
    split: Option<String>,
    /// What the part is called in what is written; by default as it was, or train
    #[arg(long)]
    split_name: Option<String>,
    /// What becomes of labels that do not fit: boxes without width, boxes beyond their picture, unknown classes
    #[arg(long, value_enum, default_value = "fail")]
    odd: Odd,
    /// Write labels alone, without the pictures
    #[arg(long)]
    labels_only: bool,
}

fn main() -> ExitCode {
    finish(run(&Options::parse()))
}

fn run(options: &Options) -> Result<()> {
    let policy = match options.odd {
        Odd::Fail => Policy::Fail,
        Odd::Drop => Policy::Drop,
        Odd::Clip => Policy::Clip,
    };
    let read = ReadOptions { split: options.split.clone(), policy, ..ReadOptions::default() };
    let format = readers::detect(&options.from)?;
    let data = readers::open_as(&options.from, format, &read)?;
    println!("{}: {format}, {} pictures, {} classes", options.from.display(), data.len(), data.class_names().len());
    let split = options.split_name.clone().or_else(|| options.split.clone()).unwrap_or_else(|| "train".into());
    let write = WriteOptions { split, pictures: !options.labels_only };
    let written = match options.target {
        Target::Voc => write_voc(&data, &options.to, &write)?,
        Target::Coco => write_coco(&data, &options.to, &write)?,
        Target::Yolo => write_yolo(&data, &options.to, &write, YoloKind::Boxes)?,
        Target::YoloOutlines => write_yolo(&data, &options.to, &write, YoloKind::Outlines)?,
        Target::YoloKeypoints => write_yolo(&data, &options.to, &write, YoloKind::Keypoints)?,
        Target::JsonLines => write_json_lines(&data, &options.to, &write)?,
    };
    let changes = data.changes();
    println!("{}: {} pictures with {} objects", options.to.display(), written.pictures, written.objects);
    println!("labels that did not fit: {} left out, {} cut at the edge", changes.dropped, changes.clipped);
    println!(
        "what the format cannot hold: {} things, as flags, masks, keypoints, attributes, classes or metadata of pictures",
        written.left_out
    );
    Ok(())
}
