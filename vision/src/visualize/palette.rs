//! Colours that people tell apart, and ink that is readable on them.

use crate::{Error, Result};

/// M. Okabe and K. Ito's colours ("Color Universal Design", 2008) without black, then colours that are each the one farthest from all before it in
/// Oklab, for whoever tells it from them the least: people with all cones, or without those for red or green (G. Machado, M. Oliveira,
/// L. Fernandes, 2009). `tests/fixtures/visualize_colors.py` computes them.
const COLORS: [u32; 64] = [
    0xE69F00, 0x56B4E9, 0x009E73, 0xD55E00, 0x0072B2, 0xCC79A7, 0xF0E442, 0x691E00, 0x78FFFF, 0x4B1E78, 0x0000FF,
    0x695A5A, 0x5A87FF, 0x87D2A5, 0x4B2DB4, 0xC30F0F, 0xA5FFB4, 0x3C3C4B, 0x96D2FF, 0x4B4B87, 0x0069F0, 0xFF4B69,
    0xC3D269, 0xD21EC3, 0x69C3C3, 0x965A87, 0x00691E, 0x4BF0D2, 0x0F963C, 0xB4B469, 0x2DA5FF, 0x2DA5C3, 0xB4A596,
    0x78694B, 0x4B4B5A, 0xFFB400, 0x4B78D2, 0x5AF0A5, 0xE10FA5, 0x69FF78, 0x8700D2, 0x5A0F96, 0x3C3C69, 0x3C96E1,
    0x69C3FF, 0x87002D, 0xB4961E, 0x87D2D2, 0xE16987, 0xA50F96, 0x3CA55A, 0x5AF0FF, 0x5AB4C3, 0x4B5A78, 0xB4002D,
    0x6978A5, 0x4BA5E1, 0x0F4BF0, 0x5AFFD2, 0xA55A69, 0x69C3E1, 0xF0A587, 0x2D78FF, 0x2DE13C,
];

/// Red, green and blue of `0xRRGGBB`.
pub(super) fn rgb(code: u32) -> [u8; 3] {
    let [_, r, g, b] = code.to_be_bytes();
    [r, g, b]
}

/// A colour for each class, by its number; where there are more classes than colours, they begin anew.
///
/// The default has 64: the first seven are told apart by almost everybody, those after them less and less.
///
/// ```
/// use ocelli_vision::visualize::{Palette, contrast, ink_on};
/// # fn main() -> ocelli_vision::Result<()> {
/// let palette = Palette::default();
/// assert_eq!(palette.color(0), [230, 159, 0]);
/// assert_eq!(palette.color(64), palette.color(0));
/// assert!(contrast(palette.color(4), ink_on(palette.color(4))) >= 4.5);
///
/// let own = Palette::new(vec![[255, 0, 0], [0, 0, 255]])?;
/// assert_eq!(own.color(3), [0, 0, 255]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Palette {
    colors: Vec<[u8; 3]>,
}

impl Palette {
    /// Colours of one's own: red, green, blue.
    ///
    /// # Errors
    /// [`Error::Argument`] unless there is a colour.
    pub fn new(colors: Vec<[u8; 3]>) -> Result<Self> {
        if colors.is_empty() {
            return Err(Error::argument("palette", "expected at least one color, received none"));
        }
        Ok(Palette { colors })
    }

    /// The colour of a class.
    pub fn color(&self, class: usize) -> [u8; 3] {
        // There is always one.
        self.colors.get(class % self.colors.len().max(1)).copied().unwrap_or_default()
    }
}

impl Default for Palette {
    fn default() -> Self {
        Palette { colors: COLORS.map(rgb).to_vec() }
    }
}

/// How bright a colour is, 0 to 1: the relative luminance of WCAG 2.1.
fn luminance(color: [u8; 3]) -> f64 {
    let [r, g, b] = color.map(|byte| {
        let x = f64::from(byte) / 255.0;
        if x <= 0.04045 { x / 12.92 } else { ((x + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// The contrast of two colours, 1 to 21, by the Web Content Accessibility Guidelines 2.1, which ask for 4.5 between text and ground.
///
/// ```
/// use ocelli_vision::visualize::contrast;
/// assert_eq!(contrast([0; 3], [255; 3]), 21.0);
/// ```
pub fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Black or white, whichever is more readable on a ground of this colour: the contrast is above 4.5 for every colour.
///
/// ```
/// use ocelli_vision::visualize::ink_on;
/// assert_eq!(ink_on([240, 228, 66]), [0; 3]);
/// assert_eq!(ink_on([0, 0, 200]), [255; 3]);
/// ```
pub fn ink_on(ground: [u8; 3]) -> [u8; 3] {
    let [black, white] = [[0; 3], [255; 3]];
    if contrast(ground, black) >= contrast(ground, white) { black } else { white }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ink_is_readable_on_every_ground() {
        let steps = || (0..=255u8).step_by(5);
        for (r, g, b) in steps().flat_map(|r| steps().flat_map(move |g| steps().map(move |b| (r, g, b)))) {
            let ground = [r, g, b];
            assert!(contrast(ground, ink_on(ground)) >= 4.5, "{ground:?}");
        }
        assert_eq!(contrast([9, 80, 200], [9, 80, 200]), 1.0);
    }

    #[test]
    fn colors_are_distinct() {
        let palette = Palette::default();
        let far = |a: [u8; 3], b: [u8; 3]| a.iter().zip(b).map(|(a, b)| a.abs_diff(b)).max().unwrap();
        for a in 0..palette.colors.len() {
            for b in 0..a {
                let least = if a < 8 { 60 } else { 11 };
                assert!(far(palette.color(a), palette.color(b)) >= least, "{a} and {b}");
            }
        }
        assert_eq!(palette.color(usize::MAX), palette.color(63));
        assert!(Palette::new(vec![]).is_err());
    }
}
