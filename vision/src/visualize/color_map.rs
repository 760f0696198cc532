//! Numbers as colours.

use super::palette::rgb;

/// S. van der Walt's and N. Smith's maps (2015, public domain), every 15th of 256 colours; `tests/fixtures/visualize_colors.py` prints them.
const VIRIDIS: [u32; 18] = [
    0x440154, 0x481769, 0x472A7A, 0x433D84, 0x3D4E8A, 0x355E8D, 0x2E6D8E, 0x297B8E, 0x23898E, 0x1F978B, 0x21A585,
    0x2EB37C, 0x46C06F, 0x65CB5E, 0x89D548, 0xB0DD2F, 0xD8E219, 0xFDE725,
];
const MAGMA: [u32; 18] = [
    0x000004, 0x090720, 0x1A1042, 0x311165, 0x4A1079, 0x621980, 0x792282, 0x912B81, 0xAA337D, 0xC23B75, 0xD9466B,
    0xEC5860, 0xF7725C, 0xFC8E64, 0xFEAA74, 0xFEC68A, 0xFDE2A3, 0xFCFDBF,
];
/// White to the palette's blue and on to a dark one.
const BLUES: [u32; 3] = [0xFFFFFF, 0x5AA0CC, 0x08306B];

/// A map of numbers to colours whose lightness rises or falls evenly, so that equal steps look equal, in grey too.
///
/// ```
/// use ocelli_vision::visualize::ColorMap;
/// assert_eq!(ColorMap::Viridis.color(0.0), [68, 1, 84]);
/// assert_eq!(ColorMap::Viridis.color(1.0), [253, 231, 37]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ColorMap {
    /// Dark violet, green, yellow: matplotlib's default.
    #[default]
    Viridis,
    /// Black, violet, pale yellow.
    Magma,
    /// White to dark blue, for tables with numbers in them.
    Blues,
    /// Black to white.
    Gray,
}

impl ColorMap {
    /// The colour of a number in `0..=1`; those beyond have the colour of the end, NaN that of 0.
    pub fn color(self, value: f64) -> [u8; 3] {
        let table: &[u32] = match self {
            ColorMap::Viridis => &VIRIDIS,
            ColorMap::Magma => &MAGMA,
            ColorMap::Blues => &BLUES,
            ColorMap::Gray => &[0x000000, 0xFFFFFF],
        };
        let place = value.clamp(0.0, 1.0) * (table.len() - 1) as f64;
        // A NaN becomes 0.
        let below = (place as usize).min(table.len() - 2);
        let part = if place.is_nan() { 0.0 } else { place - below as f64 };
        let (low, high) = (rgb(table[below]), rgb(table[below + 1]));
        [0, 1, 2].map(|i| (f64::from(low[i]) + (f64::from(high[i]) - f64::from(low[i])) * part).round() as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_maps_are_those_of_matplotlib() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/visualize_colors.safetensors");
        let tables = ocelli_tensor::safetensors::load(path).unwrap();
        for (name, map) in [("viridis", ColorMap::Viridis), ("magma", ColorMap::Magma)] {
            let table = tables[name].to_vec::<f32>().unwrap();
            for (i, expected) in table.as_chunks::<3>().0.iter().enumerate() {
                for (byte, expected) in map.color(i as f64 / 255.0).into_iter().zip(expected) {
                    // Between the points that are kept the curves bend a little.
                    assert!((f32::from(byte) - expected * 255.0).abs() < 6.0, "{name} at {i}");
                }
            }
        }
    }

    #[test]
    fn strange_numbers_have_colors_too() {
        for map in [ColorMap::Viridis, ColorMap::Magma, ColorMap::Blues, ColorMap::Gray] {
            for (strange, like) in [(f64::NAN, 0.0), (-5.0, 0.0), (f64::INFINITY, 1.0), (f64::NEG_INFINITY, 0.0)] {
                assert_eq!(map.color(strange), map.color(like));
            }
        }
        assert_eq!(ColorMap::Gray.color(0.5), [128; 3]);
    }
}
