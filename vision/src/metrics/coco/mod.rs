//! COCO's average precision and recall.
//!
//! The rules are those of pycocotools' `COCOeval` (P. Dollár, T.-Y. Lin; T.-Y. Lin et al., "Microsoft COCO", 2014), and so are the numbers. A folder
//! for the steps: `similarity` compares regions, `matching` pairs the detections of a picture with its objects, `accumulate` makes curves of
//! all pictures, `evaluation` means and the table.

mod accumulate;
mod evaluation;
mod evaluator;
mod matching;
mod objects;
mod params;
mod similarity;

pub use evaluation::{CocoEvaluation, CocoStatistic, Quantity};
pub use evaluator::CocoEvaluator;
pub use objects::{CocoDetection, CocoObject};
pub use params::{AreaRange, CocoParams, IouType};
