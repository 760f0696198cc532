//! LeNet-5 as the paper describes it: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
//! recognition", Proceedings of the IEEE 86(11), 1998, section II.B and appendix A.

use ocelli_autograd::Var;
use ocelli_nn::initializers::RandomUniform;
use ocelli_nn::{Buffer, Conv2d, Flatten, Layer, Linear, Module, Param};
use ocelli_tensor::{ConvOptions, DType, Generator, PoolOptions, Tensor};
use serde::{Deserialize, Serialize};

use super::from_safetensors;
use crate::{Error, Result};

/// What stands at the end of a [`LeNet1998`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeNetHead {
    /// A dense layer for the cross-entropy of a softmax, as most who rebuild the network have it: any number of classes.
    #[default]
    Linear,
    /// The paper's radial basis functions: minus the squared distance to a fixed picture of each of the ten digits.
    Rbf,
}

/// What a [`LeNet1998`] is made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LeNet1998Config {
    /// Number of logits; 10 with [`LeNetHead::Rbf`].
    pub num_classes: usize,
    /// Side of the pictures: 32 as in the paper, or 28, to which a margin of 2 pixels is added.
    pub input_size: usize,
    /// What stands at the end.
    pub head: LeNetHead,
}

impl Default for LeNet1998Config {
    fn default() -> Self {
        LeNet1998Config { num_classes: 10, input_size: 28, head: LeNetHead::Linear }
    }
}

/// LeNet-5 of 1998 for pictures of 1×28×28 or 1×32×32.
///
/// | layer | what | output | parameters |
/// |---|---|---|---|
/// | `c1` | 5×5 convolution | 6×28×28 | 156 |
/// | `s2` | sum of 2×2, times a coefficient, plus a bias, for each map | 6×14×14 | 12 |
/// | `c3` | 5×5 convolution; each map reads the 3, 4 or 6 maps that the paper's table I gives it | 16×10×10 | 1,516 |
/// | `s4` | as `s2` | 16×5×5 | 32 |
/// | `c5` | 5×5 convolution | 120×1×1 | 48,120 |
/// | `f6` | dense | 84 | 10,164 |
/// | `output` | see [`LeNetHead`] | 10 | 850, or none that is trained |
///
/// With [`LeNetHead::Rbf`] these are the paper's 60,000. Every layer up to `f6` ends with the paper's `1.7159·tanh(2x/3)`, and the weights
/// and biases begin evenly in `±2.4 / inputs of a unit`.
///
/// Two things differ from the paper, so that the same losses and metrics serve as for other networks. The radial basis functions' outputs
/// come with a minus: the least distance is the largest logit, and the cross-entropy of these logits is the paper's criterion (equation 9)
/// without its constant for pictures that are no digit. And the pictures of the digits were drawn for this crate: 7×12 pixels
/// of ±1 as in the paper, whose own are printed there only as figure 3.
#[derive(Module)]
pub struct LeNet1998 {
    c1: Conv2d,
    s2: Subsampling,
    c3: PartialConv,
    s4: Subsampling,
    c5: Conv2d,
    flatten: Flatten,
    f6: Linear,
    output: Box<dyn Layer>,
}

impl LeNet1998 {
    /// With first weights as in the paper.
    ///
    /// # Errors
    /// If there are no classes, other than 10 for [`LeNetHead::Rbf`], or `input_size` is not 28 or 32.
    pub fn new(config: &LeNet1998Config, generator: &mut Generator) -> Result<Self> {
        let padding = match config.input_size {
            28 => 2,
            32 => 0,
            size => {
                return Err(Error::argument("LeNet1998", format!("expected an input of 28 or 32, received {size}")));
            }
        };
        let mut conv = |inputs: usize, outputs: usize, padding: usize| {
            let layer = Conv2d::builder(inputs, outputs, 5).padding(padding);
            layer.kernel_initializer(even(inputs * 25)).bias_initializer(even(inputs * 25)).build(generator)
        };
        let (c1, c5) = (conv(1, 6, padding)?, conv(16, 120, 0)?);
        let mut dense = |inputs: usize, outputs: usize| {
            let layer = Linear::builder(inputs, outputs);
            layer.kernel_initializer(even(inputs)).bias_initializer(even(inputs)).build(generator)
        };
        let f6 = dense(120, CODE)?;
        let output: Box<dyn Layer> = match (config.head, config.num_classes) {
            (LeNetHead::Linear, classes) => Box::new(dense(CODE, classes)?),
            (LeNetHead::Rbf, 10) => Box::new(Rbf::new()?),
            (LeNetHead::Rbf, classes) => {
                let message = format!("expected 10 classes, which the radial basis functions have, received {classes}");
                return Err(Error::argument("LeNet1998", message));
            }
        };
        Ok(LeNet1998 {
            c1,
            s2: Subsampling::new(6, generator)?,
            c3: PartialConv::new(generator)?,
            s4: Subsampling::new(16, generator)?,
            c5,
            flatten: Flatten::new(),
            f6,
            output,
        })
    }

    from_safetensors!(LeNet1998Config);
}

impl Layer for LeNet1998 {
    fn call(&self, x: &Var) -> ocelli_nn::Result<Var> {
        let x = squash(&self.s2.forward(&squash(&self.c1.forward(x)?)?)?)?;
        let x = squash(&self.s4.forward(&squash(&self.c3.forward(&x)?)?)?)?;
        let x = self.flatten.forward(&squash(&self.c5.forward(&x)?)?)?;
        self.output.forward(&squash(&self.f6.forward(&x)?)?)
    }
}

/// The paper's sigmoid: ±1 lie where it bends most, and its slope at 0 is nearly 1.
fn squash(x: &Var) -> ocelli_nn::Result<Var> {
    Ok(x.mul(2.0 / 3.0)?.tanh()?.mul(1.7159)?)
}

/// Even in `±2.4 / inputs`.
fn even(inputs: usize) -> RandomUniform {
    let limit = 2.4 / inputs as f64;
    RandomUniform::new(-limit, limit)
}

/// `weight · (sum of 2×2) + bias` with one weight and one bias for each map.
#[derive(Debug, Module)]
struct Subsampling {
    weight: Param,
    bias: Param,
}

impl Subsampling {
    fn new(maps: usize, generator: &mut Generator) -> Result<Self> {
        let mut first = || {
            let limit = 2.4 / 4.0;
            Param::new(Tensor::rand([maps], DType::F32, generator)?.mul(2.0 * limit)?.sub(limit)?)
        };
        Ok(Subsampling { weight: first()?, bias: first()? })
    }
}

impl Layer for Subsampling {
    fn call(&self, x: &Var) -> ocelli_nn::Result<Var> {
        let per_map = |param: &Param| param.var().reshape([1, -1, 1, 1]);
        let sum = x.avg_pool(&PoolOptions::new(2))?.mul(4.0)?;
        Ok(sum.mul(&per_map(&self.weight)?)?.add(&per_map(&self.bias)?)?)
    }
}

/// The maps of S2 that each map of C3 reads: the paper's table I.
const TABLE: [&[usize]; 16] = [
    &[0, 1, 2],
    &[1, 2, 3],
    &[2, 3, 4],
    &[3, 4, 5],
    &[0, 4, 5],
    &[0, 1, 5],
    &[0, 1, 2, 3],
    &[1, 2, 3, 4],
    &[2, 3, 4, 5],
    &[0, 3, 4, 5],
    &[0, 1, 4, 5],
    &[0, 1, 2, 5],
    &[0, 1, 3, 4],
    &[1, 2, 4, 5],
    &[0, 2, 3, 5],
    &[0, 1, 2, 3, 4, 5],
];

/// Maps that C3 reads and makes.
const MAPS: [usize; 2] = [6, 16];

/// The convolution C3, which has a kernel for each connection of [`TABLE`] and none elsewhere.
#[derive(Debug, Module)]
struct PartialConv {
    /// `[60, 5, 5]`: the kernels of map 0, then of map 1, …
    weight: Param,
    bias: Param,
    /// Where each kernel stands among those of a full convolution.
    positions: Tensor,
}

impl PartialConv {
    fn new(generator: &mut Generator) -> Result<Self> {
        let connections = || TABLE.iter().enumerate().flat_map(|(map, inputs)| inputs.iter().map(move |i| (map, *i)));
        let positions: Vec<i64> = connections().map(|(map, input)| (map * MAPS[0] + input) as i64).collect();
        let limit = |map: usize| 2.4 / (TABLE[map].len() * 25) as f64;
        let weight_limits: Vec<f64> = connections().map(|(map, _)| limit(map)).collect();
        let bias_limits: Vec<f64> = (0..MAPS[1]).map(limit).collect();
        let count = positions.len();
        let mut even = |shape: &[usize], limits: Vec<f64>, per: &[usize]| -> Result<Param> {
            let limits = Tensor::from_vec(limits, per)?;
            let values = Tensor::rand(shape, DType::F64, generator)?.mul(2.0)?.sub(1.0)?.mul(&limits)?;
            Ok(Param::new(values.to_dtype(DType::F32)?)?)
        };
        Ok(PartialConv {
            weight: even(&[count, 5, 5], weight_limits, &[count, 1, 1])?,
            bias: even(&[MAPS[1]], bias_limits, &[MAPS[1]])?,
            positions: Tensor::from_vec(positions, [count])?,
        })
    }
}

impl Layer for PartialConv {
    fn call(&self, x: &Var) -> ocelli_nn::Result<Var> {
        let [inputs, outputs] = MAPS;
        let weight = self.weight.var();
        let none = Var::constant(Tensor::zeros([outputs * inputs, 5, 5], weight.dtype())?);
        let full = none.index_add(0, &self.positions, &weight)?.reshape([outputs, inputs, 5, 5])?;
        Ok(x.conv(&full, Some(&self.bias.var()), &ConvOptions::default())?)
    }
}

/// Length of a code: 7×12 pixels.
const CODE: usize = 84;

/// The digits in 7×12 pixels.
const DIGITS: [[&str; 12]; 10] = [
    [
        ".......", "..###..", ".##.##.", "##...##", "##...##", "##...##", "##...##", "##...##", "##...##", ".##.##.",
        "..###..", ".......",
    ],
    [
        ".......", "...##..", "..###..", ".####..", "...##..", "...##..", "...##..", "...##..", "...##..", "...##..",
        ".######", ".......",
    ],
    [
        ".......", ".#####.", "##...##", ".....##", ".....##", "....##.", "...##..", "..##...", ".##....", "##.....",
        "#######", ".......",
    ],
    [
        ".......", "#######", ".....##", "....##.", "...##..", "..####.", ".....##", ".....##", ".....##", "##...##",
        ".#####.", ".......",
    ],
    [
        ".......", "....##.", "...###.", "..####.", ".##.##.", "##..##.", "##..##.", "#######", "....##.", "....##.",
        "....##.", ".......",
    ],
    [
        ".......", "#######", "##.....", "##.....", "##.....", "######.", ".....##", ".....##", ".....##", "##...##",
        ".#####.", ".......",
    ],
    [
        ".......", "..####.", ".##....", "##.....", "##.....", "######.", "##...##", "##...##", "##...##", "##...##",
        ".#####.", ".......",
    ],
    [
        ".......", "#######", ".....##", ".....##", "....##.", "....##.", "...##..", "...##..", "..##...", "..##...",
        "..##...", ".......",
    ],
    [
        ".......", ".#####.", "##...##", "##...##", "##...##", ".#####.", "##...##", "##...##", "##...##", "##...##",
        ".#####.", ".......",
    ],
    [
        ".......", ".#####.", "##...##", "##...##", "##...##", "##...##", ".######", ".....##", ".....##", "....##.",
        ".####..", ".......",
    ],
];

/// Minus the squared distance to each digit's picture.
#[derive(Debug, Module)]
struct Rbf {
    /// `[10, 84]`, ink 1 and paper -1; not trained.
    codes: Buffer,
}

impl Rbf {
    fn new() -> Result<Self> {
        let pixels = DIGITS.iter().flatten().flat_map(|row| row.chars());
        let codes = pixels.map(|pixel| if pixel == '#' { 1.0f32 } else { -1.0 }).collect();
        Ok(Rbf { codes: Buffer::new(Tensor::from_vec(codes, [DIGITS.len(), CODE])?) })
    }
}

impl Layer for Rbf {
    fn call(&self, x: &Var) -> ocelli_nn::Result<Var> {
        Ok(x.unsqueeze(1)?.sub(&self.codes.tensor())?.square()?.sum(2)?.neg()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_papers_connections() {
        assert_eq!(TABLE.iter().map(|inputs| inputs.len()).sum::<usize>(), 60);
        // Each map of S2 is read by ten maps of C3.
        for input in 0..6 {
            assert_eq!(TABLE.iter().filter(|inputs| inputs.contains(&input)).count(), 10);
        }
    }

    #[test]
    fn the_codes_are_distinct_and_full() {
        assert!(DIGITS.iter().flatten().all(|row| row.len() == 7));
        let rbf = Rbf::new().unwrap();
        let codes = Var::constant(rbf.codes.tensor());
        let distances = rbf.forward(&codes).unwrap();
        let nearest = distances.tensor().argmax(1).unwrap();
        assert_eq!(nearest.to_vec::<i64>().unwrap(), (0..10).collect::<Vec<i64>>());
        let zeros = distances.tensor().eq(0.0).unwrap().to_vec::<bool>().unwrap();
        assert_eq!(zeros.iter().filter(|&&zero| zero).count(), 10);
    }
}
