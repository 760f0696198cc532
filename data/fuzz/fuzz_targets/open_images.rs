//! Open Images' files of boxes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ocelli_data::readers::{Options, Policy, check_open_images_boxes};

fuzz_target!(|bytes: &[u8]| {
    let classes = ["/m/cat".to_string(), "/m/dog".to_string()];
    for policy in [Policy::Fail, Policy::Drop, Policy::Clip] {
        let options = Options { policy, ..Options::default() };
        let _ = check_open_images_boxes("fuzz.csv", bytes, &classes, &options);
    }
});
