//! X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.

use super::variance_scaling::special_case;

special_case! {
    /// Normal numbers cut at two standard deviations, of variance `2 / (fan_in + fan_out)`.
    GlorotNormal = (1.0, FanAvg, TruncatedNormal)
}

special_case! {
    /// Even numbers in `±√(6 / (fan_in + fan_out))`: Keras' default for kernels.
    GlorotUniform = (1.0, FanAvg, Uniform)
}
