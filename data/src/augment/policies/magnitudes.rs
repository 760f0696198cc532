//! How strong operations are.

use super::Operation;

/// The strengths that an operation may have.
#[derive(Debug, Clone, PartialEq)]
pub enum Magnitudes {
    /// The operation has none.
    None,
    /// These, from weak to strong.
    Plain(Vec<f64>),
    /// These, from weak to strong, each to one side or the other, which is drawn.
    Signed(Vec<f64>),
}

/// A policy's table of operations and their strengths, as torchvision's `_AUGMENTATION_SPACE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MagnitudeTable {
    /// [`AutoAugment`](super::AutoAugment)'s.
    AutoAugment,
    /// [`RandAugment`](super::RandAugment)'s.
    RandAugment,
    /// [`TrivialAugment`](super::TrivialAugment)'s, the wide one.
    TrivialAugmentWide,
    /// [`AugMix`](super::AugMix)'s, with all operations.
    AugMix,
    /// [`AugMix`](super::AugMix)'s without brightness, contrast, color and sharpness, which may be among the corruptions that a network is tested on.
    AugMixPartial,
}

impl MagnitudeTable {
    /// The operations that a policy draws from, in torchvision's order.
    pub fn operations(self) -> &'static [Operation] {
        use Operation::{
            AutoContrast, Brightness, Color, Contrast, Equalize, Posterize, Rotate, Sharpness, ShearX, ShearY,
            Solarize, TranslateX, TranslateY,
        };
        // From doing nothing to the negative.
        static ALL: [Operation; 15] = Operation::ALL;
        static MIXED: [Operation; 13] = [
            ShearX,
            ShearY,
            TranslateX,
            TranslateY,
            Rotate,
            Posterize,
            Solarize,
            AutoContrast,
            Equalize,
            Brightness,
            Color,
            Contrast,
            Sharpness,
        ];
        match self {
            MagnitudeTable::AutoAugment => &ALL[1..],
            MagnitudeTable::RandAugment | MagnitudeTable::TrivialAugmentWide => &ALL[..14],
            MagnitudeTable::AugMix => &MIXED,
            MagnitudeTable::AugMixPartial => &MIXED[..9],
        }
    }

    /// The strengths of an operation in so many steps, at least 2, for pictures of `[height, width]`.
    pub fn magnitudes(self, operation: Operation, steps: usize, [height, width]: [usize; 2]) -> Magnitudes {
        let wide = self == MagnitudeTable::TrivialAugmentWide;
        let mixed = matches!(self, MagnitudeTable::AugMix | MagnitudeTable::AugMixPartial);
        let signed = |most: f64| Magnitudes::Signed(spaced(0.0, most, steps));
        // How far the content may leave the picture. AutoAugment was searched for on pictures of 331 pixels.
        let shift = |side: usize| match (wide, mixed) {
            (true, _) => 32.0,
            (_, true) => side as f64 / 3.0,
            _ => 150.0 / 331.0 * side as f64,
        };
        match operation {
            Operation::Identity | Operation::AutoContrast | Operation::Equalize | Operation::Invert => Magnitudes::None,
            Operation::ShearX | Operation::ShearY => signed(if wide { 0.99 } else { 0.3 }),
            Operation::TranslateX => signed(shift(width)),
            Operation::TranslateY => signed(shift(height)),
            Operation::Rotate => signed(if wide { 135.0 } else { 30.0 }),
            Operation::Brightness | Operation::Color | Operation::Contrast | Operation::Sharpness => {
                signed(if wide { 0.99 } else { 0.9 })
            }
            Operation::Posterize => {
                let (from, fewer) = match (wide, mixed) {
                    (true, _) => (8.0, 6.0),
                    (_, true) => (4.0, 4.0),
                    _ => (8.0, 4.0),
                };
                let last = steps.saturating_sub(1) as f32;
                let bits = |step: usize| f64::from((from - step as f32 / (last / fewer)).round_ties_even());
                Magnitudes::Plain((0..steps).map(bits).collect())
            }
            Operation::Solarize => Magnitudes::Plain(spaced(1.0, 0.0, steps)),
        }
    }
}

/// Numbers from `start` to `end` as PyTorch's `linspace` has them: in 32 bits, from both ends.
fn spaced(start: f64, end: f64, steps: usize) -> Vec<f64> {
    let (start, end) = (start as f32, end as f32);
    let step = (end - start) / steps.saturating_sub(1).max(1) as f32;
    let at = |i: usize| if i < steps / 2 { start + step * i as f32 } else { end - step * (steps - 1 - i) as f32 };
    (0..steps).map(|i| f64::from(at(i))).collect()
}
