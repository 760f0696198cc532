//! What the loader promises: the same batches whatever the number of workers, and a clean end whatever happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ocelli_data::{DataLoader, Dataset, Error, Result, SampleRng, VecDataset};

fn numbers(count: usize) -> VecDataset<usize> {
    VecDataset::new((0..count).collect())
}

/// A batch is the samples themselves.
fn keep<T: Send>(items: Vec<T>) -> Result<Vec<T>> {
    Ok(items)
}

/// Samples with random numbers, some of which take longer to read than others.
fn augmented(count: usize) -> impl Dataset<Item = (usize, f64)> {
    numbers(count).map_random(|x, rng: &mut SampleRng| {
        if x % 5 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok((x, rng.uniform(-1.0, 1.0)?))
    })
}

#[test]
fn batches_do_not_depend_on_workers() {
    let run = |workers, prefetch| {
        let loader = DataLoader::new(augmented(101), 8)
            .unwrap()
            .collate(keep)
            .shuffle(true)
            .seed(7)
            .workers(workers)
            .prefetch(prefetch);
        assert_eq!((loader.len(), loader.samples()), (13, 101));
        [0, 1].map(|epoch| loader.epoch(epoch).collect::<Result<Vec<_>>>().unwrap())
    };
    let [first, second] = run(0, 1);
    assert_eq!(first.len(), 13);
    assert_eq!(first[12].len(), 5);
    let mut seen: Vec<usize> = first.iter().flatten().map(|sample| sample.0).collect();
    assert_ne!(seen, (0..101).collect::<Vec<_>>());
    seen.sort_unstable();
    assert_eq!(seen, (0..101).collect::<Vec<_>>());
    // Another epoch has another order, and other random numbers for the same sample.
    assert_ne!(first, second);
    let of_sample_3 =
        |epoch: &[Vec<(usize, f64)>]| epoch.iter().flatten().find(|sample| sample.0 == 3).map(|sample| sample.1);
    assert_ne!(of_sample_3(&first), of_sample_3(&second));
    for (workers, prefetch) in [(0, 3), (1, 1), (2, 1), (3, 2), (64, 4)] {
        assert_eq!(run(workers, prefetch), [first.clone(), second.clone()]);
    }
}

#[test]
fn an_epoch_resumes_in_the_middle_without_reading_what_was_before() {
    let reads = Arc::new(AtomicUsize::new(0));
    for workers in [0, 2] {
        let counted = reads.clone();
        let data = augmented(50).map(move |sample| {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok(sample)
        });
        let loader = DataLoader::new(data, 8).unwrap().collate(keep).shuffle(true).drop_last(true).workers(workers);
        assert_eq!((loader.len(), loader.samples()), (6, 48));
        let whole: Vec<_> = loader.epoch(3).map(|batch| batch.unwrap()).collect();
        reads.store(0, Ordering::Relaxed);
        let mut rest = loader.epoch_from(3, 4);
        assert_eq!(rest.position(), 4);
        let batches: Vec<_> = rest.by_ref().map(|batch| batch.unwrap()).collect();
        assert_eq!(batches, whole[4..]);
        assert_eq!(rest.position(), 6);
        assert_eq!(reads.load(Ordering::Relaxed), 16);
        assert!(loader.epoch_from(3, 6).next().is_none());
        assert!(loader.epoch_from(3, 100).next().is_none());
    }
}

#[test]
fn a_failing_sample_ends_the_epoch_with_its_number() {
    for workers in [0, 1, 3] {
        let data = numbers(40).map(|x| {
            if x == 21 {
                let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
                return Err(Error::io("pictures/21.png", missing));
            }
            Ok(x)
        });
        let loader = DataLoader::new(data, 4).unwrap().collate(keep).workers(workers);
        let mut epoch = loader.epoch(0);
        for batch in 0..5 {
            assert_eq!(epoch.next().unwrap().unwrap()[0], batch * 4);
        }
        let text = epoch.next().unwrap().unwrap_err().to_string();
        assert!(text.starts_with("sample 21: pictures/21.png: "), "{text}");
        assert!(epoch.next().is_none());
        assert_eq!(epoch.position(), 5);
    }
}

#[test]
fn a_panic_ends_the_epoch_with_an_error() {
    for workers in [0, 2] {
        let data = numbers(40).map(|x| {
            assert!(x != 9, "nine is broken");
            Ok(x)
        });
        let loader = DataLoader::new(data, 4).unwrap().collate(keep).workers(workers);
        let mut epoch = loader.epoch(0);
        assert!(epoch.next().unwrap().is_ok() && epoch.next().unwrap().is_ok());
        let text = epoch.next().unwrap().unwrap_err().to_string();
        let expected = "a data loading worker failed at sample 9: panicked: nine is broken";
        assert_eq!(text, expected);
        assert!(epoch.next().is_none());

        let loader = DataLoader::new(numbers(40), 4).unwrap().workers(workers).collate(|items: Vec<usize>| {
            if items[0] == 4 {
                return Err(Error::argument("collate", "no"));
            }
            assert!(items[0] != 8, "eight");
            Ok(items)
        });
        let text = loader.epoch(0).nth(1).unwrap().unwrap_err().to_string();
        assert_eq!(text, "batch 1: collate: no");
        let text = loader.epoch_from(0, 2).next().unwrap().unwrap_err().to_string();
        assert!(text.contains("failed at batch 2: panicked: eight"), "{text}");
    }
}

#[test]
fn dropping_an_epoch_stops_the_workers() {
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = reads.clone();
    let data = numbers(100_000).map(move |x| {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(x)
    });
    let loader = DataLoader::new(data, 10).unwrap().collate(keep).workers(3).prefetch(2);
    for taken in [0, 1, 5] {
        reads.store(0, Ordering::SeqCst);
        let mut epoch = loader.epoch(0);
        for _ in 0..taken {
            epoch.next().unwrap().unwrap();
        }
        // Workers that wait for room are woken, too.
        if taken == 5 {
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(epoch);
        let after = reads.load(Ordering::SeqCst);
        assert!(after <= (taken + 6) * 10, "{after} reads, {taken} taken");
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(reads.load(Ordering::SeqCst), after);
    }
}

#[test]
fn empty_and_misused_loaders() {
    assert!(DataLoader::new(numbers(3), 0).is_err());
    let empty = DataLoader::new(numbers(0), 4).unwrap().collate(keep).workers(2);
    assert!(empty.is_empty() && empty.epoch(0).next().is_none());
    let small = DataLoader::new(numbers(3), 4).unwrap().collate(keep).drop_last(true);
    assert!(small.is_empty() && small.epoch(0).next().is_none());
    let small = small.clone().drop_last(false);
    assert_eq!(small.epoch(0).next().unwrap().unwrap(), [0, 1, 2]);
}
