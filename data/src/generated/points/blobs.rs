//! Clouds around centres.

use super::{Purpose, labelled, normal, shared, stream, uniform};
use crate::reserve::with_capacity;
use crate::{Error, Result, TensorDataset};

const OP: &str = "make_blobs";

/// Where the clouds of [`Blobs`] lie.
#[derive(Debug, Clone, PartialEq)]
pub enum Centers {
    /// So many, at random in the box of [`Blobs::center_box`].
    Random(usize),
    /// At these places, each with a number for each feature.
    At(Vec<Vec<f64>>),
}

/// Settings of [`make_blobs`], under scikit-learn's names.
#[derive(Debug, Clone, PartialEq)]
pub struct Blobs {
    /// How many points there are in all, as evenly shared among the centres as can be; 100 by default.
    pub samples: usize,
    /// How many numbers a point has; 2 by default. Given centres must have as many.
    pub features: usize,
    /// Where the clouds lie; three at random by default.
    pub centers: Centers,
    /// The standard deviation of every coordinate: one number for all clouds, or one for each; 1 by default.
    pub cluster_std: Vec<f64>,
    /// Between which numbers each coordinate of a random centre lies; -10 to 10 by default.
    pub center_box: [f64; 2],
    /// Whether points come in random order; by default they do.
    pub shuffle: bool,
    /// What all that is random follows from; 0 by default.
    pub seed: u64,
}

impl Default for Blobs {
    fn default() -> Self {
        Blobs {
            samples: 100,
            features: 2,
            centers: Centers::Random(3),
            cluster_std: vec![1.0],
            center_box: [-10.0, 10.0],
            shuffle: true,
            seed: 0,
        }
    }
}

impl Blobs {
    /// The centres, one row of features for each class.
    ///
    /// # Errors
    /// [`Error::Argument`] if given ones have another number of features, or the box is none.
    pub fn centers(&self) -> Result<Vec<Vec<f64>>> {
        match &self.centers {
            Centers::Random(count) => {
                let mut rng = stream(self.seed, Purpose::Centers);
                let mut places = with_capacity(*count)?;
                for _ in 0..*count {
                    places.push(uniform(self.features, self.center_box, &mut rng)?);
                }
                Ok(places)
            }
            Centers::At(places) => {
                let fits = |place: &&Vec<f64>| place.len() == self.features && place.iter().all(|x| x.is_finite());
                if let Some(place) = places.iter().find(|place| !fits(place)) {
                    let message = format!("expected centers of {} finite numbers, received {place:?}", self.features);
                    return Err(Error::argument(OP, message));
                }
                Ok(places.clone())
            }
        }
    }
}

/// Points that are normally distributed around centres, whose numbers are their classes: scikit-learn's `make_blobs`.
///
/// Inputs are `f32` of shape `[n, features]`, targets `i64` of shape `[n]`.
///
/// ```
/// use ocelli_data::generated::{Blobs, Centers, make_blobs};
/// # fn main() -> ocelli_data::Result<()> {
/// let centers = Centers::At(vec![vec![0.0, 0.0], vec![5.0, 5.0]]);
/// let data = make_blobs(&Blobs { samples: 60, centers, cluster_std: vec![0.5, 2.0], ..Blobs::default() })?;
/// assert_eq!(data.inputs().shape()[..], [60, 2]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Argument`] if centres do not fit the features, there are points and no centre, or the deviations are not one number or one for each
/// centre, finite and not negative; [`Error::Tensor`] if memory runs out.
pub fn make_blobs(settings: &Blobs) -> Result<TensorDataset> {
    let &Blobs { samples, features, ref cluster_std, shuffle, seed, .. } = settings;
    let centers = settings.centers()?;
    let deviation = |class: usize| match cluster_std[..] {
        [deviation] => deviation,
        _ => cluster_std[class],
    };
    let fits = cluster_std.len() == 1 || cluster_std.len() == centers.len();
    if !fits || cluster_std.iter().any(|deviation| !(deviation.is_finite() && *deviation >= 0.0)) {
        let expected = format!("one deviation or {}, finite and not negative", centers.len());
        return Err(Error::argument(OP, format!("expected {expected}, received {cluster_std:?}")));
    }
    if samples > 0 && centers.is_empty() {
        return Err(Error::argument(OP, format!("expected a center for {samples} samples, received none")));
    }
    let mut rows: Vec<f64> = normal([samples, features], seed, Purpose::Points)?.to_vec()?;
    let classes = shared(samples, centers.len()).enumerate();
    let labels: Vec<i64> = classes.flat_map(|(class, count)| std::iter::repeat_n(class as i64, count)).collect();
    for (row, &label) in rows.chunks_mut(features.max(1)).zip(&labels) {
        let class = label as usize;
        for (number, center) in row.iter_mut().zip(&centers[class]) {
            *number = center + deviation(class) * *number;
        }
    }
    labelled(rows, features, labels, shuffle.then_some(seed))
}
