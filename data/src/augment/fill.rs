//! What lies outside a picture.

use serde::{Deserialize, Serialize};

/// What a geometric change takes for the pixels outside a picture `abcd`; the names are those of Keras' `fill_mode`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// `kkkk|abcd|kkkk`: this value, in the picture's own units. Between the outermost pixel and the outside nothing is mixed.
    Constant(f64),
    /// `aaaa|abcd|dddd`
    #[default]
    Nearest,
    /// `dcba|abcd|dcba`
    Reflect,
    /// `abcd|abcd|abcd`
    Wrap,
}

impl Fill {
    /// The place inside `0..size` whose pixel stands at `place`.
    pub(crate) fn resolve(self, place: i64, size: usize) -> usize {
        let size = size as i64;
        let inside = match self {
            Fill::Constant(_) | Fill::Nearest => place.clamp(0, size - 1),
            Fill::Wrap => place.rem_euclid(size),
            Fill::Reflect => {
                let place = place.rem_euclid(2 * size);
                place.min(2 * size - 1 - place)
            }
        };
        inside as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_patterns() {
        let line = |fill: Fill| (-6..9).map(|i| fill.resolve(i, 3)).collect::<Vec<_>>();
        assert_eq!(line(Fill::Nearest), [0, 0, 0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2, 2]);
        assert_eq!(line(Fill::Reflect), [0, 1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1, 2]);
        assert_eq!(line(Fill::Wrap), [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]);
        assert_eq!(Fill::Reflect.resolve(-7, 1), 0);
    }
}
