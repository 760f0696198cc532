//! The bins of a region along one axis: which places each reads, with which weights.

use std::ops::Range;

use crate::element::Real;

/// How the mean over a bin is taken. What is computed in the maps' precision, in which order, is torchvision's: it decides on which
/// side of a pixel a sample falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RoiMode {
    /// RoI align (He et al. 2017, Mask R-CNN): samples between pixels, by bilinear interpolation; nothing is rounded.
    Align {
        /// Samples along each axis of a bin; 0 takes as many as the bin has pixels, rounded up.
        sampling_ratio: usize,
        /// Whether pixels have their values at their centres (Detectron2's correction by half a pixel). Without it boxes are at
        /// least one pixel large; with it a box turned inside out is sampled backwards.
        aligned: bool,
    },
    /// Position-sensitive RoI align (Li et al. 2018, Light-Head R-CNN): aligned, and each bin has channels of its own.
    PsAlign {
        /// As in [`RoiMode::Align`].
        sampling_ratio: usize,
    },
    /// Position-sensitive RoI pooling (Dai et al. 2016, R-FCN): the mean of whole pixels, boxes and bins being rounded; each bin has
    /// channels of its own.
    PsPool,
}

impl RoiMode {
    /// torchvision's name.
    pub fn name(self) -> &'static str {
        match self {
            RoiMode::Align { .. } => "roi_align",
            RoiMode::PsAlign { .. } => "ps_roi_align",
            RoiMode::PsPool => "ps_roi_pool",
        }
    }

    /// Whether each bin reads channels of its own.
    pub fn is_position_sensitive(self) -> bool {
        !matches!(self, RoiMode::Align { .. })
    }
}

/// The most samples along an axis of a bin, or of all bins together where their number is given: beyond it, positions in single precision would no longer differ.
pub(crate) const MOST_SAMPLES: usize = 1 << 20;

/// Below this, samples outside of the map are found by looking at all.
const FEW_SAMPLES: usize = 16;

/// An axis of the maps and of the bins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axis<T> {
    /// Pixels of the map, at least one.
    pub(crate) size: usize,
    /// At least one.
    pub(crate) bins: usize,
    /// Pixels of the map for one unit of the boxes.
    pub(crate) scale: T,
    pub(crate) mode: RoiMode,
}

impl<T: Real> Axis<T> {
    /// How many samples a bin of a box from `low` to `high` has along this axis; `None` if they are more than [`MOST_SAMPLES`].
    pub(crate) fn samples(&self, low: T, high: T) -> Option<usize> {
        match self.mode {
            RoiMode::Align { sampling_ratio: 0, .. } | RoiMode::PsAlign { sampling_ratio: 0 } => {
                let pixels = (self.extent(low, high).1 / T::r(self.bins as f64)).to_f64().ceil();
                // A box turned inside out has none, as has one whose size is not a number.
                (pixels.is_nan() || pixels <= MOST_SAMPLES as f64).then_some(pixels as usize)
            }
            RoiMode::Align { sampling_ratio, .. } | RoiMode::PsAlign { sampling_ratio } => {
                let all = sampling_ratio.checked_mul(self.bins);
                all.filter(|&all| all <= MOST_SAMPLES).map(|_| sampling_ratio)
            }
            RoiMode::PsPool => Some(1),
        }
    }

    /// What the bins of a box from `low` to `high` read.
    pub(crate) fn taps(&self, low: T, high: T) -> Taps<T> {
        let mut reads = Vec::new();
        if self.mode == RoiMode::PsPool {
            // The last pixel belongs to no bin: torchvision and the authors' code clip the end, which is exclusive, to it.
            let pixels = Pixels::new([low, high], self.scale, 0.0, self.bins, self.size - 1);
            for bin in 0..self.bins {
                let range = pixels.bin(bin);
                let weight = T::ONE / T::r(range.len() as f64);
                reads.extend(range.map(|place| Read { bin, place, weight }));
            }
        } else {
            self.samples_of(low, high, &mut reads);
        }
        Taps::of(self.bins, &reads)
    }

    /// Where a box begins on the map, and how long it is.
    fn extent(&self, low: T, high: T) -> (T, T) {
        let aligned = !matches!(self.mode, RoiMode::Align { aligned: false, .. });
        let offset = T::r(if aligned { 0.5 } else { 0.0 });
        let (start, end) = (low * self.scale - offset, high * self.scale - offset);
        let length = end - start;
        (start, if !aligned && length < T::ONE { T::ONE } else { length })
    }

    fn samples_of(&self, low: T, high: T, reads: &mut Vec<Read<T>>) {
        let (start, length) = self.extent(low, high);
        let count = self.samples(low, high).unwrap_or(0);
        let bin_size = length / T::r(self.bins as f64);
        let samples = T::r(count as f64);
        let last = self.size - 1;
        for bin in 0..self.bins {
            let at = |i: usize| start + T::r(bin as f64) * bin_size + T::r(i as f64 + 0.5) * bin_size / samples;
            let inside = |x: T| x >= T::r(-1.0) && x <= T::r(self.size as f64);
            // Of a large box nearly all samples may lie outside of the map.
            let candidates = if count > FEW_SAMPLES && bin_size > T::ZERO {
                first(count, |i| at(i) >= T::r(-1.0))..first(count, |i| at(i) > T::r(self.size as f64))
            } else {
                0..count
            };
            for x in candidates.map(at).filter(|&x| inside(x)) {
                let x = if x <= T::ZERO { T::ZERO } else { x };
                let place = x.to_f64() as usize;
                if place >= last {
                    reads.push(Read { bin, place: last, weight: T::ONE / samples });
                } else {
                    let beyond = x - T::r(place as f64);
                    reads.push(Read { bin, place, weight: (T::ONE - beyond) / samples });
                    reads.push(Read { bin, place: place + 1, weight: beyond / samples });
                }
            }
        }
    }
}

/// The first of `0..count` for which `holds`, which holds for all behind it; `count` if there is none.
fn first(count: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) { high = middle } else { low = middle + 1 }
    }
    low
}

/// Bins of whole pixels, of a box whose ends are rounded: Fast R-CNN's double quantization.
pub(crate) struct Pixels<T> {
    start: f64,
    bin_size: T,
    /// The pixels that bins may cover.
    limit: usize,
}

impl<T: Real> Pixels<T> {
    /// Bins of the box between two ends, which is at least a pixel long and is lengthened by `extra`.
    pub(crate) fn new(ends: [T; 2], scale: T, extra: f64, bins: usize, limit: usize) -> Self {
        // Whole numbers beyond any map, which still add up exactly.
        let [start, end] = ends.map(|end| (end * scale).to_f64().round().clamp(-1e15, 1e15));
        let length = (end - start + extra).max(1.0);
        Pixels { start, bin_size: T::r(length) / T::r(bins as f64), limit }
    }

    /// The pixels of a bin; none if it lies outside of the map.
    pub(crate) fn bin(&self, bin: usize) -> Range<usize> {
        let edge = |bin: usize| (T::r(bin as f64) * self.bin_size).to_f64();
        let inside = |x: f64| (x + self.start).clamp(0.0, self.limit as f64) as usize;
        inside(edge(bin).floor())..inside(edge(bin + 1).ceil())
    }
}

/// A place that a bin reads.
#[derive(Debug, Clone, Copy)]
struct Read<T> {
    bin: usize,
    place: usize,
    weight: T,
}

/// What the bins of an axis read. The places that any of them reads are numbered: these numbers are slots.
#[derive(Debug, Default)]
pub(crate) struct Taps<T> {
    /// The place of each slot, in ascending order.
    places: Vec<usize>,
    /// The slots of each bin, and where its weights begin.
    bins: Vec<(Range<usize>, usize)>,
    weights: Vec<T>,
}

impl<T: Real> Taps<T> {
    /// Bins from what they read, bin by bin.
    fn of(bins: usize, reads: &[Read<T>]) -> Self {
        let mut places: Vec<usize> = reads.iter().map(|read| read.place).collect();
        places.sort_unstable();
        places.dedup();
        let slot = |place: usize| places.partition_point(|&other| other < place);
        let mut taps = Taps { places: Vec::new(), bins: Vec::with_capacity(bins), weights: Vec::new() };
        let mut rest = reads;
        for bin in 0..bins {
            let own;
            (own, rest) = rest.split_at(rest.iter().take_while(|read| read.bin == bin).count());
            let slots = own.iter().map(|read| slot(read.place));
            let range = match (slots.clone().min(), slots.max()) {
                (Some(low), Some(high)) => low..high + 1,
                _ => 0..0,
            };
            let start = taps.weights.len();
            taps.weights.resize(start + range.len(), T::ZERO);
            for read in own {
                taps.weights[start + slot(read.place) - range.start] += read.weight;
            }
            taps.bins.push((range, start));
        }
        taps.places = places;
        taps
    }

    /// How many bins there are.
    pub(crate) fn bins(&self) -> usize {
        self.bins.len()
    }

    /// The place of each slot.
    #[inline(always)]
    pub(crate) fn places(&self) -> &[usize] {
        &self.places
    }

    /// The slots that a bin reads, and the weight of each.
    #[inline(always)]
    pub(crate) fn bin(&self, bin: usize) -> (Range<usize>, &[T]) {
        let (slots, start) = &self.bins[bin];
        (slots.clone(), &self.weights[*start..*start + slots.len()])
    }
}
