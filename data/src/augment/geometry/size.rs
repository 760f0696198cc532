//! How large a new picture may be.

use crate::{Error, Result};

/// The most pixels that a change makes of a picture that had fewer: as many as a [`Decoder`](crate::image_io::Decoder) reads unless it is told otherwise. A setting of a few
/// digits, or a picture of one row that is scaled by its shorter side, can ask for any number.
pub(crate) const MOST_PIXELS: usize = 178_956_970;

/// How many pixels a picture of `new` size has that is made of one of `old` size, both `[height, width]`.
///
/// # Errors
/// [`Error::Argument`] with both sizes if it has more than [`MOST_PIXELS`], or one side is so long, and the old picture had not.
pub(super) fn pixels(op: &'static str, old: [usize; 2], new: [usize; 2]) -> Result<usize> {
    let most = old[0].saturating_mul(old[1]).max(MOST_PIXELS);
    let count = new[0].checked_mul(new[1]).filter(|&count| count <= most);
    // Where one side is 0 the other counts by itself.
    let sides = new.iter().zip(old).all(|(&new, old)| new <= old.max(most));
    count.filter(|_| sides).ok_or_else(|| {
        let message = format!(
            "expected a new picture of at most {most} pixels, received one of {}x{} to become {}x{}",
            old[0], old[1], new[0], new[1]
        );
        Error::argument(op, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::{Augment, Fill, Pad, RandomCrop, RandomRotation, RandomZoomOut, ResizeShorter};
    use crate::image_io::Decoder;
    use crate::{Image, SampleRng};

    #[test]
    fn what_a_decoder_reads_can_be_made() {
        assert_eq!(MOST_PIXELS as u64, Decoder::default().max_pixels);
        assert_eq!(pixels("test", [1, 1], [1, MOST_PIXELS]).unwrap(), MOST_PIXELS);
        let text = pixels("test", [3, 4], [2, MOST_PIXELS]).unwrap_err().to_string();
        assert!(text.ends_with("at most 178956970 pixels, received one of 3x4 to become 2x178956970"), "{text}");
        // What is there already may be turned.
        assert!(pixels("test", [2, MOST_PIXELS], [MOST_PIXELS, 2]).is_ok());
        for huge in [[usize::MAX, 2], [usize::MAX, 0], [0, MOST_PIXELS + 1]] {
            assert!(pixels("test", [1, 1], huge).is_err(), "{huge:?}");
        }
    }

    #[test]
    fn changes_that_ask_for_too_much_are_refused() {
        let line = |width: usize| Image::from_u8([1, width, 1], vec![7; width]).unwrap();
        let text = |change: &dyn Augment, image: Image| {
            change.apply_image(image, &mut SampleRng::new(0, 0, 0)).unwrap_err().to_string()
        };
        let both = |text: String, old: &str, new: &str| {
            assert!(text.contains(old) && text.contains(new) && text.contains("178956970 pixels"), "{text}");
        };
        both(text(&ResizeShorter::new(224), line(65_535)), "of 1x65535", "224x14679840");
        let turn = RandomRotation { angle: [45.0, 45.0], expand: true, ..RandomRotation::new(0.0) };
        both(text(&turn, line(1_000_000)), "of 1x1000000", "to become 707");
        both(text(&Pad::new(1 << 24, Fill::Nearest), line(2)), "of 1x2", "to become 33554433x33554434");
        let zoom = RandomZoomOut { probability: 1.0, sides: [64.0, 64.0], ..RandomZoomOut::default() };
        let square = Image::from_u8([300, 300, 1], vec![0; 90_000]).unwrap();
        both(text(&zoom, square), "of 300x300", "to become 19200x19200");
        let crop = RandomCrop::new(1 << 60, 0, 1 << 60);
        both(text(&crop, line(3)), "of 1x3", "to become 1152921504606846976x0");
    }
}
