//! Which frames of a film make a clip.

use crate::{Error, Result, SampleRng};

/// How clips are taken from a film. Where a film is too short its last frame is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClipSampling {
    /// Clips of `length` frames that are `stride` apart; each begins `step` frames behind the one before, so that clips overlap where
    /// `step < length * stride`. What is left at the end is in no clip, unless the film is shorter than one.
    Sliding {
        /// Frames of a clip.
        length: usize,
        /// From one frame of a clip to the next; 1 leaves none out.
        stride: usize,
        /// From the beginning of one clip to that of the next.
        step: usize,
    },
    /// One clip of each film: `length` frames spread evenly, each from the middle of its part (L. Wang et al., "Temporal Segment
    /// Networks", 2016); read at random, each from anywhere in its part.
    Uniform {
        /// Frames of the clip.
        length: usize,
    },
    /// One clip of each film, of `length` frames that are `stride` apart, from anywhere; from the middle unless read at random.
    Random {
        /// Frames of the clip.
        length: usize,
        /// From one frame of the clip to the next.
        stride: usize,
    },
}

impl ClipSampling {
    /// Refuses clips without frames, and steps of 0.
    pub(super) fn check(&self) -> Result<()> {
        let numbers = match *self {
            ClipSampling::Sliding { length, stride, step } => [length, stride, step],
            ClipSampling::Uniform { length } => [length, 1, 1],
            ClipSampling::Random { length, stride } => [length, stride, 1],
        };
        match numbers.iter().all(|number| (1..=1 << 20).contains(number)) {
            true => Ok(()),
            false => Err(Error::argument(
                "clips",
                format!("expected length, stride and step in 1..=2^20, received {self:?}"),
            )),
        }
    }

    /// How many clips a film of so many frames has; none if it has none.
    pub fn clips(&self, frames: usize) -> usize {
        match *self {
            _ if frames == 0 => 0,
            ClipSampling::Sliding { length, stride, step } => {
                frames.saturating_sub(span(length, stride)) / step.max(1) + 1
            }
            ClipSampling::Uniform { .. } | ClipSampling::Random { .. } => 1,
        }
    }

    /// The frames of one of its clips, at random if there are random numbers.
    pub fn frames(&self, frames: usize, clip: usize, mut rng: Option<&mut SampleRng>) -> Vec<usize> {
        let last = frames.saturating_sub(1);
        let from =
            |start: usize, length: usize, stride: usize| (0..length).map(|i| (start + i * stride).min(last)).collect();
        match *self {
            ClipSampling::Sliding { length, stride, step } => from(clip * step, length, stride),
            ClipSampling::Uniform { length } => (0..length)
                .map(|i| {
                    let (start, end) = (i * frames / length, (i + 1) * frames / length);
                    let place = match &mut rng {
                        Some(rng) if end > start => start + rng.below(end - start),
                        _ => (2 * i + 1) * frames / (2 * length),
                    };
                    place.min(last)
                })
                .collect(),
            ClipSampling::Random { length, stride } => {
                let starts = frames.saturating_sub(span(length, stride)) + 1;
                let start = rng.map_or((starts - 1) / 2, |rng| rng.below(starts));
                from(start, length, stride)
            }
        }
    }
}

/// From the first frame of a clip to behind its last.
fn span(length: usize, stride: usize) -> usize {
    length.saturating_sub(1) * stride + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_clips() {
        let sliding = ClipSampling::Sliding { length: 3, stride: 2, step: 4 };
        // A clip spans five frames.
        assert_eq!([0, 1, 5, 8, 9, 13].map(|frames| sliding.clips(frames)), [0, 1, 1, 1, 2, 3]);
        assert_eq!(sliding.frames(9, 1, None), [4, 6, 8]);
        assert_eq!(sliding.frames(4, 0, None), [0, 2, 3]);
        let uniform = ClipSampling::Uniform { length: 4 };
        assert_eq!(uniform.frames(8, 0, None), [1, 3, 5, 7]);
        assert_eq!(uniform.frames(2, 0, None), [0, 0, 1, 1]);
        let random = ClipSampling::Random { length: 2, stride: 3 };
        assert_eq!(random.frames(10, 0, None), [3, 6]);
        let mut seen = std::collections::BTreeSet::new();
        for sample in 0..200 {
            let mut rng = SampleRng::new(1, 0, sample);
            let places = uniform.frames(8, 0, Some(&mut rng));
            assert!(places.iter().enumerate().all(|(i, place)| place / 2 == i));
            let places = random.frames(10, 0, Some(&mut rng));
            assert_eq!(places[1], places[0] + 3);
            seen.insert(places[0]);
        }
        assert_eq!(seen, (0..7).collect());
        assert!(ClipSampling::Sliding { length: 1, stride: 0, step: 1 }.check().is_err());
        assert!(uniform.check().is_ok() && ClipSampling::Uniform { length: 0 }.check().is_err());
    }
}
