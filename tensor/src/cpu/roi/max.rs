//! The greatest element of each bin, with its place, and what the places are for: the gradient.

use super::Maps;
use super::bins::Pixels;
use crate::cpu::parallel::{SharedMut, over_chunks};
use crate::cpu::pool::{Taps, Window, of_channels};
use crate::cpu::simd::{Kernel, Simd, dispatch};
use crate::cpu::threads;
use crate::element::Real;
use crate::profile;

/// Channels of a task of the gradient.
const CHANNELS: usize = 64;

/// The place of a bin without pixels.
const NOWHERE: i32 = -1;

/// Fast R-CNN's RoI pooling: the ends of boxes and of bins are rounded to whole pixels, both ends included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pooling<T> {
    pub(crate) maps: Maps,
    pub(crate) bins: [usize; 2],
    pub(crate) scale: T,
}

impl<T: Real> Pooling<T> {
    /// Elements that a region makes.
    fn unit(&self) -> usize {
        self.bins[0] * self.bins[1] * self.maps.channels
    }
}

/// The greatest element of each bin of boxes `image, x1, y1, x2, y2`, and its place in its map: the first of equal ones, or the last
/// NaN. A bin without pixels has 0, from nowhere.
pub(crate) fn max<T: Real>(x: &[T], pooling: &Pooling<T>, boxes: &[[T; 5]], out: &mut [T], places: &mut [i32]) {
    let _span = profile::span("roi max", size_of_val(x) + size_of_val(out) + size_of_val(places));
    let unit = pooling.unit();
    let places = SharedMut::new(places);
    // A bin of usual boxes has a few pixels.
    over_chunks(out, unit, 4, |start, out| {
        // SAFETY: the pieces of `out` are disjoint, and so are those of `places`, which is as long.
        let places = unsafe { places.slice(start..start + out.len()) };
        let first = start / unit;
        dispatch(Forward { x, pooling, boxes: &boxes[first..first + out.len() / unit], out, places });
    });
}

/// Some regions.
struct Forward<'a, T> {
    x: &'a [T],
    pooling: &'a Pooling<T>,
    boxes: &'a [[T; 5]],
    out: &'a mut [T],
    places: &'a mut [i32],
}

impl<T: Real> Kernel for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Forward { x, pooling: &Pooling { maps, bins: [high, wide], scale }, boxes, out, places } = self;
        let [height, width] = maps.size;
        let mut rows = Vec::new();
        let mut outputs = out.chunks_exact_mut(maps.channels).zip(places.chunks_exact_mut(maps.channels));
        for &[image, x1, y1, x2, y2] in boxes {
            let x = &x[maps.place(image.to_f64() as usize, 0, 0, 0)..][..height * width * maps.channels];
            let down = Pixels::new([y1, y2], scale, 1.0, high, height);
            let across = Pixels::new([x1, x2], scale, 1.0, wide, width);
            for row in 0..high {
                rows.clear();
                rows.extend(down.bin(row));
                // The columns first: an output taken and not used would be lost.
                for (column, (out, places)) in (0..wide).zip(&mut outputs) {
                    let columns = across.bin(column);
                    if rows.is_empty() || columns.is_empty() {
                        out.fill(T::ZERO);
                        places.fill(NOWHERE);
                        continue;
                    }
                    let window = Window { first: columns.start, count: columns.len(), divisor: 1 };
                    of_channels(x, &Taps { rows: &rows, wide: width, window, step: 1 }, out, places);
                }
            }
        }
    }
}

/// Adds each gradient to the element that its place names in the map of its region's image. Regions are added in order, whatever the
/// threads. `bins` are those of a region.
pub(crate) fn scatter<T: Real>(dy: &[T], places: &[i32], images: &[usize], maps: &Maps, bins: usize, dx: &mut [T]) {
    let _span = profile::span("roi max backward", size_of_val(dy) + size_of_val(dx) + size_of_val(places));
    let Maps { size: [height, width], channels, .. } = *maps;
    let map = height * width * channels;
    let (blocks, count) = (channels.div_ceil(CHANNELS), dx.len().checked_div(map).unwrap_or(0));
    let dx = SharedMut::new(dx);
    threads::each(count * blocks, &|task| {
        let (block, image) = (task % blocks, task / blocks);
        let own = block * CHANNELS..((block + 1) * CHANNELS).min(channels);
        for (region, _) in images.iter().enumerate().filter(|(_, other)| **other == image) {
            for bin in region * bins..(region + 1) * bins {
                let given = bin * channels + own.start..bin * channels + own.end;
                for ((channel, &dy), &place) in own.clone().zip(&dy[given.clone()]).zip(&places[given]) {
                    if let Ok(place) = usize::try_from(place) {
                        let at = image * map + place * channels + channel;
                        // SAFETY: these channels of this map are this task's own.
                        unsafe { dx.slice(at..at + 1)[0] += dy };
                    }
                }
            }
        }
    });
}

/// The element that each place names in the map of its region's image, 0 for nowhere: the transposed operation of [`scatter`].
pub(crate) fn take<T: Real>(x: &[T], places: &[i32], images: &[usize], maps: &Maps, bins: usize, out: &mut [T]) {
    let _span = profile::span("roi max take", size_of_val(x) + size_of_val(out) + size_of_val(places));
    let channels = maps.channels;
    over_chunks(out, bins * channels, 1, |start, out| {
        let places = &places[start..start + out.len()];
        for (i, (out, places)) in out.chunks_exact_mut(channels).zip(places.chunks_exact(channels)).enumerate() {
            let map = maps.place(images[(start / channels + i) / bins], 0, 0, 0);
            for (channel, (out, &place)) in out.iter_mut().zip(places).enumerate() {
                *out = usize::try_from(place).map_or(T::ZERO, |place| x[map + place * channels + channel]);
            }
        }
    });
}
