//! CIFAR-10 and CIFAR-100 (A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009) in their binary form: bytes of
//! classes, then 32×32 pixels of red, green and blue, picture by picture.

use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::files::{self, lines};
use super::{Options, picture};
use crate::annotation::Labels;
use crate::{Dataset, Error, LabelledDataset, Record, Result, Sample};

const SIDE: usize = 32;
const PIXELS: usize = 3 * SIDE * SIDE;

/// Which of the two data sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cifar {
    /// Ten classes: `data_batch_1.bin` to `data_batch_5.bin`, `test_batch.bin`, `batches.meta.txt`.
    Ten,
    /// A hundred classes in twenty superclasses: `train.bin`, `test.bin`, `fine_label_names.txt`, `coarse_label_names.txt`.
    Hundred,
}

impl Cifar {
    /// The bytes of classes before a picture: that of CIFAR-100's superclass comes first.
    fn labels(self) -> usize {
        match self {
            Cifar::Ten => 1,
            Cifar::Hundred => 2,
        }
    }

    /// How many classes there are on each level, as the bytes stand.
    fn classes(self) -> &'static [usize] {
        match self {
            Cifar::Ten => &[10],
            Cifar::Hundred => &[20, 100],
        }
    }
}

/// Pictures of CIFAR-10 or CIFAR-100, which lie in memory. The superclass of a picture of CIFAR-100 is the metadata `coarse`.
pub struct CifarDataset {
    kind: Cifar,
    /// Records as they stand in the files.
    records: Vec<u8>,
    classes: Vec<String>,
    coarse: Vec<String>,
}

impl CifarDataset {
    /// Opens a folder with the published files, each gzip-compressed (`.gz`) or not. The split is `train` (of CIFAR-10 whatever is there of the five
    /// files, the first at least) or `test`; without one it is `train`.
    ///
    /// # Errors
    /// [`Error::Io`] if a file is absent; [`Error::Format`] if it is cut short, or a class is out of range; [`Error::Argument`] for another split, and if
    /// [`Options::classes`] are not as many as there are classes.
    pub fn open(root: impl AsRef<Path>, kind: Cifar, options: &Options) -> Result<Self> {
        let root = root.as_ref();
        let split = options.split.as_deref().unwrap_or("train");
        let paths = match (kind, split) {
            (Cifar::Ten, "train") => {
                let name = |i: usize| root.join(format!("data_batch_{i}.bin"));
                let later = (2..=5).filter_map(|i| packed_or_not(&name(i)));
                [packed_or_not(&name(1)).unwrap_or_else(|| name(1))].into_iter().chain(later).collect()
            }
            (Cifar::Ten, "test") => vec![one(root, "test_batch.bin")],
            (Cifar::Hundred, "train" | "test") => vec![one(root, &format!("{split}.bin"))],
            _ => return Err(Error::argument("cifar", format!("expected train or test as split, received {split:?}"))),
        };
        let mut records = Vec::new();
        for path in &paths {
            records.append(&mut CifarDataset::parse(path, &files::read(path)?, kind)?);
        }
        let names = |file: &str| -> Result<Vec<String>> {
            let path = root.join(file);
            Ok(lines(&files::read_text(&path)?).map(|(_, name)| name.to_string()).collect())
        };
        let (own, coarse) = match kind {
            Cifar::Ten => ("batches.meta.txt", Vec::new()),
            Cifar::Hundred => ("fine_label_names.txt", names("coarse_label_names.txt")?),
        };
        let classes = match &options.classes {
            Some(classes) => classes.clone(),
            None => names(own)?,
        };
        let levels = kind.classes();
        if classes.len() != levels[levels.len() - 1] || (kind == Cifar::Hundred && coarse.len() != levels[0]) {
            let message =
                format!("expected names of {levels:?} classes, received {} and {}", classes.len(), coarse.len());
            return Err(Error::argument("cifar", message));
        }
        Ok(CifarDataset { kind, records, classes, coarse })
    }

    /// Checks the bytes of a file, gzip-compressed or not, and returns its records: one byte for each class, then the pixels; `name` is what errors
    /// call it.
    ///
    /// # Errors
    /// [`Error::Format`] if the file is empty or no whole number of records, the gzip stream is broken, or a class is out of range.
    pub fn parse(name: impl AsRef<Path>, bytes: &[u8], kind: Cifar) -> Result<Vec<u8>> {
        let path = name.as_ref();
        let length = kind.labels() + PIXELS;
        // No published file is larger; a small one cannot grow without bound.
        let most = 50_000 * (2 + PIXELS) as u64;
        let mut records = Vec::new();
        if bytes.starts_with(&[0x1f, 0x8b]) {
            let read = MultiGzDecoder::new(bytes).take(most + 1).read_to_end(&mut records);
            read.map_err(|error| {
                Error::format(path, format!("expected a whole gzip stream, received a broken one ({error})"))
            })?;
        } else {
            records.extend_from_slice(bytes);
        }
        if records.is_empty() || !records.len().is_multiple_of(length) || records.len() as u64 > most {
            let message = format!("expected pictures of {length} bytes each, received {} bytes", records.len());
            return Err(Error::format(path, message));
        }
        for (i, record) in records.chunks_exact(length).enumerate() {
            if let Some((class, &most)) =
                record.iter().zip(kind.classes()).find(|&(&class, &most)| usize::from(class) >= most)
            {
                return Err(Error::format(
                    path,
                    format!("picture {i}: expected a class in 0..{most}, received {class}"),
                ));
            }
        }
        Ok(records)
    }

    /// The names of CIFAR-100's superclasses.
    pub fn coarse_names(&self) -> &[String] {
        &self.coarse
    }

    fn entry(&self, index: usize) -> Result<(&[u8], &[u8])> {
        Error::check_index(index, self.len())?;
        let length = self.kind.labels() + PIXELS;
        Ok(self.records[index * length..(index + 1) * length].split_at(self.kind.labels()))
    }
}

fn packed_or_not(path: &Path) -> Option<PathBuf> {
    files::first_of([path.to_path_buf(), path.with_extension("bin.gz")])
}

fn one(root: &Path, name: &str) -> PathBuf {
    packed_or_not(&root.join(name)).unwrap_or_else(|| root.join(name))
}

impl Dataset for CifarDataset {
    type Item = Sample;

    fn len(&self) -> usize {
        self.records.len() / (self.kind.labels() + PIXELS)
    }

    fn get(&self, index: usize) -> Result<Sample> {
        let (_, pixels) = self.entry(index)?;
        let image = picture::of_planes([SIDE, SIDE], pixels)?;
        Ok(Sample { image, labels: self.record(index)?.labels })
    }
}

impl LabelledDataset for CifarDataset {
    fn record(&self, index: usize) -> Result<Record> {
        let (classes, _) = self.entry(index)?;
        let mut labels = Labels { classes: vec![usize::from(classes[classes.len() - 1])], ..Labels::default() };
        if self.kind == Cifar::Hundred {
            labels.metadata.insert("coarse".into(), classes[0].into());
        }
        Ok(Record { path: None, size: Some([SIDE, SIDE]), labels })
    }

    fn class_names(&self) -> &[String] {
        &self.classes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_classes() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(root.path().join(name), bytes).unwrap();
        let names = |count: usize| (0..count).map(|i| format!("c{i}\n")).collect::<String>();
        let mut record = vec![19, 99];
        record.extend((0..PIXELS).map(|i| i as u8));
        write("train.bin", &record.repeat(2));
        write("fine_label_names.txt", names(100).as_bytes());
        write("coarse_label_names.txt", names(20).as_bytes());
        let data = CifarDataset::open(root.path(), Cifar::Hundred, &Options::default()).unwrap();
        let sample = data.get(1).unwrap();
        assert_eq!((data.len(), sample.image.shape(), &sample.labels.classes[..]), (2, [32, 32, 3], &[99][..]));
        assert_eq!(sample.labels.metadata["coarse"], 19);
        assert_eq!(sample.image.to_tensor().unwrap().to_vec::<u8>().unwrap()[..], record[2..]);
        assert!(data.get(2).is_err());
        write("coarse_label_names.txt", names(19).as_bytes());
        assert!(CifarDataset::open(root.path(), Cifar::Hundred, &Options::default()).is_err());
        assert!(CifarDataset::open(root.path(), Cifar::Hundred, &Options::of_split("val")).is_err());
        assert!(CifarDataset::open(root.path(), Cifar::Ten, &Options::default()).is_err());
    }

    #[test]
    fn broken_files() {
        let text = |bytes: &[u8]| CifarDataset::parse("b.bin", bytes, Cifar::Ten).err().unwrap().to_string();
        assert!(text(&[]).contains("received 0 bytes"));
        assert!(text(&[0; 3072]).contains("pictures of 3073 bytes"));
        assert!(text(&[10; 3073]).contains("picture 0: expected a class in 0..10, received 10"));
        assert!(text(&[0x1f, 0x8b, 8]).contains("gzip"));
    }
}
