//! Clips of films in one tensor.

use ocelli_tensor::{Tensor, kernels};

use super::Collate;
use crate::annotation::Labels;
use crate::{Clip, Error, Image, Result, Sample};

const OP: &str = "stack clips";

/// Clips of one size, with their labels.
#[derive(Clone)]
pub struct ClipBatch {
    /// The clips, `f32` of shape `[n, channels, frames, height, width]`, as networks with convolutions in time take them.
    pub clips: Tensor,
    /// What holds for each clip.
    pub labels: Vec<Labels>,
    /// The labels of each frame of each clip.
    pub frames: Vec<Vec<Labels>>,
}

/// Makes batches of clips that have as many frames, all of one size. Bytes become floats in 0..1, floats stay as they are.
///
/// ```
/// use ocelli_data::generated::MovingDigits;
/// use ocelli_data::{DataLoader, StackClips};
/// # fn main() -> ocelli_data::Result<()> {
/// let digits = MovingDigits { clips: 6, frames: 5, ..MovingDigits::embedded()? };
/// let loader = DataLoader::new(digits, 3)?.collate(StackClips);
/// for batch in loader.epoch(0) {
///     let batch = batch?;
///     assert_eq!(batch.clips.shape()[..], [3, 1, 5, 64, 64]);
///     assert_eq!(batch.frames[2][4].objects.len(), 2);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StackClips;

impl Collate<Clip> for StackClips {
    type Batch = ClipBatch;
    fn collate(&self, items: Vec<Clip>) -> Result<ClipBatch> {
        let frames_of = items.first().map_or(0, |clip| clip.frames.len());
        let shape_of = items.first().and_then(|clip| clip.frames.first()).map(|frame| frame.image.shape());
        let Some(shape @ [height, width, channels]) = shape_of else {
            return Err(Error::argument(OP, "expected clips with at least one frame, received none"));
        };
        for (i, clip) in items.iter().enumerate() {
            if clip.frames.len() != frames_of {
                let message = format!(
                    "expected clips with as many frames, received {frames_of} at place 0 and {} at place {i}",
                    clip.frames.len()
                );
                return Err(Error::argument(OP, message));
            }
        }
        let pictures = || items.iter().flat_map(|clip| &clip.frames).map(|frame| &frame.image);
        if let Some(received) = pictures().map(Image::shape).find(|&received| received != shape) {
            let message = format!("expected frames of [height, width, channels] = {shape:?}, received {received:?}");
            return Err(Error::argument(OP, message));
        }
        let clips = kernels::build([items.len(), frames_of, height, width, channels], |all: &mut [f32]| {
            let frames = all.chunks_exact_mut((height * width * channels).max(1));
            frames.zip(pictures()).for_each(|(frame, picture)| picture.write_f32(frame, width * channels));
        })?;
        let of_frames = |frames: Vec<Sample>| frames.into_iter().map(|frame| frame.labels).collect::<Vec<Labels>>();
        let (labels, frames) = items.into_iter().map(|clip| (clip.labels, of_frames(clip.frames))).unzip();
        Ok(ClipBatch { clips: clips.permute([0, 4, 1, 2, 3])?, labels, frames })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pixel tells clip, frame and channel.
    fn clip(number: u8, frames: u8, size: [usize; 2]) -> Clip {
        let frame = |frame: u8| {
            let pixels: Vec<f32> = (0..2u8)
                .flat_map(|channel| vec![f32::from(number * 100 + frame * 10 + channel); size[0] * size[1]])
                .collect();
            let image = Image::from_tensor(&Tensor::from_vec(pixels, [2, size[0], size[1]]).unwrap()).unwrap();
            Sample { image, labels: Labels { classes: vec![usize::from(frame)], ..Labels::default() } }
        };
        Clip { frames: (0..frames).map(frame).collect(), labels: Labels::default() }
    }

    #[test]
    fn channels_come_before_frames() {
        let batch = StackClips.collate(vec![clip(0, 3, [1, 2]), clip(1, 3, [1, 2])]).unwrap();
        assert_eq!(batch.clips.shape()[..], [2, 2, 3, 1, 2]);
        let values: Vec<f32> = batch.clips.to_vec().unwrap();
        let expected = [0, 10, 20, 1, 11, 21, 100, 110, 120, 101, 111, 121].map(|x| [x as f32; 2]);
        assert_eq!(values, expected.as_flattened());
        assert_eq!(batch.frames[1][2].classes, [2]);
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        for items in [
            vec![clip(0, 3, [1, 2]), clip(1, 2, [1, 2])],
            vec![clip(0, 3, [1, 2]), clip(1, 3, [2, 2])],
            vec![clip(0, 0, [1, 2])],
            vec![],
        ] {
            let text = StackClips.collate(items).err().map(|e| e.to_string()).unwrap_or_default();
            assert!(text.contains("expected") && text.contains("received"), "{text:?}");
        }
    }
}
