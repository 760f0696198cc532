//! Resizing against PyTorch (`fixtures/interpolate.py`).

use crate::common::{assert_close, fixture, scattered};
use ocelli_tensor::{DType, InterpolateMode, ResizeTo, Result, Shape, Tensor};

const LINEAR: InterpolateMode = InterpolateMode::Linear { align_corners: false };

#[test]
fn resizes_like_pytorch() {
    let f = fixture("interpolate");
    let mut cases = 0;
    for key in f.keys().filter_map(|key| key.strip_suffix("/y")) {
        let parts: Vec<&str> = key.split('/').collect();
        let align_corners = parts[3] == "corners";
        let mode = match parts[1] {
            "nearest" => InterpolateMode::Nearest,
            "bicubic" => InterpolateMode::Cubic { align_corners },
            _ => InterpolateMode::Linear { align_corners },
        };
        let to = match parts[2].split_once('=') {
            Some(("size", sizes)) => {
                ResizeTo::Size(sizes.split(',').map(|size| size.parse::<usize>().unwrap()).collect())
            }
            Some((_, factors)) => ResizeTo::Scale(factors.split(',').map(|factor| factor.parse().unwrap()).collect()),
            None => panic!("{key}"),
        };
        let x = &f[parts[0]];
        let (rtol, atol) = if x.dtype() == DType::F64 { (1e-12, 1e-13) } else { (1e-5, 2e-6) };
        for x in [x.clone(), scattered(x)] {
            let y = x.interpolate(to.clone(), mode).unwrap();
            assert_close(&y, &f[&format!("{key}/y")], rtol, atol, key);
        }
        let dy = scattered(&f[&format!("{key}/dy")]);
        let spatial = Shape::from(&x.shape()[2..]);
        let dx = dy.interpolate_backward(&spatial, to, mode).unwrap();
        assert_close(&dx, &f[&format!("{key}/dx")], rtol, atol, key);
        cases += 1;
    }
    assert!(cases > 60, "{cases} cases");
}

#[test]
fn labels_and_half_types() {
    let labels = Tensor::new([[[[1i64, 2], [3, i64::MAX]]]]).unwrap();
    let large = labels.interpolate([3, 4], InterpolateMode::Nearest).unwrap();
    assert_eq!(large.to_vec::<i64>().unwrap()[..4], [1, 1, 2, 2]);
    assert_eq!(large.to_vec::<i64>().unwrap()[10..], [i64::MAX, i64::MAX]);
    let flags = labels.eq(1).unwrap();
    assert_eq!(flags.interpolate(4, InterpolateMode::Nearest).unwrap().dtype(), DType::Bool);
    for dtype in [DType::F16, DType::BF16] {
        let x = Tensor::new([[[0.0f32, 4.0]]]).unwrap().to_dtype(dtype).unwrap();
        let y = x.interpolate(4, LINEAR).unwrap();
        assert_eq!(y.dtype(), dtype);
        assert_eq!(y.to_dtype(DType::F32).unwrap().to_vec::<f32>().unwrap(), [0.0, 1.0, 3.0, 4.0]);
        let dx = y.interpolate_backward([2], 4, LINEAR).unwrap();
        assert_eq!(dx.to_dtype(DType::F32).unwrap().to_vec::<f32>().unwrap(), [1.5, 6.5]);
    }
}

#[test]
fn empty_batches_stay_empty() {
    let x = Tensor::zeros([0, 3, 4, 5], DType::F32).unwrap();
    for mode in [InterpolateMode::Nearest, LINEAR] {
        let y = x.interpolate([8, 2], mode).unwrap();
        assert_eq!(y.shape()[..], [0, 3, 8, 2]);
        let dx = y.interpolate_backward([4, 5], [8, 2], mode).unwrap();
        assert_eq!(dx.shape(), x.shape());
    }
}

#[test]
fn errors_say_what_was_wrong() {
    let x = Tensor::ones([1, 1, 4], DType::F32).unwrap();
    let text = |r: Result<Tensor>| r.unwrap_err().to_string();
    let cubic = InterpolateMode::Cubic { align_corners: true };
    assert_eq!(text(x.interpolate(2, cubic)), "interpolate: expected a picture [N, C, H, W], received shape [1, 1, 4]");
    assert_eq!(text(x.interpolate([2, 2], LINEAR)), "interpolate: expected 1 or 1 sizes or factors, received 2");
    assert!(text(x.interpolate(0, LINEAR)).contains("sizes of at least 1 for an axis of 4"));
    for factor in [0.1, -1.0, f64::NAN, f64::INFINITY] {
        assert!(text(x.interpolate(ResizeTo::scale(factor), LINEAR)).contains("at least 1"));
    }
    assert!(text(x.interpolate(usize::MAX / 2, LINEAR)).contains("more bytes"));
    let ints = x.to_dtype(DType::I32).unwrap();
    assert!(text(ints.interpolate(2, LINEAR)).contains("a float dtype"));
    assert!(text(Tensor::ones([4], DType::F32).unwrap().interpolate(2, LINEAR)).contains("received shape [4]"));
    assert!(text(Tensor::ones([1, 1, 0], DType::F32).unwrap().interpolate(2, LINEAR)).contains("not empty"));
    assert!(text(x.interpolate_backward([8], 5, LINEAR)).contains("a gradient of shape [1, 1, 5]"));
    assert!(text(x.interpolate_backward([8, 8], 4, LINEAR)).contains("expected"));
}
