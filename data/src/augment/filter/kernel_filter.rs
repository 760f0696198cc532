//! The classical filters of 3×3 pixels.

use serde::{Deserialize, Serialize};

use super::correlate::{Plane, Tap};
use crate::augment::Augment;
use crate::{Image, Result, Sample, SampleRng};

/// A classical filter of 3×3 pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kernel {
    /// How steep brightness is: the length of Sobel's two derivatives (I. Sobel, G. Feldman, 1968).
    Sobel,
    /// How steep brightness is: the length of Scharr's two derivatives, whose weights 3, 10, 3 favour no direction (H. Scharr, 2000).
    Scharr,
    /// Five times the pixel less its four neighbours.
    Sharpen,
    /// Light from the top left on the picture's relief: what lies towards the bottom right counts positive.
    Emboss,
    /// Eight times the pixel less its eight neighbours: bright lines at edges, black elsewhere.
    Edge,
}

/// Passes a classical filter over a picture; the result stays between black and white.
///
/// ```
/// use ocelli_data::augment::{Augment, Kernel, KernelFilter};
/// use ocelli_data::{Image, SampleRng};
/// # fn main() -> ocelli_data::Result<()> {
/// // An edge between the second and the third column.
/// let image = Image::from_u8([2, 4, 1], vec![10, 10, 30, 30, 10, 10, 30, 30])?;
/// let edges = KernelFilter { kernel: Kernel::Sobel }.apply_image(image, &mut SampleRng::new(0, 0, 0))?;
/// assert_eq!(edges, Image::from_u8([2, 4, 1], vec![0, 80, 80, 0, 0, 80, 80, 0])?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KernelFilter {
    /// The filter.
    pub kernel: Kernel,
}

impl Augment for KernelFilter {
    fn apply(&self, sample: Sample, _: &mut SampleRng) -> Result<Sample> {
        sample.map_image(|image| filtered(image, self.kernel))
    }
}

fn filtered(image: Image, kernel: Kernel) -> Result<Image> {
    let white = image.white();
    let plane = Plane::new(&image)?;
    let mut result = match kernel {
        Kernel::Sobel => steepness(&plane, [1.0, 2.0, 1.0])?,
        Kernel::Scharr => steepness(&plane, [3.0, 10.0, 3.0])?,
        Kernel::Sharpen => plane.correlate(&taps([[0.0, -1.0, 0.0], [-1.0, 5.0, -1.0], [0.0, -1.0, 0.0]]))?,
        Kernel::Emboss => plane.correlate(&taps([[-2.0, -1.0, 0.0], [-1.0, 1.0, 1.0], [0.0, 1.0, 2.0]]))?,
        Kernel::Edge => plane.correlate(&taps([[-1.0, -1.0, -1.0], [-1.0, 8.0, -1.0], [-1.0, -1.0, -1.0]]))?,
    };
    result.values.iter_mut().for_each(|x| *x = x.clamp(0.0, white));
    Ok(result.write(image))
}

/// The length of the gradient; `smooth` weighs the three rows (or columns) across each derivative.
fn steepness(plane: &Plane, smooth: [f32; 3]) -> Result<Plane> {
    let along = smooth.map(|weight| [-weight, 0.0, weight]);
    let down = [smooth.map(|weight| -weight), [0.0; 3], smooth];
    let mut result = plane.correlate(&taps(along))?;
    let down = plane.correlate(&taps(down))?;
    result.values.iter_mut().zip(&down.values).for_each(|(x, &y)| *x = x.hypot(y));
    Ok(result)
}

fn taps(weights: [[f32; 3]; 3]) -> Vec<Tap> {
    let tap = |i: usize| Tap { row: (i / 3) as i32 - 1, column: (i % 3) as i32 - 1, weight: weights[i / 3][i % 3] };
    (0..9).map(tap).filter(|tap| tap.weight != 0.0).collect()
}
