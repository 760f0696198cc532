//! Optimizers by name.

use ocelli_nn::Param;

use crate::{Adadelta, Adagrad, Adam, AdamW, Error, Optimizer, Result, RmsProp, Sgd};

/// The optimizer of a name of Keras', in Keras' arithmetic and with its defaults: `"sgd"`, `"adagrad"`, `"adadelta"`,
/// `"rmsprop"`, `"adam"`, `"adamw"`. Capital letters do not matter.
///
/// # Errors
/// [`Error::Argument`] that lists the names, if there is none of this name.
pub fn from_name(name: &str, parameters: Vec<(String, Param)>) -> Result<Box<dyn Optimizer>> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "sgd" => Box::new(Sgd::new(parameters)),
        "adagrad" => Box::new(Adagrad::new(parameters)),
        "adadelta" => Box::new(Adadelta::new(parameters)),
        "rmsprop" => Box::new(RmsProp::new(parameters)),
        "adam" => Box::new(Adam::new(parameters)),
        "adamw" => Box::new(AdamW::new(parameters)),
        _ => {
            let names = "sgd, adagrad, adadelta, rmsprop, adam, adamw";
            let message = format!("expected one of {names}, received \"{name}\"");
            return Err(Error::argument("optimizer", message));
        }
    })
}
