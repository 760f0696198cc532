//! The scores of several views as those of one picture.

use ocelli_tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How the scores of several views become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Merge {
    /// Their mean: of probabilities, or of logits.
    #[default]
    Mean,
    /// Their geometric mean: of probabilities. They do not add up to 1 any more.
    GeometricMean,
    /// The largest.
    Max,
}

/// Class scores of several views as those of the picture; all are of one float type and shape, such as `[classes]`, or `[n, classes]` for the same views of `n` pictures.
///
/// ```
/// use ocelli_data::augment::{Merge, merge_scores};
/// use ocelli_tensor::Tensor;
/// # fn main() -> ocelli_data::Result<()> {
/// let views = [Tensor::new([0.9f32, 0.1])?, Tensor::new([0.4f32, 0.6])?];
/// assert_eq!(merge_scores(&views, Merge::Max)?.to_vec::<f32>()?, [0.9, 0.6]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Argument`] without a view or for a geometric mean of negative scores, [`Error::Tensor`] unless they are of one float type, shape and device.
pub fn merge_scores(views: &[Tensor], merge: Merge) -> Result<Tensor> {
    const OP: &str = "merge scores";
    let Some(first) = views.first() else {
        return Err(Error::argument(OP, "expected the scores of at least one view, received none"));
    };
    if let Some(other) = views.iter().find(|view| !view.dtype().is_float() || view.dtype() != first.dtype()) {
        return Err(ocelli_tensor::Error::dtype(OP, "one float dtype", other.dtype()).into());
    }
    let all = Tensor::stack(views, 0)?;
    Ok(match merge {
        Merge::Mean => all.mean(0)?,
        Merge::Max => all.max(0)?,
        Merge::GeometricMean => {
            if all.numel() > 0 && all.lt(0.0)?.any(..)?.item::<bool>()? {
                return Err(Error::argument(OP, "expected scores of at least 0, received negative ones"));
            }
            all.ln()?.mean(0)?.exp()?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_merge() {
        let views = [[0.8f64, 0.2], [0.2, 0.8], [0.4, 0.6]].map(|scores| Tensor::new(scores).unwrap());
        let merged = |merge| merge_scores(&views, merge).unwrap().to_vec::<f64>().unwrap();
        let near = |a: Vec<f64>, b: [f64; 2]| assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12), "{a:?}");
        near(merged(Merge::Mean), [1.4 / 3.0, 1.6 / 3.0]);
        near(merged(Merge::Max), [0.8, 0.8]);
        near(merged(Merge::GeometricMean), [0.064f64.cbrt(), 0.096f64.cbrt()]);
        // Impossible by one view is impossible.
        let zero = [Tensor::new([0.0f64]).unwrap(), Tensor::new([1.0f64]).unwrap()];
        assert_eq!(merge_scores(&zero, Merge::GeometricMean).unwrap().to_vec::<f64>().unwrap(), [0.0]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(merge_scores(&[], Merge::Mean).is_err());
        let floats = Tensor::new([1.0f32, -1.0]).unwrap();
        assert!(merge_scores(std::slice::from_ref(&floats), Merge::GeometricMean).is_err());
        assert!(merge_scores(&[floats.clone(), Tensor::new([1.0f32]).unwrap()], Merge::Mean).is_err());
        assert!(merge_scores(&[floats.clone(), Tensor::new([1.0f64, 1.0]).unwrap()], Merge::Mean).is_err());
        assert!(merge_scores(&[Tensor::new([1i64]).unwrap()], Merge::Mean).is_err());
    }
}
