//! Whose formulas.

use serde::{Deserialize, Serialize};

/// Keras and PyTorch compute the same methods differently in these places:
///
/// | | Keras (the default) | PyTorch |
/// |---|---|---|
/// | SGD with momentum | the velocity contains the learning rate: `m ← μ·m − η·g`, `w ← w + m` | it does not: `m ← μ·m + g`, `w ← w − η·m` |
/// | Adagrad | `η·g / √(a + ε)`, `ε = 1e-7`, `a` starts at 0.1 | `η·g / (√a + ε)`, `ε = 1e-10`, `a` starts at 0 |
/// | Adadelta | `ρ = 0.95`, `ε = 1e-7` | `ρ = 0.9`, `ε = 1e-6` |
/// | RMSprop | `η·g / √(v + ε)`, `ρ = 0.9`, `ε = 1e-7`; momentum on the step | `η·g / (√v + ε)`, `ρ = 0.99`, `ε = 1e-8`; momentum before `η` |
/// | Adam, AdamW | `η·√(1−β₂ᵗ)/(1−β₁ᵗ) · m / (√v + ε)`, `ε = 1e-7` | `η/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + ε)`, `ε = 1e-8` |
/// | weight decay | always decoupled: `w ← w − η·λ·w` before the step | added to the gradient, `g ← g + λ·w`; decoupled in AdamW alone |
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Arithmetic {
    /// Keras'.
    #[default]
    Keras,
    /// PyTorch's.
    PyTorch,
}
