//! Reading IDX files, the format of MNIST (<https://yann.lecun.com/exdb/mnist/index.html>), gzip-compressed or not.
//!
//! A header of big-endian numbers (two zero bytes, the element type, the rank, one 32-bit size per axis), then the elements row by row.

use std::io::Read;
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use ocelli_tensor::{Element, Tensor};

use crate::{Error, Result};

/// The first four bytes of a file of pictures: `u8`, rank 3.
pub const IMAGES_MAGIC: u32 = 0x0000_0803;
/// The first four bytes of a file of classes: `u8`, rank 1.
pub const LABELS_MAGIC: u32 = 0x0000_0801;

/// No deflate stream holds more than this many bytes for each of its own.
const MOST_EXPANSION: u64 = 1032;

/// Reads any IDX file. Elements of 8-bit and 16-bit signed integers become `i32`; `u8`, `i32`, `f32` and `f64` stay what they are.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read; [`Error::Format`] if it is no IDX file, is cut short, or goes on behind its end.
pub fn read(path: impl AsRef<Path>) -> Result<Tensor> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|source| Error::io(path, source))?;
    parse(path, &bytes)
}

/// As [`read`], from the bytes of a file; `name` is what errors call it.
///
/// # Errors
/// [`Error::Format`].
pub fn parse(name: impl AsRef<Path>, bytes: &[u8]) -> Result<Tensor> {
    Content::open(name.as_ref(), bytes, None)?.tensor()
}

/// Reads a file of pictures, of shape `[n, height, width]`.
///
/// # Errors
/// As [`read`]; [`Error::Format`] if the file holds anything else.
pub fn read_images(path: impl AsRef<Path>) -> Result<Tensor> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|source| Error::io(path, source))?;
    parse_images(path, &bytes)
}

/// As [`read_images`], from the bytes of a file.
///
/// # Errors
/// [`Error::Format`].
pub fn parse_images(name: impl AsRef<Path>, bytes: &[u8]) -> Result<Tensor> {
    Content::open(name.as_ref(), bytes, Some(IMAGES_MAGIC))?.tensor()
}

/// Reads a file of classes, which must be less than `classes`.
///
/// # Errors
/// As [`read`]; [`Error::Format`] if the file holds anything else, or a class out of range.
pub fn read_labels(path: impl AsRef<Path>, classes: usize) -> Result<Vec<u8>> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|source| Error::io(path, source))?;
    parse_labels(path, &bytes, classes)
}

/// As [`read_labels`], from the bytes of a file.
///
/// # Errors
/// [`Error::Format`].
pub fn parse_labels(name: impl AsRef<Path>, bytes: &[u8], classes: usize) -> Result<Vec<u8>> {
    let name = name.as_ref();
    let labels = Content::open(name, bytes, Some(LABELS_MAGIC))?.elements()?;
    match labels.iter().position(|&label| usize::from(label) >= classes) {
        None => Ok(labels),
        Some(i) => {
            let message = format!("expected labels in 0..{classes}, received {} at place {i}", labels[i]);
            Err(Error::format(name, message))
        }
    }
}

/// An IDX file whose header has been read and checked.
struct Content<'a> {
    name: &'a Path,
    reader: Box<dyn Read + 'a>,
    kind: u8,
    shape: Vec<usize>,
    /// The bytes of the elements.
    size: usize,
}

impl<'a> Content<'a> {
    /// Reads the header; `magic` is the one that is demanded.
    fn open(name: &'a Path, bytes: &'a [u8], magic: Option<u32>) -> Result<Self> {
        let packed = bytes.starts_with(&[0x1f, 0x8b]);
        let mut reader: Box<dyn Read + 'a> =
            if packed { Box::new(MultiGzDecoder::new(bytes)) } else { Box::new(bytes) };
        let most = if packed { (bytes.len() as u64).saturating_mul(MOST_EXPANSION) } else { bytes.len() as u64 };
        let received = word(name, &mut reader, "the header")?;
        match magic {
            Some(magic) if magic != received => {
                let what = if magic == IMAGES_MAGIC { "images" } else { "labels" };
                let message =
                    format!("expected an IDX file of {what} (magic {magic:#010x}), received magic {received:#010x}");
                return Err(Error::format(name, message));
            }
            _ => {}
        }
        let [zero_a, zero_b, kind, rank] = received.to_be_bytes();
        let width = match kind {
            0x08 | 0x09 => 1,
            0x0B => 2,
            0x0C | 0x0D => 4,
            0x0E => 8,
            _ => 0,
        };
        if zero_a != 0 || zero_b != 0 || width == 0 {
            let message = format!(
                "expected an IDX file (magic 0x0000, an element type of 08, 09, 0b, 0c, 0d or 0e, the rank), received magic {received:#010x}"
            );
            return Err(Error::format(name, message));
        }
        let shape = (0..rank)
            .map(|_| word(name, &mut reader, "the header").map(|size| size as usize))
            .collect::<Result<Vec<usize>>>()?;
        // Nothing is reserved for more than the file can hold, whatever its header claims.
        let header = 4 + 4 * u64::from(rank);
        let size = shape.iter().try_fold(width as u64, |size, &axis| size.checked_mul(axis as u64));
        match size {
            Some(size) if size.checked_add(header).is_some_and(|all| all <= most) => {
                Ok(Content { name, reader, kind, shape, size: size as usize })
            }
            _ => {
                let claimed = size.map_or("more bytes than there can be".to_string(), |size| format!("{size} bytes"));
                let (length, of) = (bytes.len(), if packed { "gzip " } else { "" });
                let message = format!(
                    "its header says {shape:?}: expected {claimed} behind it, received a {of}file of {length} bytes that is cut short or broken"
                );
                Err(Error::format(name, message))
            }
        }
    }

    /// The bytes of the elements, and nothing behind them.
    fn elements(mut self) -> Result<Vec<u8>> {
        let mut elements = Vec::new();
        // Memory grows with what is really there.
        let mut limited = (&mut self.reader).take(self.size as u64);
        let read = limited.read_to_end(&mut elements);
        read.map_err(|error| broken(self.name, &error))?;
        if elements.len() < self.size {
            let message = format!(
                "its header says {:?}: expected {} bytes behind it, received {}",
                self.shape,
                self.size,
                elements.len()
            );
            return Err(Error::format(self.name, message));
        }
        // Reading on to the end also checks gzip's checksum.
        let rest = self.reader.read(&mut [0; 1]);
        if rest.map_err(|error| broken(self.name, &error))? > 0 {
            let message =
                format!("its header says {:?}: expected the end after {} bytes, received more", self.shape, self.size);
            return Err(Error::format(self.name, message));
        }
        Ok(elements)
    }

    fn tensor(self) -> Result<Tensor> {
        let (name, kind, shape) = (self.name, self.kind, self.shape.clone());
        let bytes = self.elements()?;
        let made = match kind {
            0x09 => numbers(&bytes, &shape, |[x]| i32::from(x as i8)),
            0x0B => numbers(&bytes, &shape, |x| i32::from(i16::from_be_bytes(x))),
            0x0C => numbers(&bytes, &shape, i32::from_be_bytes),
            0x0D => numbers(&bytes, &shape, f32::from_be_bytes),
            0x0E => numbers(&bytes, &shape, f64::from_be_bytes),
            _ => Tensor::from_vec(bytes, shape),
        };
        // An axis of 0 beside axes too large for any memory gets this far.
        made.map_err(|error| Error::format(name, format!("its header says {error}")))
    }
}

/// Elements of `N` bytes, each turned into a number by `f`.
fn numbers<const N: usize, T: Element>(
    bytes: &[u8],
    shape: &[usize],
    f: impl Fn([u8; N]) -> T,
) -> ocelli_tensor::Result<Tensor> {
    let values = bytes.as_chunks::<N>().0.iter().map(|&x| f(x)).collect();
    Tensor::from_vec::<T>(values, shape)
}

/// The next big-endian number.
fn word(name: &Path, reader: &mut dyn Read, what: &str) -> Result<u32> {
    let mut bytes = [0; 4];
    let mut filled = 0;
    while filled < 4 {
        match reader.read(&mut bytes[filled..]) {
            Ok(0) => {
                let message = format!("expected an IDX file, received the end of it in {what}");
                return Err(Error::format(name, message));
            }
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(broken(name, &error)),
        }
    }
    Ok(u32::from_be_bytes(bytes))
}

/// The bytes lie in memory, so reading them fails only in unpacking.
fn broken(name: &Path, error: &std::io::Error) -> Error {
    let message = format!("expected a whole gzip stream, received a broken one ({error})");
    Error::format(name, message)
}
