//! The result of an evaluation: means over its curves, and COCO's table.

use std::fmt;

use super::accumulate::Curves;
use super::{CocoParams, IouType};

/// Precision or recall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quantity {
    /// Average precision: the mean over recalls, thresholds and categories.
    Precision,
    /// Average recall: the mean over thresholds and categories.
    Recall,
}

/// A line of COCO's table.
#[derive(Debug, Clone, PartialEq)]
pub struct CocoStatistic {
    /// What is averaged.
    pub quantity: Quantity,
    /// At which threshold; `None`: the mean over all.
    pub iou_threshold: Option<f64>,
    /// Of objects of this size: the name of an [`AreaRange`](super::AreaRange).
    pub area: String,
    /// How many detections of a picture count.
    pub max_detections: usize,
    /// The mean; `None` where there is no object.
    pub value: Option<f64>,
}

/// Average precision and recall of all categories; printed it is pycocotools' table, of twelve lines for boxes and masks and ten for
/// keypoints.
#[derive(Clone)]
pub struct CocoEvaluation {
    params: CocoParams,
    categories: Vec<i64>,
    curves: Vec<Curves>,
}

impl CocoEvaluation {
    pub(super) fn new(params: CocoParams, categories: Vec<i64>, curves: Vec<Curves>) -> Self {
        CocoEvaluation { params, categories, curves }
    }

    /// The settings.
    pub fn params(&self) -> &CocoParams {
        &self.params
    }

    /// The categories that were evaluated, in ascending order.
    pub fn categories(&self) -> &[i64] {
        &self.categories
    }

    /// The lines of the table, in pycocotools' order: average precision over all thresholds, at 0.5, at 0.75 and by size; then average
    /// recall, by number of detections and by size for boxes and masks, as precision for keypoints. Where no number of detections is
    /// said, the largest counts (pycocotools' first line insists on 100).
    pub fn statistics(&self) -> Vec<CocoStatistic> {
        let params = &self.params;
        let most = params.max_detections.last().copied().unwrap_or(0);
        let sizes: Vec<&str> = params.area_ranges.iter().map(|range| range.name.as_str()).collect();
        let all = sizes.first().copied().unwrap_or_default();
        let by_threshold = [(None, all, most), (Some(0.5), all, most), (Some(0.75), all, most)];
        let by_size: Vec<_> = sizes.iter().skip(1).map(|size| (None, *size, most)).collect();
        let by_count: Vec<_> = match params.iou_type {
            IouType::Keypoints => by_threshold.to_vec(),
            IouType::Bbox | IouType::Segm => params.max_detections.iter().map(|&count| (None, all, count)).collect(),
        };
        let line = |quantity, (iou_threshold, area, max_detections): (Option<f64>, &str, usize)| CocoStatistic {
            quantity,
            iou_threshold,
            area: area.into(),
            max_detections,
            value: match quantity {
                Quantity::Precision => self.average_precision(iou_threshold, area, max_detections),
                Quantity::Recall => self.average_recall(iou_threshold, area, max_detections),
            },
        };
        let precision = by_threshold.iter().chain(&by_size).map(|setting| line(Quantity::Precision, *setting));
        let recall = by_count.iter().chain(&by_size).map(|setting| line(Quantity::Recall, *setting));
        precision.chain(recall).collect()
    }

    /// The numbers of the table: pycocotools' `stats`, -1 where there is no object.
    pub fn stats(&self) -> Vec<f64> {
        self.statistics().iter().map(|line| line.value.unwrap_or(-1.0)).collect()
    }

    /// The mean precision over recalls and categories, at one threshold or (`None`) all. `None` where there is no object, and for a threshold, an area or
    /// a number of detections that is not among the settings.
    pub fn average_precision(&self, iou: Option<f64>, area: &str, max_detections: usize) -> Option<f64> {
        let settings = self.settings(iou, area, max_detections);
        mean(self.curves.iter().flat_map(|curves| self.precisions(curves, &settings)))
    }

    /// The mean recall over categories; otherwise as [`CocoEvaluation::average_precision`].
    pub fn average_recall(&self, iou: Option<f64>, area: &str, max_detections: usize) -> Option<f64> {
        let settings = self.settings(iou, area, max_detections);
        mean(self.curves.iter().flat_map(|curves| settings.iter().map(|&i| &curves.recall[i])))
    }

    /// The average precision of each category over all thresholds and sizes, with the largest number of detections; `None` for one without
    /// objects. Empty if categories were not used.
    pub fn by_category(&self) -> Vec<(i64, Option<f64>)> {
        let most = self.params.max_detections.last().copied().unwrap_or(0);
        let all = self.params.area_ranges.first().map(|range| range.name.as_str()).unwrap_or_default();
        let settings = self.settings(None, all, most);
        let values = self.curves.iter().map(|curves| mean(self.precisions(curves, &settings)));
        if self.params.use_categories { self.categories.iter().copied().zip(values).collect() } else { Vec::new() }
    }

    /// Precision at each of the recall thresholds, and the score from which on that recall is reached (0 if it is not): what a curve is drawn of.
    /// `None` where there is no object, and for what was not evaluated. Without use of categories any category is all.
    pub fn curve(&self, category: i64, iou: f64, area: &str, max_detections: usize) -> Option<(&[f64], &[f64])> {
        let (curves, recalls) = (self.group(category)?, self.params.recall_thresholds.len());
        let setting = *self.settings(Some(iou), area, max_detections).first()?;
        let places = setting * recalls..(setting + 1) * recalls;
        let precision = &curves.precision[places.clone()];
        precision.iter().all(|&x| x > -1.0).then_some((precision, &curves.scores[places]))
    }

    /// The recall of all detections of a category; otherwise as [`CocoEvaluation::curve`].
    pub fn recall(&self, category: i64, iou: f64, area: &str, max_detections: usize) -> Option<f64> {
        let setting = *self.settings(Some(iou), area, max_detections).first()?;
        let recall = self.group(category)?.recall[setting];
        (recall > -1.0).then_some(recall)
    }

    /// The curves of a category, or of all if categories were not used.
    fn group(&self, category: i64) -> Option<&Curves> {
        let group = if self.params.use_categories { self.categories.binary_search(&category).ok()? } else { 0 };
        self.curves.get(group)
    }

    /// The precisions of a category at all recalls in these settings.
    fn precisions<'a>(&self, curves: &'a Curves, settings: &'a [usize]) -> impl Iterator<Item = &'a f64> + use<'a> {
        let recalls = self.params.recall_thresholds.len();
        settings.iter().flat_map(move |i| &curves.precision[i * recalls..(i + 1) * recalls])
    }

    /// Where a category's curves of this threshold (or all), area and number of detections stand.
    fn settings(&self, iou: Option<f64>, area: &str, max_detections: usize) -> Vec<usize> {
        let params = &self.params;
        let area = params.area_ranges.iter().position(|range| range.name == area);
        let limit = params.max_detections.iter().position(|&count| count == max_detections);
        let (Some(area), Some(limit)) = (area, limit) else { return Vec::new() };
        let first = (area * params.max_detections.len() + limit) * params.iou_thresholds.len();
        let wanted = |t: &usize| iou.is_none_or(|iou| params.iou_thresholds[*t] == iou);
        (0..params.iou_thresholds.len()).filter(wanted).map(|t| first + t).collect()
    }
}

/// The mean of those that are there: -1 says that there is no object.
fn mean<'a>(numbers: impl Iterator<Item = &'a f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0u64);
    for number in numbers.filter(|number| **number > -1.0) {
        sum += number;
        count += 1;
    }
    (count > 0).then(|| sum / count as f64)
}

impl fmt::Display for CocoEvaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thresholds = &self.params.iou_thresholds;
        let (first, last) = (thresholds.first().unwrap_or(&0.0), thresholds.last().unwrap_or(&0.0));
        for (i, line) in self.statistics().iter().enumerate() {
            let (title, short) = match line.quantity {
                Quantity::Precision => ("Average Precision", "(AP)"),
                Quantity::Recall => ("Average Recall", "(AR)"),
            };
            let iou = line.iou_threshold.map_or(format!("{first:.2}:{last:.2}"), |iou| format!("{iou:.2}"));
            let (area, most, value) = (&line.area, line.max_detections, line.value.unwrap_or(-1.0));
            let separator = if i > 0 { "\n" } else { "" };
            write!(
                f,
                "{separator} {title:<18} {short} @[ IoU={iou:<9} | area={area:>6} | maxDets={most:>3} ] = {value:.3}"
            )?;
        }
        Ok(())
    }
}

impl fmt::Debug for CocoEvaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CocoEvaluation").field("statistics", &self.statistics()).finish_non_exhaustive()
    }
}
