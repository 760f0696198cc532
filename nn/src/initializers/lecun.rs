//! Y. LeCun et al., "Efficient backprop", in Neural Networks: Tricks of the Trade, 1998.

use super::variance_scaling::special_case;

special_case! {
    /// Normal numbers cut at two standard deviations, of variance `1 / fan_in`: for layers followed by SELU.
    LecunNormal = (1.0, FanIn, TruncatedNormal)
}

special_case! {
    /// Even numbers in `±√(3 / fan_in)`.
    LecunUniform = (1.0, FanIn, Uniform)
}
