//! Resizing against PyTorch (`fixtures/interpolate.py`).

use crate::common::{assert_close, copied, devices, fixture, scattered};
use ocelli_tensor::{DType, Device, Generator, InterpolateMode, ResizeTo, Result, Shape, Tensor};

const LINEAR: InterpolateMode = InterpolateMode::Linear { align_corners: false };

/// The same pictures with their channels side by side.
fn channels_last(x: &Tensor) -> Tensor {
    let last: Vec<usize> = [0].into_iter().chain(2..x.rank()).chain([1]).collect();
    let first: Vec<usize> = [0, x.rank() - 1].into_iter().chain(1..x.rank() - 1).collect();
    copied(&x.permute(&last[..]).unwrap()).unwrap().permute(&first[..]).unwrap()
}

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
        for device in devices(x.dtype()) {
            let what = format!("{key}, {device}");
            let there = x.to_device(device).unwrap();
            for x in [there.clone(), scattered(&there), channels_last(&there)] {
                let y = x.interpolate(to.clone(), mode).unwrap();
                assert_eq!(y.device(), device, "{what}");
                assert_close(&y, &f[&format!("{key}/y")], rtol, atol, &what);
            }
            let dy = f[&format!("{key}/dy")].to_device(device).unwrap();
            let spatial = Shape::from(&x.shape()[2..]);
            for dy in [scattered(&dy), channels_last(&dy)] {
                let dx = dy.interpolate_backward(&spatial, to.clone(), mode).unwrap();
                assert_eq!(dx.device(), device, "{what}");
                assert_close(&dx, &f[&format!("{key}/dx")], rtol, atol, &what);
            }
        }
        cases += 1;
    }
    assert!(cases > 60, "{cases} cases");
}

#[test]
fn labels_and_half_types() {
    let labels = Tensor::new([[[[1i64, 2], [3, i64::MAX]]]]).unwrap();
    for device in devices(DType::I64) {
        let labels = labels.to_device(device).unwrap();
        let large = labels.interpolate([3, 4], InterpolateMode::Nearest).unwrap();
        assert_eq!(large.to_vec::<i64>().unwrap()[..4], [1, 1, 2, 2]);
        assert_eq!(large.to_vec::<i64>().unwrap()[10..], [i64::MAX, i64::MAX]);
        let flags = labels.eq(1).unwrap().interpolate(4, InterpolateMode::Nearest).unwrap();
        assert_eq!((flags.device(), flags.dtype()), (device, DType::Bool));
        assert_eq!(flags.to_vec::<bool>().unwrap()[..8], [true, true, false, false, true, true, false, false]);
        for dtype in [DType::U8, DType::I32] {
            let large = labels.narrow(2, 0, 1).unwrap().to_dtype(dtype).unwrap();
            let large = large.interpolate([1, 3], InterpolateMode::Nearest).unwrap();
            assert_eq!(large.to_dtype(DType::I64).unwrap().to_vec::<i64>().unwrap(), [1, 1, 2]);
        }
    }
    for dtype in [DType::F16, DType::BF16] {
        for device in devices(dtype) {
            let x = Tensor::new([[[0.0f32, 4.0]]]).unwrap().to_dtype(dtype).unwrap().to_device(device).unwrap();
            let y = x.interpolate(4, LINEAR).unwrap();
            assert_eq!(y.dtype(), dtype);
            assert_eq!(y.to_dtype(DType::F32).unwrap().to_vec::<f32>().unwrap(), [0.0, 1.0, 3.0, 4.0]);
            let dx = y.interpolate_backward([2], 4, LINEAR).unwrap();
            assert_eq!(dx.to_dtype(DType::F32).unwrap().to_vec::<f32>().unwrap(), [1.5, 6.5]);
            // A third is not a number of these types: it is rounded once.
            let third = Tensor::new([[[0.0f32, 1.0]]]).unwrap().to_dtype(dtype).unwrap().to_device(device).unwrap();
            let third = third.interpolate(4, InterpolateMode::Linear { align_corners: true }).unwrap();
            let expected = Tensor::new([[[0.0f32, 1.0 / 3.0, 2.0 / 3.0, 1.0]]]).unwrap().to_dtype(dtype).unwrap();
            assert_close(&third, &expected, 0.0, 0.0, &format!("{dtype}, {device}"));
        }
    }
}

/// Sizes by which coordinates are exact, so that both precisions have the same weights. Each input gets a share of many outputs: of
/// more than are added up at once.
#[test]
fn gradients_of_much_larger_pictures() {
    let nearest = InterpolateMode::Nearest;
    let cubic = InterpolateMode::Cubic { align_corners: false };
    let cases: [(&[usize], &[usize], InterpolateMode); 6] = [
        (&[2], &[8192], LINEAR),
        (&[1], &[5000], nearest),
        (&[2, 4], &[16, 2048], LINEAR),
        (&[2, 2], &[64, 32], cubic),
        (&[3, 2], &[3, 4096], nearest),
        (&[1, 2, 2], &[4, 8, 16], LINEAR),
    ];
    for (small, large, mode) in cases {
        let shape = [&[2, 3][..], large].concat();
        let dy = Tensor::rand(&shape[..], DType::F32, &mut Generator::new(1)).unwrap();
        let expected = dy.to_dtype(DType::F64).unwrap().interpolate_backward(small, large, mode).unwrap();
        for device in devices(DType::F32) {
            let dy = dy.to_device(device).unwrap();
            for dy in [dy.clone(), channels_last(&dy)] {
                let dx = dy.interpolate_backward(small, large, mode).unwrap();
                assert_eq!(dx.device(), device);
                let what = format!("{small:?} to {large:?}, {mode:?}, {device}");
                // The CPU adds up to 6144 numbers of one sign one by one.
                assert_close(&dx, &expected.to_dtype(DType::F32).unwrap(), 2e-5, 0.0, &what);
            }
        }
    }
}

#[test]
fn not_a_number_stays_where_it_is() {
    let x = Tensor::new([[[1.0f32, f32::NAN, 3.0, f32::INFINITY, 5.0, 6.0]]]).unwrap();
    for device in devices(DType::F32) {
        let x = x.to_device(device).unwrap();
        let y = x.interpolate(3, InterpolateMode::Nearest).unwrap().to_vec::<f32>().unwrap();
        assert_eq!(y, [1.0, 3.0, 5.0]);
        let y = x.interpolate(3, LINEAR).unwrap().to_vec::<f32>().unwrap();
        assert!(y[0].is_nan() && y[1] == f32::INFINITY && y[2] == 5.5, "{y:?}");
    }
}

#[test]
fn empty_batches_stay_empty() {
    for device in devices(DType::F32) {
        let x = Tensor::zeros([0, 3, 4, 5], DType::F32).unwrap().to_device(device).unwrap();
        for mode in [InterpolateMode::Nearest, LINEAR] {
            let y = x.interpolate([8, 2], mode).unwrap();
            assert_eq!(y.shape()[..], [0, 3, 8, 2]);
            let dx = y.interpolate_backward([4, 5], [8, 2], mode).unwrap();
            assert_eq!(dx.shape(), x.shape());
        }
    }
}

#[test]
fn errors_say_what_was_wrong() {
    for device in devices(DType::F32) {
        errors_on(device);
    }
}

fn errors_on(device: Device) {
    let x = Tensor::ones([1, 1, 4], DType::F32).unwrap().to_device(device).unwrap();
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
