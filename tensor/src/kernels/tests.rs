//! Prepared kernels against their definitions.

use proptest::prelude::*;

use super::*;
use crate::cpu::simd::Level;
use crate::{ConvOptions, DType};

/// What stands between the places.
const GAP: f64 = 77.0;

fn numbers(count: usize, seed: usize) -> Vec<f64> {
    (0..count).map(|i| (((i * 7919 + seed * 104_729) % 1009) as f64 - 504.0) / 504.0).collect()
}

fn cast<T: Float>(x: &[f64]) -> Vec<T> {
    x.iter().map(|&x| T::from_f64(x)).collect()
}

fn tensor(x: &[f64], shape: &[usize]) -> Tensor {
    Tensor::from_slice(x, shape).unwrap()
}

fn activated(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Identity => x,
        Activation::Relu => x.max(0.0),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::LeakyRelu(slope) => x * if x < 0.0 { f64::from(slope) } else { 1.0 },
        Activation::Silu => x / (1.0 + (-x).exp()),
        Activation::HardSwish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Activation::Gelu => 0.5 * x * (1.0 + libm::erf(x / 2f64.sqrt())),
        Activation::GeluTanh => {
            0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh())
        }
    }
}

const ACTIVATIONS: [Activation; 9] = [
    Activation::Identity,
    Activation::Relu,
    Activation::Relu6,
    Activation::LeakyRelu(0.25),
    Activation::Silu,
    Activation::HardSwish,
    Activation::Sigmoid,
    Activation::Gelu,
    Activation::GeluTanh,
];

#[derive(Debug, Clone)]
struct Case {
    images: usize,
    size: [usize; 3],
    kernel: [usize; 3],
    /// Channels and filters of a group.
    channels: usize,
    filters: usize,
    groups: usize,
    stride: [usize; 3],
    padding: [(usize, usize); 3],
    dilation: [usize; 3],
    /// Elements between places of input, result and residual.
    gaps: [usize; 3],
    bias: bool,
    residual: bool,
    activation: Activation,
}

impl Case {
    /// A plain one of two axes.
    fn flat(size: [usize; 2], kernel: usize, channels: usize, filters: usize) -> Self {
        let pad = (kernel / 2, kernel / 2);
        Case {
            images: 1,
            size: [1, size[0], size[1]],
            kernel: [1, kernel, kernel],
            channels,
            filters,
            groups: 1,
            stride: [1; 3],
            padding: [(0, 0), pad, pad],
            dilation: [1; 3],
            gaps: [0; 3],
            bias: true,
            residual: true,
            activation: Activation::Relu,
        }
    }

    fn options(&self) -> ConvOptions {
        let options = ConvOptions::new().stride(self.stride).padding(self.padding).dilation(self.dilation);
        options.groups(self.groups)
    }

    /// Runs the kernel and compares with the definition; nothing if the options give no result.
    fn check<T: Float>(&self, tolerance: f64) {
        let &Case { images, size, kernel, channels, filters, groups, .. } = self;
        let (inputs, outputs, taps) = (groups * channels, groups * filters, kernel.iter().product::<usize>());
        let weights = numbers(outputs * channels * taps, 1);
        let bias = numbers(outputs, 2);
        let shape = [outputs, channels, kernel[0], kernel[1], kernel[2]];
        let packed = PackedConv::<T>::new(
            &tensor(&weights, &shape),
            self.bias.then(|| tensor(&bias, &[outputs])).as_ref(),
            &self.options(),
        );
        let Ok(packed) = packed else { return };
        let Ok(result) = packed.output_size(size) else { return };
        let places: usize = size.iter().product();
        let windows: usize = result.iter().product();
        let strides = [inputs + self.gaps[0], outputs + self.gaps[1], outputs + self.gaps[2]];
        let x = numbers(images * places * strides[0], 3);
        let residual = numbers(images * windows * strides[2], 4);
        let mut expected = vec![GAP; images * windows * strides[1]];
        for (window, row) in expected.chunks_mut(strides[1].max(1)).enumerate().take(images * windows) {
            let (image, at) = (window / windows, window % windows);
            let at = [at / (result[1] * result[2]), at / result[2] % result[1], at % result[2]];
            for (o, out) in row[..outputs].iter_mut().enumerate() {
                let mut sum = if self.bias { bias[o] } else { 0.0 };
                for tap in 0..taps {
                    let tap_at = [tap / (kernel[1] * kernel[2]), tap / kernel[2] % kernel[1], tap % kernel[2]];
                    let from: Option<Vec<usize>> = (0..3)
                        .map(|i| {
                            let place = at[i] * self.stride[i] + tap_at[i] * self.dilation[i];
                            place.checked_sub(self.padding[i].0).filter(|&place| place < size[i])
                        })
                        .collect();
                    let Some(from) = from else { continue };
                    let place = (from[0] * size[1] + from[1]) * size[2] + from[2];
                    for c in 0..channels {
                        let x = x[(image * places + place) * strides[0] + o / filters * channels + c];
                        sum += x * weights[(o * channels + c) * taps + tap];
                    }
                }
                if self.residual {
                    sum += residual[window * strides[2] + o];
                }
                *out = activated(self.activation, sum);
            }
        }
        let (x, residual, mut out) = (cast::<T>(&x), cast::<T>(&residual), cast::<T>(&vec![GAP; expected.len()]));
        let read = |data, size, channels, stride| Images { data, images, size, channels, stride };
        packed
            .run(
                read(&x, size, inputs, strides[0]),
                ImagesMut { data: &mut out, images, size: result, channels: outputs, stride: strides[1] },
                self.residual.then(|| read(&residual, result, outputs, strides[2])),
                self.activation,
            )
            .unwrap();
        for (i, (out, expected)) in out.iter().zip(&expected).enumerate() {
            let out = out.to_f64();
            assert!(
                (out - expected).abs() <= tolerance * (1.0 + expected.abs()),
                "{self:?}: {out} at {i}, expected {expected}"
            );
        }
    }
}

fn axis() -> impl Strategy<Value = (usize, usize, usize, (usize, usize), usize)> {
    (0..9usize, 1..5usize, 1..3usize, (0..3usize, 0..3usize), 1..3usize)
}

fn case() -> impl Strategy<Value = Case> {
    let channels = prop_oneof![3 => 1..6usize, 1 => 14..19usize];
    let filters = prop_oneof![3 => 1..6usize, 1 => 30..35usize];
    let flat = prop_oneof![3 => Just(true), 1 => Just(false)];
    let plain = (0..3usize, flat, (axis(), axis(), axis()), channels, filters, 1..4usize);
    let rest = ((0..3usize, 0..3usize, 0..3usize), any::<(bool, bool)>(), 0..ACTIVATIONS.len());
    (plain, rest).prop_map(
        |((images, flat, (a, b, c), channels, filters, groups), (gaps, (bias, residual), activation))| {
            let axes = [if flat { (1, 1, 1, (0, 0), 1) } else { a }, b, c];
            Case {
                images,
                size: axes.map(|axis| axis.0),
                kernel: axes.map(|axis| axis.1),
                stride: axes.map(|axis| axis.2),
                padding: axes.map(|axis| axis.3),
                dilation: axes.map(|axis| axis.4),
                channels,
                filters,
                groups,
                gaps: gaps.into(),
                bias,
                residual,
                activation: ACTIVATIONS[activation],
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn convolutions_of_all_kinds(case in case()) {
        case.check::<f64>(1e-9);
        case.check::<f32>(1e-4);
    }
}

#[test]
fn convolutions_around_block_boundaries() {
    for channels in [15, 16, 17, 63, 64, 65, 385, 769] {
        for filters in [1, 16, 47, 64, 65, 129] {
            Case::flat([3, 5], 1, channels, filters).check::<f32>(1e-4);
        }
    }
    for (size, channels, filters) in [([7, 7], 48, 130), ([14, 13], 129, 33), ([1, 1], 200, 70), ([30, 31], 8, 16)] {
        Case::flat(size, 3, channels, filters).check::<f32>(1e-4);
        Case { stride: [1, 2, 2], ..Case::flat(size, 3, channels, filters) }.check::<f32>(1e-4);
        Case { images: 3, stride: [1, 2, 2], ..Case::flat(size, 1, channels, filters) }.check::<f32>(1e-4);
    }
}

#[test]
fn depthwise_and_first_layers() {
    for kernel in [3, 5, 7] {
        for stride in [1, 2] {
            let stride = [1, stride, stride];
            Case { groups: 35, stride, activation: Activation::Relu6, ..Case::flat([15, 16], kernel, 1, 1) }
                .check::<f32>(1e-4);
            Case { images: 2, stride, ..Case::flat([33, 31], kernel, 3, 40) }.check::<f32>(1e-4);
            Case { groups: 4, stride, gaps: [1, 2, 3], ..Case::flat([9, 9], kernel, 1, 3) }.check::<f32>(1e-4);
        }
    }
}

#[test]
fn linear_layers_at_every_level() {
    for (rows, inputs, outputs) in
        [(0, 3, 2), (1, 1, 1), (1, 0, 5), (1, 769, 130), (2, 100, 1000), (13, 64, 17), (100, 33, 66), (3, 5, 0)]
    {
        let (x, weight, bias) = (numbers(rows * (inputs + 1), 1), numbers(outputs * inputs, 2), numbers(outputs, 3));
        let residual = numbers(rows * (outputs + 3), 4);
        for level in Level::all() {
            let linear =
                PackedLinear::<f32>::at(level, &tensor(&weight, &[outputs, inputs]), Some(&tensor(&bias, &[outputs])));
            let linear = linear.unwrap();
            let (x32, residual32) = (cast::<f32>(&x), cast::<f32>(&residual));
            let mut out = vec![GAP as f32; rows * (outputs + 2)];
            let read = |data, channels, stride| Images { data, images: rows, size: [1; 3], channels, stride };
            let target =
                ImagesMut { data: &mut out, images: rows, size: [1; 3], channels: outputs, stride: outputs + 2 };
            let (x32, residual32) = (read(&x32, inputs, inputs + 1), read(&residual32, outputs, outputs + 3));
            linear.run(x32, target, Some(residual32), Activation::Silu).unwrap();
            for (row, out) in out.chunks(outputs + 2).enumerate() {
                assert!(out[outputs..].iter().all(|&gap| gap == GAP as f32));
                for (o, &out) in out[..outputs].iter().enumerate() {
                    let products = (0..inputs).map(|i| x[row * (inputs + 1) + i] * weight[o * inputs + i]);
                    let sum = bias[o] + residual[row * (outputs + 3) + o] + products.sum::<f64>();
                    let expected = activated(Activation::Silu, sum);
                    assert!(
                        (f64::from(out) - expected).abs() < 1e-4 * (1.0 + expected.abs()),
                        "{out}, expected {expected}"
                    );
                }
            }
        }
    }
}

#[test]
fn activations() {
    let x = numbers(100, 5).iter().map(|x| 8.0 * x).collect::<Vec<f64>>();
    for activation in ACTIVATIONS {
        let mut y = x.clone();
        activate(activation, &mut y);
        for (x, y) in x.iter().zip(&y) {
            assert!((activated(activation, *x) - y).abs() < 1e-12, "{activation:?} of {x}: {y}");
        }
        let mut nan = [f32::NAN; 3];
        activate(activation, &mut nan);
        assert!(nan.iter().all(|x| x.is_nan()), "{activation:?}");
    }
}

#[test]
fn halves_are_widened() {
    let weight = tensor(&[0.5, -1.5], &[1, 2]).to_dtype(DType::F16).unwrap();
    let linear = PackedLinear::<f32>::new(&weight, None).unwrap();
    let mut y = [0.0];
    let x = Images { data: &[2.0, 1.0], images: 1, size: [1; 3], channels: 2, stride: 2 };
    let out = ImagesMut { data: &mut y, images: 1, size: [1; 3], channels: 1, stride: 1 };
    linear.run(x, out, None, Activation::Identity).unwrap();
    assert_eq!(y, [-0.5]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let weight = Tensor::zeros([4, 3, 3, 3], DType::F32).unwrap();
    let options = ConvOptions::new();
    let conv = PackedConv::<f32>::new(&weight, None, &options).unwrap();
    let text = |result: crate::Result<()>| result.unwrap_err().to_string();
    let image = [0.0; 75];
    let x = Images { data: &image, images: 1, size: [1, 5, 5], channels: 3, stride: 3 };
    let run = |x: Images<'_, f32>, length: usize, size: [usize; 3], channels: usize| {
        let mut y = vec![0.0; length];
        let out = ImagesMut { data: &mut y, images: 1, size, channels, stride: channels };
        conv.run(x, out, None, Activation::Identity)
    };
    run(x, 36, [1, 3, 3], 4).unwrap();
    assert_eq!(
        text(run(x, 36, [1, 3, 2], 4)),
        "PackedConv: expected a result of [images, depth, height, width, channels] [1, 1, 3, 3, 4], received shape \
         [1, 1, 3, 2, 4]"
    );
    assert_eq!(text(run(x, 35, [1, 3, 3], 4)), "PackedConv: expected at least 36 elements for a result, received 35");
    assert_eq!(
        text(run(Images { stride: 2, ..x }, 36, [1, 3, 3], 4)),
        "PackedConv: expected a stride of at least the 3 channels of pictures, received 2"
    );
    assert!(run(Images { channels: 2, ..x }, 36, [1, 3, 3], 4).is_err());
    assert!(run(Images { size: [2, 5, 5], ..x }, 36, [1, 3, 3], 4).is_err());
    assert!(conv.output_size([1, 2, 5]).is_err());
    let bias = Tensor::zeros([3], DType::F32).unwrap();
    let text = PackedConv::<f32>::new(&weight, Some(&bias), &options).unwrap_err().to_string();
    assert_eq!(text, "PackedConv: expected a bias of shape [4], received shape [3]");
    assert!(PackedConv::<f32>::new(&bias, None, &options).is_err());
    assert!(PackedConv::<f32>::new(&weight.to_dtype(DType::I32).unwrap(), None, &options).is_err());
    assert!(PackedLinear::<f32>::new(&weight, None).is_err());
    assert!(PackedConv::<f32>::new(&weight, None, &options.clone().groups(3)).is_err());
}
