//! Pictures on their way from a data set into a folder.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use image::metadata::Orientation;

use super::{WriteOptions, is_same, write};
use crate::image_io::{self, ColorMode, Decoder};
use crate::readers::{files, picture};
use crate::{Error, Image, LabelledDataset, Record, Result};

/// The pictures of a data set on their way into a folder, where each has a file name of its own.
pub(super) struct Pictures<'a, D: ?Sized> {
    data: &'a D,
    folder: PathBuf,
    copied: bool,
    /// Whether readers of the new format turn pictures as their EXIF data say.
    pub(super) turned: bool,
    /// The stems of files in the folder that belong to others or have been given away.
    pub(super) stems: HashSet<String>,
    /// The stems of the data set's own pictures that lie in the folder already: none of them must be written over by another.
    own: HashMap<String, usize>,
}

/// A picture that has its place.
pub(super) struct Placed {
    pub(super) record: Record,
    /// `[height, width]`
    pub(super) size: [usize; 2],
    pub(super) channels: usize,
    /// The file's name without its extension.
    pub(super) stem: String,
    pub(super) file_name: String,
    /// Whether the file has been written just now, and was not there as the data set's own.
    pub(super) is_new: bool,
}

/// What is known of a picture before it is placed.
struct Source {
    size: [usize; 2],
    channels: usize,
    /// Its pixels, if its file cannot stand for them.
    image: Option<Image>,
}

impl<'a, D: LabelledDataset + ?Sized> Pictures<'a, D> {
    pub(super) fn new(data: &'a D, folder: PathBuf, options: &WriteOptions) -> Result<Self> {
        let own = own_stems(data, &folder)?;
        Ok(Pictures { data, folder, copied: options.pictures, turned: false, stems: HashSet::new(), own })
    }

    /// What is known of a picture, which is copied if pictures are.
    pub(super) fn place(&mut self, index: usize) -> Result<Placed> {
        let record = self.data.record(index)?;
        let Source { size, channels, image } = self.source(index, &record)?;
        let (stem, file_name) = self.name(index, record.path.as_deref(), image.is_some());
        let is_new = self.copied && copy(&record, image, &self.folder.join(&file_name))?;
        Ok(Placed { record, size, channels, stem, file_name, is_new })
    }

    /// Refuses pictures that are there and are none of those that are written, for formats in which all pictures of a folder count.
    pub(super) fn refuse_others(&self, op: &'static str, there: &[PathBuf]) -> Result<()> {
        if there.is_empty() {
            return Ok(());
        }
        let absolute = |path: &Path| path.canonicalize().map_err(|source| Error::io(path, source));
        let folder = absolute(&self.folder)?;
        let mut names =
            Pictures { stems: self.stems.clone(), own: self.own.clone(), folder: self.folder.clone(), ..*self };
        let mut planned = HashSet::with_capacity(self.data.len());
        for index in 0..self.data.len() {
            let record = self.data.record(index)?;
            let is_rewritten = record.path.is_none() || self.source(index, &record)?.image.is_some();
            planned.insert(folder.join(names.name(index, record.path.as_deref(), is_rewritten).1));
        }
        for path in there {
            if !planned.contains(&absolute(path)?) {
                let message = format!(
                    "expected a folder without pictures but those that are written, as all in it are read again, received {}",
                    path.display()
                );
                return Err(Error::argument(op, message));
            }
        }
        Ok(())
    }

    fn source(&self, index: usize, record: &Record) -> Result<Source> {
        let read = || -> Result<Image> { Ok(self.data.get(index)?.image) };
        let Some(path) = &record.path else {
            let image = read()?;
            return Ok(Source { size: image.size(), channels: image.channels(), image: Some(image) });
        };
        let header = match (picture::header(path), record.size) {
            (Ok(header), _) => header,
            // The data set knows enough if the picture is not to be copied.
            (Err(_), Some(size)) => return Ok(Source { size, channels: 3, image: None }),
            (Err(error), None) => return Err(error),
        };
        if header.orientation == Orientation::NoTransforms {
            return Ok(Source { size: record.size.unwrap_or(header.size), channels: header.channels, image: None });
        }
        // Labels lie in the pixels that the data set reads, turned or not.
        let image = read()?;
        if self.would_be_read(path, &image)? {
            return Ok(Source { size: image.size(), channels: header.channels, image: None });
        }
        if !self.copied {
            let message = "expected pictures to be written too, as this one's EXIF data would be understood otherwise in the new format: received labels alone";
            return Err(Error::format(path, message));
        }
        if path.parent().is_some_and(|folder| is_same(folder, &self.folder)) {
            let message = "expected another folder, as the picture's EXIF data would be understood otherwise in the new format: received that of the picture";
            return Err(Error::format(path, message));
        }
        Ok(Source { size: image.size(), channels: image.channels(), image: Some(image) })
    }

    /// Whether a reader of the new format would find these pixels in a file.
    fn would_be_read(&self, path: &Path, image: &Image) -> Result<bool> {
        let mode = match image.channels() {
            1 => ColorMode::Gray,
            3 => ColorMode::Rgb,
            4 => ColorMode::Rgba,
            _ => ColorMode::Unchanged,
        };
        let max_pixels = image.height() as u64 * image.width() as u64;
        let read = Decoder { mode, max_pixels, orient: self.turned }.read(path)?;
        Ok(read.shape() == image.shape() && read.pixels() == image.pixels())
    }

    /// The stem and the name of a picture's new file: its own, with its number where another has that name already.
    fn name(&mut self, index: usize, path: Option<&Path>, is_rewritten: bool) -> (String, String) {
        let mut stem = path.map(stem_of).unwrap_or_default();
        if stem.is_empty() {
            stem = format!("{index:06}");
        }
        let extension = path.and_then(Path::extension).map(|extension| extension.to_string_lossy());
        let extension = extension.filter(|extension| !is_rewritten && !extension.is_empty());
        while self.own.get(&stem).is_some_and(|&owner| owner != index) || !self.stems.insert(stem.clone()) {
            stem = format!("{stem}_{index}");
        }
        let file_name = format!("{stem}.{}", extension.as_deref().unwrap_or("png"));
        (stem, file_name)
    }
}

/// The stem of a picture's new file.
fn stem_of(path: &Path) -> String {
    // White space would end the name in Pascal VOC's lists.
    files::stem(path).chars().map(|c| if c.is_whitespace() || c.is_control() { '_' } else { c }).collect()
}

/// The stems of pictures of the data set that lie in a folder, and the first picture of each.
fn own_stems<D: LabelledDataset + ?Sized>(data: &D, folder: &Path) -> Result<HashMap<String, usize>> {
    let fail = |source| Error::io(folder, source);
    let mut own = HashMap::new();
    if std::fs::read_dir(folder).map_err(fail)?.next().is_none() {
        return Ok(own);
    }
    let mut folders: HashMap<PathBuf, bool> = HashMap::new();
    for index in 0..data.len() {
        let Some(path) = data.record(index)?.path else { continue };
        let Some(parent) = path.parent() else { continue };
        let is_there = match folders.get(parent) {
            Some(&is_there) => is_there,
            None => *folders.entry(parent.into()).or_insert(is_same(parent, folder)),
        };
        if is_there {
            own.entry(stem_of(&path)).or_insert(index);
        }
    }
    Ok(own)
}

/// Puts a picture where it belongs, unless it is there; whether it was not.
fn copy(record: &Record, image: Option<Image>, target: &Path) -> Result<bool> {
    match (&record.path, image) {
        (_, Some(image)) => image_io::write_png(target, &image.to_tensor()?)?,
        (Some(path), None) if is_same(path, target) => return Ok(false),
        (Some(path), None) => write(target, &files::read(path)?)?,
        (None, None) => return Ok(false),
    }
    Ok(true)
}
