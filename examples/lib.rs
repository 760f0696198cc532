//! What the example programs share, and the README's example, which is compiled here.
//!
//! The programs are, among others, `mnist` (train and test a network on digits or garments), `predict_digit` (use it on a picture),
//! `detection_tour` (what detection is made of, in pictures), `selective_search` (where objects may be in a picture), `augmentation_gallery` (every
//! transform on one picture), `convert_dataset` and `dataset_stats` (write a data set in another format, look through one).

#![allow(clippy::print_stdout, clippy::print_stderr)] // The README's example prints, and errors are printed.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use ocelli_data::ImageClassification;
use ocelli_data::augment::{Augment, Resize};
use ocelli_data::{Image, download, fashion_mnist, mnist};
use ocelli_nn::StateDict;
use ocelli_tensor::safetensors::{SafeTensorsFile, save_with_metadata};
use ocelli_tensor::{DType, Tensor};

#[doc = include_str!("../README.md")]
mod readme {}

/// The result of a program: whatever went wrong, to be printed.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Ends a program: what went wrong is printed.
pub fn finish(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Training and test pictures.
pub type TrainAndTest = (ImageClassification, ImageClassification);

/// MNIST (`fashion` false) or Fashion-MNIST: from a directory of IDX files, downloaded into the cache, or the 10,000 digits that the data
/// crate holds.
///
/// # Errors
/// If a file is missing or broken, or Fashion-MNIST is asked for without a directory or download.
pub fn load_digits(fashion: bool, directory: Option<&Path>, download: bool) -> Result<TrainAndTest> {
    Ok(match (directory, download, fashion) {
        (Some(directory), _, false) => mnist::from_directory(directory)?,
        (Some(directory), _, true) => fashion_mnist::from_directory(directory)?,
        (None, true, false) => mnist::download(download::cache_directory()?.join("mnist"))?,
        (None, true, true) => fashion_mnist::download(download::cache_directory()?.join("fashion-mnist"))?,
        (None, false, false) => mnist::embedded()?,
        (None, false, true) => {
            return Err("Fashion-MNIST is not embedded: expected --data DIR or --download, received neither".into());
        }
    })
}

/// What a saved model needs besides its weights, kept in the file's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The name of the architecture, for `ocelli_vision::models::by_name`.
    pub arch: String,
    /// The names of the classes.
    pub classes: Vec<String>,
}

impl Description {
    /// Writes weights and description to a file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: &Path, weights: &StateDict) -> Result<()> {
        let metadata = BTreeMap::from([
            ("arch".to_string(), self.arch.clone()),
            ("classes".to_string(), serde_json::to_string(&self.classes)?),
        ]);
        Ok(save_with_metadata(path, weights, &metadata)?)
    }

    /// Reads the description of a saved model.
    ///
    /// # Errors
    /// If the file has none.
    pub fn of_file(file: &SafeTensorsFile) -> Result<Self> {
        let metadata = file.metadata();
        let entry = |key: &str| {
            let missing =
                || format!("expected a model that the mnist example has saved, received one without \"{key}\"");
            metadata.get(key).cloned().ok_or_else(missing)
        };
        Ok(Description { arch: entry("arch")?, classes: serde_json::from_str(&entry("classes")?)? })
    }
}

/// A picture of a digit (bytes, `[channels, height, width]`) as the networks know it: grey, 28×28, light on dark, in `0..1`, with a batch
/// axis. A picture whose edge is light is turned round.
///
/// # Errors
/// If it is no picture of bytes.
pub fn digit_tensor(picture: &Tensor) -> Result<Tensor> {
    let grey = picture.to_dtype(DType::F32)?.div(255.0)?.mean_keepdim(0)?;
    let [height, width] = [grey.size(1)?, grey.size(2)?];
    if height == 0 || width == 0 {
        return Err(format!("expected a picture of at least one pixel, received {height}×{width}").into());
    }
    let rows = grey.index_select(1, &Tensor::new([0, height as i64 - 1])?)?.mean(..)?.item::<f64>()?;
    let columns = grey.index_select(2, &Tensor::new([0, width as i64 - 1])?)?.mean(..)?.item::<f64>()?;
    let light_on_dark = if rows + columns > 1.0 { grey.neg()?.add(1.0)? } else { grey };
    let resized = Resize::new(28, 28).resize(&Image::from_tensor(&light_on_dark)?)?;
    Ok(resized.to_tensor()?.unsqueeze(0)?)
}

/// Augmentation for 28×28 digits: small turns, shifts, shears and zooms.
pub fn digit_augmentation() -> impl Augment + 'static {
    ocelli_data::augment::RandomAffine {
        rotation: 10.0,
        width_shift: 0.08,
        height_shift: 0.08,
        shear: 5.0,
        zoom: [0.9, 1.1],
        ..Default::default()
    }
}
