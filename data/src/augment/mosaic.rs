//! Four pictures in one.

use super::geometry::{self, Geometry, MOST_PIXELS, Moves, Scale};
use super::{Fill, Filter, Keep};
use crate::annotation::{ClassMap, Labels};
use crate::{Error, Image, Pixels, PixelsMut, Result, Sample, SampleRng};

/// Four pictures around a random point: top left, top right, bottom left, bottom right, as YOLOv4 and its successors train on (A. Bochkovskiy, C.-Y. Wang, H.-Y. Liao,
/// 2020). Each is scaled to fit into `[height, width]` and has a corner at the point, which lies in the middle half of the result of twice that size; what
/// does not fit is cut off, what stays empty is filled with a constant.
///
/// Classes of whole pictures are joined; a class map is there if all four have one; other metadata go.
///
/// # Errors
/// [`Error::Argument`] unless all pictures have pixels, of one type and number of channels, `[height, width]` is from 1 to 2¹⁵, and the result has at most
/// 178,956,970 pixels, as many as a [`Decoder`](crate::image_io::Decoder) reads.
pub fn mosaic(
    samples: [Sample; 4],
    [height, width]: [usize; 2],
    fill: Fill,
    keep: &Keep,
    rng: &mut SampleRng,
) -> Result<Sample> {
    let kind = |image: &Image| (image.channels(), matches!(image.pixels(), Pixels::U8(_)));
    let first = kind(&samples[0].image);
    if samples.iter().any(|sample| kind(&sample.image) != first) || !fill.is_constant() {
        let kinds = samples.each_ref().map(|sample| sample.image.shape());
        let message = format!("expected pictures of one type and a constant fill, received {kinds:?} and {fill:?}");
        return Err(Error::argument("mosaic", message));
    }
    if ![height, width].iter().all(|side| (1..=1 << 15).contains(side)) || 4 * height * width > MOST_PIXELS {
        let message = format!(
            "expected a size in 1..=32768, four of which are at most {MOST_PIXELS} pixels, received [{height}, {width}]"
        );
        return Err(Error::argument("mosaic", message));
    }
    let size = [2 * height, 2 * width];
    let middle = [height, width].map(|side| side / 2 + rng.below(side + 1));
    let mut canvas = canvas(size, first, fill)?;
    let mut labels = Labels::default();
    let mut classes = Some(crate::reserve::filled(ClassMap::IGNORE, size[0] * size[1])?);
    for (i, sample) in samples.into_iter().enumerate() {
        let old = sample.image.size();
        let factor = (height as f64 / old[0] as f64).min(width as f64 / old[1] as f64);
        let fitted = [0, 1].map(|axis: usize| ((old[axis] as f64 * factor).round() as usize).max(1));
        let scaled = geometry::apply(sample, &Scale::new(old, fitted, Filter::Bilinear)?, keep, None)?;
        // Along rows, then columns: how much fits, the first old pixel that is seen, and where it comes to lie.
        let along = |axis: usize, after: bool| {
            let room = if after { size[axis] - middle[axis] } else { middle[axis] };
            let seen = fitted[axis].min(room);
            if after { (seen, 0, middle[axis]) } else { (seen, fitted[axis] - seen, middle[axis] - seen) }
        };
        let (rows, columns) = (along(0, i >= 2), along(1, i % 2 == 1));
        let piece = Moves::crop([rows.0, columns.0], [rows.1 as i64, columns.1 as i64], fill);
        let piece = geometry::apply(scaled, &piece, keep, None)?;
        let at = [rows.2, columns.2];
        paste(&mut canvas, &piece.image, at)?;
        classes = classes.zip(piece.labels.class_map.as_ref()).map(|(mut all, map)| {
            for (row, line) in map.classes().chunks(columns.0.max(1)).enumerate() {
                let start = (at[0] + row) * size[1] + at[1];
                all[start..start + line.len()].copy_from_slice(line);
            }
            all
        });
        let placed = Moves::crop(size, at.map(|at| -(at as i64)), fill);
        // The picture is in its place already: labels alone move on.
        let moved = geometry::move_labels(Labels { class_map: None, ..piece.labels }, piece.image.size(), &placed)?;
        labels.objects.extend(moved.objects);
        for class in moved.classes {
            if !labels.classes.contains(&class) {
                labels.classes.push(class);
            }
        }
    }
    labels.class_map = classes.map(|classes| ClassMap::new(size, classes)).transpose()?;
    Ok(Sample { image: canvas, labels })
}

fn canvas(size: [usize; 2], (channels, bytes): (usize, bool), fill: Fill) -> Result<Image> {
    let empty = if bytes { Pixels::U8(vec![]) } else { Pixels::F32(vec![]) };
    Moves::crop(size, [0, 0], fill).image(&Image::new([0, 0, channels], empty)?)
}

/// Copies a picture into a larger one of its kind.
fn paste(canvas: &mut Image, piece: &Image, [top, left]: [usize; 2]) -> Result<()> {
    fn rows<T: Copy>(to: &mut [T], from: &[T], stride: usize, line: usize, start: usize) {
        for (row, from) in from.chunks_exact(line.max(1)).enumerate() {
            let at = start + row * stride;
            to[at..at + line].copy_from_slice(from);
        }
    }
    let channels = canvas.channels();
    let (stride, line) = (canvas.width() * channels, piece.width() * channels);
    let start = top * stride + left * channels;
    match (canvas.pixels_mut(), piece.pixels()) {
        (PixelsMut::U8(to), Pixels::U8(from)) => rows(to, from, stride, line, start),
        (PixelsMut::F32(to), Pixels::F32(from)) => rows(to, from, stride, line, start),
        _ => return Err(Error::argument("mosaic", "expected pictures of one type, received bytes and floats")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotation::{BoundingBox, BoxFormat, Object};

    /// A picture of one value, all of it an object.
    fn plain(value: u8, [height, width]: [usize; 2]) -> Sample {
        let mut sample = Sample::from(Image::from_u8([height, width, 1], vec![value; height * width]).unwrap());
        let all = BoundingBox::new([0.0, 0.0, width as f64, height as f64], BoxFormat::Xyxy).unwrap();
        sample.labels.objects.push(Object::new(usize::from(value), all));
        sample.labels.classes = vec![usize::from(value % 2)];
        let map = ClassMap::new([height, width], vec![u16::from(value); height * width]).unwrap();
        sample.labels.class_map = Some(map);
        sample
    }

    #[test]
    fn boxes_hold_their_pictures() {
        for index in 0..50 {
            let samples = [plain(1, [8, 10]), plain(2, [16, 20]), plain(3, [4, 10]), plain(4, [8, 5])];
            let rng = &mut SampleRng::new(0, 0, index);
            let all = mosaic(samples, [8, 10], Fill::Constant(9.0), &Keep::default(), rng).unwrap();
            assert_eq!(all.image.shape(), [16, 20, 1]);
            let Pixels::U8(pixels) = all.image.pixels() else { panic!("bytes stay bytes") };
            let map = all.labels.class_map.as_ref().unwrap().classes();
            let mut covered = 0;
            for object in &all.labels.objects {
                let [x1, y1, x2, y2] = object.bounding_box.to_array(BoxFormat::Xyxy).map(|x| x as usize);
                for y in y1..y2 {
                    for x in x1..x2 {
                        let at = 20 * y + x;
                        assert_eq!((usize::from(pixels[at]), usize::from(map[at])), (object.class, object.class));
                    }
                }
                covered += (y2 - y1) * (x2 - x1);
            }
            let rest = pixels.iter().zip(map).filter(|&(&x, &class)| x == 9 && class == ClassMap::IGNORE).count();
            assert_eq!(covered + rest, 320);
            assert_eq!(all.labels.classes, [1, 0]);
        }
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let rng = &mut SampleRng::new(0, 0, 0);
        let four = || [1, 2, 3, 4].map(|value| plain(value, [2, 2]));
        let mut other = four();
        other[2].image = other[2].image.clone().into_float();
        assert!(mosaic(other, [4, 4], Fill::black(), &Keep::default(), rng).is_err());
        assert!(mosaic(four(), [4, 4], Fill::Wrap, &Keep::default(), rng).is_err());
        let text = mosaic(four(), [32_768, 1366], Fill::black(), &Keep::default(), rng).unwrap_err().to_string();
        assert!(text.ends_with("178956970 pixels, received [32768, 1366]"), "{text}");
        assert!(mosaic(four(), [0, 4], Fill::black(), &Keep::default(), rng).is_err());
        let mut empty = four();
        empty[0] = plain(1, [0, 2]);
        assert!(mosaic(empty, [4, 4], Fill::black(), &Keep::default(), rng).is_err());
    }
}
