//! First values of weights, under Keras' names and with Keras' configurations.
//!
//! ```
//! use ocelli_nn::initializers::{HeNormal, Initializer};
//! use ocelli_tensor::{DType, Generator};
//! # fn main() -> ocelli_nn::Result<()> {
//! let initializer = Initializer::from(HeNormal::default());
//! assert_eq!(initializer, Initializer::from_name("he_normal")?);
//! let kernel = initializer.init([32, 3, 3, 3], DType::F32, &mut Generator::new(1))?;
//! assert_eq!(kernel.shape()[..], [32, 3, 3, 3]);
//! # Ok(())
//! # }
//! ```
//!
//! Weights lie as PyTorch's do, `[out, in, kernel…]`, so the fan in is `shape[1] · receptive field` and the fan out
//! `shape[0] · receptive field`; see [`VarianceScaling`].

mod constant;
mod glorot;
mod he;
mod lecun;
mod orthogonal;
mod random;
mod variance_scaling;

use std::str::FromStr;

use ocelli_tensor::{DType, Generator, Shape, Tensor};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

pub use constant::{Constant, Identity, Ones, Zeros};
pub use glorot::{GlorotNormal, GlorotUniform};
pub use he::{HeNormal, HeUniform};
pub use lecun::{LecunNormal, LecunUniform};
pub use orthogonal::Orthogonal;
pub use random::{RandomNormal, RandomUniform, TruncatedNormal};
pub use variance_scaling::{Distribution, FanMode, VarianceScaling};

/// Generates the enum of all initializers and what goes through all of them from one table: the class, Keras' snake-case
/// names, and the names under which files may know the class besides.
macro_rules! initializers {
    ($($Class:ident [$($name:literal),*] $(alias $alias:literal)?;)*) => {
        /// How a weight gets its first value. Serialized as Keras does it: `{"class_name": "HeNormal", "config": {…}}`.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "class_name", content = "config")]
        #[non_exhaustive]
        pub enum Initializer {
            $(
                #[doc = concat!("[`", stringify!($Class), "`]")]
                $(#[serde(alias = $alias)])?
                $Class($Class),
            )*
        }

        impl Initializer {
            /// The initializer of a name of Keras', with its default configuration: `"he_normal"` or `"HeNormal"`.
            ///
            /// # Errors
            /// [`Error::Argument`] that lists the names, if there is none of this name.
            pub fn from_name(name: &str) -> Result<Self> {
                match name {
                    $(stringify!($Class) $(| $name)* => Ok($Class::default().into()),)*
                    _ => {
                        let names = [$($($name),*),*].join(", ");
                        let message = format!("expected one of {names}, received \"{name}\"");
                        Err(Error::argument("initializer", message))
                    }
                }
            }

            /// The class name, as in a serialized configuration.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Initializer::$Class(_) => stringify!($Class),)*
                }
            }

            /// A tensor of first values. Those that are random come from `generator`, or from the initializer's own `seed` if
            /// it has one: then every call gives the same numbers, and `generator` is left as it is.
            ///
            /// # Errors
            /// If `dtype` is not a float type, or the shape or the configuration is not what the initializer needs.
            pub fn init(&self, shape: impl Into<Shape>, dtype: DType, generator: &mut Generator) -> Result<Tensor> {
                let shape = shape.into();
                if !dtype.is_float() {
                    return Err(ocelli_tensor::Error::dtype("initializer", "a float dtype", dtype).into());
                }
                // Halves are drawn and scaled in single precision.
                let wide = if dtype.is_half() { DType::F32 } else { dtype };
                let values = match self {
                    $(Initializer::$Class(class) => class.values(&shape, wide, generator)?,)*
                };
                Ok(values.to_dtype(dtype)?)
            }
        }

        $(
            impl From<$Class> for Initializer {
                fn from(initializer: $Class) -> Self {
                    Initializer::$Class(initializer)
                }
            }
        )*
    };
}

initializers! {
    Zeros ["zeros", "zero"];
    Ones ["ones", "one"];
    Constant ["constant"];
    Identity ["identity"] alias "IdentityInitializer";
    RandomNormal ["random_normal", "normal"];
    RandomUniform ["random_uniform", "uniform"];
    TruncatedNormal ["truncated_normal"];
    VarianceScaling ["variance_scaling"];
    GlorotNormal ["glorot_normal"];
    GlorotUniform ["glorot_uniform"];
    HeNormal ["he_normal"];
    HeUniform ["he_uniform"];
    LecunNormal ["lecun_normal"];
    LecunUniform ["lecun_uniform"];
    Orthogonal ["orthogonal"] alias "OrthogonalInitializer";
}

impl FromStr for Initializer {
    type Err = Error;

    /// See [`Initializer::from_name`].
    fn from_str(name: &str) -> Result<Self> {
        Initializer::from_name(name)
    }
}

/// Runs `draw` with the initializer's own generator if it has a seed, with the caller's otherwise.
fn seeded<R>(seed: Option<u64>, generator: &mut Generator, draw: impl FnOnce(&mut Generator) -> R) -> R {
    match seed {
        Some(seed) => draw(&mut Generator::new(seed)),
        None => draw(generator),
    }
}
