//! What objects cover in COCO's JSON: lists of numbers, and runs.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// A number, or NaN where a file has null.
#[derive(Clone, Copy)]
pub(super) struct Number(pub(super) f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Number(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN)))
    }
}

/// What an object covers, as it stands in the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Outline {
    #[default]
    None,
    Polygons(Vec<Vec<f64>>),
    Runs([usize; 2], Vec<u32>),
    Compressed([usize; 2], Box<str>),
}

impl<'de> Deserialize<'de> for Outline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Outline;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("polygons or runs as segmentation")
            }
            fn visit_unit<E>(self) -> Result<Outline, E> {
                Ok(Outline::None)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Outline, A::Error> {
                let mut polygons = Vec::new();
                while let Some(Numbers(polygon)) = list.next_element()? {
                    polygons.push(polygon);
                }
                Ok(if polygons.is_empty() { Outline::None } else { Outline::Polygons(polygons) })
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outline, A::Error> {
                let (mut size, mut counts) = (None, None);
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    match &*key {
                        "size" => size = Some(map.next_value::<[usize; 2]>()?),
                        "counts" => counts = Some(map.next_value::<Counts>()?),
                        _ => {
                            map.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                let size = size.ok_or_else(|| A::Error::missing_field("size"))?;
                match counts.ok_or_else(|| A::Error::missing_field("counts"))? {
                    Counts::Plain(counts) => Ok(Outline::Runs(size, counts)),
                    Counts::Compressed(text) => Ok(Outline::Compressed(size, text)),
                }
            }
        }
        deserializer.deserialize_any(Visit)
    }
}

pub(super) struct Numbers(pub(super) Vec<f64>);

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Numbers;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of numbers")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Numbers, A::Error> {
                let mut numbers = Vec::with_capacity(16);
                while let Some(Number(number)) = list.next_element()? {
                    numbers.push(number);
                }
                numbers.shrink_to_fit();
                Ok(Numbers(numbers))
            }
        }
        deserializer.deserialize_seq(Visit)
    }
}

enum Counts {
    Plain(Vec<u32>),
    Compressed(Box<str>),
}

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Counts;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the lengths of runs, or their compressed text")
            }
            fn visit_str<E>(self, text: &str) -> Result<Counts, E> {
                Ok(Counts::Compressed(text.into()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Counts, A::Error> {
                let mut counts = Vec::new();
                while let Some(count) = list.next_element()? {
                    counts.push(count);
                }
                Ok(Counts::Plain(counts))
            }
        }
        deserializer.deserialize_any(Visit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outlines() {
        let outline = |text| serde_json::from_str::<Outline>(text);
        assert_eq!(outline("[]").unwrap(), Outline::None);
        assert_eq!(outline("[[1, 2.5]]").unwrap(), Outline::Polygons(vec![vec![1.0, 2.5]]));
        assert_eq!(outline(r#"{"counts": [1, 3], "size": [2, 2]}"#).unwrap(), Outline::Runs([2, 2], vec![1, 3]));
        assert_eq!(outline(r#"{"size": [2, 2], "counts": "13"}"#).unwrap(), Outline::Compressed([2, 2], "13".into()));
        for broken in [
            "[1]",
            "{}",
            r#"{"size": [2, 2]}"#,
            r#"{"size": [2], "counts": []}"#,
            r#"{"size": [2, 2], "counts": [-1]}"#,
        ] {
            assert!(outline(broken).is_err(), "{broken}");
        }
    }
}
