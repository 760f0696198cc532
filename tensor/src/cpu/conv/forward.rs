//! The convolution itself.

use rayon::prelude::*;

use super::Geometry;
use super::windows::{Images, Windows};
use crate::Result;
use crate::cpu::gemm::{self, Blocked, Factor, Operand, Size, Strided, Target};
use crate::cpu::parallel::SharedMut;

/// Where an image batch lies: distances of images, channels and places along the spatial axes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lie {
    pub(crate) offset: usize,
    pub(crate) image: isize,
    pub(crate) channel: isize,
    pub(crate) places: [isize; 3],
}

impl Lie {
    /// A row-major batch of so many channels and places.
    pub(crate) fn dense(channels: usize, [deep, high, wide]: [usize; 3]) -> Self {
        Lie {
            offset: 0,
            image: (channels * deep * high * wide) as isize,
            channel: (deep * high * wide) as isize,
            places: [(high * wide) as isize, wide as isize, 1],
        }
    }

    /// One group of it.
    pub(crate) fn group<'a, T>(&self, data: &'a [T], first_channel: usize) -> Images<'a, T> {
        Images {
            data,
            offset: (self.offset as isize + first_channel as isize * self.channel) as usize,
            image: self.image,
            channel: self.channel,
            places: self.places,
        }
    }
}

/// `out[n, o, …] = bias[o] + Σ x · weight`. `weight` is row-major `[groups · filters, channels, taps…]`, `out` row-major.
pub(crate) fn forward<T: Factor>(
    geometry: &Geometry,
    (x, lie): (&[T], Lie),
    weight: &[T],
    bias: Option<&[T]>,
    out: &mut [T],
) -> Result<()> {
    let &Geometry { images, channels, filters, groups, .. } = geometry;
    let (depth, windows) = (geometry.depth(), geometry.windows());
    let size = Size { m: filters, n: images * windows, k: depth };
    // A 1×1 window that stands on every place needs no packing window by window: the image is the factor.
    let pointwise = geometry.taps() == 1
        && geometry.stride == [1; 3]
        && geometry.before == [0; 3]
        && geometry.input == geometry.output
        && lie.places[1] == lie.places[2] * geometry.input[2] as isize
        && lie.places[0] == lie.places[1] * geometry.input[1] as isize;
    let len = out.len();
    let shared = SharedMut::new(out);
    let one = |group: usize| {
        let source = lie.group(x, group * channels);
        let first = group * filters;
        let left = Strided::plain(weight, first * depth, depth as isize, 1);
        let of_windows = Windows { images: source, geometry };
        let of_places = Strided {
            data: x,
            offset: source.offset,
            lanes: Blocked { block: windows, outer: source.image, inner: source.places[2] },
            depth: Blocked::plain(source.channel),
        };
        let right: &dyn Operand<T> = if pointwise { &of_places } else { &of_windows };
        let add_bias = |row: usize, _: usize, values: &mut [T]| {
            if let Some(bias) = bias {
                let bias = bias[first + row];
                values.iter_mut().for_each(|value| *value = value.plus(bias));
            }
        };
        // SAFETY: `out` is borrowed until all groups are done, and each writes to its own channels.
        let mut target = unsafe { Target::shared(shared, len, windows) };
        target.offset = first * windows;
        target.outer = groups * filters * windows;
        if bias.is_some() {
            target.finish = Some(&add_bias);
        }
        gemm::gemm(size, &left, right, target)
    };
    if groups == 1 { one(0) } else { (0..groups).into_par_iter().try_for_each(one) }
}
