//! Selective search (J. Uijlings, K. van de Sande, T. Gevers, A. Smeulders, IJCV 2013).

use std::collections::HashSet;

use ocelli_data::SampleRng;
use ocelli_tensor::Tensor;
use ocelli_tensor::kernels::over_pieces;

use super::color_space::ColorSpace;
use super::grouping::hierarchy;
use super::regions::{Codes, Regions};
use super::segmentation::{Edges, check_scale, check_sigma};
use crate::picture::Picture;
use crate::{Error, Result};

/// What makes two neighbouring regions similar: the sum of those that are chosen, each in `0..=1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Similarity {
    /// How much of their histograms of colours is common, 25 steps in each channel.
    pub color: bool,
    /// How much of their histograms of slopes is common: Gaussian derivatives (σ = 1) in 8 directions, 10 steps in each direction and channel up to the
    /// steepest slope of the channel.
    pub texture: bool,
    /// How small both are: the part of the picture that they do not cover. Small regions merge early.
    pub size: bool,
    /// How well both fill the box around them.
    pub fill: bool,
}

impl Similarity {
    /// Colour, texture, size and fill.
    pub const ALL: Similarity = Similarity { color: true, texture: true, size: true, fill: true };
    /// Texture, size and fill: what shadows change least.
    pub const WITHOUT_COLOR: Similarity = Similarity { color: false, ..Similarity::ALL };
    /// Size alone.
    pub const SIZE: Similarity = Similarity { size: true, color: false, texture: false, fill: false };
    /// Fill alone.
    pub const FILL: Similarity = Similarity { fill: true, ..Similarity { size: false, ..Similarity::SIZE } };
}

/// Proposes the boxes of objects: regions of a [`Felzenszwalb`](super::Felzenszwalb) segmentation grow together, the most similar neighbours first, and
/// the box of each region on the way is a proposal. It is done in several colour spaces, from several segmentations and by several similarities, so that
/// an object missed in one way is found in another.
///
/// ```
/// use ocelli_tensor::{DType, Tensor};
/// use ocelli_vision::proposals::SelectiveSearch;
/// # fn main() -> ocelli_vision::Result<()> {
/// // A bright square of 32 pixels on dark ground.
/// let object = Tensor::full([3, 32, 32], 0.9f32, DType::F32)?;
/// let picture = object.pad(&[(20, 44), (30, 34)], ocelli_tensor::PadMode::Constant(0.1))?;
/// let boxes = SelectiveSearch::fast().propose(&picture)?;
/// assert!(boxes.to_vec::<f32>()?.chunks(4).any(|corners| corners == [30.0, 20.0, 62.0, 52.0]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SelectiveSearch {
    /// The colour spaces.
    pub color_spaces: Vec<ColorSpace>,
    /// The scales of the first segmentations; no region of them has fewer pixels than its scale.
    pub scales: Vec<f64>,
    /// The similarities, each of which groups every segmentation anew.
    pub similarities: Vec<Similarity>,
    /// How much pictures are smoothed before they are segmented, in pixels.
    pub sigma: f64,
    /// Boxes with a shorter side are left out.
    pub min_side: usize,
    /// The order of proposals follows from it.
    pub seed: u64,
}

impl SelectiveSearch {
    /// The paper's fast mode: 8 groupings, some 2,000 boxes of a photograph.
    pub fn fast() -> Self {
        SelectiveSearch {
            color_spaces: vec![ColorSpace::Hsv, ColorSpace::Lab],
            scales: vec![50.0, 100.0],
            similarities: vec![Similarity::ALL, Similarity::WITHOUT_COLOR],
            sigma: 0.8,
            min_side: 20,
            seed: 0,
        }
    }

    /// The paper's quality mode: 80 groupings, some 10,000 boxes of a photograph.
    pub fn quality() -> Self {
        use ColorSpace::{Hsv, Hue, Intensity, Lab, Rgi};
        SelectiveSearch {
            color_spaces: vec![Hsv, Lab, Rgi, Hue, Intensity],
            scales: vec![50.0, 100.0, 150.0, 300.0],
            similarities: vec![Similarity::ALL, Similarity::WITHOUT_COLOR, Similarity::FILL, Similarity::SIZE],
            ..SelectiveSearch::fast()
        }
    }

    /// One grouping, in HSV, at scale 100, by all four similarities.
    pub fn single() -> Self {
        SelectiveSearch {
            color_spaces: vec![ColorSpace::Hsv],
            scales: vec![100.0],
            similarities: vec![Similarity::ALL],
            ..SelectiveSearch::fast()
        }
    }

    /// The boxes (`[N, 4]`, `f32`, [`BoxFormat::Xyxy`](crate::ops::BoxFormat::Xyxy)) of a picture (`[H, W]`, `[1, H, W]` or `[3, H, W]`, `u8` or floats in `0..=1`), each
    /// once, most promising first: large regions, which are many merged ones, before small ones, shuffled as the paper does. Take the first ones
    /// for fewer.
    ///
    /// The work is shared by all threads; the result depends on picture, options and seed alone. It is computed on the CPU and lies on the
    /// picture's device.
    ///
    /// # Errors
    /// As [`Felzenszwalb::segment`](super::Felzenszwalb::segment), and if there is no colour space, scale or similarity, or no memory for the histograms of all regions.
    pub fn propose(&self, image: &Tensor) -> Result<Tensor> {
        const OP: &str = "selective_search";
        let picture = Picture::read(OP, image)?;
        self.check(OP)?;
        let mut prepared: Vec<Option<Result<Prepared>>> = self.color_spaces.iter().map(|_| None).collect();
        over_pieces(&mut prepared, 1, &|i, slot| {
            slot.fill_with(|| Some(Prepared::of(OP, &picture, self.color_spaces[i], self.sigma)));
        });
        let prepared = prepared.into_iter().flatten().collect::<Result<Vec<Prepared>>>()?;

        let scales = self.scales.len();
        let mut found: Vec<Option<Result<Vec<_>>>> = (0..prepared.len() * scales).map(|_| None).collect();
        over_pieces(&mut found, 1, &|i, slot| {
            slot.fill_with(|| Some(self.group(&prepared[i / scales], self.scales[i % scales], picture.width)));
        });
        let found = found.into_iter().flatten().collect::<Result<Vec<_>>>()?;

        let mut rng = SampleRng::new(self.seed, 0, 0);
        let mut ranked = Vec::new();
        for boxes in found.into_iter().flatten() {
            // The last box, the whole picture, has rank 1; a random factor mixes the groupings and lets smaller regions come forward.
            for (corners, rank) in boxes.iter().zip((1..=boxes.len()).rev()) {
                ranked.push((rng.uniform(0.0, 1.0)? * rank as f64, *corners));
            }
        }
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut seen = HashSet::new();
        let long = |[left, top, right, bottom]: [u32; 4]| (right - left).min(bottom - top) as usize >= self.min_side;
        ranked.retain(|&(_, corners)| long(corners) && seen.insert(corners));
        let corners: Vec<f32> = ranked.iter().flat_map(|(_, corners)| corners.map(|x| x as f32)).collect();
        Ok(Tensor::from_vec(corners, [ranked.len(), 4])?.to_device(image.device())?)
    }

    fn check(&self, op: &'static str) -> Result<()> {
        let counts = [self.color_spaces.len(), self.scales.len(), self.similarities.len()];
        if counts.contains(&0) {
            let message = format!(
                "expected at least one colour space, scale and similarity, received {}, {} and {} of them",
                counts[0], counts[1], counts[2]
            );
            return Err(Error::argument(op, message));
        }
        if self.similarities.iter().any(|s| !(s.color || s.texture || s.size || s.fill)) {
            return Err(Error::argument(op, "expected similarities of at least one kind, received one of none"));
        }
        self.scales.iter().try_for_each(|&scale| check_scale(op, scale))?;
        check_sigma(op, self.sigma)
    }

    /// The boxes of each similarity's grouping of one segmentation.
    fn group(&self, prepared: &Prepared, scale: f64, width: usize) -> Result<Vec<Vec<[u32; 4]>>> {
        // The authors' choice: as many pixels as the scale.
        let (labels, count) = prepared.edges.segment(scale, scale as usize);
        let any = |f: fn(&Similarity) -> bool| self.similarities.iter().any(f);
        let regions = Regions::of(&labels, count, width, &prepared.codes, any(|s| s.color), any(|s| s.texture))?;
        let Some((&last, others)) = self.similarities.split_last() else { return Ok(Vec::new()) };
        let mut boxes =
            others.iter().map(|&other| Ok(hierarchy(regions.copied()?, other))).collect::<Result<Vec<_>>>()?;
        boxes.push(hierarchy(regions, last));
        Ok(boxes)
    }
}

/// What all scales of a colour space share.
struct Prepared {
    edges: Edges,
    codes: Codes,
}

impl Prepared {
    fn of(op: &'static str, picture: &Picture, space: ColorSpace, sigma: f64) -> Result<Self> {
        let size = [picture.height, picture.width];
        let colors = space.convert(picture);
        let edges = Edges::of(op, &colors, size, sigma)?;
        Ok(Prepared { edges, codes: Codes::of(&colors, size) })
    }
}
