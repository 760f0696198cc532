//! Changes that bend a picture: a displacement for every pixel.

use super::sampling::{self, Row};
use super::{Geometry, Sampling};
use crate::{Error, Image, Result};

/// How near to a point its search has to come, in pixels, and after how many steps it ends.
const NEAR: f64 = 1e-6;
const STEPS: usize = 100;

/// The new pixel at a place shows what is `displacement` away from there in the old picture, which has the same size.
#[derive(Debug, Clone)]
pub(crate) struct Dense {
    size: [usize; 2],
    /// `[x, y]` for each pixel, row by row.
    displacements: Vec<[f64; 2]>,
    sampling: Sampling,
}

impl Dense {
    /// # Errors
    /// [`Error::Argument`] unless there is a finite displacement for each pixel of `[height, width]`.
    pub(crate) fn new(size: [usize; 2], displacements: Vec<[f64; 2]>, sampling: Sampling) -> Result<Self> {
        let finite = displacements.as_flattened().iter().all(|x| x.is_finite());
        if size[0].checked_mul(size[1]) != Some(displacements.len()) || !finite {
            let received = if finite { "another number" } else { "infinite ones" };
            let message = format!("expected a finite displacement for each pixel of {size:?}, received {received}");
            return Err(Error::argument("displacement", message));
        }
        Ok(Dense { size, displacements, sampling })
    }

    /// The displacement at a place, linear between the middles of pixels and constant outside.
    fn at(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let [height, width] = self.size;
        if height == 0 || width == 0 {
            return [0.0; 2];
        }
        let split = |at: f64, size: usize| {
            let at = (at - 0.5).clamp(0.0, (size - 1) as f64);
            let low = at.floor();
            (low as usize, (low as usize + 1).min(size - 1), at - low)
        };
        let ((left, right, dx), (top, bottom, dy)) = (split(x, width), split(y, height));
        let of = |row: usize, column: usize| self.displacements[row * width + column];
        let (a, b, c, d) = (of(top, left), of(top, right), of(bottom, left), of(bottom, right));
        std::array::from_fn(|i| (a[i] * (1.0 - dx) + b[i] * dx) * (1.0 - dy) + (c[i] * (1.0 - dx) + d[i] * dx) * dy)
    }

    fn row(&self, row: usize, places: Row<'_>) {
        let width = self.size[1];
        for (column, place) in places.iter_mut().enumerate() {
            let [x, y] = self.displacements[row * width + column];
            *place = [column as f64 + 0.5 + x, row as f64 + 0.5 + y];
        }
    }
}

impl Geometry for Dense {
    fn size(&self) -> [usize; 2] {
        self.size
    }

    fn is_upright(&self) -> bool {
        false
    }

    /// The place `q` with `q + displacement(q) = p`, found step by step. Where a picture folds there are several, of which it finds one or comes near.
    fn forward(&self, point: [f64; 2]) -> [f64; 2] {
        let mut place = point;
        let mut best = (f64::INFINITY, point);
        for step in 0..STEPS {
            let [dx, dy] = self.at(place);
            let rest = [point[0] - place[0] - dx, point[1] - place[1] - dy];
            let far = rest[0].hypot(rest[1]);
            if far < best.0 {
                best = (far, place);
            }
            if far < NEAR {
                break;
            }
            // Shorter steps after a while get out of circles.
            let pace = if step < STEPS / 4 { 1.0 } else { 0.5 };
            place = [place[0] + pace * rest[0], place[1] + pace * rest[1]];
        }
        best.1
    }

    fn straight(&self) -> f64 {
        2.0
    }

    fn image(&self, old: &Image) -> Result<Image> {
        sampling::warp(old, self.size, &self.sampling, |row, places| self.row(row, places))
    }

    fn places(&self, old: [usize; 2], filled: bool) -> Result<Vec<usize>> {
        let fill = if filled { self.sampling.fill } else { crate::augment::Fill::black() };
        sampling::nearest(old, self.size, fill, |row, places| self.row(row, places))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::{Fill, Interpolation};

    #[test]
    fn points_are_found_again() {
        let (height, width) = (20, 30);
        let wave = |i: usize| {
            let (y, x) = ((i / width) as f64, (i % width) as f64);
            [1.5 * (y / 4.0).sin(), 1.2 * (x / 5.0).cos()]
        };
        let sampling = Sampling { interpolation: Interpolation::Bilinear, fill: Fill::Nearest, mixed: false };
        let dense = Dense::new([height, width], (0..height * width).map(wave).collect(), sampling).unwrap();
        for point in [[3.0, 4.0], [15.2, 10.9], [29.0, 19.5], [0.0, 0.0]] {
            let [x, y] = dense.forward(point);
            let [dx, dy] = dense.at([x, y]);
            assert!((x + dx - point[0]).hypot(y + dy - point[1]) < 1e-6, "{point:?}");
        }
        assert!(Dense::new([2, 2], vec![[0.0; 2]; 3], sampling).is_err());
        let text = Dense::new([1, 1], vec![[f64::NAN, 0.0]], sampling).unwrap_err().to_string();
        assert!(text.contains("finite displacement"), "{text}");
    }

    /// torchvision's `elastic`, of which `tests/fixtures/geometry.py` made the numbers; it computes places in 32 bits.
    #[test]
    fn pictures_bend_as_torchvisions_do() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/geometry.safetensors");
        let fixtures = ocelli_tensor::safetensors::load(path).unwrap();
        let old = Image::from_tensor(&fixtures["image"]).unwrap();
        let numbers = fixtures["elastic.pixels"].to_vec::<f64>().unwrap();
        let sampling = Sampling { interpolation: Interpolation::Bilinear, fill: Fill::Constant(20.0), mixed: true };
        let dense = Dense::new(old.size(), numbers.as_chunks::<2>().0.to_vec(), sampling).unwrap();
        let expected = Image::from_tensor(&fixtures["elastic.image"]).unwrap();
        let (received, expected) = (dense.image(&old).unwrap().to_f32(), expected.to_f32());
        let most = received.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(most < 1.01 / 255.0, "{most}");
        let places = dense.places(old.size(), false).unwrap();
        for i in 0..3 {
            let mask = fixtures["masks"].select(0, i).unwrap().to_vec::<u8>().unwrap();
            let moved = places.iter().map(|&place| mask.get(place).copied().unwrap_or(0)).collect::<Vec<_>>();
            assert_eq!(moved, fixtures["elastic.masks"].select(0, i).unwrap().to_vec::<u8>().unwrap());
        }
    }
}
