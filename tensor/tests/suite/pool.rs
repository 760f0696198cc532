//! Pooling against PyTorch, and TensorFlow for `same` (`fixtures/pool.py`).

use std::collections::BTreeMap;

use crate::common::{assert_close, copied, devices, fixture, scattered};
use ocelli_tensor::{DType, Device, Generator, Padding, PoolOptions, Result, Shape, Tensor};

struct Case {
    name: &'static str,
    rank: usize,
    options: PoolOptions,
    averages: bool,
}

/// The list of `fixtures/pool.py`.
fn cases() -> Vec<Case> {
    let case = |name: &'static str, options: PoolOptions| Case {
        name,
        rank: usize::from(name.as_bytes()[name.len() - 1] - b'0'),
        averages: !name.starts_with("dilated"),
        options,
    };
    let new = PoolOptions::new;
    vec![
        case("plain1", new(2)),
        case("overlap1", new(3).stride(2).padding(1)),
        case("ceil1", new(4).stride(3).padding(1).ceil_mode(true).count_include_pad(false)),
        case("dilated1", new(3).stride(2).padding(1).dilation(2).ceil_mode(true)),
        case("plain2", new(2)),
        case("stem2", new(3).stride(2).padding(1)),
        case("ceil2", new(3).stride(2).padding(1).ceil_mode(true)),
        case("exclude2", new(3).stride(2).padding(1).ceil_mode(true).count_include_pad(false)),
        case("uneven2", PoolOptions::new([3, 2]).stride([1, 3]).padding([1, 0]).count_include_pad(false)),
        case("gaps2", new(2).stride(3).padding(1).ceil_mode(true)),
        case("dilated2", new(3).stride(1).padding([0, 1]).dilation([2, 1])),
        case("plain3", new(2)),
        case("ceil3", new(3).stride(2).padding(1).ceil_mode(true)),
        case(
            "exclude3",
            PoolOptions::new([2, 3, 3]).stride([2, 1, 2]).padding([1, 1, 0]).ceil_mode(true).count_include_pad(false),
        ),
        case("dilated3", PoolOptions::new([1, 2, 2]).stride(1).dilation([1, 2, 3])),
    ]
}

fn spatial(x: &Tensor) -> Shape {
    x.shape()[2..].into()
}

/// The fixture with the tolerance of what is computed from it: in `f64` on the CPU, in `f32` on every device.
fn fixtures() -> Vec<(BTreeMap<String, Tensor>, Device, f64)> {
    let on = |device: Device, dtype: DType, tolerance: f64| {
        let moved = |x: Tensor| {
            if x.dtype() == DType::F64 { x.to_dtype(dtype)?.to_device(device) } else { x.to_device(device) }
        };
        let tensors = fixture("pool").into_iter().map(|(key, x)| (key, moved(x).unwrap()));
        (tensors.collect(), device, tolerance)
    };
    let in_f32 = devices(DType::F32).into_iter().map(|device| on(device, DType::F32, 1e-6));
    [on(Device::Cpu, DType::F64, 1e-14)].into_iter().chain(in_f32).collect()
}

#[test]
fn pools_like_pytorch() {
    for (f, device, tolerance) in fixtures() {
        for Case { name, rank, options, averages } in cases() {
            let expected = |what: &str| &f[&format!("{name}_{what}")];
            let x = &f[&format!("x{rank}")];
            let sizes = spatial(x);
            for x in [x.clone(), scattered(x)] {
                assert_close(&x.max_pool(&options).unwrap(), expected("max"), 0.0, 0.0, name);
                let (max, indices) = x.max_pool_with_indices(&options).unwrap();
                assert_close(&max, expected("max"), 0.0, 0.0, name);
                assert_close(&indices, expected("indices"), 0.0, 0.0, name);
                let taken = x.max_pool_take(&indices).unwrap();
                assert_eq!(taken.device(), device);
                assert_close(&taken, &max, 0.0, 0.0, name);
            }
            let (dy, indices) = (scattered(expected("dy")), expected("indices"));
            let dx = dy.max_pool_backward(&scattered(indices), &sizes).unwrap();
            assert_eq!(dx.device(), device);
            assert_close(&dx, expected("max_dx"), tolerance, tolerance, name);
            if averages {
                for x in [x.clone(), scattered(x)] {
                    let average = x.avg_pool(&options).unwrap();
                    assert_close(&average, expected("avg"), tolerance, tolerance, name);
                }
                let dx = dy.avg_pool_backward(&sizes, &options).unwrap();
                assert_close(&dx, expected("avg_dx"), tolerance, tolerance, name);
            }
        }
    }
}

#[test]
fn adaptive_and_global_like_pytorch() {
    let cases: [(&str, usize, &[usize]); 4] =
        [("a1", 1, &[4]), ("a2", 2, &[3, 13]), ("a2one", 2, &[1, 1]), ("a3", 3, &[2, 4, 3])];
    for (f, _, tolerance) in fixtures() {
        for (name, rank, size) in cases {
            let expected = |what: &str| &f[&format!("{name}_{what}")];
            let x = scattered(&f[&format!("x{rank}")]);
            let (max, indices) = x.adaptive_max_pool_with_indices(size).unwrap();
            assert_close(&max, expected("max"), 0.0, 0.0, name);
            assert_close(&indices, expected("indices"), 0.0, 0.0, name);
            assert_close(&x.adaptive_max_pool(size).unwrap(), expected("max"), 0.0, 0.0, name);
            let average = x.adaptive_avg_pool(size).unwrap();
            assert_close(&average, expected("avg"), tolerance, tolerance, name);
            let dy = expected("dy");
            let dx = dy.max_pool_backward(&indices, spatial(&x)).unwrap();
            assert_close(&dx, expected("max_dx"), tolerance, tolerance, name);
            let dx = dy.adaptive_avg_pool_backward(spatial(&x)).unwrap();
            assert_close(&dx, expected("avg_dx"), tolerance, tolerance, name);
        }
        let x = &f["x2"];
        assert_close(&x.global_max_pool().unwrap(), &f["a2one_max"], 0.0, 0.0, "global max");
        // In f32 also absolutely: means of numbers of both signs cancel.
        let absolute = if tolerance > 1e-10 { 1e-7 } else { 0.0 };
        assert_close(&x.global_avg_pool().unwrap(), &f["a2one_avg"], tolerance, absolute, "global avg");
    }
}

#[test]
fn same_padding_like_tensorflow() {
    for (f, _, tolerance) in fixtures() {
        for (kernel, stride) in [(2, 2), (3, 2), (3, 1), (2, 3)] {
            let options = PoolOptions::new(kernel).stride(stride).padding(Padding::Same);
            let name = format!("same_{kernel}_{stride}");
            let max = f["x2"].max_pool(&options).unwrap();
            assert_close(&max, &f[&format!("{name}_max")], 0.0, 0.0, &name);
            let average = f["x2"].avg_pool(&options).unwrap();
            let absolute = if tolerance > 1e-10 { 1e-7 } else { 0.0 };
            assert_close(&average, &f[&format!("{name}_avg")], tolerance, absolute, &name);
        }
    }
}

#[test]
fn nan_wins_and_infinities_have_places() {
    for (f, ..) in fixtures() {
        for (name, options) in [("nan", PoolOptions::new(2)), ("nan_wide", PoolOptions::new(6).stride(2))] {
            let (max, indices) = f["nan_x"].max_pool_with_indices(&options).unwrap();
            assert_close(&max, &f[&format!("{name}_max")], 0.0, 0.0, name);
            assert_close(&indices, &f[&format!("{name}_indices")], 0.0, 0.0, name);
            assert_close(&f["nan_x"].max_pool(&options).unwrap(), &max, 0.0, 0.0, name);
        }
    }
}

#[test]
fn large_pictures_agree_with_their_parts() {
    // More than one task for the threads; a picture pooled alone gives what it gives in a batch.
    let values: Vec<f32> = (0..6 * 64 * 64).map(|i| ((i * 7919) % 1009) as f32).collect();
    let x = Tensor::from_vec(values, [6, 1, 64, 64]).unwrap();
    for device in devices(DType::F32) {
        let x = x.to_device(device).unwrap();
        let options = PoolOptions::new(3).stride(2).padding(1);
        let (max, indices) = x.max_pool_with_indices(&options).unwrap();
        let average = x.avg_pool(&options).unwrap();
        for i in 0..6 {
            let one = x.narrow(0, i, 1).unwrap();
            let (m, p) = one.max_pool_with_indices(&options).unwrap();
            assert_close(&max.narrow(0, i, 1).unwrap(), &m, 0.0, 0.0, "max");
            assert_close(&indices.narrow(0, i, 1).unwrap(), &p, 0.0, 0.0, "indices");
            let a = one.avg_pool(&options).unwrap();
            assert_close(&average.narrow(0, i, 1).unwrap(), &a, 0.0, 0.0, "average");
        }
        // The gradient of the whole is that of the parts, and what the windows say.
        let dx = max.max_pool_backward(&indices, [64, 64]).unwrap();
        assert_close(&dx, &max.max_pool_backward_within(&indices, [64, 64], &options).unwrap(), 0.0, 0.0, "gradient");
        let small = indices.to_dtype(DType::I32).unwrap();
        assert_close(&max.max_pool_backward(&small, [64, 64]).unwrap(), &dx, 0.0, 0.0, "gradient by i32");
    }
}

#[test]
fn other_dtypes() {
    let x = Tensor::arange(0, 16, 1).unwrap().reshape([1, 1, 4, 4]).unwrap();
    let options = PoolOptions::new(2);
    for device in devices(DType::F32) {
        let on = |dtype: DType| x.to_dtype(dtype).unwrap().to_device(device).unwrap();
        for dtype in [DType::U8, DType::I32, DType::I64, DType::F16, DType::BF16, DType::F32] {
            let (max, indices) = on(dtype).max_pool_with_indices(&options).unwrap();
            assert_eq!(max.dtype(), dtype);
            assert_eq!(indices.to_vec::<i64>().unwrap(), [5, 7, 13, 15]);
            assert_eq!(max.to_dtype(DType::I64).unwrap().to_vec::<i64>().unwrap(), [5, 7, 13, 15]);
            if dtype.is_float() {
                let dx = max.max_pool_backward(&indices, [4, 4]).unwrap();
                assert_eq!((dx.dtype(), dx.device()), (dtype, device));
                let expected = [0, 0, 0, 0, 0, 5, 0, 7, 0, 0, 0, 0, 0, 13, 0, 15];
                assert_eq!(dx.to_dtype(DType::I64).unwrap().to_vec::<i64>().unwrap(), expected);
                assert_close(&dx.max_pool_take(&indices).unwrap(), &max, 0.0, 0.0, "take");
            }
        }
        for dtype in [DType::F16, DType::BF16] {
            let average = on(dtype).avg_pool(&options).unwrap();
            assert_eq!(average.dtype(), dtype);
            let values = average.to_dtype(DType::F32).unwrap().to_vec::<f32>().unwrap();
            assert_eq!(values, [2.5, 4.5, 10.5, 12.5]);
            let dx = average.avg_pool_backward([4, 4], &options).unwrap();
            assert_eq!(dx.dtype(), dtype);
        }
        let below = Tensor::full_on(device, [1, 1, 2], i64::MIN, DType::I64).unwrap();
        let (_, indices) = below.max_pool_with_indices(&options).unwrap();
        assert_eq!(indices.item::<i64>().unwrap(), 0);
    }
}

#[test]
fn gradients_to_places_keep_the_order_of_memory() {
    let x = Tensor::randn([2, 5, 9, 8], DType::F32, &mut Generator::new(3)).unwrap();
    let options = PoolOptions::new(3).stride(1).padding(1);
    for device in devices(DType::F32) {
        let x = x.to_device(device).unwrap();
        let last = copied(&x.permute([0, 2, 3, 1]).unwrap()).unwrap().permute([0, 3, 1, 2]).unwrap();
        let [row_major, channels_last] = [&x, &last].map(|x| {
            let (max, places) = x.max_pool_with_indices(&options).unwrap();
            let dx = max.max_pool_backward(&places, [9, 8]).unwrap();
            assert_eq!(dx.strides(), x.strides());
            assert_close(&dx, &max.max_pool_backward_within(&places, [9, 8], &options).unwrap(), 0.0, 0.0, "gradient");
            let taken = dx.max_pool_take(&places).unwrap();
            assert_eq!(taken.strides(), max.strides());
            [dx, taken]
        });
        for (one, other) in row_major.iter().zip(&channels_last) {
            assert_close(one, other, 0.0, 0.0, "channels last");
        }
    }
}

#[test]
fn empty_batches_and_windows_of_padding() {
    for device in devices(DType::F32) {
        let empty = Tensor::full_on(device, [0, 3, 8, 8], 0, DType::F32).unwrap();
        let (max, indices) = empty.max_pool_with_indices(&PoolOptions::new(2)).unwrap();
        assert_eq!(max.shape()[..], [0, 3, 4, 4]);
        assert_eq!(max.max_pool_backward(&indices, [8, 8]).unwrap().shape(), empty.shape());
        assert_eq!(empty.max_pool_take(&indices).unwrap().shape(), max.shape());
        assert_eq!(empty.avg_pool(&PoolOptions::new(2)).unwrap().shape()[..], [0, 3, 4, 4]);
        assert_eq!(empty.global_avg_pool().unwrap().shape()[..], [0, 3, 1, 1]);
        // Taps at -2 and 1 of a single element.
        let one = Tensor::full_on(device, [1, 1, 1], 1, DType::F32).unwrap();
        let (max, indices) = one.max_pool_with_indices(&PoolOptions::new(2).stride(1).dilation(3).padding(2)).unwrap();
        assert_eq!(max.to_vec::<f32>().unwrap(), [f32::NEG_INFINITY, f32::NEG_INFINITY]);
        assert_eq!(indices.to_vec::<i64>().unwrap(), [-1, -1]);
        let dx = max.ones_like().unwrap().max_pool_backward(&indices, [1]).unwrap();
        assert_eq!(dx.to_vec::<f32>().unwrap(), [0.0]);
        assert_eq!(one.max_pool_take(&indices).unwrap().to_vec::<f32>().unwrap(), [0.0, 0.0]);
    }
}

#[test]
fn errors_say_what_was_wrong() {
    let x = Tensor::ones([1, 1, 4, 5], DType::F32).unwrap();
    let text = |r: Result<Tensor>| r.unwrap_err().to_string();
    let max = |options: PoolOptions| text(x.max_pool(&options));
    assert_eq!(
        max(PoolOptions::new(5)),
        "max_pool: expected spatial sizes of at least the kernel's reach of 5 less the padding of 0 and 0, received shape [1, 1, 4, 5]"
    );
    assert_eq!(
        max(PoolOptions::new(2).padding(2)),
        "max_pool: expected a padding of at most half the kernel's reach of 2, received 2 and 2"
    );
    assert_eq!(max(PoolOptions::new(2).stride(0)), "max_pool: expected a stride of at least 1, received 0");
    assert!(max(PoolOptions::new(0)).contains("kernel of at least 1"));
    assert!(max(PoolOptions::new([2, 2, 2])).contains("one kernel or 2"));
    assert!(max(PoolOptions::new(usize::MAX)).contains("received"));
    assert!(max(PoolOptions::new(2).dilation(usize::MAX)).contains("received"));
    assert!(x.max_pool(&PoolOptions::new(2).stride(1 << 20)).is_ok());
    let one = PoolOptions::new(1);
    assert_eq!(
        text(Tensor::ones([4, 5], DType::F32).unwrap().max_pool(&one)),
        "max_pool: expected [N, C] and 1 to 3 spatial axes, received shape [4, 5]"
    );
    assert!(text(Tensor::ones([1, 1, 0], DType::F32).unwrap().avg_pool(&one)).contains("[1, 1, 0]"));
    assert!(text(x.avg_pool(&PoolOptions::new(2).dilation(2))).contains("dilation of 1"));
    assert!(text(x.to_dtype(DType::I64).unwrap().avg_pool(&one)).contains("a float dtype"));
    assert!(text(x.to_dtype(DType::Bool).unwrap().max_pool(&one)).contains("a number dtype"));
    assert_eq!(
        text(x.adaptive_avg_pool([2, 0])),
        "adaptive_avg_pool: expected 1 or 2 output sizes of at least 1, received [2, 0]"
    );
    assert!(text(x.adaptive_avg_pool([1 << 40, 1 << 40])).contains("more bytes"));
    for device in devices(DType::F32) {
        let x = x.to_device(device).unwrap();
        let far = Tensor::full_on(device, [1, 1, 4, 5], 20, DType::I64).unwrap();
        assert_eq!(text(x.max_pool_backward(&far, [4, 5])), "max_pool_backward: expected places in 0..20, received 20");
        let below = Tensor::full_on(device, [1, 1, 2, 2], -2, DType::I32).unwrap();
        assert_eq!(text(x.max_pool_take(&below)), "max_pool_take: expected places in 0..20, received -2");
        assert!(text(x.max_pool_take(&x)).contains("dtype i64"));
    }
    assert!(text(x.max_pool_backward(&x, [4, 5])).contains("dtype i64"));
    assert!(text(x.avg_pool_backward([9, 9], &one)).contains("a gradient of shape [1, 1, 9, 9]"));
    assert!(text(x.avg_pool_backward([9], &one)).contains("2 spatial sizes"));
}
