//! Collecting pictures and evaluating them.

use std::collections::{BTreeMap, BTreeSet};

use ocelli_tensor::kernels::over_pieces;

use super::accumulate::{Curves, curves};
use super::evaluation::CocoEvaluation;
use super::matching::{Matches, matches};
use super::{CocoDetection, CocoObject, CocoParams, objects};
use crate::{Error, Result};

/// COCO's evaluation of detections: collects the objects and detections of pictures, then computes average precision and recall.
///
/// The numbers are pycocotools', with one difference: there, an object with the id 0 counts as never found. Here objects have no ids.
///
/// ```
/// use ocelli_vision::metrics::{CocoDetection, CocoEvaluator, CocoObject, CocoParams};
/// # fn main() -> ocelli_vision::Result<()> {
/// const CAT: i64 = 17;
/// let mut evaluator = CocoEvaluator::new(CocoParams::boxes())?;
/// // Boxes are left, top, width, height.
/// let cats = vec![CocoObject::new(CAT, [10.0, 10.0, 50.0, 50.0]), CocoObject::new(CAT, [100.0, 40.0, 60.0, 20.0])];
/// let found = vec![CocoDetection::new(CAT, 0.9, [11.0, 10.0, 50.0, 50.0])];
/// evaluator.add(1, cats, found)?;
/// evaluator.add(2, vec![], vec![CocoDetection::new(CAT, 0.3, [0.0, 0.0, 9.0, 9.0])])?;
///
/// let evaluation = evaluator.evaluate()?;
/// // One of two found, and no worse detection before it.
/// let ap50 = evaluation.average_precision(Some(0.5), "all", 100);
/// assert_eq!(ap50.map(|ap| (1000.0 * ap).round()), Some(505.0));
/// assert!(evaluation.to_string().starts_with(" Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0."));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct CocoEvaluator {
    params: CocoParams,
    pictures: BTreeMap<i64, Picture>,
}

#[derive(Debug, Clone)]
struct Picture {
    objects: Vec<CocoObject>,
    detections: Vec<CocoDetection>,
}

/// Pictures that a thread takes at a time.
const PICTURES: usize = 16;

impl CocoEvaluator {
    /// An evaluation with these settings.
    ///
    /// # Errors
    /// [`Error::Argument`] for thresholds outside of `0..=1`, numbers of detections that are 0 or not in order, ranges of areas that are none, and
    /// missing sigmas of keypoints.
    pub fn new(params: CocoParams) -> Result<Self> {
        params.check()?;
        Ok(CocoEvaluator { params, pictures: BTreeMap::new() })
    }

    /// The settings.
    pub fn params(&self) -> &CocoParams {
        &self.params
    }

    /// How many pictures there are.
    pub fn len(&self) -> usize {
        self.pictures.len()
    }

    /// Whether there is no picture.
    pub fn is_empty(&self) -> bool {
        self.pictures.is_empty()
    }

    /// Adds a picture with its objects and what a network has found; both may be empty. Pictures count in the order of their ids, which
    /// matters where scores are equal.
    ///
    /// # Errors
    /// [`Error::Argument`] if the picture is there already, an object or a detection lacks what is compared (a mask, as many keypoints as there are
    /// sigmas), masks are of several sizes, an area is negative, a score not finite; [`Error::Data`] if a box has a
    /// negative side or a number that is not finite.
    pub fn add(&mut self, id: i64, objects: Vec<CocoObject>, detections: Vec<CocoDetection>) -> Result<()> {
        if self.pictures.contains_key(&id) {
            return Err(Error::argument("coco_evaluator", format!("expected each picture once, received {id} again")));
        }
        objects::check(&self.params, &objects, &detections)?;
        self.pictures.insert(id, Picture { objects, detections });
        Ok(())
    }

    /// Evaluates all pictures that have been added. Work is shared by the threads of the tensor crate; the result does not depend on their number.
    ///
    /// # Errors
    /// None for pictures that [`CocoEvaluator::add`] has taken.
    pub fn evaluate(&self) -> Result<CocoEvaluation> {
        let categories = self.categories();
        let groups = if self.params.use_categories { categories.len() } else { 1 };
        let pictures: Vec<&Picture> = self.pictures.values().collect();

        let mut matched: Vec<Result<Vec<(usize, Matches)>>> = pictures.iter().map(|_| Ok(Vec::new())).collect();
        over_pieces(&mut matched, PICTURES, &|piece, slots| {
            for (slot, picture) in slots.iter_mut().zip(&pictures[piece * PICTURES..]) {
                *slot = self.matches_by_group(picture, &categories);
            }
        });
        let mut of_group: Vec<Vec<&Matches>> = vec![Vec::new(); groups];
        let matched = matched.into_iter().collect::<Result<Vec<_>>>()?;
        for (group, matches) in matched.iter().flatten() {
            of_group[*group].push(matches);
        }

        let mut made: Vec<Option<Curves>> = of_group.iter().map(|_| None).collect();
        over_pieces(&mut made, 1, &|group, slots| {
            slots.iter_mut().for_each(|slot| *slot = Some(curves(&self.params, &of_group[group])));
        });
        Ok(CocoEvaluation::new(self.params.clone(), categories, made.into_iter().flatten().collect()))
    }

    /// The categories that are evaluated, in ascending order.
    fn categories(&self) -> Vec<i64> {
        let pictures = self.pictures.values();
        let categories: BTreeSet<i64> = match &self.params.categories {
            Some(categories) => categories.iter().copied().collect(),
            None => {
                let of_objects = pictures.clone().flat_map(|picture| &picture.objects).map(|object| object.category);
                // Proposals may have any category: where they make no difference, none of them is left out.
                let found = pictures.filter(|_| !self.params.use_categories).flat_map(|picture| &picture.detections);
                of_objects.chain(found.map(|found| found.category)).collect()
            }
        };
        categories.into_iter().collect()
    }

    /// The detections of a picture compared with its objects: category by category, or, if that makes no difference, all at once.
    fn matches_by_group(&self, picture: &Picture, categories: &[i64]) -> Result<Vec<(usize, Matches)>> {
        let place = |category: i64| categories.binary_search(&category).ok();
        let mut objects: Vec<(usize, &CocoObject)> =
            picture.objects.iter().filter_map(|object| Some((place(object.category)?, object))).collect();
        let mut detections: Vec<(usize, &CocoDetection)> =
            picture.detections.iter().filter_map(|found| Some((place(found.category)?, found))).collect();
        // Stable, and also without categories: the order of equals is pycocotools'.
        objects.sort_by_key(|(category, _)| *category);
        detections.sort_by_key(|(category, _)| *category);
        if !self.params.use_categories {
            objects.iter_mut().for_each(|(group, _)| *group = 0);
            detections.iter_mut().for_each(|(group, _)| *group = 0);
        }
        let (mut objects, mut detections) = (&objects[..], &detections[..]);
        let mut all = Vec::new();
        while let Some(group) =
            objects.first().map(|one| one.0).into_iter().chain(detections.first().map(|one| one.0)).min()
        {
            let known: Vec<&CocoObject> = take(&mut objects, group);
            let mut found: Vec<&CocoDetection> = take(&mut detections, group);
            all.push((group, matches(&self.params, &known, &mut found)?));
        }
        Ok(all)
    }
}

/// Takes those of a group from the front of a list.
fn take<'a, T>(list: &mut &[(usize, &'a T)], group: usize) -> Vec<&'a T> {
    let (first, rest) = list.split_at(list.partition_point(|(other, _)| *other == group));
    *list = rest;
    first.iter().map(|(_, one)| *one).collect()
}
