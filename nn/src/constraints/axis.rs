//! Keras writes one axis as a number and several as a list.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Axis {
    One(isize),
    Several(Vec<isize>),
}

pub(super) fn serialize<S: Serializer>(axis: &Option<Vec<isize>>, serializer: S) -> Result<S::Ok, S::Error> {
    let axis = axis.as_ref().map(|axes| match axes[..] {
        [axis] => Axis::One(axis),
        _ => Axis::Several(axes.clone()),
    });
    axis.serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<isize>>, D::Error> {
    Ok(Option::<Axis>::deserialize(deserializer)?.map(|axis| match axis {
        Axis::One(axis) => vec![axis],
        Axis::Several(axes) => axes,
    }))
}
