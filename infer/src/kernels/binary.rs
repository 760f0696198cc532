//! Functions of two operands that broadcast against each other.

use ocelli_autograd::ops::arithmetic::Function;

use super::map::Chain;
use super::{over_pieces, places_per_task};

/// The places of a result as up to three axes, and how each operand follows them.
#[derive(Debug, Clone)]
pub(crate) struct Broadcast {
    /// Sizes of the axes, the last one fastest.
    pub(crate) places: [usize; 3],
    pub(crate) channels: usize,
    pub(crate) a: Steps,
    pub(crate) b: Steps,
}

/// Where an operand's value for a place lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steps {
    /// Elements from one place to the next along each axis; 0 where the operand is repeated.
    pub(crate) places: [usize; 3],
    /// Whether one value stands for all channels.
    pub(crate) one_channel: bool,
}

impl Broadcast {
    /// For physical shapes of one length (of at most 4, the last axis being the channels); `None` if there are too many axes.
    /// `strides` are the elements from one place of the operand to the next.
    pub(crate) fn new(out: &[usize], a: (&[usize], usize), b: (&[usize], usize)) -> Option<Self> {
        let (&channels, places) = out.split_last()?;
        // Operands of the result's own shape need no axes.
        if a.0 == out && b.0 == out {
            let steps = |stride: usize| Steps { places: [0, 0, stride], one_channel: false };
            let places = [1, 1, places.iter().product()];
            return Some(Broadcast { places, channels, a: steps(a.1), b: steps(b.1) });
        }
        let lead = 3usize.checked_sub(places.len())?;
        let mut sizes = [1; 3];
        sizes[lead..].copy_from_slice(places);
        let steps = |(shape, stride): (&[usize], usize)| {
            let mut steps = [0; 3];
            let mut distance = stride;
            for axis in (0..places.len()).rev() {
                steps[lead + axis] = if shape[axis] == 1 { 0 } else { distance };
                distance *= shape[axis];
            }
            Steps { places: steps, one_channel: shape[places.len()] == 1 && channels != 1 }
        };
        Some(Broadcast { places: sizes, channels, a: steps(a), b: steps(b) })
    }
}

/// What two operands are combined by.
pub(crate) fn supported(function: Function) -> bool {
    use Function::{Add, Div, Maximum, Minimum, Mul, Sub};
    matches!(function, Add | Sub | Mul | Div | Maximum | Minimum)
}

/// `out = chain(function(a, b))`.
pub(crate) fn binary(
    function: Function,
    a: &[f32],
    b: &[f32],
    shape: &Broadcast,
    chain: &Chain,
    out: &mut [f32],
    stride: usize,
) {
    match function {
        Function::Sub => run(a, b, shape, chain, out, stride, |a, b| a - b),
        Function::Mul => run(a, b, shape, chain, out, stride, |a, b| a * b),
        Function::Div => run(a, b, shape, chain, out, stride, |a, b| a / b),
        // NaN in either wins, as in the tensor crate.
        Function::Maximum => run(a, b, shape, chain, out, stride, |a, b| if a > b || a.is_nan() { a } else { b }),
        Function::Minimum => run(a, b, shape, chain, out, stride, |a, b| if a < b || a.is_nan() { a } else { b }),
        _ => run(a, b, shape, chain, out, stride, |a, b| a + b),
    }
}

fn run(
    a: &[f32],
    b: &[f32],
    shape: &Broadcast,
    chain: &Chain,
    out: &mut [f32],
    stride: usize,
    f: impl Fn(f32, f32) -> f32 + Sync,
) {
    let (channels, [_, rows, columns]) = (shape.channels, shape.places);
    let per_task = places_per_task(channels * 2);
    over_pieces(out, per_task * stride, &|task, out| {
        for (i, out) in out.chunks_mut(stride).enumerate() {
            let place = task * per_task + i;
            let (rest, column) = (place / columns, place % columns);
            let (image, row) = (rest / rows, rest % rows);
            let at = |steps: &Steps| image * steps.places[0] + row * steps.places[1] + column * steps.places[2];
            let (a, b) = (&a[at(&shape.a)..], &b[at(&shape.b)..]);
            let out = &mut out[..channels];
            match (shape.a.one_channel, shape.b.one_channel) {
                (false, false) => {
                    let pairs = a[..channels].iter().zip(&b[..channels]);
                    out.iter_mut().zip(pairs).for_each(|(out, (&a, &b))| *out = f(a, b));
                }
                (true, false) => out.iter_mut().zip(&b[..channels]).for_each(|(out, &b)| *out = f(a[0], b)),
                (false, true) => out.iter_mut().zip(&a[..channels]).for_each(|(out, &a)| *out = f(a, b[0])),
                (true, true) => out.fill(f(a[0], b[0])),
            }
        }
        if !chain.is_empty() {
            chain.apply(out, channels, stride);
        }
    });
}
