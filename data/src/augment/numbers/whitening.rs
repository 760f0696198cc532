//! Pictures without what neighbouring pixels have in common.

use ocelli_tensor::{DType, Tensor};
use serde::{Deserialize, Serialize};

use super::eigen;
use super::moments::Moments;
use crate::augment::Augment;
use crate::reserve::{filled, with_capacity};
use crate::{Augmentable, Dataset, Error, Image, Pixels, Result, Sample, SampleRng};

/// ZCA whitening: the mean of each channel is subtracted, then all numbers of a picture are mixed so that over the training set they have variance 1 and nothing in common, and stay as near to the picture as
/// that allows (A. Bell and T. Sejnowski, 1997); Keras' `ImageDataGenerator(zca_whitening=True)`. The result is of floats; bytes are divided by 255 first.
///
/// It is fitted to a data set of pictures of one shape, and saved by serde. The matrix has as many rows and columns as a picture has numbers, at most 4096: pictures of 32×32×3 have 9.4 million
/// elements, for which fitting takes some minutes, and applying some milliseconds.
///
/// ```
/// use ocelli_data::augment::{Augment, Compose, Resize, Whitening};
/// use ocelli_data::{Dataset, SampleRng, mnist};
/// # fn main() -> ocelli_data::Result<()> {
/// let digits = mnist::embedded()?.1.augment(Resize::new(7, 7)).subset((0..500).collect())?;
/// let whitening = Whitening::fit(&digits, Whitening::EPSILON)?;
/// let (image, _) = digits.augment(Compose::new().then(whitening)).get(0)?;
/// assert_eq!(image.shape(), [7, 7, 1]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whitening {
    /// `[height, width, channels]`.
    shape: [usize; 3],
    /// Of each channel.
    mean: Vec<f32>,
    /// Row by row; it is symmetric.
    matrix: Vec<f32>,
}

const OP: &str = "whitening";
/// The most numbers of a picture.
const MOST: usize = 4096;
/// How many pictures are multiplied at once.
const BLOCK: usize = 256;

impl Whitening {
    /// What Keras adds to a singular value before it divides by it.
    pub const EPSILON: f64 = 1e-6;

    /// Of all pictures of a data set, without random changes; it is gone through twice. The larger epsilon, the less are directions magnified in which pictures hardly differ.
    ///
    /// With fewer pictures than numbers in each, the directions in which no picture differs from the mean are left out.
    ///
    /// # Errors
    /// What the data set's `get` returns; [`Error::Argument`] unless there is at least one picture, all have one shape, 1 to 4096 finite numbers each, and epsilon is finite and above 0.
    pub fn fit<D>(dataset: &D, epsilon: f64) -> Result<Self>
    where
        D: Dataset + ?Sized,
        D::Item: Augmentable,
    {
        if !(epsilon.is_finite() && epsilon > 0.0) {
            return Err(Error::argument(OP, format!("expected a finite epsilon above 0, received {epsilon}")));
        }
        let mut shape = None;
        let mut moments = Moments::new();
        let mut count = 0;
        for index in 0..dataset.len() {
            for image in dataset.get(index)?.pictures() {
                check_shape(image, *shape.get_or_insert(image.shape()))?;
                moments.update(image)?;
                count += 1;
            }
        }
        let Some(shape) = shape else {
            return Err(Error::argument(OP, "expected at least one picture, received none"));
        };
        // An image's numbers are in memory, so their number is one.
        let numbers: usize = shape.iter().product();
        let mut sums = filled(0.0, numbers * numbers)?;
        let mut add = |block: &mut Vec<f64>| -> Result<()> {
            let rows = block.len() / numbers;
            let block = Tensor::from_vec(std::mem::take(block), [rows, numbers])?;
            let products = block.transpose(0, 1)?.matmul(&block)?.to_vec::<f64>()?;
            sums.iter_mut().zip(products).for_each(|(sum, x)| *sum += x);
            Ok(())
        };
        let mut block = Vec::new();
        for index in 0..dataset.len() {
            for image in dataset.get(index)?.pictures() {
                // A data set may give another picture now.
                check_shape(image, shape)?;
                let pixels = image.to_f32();
                block.extend(pixels.iter().enumerate().map(|(i, &x)| f64::from(x) - moments.mean()[i % shape[2]]));
                if block.len() == BLOCK * numbers {
                    add(&mut block)?;
                }
            }
        }
        if !block.is_empty() {
            add(&mut block)?;
        }
        let (values, vectors) = eigen::symmetric(sums, numbers)?;
        // Eigenvalues are squares of the singular values of all pictures. There are no more of these than pictures.
        let mut order: Vec<usize> = (0..numbers).collect();
        order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
        order.truncate(count);
        let mut scaled = with_capacity(order.len() * numbers)?;
        let mut chosen = with_capacity(order.len() * numbers)?;
        for &i in &order {
            let vector = &vectors[i * numbers..(i + 1) * numbers];
            let factor = (count as f64).sqrt() / (values[i].max(0.0).sqrt() + epsilon);
            chosen.extend_from_slice(vector);
            scaled.extend(vector.iter().map(|x| x * factor));
        }
        let (chosen, scaled) =
            (Tensor::from_vec(chosen, [order.len(), numbers])?, Tensor::from_vec(scaled, [order.len(), numbers])?);
        let matrix = chosen.transpose(0, 1)?.matmul(&scaled)?.to_dtype(DType::F32)?.to_vec()?;
        Ok(Whitening { shape, mean: moments.mean().iter().map(|&mean| mean as f32).collect(), matrix })
    }

    /// `[height, width, channels]` of the pictures that it was fitted to, and that it can be applied to.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }
}

/// `Err` unless a picture has this shape, and not too many numbers.
fn check_shape(image: &Image, shape: [usize; 3]) -> Result<()> {
    if image.shape() != shape {
        let message = format!("expected pictures of {shape:?}, received one of {:?}", image.shape());
        return Err(Error::argument(OP, message));
    }
    if (1..=MOST).contains(&image.pixels().len()) {
        return Ok(());
    }
    let message = format!("expected pictures of 1 to {MOST} numbers, received [height, width, channels] = {shape:?}");
    Err(Error::argument(OP, message))
}

impl Augment for Whitening {
    fn apply(&self, sample: Sample, _: &mut SampleRng) -> Result<Sample> {
        let channels = self.shape[2];
        sample.map_image(|image| {
            let numbers = image.to_f32();
            let count = numbers.len();
            // Files can say anything.
            let whole = self.matrix.len() == count.saturating_mul(count) && self.mean.len() == channels;
            if image.shape() != self.shape || !whole {
                let message = format!(
                    "expected a picture of [height, width, channels] = {:?} with a matrix for it, received {:?} and {} elements",
                    self.shape,
                    image.shape(),
                    self.matrix.len()
                );
                return Err(Error::argument(OP, message));
            }
            let mut white = vec![0.0f32; count];
            for (i, (x, row)) in numbers.into_iter().zip(self.matrix.chunks_exact(count.max(1))).enumerate() {
                let x = x - self.mean[i % channels];
                white.iter_mut().zip(row).for_each(|(sum, part)| *sum += x * part);
            }
            image.replaced(self.shape, Pixels::F32(white))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VecDataset;

    /// Pictures whose numbers are mixtures of the same few random ones.
    fn pictures(count: u64) -> VecDataset<Sample> {
        let picture = |index: u64| {
            let rng = &mut SampleRng::new(5, 0, index);
            let drawn: Vec<f64> = (0..12).map(|_| rng.uniform(-1.0, 1.0).unwrap()).collect();
            let pixel = |i: usize| 0.5 + (0..=i).map(|k| drawn[k]).sum::<f64>() / 30.0;
            Sample::from(Image::from_f32([2, 3, 2], (0..12).map(|i| pixel(i) as f32).collect()).unwrap())
        };
        VecDataset::new((0..count).map(picture).collect())
    }

    #[test]
    fn numbers_have_nothing_in_common_afterwards() {
        let data = pictures(400);
        let whitening = Whitening::fit(&data, Whitening::EPSILON).unwrap();
        assert_eq!(whitening.shape(), [2, 3, 2]);
        let text = serde_json::to_string(&whitening).unwrap();
        assert_eq!(serde_json::from_str::<Whitening>(&text).unwrap(), whitening);
        let rng = &mut SampleRng::new(0, 0, 0);
        let white: Vec<Vec<f32>> =
            data.items().iter().map(|sample| whitening.apply(sample.clone(), rng).unwrap().image.to_f32()).collect();
        for i in 0..12 {
            for j in 0..12 {
                let product: f64 = white.iter().map(|x| f64::from(x[i]) * f64::from(x[j])).sum::<f64>() / 400.0;
                assert!((product - f64::from(i == j)).abs() < 1e-3, "{i} {j}: {product}");
            }
        }
    }

    #[test]
    fn what_cannot_be_whitened_is_refused() {
        let fit = |items: Vec<Sample>| Whitening::fit(&VecDataset::new(items), 1e-6);
        let image = |shape: [usize; 3]| Sample::from(Image::from_u8(shape, vec![1; shape.iter().product()]).unwrap());
        assert!(fit(vec![]).is_err());
        assert!(fit(vec![image([0, 2, 1])]).is_err());
        let text = fit(vec![image([64, 65, 1])]).unwrap_err().to_string();
        assert!(text.contains("1 to 4096 numbers"), "{text}");
        assert!(fit(vec![image([2, 2, 1]), image([2, 1, 2])]).is_err());
        for epsilon in [0.0, -1.0, f64::NAN] {
            assert!(Whitening::fit(&pictures(2), epsilon).is_err());
        }
        // All pictures are alike.
        let flat = fit(vec![image([1, 2, 1]); 3]).unwrap();
        let rng = &mut SampleRng::new(0, 0, 0);
        let white = flat.apply(image([1, 2, 1]), rng).unwrap().image.to_f32();
        assert!(white.iter().all(|x| x.is_finite()), "{white:?}");
        let text = flat.apply(image([2, 1, 1]), rng).unwrap_err().to_string();
        assert!(text.contains("[1, 2, 1]") && text.contains("[2, 1, 1]"), "{text}");
        let broken = Whitening { matrix: vec![1.0; 3], ..flat };
        assert!(broken.apply(image([1, 2, 1]), rng).is_err());
    }
}
