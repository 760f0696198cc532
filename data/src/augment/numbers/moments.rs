//! Mean and deviation of a whole data set.

use serde::{Deserialize, Serialize};

use crate::augment::Normalize;
use crate::{Augmentable, Dataset, Error, Image, Pixels, Result};

/// Mean and standard deviation of each channel over any number of pictures, read one by one. Deviations are merged from those of single pictures (T. Chan, G. Golub, R. LeVeque, 1979), in
/// 64 bits, so a mean far from 0 does no harm; parts of a data set can be gone through apart and merged.
///
/// Numbers are those that [`Normalize`] sees: bytes divided by 255, floats as they are.
///
/// ```
/// use ocelli_data::augment::{Compose, Moments};
/// use ocelli_data::{Dataset, mnist};
/// # fn main() -> ocelli_data::Result<()> {
/// let (train, _) = mnist::embedded()?;
/// let moments = Moments::of(&train)?;
/// assert!((moments.mean()[0] - 0.13).abs() < 0.01 && (moments.std()[0] - 0.31).abs() < 0.01);
/// let train = train.augment(Compose::new().then(moments.normalize()?));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moments {
    /// How many numbers of each channel have been seen.
    count: u64,
    mean: Vec<f64>,
    /// Sums of squared distances from the mean.
    squares: Vec<f64>,
}

/// What Keras adds to a deviation before it divides by it, so that a channel of one value can be divided too.
const EPSILON: f64 = 1e-6;

impl Moments {
    /// Of no picture.
    pub fn new() -> Self {
        Moments::default()
    }

    /// Of all pictures of a data set, without random changes.
    ///
    /// # Errors
    /// What the data set's `get` returns, [`Error::Argument`] if pictures have other numbers of channels than others.
    pub fn of<D>(dataset: &D) -> Result<Self>
    where
        D: Dataset + ?Sized,
        D::Item: Augmentable,
    {
        let mut moments = Moments::new();
        for index in 0..dataset.len() {
            dataset.get(index)?.pictures().into_iter().try_for_each(|image| moments.update(image))?;
        }
        Ok(moments)
    }

    /// Takes in a picture.
    ///
    /// # Errors
    /// [`Error::Argument`] unless it has as many channels as those before and all of its numbers are finite.
    pub fn update(&mut self, image: &Image) -> Result<()> {
        let channels = image.channels();
        let scale = f64::from(image.white());
        let numbers = |visit: &mut dyn FnMut(usize, f64)| match image.pixels() {
            Pixels::U8(pixels) => {
                pixels.iter().enumerate().for_each(|(i, &x)| visit(i % channels, f64::from(x) / scale))
            }
            Pixels::F32(pixels) => pixels.iter().enumerate().for_each(|(i, &x)| visit(i % channels, f64::from(x))),
        };
        let count = (image.height() * image.width()) as u64;
        if count == 0 {
            return Ok(());
        }
        let mut mean = vec![0.0; channels];
        numbers(&mut |channel, x| mean[channel] += x);
        mean.iter_mut().for_each(|sum| *sum /= count as f64);
        let mut squares = vec![0.0; channels];
        numbers(&mut |channel, x| squares[channel] += (x - mean[channel]).powi(2));
        if squares.iter().any(|x| !x.is_finite()) {
            let message = format!("expected a picture of finite numbers, received means of {mean:?}");
            return Err(Error::argument("moments", message));
        }
        self.merge(&Moments { count, mean, squares })
    }

    /// Takes in what another has seen.
    ///
    /// # Errors
    /// [`Error::Argument`] unless it is of as many channels.
    pub fn merge(&mut self, other: &Moments) -> Result<()> {
        if other.count == 0 {
            return Ok(());
        }
        if self.count == 0 {
            *self = other.clone();
            return Ok(());
        }
        if self.mean.len() != other.mean.len() {
            let message =
                format!("expected pictures of {} channels, received one of {}", self.mean.len(), other.mean.len());
            return Err(Error::argument("moments", message));
        }
        let (a, b) = (self.count as f64, other.count as f64);
        for channel in 0..self.mean.len() {
            let apart = other.mean[channel] - self.mean[channel];
            self.mean[channel] += apart * (b / (a + b));
            self.squares[channel] += other.squares[channel] + apart * apart * (a * b / (a + b));
        }
        self.count = self.count.saturating_add(other.count);
        Ok(())
    }

    /// How many numbers of each channel have been seen.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The mean of each channel; none before the first picture.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The standard deviation of each channel, by the number of values, as NumPy's `std`.
    pub fn std(&self) -> Vec<f64> {
        self.squares.iter().map(|squares| (squares / self.count.max(1) as f64).sqrt()).collect()
    }

    /// The change that brings the data set to mean 0 and deviation 1: `(x − mean) / (std + 10⁻⁶)`, Keras' `featurewise_center` and
    /// `featurewise_std_normalization`.
    ///
    /// # Errors
    /// [`Error::Argument`] if no picture has been seen.
    pub fn normalize(&self) -> Result<Normalize> {
        if self.mean.is_empty() {
            return Err(Error::argument("moments", "expected at least one picture with pixels, received none"));
        }
        let std = self.std().into_iter().map(|std| (std + EPSILON) as f32).collect();
        Ok(Normalize::new(self.mean.iter().map(|&mean| mean as f32).collect(), std))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VecDataset;

    fn image(offset: f32, count: usize) -> Image {
        let numbers = (0..2 * count).map(|i| offset + (i * i % 17) as f32).collect();
        Image::from_f32([1, count, 2], numbers).unwrap()
    }

    /// Of all numbers at once.
    fn direct(images: &[Image], channel: usize) -> [f64; 2] {
        let all: Vec<f64> = images
            .iter()
            .flat_map(|image| image.to_f32().into_iter().skip(channel).step_by(2))
            .map(f64::from)
            .collect();
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        [mean, (all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / all.len() as f64).sqrt()]
    }

    #[test]
    fn parts_merge_to_the_whole() {
        // A mean ten thousand times the deviation.
        let images: Vec<Image> = (0..9).map(|i| image(1e5 + i as f32, 5 + i)).collect();
        let mut all = Moments::new();
        images.iter().for_each(|image| all.update(image).unwrap());
        let (mut first, mut second) = (Moments::new(), Moments::new());
        images[..3].iter().for_each(|image| first.update(image).unwrap());
        images[3..].iter().for_each(|image| second.update(image).unwrap());
        first.merge(&second).unwrap();
        first.merge(&Moments::new()).unwrap();
        assert_eq!((first.count(), all.count()), (81, 81));
        for channel in 0..2 {
            let [mean, std] = direct(&images, channel);
            for moments in [&all, &first] {
                assert!((moments.mean()[channel] - mean).abs() < 1e-9 * mean);
                assert!((moments.std()[channel] - std).abs() < 1e-9 * std, "{:?} {std}", moments.std());
            }
        }
        let text = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<Moments>(&text).unwrap(), all);
        let items = images.into_iter().map(|image| (image, 0usize)).collect();
        assert_eq!(Moments::of(&VecDataset::new(items)).unwrap(), all);
    }

    #[test]
    fn what_has_no_moments() {
        let mut moments = Moments::new();
        assert!(moments.normalize().is_err());
        moments.update(&Image::from_u8([0, 3, 3], vec![]).unwrap()).unwrap();
        assert!(moments.normalize().is_err());
        moments.update(&Image::from_u8([1, 1, 1], vec![51]).unwrap()).unwrap();
        assert!((moments.mean()[0] - 0.2).abs() < 1e-12 && moments.std() == [0.0]);
        assert!(moments.normalize().is_ok());
        let text = moments.update(&image(0.0, 2)).unwrap_err().to_string();
        assert!(text.ends_with("of 1 channels, received one of 2"), "{text}");
        for bad in [f32::NAN, f32::INFINITY] {
            assert!(moments.update(&Image::from_f32([1, 1, 1], vec![bad]).unwrap()).is_err());
        }
    }
}
