//! Skeletons: what the keypoints of an object are called and which are joined.

use crate::{Error, Result};

/// The names of an object's keypoints, the limbs that join them, and which point becomes which in a mirror.
///
/// ```
/// use ocelli_data::annotation::Skeleton;
/// let person = Skeleton::coco_person();
/// assert_eq!((person.len(), person.limbs().len()), (17, 19));
/// let left = person.index("left_wrist").unwrap();
/// assert_eq!(person.names()[person.flip()[left]], "right_wrist");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Skeleton {
    name: String,
    names: Vec<String>,
    limbs: Vec<[usize; 2]>,
    flip: Vec<usize>,
    sigmas: Option<Vec<f64>>,
}

impl Skeleton {
    /// A skeleton of points with these names, the limbs being pairs of their indices. Names with the word `left` and those that have `right` in
    /// its place change roles in a mirror, all others stay.
    ///
    /// # Errors
    /// [`Error::Argument`] if two points have one name, a limb names a point that is not there, or a `left` has no `right`.
    pub fn new<'a>(
        name: &str,
        names: impl IntoIterator<Item = &'a str>,
        limbs: impl IntoIterator<Item = [usize; 2]>,
    ) -> Result<Self> {
        let names: Vec<String> = names.into_iter().map(String::from).collect();
        let limbs: Vec<[usize; 2]> = limbs.into_iter().collect();
        let refuse = |message| Err(Error::argument("skeleton", message));
        if let Some(twice) = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
            return refuse(format!("expected a name of its own for each point, received {:?} twice", twice.1));
        }
        if let Some(limb) = limbs.iter().find(|limb| limb.iter().any(|&end| end >= names.len())) {
            return refuse(format!("expected limbs between points 0..{}, received {limb:?}", names.len()));
        }
        let mut flip = Vec::with_capacity(names.len());
        for (i, name) in names.iter().enumerate() {
            let other = mirrored(name);
            match names.iter().position(|name| *name == other) {
                Some(other) => flip.push(other),
                None if other == *name => flip.push(i),
                None => return refuse(format!("expected a point {other:?} beside {name:?}, received {names:?}")),
            }
        }
        Ok(Skeleton { name: name.into(), names, limbs, flip, sigmas: None })
    }

    /// The same skeleton with the constants of object keypoint similarity (OKS): how far off, relative to the root of the object's area, people
    /// place each point.
    ///
    /// # Errors
    /// [`Error::Argument`] unless there is a positive finite number for each point.
    pub fn with_sigmas(mut self, sigmas: &[f64]) -> Result<Self> {
        if sigmas.len() != self.len() || !sigmas.iter().all(|sigma| sigma.is_finite() && *sigma > 0.0) {
            let message = format!("expected {} positive finite sigmas, received {sigmas:?}", self.len());
            return Err(Error::argument("skeleton", message));
        }
        self.sigmas = Some(sigmas.to_vec());
        Ok(self)
    }

    /// COCO's person of 17 points, with the limbs of COCO's annotation files and pycocotools' sigmas.
    pub fn coco_person() -> Self {
        let mut person = Skeleton::built_in("coco_person", &COCO_NAMES, &COCO_LIMBS);
        person.sigmas = Some(COCO_SIGMAS.to_vec());
        person
    }

    /// OpenPose's person of 18 points: COCO's and the neck, which OpenPose puts midway between the shoulders, in its order, with its limbs (Z. Cao et
    /// al., 2017). The last two limbs only help to tell people apart: they join shoulders and ears.
    pub fn openpose() -> Self {
        Skeleton::built_in("openpose", &OPENPOSE_NAMES, &OPENPOSE_LIMBS)
    }

    /// The person of 16 points of the MPII Human Pose dataset (M. Andriluka et al., 2014).
    pub fn mpii() -> Self {
        Skeleton::built_in("mpii", &MPII_NAMES, &MPII_LIMBS)
    }

    /// A skeleton of this crate. Unlike [`Skeleton::new`] this cannot fail: a test makes the same ones there.
    fn built_in(name: &str, names: &[&str], limbs: &[[usize; 2]]) -> Self {
        let place = |name: &str| names.iter().position(|other| *other == name);
        let flip = names.iter().enumerate().map(|(i, name)| place(&mirrored(name)).unwrap_or(i)).collect();
        Skeleton {
            name: name.into(),
            names: names.iter().map(|name| String::from(*name)).collect(),
            limbs: limbs.to_vec(),
            flip,
            sigmas: None,
        }
    }

    /// The skeleton of this name: `coco_person`, `openpose` or `mpii`.
    ///
    /// # Errors
    /// [`Error::Argument`] for any other name.
    pub fn by_name(name: &str) -> Result<Self> {
        match name {
            "coco_person" => Ok(Skeleton::coco_person()),
            "openpose" => Ok(Skeleton::openpose()),
            "mpii" => Ok(Skeleton::mpii()),
            _ => {
                let message = format!("expected coco_person, openpose or mpii, received {name:?}");
                Err(Error::argument("skeleton", message))
            }
        }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of the points.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The place of the point of this name.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|other| other == name)
    }

    /// How many points there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is no point.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The pairs of points that are joined.
    pub fn limbs(&self) -> &[[usize; 2]] {
        &self.limbs
    }

    /// Where each point of a mirrored object comes from; points on no side come from themselves.
    pub fn flip(&self) -> &[usize] {
        &self.flip
    }

    /// The constants of object keypoint similarity, if they are known: see [`Skeleton::with_sigmas`].
    pub fn sigmas(&self) -> Option<&[f64]> {
        self.sigmas.as_deref()
    }
}

/// What a point is called in the mirror.
fn mirrored(name: &str) -> String {
    if name.contains("left") { name.replacen("left", "right", 1) } else { name.replacen("right", "left", 1) }
}

const COCO_NAMES: [&str; 17] = [
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
];

/// Those of `person_keypoints_*.json`, counted from 0.
const COCO_LIMBS: [[usize; 2]; 19] = [
    [15, 13],
    [13, 11],
    [16, 14],
    [14, 12],
    [11, 12],
    [5, 11],
    [6, 12],
    [5, 6],
    [5, 7],
    [6, 8],
    [7, 9],
    [8, 10],
    [1, 2],
    [0, 1],
    [0, 2],
    [1, 3],
    [2, 4],
    [3, 5],
    [4, 6],
];

/// `kpt_oks_sigmas` of pycocotools, whose division gives the last bit: .26 / 10 and so on.
const COCO_SIGMAS: [f64; 17] = [
    0.26 / 10.0,
    0.25 / 10.0,
    0.25 / 10.0,
    0.35 / 10.0,
    0.35 / 10.0,
    0.79 / 10.0,
    0.79 / 10.0,
    0.72 / 10.0,
    0.72 / 10.0,
    0.62 / 10.0,
    0.62 / 10.0,
    1.07 / 10.0,
    1.07 / 10.0,
    0.87 / 10.0,
    0.87 / 10.0,
    0.89 / 10.0,
    0.89 / 10.0,
];

const OPENPOSE_NAMES: [&str; 18] = [
    "nose",
    "neck",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "right_hip",
    "right_knee",
    "right_ankle",
    "left_hip",
    "left_knee",
    "left_ankle",
    "right_eye",
    "left_eye",
    "right_ear",
    "left_ear",
];

const OPENPOSE_LIMBS: [[usize; 2]; 19] = [
    [1, 2],
    [1, 5],
    [2, 3],
    [3, 4],
    [5, 6],
    [6, 7],
    [1, 8],
    [8, 9],
    [9, 10],
    [1, 11],
    [11, 12],
    [12, 13],
    [1, 0],
    [0, 14],
    [14, 16],
    [0, 15],
    [15, 17],
    [2, 16],
    [5, 17],
];

const MPII_NAMES: [&str; 16] = [
    "right_ankle",
    "right_knee",
    "right_hip",
    "left_hip",
    "left_knee",
    "left_ankle",
    "pelvis",
    "thorax",
    "upper_neck",
    "head_top",
    "right_wrist",
    "right_elbow",
    "right_shoulder",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
];

const MPII_LIMBS: [[usize; 2]; 15] = [
    [0, 1],
    [1, 2],
    [2, 6],
    [3, 6],
    [3, 4],
    [4, 5],
    [6, 7],
    [7, 8],
    [8, 9],
    [7, 12],
    [12, 11],
    [11, 10],
    [7, 13],
    [13, 14],
    [14, 15],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_skeletons_pass_the_checks() {
        for skeleton in [Skeleton::coco_person(), Skeleton::openpose(), Skeleton::mpii()] {
            let names = skeleton.names().iter().map(String::as_str);
            let mut made = Skeleton::new(skeleton.name(), names, skeleton.limbs().iter().copied()).unwrap();
            if let Some(sigmas) = skeleton.sigmas() {
                made = made.with_sigmas(sigmas).unwrap();
            }
            assert_eq!(made, skeleton);
            assert_eq!(Skeleton::by_name(skeleton.name()).unwrap(), skeleton);
            // Mirroring twice changes nothing, and the limbs of a person are symmetrical.
            for (i, &other) in skeleton.flip().iter().enumerate() {
                assert_eq!(skeleton.flip()[other], i);
            }
            let flip = |[a, b]: [usize; 2]| [skeleton.flip()[a], skeleton.flip()[b]];
            let joins = |[a, b]: [usize; 2]| skeleton.limbs().contains(&[a, b]) || skeleton.limbs().contains(&[b, a]);
            assert!(skeleton.limbs().iter().all(|limb| joins(flip(*limb))), "{}", skeleton.name());
        }
        // The last bit of pycocotools' numbers.
        let sigmas = [0.026, 0.025, 0.035, 0.079, 0.072, 0.062, 0.107, 0.087, 0.089];
        let coco = Skeleton::coco_person();
        for sigma in coco.sigmas().unwrap() {
            assert!(sigmas.iter().any(|other| (sigma - other).abs() < 1e-16));
        }
    }

    #[test]
    fn what_is_no_skeleton_is_refused() {
        assert!(Skeleton::new("one side", ["left_hand"], []).is_err());
        assert!(Skeleton::new("twice", ["a", "a"], []).is_err());
        let text = Skeleton::new("far", ["a", "b"], [[0, 2]]).unwrap_err().to_string();
        assert!(text.contains("0..2") && text.contains("[0, 2]"), "{text}");
        assert!(Skeleton::new("ok", [], []).unwrap().is_empty());
        let ok = Skeleton::new("ok", ["a", "b"], [[0, 1]]).unwrap();
        for sigmas in [&[0.1][..], &[0.1, 0.0], &[0.1, f64::NAN]] {
            assert!(ok.clone().with_sigmas(sigmas).is_err());
        }
        assert!(Skeleton::by_name("cat").is_err());
    }
}
