//! Clips of digits that bounce.

use std::f64::consts::TAU;

use super::sample_rng;
use crate::annotation::{Bitmap, Labels, Object, Segmentation};
use crate::reserve::filled;
use crate::{Clip, Dataset, Error, Image, ImageClassification, Pixels, Result, Sample, SampleRng, mnist};

const OP: &str = "moving digits";

/// Clips of handwritten digits that fly straight on and bounce off the edges of the picture: Moving MNIST (N. Srivastava, E. Mansimov and R.
/// Salakhutdinov, "Unsupervised learning of video representations using LSTMs", ICML 2015), with labels.
///
/// Digits start anywhere inside and fly in any direction; at an edge they are reflected as a ball is, and they stand on whole pixels. Where
/// they meet, the brighter pixel is seen, so that none hides another. In every frame, an object is the pixels of a digit that are not black:
/// their smallest box, their mask, their number, and an id that it has in all frames and no other digit of the data set has. `labels.classes`
/// of the clip are the digits in order of their ids.
///
/// ```
/// use ocelli_data::generated::MovingDigits;
/// use ocelli_data::Dataset;
/// # fn main() -> ocelli_data::Result<()> {
/// let clips = MovingDigits { frames: 5, digits: 1, seed: 3, ..MovingDigits::embedded()? };
/// let clip = clips.get(0)?;
/// let track: Vec<[f64; 2]> = clip.frames.iter().map(|frame| frame.labels.objects[0].bounding_box.min()).collect();
/// assert_eq!(track.len(), 5);
/// assert_ne!(track[0], track[4]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MovingDigits {
    /// Where the digits come from: pictures of bytes with one channel, bright on black.
    pub source: ImageClassification,
    /// How many clips there are; 1,000 by default.
    pub clips: usize,
    /// How many frames a clip has; 20 by default.
    pub frames: usize,
    /// `[height, width]` of a frame, at least that of a digit; 64 × 64 by default.
    pub size: [usize; 2],
    /// How many digits fly, at most 255; 2 by default.
    pub digits: usize,
    /// The smallest and the largest speed, in pixels for each frame; 2 to 5 by default.
    pub speed: [f64; 2],
    /// What all that is random follows from; 0 by default.
    pub seed: u64,
}

impl MovingDigits {
    /// Clips of these pictures, with the settings that are the default.
    pub fn new(source: ImageClassification) -> Self {
        MovingDigits { source, clips: 1_000, frames: 20, size: [64, 64], digits: 2, speed: [2.0, 5.0], seed: 0 }
    }

    /// Clips of the training digits of [`mnist::embedded`].
    ///
    /// # Errors
    /// Only if memory runs out.
    pub fn embedded() -> Result<Self> {
        Ok(MovingDigits::new(mnist::embedded()?.0))
    }

    fn check(&self) -> Result<()> {
        let refuse = |message| Err(Error::argument(OP, message));
        let [height, width] = self.size;
        if height.checked_mul(width).is_none_or(|pixels| u32::try_from(pixels).is_err()) {
            return refuse(format!("expected less than 2^32 pixels in a frame, received {:?}", self.size));
        }
        if self.digits > 255 {
            return refuse(format!("expected at most 255 digits, received {}", self.digits));
        }
        if self.digits > 0 && self.source.is_empty() {
            return refuse("expected pictures of digits, received a source without any".to_string());
        }
        let [slowest, fastest] = self.speed;
        if !(slowest >= 0.0 && slowest <= fastest && fastest.is_finite()) {
            return refuse(format!("expected finite speeds in order, none negative, received {:?}", self.speed));
        }
        Ok(())
    }

    fn digit(&self, id: u64, rng: &mut SampleRng) -> Result<Digit> {
        let (image, class) = self.source.get(rng.below(self.source.len()))?;
        let [channels, height, width] = [image.channels(), image.height(), image.width()];
        let room = [self.size[0].checked_sub(height), self.size[1].checked_sub(width)];
        let ([Some(down), Some(right)], 1, Pixels::U8(pixels)) = (room, channels, image.into_pixels()) else {
            let message = format!(
                "expected digits of bytes with one channel that fit into {:?}, received {height} x {width} with {channels}",
                self.size
            );
            return Err(Error::argument(OP, message));
        };
        let (angle, speed) = (rng.uniform(0.0, TAU)?, rng.uniform(self.speed[0], self.speed[1])?);
        let room = [down as f64, right as f64];
        let start = [rng.uniform(0.0, room[0])?, rng.uniform(0.0, room[1])?];
        Ok(Digit { class, id, pixels, width, room, start, speed: [speed * angle.sin(), speed * angle.cos()] })
    }

    fn frame(&self, number: usize, digits: &[Digit]) -> Result<Sample> {
        let [height, width] = self.size;
        let mut seen = filled(0u8, height * width)?;
        let mut objects = Vec::with_capacity(digits.len());
        for digit in digits {
            let mut mask = filled(0u8, height * width)?;
            let [top, left] = digit.place(number);
            for (row, pixels) in digit.pixels.chunks(digit.width.max(1)).enumerate() {
                let start = (top + row) * width + left;
                let (seen, mask) = (&mut seen[start..][..pixels.len()], &mut mask[start..][..pixels.len()]);
                for ((seen, mask), &pixel) in seen.iter_mut().zip(mask).zip(pixels) {
                    *seen = (*seen).max(pixel);
                    *mask = u8::from(pixel > 0);
                }
            }
            let mask = Bitmap::new(self.size, mask)?.to_rle()?;
            objects.push(Object {
                area: Some(mask.area() as f64),
                id: Some(digit.id),
                ..Object::new(digit.class, mask.bounding_box())
            });
            if let Some(object) = objects.last_mut() {
                object.segmentation = Some(Segmentation::Rle(mask));
            }
        }
        Ok(Sample {
            image: Image::from_u8([self.size[0], self.size[1], 1], seen)?,
            labels: Labels { objects, ..Labels::default() },
        })
    }
}

impl Dataset for MovingDigits {
    type Item = Clip;
    fn len(&self) -> usize {
        self.clips
    }
    fn get(&self, index: usize) -> Result<Clip> {
        Error::check_index(index, self.clips)?;
        self.check()?;
        let mut rng = sample_rng(self.seed, index);
        let id = |number: usize| (index as u64) << 8 | number as u64;
        let digits = (0..self.digits).map(|number| self.digit(id(number), &mut rng)).collect::<Result<Vec<_>>>()?;
        let classes = digits.iter().map(|digit| digit.class).collect();
        let mut frames = crate::reserve::with_capacity(self.frames)?;
        for number in 0..self.frames {
            frames.push(self.frame(number, &digits)?);
        }
        Ok(Clip { frames, labels: Labels { classes, ..Labels::default() } })
    }
}

/// A digit and how it flies.
struct Digit {
    class: usize,
    id: u64,
    /// Row by row.
    pixels: Vec<u8>,
    width: usize,
    /// How far down and to the right its corner may go.
    room: [f64; 2],
    /// Down and to the right, at frame 0.
    start: [f64; 2],
    /// Pixels for each frame.
    speed: [f64; 2],
}

impl Digit {
    /// The row and column of its upper left pixel.
    fn place(&self, frame: usize) -> [usize; 2] {
        std::array::from_fn(|axis| {
            reflected(self.start[axis] + self.speed[axis] * frame as f64, self.room[axis]).round() as usize
        })
    }
}

/// Where a ball is that would be at `x` if there were no walls at 0 and `room`.
fn reflected(x: f64, room: f64) -> f64 {
    if room == 0.0 {
        return 0.0;
    }
    let x = x.rem_euclid(2.0 * room);
    // Rounding may give the divisor itself.
    (if x > room { 2.0 * room - x } else { x }).clamp(0.0, room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balls_bounce() {
        let places: Vec<f64> = (-7..=9).map(|x| reflected(f64::from(x), 3.0)).collect();
        let expected = [1, 0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2, 3];
        assert_eq!(places, expected.map(f64::from));
        assert_eq!(reflected(17.0, 0.0), 0.0);
        assert_eq!(reflected(-1e-300, 3.0), 0.0);
    }

    #[test]
    fn frames_show_what_their_labels_say() {
        let clips = MovingDigits { clips: 20, size: [40, 70], digits: 3, seed: 5, ..MovingDigits::embedded().unwrap() };
        let (mut bounced, mut moved) = (0, 0);
        for index in 0..20 {
            let clip = clips.get(index).unwrap();
            assert_eq!(clip, clips.get(index).unwrap());
            assert_eq!(clip.frames.len(), 20);
            for frame in &clip.frames {
                let classes: Vec<usize> = frame.labels.objects.iter().map(|object| object.class).collect();
                assert_eq!(classes, clip.labels.classes);
                let Pixels::U8(pixels) = frame.image.pixels() else { panic!("bytes") };
                let mut any = vec![0u8; 40 * 70];
                for (number, object) in frame.labels.objects.iter().enumerate() {
                    assert_eq!(object.id, Some((index as u64) << 8 | number as u64));
                    let mask = object.segmentation.as_ref().unwrap().to_rle([40, 70]).unwrap();
                    assert_eq!((mask.bounding_box(), mask.area() as f64), (object.bounding_box, object.area.unwrap()));
                    any.iter_mut().zip(mask.decode().unwrap()).for_each(|(any, inside)| *any |= inside);
                }
                // What is not black belongs to a digit, and the other way round.
                assert!(pixels.iter().zip(&any).all(|(&pixel, &inside)| (pixel > 0) == (inside == 1)));
            }
            for digit in 0..3 {
                let path: Vec<[f64; 2]> =
                    clip.frames.iter().map(|frame| frame.labels.objects[digit].bounding_box.min()).collect();
                let steps: Vec<[f64; 2]> = path.windows(2).map(|p| [p[1][0] - p[0][0], p[1][1] - p[0][1]]).collect();
                // At most as fast as the settings say, but for rounding to whole pixels; and it keeps its form.
                assert!(steps.iter().all(|[dx, dy]| dx.hypot(*dy) <= 5.0 + 1.5), "{steps:?}");
                assert!(
                    clip.frames
                        .iter()
                        .all(|frame| { frame.labels.objects[digit].area == clip.frames[0].labels.objects[digit].area })
                );
                moved += usize::from(path[0] != path[19]);
                bounced += usize::from(steps.iter().any(|s| s[1] > 0.0) && steps.iter().any(|s| s[1] < 0.0));
            }
        }
        assert!(moved > 55 && bounced > 40, "{moved} {bounced}");
    }

    #[test]
    fn wrong_settings_are_refused() {
        let default = || MovingDigits::embedded().unwrap();
        let broken = [
            MovingDigits { size: [27, 64], ..default() },
            MovingDigits { size: [usize::MAX, 64], ..default() },
            MovingDigits { digits: 256, ..default() },
            MovingDigits { speed: [2.0, 1.0], ..default() },
            MovingDigits { speed: [0.0, f64::INFINITY], ..default() },
            MovingDigits { frames: usize::MAX, ..default() },
        ];
        for clips in broken {
            assert!(clips.get(0).is_err());
        }
        assert!(default().get(1000).is_err());
        let none = MovingDigits { digits: 0, frames: 2, ..default() }.get(0).unwrap();
        assert!(none.labels.classes.is_empty() && none.frames[1].labels.objects.is_empty());
        // A digit that fills the frame stays where it is.
        let still = MovingDigits { size: [28, 28], digits: 1, ..default() }.get(0).unwrap();
        assert!(still.frames.iter().all(|frame| *frame == still.frames[0]));
    }
}
