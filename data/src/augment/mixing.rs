//! Batches whose pictures are mixed with each other, and their labels with them.

use ocelli_tensor::{DType, Tensor};
use rand_distr::{Beta, Distribution};

use super::check_probability;
use super::{one_hot, smooth_labels};
use crate::loader::{nhwc, with_one_class};
use crate::{Batch, Collate, Error, Image, Result, Sample, SampleRng, Stack};

/// A batch of pictures that each have a part in several classes.
#[derive(Clone)]
pub struct MixedBatch {
    /// The pictures, `f32` of shape `[n, channels, height, width]`, channels-last in memory.
    pub images: Tensor,
    /// The part of each class, `f32` of shape `[n, classes]`; those of a picture add up to 1.
    pub targets: Tensor,
}

impl MixedBatch {
    /// The pictures in the other order of axes, `[n, height, width, channels]`: a view, nothing is copied.
    ///
    /// # Errors
    /// [`Error::Tensor`] unless `images` has four axes.
    pub fn images_nhwc(&self) -> Result<Tensor> {
        nhwc(&self.images)
    }
}

/// Each picture `λx + (1 − λ)y`, with `y` the picture before it in the batch (the last one for the first) and `λ` drawn from Beta(alpha, alpha) once for the batch; the
/// classes likewise: mixup (H. Zhang et al., 2018) as torchvision's `MixUp` does it.
///
/// ```
/// use ocelli_data::augment::mixup;
/// use ocelli_data::{Collate, Image, SampleRng, Stack};
/// # fn main() -> ocelli_data::Result<()> {
/// let image = |value| Image::from_f32([1, 1, 1], vec![value]);
/// let batch = Stack.collate(vec![(image(0.0)?, 0), (image(1.0)?, 1)])?;
/// let mixed = mixup(&batch, 2, 1.0, &mut SampleRng::new(0, 0, 0))?;
/// // Pictures are as bright as their part in class 1.
/// let parts = mixed.targets.to_vec::<f32>()?;
/// assert_eq!(mixed.images.to_vec::<f32>()?, [parts[1], parts[3]]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Argument`] unless alpha is finite and above 0, [`Error::Tensor`] unless all labels are below `classes`.
pub fn mixup(batch: &Batch, classes: usize, alpha: f64, rng: &mut SampleRng) -> Result<MixedBatch> {
    let targets = one_hot(&batch.labels, classes)?.to_vec::<f32>()?;
    let part = draw("mixup", alpha, rng)?;
    let mix = |x: &[f32], row: usize| -> Vec<f32> {
        let before = previous(x.len(), row);
        x.iter().enumerate().map(|(i, &x_i)| part as f32 * x_i + (1.0 - part) as f32 * x[before(i)]).collect()
    };
    let pixels = interleaved(batch)?;
    let row = pixels.len() / batch.len().max(1);
    finish(batch, mix(&pixels, row), mix(&targets, classes), classes)
}

/// Each picture with a rectangle of the picture before it in the batch (the last one for the first); the classes have parts as the areas do: CutMix (S. Yun et al., 2019) as
/// torchvision's `CutMix` does it. The area that is kept is drawn from Beta(alpha, alpha), the rectangle's middle evenly, both once for the batch.
///
/// # Errors
/// As [`mixup`].
pub fn cutmix(batch: &Batch, classes: usize, alpha: f64, rng: &mut SampleRng) -> Result<MixedBatch> {
    let targets = one_hot(&batch.labels, classes)?.to_vec::<f32>()?;
    let half = 0.5 * (1.0 - draw("cutmix", alpha, rng)?).sqrt();
    let (channels, height, width) = (batch.images.size(1)?, batch.images.size(2)?, batch.images.size(3)?);
    let mut span = |size: usize| {
        let (middle, reach) = (rng.below(size), (half * size as f64) as usize);
        middle.saturating_sub(reach)..(middle + reach).min(size)
    };
    let (columns, rows) = (span(width), span(height));
    let mut pixels = interleaved(batch)?;
    let old = pixels.clone();
    let before = previous(pixels.len(), height * width * channels);
    for picture in 0..batch.len() {
        for row in rows.clone() {
            let start = (picture * height + row) * width;
            for at in (start + columns.start) * channels..(start + columns.end) * channels {
                pixels[at] = old[before(at)];
            }
        }
    }
    let all = (height * width).max(1) as f64;
    let part = 1.0 - (rows.len() * columns.len()) as f64 / all;
    let before = previous(targets.len(), classes);
    let mixed = targets.iter().enumerate().map(|(i, &x)| part as f32 * x + (1.0 - part) as f32 * targets[before(i)]);
    finish(batch, pixels, mixed.collect(), classes)
}

/// Makes batches whose pictures are mixed, by [`mixup`] or [`cutmix`], with random numbers that follow from the loader's seed, the epoch and the number of the batch: what `timm` calls
/// `Mixup`. Batches that are not mixed have targets of the same kind.
///
/// ```
/// use ocelli_data::augment::MixBatches;
/// use ocelli_data::{DataLoader, mnist};
/// # fn main() -> ocelli_data::Result<()> {
/// let mix = MixBatches { cutmix: Some(1.0), smoothing: 0.1, ..MixBatches::new(10) };
/// let loader = DataLoader::new(mnist::embedded()?.0, 32)?.shuffle(true).seed(1).collate(mix);
/// for batch in loader.epoch(0).take(2) {
///     let batch = batch?;
///     assert_eq!((&batch.images.shape()[..], &batch.targets.shape()[..]), (&[32, 1, 28, 28][..], &[32, 10][..]));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MixBatches {
    /// The number of classes.
    pub classes: usize,
    /// How often a batch is mixed.
    pub probability: f64,
    /// The alpha of [`mixup`]; never used if it is `None`.
    pub mixup: Option<f64>,
    /// The alpha of [`cutmix`]; never used if it is `None`.
    pub cutmix: Option<f64>,
    /// How often CutMix is taken where there are both.
    pub switch: f64,
    /// Targets are smoothed by this; see [`smooth_labels`].
    pub smoothing: f64,
}

impl MixBatches {
    /// Mixup of alpha 0.8 for every batch, targets as they are.
    pub fn new(classes: usize) -> Self {
        MixBatches { classes, probability: 1.0, mixup: Some(0.8), cutmix: None, switch: 0.5, smoothing: 0.0 }
    }

    /// Mixes a batch.
    ///
    /// # Errors
    /// As [`mixup`], and [`Error::Argument`] unless probabilities and smoothing are in `0..=1`.
    pub fn mix(&self, batch: &Batch, rng: &mut SampleRng) -> Result<MixedBatch> {
        check_probability(self.probability)?;
        check_probability(self.switch)?;
        let plain = |batch: &Batch| -> Result<MixedBatch> {
            Ok(MixedBatch { images: batch.images.clone(), targets: one_hot(&batch.labels, self.classes)? })
        };
        let mixed = match (rng.chance(self.probability), self.mixup, self.cutmix) {
            (true, Some(alpha), None) => mixup(batch, self.classes, alpha, rng)?,
            (true, None, Some(alpha)) => cutmix(batch, self.classes, alpha, rng)?,
            (true, Some(_), Some(alpha)) if rng.chance(self.switch) => cutmix(batch, self.classes, alpha, rng)?,
            (true, Some(alpha), Some(_)) => mixup(batch, self.classes, alpha, rng)?,
            _ => plain(batch)?,
        };
        Ok(MixedBatch { targets: smooth_labels(&mixed.targets, self.smoothing)?, ..mixed })
    }
}

impl Collate<(Image, usize)> for MixBatches {
    type Batch = MixedBatch;
    fn collate(&self, items: Vec<(Image, usize)>) -> Result<MixedBatch> {
        self.collate_random(items, &mut SampleRng::new(0, 0, 0))
    }
    fn collate_random(&self, items: Vec<(Image, usize)>, rng: &mut SampleRng) -> Result<MixedBatch> {
        self.mix(&Stack.collate(items)?, rng)
    }
}

/// Samples with one class each, as readers give them.
impl Collate<Sample> for MixBatches {
    type Batch = MixedBatch;
    fn collate(&self, items: Vec<Sample>) -> Result<MixedBatch> {
        Collate::collate(self, with_one_class(items)?)
    }
    fn collate_random(&self, items: Vec<Sample>, rng: &mut SampleRng) -> Result<MixedBatch> {
        Collate::collate_random(self, with_one_class(items)?, rng)
    }
}

/// The place of a number in the sample before, for samples of `row` numbers.
fn previous(count: usize, row: usize) -> impl Fn(usize) -> usize {
    move |at| (at + count - row) % count
}

fn draw(op: &'static str, alpha: f64, rng: &mut SampleRng) -> Result<f64> {
    match Beta::new(alpha, alpha) {
        Ok(beta) if alpha.is_finite() => Ok(beta.sample(rng)),
        _ => Err(Error::argument(op, format!("expected a finite alpha above 0, received {alpha}"))),
    }
}

/// The pictures' numbers as they lie in memory: sample by sample, channels side by side.
fn interleaved(batch: &Batch) -> Result<Vec<f32>> {
    Ok(nhwc(&batch.images)?.to_dtype(DType::F32)?.to_vec()?)
}

fn finish(batch: &Batch, pixels: Vec<f32>, targets: Vec<f32>, classes: usize) -> Result<MixedBatch> {
    let shape = batch.images.shape();
    let images = Tensor::from_vec(pixels, [shape[0], shape[2], shape[3], shape[1]])?.permute([0, 3, 1, 2])?;
    Ok(MixedBatch { images, targets: Tensor::from_vec(targets, [batch.len(), classes])? })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three pictures of 6×8, each of one value in two channels.
    fn batch() -> Batch {
        let image = |value: f32| Image::from_f32([6, 8, 2], vec![value; 96]).unwrap();
        Stack.collate(vec![(image(0.0), 2), (image(1.0), 0), (image(2.0), 1)]).unwrap()
    }

    #[test]
    fn parts_are_those_of_the_pixels() {
        let mut kept = Vec::new();
        for index in 0..200 {
            for mix in [mixup, cutmix] {
                let mixed = mix(&batch(), 3, 1.0, &mut SampleRng::new(0, 0, index)).unwrap();
                assert_eq!(mixed.images.shape()[..], [3, 2, 6, 8]);
                let means: Vec<f32> = mixed.images.mean([1, 2, 3]).unwrap().to_vec().unwrap();
                let targets: Vec<f32> = mixed.targets.to_vec().unwrap();
                for (mean, parts) in means.iter().zip(targets.chunks(3)) {
                    assert!((parts.iter().sum::<f32>() - 1.0).abs() < 1e-6);
                    // Class 0 has pictures of 1, class 1 of 2, class 2 of 0.
                    assert!((mean - (parts[0] + 2.0 * parts[1])).abs() < 1e-5, "{mean} {parts:?}");
                }
                kept.push(targets[2]);
            }
        }
        let low = kept.iter().copied().fold(f32::INFINITY, f32::min);
        let high = kept.iter().copied().fold(0.0, f32::max);
        assert!(low < 0.1 && high > 0.9, "{low} {high}");
    }

    #[test]
    fn samples_of_one_class_are_mixed_as_pairs_are() {
        let pairs = || (0..3usize).map(|i| (Image::from_f32([6, 8, 2], vec![i as f32; 96]).unwrap(), i));
        let samples = |classes: fn(usize) -> Vec<usize>| -> Vec<Sample> {
            let labels = |i| crate::annotation::Labels { classes: classes(i), ..Default::default() };
            pairs().map(|(image, i)| Sample { image, labels: labels(i) }).collect()
        };
        let mix = MixBatches::new(3);
        let rng = || SampleRng::new(0, 0, 4);
        let of_pairs = mix.collate_random(pairs().collect(), &mut rng()).unwrap();
        let of_samples = mix.collate_random(samples(|i| vec![i]), &mut rng()).unwrap();
        let plain = |batch: &MixedBatch| [&batch.images, &batch.targets].map(|x| x.to_vec::<f32>().unwrap());
        assert_eq!(plain(&of_pairs), plain(&of_samples));
        assert_eq!(of_samples.images_nhwc().unwrap().shape()[..], [3, 6, 8, 2]);
        let text = mix.collate(samples(|i| vec![0; i])).err().map(|error| error.to_string()).unwrap();
        assert!(text.contains("one class") && text.contains("received the classes []"), "{text}");
    }

    #[test]
    fn what_cannot_be_mixed_is_refused() {
        let rng = &mut SampleRng::new(0, 0, 0);
        for mix in [mixup, cutmix] {
            assert!(mix(&batch(), 2, 1.0, rng).is_err());
            for alpha in [0.0, -1.0, f64::NAN, f64::INFINITY] {
                assert!(mix(&batch(), 3, alpha, rng).is_err(), "{alpha}");
            }
        }
    }

    #[test]
    fn batches_are_mixed_as_often_as_asked() {
        let mix = |mix: &MixBatches, index: u64| mix.mix(&batch(), &mut SampleRng::new(0, 0, index)).unwrap();
        let both = MixBatches { cutmix: Some(1.0), mixup: Some(1.0), probability: 0.75, ..MixBatches::new(3) };
        let mut counts = [0; 3];
        for index in 0..2000 {
            let mixed = mix(&both, index);
            // A cut picture has pixels of two kinds, a mixed one of another kind.
            let first = mixed.images.select(0, 1).unwrap().to_vec::<f32>().unwrap();
            let kind = match first.iter().all(|x| *x == first[0]) {
                true if first[0] == 1.0 => 0,
                true => 1,
                false => 2,
            };
            counts[kind] += 1;
        }
        // 500 ± 19 and 750 ± 22, but for rectangles that are empty or the whole picture.
        assert!((420..800).contains(&counts[0]) && (650..1000).contains(&counts[1]), "{counts:?}");
        assert!((500..830).contains(&counts[2]), "{counts:?}");
        let never = MixBatches { probability: 0.0, smoothing: 0.3, ..MixBatches::new(3) };
        let plain = mix(&never, 0);
        assert_eq!(plain.images.to_vec::<f32>().unwrap(), batch().images.to_vec::<f32>().unwrap());
        let targets = plain.targets.to_vec::<f32>().unwrap();
        assert!(targets.iter().zip([0.1, 0.1, 0.8]).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-6), "{targets:?}");
        for bad in [
            MixBatches { probability: -1.0, ..both },
            MixBatches { switch: f64::NAN, ..both },
            MixBatches { smoothing: 2.0, ..both },
            MixBatches { classes: 2, ..never },
        ] {
            assert!(bad.mix(&batch(), &mut SampleRng::new(0, 0, 0)).is_err(), "{bad:?}");
        }
    }
}
