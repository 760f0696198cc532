//! One annotation of Pascal VOC.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::xml::{self, Element};
use crate::annotation::{BoxFormat, Flags, Labels, Object};
use crate::readers::files::{self, Kind, at, listing, number};
use crate::readers::policy::ROUNDING;
use crate::readers::{Changes, Policy};
use crate::{Error, Result};

/// What an annotation says, with the names of its classes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Annotation {
    root: Element,
    /// What the file calls its picture.
    pub(super) filename: Option<String>,
    /// `[height, width]`, if the file tells it. Many tools write zeros.
    pub(super) size: Option<[usize; 2]>,
}

impl Annotation {
    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let root = xml::parse(path, bytes)?;
        if root.name != "annotation" {
            return Err(at(path, root.line, format!("expected <annotation>, received <{}>", root.name)));
        }
        let filename = root.text_of("filename").map(String::from);
        let size = match root.child("size") {
            None => None,
            Some(size) => {
                let side = |name: &str| match size.text_of(name) {
                    None => Ok(0),
                    Some(text) => text.parse::<u32>().map_err(|_| {
                        at(path, size.line, format!("expected a whole number as <{name}>, received {text:?}"))
                    }),
                };
                let size = [side("height")? as usize, side("width")? as usize];
                (!size.contains(&0)).then_some(size)
            }
        };
        Ok(Annotation { root, filename, size })
    }

    /// The names of the objects' classes.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.objects().filter_map(|object| object.text_of("name"))
    }

    fn objects(&self) -> impl Iterator<Item = &Element> {
        self.root.children.iter().filter(|child| child.name == "object")
    }

    /// The labels, for a picture of `[height, width]`, and for each object of the file, the left out ones too, its place among them.
    pub(super) fn labels(
        &self,
        path: &Path,
        size: Option<[usize; 2]>,
        class_of: impl Fn(&str) -> Option<usize>,
        one_based: bool,
        policy: Policy,
        changes: &mut Changes,
    ) -> Result<(Labels, Vec<Listed>)> {
        let mut labels = Labels::default();
        let mut listed: Vec<Listed> = Vec::new();
        for child in &self.root.children {
            // What else there is, but for what the reader tells in other ways and a path of another machine.
            if child.children.is_empty()
                && !child.text.is_empty()
                && !matches!(child.name.as_str(), "filename" | "path")
            {
                labels.metadata.insert(child.name.clone(), Value::from(child.text.as_str()));
            }
        }
        for element in self.objects() {
            let fail = |message: String| at(path, element.line, message);
            let name =
                element.text_of("name").ok_or_else(|| fail("expected a <name> in <object>, received none".into()))?;
            listed.push(Listed { name: name.into(), place: None });
            let Some(class) = class_of(name) else {
                let message = || format!("expected a class of the list, received {name:?}");
                policy.refuse::<()>(changes, message).map_err(fail)?;
                continue;
            };
            let corners = corners(path, element, one_based)?;
            let boxed = policy.admit(corners, BoxFormat::Xyxy, size, ROUNDING, changes).map_err(fail)?;
            let Some(boxed) = boxed else { continue };
            let mut object = Object::new(class, boxed);
            object.flags = Flags {
                difficult: flag(path, element, "difficult")?,
                truncated: flag(path, element, "truncated")?,
                occluded: flag(path, element, "occluded")?,
                ..Flags::default()
            };
            let mut parts = Vec::new();
            for child in &element.children {
                match child.name.as_str() {
                    "name" | "bndbox" | "difficult" | "truncated" | "occluded" => {}
                    "part" => parts
                        .push(json!({ "name": child.text_of("name"), "box": self::corners(path, child, one_based)? })),
                    _ => {
                        object.attributes.insert(child.name.clone(), value(child));
                    }
                }
            }
            if !parts.is_empty() {
                object.attributes.insert("parts".into(), Value::Array(parts));
            }
            if let Some(last) = listed.last_mut() {
                last.place = Some(labels.objects.len());
            }
            labels.objects.push(object);
        }
        Ok((labels, listed))
    }
}

/// An object of the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Listed {
    /// The name of its class.
    pub(super) name: String,
    /// Its place among the objects of the labels, unless it has been left out.
    pub(super) place: Option<usize>,
}

/// The four numbers of `<bndbox>`: as they stand, or with the first pixel at 0 if they count it from 1 and include the last one.
fn corners(path: &Path, element: &Element, one_based: bool) -> Result<[f64; 4]> {
    let name = &element.name;
    let boxed = element
        .child("bndbox")
        .ok_or_else(|| at(path, element.line, format!("expected a <bndbox> in <{name}>, received none")))?;
    let mut corners = [0.0; 4];
    for (corner, name) in corners.iter_mut().zip(["xmin", "ymin", "xmax", "ymax"]) {
        let child = boxed
            .child(name)
            .ok_or_else(|| at(path, boxed.line, format!("expected <{name}> in <bndbox>, received none")))?;
        *corner = number(&child.text).map_err(|message| at(path, child.line, format!("{message} as <{name}>")))?;
    }
    if one_based {
        corners[0] -= 1.0;
        corners[1] -= 1.0;
    }
    Ok(corners)
}

/// A flag of an object, unset where it is absent or not known.
fn flag(path: &Path, element: &Element, name: &str) -> Result<bool> {
    let Some(child) = element.child(name) else { return Ok(false) };
    match child.text.to_ascii_lowercase().as_str() {
        "1" | "true" => Ok(true),
        "0" | "false" | "" | "unspecified" => Ok(false),
        _ => Err(at(path, child.line, format!("expected 0 or 1 as <{name}>, received {:?}", child.text))),
    }
}

/// An element of no known meaning: its text, or an object of its children.
fn value(element: &Element) -> Value {
    if element.children.is_empty() {
        return Value::from(element.text.as_str());
    }
    let children = element.children.iter().map(|child| (child.name.clone(), value(child)));
    Value::Object(children.collect::<Map<_, _>>())
}

/// The number of a class by its name.
pub(super) fn place(names: &[String], name: &str) -> Option<usize> {
    names.iter().position(|known| known == name)
}

/// All names, sorted; those of Pascal VOC in its own order, and all of them, if there are no others.
pub(super) fn class_list(found: std::collections::BTreeSet<String>) -> Vec<String> {
    if found.iter().all(|name| super::VOC_CLASSES.contains(&name.as_str())) && !found.is_empty() {
        return super::VOC_CLASSES.map(String::from).to_vec();
    }
    found.into_iter().collect()
}

/// The labels of an annotation's bytes, as errors of a reader would name them: what is fuzzed.
pub(super) fn parse_labels(path: &Path, bytes: &[u8], classes: &[String], policy: Policy) -> Result<(Labels, Changes)> {
    let annotation = Annotation::parse(path, bytes)?;
    let mut changes = Changes::default();
    let class_of = |name: &str| place(classes, name);
    let (labels, _) = annotation.labels(path, annotation.size, class_of, false, policy, &mut changes)?;
    Ok((labels, changes))
}

/// An annotation that is not there.
pub(super) fn absent(path: &Path) -> Error {
    let message = "expected an annotation, received none";
    Error::Io { path: path.into(), source: std::io::Error::new(std::io::ErrorKind::NotFound, message) }
}

/// The names of classes in all annotations that can be read.
pub(super) fn names_in(annotations: &Path) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for (_, path) in annotation_files(annotations)? {
        if let Ok(annotation) = files::read(&path).and_then(|bytes| Annotation::parse(&path, &bytes)) {
            found.extend(annotation.names().map(String::from));
        }
    }
    Ok(found)
}

/// The stems and paths of the XML files of a folder.
pub(super) fn annotation_files(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let is_annotation = |path: &Path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xml"));
    let entries = listing(folder)?.into_iter();
    let found = entries.filter(|entry| entry.kind == Kind::File && is_annotation(&entry.path));
    Ok(found.map(|entry| (files::stem(&entry.path), entry.path)).collect())
}
