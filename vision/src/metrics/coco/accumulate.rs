//! Precision and recall of a category over all pictures.

use super::CocoParams;
use super::matching::{Matches, Outcome};

/// The curves of one category: for each area range, number of detections and IoU threshold, in this order. Where there is no
/// object, there is -1.
#[derive(Clone)]
pub(super) struct Curves {
    /// Precision at each recall threshold, these side by side.
    pub(super) precision: Vec<f64>,
    /// The score from which on that recall is reached; 0 where it is not.
    pub(super) scores: Vec<f64>,
    /// The recall of all detections.
    pub(super) recall: Vec<f64>,
}

/// A detection among those of all pictures.
struct Found<'a> {
    score: f64,
    /// How many of its picture stand before it.
    rank: usize,
    /// For each area range and threshold.
    outcomes: &'a [Outcome],
}

/// Puts the pictures of one category together, as `COCOeval.accumulate` does.
pub(super) fn curves(params: &CocoParams, pictures: &[&Matches]) -> Curves {
    let (areas, limits) = (params.area_ranges.len(), params.max_detections.len());
    let (thresholds, recalls) = (params.iou_thresholds.len(), params.recall_thresholds.len());
    let settings = areas * limits * thresholds;
    let mut curves = Curves {
        precision: vec![-1.0; settings * recalls],
        scores: vec![-1.0; settings * recalls],
        recall: vec![-1.0; settings],
    };

    let mut found = Vec::new();
    for picture in pictures {
        let outcomes = picture.outcomes.chunks_exact(areas * thresholds);
        let each = picture.scores.iter().zip(outcomes).enumerate();
        found.extend(each.map(|(rank, (&score, outcomes))| Found { score, rank, outcomes }));
    }
    // Stable: equal scores stay in the order of the pictures.
    found.sort_by(|a, b| b.score.partial_cmp(&a.score).unwrap_or(std::cmp::Ordering::Equal));

    for area in 0..areas {
        let objects: usize = pictures.iter().map(|picture| picture.objects[area]).sum();
        if objects == 0 {
            continue;
        }
        for (l, &limit) in params.max_detections.iter().enumerate() {
            let mut hits: Vec<Hits> = (0..thresholds).map(|_| Hits::default()).collect();
            let mut first = None;
            for found in found.iter().filter(|found| found.rank < limit) {
                first = first.or(Some(found.score));
                let outcomes = &found.outcomes[area * thresholds..][..thresholds];
                for (hits, &outcome) in hits.iter_mut().zip(outcomes) {
                    hits.add(outcome, found.score);
                }
            }
            for (t, mut hits) in hits.into_iter().enumerate() {
                let setting = (area * limits + l) * thresholds + t;
                curves.recall[setting] = hits.precision.len() as f64 / objects as f64;
                hits.envelope();
                let places = setting * recalls..(setting + 1) * recalls;
                let slots = curves.precision[places.clone()].iter_mut().zip(&mut curves.scores[places]);
                for (&recall, (precision, score)) in params.recall_thresholds.iter().zip(slots) {
                    (*precision, *score) = hits.at(recall, objects, first);
                }
            }
        }
    }
    curves
}

/// The right detections of a list, best first.
#[derive(Default)]
struct Hits {
    wrong: usize,
    /// Of the list up to each right one.
    precision: Vec<f64>,
    score: Vec<f64>,
}

impl Hits {
    fn add(&mut self, outcome: Outcome, score: f64) {
        match outcome {
            Outcome::Ignored => {}
            Outcome::False => self.wrong += 1,
            Outcome::True => {
                let right = (self.precision.len() + 1) as f64;
                self.precision.push(right / (self.wrong as f64 + right + f64::EPSILON));
                self.score.push(score);
            }
        }
    }

    /// Makes the precision at each recall the best at that recall or a higher one.
    fn envelope(&mut self) {
        let mut best = 0.0;
        for precision in self.precision.iter_mut().rev() {
            best = precision.max(best);
            *precision = best;
        }
    }

    /// Precision where a recall is reached, and the score there. Any list has reached a recall of 0 with its `first` score.
    fn at(&self, recall: f64, objects: usize, first: Option<f64>) -> (f64, f64) {
        if recall <= 0.0 {
            return (self.precision.first().copied().unwrap_or(0.0), first.unwrap_or(0.0));
        }
        // `rights / objects ≥ recall` in the arithmetic of pycocotools, which a multiplication would not repeat.
        let (mut low, mut high) = (0, self.precision.len());
        while low < high {
            let middle = low.midpoint(high);
            if (middle + 1) as f64 / objects as f64 >= recall { high = middle } else { low = middle + 1 }
        }
        match self.precision.get(low) {
            Some(&precision) => (precision, self.score[low]),
            None => (0.0, 0.0),
        }
    }
}
