//! Pascal VOC's annotations.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ocelli_data::readers::{Policy, parse_voc_annotation};

fuzz_target!(|bytes: &[u8]| {
    let classes = ["cat".to_string(), "dog".to_string()];
    for policy in [Policy::Fail, Policy::Drop, Policy::Clip] {
        let _ = parse_voc_annotation("fuzz.xml", bytes, &classes, policy);
    }
});
