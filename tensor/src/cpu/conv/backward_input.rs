//! The gradient of a convolution with respect to its input, which is the transposed convolution, channels-last.
//!
//! The places of the input fall into phases, one for each remainder by the stride: those of a phase are read by the same taps, so that
//! each phase is a convolution of the result's gradient by some of the taps, and nothing is scattered.

use smallvec::SmallVec;

use super::windows::{Result as Places, Windows};
use super::{Geometry, Images};
use crate::Result;
use crate::cpu::gemm::{Finish, Output, Packed, product};
use crate::cpu::math::Float;
use crate::cpu::simd::level;
use crate::memory::Buffer;
use crate::profile;

/// `dx[n, i, c] = Σ dy · weight` over the windows and taps that read `i`. `weight` lies as `[groups, taps, filters, channels]`, `dx` is
/// dense and channels-last.
pub(crate) fn input<T: Float>(geometry: &Geometry, weight: &[T], dy: Images<'_, T>, dx: &mut [T]) -> Result<()> {
    let _span = profile::span_of_work("conv to input", geometry.bytes::<T>(), geometry.flops());
    let &Geometry { images, channels, filters, groups, stride, .. } = geometry;
    let taps = geometry.taps();
    let zeros = Buffer::zeroed::<T>(filters)?;
    if dx.is_empty() {
        return Ok(());
    }
    let out = Output::new(dx, groups * channels, Finish::default());
    // A stride may be far wider than the input.
    let phases: [usize; 3] = std::array::from_fn(|axis| stride[axis].min(geometry.input[axis]));
    for phase in 0..phases.iter().product() {
        let first = [phase / (phases[1] * phases[2]), phase / phases[2] % phases[1], phase % phases[2]];
        let grid: [usize; 3] = std::array::from_fn(|axis| (geometry.input[axis] - first[axis]).div_ceil(stride[axis]));
        let mut used: SmallVec<[usize; 9]> = SmallVec::new();
        let mut shifts: SmallVec<[[isize; 3]; 9]> = SmallVec::new();
        for tap in 0..taps {
            let at = geometry.tap(tap);
            // The window that reads the phase's first place with this tap stands this far (times the stride) from the first one.
            let distance: [isize; 3] = std::array::from_fn(|axis| {
                first[axis] as isize + geometry.before[axis] - (at[axis] * geometry.dilation[axis]) as isize
            });
            if (0..3).all(|axis| distance[axis].rem_euclid(stride[axis] as isize) == 0) {
                used.push(tap);
                shifts.push(std::array::from_fn(|axis| distance[axis].div_euclid(stride[axis] as isize)));
            }
        }
        for group in 0..groups {
            let packed = Packed::new(level(), used.len(), filters, channels, |segment, filter| {
                &weight[((group * taps + used[segment]) * filters + filter) * channels..][..channels]
            })?;
            let windows = Windows {
                images: dy.starting_at(group * filters),
                input: geometry.output,
                grid,
                step: [1; 3],
                shifts: shifts.clone(),
                zeros: zeros.as_slice::<T>(),
                result: Places { size: geometry.input, step: stride, first },
            };
            let output = out.channels(group * channels..(group + 1) * channels);
            // SAFETY: `dx` is borrowed for the whole call; the windows' pointers are to `filters` numbers of `dy` or to the zeros.
            unsafe { product(images * grid.iter().product::<usize>(), &windows, &packed, &output) };
        }
    }
    Ok(())
}
