//! Which of the boxes shown so far may overlap a box: what makes suppression and fusion of many boxes fast.
//!
//! A packed R-tree. Boxes of like place lie together in groups of 16, groups in groups of groups; of each group the tree knows the box
//! around those shown. A question goes down where it may find something, and looks at 16 boxes at once.

use super::corners::{Corners, Real, Rect, larger, smaller};
use super::nms::sorted_by_key;

pub(super) const FANOUT: usize = 16;

/// 16 boxes; those not shown are empty, and overlap nothing.
pub(super) struct Group<T> {
    x1: [T; FANOUT],
    y1: [T; FANOUT],
    x2: [T; FANOUT],
    y2: [T; FANOUT],
}

impl<T: Real> Group<T> {
    fn empty() -> Self {
        let (high, low) = (T::INFINITY, T::ZERO - T::INFINITY);
        Group { x1: [high; FANOUT], y1: [high; FANOUT], x2: [low; FANOUT], y2: [low; FANOUT] }
    }

    #[inline(always)]
    fn get(&self, lane: usize) -> Rect<T> {
        Rect::new([self.x1[lane], self.y1[lane], self.x2[lane], self.y2[lane]])
    }

    fn set(&mut self, lane: usize, b: Rect<T>) {
        (self.x1[lane], self.y1[lane], self.x2[lane], self.y2[lane]) = (b.x1, b.y1, b.x2, b.y2);
    }

    fn widen(&mut self, lane: usize, b: Rect<T>) {
        self.x1[lane] = smaller(self.x1[lane], b.x1);
        self.y1[lane] = smaller(self.y1[lane], b.y1);
        self.x2[lane] = larger(self.x2[lane], b.x2);
        self.y2[lane] = larger(self.y2[lane], b.y2);
    }

    /// Whether `test` is true of one of the boxes: of all of them together, so it must have no branches.
    #[inline(always)]
    pub(super) fn any(&self, test: impl Fn(Rect<T>) -> bool) -> bool {
        let mut any = false;
        for lane in 0..FANOUT {
            any |= test(self.get(lane));
        }
        any
    }

    /// The intersection over union of a box with each.
    pub(super) fn ious(&self, b: Rect<T>) -> [T; FANOUT] {
        let mut ious = [T::ZERO; FANOUT];
        ious.iter_mut().enumerate().for_each(|(lane, iou)| *iou = b.iou(self.get(lane)));
        ious
    }

    /// Which boxes are in reach.
    fn within(&self, reach: &Reach<T>) -> Lanes {
        let mut lanes = 0;
        for (lane, bit) in BITS.into_iter().enumerate() {
            let across = (self.x1[lane] <= reach.x1_most) & (self.x2[lane] >= reach.x2_least);
            let down = (self.y1[lane] <= reach.y1_most) & (self.y2[lane] >= reach.y2_least);
            lanes |= if across & down { bit } else { 0 };
        }
        Lanes(lanes)
    }
}

/// The bit of each lane. From a table, so that lanes are found by vector code.
const BITS: [u32; FANOUT] = {
    let mut bits = [0; FANOUT];
    let mut lane = 0;
    while lane < FANOUT {
        bits[lane] = 1 << lane;
        lane += 1;
    }
    bits
};

/// Some of the lanes of a group: a bit for each.
struct Lanes(u32);

impl Iterator for Lanes {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let lane = self.0.trailing_zeros();
        self.0 &= self.0.wrapping_sub(1);
        (lane < u32::BITS).then_some(lane as usize)
    }
}

/// Where a box has its sides that has an intersection over union above a threshold with a given one.
pub(super) struct Reach<T> {
    x1_most: T,
    y1_most: T,
    x2_least: T,
    y2_least: T,
}

impl<T: Real> Reach<T> {
    /// No intersection over union of two boxes is above that of their sides along one axis, and so not above the part that the other
    /// covers of this one's side. So it has to cover more than `threshold` of each side.
    pub(super) fn of(b: Rect<T>, threshold: f64) -> Self {
        let (width, height) = (b.x2 - b.x1, b.y2 - b.y1);
        // The quotient that will be compared is rounded: of f32, some 1e-6 off. Tiny areas lose more; for these what overlaps is in reach.
        let rounds_well = smaller(b.area, smaller(width, height)) >= T::SAFE;
        let covered = if rounds_well { T::from_f64((threshold - 1e-5).max(0.0)) } else { T::ZERO };
        Reach {
            x1_most: b.x2 - covered * width,
            y1_most: b.y2 - covered * height,
            x2_least: b.x1 + covered * width,
            y2_least: b.y1 + covered * height,
        }
    }
}

/// The tree over some boxes, of which none is shown at first.
pub(super) struct Tree<T> {
    /// Groups of boxes, then of the boxes around these groups, and so on up to a single group.
    levels: Vec<Vec<Group<T>>>,
    /// Where in the first level a box has its place. Those that cover nothing, or are not finite, overlap nothing and have none.
    places: Vec<Option<usize>>,
    /// The box of each place.
    boxes: Vec<usize>,
}

impl<T: Real> Tree<T> {
    pub(super) fn new(corners: &Corners<T>) -> Self {
        let members: Vec<usize> = (0..corners.len()).filter(|&i| corners.get(i).covers_something()).collect();
        let key = curve(members.iter().map(|&i| corners.get(i)));
        let boxes: Vec<usize> =
            sorted_by_key(members.len(), |k| key(corners.get(members[k]))).into_iter().map(|k| members[k]).collect();
        let mut places = vec![None; corners.len()];
        boxes.iter().enumerate().for_each(|(place, &i)| places[i] = Some(place));
        let mut levels = Vec::new();
        let mut count = boxes.len();
        loop {
            count = count.div_ceil(FANOUT).max(1);
            levels.push((0..count).map(|_| Group::empty()).collect());
            if count == 1 {
                return Tree { levels, places, boxes };
            }
        }
    }

    /// From now on a box is found, at `b`, which may be another place than at first.
    pub(super) fn show(&mut self, i: usize, b: Rect<T>) {
        let Some(mut place) = self.places[i] else { return };
        for (k, level) in self.levels.iter_mut().enumerate() {
            let group = &mut level[place / FANOUT];
            if k == 0 {
                group.set(place % FANOUT, b)
            } else {
                group.widen(place % FANOUT, b)
            }
            place /= FANOUT;
        }
    }

    /// From now on a box is no longer found.
    pub(super) fn hide(&mut self, i: usize) {
        if let Some(place) = self.places[i] {
            let nothing = Group::empty().get(0);
            self.levels[0][place / FANOUT].set(place % FANOUT, nothing);
        }
    }

    /// Goes through the groups of shown boxes that may be in reach, until `test` is true of one: whether it was.
    pub(super) fn any(&self, reach: &Reach<T>, test: &mut impl FnMut(usize, &Group<T>) -> bool) -> bool {
        self.any_below(self.levels.len() - 1, 0, reach, test)
    }

    fn any_below(
        &self,
        level: usize,
        number: usize,
        reach: &Reach<T>,
        test: &mut impl FnMut(usize, &Group<T>) -> bool,
    ) -> bool {
        let group = &self.levels[level][number];
        if level == 0 {
            return test(number, group);
        }
        group.within(reach).any(|lane| self.any_below(level - 1, number * FANOUT + lane, reach, test))
    }

    /// The boxes in reach of a group of boxes, which has this number: see [`Tree::any`].
    pub(super) fn within(&self, number: usize, group: &Group<T>, reach: &Reach<T>) -> impl Iterator<Item = usize> {
        group.within(reach).filter_map(move |lane| self.box_at(number, lane))
    }

    /// The box of a lane of a group of boxes; none behind the last box.
    pub(super) fn box_at(&self, number: usize, lane: usize) -> Option<usize> {
        self.boxes.get(number * FANOUT + lane).copied()
    }
}

/// A key by which boxes of like place stand close to each other: where their centre is along Morton's curve. (Keeping sizes apart was measured
/// too: there are then more groups to look at, also where sizes differ a thousandfold.)
fn curve<T: Real>(boxes: impl Iterator<Item = Rect<T>>) -> impl Fn(Rect<T>) -> u64 {
    let centre = |b: Rect<T>| [b.x1.to_f64() / 2.0 + b.x2.to_f64() / 2.0, b.y1.to_f64() / 2.0 + b.y2.to_f64() / 2.0];
    let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
    for b in boxes {
        let centre = centre(b);
        for k in 0..2 {
            low[k] = low[k].min(centre[k]);
            high[k] = high[k].max(centre[k]);
        }
    }
    move |b| {
        let centre = centre(b);
        // A cast takes NaN (of a single place) to 0, and saturates.
        let cell = |k: usize| spread(((centre[k] - low[k]) / (high[k] - low[k]) * 65535.0) as u16);
        u64::from(cell(0) | cell(1) << 1)
    }
}

/// The bits of a number, each with a 0 before it.
fn spread(bits: u16) -> u32 {
    let mut x = u32::from(bits);
    for (shift, mask) in [(8, 0x00ff_00ff), (4, 0x0f0f_0f0f), (2, 0x3333_3333), (1, 0x5555_5555)] {
        x = (x | x << shift) & mask;
    }
    x
}
