//! Changes that move pixels as they are: crops, borders, mirror images, quarter turns.

use super::{Geometry, OUTSIDE, size};
use crate::augment::Fill;
use crate::image::to_byte;
use crate::reserve::with_capacity;
use crate::{Image, Pixels, Result};

/// New pixel (row, column) is old pixel `(start[0] ± a, start[1] ± b)`, in which `(a, b)` is (row, column), or (column, row) if axes are swapped. What is outside
/// of the old picture is filled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moves {
    /// `[height, width]` of the new picture.
    pub(crate) size: [usize; 2],
    /// Which old row and column stand first.
    pub(crate) start: [i64; 2],
    /// Whether old rows and columns are gone through backwards.
    pub(crate) backwards: [bool; 2],
    /// Whether rows become columns.
    pub(crate) swapped: bool,
    pub(crate) fill: Fill,
}

impl Moves {
    /// The piece of this size whose first pixel is `start`, `[row, column]` of the old picture.
    pub(crate) fn crop(size: [usize; 2], start: [i64; 2], fill: Fill) -> Self {
        Moves { size, start, backwards: [false; 2], swapped: false, fill }
    }

    /// The mirror image of a picture of `[height, width]`, up and down or left and right.
    pub(crate) fn flip(size: [usize; 2], backwards: [bool; 2]) -> Self {
        let last = |axis: usize| if backwards[axis] { size[axis] as i64 - 1 } else { 0 };
        Moves { size, start: [last(0), last(1)], backwards, swapped: false, fill: Fill::black() }
    }

    /// A picture of `[height, width]`, turned counter-clockwise by so many right angles.
    pub(crate) fn turn([height, width]: [usize; 2], quarters: usize) -> Self {
        match quarters % 4 {
            // What was the last column is the first row.
            1 => Moves { size: [width, height], swapped: true, ..Moves::flip([height, width], [false, true]) },
            2 => Moves::flip([height, width], [true, true]),
            3 => Moves { size: [width, height], swapped: true, ..Moves::flip([height, width], [true, false]) },
            _ => Moves::flip([height, width], [false, false]),
        }
    }

    /// For each step along an old axis the place there.
    fn along(&self, axis: usize, old: usize, fill: Fill) -> Result<Vec<Option<usize>>> {
        let steps = self.size[if self.swapped { 1 - axis } else { axis }];
        let sign = if self.backwards[axis] { -1 } else { 1 };
        let mut places = with_capacity(steps)?;
        places.extend((0..steps as i64).map(|step| fill.place(self.start[axis].saturating_add(sign * step), old)));
        Ok(places)
    }

    /// All new pixels in order, `pixel` telling what stands at (row, column) of the old picture.
    fn gather<T: Copy>(
        &self,
        [rows, columns]: [&[Option<usize>]; 2],
        fill: T,
        pixel: impl Fn(usize, usize) -> T,
    ) -> Result<Vec<T>> {
        let mut out = with_capacity(rows.len() * columns.len())?;
        let of = |row: Option<usize>, column: Option<usize>| match (row, column) {
            (Some(row), Some(column)) => pixel(row, column),
            _ => fill,
        };
        if self.swapped {
            for &column in columns {
                out.extend(rows.iter().map(|&row| of(row, column)));
            }
        } else {
            for &row in rows {
                out.extend(columns.iter().map(|&column| of(row, column)));
            }
        }
        Ok(out)
    }

    fn pixels<T: Copy + bytemuck::Pod>(&self, old: &[T], image: &Image, fill: impl Fn(usize) -> T) -> Result<Vec<T>> {
        size::pixels("move", image.size(), self.size)?;
        let rows = self.along(0, image.height(), self.fill)?;
        let columns = self.along(1, image.width(), self.fill)?;
        match image.channels() {
            1 => self.pixels_of::<T, 1>(old, image.width(), [&rows, &columns], fill),
            2 => self.pixels_of::<T, 2>(old, image.width(), [&rows, &columns], fill),
            3 => self.pixels_of::<T, 3>(old, image.width(), [&rows, &columns], fill),
            _ => self.pixels_of::<T, 4>(old, image.width(), [&rows, &columns], fill),
        }
    }

    fn pixels_of<T: Copy, const C: usize>(
        &self,
        old: &[T],
        width: usize,
        places: [&[Option<usize>]; 2],
        fill: impl Fn(usize) -> T,
    ) -> Result<Vec<T>> {
        let old = old.as_chunks::<C>().0;
        let fill: [T; C] = std::array::from_fn(fill);
        let [rows, columns] = places;
        let run = if self.swapped { None } else { Run::of(columns) };
        let Some(run) = run else {
            return Ok(self.gather(places, fill, |row, column| old[row * width + column])?.into_flattened());
        };
        let mut out: Vec<[T; C]> = with_capacity(rows.len() * columns.len())?;
        for &row in rows {
            let Some(row) = row else {
                out.resize(out.len() + columns.len(), fill);
                continue;
            };
            let seen = &old[row * width + run.first..][..run.len];
            out.resize(out.len() + run.before, fill);
            if run.backwards {
                out.extend(seen.iter().rev());
            } else {
                out.extend_from_slice(seen);
            }
            out.resize(out.len() + columns.len() - run.before - run.len, fill);
        }
        Ok(out.into_flattened())
    }
}

/// Old columns that follow each other, with nothing but the fill on both sides: they are copied together.
struct Run {
    /// How many places have the fill before it.
    before: usize,
    /// The old column furthest to the left.
    first: usize,
    len: usize,
    backwards: bool,
}

impl Run {
    /// The run that the places along a row are; `None` if they are none.
    fn of(columns: &[Option<usize>]) -> Option<Run> {
        let before = columns.iter().take_while(|column| column.is_none()).count();
        let seen: &[Option<usize>] = &columns[before..];
        let seen = &seen[..seen.len() - seen.iter().rev().take_while(|column| column.is_none()).count()];
        let (Some(&Some(start)), Some(&Some(end))) = (seen.first(), seen.last()) else {
            return Some(Run { before: columns.len(), first: 0, len: 0, backwards: false });
        };
        let backwards = end < start;
        let follows = |(step, column): (usize, &Option<usize>)| match backwards {
            false => *column == Some(start + step),
            true => column.is_some_and(|column| column + step == start),
        };
        let run = Run { before, first: start.min(end), len: seen.len(), backwards };
        seen.iter().enumerate().all(follows).then_some(run)
    }
}

impl Geometry for Moves {
    fn size(&self) -> [usize; 2] {
        self.size
    }

    fn is_upright(&self) -> bool {
        true
    }

    fn forward(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let along = |axis: usize, at: f64| {
            let start = self.start[axis] as f64;
            if self.backwards[axis] { start + 1.0 - at } else { at - start }
        };
        let (row, column) = (along(0, y), along(1, x));
        if self.swapped { [row, column] } else { [column, row] }
    }

    fn image(&self, old: &Image) -> Result<Image> {
        let pixels = match old.pixels() {
            Pixels::U8(pixels) => {
                Pixels::U8(self.pixels(pixels, old, |channel| to_byte(self.fill.value(channel) as f32))?)
            }
            Pixels::F32(pixels) => Pixels::F32(self.pixels(pixels, old, |channel| self.fill.value(channel) as f32)?),
        };
        old.replaced([self.size[0], self.size[1], old.channels()], pixels)
    }

    fn places(&self, [height, width]: [usize; 2], filled: bool) -> Result<Vec<usize>> {
        let fill = if filled { self.fill } else { Fill::black() };
        size::pixels("move", [height, width], self.size)?;
        let (rows, columns) = (self.along(0, height, fill)?, self.along(1, width, fill)?);
        self.gather([&rows, &columns], OUTSIDE, |row, column| row * width + column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_go_where_their_pixels_go() {
        let old = [3, 5];
        let image = Image::from_u8([3, 5, 1], (0..15).collect()).unwrap();
        let all = [
            Moves::crop([2, 2], [1, 3], Fill::black()),
            Moves::crop([6, 9], [-1, -2], Fill::Constant(99.0)),
            Moves::flip(old, [true, false]),
            Moves::flip(old, [false, true]),
            Moves::turn(old, 0),
            Moves::turn(old, 1),
            Moves::turn(old, 2),
            Moves::turn(old, 3),
        ];
        for moves in all {
            let [height, width] = moves.size;
            let new = moves.image(&image).unwrap();
            let Pixels::U8(pixels) = new.pixels() else { panic!("bytes stay bytes") };
            let places = moves.places(old, false).unwrap();
            let mut seen = 0;
            for (place, (row, column)) in (0..15).map(|i| (i, (i / 5, i % 5))) {
                let [x, y] = moves.forward([column as f64 + 0.5, row as f64 + 0.5]);
                if (0.0..width as f64).contains(&x) && (0.0..height as f64).contains(&y) {
                    let at = y as usize * width + x as usize;
                    assert_eq!((pixels[at], places[at]), (place as u8, place), "{moves:?}");
                    seen += 1;
                }
            }
            assert_eq!(places.iter().filter(|&&place| place != OUTSIDE).count(), seen);
        }
    }

    #[test]
    fn runs_of_columns() {
        let of = |columns: &[i64]| {
            let columns: Vec<Option<usize>> = columns.iter().map(|&column| usize::try_from(column).ok()).collect();
            Run::of(&columns).map(|run| (run.before, run.first, run.len, run.backwards))
        };
        assert_eq!(of(&[-1, 3, 4, 5, -1, -1]), Some((1, 3, 3, false)));
        assert_eq!(of(&[2, 1, 0, -1]), Some((0, 0, 3, true)));
        assert_eq!(
            (of(&[7]), of(&[-1, -1]), of(&[])),
            (Some((0, 7, 1, false)), Some((2, 0, 0, false)), Some((0, 0, 0, false)))
        );
        for none in [&[1, 0, 0][..], &[0, 1, -1, 2], &[0, 2], &[1, 0, 1]] {
            assert_eq!(of(none), None, "{none:?}");
        }
    }

    #[test]
    fn turns_are_counter_clockwise() {
        let image = Image::from_u8([2, 2, 1], vec![1, 2, 3, 4]).unwrap();
        let turned = |quarters| match Moves::turn([2, 2], quarters).image(&image).unwrap().into_pixels() {
            Pixels::U8(pixels) => pixels,
            Pixels::F32(_) => vec![],
        };
        assert_eq!(turned(1), [2, 4, 1, 3]);
        assert_eq!(turned(2), [4, 3, 2, 1]);
        assert_eq!(turned(3), [3, 1, 4, 2]);
    }
}
