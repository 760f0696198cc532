//! Sizes of a tensor's axes.

use smallvec::SmallVec;

use crate::{DType, Error, Result};

/// The sizes of a tensor's axes, outermost first. Dereferences to `[usize]`.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Shape(SmallVec<[usize; 4]>);

impl Shape {
    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// Number of elements: the product of the sizes, 1 for rank 0. `usize::MAX` where the product is more than that, which is
    /// so for no tensor.
    pub fn numel(&self) -> usize {
        if self.0.contains(&0) {
            return 0;
        }
        self.0.iter().fold(1, |product, &size| product.saturating_mul(size))
    }

    /// Resolves an axis counted from the front (`0..rank`) or from the back (`-rank..0`).
    ///
    /// # Errors
    /// [`Error::Axis`] if it lies outside.
    pub fn axis(&self, op: &'static str, axis: isize) -> Result<usize> {
        let rank = self.rank() as isize;
        if (-rank..rank).contains(&axis) {
            Ok(if axis < 0 { axis + rank } else { axis } as usize)
        } else {
            Err(Error::Axis { op, axis, rank: self.rank() })
        }
    }

    /// The shape that both broadcast to by NumPy's rule: aligned at the last axis, sizes equal or 1.
    ///
    /// # Errors
    /// [`Error::Broadcast`] if they do not.
    pub fn broadcast(&self, op: &'static str, other: &Shape) -> Result<Shape> {
        let rank = self.rank().max(other.rank());
        let mut sizes = SmallVec::from_elem(1, rank);
        for (i, size) in sizes.iter_mut().enumerate() {
            let a = (i + self.rank()).checked_sub(rank).map_or(1, |j| self[j]);
            let b = (i + other.rank()).checked_sub(rank).map_or(1, |j| other[j]);
            *size = match (a, b) {
                _ if a == b => a,
                (1, b) => b,
                (a, 1) => a,
                _ => {
                    return Err(Error::Broadcast { op, lhs: self.clone(), rhs: other.clone() });
                }
            };
        }
        Ok(Shape(sizes))
    }

    /// `Err` if a tensor of this shape could not be addressed.
    pub(crate) fn check_size(&self, op: &'static str, dtype: DType) -> Result<()> {
        let mut bytes = dtype.size();
        for &size in self.0.iter() {
            // An empty axis makes the product zero, but the strides are still computed from the others.
            bytes = match bytes.checked_mul(size.max(1)) {
                Some(bytes) if bytes <= isize::MAX as usize => bytes,
                _ => {
                    return Err(Error::TooLarge { op, shape: self.clone(), dtype });
                }
            };
        }
        Ok(())
    }

    /// This shape without the given axes, or with size 1 in their place.
    pub(crate) fn reduced(&self, axes: &[usize], keepdim: bool) -> Shape {
        self.iter()
            .enumerate()
            .filter_map(|(i, &size)| match axes.contains(&i) {
                false => Some(size),
                true if keepdim => Some(1),
                true => None,
            })
            .collect()
    }
}

impl std::ops::Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl std::ops::DerefMut for Shape {
    fn deref_mut(&mut self) -> &mut [usize] {
        &mut self.0
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0.as_slice())
    }
}

impl std::fmt::Debug for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl FromIterator<usize> for Shape {
    fn from_iter<I: IntoIterator<Item = usize>>(sizes: I) -> Self {
        Shape(sizes.into_iter().collect())
    }
}

impl From<()> for Shape {
    fn from(_: ()) -> Self {
        Shape::default()
    }
}

impl From<usize> for Shape {
    fn from(size: usize) -> Self {
        Shape(SmallVec::from_slice(&[size]))
    }
}

impl From<&[usize]> for Shape {
    fn from(sizes: &[usize]) -> Self {
        Shape(SmallVec::from_slice(sizes))
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(sizes: [usize; N]) -> Self {
        Shape(SmallVec::from_slice(&sizes))
    }
}

impl<const N: usize> From<&[usize; N]> for Shape {
    fn from(sizes: &[usize; N]) -> Self {
        Shape(SmallVec::from_slice(sizes))
    }
}

impl From<Vec<usize>> for Shape {
    fn from(sizes: Vec<usize>) -> Self {
        Shape(SmallVec::from_vec(sizes))
    }
}

impl From<&Vec<usize>> for Shape {
    fn from(sizes: &Vec<usize>) -> Self {
        Shape(SmallVec::from_slice(sizes))
    }
}

impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Self {
        shape.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting_follows_numpy() {
        let b = |a: &[usize], b: &[usize]| Shape::from(a).broadcast("add", &Shape::from(b));
        assert_eq!(b(&[8, 1, 6, 1], &[7, 1, 5]).unwrap(), Shape::from([8, 7, 6, 5]));
        assert_eq!(b(&[], &[3]).unwrap(), Shape::from([3]));
        assert_eq!(b(&[0], &[1]).unwrap(), Shape::from([0]));
        assert_eq!(
            b(&[0], &[2]).unwrap_err().to_string(),
            "add: shapes [0] and [2] do not broadcast: expected sizes that are equal or 1, aligned at the last axis"
        );
    }

    #[test]
    fn axes_count_from_both_ends() {
        let shape = Shape::from([2, 3]);
        assert_eq!(shape.axis("sum", -1).unwrap(), 1);
        assert_eq!(shape.axis("sum", 2).unwrap_err().to_string(), "sum: expected an axis in -2..2, received 2");
        assert!(Shape::default().axis("sum", 0).is_err());
    }

    #[test]
    fn unaddressable_shapes_are_refused() {
        assert!(Shape::from([usize::MAX / 2, 3]).check_size("zeros", DType::F32).is_err());
        assert!(Shape::from([0, usize::MAX]).check_size("zeros", DType::F32).is_err());
        assert!(Shape::from([0, 5]).check_size("zeros", DType::F32).is_ok());
    }
}
