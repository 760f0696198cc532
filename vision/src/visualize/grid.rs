//! Pictures side by side, with captions.

use std::path::Path;

use ocelli_data::{Image, image_io};
use ocelli_tensor::Tensor;

use super::canvas::{Area, Canvas, Color, INK, PAPER};
use super::text::Text;
use crate::{Error, Result};

const LINE: Color = [200, 200, 200];
const MARK: Color = [200, 16, 30];

/// Width of the frame of a marked picture, in pixels.
const FRAME: usize = 4;

/// How wide a caption may be, in sides of a cell: half of the margin on both sides is its own.
const CAPTION: f32 = 1.05;

/// The smallest letters of captions, in pixels.
const SMALLEST: f32 = 13.0;

/// A sheet of pictures in rows, each with a caption below it; some may be marked, as those that a network got wrong.
///
/// A mark is a thick red frame, a caption in the same red, and a ✗ before it: who does not see the red sees the frame and the ✗.
///
/// ```
/// use ocelli_tensor::{DType, Tensor};
/// use ocelli_vision::visualize::Grid;
/// # fn main() -> ocelli_vision::Result<()> {
/// let digit = Tensor::zeros([1, 28, 28], DType::U8)?;
/// let mut grid = Grid::new(2).title("1 of 2 wrong");
/// grid.add(&digit, "true 7\npredicted 7", false)?;
/// grid.add(&digit, "true 7\npredicted 1", true)?;
/// let path = std::env::temp_dir().join(format!("ocelli-grid-{}.png", std::process::id()));
/// grid.write_png(&path)?;
/// # std::fs::remove_file(&path).ok();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Grid {
    columns: usize,
    cell: usize,
    title: Option<String>,
    tiles: Vec<Tile>,
}

#[derive(Debug, Clone)]
struct Tile {
    picture: Image,
    caption: Vec<String>,
    marked: bool,
}

impl Grid {
    /// An empty sheet with so many pictures in a row (at least 1), each in a square of 112 pixels.
    pub fn new(columns: usize) -> Self {
        Grid { columns: columns.max(1), cell: 112, title: None, tiles: Vec::new() }
    }

    /// The side in pixels of the square that each picture is fitted into; 32 to 4096.
    #[must_use]
    pub fn cell(mut self, pixels: usize) -> Self {
        self.cell = pixels.clamp(32, 4096);
        self
    }

    /// A line above the pictures.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Adds a picture `[H, W]`, `[1, H, W]` or `[3, H, W]`, of `u8` or of floats where 0 is dark and 1 is bright. The caption may have several
    /// lines; letters become smaller for long ones, and what then does not fit the width is cut off.
    ///
    /// # Errors
    /// Unless shape and dtype are these and the picture has pixels.
    pub fn add(&mut self, picture: &Tensor, caption: &str, marked: bool) -> Result<()> {
        let picture = Image::from_tensor(picture)?;
        let [height, width, channels] = picture.shape();
        if !matches!(channels, 1 | 3) || height == 0 || width == 0 {
            let message = format!(
                "expected a picture with 1 or 3 channels and with pixels, received [{channels}, {height}, {width}]"
            );
            return Err(Error::argument("grid", message));
        }
        self.tiles.push(Tile { picture, caption: caption.lines().map(str::to_string).collect(), marked });
        Ok(())
    }

    /// The sheet as a picture `[3, H, W]` of `u8`.
    ///
    /// # Errors
    /// Only if memory runs out.
    pub fn render(&self) -> Result<Tensor> {
        let small = self.caption_text()?;
        let large = Text::new((self.cell as f32 / 6.0).clamp(16.0, 34.0))?;
        let margin = (self.cell / 10).max(2 * FRAME);
        let lines = self.tiles.iter().map(|tile| tile.caption.len()).max().unwrap_or(0);
        let caption = if lines > 0 { FRAME + 2 + lines * small.line_height() } else { 0 };
        let (across, down) = (self.cell + margin, self.cell + caption + margin);
        let head = if self.title.is_some() { large.line_height() + margin / 2 } else { 0 };
        let columns = self.columns.min(self.tiles.len()).max(1);
        let rows = self.tiles.len().div_ceil(self.columns);
        let width = columns.saturating_mul(across).saturating_add(margin);
        let height = rows.saturating_mul(down).saturating_add(margin + head);
        let mut canvas = Canvas::new(width, height, PAPER)?;

        if let Some(title) = &self.title {
            let title = large.fitted(title, (width - 2 * margin) as f32);
            large.draw(&mut canvas, (margin as f32, margin as f32 * 0.75), &title, INK);
        }
        for (i, tile) in self.tiles.iter().enumerate() {
            let left = margin + (i % self.columns) * across;
            let top = margin + head + (i / self.columns) * down;
            tile.draw(&mut canvas, Area { left, top, width: self.cell, height: self.cell }, &small);
        }
        canvas.into_tensor()
    }

    /// The text of captions: as large as suits a cell, or smaller so that the longest one fits, but legible.
    fn caption_text(&self) -> Result<Text> {
        let room = self.cell as f32 * CAPTION;
        let mut size = (self.cell as f32 / 7.0).clamp(SMALLEST, 28.0);
        // Longer than any line that fits in the smallest letters.
        let most = room * size / SMALLEST + size;
        loop {
            let text = Text::new(size)?;
            let widths = self.tiles.iter().flat_map(Tile::lines).map(|line| text.width(&text.fitted(&line, most)));
            let widest = widths.fold(1.0, f32::max);
            if widest <= room || size <= SMALLEST {
                return Ok(text);
            }
            // Widths do not quite grow with the size of letters.
            size = (size * room / widest).min(size - 0.5).max(SMALLEST);
        }
    }

    /// Writes the sheet as a PNG file, which appears whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_png(&self, path: impl AsRef<Path>) -> Result<()> {
        Ok(image_io::write_png(path, &self.render()?)?)
    }
}

impl Tile {
    fn draw(&self, canvas: &mut Canvas, cell: Area, text: &Text) {
        let [height, width] = self.picture.size();
        let picture = fitted(cell, height, width);
        let (border, color, ink) = if self.marked { (FRAME, MARK, MARK) } else { (1, LINE, INK) };
        canvas.fill(picture.grown(border), color);
        self.draw_picture(canvas, picture);
        let mut top = (cell.top + cell.height + FRAME + 2) as f32;
        for line in self.lines() {
            let line = text.fitted(&line, cell.width as f32 * CAPTION);
            let left = cell.left as f32 + (cell.width as f32 - text.width(&line)) / 2.0;
            text.draw(canvas, (left, top), &line, ink);
            top += text.line_height() as f32;
        }
    }

    /// The lines of the caption as they are written.
    fn lines(&self) -> impl Iterator<Item = String> {
        let line =
            |(i, line): (usize, &String)| if self.marked && i == 0 { format!("✗ {line}") } else { line.clone() };
        self.caption.iter().enumerate().map(line)
    }

    /// Each pixel is the mean of the picture's pixels that it covers; enlarged, a pixel of the picture is a square.
    fn draw_picture(&self, canvas: &mut Canvas, area: Area) {
        let [height, width, channels] = self.picture.shape();
        let values = self.picture.to_f32();
        let rows: Vec<_> = (0..area.height).map(|y| covered(y, area.height, height)).collect();
        let columns: Vec<_> = (0..area.width).map(|x| covered(x, area.width, width)).collect();
        for (y, rows) in rows.iter().enumerate() {
            for (x, columns) in columns.iter().enumerate() {
                let color = [0, 1, 2].map(|channel: usize| {
                    let channel = channel.min(channels - 1);
                    let covered = rows
                        .clone()
                        .flat_map(|row| columns.clone().map(move |column| (row * width + column) * channels + channel));
                    let mean = covered.map(|at| values[at]).sum::<f32>() / (rows.len() * columns.len()) as f32;
                    // A NaN becomes black.
                    (mean * 255.0).round().clamp(0.0, 255.0) as u8
                });
                canvas.blend(area.left + x, area.top + y, color, 1.0);
            }
        }
    }
}

/// The largest area in the middle of the cell that has the picture's proportions; a small picture grows by whole factors if it
/// then fills most of the cell, so that its pixels stay equal squares.
fn fitted(cell: Area, height: usize, width: usize) -> Area {
    let side = cell.width.min(cell.height);
    let longest = height.max(width);
    let whole = (side / longest) * longest;
    let side = if whole * 4 >= side * 3 { whole } else { side };
    let scaled = |size: usize| (size * side / longest).max(1);
    let (h, w) = (scaled(height), scaled(width));
    Area { left: cell.left + (cell.width - w) / 2, top: cell.top + (cell.height - h) / 2, width: w, height: h }
}

/// Which of the picture's `of` pixels the pixel at `position` of `length` covers.
fn covered(position: usize, length: usize, of: usize) -> std::ops::Range<usize> {
    let start = position * of / length;
    start..if of > length { ((position + 1) * of).div_ceil(length) } else { start + 1 }
}

#[cfg(test)]
mod tests {
    use ocelli_tensor::DType;

    use super::*;

    fn pixel(sheet: &Tensor, y: usize, x: usize) -> Vec<u8> {
        sheet.select(1, y as isize).unwrap().select(1, x as isize).unwrap().to_vec().unwrap()
    }

    #[test]
    fn marked_pictures_have_a_frame() {
        let black = Tensor::zeros([28, 28], DType::F32).unwrap();
        let mut grid = Grid::new(4);
        grid.add(&black, "right", false).unwrap();
        grid.add(&black, "wrong", true).unwrap();
        let sheet = grid.render().unwrap();
        assert_eq!(sheet.shape()[0], 3);
        assert_eq!(sheet.shape()[2], 2 * (112 + 11) + 11, "a row is not wider than its pictures");
        assert_eq!(pixel(&sheet, 11, 11), [0, 0, 0]);
        assert_eq!(pixel(&sheet, 10, 50), LINE);
        assert_eq!(pixel(&sheet, 9, 50), PAPER);
        assert_eq!(pixel(&sheet, 11 - FRAME, 112 + 22 + 50), MARK);
        assert!(sheet.to_vec::<u8>().unwrap().contains(&MARK[1]));
    }

    #[test]
    fn captions_are_as_large_as_the_longest_lets_them() {
        let caption = "weighted boxes fusion: 10 boxes";
        for cell in [196, 240, 256, 320, 384] {
            let mut grid = Grid::new(1).cell(cell);
            grid.add(&Tensor::zeros([4, 4], DType::U8).unwrap(), caption, false).unwrap();
            let text = grid.caption_text().unwrap();
            assert_eq!(text.fitted(caption, cell as f32 * CAPTION), caption, "{cell}");
            assert!(text.width(caption) > 0.9 * cell as f32, "{cell}: {}", text.width(caption));
        }
        // In letters that can be read there is an end.
        let mut grid = Grid::new(1).cell(64);
        grid.add(&Tensor::zeros([4, 4], DType::U8).unwrap(), caption, true).unwrap();
        assert!(grid.caption_text().unwrap().width(caption) > 1.5 * 64.0 && grid.render().is_ok());
    }

    #[test]
    fn pictures_keep_their_proportions_and_colors() {
        let cell = Area { left: 10, top: 10, width: 112, height: 112 };
        let a = fitted(cell, 28, 28);
        assert_eq!((a.width, a.height), (112, 112));
        let a = fitted(cell, 200, 400);
        assert_eq!((a.left, a.top, a.width, a.height), (10, 38, 112, 56));
        let a = fitted(cell, 32, 32);
        assert_eq!((a.width, a.left), (96, 18), "three times, not three and a half");
        let a = fitted(cell, 1, 5000);
        assert_eq!((a.width, a.height), (112, 1));

        let red = Tensor::new([[[255u8]], [[0]], [[0]]]).unwrap();
        let mut grid = Grid::new(1).cell(40);
        grid.add(&red, "", false).unwrap();
        assert_eq!(pixel(&grid.render().unwrap(), 20, 20), [255, 0, 0]);
        // Shrinking takes means: a checkerboard becomes grey.
        let checks: Vec<f32> = (0..64 * 64).map(|i| ((i / 64 + i % 64) % 2) as f32).collect();
        let mut grid = Grid::new(1).cell(32);
        grid.add(&Tensor::from_vec(checks, [64, 64]).unwrap(), "", false).unwrap();
        assert_eq!(pixel(&grid.render().unwrap(), 20, 20), [128, 128, 128]);
    }

    #[test]
    fn strange_input_is_refused_or_drawn() {
        let mut grid = Grid::new(0).title("");
        assert_eq!(grid.render().unwrap().rank(), 3);
        for shape in [vec![2, 4, 4], vec![3, 0, 4], vec![1, 1, 4, 4], vec![4]] {
            let picture = Tensor::zeros(shape.as_slice(), DType::F32).unwrap();
            assert!(grid.add(&picture, "", false).is_err(), "{shape:?}");
        }
        let strange = Tensor::new([[f32::NAN, f32::INFINITY, -1.0, 2.0]]).unwrap();
        let long = "a caption that is far too long for the cell that it stands under";
        grid.add(&strange, long, true).unwrap();
        grid.render().unwrap();
        assert!(grid.write_png("/no/such/directory/grid.png").is_err());
    }
}
