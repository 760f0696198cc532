//! What lies outside a picture.

use serde::{Deserialize, Serialize};

/// What a geometric change takes for the pixels outside a picture `abcd`. The names are those of Keras' `fill_mode`, and `mirror` SciPy's; what NumPy
/// and torchvision call edge is [`Fill::Nearest`] here, their symmetric is [`Fill::Reflect`], their reflect [`Fill::Mirror`].
///
/// Labels do not repeat: an object is where it is, whatever its mirror images outside. Only class maps go on as the picture does; they
/// have [`ClassMap::IGNORE`](crate::annotation::ClassMap::IGNORE) where the picture has a constant.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// `kkkk|abcd|kkkk`: this value in all channels, in the picture's own units (255 is white in pictures of bytes, 1 in those of floats).
    Constant(f64),
    /// `kkkk|abcd|kkkk`: a value for each channel, in the picture's own units; those that the picture has not are passed over.
    Color([f64; 4]),
    /// `aaaa|abcd|dddd`
    #[default]
    Nearest,
    /// `dcba|abcd|dcba`
    Reflect,
    /// `dcb|abcd|cba`
    Mirror,
    /// `abcd|abcd|abcd`
    Wrap,
}

impl Fill {
    /// Black.
    pub(crate) fn black() -> Self {
        Fill::Constant(0.0)
    }

    /// Whether it does not depend on the picture.
    pub(crate) fn is_constant(self) -> bool {
        matches!(self, Fill::Constant(_) | Fill::Color(_))
    }

    /// The constant of a channel; black for what depends on the picture, where there is none.
    pub(crate) fn value(self, channel: usize) -> f64 {
        match self {
            Fill::Constant(value) => value,
            Fill::Color(values) => values[channel],
            _ => 0.0,
        }
    }

    /// The place inside `0..size` whose pixel stands at `place`; none where it is a constant, or where there is no pixel.
    pub(crate) fn place(self, place: i64, size: usize) -> Option<usize> {
        let inside = usize::try_from(place).is_ok_and(|place| place < size);
        (inside || !(self.is_constant() || size == 0)).then(|| self.resolve(place, size))
    }

    /// The place inside `0..size` whose pixel stands at `place`; the nearest one for constants.
    pub(crate) fn resolve(self, place: i64, size: usize) -> usize {
        let size = size as i64;
        let inside = match self {
            Fill::Constant(_) | Fill::Color(_) | Fill::Nearest => place.clamp(0, size - 1),
            Fill::Wrap => place.rem_euclid(size),
            Fill::Reflect => {
                let place = place.rem_euclid(2 * size);
                place.min(2 * size - 1 - place)
            }
            Fill::Mirror => {
                let period = (2 * size - 2).max(1);
                let place = place.rem_euclid(period);
                place.min(period - place).min(size - 1)
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
        assert_eq!(line(Fill::Mirror), [2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0]);
        assert_eq!(line(Fill::Wrap), [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]);
        for fill in [Fill::Nearest, Fill::Reflect, Fill::Mirror, Fill::Wrap] {
            assert_eq!((fill.resolve(-7, 1), fill.place(7, 1), fill.place(0, 0)), (0, Some(0), None));
        }
        let gray = Fill::Constant(3.0);
        assert_eq!((gray.place(-1, 2), gray.place(1, 2), gray.place(2, 2)), (None, Some(1), None));
        assert_eq!(Fill::Color([1.0, 2.0, 3.0, 4.0]).value(2), 3.0);
    }
}
