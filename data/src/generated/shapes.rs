//! Pictures of circles, rectangles and triangles with all labels.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use super::background::{Background, figure_colours};
use super::figure::{Figure, KINDS, NAMES};
use super::sample_rng;
use super::scene::Scene;
use crate::annotation::{ClassMap, Labels, Skeleton};
use crate::reserve::filled;
use crate::{Dataset, Error, Image, LabelledDataset, Record, Result, Sample, SampleRng};

const OP: &str = "shapes";
/// An object that hides too much of others, or lies outside, is drawn anew this often, smaller each time.
const TRIES: usize = 60;
const SMALLEST_RADIUS: f64 = 2.0;

/// Pictures of coloured circles, rectangles and triangles, turned, partly before one another, with labels that are exact to the pixel.
///
/// A figure covers the pixels whose middle lies in it, with nothing blended at its border, so every pixel belongs to one object or to the
/// background. The objects stand in the order in which they were put down: later ones hide earlier ones. Of each is told
///
/// - its class: 0 circle, 1 rectangle, 2 triangle ([`LabelledDataset::class_names`]);
/// - the box around its visible pixels, their number (`area`), and which they are: the outline along their borders where nothing
///   hides it, runs where something does or where the pixels of a thin corner do not hang together. [`Segmentation::to_rle`](crate::annotation::Segmentation::to_rle) gives exactly the
///   pixels in both cases;
/// - keypoints, in the order of [`Shapes::skeleton`]: visible, hidden by a later figure, or absent because outside of the picture;
/// - `occluded`, if a later figure hides at least one of its pixels; `truncated`, if it goes on beyond the picture's edge;
/// - an id that no other object of the data set has.
///
/// `classes` are the kinds that a picture shows, in order; in the class map, 0 is background and `class + 1` a figure.
///
/// ```
/// use ocelli_data::generated::{Background, Shapes};
/// use ocelli_data::{Dataset, LabelledDataset};
/// # fn main() -> ocelli_data::Result<()> {
/// let shapes = Shapes { objects: 3..=3, background: Background::Stripes { amplitude: 8 }, ..Shapes::default() };
/// let sample = shapes.get(0)?;
/// for object in &sample.labels.objects {
///     let name = &shapes.class_names()[object.class];
///     let mask = object.segmentation.as_ref().map(|outline| outline.to_rle([64, 64])).transpose()?;
///     assert_eq!(mask.map(|mask| mask.bounding_box()), Some(object.bounding_box), "{name}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Shapes {
    /// How many pictures there are; 1,000 by default.
    pub samples: usize,
    /// `[height, width]` of each, at least 16; 64 × 64 by default.
    pub size: [usize; 2],
    /// How many objects a picture has, each number being equally likely; at most 255, 1 to 3 by default. A picture in which no place for
    /// another can be found, because too much of the others would be hidden, has fewer.
    pub objects: RangeInclusive<usize>,
    /// The smallest and the largest radius of the circle around a figure, in parts of the picture's shorter side, above 0 and at most 0.5; 0.1
    /// to 0.3 by default. No radius is below two pixels.
    pub radius: [f64; 2],
    /// How much of each object stays visible at least, in parts of its pixels in the picture; 0.25 by default. At 1 none hides another, at 0 one
    /// pixel is enough.
    pub min_visible: f64,
    /// Whether figures may go on beyond the edge of the picture, their centre being inside; by default they do.
    pub truncate: bool,
    /// What is behind them; plain by default.
    pub background: Background,
    /// What all that is random follows from; 0 by default.
    pub seed: u64,
}

impl Default for Shapes {
    fn default() -> Self {
        Shapes {
            samples: 1_000,
            size: [64, 64],
            objects: 1..=3,
            radius: [0.1, 0.3],
            min_visible: 0.25,
            truncate: true,
            background: Background::Plain,
            seed: 0,
        }
    }
}

static CLASS_NAMES: LazyLock<Vec<String>> = LazyLock::new(|| NAMES.iter().map(|name| name.to_string()).collect());

impl Shapes {
    /// The keypoints of a class: the centre of a circle; the corners of the others, clockwise as one sees them from the topmost on.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is no such class.
    pub fn skeleton(class: usize) -> Result<Skeleton> {
        let corners = match class {
            0 => return Skeleton::new(NAMES[0], ["centre"], []),
            1 => 4,
            2 => 3,
            _ => return Err(Error::argument(OP, format!("expected a class in 0..{KINDS}, received {class}"))),
        };
        let sides = (0..corners).map(|i| [i, (i + 1) % corners]);
        Skeleton::new(NAMES[class], ["top", "second", "third", "fourth"].into_iter().take(corners), sides)
    }

    fn check(&self) -> Result<()> {
        let refuse = |message| Err(Error::argument(OP, message));
        let [height, width] = self.size;
        if height.min(width) < 16 || height.checked_mul(width).is_none_or(|pixels| u32::try_from(pixels).is_err()) {
            let expected = "a size of at least [16, 16] and less than 2^32 pixels";
            return refuse(format!("expected {expected}, received {:?}", self.size));
        }
        if self.objects.start() > self.objects.end() || *self.objects.end() > 255 {
            return refuse(format!("expected a range of 0 to 255 objects, received {:?}", self.objects));
        }
        let [smallest, largest] = self.radius;
        if !(smallest > 0.0 && smallest <= largest && largest <= 0.5) {
            return refuse(format!("expected radii in order, above 0 and at most 0.5, received {:?}", self.radius));
        }
        if !(0.0..=1.0).contains(&self.min_visible) {
            return refuse(format!("expected a visible part of 0 to 1, received {}", self.min_visible));
        }
        Ok(())
    }

    fn scene(&self, index: usize, rng: &mut SampleRng) -> Result<Scene> {
        Error::check_index(index, self.samples)?;
        self.check()?;
        let (fewest, most) = (*self.objects.start(), *self.objects.end());
        let count = fewest + rng.below(most - fewest + 1);
        let mut scene = Scene::new(self.size)?;
        for _ in 0..count {
            let kind = rng.below(KINDS);
            for attempt in 0..TRIES {
                let figure = self.figure(kind, attempt, rng)?;
                if scene.put(figure, self.min_visible) {
                    break;
                }
            }
        }
        Ok(scene)
    }

    fn figure(&self, kind: usize, attempt: usize, rng: &mut SampleRng) -> Result<Figure> {
        let [height, width] = self.size.map(|side| side as f64);
        let share = rng.uniform(self.radius[0], self.radius[1])? * 0.95f64.powi(attempt as i32);
        let radius = (share * height.min(width)).max(SMALLEST_RADIUS);
        let border = if self.truncate { 0.0 } else { radius };
        let centre = [rng.uniform(border, width - border)?, rng.uniform(border, height - border)?];
        Figure::random(kind, centre, radius, rng)
    }

    fn labels(&self, index: usize, scene: &Scene) -> Result<Labels> {
        let objects = scene.objects(index)?;
        let mut classes: Vec<usize> = objects.iter().map(|object| object.class).collect();
        classes.sort_unstable();
        classes.dedup();
        // Background has no owner, and class 0.
        let class = |&owner: &u8| match owner.checked_sub(1) {
            Some(figure) => scene.figures[usize::from(figure)].0.kind as u16 + 1,
            None => 0,
        };
        let class_map = ClassMap::new(self.size, scene.owners.iter().map(class).collect())?;
        Ok(Labels { classes, objects, class_map: Some(class_map), ..Labels::default() })
    }
}

impl Dataset for Shapes {
    type Item = Sample;
    fn len(&self) -> usize {
        self.samples
    }
    fn get(&self, index: usize) -> Result<Sample> {
        let mut rng = sample_rng(self.seed, index);
        let scene = self.scene(index, &mut rng)?;
        let labels = self.labels(index, &scene)?;
        let mut pixels = filled(0u8, scene.owners.len().saturating_mul(3))?;
        self.background.paint(&mut pixels, self.size, &mut rng)?;
        let colours = figure_colours(scene.figures.len(), &mut rng)?;
        for (pixel, owner) in pixels.as_chunks_mut::<3>().0.iter_mut().zip(&scene.owners) {
            if let Some(figure) = owner.checked_sub(1) {
                *pixel = colours[usize::from(figure)];
            }
        }
        Ok(Sample { image: Image::from_u8([self.size[0], self.size[1], 3], pixels)?, labels })
    }
}

impl LabelledDataset for Shapes {
    fn record(&self, index: usize) -> Result<Record> {
        let scene = self.scene(index, &mut sample_rng(self.seed, index))?;
        Ok(Record { path: None, size: Some(self.size), labels: self.labels(index, &scene)? })
    }
    fn class_names(&self) -> &[String] {
        &CLASS_NAMES
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Pixels;
    use crate::annotation::{Segmentation, Visibility};

    fn bytes(sample: &Sample) -> Vec<[u8; 3]> {
        let Ok(tensor) = sample.image.to_tensor() else { unreachable!("a picture becomes a tensor") };
        let flat: Vec<u8> = tensor.permute([1, 2, 0]).unwrap().to_vec().unwrap();
        flat.as_chunks::<3>().0.to_vec()
    }

    fn backgrounds() -> impl Strategy<Value = Background> {
        prop_oneof![
            Just(Background::Plain),
            any::<u8>().prop_map(|amplitude| Background::Noise { amplitude }),
            any::<u8>().prop_map(|amplitude| Background::Stripes { amplitude }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// All labels are found again by looking at the picture alone.
        #[test]
        fn labels_are_what_the_picture_shows(
            (height, width) in (16usize..60, 16usize..60),
            most in 0usize..12,
            smallest in 0.05f64..0.5,
            min_visible in 0.0f64..=1.0,
            truncate: bool,
            background in backgrounds(),
            seed: u64,
            index in 0usize..1000,
        ) {
            let radius = [smallest, 0.5];
            let size = [height, width];
            let shapes =
                Shapes { samples: 1000, size, objects: 0..=most, radius, min_visible, truncate, background, seed };
            let sample = shapes.get(index).unwrap();
            prop_assert_eq!(&shapes.get(index).unwrap(), &sample);
            prop_assert_eq!(&shapes.record(index).unwrap().labels, &sample.labels);
            let pixels = bytes(&sample);
            let map = sample.labels.class_map.as_ref().unwrap().classes();
            let objects = &sample.labels.objects;
            prop_assert!(objects.len() <= most);
            // One colour for each object; background has no channel of 255.
            let mut covered = vec![false; pixels.len()];
            let mut colours = Vec::new();
            for object in objects {
                let mask = object.segmentation.as_ref().unwrap().to_rle(size).unwrap();
                prop_assert_eq!(mask.bounding_box(), object.bounding_box);
                prop_assert_eq!(Some(mask.area() as f64), object.area);
                prop_assert!(mask.area() > 0);
                let inside = mask.decode().unwrap();
                let mut seen = pixels.iter().zip(&inside).filter(|(_, inside)| **inside == 1).map(|(pixel, _)| *pixel);
                let colour = seen.next().unwrap();
                prop_assert!(colour.contains(&255) && seen.all(|pixel| pixel == colour));
                prop_assert!(!colours.contains(&colour));
                colours.push(colour);
                for (place, _) in inside.iter().enumerate().filter(|(_, inside)| **inside == 1) {
                    prop_assert!(!covered[place]);
                    covered[place] = true;
                    prop_assert_eq!(map[place], object.class as u16 + 1);
                }
                let skeleton = Shapes::skeleton(object.class).unwrap();
                prop_assert_eq!(object.keypoints.as_ref().unwrap().len(), skeleton.len());
                prop_assert!(truncate || !object.flags.truncated);
                prop_assert!(min_visible < 1.0 || !object.flags.occluded);
            }
            for (place, pixel) in pixels.iter().enumerate().filter(|(place, _)| !covered[*place]) {
                prop_assert!(!pixel.contains(&255));
                prop_assert_eq!(map[place], 0);
            }
        }
    }

    #[test]
    fn every_kind_of_label_occurs() {
        let shapes = Shapes { objects: 2..=5, ..Shapes::default() };
        let (mut classes, mut counts) = ([0; KINDS], [0; 6]);
        let (mut occluded, mut truncated, mut polygons, mut hidden, mut absent) = (0, 0, 0, 0, 0);
        for index in 0..400 {
            let labels = shapes.record(index).unwrap().labels;
            counts[labels.objects.len()] += 1;
            for (number, object) in labels.objects.iter().enumerate() {
                classes[object.class] += 1;
                occluded += usize::from(object.flags.occluded);
                truncated += usize::from(object.flags.truncated);
                polygons += usize::from(matches!(object.segmentation, Some(Segmentation::Polygons(_))));
                let points = object.keypoints.as_ref().unwrap().points();
                hidden += points.iter().filter(|point| point.visibility == Visibility::Hidden).count();
                absent += points.iter().filter(|point| point.visibility == Visibility::Absent).count();
                assert_eq!(object.id, Some((index as u64) << 8 | number as u64));
            }
            // What stands before all others is hidden by nothing.
            assert!(labels.objects.last().is_some_and(|last| !last.flags.occluded));
        }
        // About 1,400 objects in all, deviation 18 of each class.
        assert!(classes.iter().all(|count| (390..550).contains(count)), "{classes:?}");
        // 100 pictures of each count, deviation 9; few lack an object.
        assert!(counts[..2] == [0, 0] && counts[2..].iter().all(|count| (60..140).contains(count)), "{counts:?}");
        for count in [occluded, truncated, polygons, hidden, absent] {
            assert!(count > 50, "{occluded} {truncated} {polygons} {hidden} {absent}");
        }
    }

    #[test]
    fn enough_of_each_object_stays_visible() {
        for min_visible in [0.0, 0.5, 1.0] {
            let shapes = Shapes { objects: 6..=6, min_visible, ..Shapes::default() };
            let mut least = 1.0f64;
            for index in 0..100 {
                let scene = shapes.scene(index, &mut sample_rng(0, index)).unwrap();
                for (figure, [pixels, visible]) in &scene.figures {
                    let all: usize = figure.rows([64, 64]).iter().map(|(_, columns)| columns.len()).sum();
                    assert_eq!(*pixels, all);
                    least = least.min(*visible as f64 / *pixels as f64);
                }
            }
            assert!(least >= min_visible && least < min_visible + 0.2 + min_visible, "{least}");
        }
    }

    #[test]
    fn wrong_settings_are_refused() {
        let default = Shapes::default;
        let broken = [
            Shapes { size: [15, 64], ..default() },
            Shapes { size: [1 << 20, 1 << 20], ..default() },
            #[allow(clippy::reversed_empty_ranges)]
            Shapes { objects: 3..=2, ..default() },
            Shapes { objects: 0..=256, ..default() },
            Shapes { radius: [0.3, 0.2], ..default() },
            Shapes { radius: [0.0, 0.2], ..default() },
            Shapes { radius: [0.1, f64::NAN], ..default() },
            Shapes { min_visible: 1.1, ..default() },
        ];
        for shapes in broken {
            let text = shapes.get(0).unwrap_err().to_string();
            assert!(text.contains("expected") && text.contains("received"), "{text}");
            assert!(shapes.record(0).is_err());
        }
        let text = default().get(1000).unwrap_err().to_string();
        assert_eq!(text, "expected an index in 0..1000, received 1000");
        assert!(Shapes::skeleton(3).is_err());
        assert!(matches!(default().get(0).unwrap().image.pixels(), Pixels::U8(_)));
    }
}
