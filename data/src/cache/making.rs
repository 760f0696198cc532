//! The file of a cache, and how it is made.

use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::path::Path;

use serde_json::{Map, Value, json};
use tempfile::NamedTempFile;

use super::stored::Stored;
use crate::reserve::with_capacity;
use crate::{Dataset, Error, Pixels, Result};

/// The tensors of a cache: the numbers of all pictures behind each other; where each picture lies; its class; its file.
pub(super) const PIXELS: &str = "pixels";
pub(super) const PICTURES: &str = "pictures";
pub(super) const CLASSES: &str = "classes";
pub(super) const PATHS: &str = "paths";

/// A row of [`PICTURES`]: where the picture begins in [`PIXELS`], height, width, channels, bytes of a number.
pub(super) type Place = [i64; 5];
pub(super) const PLACE_BYTES: usize = size_of::<Place>();

/// Writes all pictures to a file. They go to a temporary one first, as the header, which stands before them, tells where each lies.
pub(super) fn make<D>(inner: &D, path: &Path, key: &str) -> Result<()>
where
    D: Dataset,
    D::Item: Stored<D>,
{
    let fail = |source| Error::io(path, source);
    let mut data = BufWriter::new(beside(path)?);
    let samples = inner.len();
    let mut places: Vec<Place> = with_capacity(samples)?;
    let (mut end, mut classes, mut paths) = (0u64, with_capacity::<i64>(samples)?, with_capacity(samples)?);
    for index in 0..samples {
        let item = inner.get(index).map_err(|source| Error::Sample { index, source: Box::new(source) })?;
        let image = item.image();
        let [height, width, channels] = image.shape().map(|side| side as i64);
        let bytes = match image.pixels() {
            Pixels::U8(pixels) => {
                data.write_all(pixels).map_err(fail)?;
                1
            }
            Pixels::F32(pixels) => {
                pixels.iter().try_for_each(|number| data.write_all(&number.to_le_bytes())).map_err(fail)?;
                4
            }
        };
        places.push([end as i64, height, width, channels, bytes]);
        end += image.pixels().len() as u64 * bytes as u64;
        classes.extend(item.class().map(|class| class as i64));
        paths.push(item.path().and_then(Path::to_str).map(String::from));
    }
    let mut entries = Map::new();
    entries.insert("__metadata__".into(), json!({ "key": key, "samples": samples.to_string() }));
    entries.insert(PIXELS.into(), json!({ "dtype": "U8", "shape": [end], "data_offsets": [0, end] }));
    let mut entry = |name: &str, dtype: &str, shape: &[usize], bytes: &[u8]| {
        let start = end;
        end += bytes.len() as u64;
        entries.insert(name.into(), json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, end] }));
        data.write_all(bytes).map_err(fail)
    };
    entry(PICTURES, "I64", &[samples, 5], &little_endian(places.as_flattened())?)?;
    if !classes.is_empty() {
        entry(CLASSES, "I64", &[classes.len()], &little_endian(&classes)?)?;
    }
    if paths.iter().any(Option::is_some) {
        let list = json!(paths).to_string();
        entry(PATHS, "U8", &[list.len()], list.as_bytes())?;
    }
    let mut header = Value::Object(entries).to_string().into_bytes();
    // Readers want the bytes behind it aligned.
    header.resize(header.len().next_multiple_of(8), b' ');
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

fn little_endian(numbers: &[i64]) -> Result<Vec<u8>> {
    let mut bytes = with_capacity(size_of_val(numbers))?;
    numbers.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
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
