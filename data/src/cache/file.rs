//! Samples that are decoded once into one file.

use std::path::{Path, PathBuf};

use ocelli_tensor::safetensors::SafeTensorsFile;

use super::making::{CLASSES, PATHS, PICTURES, PIXELS, PLACE_BYTES, Place, make};
use super::stored::Stored;
use crate::annotation::ClassDetails;
use crate::readers::Changes;
use crate::{Dataset, Error, Image, LabelledDataset, Pixels, Record, Result};

/// The longest key, in bytes: the header, in which it stands, must not become longer than readers of such files accept.
const LONGEST_KEY: usize = 1 << 20;

/// A data set whose pictures lie decoded in one file that is mapped into memory: the system keeps as much of it there as there is room, for all
/// processes that read it together. Labels of a [`LabelledDataset`] stay what [`LabelledDataset::record`] tells.
///
/// The file is a safetensors file of a few tensors, however many pictures there are: `pixels`, the bytes of all pictures as they lie in memory; `pictures`, a row
/// for each of where it begins there, its height, width, channels and the bytes of a number (1, or 4 for floats); and, for samples that are a picture and a class, `classes` and
/// `paths` (a list in JSON; paths that are no Unicode are not kept). What is kept is what [`Dataset::get`] gives, so random changes belong around the cache, not into it.
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
    path: PathBuf,
    file: SafeTensorsFile,
    classes: Option<Vec<i64>>,
    paths: Option<Vec<Option<PathBuf>>>,
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
    /// [`Error::Argument`] for a key of more than a megabyte; [`Error::Sample`] if a sample cannot be read; [`Error::Io`] if the file cannot be written; [`Error::Tensor`] if it is cut short or broken;
    /// [`Error::Format`] if it holds something else.
    pub fn open(inner: D, path: impl AsRef<Path>, key: &str) -> Result<Self> {
        let path = path.as_ref();
        if key.len() > LONGEST_KEY {
            let message = format!("expected a key of at most {LONGEST_KEY} bytes, received {}", key.len());
            return Err(Error::argument("file cache", message));
        }
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
        let for_each = |name: &str, count: usize| match count == inner.len() {
            true => Ok(()),
            false => {
                let message = format!("expected {name} of each of {} pictures, received {count}", inner.len());
                Err(Error::format(path, message))
            }
        };
        let (places, rest) = file.bytes(PICTURES)?.as_chunks::<PLACE_BYTES>();
        for_each(PICTURES, places.len() + rest.len())?;
        let names = file.names();
        let has = |wanted: &str| names.iter().any(|name| name == wanted);
        let classes = if has(CLASSES) { Some(file.tensor(CLASSES)?.to_vec::<i64>()?) } else { None };
        let paths: Option<Vec<Option<PathBuf>>> = match has(PATHS) {
            true => Some(serde_json::from_slice(file.bytes(PATHS)?).map_err(|error| {
                Error::format(path, format!("expected a list of paths, received something else ({error})"))
            })?),
            false => None,
        };
        classes.as_ref().map_or(Ok(()), |classes| for_each(CLASSES, classes.len()))?;
        paths.as_ref().map_or(Ok(()), |paths| for_each(PATHS, paths.len()))?;
        Ok(FileCache { inner, path: path.into(), file, classes, paths })
    }

    /// The data set whose pictures these are.
    pub fn inner(&self) -> &D {
        &self.inner
    }

    /// The picture of this number, which there is.
    fn image(&self, index: usize) -> Result<Image> {
        let pixels = self.file.bytes(PIXELS)?;
        let place = self.file.bytes(PICTURES)?.as_chunks::<PLACE_BYTES>().0[index];
        let place: Place = std::array::from_fn(|i| i64::from_le_bytes(place.as_chunks::<8>().0[i]));
        let image = || {
            let [start, height, width, channels, bytes] = place.map(|number| usize::try_from(number).ok());
            let shape = [height?, width?, channels?];
            let length = shape.iter().chain(&bytes).try_fold(1usize, |product, &side| product.checked_mul(side))?;
            let numbers = pixels.get(start?..start?.checked_add(length)?)?;
            let pixels = match bytes? {
                1 => Pixels::U8(numbers.to_vec()),
                4 => Pixels::F32(numbers.as_chunks::<4>().0.iter().map(|&number| f32::from_le_bytes(number)).collect()),
                _ => return None,
            };
            Image::new(shape, pixels).ok()
        };
        image().ok_or_else(|| {
            let message = format!(
                "picture {index}: expected its place, [height, width, channels] and bytes of a number in {} bytes, received {place:?}",
                pixels.len()
            );
            Error::format(&self.path, message)
        })
    }
}

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
        let image = self.image(index)?;
        let image = match self.paths.as_ref().and_then(|paths| paths[index].as_ref()) {
            Some(path) => image.with_path(path),
            None => image,
        };
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
    fn class_details(&self, class: usize) -> ClassDetails {
        self.inner.class_details(class)
    }
    fn changes(&self) -> Changes {
        self.inner.changes()
    }
}

#[cfg(test)]
mod tests {
    use ocelli_tensor::{Tensor, safetensors};

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
    fn headers_do_not_grow_with_the_pictures() {
        let directory = tempfile::tempdir().unwrap();
        let header = |count: usize| {
            let path = directory.path().join(count.to_string());
            let image = || Image::from_u8([1, 1, 1], vec![7]).unwrap();
            let data = VecDataset::new((0..count).map(|i| (image(), i)).collect());
            let cached = FileCache::open(data, &path, "a").unwrap();
            assert_eq!(cached.get(count - 1).unwrap(), (image(), count - 1));
            let bytes = std::fs::read(&path).unwrap();
            u64::from_le_bytes(*bytes.first_chunk().unwrap())
        };
        // The number of samples and the places of a few tensors have more digits.
        assert!(header(5_000) < header(10) + 40);
        let long = "k".repeat(LONGEST_KEY + 1);
        assert!(FileCache::open(shapes(), directory.path().join("b"), &long).is_err());
    }

    #[test]
    fn places_that_are_not_in_the_file_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        let image = |place: Place, count: usize| {
            let tensors = [
                (PIXELS.to_string(), Tensor::from_vec((0..8u8).collect(), [8]).unwrap()),
                (PICTURES.to_string(), Tensor::from_vec(place.repeat(count), [count, 5]).unwrap()),
                (CLASSES.to_string(), Tensor::from_vec(vec![3i64], [1]).unwrap()),
            ];
            let metadata = [("key".to_string(), String::new()), ("samples".to_string(), "1".to_string())];
            safetensors::save_with_metadata(&path, &tensors.into(), &metadata.into()).unwrap();
            let one = VecDataset::new(vec![(Image::from_u8([1, 1, 1], vec![0]).unwrap(), 3)]);
            FileCache::open(one, &path, "").and_then(|cached| Ok(cached.get(0)?.0))
        };
        assert_eq!(image([2, 2, 1, 3, 1], 1).unwrap(), Image::from_u8([2, 1, 3], (2..8).collect()).unwrap());
        assert_eq!(image([4, 1, 1, 1, 4], 1).unwrap().shape(), [1, 1, 1]);
        for place in [
            [3, 2, 1, 3, 1],
            [-1, 1, 1, 1, 1],
            [9, 0, 1, 1, 1],
            [0, i64::MAX, 4, 4, 4],
            [i64::MAX, 1, 1, 1, 1],
            [0, 1, 1, 1, 2],
            [0, 1, 1, 5, 1],
            [5, 1, 1, 1, 4],
        ] {
            let text = image(place, 1).unwrap_err().to_string();
            assert!(text.contains("picture 0") && text.contains(&format!("{place:?}")), "{text}");
        }
        for count in [0, 2] {
            assert!(image([0, 1, 1, 1, 1], count).unwrap_err().to_string().contains("pictures of each of 1 pictures"));
        }
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
