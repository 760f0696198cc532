//! Which kernel a convolution of channels-last pictures goes to, with its weight in the order in which that kernel reads it.

use crate::cpu::conv::winograd::{self, Tiles, Weights};
use crate::cpu::conv::{Geometry, Images, Lie, depthwise, direct, forward};
use crate::cpu::gemm::{Output, Packed, Places};
use crate::cpu::math::Float;
use crate::memory::Buffer;
use crate::{Element, Result, Tensor};

/// A weight, packed for the kernel that suits it.
pub(crate) enum Algorithm<T> {
    /// A product of what the taps see with a matrix for each group; and the zeros that are seen outside of a picture.
    Product { groups: Vec<Packed<T>>, zeros: Buffer },
    /// 3×3 filters, transformed; for each group.
    Winograd { groups: Vec<Weights<T>>, zeros: Buffer },
    /// One channel to a filter: `[taps, filters]`.
    Depthwise(Buffer),
    /// Few channels, in any memory order: `[channels · taps, filters]`.
    Direct(Buffer),
}

impl<T: Float> Algorithm<T> {
    /// `geometry` is that of the pictures to expect; `weight` is row-major and of this type.
    pub(crate) fn new(geometry: &Geometry, weight: &Tensor) -> Result<Self> {
        let elements = weight.as_slice::<T>().unwrap_or_default();
        if geometry.is_depthwise() {
            return Ok(Algorithm::Depthwise(taps_first(geometry, elements)?));
        }
        if direct::serves(geometry) {
            let mut packed = Buffer::for_output::<T>(direct::packed_len(geometry))?;
            direct::pack(geometry, elements, packed.as_mut_slice::<T>());
            return Ok(Algorithm::Direct(packed));
        }
        let zeros = Buffer::zeroed::<T>(geometry.channels)?;
        let weight = by_taps(geometry, weight, Last::Filters)?;
        let weight = weight.as_slice::<T>().unwrap_or_default();
        Ok(match Tiles::suit::<T>(geometry) {
            Some(tiles) => Algorithm::Winograd { groups: winograd::pack(tiles, geometry, weight)?, zeros },
            None => Algorithm::Product { groups: forward::pack(geometry, weight)?, zeros },
        })
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Algorithm::Product { .. } => "product",
            Algorithm::Winograd { .. } => "winograd",
            Algorithm::Depthwise(_) => "depthwise",
            Algorithm::Direct(_) => "direct",
        }
    }

    /// Writes the convolution of pictures whose channels are neighbours; the places of those of a depthwise one lie one behind the other.
    ///
    /// # Errors
    /// [`crate::Error::OutOfMemory`] if there is no room for what some kernels lay out anew.
    pub(crate) fn run(&self, geometry: &Geometry, (x, lie): (&[T], Lie), out: &Output<'_, T>) -> Result<()> {
        let images = Images { data: x, offset: lie.offset, image: lie.image, places: lie.places };
        match self {
            Algorithm::Product { groups, zeros } => {
                forward::forward(geometry, images, groups, zeros.as_slice::<T>(), out);
                Ok(())
            }
            Algorithm::Winograd { groups, zeros } => {
                winograd::forward(geometry, images, groups, zeros.as_slice::<T>(), out)
            }
            Algorithm::Depthwise(weight) => {
                let place = lie.place(geometry.images, geometry.groups, geometry.input).unwrap_or_default();
                let x = Places { data: x.get(lie.offset..).unwrap_or_default(), place };
                depthwise::forward_channels_last(geometry, x, weight.as_slice(), out);
                Ok(())
            }
            Algorithm::Direct(weight) => direct::forward(geometry, (x, lie), weight.as_slice(), out),
        }
    }
}

/// Which axis of a weight comes to lie last.
#[derive(Clone, Copy)]
pub(super) enum Last {
    Filters,
    Channels,
}

/// A row-major weight `[groups · filters, channels, taps…]` as `[groups, taps, channels, filters]`, or with the last two swapped.
pub(super) fn by_taps(geometry: &Geometry, weight: &Tensor, last: Last) -> Result<Tensor> {
    let weight = weight.reshape([geometry.groups, geometry.filters, geometry.channels, geometry.taps()])?;
    match last {
        Last::Filters => weight.permute([0, 3, 2, 1])?.contiguous(),
        Last::Channels => weight.permute([0, 3, 1, 2])?.contiguous(),
    }
}

/// A depthwise weight as the channels-last kernels read it.
pub(super) fn taps_first<T: Element>(geometry: &Geometry, weight: &[T]) -> Result<Buffer> {
    let mut taps = Buffer::for_output::<T>(weight.len())?;
    depthwise::taps_first(weight, geometry.taps(), taps.as_mut_slice());
    Ok(taps)
}
