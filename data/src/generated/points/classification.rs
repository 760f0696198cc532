//! Clouds at the corners of a cube, among features that tell nothing.

use std::collections::BTreeSet;

use ocelli_tensor::Tensor;
use rand::Rng;

use super::{Purpose, finished, normal, order, stream, uniform};
use crate::random::permutation;
use crate::{Error, Result, SampleRng, TensorDataset};

const OP: &str = "make_classification";

/// Settings of [`make_classification`], under scikit-learn's names.
#[derive(Debug, Clone, PartialEq)]
pub struct Classification {
    /// How many points there are; 100 by default.
    pub samples: usize,
    /// How many numbers a point has; 20 by default. What is not informative, redundant or repeated is noise.
    pub features: usize,
    /// How many of them tell the class; 2 by default.
    pub informative: usize,
    /// How many are random linear combinations of the informative ones; 2 by default.
    pub redundant: usize,
    /// How many are copies of informative or redundant ones, drawn at random; 0 by default.
    pub repeated: usize,
    /// How many classes there are; 2 by default.
    pub classes: usize,
    /// In how many clouds each class lies; 2 by default.
    pub clusters_per_class: usize,
    /// The part of the points that each class has, evenly by default. The last one may be left out.
    pub weights: Option<Vec<f64>>,
    /// The part of the points whose class is drawn anew at random; 0.01 by default.
    pub flip_y: f64,
    /// Half of the side of the cube at whose corners the clouds lie; 1 by default.
    pub class_sep: f64,
    /// Whether clouds lie at the corners of a cube, or else of a random polytope; by default they do.
    pub hypercube: bool,
    /// What is added to every feature; a random number for each, within ± `class_sep`, if none; 0 by default.
    pub shift: Option<f64>,
    /// By what every feature is multiplied after that; by a random number from 1 to 101 for each, if none; 1 by default.
    pub scale: Option<f64>,
    /// Whether points and features come in random order; otherwise informative, redundant, repeated features and noise follow each other; by
    /// default they do.
    pub shuffle: bool,
    /// What all that is random follows from; 0 by default.
    pub seed: u64,
}

impl Default for Classification {
    fn default() -> Self {
        Classification {
            samples: 100,
            features: 20,
            informative: 2,
            redundant: 2,
            repeated: 0,
            classes: 2,
            clusters_per_class: 2,
            weights: None,
            flip_y: 0.01,
            class_sep: 1.0,
            hypercube: true,
            shift: Some(0.0),
            scale: Some(1.0),
            shuffle: true,
            seed: 0,
        }
    }
}

impl Classification {
    fn check(&self) -> Result<()> {
        let refuse = |message| Err(Error::argument(OP, message));
        let told = [self.informative, self.redundant, self.repeated].iter().try_fold(0usize, |a, &b| a.checked_add(b));
        if told.is_none_or(|told| told > self.features) {
            let parts = [self.informative, self.redundant, self.repeated];
            return refuse(format!("expected features for {parts:?} of each kind, received {}", self.features));
        }
        let clusters = self.classes.checked_mul(self.clusters_per_class);
        // So many clusters are enough for any purpose, and their corners fit into memory.
        let corners = 1usize << self.informative.min(24);
        if clusters.is_none_or(|clusters| clusters == 0 || clusters > corners) {
            let received = [self.classes, self.clusters_per_class];
            let expected = format!("1 to {corners} clusters at the corners of {} features", self.informative);
            return refuse(format!("expected {expected}, received [classes, clusters] = {received:?}"));
        }
        if self.informative == 0 {
            return refuse("expected an informative feature, received none".into());
        }
        let finite = [Some(self.class_sep), self.shift, self.scale].iter().flatten().all(|x| x.is_finite());
        if !finite || self.class_sep < 0.0 || self.flip_y.is_nan() || self.flip_y > 1.0 {
            let received = (self.flip_y, self.class_sep, self.shift, self.scale);
            let expected =
                "(flip_y, class_sep, shift, scale) to be finite, the first at most 1, the second not negative";
            return refuse(format!("expected {expected}, received {received:?}"));
        }
        Ok(())
    }

    /// The part of each class, the last one being what the others leave.
    fn shares(&self) -> Result<Vec<f64>> {
        let Some(weights) = &self.weights else { return Ok(vec![1.0 / self.classes as f64; self.classes]) };
        let mut shares = weights.clone();
        let sum: f64 = shares.iter().sum();
        if shares.len() + 1 == self.classes {
            // What rounding has made negative is none.
            shares.push((1.0 - sum).max(0.0));
        }
        let positive = shares.iter().all(|share| *share >= 0.0);
        if shares.len() != self.classes || !positive || sum.is_nan() || sum > 1.0 + 1e-9 {
            let expected = format!("{} weights or one less, adding up to at most 1", self.classes);
            return Err(Error::argument(OP, format!("expected {expected}, received {weights:?}")));
        }
        Ok(shares)
    }

    /// How many points each cluster has; clusters are dealt to classes in turn.
    fn counts(&self) -> Result<Vec<usize>> {
        let shares = self.shares()?;
        let clusters = self.classes * self.clusters_per_class;
        let part = |k: usize| self.samples as f64 * shares[k % self.classes] / self.clusters_per_class as f64;
        let mut counts: Vec<usize> = (0..clusters).map(|k| part(k) as usize).collect();
        let rest = self.samples.saturating_sub(counts.iter().sum());
        for i in 0..rest {
            counts[i % clusters] += 1;
        }
        Ok(counts)
    }

    /// Where the clouds lie, a row for each.
    fn centroids(&self) -> Result<Vec<Vec<f64>>> {
        let mut rng = stream(self.seed, Purpose::Centers);
        let clusters = self.classes * self.clusters_per_class;
        let corners = corners(clusters, self.informative, &mut rng);
        let mut places: Vec<Vec<f64>> = corners
            .into_iter()
            .map(|corner| corner.into_iter().map(|bit| if bit { self.class_sep } else { -self.class_sep }).collect())
            .collect();
        if !self.hypercube {
            let (rows, columns) =
                (uniform(clusters, [0.0, 1.0], &mut rng)?, uniform(self.informative, [0.0, 1.0], &mut rng)?);
            for (place, row) in places.iter_mut().zip(rows) {
                place.iter_mut().zip(&columns).for_each(|(x, column)| *x *= row * column);
            }
        }
        Ok(places)
    }
}

/// `count` corners of a cube, no two alike.
fn corners(count: usize, dimensions: usize, rng: &mut SampleRng) -> Vec<Vec<bool>> {
    // So many bits tell them apart; those of further dimensions are drawn for each.
    let telling = dimensions.min(30);
    let all = 1usize << telling;
    let numbers: Vec<usize> = if count > all / 2 {
        permutation(all, rng.next_u64(), 0).into_iter().take(count).collect()
    } else {
        let mut taken = BTreeSet::new();
        let mut drawn = Vec::with_capacity(count);
        while drawn.len() < count {
            let number = rng.below(all);
            if taken.insert(number) {
                drawn.push(number);
            }
        }
        drawn
    };
    let bits = |number: usize| {
        let further = (telling..dimensions).map(|_| rng.below(2) == 1).collect::<Vec<_>>();
        further.into_iter().chain((0..telling).rev().map(|bit| number >> bit & 1 == 1)).collect()
    };
    numbers.into_iter().map(bits).collect()
}

/// Classes in clouds around corners of a cube, told by some features and hidden among others: scikit-learn's `make_classification`, after I.
/// Guyon's design of the NIPS 2003 variable selection benchmark.
///
/// Each cloud is a normal one, mixed by a random matrix. Inputs are `f32` of shape `[n, features]`, targets `i64` of shape `[n]`.
///
/// ```
/// use ocelli_data::generated::{Classification, make_classification};
/// # fn main() -> ocelli_data::Result<()> {
/// let settings = Classification { samples: 300, classes: 3, informative: 4, ..Classification::default() };
/// let data = make_classification(&settings)?;
/// assert_eq!(data.inputs().shape()[..], [300, 20]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Argument`] if numbers are out of their ranges, or the informative features have fewer corners than there are clusters;
/// [`Error::Tensor`] if memory runs out.
pub fn make_classification(settings: &Classification) -> Result<TensorDataset> {
    settings.check()?;
    let &Classification { samples, features, informative, redundant, repeated, classes, seed, .. } = settings;
    let (counts, centroids) = (settings.counts()?, settings.centroids()?);
    let normal = normal([samples, features], seed, Purpose::Points)?;
    let mut mixing = stream(seed, Purpose::Mixing);
    let (mut parts, mut labels, mut start) = (Vec::new(), crate::reserve::with_capacity::<i64>(samples)?, 0);
    for (cluster, (count, centroid)) in counts.into_iter().zip(centroids).enumerate() {
        let mix = uniform(informative.saturating_mul(informative), [-1.0, 1.0], &mut mixing)?;
        let mix = Tensor::from_vec(mix, [informative, informative])?;
        let centroid = Tensor::from_vec(centroid, [informative])?;
        let cloud = normal.narrow(0, start, count)?.narrow(1, 0, informative)?;
        parts.push(cloud.matmul(&mix)?.add(&centroid)?);
        labels.extend(std::iter::repeat_n((cluster % classes) as i64, count));
        start += count;
    }
    let telling = Tensor::concat(&parts, 0)?;
    let weights = uniform(informative.saturating_mul(redundant), [-1.0, 1.0], &mut stream(seed, Purpose::Redundant))?;
    let told = telling.matmul(&Tensor::from_vec(weights, [informative, redundant])?)?;
    let known = Tensor::concat(&[telling, told], 1)?;
    let last = (informative + redundant - 1) as f64;
    let copied = uniform(repeated, [0.0, 1.0], &mut stream(seed, Purpose::Repeated))?;
    let copied: Vec<i64> = copied.into_iter().map(|x| (last * x + 0.5) as i64).collect();
    let copies = known.index_select(1, &Tensor::from_vec(copied, [repeated])?)?;
    let used = informative + redundant + repeated;
    let noise = normal.narrow(1, used, features - used)?;
    let mut inputs = Tensor::concat(&[known, copies, noise], 1)?;

    let mut rng = stream(seed, Purpose::Labels);
    for label in &mut labels {
        if rng.chance(settings.flip_y) {
            *label = rng.below(classes) as i64;
        }
    }
    let each = |setting: Option<f64>, range, purpose| match setting {
        Some(number) => Ok(vec![number; features]),
        None => uniform(features, range, &mut stream(seed, purpose)),
    };
    let sep = settings.class_sep;
    let shift = Tensor::from_vec(each(settings.shift, [-sep, sep], Purpose::Shift)?, [features])?;
    let scale = Tensor::from_vec(each(settings.scale, [1.0, 101.0], Purpose::Scale)?, [features])?;
    inputs = inputs.add(&shift)?.mul(&scale)?;
    if settings.shuffle {
        let order = order(features, seed, Purpose::Features).into_iter().map(|i| i as i64).collect();
        inputs = inputs.index_select(1, &Tensor::from_vec::<i64>(order, [features])?)?;
    }
    let targets = Tensor::from_vec(labels, [samples])?;
    finished(inputs, targets, settings.shuffle.then_some(seed))
}
