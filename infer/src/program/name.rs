//! What steps are called in reports.

use ocelli_autograd::ops::arithmetic::Function;
use ocelli_tensor::ConvOptions;

use crate::graph::{Conv, Epilogue, Linear, Windows};
use crate::kernels::Activation;
use crate::unary::Unary;

pub(super) fn conv(layer: &Conv) -> String {
    let shape = layer.weight.shape();
    let (outputs, inputs) = (shape[0], shape[1] * layer.options.groups);
    let kind = match layer.options.groups {
        1 => "conv",
        groups if groups == inputs => "depthwise",
        _ => "grouped conv",
    };
    let plain = ConvOptions::new().stride;
    let stride = if layer.options.stride == plain { String::new() } else { format!("/{}", layer.options.stride[0]) };
    let epilogue = self::epilogue(&layer.epilogue);
    format!("{kind} {}×{}{stride} {inputs}→{outputs}{epilogue}", shape[2], shape[3])
}

pub(super) fn linear(layer: &Linear) -> String {
    let shape = layer.weight.shape();
    format!("linear {}→{}{}", shape[1], shape[0], epilogue(&layer.epilogue))
}

fn epilogue(epilogue: &Epilogue) -> String {
    let residual = if epilogue.residual { " + add" } else { "" };
    match epilogue.activation {
        Activation::Identity => residual.to_string(),
        activation => format!("{residual} + {}", lower(activation)),
    }
}

fn lower(activation: Activation) -> String {
    let text = format!("{activation:?}");
    text.split('(').next().unwrap_or_default().to_lowercase()
}

pub(super) fn map(chain: &[Unary]) -> String {
    let parts: Vec<String> = chain.iter().map(unary).collect();
    if parts.is_empty() { "copy".to_string() } else { parts.join(" + ") }
}

fn unary(unary: &Unary) -> String {
    match unary {
        Unary::Affine { .. } => "affine".to_string(),
        Unary::Activation(activation) => lower(*activation),
        Unary::Clamp(..) => "clamp".to_string(),
        Unary::Math(function) => format!("{function:?}").to_lowercase(),
        Unary::Power(_) => "pow".to_string(),
    }
}

pub(super) fn binary(function: Function, chain: &[Unary]) -> String {
    let name = format!("{function:?}").to_lowercase();
    if chain.is_empty() { name } else { format!("{name} + {}", map(chain)) }
}

pub(super) fn pool(windows: &Windows, max: bool) -> String {
    let kind = if max { "max pool" } else { "average pool" };
    match windows {
        Windows::Fixed(options) => {
            let sizes: Vec<String> = options.kernel.iter().map(usize::to_string).collect();
            format!("{kind} {}/{}", sizes.join("×"), options.stride[0])
        }
        Windows::Adaptive => format!("adaptive {kind}"),
    }
}
