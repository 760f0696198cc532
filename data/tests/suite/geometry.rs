//! Labels that follow their pictures, against torchvision; `fixtures/geometry.py` made the numbers.

use std::collections::BTreeMap;

use ocelli_data::annotation::{
    Bitmap, BoundingBox, BoxFormat, ClassMap, Keypoints, Labels, Object, Polygon, Rle, Segmentation, Skeleton,
};
use ocelli_data::augment::{
    Augment, CenterCrop, Fill, Filter, HorizontalFlip, Interpolation, Keep, Pad, RandomRotation, Resize, ResizeShorter,
    ShiftScaleRotate, VerticalFlip, perspective,
};
use ocelli_data::{Dataset, Image, Result, Sample, SampleRng, VecDataset};
use ocelli_tensor::{DType, Tensor, safetensors};

pub(crate) fn fixtures() -> BTreeMap<String, Tensor> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/geometry.safetensors");
    safetensors::load(path).unwrap()
}

pub(crate) fn numbers(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().to_vec().unwrap()
}

/// The fixture's picture and its three objects, each with a keypoint, and with a mask if asked for.
pub(crate) fn sample(fixtures: &BTreeMap<String, Tensor>, masks: bool) -> Sample {
    let mut sample = Sample::from(Image::from_tensor(&fixtures["image"]).unwrap());
    let (boxes, points) = (numbers(&fixtures["boxes"]), numbers(&fixtures["points"]));
    for i in 0..3 {
        let corners = [0, 1, 2, 3].map(|j| boxes[4 * i + j]);
        let mut object = Object::new(i, BoundingBox::new(corners, BoxFormat::Xyxy).unwrap());
        object.keypoints = Some(Keypoints::visible([[points[2 * i], points[2 * i + 1]]]).unwrap());
        object.flags.crowd = i == 1;
        object.area = Some(100.0);
        if masks {
            let mask = fixtures["masks"].select(0, i as isize).unwrap();
            object.segmentation = Some(Segmentation::Bitmap(Bitmap::new([24, 37], mask.to_vec().unwrap()).unwrap()));
        }
        sample.labels.objects.push(object);
    }
    if masks {
        let map = fixtures["masks"].select(0, 1).unwrap().to_vec::<u8>().unwrap();
        sample.labels.class_map = Some(ClassMap::new([24, 37], map.into_iter().map(u16::from).collect()).unwrap());
    }
    sample
}

/// Compares what a change makes with torchvision's: pixels within `pixels`, boxes within `corners`, masks and keypoints exactly.
fn compare(name: &str, pixels: f64, corners: f64, change: impl Fn(Sample) -> Result<Sample>) {
    let fixtures = fixtures();
    let of = |what: &str| &fixtures[&format!("{name}.{what}")];
    let (plain, masked) = (change(sample(&fixtures, false)).unwrap(), change(sample(&fixtures, true)).unwrap());
    assert_eq!(plain.image, masked.image);
    let image = plain.image.to_tensor().unwrap();
    assert_eq!(image.shape(), of("image").shape(), "{name}");
    let difference = numbers(&image).iter().zip(numbers(of("image"))).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(difference <= pixels, "{name}: pixels {difference}");
    let (boxes, points) = (numbers(of("boxes")), numbers(of("points")));
    assert_eq!((plain.labels.objects.len(), masked.labels.objects.len()), (3, 3), "{name}");
    for (i, (plain, masked)) in plain.labels.objects.iter().zip(&masked.labels.objects).enumerate() {
        let received = plain.bounding_box.to_array(BoxFormat::Xyxy);
        for (a, b) in received.iter().zip(&boxes[4 * i..]) {
            assert!((a - b).abs() <= corners, "{name}: boxes {received:?}, expected {:?}", &boxes[4 * i..4 * i + 4]);
        }
        let point = masked.keypoints.as_ref().unwrap().points()[0];
        for (a, b) in [point.x, point.y].iter().zip(&points[2 * i..]) {
            assert!((a - b).abs() <= corners, "{name}: point {point:?}, expected {:?}", &points[2 * i..2 * i + 2]);
        }
        let expected = of("masks").select(0, i as isize).unwrap().to_vec::<u8>().unwrap();
        let Some(Segmentation::Bitmap(mask)) = &masked.segmentation else { panic!("{name}: a bitmap stays one") };
        assert_eq!(mask.pixels(), expected, "{name}: mask {i}");
        assert_eq!((plain.class, masked.class, plain.flags.crowd), (i, i, i == 1));
        if i == 1 {
            let classes = masked_classes(&change(sample(&fixtures, true)).unwrap());
            let outside = ClassMap::IGNORE;
            assert!(classes.iter().zip(&expected).all(|(a, b)| *a == u16::from(*b) || (*a == outside && *b == 0)));
        }
    }
}

fn masked_classes(sample: &Sample) -> Vec<u16> {
    sample.labels.class_map.as_ref().unwrap().classes().to_vec()
}

fn with(change: impl Augment) -> impl Fn(Sample) -> Result<Sample> {
    move |sample| change.apply(sample, &mut SampleRng::new(0, 0, 0))
}

#[test]
fn moved_pixels_are_torchvisions() {
    compare("horizontal_flip", 0.0, 1e-9, with(HorizontalFlip { probability: 1.0, mirror: None }));
    compare("vertical_flip", 0.0, 1e-9, with(VerticalFlip { probability: 1.0, mirror: None }));
    compare("center_crop", 0.0, 1e-9, with(CenterCrop::new(17, 22)));
    let pad = |fill| Pad { left: 3, top: 1, right: 4, bottom: 2, fill };
    compare("pad", 0.0, 1e-9, with(pad(Fill::Constant(0.0))));
    let fixtures = fixtures();
    let modes = [
        ("constant", Fill::Constant(9.0)),
        ("edge", Fill::Nearest),
        ("reflect", Fill::Mirror),
        ("symmetric", Fill::Reflect),
    ];
    for (name, fill) in modes {
        let padded = with(pad(fill))(sample(&fixtures, false)).unwrap();
        let expected = Image::from_tensor(&fixtures[&format!("pad_{name}.image")]).unwrap();
        assert_eq!(padded.image, expected, "{name}");
    }
}

/// torchvision scales with another rounding of the weights, and boxes in 32 bits.
#[test]
fn scaled_pictures_are_torchvisions() {
    compare("resize_shorter", 1.0, 1e-5, with(ResizeShorter::new(16)));
    compare("resize", 1.0, 1e-5, with(Resize::new(31, 20)));
}

/// Bytes are rounded and limited between the passes, here with weights of 16 bits, in Pillow with weights of 22.
#[test]
fn bytes_are_scaled_as_pillow_does_rows_first() {
    let fixtures = fixtures();
    let input = Image::from_tensor(&fixtures["scaled.image"]).unwrap();
    let filters = [
        ("nearest", Filter::Nearest, 0.0),
        ("box", Filter::Box, 1.0),
        ("bilinear", Filter::Bilinear, 1.0),
        ("bicubic", Filter::Bicubic, 1.0),
        ("lanczos3", Filter::Lanczos3, 1.0),
    ];
    for (height, width) in [(20, 17), (6, 7), (20, 7), (6, 17)] {
        for (name, filter, most) in filters {
            // The middles of old pixels lie on the edges of new ones, and either may take them.
            if filter == Filter::Box && (height == 6 || width == 7) {
                continue;
            }
            let scaled = Resize { filter, ..Resize::new(height, width) }.resize(&input).unwrap();
            let expected = numbers(&fixtures[&format!("scaled.{height}x{width}.{name}")]);
            let received = numbers(&scaled.to_tensor().unwrap());
            let difference = received.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(difference <= most, "{height}x{width} {name}: {difference}");
        }
    }
}

/// torchvision computes places in 32 bits: a byte may round to the other side, and corners differ in the sixth digit.
#[test]
fn turned_pictures_are_torchvisions() {
    let turn = RandomRotation { angle: [31.0, 31.0], ..RandomRotation::new(0.0) };
    compare("rotate", 1.0, 1e-4, with(RandomRotation { fill: Fill::Constant(50.0), ..turn }));
    // torchvision puts boxes at the corner of the new picture, the picture itself in its middle: less than half a pixel between them.
    compare("rotate_expand", 1.0, 0.5, with(RandomRotation { expand: true, ..turn }));
    let affine = ShiftScaleRotate {
        rotation: [17.0, 17.0],
        scale: [1.13, 1.13],
        shear_x: [6.0, 6.0],
        shear_y: [-9.0, -9.0],
        ..ShiftScaleRotate::default()
    };
    compare("affine", 1.0, 1e-4, with(affine));
    let corners = |name: &str| -> [[f64; 2]; 4] {
        let numbers = numbers(&fixtures()[&format!("perspective.{name}")]);
        [0, 1, 2, 3].map(|i| [numbers[2 * i], numbers[2 * i + 1]])
    };
    let (starts, ends) = (corners("starts"), corners("ends"));
    compare("perspective", 1.0, 1e-3, |sample| {
        perspective(sample, starts, ends, Interpolation::Bilinear, Fill::Constant(0.0), &Keep::default())
    });
}

fn square(low: f64, high: f64) -> BoundingBox {
    BoundingBox::new([low, low, high, high], BoxFormat::Xyxy).unwrap()
}

fn blank(size: usize) -> Sample {
    Sample::from(Image::from_u8([size, size, 1], vec![0; size * size]).unwrap())
}

#[test]
fn objects_that_leave_the_picture_go() {
    let mut all = blank(20);
    // Inside; cut off; less than a pixel left; outside.
    for (low, high) in [(8.0, 12.0), (0.0, 10.0), (1.0, 5.5), (0.0, 4.0)] {
        all.labels.objects.push(Object { area: Some(10.0), ..Object::new(0, square(low, high)) });
    }
    let crop = |keep| with(CenterCrop { keep, ..CenterCrop::new(10, 10) })(all.clone());
    let left = crop(Keep::default()).unwrap().labels.objects;
    let corners: Vec<_> = left.iter().map(|object| object.bounding_box).collect();
    assert_eq!(corners, [square(3.0, 7.0), square(0.0, 5.0)]);
    // The area follows what is left of the box.
    assert_eq!(left.iter().map(|object| object.area).collect::<Vec<_>>(), [Some(10.0), Some(2.5)]);
    assert_eq!(crop(Keep { min_visible: 0.5, ..Keep::default() }).unwrap().labels.objects.len(), 1);
    assert_eq!(crop(Keep { min_area: 20.0, ..Keep::default() }).unwrap().labels.objects.len(), 1);
    let everything = crop(Keep::ALL).unwrap().labels.objects;
    assert_eq!((everything.len(), everything[3].bounding_box), (4, square(0.0, 0.0)));
    assert!(crop(Keep { min_side: f64::NAN, ..Keep::default() }).is_err());
    assert!(crop(Keep { min_visible: 1.5, ..Keep::default() }).is_err());
}

#[test]
fn polygons_and_runs_are_cut_off() {
    let mut all = blank(20);
    let outline = Polygon::new(vec![[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]]).unwrap();
    let far = Polygon::new(vec![[0.0, 0.0], [2.0, 0.0], [2.0, 2.0]]).unwrap();
    let runs = Rle::from_box(&square(0.0, 10.0), [20, 20]).unwrap();
    for mask in [Segmentation::Polygons(vec![outline, far.clone()]), Segmentation::Rle(runs)] {
        let object = Object { segmentation: Some(mask), area: Some(50.0), ..Object::new(0, square(0.0, 10.0)) };
        all.labels.objects.push(object);
    }
    // Its box reaches into the piece, its mask does not.
    let object = Object { segmentation: Some(Segmentation::Polygons(vec![far])), ..Object::new(0, square(0.0, 9.0)) };
    all.labels.objects.push(object);
    let left = with(CenterCrop::new(10, 10))(all).unwrap().labels.objects;
    assert_eq!(left.len(), 2);
    for object in &left {
        assert_eq!(object.segmentation.as_ref().unwrap().to_rle([10, 10]).unwrap().area(), 25);
        assert_eq!(object.bounding_box, square(0.0, 5.0));
    }
    let Some(Segmentation::Polygons(polygons)) = &left[0].segmentation else { panic!("polygons stay polygons") };
    assert_eq!((polygons.len(), polygons[0].area()), (1, 25.0));
    // Polygons of 102 square pixels, runs of 100.
    let areas: Vec<f64> = left.iter().map(|object| object.area.unwrap()).collect();
    assert!((areas[0] - 50.0 * 25.0 / 102.0).abs() < 1e-12 && areas[1] == 12.5, "{areas:?}");
}

#[test]
fn keypoints_change_sides_and_leave() {
    let skeleton = Skeleton::new("stick", ["left", "right"], [[0, 1]]).unwrap();
    let mut stick = blank(20);
    let keypoints = Keypoints::from_flat(&[2.0, 8.0, 2.0, 11.0, 9.0, 1.0]).unwrap();
    stick.labels.objects.push(Object { keypoints: Some(keypoints), ..Object::new(0, square(2.0, 12.0)) });
    let flip = HorizontalFlip { probability: 1.0, mirror: None };
    let points = |change: &dyn Augment| {
        let sample = change.apply(stick.clone(), &mut SampleRng::new(0, 0, 0)).unwrap();
        sample.labels.objects[0].keypoints.as_ref().unwrap().to_flat()
    };
    assert_eq!(points(&flip), [18.0, 8.0, 2.0, 9.0, 9.0, 1.0]);
    let mirror = flip.clone().with_skeleton(&skeleton);
    assert_eq!(points(&mirror), [9.0, 9.0, 1.0, 18.0, 8.0, 2.0]);
    assert_eq!(points(&CenterCrop::new(10, 10)), [0.0, 0.0, 0.0, 6.0, 4.0, 1.0]);
    let other = flip.with_skeleton(&Skeleton::coco_person());
    let text = other.apply(stick, &mut SampleRng::new(0, 0, 0)).unwrap_err().to_string();
    assert!(text.contains("17 keypoints") && text.ends_with("received 2"), "{text}");
}

#[test]
fn masks_of_other_pictures_are_refused() {
    let flip = HorizontalFlip { probability: 1.0, mirror: None };
    let mut wrong = blank(4);
    let mask = Bitmap::new([2, 8], vec![1; 16]).unwrap();
    wrong
        .labels
        .objects
        .push(Object { segmentation: Some(Segmentation::Bitmap(mask)), ..Object::new(0, square(0.0, 2.0)) });
    let text = with(flip.clone())(wrong).unwrap_err().to_string();
    assert!(text.contains("[4, 4], received [2, 8]"), "{text}");
    let wrong = Labels { class_map: Some(ClassMap::new([1, 1], vec![0]).unwrap()), ..Labels::default() };
    let text = with(flip)(Sample { labels: wrong, ..blank(4) }).unwrap_err().to_string();
    assert!(text.contains("class map") && text.ends_with("received [1, 1]"), "{text}");
}

#[test]
fn samples_of_data_sets_are_augmented() {
    let mut sample = blank(4);
    sample.labels.objects.push(Object::new(7, square(0.0, 1.0)));
    sample.labels.classes = vec![3];
    let flipped = VecDataset::new(vec![sample]).augment(HorizontalFlip { probability: 1.0, mirror: None });
    let sample = flipped.get(0).unwrap();
    assert_eq!(sample.labels.objects[0].bounding_box.to_array(BoxFormat::Xyxy), [3.0, 0.0, 4.0, 1.0]);
    assert_eq!((sample.labels.objects[0].class, sample.labels.classes), (7, vec![3]));
}
