//! Pascal VOC (M. Everingham et al., 2010, <http://host.robots.ox.ac.uk/pascal/VOC/>): an XML file for each picture, lists of pictures,
//! and maps of classes and objects.

mod annotation;
pub(crate) mod label_map;
pub(crate) mod masks;
mod xml;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use self::annotation::{Annotation, annotation_files, class_list, names_in};
use super::files::{self, at, lines, plain_name};
use super::policy::Tally;
use super::{Changes, Options, Policy, picture};
use crate::annotation::{ClassMap, Labels};
use crate::{Dataset, Error, LabelledDataset, Record, Result, Sample};

/// The twenty classes of Pascal VOC.
pub const VOC_CLASSES: [&str; 20] = [
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
];

/// Whether a picture shows a class, as the lists of one class say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Presence {
    /// -1: it does not.
    Absent,
    /// 0: only objects that are hard to recognize.
    Difficult,
    /// 1: it does.
    Present,
}

/// Pictures with boxes in the layout of Pascal VOC: `Annotations/*.xml`, `JPEGImages/*.jpg`, `ImageSets/Main/*.txt`. A folder in which
/// pictures and XML files lie side by side is read too.
///
/// Corners are taken as they stand, as most programs write and read them. The official files count pixels from 1 and include the last
/// one; [`VocDataset::one_based`] turns these into boxes whose width is the number of their pixels.
///
/// What else an object says (`pose`, `part`, `actions`, …) is in its attributes. Its parts are there as `parts`, a list of names and boxes (left, top, right,
/// bottom, counted as those of objects): free metadata, which stay as they are when the picture is cut, turned or resized. Pictures are not
/// turned as their EXIF data say. With [`VocDataset::with_masks`], labels have class maps and
/// masks of objects.
#[derive(Debug)]
pub struct VocDataset {
    root: PathBuf,
    /// The folder of annotations.
    annotations: PathBuf,
    pictures: PathBuf,
    items: Vec<(String, Option<Presence>)>,
    classes: Vec<String>,
    numbers: HashMap<String, usize>,
    /// The names of the numbers in maps, from 1, if the folder tells them, or they are the classes.
    map_names: Option<Vec<String>>,
    options: Options,
    one_based: bool,
    masks: Masks,
    tally: Tally,
}

/// Which pictures have maps of classes and objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Masks {
    /// None that are read.
    Ignored,
    /// Those that have the files.
    Optional,
    /// All, as a list of pictures says.
    Required,
}

impl VocDataset {
    /// Opens a folder. A split is a list of `ImageSets/Main`, those of one class (`cat_train`) included; without one all annotations are read.
    /// Without a list of classes they are those of `labelmap.txt`, as annotation programs write it (`NAME:COLOUR:PARTS:ACTIONS` in each line, the
    /// background first). Without that file, too, all annotations are looked through for their names (those that cannot be read are passed over);
    /// if all are among [`VOC_CLASSES`], these are the list, else the names are sorted.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Format`] for what is absent or broken; a broken annotation is an error of its picture alone.
    pub fn open(root: impl AsRef<Path>, options: &Options) -> Result<Self> {
        let root = root.as_ref();
        let list = options.split.as_deref().map(|split| list_path(root, "Main", split)).transpose()?;
        VocDataset::of_list(root, list.as_deref(), options)
    }

    /// As [`VocDataset::open`], the list being one of `ImageSets/Segmentation`: every picture has maps of classes and objects.
    ///
    /// # Errors
    /// As [`VocDataset::open`].
    pub fn open_segmentation(root: impl AsRef<Path>, options: &Options) -> Result<Self> {
        let root = root.as_ref();
        let list = list_path(root, "Segmentation", options.split.as_deref().unwrap_or("trainval"))?;
        Ok(VocDataset { masks: Masks::Required, ..VocDataset::of_list(root, Some(&list), options)?.with_masks() })
    }

    fn of_list(root: &Path, list: Option<&Path>, options: &Options) -> Result<Self> {
        let or_root = |names: &[&str]| {
            let found = names.iter().map(|name| root.join(name)).find(|folder| folder.is_dir());
            found.unwrap_or_else(|| root.to_path_buf())
        };
        let annotations = or_root(&["Annotations", "annotations"]);
        let pictures = or_root(&["JPEGImages", "images"]);
        let items = match list {
            Some(list) => parse_list(list, &files::read_text(list)?)?,
            None => annotation_files(&annotations)?.into_iter().map(|(stem, _)| (stem, None)).collect(),
        };
        let told = label_map::read(root)?;
        let (classes, map_names) = match (options.classes.clone(), told) {
            (Some(classes), told) => (classes, told),
            (None, Some(told)) => (told.clone(), Some(told)),
            (None, None) => {
                let found = names_in(&annotations)?;
                // Maps alone have no names: they are Pascal VOC's.
                let maps_alone = found.is_empty() && masks::folder_of_classes(root).is_dir();
                let found = if maps_alone { VOC_CLASSES.map(String::from).to_vec() } else { class_list(found) };
                (found.clone(), Some(found))
            }
        };
        let numbers = classes.iter().enumerate().map(|(number, name)| (name.clone(), number)).collect();
        Ok(VocDataset {
            root: root.into(),
            annotations,
            pictures,
            items,
            classes,
            numbers,
            map_names,
            options: options.clone(),
            one_based: false,
            masks: Masks::Ignored,
            tally: Tally::default(),
        })
    }

    /// Takes corners as the official files mean them: pixels are counted from 1, and the last one belongs to the box. A box whose corners are
    /// equal is one pixel then.
    pub fn one_based(mut self) -> Self {
        self.one_based = true;
        self
    }

    /// Reads `SegmentationClass` and `SegmentationObject` too: labels get the class of each pixel (0 is the background, class `c` of an object is
    /// `c + 1`, borders are [`ClassMap::IGNORE`](crate::annotation::ClassMap::IGNORE)), and objects their masks. Object `i` of the map is
    /// the `i`-th of the annotation where their classes agree, and is left out with it; else it is added, with the box of its mask. A picture that has an annotation need
    /// not have these files.
    ///
    /// The numbers in the files are those of the data set's own classes: in the order of `labelmap.txt`, or without it in the one that [`VocDataset::open`] finds
    /// without a list of classes ([`Options::classes`] where the annotations have no names at all, unless it is of [`VOC_CLASSES`] alone). They become classes of
    /// the list by name. What is not in the list follows [`Options::policy`]: where it is left out, it is background.
    pub fn with_masks(mut self) -> Self {
        if self.map_names.is_none() && masks::folder_of_classes(&self.root).is_dir() {
            // A folder that cannot be listed has no names either.
            let found = names_in(&self.annotations).unwrap_or_default();
            let of_voc = self.classes.iter().all(|name| VOC_CLASSES.contains(&name.as_str()));
            self.map_names = Some(if !found.is_empty() {
                class_list(found)
            } else if of_voc {
                VOC_CLASSES.map(String::from).to_vec()
            } else {
                self.classes.clone()
            });
        }
        if self.masks == Masks::Ignored {
            self.masks = Masks::Optional;
        }
        self
    }

    /// The name of a picture, which its files have in common, and what a list of one class says about it.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn entry(&self, index: usize) -> Result<(&str, Option<Presence>)> {
        Error::check_index(index, self.items.len())?;
        let (name, presence) = &self.items[index];
        Ok((name, *presence))
    }

    /// Reads what `ImageSets/Main/CLASS_SPLIT.txt` says of each picture.
    ///
    /// # Errors
    /// [`Error::Io`] without that file, [`Error::Format`] if it is broken.
    pub fn presence(&self, class: &str, split: &str) -> Result<Vec<(String, Presence)>> {
        let path = list_path(&self.root, "Main", &format!("{class}_{split}"))?;
        let entry = |(line, (name, presence)): (usize, (String, Option<Presence>))| match presence {
            Some(presence) => Ok((name, presence)),
            None => Err(at(&path, line + 1, format!("expected -1, 0 or 1 behind {name:?}, received nothing"))),
        };
        parse_list(&path, &files::read_text(&path)?)?.into_iter().enumerate().map(entry).collect()
    }

    fn picture(&self, name: &str, annotation: Option<&Annotation>) -> PathBuf {
        let plain = self.pictures.join(format!("{name}.jpg"));
        if plain.exists() {
            return plain;
        }
        let named = annotation.and_then(|annotation| annotation.filename.as_deref());
        let named = named.and_then(|named| plain_name(named).ok()).map(|named| self.pictures.join(named));
        named
            .filter(|path| path.exists())
            .or_else(|| files::picture_named(&self.pictures, name, &self.options))
            .unwrap_or(plain)
    }
}

impl Dataset for VocDataset {
    type Item = Sample;

    fn len(&self) -> usize {
        self.items.len()
    }

    fn get(&self, index: usize) -> Result<Sample> {
        picture::sample(self.record(index)?, &self.options.decoder(false))
    }
}

impl LabelledDataset for VocDataset {
    fn record(&self, index: usize) -> Result<Record> {
        let (name, presence) = self.entry(index)?;
        let path = self.annotations.join(format!("{name}.xml"));
        let mut changes = Changes::default();
        let annotation = match path.exists() {
            true => Some(Annotation::parse(&path, &files::read(&path)?)?),
            // Sets of masks alone have none.
            false if self.masks != Masks::Ignored => None,
            false => return Err(annotation::absent(&path)),
        };
        let file = self.picture(name, annotation.as_ref());
        let size = match annotation.as_ref().and_then(|annotation| annotation.size) {
            Some(size) => size,
            None => picture::size(&file)?,
        };
        let class_of = |name: &str| self.numbers.get(name).copied();
        let (mut labels, listed) = match &annotation {
            Some(annotation) => {
                annotation.labels(&path, Some(size), class_of, self.one_based, self.options.policy, &mut changes)?
            }
            None => Default::default(),
        };
        let masks = match self.masks {
            Masks::Ignored => false,
            // Without an annotation they are all there is.
            Masks::Optional => annotation.is_none() || masks::of_classes(&self.root, name).exists(),
            Masks::Required => true,
        };
        if masks {
            if self.classes.len() >= usize::from(ClassMap::IGNORE) {
                let most = ClassMap::IGNORE - 1;
                let message = format!("expected at most {most} classes of a map, received {}", self.classes.len());
                return Err(Error::argument("voc", message));
            }
            let numbering = masks::Numbering {
                own: self.map_names.as_deref().unwrap_or_default(),
                classes: &self.numbers,
                policy: self.options.policy,
                max_pixels: self.options.max_pixels,
            };
            masks::add(&self.root, name, size, numbering, &listed, &mut labels, &mut changes)?;
        }
        if let Some(presence) = presence {
            labels.metadata.insert("presence".into(), (presence as i64 - 1).into());
        }
        self.tally.note(index, changes);
        Ok(Record { path: Some(file), size: Some(size), labels })
    }

    fn class_names(&self) -> &[String] {
        &self.classes
    }

    fn changes(&self) -> Changes {
        self.tally.sum()
    }
}

/// Reads the labels in the bytes of an annotation with these classes; `name` is what errors call it. Boxes are compared with the size that
/// the annotation tells, if it does.
///
/// # Errors
/// [`Error::Format`].
pub fn parse_voc_annotation(
    name: impl AsRef<Path>,
    bytes: &[u8],
    classes: &[String],
    policy: Policy,
) -> Result<(Labels, Changes)> {
    annotation::parse_labels(name.as_ref(), bytes, classes, policy)
}

fn list_path(root: &Path, kind: &str, split: &str) -> Result<PathBuf> {
    let name = plain_name(split).map_err(|message| Error::argument("voc", message))?;
    let sets = root.join("ImageSets");
    let path = sets.join(kind).join(format!("{name}.txt"));
    // Some sets have no folder for each challenge.
    let flat = sets.join(format!("{name}.txt"));
    Ok(if !path.exists() && flat.exists() { flat } else { path })
}

/// The names in a list, each with its -1, 0 or 1 if there is one.
fn parse_list(path: &Path, text: &str) -> Result<Vec<(String, Option<Presence>)>> {
    let mut items = Vec::new();
    for (line, entry) in lines(text) {
        let mut words = entry.split_whitespace();
        let name = words.next().unwrap_or_default();
        plain_name(name).map_err(|message| at(path, line, message))?;
        let presence = match (words.next(), words.next()) {
            (None, _) => None,
            (Some("-1"), None) => Some(Presence::Absent),
            (Some("0"), None) => Some(Presence::Difficult),
            (Some("1"), None) => Some(Presence::Present),
            _ => return Err(at(path, line, format!("expected a name, or a name and -1, 0 or 1, received {entry:?}"))),
        };
        items.push((name.to_string(), presence));
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotation::BoxFormat;

    const TEXT: &str = "<annotation>\n<filename>a.jpg</filename><segmented>1</segmented>\n<size><width>20</width><height>10</height></size>\n\
        <object>\n<name>cat</name><pose>Left</pose><truncated>1</truncated><difficult>1</difficult>\n\
        <bndbox><xmin>1</xmin><ymin>2</ymin><xmax>5.5</xmax><ymax>8</ymax></bndbox>\n\
        <part><name>head</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></part></object>\n\
        <object>\n<name>dog</name><bndbox><xmax>30</xmax><xmin>12</xmin><ymin>2</ymin><ymax>8</ymax></bndbox></object>\n</annotation>";

    fn parse(text: &str, policy: Policy) -> Result<(Labels, Changes)> {
        parse_voc_annotation("a.xml", text.as_bytes(), &["cat".into(), "dog".into()], policy)
    }

    #[test]
    fn annotations() {
        let (labels, changes) = parse(TEXT, Policy::Clip).unwrap();
        assert_eq!(changes, Changes { dropped: 0, clipped: 1 });
        let [cat, dog] = &labels.objects[..] else { panic!("{labels:?}") };
        assert_eq!((cat.class, cat.bounding_box.to_array(BoxFormat::Xyxy)), (0, [1.0, 2.0, 5.5, 8.0]));
        assert!(cat.flags.difficult && cat.flags.truncated && !cat.flags.occluded);
        assert_eq!(cat.attributes["pose"], "Left");
        assert_eq!(cat.attributes["parts"], serde_json::json!([{ "name": "head", "box": [1.0, 2.0, 3.0, 4.0] }]));
        assert_eq!((dog.class, dog.bounding_box.to_array(BoxFormat::Xyxy)), (1, [12.0, 2.0, 20.0, 8.0]));
        assert_eq!(labels.metadata["segmented"], "1");
        let text = parse(TEXT, Policy::Fail).unwrap_err().to_string();
        assert!(text.starts_with("a.xml: line 8: expected a box inside") && text.contains("30.0"), "{text}");
    }

    #[test]
    fn missing_tags_and_unknown_classes() {
        let text = |from: &str, to: &str| parse(&TEXT.replace(from, to), Policy::Clip).unwrap_err().to_string();
        assert!(text("<name>dog</name>", "").contains("line 8: expected a <name>"));
        assert!(text("<ymin>2</ymin><xmax>5.5", "<xmax>5.5").contains("expected <ymin>"));
        assert!(text("5.5", "x").contains("received \"x\" as <xmax>"));
        assert!(text("<width>20", "<width>-20").contains("<width>"));
        assert!(text("<truncated>1", "<truncated>maybe").contains("<truncated>"));
        assert!(text("annotation>", "html>").contains("<html>"));
        let cow = TEXT.replace("dog", "cow");
        assert!(parse(&cow, Policy::Fail).unwrap_err().to_string().contains("\"cow\""));
        let (labels, changes) = parse(&cow, Policy::Drop).unwrap();
        assert_eq!((labels.objects.len(), changes.dropped), (1, 1));
        // Without a size nothing can be said to lie outside.
        let (labels, _) = parse(&TEXT.replace("<width>20", "<width>0"), Policy::Fail).unwrap();
        assert_eq!(labels.objects[1].bounding_box.max(), [30.0, 8.0]);
    }

    #[test]
    fn lists() {
        let path = Path::new("cat_train.txt");
        let items = parse_list(path, "a -1\nb  0\n\nc 1\nd\n").unwrap();
        let presence: Vec<_> = items.iter().map(|(_, presence)| *presence).collect();
        assert_eq!(presence, [Some(Presence::Absent), Some(Presence::Difficult), Some(Presence::Present), None]);
        for broken in ["a 2", "a 1 1", "../a 1", "/a"] {
            assert!(parse_list(path, broken).unwrap_err().to_string().contains("line 1"), "{broken}");
        }
    }
}
