//! From candidates of parts to people: OpenPose's greedy assignment (Z. Cao and others, CVPR 2017).

use ocelli_data::annotation::Skeleton;
use ocelli_tensor::{Error as TensorError, Tensor};

use super::affinity::{Fields, Limb, check_limbs, check_samples};
use super::peaks::Peak;
use crate::{Error, Result};

/// A person whose parts were joined.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// Each keypoint, or none where it was not found.
    pub keypoints: Vec<Option<Peak>>,
    /// The sum of the scores of keypoints and limbs, divided by the number of keypoints.
    pub score: f64,
}

/// Joins candidates of parts to people. For each limb the pairs of candidates are rated by the line integral of the limb's field; from the best pair
/// down each is taken whose two ends are still free, and limbs that share a candidate belong to one person. The numbers are OpenPose's.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::keypoints::{AffinityTargets, HeatmapTargets, PeakFinder, PeopleAssembler, heatmap_peaks};
/// # fn main() -> ocelli_vision::Result<()> {
/// // Two people of two keypoints whose limbs cross.
/// let people = Tensor::new([[[4.0f32, 4.0, 1.0], [24.0, 24.0, 1.0]], [[24.0, 4.0, 1.0], [4.0, 24.0, 1.0]]])?;
/// let (size, limbs) = ([32, 32], vec![[0, 1]]);
/// let peaks = heatmap_peaks(&HeatmapTargets::new(size, 1.5).encode(&people)?, &PeakFinder::default())?;
/// let fields = AffinityTargets { size, width: 1.0, limbs: limbs.clone() }.encode(&people)?;
/// let assembler = PeopleAssembler { tree: 1, limbs, min_keypoints: 2, ..PeopleAssembler::default() };
/// let found = assembler.assemble(&peaks, &fields)?;
/// assert_eq!(found.len(), 2);
/// let ends = found[0].keypoints.iter().flatten().map(|peak| peak.x).collect::<Vec<_>>();
/// assert_eq!(ends, [4.0, 24.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PeopleAssembler {
    /// The keypoints that each limb joins, in the order in which limbs are tried.
    pub limbs: Vec<[usize; 2]>,
    /// So many of the first limbs may begin a person. The rest close rings: they only join what is there.
    pub tree: usize,
    /// Places on a limb at which its field is read.
    pub samples: usize,
    /// A place supports the limb if the field's component along it is above this.
    pub min_affinity: f64,
    /// More than this part of the places support a limb.
    pub min_support: f64,
    /// People of fewer keypoints are dropped.
    pub min_keypoints: usize,
    /// People of a lower [`Person::score`] are dropped.
    pub min_score: f64,
}

impl Default for PeopleAssembler {
    fn default() -> Self {
        PeopleAssembler {
            limbs: Skeleton::openpose().limbs().to_vec(),
            tree: 17,
            samples: 10,
            min_affinity: 0.05,
            min_support: 0.8,
            min_keypoints: 4,
            min_score: 0.4,
        }
    }
}

impl PeopleAssembler {
    /// The people, best score first, of the candidates of each keypoint ([`heatmap_peaks`](super::heatmap_peaks)) and the fields `[2 · limbs, H, W]` of a
    /// network.
    ///
    /// # Errors
    /// Unless there is a field for each limb, limbs join two of the keypoints, candidates are finite and the options in their domain.
    pub fn assemble(&self, peaks: &[Vec<Peak>], fields: &Tensor) -> Result<Vec<Person>> {
        const OP: &str = "people_assembler";
        check_limbs(OP, &self.limbs, peaks.len())?;
        check_samples(OP, self.samples)?;
        if self.min_affinity.is_nan() || self.min_score.is_nan() || !(0.0..=1.0).contains(&self.min_support) {
            let message = format!(
                "expected min_affinity and min_score that are numbers and min_support in 0..=1, received {}, {} and {}",
                self.min_affinity, self.min_score, self.min_support
            );
            return Err(Error::argument(OP, message));
        }
        if let Some(peak) =
            peaks.iter().flatten().find(|p| !(p.x.is_finite() && p.y.is_finite() && p.score.is_finite()))
        {
            return Err(Error::argument(OP, format!("expected finite candidates, received {peak:?}")));
        }
        let expected = self.limbs.len();
        let fields = match Fields::read(OP, fields)? {
            read if read.limbs == expected => read,
            _ => {
                let expected = format!("fields of shape [{}, H, W], two for each limb", 2 * expected);
                return Err(TensorError::shape(OP, expected, fields.shape()).into());
            }
        };
        let mut drafts = Drafts::new(peaks);
        for (limb, &[from, to]) in self.limbs.iter().enumerate() {
            for connection in self.connections(limb, &peaks[from], &peaks[to], &fields) {
                drafts.join([from, to], connection, limb < self.tree);
            }
        }
        let mut people: Vec<Person> = drafts.people.into_iter().flatten().map(|draft| draft.person(peaks)).collect();
        people.retain(|person| {
            let found = person.keypoints.iter().flatten().count();
            found >= self.min_keypoints && person.score >= self.min_score
        });
        people.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(people)
    }

    /// The pairs that a limb joins, best first, each candidate at most once.
    fn connections(&self, limb: usize, from: &[Peak], to: &[Peak], fields: &Fields) -> Vec<Connection> {
        let mut pairs = Vec::new();
        for (i, a) in from.iter().enumerate() {
            for (j, b) in to.iter().enumerate() {
                if let Some(score) = self.affinity(limb, [a.x, a.y], [b.x, b.y], fields) {
                    pairs.push(Connection { ends: [i, j], score });
                }
            }
        }
        // A stable sort: of equal pairs that of the higher candidates comes first.
        pairs.sort_by(|a, b| b.score.total_cmp(&a.score));
        let (mut from_free, mut to_free) = (vec![true; from.len()], vec![true; to.len()]);
        pairs.retain(|&Connection { ends: [i, j], .. }| {
            let both = from_free[i] && to_free[j];
            if both {
                (from_free[i], to_free[j]) = (false, false);
            }
            both
        });
        pairs
    }

    /// How well two candidates fit together, if they do.
    fn affinity(&self, limb: usize, from: [f64; 2], to: [f64; 2], fields: &Fields) -> Option<f64> {
        let length = Limb::between(from, to)?.length;
        let (mut sum, mut support) = (0.0, 0usize);
        for value in fields.along(limb, from, to, self.samples) {
            sum += value;
            support += usize::from(value > self.min_affinity);
        }
        // Limbs longer than half of the map's height are unlikely.
        let score = sum / self.samples as f64 + (0.5 * fields.height as f64 / length - 1.0).min(0.0);
        (score > 0.0 && support as f64 > self.min_support * self.samples as f64).then_some(score)
    }
}

/// Two candidates of a limb.
struct Connection {
    ends: [usize; 2],
    score: f64,
}

/// A person in the making: a candidate of each part, and the limbs' scores.
struct Draft {
    parts: Vec<Option<usize>>,
    limbs: f64,
}

impl Draft {
    fn person(self, peaks: &[Vec<Peak>]) -> Person {
        let keypoints: Vec<Option<Peak>> =
            self.parts.iter().zip(peaks).map(|(part, peaks)| part.map(|i| peaks[i])).collect();
        let found = keypoints.iter().flatten().count() as f64;
        let scores: f64 = keypoints.iter().flatten().map(|peak| peak.score).sum();
        Person { score: (scores + self.limbs) / found, keypoints }
    }
}

/// All people in the making, and to whom each candidate belongs.
struct Drafts {
    people: Vec<Option<Draft>>,
    owners: Vec<Vec<Option<usize>>>,
}

impl Drafts {
    fn new(peaks: &[Vec<Peak>]) -> Self {
        Drafts { people: Vec::new(), owners: peaks.iter().map(|peaks| vec![None; peaks.len()]).collect() }
    }

    /// Joins the ends of a limb: they begin a person, or one comes to the other's person, or two people become one. Where that person has
    /// another candidate of the part already, the earlier limb was right.
    fn join(&mut self, [from, to]: [usize; 2], Connection { ends: [i, j], score }: Connection, may_begin: bool) {
        match (self.owners[from][i], self.owners[to][j]) {
            (None, None) if may_begin => {
                let mut parts = vec![None; self.owners.len()];
                (parts[from], parts[to]) = (Some(i), Some(j));
                let new = Some(self.people.len());
                (self.owners[from][i], self.owners[to][j]) = (new, new);
                self.people.push(Some(Draft { parts, limbs: score }));
            }
            (None, None) => {}
            (Some(person), None) => self.add(person, to, j, score),
            (None, Some(person)) => self.add(person, from, i, score),
            (Some(a), Some(b)) if a == b => {
                self.people[a].iter_mut().for_each(|draft| draft.limbs += score);
            }
            (Some(a), Some(b)) => self.merge(a, b, score),
        }
    }

    fn add(&mut self, person: usize, part: usize, candidate: usize, score: f64) {
        if let Some(draft) = self.people[person].as_mut().filter(|draft| draft.parts[part].is_none()) {
            draft.parts[part] = Some(candidate);
            draft.limbs += score;
            self.owners[part][candidate] = Some(person);
        }
    }

    fn merge(&mut self, a: usize, b: usize, score: f64) {
        let Some(second) = self.people[b].take() else { return };
        let fits = |first: &Draft| first.parts.iter().zip(&second.parts).all(|(p, q)| p.is_none() || q.is_none());
        let Some(first) = self.people[a].as_mut().filter(|first| fits(first)) else {
            self.people[b] = Some(second);
            return;
        };
        first.limbs += second.limbs + score;
        for (part, candidate) in second.parts.iter().enumerate() {
            if let Some(candidate) = *candidate {
                first.parts[part] = Some(candidate);
                self.owners[part][candidate] = Some(a);
            }
        }
    }
}
