//! Pictures as slices of memory.

use crate::cpu::gemm::Places;
use crate::{Error, Result, Shape};

/// A batch of pictures to read, channels-last: the channels of a place are neighbours, places follow each other along width, height
/// and depth, then come the next picture's.
#[derive(Debug, Clone, Copy)]
pub struct Images<'a, T> {
    /// From the first place's first channel on.
    pub data: &'a [T],
    /// Number of pictures.
    pub images: usize,
    /// Places along depth, height and width; 1 for axes that the pictures do not have.
    pub size: [usize; 3],
    /// Channels of a place.
    pub channels: usize,
    /// Elements from one place to the next: more than `channels` if the pictures are a slice of wider ones.
    pub stride: usize,
}

/// As [`Images`], to be written.
#[derive(Debug)]
pub struct ImagesMut<'a, T> {
    /// From the first place's first channel on.
    pub data: &'a mut [T],
    /// Number of pictures.
    pub images: usize,
    /// Places along depth, height and width; 1 for axes that the pictures do not have.
    pub size: [usize; 3],
    /// Channels of a place.
    pub channels: usize,
    /// Elements from one place to the next; what lies between is left alone.
    pub stride: usize,
}

impl<'a, T> Images<'a, T> {
    /// Places of all pictures.
    pub fn places(&self) -> usize {
        self.size.iter().fold(self.images, |places, &size| places.saturating_mul(size))
    }

    /// The places as the loops see them.
    pub(super) fn places_of(self) -> Places<'a, T> {
        Places { data: self.data, place: self.stride }
    }

    /// `Err` unless the slice holds all places.
    pub(super) fn check(&self, op: &'static str, what: &str) -> Result<()> {
        let (places, &Images { channels, stride, .. }) = (self.places(), self);
        if stride < channels {
            let message = format!("expected a stride of at least the {channels} channels of {what}, received {stride}");
            return Err(Error::argument(op, message));
        }
        let needed = match places.checked_sub(1) {
            Some(last) if channels > 0 => last.saturating_mul(stride).saturating_add(channels),
            _ => 0,
        };
        if self.data.len() < needed {
            let message = format!("expected at least {needed} elements for {what}, received {}", self.data.len());
            return Err(Error::argument(op, message));
        }
        Ok(())
    }

    /// `Err` unless these are so many pictures of this size.
    pub(super) fn require(
        &self,
        op: &'static str,
        what: &str,
        images: usize,
        size: [usize; 3],
        channels: usize,
    ) -> Result<()> {
        let shape = |images: usize, [deep, high, wide]: [usize; 3], channels: usize| {
            Shape::from([images, deep, high, wide, channels])
        };
        if (self.images, self.size, self.channels) != (images, size, channels) {
            let expected =
                format!("{what} of [images, depth, height, width, channels] {}", shape(images, size, channels));
            return Err(Error::shape(op, expected, &shape(self.images, self.size, self.channels)));
        }
        self.check(op, what)
    }
}

impl<T> ImagesMut<'_, T> {
    /// The same to be read.
    pub fn as_images(&self) -> Images<'_, T> {
        let &ImagesMut { images, size, channels, stride, .. } = self;
        Images { data: self.data, images, size, channels, stride }
    }
}
