//! COCO's JSON as types: known fields go straight into them, and texts are borrowed from the file where they can be.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::outline::{Number, Numbers, Outline};

#[derive(Deserialize)]
pub(super) struct File<'a> {
    #[serde(default, borrow)]
    pub(super) images: Vec<Picture<'a>>,
    #[serde(default)]
    pub(super) annotations: Vec<Annotation>,
    #[serde(default, borrow)]
    pub(super) categories: Vec<Category<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Picture<'a> {
    pub(super) id: Id,
    #[serde(borrow)]
    pub(super) file_name: Cow<'a, str>,
    #[serde(default)]
    pub(super) width: Option<u32>,
    #[serde(default)]
    pub(super) height: Option<u32>,
}

#[derive(Deserialize)]
pub(super) struct Category<'a> {
    pub(super) id: Id,
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    #[serde(default, borrow)]
    pub(super) supercategory: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) keypoints: Vec<String>,
    /// Pairs of keypoints, counted from 1.
    #[serde(default)]
    pub(super) skeleton: Vec<[usize; 2]>,
}

/// A number that tells things apart; some files have texts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Id {
    Number(u64),
    Text(Box<str>),
}

impl Id {
    pub(super) fn value(&self) -> Value {
        match self {
            Id::Number(number) => (*number).into(),
            Id::Text(text) => Value::from(&**text),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Id::Number(number) => write!(f, "{number}"),
            Id::Text(text) => write!(f, "{text:?}"),
        }
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl Visitor<'_> for Visit {
            type Value = Id;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number or a text as id")
            }
            fn visit_u64<E>(self, number: u64) -> Result<Id, E> {
                Ok(Id::Number(number))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Id, E> {
                Ok(u64::try_from(number).map_or_else(|_| Id::Text(number.to_string().into()), Id::Number))
            }
            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Id, E> {
                // Some programs write 7.0.
                let whole = number.fract() == 0.0 && (0.0..9e15).contains(&number);
                if whole {
                    Ok(Id::Number(number as u64))
                } else {
                    Err(E::custom(format!("expected a whole number as id, received {number}")))
                }
            }
            fn visit_str<E>(self, text: &str) -> Result<Id, E> {
                // The text of a number is that number: one list may have it so and the other not.
                let number = text.parse::<u64>().ok().filter(|number| number.to_string() == text);
                Ok(number.map_or_else(|| Id::Text(text.into()), Id::Number))
            }
        }
        deserializer.deserialize_any(Visit)
    }
}

/// An annotation. What is not known is kept as it stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Annotation {
    pub(super) id: Option<Id>,
    pub(super) image_id: Option<Id>,
    pub(super) category_id: Option<Id>,
    pub(super) bbox: Option<[f64; 4]>,
    pub(super) area: Option<f64>,
    pub(super) crowd: bool,
    pub(super) segmentation: Outline,
    pub(super) keypoints: Option<Vec<f64>>,
    pub(super) caption: Option<Box<str>>,
    pub(super) other: BTreeMap<String, Value>,
}

enum Field {
    Id,
    ImageId,
    CategoryId,
    Bbox,
    Area,
    Crowd,
    Segmentation,
    Keypoints,
    Counted,
    Caption,
    Other(String),
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl Visitor<'_> for Visit {
            type Value = Field;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a field")
            }
            fn visit_str<E>(self, name: &str) -> Result<Field, E> {
                Ok(match name {
                    "id" => Field::Id,
                    "image_id" => Field::ImageId,
                    "category_id" => Field::CategoryId,
                    "bbox" => Field::Bbox,
                    "area" => Field::Area,
                    "iscrowd" => Field::Crowd,
                    "segmentation" => Field::Segmentation,
                    "keypoints" => Field::Keypoints,
                    // It follows from the keypoints.
                    "num_keypoints" => Field::Counted,
                    "caption" => Field::Caption,
                    _ => Field::Other(name.into()),
                })
            }
        }
        deserializer.deserialize_identifier(Visit)
    }
}

impl<'de> Deserialize<'de> for Annotation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Annotation;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an annotation")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Annotation, A::Error> {
                let mut made = Annotation::default();
                while let Some(field) = map.next_key()? {
                    match field {
                        Field::Id => made.id = Some(map.next_value()?),
                        Field::ImageId => made.image_id = Some(map.next_value()?),
                        Field::CategoryId => made.category_id = Some(map.next_value()?),
                        Field::Bbox => {
                            made.bbox = map.next_value::<Option<[Number; 4]>>()?.map(|bbox| bbox.map(|Number(x)| x))
                        }
                        Field::Area => made.area = map.next_value()?,
                        Field::Crowd => made.crowd = map.next_value::<Truth>()?.0,
                        Field::Segmentation => made.segmentation = map.next_value()?,
                        Field::Keypoints => {
                            made.keypoints = map.next_value::<Option<Numbers>>()?.map(|Numbers(list)| list)
                        }
                        Field::Caption => made.caption = map.next_value()?,
                        Field::Counted => {
                            map.next_value::<serde::de::IgnoredAny>()?;
                        }
                        Field::Other(name) => {
                            made.other.insert(name, map.next_value()?);
                        }
                    }
                }
                Ok(made)
            }
        }
        deserializer.deserialize_map(Visit)
    }
}

/// 0 or 1, or true or false.
pub(super) struct Truth(pub(super) bool);

impl<'de> Deserialize<'de> for Truth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl Visitor<'_> for Visit {
            type Value = Truth;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("0 or 1")
            }
            fn visit_bool<E>(self, truth: bool) -> Result<Truth, E> {
                Ok(Truth(truth))
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Truth, E> {
                match number {
                    0 | 1 => Ok(Truth(number == 1)),
                    _ => Err(E::custom(format!("expected 0 or 1, received {number}"))),
                }
            }
        }
        deserializer.deserialize_any(Visit)
    }
}

/// The file with null in place of the numbers that JSON does not have but Python writes: NaN and infinities.
pub(super) fn without_nan(bytes: &[u8]) -> Cow<'_, [u8]> {
    const WORDS: [&[u8]; 3] = [b"NaN", b"-Infinity", b"Infinity"];
    let (mut made, mut copied, mut in_text, mut i) = (Vec::new(), 0, false, 0);
    while i < bytes.len() {
        match bytes[i] {
            b'\\' if in_text => i += 1,
            b'"' => in_text = !in_text,
            b'N' | b'I' | b'-' if !in_text => {
                if let Some(word) = WORDS.iter().find(|word| bytes[i..].starts_with(word)) {
                    made.extend_from_slice(&bytes[copied..i]);
                    made.extend_from_slice(b"null");
                    i += word.len();
                    copied = i;
                    continue;
                }
            }
            _ => {}
        }
        i += 1;
    }
    if copied == 0 {
        return Cow::Borrowed(bytes);
    }
    made.extend_from_slice(&bytes[copied..]);
    Cow::Owned(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        let ids: Vec<Id> = serde_json::from_str(r#"[7, "7", 7.0, "007", -1, "a"]"#).unwrap();
        assert_eq!(ids[..3], [Id::Number(7), Id::Number(7), Id::Number(7)]);
        assert_eq!(ids[3..], [Id::Text("007".into()), Id::Text("-1".into()), Id::Text("a".into())]);
        assert!(serde_json::from_str::<Id>("7.5").is_err() && serde_json::from_str::<Id>("null").is_err());
    }

    #[test]
    fn numbers_that_json_does_not_have() {
        let text = br#"{"a": [NaN, -Infinity, 1, -2], "NaN \" NaN": Infinity}"#;
        let expected = br#"{"a": [null, null, 1, -2], "NaN \" NaN": null}"#;
        assert_eq!(&*without_nan(text), expected);
        assert!(matches!(without_nan(expected), Cow::Borrowed(_)));
        let made: Annotation = serde_json::from_str(r#"{"bbox": [null, 0, 1, 2], "iscrowd": true, "x": [1]}"#).unwrap();
        assert!(made.bbox.unwrap()[0].is_nan() && made.crowd && made.other["x"] == serde_json::json!([1]));
    }
}
