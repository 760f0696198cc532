//! Pictures and maps of pixels as readers take them from files.

use std::io::{BufReader, Cursor, Seek};
use std::path::Path;

use image::metadata::Orientation;
use image::{ImageDecoder, ImageReader};
use png::{BitDepth, ColorType, Transformations};

use super::Options;
use crate::image_io::{Decoder, jpeg};
use crate::{Error, Image, Record, Result, Sample, reserve};

/// No deflate stream holds more than this many bytes for each of its own.
const MOST_EXPANSION: usize = 1032;

/// Reads a picture, turned as its EXIF data say.
pub(super) fn read(path: &Path, options: &Options) -> Result<Image> {
    options.decoder(true).read(path)
}

/// A picture of bytes of red, green and blue, which stand colour by colour, row by row.
pub(super) fn of_planes([height, width]: [usize; 2], planes: &[u8]) -> Result<Image> {
    let (red, rest) = planes.split_at(planes.len() / 3);
    let (green, blue) = rest.split_at(rest.len() / 2);
    let pixels: Vec<[u8; 3]> =
        red.iter().zip(green).zip(blue).map(|((&red, &green), &blue)| [red, green, blue]).collect();
    Image::from_u8([height, width, 3], pixels.into_flattened())
}

/// The sample of a record, whose picture lies in a file.
///
/// # Errors
/// [`Error::Format`] if the picture has another size than the record claims.
pub(super) fn sample(record: Record, decoder: &Decoder) -> Result<Sample> {
    let image = of_record(&record, decoder)?;
    Ok(Sample { image, labels: record.labels })
}

/// As [`sample`], of a record that may not know the size of its picture: it is made again when the picture has been read, so that labels are compared with its
/// size in any case.
pub(super) fn sized_sample(record: impl Fn(Option<[usize; 2]>) -> Result<Record>, decoder: &Decoder) -> Result<Sample> {
    let first = record(None)?;
    let image = of_record(&first, decoder)?;
    let unchecked = first.size.is_none() && !first.labels.objects.is_empty();
    let labels = if unchecked { record(Some(image.size()))?.labels } else { first.labels };
    Ok(Sample { image, labels })
}

fn of_record(record: &Record, decoder: &Decoder) -> Result<Image> {
    let Some(path) = &record.path else {
        return Err(Error::argument("sample", "expected a record with a file, received none"));
    };
    let image = decoder.read(path)?;
    match record.size {
        Some(size) if size != image.size() => {
            let message = format!(
                "expected a picture of [height, width] = {size:?}, as its labels say, received {:?}",
                image.size()
            );
            Err(Error::format(path, message))
        }
        _ => Ok(image),
    }
}

/// What the header of a picture's file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// `[height, width]` as it lies in its file.
    pub(crate) size: [usize; 2],
    /// How many channels it has.
    pub(crate) channels: usize,
    /// How its EXIF data say that it has to be turned.
    pub(crate) orientation: Orientation,
}

impl Header {
    /// `[height, width]` of the picture turned as its EXIF data say.
    pub(crate) fn turned_size(&self) -> [usize; 2] {
        let [height, width] = self.size;
        match self.orientation {
            Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH => [width, height],
            Orientation::NoTransforms
            | Orientation::Rotate180
            | Orientation::FlipHorizontal
            | Orientation::FlipVertical => [height, width],
        }
    }
}

/// `[height, width]` of a picture as it lies in its file, from the header of it.
pub(super) fn size(path: &Path) -> Result<[usize; 2]> {
    Ok(read_header(path, false)?.size)
}

/// The header of a picture's file.
pub(crate) fn header(path: &Path) -> Result<Header> {
    read_header(path, true)
}

/// The header; the orientation is found only if it is asked for, as it needs more of the file to be read.
fn read_header(path: &Path, oriented: bool) -> Result<Header> {
    let fail = |source| Error::io(path, source);
    // A buffer that holds most headers: what stands behind them need not be read.
    let mut file = BufReader::with_capacity(4096, std::fs::File::open(path).map_err(fail)?);
    // The decoder of JPEG files would read them to their end.
    let mut exif = Vec::new();
    if let Some(frame) = jpeg::frame(&mut file, oriented.then_some(&mut exif)).map_err(fail)? {
        let orientation = Orientation::from_exif_chunk(&exif).unwrap_or(Orientation::NoTransforms);
        let channels = if frame.components == 1 { 1 } else { 3 };
        return Ok(Header { size: [frame.height, frame.width].map(usize::from), channels, orientation });
    }
    file.rewind().map_err(fail)?;
    let reader = ImageReader::new(file).with_guessed_format().map_err(fail)?;
    if reader.format().is_none() {
        return Err(Error::format(path, "expected a picture, received a file of no known format"));
    }
    let mut decoder = reader.into_decoder().map_err(|error| broken(path, &error))?;
    let (width, height) = decoder.dimensions();
    // What is wrong with EXIF data is not wrong with the picture.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let channels = usize::from(decoder.color_type().channel_count());
    Ok(Header { size: [height as usize, width as usize], channels, orientation })
}

/// A PNG file whose bytes mean classes or numbers, not colours: those of a palette, or grey levels. Row by row.
pub(super) fn indices(path: &Path, bytes: &[u8], max_pixels: u64) -> Result<([usize; 2], Vec<u8>)> {
    let decoded = decode_png(path, bytes, Transformations::IDENTITY, max_pixels)?;
    let bits = match (decoded.color, decoded.depth) {
        (ColorType::Indexed | ColorType::Grayscale, BitDepth::One) => 1,
        (ColorType::Indexed | ColorType::Grayscale, BitDepth::Two) => 2,
        (ColorType::Indexed | ColorType::Grayscale, BitDepth::Four) => 4,
        (ColorType::Indexed | ColorType::Grayscale, BitDepth::Eight) => return Ok((decoded.size, decoded.pixels)),
        (color, depth) => {
            let message = format!("expected a PNG file with a palette or grey, received {color:?} of {depth:?} bits");
            return Err(Error::format(path, message));
        }
    };
    let [height, width] = decoded.size;
    let row = (width * bits).div_ceil(8);
    let mut pixels = reserve::with_capacity(height * width)?;
    for row in decoded.pixels.chunks_exact(row.max(1)) {
        pixels.extend((0..width).map(|x| {
            let first = x * bits;
            (row[first / 8] >> (8 - bits - first % 8)) & ((1 << bits) - 1)
        }));
    }
    Ok((decoded.size, pixels))
}

/// A PNG file of red, green and blue, which stand side by side: `[height, width]`, then a triple for each pixel. Opacity is dropped.
pub(super) fn triples(path: &Path, bytes: &[u8], max_pixels: u64) -> Result<([usize; 2], Vec<[u8; 3]>)> {
    let decoded = decode_png(path, bytes, Transformations::EXPAND | Transformations::STRIP_16, max_pixels)?;
    let pixels = match decoded.color {
        ColorType::Rgb => decoded.pixels.as_chunks::<3>().0.to_vec(),
        ColorType::Rgba => decoded.pixels.as_chunks::<4>().0.iter().map(|&[r, g, b, _]| [r, g, b]).collect(),
        color => {
            let message = format!("expected a PNG file of red, green and blue, received {color:?}");
            return Err(Error::format(path, message));
        }
    };
    Ok((decoded.size, pixels))
}

struct Decoded {
    size: [usize; 2],
    color: ColorType,
    depth: BitDepth,
    pixels: Vec<u8>,
}

fn decode_png(path: &Path, bytes: &[u8], change: Transformations, max_pixels: u64) -> Result<Decoded> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(change);
    let mut reader = decoder.read_info().map_err(|error| broken(path, &error))?;
    let size = [reader.info().height as usize, reader.info().width as usize];
    within_limit(path, size, max_pixels)?;
    // Nothing is reserved for more than the file can hold, whatever its header claims.
    let most = bytes.len().saturating_mul(MOST_EXPANSION).saturating_mul(4);
    let length = reader.output_buffer_size().filter(|&length| length <= most).ok_or_else(|| {
        let message = format!(
            "its header says [height, width] = {size:?}: expected a larger file, received {} bytes",
            bytes.len()
        );
        Error::format(path, message)
    })?;
    let mut pixels = reserve::filled(0, length)?;
    let info = reader.next_frame(&mut pixels).map_err(|error| broken(path, &error))?;
    pixels.truncate(info.buffer_size());
    Ok(Decoded { size, color: info.color_type, depth: info.bit_depth, pixels })
}

/// Refuses a picture that claims more pixels than are allowed.
pub(super) fn within_limit(path: &Path, size: [usize; 2], max_pixels: u64) -> Result<()> {
    let [height, width] = size.map(|side| side as u64);
    if height.saturating_mul(width) <= max_pixels {
        return Ok(());
    }
    Err(Error::format(path, format!("expected at most {max_pixels} pixels, received [height, width] = {size:?}")))
}

fn broken(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::format(path, format!("expected a whole picture, received a broken one ({error})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_have_the_limit_of_pictures() {
        let path = Path::new("x.png");
        let gray = written(ColorType::Grayscale, BitDepth::Eight, [3, 2], &[0; 6]);
        assert!(indices(path, &gray, 6).is_ok());
        assert!(indices(path, &gray, 5).unwrap_err().to_string().contains("at most 5 pixels"));
        let rgb = written(ColorType::Rgb, BitDepth::Eight, [3, 2], &[0; 18]);
        assert!(triples(path, &rgb, 6).is_ok());
        assert!(triples(path, &rgb, 5).unwrap_err().to_string().contains("received [height, width] = [2, 3]"));
    }

    #[test]
    fn headers_are_the_decoders() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let encoded = |shape| crate::image_io::encode_jpeg("test", &[7; 105], shape, 90).unwrap();
        let plain = |size, channels| Header { size, channels, orientation: Orientation::NoTransforms };
        std::fs::write(&path, encoded([5, 7, 3])).unwrap();
        assert_eq!(header(&path).unwrap(), plain([5, 7], 3));
        std::fs::write(&path, encoded([15, 7, 1])).unwrap();
        assert_eq!(header(&path).unwrap(), plain([15, 7], 1));
        std::fs::write(&path, written(ColorType::Rgb, BitDepth::Eight, [1, 2], &[0; 6])).unwrap();
        assert_eq!(header(&path).unwrap(), plain([2, 1], 3));
        // What the walk along a file's markers does not end well with is named by the decoder.
        std::fs::write(&path, &encoded([5, 7, 3])[..25]).unwrap();
        assert!(header(&path).unwrap_err().to_string().contains("expected a whole picture"));
        std::fs::write(&path, "text").unwrap();
        assert!(header(&path).unwrap_err().to_string().contains("no known format"));
        std::fs::write(&path, "").unwrap();
        assert!(header(&path).is_err());
    }

    #[test]
    fn sizes_of_turned_pictures_are_the_decoders() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let plain = crate::image_io::encode_jpeg("test", &[7; 105], [5, 7, 3], 90).unwrap();
        for orientation in 0..=9u8 {
            for little in [true, false] {
                std::fs::write(&path, with_orientation(&plain, orientation, little)).unwrap();
                let header = header(&path).unwrap();
                let stored = Decoder { orient: false, ..Decoder::default() };
                assert_eq!((header.size, header.channels), ([5, 7], 3));
                assert_eq!(header.turned_size(), Decoder::default().read(&path).unwrap().size(), "{orientation}");
                assert_eq!((size(&path).unwrap(), stored.read(&path).unwrap().size()), ([5, 7], [5, 7]));
                assert_eq!(header.turned_size() == [7, 5], (5..=8).contains(&orientation));
            }
        }
    }

    /// A JPEG file with EXIF data of one entry, the orientation.
    fn with_orientation(jpeg: &[u8], orientation: u8, little: bool) -> Vec<u8> {
        let tiff: &[u8] = match little {
            true => &[b'I', b'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0],
            false => {
                &[b'M', b'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0]
            }
        };
        let length = (2 + 6 + tiff.len() as u16).to_be_bytes();
        [&jpeg[..2], &[0xFF, 0xE1], &length, b"Exif\0\0", tiff, &jpeg[2..]].concat()
    }

    fn written(color: ColorType, depth: BitDepth, [width, height]: [u32; 2], data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(color);
        encoder.set_depth(depth);
        if color == ColorType::Indexed {
            encoder.set_palette((0..=255).flat_map(|i| [i, 0, 255 - i]).collect::<Vec<u8>>()[..12].to_vec());
        }
        encoder.write_header().unwrap().write_image_data(data).unwrap();
        bytes
    }

    #[test]
    fn indices_are_not_colours() {
        let path = Path::new("x.png");
        let bytes = written(ColorType::Indexed, BitDepth::Eight, [2, 2], &[0, 1, 2, 3]);
        assert_eq!(indices(path, &bytes, 100).unwrap(), ([2, 2], vec![0, 1, 2, 3]));
        let bytes = written(ColorType::Indexed, BitDepth::Two, [5, 2], &[0b00_01_10_11, 0b01_000000, 0xff, 0]);
        assert_eq!(indices(path, &bytes, 100).unwrap(), ([2, 5], vec![0, 1, 2, 3, 1, 3, 3, 3, 3, 0]));
        let bytes = written(ColorType::Rgb, BitDepth::Eight, [1, 1], &[7, 8, 9]);
        assert!(indices(path, &bytes, 100).unwrap_err().to_string().contains("received Rgb"));
        assert_eq!(triples(path, &bytes, 100).unwrap(), ([1, 1], vec![[7, 8, 9]]));
    }

    #[test]
    fn headers_that_promise_too_much() {
        let mut bytes = written(ColorType::Grayscale, BitDepth::Eight, [1, 1], &[7]);
        // Width and height of IHDR; its checksum is checked before, so it has to be right.
        bytes[16..24].copy_from_slice(&[0, 0, 0x7f, 0xff, 0, 0, 0x7f, 0xff]);
        let mut crc = flate2::Crc::new();
        crc.update(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&crc.sum().to_be_bytes());
        let text = |most| indices(Path::new("x.png"), &bytes, most).unwrap_err().to_string();
        assert!(text(u64::MAX).contains("[32767, 32767]: expected a larger file"), "{}", text(u64::MAX));
        assert!(text(1 << 20).contains("expected at most 1048576 pixels, received [height, width] = [32767, 32767]"));
    }
}
