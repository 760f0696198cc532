//! What the markers of a JPEG file (ITU-T T.81, annex B) tell before its pixels are decoded.

use std::io::{ErrorKind, Read, Result, Seek};

const START_OF_IMAGE: [u8; 2] = [0xFF, 0xD8];
const START_OF_SCAN: u8 = 0xDA;
const END_OF_IMAGE: u8 = 0xD9;
/// A segment of a program's own data; EXIF data begin with their name.
const APPLICATION_1: u8 = 0xE1;
const EXIF: &[u8] = b"Exif\0\0";

/// No file has more segments before its frame; what takes longer is left to a decoder.
const MOST_MARKERS: usize = 1 << 16;

/// Whether a segment with a length follows a marker.
fn stands_alone(marker: u8) -> bool {
    matches!(marker, 0x01 | 0xD0..=0xD8)
}

/// Whether the marker that ends a JPEG file stands behind the start of its pixels. Decoders fill what is missing with grey.
pub(super) fn has_end(bytes: &[u8]) -> bool {
    // Segments have a marker and a length; a picture in the EXIF data has an end of its own.
    let mut at = 2;
    while let Some(&[0xFF, marker, high, low]) = bytes.get(at..at + 4).and_then(|head| head.first_chunk::<4>()) {
        match marker {
            START_OF_SCAN => return bytes[at..].windows(2).rev().any(|pair| pair == [0xFF, END_OF_IMAGE]),
            // Filling bytes.
            0xFF => at += 1,
            _ if stands_alone(marker) => at += 2,
            _ => at += 2 + usize::from(u16::from_be_bytes([high, low])),
        }
    }
    // No pixels: the decoder says so.
    true
}

/// What the header of a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) height: u16,
    pub(crate) width: u16,
    /// 1 (grey), 3 (colours) or 4 (CMYK).
    pub(crate) components: u8,
}

/// The header of the frame of a JPEG file, found by stepping over the segments before it: their contents, thumbnails among them, are not read but for EXIF data, if they are
/// asked for. `None` for what is no such file, or is broken or unusual (height told behind the pixels) so that a decoder has to say what it is. The reader is left anywhere.
pub(crate) fn frame(reader: &mut (impl Read + Seek), exif: Option<&mut Vec<u8>>) -> Result<Option<Frame>> {
    match step_to_frame(reader, exif) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        result => result,
    }
}

fn step_to_frame(reader: &mut (impl Read + Seek), mut exif: Option<&mut Vec<u8>>) -> Result<Option<Frame>> {
    let mut pair = [0; 2];
    reader.read_exact(&mut pair)?;
    if pair != START_OF_IMAGE {
        return Ok(None);
    }
    reader.read_exact(&mut pair)?;
    for _ in 0..MOST_MARKERS {
        let [first, marker] = pair;
        if first != 0xFF || matches!(marker, START_OF_SCAN | END_OF_IMAGE) {
            return Ok(None);
        }
        if marker == 0xFF {
            // A filling byte: the marker is the next one.
            reader.read_exact(&mut pair[1..])?;
            continue;
        }
        if !stands_alone(marker) {
            let mut length = [0; 2];
            reader.read_exact(&mut length)?;
            // The length counts itself.
            let Some(length) = u16::from_be_bytes(length).checked_sub(2) else { return Ok(None) };
            // All that begin a frame but tables of Huffman's and arithmetic codes and an extension between them.
            if matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC) {
                return frame_header(reader, length);
            }
            match &mut exif {
                Some(exif) if marker == APPLICATION_1 => {
                    let mut content = vec![0; length.into()];
                    reader.read_exact(&mut content)?;
                    // Of several the last one holds, as for the decoder.
                    if let Some(data) = content.strip_prefix(EXIF).filter(|data| !data.is_empty()) {
                        **exif = data.to_vec();
                    }
                }
                _ => reader.seek_relative(i64::from(length))?,
            }
        }
        reader.read_exact(&mut pair)?;
    }
    Ok(None)
}

fn frame_header(reader: &mut impl Read, length: u16) -> Result<Option<Frame>> {
    // Precision, height, width, number of components.
    let mut header = [0; 6];
    if usize::from(length) < header.len() {
        return Ok(None);
    }
    reader.read_exact(&mut header)?;
    let [_, h1, h2, w1, w2, components] = header;
    let frame = Frame { height: u16::from_be_bytes([h1, h2]), width: u16::from_be_bytes([w1, w2]), components };
    let whole = frame.height > 0 && frame.width > 0 && matches!(components, 1 | 3 | 4);
    Ok(whole.then_some(frame))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, SeekFrom};

    /// Counts what is read.
    struct Counted<'a>(Cursor<&'a [u8]>, usize);

    impl Read for Counted<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
            let count = self.0.read(buffer)?;
            self.1 += count;
            Ok(count)
        }
    }

    impl Seek for Counted<'_> {
        fn seek(&mut self, to: SeekFrom) -> Result<u64> {
            self.0.seek(to)
        }
    }

    fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
        let length = (content.len() as u16 + 2).to_be_bytes();
        [&[0xFF, marker], &length[..], content].concat()
    }

    fn picture(width: u32, height: u32, color: image::ExtendedColorType) -> Vec<u8> {
        let mut bytes = Vec::new();
        let pixels = vec![90; (width * height) as usize * color.bits_per_pixel() as usize / 8];
        image::codecs::jpeg::JpegEncoder::new(&mut bytes).encode(&pixels, width, height, color).unwrap();
        bytes
    }

    fn found(bytes: &[u8]) -> Option<(u16, u16, u8)> {
        frame(&mut Cursor::new(bytes), None).unwrap().map(|frame| (frame.height, frame.width, frame.components))
    }

    #[test]
    fn frames_of_whole_files() {
        assert_eq!(found(&picture(30, 20, image::ExtendedColorType::Rgb8)), Some((20, 30, 3)));
        assert_eq!(found(&picture(7, 9, image::ExtendedColorType::L8)), Some((9, 7, 1)));
        // Filling bytes, and a marker without a length.
        let whole = picture(30, 20, image::ExtendedColorType::Rgb8);
        let padded = [&whole[..2], &[0xFF, 0xFF, 0xFF, 0x01], &whole[2..]].concat();
        assert_eq!(found(&padded), Some((20, 30, 3)));
    }

    #[test]
    fn thumbnails_are_stepped_over_unread() {
        let thumbnail = picture(160, 120, image::ExtendedColorType::Rgb8);
        let whole = picture(640, 480, image::ExtendedColorType::Rgb8);
        let exif = segment(0xE1, &[b"Exif\0\0", &thumbnail[..]].concat());
        let large = segment(0xE2, &vec![0xFF; 60_000]);
        let bytes = [&whole[..2], &exif, &large, &large, &whole[2..]].concat();
        let mut reader = Counted(Cursor::new(&bytes), 0);
        let found = frame(&mut reader, None).unwrap().unwrap();
        assert_eq!((found.height, found.width), (480, 640));
        assert!(reader.1 < 100, "{} of {} bytes", reader.1, bytes.len());
        let (mut reader, mut data) = (Counted(Cursor::new(&bytes), 0), Vec::new());
        assert_eq!(frame(&mut reader, Some(&mut data)).unwrap(), Some(found));
        assert!(data == thumbnail && reader.1 < thumbnail.len() + 100);
    }

    #[test]
    fn truncated_and_broken_files_are_left_to_the_decoder() {
        let whole = picture(30, 20, image::ExtendedColorType::Rgb8);
        let end = whole.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap() + 10;
        for length in 0..end {
            assert_eq!(found(&whole[..length]), None, "{length}");
        }
        // Nothing behind the header of the frame is needed.
        assert_eq!(found(&whole[..end]), Some((20, 30, 3)));
        for broken in [
            &b"\x89PNG\r\n\x1a\n"[..],
            &[0xFF, 0xD8, 0xFF, 0xE0, 0, 1],
            &[0xFF, 0xD8, 0, 0xC0, 0, 8, 8, 0, 1, 0, 1, 1],
            // Without height, width or components; too short.
            &[0xFF, 0xD8, 0xFF, 0xC0, 0, 8, 8, 0, 0, 0, 1, 1],
            &[0xFF, 0xD8, 0xFF, 0xC0, 0, 8, 8, 0, 1, 0, 0, 1],
            &[0xFF, 0xD8, 0xFF, 0xC0, 0, 8, 8, 0, 1, 0, 1, 2],
            &[0xFF, 0xD8, 0xFF, 0xC0, 0, 7, 8, 0, 1, 0, 1, 1],
        ] {
            assert_eq!(found(broken), None, "{broken:?}");
        }
        // Filling bytes without end.
        let mut filled = START_OF_IMAGE.to_vec();
        filled.resize(1 << 20, 0xFF);
        assert_eq!(found(&filled), None);
    }

    #[test]
    fn ends() {
        let whole = picture(30, 20, image::ExtendedColorType::Rgb8);
        assert!(has_end(&whole) && !has_end(&whole[..whole.len() - 2]));
    }
}
