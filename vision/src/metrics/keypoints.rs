//! How well keypoints are placed: object keypoint similarity and the percentage of correct keypoints.

use ocelli_data::annotation::{BoundingBox, BoxFormat, Keypoints};
use ocelli_tensor::{Error as TensorError, Tensor};

use crate::host::elements;
use crate::{Error, Result};

/// COCO's object keypoint similarity (OKS) of a detection and an object, in `0..=1`: the mean of `exp(-d² / (2 · area · (2σ)²))` over the object's labelled
/// keypoints, `d` being how far off a point is. Which points of the detection are visible makes no difference.
///
/// Of an object without any labelled point it is known only where it is: the distances are those of the detection's points to its box, left,
/// top, width and height, doubled on all sides (pycocotools' rule).
///
/// ```
/// use ocelli_data::annotation::{Keypoints, Skeleton};
/// use ocelli_vision::metrics::oks;
/// # fn main() -> ocelli_vision::Result<()> {
/// let skeleton = Skeleton::new("eyes", ["left", "right"], [])?.with_sigmas(&[0.025, 0.025])?;
/// let truth = Keypoints::visible([[10.0, 10.0], [20.0, 10.0]])?;
/// let found = Keypoints::visible([[10.0, 10.0], [21.0, 10.0]])?;
/// let similarity = oks(&found, &truth, [5.0, 5.0, 20.0, 10.0], 200.0, skeleton.sigmas().unwrap_or_default())?;
/// assert!((similarity - (1.0 + (-1.0f64).exp()) / 2.0).abs() < 1e-12);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Argument`] unless both have as many keypoints as there are sigmas, at least one, these are positive, and the area is finite and not negative;
/// [`Error::Data`] if the box has a negative side or a number that is not finite.
pub fn oks(detection: &Keypoints, object: &Keypoints, bbox: [f64; 4], area: f64, sigmas: &[f64]) -> Result<f64> {
    let refuse = |message: String| Err(Error::argument("oks", message));
    let count = sigmas.len();
    if count == 0 || detection.len() != count || object.len() != count {
        let received = format!("{} of the detection, {} of the object", detection.len(), object.len());
        return refuse(format!(
            "expected as many keypoints as there are sigmas ({count}), at least one, received {received}"
        ));
    }
    if !sigmas.iter().all(|sigma| sigma.is_finite() && *sigma > 0.0) {
        return refuse(format!("expected positive finite sigmas, received {sigmas:?}"));
    }
    if !(area.is_finite() && area >= 0.0) {
        return refuse(format!("expected a finite area that is not negative, received {area}"));
    }
    BoundingBox::new(bbox, BoxFormat::Xywh)?;
    Ok(similarity(detection, object, bbox, area, sigmas))
}

/// [`oks`] of what has been checked.
pub(super) fn similarity(
    detection: &Keypoints,
    object: &Keypoints,
    [left, top, width, height]: [f64; 4],
    area: f64,
    sigmas: &[f64],
) -> f64 {
    let labelled = object.count_labelled();
    let beyond = |x: f64, low: f64, side: f64| (low - side - x).max(0.0) + (x - (low + side * 2.0)).max(0.0);
    let mut sum = 0.0;
    for ((found, known), sigma) in detection.points().iter().zip(object.points()).zip(sigmas) {
        let (dx, dy) = match (labelled, known.is_labelled()) {
            (0, _) => (beyond(found.x, left, width), beyond(found.y, top, height)),
            (_, true) => (found.x - known.x, found.y - known.y),
            (_, false) => continue,
        };
        let variance = (sigma * 2.0).powi(2);
        // The order is pycocotools', and so is the number that keeps it from dividing by 0.
        sum += (-((dx * dx + dy * dy) / variance / (area + f64::EPSILON) / 2.0)).exp();
    }
    sum / if labelled == 0 { sigmas.len() } else { labelled } as f64
}

/// The percentage of correct keypoints, as fractions: see [`pck`].
#[derive(Debug, Clone, PartialEq)]
pub struct Pck {
    /// Of each keypoint, the fraction of the objects that show it; `None` if none does.
    pub by_keypoint: Vec<Option<f64>>,
    /// The fraction of all keypoints that are shown; `None` if there is none.
    pub all: Option<f64>,
}

/// The percentage of correct keypoints (PCK; Y. Yang and D. Ramanan, 2013): those that lie at most `threshold` times the object's length
/// from where they should.
///
/// `found` and `known` are float tensors `[N, K, 2]` of places, `shown` a tensor `[N, K]` that tells which of the known count (not 0), and
/// `lengths` `[N]` is what distances are compared with. PCK@0.2 of a threshold of 0.2 takes the longer side of a person's box, PCKh@0.5 the length of the
/// head (M. Andriluka et al., 2014: 0.6 times the diagonal of the head's box). Distances are computed in `f64`, on the CPU. A place that is NaN, found
/// or known, is not correct.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::metrics::pck;
/// # fn main() -> ocelli_vision::Result<()> {
/// let known = Tensor::new([[[10.0f32, 10.0], [50.0, 50.0]], [[20.0, 20.0], [0.0, 0.0]]])?;
/// let found = Tensor::new([[[10.0f32, 14.0], [50.0, 70.0]], [[20.0, 30.0], [9.0, 9.0]]])?;
/// let shown = Tensor::new([[1u8, 1], [1, 0]])?;
/// let pck = pck(&found, &known, &shown, &Tensor::new([50.0f32, 50.0])?, 0.2)?;
/// assert_eq!(pck.by_keypoint, [Some(1.0), Some(0.0)]);
/// assert_eq!(pck.all, Some(2.0 / 3.0));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless the shapes and dtypes are these, the lengths are positive and finite, and the threshold is finite and not negative.
pub fn pck(found: &Tensor, known: &Tensor, shown: &Tensor, lengths: &Tensor, threshold: f64) -> Result<Pck> {
    let &[objects, points, 2] = &known.shape()[..] else {
        return Err(TensorError::shape("pck", "places of shape [N, K, 2]", known.shape()).into());
    };
    let others = [(found, vec![objects, points, 2]), (shown, vec![objects, points]), (lengths, vec![objects])];
    for (tensor, expected) in others {
        if tensor.shape()[..] != expected[..] {
            return Err(TensorError::shape("pck", format!("shape {expected:?}"), tensor.shape()).into());
        }
    }
    for places in [found, known, lengths] {
        if !places.dtype().is_float() {
            return Err(TensorError::dtype("pck", "places and lengths of a float dtype", places.dtype()).into());
        }
    }
    if !(threshold.is_finite() && threshold >= 0.0) {
        let message = format!("expected a finite threshold that is not negative, received {threshold}");
        return Err(Error::argument("pck", message));
    }
    let (found, known) = (elements::<f64>(found)?, elements::<f64>(known)?);
    let (shown, lengths) = (elements::<f64>(shown)?, elements::<f64>(lengths)?);
    if let Some(length) = lengths.iter().find(|length| !(length.is_finite() && **length > 0.0)) {
        return Err(Error::argument("pck", format!("expected positive finite lengths, received {length}")));
    }
    let mut counts = vec![(0u64, 0u64); points];
    let places = found.as_chunks::<2>().0.iter().zip(known.as_chunks::<2>().0);
    for (i, ((found, known), _)) in places.zip(shown.iter()).enumerate().filter(|(_, (_, shown))| **shown != 0.0) {
        let distance = (found[0] - known[0]).hypot(found[1] - known[1]);
        let (correct, all) = &mut counts[i % points];
        *correct += u64::from(distance <= threshold * lengths[i / points]);
        *all += 1;
    }
    let fraction = |(correct, all): (u64, u64)| (all > 0).then(|| correct as f64 / all as f64);
    let sum = counts.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    Ok(Pck { by_keypoint: counts.into_iter().map(fraction).collect(), all: fraction(sum) })
}
