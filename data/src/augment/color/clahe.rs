//! Flat histograms of parts of a picture.

use serde::{Deserialize, Serialize};

use super::lab;
use super::values::color_channels;
use crate::augment::draw::draw;
use crate::augment::{Augment, Fill};
use crate::image::to_byte;
use crate::{Error, Image, PixelsMut, Result, Sample, SampleRng};

/// Makes the histograms of parts of a picture flat, without making noise loud; see [`clahe`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Clahe {
    /// The least and the largest limit of contrast.
    pub clip_limit: [f64; 2],
    /// Rows and columns of parts.
    pub tiles: [usize; 2],
}

impl Default for Clahe {
    /// Limits in 1..=4, 8×8 parts, as Albumentations.
    fn default() -> Self {
        Clahe { clip_limit: [1.0, 4.0], tiles: [8, 8] }
    }
}

impl Augment for Clahe {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        let limit = draw("clahe", "limits", self.clip_limit, [0.0, f64::INFINITY], rng)?;
        sample.map_image(|image| clahe(image, limit, self.tiles))
    }
}

/// Contrast-limited adaptive histogram equalization (S. M. Pizer et al., 1987; K. Zuiderveld, 1994): makes the histogram of each of `tiles` rows and columns of
/// parts flat, where no level counts for more than `clip_limit` times its even share (0 for no limit), and mixes the parts bilinearly. Grey pictures of bytes become
/// exactly those of OpenCV; of colours the lightness (L*) is changed in 256 levels, colours being kept in full precision where OpenCV rounds them, too.
/// Floats become one of 256 levels likewise.
///
/// # Errors
/// [`Error::Argument`] for a negative limit, or unless there are 1 to 256 rows and columns of parts.
pub fn clahe(mut image: Image, clip_limit: f64, tiles: [usize; 2]) -> Result<Image> {
    let sensible = tiles.iter().all(|n| (1..=256).contains(n));
    if !(clip_limit.is_finite() && clip_limit >= 0.0 && sensible) {
        let message = format!(
            "expected a limit of at least 0 and 1 to 256 rows and columns, received {clip_limit} and {tiles:?}"
        );
        return Err(Error::argument("clahe", message));
    }
    let (size, channels, white) = (image.size(), image.channels(), image.white());
    if size.contains(&0) {
        return Ok(image);
    }
    // A byte's light need not be computed for each pixel.
    let light: [f32; 256] = std::array::from_fn(|x| lab::linear(x as f32 / 255.0));
    let colors = color_channels(&image) == 3;
    let levels = |lightness: f32| to_byte(lightness * (255.0 / 100.0));
    match image.pixels_mut() {
        PixelsMut::U8(pixels) if !colors => {
            let old: Vec<u8> = pixels.iter().step_by(channels).copied().collect();
            let new = equalized(&old, size, clip_limit, tiles);
            pixels.iter_mut().step_by(channels).zip(new).for_each(|(x, new)| *x = new);
        }
        PixelsMut::F32(pixels) if !colors => {
            let old: Vec<u8> = pixels.iter().step_by(channels).map(|x| to_byte(x * white)).collect();
            let new = equalized(&old, size, clip_limit, tiles);
            pixels.iter_mut().step_by(channels).zip(new).for_each(|(x, new)| *x = f32::from(new) / 255.0);
        }
        PixelsMut::U8(pixels) => {
            let of = |pixel: &[u8]| lab::from_linear([0, 1, 2].map(|i: usize| light[usize::from(pixel[i])]));
            let colors: Vec<[f32; 3]> = pixels.chunks_exact(channels).map(of).collect();
            let old: Vec<u8> = colors.iter().map(|color| levels(color[0])).collect();
            let new = equalized(&old, size, clip_limit, tiles);
            for ((pixel, color), new) in pixels.chunks_exact_mut(channels).zip(&colors).zip(new) {
                let rgb = lab::to_rgb([f32::from(new) * (100.0 / 255.0), color[1], color[2]]);
                pixel.iter_mut().zip(rgb).for_each(|(x, new)| *x = to_byte(new * 255.0));
            }
        }
        PixelsMut::F32(pixels) => {
            let of = |pixel: &[f32]| lab::from_linear([0, 1, 2].map(|i: usize| lab::linear(pixel[i].clamp(0.0, 1.0))));
            let colors: Vec<[f32; 3]> = pixels.chunks_exact(channels).map(of).collect();
            let old: Vec<u8> = colors.iter().map(|color| levels(color[0])).collect();
            let new = equalized(&old, size, clip_limit, tiles);
            for ((pixel, color), new) in pixels.chunks_exact_mut(channels).zip(&colors).zip(new) {
                let rgb = lab::to_rgb([f32::from(new) * (100.0 / 255.0), color[1], color[2]]);
                pixel.iter_mut().zip(rgb).for_each(|(x, new)| *x = new);
            }
        }
    }
    Ok(image)
}

/// One channel, changed.
fn equalized(pixels: &[u8], [height, width]: [usize; 2], limit: f64, [rows, columns]: [usize; 2]) -> Vec<u8> {
    // Parts of one size; a picture that is not made of them goes on as its mirror image, in both directions by at least one place, as OpenCV does it.
    let whole = height % rows == 0 && width % columns == 0;
    let part = |side: usize, count: usize| if whole { side / count } else { side / count + 1 };
    let (part_height, part_width) = (part(height, rows), part(width, columns));
    let area = part_height * part_width;
    let mut tables = Vec::with_capacity(rows * columns);
    for row in 0..rows {
        for column in 0..columns {
            let mut histogram = [0usize; 256];
            for y in row * part_height..(row + 1) * part_height {
                let line = Fill::Mirror.resolve(y as i64, height) * width;
                for x in column * part_width..(column + 1) * part_width {
                    let at = if x < width { x } else { Fill::Mirror.resolve(x as i64, width) };
                    histogram[usize::from(pixels[line + at])] += 1;
                }
            }
            if limit > 0.0 {
                clip(&mut histogram, ((limit * area as f64 / 256.0) as usize).max(1));
            }
            tables.push(cumulative(&histogram, area));
        }
    }
    let across: Vec<(usize, usize, f32)> = (0..width).map(|x| between(x, part_width, columns)).collect();
    let mut out = Vec::with_capacity(pixels.len());
    for (y, line) in pixels.chunks_exact(width).enumerate() {
        let (top, bottom, down) = between(y, part_height, rows);
        let (top, bottom) = (&tables[top * columns..], &tables[bottom * columns..]);
        for (&x, &(left, right, along)) in line.iter().zip(&across) {
            let level = |table: &[u8; 256]| f32::from(table[usize::from(x)]);
            let mix = |tables: &[[u8; 256]]| level(&tables[left]) * (1.0 - along) + level(&tables[right]) * along;
            out.push(to_byte(mix(top) * (1.0 - down) + mix(bottom) * down));
        }
    }
    out
}

/// The parts whose middles are before and behind a place, and how far it is from the first to the second.
fn between(place: usize, part: usize, count: usize) -> (usize, usize, f32) {
    let at = place as f32 * (1.0 / part as f32) - 0.5;
    let before = at.floor();
    let after = (before as i64 + 1).clamp(0, count as i64 - 1) as usize;
    ((before as i64).clamp(0, count as i64 - 1) as usize, after, at - before)
}

/// Limits the counts; what is above goes evenly to all levels, what is left of that to some at even distances.
fn clip(histogram: &mut [usize; 256], limit: usize) {
    let above: usize = histogram.iter().map(|&count| count.saturating_sub(limit)).sum();
    let (each, rest) = (above / 256, above % 256);
    histogram.iter_mut().for_each(|count| *count = (*count).min(limit) + each);
    if let Some(step) = 256usize.checked_div(rest) {
        histogram.iter_mut().step_by(step).take(rest).for_each(|count| *count += 1);
    }
}

fn cumulative(histogram: &[usize; 256], area: usize) -> [u8; 256] {
    let scale = 255.0 / area as f32;
    let mut sum = 0;
    histogram.map(|count| {
        sum += count;
        to_byte(sum as f32 * scale)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_refused() {
        let image = Image::from_u8([4, 4, 1], (0..16).collect()).unwrap();
        for (limit, tiles) in [(-1.0, [2, 2]), (f64::NAN, [2, 2]), (2.0, [0, 2]), (2.0, [2, 257])] {
            assert!(clahe(image.clone(), limit, tiles).is_err());
        }
        let nothing = Image::from_u8([0, 4, 3], vec![]).unwrap();
        assert_eq!(clahe(nothing.clone(), 2.0, [8, 8]).unwrap(), nothing);
        // More parts than pixels.
        assert_eq!(clahe(image, 2.0, [8, 8]).unwrap().shape(), [4, 4, 1]);
    }

    #[test]
    fn opacity_stays_and_grays_stay_gray() {
        let gray: Vec<u8> = (0..=255).collect();
        let pixels: Vec<u8> = gray.iter().flat_map(|&x| [x, x, x, 255 - x]).collect();
        let image = clahe(Image::from_u8([16, 16, 4], pixels).unwrap(), 2.0, [2, 2]).unwrap();
        let crate::Pixels::U8(pixels) = image.pixels() else { panic!("bytes stay bytes") };
        for (pixel, x) in pixels.chunks_exact(4).zip(gray) {
            assert_eq!(pixel[3], 255 - x);
            assert!(pixel[..3].iter().all(|&y| y.abs_diff(pixel[0]) <= 1), "{pixel:?}");
        }
    }
}
