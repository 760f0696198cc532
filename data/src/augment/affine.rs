//! Rotation, shift, shear and zoom in one resampling.

use serde::{Deserialize, Serialize};

use super::Fill;
use super::geometry::{Geometry, Interpolation, Matrix, Projective, Sampling};
use crate::{Error, Image, Result};

/// One affine change about the centre of a picture, with Keras' meaning of the numbers (`apply_affine_transform`).
///
/// The new picture shows at a point `p`, counted in pixels from the centre as (column, row), what the old one shows at
/// `R(rotation) · (shift + H(shear) · Z(zoom) · p)`, mixed from the four pixels around it. So a positive rotation turns the content
/// counter-clockwise, a positive shift moves it left or up, and a zoom below 1 magnifies it.
///
/// On pictures that are not square Keras puts the centre elsewhere (it swaps height and width); here it is the middle.
///
/// ```
/// use ocelli_data::Image;
/// use ocelli_data::augment::{Affine, Fill};
/// # fn main() -> ocelli_data::Result<()> {
/// let image = Image::from_u8([2, 2, 1], vec![1, 2, 3, 4])?;
/// let turned = Affine { rotation: 90.0, ..Affine::default() }.apply(&image, Fill::Nearest)?;
/// assert_eq!(turned, Image::from_u8([2, 2, 1], vec![2, 4, 1, 3])?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Affine {
    /// The angle in degrees.
    pub rotation: f64,
    /// Along columns and rows, in pixels.
    pub shift: [f64; 2],
    /// The angle in degrees.
    pub shear: f64,
    /// Along columns and rows.
    pub zoom: [f64; 2],
}

impl Default for Affine {
    /// No change.
    fn default() -> Self {
        Affine { rotation: 0.0, shift: [0.0; 2], shear: 0.0, zoom: [1.0; 2] }
    }
}

impl Affine {
    /// The changed picture, of the same size and type; bytes are rounded to the nearest.
    ///
    /// # Errors
    /// [`Error::Argument`] unless all numbers are finite, and zoom and shear leave a picture.
    pub fn apply(&self, image: &Image, fill: Fill) -> Result<Image> {
        self.geometry(image.size(), fill)?.image(image)
    }

    /// The change of places in a picture of this `[height, width]`.
    pub(crate) fn geometry(&self, size: [usize; 2], fill: Fill) -> Result<Projective> {
        let ([a, b, d, e], [c, f]) = (self.matrix(), self.offset());
        if [a, b, c, d, e, f].iter().any(|x| !x.is_finite()) {
            let message = format!("expected finite numbers, received {self:?}");
            return Err(Error::argument("affine", message));
        }
        let (x, y) = (size[1] as f64 / 2.0, size[0] as f64 / 2.0);
        let backward = Matrix::shift(x, y).after(&Matrix::affine([a, b, c], [d, e, f])).after(&Matrix::shift(-x, -y));
        let sampling = Sampling { interpolation: Interpolation::Bilinear, fill, mixed: false };
        Projective::new("affine", size, backward, sampling)
    }

    /// `R · H · Z`, row by row.
    fn matrix(&self) -> [f64; 4] {
        let (sin, cos) = self.rotation.to_radians().sin_cos();
        let (shear_sin, shear_cos) = self.shear.to_radians().sin_cos();
        let [zoom_x, zoom_y] = self.zoom;
        // H = [[1, -sin], [0, cos]]
        [
            cos * zoom_x,
            (-cos * shear_sin - sin * shear_cos) * zoom_y,
            sin * zoom_x,
            (-sin * shear_sin + cos * shear_cos) * zoom_y,
        ]
    }

    /// `R · shift`.
    fn offset(&self) -> [f64; 2] {
        let (sin, cos) = self.rotation.to_radians().sin_cos();
        let [x, y] = self.shift;
        [cos * x - sin * y, sin * x + cos * y]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pixels;

    fn square() -> Image {
        Image::from_u8([3, 3, 1], (1..=9).collect()).unwrap()
    }

    fn changed(affine: Affine, fill: Fill) -> Vec<u8> {
        match affine.apply(&square(), fill).unwrap().into_pixels() {
            Pixels::U8(pixels) => pixels,
            Pixels::F32(_) => Vec::new(),
        }
    }

    #[test]
    fn turning_by_right_angles_moves_pixels() {
        let turn = |rotation| {
            let affine = Affine { rotation, ..Affine::default() };
            changed(affine, Fill::Constant(99.0))
        };
        assert_eq!(turn(90.0), [3, 6, 9, 2, 5, 8, 1, 4, 7]);
        assert_eq!(turn(180.0), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(turn(-90.0), [7, 4, 1, 8, 5, 2, 9, 6, 3]);
        assert_eq!(turn(360.0), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn whole_shifts_are_exact() {
        let shift = |shift, fill| {
            let affine = Affine { shift, ..Affine::default() };
            changed(affine, fill)
        };
        assert_eq!(shift([1.0, 0.0], Fill::Constant(0.0)), [2, 3, 0, 5, 6, 0, 8, 9, 0]);
        assert_eq!(shift([0.0, -1.0], Fill::Constant(0.0)), [0, 0, 0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(shift([2.0, 0.0], Fill::Nearest), [3, 3, 3, 6, 6, 6, 9, 9, 9]);
        assert_eq!(shift([2.0, 0.0], Fill::Reflect), [3, 3, 2, 6, 6, 5, 9, 9, 8]);
        assert_eq!(shift([-1.0, 0.0], Fill::Wrap), [3, 1, 2, 6, 4, 5, 9, 7, 8]);
        assert_eq!(shift([3.0, -6.0], Fill::Wrap), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn zoom_by_two() {
        // A line of four pixels, magnified about its middle: the new pixels show the old places 0.75, 1.25, 1.75, 2.25.
        let line = Image::from_f32([1, 4, 1], vec![0.0, 4.0, 8.0, 16.0]).unwrap();
        let zoom = Affine { zoom: [0.5, 0.5], ..Affine::default() };
        let big = zoom.apply(&line, Fill::Nearest).unwrap();
        assert_eq!(big.to_f32(), [3.0, 5.0, 7.0, 10.0]);
        // Half the size: places -1.5, 0.5, 2.5, 4.5.
        let zoom = Affine { zoom: [2.0, 2.0], ..Affine::default() };
        let small = zoom.apply(&line, Fill::Constant(-1.0)).unwrap();
        assert_eq!(small.to_f32(), [-1.0, 2.0, 12.0, -1.0]);
    }

    #[test]
    fn odd_sizes_and_numbers() {
        let turn = Affine { rotation: 30.0, ..Affine::default() };
        for shape in [[0, 0, 1], [1, 1, 2], [0, 3, 1], [5, 2, 3]] {
            let image = Image::from_u8(shape, vec![1; shape.iter().product()]).unwrap();
            assert_eq!(turn.apply(&image, Fill::Wrap).unwrap(), image);
        }
        let broken = Affine { shift: [f64::NAN, 0.0], ..Affine::default() };
        assert!(broken.apply(&square(), Fill::Nearest).is_err());
        let far = Affine { shift: [1e300, -1e300], ..Affine::default() };
        for fill in [Fill::Nearest, Fill::Reflect, Fill::Wrap, Fill::Constant(3.0)] {
            assert_eq!(far.apply(&square(), fill).unwrap().shape(), [3, 3, 1]);
        }
    }
}
