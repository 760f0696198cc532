//! Several pieces of one picture, of whose predictions the mean is taken.

use super::Fill;
use super::flip::{flip_horizontal, flip_vertical};
use super::geometry::{Geometry, Moves};
use crate::{Error, Image, Result};

/// The four corners and the middle of a picture, each of `[height, width]`: torchvision's `FiveCrop`, in its order (top left, top right, bottom left, bottom right,
/// middle).
///
/// # Errors
/// [`Error::Argument`] if the picture is smaller.
pub fn five_crop(image: &Image, size: [usize; 2]) -> Result<[Image; 5]> {
    let [a, b, c, d, e] = five_starts(image.size(), size)?
        .map(|start| Moves::crop(size, start.map(|at| at as i64), Fill::black()).image(image));
    Ok([a?, b?, c?, d?, e?])
}

/// `[row, column]` of the first pixel of each of [`five_crop`]'s pieces.
pub(super) fn five_starts([height, width]: [usize; 2], size: [usize; 2]) -> Result<[[usize; 2]; 5]> {
    let (Some(bottom), Some(right)) = (height.checked_sub(size[0]), width.checked_sub(size[1])) else {
        let message = format!("expected an image of at least {}x{}, received {height}x{width}", size[0], size[1]);
        return Err(Error::argument("five crop", message));
    };
    let middle = |room: usize| (room as f64 / 2.0).round_ties_even() as usize;
    Ok([[0, 0], [0, right], [bottom, 0], [bottom, right], [middle(bottom), middle(right)]])
}

/// What [`five_crop`] gives of a picture, then of its mirror image (left and right swapped, or, if `vertical`, top and bottom): torchvision's `TenCrop`.
///
/// # Errors
/// As [`five_crop`].
pub fn ten_crop(image: &Image, size: [usize; 2], vertical: bool) -> Result<Vec<Image>> {
    let mirrored = if vertical { flip_vertical(image)? } else { flip_horizontal(image)? };
    Ok(five_crop(image, size)?.into_iter().chain(five_crop(&mirrored, size)?).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_and_middle() {
        let image = Image::from_u8([3, 3, 1], (1..=9).collect()).unwrap();
        let firsts = |images: &[Image]| -> Vec<i64> {
            images.iter().map(|image| image.to_tensor().unwrap().item::<i64>().unwrap()).collect()
        };
        assert_eq!(firsts(&five_crop(&image, [1, 1]).unwrap()), [1, 3, 7, 9, 5]);
        assert_eq!(firsts(&ten_crop(&image, [1, 1], false).unwrap()), [1, 3, 7, 9, 5, 3, 1, 9, 7, 5]);
        assert_eq!(firsts(&ten_crop(&image, [1, 1], true).unwrap()), [1, 3, 7, 9, 5, 7, 9, 1, 3, 5]);
        let text = five_crop(&image, [4, 1]).unwrap_err().to_string();
        assert!(text.ends_with("at least 4x1, received 3x3"), "{text}");
    }
}
