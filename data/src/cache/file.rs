//! Samples that are decoded once into one file.

use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::path::Path;

use ocelli_tensor::Tensor;
use ocelli_tensor::safetensors::SafeTensorsFile;
use serde_json::{Map, Value, json};
use tempfile::NamedTempFile;

use crate::reserve::with_capacity;
use crate::{Dataset, Error, Image, LabelledDataset, Pixels, Record, Result, Sample};

/// The longest header that readers of such files accept.
const LONGEST_HEADER: usize = 100_000_000;

/// A sample of which a [`FileCache`] keeps the picture.
pub trait Stored<D>: Sized {
    /// The picture.
    fn image(&self) -> &Image;

    /// Its class, where no data set could tell it without reading the picture.
    fn class(&self) -> Option<usize>;

    /// The sample of this picture again.
    ///
    /// # Errors
    /// If its labels cannot be had.
    fn restore(image: Image, class: Option<usize>, dataset: &D, index: usize) -> Result<Self>;
}

impl<D> Stored<D> for (Image, usize) {
    fn image(&self) -> &Image {
        &self.0
    }
    fn class(&self) -> Option<usize> {
        Some(self.1)
    }
    fn restore(image: Image, class: Option<usize>, _dataset: &D, index: usize) -> Result<Self> {
        let message = || format!("expected a class of picture {index}, received a file without");
        Ok((image, class.ok_or_else(|| Error::argument("file cache", message()))?))
    }
}

impl<D: LabelledDataset> Stored<D> for Sample {
    fn image(&self) -> &Image {
        &self.image
    }
    fn class(&self) -> Option<usize> {
        None
    }
    fn restore(image: Image, _class: Option<usize>, dataset: &D, index: usize) -> Result<Self> {
        Ok(Sample { image, labels: dataset.record(index)?.labels })
    }
}

/// A data set whose pictures lie decoded in one file that is mapped into memory: the system keeps as much of it there as there is room, for all
/// processes that read it together. Labels of a [`LabelledDataset`] stay what [`LabelledDataset::record`] tells.
///
/// The file is a safetensors file: a tensor of shape `[channels, height, width]` for each picture, named by its number, and `classes`. What
/// is kept is what [`Dataset::get`] gives, so random changes belong around the cache, not into it.
///
/// ```
/// use ocelli_data::generated::Shapes;
/// use ocelli_data::{Dataset, FileCache};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().join("shapes.safetensors");
/// let shapes = Shapes { samples: 20, ..Shapes::default() };
/// let cached = FileCache::open(shapes.clone(), &path, "shapes 64x64, seed 0")?;
/// assert_eq!(cached.get(7)?, shapes.get(7)?);
/// // Another data set does not take this file for its own.
/// assert!(FileCache::open(shapes, &path, "shapes 64x64, seed 1").is_err());
/// # Ok(())
/// # }
/// ```
pub struct FileCache<D> {
    inner: D,
    file: SafeTensorsFile,
    classes: Option<Vec<i64>>,
}

impl<D> FileCache<D>
where
    D: Dataset,
    D::Item: Stored<D>,
{
    /// Opens the file, or first makes it of all samples if there is none of that name. It appears whole or not at all.
    ///
    /// `key` says what the pictures are: the data set, its version, how they were changed before. A file that was made with another key is
    /// refused, as is one of another number of samples. The file must not be changed while it is open.
    ///
    /// # Errors
    /// [`Error::Sample`] if a sample cannot be read; [`Error::Io`] if the file cannot be written; [`Error::Tensor`] if it is cut short or broken;
    /// [`Error::Format`] if it holds something else.
    pub fn open(inner: D, path: impl AsRef<Path>, key: &str) -> Result<Self> {
        let path = path.as_ref();
        if !path.try_exists().map_err(|source| Error::io(path, source))? {
            make(&inner, path, key)?;
        }
        let file = SafeTensorsFile::open(path)?;
        let metadata = file.metadata();
        let samples = inner.len().to_string();
        for (name, expected) in [("key", key), ("samples", samples.as_str())] {
            let received = metadata.get(name).map_or("none", String::as_str);
            if received != expected {
                let message = format!("expected a cache with {name} {expected:?}, received {received:?}");
                return Err(Error::format(path, message));
            }
        }
        let names = file.names();
        let classes = match names.iter().any(|name| name == CLASSES) {
            true => Some(file.tensor(CLASSES)?.to_vec::<i64>()?),
            false => None,
        };
        if classes.as_ref().is_some_and(|classes| classes.len() != inner.len()) {
            let message = format!("expected a class for each of {} pictures, received others", inner.len());
            return Err(Error::format(path, message));
        }
        Ok(FileCache { inner, file, classes })
    }

    /// The data set whose pictures these are.
    pub fn inner(&self) -> &D {
        &self.inner
    }
}

const CLASSES: &str = "classes";

impl<D> Dataset for FileCache<D>
where
    D: Dataset,
    D::Item: Stored<D>,
{
    type Item = D::Item;
    fn len(&self) -> usize {
        self.inner.len()
    }
    fn get(&self, index: usize) -> Result<D::Item> {
        Error::check_index(index, self.inner.len())?;
        let image = Image::from_tensor(&self.file.tensor(&index.to_string())?)?;
        let class = self.classes.as_ref().and_then(|classes| usize::try_from(classes[index]).ok());
        D::Item::restore(image, class, &self.inner, index)
    }
}

impl<D: LabelledDataset> LabelledDataset for FileCache<D> {
    fn record(&self, index: usize) -> Result<Record> {
        self.inner.record(index)
    }
    fn class_names(&self) -> &[String] {
        self.inner.class_names()
    }
}

/// Writes all pictures to a file. They go to a temporary one first, as the header, which stands before them, tells where each lies.
fn make<D>(inner: &D, path: &Path, key: &str) -> Result<()>
where
    D: Dataset,
    D::Item: Stored<D>,
{
    let fail = |source| Error::io(path, source);
    let mut data = BufWriter::new(beside(path)?);
    let mut entries = Map::new();
    entries.insert("__metadata__".into(), json!({ "key": key, "samples": inner.len().to_string() }));
    let (mut end, mut classes) = (0u64, with_capacity::<i64>(inner.len())?);
    let mut entry = |name: String, dtype: &str, shape: &[usize], bytes: &[u8]| {
        let start = end;
        end += bytes.len() as u64;
        entries.insert(name, json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, end] }));
        data.write_all(bytes).map_err(fail)
    };
    for index in 0..inner.len() {
        let item = inner.get(index).map_err(|source| Error::Sample { index, source: Box::new(source) })?;
        let tensor = item.image().to_tensor()?;
        let shape = &tensor.shape()[..];
        match item.image().pixels() {
            Pixels::U8(_) => entry(index.to_string(), "U8", shape, &tensor.to_vec::<u8>()?)?,
            Pixels::F32(_) => entry(index.to_string(), "F32", shape, &little_endian(&tensor)?)?,
        }
        classes.extend(item.class().map(|class| class as i64));
    }
    if !classes.is_empty() {
        let bytes: Vec<u8> = classes.iter().flat_map(|class| class.to_le_bytes()).collect();
        entry(CLASSES.into(), "I64", &[classes.len()], &bytes)?;
    }
    let mut header = Value::Object(entries).to_string().into_bytes();
    // Readers want the bytes behind it aligned.
    header.resize(header.len().next_multiple_of(8), b' ');
    if header.len() > LONGEST_HEADER {
        let message =
            format!("expected few enough samples for a header of {LONGEST_HEADER} bytes, received {}", header.len());
        return Err(Error::argument("file cache", message));
    }
    let mut data: File = data.into_inner().map_err(|e| fail(e.into_error()))?.into_file();
    let mut whole = beside(path)?;
    whole.write_all(&(header.len() as u64).to_le_bytes()).map_err(fail)?;
    whole.write_all(&header).map_err(fail)?;
    data.rewind().map_err(fail)?;
    std::io::copy(&mut data, whole.as_file_mut()).map_err(fail)?;
    whole.as_file().sync_all().map_err(fail)?;
    whole.persist(path).map_err(|e| fail(e.error))?;
    Ok(())
}

fn little_endian(tensor: &Tensor) -> Result<Vec<u8>> {
    let floats: Vec<f32> = tensor.to_vec()?;
    let mut bytes = with_capacity(floats.len().saturating_mul(4))?;
    floats.iter().for_each(|float| bytes.extend_from_slice(&float.to_le_bytes()));
    Ok(bytes)
}

/// A temporary file in the directory of a path, where renaming is possible.
fn beside(path: &Path) -> Result<NamedTempFile> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    // As for any new file: readable as the umask says, not by the owner alone.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(directory).map_err(|source| Error::io(path, source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated::Shapes;
    use crate::{DataLoader, Pad, SampleRng, VecDataset};

    fn shapes() -> Shapes {
        Shapes { samples: 12, size: [20, 33], ..Shapes::default() }
    }

    /// Any data set whose samples are a class and bytes or floats of several sizes.
    fn classified() -> VecDataset<(Image, usize)> {
        let image = |i: usize| {
            let shape = [1 + i % 3, 2 + i, 5];
            let tensor = Tensor::arange(0, shape.iter().product::<usize>() as i64, 1).unwrap().reshape(shape).unwrap();
            let dtype = if i.is_multiple_of(2) { ocelli_tensor::DType::U8 } else { ocelli_tensor::DType::F32 };
            Image::from_tensor(&tensor.to_dtype(dtype).unwrap()).unwrap()
        };
        VecDataset::new((0..7).map(|i| (image(i), i * i)).collect())
    }

    #[test]
    fn samples_come_back_as_they_were() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("shapes");
        let cached = FileCache::open(shapes(), &path, "a").unwrap();
        let again = FileCache::open(shapes(), &path, "a").unwrap();
        for index in 0..12 {
            let sample = shapes().get(index).unwrap();
            assert_eq!(cached.get(index).unwrap(), sample);
            assert_eq!(again.get_random(index, &mut SampleRng::new(0, 0, 0)).unwrap(), sample);
            assert_eq!(again.record(index).unwrap(), shapes().record(index).unwrap());
        }
        assert!(cached.get(12).is_err());
        let path = directory.path().join("classes");
        let cached = FileCache::open(classified(), &path, "b").unwrap();
        for (index, sample) in classified().items().iter().enumerate() {
            assert_eq!(cached.get(index).unwrap(), *sample);
        }
        let none =
            FileCache::open(VecDataset::<(Image, usize)>::new(vec![]), directory.path().join("none"), "").unwrap();
        assert!(none.is_empty() && none.get(0).is_err());
        // Nothing but the three files is left.
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 3);
    }

    #[test]
    fn batches_are_those_without_a_cache() {
        let directory = tempfile::tempdir().unwrap();
        let cached = FileCache::open(shapes(), directory.path().join("a"), "a").unwrap();
        let plain = DataLoader::new(shapes(), 5).unwrap().collate(Pad::default()).shuffle(true);
        let cached = DataLoader::new(cached, 5).unwrap().collate(Pad::default()).shuffle(true).workers(3);
        for (a, b) in plain.epoch(1).zip(cached.epoch(1)) {
            let (a, b) = (a.unwrap(), b.unwrap());
            assert_eq!(a.images.to_vec::<f32>().unwrap(), b.images.to_vec::<f32>().unwrap());
            assert_eq!(a.labels, b.labels);
        }
    }

    #[test]
    fn other_and_broken_files_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        drop(FileCache::open(shapes(), &path, "a").unwrap());
        let refused = |shapes: Shapes, key: &str| match FileCache::open(shapes, &path, key) {
            Ok(_) => panic!("opened"),
            Err(error) => error.to_string(),
        };
        let name = path.display().to_string();
        let text = refused(shapes(), "b");
        assert!(text.starts_with(&name) && text.contains(r#"key "b", received "a""#), "{text}");
        let text = refused(Shapes { samples: 13, ..shapes() }, "a");
        assert!(text.contains(r#"samples "13", received "12""#), "{text}");
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 7, 100, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(refused(shapes(), "a").contains(&name), "{length}");
        }
        // A header that claims more bytes than any file has.
        let mut huge = whole.clone();
        huge[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        std::fs::write(&path, &huge).unwrap();
        assert!(refused(shapes(), "a").contains(&name));
        std::fs::write(&path, &whole).unwrap();
        assert!(FileCache::open(shapes(), &path, "a").is_ok());
    }

    #[test]
    fn a_sample_that_cannot_be_read_leaves_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let broken = classified().map(|(image, class)| match class {
            9 => Err(Error::argument("decode", "no picture")),
            _ => Ok((image, class)),
        });
        let text = match FileCache::open(broken, directory.path().join("a"), "a") {
            Ok(_) => panic!("opened"),
            Err(error) => error.to_string(),
        };
        assert_eq!(text, "sample 3: decode: no picture");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        assert!(FileCache::open(classified(), directory.path().join("absent").join("a"), "a").is_err());
    }
}
