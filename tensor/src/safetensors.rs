//! Reading and writing `.safetensors` files (<https://github.com/huggingface/safetensors>).

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use safetensors::tensor::{Dtype, Metadata, SafeTensors, TensorInfo, TensorView};

use crate::layout::Layout;
use crate::memory::Buffer;
use crate::{DType, Device, Error, Result, Shape, Tensor};

/// An open `.safetensors` file. The file is mapped into memory and its header checked; a tensor's bytes are read when it is
/// asked for, so that a few tensors of a large file cost little.
///
/// The file must not be changed while it is open.
pub struct SafeTensorsFile {
    path: PathBuf,
    bytes: Mmap,
    metadata: Metadata,
    /// Where the tensors' bytes begin.
    data_start: usize,
}

impl SafeTensorsFile {
    /// Opens a file and checks its header.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read, [`Error::Format`] if it is cut short or no safetensors file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        let file = File::open(&path).map_err(|source| Error::io(&path, source))?;
        // SAFETY: the mapping is read only; that nobody changes the file meanwhile is this type's documented demand.
        let bytes = unsafe { Mmap::map(&file) }.map_err(|source| Error::io(&path, source))?;
        // Checks that header and data fit the file's length, and that offsets do not overlap or leave gaps.
        let broken =
            |e| Error::format(&path, format!("expected a whole safetensors file, received a broken one ({e})"));
        SafeTensors::deserialize(&bytes).map_err(broken)?;
        let (header_len, metadata) = SafeTensors::read_metadata(&bytes).map_err(broken)?;
        Ok(SafeTensorsFile { data_start: header_len + 8, path, bytes, metadata })
    }

    /// The names of the tensors, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names = self.metadata.offset_keys();
        names.sort();
        names
    }

    /// The free-form text entries of the header.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        self.metadata.metadata().iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Reads one tensor.
    ///
    /// # Errors
    /// [`Error::Format`] if there is none of that name, or its dtype has no counterpart here.
    pub fn tensor(&self, name: &str) -> Result<Tensor> {
        let info = self.info(name)?;
        let dtype = dtype_of(info.dtype).ok_or_else(|| {
            let expected = "bool, u8, i32, i64, f16, bf16, f32 or f64";
            Error::format(&self.path, format!("tensor {name:?}: expected {expected}, received {:?}", info.dtype))
        })?;
        let bytes = self.bytes(name)?;
        if dtype == DType::Bool && bytes.iter().any(|&byte| byte > 1) {
            let message = format!("tensor {name:?}: expected booleans of 0 or 1, received another byte");
            return Err(Error::format(&self.path, message));
        }
        let shape = Shape::from(&info.shape);
        shape.check_size("load", dtype)?;
        let mut buffer = Buffer::recycled_bytes(bytes.len())?;
        buffer.as_mut_bits::<u8>().copy_from_slice(bytes);
        Ok(Tensor::from_buffer(buffer, Layout::contiguous(shape), dtype))
    }

    /// The bytes of one tensor as they lie in the file: its elements row by row, the lowest byte of each first. Nothing is copied.
    ///
    /// # Errors
    /// [`Error::Format`] if there is none of that name.
    pub fn bytes(&self, name: &str) -> Result<&[u8]> {
        let (start, end) = self.info(name)?.data_offsets;
        Ok(&self.bytes[self.data_start + start..self.data_start + end])
    }

    fn info(&self, name: &str) -> Result<&TensorInfo> {
        self.metadata.info(name).ok_or_else(|| {
            Error::format(&self.path, format!("expected a tensor named {name:?}, received {}", listed(&self.names())))
        })
    }
}

/// Reads all tensors of a file.
///
/// # Errors
/// [`Error::Io`], [`Error::Format`].
pub fn load(path: impl AsRef<Path>) -> Result<BTreeMap<String, Tensor>> {
    let file = SafeTensorsFile::open(path)?;
    file.names().into_iter().map(|name| file.tensor(&name).map(|tensor| (name, tensor))).collect()
}

/// Writes tensors to a file. The file appears whole or not at all: the bytes go to a temporary file beside it first, are
/// flushed to the disk, and take the name in one step.
///
/// ```
/// use ocelli_tensor::{Tensor, safetensors};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let path = std::env::temp_dir().join(format!("ocelli-doc-{}.safetensors", std::process::id()));
/// safetensors::save(&path, &[("weight".to_string(), Tensor::new([1.0f32, 2.0])?)].into())?;
/// assert_eq!(safetensors::load(&path)?["weight"].to_vec::<f32>()?, [1.0, 2.0]);
/// # std::fs::remove_file(&path)?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Io`] if the directory cannot be written.
pub fn save(path: impl AsRef<Path>, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
    save_with_metadata(path, tensors, &BTreeMap::new())
}

/// As [`save`], with text entries for the header.
///
/// # Errors
/// [`Error::Io`] if the directory cannot be written.
pub fn save_with_metadata(
    path: impl AsRef<Path>,
    tensors: &BTreeMap<String, Tensor>,
    metadata: &BTreeMap<String, String>,
) -> Result<()> {
    let path = path.as_ref();
    let dense: BTreeMap<&str, Tensor> = tensors
        .iter()
        .map(|(name, tensor)| Ok((name.as_str(), tensor.contiguous()?.to_device(Device::Cpu)?)))
        .collect::<Result<_>>()?;
    let views: Vec<(&str, TensorView<'_>)> = dense
        .iter()
        .map(|(name, tensor)| {
            TensorView::new(file_dtype(tensor.dtype()), tensor.shape().to_vec(), tensor.contiguous_bytes())
                .map(|view| (*name, view))
                .map_err(|e| Error::format(path, format!("tensor {name:?} cannot be written: {e}")))
        })
        .collect::<Result<_>>()?;
    let metadata: Option<HashMap<String, String>> =
        (!metadata.is_empty()).then(|| metadata.iter().map(|(k, v)| (k.clone(), v.clone())).collect());
    let bytes = safetensors::serialize(views, metadata)
        .map_err(|e| Error::format(path, format!("the tensors cannot be written: {e}")))?;
    write_atomically(path, &bytes)
}

/// Writes a file that appears whole or not at all: a temporary file beside it, flushed to the disk, then renamed.
///
/// # Errors
/// [`Error::Io`] if the directory cannot be written.
pub fn write_atomically(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let path = path.as_ref();
    let fail = |source| Error::io(path, source);
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    // As for any new file: readable as the umask says, not by the owner alone.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(directory).map_err(fail)?;
    file.write_all(bytes).map_err(fail)?;
    file.as_file().sync_all().map_err(fail)?;
    file.persist(path).map_err(|e| fail(e.error))?;
    Ok(())
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(8).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > 8 { format!("{shown}, … ({} in all)", names.len()) } else { shown }
}

fn dtype_of(dtype: Dtype) -> Option<DType> {
    Some(match dtype {
        Dtype::BOOL => DType::Bool,
        Dtype::U8 => DType::U8,
        Dtype::I32 => DType::I32,
        Dtype::I64 => DType::I64,
        Dtype::F16 => DType::F16,
        Dtype::BF16 => DType::BF16,
        Dtype::F32 => DType::F32,
        Dtype::F64 => DType::F64,
        _ => return None,
    })
}

fn file_dtype(dtype: DType) -> Dtype {
    match dtype {
        DType::Bool => Dtype::BOOL,
        DType::U8 => Dtype::U8,
        DType::I32 => Dtype::I32,
        DType::I64 => Dtype::I64,
        DType::F16 => Dtype::F16,
        DType::BF16 => Dtype::BF16,
        DType::F32 => Dtype::F32,
        DType::F64 => Dtype::F64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dtype_and_shape_comes_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("all.safetensors");
        let mut tensors = BTreeMap::new();
        for dtype in DType::ALL {
            let x = Tensor::arange(0, 6, 1).unwrap().reshape([2, 3]).unwrap().to_dtype(dtype).unwrap();
            tensors.insert(format!("{dtype}.transposed"), x.t().unwrap());
        }
        tensors.insert("scalar".into(), Tensor::new(3.5f64).unwrap());
        tensors.insert("empty".into(), Tensor::zeros([0, 4], DType::F32).unwrap());
        let metadata = BTreeMap::from([("format".to_string(), "ocelli".to_string())]);
        save_with_metadata(&path, &tensors, &metadata).unwrap();
        let back = load(&path).unwrap();
        assert_eq!(back.keys().collect::<Vec<_>>(), tensors.keys().collect::<Vec<_>>());
        for (name, tensor) in &tensors {
            assert_eq!(back[name].shape(), tensor.shape());
            assert_eq!(back[name].dtype(), tensor.dtype());
            let eq = back[name].eq(tensor).unwrap().to_vec::<bool>().unwrap();
            assert!(eq.into_iter().all(|eq| eq), "{name}");
        }
        let file = SafeTensorsFile::open(&path).unwrap();
        assert_eq!(file.metadata(), metadata);
        assert_eq!((file.bytes("scalar").unwrap(), file.bytes("empty").unwrap()), (&3.5f64.to_le_bytes()[..], &[][..]));
        assert!(file.bytes("absent").unwrap_err().to_string().contains("\"absent\", received"));
        // Nothing but the file is left in the directory.
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn broken_files_are_errors_that_name_them() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cut.safetensors");
        let text = |path: &Path| load(path).unwrap_err().to_string();
        assert!(text(&path).contains("cut.safetensors: No such file"));
        save(&path, &[("x".to_string(), Tensor::ones([100], DType::F32).unwrap())].into()).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 5, 20, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(text(&path).contains("cut.safetensors: expected a whole safetensors file"), "{}", text(&path));
        }
        std::fs::write(&path, &whole).unwrap();
        let missing = SafeTensorsFile::open(&path).unwrap().tensor("y").unwrap_err().to_string();
        assert!(missing.ends_with("expected a tensor named \"y\", received x"), "{missing}");
        let nowhere = directory.path().join("missing").join("x.safetensors");
        assert!(save(&nowhere, &BTreeMap::new()).is_err());
    }
}
