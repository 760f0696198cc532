//! 1×1 convolutions of row-major images: an image is already the right factor of a product, so nothing changes its order.

use super::Geometry;
use crate::Result;
use crate::cpu::gemm::{self, Blocked, Factor, Size, Strided, Target};
use crate::cpu::parallel::{SharedMut, over_chunks};
use crate::cpu::threads;
use crate::memory::Buffer;
use crate::profile;

/// Products that are summed one after the other within a part of a weight's gradient.
const PARTS: usize = 8;

/// A batch of images whose places are neighbours in memory: distances of images and channels.
#[derive(Clone, Copy)]
pub(crate) struct Planes<'a, T> {
    pub(crate) data: &'a [T],
    pub(crate) offset: usize,
    pub(crate) image: isize,
    pub(crate) channel: isize,
}

impl<'a, T> Planes<'a, T> {
    /// Places of all images × channels, from a channel on.
    fn factor(&self, channel: usize, places: usize) -> Strided<'a, T> {
        Strided {
            data: self.data,
            offset: (self.offset as isize + channel as isize * self.channel) as usize,
            lanes: Blocked { block: places.max(1), outer: self.image, inner: 1 },
            depth: Blocked::plain(self.channel),
        }
    }
}

/// `out[n, o, p] = bias[o] + Σ x[n, c, p] · weight[o, c]`, row-major.
pub(crate) fn forward<T: Factor>(
    geometry: &Geometry,
    x: Planes<'_, T>,
    weight: &[T],
    bias: Option<&[T]>,
    out: &mut [T],
) -> Result<()> {
    let _span = profile::span_of_work("conv 1×1", geometry.bytes::<T>(), geometry.flops());
    let &Geometry { channels, filters, .. } = geometry;
    product(
        geometry,
        x,
        channels,
        filters,
        &|group| Strided::plain(weight, group * filters * channels, channels as isize, 1),
        bias,
        out,
    )
}

/// `dx[n, c, p] = Σ dy[n, o, p] · weight[o, c]`, row-major.
pub(crate) fn input<T: Factor>(geometry: &Geometry, weight: &[T], dy: Planes<'_, T>, dx: &mut [T]) -> Result<()> {
    let _span = profile::span_of_work("conv 1×1 to input", geometry.bytes::<T>(), geometry.flops());
    let &Geometry { channels, filters, .. } = geometry;
    product(
        geometry,
        dy,
        filters,
        channels,
        &|group| Strided::plain(weight, group * filters * channels, 1, channels as isize),
        None,
        dx,
    )
}

/// Every group's matrix (of `to` lanes and `from` steps) times its channels of all images.
fn product<'w, T: Factor>(
    geometry: &Geometry,
    x: Planes<'_, T>,
    from: usize,
    to: usize,
    matrix: &(dyn Fn(usize) -> Strided<'w, T> + Sync),
    bias: Option<&[T]>,
    out: &mut [T],
) -> Result<()> {
    let &Geometry { images, groups, .. } = geometry;
    let places = geometry.places();
    let len = out.len();
    let shared = SharedMut::new(out);
    let one = |group: usize| {
        let add_bias = |row: usize, _: usize, values: &mut [T]| {
            if let Some(bias) = bias {
                let bias = bias[group * to + row];
                values.iter_mut().for_each(|value| *value = value.plus(bias));
            }
        };
        // SAFETY: `out` is borrowed until all groups are done, and each writes to its own channels.
        let mut target = unsafe { Target::shared(shared, len, places) };
        target.offset = group * to * places;
        target.outer = groups * to * places;
        if bias.is_some() {
            target.finish = Some(&add_bias);
        }
        gemm::gemm(Size { m: to, n: images * places, k: from }, &matrix(group), &x.factor(group * from, places), target)
    };
    threads::try_each(groups, &one)
}

/// `dw[o, c] = Σ dy[n, o, p] · x[n, c, p]` over images and places: images are summed in an order that follows from their number alone.
pub(crate) fn weight<T: Factor>(geometry: &Geometry, x: Planes<'_, T>, dy: Planes<'_, T>, dw: &mut [T]) -> Result<()> {
    let _span = profile::span_of_work("conv 1×1 to weight", geometry.bytes::<T>(), geometry.flops());
    let &Geometry { images, channels, filters, groups, .. } = geometry;
    let places = geometry.places();
    let size = filters * channels;
    let parts = PARTS.min(images).max(1);
    let mut sums = Buffer::for_output::<T>(parts.saturating_mul(dw.len()))?;
    let shared = SharedMut::new(sums.as_mut_slice::<T>());
    threads::try_each(parts * groups, &|i| {
        let (part, group) = (i / groups, i % groups);
        let (first, end) = (images * part / parts, images * (part + 1) / parts);
        let depth = |planes: Planes<'_, T>| Blocked { block: places.max(1), outer: planes.image, inner: 1 };
        let start = |planes: Planes<'_, T>, channel: usize| {
            (planes.offset as isize + first as isize * planes.image + channel as isize * planes.channel) as usize
        };
        let left = Strided {
            data: dy.data,
            offset: start(dy, group * filters),
            lanes: Blocked::plain(dy.channel),
            depth: depth(dy),
        };
        let right = Strided {
            data: x.data,
            offset: start(x, group * channels),
            lanes: Blocked::plain(x.channel),
            depth: depth(x),
        };
        // SAFETY: every part and group has its own piece of the buffer.
        let sum = unsafe { shared.slice(i * size..(i + 1) * size) };
        let k = (end - first) * places;
        gemm::gemm(Size { m: filters, n: channels, k }, &left, &right, Target::plain(sum, channels))
    })?;
    let (sums, len) = (sums.as_slice::<T>(), dw.len());
    over_chunks(dw, 1, parts, |start, dw| {
        for (i, dw) in dw.iter_mut().enumerate() {
            *dw = (0..parts).fold(T::ZERO, |sum, part| sum.plus(sums[part * len + start + i]));
        }
    });
    Ok(())
}
