//! What is known of a class beside its name.

use serde::{Deserialize, Serialize};

use super::Skeleton;

/// What a data set says of a class beside its name: what it is a kind of, and what the keypoints of its objects are called. What it does not tell is empty.
///
/// ```
/// use ocelli_data::annotation::ClassDetails;
/// let stick = ClassDetails {
///     keypoints: ["left end", "middle", "right end"].map(String::from).to_vec(),
///     limbs: vec![[0, 1], [1, 2]],
///     ..ClassDetails::default()
/// };
/// assert_eq!(stick.mirrored(), Some(vec![2, 1, 0]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClassDetails {
    /// What it is a kind of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supercategory: Option<String>,
    /// The names of its keypoints.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keypoints: Vec<String>,
    /// Which of them are joined, counted from 0.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limbs: Vec<[usize; 2]>,
    /// Which keypoint becomes which in a mirror, where a file says so itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flip: Vec<usize>,
}

impl ClassDetails {
    /// Which keypoint becomes which in a mirror: as the file says, or else as their names tell ([`Skeleton::new`]); `None` if neither does.
    pub fn mirrored(&self) -> Option<Vec<usize>> {
        if !self.flip.is_empty() {
            return Some(self.flip.clone());
        }
        let names = self.keypoints.iter().map(String::as_str);
        let skeleton = Skeleton::new("class", names, self.limbs.iter().copied()).ok()?;
        (!skeleton.is_empty()).then(|| skeleton.flip().to_vec())
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == ClassDetails::default()
    }

    /// What is wrong with details that a file tells.
    pub(crate) fn check(&self) -> Result<(), String> {
        let count = self.keypoints.len();
        if let Some(limb) = self.limbs.iter().find(|limb| limb.iter().any(|&end| end >= count)) {
            return Err(format!("expected limbs between keypoints 0..{count}, received {limb:?}"));
        }
        if !self.flip.is_empty() && count > 0 && self.flip.len() != count {
            return Err(format!("expected a flip of {count} keypoints, received {}", self.flip.len()));
        }
        check_flip(&self.flip)
    }
}

/// Refuses what is no exchange of places: in the mirror of a mirror each keypoint is itself again.
pub(crate) fn check_flip(flip: &[usize]) -> Result<(), String> {
    match (0..flip.len()).all(|point| flip.get(flip[point]) == Some(&point)) {
        true => Ok(()),
        false => Err(format!("expected pairs among keypoints 0..{} as flip, received {flip:?}", flip.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_are_told_or_follow_from_names() {
        let named = |names: &[&str]| ClassDetails {
            keypoints: names.iter().map(|name| String::from(*name)).collect(),
            ..ClassDetails::default()
        };
        assert_eq!(named(&["nose", "left_eye", "right_eye"]).mirrored(), Some(vec![0, 2, 1]));
        let told = ClassDetails { flip: vec![1, 0], ..ClassDetails::default() };
        assert_eq!((told.mirrored(), told.is_empty()), (Some(vec![1, 0]), false));
        assert!(named(&["left_eye"]).mirrored().is_none() && named(&[]).mirrored().is_none() && named(&[]).is_empty());
    }
}
