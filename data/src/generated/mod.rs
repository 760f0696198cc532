//! Data sets that need no file: made by rule, with labels that are exact.
//!
//! [`Shapes`] are pictures with everything that detection, segmentation and keypoints learn from; [`MovingDigits`] are clips whose objects are
//! followed from frame to frame; [`make_blobs`], [`make_circles`], [`make_moons`], [`make_classification`] and [`make_regression`] are
//! scikit-learn's sets of points. Each is a pure function of its settings, with a seed among them: a sample is the same whenever and on
//! whatever thread it is made.
//!
//! ```
//! use ocelli_data::generated::Shapes;
//! use ocelli_data::{Dataset, LabelledDataset};
//! # fn main() -> ocelli_data::Result<()> {
//! let train = Shapes { samples: 1_000, size: [48, 64], objects: 1..=4, seed: 1, ..Shapes::default() };
//! let test = Shapes { samples: 100, seed: 2, ..train.clone() };
//! let sample = train.get(17)?;
//! assert_eq!((sample.image.height(), sample.image.width()), (48, 64));
//! // What is known of a picture can be had without painting it.
//! assert_eq!(train.record(17)?.labels, sample.labels);
//! assert_ne!(test.get(17)?, sample);
//! # Ok(())
//! # }
//! ```

mod background;
mod figure;
mod moving_digits;
mod points;
mod scene;
mod shapes;

pub use background::Background;
pub use moving_digits::MovingDigits;
pub use points::{
    Blobs, Centers, Circles, Classification, Moons, Regression, make_blobs, make_circles, make_classification,
    make_moons, make_regression,
};
pub use shapes::Shapes;

use crate::SampleRng;

/// The random numbers of which a sample is made. They are other ones than those by which a loader of the same seed augments it.
fn sample_rng(seed: u64, index: usize) -> SampleRng {
    /// Stands in the place of an epoch that no loader reaches.
    const MADE: u64 = u64::MAX;
    SampleRng::new(seed, MADE, index as u64)
}
