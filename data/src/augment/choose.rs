//! Changes of which some are drawn.

use serde::{Deserialize, Serialize};

use super::check_probability;
use super::{Augment, Compose, Transform};
use crate::random::shuffle_by;
use crate::{Error, Result, Sample, SampleRng};

/// One change of which some are drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// How likely it is beside the others: at least 0. What they add up to does not matter.
    #[serde(default = "equal")]
    pub weight: f64,
    /// The change.
    pub transform: Transform,
}

fn equal() -> f64 {
    1.0
}

/// Makes one of several changes: Albumentations' `OneOf` and torchvision's `RandomChoice`. Without any, the sample stays as it is.
///
/// ```
/// use ocelli_data::augment::{Augment, HorizontalFlip, OneOf, VerticalFlip};
/// use ocelli_data::{Image, SampleRng};
/// # fn main() -> ocelli_data::Result<()> {
/// // Three times as often left and right as up and down.
/// let flip = OneOf::new()
///     .weighted(3.0, HorizontalFlip { probability: 1.0, ..HorizontalFlip::default() })
///     .weighted(1.0, VerticalFlip { probability: 1.0, ..VerticalFlip::default() });
/// let image = Image::from_u8([2, 2, 1], vec![1, 2, 3, 4])?;
/// let flipped = flip.apply_image(image, &mut SampleRng::new(0, 0, 0))?;
/// let (across, down) = (Image::from_u8([2, 2, 1], vec![2, 1, 4, 3])?, Image::from_u8([2, 2, 1], vec![3, 4, 1, 2])?);
/// assert!(flipped == across || flipped == down);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneOf {
    /// The changes.
    pub choices: Vec<Choice>,
}

impl OneOf {
    /// No change yet.
    pub fn new() -> Self {
        OneOf::default()
    }

    /// Adds a change of weight 1.
    pub fn or(self, transform: impl Into<Transform>) -> Self {
        self.weighted(1.0, transform)
    }

    /// Adds a change of this weight.
    pub fn weighted(mut self, weight: f64, transform: impl Into<Transform>) -> Self {
        self.choices.push(Choice { weight, transform: transform.into() });
        self
    }
}

impl Augment for OneOf {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        let mut weights = weights("one of", &self.choices)?;
        if weights.is_empty() {
            return Ok(sample);
        }
        let chosen = draw("one of", &mut weights, false, rng)?;
        self.choices[chosen].transform.apply(sample, rng)
    }
}

/// Makes a number of several changes, one after the other: Albumentations' `SomeOf`.
///
/// ```
/// use ocelli_data::augment::{Augment, HorizontalFlip, QuarterTurn, SomeOf, VerticalFlip};
/// use ocelli_data::{Image, SampleRng};
/// # fn main() -> ocelli_data::Result<()> {
/// let two = SomeOf::new(2).or(HorizontalFlip::default()).or(VerticalFlip::default()).or(QuarterTurn::default());
/// let image = Image::from_u8([3, 3, 1], vec![7; 9])?;
/// assert_eq!(two.apply_image(image.clone(), &mut SampleRng::new(0, 0, 0))?, image);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SomeOf {
    /// How many are made, at most 1024.
    pub count: usize,
    /// The changes.
    pub choices: Vec<Choice>,
    /// Whether one may be drawn several times; otherwise there have to be `count` of a weight above 0.
    #[serde(default)]
    pub replacement: bool,
    /// Whether they are made in the order in which they are drawn; otherwise in that of the list.
    #[serde(default)]
    pub shuffled: bool,
}

/// The most changes of a [`SomeOf`].
const MOST: usize = 1024;

impl SomeOf {
    /// So many of no changes yet, each at most once, in the order of the list.
    pub fn new(count: usize) -> Self {
        SomeOf { count, choices: Vec::new(), replacement: false, shuffled: false }
    }

    /// Adds a change of weight 1.
    pub fn or(self, transform: impl Into<Transform>) -> Self {
        self.weighted(1.0, transform)
    }

    /// Adds a change of this weight.
    pub fn weighted(mut self, weight: f64, transform: impl Into<Transform>) -> Self {
        self.choices.push(Choice { weight, transform: transform.into() });
        self
    }
}

impl Augment for SomeOf {
    fn apply(&self, mut sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        const OP: &str = "some of";
        let mut weights = weights(OP, &self.choices)?;
        let possible = weights.iter().filter(|&&weight| weight > 0.0).count();
        let most = match possible {
            0 => 0,
            _ if self.replacement => MOST,
            _ => possible.min(MOST),
        };
        if self.count > most {
            let message = format!("expected a count of at most {most} of {possible} changes, received {}", self.count);
            return Err(Error::argument(OP, message));
        }
        let mut chosen = Vec::with_capacity(self.count);
        for _ in 0..self.count {
            chosen.push(draw(OP, &mut weights, !self.replacement, rng)?);
        }
        if !self.shuffled {
            chosen.sort_unstable();
        }
        for choice in chosen {
            sample = self.choices[choice].transform.apply(sample, rng)?;
        }
        Ok(sample)
    }
}

/// Makes all of several changes, or none: torchvision's `RandomApply`. ([`Compose::sometimes`] says the same of one step of a chain.)
///
/// ```
/// use ocelli_data::augment::{Augment, Compose, HorizontalFlip, RandomApply, Resize};
/// use ocelli_data::{Image, SampleRng};
/// # fn main() -> ocelli_data::Result<()> {
/// let never = RandomApply::new(0.0, Compose::new().then(Resize::new(9, 9)).then(HorizontalFlip::default()));
/// let image = Image::from_u8([1, 2, 1], vec![1, 2])?;
/// assert_eq!(never.apply_image(image.clone(), &mut SampleRng::new(0, 0, 0))?, image);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomApply {
    /// How often they are made.
    pub probability: f64,
    /// The changes.
    pub transforms: Compose,
}

impl RandomApply {
    /// These changes, with a probability.
    pub fn new(probability: f64, transforms: Compose) -> Self {
        RandomApply { probability, transforms }
    }
}

impl Augment for RandomApply {
    fn apply(&self, sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        check_probability(self.probability)?;
        if rng.chance(self.probability) { self.transforms.apply(sample, rng) } else { Ok(sample) }
    }
}

/// Makes changes in an order that is drawn, each order as often as the others: torchvision's `RandomOrder`.
///
/// ```
/// use ocelli_data::augment::{Augment, Compose, HorizontalFlip, RandomOrder, VerticalFlip};
/// use ocelli_data::{Image, SampleRng};
/// # fn main() -> ocelli_data::Result<()> {
/// let both = RandomOrder::new(Compose::new().then(HorizontalFlip::default()).then(VerticalFlip::default()));
/// let image = Image::from_u8([1, 1, 1], vec![1])?;
/// assert_eq!(both.apply_image(image.clone(), &mut SampleRng::new(0, 0, 0))?, image);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomOrder {
    /// The changes, each with its own probability.
    pub transforms: Compose,
}

impl RandomOrder {
    /// These changes, in any order.
    pub fn new(transforms: Compose) -> Self {
        RandomOrder { transforms }
    }
}

impl Augment for RandomOrder {
    fn apply(&self, mut sample: Sample, rng: &mut SampleRng) -> Result<Sample> {
        let mut order: Vec<_> = self.transforms.steps.iter().collect();
        shuffle_by(&mut order, rng);
        for step in order {
            sample = step.apply(sample, rng)?;
        }
        Ok(sample)
    }
}

/// The weights of all choices; an error unless they and their sum are finite and not negative.
fn weights(op: &'static str, choices: &[Choice]) -> Result<Vec<f64>> {
    let weights: Vec<f64> = choices.iter().map(|choice| choice.weight).collect();
    if weights.iter().all(|&weight| weight >= 0.0) && weights.iter().sum::<f64>().is_finite() {
        return Ok(weights);
    }
    Err(Error::argument(op, format!("expected finite weights of at least 0, received {weights:?}")))
}

/// Draws a number by weight, which then has no weight any more if it is `taken` out.
fn draw(op: &'static str, weights: &mut [f64], taken: bool, rng: &mut SampleRng) -> Result<usize> {
    let mut left = rng.unit() * weights.iter().sum::<f64>();
    let mut chosen = None;
    for (i, &weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
        // The last one if rounding leaves something over.
        chosen = Some(i);
        if left < weight {
            break;
        }
        left -= weight;
    }
    let Some(chosen) = chosen else {
        return Err(Error::argument(op, format!("expected a weight above 0, received {weights:?}")));
    };
    if taken {
        weights[chosen] = 0.0;
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::Pad;
    use crate::{Image, Pixels};

    /// Changes that leave a trace: a border to the left of this value.
    fn mark(value: f64) -> Pad {
        Pad { left: 1, ..Pad::new(0, crate::augment::Fill::Constant(value)) }
    }

    /// The marks that were left, the latest first.
    fn marks(change: &dyn Augment, index: u64) -> Vec<u8> {
        let image = Image::from_u8([1, 1, 1], vec![0]).unwrap();
        match change.apply_image(image, &mut SampleRng::new(0, 0, index)).unwrap().into_pixels() {
            Pixels::U8(mut pixels) => {
                pixels.pop();
                pixels
            }
            Pixels::F32(_) => panic!("bytes stay bytes"),
        }
    }

    fn count(change: &dyn Augment, wanted: &[u8]) -> usize {
        (0..2000).filter(|&i| marks(change, i) == wanted).count()
    }

    #[test]
    fn one_is_drawn_by_weight() {
        let one = OneOf::new().weighted(1.0, mark(1.0)).weighted(0.0, mark(2.0)).weighted(3.0, mark(3.0));
        let counts = [1, 2, 3].map(|mark| count(&one, &[mark]));
        // Standard deviation 19.
        assert!((420..580).contains(&counts[0]) && counts[1] == 0, "{counts:?}");
        assert_eq!(counts[0] + counts[2], 2000);
        assert_eq!(count(&OneOf::new(), &[]), 2000);
    }

    #[test]
    fn some_are_drawn_in_order_or_not() {
        let three = |some: SomeOf| some.or(mark(1.0)).or(mark(2.0)).or(mark(3.0));
        let ordered = three(SomeOf::new(2));
        let counts = [[2, 1], [3, 1], [3, 2]].map(|pair| count(&ordered, &pair));
        assert_eq!(counts.iter().sum::<usize>(), 2000);
        // Each 667 ± 21.
        assert!(counts.iter().all(|count| (580..755).contains(count)), "{counts:?}");
        let shuffled = SomeOf { shuffled: true, ..ordered.clone() };
        let pairs = [[1, 2], [2, 1], [1, 3], [3, 1], [2, 3], [3, 2]].map(|pair| count(&shuffled, &pair));
        assert_eq!(pairs.iter().sum::<usize>(), 2000);
        // Each 333 ± 17.
        assert!(pairs.iter().all(|count| (260..405).contains(count)), "{pairs:?}");
        let again = SomeOf { replacement: true, ..three(SomeOf::new(4)) };
        // 3 of the 81 ways have one mark alone: 74 ± 8.
        let same: usize = [1, 2, 3].iter().map(|&mark| count(&again, &[mark; 4])).sum();
        assert!((38..110).contains(&same), "{same}");
        assert_eq!(count(&three(SomeOf::new(0)), &[]), 2000);
        assert_eq!(count(&three(SomeOf::new(3)), &[3, 2, 1]), 2000);
    }

    #[test]
    fn all_or_none_and_any_order() {
        let both = Compose::new().then(mark(1.0)).then(mark(2.0));
        let half = RandomApply::new(0.5, both.clone());
        let made = count(&half, &[2, 1]);
        // Standard deviation 22.
        assert!((900..1100).contains(&made), "{made}");
        assert_eq!(made + count(&half, &[]), 2000);
        let any = RandomOrder::new(both);
        let first = count(&any, &[1, 2]);
        assert!((900..1100).contains(&first), "{first}");
        assert_eq!(first + count(&any, &[2, 1]), 2000);
        let rare = RandomOrder::new(Compose::new().sometimes(0.25, mark(1.0)));
        let made = count(&rare, &[1]);
        assert!((420..580).contains(&made), "{made}");
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        let image = Image::from_u8([1, 1, 1], vec![0]).unwrap();
        let refused = |change: &dyn Augment| {
            let rng = &mut SampleRng::new(0, 0, 0);
            change.apply_image(image.clone(), rng).unwrap_err().to_string()
        };
        for weight in [-1.0, f64::NAN, f64::INFINITY] {
            let text = refused(&OneOf::new().weighted(weight, mark(1.0)));
            assert!(text.starts_with("one of: expected finite weights"), "{text}");
        }
        refused(&OneOf::new().weighted(f64::MAX, mark(1.0)).weighted(f64::MAX, mark(1.0)));
        refused(&OneOf::new().weighted(0.0, mark(1.0)));
        let text = refused(&SomeOf::new(2).or(mark(1.0)).weighted(0.0, mark(2.0)));
        assert!(text.ends_with("at most 1 of 1 changes, received 2"), "{text}");
        refused(&SomeOf { replacement: true, ..SomeOf::new(2000).or(mark(1.0)) });
        refused(&SomeOf { replacement: true, ..SomeOf::new(1) });
        refused(&RandomApply::new(1.5, Compose::new()));
        refused(&RandomOrder::new(Compose::new().sometimes(-0.5, mark(1.0))));
    }

    #[test]
    fn choices_come_back_from_json() {
        let text = r#"{"count": 1, "choices": [{"transform": {"type": "one_of", "choices": []}}]}"#;
        let read: SomeOf = serde_json::from_str(text).unwrap();
        assert_eq!(read, SomeOf::new(1).or(OneOf::new()));
        let chain = Compose::new()
            .then(read)
            .then(RandomApply::new(0.5, Compose::new().then(mark(1.0))))
            .then(RandomOrder::new(Compose::new().then(OneOf::new().weighted(2.0, mark(2.0)))));
        let text = serde_json::to_string(&chain).unwrap();
        assert_eq!(serde_json::from_str::<Compose>(&text).unwrap(), chain);
    }
}
