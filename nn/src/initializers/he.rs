//! K. He et al., "Delving deep into rectifiers: surpassing human-level performance on ImageNet classification", ICCV 2015.

use super::variance_scaling::special_case;

special_case! {
    /// Normal numbers cut at two standard deviations, of variance `2 / fan_in`: for layers followed by ReLU.
    HeNormal = (2.0, FanIn, TruncatedNormal)
}

special_case! {
    /// Even numbers in `±√(6 / fan_in)`: for layers followed by ReLU.
    HeUniform = (2.0, FanIn, Uniform)
}
