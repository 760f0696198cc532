//! Thousands of random calls with whatever numbers and shapes: each gives a picture or an error, none panics.

use ocelli_data::SampleRng;
use ocelli_data::annotation::{Keypoint, Keypoints, Polygon, Rle, Segmentation, Skeleton, Visibility};
use ocelli_tensor::{DType, Tensor};

use super::*;
use crate::ops::rotated::RotatedFormat;

struct Random(SampleRng);

impl Random {
    fn below(&mut self, count: usize) -> usize {
        self.0.below(count)
    }

    fn uniform(&mut self, low: f64, high: f64) -> f64 {
        self.0.uniform(low, high).unwrap()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn number(&mut self) -> f64 {
        const ODD: [f64; 9] = [0.0, 1e-30, 1e30, -1e30, f64::MAX, f64::MIN, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        if self.below(40) == 0 { self.pick(&ODD) } else { self.uniform(-20.0, 60.0) }
    }

    fn side(&mut self) -> usize {
        self.pick(&[1, 1, 2, 5, 17, 40, 64, 90])
    }

    fn picture(&mut self) -> Tensor {
        let (channels, height, width) = (self.pick(&[1, 3, 3, 3, 2]), self.side(), self.side());
        let shape =
            if self.below(30) == 0 { vec![self.below(2), height, width] } else { vec![channels, height, width] };
        let dtype = self.pick(&[DType::U8, DType::U8, DType::F32, DType::F64, DType::F16]);
        let value = if self.below(40) == 0 { self.number() } else { 0.5 };
        Tensor::full(shape.as_slice(), value, DType::F64).unwrap().to_dtype(dtype).unwrap()
    }

    /// Rows of so many numbers, mostly.
    fn table(&mut self, width: usize) -> Tensor {
        let rows = self.below(6);
        let width = if self.below(30) == 0 { self.below(9) } else { width };
        let mut numbers: Vec<f64> = (0..rows * width).map(|_| self.number()).collect();
        if width == 4 && self.below(6) > 0 {
            for corners in numbers.as_chunks_mut::<4>().0 {
                let [a, b, c, d] = *corners;
                *corners = [a.min(c), b.min(d), a.max(c), b.max(d)];
            }
        }
        let dtype = self.pick(&[DType::F32, DType::F64, DType::F64, DType::F16]);
        Tensor::from_vec(numbers, [rows, width]).unwrap().to_dtype(dtype).unwrap()
    }

    /// A list of integers or floats, mostly of this length.
    fn list(&mut self, len: usize, dtype: DType) -> Option<Tensor> {
        let len = if self.below(20) == 0 { self.below(5) } else { len };
        let numbers: Vec<f64> = (0..len).map(|_| self.number()).collect();
        let numbers = Tensor::from_vec(numbers, [len]).unwrap();
        let numbers = if dtype.is_integer() && self.below(10) > 0 { numbers.abs().unwrap() } else { numbers };
        (self.below(3) > 0).then(|| numbers.to_dtype(dtype).unwrap())
    }

    fn maybe(&mut self) -> Option<f64> {
        (self.below(3) == 0).then(|| if self.below(6) == 0 { self.number() } else { self.uniform(0.1, 200.0) })
    }

    fn names(&mut self) -> Vec<String> {
        let name = self.pick(&[
            "",
            "cat",
            "日本語",
            "two\nlines",
            "a name that is very, very long for such a small picture",
            "\u{0}",
        ]);
        vec![name.to_string(); self.below(40)]
    }
}

fn is_picture(drawn: crate::Result<Tensor>) -> bool {
    let Ok(drawn) = drawn else { return false };
    assert!(matches!(drawn.shape()[..], [3, height, width] if height > 0 && width > 0), "{:?}", drawn.shape());
    assert_eq!(drawn.dtype(), DType::U8);
    true
}

fn boxes(r: &mut Random) -> bool {
    let mut painter = BoxPainter::new().class_names(r.names()).fill(r.pick(&[0.0, 0.3, 1.0]));
    if let Some(width) = r.maybe() {
        painter = painter.line_width(width);
    }
    if let Some(size) = r.maybe() {
        painter = painter.font_size(size * 3.0);
    }
    let picture = r.picture();
    let rotated = r.below(3) == 0;
    let format = r.pick(&[RotatedFormat::Cxcywhr, RotatedFormat::Xywhr, RotatedFormat::Xyxyxyxy]);
    let table = r.table(if rotated { format.width() } else { 4 });
    let count = table.shape()[0];
    let (labels, scores) = (r.list(count, DType::I64), r.list(count, DType::F32));
    is_picture(match rotated {
        true => painter.draw_rotated(&picture, &table, format, labels.as_ref(), scores.as_ref()),
        false => painter.draw(&picture, &table, labels.as_ref(), scores.as_ref()),
    })
}

fn masks(r: &mut Random) -> bool {
    let picture = r.picture();
    let mut painter = MaskPainter::new().opacity(r.pick(&[0.0, 0.5, 1.0, 1.5]));
    if let Some(width) = r.maybe() {
        painter = painter.line_width(width);
    }
    let (count, shape) = (r.below(4), picture.shape().to_vec());
    let size = if r.below(8) == 0 { [r.side(), r.side()] } else { [shape[1], shape[2]] };
    let labels = r.list(count, DType::I64);
    match r.below(3) {
        0 => {
            let values = (0..count * size[0] * size[1]).map(|_| r.number() / 40.0).collect();
            let masks = Tensor::from_vec::<f64>(values, [count, size[0], size[1]]).unwrap();
            let masks = masks.to_dtype(r.pick(&[DType::Bool, DType::F32, DType::I32])).unwrap();
            is_picture(painter.draw(&picture, &masks, labels.as_ref()))
        }
        1 => {
            let first = r.below(size[0] * size[1] + 1);
            let counts = vec![first as u32, (size[0] * size[1] - first) as u32];
            let masks = vec![Rle::from_counts(size, counts).unwrap(); count];
            is_picture(painter.draw_rles(&picture, &masks, labels.as_ref()))
        }
        _ => {
            let corners: Vec<f64> = (0..2 * (3 + r.below(4))).map(|_| r.number()).collect();
            let Ok(polygon) = Polygon::from_flat(&corners) else { return false };
            let masks = vec![Segmentation::Polygons(vec![polygon]); count];
            is_picture(painter.draw_segmentations(&picture, &masks, labels.as_ref()))
        }
    }
}

fn class_map(r: &mut Random) -> bool {
    let picture = r.picture();
    let shape = picture.shape().to_vec();
    let size = if r.below(8) == 0 { [r.side(), r.side()] } else { [shape[1], shape[2]] };
    let sign = r.pick(&[1.0, 1.0, 1.0, -1.0]);
    let classes = (0..size[0] * size[1]).map(|_| sign * r.uniform(0.0, 70.0)).collect();
    let map = Tensor::from_vec::<f64>(classes, size).unwrap().to_dtype(r.pick(&[DType::I64, DType::I32])).unwrap();
    let mut painter = ClassMapPainter::new().class_names(r.names()).legend(r.below(2) == 0).transparent([0, 3]);
    if let Some(size) = r.maybe() {
        painter = painter.font_size(size);
    }
    is_picture(painter.overlay(&picture, &map)) | is_picture(painter.render(&map))
}

fn keypoints(r: &mut Random) -> bool {
    let picture = r.picture();
    let skeleton = r.pick(&[Skeleton::coco_person as fn() -> Skeleton, Skeleton::openpose, Skeleton::mpii])();
    let points = if r.below(20) == 0 { 3 } else { skeleton.len() };
    let mut painter = KeypointPainter::new(skeleton);
    if let Some(radius) = r.maybe() {
        painter = painter.radius(radius);
    }
    if let Some(width) = r.maybe() {
        painter = painter.line_width(width);
    }
    let mut odd = |_| {
        let visibility = r.pick(&[Visibility::Absent, Visibility::Hidden, Visibility::Visible]);
        Keypoint { x: r.number(), y: r.number(), visibility }
    };
    let object: Vec<Keypoint> = (0..points).map(&mut odd).collect();
    let flat: Vec<f64> = object.iter().flat_map(|point| [point.x, point.y, point.visibility.into()]).collect();
    let tensor = Tensor::from_vec(flat, [1, points, 3]).unwrap();
    let drawn = Keypoints::new(object).is_ok_and(|object| is_picture(painter.draw(&picture, &[object])));
    drawn | is_picture(painter.draw_tensor(&picture, &tensor))
}

fn heat_map(r: &mut Random) -> bool {
    let (picture, map) = (r.picture(), {
        let width = r.side();
        r.table(width)
    });
    let mut heat = HeatMap::new().color_map(r.pick(&[ColorMap::Magma, ColorMap::Gray])).color_bar(r.below(2) == 0);
    if r.below(3) == 0 {
        heat = heat.range(r.number(), r.number());
    }
    if let Some(size) = r.maybe() {
        heat = heat.font_size(size);
    }
    is_picture(heat.overlay(&picture, &map)) | is_picture(heat.render(&map))
}

fn plots(r: &mut Random) -> bool {
    let classes = r.below(30);
    let sign = r.pick(&[1.0, 1.0, -1.0]);
    let counts = (0..classes * classes).map(|_| sign * r.number().abs()).collect();
    let counts = Tensor::from_vec::<f64>(counts, [classes, classes]).unwrap();
    let plot = ConfusionPlot::new().class_names(r.names()).normalized(r.below(2) == 0);
    let mut curves = PrecisionRecallPlot::new().title(r.names().join(" "));
    for name in r.names() {
        let recall: Vec<f64> = (0..r.below(5)).map(|_| r.number() / 40.0).collect();
        let precision: Vec<f64> = (0..recall.len()).map(|_| r.number().abs() / 60.0).collect();
        let average = r.maybe().map(|x| x / 200.0);
        // Whatever is refused is not drawn.
        drop(curves.add(&name, &recall, &precision, average));
    }
    assert!(is_picture(curves.render()));
    is_picture(plot.render(&counts))
}

fn grid(r: &mut Random) -> bool {
    let mut grid = Grid::new(r.below(5));
    if r.below(2) == 0 {
        grid = grid.cell(r.pick(&[0, 1, 9, 60, 200]));
    }
    if r.below(2) == 0 {
        grid = grid.title(r.names().join(" "));
    }
    let mut all = true;
    for caption in r.names().into_iter().take(6) {
        all &= grid.add(&r.picture(), &caption, r.below(2) == 0).is_ok();
    }
    is_picture(grid.render()) & all
}

#[test]
fn nothing_panics() {
    let mut random = Random(SampleRng::new(7, 0, 0));
    const CALLS: [fn(&mut Random) -> bool; 7] = [boxes, masks, class_map, keypoints, heat_map, plots, grid];
    const ROUNDS: usize = 700;
    for call in CALLS {
        let drawn = (0..ROUNDS).filter(|_| call(&mut random)).count();
        // Neither is everything refused, nor nothing.
        assert!((ROUNDS / 10..ROUNDS * 49 / 50).contains(&drawn), "{drawn} of {ROUNDS}");
    }
}
