//! Segmentation by a graph of pixels (P. Felzenszwalb and D. Huttenlocher, IJCV 2004).

use ocelli_tensor::{Error as TensorError, Tensor};

use super::filter::{Kernel, filtered};
use crate::picture::Picture;
use crate::{Error, Result};

/// Efficient graph-based segmentation: a picture is cut where neighbouring pixels differ by more than the regions on both sides differ in themselves.
///
/// These are scikit-image's `felzenszwalb` and its numbers, as far as no two pairs of pixels differ equally; such pairs are joined in the order of
/// their pixels, so the regions are always the same.
///
/// ```
/// use ocelli_tensor::{DType, Tensor};
/// use ocelli_vision::proposals::Felzenszwalb;
/// # fn main() -> ocelli_vision::Result<()> {
/// let (dark, bright) = (Tensor::zeros([3, 16, 8], DType::F32)?, Tensor::ones([3, 16, 8], DType::F32)?);
/// let picture = Tensor::concat(&[&dark, &bright], 2)?;
/// let regions = Felzenszwalb { sigma: 0.0, ..Felzenszwalb::default() }.segment(&picture)?;
/// assert_eq!(regions.shape()[..], [16, 16]);
/// assert_eq!(regions.select(0, 0)?.to_vec::<i64>()?[6..10], [0, 0, 1, 1]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Felzenszwalb {
    /// The paper's `k`, for differences of colours in `0..=255`: the larger, the larger the regions.
    pub scale: f64,
    /// Standard deviation in pixels of the Gaussian that the picture is smoothed with; 0 for none. At most 100.
    pub sigma: f64,
    /// Regions of fewer pixels are joined to the neighbour that differs least.
    pub min_size: usize,
}

impl Default for Felzenszwalb {
    /// Scale 100, sigma 0.8, at least 20 pixels.
    fn default() -> Self {
        Felzenszwalb { scale: 100.0, sigma: 0.8, min_size: 20 }
    }
}

impl Felzenszwalb {
    /// The regions of a picture (`[H, W]`, `[1, H, W]` or `[3, H, W]`, of `u8` or of floats in `0..=1`): a tensor `[H, W]` of `i64` that numbers them
    /// from 0 in the order of their first pixels. It is computed on the CPU and lies on the picture's device.
    ///
    /// # Errors
    /// Unless the picture is one, of finite numbers and fewer than 2³⁰ pixels, `scale` is at least 0 and `sigma` in `0..=100`.
    pub fn segment(&self, image: &Tensor) -> Result<Tensor> {
        const OP: &str = "felzenszwalb";
        let picture = Picture::read(OP, image)?;
        check_scale(OP, self.scale)?;
        check_sigma(OP, self.sigma)?;
        let size = [picture.height, picture.width];
        let colors: Vec<f64> = picture.values.iter().copied().map(f64::from).collect();
        let (labels, _) = Edges::of(OP, &colors, size, self.sigma)?.segment(self.scale, self.min_size);
        let labels = labels.into_iter().map(i64::from).collect::<Vec<_>>();
        Ok(Tensor::from_vec(labels, size)?.to_device(image.device())?)
    }
}

/// `Err` unless this is a scale.
pub(super) fn check_scale(op: &'static str, scale: f64) -> Result<()> {
    if scale >= 0.0 && scale.is_finite() {
        return Ok(());
    }
    Err(Error::argument(op, format!("expected a scale of at least 0, received {scale}")))
}

/// `Err` unless this is a standard deviation.
pub(super) fn check_sigma(op: &'static str, sigma: f64) -> Result<()> {
    if (0.0..=100.0).contains(&sigma) {
        return Ok(());
    }
    Err(Error::argument(op, format!("expected a sigma in 0..=100, received {sigma}")))
}

/// The pairs of neighbouring pixels of a picture, those that differ least first. They are sorted once and serve every scale.
pub(super) struct Edges {
    size: [usize; 2],
    /// The difference's bits above, the number of the pair below: these bits are in the order of what they mean, as no difference is negative.
    sorted: Vec<u64>,
}

/// The neighbours of a pixel that come after it in its row or below, and the one that lies to the right above.
const NEIGHBOURS: [[isize; 2]; 4] = [[0, 1], [1, 0], [1, 1], [-1, 1]];

impl Edges {
    /// Of colours in `0..=1`, channel by channel, which are smoothed first.
    pub(super) fn of(op: &'static str, colors: &[f64], size: [usize; 2], sigma: f64) -> Result<Self> {
        let [height, width] = size;
        let pixels = height * width;
        if pixels >= 1 << 30 {
            return Err(Error::argument(op, format!("expected fewer than 2^30 pixels, received {height}x{width}")));
        }
        let bytes = pixels * NEIGHBOURS.len() * size_of::<u64>();
        let mut sorted = Vec::new();
        sorted.try_reserve_exact(bytes / size_of::<u64>()).map_err(|_| TensorError::OutOfMemory { bytes })?;
        let kernel = Kernel::gaussian(sigma);
        let smooth = filtered(colors, size, &kernel, &kernel);
        for (number, [down, right]) in NEIGHBOURS.into_iter().enumerate() {
            let rows = if down < 0 { 1..height } else { 0..height.saturating_sub(down as usize) };
            let columns = width.saturating_sub(right as usize);
            let mut squares = vec![0.0f64; columns];
            for y in rows {
                squares.fill(0.0);
                for plane in smooth.chunks_exact(pixels) {
                    let here = &plane[y * width..][..columns];
                    let there = &plane[y.wrapping_add_signed(down) * width + right as usize..][..columns];
                    for ((square, a), b) in squares.iter_mut().zip(here).zip(there) {
                        *square += (a - b) * (a - b);
                    }
                }
                sorted.extend(squares.iter().enumerate().map(|(x, square)| {
                    let pair = ((y * width + x) * NEIGHBOURS.len() + number) as u64;
                    u64::from((square.sqrt() as f32).to_bits()) << 32 | pair
                }));
            }
        }
        sorted.sort_unstable();
        Ok(Edges { size, sorted })
    }

    /// Each pixel's region, numbered in the order of their first pixels, and how many there are.
    pub(super) fn segment(&self, scale: f64, min_size: usize) -> (Vec<u32>, usize) {
        let [height, width] = self.size;
        let scale = scale / 255.0;
        let mut forest = Forest::new(height * width);
        // What a region of one pixel may differ by, and at its root what a region may: its largest inner difference + scale / size.
        let mut limits = vec![scale; height * width];
        let pair = |edge: u64| {
            let number = (edge & 0xFFFF_FFFF) as usize;
            let (at, [down, right]) = (number / NEIGHBOURS.len(), NEIGHBOURS[number % NEIGHBOURS.len()]);
            (at, at.wrapping_add_signed(down * width as isize + right))
        };
        for &edge in &self.sorted {
            let difference = f64::from(f32::from_bits((edge >> 32) as u32));
            let (a, b) = pair(edge);
            let (a, b) = (forest.root(a), forest.root(b));
            if a != b && difference <= limits[a].min(limits[b]) {
                let root = forest.join(a, b);
                limits[root] = difference + scale / f64::from(forest.sizes[root]);
            }
        }
        for &edge in &self.sorted {
            let (a, b) = pair(edge);
            let (a, b) = (forest.root(a), forest.root(b));
            if a != b && (forest.sizes[a].min(forest.sizes[b]) as usize) < min_size {
                forest.join(a, b);
            }
        }
        forest.numbered()
    }
}

/// Disjoint sets (R. Tarjan, 1975), joined by size.
struct Forest {
    parents: Vec<u32>,
    /// Of a root: how many pixels belong to it.
    sizes: Vec<u32>,
}

impl Forest {
    fn new(count: usize) -> Self {
        Forest { parents: (0..count as u32).collect(), sizes: vec![1; count] }
    }

    fn root(&mut self, mut at: usize) -> usize {
        while self.parents[at] as usize != at {
            // Each look halves the way for the next.
            let above = self.parents[self.parents[at] as usize];
            self.parents[at] = above;
            at = above as usize;
        }
        at
    }

    /// Joins two roots; returns the one that stays.
    fn join(&mut self, a: usize, b: usize) -> usize {
        let (root, child) = if self.sizes[a] >= self.sizes[b] { (a, b) } else { (b, a) };
        self.parents[child] = root as u32;
        self.sizes[root] += self.sizes[child];
        root
    }

    fn numbered(mut self) -> (Vec<u32>, usize) {
        let count = self.parents.len();
        let (mut numbers, mut next) = (vec![u32::MAX; count], 0);
        let mut labels = Vec::with_capacity(count);
        for at in 0..count {
            let number = &mut numbers[self.root(at)];
            if *number == u32::MAX {
                *number = next;
                next += 1;
            }
            labels.push(*number);
        }
        (labels, next as usize)
    }
}
