//! What is given once or per axis, and the zeros around an input.

use smallvec::SmallVec;

use crate::{Error, Result};

/// No stride, dilation or padding is larger: whatever is added up from them stays a number.
const LIMIT: usize = 1 << 31;

/// Spaces before and after the input along each spatial axis.
pub(crate) type Pairs = SmallVec<[(usize, usize); 3]>;

/// A number for each spatial axis: one that holds for all (`2`) or one for each (`[2, 1]`). Dereferences to the numbers as they
/// were given.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PerAxis(SmallVec<[usize; 3]>);

impl PerAxis {
    /// The number of each of `axes` spatial axes.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is neither one number nor one for each axis, or if one is below `least` or absurd.
    pub fn resolve(&self, op: &'static str, what: &str, axes: usize, least: usize) -> Result<SmallVec<[usize; 3]>> {
        if let Some(value) = self.0.iter().find(|&&v| v < least || v > LIMIT) {
            let (bound, limit) = if *value < least { ("least", least) } else { ("most", LIMIT) };
            let message = format!("expected a {what} of at {bound} {limit}, received {value}");
            return Err(Error::argument(op, message));
        }
        match self.0.len() {
            1 => Ok(SmallVec::from_elem(self.0[0], axes)),
            n if n == axes => Ok(self.0.clone()),
            _ => {
                let message = format!("expected one {what} or {axes}, received {:?}", self.0.as_slice());
                Err(Error::argument(op, message))
            }
        }
    }
}

impl PerAxis {
    /// Whether every axis has this number.
    pub(crate) fn is_everywhere(&self, value: usize) -> bool {
        self.0.iter().all(|&v| v == value)
    }
}

impl std::ops::Deref for PerAxis {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl From<usize> for PerAxis {
    fn from(value: usize) -> Self {
        PerAxis(SmallVec::from_elem(value, 1))
    }
}
impl<const N: usize> From<[usize; N]> for PerAxis {
    fn from(values: [usize; N]) -> Self {
        PerAxis(values.into_iter().collect())
    }
}
impl From<&[usize]> for PerAxis {
    fn from(values: &[usize]) -> Self {
        PerAxis(values.iter().copied().collect())
    }
}
impl From<Vec<usize>> for PerAxis {
    fn from(values: Vec<usize>) -> Self {
        PerAxis(SmallVec::from_vec(values))
    }
}

/// What stands around the input of a convolution: zeros.
///
/// A plain number is as much on every side (`1.into()`), `[1, 2]` is one number per axis for both of its sides, and
/// `(0, 1)` or `[(0, 1), (1, 1)]` are pairs of before and after.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Padding {
    /// So many places before and after: one pair for all spatial axes, or one for each.
    Explicit(SmallVec<[(usize, usize); 3]>),
    /// Nothing: the window stays inside the input.
    Valid,
    /// As much as makes the output `ceil(input / stride)` long, the odd place being put after (TensorFlow's rule).
    Same,
    /// `dilation · (kernel - 1)` places before and none after, so that no output sees a later input (Keras' rule). For one
    /// spatial axis only.
    Causal,
}

impl Padding {
    /// The places before and after each spatial axis for an input of these sizes; the slices have one number per axis.
    ///
    /// # Errors
    /// [`Error::Argument`] if the pairs are neither one nor one for each axis, one is absurd, or `Causal` meets several axes.
    pub fn resolve(
        &self,
        op: &'static str,
        input: &[usize],
        kernel: &[usize],
        stride: &[usize],
        dilation: &[usize],
    ) -> Result<SmallVec<[(usize, usize); 3]>> {
        let axes = input.len();
        match self {
            Padding::Valid => Ok(SmallVec::from_elem((0, 0), axes)),
            Padding::Explicit(pairs) => {
                if let Some(pair) = pairs.iter().find(|pair| pair.0.max(pair.1) > LIMIT) {
                    let message = format!("expected a padding up to {LIMIT}, received {pair:?}");
                    return Err(Error::argument(op, message));
                }
                match pairs.len() {
                    1 => Ok(SmallVec::from_elem(pairs[0], axes)),
                    n if n == axes => Ok(pairs.clone()),
                    _ => {
                        let pairs = pairs.as_slice();
                        let message = format!("expected one padding or {axes}, received {pairs:?}");
                        Err(Error::argument(op, message))
                    }
                }
            }
            Padding::Same => Ok((0..axes)
                .map(|i| {
                    let last = input[i].div_ceil(stride[i]).saturating_sub(1);
                    let covered = last.saturating_mul(stride[i]).saturating_add(extent(kernel[i], dilation[i]));
                    let total = covered.saturating_sub(input[i]);
                    (total / 2, total - total / 2)
                })
                .collect()),
            Padding::Causal if axes == 1 => {
                Ok(SmallVec::from_elem((extent(kernel[0], dilation[0]).saturating_sub(1), 0), 1))
            }
            Padding::Causal => {
                let message = format!("expected one spatial axis for causal padding, received {axes}");
                Err(Error::argument(op, message))
            }
        }
    }
}

/// How many places a dilated window spans.
pub(crate) fn extent(kernel: usize, dilation: usize) -> usize {
    match kernel {
        0 => 0,
        _ => (kernel - 1).saturating_mul(dilation).saturating_add(1),
    }
}

impl From<usize> for Padding {
    fn from(value: usize) -> Self {
        Padding::from((value, value))
    }
}
impl From<(usize, usize)> for Padding {
    fn from(pair: (usize, usize)) -> Self {
        Padding::Explicit(SmallVec::from_elem(pair, 1))
    }
}
impl<const N: usize> From<[usize; N]> for Padding {
    fn from(values: [usize; N]) -> Self {
        Padding::Explicit(values.into_iter().map(|value| (value, value)).collect())
    }
}
impl<const N: usize> From<[(usize, usize); N]> for Padding {
    fn from(pairs: [(usize, usize); N]) -> Self {
        Padding::Explicit(pairs.into_iter().collect())
    }
}
impl From<&[usize]> for Padding {
    fn from(values: &[usize]) -> Self {
        Padding::Explicit(values.iter().map(|&value| (value, value)).collect())
    }
}
impl From<&[(usize, usize)]> for Padding {
    fn from(pairs: &[(usize, usize)]) -> Self {
        Padding::Explicit(pairs.iter().copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_is_tensorflows() {
        let pairs = |size: usize, kernel: usize, stride: usize, dilation: usize| {
            Padding::Same.resolve("conv", &[size], &[kernel], &[stride], &[dilation]).unwrap()[0]
        };
        assert_eq!(pairs(224, 3, 2, 1), (0, 1));
        assert_eq!(pairs(225, 3, 2, 1), (1, 1));
        assert_eq!(pairs(28, 5, 1, 1), (2, 2));
        assert_eq!(pairs(28, 2, 1, 1), (0, 1));
        assert_eq!(pairs(10, 3, 1, 2), (2, 2));
        assert_eq!(pairs(10, 1, 3, 1), (0, 0));
    }
}
