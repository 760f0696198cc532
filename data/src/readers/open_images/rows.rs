//! The rows of the files of boxes and of masks.

use std::collections::HashMap;
use std::path::Path;

use crate::Result;
use crate::annotation::Flags;
use crate::readers::csv_labels::Table;
use crate::readers::files::{at, number, plain_name};
use crate::readers::{Changes, Options};

/// A box of a picture.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) line: u32,
    /// Whether the line is one of the file of masks, not of that of boxes.
    pub(super) of_masks: bool,
    pub(super) class: u32,
    /// Left, top, right, bottom, in fractions.
    pub(super) corners: [f64; 4],
    pub(super) flags: Flags,
    pub(super) source: Option<Box<str>>,
    pub(super) confidence: f64,
    pub(super) mask: Option<Box<str>>,
}

/// Rows of boxes and masks, and which picture is which.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) items: Vec<(String, Vec<Row>)>,
    places: HashMap<String, usize>,
    pub(super) changes: Changes,
}

impl Rows {
    fn of_picture(&mut self, name: &str) -> &mut Vec<Row> {
        let place = match self.places.get(name) {
            Some(&place) => place,
            None => {
                self.places.insert(name.into(), self.items.len());
                self.items.push((name.into(), Vec::new()));
                self.items.len() - 1
            }
        };
        &mut self.items[place].1
    }

    pub(super) fn read_boxes(
        &mut self,
        path: &Path,
        bytes: &[u8],
        numbers: &HashMap<String, u32>,
        options: &Options,
    ) -> Result<()> {
        let mut table = Table::open(path, bytes)?;
        let [image, label] = [table.column("ImageID")?, table.column("LabelName")?];
        let corners = Corners::columns(&table, "")?;
        // Files of few columns have been around since the first version.
        let flags =
            ["IsOccluded", "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside"].map(|name| table.column(name).ok());
        let [source, confidence] = ["Source", "Confidence"].map(|name| table.column(name).ok());
        while let Some((line, row)) = table.next()? {
            let fail = |message: String| at(path, line as usize, message);
            let name = plain_name(&row[image]).map_err(fail)?;
            let Some(&class) = numbers.get(&row[label]) else {
                let message = || format!("expected a class of the list, received {:?}", &row[label]);
                options.policy.refuse::<()>(&mut self.changes, message).map_err(fail)?;
                self.of_picture(name);
                continue;
            };
            let mut set = [false; 5];
            for (set, column) in set.iter_mut().zip(flags) {
                *set = match column.map(|column| &row[column]) {
                    None | Some("0") | Some("") => false,
                    Some("1") => true,
                    // Not known.
                    Some("-1") => false,
                    Some(other) => return Err(fail(format!("expected a flag of -1, 0 or 1, received {other:?}"))),
                };
            }
            let [occluded, truncated, crowd, depiction, inside] = set;
            let made = Row {
                line: line as u32,
                of_masks: false,
                class,
                corners: corners.read(row).map_err(fail)?,
                flags: Flags { occluded, truncated, crowd, depiction, inside, ..Flags::default() },
                source: source.map(|column| row[column].into()),
                confidence: confidence.map_or(Ok(1.0), |column| number(&row[column])).map_err(fail)?,
                mask: None,
            };
            self.of_picture(name).push(made);
        }
        Ok(())
    }

    pub(super) fn read_masks(
        &mut self,
        path: &Path,
        bytes: &[u8],
        numbers: &HashMap<String, u32>,
        options: &Options,
    ) -> Result<()> {
        let mut table = Table::open(path, bytes)?;
        let [mask, image, label] = [table.column("MaskPath")?, table.column("ImageID")?, table.column("LabelName")?];
        let corners = Corners::columns(&table, "Box")?;
        while let Some((line, row)) = table.next()? {
            let fail = |message: String| at(path, line as usize, message);
            let name = plain_name(&row[image]).map_err(fail)?;
            let mask = plain_name(&row[mask]).map_err(fail)?;
            let Some(&class) = numbers.get(&row[label]) else {
                let message = || format!("expected a class of the list, received {:?}", &row[label]);
                options.policy.refuse::<()>(&mut self.changes, message).map_err(fail)?;
                continue;
            };
            let corners = corners.read(row).map_err(fail)?;
            // Both files round the same box to different digits.
            let near = |other: &Row| {
                let apart = other.corners.iter().zip(&corners).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                other.class == class && other.mask.is_none() && apart < 1e-4
            };
            let rows = self.of_picture(name);
            match rows.iter_mut().find(|other| near(other)) {
                Some(other) => other.mask = Some(mask.into()),
                None => rows.push(Row {
                    line: line as u32,
                    of_masks: true,
                    class,
                    corners,
                    flags: Flags::default(),
                    source: None,
                    confidence: 1.0,
                    mask: Some(mask.into()),
                }),
            }
        }
        Ok(())
    }
}

/// The columns of left, top, right and bottom.
#[derive(Clone, Copy)]
struct Corners([usize; 4]);

impl Corners {
    /// Those whose names begin with `prefix`.
    fn columns(table: &Table<'_>, prefix: &str) -> Result<Corners> {
        let column = |side: &str| table.column(&format!("{prefix}{side}"));
        Ok(Corners([column("XMin")?, column("YMin")?, column("XMax")?, column("YMax")?]))
    }

    fn read(self, row: &csv::StringRecord) -> Result<[f64; 4], String> {
        let [x1, y1, x2, y2] = self.0.map(|column| number(&row[column]));
        Ok([x1?, y1?, x2?, y2?])
    }
}

/// Counts pictures and boxes in the bytes of a file of boxes whose classes are told by a list of `LabelName`s; `name` is what errors call it.
///
/// # Errors
/// [`Error::Format`](crate::Error::Format).
pub fn check_open_images_boxes(
    name: impl AsRef<Path>,
    bytes: &[u8],
    classes: &[String],
    options: &Options,
) -> Result<(usize, usize)> {
    let numbers = classes.iter().cloned().zip(0..).collect();
    let mut rows = Rows::default();
    rows.read_boxes(name.as_ref(), bytes, &numbers, options)?;
    Ok((rows.items.len(), rows.items.iter().map(|(_, rows)| rows.len()).sum()))
}
