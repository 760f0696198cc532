//! YOLO's text files: one for each picture, a line for each object, positions in fractions of the picture.

mod config;

use std::path::{Path, PathBuf};

pub use self::config::YoloConfig;
pub(super) use self::config::find as find_config;
use super::files::{self, at, lines, number};
use super::policy::{ROUNDING, Tally};
use super::{Changes, Options, Policy, picture};
use crate::annotation::{BoundingBox, BoxFormat, ClassDetails, Keypoints, Labels, Object, Polygon, Segmentation};
use crate::{Dataset, Error, LabelledDataset, Record, Result, Sample};

/// How far fractions of six digits may reach beyond the picture, in parts of its sides: a rounded centre and half of a rounded side.
const DIGITS: f64 = 2e-6;

/// Pictures with boxes, outlines or keypoints in YOLO's format, as Ultralytics' programs write and read it: a `data.yaml` that names the
/// classes and where pictures lie, and for a picture `…/images/…/x.jpg` a text `…/labels/…/x.txt` (or one beside it).
///
/// A line is `class x y width height` (the centre), `class x1 y1 x2 y2 x3 y3 …` (an outline), or, if `data.yaml` has a
/// `kpt_shape`, a box and its keypoints. Without a text a picture shows nothing. Labels need the size of their picture, for
/// which the header of its file is read. Pictures are turned as their EXIF data say, and their size is that which they then have, as for Ultralytics' programs.
#[derive(Debug)]
pub struct YoloDataset {
    pictures: Vec<PathBuf>,
    config: YoloConfig,
    options: Options,
    tally: Tally,
}

impl YoloDataset {
    /// Opens a folder with a `data.yaml`, or one with `images` and `labels` (or pictures and texts side by side) and a `classes.txt`. The split is
    /// `train`, `val` or `test`; without one all pictures are read that `data.yaml` names.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Format`] for what is absent or broken, paths that lead out of the folder among it; [`Error::Argument`] if the
    /// split is not there, or nothing names the classes.
    pub fn open(root: impl AsRef<Path>, options: &Options) -> Result<Self> {
        let root = root.as_ref();
        let mut config = match find_config(root) {
            Some(path) => YoloConfig::parse(&path, &files::read(&path)?)?,
            None => YoloConfig::of_folder(root, options)?,
        };
        if let Some(classes) = &options.classes {
            config.names = classes.clone();
        }
        let pictures = config.pictures(root, options)?;
        Ok(YoloDataset { pictures, config, options: options.clone(), tally: Tally::default() })
    }

    /// What `data.yaml` says.
    pub fn config(&self) -> &YoloConfig {
        &self.config
    }
}

impl Dataset for YoloDataset {
    type Item = Sample;

    fn len(&self) -> usize {
        self.pictures.len()
    }

    fn get(&self, index: usize) -> Result<Sample> {
        picture::sample(self.record(index)?, &self.options.decoder(true))
    }
}

impl LabelledDataset for YoloDataset {
    fn record(&self, index: usize) -> Result<Record> {
        Error::check_index(index, self.pictures.len())?;
        let path = &self.pictures[index];
        let size = picture::header(path)?.turned_size();
        let text = label_path(path);
        let (labels, changes) = match text.exists() {
            true => parse_yolo_labels(&text, &files::read(&text)?, size, &self.config, self.options.policy)?,
            false => Default::default(),
        };
        self.tally.note(index, changes);
        Ok(Record { path: Some(path.clone()), size: Some(size), labels })
    }

    fn class_names(&self) -> &[String] {
        &self.config.names
    }

    fn class_details(&self, class: usize) -> ClassDetails {
        // One list is for all classes.
        let flip = if class < self.config.names.len() { self.config.flip.clone() } else { Vec::new() };
        ClassDetails { flip, ..ClassDetails::default() }
    }

    fn changes(&self) -> Changes {
        self.tally.sum()
    }
}

/// The text of a picture: the last folder `images` becomes `labels`.
fn label_path(picture: &Path) -> PathBuf {
    let text = picture.with_extension("txt");
    let parts: Vec<_> = text.components().collect();
    let folder = parts.iter().rposition(|part| part.as_os_str() == "images");
    match folder {
        None => text,
        Some(folder) => {
            let name = |(i, part): (usize, &std::path::Component<'_>)| match i == folder {
                true => std::ffi::OsString::from("labels"),
                false => part.as_os_str().to_os_string(),
            };
            let beside: PathBuf = parts.iter().enumerate().map(name).collect();
            if !beside.exists() && text.exists() { text } else { beside }
        }
    }
}

/// Reads the labels in the bytes of a text, for a picture of `[height, width]`; `name` is what errors call it.
///
/// # Errors
/// [`Error::Format`].
pub fn parse_yolo_labels(
    name: impl AsRef<Path>,
    bytes: &[u8],
    size: [usize; 2],
    config: &YoloConfig,
    policy: Policy,
) -> Result<(Labels, Changes)> {
    let path = name.as_ref();
    let text = files::decode(path, bytes)?;
    let mut changes = Changes::default();
    let mut labels = Labels::default();
    for (line, entry) in lines(&text) {
        let object =
            parse_line(entry, size, config, policy, &mut changes).map_err(|message| at(path, line, message))?;
        labels.objects.extend(object);
    }
    Ok((labels, changes))
}

fn parse_line(
    entry: &str,
    size: [usize; 2],
    config: &YoloConfig,
    policy: Policy,
    changes: &mut Changes,
) -> Result<Option<Object>, String> {
    let mut words = entry.split_whitespace();
    let class = words.next().unwrap_or_default();
    let numbers = words.map(number).collect::<Result<Vec<f64>, String>>()?;
    // Some programs write numbers of classes with a point.
    let class = number(class).ok().filter(|class| class.fract() == 0.0 && *class >= 0.0);
    let class = class.ok_or_else(|| format!("expected the number of a class first, received {entry:?}"))?;
    if class >= config.names.len() as f64 {
        return policy.refuse(changes, || format!("expected a class in 0..{}, received {class}", config.names.len()));
    }
    let class = class as usize;
    let [height, width] = size.map(|side| side as f64);
    let slack = (DIGITS * height.max(width)).max(ROUNDING);
    let mut admit = |[x, y, w, h]: [f64; 4]| {
        let pixels = [x * width, y * height, w * width, h * height];
        policy.admit(pixels, BoxFormat::Cxcywh, Some(size), slack, changes)
    };

    if let Some([points, numbers_each]) = config.keypoints {
        let (boxed, rest) = numbers
            .split_first_chunk::<4>()
            .ok_or_else(|| format!("expected a box and keypoints, received {entry:?}"))?;
        if rest.len() != points * numbers_each {
            let message =
                format!("expected {points} keypoints of {numbers_each} numbers, received {} numbers", rest.len());
            return Err(message);
        }
        let Some(boxed) = admit(*boxed)? else { return Ok(None) };
        let mut flat = Vec::with_capacity(3 * points);
        for point in rest.chunks_exact(numbers_each) {
            // Points of two numbers that are not there lie at the origin.
            let seen = point.get(2).copied().unwrap_or(if point[..2] == [0.0, 0.0] { 0.0 } else { 2.0 });
            flat.extend([point[0] * width, point[1] * height, seen]);
        }
        let keypoints = Keypoints::from_flat(&flat).map_err(|error| error.to_string())?;
        return Ok(Some(Object { keypoints: Some(keypoints), ..Object::new(class, boxed) }));
    }
    match numbers.len() {
        4 => Ok(admit([numbers[0], numbers[1], numbers[2], numbers[3]])?.map(|boxed| Object::new(class, boxed))),
        count if count >= 6 && count % 2 == 0 => {
            let points = numbers.as_chunks::<2>().0.iter().map(|[x, y]| [x * width, y * height]).collect();
            let polygon = Polygon::new(points).map_err(|error| error.to_string())?;
            let around: BoundingBox = polygon.bounding_box().map_err(|error| error.to_string())?;
            let numbers = around.to_array(BoxFormat::Xyxy);
            let boxed = policy.admit(numbers, BoxFormat::Xyxy, Some(size), slack, changes)?;
            let object = |boxed| Object {
                segmentation: Some(Segmentation::Polygons(vec![polygon])),
                ..Object::new(class, boxed)
            };
            Ok(boxed.map(object))
        }
        count => Err(format!("expected a class and 4 numbers, or the points of an outline, received {count} numbers")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(keypoints: Option<[usize; 2]>) -> YoloConfig {
        YoloConfig { names: vec!["cat".into(), "dog".into()], keypoints, ..YoloConfig::default() }
    }

    fn parse(text: &str, keypoints: Option<[usize; 2]>, policy: Policy) -> Result<(Labels, Changes)> {
        parse_yolo_labels("a.txt", text.as_bytes(), [10, 20], &config(keypoints), policy)
    }

    #[test]
    fn lines_of_all_kinds() {
        let (labels, _) = parse("0 0.5 0.5 0.5 0.2\n\n1 0 0 1 0 1 1\n", None, Policy::Fail).unwrap();
        let [boxed, outline] = &labels.objects[..] else { panic!("{labels:?}") };
        assert_eq!((boxed.class, boxed.bounding_box.to_array(BoxFormat::Xyxy)), (0, [5.0, 4.0, 15.0, 6.0]));
        assert_eq!(outline.bounding_box.to_array(BoxFormat::Xyxy), [0.0, 0.0, 20.0, 10.0]);
        assert!(matches!(&outline.segmentation, Some(Segmentation::Polygons(p)) if p[0].area() == 100.0));
        let (labels, _) = parse("1 .5 .5 .5 .2 .25 .5 1 0 0 0", Some([2, 3]), Policy::Fail).unwrap();
        assert_eq!(labels.objects[0].keypoints.as_ref().unwrap().to_flat(), [5.0, 5.0, 1.0, 0.0, 0.0, 0.0]);
        let (labels, _) = parse("1 .5 .5 .5 .2 .25 .5 0 0", Some([2, 2]), Policy::Fail).unwrap();
        assert_eq!(labels.objects[0].keypoints.as_ref().unwrap().to_flat(), [5.0, 5.0, 2.0, 0.0, 0.0, 0.0]);
        assert!(parse("", None, Policy::Fail).unwrap().0.objects.is_empty());
    }

    #[test]
    fn what_does_not_fit() {
        let text = |text| parse(text, None, Policy::Fail).unwrap_err().to_string();
        assert!(
            text("0 .5 .5 .1 .1\n2 .5 .5 .1 .1").starts_with("a.txt: line 2: expected a class in 0..2, received 2")
        );
        assert!(text("0 .5 .5 0 .1").contains("a width and a height"));
        assert!(text("0 .9 .5 .4 .1").contains("inside of a picture"));
        assert!(text("0 .5 .5 .1").contains("received 3 numbers") && text("0 .5 .5 .1 .1 .1").contains("received 5"));
        assert!(text("0 .5 .5 nan .1").contains("finite") && text("cat .5 .5 .1 .1").contains("number of a class"));
        assert!(text("-1 .5 .5 .1 .1").contains("number of a class"));
        assert!(parse("0 .5 .5 .1 .1", Some([2, 3]), Policy::Fail).is_err());
        let (labels, changes) = parse("2 .5 .5 .1 .1\n0 .9 .5 .4 .1\n0 .5 .5 0 .1", None, Policy::Clip).unwrap();
        assert_eq!((labels.objects.len(), changes), (1, Changes { dropped: 2, clipped: 1 }));
        // Six digits of a box along the edge.
        assert!(parse("0 0.166667 0.5 0.333335 1", None, Policy::Fail).is_ok());
    }

    #[test]
    fn texts_of_pictures() {
        let folder = Path::new("set").join("images").join("train");
        assert_eq!(label_path(&folder.join("a.b.jpg")), Path::new("set").join("labels").join("train").join("a.b.txt"));
        assert_eq!(label_path(Path::new("a.jpg")), Path::new("a.txt"));
    }
}
