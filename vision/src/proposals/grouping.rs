//! Hierarchical grouping: the two most similar neighbours become one region, until one is left.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::regions::Regions;
use super::selective_search::Similarity;

/// Two regions and how similar they are; the greatest is the most similar pair, of equal ones that of the oldest regions.
struct Pair {
    similarity: f32,
    regions: [u32; 2],
}

impl Ord for Pair {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_age = || Reverse(self.regions).cmp(&Reverse(other.regions));
        self.similarity.total_cmp(&other.similarity).then_with(by_age)
    }
}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Pair {}

/// The boxes of all regions, the first ones and those that they become, in the order in which they come to be.
pub(super) fn hierarchy(mut regions: Regions, similarity: Similarity) -> Vec<[u32; 4]> {
    let count = regions.list.len();
    // A region takes over the histograms' place of one of the two that it is made of.
    let mut slots: Vec<usize> = (0..count).collect();
    let mut alive = vec![true; count];
    let mut pairs = BinaryHeap::new();
    for (a, region) in (0u32..).zip(&regions.list) {
        for &b in region.neighbours.range(a + 1..) {
            pairs.push(regions.pair([a, b], &slots, similarity));
        }
    }
    while let Some(Pair { regions: [a, b], .. }) = pairs.pop() {
        let (first, second) = (a as usize, b as usize);
        if !(alive[first] && alive[second]) {
            continue;
        }
        let new = regions.list.len() as u32;
        let mut union = regions.list[first].union(&regions.list[second]);
        for old in [first, second] {
            alive[old] = false;
            union.neighbours.append(&mut regions.list[old].neighbours);
        }
        union.neighbours.remove(&a);
        union.neighbours.remove(&b);
        regions.merge_histograms(first, second, &slots);
        for &other in &union.neighbours {
            let theirs = &mut regions.list[other as usize].neighbours;
            theirs.remove(&a);
            theirs.remove(&b);
            theirs.insert(new);
        }
        slots.push(slots[first]);
        alive.push(true);
        regions.list.push(union);
        let others: Vec<u32> = regions.list[new as usize].neighbours.iter().copied().collect();
        for other in others {
            pairs.push(regions.pair([other, new], &slots, similarity));
        }
    }
    regions.list.iter().map(|region| region.corners).collect()
}

impl Regions {
    fn pair(&self, regions: [u32; 2], slots: &[usize], similarity: Similarity) -> Pair {
        let [a, b] = regions.map(|i| &self.list[i as usize]);
        let [i, j] = regions.map(|i| slots[i as usize]);
        let pixels = self.pixels as f32;
        let mut sum = 0.0;
        if similarity.color {
            sum += intersection(self.histogram(&self.colors, i), self.histogram(&self.colors, j));
        }
        if similarity.texture {
            sum += intersection(self.histogram(&self.textures, i), self.histogram(&self.textures, j));
        }
        let sizes = a.size as f32 + b.size as f32;
        if similarity.size {
            sum += 1.0 - sizes / pixels;
        }
        if similarity.fill {
            let [left, top, right, bottom] = a.union(b).corners;
            sum += 1.0 - ((right - left) as f32 * (bottom - top) as f32 - sizes) / pixels;
        }
        Pair { similarity: sum, regions }
    }

    /// The histogram at a slot; there are as many as there were regions at first.
    fn histogram<'a>(&self, all: &'a [f32], slot: usize) -> &'a [f32] {
        let length = all.len() / self.first_count;
        &all[slot * length..][..length]
    }

    /// The mean of two histograms, each weighing as its region's size, in the place of the first.
    fn merge_histograms(&mut self, first: usize, second: usize, slots: &[usize]) {
        let (p, q) = (self.list[first].size as f32, self.list[second].size as f32);
        let (p, q) = (p / (p + q), q / (p + q));
        let (i, j) = (slots[first], slots[second]);
        let count = self.first_count;
        for all in [&mut self.colors, &mut self.textures] {
            let length = all.len() / count;
            for k in 0..length {
                all[i * length + k] = p * all[i * length + k] + q * all[j * length + k];
            }
        }
    }
}

/// What two histograms have in common: `Σ min(a, b)`.
fn intersection(a: &[f32], b: &[f32]) -> f32 {
    // Sums side by side become vector code.
    const LANES: usize = 8;
    let smaller = |a: f32, b: f32| if a < b { a } else { b };
    let (mut left, mut right) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let mut sums = [0.0; LANES];
    for (a, b) in left.by_ref().zip(right.by_ref()) {
        for lane in 0..LANES {
            sums[lane] += smaller(a[lane], b[lane]);
        }
    }
    let rest: f32 = left.remainder().iter().zip(right.remainder()).map(|(&a, &b)| smaller(a, b)).sum();
    sums.iter().sum::<f32>() + rest
}
