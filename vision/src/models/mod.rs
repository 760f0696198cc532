//! Networks, one file per family. A constructor takes a config and a generator for the first weights; `from_safetensors` takes the
//! config and a file. All give logits: the losses' and metrics' job is to make probabilities of them.
//!
//! | name | network | input | parameters |
//! |---|---|---|---|
//! | `keras-mnist` | [`KerasMnist`] | 1×28×28 | 93,322 |
//! | `lenet` | [`LeNet`] | 1×28×28 | 61,706 |
//! | `lenet-1998` | [`LeNet1998`] | 1×28×28 or 1×32×32 | 60,850 |
//! | `course` | [`Course`] | 1×28×28 | 58,796 |
//! | `cats-dogs` | [`CatsDogs`] | 3×150×150 | 3,453,121 (one logit) |
//! | `alexnet` | [`AlexNet`] | 3×224×224 | 61,100,840 (1000 classes) |
//! | `vgg11` | [`Vgg`] | 3×224×224 | 132,863,336 (1000 classes) |
//! | `resnet18` | [`ResNet`] | 3×224×224 | 11,689,512 (1000 classes) |
//! | `mobilenet_v2` | [`MobileNetV2`] | 3×224×224 | 3,504,872 (1000 classes) |
//!
//! `resnet34`, `resnet50`, `resnet101` and `resnet152` are configs of [`ResNet`] too; `vgg13`, `vgg16`, `vgg19` and, with batch norm,
//! `vgg11_bn`, `vgg13_bn`, `vgg16_bn` and `vgg19_bn` are configs of [`Vgg`].
//!
//! ```
//! use ocelli_nn::{Module, summary};
//! use ocelli_tensor::{DType, Generator};
//! use ocelli_vision::models;
//! # fn main() -> ocelli_vision::Result<()> {
//! let model = models::by_name("keras-mnist", 10, &mut Generator::new(42))?;
//! assert_eq!(model.parameter_count(), 93_322);
//! let table = summary(&*model, [1, 1, 28, 28], DType::F32)?.to_string();
//! assert!(table.contains("conv2d (Conv2d)") && table.contains("Total params: 93,322 (364.54 KB)"), "{table}");
//! # Ok(())
//! # }
//! ```

mod alexnet;
mod cats_dogs;
mod course;
mod initialization;
mod keras_mnist;
mod lenet;
mod lenet_1998;
mod mobilenet_v2;
mod resnet;
mod vgg;

use std::path::Path;

use ocelli_nn::{Layer, Module};
use ocelli_tensor::{Generator, safetensors};

use crate::{Error, Result};

pub use alexnet::{AlexNet, AlexNetConfig};
pub use cats_dogs::{CatsDogs, CatsDogsConfig};
pub use course::{Course, CourseConfig};
pub use keras_mnist::{KerasMnist, KerasMnistConfig};
pub use lenet::{LeNet, LeNetConfig};
pub use lenet_1998::{LeNet1998, LeNet1998Config, LeNetHead};
pub use mobilenet_v2::{MobileNetV2, MobileNetV2Config};
pub use resnet::{Block, ResNet, ResNetConfig};
pub use vgg::{Vgg, VggConfig};

/// The names that [`by_name`] knows.
pub const NAMES: [&str; 20] = [
    "keras-mnist",
    "lenet",
    "lenet-1998",
    "course",
    "cats-dogs",
    "alexnet",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "mobilenet_v2",
];

/// The network of one of [`NAMES`] with so many classes and else its default config.
///
/// # Errors
/// [`Error::Argument`] that lists the names, if there is none of this name; or if there are no classes.
pub fn by_name(name: &str, classes: usize, generator: &mut Generator) -> Result<Box<dyn Layer>> {
    Ok(match name {
        "keras-mnist" => {
            let config = KerasMnistConfig { num_classes: classes, ..Default::default() };
            Box::new(KerasMnist::new(&config, generator)?)
        }
        "lenet" => {
            let config = LeNetConfig { num_classes: classes };
            Box::new(LeNet::new(&config, generator)?)
        }
        "lenet-1998" => {
            let config = LeNet1998Config { num_classes: classes, ..Default::default() };
            Box::new(LeNet1998::new(&config, generator)?)
        }
        "course" => {
            let config = CourseConfig { num_classes: classes };
            Box::new(Course::new(&config, generator)?)
        }
        "cats-dogs" => {
            let config = CatsDogsConfig { num_classes: classes, ..Default::default() };
            Box::new(CatsDogs::new(&config, generator)?)
        }
        "alexnet" => {
            let config = AlexNetConfig { num_classes: classes, ..Default::default() };
            Box::new(AlexNet::new(&config, generator)?)
        }
        "vgg11" => vgg(VggConfig::vgg11(), false, classes, generator)?,
        "vgg11_bn" => vgg(VggConfig::vgg11(), true, classes, generator)?,
        "vgg13" => vgg(VggConfig::vgg13(), false, classes, generator)?,
        "vgg13_bn" => vgg(VggConfig::vgg13(), true, classes, generator)?,
        "vgg16" => vgg(VggConfig::vgg16(), false, classes, generator)?,
        "vgg16_bn" => vgg(VggConfig::vgg16(), true, classes, generator)?,
        "vgg19" => vgg(VggConfig::vgg19(), false, classes, generator)?,
        "vgg19_bn" => vgg(VggConfig::vgg19(), true, classes, generator)?,
        "resnet18" => resnet(ResNetConfig::resnet18(), classes, generator)?,
        "resnet34" => resnet(ResNetConfig::resnet34(), classes, generator)?,
        "resnet50" => resnet(ResNetConfig::resnet50(), classes, generator)?,
        "resnet101" => resnet(ResNetConfig::resnet101(), classes, generator)?,
        "resnet152" => resnet(ResNetConfig::resnet152(), classes, generator)?,
        "mobilenet_v2" => {
            let config = MobileNetV2Config { num_classes: classes, ..Default::default() };
            Box::new(MobileNetV2::new(&config, generator)?)
        }
        _ => {
            let message = format!("expected one of {}, received {name:?}", NAMES.join(", "));
            return Err(Error::argument("model", message));
        }
    })
}

fn vgg(config: VggConfig, batch_norm: bool, classes: usize, generator: &mut Generator) -> Result<Box<dyn Layer>> {
    Ok(Box::new(Vgg::new(&VggConfig { num_classes: classes, batch_norm, ..config }, generator)?))
}

fn resnet(config: ResNetConfig, classes: usize, generator: &mut Generator) -> Result<Box<dyn Layer>> {
    Ok(Box::new(ResNet::new(&ResNetConfig { num_classes: classes, ..config }, generator)?))
}

/// Gives a model the weights of a safetensors file, which must have exactly the model's keys and shapes.
///
/// # Errors
/// If the file cannot be read; [`Error::Weights`] with the missing, unexpected and misshapen keys if it is another model's, and
/// then the model is as it was.
pub fn load_safetensors(model: &(impl Module + ?Sized), path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    let weights = safetensors::load(path)?;
    model.load_state_dict(&weights).map_err(|source| Error::Weights { path: path.to_path_buf(), source })
}

/// The `from_safetensors` that all models have.
macro_rules! from_safetensors {
    ($Config:ty) => {
        /// The network with the weights of a safetensors file, which must have exactly its keys and shapes.
        ///
        /// # Errors
        /// If the file cannot be read; [`Error::Weights`](crate::Error::Weights) with the missing, unexpected and misshapen keys if it is
        /// another model's.
        pub fn from_safetensors(config: &$Config, path: impl AsRef<std::path::Path>) -> $crate::Result<Self> {
            let model = Self::new(config, &mut ocelli_tensor::Generator::new(0))?;
            super::load_safetensors(&model, path)?;
            Ok(model)
        }
    };
}
use from_safetensors;

/// The side that is left of `size` by 3×3 windows without padding and then 2×2 pooling, `None` if nothing is.
fn after_stage(size: usize) -> Option<usize> {
    size.checked_sub(2).map(|size| size / 2).filter(|&size| size > 0)
}
