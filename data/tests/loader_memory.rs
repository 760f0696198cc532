//! The loader keeps no memory: a test with a process of its own, as others would change what is in use.
#![cfg(target_os = "linux")]

use ocelli_data::generated::Shapes;
use ocelli_data::sampler::{Random, Repeat};
use ocelli_data::{DataLoader, Dataset, Pad, VecDataset};

/// The memory that this process has in use, in bytes.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn memory_stays_flat_over_ten_epochs() {
    // 30 batches of 1.5 MB in an epoch, 450 MB in all.
    let shapes = Shapes { samples: 24, size: [128, 128], ..Shapes::default() };
    let samples = VecDataset::new((0..24).map(|index| shapes.get(index).unwrap()).collect());
    let sampler = Repeat::new(Random::new(24), 10);
    let loader = DataLoader::new(samples, 8).unwrap().collate(Pad::default()).sampler(sampler).workers(2);
    assert_eq!(loader.len(), 30);
    let run = |epoch| loader.epoch(epoch).try_for_each(|batch| batch.map(drop)).unwrap();
    run(0);
    run(1);
    let before = resident();
    (2..12).for_each(run);
    let grown = resident().saturating_sub(before);
    assert!(grown < 24 << 20, "{grown} bytes more");
}
