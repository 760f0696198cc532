//! What detection is made of, in pictures: a walk from a scene with exact labels to average precision, without a download.
//!
//! `cargo run --release --example detection_tour` writes to `runs/detection_tour`.

#![allow(clippy::print_stdout)] // A program for the terminal.

mod detector;
mod suppression;

use std::path::PathBuf;

use clap::Parser;
use detector::{CLASSES, detect, iou};
use ocelli_data::annotation::{BoxFormat, Keypoints, Object, Segmentation, Skeleton};
use ocelli_data::generated::{Background, Shapes};
use ocelli_data::{Dataset, LabelledDataset, Sample, SampleRng};
use ocelli_examples::Result;
use ocelli_tensor::{DType, Tensor};
use ocelli_vision::metrics::{CocoDetection, CocoEvaluation, CocoEvaluator, CocoObject, CocoParams, ConfusionMatrix};
use ocelli_vision::ops::anchors::AnchorGenerator;
use ocelli_vision::ops::keypoints::HeatmapTargets;
use ocelli_vision::ops::{Detections, iou_matrix};
use ocelli_vision::proposals::SelectiveSearch;
use ocelli_vision::visualize::{
    BoxPainter, ClassMapPainter, ColorMap, ConfusionPlot, Grid, HeatMap, KeypointPainter, MaskPainter, Palette,
    PrecisionRecallPlot, save,
};
use suppression::METHODS;

/// Draws what detection is made of, from anchors to average precision, on scenes that are made up.
#[derive(Parser)]
struct Options {
    /// Where the pictures are written.
    #[arg(long, default_value = "runs/detection_tour")]
    out: PathBuf,
    /// From which all that is random follows.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Height and width of a scene, in pixels, 64 to 4096.
    #[arg(long, default_value_t = 384, value_parser = clap::value_parser!(u32).range(64..=4096))]
    size: u32,
    /// How many scenes the average precision is computed of.
    #[arg(long, default_value_t = 200)]
    scenes: usize,
}

/// The scene that is drawn, and where.
struct Tour {
    out: PathBuf,
    size: usize,
    scene: Sample,
    picture: Tensor,
    names: Vec<String>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let size = options.size as usize;
    let shapes = Shapes {
        samples: options.scenes.max(1),
        size: [size, size],
        objects: 4..=7,
        radius: [0.08, 0.22],
        background: Background::Stripes { amplitude: 12 },
        seed: options.seed,
        ..Shapes::default()
    };
    std::fs::create_dir_all(&options.out)?;
    let scene = shapes.get(0)?;
    let picture = scene.image.to_tensor()?;
    let names = shapes.class_names().to_vec();
    let tour = Tour { out: options.out, size, scene, picture, names };
    tour.labels()?;
    tour.anchors()?;
    tour.proposals(options.seed)?;
    tour.suppression(options.seed)?;
    tour.sampling_points()?;
    tour.heat_map()?;
    tour.evaluation(&shapes, options.seed)
}

impl Tour {
    fn save(&self, name: &str, picture: &Tensor, what: &str) -> Result<()> {
        let path = self.out.join(name);
        save(&path, picture)?;
        println!("{:<44} {what}", path.display());
        Ok(())
    }

    fn objects(&self) -> &[Object] {
        &self.scene.labels.objects
    }

    fn painter(&self) -> BoxPainter {
        BoxPainter::new().class_names(self.names.clone())
    }

    /// Boxes, masks, classes of pixels and keypoints of the scene.
    fn labels(&self) -> Result<()> {
        let boxes = self.painter().draw_objects(&self.picture, self.objects())?;
        self.save("1_boxes.png", &boxes, "the scene with its objects")?;

        let masks: Vec<Segmentation> = self.objects().iter().filter_map(|object| object.segmentation.clone()).collect();
        let masks = MaskPainter::new().draw_segmentations(&self.picture, &masks, None)?;
        self.save("2_masks.png", &masks, "which pixels each of them covers")?;

        if let Some(map) = &self.scene.labels.class_map {
            let names = ["background"].into_iter().chain(self.names.iter().map(String::as_str));
            let painter = ClassMapPainter::new().class_names(names).legend(true).transparent([0]).opacity(0.85);
            self.save("3_class_map.png", &painter.overlay_labels(&self.picture, map)?, "the class of every pixel")?;
        }

        let mut picture = self.picture.clone();
        for class in 0..CLASSES {
            let of_class = self.objects().iter().filter(|object| object.class == class);
            let keypoints: Vec<Keypoints> = of_class.filter_map(|object| object.keypoints.clone()).collect();
            picture = KeypointPainter::new(Shapes::skeleton(class)?).draw(&picture, &keypoints)?;
        }
        self.save("4_keypoints.png", &picture, "corners and centres; rings and dashes are hidden")
    }

    /// All anchors of one place, and those that overlap an object by half.
    fn anchors(&self) -> Result<()> {
        let side = self.size as f64;
        let sizes = vec![side / 8.0, side / 4.0];
        let anchors = AnchorGenerator::new(&[sizes], &[vec![0.5, 1.0, 2.0]])?;
        let map = [12, 12];
        let boxes = anchors.generate([self.size; 2], &[map])?;
        let each = anchors.num_anchors_per_location().iter().sum::<usize>();
        let middle = (map[0] / 2 * map[1] + map[1] / 2) * each;
        let place = boxes.narrow(0, middle, each)?;
        let drawn = BoxPainter::new().without_tags().draw(&self.picture, &place, None, None)?;
        self.save("5_anchors.png", &drawn, &format!("the {each} anchors of one place of {}", map[0] * map[1]))?;

        let objects = boxes_of(self.objects())?.to_dtype(DType::F32)?;
        let best = iou_matrix(&boxes, &objects)?.max(1)?.to_vec::<f32>()?;
        let positive: Vec<i64> = (0i64..).zip(&best).filter(|(_, best)| **best >= 0.5).map(|(i, _)| i).collect();
        let count = positive.len();
        let positive = boxes.index_select(0, &Tensor::from_vec(positive, [count])?)?;
        let painter = BoxPainter::new().without_tags().palette(Palette::new(vec![[255; 3]])?).line_width(1.0);
        let drawn = painter.draw(&self.picture, &positive, None, None)?;
        self.save("6_positive_anchors.png", &drawn, &format!("the {count} anchors that overlap an object by half"))
    }

    /// The proposals of selective search that fit the objects best.
    fn proposals(&self, seed: u64) -> Result<()> {
        let boxes = SelectiveSearch { seed, ..SelectiveSearch::fast() }.propose(&self.picture)?;
        let count = boxes.shape()[0];
        let mut fits = Vec::new();
        let corners = corners(&boxes)?;
        for object in self.objects() {
            let object = object.bounding_box.to_array(BoxFormat::Xyxy);
            let overlaps = corners.iter().map(|&corners| iou(corners, object));
            fits.extend(overlaps.enumerate().max_by(|a, b| a.1.total_cmp(&b.1)));
        }
        let best = Tensor::from_vec(fits.iter().map(|&(i, _)| i as i64).collect(), [fits.len()])?;
        let overlaps = Tensor::from_vec(fits.iter().map(|&(_, overlap)| overlap).collect(), [fits.len()])?;
        let drawn = BoxPainter::new().draw(&self.picture, &boxes.index_select(0, &best)?, None, Some(&overlaps))?;
        let what = format!("the best of {count} proposals for each object, with their overlap");
        self.save("7_proposals.png", &drawn, &what)
    }

    /// The detections before and after each suppression.
    fn suppression(&self, seed: u64) -> Result<()> {
        let found = detect(self.objects(), [self.size; 2], &mut SampleRng::new(seed, 1, 0))?;
        let mut grid = Grid::new(4).cell(self.size.clamp(240, 480)).title("Suppression");
        for (name, method) in METHODS {
            let left = method(&found)?;
            let drawn = self.painter().draw(&self.picture, &left.boxes, Some(&left.labels), Some(&left.scores))?;
            grid.add(&drawn, &format!("{name}: {} boxes", left.scores.numel()), false)?;
        }
        self.save("8_suppression.png", &grid.render()?, "a detector's boxes and what suppressions leave")
    }

    /// Where RoI align reads the features of an object: bins of 7 × 7 with 2 × 2 samples each.
    fn sampling_points(&self) -> Result<()> {
        const BINS: usize = 7;
        const SAMPLES: usize = 2;
        let largest = self.objects().iter().max_by(|a, b| a.bounding_box.area().total_cmp(&b.bounding_box.area()));
        let Some(object) = largest else { return Ok(()) };
        let [x1, y1, x2, y2] = object.bounding_box.to_array(BoxFormat::Xyxy);
        let (wide, high) = ((x2 - x1) / BINS as f64, (y2 - y1) / BINS as f64);
        let (mut bins, mut places) = (Vec::new(), Vec::new());
        for (row, column) in (0..BINS).flat_map(|row| (0..BINS).map(move |column| (row, column))) {
            let (left, top) = (x1 + column as f64 * wide, y1 + row as f64 * high);
            bins.push([left, top, left + wide, top + high]);
            for (i, j) in (0..SAMPLES).flat_map(|i| (0..SAMPLES).map(move |j| (i, j))) {
                let part = |sample: usize| (sample as f64 + 0.5) / SAMPLES as f64;
                places.push([left + part(j) * wide, top + part(i) * high]);
            }
        }
        let bins = Tensor::from_vec(bins.concat(), [BINS * BINS, 4])?;
        let outline = BoxPainter::new().without_tags().palette(Palette::new(vec![[255; 3]])?).line_width(1.0);
        let drawn = outline.draw(&self.picture, &bins, None, None)?;
        let numbers: Vec<String> = (0..places.len()).map(|i| i.to_string()).collect();
        let samples = Skeleton::new("samples", numbers.iter().map(String::as_str), [])?;
        let painter = KeypointPainter::new(samples).by_object().radius((self.size as f64 / 250.0).max(1.0));
        let drawn = painter.draw(&drawn, &[Keypoints::visible(places)?])?;
        self.save("9_roi_align.png", &drawn, "where RoI align samples the largest object")
    }

    /// What a network for keypoints learns to give: Gaussians at the middles of the objects.
    fn heat_map(&self) -> Result<()> {
        const STRIDE: usize = 4;
        let side = self.size / STRIDE;
        let middles: Vec<f64> = self
            .objects()
            .iter()
            .flat_map(|object| {
                let [x, y, _, _] = object.bounding_box.to_array(BoxFormat::Cxcywh).map(|x| x / STRIDE as f64);
                [x - 0.5, y - 0.5, 2.0]
            })
            .collect();
        let middles = Tensor::from_vec(middles, [self.objects().len(), 1, 3])?;
        let map = HeatmapTargets::new([side, side], side as f64 / 30.0).encode(&middles)?.select(0, 0)?;
        let drawn = HeatMap::new().color_map(ColorMap::Magma).range(0.0, 1.0).overlay(&self.picture, &map)?;
        self.save("10_heat_map.png", &drawn, "Gaussians at the objects' middles")
    }

    /// Average precision after each suppression, over many scenes; curves and confusions after NMS.
    fn evaluation(&self, shapes: &Shapes, seed: u64) -> Result<()> {
        let mut evaluators = Vec::new();
        for _ in METHODS {
            evaluators.push(CocoEvaluator::new(CocoParams::boxes())?);
        }
        let mut confusion = ConfusionMatrix::new(CLASSES + 1)?;
        for index in 0..shapes.len() {
            let objects = shapes.record(index)?.labels.objects;
            let found = detect(&objects, shapes.size, &mut SampleRng::new(seed, 1, index as u64))?;
            for (evaluator, (name, method)) in evaluators.iter_mut().zip(METHODS) {
                let left = method(&found)?;
                if name == "NMS" {
                    count_confusions(&mut confusion, &objects, &left)?;
                }
                let detections = CocoDetection::from_tensors(&left.boxes, &left.scores, &left.labels)?;
                let truth = objects.iter().map(|object| {
                    let place = object.bounding_box.to_array(BoxFormat::Xywh);
                    CocoObject::new(object.class as i64, place).area(object.area.unwrap_or(place[2] * place[3]))
                });
                evaluator.add(index as i64, truth.collect(), detections)?;
            }
        }
        println!("\naverage precision over {} scenes      AP    AP50    AP75", shapes.len());
        let mut after_nms = None;
        for (evaluator, (name, _)) in evaluators.iter().zip(METHODS) {
            let evaluation = evaluator.evaluate()?;
            let precision = |iou| evaluation.average_precision(iou, "all", 100).unwrap_or(f64::NAN);
            let thresholds = [None, Some(0.5), Some(0.75)].map(precision);
            println!("{name:<34} {:.3}   {:.3}   {:.3}", thresholds[0], thresholds[1], thresholds[2]);
            if name == "NMS" {
                after_nms = Some(evaluation);
            }
        }
        let Some(evaluation) = after_nms else { return Ok(()) };
        println!("\nafter NMS:\n{evaluation}\n");
        self.curves(&evaluation)?;
        let names = self.names.iter().map(String::as_str).chain(["background"]);
        let plot = ConfusionPlot::new().class_names(names).normalized(true).title("After NMS, overlap 0.5, score 0.3");
        self.save(
            "12_confusion_matrix.png",
            &plot.render(&confusion.to_tensor()?)?,
            "which classes are taken for which",
        )
    }

    fn curves(&self, evaluation: &CocoEvaluation) -> Result<()> {
        let mut plot = PrecisionRecallPlot::new().title("After NMS, overlap 0.5");
        for &category in evaluation.categories() {
            let name = usize::try_from(category).ok().and_then(|class| self.names.get(class));
            plot.add_coco(name.map_or("?", String::as_str), evaluation, category, 0.5)?;
        }
        self.save("11_precision_recall.png", &plot.render()?, "precision over recall of each class")
    }
}

/// Counts each object with the best detection that overlaps it by half, and each detection without object as one of background.
fn count_confusions(confusion: &mut ConfusionMatrix, objects: &[Object], found: &Detections) -> Result<()> {
    let (boxes, labels) = (corners(&found.boxes)?, found.labels.to_vec::<i64>()?);
    let sure = found.scores.to_vec::<f64>()?.into_iter().map(|score| score >= 0.3);
    let mut free: Vec<bool> = sure.collect();
    let background = CLASSES as i64;
    let mut pairs = Vec::new();
    for object in objects {
        let place = object.bounding_box.to_array(BoxFormat::Xyxy);
        let near = (0..boxes.len()).filter(|&i| free[i] && iou(boxes[i], place) >= 0.5);
        let best = near.max_by(|&a, &b| iou(boxes[a], place).total_cmp(&iou(boxes[b], place)));
        if let Some(best) = best {
            free[best] = false;
        }
        pairs.push([object.class as i64, best.map_or(background, |best| labels[best])]);
    }
    pairs.extend((0..boxes.len()).filter(|&i| free[i]).map(|i| [background, labels[i]]));
    let column = |i: usize| Tensor::from_vec(pairs.iter().map(|pair| pair[i]).collect::<Vec<i64>>(), [pairs.len()]);
    Ok(confusion.update(&column(0)?, &column(1)?)?)
}

fn boxes_of(objects: &[Object]) -> Result<Tensor> {
    let corners = objects.iter().flat_map(|object| object.bounding_box.to_array(BoxFormat::Xyxy)).collect();
    Ok(Tensor::from_vec::<f64>(corners, [objects.len(), 4])?)
}

fn corners(boxes: &Tensor) -> Result<Vec<[f64; 4]>> {
    Ok(boxes.to_dtype(DType::F64)?.to_vec::<f64>()?.as_chunks::<4>().0.to_vec())
}
