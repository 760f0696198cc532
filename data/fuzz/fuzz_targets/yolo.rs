//! YOLO's texts and data.yaml.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ocelli_data::readers::{Policy, YoloConfig, parse_yolo_labels};

fuzz_target!(|bytes: &[u8]| {
    let _ = YoloConfig::parse("data.yaml", bytes);
    for keypoints in [None, Some([2, 3]), Some([2, 2])] {
        let config = YoloConfig { names: vec!["cat".into(), "dog".into()], keypoints, ..YoloConfig::default() };
        for policy in [Policy::Fail, Policy::Drop, Policy::Clip] {
            let _ = parse_yolo_labels("fuzz.txt", bytes, [48, 64], &config, policy);
        }
    }
});
