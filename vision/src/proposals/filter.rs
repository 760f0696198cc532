//! Gaussian filters of one derivative or none, one axis after the other.

use ocelli_tensor::kernels::over_pieces;

/// The weights of a filter, the middle one in the middle.
pub(super) struct Kernel(Vec<f64>);

impl Kernel {
    /// A normal distribution of this standard deviation, cut off at four of them and summing to 1; nothing but a 1 for a deviation of 0.
    pub(super) fn gaussian(sigma: f64) -> Self {
        let radius = (4.0 * sigma + 0.5) as i64;
        let weight = |i: i64| if radius == 0 { 1.0 } else { (-0.5 * (i as f64 / sigma).powi(2)).exp() };
        let weights: Vec<f64> = (-radius..=radius).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        Kernel(weights.into_iter().map(|weight| weight / sum).collect())
    }

    /// The first derivative of [`Kernel::gaussian`].
    pub(super) fn gaussian_derivative(sigma: f64) -> Self {
        let Kernel(weights) = Kernel::gaussian(sigma);
        let radius = (weights.len() / 2) as f64;
        Kernel(weights.into_iter().enumerate().map(|(i, w)| w * (i as f64 - radius) / (sigma * sigma)).collect())
    }

    fn radius(&self) -> usize {
        self.0.len() / 2
    }
}

/// Planes of `height × width`, filtered across by one kernel and down by another. Beyond an edge the picture is mirrored, edge pixels
/// included (SciPy's "reflect").
pub(super) fn filtered(planes: &[f64], [height, width]: [usize; 2], across: &Kernel, down: &Kernel) -> Vec<f64> {
    let mut middle = vec![0.0; planes.len()];
    over_pieces(&mut middle, width, &|y, out| {
        let row = &planes[y * width..][..width];
        let radius = across.radius();
        let padded: Vec<f64> = (0..width + 2 * radius).map(|x| row[mirrored(x, radius, width)]).collect();
        for (tap, &weight) in across.0.iter().enumerate() {
            add(out, &padded[tap..], weight);
        }
    });
    let mut out = vec![0.0; planes.len()];
    over_pieces(&mut out, width, &|row, out| {
        let plane = &middle[row / height * height * width..][..height * width];
        for (tap, &weight) in down.0.iter().enumerate() {
            add(out, &plane[mirrored(row % height + tap, down.radius(), height) * width..], weight);
        }
    });
    out
}

fn add(out: &mut [f64], x: &[f64], weight: f64) {
    out.iter_mut().zip(x).for_each(|(out, x)| *out += weight * x);
}

/// Which of `size` pixels stands at `position - before`.
fn mirrored(position: usize, before: usize, size: usize) -> usize {
    let period = 2 * size;
    let at = (position + period * before.div_ceil(period) - before) % period;
    if at < size { at } else { period - 1 - at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_mirrored_however_wide_the_kernel() {
        let places: Vec<usize> = (0..11).map(|position| mirrored(position, 4, 3)).collect();
        assert_eq!(places, [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]);
        assert_eq!(mirrored(0, 9, 1), 0);
        let flat = filtered(&[2.5; 6], [2, 3], &Kernel::gaussian(5.0), &Kernel::gaussian(0.0));
        assert!(flat.iter().all(|x| (x - 2.5).abs() < 1e-12), "{flat:?}");
    }

    #[test]
    fn the_derivative_of_a_slope_is_its_steepness() {
        let slope: Vec<f64> = (0..40).map(|x| 3.0 * f64::from(x)).collect();
        let found = filtered(&slope, [1, 40], &Kernel::gaussian_derivative(1.0), &Kernel::gaussian(1.0));
        // Cut off at four deviations.
        assert!((found[20] - 3.0).abs() < 5e-3, "{}", found[20]);
    }
}
