//! What is behind the figures.

use std::f64::consts::TAU;

use rand::Rng;

use crate::{Error, Result, SampleRng};

/// The brightest that a background gets in any channel; every figure has a channel of 255.
const BRIGHTEST: f64 = 180.0;

/// What a generated picture shows where nothing stands. Colours are drawn anew for each picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Background {
    /// One colour.
    Plain,
    /// One colour, to which each byte of each pixel has a number of its own added, drawn evenly from `-amplitude..=amplitude`.
    Noise {
        /// How far a byte may be off, 0 to 255.
        amplitude: u8,
    },
    /// Stripes between two colours, along a direction and with a width that are drawn for each picture, and noise on them.
    Stripes {
        /// How far the noise may move a byte, 0 to 255.
        amplitude: u8,
    },
}

impl Background {
    /// Fills a picture of `[height, width]`, three bytes a pixel.
    pub(super) fn paint(self, pixels: &mut [u8], size: [usize; 2], rng: &mut SampleRng) -> Result<()> {
        let width = size[1];
        let [from, to] = [colour(rng)?, colour(rng)?];
        let (angle, period) = (rng.uniform(0.0, TAU)?, rng.uniform(4.0, 16.0)?);
        let (dx, dy) = (angle.cos() * TAU / period, angle.sin() * TAU / period);
        for (place, pixel) in pixels.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let (mixed, amplitude) = match self {
                Background::Plain => (0.0, 0),
                Background::Noise { amplitude } => (0.0, amplitude),
                Background::Stripes { amplitude } => {
                    let (row, column) = (place / width, place % width);
                    (0.5 - 0.5 * (dx * column as f64 + dy * row as f64).cos(), amplitude)
                }
            };
            for (channel, byte) in pixel.iter_mut().enumerate() {
                let value = from[channel] + (to[channel] - from[channel]) * mixed + noise(amplitude, rng);
                *byte = value.round().clamp(0.0, BRIGHTEST) as u8;
            }
        }
        Ok(())
    }
}

fn colour(rng: &mut SampleRng) -> Result<[f64; 3]> {
    Ok([rng.uniform(0.0, BRIGHTEST)?, rng.uniform(0.0, BRIGHTEST)?, rng.uniform(0.0, BRIGHTEST)?])
}

fn noise(amplitude: u8, rng: &mut SampleRng) -> f64 {
    if amplitude == 0 {
        return 0.0;
    }
    let steps = 2 * u64::from(amplitude) + 1;
    let drawn = (u64::from(rng.next_u32()) * steps) >> 32;
    drawn as f64 - f64::from(amplitude)
}

/// The colours of `count` figures, no two alike: hues at equal distances on a circle, from a random one on.
pub(super) fn figure_colours(count: usize, rng: &mut SampleRng) -> Result<Vec<[u8; 3]>> {
    /// The hues in which one channel is 255, one is 55, and the third lies between.
    const HUES: usize = 6 * 200;
    if count > HUES {
        return Err(Error::argument("shapes", format!("expected at most {HUES} colours, received {count}")));
    }
    let first = rng.below(HUES);
    Ok((0..count).map(|i| hue((first + i * HUES / count) % HUES)).collect())
}

/// One of 1,200 hues.
fn hue(number: usize) -> [u8; 3] {
    let (sector, step) = (number / 200, (number % 200) as u8);
    let (rising, falling) = (55 + step, 255 - step);
    match sector {
        0 => [255, rising, 55],
        1 => [falling, 255, 55],
        2 => [55, 255, rising],
        3 => [55, falling, 255],
        4 => [rising, 55, 255],
        _ => [255, 55, falling],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_differ_and_stand_out() {
        let mut all: Vec<[u8; 3]> = (0..1200).map(hue).collect();
        assert!(all.iter().all(|colour| colour.contains(&255)));
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 1200);
        let mut rng = SampleRng::new(1, 0, 0);
        for count in [0, 1, 7, 255] {
            let mut colours = figure_colours(count, &mut rng).unwrap();
            colours.sort_unstable();
            colours.dedup();
            assert_eq!(colours.len(), count);
        }
        assert!(figure_colours(1201, &mut rng).is_err());
    }

    #[test]
    fn backgrounds_are_what_they_say() {
        let paint = |background: Background| {
            let mut pixels = vec![0; 3 * 40 * 50];
            background.paint(&mut pixels, [40, 50], &mut SampleRng::new(9, 0, 2)).unwrap();
            assert!(pixels.iter().all(|&byte| f64::from(byte) <= BRIGHTEST));
            pixels
        };
        let (plain, noisy) = (paint(Background::Plain), paint(Background::Noise { amplitude: 12 }));
        assert!(plain.chunks(3).all(|pixel| pixel == &plain[..3]));
        let off: Vec<u8> = plain.iter().zip(&noisy).map(|(a, b)| a.abs_diff(*b)).collect();
        assert_eq!(off.iter().max(), Some(&12));
        let mean = noisy.iter().map(|&x| f64::from(x)).sum::<f64>() / noisy.len() as f64;
        let expected = plain.iter().map(|&x| f64::from(x)).sum::<f64>() / plain.len() as f64;
        // Deviation 7.2 / √6000.
        assert!((mean - expected).abs() < 0.5, "{mean} {expected}");
        assert_eq!(paint(Background::Noise { amplitude: 0 }), plain);
        let stripes = paint(Background::Stripes { amplitude: 0 });
        // Somewhere it is the one colour, elsewhere another, and all lie between two.
        assert!(stripes.iter().zip(&plain).any(|(a, b)| a.abs_diff(*b) > 20));
        assert_eq!(stripes[..3], plain[..3]);
    }
}
