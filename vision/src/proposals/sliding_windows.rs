//! Windows of one size over a whole picture.

use ocelli_tensor::{DType, Error as TensorError, Tensor};

use crate::{Error, Result};

/// Windows of one size at every step over a picture, row by row.
///
/// ```
/// use ocelli_vision::proposals::SlidingWindows;
/// # fn main() -> ocelli_vision::Result<()> {
/// let windows = SlidingWindows::new([128, 64], [8, 8]);
/// assert_eq!(windows.boxes([480, 640])?.shape()[..], [45 * 73, 4]);
/// assert_eq!(windows.boxes([136, 64])?.to_vec::<f32>()?, [0.0, 0.0, 64.0, 128.0, 0.0, 8.0, 64.0, 136.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SlidingWindows {
    /// Height and width of a window.
    pub size: [usize; 2],
    /// The step down and across.
    pub stride: [usize; 2],
    /// Whether a last window ends at the picture's edge where the steps do not, so that every pixel is covered.
    pub cover: bool,
}

impl SlidingWindows {
    /// Windows of `[height, width]` at steps of `[down, across]`; what is left at the right and lower edges is not covered.
    pub fn new(size: [usize; 2], stride: [usize; 2]) -> Self {
        SlidingWindows { size, stride, cover: false }
    }

    /// The windows in a picture of `[height, width]`: `[N, 4]`, `f32`, [`BoxFormat::Xyxy`](crate::ops::BoxFormat::Xyxy). There is none in a picture
    /// smaller than a window.
    ///
    /// # Errors
    /// If a size of the window or a stride is 0, a side of the picture has 2²⁴ pixels or more, or memory runs out.
    pub fn boxes(&self, picture: [usize; 2]) -> Result<Tensor> {
        const OP: &str = "sliding_windows";
        if self.size.contains(&0) || self.stride.contains(&0) {
            let message = format!("expected sizes and strides above 0, received {:?} and {:?}", self.size, self.stride);
            return Err(Error::argument(OP, message));
        }
        // Up to there f32 counts pixels one by one.
        if picture.iter().any(|&side| side >= 1 << 24) {
            let message = format!("expected a picture of sides below 2^24, received {picture:?}");
            return Err(Error::argument(OP, message));
        }
        let [tops, lefts] = [0, 1].map(|axis: usize| self.starts(picture[axis], axis));
        let count = tops.len() * lefts.len();
        let bytes = count.saturating_mul(4 * DType::F32.size());
        let mut corners = Vec::new();
        corners.try_reserve_exact(count.saturating_mul(4)).map_err(|_| TensorError::OutOfMemory { bytes })?;
        for &top in &tops {
            for &left in &lefts {
                corners.extend([left, top, left + self.size[1], top + self.size[0]].map(|x| x as f32));
            }
        }
        Ok(Tensor::from_vec(corners, [count, 4])?)
    }

    fn starts(&self, side: usize, axis: usize) -> Vec<usize> {
        let Some(last) = side.checked_sub(self.size[axis]) else { return Vec::new() };
        let mut starts: Vec<usize> = (0..=last).step_by(self.stride[axis]).collect();
        if self.cover && !last.is_multiple_of(self.stride[axis]) {
            starts.push(last);
        }
        starts
    }
}
