//! Reads ResNet-18's weights, classifies one picture of noise and says so: what the start of a program costs.
//! `benches/compare.sh` measures it beside the same in ONNX Runtime.

#![allow(clippy::print_stdout)] // Its output tells when it is done.

use std::error::Error;

use ocelli_autograd::no_grad;
use ocelli_benches::randn;
use ocelli_nn::{Layer, Module};
use ocelli_vision::models::{ResNet, ResNetConfig};

fn main() -> Result<(), Box<dyn Error>> {
    let weights = std::env::args().nth(1).ok_or("expected the path of ResNet-18's weights")?;
    let model = ResNet::from_safetensors(&ResNetConfig::resnet18(), weights)?;
    model.eval();
    let logits = no_grad(|| model.forward(&randn(&[1, 3, 224, 224]).into()))?;
    println!("{:?}", logits.tensor().argmax(1)?.to_vec::<i64>()?);
    Ok(())
}
