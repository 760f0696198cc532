use ocelli_autograd::Op;
use ocelli_autograd::ops::activation::ActivationBackward;
use ocelli_tensor::{Activation, ConvOptions, Tensor};

use crate::support::{Case, beside, case};

/// Where each is smooth.
const ACTIVATIONS: [(Activation, f64, f64); 11] = [
    (Activation::Identity, -1.0, 1.0),
    (Activation::Relu, 0.1, 1.0),
    (Activation::Relu, -1.0, -0.1),
    (Activation::Relu6, 0.1, 5.9),
    (Activation::LeakyRelu(0.25), -1.0, -0.1),
    (Activation::LeakyRelu(0.25), 0.1, 1.0),
    (Activation::Silu, -3.0, 3.0),
    (Activation::HardSwish, -2.9, 2.9),
    (Activation::Sigmoid, -3.0, 3.0),
    (Activation::Gelu, -3.0, 3.0),
    (Activation::GeluTanh, -3.0, 3.0),
];

pub fn cases() -> Vec<Case> {
    let alone = ACTIVATIONS.into_iter().map(|(activation, low, high)| {
        case(format!("activate {activation:?}"), move |v| v[0].activate(activation)).input(&[2, 3], low, high)
    });
    // A weight near 1 and a bias near the middle of the piece keep the sums inside it.
    let after_conv = ACTIVATIONS.into_iter().map(|(activation, low, high)| {
        let middle = (low + high) / 2.0;
        case(format!("conv and {activation:?}"), move |v| {
            v[0].conv_fused(&v[1], Some(&v[2]), None, &ConvOptions::new(), activation)
        })
        .input(&[2, 1, 2, 3], -0.1, 0.1)
        .input(&[2, 1, 1, 2], -1.0, 1.0)
        .input(&[2], middle - 0.1, middle + 0.1)
    });
    // The same with a residual near the middle of the piece; with a bias and without.
    let onto_residual = ACTIVATIONS.into_iter().map(|(activation, low, high)| {
        let middle = (low + high) / 2.0;
        case(format!("conv, residual and {activation:?}"), move |v| {
            let y = v[0].conv_fused(&v[1], Some(&v[2]), Some(&v[3]), &ConvOptions::new(), activation)?;
            y.add(&v[0].conv_fused(&v[1], None, Some(&v[3]), &ConvOptions::new(), activation)?)
        })
        .input(&[2, 1, 2, 3], -0.1, 0.1)
        .input(&[2, 1, 1, 2], -1.0, 1.0)
        .input(&[2], -0.05, 0.05)
        .input(&[2, 2, 2, 2], middle - 0.05, middle + 0.05)
    });
    let gradients = [Activation::Relu, Activation::Relu6, Activation::LeakyRelu(0.25)].map(|activation| {
        case(format!("activation_backward {activation:?}"), move |v| {
            let y = beside(&v[0], &Tensor::new([[-1.0, 0.0, 0.5], [3.0, 6.0, 7.0]])?);
            ActivationBackward { activation, y }.apply(&[&v[0]])
        })
        .input(&[2, 3], -1.0, 1.0)
    });
    alone.chain(after_conv).chain(onto_residual).chain(gradients).collect()
}
