//! Figures that hide each other, and what is seen of them.

use std::ops::Range;

use super::figure::Figure;
use crate::Result;
use crate::annotation::{BoundingBox, Flags, Keypoint, Keypoints, Object, Polygon, Rle, Segmentation, Visibility};
use crate::reserve::filled;

/// Figures one before the other.
pub(super) struct Scene {
    size: [usize; 2],
    /// Each with the number of its pixels in the picture and of those that can be seen.
    pub(super) figures: Vec<(Figure, [usize; 2])>,
    /// Of each pixel, the number of the figure that is seen there, counted from 1; 0 is background.
    pub(super) owners: Vec<u8>,
}

impl Scene {
    pub(super) fn new(size: [usize; 2]) -> Result<Self> {
        Ok(Scene { size, figures: Vec::new(), owners: filled(0, size[0] * size[1])? })
    }

    /// Puts a figure before all others, unless it has no pixel or leaves less of another than is to be visible.
    pub(super) fn put(&mut self, figure: Figure, min_visible: f64) -> bool {
        let rows = figure.rows(self.size);
        let mut hidden = vec![0; self.figures.len() + 1];
        let mut all = 0;
        for (row, columns) in &rows {
            all += columns.len();
            for &owner in &self.owners[self.places(*row, columns)] {
                hidden[usize::from(owner)] += 1;
            }
        }
        let enough = |([pixels, visible], hidden): ([usize; 2], usize)| {
            hidden == 0 || visible - hidden >= ((min_visible * pixels as f64).ceil() as usize).max(1)
        };
        let others = self.figures.iter().map(|(_, counts)| *counts).zip(hidden[1..].iter().copied());
        if all == 0 || !others.into_iter().all(enough) {
            return false;
        }
        for ((_, [_, visible]), hidden) in self.figures.iter_mut().zip(&hidden[1..]) {
            *visible -= hidden;
        }
        self.figures.push((figure, [all, all]));
        // There are at most 255.
        let owner = self.figures.len() as u8;
        for (row, columns) in &rows {
            let places = self.places(*row, columns);
            self.owners[places].fill(owner);
        }
        true
    }

    fn places(&self, row: usize, columns: &Range<usize>) -> Range<usize> {
        let start = row * self.size[1];
        start + columns.start..start + columns.end
    }

    pub(super) fn objects(&self, index: usize) -> Result<Vec<Object>> {
        let objects = self.figures.iter().enumerate().map(|(number, (figure, [pixels, visible]))| {
            let owner = number as u8 + 1;
            let rows = figure.rows(self.size);
            let segmentation = match outline(&rows) {
                Some(points) if pixels == visible => Segmentation::Polygons(vec![Polygon::new(points)?]),
                _ => Segmentation::Rle(self.mask(owner)?),
            };
            Ok(Object {
                segmentation: Some(segmentation),
                keypoints: Some(self.keypoints(number)?),
                flags: Flags { occluded: visible < pixels, truncated: figure.leaves(self.size), ..Flags::default() },
                area: Some(*visible as f64),
                id: Some((index as u64) << 8 | number as u64),
                ..Object::new(figure.kind, self.visible_box(owner, &rows)?)
            })
        });
        objects.collect()
    }

    fn mask(&self, owner: u8) -> Result<Rle> {
        let inside: Vec<u8> = self.owners.iter().map(|&other| u8::from(other == owner)).collect();
        Rle::encode(&inside, self.size)
    }

    fn visible_box(&self, owner: u8, rows: &[(usize, Range<usize>)]) -> Result<BoundingBox> {
        let seen = rows.iter().flat_map(|(row, columns)| {
            let pixels = self.owners[self.places(*row, columns)].iter().zip(columns.clone());
            let mut mine = pixels.filter(|(other, _)| **other == owner).map(|(_, column)| column);
            let first = mine.next();
            let last = mine.next_back().or(first);
            [first.map(|first| [first, *row]), last.map(|last| [last + 1, *row + 1])]
        });
        let corners = seen.flatten().map(|[x, y]| [x as f64, y as f64]);
        // There is a visible pixel: `put` sees to that.
        Ok(BoundingBox::around(corners)?.unwrap_or_default())
    }

    fn keypoints(&self, number: usize) -> Result<Keypoints> {
        let [height, width] = self.size.map(|side| side as f64);
        let later = &self.figures[number + 1..];
        let points = self.figures[number].0.keypoints().iter().map(|&[x, y]| {
            if !((0.0..=width).contains(&x) && (0.0..=height).contains(&y)) {
                return Keypoint::default();
            }
            let hidden = later.iter().any(|(figure, _)| figure.contains([x, y]));
            Keypoint { x, y, visibility: if hidden { Visibility::Hidden } else { Visibility::Visible } }
        });
        Keypoints::new(points.collect())
    }
}

/// The outline along the borders of pixels in rows; `None` if they do not hang together.
fn outline(rows: &[(usize, Range<usize>)]) -> Option<Vec<[f64; 2]>> {
    let touch = |pair: &[(usize, Range<usize>)]| {
        let ((row, upper), (next, lower)) = (&pair[0], &pair[1]);
        row + 1 == *next && upper.start < lower.end && lower.start < upper.end
    };
    if rows.is_empty() || !rows.windows(2).all(touch) {
        return None;
    }
    let corner = |x: usize, y: usize| [x as f64, y as f64];
    let down = rows.iter().flat_map(|(row, columns)| [corner(columns.end, *row), corner(columns.end, row + 1)]);
    let up = rows.iter().rev().flat_map(|(row, columns)| [corner(columns.start, row + 1), corner(columns.start, *row)]);
    let mut points: Vec<[f64; 2]> = down.chain(up).collect();
    points.dedup();
    // What lies on a straight line between its neighbours adds nothing.
    let straight = |i: usize| {
        let (before, after) = (points[(i + points.len() - 1) % points.len()], points[(i + 1) % points.len()]);
        (0..2).any(|axis| before[axis] == points[i][axis] && points[i][axis] == after[axis])
    };
    Some((0..points.len()).filter(|&i| !straight(i)).map(|i| points[i]).collect())
}
