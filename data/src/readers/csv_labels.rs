//! A folder of pictures and a CSV file with their classes.

use std::collections::BTreeSet;
use std::path::Path;

use csv::{ReaderBuilder, StringRecord};

use super::files::{self, at, within};
use super::list::{Item, PictureList};
use super::{Changes, Options};
use crate::{Error, Result};

/// What the columns behind the first, which names the picture, mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum CsvLabels {
    /// The second column is the name of the class.
    #[default]
    Class,
    /// The second column is the names of any number of classes, with this sign between them.
    Classes(char),
    /// A column of 0 and 1 for each class, whose name stands in the header.
    Columns,
}

/// Opens a CSV file with a header, whose first column names pictures below `pictures` (without an extension if need be: it is then looked for). Classes are
/// sorted by name unless [`Options::classes`] names them; with [`CsvLabels::Columns`] they stand in the order of the columns.
/// Pictures are turned as their EXIF data say.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read; [`Error::Format`], with the line, for rows of another length than the header, names that lead out of
/// the folder, numbers that are not 0 or 1, and classes that are not in the list (which [`Options::policy`] may leave out);
/// [`Error::Argument`] if a split is asked for.
pub fn csv_labels(
    file: impl AsRef<Path>,
    pictures: impl AsRef<Path>,
    labels: CsvLabels,
    options: &Options,
) -> Result<PictureList> {
    let file = file.as_ref();
    parse_csv_labels(file, &files::read(file)?, pictures, labels, options)
}

/// As [`csv_labels`], from the bytes of a file; `name` is what errors call it.
///
/// # Errors
/// As [`csv_labels`].
pub fn parse_csv_labels(
    name: impl AsRef<Path>,
    bytes: &[u8],
    pictures: impl AsRef<Path>,
    labels: CsvLabels,
    options: &Options,
) -> Result<PictureList> {
    let (path, pictures) = (name.as_ref(), pictures.as_ref());
    options.without_split("csv labels")?;
    let mut table = Table::open(path, bytes)?;
    let header = table.header.clone();
    let columns: Vec<String> = match labels {
        CsvLabels::Class | CsvLabels::Classes(_) if header.len() < 2 => {
            return Err(at(path, 1, format!("expected columns of pictures and classes, received {header:?}")));
        }
        CsvLabels::Class | CsvLabels::Classes(_) => Vec::new(),
        CsvLabels::Columns => header.iter().skip(1).map(String::from).collect(),
    };
    let mut changes = Changes::default();
    // Names first: which classes there are is known at the end.
    let mut rows: Vec<(u64, String, Vec<String>)> = Vec::new();
    while let Some((line, row)) = table.next()? {
        let file = row.get(0).unwrap_or_default().to_string();
        let names = match labels {
            CsvLabels::Class => vec![row[1].to_string()],
            CsvLabels::Classes(sign) => {
                row[1].split(sign).map(str::trim).filter(|name| !name.is_empty()).map(String::from).collect()
            }
            CsvLabels::Columns => {
                let mut names = Vec::new();
                for (name, value) in columns.iter().zip(row.iter().skip(1)) {
                    match value {
                        "1" | "1.0" => names.push(name.clone()),
                        "0" | "0.0" => {}
                        _ => {
                            return Err(at(
                                path,
                                line as usize,
                                format!("expected 0 or 1 for {name:?}, received {value:?}"),
                            ));
                        }
                    }
                }
                names
            }
        };
        rows.push((line, file, names));
    }
    let classes = options.classes.clone().unwrap_or_else(|| match labels {
        CsvLabels::Columns => columns,
        CsvLabels::Class | CsvLabels::Classes(_) => {
            rows.iter().flat_map(|(_, _, names)| names).cloned().collect::<BTreeSet<_>>().into_iter().collect()
        }
    });
    let numbers: std::collections::HashMap<&str, u32> = classes.iter().map(String::as_str).zip(0..).collect();
    let mut items = Vec::with_capacity(rows.len());
    for (line, file, names) in rows {
        let fail = |message: String| at(path, line as usize, message);
        let mut found = Vec::with_capacity(names.len());
        for name in names {
            let message = || format!("expected a class of the list, received {name:?}");
            match numbers.get(name.as_str()) {
                Some(&number) => found.push(number),
                None => drop(options.policy.refuse::<()>(&mut changes, message).map_err(fail)?),
            }
        }
        let full = within(pictures, &file).map_err(fail)?;
        let file = match Path::new(&file).extension() {
            // A dot may belong to the name.
            Some(_) if files::is_picture(&full, options) || full.exists() => full,
            _ => files::picture_named(pictures, &file, options).unwrap_or(full),
        };
        items.push(Item::new(file.strip_prefix(pictures).unwrap_or(&file), found));
    }
    let list = PictureList::new(pictures, items, classes, options, changes);
    Ok(list)
}

/// A CSV file with a header, whose rows all have its length.
pub(super) struct Table<'a> {
    path: &'a Path,
    reader: csv::Reader<&'a [u8]>,
    pub(super) header: StringRecord,
    row: StringRecord,
}

impl<'a> Table<'a> {
    pub(super) fn open(path: &'a Path, bytes: &'a [u8]) -> Result<Self> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
        let header = reader.headers().map_err(|error| broken(path, &error))?.clone();
        if header.is_empty() {
            return Err(Error::format(path, "expected a CSV file with a header, received an empty one"));
        }
        Ok(Table { path, reader, header, row: StringRecord::new() })
    }

    /// The next row, and its line.
    pub(super) fn next(&mut self) -> Result<Option<(u64, &StringRecord)>> {
        match self.reader.read_record(&mut self.row) {
            Ok(true) => Ok(Some((self.row.position().map_or(0, csv::Position::line), &self.row))),
            Ok(false) => Ok(None),
            Err(error) => Err(broken(self.path, &error)),
        }
    }

    /// The place of a column.
    pub(super) fn column(&self, name: &str) -> Result<usize> {
        self.header.iter().position(|column| column == name).ok_or_else(|| {
            at(
                self.path,
                1,
                format!("expected a column {name:?}, received {:?}", self.header.iter().collect::<Vec<_>>()),
            )
        })
    }
}

/// What is wrong with a CSV file.
pub(super) fn broken(path: &Path, error: &csv::Error) -> Error {
    let line = error.position().map_or(1, csv::Position::line) as usize;
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            at(path, line, format!("expected {expected_len} columns, received {len}"))
        }
        _ => at(path, line, format!("expected CSV in UTF-8, received something else ({error})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readers::Policy;
    use crate::{Dataset, LabelledDataset};

    fn parse(text: &str, labels: CsvLabels, options: &Options) -> Result<PictureList> {
        parse_csv_labels("l.csv", text.as_bytes(), "p", labels, options)
    }

    fn classes(text: &str, labels: CsvLabels) -> Vec<Vec<usize>> {
        let data = parse(text, labels, &Options::default()).unwrap();
        (0..data.len()).map(|i| data.record(i).unwrap().labels.classes).collect()
    }

    #[test]
    fn three_kinds() {
        assert_eq!(classes("file,label\na.jpg,dog\n\"b,c.jpg\",cat\n", CsvLabels::Class), [[1], [0]]);
        assert_eq!(classes("file,labels\na.jpg,dog; cat\nb.jpg,\n", CsvLabels::Classes(';')), [vec![1, 0], vec![]]);
        assert_eq!(classes("file,x,b\na.jpg,1,0\nb.jpg,1,1\n", CsvLabels::Columns), [vec![0], vec![0, 1]]);
        let data = parse("file,label\nd/a.jpg,dog\n", CsvLabels::Class, &Options::default()).unwrap();
        assert_eq!(data.record(0).unwrap().path.unwrap(), Path::new("p/d/a.jpg"));
    }

    #[test]
    fn broken_rows() {
        let text = |text, labels| parse(text, labels, &Options::default()).unwrap_err().to_string();
        assert!(
            text("f,l\na.jpg,cat\nb.jpg\n", CsvLabels::Class).contains("l.csv: line 3: expected 2 columns, received 1")
        );
        assert!(text("f,l\n../a.jpg,cat\n", CsvLabels::Class).contains("line 2: expected a path inside"));
        assert!(text("f,a\nx.jpg,2\n", CsvLabels::Columns).contains("expected 0 or 1 for \"a\", received \"2\""));
        assert!(
            text("", CsvLabels::Class).contains("empty")
                && text("f\na\n", CsvLabels::Class).contains("columns of pictures")
        );
        let options = Options { classes: Some(vec!["cat".into()]), ..Options::default() };
        assert!(parse("f,l\na.jpg,dog\n", CsvLabels::Class, &options).unwrap_err().to_string().contains("line 2"));
        let data = parse("f,l\na.jpg,dog\n", CsvLabels::Class, &Options { policy: Policy::Drop, ..options }).unwrap();
        assert_eq!((data.changes().dropped, data.record(0).unwrap().labels.classes.len()), (1, 0));
        assert!(parse("f,l\n", CsvLabels::Class, &Options::of_split("train")).is_err());
    }
}
