//! A format for one's own data: a JSON object in each line.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::files::{self, at, lines, within};
use super::policy::{ROUNDING, Tally};
use super::{Changes, Options, Policy, picture};
use crate::annotation::{BoxFormat, ClassDetails, Flags, Keypoints, Labels, Object, Segmentation};
use crate::{Dataset, Error, LabelledDataset, Record, Result, Sample};

/// Pictures and labels as lines of JSON. A line is a picture:
///
/// ```json
/// {"image": "a/1.jpg", "size": [480, 640], "classes": ["indoors"], "objects": [
///     {"class": "cat", "box": [10, 20, 110, 70], "segmentation": [[10, 20, 110, 20, 110, 70]], "keypoints": [15, 25, 2],
///      "difficult": false, "area": 2500, "id": 7, "attributes": {"colour": "black"}}], "metadata": {"camera": 3}}
/// ```
///
/// `image` is a path below the folder of the file; all else may be absent. `size` is height and width; `box` is left, top, right and bottom in
/// pixels as they lie in the file, whatever its EXIF data say. Boxes are compared with `size`; without it, with the picture when it is read. `segmentation` and `keypoints` are COCO's; the flags are those of [`Flags`]. Other fields are errors, so that a slip of the
/// pen is not lost. A first line `{"class_names": ["cat", "dog"]}` gives the classes their numbers; otherwise they are sorted by name. It may also tell what is known of
/// classes beside their names, by name and with the fields of [`ClassDetails`]: `"class_details": {"cat": {"supercategory": "animal", "keypoints": ["nose", "tail"], "limbs": [[0, 1]]}}`.
///
/// ```
/// use ocelli_data::LabelledDataset;
/// use ocelli_data::readers::{JsonLines, Options};
/// # fn main() -> ocelli_data::Result<()> {
/// let lines = b"{\"image\": \"1.jpg\", \"objects\": [{\"class\": \"cat\", \"box\": [1, 2, 4, 6]}]}\n";
/// let data = JsonLines::from_slice("labels.jsonl", lines, &Options::default())?;
/// assert_eq!(data.record(0)?.labels.objects[0].bounding_box.area(), 12.0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct JsonLines {
    path: PathBuf,
    root: PathBuf,
    text: String,
    /// Where each line begins and ends, and its number.
    places: Vec<(usize, usize, usize)>,
    classes: Vec<String>,
    numbers: HashMap<String, usize>,
    details: BTreeMap<String, ClassDetails>,
    options: Options,
    tally: Tally,
}

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    pub(crate) class_names: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) class_details: BTreeMap<String, ClassDetails>,
}

/// A picture.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    pub(crate) image: String,
    #[serde(default)]
    pub(crate) size: Option<[usize; 2]>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) classes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) objects: Vec<WrittenObject>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) metadata: BTreeMap<String, Value>,
}

/// An object in it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenObject {
    pub(crate) class: String,
    pub(crate) r#box: [f64; 4],
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) segmentation: Option<Segmentation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keypoints: Option<Keypoints>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) difficult: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) truncated: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) occluded: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) crowd: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) depiction: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) inside: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) area: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<u64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) attributes: BTreeMap<String, Value>,
}

impl JsonLines {
    /// Opens a file; pictures lie below its folder.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read; [`Error::Format`] if a line is none of this format; [`Error::Argument`] if a split is asked for.
    pub fn open(file: impl AsRef<Path>, options: &Options) -> Result<Self> {
        let file = file.as_ref();
        JsonLines::from_slice(file, &files::read(file)?, options)
    }

    /// As [`JsonLines::open`], from the bytes of a file; `name` is what errors call it, and the folder of pictures is its folder.
    ///
    /// # Errors
    /// As [`JsonLines::open`].
    pub fn from_slice(name: impl AsRef<Path>, bytes: &[u8], options: &Options) -> Result<Self> {
        let path = name.as_ref();
        options.without_split("json lines")?;
        let text = files::decode(path, bytes)?.into_owned();
        let start = text.as_ptr() as usize;
        let mut places: Vec<_> = lines(&text)
            .map(|(number, line)| {
                let at = line.as_ptr() as usize - start;
                (at, at + line.len(), number)
            })
            .collect();
        let header = places.first().copied().filter(|&(start, end, _)| is_header(&text[start..end]));
        let header = header.map(|(start, end, number)| parse_header(path, number, &text[start..end])).transpose()?;
        if header.is_some() {
            places.remove(0);
        }
        let (header, details) = header.map(|header| (header.class_names, header.class_details)).unzip();
        let mut found = BTreeSet::new();
        for &(start, end, number) in &places {
            let line = parse(path, number, &text[start..end])?;
            if header.is_none() && options.classes.is_none() {
                found.extend(line.classes);
                found.extend(line.objects.into_iter().map(|object| object.class));
            }
        }
        let classes = options.classes.clone().or(header);
        let classes = classes.unwrap_or_else(|| found.into_iter().collect());
        let numbers = classes.iter().enumerate().map(|(number, name)| (name.clone(), number)).collect();
        Ok(JsonLines {
            path: path.into(),
            root: path.parent().unwrap_or(Path::new("")).into(),
            text,
            places,
            classes,
            numbers,
            details: details.unwrap_or_default(),
            options: options.clone(),
            tally: Tally::default(),
        })
    }

    /// The record of a line, whose picture has the size that the line claims, or the one that is given.
    fn record_of(&self, index: usize, size: Option<[usize; 2]>) -> Result<Record> {
        Error::check_index(index, self.places.len())?;
        let (start, end, number) = self.places[index];
        let mut line = parse(&self.path, number, &self.text[start..end])?;
        let fail = |message: String| at(&self.path, number, message);
        let path = within(&self.root, &line.image).map_err(fail)?;
        line.size = line.size.or(size);
        let size = line.size;
        let mut changes = Changes::default();
        let labels = self.labels(line, &mut changes).map_err(fail)?;
        self.tally.note(index, changes);
        Ok(Record { path: Some(path), size, labels })
    }

    fn class(&self, name: &str, policy: Policy, changes: &mut Changes) -> Result<Option<usize>, String> {
        match self.numbers.get(name) {
            Some(&class) => Ok(Some(class)),
            None => policy.refuse(changes, || format!("expected a class of the list, received {name:?}")),
        }
    }

    fn labels(&self, line: Line, changes: &mut Changes) -> Result<Labels, String> {
        let policy = self.options.policy;
        let mut labels = Labels { metadata: line.metadata, ..Labels::default() };
        for name in &line.classes {
            labels.classes.extend(self.class(name, policy, changes)?);
        }
        for object in line.objects {
            let Some(class) = self.class(&object.class, policy, changes)? else { continue };
            let boxed = policy.admit(object.r#box, BoxFormat::Xyxy, line.size, ROUNDING, changes)?;
            let Some(boxed) = boxed else { continue };
            labels.objects.push(Object {
                segmentation: object.segmentation,
                keypoints: object.keypoints,
                flags: Flags {
                    difficult: object.difficult,
                    truncated: object.truncated,
                    occluded: object.occluded,
                    crowd: object.crowd,
                    depiction: object.depiction,
                    inside: object.inside,
                },
                area: object.area,
                id: object.id,
                attributes: object.attributes,
                ..Object::new(class, boxed)
            });
        }
        Ok(labels)
    }
}

/// Whether a line means to be a header, right or wrong.
fn is_header(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Keys {
        class_names: Option<serde::de::IgnoredAny>,
        image: Option<serde::de::IgnoredAny>,
    }
    serde_json::from_str::<Keys>(text).is_ok_and(|keys| keys.class_names.is_some() && keys.image.is_none())
}

fn parse_header(path: &Path, number: usize, text: &str) -> Result<Header> {
    let header: Header = serde_json::from_str(text).map_err(|error| {
        at(path, number, format!("expected the names of the classes as JSON, received something else ({error})"))
    })?;
    for (name, details) in &header.class_details {
        if !header.class_names.contains(name) {
            return Err(at(path, number, format!("expected details of a class of the list, received {name:?}")));
        }
        details.check().map_err(|message| at(path, number, format!("class {name:?}: {message}")))?;
    }
    Ok(header)
}

fn parse(path: &Path, number: usize, text: &str) -> Result<Line> {
    serde_json::from_str(text)
        .map_err(|error| at(path, number, format!("expected a picture as JSON, received something else ({error})")))
}

impl Dataset for JsonLines {
    type Item = Sample;

    fn len(&self) -> usize {
        self.places.len()
    }

    fn get(&self, index: usize) -> Result<Sample> {
        picture::sized_sample(|size| self.record_of(index, size), &self.options.decoder(false))
    }
}

impl LabelledDataset for JsonLines {
    fn record(&self, index: usize) -> Result<Record> {
        self.record_of(index, None)
    }

    fn class_names(&self) -> &[String] {
        &self.classes
    }

    fn class_details(&self, class: usize) -> ClassDetails {
        self.classes.get(class).and_then(|name| self.details.get(name)).cloned().unwrap_or_default()
    }

    fn changes(&self) -> Changes {
        self.tally.sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{\"class_names\": [\"dog\", \"cat\"]}\n\n\
        {\"image\": \"a/1.jpg\", \"size\": [10, 20], \"classes\": [\"cat\"], \"metadata\": {\"x\": 1}}\n\
        {\"image\": \"2.jpg\", \"size\": [10, 20], \"objects\": [{\"class\": \"dog\", \"box\": [1, 2, 30, 4], \"crowd\": true, \"keypoints\": [1, 2, 2]}]}\n";

    fn open(text: &str, policy: Policy) -> Result<JsonLines> {
        JsonLines::from_slice("set/l.jsonl", text.as_bytes(), &Options { policy, ..Options::default() })
    }

    #[test]
    fn lines_become_labels() {
        let data = open(TEXT, Policy::Clip).unwrap();
        assert_eq!((data.len(), data.class_names()), (2, &["dog".to_string(), "cat".into()][..]));
        let record = data.record(0).unwrap();
        assert_eq!((record.path.unwrap(), record.size), (PathBuf::from("set/a/1.jpg"), Some([10, 20])));
        assert_eq!((record.labels.classes, &record.labels.metadata["x"]), (vec![1], &Value::from(1)));
        let object = &data.record(1).unwrap().labels.objects[0];
        assert!(object.flags.crowd && object.keypoints.is_some());
        assert_eq!((object.class, object.bounding_box.max()), (0, [20.0, 4.0]));
        assert_eq!(data.changes(), Changes { dropped: 0, clipped: 1 });
        assert!(data.class_details(0).is_empty() && data.class_details(2).is_empty());
        // Without the header the names are sorted.
        let data = open(TEXT.split_once('\n').unwrap().1, Policy::Clip).unwrap();
        assert_eq!(data.class_names(), ["cat", "dog"]);
    }

    #[test]
    fn pictures_may_speak_of_names_of_classes() {
        let data = open("{\"image\": \"1.jpg\", \"metadata\": {\"class_names\": [1]}}\n", Policy::Fail).unwrap();
        assert_eq!(data.record(0).unwrap().labels.metadata["class_names"], serde_json::json!([1]));
        assert!(
            open("{\"class_names\": [1]}\n", Policy::Fail).unwrap_err().to_string().contains("names of the classes")
        );
    }

    #[test]
    fn details_of_classes() {
        let details = |text: &str| {
            let header = format!("\"cat\"], \"class_details\": {text}}}");
            open(&TEXT.replacen("\"cat\"]}", &header, 1), Policy::Clip)
        };
        let known = r#"{"supercategory": "animal", "keypoints": ["nose", "tail"], "limbs": [[0, 1]], "flip": [0, 1]}"#;
        let data = details(&format!("{{\"cat\": {known}}}")).unwrap();
        let cat = data.class_details(1);
        assert!(data.class_details(0).is_empty() && cat.supercategory.as_deref() == Some("animal"));
        assert_eq!(
            (cat.keypoints, cat.limbs, cat.flip),
            (vec!["nose".into(), "tail".into()], vec![[0, 1]], vec![0, 1])
        );
        let text = |text: &str| details(text).unwrap_err().to_string();
        assert!(text(r#"{"cow": {}}"#).contains("line 1: expected details of a class of the list, received \"cow\""));
        assert!(text(r#"{"cat": {"limb": []}}"#).contains("line 1: expected the names of the classes as JSON"));
        assert!(
            text(r#"{"cat": {"keypoints": ["a"], "limbs": [[0, 1]]}}"#)
                .contains("line 1: class \"cat\": expected limbs")
        );
        for flip in ["[1, 1]", "[1, 2, 0]", "[7]"] {
            let text = text(&format!(r#"{{"cat": {{"flip": {flip}}}}}"#));
            assert!(text.contains("as flip, received"), "{text}");
        }
        assert!(text(r#"{"cat": {"keypoints": ["a"], "flip": [1, 0]}}"#).contains("a flip of 1 keypoints, received 2"));
    }

    #[test]
    fn broken_lines() {
        let text = |from: &str, to: &str| {
            let all = |data: JsonLines| (0..data.len()).try_for_each(|i| data.record(i).map(drop));
            open(&TEXT.replace(from, to), Policy::Fail).and_then(all).unwrap_err().to_string()
        };
        assert!(text("", "").starts_with("set/l.jsonl: line 4: expected a box inside"), "{}", text("", ""));
        assert!(text("\"crowd\"", "\"crwd\"").contains("line 4: expected a picture as JSON"));
        assert!(text("a/1.jpg", "/1.jpg").contains("line 3: expected a path inside"));
        assert!(
            text("\"classes\": [\"cat\"]", "\"classes\": [\"cow\"]").contains("line 3: expected a class of the list")
        );
        assert!(text("[10, 20], \"cl", "[-1, 20], \"cl").contains("line 3"));
        assert!(open("[]", Policy::Fail).is_err() && open("", Policy::Fail).unwrap().is_empty());
    }
}
