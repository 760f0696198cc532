//! Histograms of oriented gradients (N. Dalal and B. Triggs, CVPR 2005).

use ocelli_tensor::kernels::over_pieces;
use ocelli_tensor::{DType, Device, Error as TensorError, Tensor};

use crate::host::filled;
use crate::picture::Picture;
use crate::{Error, Result};

/// How a pixel votes for the histograms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Votes {
    /// For the one cell and the one direction that it falls into; a cell's votes are divided by its number of pixels. These are
    /// scikit-image's numbers.
    #[default]
    Nearest,
    /// For the two nearest directions and, in each block, the four nearest cells, by their distance; with a Gaussian window over the block whose
    /// standard deviation is half of the block's side. That is the paper's way: a small shift or turn changes the numbers little.
    Trilinear,
}

/// How the numbers of a block are normalized; ε is 1e-5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BlockNorm {
    /// `v / (‖v‖₁ + ε)`.
    L1,
    /// The square root of [`BlockNorm::L1`].
    L1Sqrt,
    /// `v / √(‖v‖₂² + ε²)`.
    L2,
    /// [`BlockNorm::L2`], limited to at most 0.2, and [`BlockNorm::L2`] again.
    #[default]
    L2Hys,
}

/// Describes a picture by histograms of its gradients' directions, over cells, normalized over blocks of cells.
///
/// Gradients are differences of the pixels on both sides, 0 at the picture's edge; of three channels the steepest counts. What is left
/// at the right and lower edge beyond whole cells is not described. The defaults, and with [`Votes::Nearest`] the numbers, are those of scikit-image's
/// `hog`; [`Hog::dalal_triggs`] has the paper's settings. Pictures are `u8`, which become fractions of 255, or floats.
///
/// ```
/// use ocelli_tensor::{DType, Generator, Tensor};
/// use ocelli_vision::features::Hog;
/// # fn main() -> ocelli_vision::Result<()> {
/// let window = Tensor::rand([3, 128, 64], DType::F32, &mut Generator::new(1))?;
/// let hog = Hog::dalal_triggs();
/// // 15 x 7 blocks of 2 x 2 cells with 9 directions: the paper's 3780 numbers for a person.
/// assert_eq!(hog.features(&window)?.shape()[..], [15, 7, 2, 2, 9]);
/// assert_eq!(hog.descriptors(&window.unsqueeze(0)?)?.shape()[..], [1, 3780]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Hog {
    /// Directions that are told apart.
    pub orientations: usize,
    /// Rows and columns of a cell.
    pub pixels_per_cell: [usize; 2],
    /// Rows and columns of a block; blocks lie one cell apart.
    pub cells_per_block: [usize; 2],
    /// Whether dark to bright and bright to dark are different directions (over 360°), or the same (over 180°).
    pub signed: bool,
    /// How pixels vote.
    pub votes: Votes,
    /// How blocks are normalized.
    pub block_norm: BlockNorm,
    /// Takes the square root of the pixels first, which evens out light and shadow; pixels below 0 are then refused.
    pub transform_sqrt: bool,
}

impl Default for Hog {
    fn default() -> Self {
        Hog {
            orientations: 9,
            pixels_per_cell: [8, 8],
            cells_per_block: [3, 3],
            signed: false,
            votes: Votes::Nearest,
            block_norm: BlockNorm::L2Hys,
            transform_sqrt: false,
        }
    }
}

impl Hog {
    /// The paper's detector of people: 9 directions, cells of 8×8 pixels, blocks of 2×2 cells, trilinear votes, square roots.
    pub fn dalal_triggs() -> Self {
        Hog { cells_per_block: [2, 2], votes: Votes::Trilinear, transform_sqrt: true, ..Hog::default() }
    }

    /// The shape of [`Hog::features`] for a picture of `[height, width]`: blocks down, blocks across, cells down, cells across, directions.
    ///
    /// # Errors
    /// If a size is 0, there are more than 360 directions, or no block fits into the picture.
    pub fn shape(&self, size: [usize; 2]) -> Result<[usize; 5]> {
        let Hog { orientations, pixels_per_cell: pixels, cells_per_block: cells, .. } = *self;
        if !(1..=360).contains(&orientations) || pixels.contains(&0) || cells.contains(&0) {
            let message = format!(
                "expected 1 to 360 orientations, cells with pixels and blocks with cells, received {orientations} orientations, \
                 {pixels:?} pixels per cell and {cells:?} cells per block"
            );
            return Err(Error::argument("hog", message));
        }
        let blocks = [0, 1].map(|axis: usize| (size[axis] / pixels[axis] + 1).saturating_sub(cells[axis]));
        if blocks.contains(&0) {
            let message = format!(
                "expected a picture of at least {cells:?} cells of {pixels:?} pixels, received {size:?} pixels"
            );
            return Err(Error::argument("hog", message));
        }
        Ok([blocks[0], blocks[1], cells[0], cells[1], orientations])
    }

    /// The histograms of a picture `[H, W]`, `[1, H, W]` or `[3, H, W]` as an `f32` tensor of [`Hog::shape`], on the picture's device.
    /// They are computed on the CPU.
    ///
    /// # Errors
    /// As [`Hog::shape`], and unless the picture is one, of finite numbers.
    pub fn features(&self, image: &Tensor) -> Result<Tensor> {
        let picture = self.read(image)?;
        let shape = self.shape([picture.height, picture.width])?;
        let mut out = filled(0.0, length(&shape))?;
        self.describe(&picture, &mut out);
        Ok(Tensor::from_vec(out, shape)?.to_device(image.device())?)
    }

    /// The histograms of many pictures `[N, C, H, W]`, each as one row of a matrix `[N, D]`: what a [`LinearSvm`](super::LinearSvm)
    /// learns from. The pictures are shared by all threads.
    ///
    /// # Errors
    /// As [`Hog::features`].
    pub fn descriptors(&self, images: &Tensor) -> Result<Tensor> {
        let [count, _, height, width] = images.shape()[..] else {
            return Err(TensorError::shape("hog", "pictures of shape [N, C, H, W]", images.shape()).into());
        };
        let length = length(&self.shape([height, width])?);
        let images_here = images.to_device(Device::Cpu)?;
        let mut out = Tensor::zeros([count, length], DType::F32)?.to_vec::<f32>()?;
        let mut failures: Vec<Option<Error>> = (0..count).map(|_| None).collect();
        let mut rows: Vec<_> = out.chunks_exact_mut(length).zip(&mut failures).collect();
        over_pieces(&mut rows, 1, &|i, row| {
            for (descriptor, failure) in row {
                match images_here.select(0, i as isize).map_err(Error::from).and_then(|image| self.read(&image)) {
                    Ok(picture) => self.describe(&picture, descriptor),
                    Err(error) => **failure = Some(error),
                }
            }
        });
        match failures.into_iter().flatten().next() {
            Some(error) => Err(error),
            None => Ok(Tensor::from_vec(out, [count, length])?.to_device(images.device())?),
        }
    }

    fn read(&self, image: &Tensor) -> Result<Picture> {
        let mut picture = Picture::read("hog", image)?;
        if self.transform_sqrt {
            if let Some(value) = picture.values.iter().find(|&&value| value < 0.0) {
                let message = format!("expected pixels of at least 0 for their square roots, received {value}");
                return Err(Error::argument("hog", message));
            }
            picture.values.iter_mut().for_each(|value| *value = value.sqrt());
        }
        Ok(picture)
    }

    /// The whole description of a picture that a block fits into.
    fn describe(&self, picture: &Picture, out: &mut [f32]) {
        let gradients = Gradients::of(picture, self.signed);
        match self.votes {
            Votes::Nearest => self.vote_nearest(&gradients, out),
            Votes::Trilinear => self.vote_trilinear(&gradients, out),
        }
        let block = self.cells_per_block[0] * self.cells_per_block[1] * self.orientations;
        out.chunks_exact_mut(block).for_each(|block| self.block_norm.apply(block));
    }

    fn vote_nearest(&self, gradients: &Gradients, out: &mut [f32]) {
        let ([rows, columns], bins) = (self.pixels_per_cell, self.orientations);
        let (down, across) = (gradients.height / rows, gradients.width / columns);
        let mut cells = vec![0.0f32; down * across * bins];
        for y in 0..down * rows {
            let row = &gradients.pixels[y * gradients.width..][..across * columns];
            let cells = &mut cells[y / rows * across * bins..][..across * bins];
            for (pixels, cell) in row.chunks_exact(columns).zip(cells.chunks_exact_mut(bins)) {
                for &(magnitude, turn) in pixels {
                    // An angle just below the full turn may round up to it.
                    cell[((turn * bins as f32) as usize).min(bins - 1)] += magnitude;
                }
            }
        }
        let share = 1.0 / (rows * columns) as f32;
        cells.iter_mut().for_each(|votes| *votes *= share);

        let [high, wide] = self.cells_per_block;
        let width = wide * bins;
        let mut rows = out.chunks_exact_mut(width);
        for top in 0..=down - high {
            for left in 0..=across - wide {
                for (y, row) in (top..top + high).zip(rows.by_ref()) {
                    row.copy_from_slice(&cells[(y * across + left) * bins..][..width]);
                }
            }
        }
    }

    fn vote_trilinear(&self, gradients: &Gradients, out: &mut [f32]) {
        let ([rows, columns], [high, wide], bins) = (self.pixels_per_cell, self.cells_per_block, self.orientations);
        let across = gradients.width / columns;
        let (vertical, horizontal) = (Place::along(rows, high), Place::along(columns, wide));
        for (i, block) in out.chunks_exact_mut(high * wide * bins).enumerate() {
            let (top, left) = (i / (across + 1 - wide) * rows, i % (across + 1 - wide) * columns);
            for (y, v) in vertical.iter().enumerate() {
                let row = &gradients.pixels[(top + y) * gradients.width + left..][..horizontal.len()];
                for (h, &(magnitude, turn)) in horizontal.iter().zip(row) {
                    // The middle of a direction's range is its own.
                    let position = turn * bins as f32 - 0.5;
                    let low = position.floor();
                    let part = position - low;
                    let first = (low as isize).rem_euclid(bins as isize) as usize;
                    let second = if first + 1 == bins { 0 } else { first + 1 };
                    for (cell_row, share_row) in v.cells {
                        for (cell_column, share_column) in h.cells {
                            let vote = magnitude * share_row * share_column;
                            let cell = &mut block[(cell_row * wide + cell_column) * bins..][..bins];
                            cell[first] += vote * (1.0 - part);
                            cell[second] += vote * part;
                        }
                    }
                }
            }
        }
    }
}

/// The magnitude of each pixel's gradient, and its direction as a part of the half or full turn, in `0..=1`.
struct Gradients {
    height: usize,
    width: usize,
    pixels: Vec<(f32, f32)>,
}

impl Gradients {
    fn of(picture: &Picture, signed: bool) -> Self {
        let Picture { height, width, .. } = *picture;
        let mut pixels = Vec::with_capacity(picture.pixels());
        let full = if signed { std::f32::consts::TAU } else { std::f32::consts::PI };
        for y in 0..height {
            for x in 0..width {
                let mut best = (0.0, 0.0, 0.0);
                for plane in picture.values.chunks_exact(height * width) {
                    let at = y * width + x;
                    let dy = if y > 0 && y + 1 < height { plane[at + width] - plane[at - width] } else { 0.0 };
                    let dx = if x > 0 && x + 1 < width { plane[at + 1] - plane[at - 1] } else { 0.0 };
                    let square = dx * dx + dy * dy;
                    if square > best.0 {
                        best = (square, dy, dx);
                    }
                }
                let (square, dy, dx) = best;
                let turn = if square > 0.0 { dy.atan2(dx).rem_euclid(full) / full } else { 0.0 };
                pixels.push((square.sqrt(), turn));
            }
        }
        Gradients { height, width, pixels }
    }
}

/// One row (or column) of a block: the two nearest cells and their shares, which hold the Gaussian window too. A share beyond the block is 0.
struct Place {
    cells: [(usize, f32); 2],
}

impl Place {
    fn along(pixels: usize, cells: usize) -> Vec<Place> {
        let side = (pixels * cells) as f32;
        let place = |i: usize| {
            let middle = i as f32 + 0.5;
            let distance = (middle - side / 2.0) / (side / 2.0);
            let window = (-0.5 * distance * distance).exp();
            let position = middle / pixels as f32 - 0.5;
            let (low, part) = (position.floor() as isize, position - position.floor());
            let share = |cell: isize, share: f32| match usize::try_from(cell) {
                Ok(cell) if cell < cells => (cell, share * window),
                _ => (0, 0.0),
            };
            Place { cells: [share(low, 1.0 - part), share(low + 1, part)] }
        };
        (0..pixels * cells).map(place).collect()
    }
}

impl BlockNorm {
    fn apply(self, block: &mut [f32]) {
        const EPSILON: f32 = 1e-5;
        match self {
            BlockNorm::L1 | BlockNorm::L1Sqrt => {
                let sum = block.iter().sum::<f32>() + EPSILON;
                let root = self == BlockNorm::L1Sqrt;
                block.iter_mut().for_each(|x| *x = if root { (*x / sum).sqrt() } else { *x / sum });
            }
            BlockNorm::L2 => {
                let length = (block.iter().map(|x| x * x).sum::<f32>() + EPSILON * EPSILON).sqrt();
                block.iter_mut().for_each(|x| *x /= length);
            }
            BlockNorm::L2Hys => {
                BlockNorm::L2.apply(block);
                block.iter_mut().for_each(|x| *x = x.min(0.2));
                BlockNorm::L2.apply(block);
            }
        }
    }
}

/// How many numbers a shape has; the greatest there is, if that is more.
fn length(shape: &[usize]) -> usize {
    shape.iter().fold(1, |length: usize, &size| length.saturating_mul(size))
}
