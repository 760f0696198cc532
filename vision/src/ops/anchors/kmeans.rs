//! Priors from a data set's boxes: k-means with the distance 1 − IoU (Redmon and Farhadi 2016, YOLO9000).

use ocelli_tensor::{DType, Error as TensorError, Generator, Tensor};

use crate::host::elements;
use crate::{Error, Result};

const OP: &str = "kmeans_anchors";

/// Priors that [`kmeans_anchors`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct KmeansAnchors {
    /// `[width, height]` of each, the smallest area first.
    pub sizes: Vec<[f64; 2]>,
    /// The mean over all boxes of the intersection over union with the nearest prior: what the paper reports.
    pub mean_iou: f64,
    /// How often the priors were moved.
    pub iterations: usize,
}

/// `k` priors for boxes of these `[width, height]` (a tensor `[N, 2]`), as YOLO9000 finds them: k-means with the distance
/// `1 − IoU` of boxes that share their middle, so that large boxes do not count for more than small ones. A prior is the mean of its
/// boxes. It ends when no box changes its prior, or after `max_iterations`.
///
/// The first priors are drawn far from each other (k-means++), from `generator`: a seed gives the same priors, whatever the number of
/// threads. A prior that loses all of its boxes begins anew at the box that is farthest from its own.
///
/// ```
/// use ocelli_tensor::{Generator, Tensor};
/// use ocelli_vision::ops::anchors::kmeans_anchors;
/// # fn main() -> ocelli_vision::Result<()> {
/// let sizes = Tensor::new([[10.0f32, 20.0], [100.0, 60.0], [12.0, 22.0], [104.0, 56.0]])?;
/// let found = kmeans_anchors(&sizes, 2, 100, &mut Generator::new(0))?;
/// assert_eq!(found.sizes, [[11.0, 21.0], [102.0, 58.0]]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless the sizes are a float tensor `[N, 2]` of finite numbers above 0, and `1 ≤ k ≤ N`.
pub fn kmeans_anchors(
    sizes: &Tensor,
    k: usize,
    max_iterations: usize,
    generator: &mut Generator,
) -> Result<KmeansAnchors> {
    let [count, 2] = sizes.shape()[..] else {
        return Err(TensorError::shape(OP, "widths and heights of shape [N, 2]", sizes.shape()).into());
    };
    if !sizes.dtype().is_float() {
        return Err(TensorError::dtype(OP, "widths and heights of a float dtype", sizes.dtype()).into());
    }
    if !(1..=count).contains(&k) {
        return Err(Error::argument(OP, format!("expected 1 to {count} priors (the boxes there are), received {k}")));
    }
    let sizes = elements::<f64>(sizes)?;
    super::require_positive(OP, "widths and heights", &sizes)?;
    let sizes = sizes.as_chunks::<2>().0;

    let mut priors = first_priors(sizes, k, generator)?;
    let mut nearest = vec![(usize::MAX, 0.0); count];
    let mut iterations = 0;
    while assign(sizes, &priors, &mut nearest) && iterations < max_iterations {
        move_to_means(sizes, &mut nearest, &mut priors);
        iterations += 1;
    }
    priors.sort_by(|a, b| (a[0] * a[1]).total_cmp(&(b[0] * b[1])).then(a[0].total_cmp(&b[0])));
    let mean_iou = nearest.iter().map(|(_, iou)| iou).sum::<f64>() / count as f64;
    Ok(KmeansAnchors { sizes: priors, mean_iou, iterations })
}

/// Intersection over union of two boxes around one middle.
fn iou(a: [f64; 2], b: [f64; 2]) -> f64 {
    // By ratios of sides: areas of very large or small boxes are beyond `f64`.
    let [wide, high] = [0, 1].map(|axis| a[axis].min(b[axis]) / a[axis].max(b[axis]));
    let is_nested = (a[0] <= b[0]) == (a[1] <= b[1]);
    if is_nested { wide * high } else { 1.0 / (1.0 / wide + 1.0 / high - 1.0) }
}

/// k-means++ (Arthur and Vassilvitskii 2007): each next prior is a box, drawn by the square of its distance to those before.
fn first_priors(sizes: &[[f64; 2]], k: usize, generator: &mut Generator) -> Result<Vec<[f64; 2]>> {
    let draws = Tensor::rand([k], DType::F64, generator)?.to_vec::<f64>()?;
    let first = ((draws[0] * sizes.len() as f64) as usize).min(sizes.len() - 1);
    let mut priors = vec![sizes[first]];
    let mut distances = vec![f64::INFINITY; sizes.len()];
    for draw in &draws[1..] {
        let last = priors[priors.len() - 1];
        for (distance, &size) in distances.iter_mut().zip(sizes) {
            *distance = distance.min((1.0 - iou(size, last)).powi(2));
        }
        let mut rest = draw * distances.iter().sum::<f64>();
        let passed = |&distance: &f64| {
            rest -= distance;
            rest < 0.0
        };
        // Boxes that are all like a prior leave nothing to draw from: then any will do.
        let chosen = distances.iter().position(passed).unwrap_or(sizes.len() - 1);
        priors.push(sizes[chosen]);
    }
    Ok(priors)
}

/// Finds each box' nearest prior (the first of equal ones) and the IoU with it; whether any has changed.
fn assign(sizes: &[[f64; 2]], priors: &[[f64; 2]], nearest: &mut [(usize, f64)]) -> bool {
    let mut changed = false;
    for (&size, nearest) in sizes.iter().zip(nearest) {
        let mut best = (0, iou(size, priors[0]));
        for (number, &prior) in priors.iter().enumerate().skip(1) {
            let iou = iou(size, prior);
            if iou > best.1 {
                best = (number, iou);
            }
        }
        changed |= best.0 != nearest.0;
        *nearest = best;
    }
    changed
}

fn move_to_means(sizes: &[[f64; 2]], nearest: &mut [(usize, f64)], priors: &mut [[f64; 2]]) {
    let mut sums = vec![([0.0, 0.0], 0usize); priors.len()];
    for (size, &(number, _)) in sizes.iter().zip(nearest.iter()) {
        let (sum, count) = &mut sums[number];
        *sum = [sum[0] + size[0], sum[1] + size[1]];
        *count += 1;
    }
    for (prior, (sum, count)) in priors.iter_mut().zip(sums) {
        if count > 0 {
            *prior = sum.map(|sum| sum / count as f64);
            continue;
        }
        let farthest = (0..sizes.len()).reduce(|a, b| if nearest[b].1 < nearest[a].1 { b } else { a }).unwrap_or(0);
        *prior = sizes[farthest];
        // The next prior without boxes takes another.
        nearest[farthest].1 = 1.0;
    }
}
