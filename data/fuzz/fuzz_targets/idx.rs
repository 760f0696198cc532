//! IDX files.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = ocelli_data::idx::parse("fuzz.idx", bytes);
});
