//! Classes, as a file lists them.

use std::collections::HashMap;

use super::json::{self, Id};
use crate::annotation::ClassDetails;
use crate::readers::Options;

/// What a file says about a class.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CocoCategory {
    /// The number of the class in the file; `None` if it has a text there.
    pub id: Option<u64>,
    /// Its name.
    pub name: String,
    /// What it is a kind of.
    pub supercategory: Option<String>,
    /// The names of its keypoints.
    pub keypoints: Vec<String>,
    /// Which of them are joined, counted from 0.
    pub limbs: Vec<[usize; 2]>,
}

/// What the categories say of a class: the one in its place, or else that of its name, as a list of classes may have another order.
pub(super) fn details(categories: &[CocoCategory], classes: &[String], class: usize) -> ClassDetails {
    let Some(name) = classes.get(class) else { return ClassDetails::default() };
    let of_name = |category: &&CocoCategory| category.name == *name;
    let category = categories.get(class).filter(of_name).or_else(|| categories.iter().find(of_name));
    category.map_or_else(ClassDetails::default, |category| ClassDetails {
        supercategory: category.supercategory.clone(),
        keypoints: category.keypoints.clone(),
        limbs: category.limbs.clone(),
        flip: Vec::new(),
    })
}

pub(super) type Classes = (Vec<CocoCategory>, Vec<String>, HashMap<Id, Option<usize>>);

/// The categories by id, the names of the classes, and the class of each category.
pub(super) fn classes_of(mut categories: Vec<json::Category<'_>>, options: &Options) -> Result<Classes, String> {
    categories.sort_by(|a, b| a.id.cmp(&b.id));
    let names: Vec<String> = match &options.classes {
        Some(classes) => classes.clone(),
        None => categories.iter().map(|category| category.name.to_string()).collect(),
    };
    let mut numbers = HashMap::with_capacity(categories.len());
    let mut list = Vec::with_capacity(categories.len());
    for (i, category) in categories.into_iter().enumerate() {
        let number = match &options.classes {
            Some(classes) => classes.iter().position(|name| *name == category.name),
            None => Some(i),
        };
        if numbers.insert(category.id.clone(), number).is_some() {
            return Err(format!("expected each category once, received id {} again", category.id));
        }
        let limb = |&[a, b]: &[usize; 2]| match (a.checked_sub(1), b.checked_sub(1)) {
            (Some(a), Some(b)) if a.max(b) < category.keypoints.len() => Ok([a, b]),
            _ => Err(format!(
                "category {}: expected a skeleton between keypoints 1..={}, received {:?}",
                category.id,
                category.keypoints.len(),
                [a, b]
            )),
        };
        list.push(CocoCategory {
            id: if let Id::Number(number) = category.id { Some(number) } else { None },
            limbs: category.skeleton.iter().map(limb).collect::<Result<_, _>>()?,
            name: category.name.into_owned(),
            supercategory: category.supercategory.map(|name| name.into_owned()),
            keypoints: category.keypoints,
        });
    }
    Ok((list, names, numbers))
}
