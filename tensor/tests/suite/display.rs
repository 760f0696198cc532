//! Tensors as text against NumPy (`fixtures/display.py`).

use crate::common::{fixture, scattered};
use ocelli_tensor::{DType, Tensor};

#[test]
fn prints_like_numpy() {
    let tensors = fixture("display");
    let texts = include_str!("../fixtures/display.txt");
    let mut count = 0;
    for entry in texts.split("=== ").skip(1) {
        let (name, expected) = entry.split_once('\n').unwrap();
        let tensor = &tensors[name];
        let expected = expected.trim_end_matches('\n');
        assert_eq!(tensor.to_string(), expected, "{name}:\n{tensor}\n\n{expected}");
        if tensor.dtype().is_float() {
            let moved = scattered(tensor).add(0.0).unwrap();
            assert!(name == "signed_zeros" || name == "one_zero" || moved.to_string() == expected, "{name}");
        }
        count += 1;
    }
    assert_eq!(count, tensors.len());
}

#[test]
fn brain_floats_show_what_tells_them_apart() {
    let x = Tensor::new([1.0f32, 0.1, -2.5]).unwrap().to_dtype(DType::BF16).unwrap();
    assert_eq!(x.to_string(), "[ 1.   0.1 -2.5]");
    assert_eq!(x.select(0, 1).unwrap().to_string(), "0.1");
}

#[test]
fn debug_adds_shape_and_dtype() {
    let x = Tensor::new([[1i32, 20]]).unwrap();
    assert_eq!(format!("{x:?}"), "[[ 1 20]]\nTensor(shape=[1, 2], dtype=i32, device=cpu)");
    let view = x.expand([1000, 2]).unwrap();
    assert!(format!("{view:?}").contains("...\n"));
}
