//! Combinators of combinators: which sample comes, and whose random numbers it draws.

use std::sync::Arc;

use ocelli_data::{Concat, Dataset, Error, Result, SampleRng, VecDataset, mnist, split, stratified_split};

/// Samples that are the random number they were given.
struct Dice(usize);

impl Dataset for Dice {
    type Item = (usize, f64);
    fn len(&self) -> usize {
        self.0
    }
    fn get(&self, index: usize) -> Result<(usize, f64)> {
        if index >= self.0 {
            return Err(Error::Index { index, len: self.0 });
        }
        Ok((index, -1.0))
    }
    fn get_random(&self, index: usize, rng: &mut SampleRng) -> Result<(usize, f64)> {
        Ok((self.get(index)?.0, rng.uniform(0.0, 1.0)?))
    }
}

#[test]
fn every_combinator_passes_the_random_numbers_on() {
    fn check(data: impl Dataset<Item = (usize, f64)>, expected_index: usize) {
        let rng = || SampleRng::new(5, 6, 7);
        let expected = rng().uniform(0.0, 1.0).unwrap();
        let drawn = data.get_random(1, &mut rng()).unwrap();
        assert_eq!(drawn, (expected_index, expected));
        assert_eq!(data.get(1).unwrap(), (expected_index, -1.0));
        assert!(data.get(data.len()).is_err());
        assert!(data.get_random(data.len(), &mut rng()).is_err());
    }
    check(Dice(4), 1);
    let dice = &Dice(4);
    check(dice, 1);
    check(Box::new(Dice(4)) as Box<dyn Dataset<Item = (usize, f64)>>, 1);
    check(Arc::new(Dice(4)), 1);
    check(Dice(4).map(Ok), 1);
    check(Dice(4).subset(vec![3, 2]).unwrap(), 2);
    check(Concat::new(vec![Dice(1), Dice(2)]), 0);
    let parts = split(Dice(8), &[0.5, 0.5], 1).unwrap();
    check(&parts[1], parts[1].indices()[1]);
}

#[test]
fn random_changes_draw_after_what_they_wrap() {
    let data = Dice(3).map_random(|(index, first), rng| Ok((index, first, rng.uniform(0.0, 1.0)?)));
    let mut rng = SampleRng::new(1, 2, 3);
    let (first, second) = (rng.uniform(0.0, 1.0).unwrap(), rng.uniform(0.0, 1.0).unwrap());
    let drawn = data.get_random(2, &mut SampleRng::new(1, 2, 3)).unwrap();
    assert_eq!(drawn, (2, first, second));
    // Without random numbers of the caller's, the same come each time.
    assert_eq!(data.get(2).unwrap(), data.get(2).unwrap());
    assert_ne!(data.get(1).unwrap().2, data.get(2).unwrap().2);
}

#[test]
fn subsets_name_the_index_that_is_missing() {
    let data = VecDataset::new(vec!['a', 'b', 'c']);
    let repeated = data.clone().subset(vec![2, 2, 0]).unwrap();
    let items: Vec<char> = (0..3).map(|i| repeated.get(i).unwrap()).collect();
    assert_eq!(items, ['c', 'c', 'a']);
    let text = data.subset(vec![0, 3]).unwrap_err().to_string();
    assert_eq!(text, "expected an index in 0..3, received 3");
}

#[test]
fn digits_split_by_class() {
    let (_, test) = mnist::embedded().unwrap();
    let test = Arc::new(test);
    let parts = stratified_split(test.clone(), &[0.5, 0.5], 3, |i| test.label(i)).unwrap();
    let count =
        |part: usize, digit: usize| (0..parts[part].len()).filter(|&i| parts[part].get(i).unwrap().1 == digit).count();
    for digit in 0..10 {
        assert!(count(0, digit).abs_diff(count(1, digit)) <= 1);
    }
    assert_eq!(parts[0].len() + parts[1].len(), 2_000);
}
