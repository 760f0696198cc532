//! Pictures changed at random as they are read.

use crate::augment::Augment;
use crate::{Clip, Dataset, Error, Image, Result, Sample, SampleRng};

/// An item with pictures that augmentation can change.
pub trait Augmentable: Sized + Send {
    /// The item with its pictures changed, and with what follows them.
    ///
    /// # Errors
    /// What the change returns.
    fn augmented<A: Augment + ?Sized>(self, augment: &A, rng: &mut SampleRng) -> Result<Self>;

    /// Its pictures: one, or the frames of a clip.
    fn pictures(&self) -> Vec<&Image>;
}

/// A picture whose label does not depend on where things are in it.
impl<L: Send> Augmentable for (Image, L) {
    fn augmented<A: Augment + ?Sized>(self, augment: &A, rng: &mut SampleRng) -> Result<Self> {
        Ok((augment.apply_image(self.0, rng)?, self.1))
    }
    fn pictures(&self) -> Vec<&Image> {
        vec![&self.0]
    }
}

impl Augmentable for Sample {
    fn augmented<A: Augment + ?Sized>(self, augment: &A, rng: &mut SampleRng) -> Result<Self> {
        augment.apply(self, rng)
    }
    fn pictures(&self) -> Vec<&Image> {
        vec![&self.image]
    }
}

/// All frames of a clip are changed alike, as by a camera that moves, not by one that trembles: each draws the same random numbers. So noise is the same
/// in all of them, too.
///
/// What looks at the objects of a picture before it draws, as [`RandomIouCrop`](crate::augment::RandomIouCrop) does, may draw otherwise for some frames, which
/// is an [`Error::Argument`].
impl Augmentable for Clip {
    fn augmented<A: Augment + ?Sized>(self, augment: &A, rng: &mut SampleRng) -> Result<Self> {
        let before = rng.clone();
        let mut next = None;
        let mut frames = Vec::with_capacity(self.frames.len());
        for (place, frame) in self.frames.into_iter().enumerate() {
            *rng = before.clone();
            frames.push(augment.apply(frame, rng)?);
            // As many random numbers are the same ones: the next one tells.
            let after = rng.clone().unit();
            if *next.get_or_insert(after) != after {
                let message = format!(
                    "expected a change that draws alike for all frames, received one that draws otherwise for frame {place} than for frame 0"
                );
                return Err(Error::argument("augment clip", message));
            }
        }
        Ok(Clip { frames, labels: self.labels })
    }
    fn pictures(&self) -> Vec<&Image> {
        self.frames.iter().map(|frame| &frame.image).collect()
    }
}

/// What [`Dataset::augment`] makes.
///
/// [`Dataset::get`], which is given no random numbers, uses those of seed 0 and epoch 0: it always gives the same sample.
#[derive(Debug, Clone)]
pub struct Augmented<D, A> {
    inner: D,
    augment: A,
}

impl<D, A> Augmented<D, A> {
    pub(super) fn new(inner: D, augment: A) -> Self {
        Augmented { inner, augment }
    }
}

impl<D, A> Dataset for Augmented<D, A>
where
    D: Dataset,
    D::Item: Augmentable,
    A: Augment,
{
    type Item = D::Item;
    fn len(&self) -> usize {
        self.inner.len()
    }
    fn get(&self, index: usize) -> Result<D::Item> {
        self.get_random(index, &mut SampleRng::new(0, 0, index as u64))
    }
    fn get_random(&self, index: usize, rng: &mut SampleRng) -> Result<D::Item> {
        self.inner.get_random(index, rng)?.augmented(&self.augment, rng)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VecDataset;
    use crate::annotation::{BoundingBox, BoxFormat, Keypoints, Labels, Object};
    use crate::augment::{Compose, GaussianNoise, HorizontalFlip, RandomCrop, RandomIouCrop};

    /// A picture whose pixels tell their places, with an object of four pixels at a place and a keypoint in its middle.
    fn frame([x, y]: [f64; 2]) -> Sample {
        let mut sample = Sample::from(Image::from_u8([10, 12, 1], (0..120).collect()).unwrap());
        let place = BoundingBox::new([x, y, 2.0, 2.0], BoxFormat::Xywh).unwrap();
        let keypoints = Some(Keypoints::visible([[x + 1.0, y + 1.0]]).unwrap());
        sample.labels.objects.push(Object { keypoints, ..Object::new(0, place) });
        sample
    }

    fn clip() -> Clip {
        let frames = [[4.0, 4.0], [5.0, 4.0], [6.0, 5.0]].map(frame).to_vec();
        Clip { frames, labels: Labels { classes: vec![3], ..Labels::default() } }
    }

    #[test]
    fn frames_of_a_clip_are_changed_alike() {
        let change = Compose::new().then(RandomCrop::new(8, 8, 1)).sometimes(0.5, HorizontalFlip::default());
        let data = VecDataset::new(vec![clip()]).augment(change.clone());
        let mut seen = std::collections::BTreeSet::new();
        let mut whole = 0;
        for epoch in 0..40 {
            let changed = data.get_random(0, &mut SampleRng::new(0, epoch, 0)).unwrap();
            assert_eq!((changed.frames.len(), &changed.labels), (3, &clip().labels));
            // All frames are of one picture, so they stay of one.
            assert!(changed.frames.iter().all(|frame| frame.image == changed.frames[0].image));
            for (old, new) in clip().frames.into_iter().zip(&changed.frames) {
                assert_eq!(*new, change.apply(old, &mut SampleRng::new(0, epoch, 0)).unwrap());
                // The keypoint stays in the middle of its box where nothing has been cut off.
                for object in &new.labels.objects {
                    let [x, y, width, height] = object.bounding_box.to_array(BoxFormat::Cxcywh);
                    let point = object.keypoints.as_ref().unwrap().points()[0];
                    if (width, height) == (2.0, 2.0) {
                        assert_eq!([point.x, point.y], [x, y]);
                        whole += 1;
                    }
                }
            }
            seen.insert(format!("{:?}", changed.frames[0].image));
        }
        assert!(seen.len() > 10 && whole > 60, "{} {whole}", seen.len());
    }

    #[test]
    fn what_comes_behind_a_clip_draws_other_numbers() {
        let noise = GaussianNoise { sigma: 0.1, ..GaussianNoise::default() };
        let rng = &mut SampleRng::new(0, 0, 0);
        let noisy = clip().augmented(&noise, rng).unwrap();
        assert_ne!(noisy.frames[0].image, clip().frames[0].image);
        assert_eq!(noisy.frames[0].image, noisy.frames[2].image);
        assert_ne!(rng.clone().unit(), SampleRng::new(0, 0, 0).unit());
        assert_ne!(clip().augmented(&noise, rng).unwrap().frames[0].image, noisy.frames[0].image);
        assert_eq!(Clip::default().augmented(&noise, rng).unwrap(), Clip::default());
    }

    #[test]
    fn frames_that_would_be_changed_otherwise_are_refused() {
        let crop = RandomIouCrop { overlaps: vec![0.1], ..RandomIouCrop::default() };
        let mut clip = clip();
        // Without an object nothing is drawn.
        clip.frames[1].labels.objects.clear();
        let text = clip.augmented(&crop, &mut SampleRng::new(0, 0, 0)).unwrap_err().to_string();
        assert!(text.contains("draws alike for all frames") && text.ends_with("frame 1 than for frame 0"), "{text}");
    }
}
