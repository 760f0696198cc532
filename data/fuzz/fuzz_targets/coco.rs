//! COCO's files.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ocelli_data::readers::{CocoDataset, Options, Policy};
use ocelli_data::{Dataset, LabelledDataset};

fuzz_target!(|bytes: &[u8]| {
    for policy in [Policy::Fail, Policy::Drop, Policy::Clip] {
        let options = Options { policy, ..Options::default() };
        if let Ok(data) = CocoDataset::from_slice("fuzz.json", bytes, "pictures", &options) {
            for index in 0..data.len() {
                let _ = data.record(index);
            }
        }
    }
});
