//! CIFAR's binary files.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ocelli_data::readers::{Cifar, CifarDataset};

fuzz_target!(|bytes: &[u8]| {
    for kind in [Cifar::Ten, Cifar::Hundred] {
        let _ = CifarDataset::parse("fuzz.bin", bytes, kind);
    }
});
