//! Convolutions and their gradients.

use smallvec::SmallVec;

use super::elementwise::{F32, Numbers, ROUNDING, rounding};
use super::kernel::Lanes;
use super::matmul::{BLOCKS, Cut, GROUPS};
use super::{Grid, Kernel, Program, Stored, cooperative, reduce};
use crate::cpu::conv::Geometry;
use crate::layout::Layout;
use crate::{Activation, Result, Shape, Tensor};

const WINDOWS: &str = include_str!("shaders/windows.wgsl");
const CONV: &str = include_str!("shaders/conv.wgsl");
const CONV_COOPERATIVE: &str = include_str!("shaders/conv_cooperative.wgsl");
const BY_BLOCKS: &[&str] = &[ROUNDING, F32, BLOCKS, WINDOWS, CONV];
const BY_MATRICES: &[&str] = &[ROUNDING, F32, WINDOWS, CONV_COOPERATIVE, cooperative::COOPERATIVE];
/// By [`Mode`].
static KERNELS: [Kernel; 3] = [
    Kernel { name: "conv", files: BY_BLOCKS },
    Kernel { name: "conv to input", files: BY_BLOCKS },
    Kernel { name: "conv to weight", files: BY_BLOCKS },
];
static COOPERATIVE: [Kernel; 3] = [
    Kernel { name: "conv cooperative", files: BY_MATRICES },
    Kernel { name: "conv to input cooperative", files: BY_MATRICES },
    Kernel { name: "conv to weight cooperative", files: BY_MATRICES },
];
static DEPTHWISE: Kernel =
    Kernel { name: "depthwise", files: &[ROUNDING, F32, include_str!("shaders/depthwise.wgsl")] };
static DEPTHWISE_WEIGHT: Kernel =
    Kernel { name: "depthwise weight", files: &[include_str!("shaders/depthwise_weight.wgsl")] };

/// Invocations of a workgroup of the depthwise kernels.
const GROUP: usize = 64;
const WEIGHT_GROUP: usize = 256;
/// Terms that an invocation of them adds up, at most: adapters stop shaders of more than 65,535 rounds, and long sums lose digits.
const MOST_TERMS: usize = 4096;

/// What a kernel does besides the sums.
#[derive(Clone, Copy, Default)]
pub(crate) struct Epilogue<'a> {
    pub(crate) bias: Option<&'a Tensor>,
    pub(crate) residual: Option<&'a Tensor>,
    pub(crate) activation: Activation,
}

/// Whether all places that a kernel computes fit its numbers: only paddings, strides and dilations of hundreds of millions do not,
/// and such convolutions are left to the CPU.
pub(crate) fn serves(g: &Geometry) -> bool {
    const LIMIT: usize = 1 << 29;
    (0..3).all(|axis| {
        let reach = g.dilation[axis].saturating_mul(g.kernel[axis]);
        let all = [g.input[axis], g.output[axis].saturating_mul(g.stride[axis]), g.before[axis].unsigned_abs(), reach];
        all.iter().all(|&x| x < LIMIT)
    })
}

/// The function of `unary` for an activation, and its parameter. ReLU6 is a limit from the parameter 0 to 6.
fn activation(activation: Activation) -> Option<(&'static str, f32)> {
    Some(match activation {
        Activation::Identity => return None,
        Activation::Relu => ("relu", 0.0),
        Activation::Relu6 => ("clamp", 0.0),
        Activation::LeakyRelu(slope) => ("leaky_relu", slope),
        Activation::Silu => ("silu", 0.0),
        Activation::HardSwish => ("hard_swish", 0.0),
        Activation::Sigmoid => ("sigmoid", 0.0),
        Activation::Gelu => ("gelu", 0.0),
        Activation::GeluTanh => ("gelu_tanh", 0.0),
    })
}

/// Strides of a picture: of images, of channels, of the three spatial axes.
fn strides(x: &Tensor) -> (isize, isize, [isize; 3]) {
    let strides = x.strides();
    let mut spatial = [0; 3];
    let lead = 5 - strides.len();
    spatial[lead..].copy_from_slice(&strides[2..]);
    (strides[0], strides[1], spatial)
}

/// The convolution; the result lies channels-last.
pub(crate) fn forward(
    g: &Geometry,
    shape: &Shape,
    x: &Tensor,
    weight: &Tensor,
    epilogue: Epilogue<'_>,
) -> Result<Tensor> {
    if g.is_depthwise() && g.taps() <= MOST_TERMS {
        return depthwise(g, shape, x, weight, epilogue, false);
    }
    let by_taps = weight.reshape([g.groups, g.filters, g.channels, g.taps()])?.permute([0, 3, 2, 1])?.contiguous()?;
    let product = Product {
        mode: Mode::Forward,
        size: [g.images * g.windows(), g.filters, g.taps() * g.channels],
        windows: x,
        channels: g.channels,
        sizes: (g.input, g.output),
        matrix: (&by_taps, g.taps() * g.channels * g.filters, g.filters),
        out: (g.filters, g.groups * g.filters),
        epilogue,
    };
    product.images(g, shape)
}

/// The gradient to the input; the result lies channels-last.
pub(crate) fn input(g: &Geometry, shape: &Shape, weight: &Tensor, dy: &Tensor) -> Result<Tensor> {
    if g.is_depthwise() && g.taps().saturating_mul(g.filters) <= MOST_TERMS {
        return depthwise(g, shape, dy, weight, Epilogue::default(), true);
    }
    let by_taps = weight.reshape([g.groups, g.filters, g.channels, g.taps()])?.permute([0, 3, 1, 2])?.contiguous()?;
    let product = Product {
        mode: Mode::Input,
        size: [g.images * g.places(), g.channels, g.taps() * g.filters],
        windows: dy,
        channels: g.filters,
        sizes: (g.output, g.input),
        matrix: (&by_taps, g.taps() * g.channels * g.filters, g.channels),
        out: (g.channels, g.groups * g.channels),
        epilogue: Epilogue::default(),
    };
    product.images(g, shape)
}

/// The gradient to the weight, of this shape.
pub(crate) fn weight(g: &Geometry, shape: &Shape, x: &Tensor, dy: &Tensor) -> Result<Tensor> {
    let dy = dy.to_channels_last()?;
    if g.is_depthwise() {
        return depthwise_weight(g, shape, x, &dy);
    }
    let (rows, filters) = (g.taps() * g.channels, g.filters);
    let product = Product {
        mode: Mode::Weight,
        size: [rows, filters, g.images * g.windows()],
        windows: x,
        channels: g.channels,
        sizes: (g.input, g.output),
        matrix: (&dy, filters, g.groups * filters),
        out: (rows * filters, filters),
        epilogue: Epilogue::default(),
    };
    let (sums, _) = product.run(g)?;
    let sums = sums.with_layout(Layout::contiguous(Shape::from([g.groups, g.taps(), g.channels, filters])));
    sums.permute([0, 3, 2, 1])?.contiguous()?.reshape(shape)
}

/// Which product, as the file numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Forward,
    Input,
    Weight,
}

/// A product of windows and a matrix.
struct Product<'a> {
    mode: Mode,
    /// Rows, columns and depth.
    size: [usize; 3],
    /// The pictures that windows look at.
    windows: &'a Tensor,
    /// That a window sees.
    channels: usize,
    /// Of the pictures, and of the places that windows stand for.
    sizes: ([usize; 3], [usize; 3]),
    /// The other matrix, and distances of its groups and steps.
    matrix: (&'a Tensor, usize, usize),
    /// Distances of groups and rows of the result.
    out: (usize, usize),
    epilogue: Epilogue<'a>,
}

impl Product<'_> {
    /// The result as pictures that lie channels-last.
    fn images(self, g: &Geometry, shape: &Shape) -> Result<Tensor> {
        let residual = self.epilogue.residual.map(Tensor::to_channels_last).transpose()?;
        let epilogue = Epilogue { residual: residual.as_ref(), ..self.epilogue };
        let (bias, activation) = (epilogue.bias, epilogue.activation);
        let (groups, [m, n, _], dtype) = (g.groups, self.size, self.windows.dtype());
        let (y, is_finished) = Product { epilogue, ..self }.run(g)?;
        let as_images = |y: Tensor| Ok(y.with_layout(Layout::channels_last(shape.clone())));
        if is_finished {
            return as_images(y);
        }
        // Sums of parts, group by group.
        let y = y.reshape([groups, m, n])?.permute([1, 0, 2])?.contiguous()?;
        let mut y: Tensor = as_images(y)?;
        if let Some(bias) = bias {
            let sizes: SmallVec<[usize; 5]> =
                (0..y.rank()).map(|axis| if axis == 1 { y.shape()[1] } else { 1 }).collect();
            y = y.add(&bias.to_dtype(y.dtype())?.reshape(&sizes[..])?)?;
        }
        if let Some(residual) = &residual {
            y = y.add(residual)?;
        }
        y.activate(activation)?.to_dtype(dtype)
    }

    /// The result in the order of memory, and whether it is what the epilogue makes of the sums.
    fn run(self, g: &Geometry) -> Result<(Tensor, bool)> {
        let (x, [m, n, k]) = (self.windows, self.size);
        let context = x.memory().context();
        let (kernel, cut) = if cooperative::serves(context, [x, self.matrix.0], [m, n]) {
            (&COOPERATIVE[self.mode as usize], Cut::of_halves(g.groups, self.size))
        } else {
            (&KERNELS[self.mode as usize], Cut::of(g.groups, self.size))
        };
        let Cut { tile, part, splits } = cut;
        let columns = n.div_ceil(tile.block[1]);
        let count = g.groups * m * n * splits;
        // Partial sums keep all their digits.
        let dtype = if splits > 1 { x.dtype().wide() } else { x.dtype() };
        let out = Tensor::empty_on_wgpu(x, [count], dtype)?;

        let (of_image, of_channel, spatial) = strides(x);
        let (seen, places) = self.sizes;
        let signed = |x: isize| x as i32 as u32;
        // Channels in reverse order lead back: as for the shader, the distance is a number that wraps.
        let group = (self.channels as isize).wrapping_mul(of_channel) as usize;
        let Epilogue { bias, residual, activation: f } = self.epilogue;
        let function = activation(f).filter(|_| splits == 1);
        let mut params: Vec<u32> = [
            m,
            n,
            k,
            part,
            splits,
            columns,
            self.channels,
            x.layout().offset,
            group,
            self.matrix.0.layout().offset,
            self.matrix.1,
            self.matrix.2,
            self.out.0,
            self.out.1,
            residual.map_or(0, |residual| residual.layout().offset),
        ]
        .map(|x| x as u32)
        .to_vec();
        params.push(function.map_or(0, |(_, parameter)| parameter.to_bits()));
        let row = |three: [u32; 3], fourth: u32| [three[0], three[1], three[2], fourth];
        params.extend(row(seen.map(|x| x as u32), bias.map_or(0, |bias| bias.layout().offset as u32)));
        params.extend(row(places.map(|x| x as u32), signed(of_image)));
        params.extend(row(g.kernel.map(|x| x as u32), signed(of_channel)));
        params.extend(row(g.stride.map(|x| x as u32), g.groups as u32));
        let rows = [g.dilation.map(|x| x as u32), g.before.map(signed), spatial.map(signed)];
        // The last words of these are the first workgroups, of each piece of the grid its own.
        let last = [3, 7, 11].map(|word| params.len() + word);
        params.extend(rows.into_iter().flat_map(|three| row(three, 0)));

        let stored = |x: &Tensor| Stored::of(x.dtype(), context.has_f16());
        let other = bias.or(residual).unwrap_or(x);
        let (matrix, of_group, of_step) = self.matrix;
        let are_fours = |distances: &[usize]| distances.iter().all(|distance| distance % 4 == 0);
        let distances = [of_image, spatial[0], spatial[1], spatial[2]].map(isize::unsigned_abs);
        let x_by_four = of_channel == 1 && are_fours(&[self.channels, x.layout().offset]) && are_fours(&distances);
        let b_by_four = are_fours(&[n, of_group, of_step, matrix.layout().offset]);
        let types = [
            ("R", stored(&out)?),
            ("Picture", stored(x)?.by_four(x_by_four)),
            ("Matrix", stored(matrix)?.by_four(b_by_four)),
            ("Other", stored(other)?),
        ];
        let sizes = tile.sizes();
        let along_depth = if self.mode == Mode::Weight { of_channel != 1 && spatial[2] == 1 } else { of_channel == 1 };
        let mut constants = vec![
            ("MODE", self.mode as u32),
            ("X_BY_FOUR", u32::from(x_by_four)),
            ("B_BY_FOUR", u32::from(b_by_four)),
            ("STRIDED", u32::from(g.stride != [1; 3])),
            ("ALONG_DEPTH", u32::from(along_depth)),
            ("HAS_BIAS", u32::from(bias.is_some() && splits == 1)),
            ("HAS_RESIDUAL", u32::from(residual.is_some() && splits == 1)),
            ("RESULT", if splits == 1 { rounding(out.dtype()) } else { 0 }),
        ];
        constants.extend(function.map(|(name, _)| ("ACTIVATION", Numbers::F32.function(name))));
        let program = Program { kernel, types: &types, sizes: &sizes, constants: &constants };
        let reads = [x, self.matrix.0, bias.unwrap_or(x), residual.unwrap_or(x)].map(Tensor::memory);
        // The profile has all the work with the first piece.
        let mut flops = 2 * g.groups * m * n * k;
        for (first, grid) in Grid::pieces([m.div_ceil(tile.block[0]), columns * splits, g.groups]) {
            last.iter().zip(first).for_each(|(&word, first)| params[word] = first as u32);
            let work = std::mem::take(&mut flops);
            context.run_work(program, &params, &[out.memory()], &reads, grid, work)?;
        }
        if splits == 1 {
            return Ok((out, true));
        }
        let sum = reduce::sum_of_parts(&out, splits)?;
        Ok((sum.with_layout(Layout::contiguous(Shape::from([g.groups * m * n]))), false))
    }
}

/// The rows of parameters that the depthwise kernels share; one of them has a bias.
fn rows(g: &Geometry, x: &Tensor, seen: [usize; 3], places: [usize; 3], bias_offset: usize) -> Vec<u32> {
    let (of_image, of_channel, spatial) = strides(x);
    let signed = |x: isize| x as i32 as u32;
    let row = |three: [u32; 3], fourth: isize| [three[0], three[1], three[2], signed(fourth)];
    [
        row(seen.map(|x| x as u32), of_image),
        row(places.map(|x| x as u32), of_channel),
        row(g.kernel.map(|x| x as u32), bias_offset as isize),
        row(g.stride.map(|x| x as u32), 0),
        row(g.dilation.map(|x| x as u32), 0),
        row(g.before.map(signed), 0),
        row(spatial.map(signed), 0),
    ]
    .concat()
}

fn depthwise(
    g: &Geometry,
    shape: &Shape,
    x: &Tensor,
    weight: &Tensor,
    epilogue: Epilogue<'_>,
    is_input: bool,
) -> Result<Tensor> {
    let context = x.memory().context();
    let out = Tensor::empty_on_wgpu(x, shape, x.dtype())?.with_layout(Layout::channels_last(shape.clone()));
    let residual = epilogue.residual.map(Tensor::to_channels_last).transpose()?;
    let function = activation(epilogue.activation);
    let (seen, places) = if is_input { (g.output, g.input) } else { (g.input, g.output) };
    let offset = |x: Option<&Tensor>| x.map_or(0, |x| x.layout().offset);
    let offsets = [offset(Some(x)), offset(Some(weight)), offset(residual.as_ref())];
    let mut params = [out.numel(), 0, shape[1], g.filters].map(|x| x as u32).to_vec();
    params.extend(offsets.map(|x| x as u32));
    params.push(function.map_or(0, |(_, parameter)| parameter.to_bits()));
    params.extend(rows(g, x, seen, places, offset(epilogue.bias)));
    let stored = |x: &Tensor| Stored::of(x.dtype(), context.has_f16());
    let other = epilogue.bias.or(residual.as_ref()).unwrap_or(x);
    let types = [("R", stored(&out)?), ("A", stored(x)?), ("B", stored(weight)?), ("C", stored(other)?)];
    let mut constants = vec![
        ("MODE", u32::from(is_input)),
        ("HAS_BIAS", u32::from(epilogue.bias.is_some())),
        ("HAS_RESIDUAL", u32::from(residual.is_some())),
        ("RESULT", rounding(out.dtype())),
    ];
    constants.extend(function.map(|(name, _)| ("ACTIVATION", Numbers::F32.function(name))));
    let program = Program { kernel: &DEPTHWISE, types: &types, sizes: &[], constants: &constants };
    let reads = [x, weight, epilogue.bias.unwrap_or(x), residual.as_ref().unwrap_or(x)].map(Tensor::memory);
    context.run(program, &params, &[out.memory()], &reads, Grid::of(out.numel(), GROUP))?;
    Ok(out)
}

fn depthwise_weight(g: &Geometry, shape: &Shape, x: &Tensor, dy: &Tensor) -> Result<Tensor> {
    let context = x.memory().context();
    let (filters, taps, places) = (g.groups * g.filters, g.taps(), g.images * g.windows());
    let Lanes { lanes, ways, across } = Lanes::of(filters, WEIGHT_GROUP);
    let wanted = GROUPS.div_ceil(across * taps).min(places.div_ceil(ways * 32)).max(places.div_ceil(ways * 4096));
    let part = places.div_ceil(wanted.max(1));
    let parts = places.div_ceil(part);
    let groups = across * taps * parts;
    let out = Tensor::empty_on_wgpu(x, [parts, taps * filters], x.dtype())?;
    let plain =
        [places, 0, filters, g.filters, part, parts, across, groups, x.layout().offset, dy.layout().offset, 0, 0];
    let mut params = plain.map(|x| x as u32).to_vec();
    params.extend(rows(g, x, g.input, g.output, 0));
    let stored = |x: &Tensor| Stored::of(x.dtype(), context.has_f16());
    let types = [("R", stored(&out)?), ("A", stored(x)?), ("B", stored(dy)?)];
    let sizes = [("LANES", lanes as u32), ("WAYS", ways as u32)];
    let program = Program { kernel: &DEPTHWISE_WEIGHT, types: &types, sizes: &sizes, constants: &[] };
    context.run(program, &params, &[out.memory()], &[x.memory(), dy.memory()], Grid::groups(groups))?;
    let sum = reduce::sum_of_parts(&out, parts)?;
    let sum = sum.with_layout(Layout::contiguous(Shape::from([taps, filters])));
    sum.t()?.contiguous()?.reshape(shape)
}
