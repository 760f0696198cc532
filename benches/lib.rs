//! What the benchmarks share. Run them with `cargo bench -p ocelli-benches`, one of them with
//! `cargo bench -p ocelli-benches --bench matmul -- 1024`. `compare.sh` measures beside other frameworks.

use std::f64::consts::TAU;
use std::fmt::Debug;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use ocelli_data::SampleRng;
use ocelli_data::augment::Normalize;
use ocelli_tensor::{DType, Generator, Tensor};
use ocelli_vision::metrics::{CocoDetection, CocoEvaluator, CocoObject, CocoParams};

/// Standard normal numbers of this shape, the same at each run.
///
/// # Panics
/// If memory runs out.
pub fn randn(shape: &[usize]) -> Tensor {
    randn_of(DType::F32, shape)
}

/// As [`randn`], of a float type.
///
/// # Panics
/// If memory runs out, or the type is not a float type.
pub fn randn_of(dtype: DType, shape: &[usize]) -> Tensor {
    Tensor::randn(shape, dtype, &mut Generator::new(shape.len() as u64)).expect("memory and a float type")
}

/// So many boxes `[N, 4]` as in torchvision's own benchmark, corners in 0..1000 and sides of 1 to 101, and scores.
///
/// # Panics
/// If memory runs out.
pub fn spread_boxes(count: usize) -> (Tensor, Tensor) {
    let mut generator = Generator::new(0);
    let mut rand = |shape: &[usize], factor: f64| {
        Tensor::rand(shape, DType::F32, &mut generator).and_then(|x| x.mul(factor)).expect("memory")
    };
    let (corner, size, scores) = (rand(&[count, 2], 1000.0), rand(&[count, 2], 100.0), rand(&[count], 1.0));
    (cornered(&corner, &size.add(1.0).expect("memory")), scores)
}

/// So many boxes `[N, 4]` with sides of 16 to 200 in a picture of 800 by 800.
///
/// # Panics
/// If memory runs out.
pub fn region_boxes(count: usize) -> Tensor {
    let mut generator = Generator::new(0);
    let mut rand = |low: f64, high: f64| {
        let numbers = Tensor::rand([count, 2], DType::F32, &mut generator);
        numbers.and_then(|x| x.mul(high - low)?.add(low)).expect("memory")
    };
    let (corner, size) = (rand(0.0, 600.0), rand(16.0, 200.0));
    cornered(&corner, &size)
}

/// So many boxes `[N, 4]` in a picture of 800 by 800, with sides of 16 to 700 whose logarithms are spread evenly: some for each level of a
/// pyramid.
///
/// # Panics
/// If memory runs out.
pub fn boxes_of_all_sizes(count: usize) -> Tensor {
    let make = || -> ocelli_tensor::Result<Tensor> {
        let mut generator = Generator::new(0);
        let mut rand = || Tensor::rand([count, 2], DType::F32, &mut generator);
        let size = rand()?.mul((700.0f64 / 16.0).ln())?.exp()?.mul(16.0)?;
        let corner = rand()?.mul(&size.neg()?.add(800.0)?)?;
        Ok(cornered(&corner, &size))
    };
    make().expect("memory")
}

/// So many boxes `[N, 4]` as a detector gives them, around 50 objects with sides of 20 to 170 in a picture of 1000 by 1000, and scores.
///
/// # Panics
/// If memory runs out.
pub fn clustered_boxes(count: usize) -> (Tensor, Tensor) {
    const OBJECTS: usize = 50;
    let make = || -> ocelli_tensor::Result<(Tensor, Tensor)> {
        let mut generator = Generator::new(0);
        let corners = Tensor::rand([OBJECTS, 2], DType::F32, &mut generator)?.mul(1000.0)?;
        let sizes = Tensor::rand([OBJECTS, 2], DType::F32, &mut generator)?.mul(150.0)?.add(20.0)?;
        let object = Tensor::randint(0, OBJECTS as i64, [count], DType::I64, &mut generator)?;
        let size = sizes.index_select(0, &object)?;
        let moved = Tensor::randn([count, 2], DType::F32, &mut generator)?.mul(0.1)?.mul(&size)?;
        let stretched = Tensor::randn([count, 2], DType::F32, &mut generator)?.mul(0.1)?.exp()?.mul(&size)?;
        let corner = corners.index_select(0, &object)?.add(&moved)?;
        Ok((cornered(&corner, &stretched), Tensor::rand([count], DType::F32, &mut generator)?))
    };
    make().expect("memory")
}

fn cornered(corner: &Tensor, size: &Tensor) -> Tensor {
    corner.add(size).and_then(|opposite| Tensor::concat(&[corner, &opposite], 1)).expect("memory")
}

/// The objects and detections of so many pictures of 640 by 480: 7 objects of 80 categories in each, and 36 detections, of which every
/// second is near an object.
///
/// # Panics
/// If memory runs out.
pub fn detected_pictures(pictures: usize) -> Vec<(Vec<CocoObject>, Vec<CocoDetection>)> {
    const OBJECTS: usize = 7;
    const DETECTIONS: usize = 36;
    let mut generator = Generator::new(0);
    let mut numbers = |columns: usize| {
        let rows = Tensor::rand([pictures * DETECTIONS, columns], DType::F64, &mut generator);
        rows.and_then(|rows| rows.to_vec::<f64>()).expect("memory")
    };
    let (places, moves, scores) = (numbers(5), numbers(4), numbers(1));
    // Left, top, width, height, and a category.
    let place = |i: usize| {
        let row = &places[5 * i..5 * i + 5];
        let [width, height] = [row[2], row[3]].map(|side| 8.0 + 192.0 * side * side);
        let bbox = [row[0] * (640.0 - width), row[1] * (480.0 - height), width, height];
        ((row[4] * 80.0) as i64, bbox)
    };
    (0..pictures)
        .map(|picture| {
            let first = picture * DETECTIONS;
            let objects: Vec<_> = (first..first + OBJECTS).map(place).collect();
            let found = (first..first + DETECTIONS).map(|i| {
                let (category, bbox) = if i % 2 == 0 { objects[i / 2 % OBJECTS] } else { place(i) };
                let moved = |side: usize| bbox[side] + (moves[4 * i + side] - 0.5) * 0.3 * bbox[2 + side % 2];
                CocoDetection::new(category, scores[i], [0, 1, 2, 3].map(moved))
            });
            let found = found.collect();
            (objects.into_iter().map(|(category, bbox)| CocoObject::new(category, bbox)).collect(), found)
        })
        .collect()
}

/// COCO's evaluation of boxes, from the lists of the pictures to the table.
///
/// # Panics
/// If the pictures cannot be evaluated.
pub fn coco_table(pictures: &[(Vec<CocoObject>, Vec<CocoDetection>)]) -> String {
    let evaluate = || -> ocelli_vision::Result<String> {
        let mut evaluator = CocoEvaluator::new(CocoParams::boxes())?;
        for (id, (objects, found)) in pictures.iter().enumerate() {
            evaluator.add(id as i64, objects.clone(), found.clone())?;
        }
        Ok(evaluator.evaluate()?.to_string())
    };
    evaluate().expect("pictures of finite boxes")
}

/// A file in COCO's format with so many objects of 80 categories with outlines of 20 points, 7 in each picture, positions to hundredths of a
/// pixel as in COCO's own.
pub fn coco_file(annotations: usize) -> String {
    const EACH: usize = 7;
    const POINTS: usize = 20;
    let mut rng = SampleRng::new(0, 0, 0);
    let mut uniform = |low: f64, high: f64| rng.uniform(low, high).unwrap_or(low);
    let known = (0..annotations).map(|i| {
        let (x, y, radius) = (uniform(100.0, 540.0), uniform(100.0, 380.0), uniform(4.0, 90.0));
        let outline: Vec<[f64; 2]> = (0..POINTS)
            .map(|point| {
                let (angle, far) = (point as f64 / POINTS as f64 * TAU, radius * uniform(0.6, 1.0));
                [x + far * angle.cos(), y + far * angle.sin()]
            })
            .collect();
        let side = |axis: usize, pick: fn(f64, f64) -> f64, from: f64| {
            outline.iter().map(|point| point[axis]).fold(from, pick)
        };
        let least = [0, 1].map(|axis| side(axis, f64::min, f64::INFINITY));
        let most = [0, 1].map(|axis| side(axis, f64::max, f64::NEG_INFINITY));
        let numbers: Vec<String> = outline.as_flattened().iter().map(|x| format!("{x:.2}")).collect();
        format!(
            "{{\"segmentation\": [[{}]], \"area\": {:.2}, \"iscrowd\": 0, \"image_id\": {}, \
             \"bbox\": [{:.2}, {:.2}, {:.2}, {:.2}], \"category_id\": {}, \"id\": {}}}",
            numbers.join(", "),
            radius * radius,
            i / EACH,
            least[0],
            least[1],
            most[0] - least[0],
            most[1] - least[1],
            i * 37 % 80,
            i + 1
        )
    });
    let known: Vec<String> = known.collect();
    let pictures = (0..annotations.div_ceil(EACH))
        .map(|id| format!("{{\"file_name\": \"{id:012}.jpg\", \"height\": 480, \"width\": 640, \"id\": {id}}}"));
    let categories =
        (0..80).map(|id| format!("{{\"supercategory\": \"thing\", \"id\": {id}, \"name\": \"class {id}\"}}"));
    let joined = |items: Vec<String>| items.join(", ");
    format!(
        "{{\"images\": [{}], \"annotations\": [{}], \"categories\": [{}]}}",
        joined(pictures.collect()),
        joined(known),
        joined(categories.collect())
    )
}

/// The mean and standard deviation of ImageNet's pixels, as models trained on it want pictures.
pub fn imagenet() -> Normalize {
    let (mean, std) = Normalize::IMAGENET;
    Normalize::new(mean.to_vec(), std.to_vec())
}

/// Short measurements: there are many benches, and what they measure takes milliseconds.
pub fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(20)
}

/// One bench of a function that must not fail.
///
/// # Panics
/// If it fails.
pub fn bench<T, E: Debug>(
    c: &mut Criterion,
    group: &str,
    name: &str,
    work: Throughput,
    mut f: impl FnMut() -> Result<T, E>,
) {
    let mut group = c.benchmark_group(group);
    group.throughput(work);
    group.bench_function(name, |b| b.iter(|| black_box(f().expect("arguments that fit"))));
    group.finish();
}

/// Floating-point operations, as criterion's "elements": its rate reads as FLOP/s.
pub fn flops(count: usize) -> Throughput {
    Throughput::Elements(count as u64)
}

/// The bytes of one tensor.
pub fn bytes(tensor: &Tensor) -> Throughput {
    Throughput::Bytes((tensor.numel() * tensor.dtype().size()) as u64)
}

/// The most memory in bytes that this process has had resident, where the system tells (Linux).
pub fn peak_memory() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()? * 1024)
}
