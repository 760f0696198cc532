//! What the loader promises beyond order: it resumes, skips what is broken, and tells how it fares.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ocelli_data::generated::{MovingDigits, Shapes};
use ocelli_data::sampler::{Buckets, ClassBalanced, Random, Repeat, Sampler, Shard, Weighted};
use ocelli_data::{
    Broken, DataLoader, Dataset, Error, LabelledDataset, Lists, LoaderState, LoaderStats, Pad, Progress, Result,
    SampleRng, StackClips, VecDataset,
};

type Numbers = Vec<(usize, f64)>;

fn keep<T: Send>(items: Vec<T>) -> Result<Vec<T>> {
    Ok(items)
}

/// Samples with random numbers of their own; every third takes longer.
fn drawn(count: usize) -> impl Dataset<Item = (usize, f64)> {
    VecDataset::new((0..count).collect()).map_random(|x, rng: &mut SampleRng| {
        if x % 3 == 0 {
            std::thread::sleep(Duration::from_micros(300));
        }
        Ok((x, rng.uniform(0.0, 1.0)?))
    })
}

/// As `drawn`, but some samples cannot be read.
fn fragile(count: usize, broken: impl Fn(usize) -> bool + Send + Sync) -> impl Dataset<Item = (usize, f64)> {
    drawn(count).map(move |(x, y)| {
        if broken(x) {
            let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(Error::io(format!("pictures/{x}.png"), missing));
        }
        Ok((x, y))
    })
}

#[test]
fn any_sampler_gives_the_same_batches_for_any_number_of_workers_and_after_a_resume() {
    let labels: Vec<usize> = (0..60).map(|i| usize::from(i % 7 == 0)).collect();
    let samplers: [Arc<dyn Sampler>; 6] = [
        Arc::new(Random::new(60)),
        Arc::new(Random::with_replacement(60, 90).unwrap()),
        Arc::new(Weighted::with_replacement((0..60).map(f64::from).collect(), 70).unwrap()),
        Arc::new(ClassBalanced::new(&labels, 80).unwrap()),
        Arc::new(Buckets::new((0..60).map(|i| i % 4).collect(), true)),
        Arc::new(Repeat::new(Shard::new(Random::new(60), 1, 3).unwrap(), 3)),
    ];
    for sampler in samplers {
        for drop_last in [false, true] {
            let loader = |workers| {
                DataLoader::new(drawn(60), 7)
                    .unwrap()
                    .collate(keep)
                    .sampler(sampler.clone())
                    .seed(11)
                    .drop_last(drop_last)
                    .workers(workers)
            };
            let whole: Vec<Numbers> = loader(0).epoch(2).collect::<Result<_>>().unwrap();
            assert_eq!((whole.len(), whole.concat().len()), (loader(0).len(), loader(0).samples()));
            assert_ne!(whole, loader(0).epoch(3).collect::<Result<Vec<_>>>().unwrap());
            for workers in [1, 4] {
                assert_eq!(loader(workers).epoch(2).collect::<Result<Vec<_>>>().unwrap(), whole);
            }
            for stop in [0, 1, 4, whole.len()] {
                let mut begun = loader(stop % 3).epoch(2);
                assert_eq!(begun.by_ref().take(stop).collect::<Result<Vec<_>>>().unwrap(), whole[..stop]);
                let text = serde_json::to_string(&begun.state()).unwrap();
                drop(begun);
                let state: LoaderState = serde_json::from_str(&text).unwrap();
                let rest = loader(3 - stop % 3).resume(&state).unwrap();
                assert_eq!(rest.position(), stop);
                assert_eq!(rest.collect::<Result<Vec<_>>>().unwrap(), whole[stop..]);
            }
        }
    }
}

#[test]
fn a_sample_that_comes_again_is_augmented_anew() {
    let sampler = Repeat::new(Random::new(10), 3);
    let loader = DataLoader::new(drawn(10), 4).unwrap().collate(keep).sampler(sampler).seed(1);
    let epoch: Numbers = loader.epoch(0).collect::<Result<Vec<_>>>().unwrap().concat();
    for sample in 0..10 {
        let mut numbers: Vec<f64> = epoch.iter().filter(|(x, _)| *x == sample).map(|(_, y)| *y).collect();
        numbers.sort_by(f64::total_cmp);
        numbers.dedup();
        assert_eq!(numbers.len(), 3);
    }
    // The first time it draws what it would draw if it came once.
    let once: Numbers = loader.sampler(Random::new(10)).epoch(0).collect::<Result<Vec<_>>>().unwrap().concat();
    assert!(once.iter().all(|sample| epoch.contains(sample)));
}

#[test]
fn other_data_cannot_resume() {
    let loader = DataLoader::new(drawn(40), 4).unwrap().collate(keep).shuffle(true).seed(5);
    let mut epoch = loader.epoch(1);
    epoch.next().unwrap().unwrap();
    let state = epoch.state();
    assert_eq!((state.seed, state.epoch, state.batch, state.skipped), (5, 1, 1, 0));
    let others = [
        loader.clone().seed(6),
        loader.clone().shuffle(false),
        loader.clone().sampler(Random::with_replacement(40, 40).unwrap()),
        DataLoader::shared(loader.dataset().clone(), 5).unwrap().collate(keep).shuffle(true).seed(5),
    ];
    for other in others {
        let text = other.resume(&state).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(text.starts_with("resume: expected"), "{text:?}");
    }
    assert!(DataLoader::new(drawn(41), 4).unwrap().collate(keep).shuffle(true).seed(5).resume(&state).is_err());
    assert!(loader.resume(&LoaderState { batch: 11, ..state }).is_err());
    assert!(loader.resume(&LoaderState { batch: 10, ..state }).unwrap().next().is_none());
}

#[test]
fn broken_samples_are_left_out_and_counted() {
    // All of batch 2 is broken, too.
    let broken = |x: usize| x % 10 == 3 || (8..12).contains(&x);
    let expected: Vec<usize> = (0..40).filter(|&x| broken(x)).collect();
    let mut all: Option<Vec<Numbers>> = None;
    for workers in [0, 1, 4] {
        let loader = DataLoader::new(fragile(40, broken), 4)
            .unwrap()
            .collate(keep)
            .broken(Broken::Skip { most: expected.len() })
            .workers(workers);
        let mut epoch = loader.epoch(0);
        let batches: Vec<Numbers> = epoch.by_ref().collect::<Result<_>>().unwrap();
        assert_eq!(epoch.skipped().iter().map(|one| one.index).collect::<Vec<_>>(), expected);
        assert!(epoch.skipped()[0].error.to_string().starts_with("pictures/3.png: "));
        assert_eq!((epoch.stats().skipped, epoch.stats().samples), (expected.len(), 40 - expected.len()));
        assert_eq!((batches.len(), epoch.position()), (9, 10));
        assert!(batches.concat().iter().all(|(x, _)| !broken(*x)));
        assert_eq!(all.get_or_insert(batches.clone()), &batches);

        // One less is allowed: the last one ends the epoch, after all batches before it, whoever read it first.
        let strict = loader.clone().broken(Broken::Skip { most: expected.len() - 1 });
        let mut epoch = strict.epoch(0);
        let read: Vec<Result<Numbers>> = epoch.by_ref().collect();
        assert_eq!(read.len(), 8);
        assert!(read[..7].iter().zip(&batches).all(|(read, batch)| read.as_ref().unwrap() == batch));
        let text = read[7].as_ref().unwrap_err().to_string();
        assert!(text.starts_with("sample 33: pictures/33.png: "), "{text}");

        // What was left out before an interruption counts after it.
        let mut epoch = strict.epoch(0);
        epoch.by_ref().take(5).try_for_each(|batch| batch.map(drop)).unwrap();
        let state = epoch.state();
        assert_eq!((state.batch, state.skipped), (6, 7));
        let rest: Vec<Result<Numbers>> = strict.resume(&state).unwrap().collect();
        assert!(rest.len() == 3 && rest[2].is_err());
        // By default the first one ends the epoch.
        let text = loader.broken(Broken::Fail).epoch(0).next().unwrap().unwrap_err().to_string();
        assert!(text.starts_with("sample 3: pictures/3.png: "), "{text}");
    }
}

#[test]
fn panics_are_never_skipped_and_missing_numbers_are_errors() {
    for workers in [0, 1, 4] {
        let panicking = VecDataset::new((0..20usize).collect()).map(|x| {
            assert!(x != 9, "nine");
            Ok(x)
        });
        let loader = DataLoader::new(panicking, 4).unwrap().collate(keep).workers(workers);
        let read: Vec<Result<Vec<usize>>> = loader.broken(Broken::Skip { most: 20 }).epoch(0).collect();
        assert_eq!(read.len(), 3);
        let text = read[2].as_ref().unwrap_err().to_string();
        assert_eq!(text, "a data loading worker failed at sample 9: panicked: nine");

        let loader = DataLoader::new(drawn(5), 3).unwrap().collate(keep).workers(workers).sampler(Random::new(6));
        let read: Vec<Result<Numbers>> = loader.epoch(0).collect();
        let text = read.last().unwrap().as_ref().unwrap_err().to_string();
        assert_eq!(text, "sample 5: expected an index in 0..5, received 5");
    }
}

#[test]
fn progress_and_times_are_told() {
    let slow = |count| {
        VecDataset::new((0..count).collect::<Vec<usize>>()).map(|x| {
            std::thread::sleep(Duration::from_millis(2));
            Ok(x)
        })
    };
    for workers in [0, 2] {
        let seen: Arc<Mutex<Vec<Progress>>> = Arc::default();
        let told = seen.clone();
        let loader = DataLoader::new(slow(22), 4)
            .unwrap()
            .collate(keep)
            .workers(workers)
            .prefetch(1)
            .on_batch(move |progress| told.lock().unwrap().push(*progress));
        let mut epoch = loader.epoch_from(7, 1);
        // The workers wait for the caller.
        std::thread::sleep(Duration::from_millis(300));
        epoch.by_ref().try_for_each(|batch| batch.map(drop)).unwrap();
        let seen = seen.lock().unwrap();
        assert_eq!(seen.iter().map(|progress| progress.batch).collect::<Vec<_>>(), [2, 3, 4, 5, 6]);
        assert_eq!(seen.iter().map(|progress| progress.samples).collect::<Vec<_>>(), [4, 4, 4, 4, 2]);
        assert!(seen.iter().all(|progress| progress.epoch == 7 && progress.batches == 6));
        let stats = epoch.stats();
        assert_eq!((stats.batches, stats.samples, stats.skipped), (5, 18, 0));
        // 18 samples of 2 ms.
        assert!(stats.reading >= Duration::from_millis(36), "{stats:?}");
        if workers == 0 {
            assert_eq!((stats.waited, stats.idle), (stats.reading, Duration::ZERO));
        } else {
            assert!(stats.idle >= Duration::from_millis(100), "{stats:?}");
            assert!(stats.waited > Duration::ZERO && stats.waited < stats.reading, "{stats:?}");
        }
        // The loader knows of it, then and after another epoch; its clone has done nothing.
        assert_eq!(LoaderStats { idle: stats.idle, ..loader.stats() }, stats);
        drop((epoch, seen));
        loader.epoch(8).take(2).try_for_each(|batch| batch.map(drop)).unwrap();
        let both = loader.stats();
        assert_eq!((both.batches, both.samples), (7, 26));
        assert!(both.reading >= stats.reading + Duration::from_millis(16), "{stats:?} {both:?}");
        assert_eq!(loader.clone().stats(), LoaderStats::default());
    }
}

#[test]
fn pictures_of_all_kinds_become_batches() {
    let shapes = Shapes { samples: 30, size: [32, 48], ..Shapes::default() };
    let names = shapes.class_names().to_vec();
    let loader = DataLoader::new(shapes.clone(), 8).unwrap().shuffle(true).workers(2);
    let order = loader.order(0);
    let (padded, lists) = (loader.clone().collate(Pad::default()), loader.collate(Lists));
    for (number, (padded, lists)) in padded.epoch(0).zip(lists.epoch(0)).enumerate() {
        let (padded, lists) = (padded.unwrap(), lists.unwrap());
        let all: Vec<f32> = padded.images.to_vec().unwrap();
        let each: Vec<f32> = lists.images.iter().flat_map(|image| image.to_vec::<f32>().unwrap()).collect();
        assert_eq!(all, each);
        assert_eq!(padded.labels, lists.labels);
        for (place, labels) in lists.labels.iter().enumerate() {
            assert_eq!(*labels, shapes.record(order[number * 8 + place]).unwrap().labels);
            assert!(labels.classes.iter().all(|&class| class < names.len()));
        }
    }
    let digits = MovingDigits { clips: 4, frames: 3, ..MovingDigits::embedded().unwrap() };
    let clips = DataLoader::new(digits, 4).unwrap().collate(StackClips).epoch(0).next().unwrap().unwrap();
    assert_eq!(clips.clips.shape()[..], [4, 1, 3, 64, 64]);
}

#[test]
fn an_epoch_that_is_dropped_in_the_middle_reads_no_more() {
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = reads.clone();
    let data = drawn(10_000).map(move |sample| {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(sample)
    });
    let sampler = Repeat::new(Random::new(10_000), 2);
    let loader = DataLoader::new(data, 10).unwrap().collate(keep).sampler(sampler).workers(4);
    let mut epoch = loader.epoch(0);
    epoch.by_ref().take(3).try_for_each(|batch| batch.map(drop)).unwrap();
    let state = epoch.state();
    drop(epoch);
    let after = reads.load(Ordering::SeqCst);
    assert!(after <= (3 + 8) * 10, "{after}");
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!(reads.load(Ordering::SeqCst), after);
    let next: Numbers = loader.resume(&state).unwrap().next().unwrap().unwrap();
    assert_eq!(next.iter().map(|(x, _)| *x).collect::<Vec<_>>(), loader.order(0)[30..40]);
}
