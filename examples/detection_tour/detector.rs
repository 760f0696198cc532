//! A detector that is made up: it finds most objects several times, a little beside the place, and some that are not there.

use ocelli_data::annotation::{BoxFormat, Object};
use ocelli_data::{Result, SampleRng};
use ocelli_examples::Result as AnyResult;
use ocelli_tensor::Tensor;
use ocelli_vision::ops::Detections;

/// How many classes there are.
pub const CLASSES: usize = 3;

/// What the detector says of a picture of `[height, width]` with these objects, before anything is suppressed: boxes and scores of `f64`.
pub fn detect(objects: &[Object], size: [usize; 2], rng: &mut SampleRng) -> AnyResult<Detections> {
    let (mut boxes, mut scores, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    for object in objects {
        let found = if rng.chance(0.93) { 3 + rng.below(6) } else { 0 };
        // Some objects are taken for others, by all detections of them.
        let class = if rng.chance(0.08) { rng.below(CLASSES) } else { object.class };
        let sureness = rng.uniform(0.6, 1.0)?;
        for _ in 0..found {
            let noisy = jittered(object, size, rng)?;
            // A detector is the surer, the better its box.
            let overlap = iou(noisy, object.bounding_box.to_array(BoxFormat::Xyxy));
            scores.push((sureness * overlap * rng.uniform(0.85, 1.0)?).clamp(0.01, 0.99));
            boxes.push(noisy);
            labels.push(class as i64);
        }
    }
    for _ in 0..2 + rng.below(4) {
        boxes.push(anywhere(size, rng)?);
        scores.push(rng.uniform(0.05, 0.45)?);
        labels.push(rng.below(CLASSES) as i64);
    }
    let count = boxes.len();
    Ok(Detections {
        boxes: Tensor::from_vec(boxes.concat(), [count, 4])?,
        scores: Tensor::from_vec(scores, [count])?,
        labels: Tensor::from_vec(labels, [count])?,
    })
}

/// The object's box with each side moved by some hundredths of the box's length.
fn jittered(object: &Object, [height, width]: [usize; 2], rng: &mut SampleRng) -> Result<[f64; 4]> {
    let [x1, y1, x2, y2] = object.bounding_box.to_array(BoxFormat::Xyxy);
    let (wide, high) = (x2 - x1, y2 - y1);
    // The sum of three even numbers is nearly a normal one.
    let mut moved = |length: f64| -> Result<f64> {
        Ok(length * 0.08 * (rng.uniform(-1.0, 1.0)? + rng.uniform(-1.0, 1.0)? + rng.uniform(-1.0, 1.0)?))
    };
    let corners = [x1 + moved(wide)?, y1 + moved(high)?, x2 + moved(wide)?, y2 + moved(high)?];
    let [x1, y1, x2, y2] = corners;
    let (x1, y1) = (x1.clamp(0.0, width as f64 - 1.0), y1.clamp(0.0, height as f64 - 1.0));
    Ok([x1, y1, x2.clamp(x1 + 1.0, width as f64), y2.clamp(y1 + 1.0, height as f64)])
}

fn anywhere([height, width]: [usize; 2], rng: &mut SampleRng) -> Result<[f64; 4]> {
    let (height, width) = (height as f64, width as f64);
    let (x1, y1) = (rng.uniform(0.0, width * 0.8)?, rng.uniform(0.0, height * 0.8)?);
    let (x2, y2) = (x1 + rng.uniform(0.08, 0.4)? * width, y1 + rng.uniform(0.08, 0.4)? * height);
    Ok([x1, y1, x2.min(width), y2.min(height)])
}

/// Intersection over union of two boxes that are not empty.
pub fn iou(a: [f64; 4], b: [f64; 4]) -> f64 {
    let side = |axis: usize| (a[axis + 2].min(b[axis + 2]) - a[axis].max(b[axis])).max(0.0);
    let area = |corners: [f64; 4]| (corners[2] - corners[0]) * (corners[3] - corners[1]);
    let shared = side(0) * side(1);
    shared / (area(a) + area(b) - shared)
}
