//! Convolutions against PyTorch (`fixtures/conv.py`) and against the definition, written as plain loops.

use crate::common::{assert_close, copied, devices, fixture, scattered};
use ocelli_tensor::{Activation, ConvOptions, DType, Device, Generator, Padding, Shape, Tensor};
use proptest::prelude::*;

/// The cases of `fixtures/conv.py`, by the name that it gives them. Asymmetric padding was made there by `F.pad`.
fn cases() -> Vec<(&'static str, ConvOptions)> {
    let o = ConvOptions::new;
    vec![
        ("plain1d", o()),
        ("strided1d", o().stride(2).padding(2).dilation(3)),
        ("causal1d", o().padding(Padding::Causal).dilation(2)),
        ("plain2d", o()),
        ("padded2d", o().padding([1, 2])),
        ("strided2d", o().stride([2, 3]).padding(1)),
        ("dilated2d", o().dilation([2, 1]).padding(2)),
        ("asymmetric2d", o().padding([(0, 2), (3, 1)]).stride(2)),
        ("same2d", o().padding(Padding::Same)),
        ("same_strided2d", o().padding(Padding::Same).stride([2, 3])),
        ("grouped2d", o().groups(2).padding(1).stride(2)),
        ("depthwise2d", o().groups(4).padding(1)),
        ("multiplier2d", o().groups(4).padding(1).stride(2).dilation(2)),
        ("pointwise2d", o()),
        ("pointwise_strided2d", o().stride(2)),
        ("plain3d", o().padding([1, 0, 2])),
        ("strided3d", o().stride([1, 2, 2]).padding(1).dilation([1, 2, 1])),
        ("grouped3d", o().groups(2)),
    ]
}

type Lie = fn(&Tensor) -> Tensor;

#[test]
fn forward_and_gradients_are_pytorchs() {
    let data = fixture("conv");
    for (name, options) in cases() {
        let get = |part: &str| &data[&format!("{name}.{part}")];
        for (device, lie) in devices(DType::F32).into_iter().flat_map(|d| [(d, Tensor::clone as Lie), (d, scattered)]) {
            let lie = |x: &Tensor| lie(&x.to_device(device).unwrap());
            let (x, w, b, dy) = (lie(get("x")), lie(get("w")), lie(get("b")), lie(get("dy")));
            let y = x.conv(&w, Some(&b), &options).unwrap();
            assert_close(&y, get("y"), 1e-5, 1e-5, name);
            let dx = Tensor::conv_backward_input(&w, &dy, x.shape(), &options).unwrap();
            assert_close(&dx, get("dx"), 1e-5, 1e-5, &format!("{name} dx"));
            let dw = Tensor::conv_backward_weight(&x, &dy, w.shape(), &options).unwrap();
            assert_close(&dw, get("dw"), 1e-5, 2e-5, &format!("{name} dw"));
        }
    }
}

#[test]
fn transposed_is_pytorchs() {
    let data = fixture("conv");
    let o = ConvOptions::new;
    let cases: Vec<(&str, ConvOptions, Vec<usize>)> = vec![
        ("t_plain1d", o(), vec![0]),
        ("t_strided1d", o().stride(3).padding(1), vec![2]),
        ("t_plain2d", o().padding(1), vec![0]),
        ("t_strided2d", o().stride([2, 3]).padding([1, 0]), vec![1, 2]),
        ("t_dilated2d", o().stride(2).dilation([2, 1]), vec![0]),
        ("t_grouped2d", o().stride(2).groups(2).padding(1), vec![1]),
        ("t_depthwise2d", o().stride(2).groups(4), vec![0]),
        ("t_unit_output_padding2d", o().padding(1).dilation(2), vec![1]),
        ("t_plain3d", o().stride([1, 2, 2]).padding(1), vec![0, 1, 0]),
    ];
    for (name, options, extra) in cases {
        let get = |part: &str| &data[&format!("{name}.{part}")];
        for (device, lie) in devices(DType::F32).into_iter().flat_map(|d| [(d, Tensor::clone as Lie), (d, scattered)]) {
            let lie = |x: &Tensor| lie(&x.to_device(device).unwrap());
            let (x, w, b) = (lie(get("x")), lie(get("w")), lie(get("b")));
            let y = x.conv_transpose(&w, Some(&b), &options, &extra[..]).unwrap();
            assert_close(&y, get("y"), 1e-5, 1e-5, name);
        }
    }
}

/// Input size, kernel size, stride, dilation and padding of a spatial axis.
type Axis = (usize, usize, usize, usize, (usize, usize));

/// Sizes and options of a random convolution.
#[derive(Debug, Clone)]
struct Case {
    images: usize,
    channels: usize,
    filters: usize,
    groups: usize,
    sizes: Vec<Axis>,
}

fn case() -> impl Strategy<Value = Case> {
    let axis = (1usize..12, 1usize..4, 1usize..4, 1usize..3, (0usize..3, 0usize..3));
    (1usize..4, 1usize..5, 1usize..20, 1usize..4, prop::collection::vec(axis, 1..=3))
        .prop_map(|(images, channels, filters, groups, sizes)| Case { images, channels, filters, groups, sizes })
}

impl Case {
    fn options(&self) -> ConvOptions {
        let each = |f: &dyn Fn(&Axis) -> usize| self.sizes.iter().map(f).collect::<Vec<_>>();
        let pairs: Vec<(usize, usize)> = self.sizes.iter().map(|axis| axis.4).collect();
        ConvOptions::new()
            .stride(each(&|axis| axis.2))
            .dilation(each(&|axis| axis.3))
            .padding(&pairs[..])
            .groups(self.groups)
    }

    fn shapes(&self) -> (Shape, Shape) {
        let axes = |f: &dyn Fn(&Axis) -> usize, lead: [usize; 2]| {
            let sizes: Vec<usize> = lead.into_iter().chain(self.sizes.iter().map(f)).collect();
            Shape::from(&sizes[..])
        };
        (
            axes(&|axis| axis.0, [self.images, self.channels * self.groups]),
            axes(&|axis| axis.1, [self.filters * self.groups, self.channels]),
        )
    }
}

/// All indices of a shape.
fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for &size in shape {
        all = all.iter().flat_map(|index| (0..size).map(move |i| [&index[..], &[i]].concat())).collect();
    }
    all
}

fn flat(shape: &[usize], index: &[usize]) -> usize {
    shape.iter().zip(index).fold(0, |place, (&size, &i)| place * size + i)
}

/// Calls `f(places in x, weight and y)` for every product that the definition adds up.
fn each_product(case: &Case, y: &Shape, mut f: impl FnMut(usize, usize, usize)) {
    let (x, w) = case.shapes();
    for out in indices(y) {
        let group = out[1] / case.filters;
        for tap in indices(&w[1..]) {
            let mut place = vec![out[0], group * case.channels + tap[0]];
            for (axis, &(size, _, stride, dilation, (before, _))) in case.sizes.iter().enumerate() {
                let at = out[axis + 2] * stride + tap[axis + 1] * dilation;
                match at.checked_sub(before) {
                    Some(at) if at < size => place.push(at),
                    _ => break,
                }
            }
            if place.len() == x.rank() {
                let weight = [&[out[1]], &tap[..]].concat();
                f(flat(&x, &place), flat(&w, &weight), flat(y, &out));
            }
        }
    }
}

/// Compares the three products of a case with sums over what [`each_product`] calls, if its options are possible.
fn assert_as_defined(case: &Case) {
    let options = case.options();
    let (x_shape, w_shape) = case.shapes();
    let Ok(y_shape) = options.output_shape(&x_shape, &w_shape) else { return };
    let mut generator = Generator::new(case.filters as u64);
    // Of so many digits as f32 has.
    let mut random =
        |shape: &Shape| Tensor::randn(shape.clone(), DType::F32, &mut generator).unwrap().to_dtype(DType::F64).unwrap();
    let (x, w, dy) = (random(&x_shape), random(&w_shape), random(&y_shape));
    let values = |x: &Tensor| x.to_vec::<f64>().unwrap();
    let (xs, ws, dys) = (values(&x), values(&w), values(&dy));
    let zeros = |shape: &Shape| vec![0.0; shape.numel()];
    let (mut y, mut dx, mut dw) = (zeros(&y_shape), zeros(&x_shape), zeros(&w_shape));
    each_product(case, &y_shape, |i, j, k| {
        y[k] += xs[i] * ws[j];
        dx[i] += dys[k] * ws[j];
        dw[j] += dys[k] * xs[i];
    });
    let [y, dx, dw] = [(y, &y_shape), (dx, &x_shape), (dw, &w_shape)]
        .map(|(values, shape)| Tensor::from_vec(values, shape.clone()).unwrap());
    for device in devices(DType::F32) {
        // Sums of so many terms in f32 err by the square root of their number.
        let terms = (y_shape.numel().max(w_shape.numel()) as f64).sqrt();
        let (dtype, tolerance) =
            if device == Device::Cpu { (DType::F64, 1e-10) } else { (DType::F32, 1e-6 * terms.max(10.0)) };
        let [x, w, dy] = [&x, &w, &dy].map(|x| x.to_dtype(dtype).unwrap().to_device(device).unwrap());
        let close = |actual: Tensor, expected: &Tensor, what: &str| {
            assert_eq!(actual.device(), device);
            assert_close(&actual, &expected.to_dtype(dtype).unwrap(), tolerance, tolerance, what);
        };
        close(scattered(&x).conv(&w, None, &options).unwrap(), &y, "y");
        close(Tensor::conv_backward_input(&w, &dy, &x_shape, &options).unwrap(), &dx, "dx");
        close(Tensor::conv_backward_weight(&scattered(&x), &dy, &w_shape, &options).unwrap(), &dw, "dw");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn random_shapes_follow_the_definition(case in case()) {
        assert_as_defined(&case);
    }
}

#[test]
fn taps_and_windows_may_lie_far_apart() {
    // Nothing is written down or walked through that lies between them.
    const FAR: usize = 1 << 31;
    let near = (5, 3, 1, 1, (1, 1));
    let (taps, windows) = ((5, 3, 1, FAR, (FAR, FAR)), (5, 2, FAR, 1, (0, 1)));
    for (channels, groups) in [(2, 1), (1, 3), (9, 1)] {
        for sizes in [vec![taps], vec![windows], vec![taps, near], vec![near, windows], vec![windows, taps, near]] {
            for filters in [1, 5] {
                assert_as_defined(&Case { images: 2, channels, filters, groups, sizes: sizes.clone() });
            }
        }
    }
}

#[test]
fn empty_batches_and_channels() {
    for device in devices(DType::F32) {
        let weight = Tensor::full_on(device, [3, 2, 2, 2], 1, DType::F32).unwrap();
        let options = ConvOptions::new();
        let x = Tensor::full_on(device, [0, 2, 4, 4], 0, DType::F32).unwrap();
        let y = x.conv(&weight, None, &options).unwrap();
        assert_eq!(y.shape()[..], [0, 3, 3, 3]);
        let dw = Tensor::conv_backward_weight(&x, &y, weight.shape(), &options).unwrap();
        assert!(dw.to_vec::<f32>().unwrap().iter().all(|&x| x == 0.0));
        let dx = Tensor::conv_backward_input(&weight, &y, x.shape(), &options).unwrap();
        assert_eq!(dx.shape(), x.shape());
        // No channels: nothing is added to the bias.
        let x = Tensor::full_on(device, [1, 0, 3, 3], 0, DType::F32).unwrap();
        let weight = Tensor::full_on(device, [2, 0, 2, 2], 0, DType::F32).unwrap();
        let bias = Tensor::new([1.0f32, 2.0]).unwrap().to_device(device).unwrap();
        let y = x.conv(&weight, Some(&bias), &options).unwrap();
        assert_eq!(y.to_vec::<f32>().unwrap(), [1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0]);
    }
}

#[test]
fn half_types_are_computed_in_f32() {
    let mut generator = Generator::new(3);
    let x = Tensor::randn([2, 3, 6, 6], DType::F32, &mut generator).unwrap();
    let w = Tensor::randn([4, 3, 3, 3], DType::F32, &mut generator).unwrap();
    let kinds = devices(DType::F16).into_iter().flat_map(|device| [(device, DType::F16), (device, DType::BF16)]);
    for (device, dtype) in kinds {
        let [x, w] = [&x, &w].map(|x| x.to_device(device).unwrap().to_dtype(dtype).unwrap());
        let wide = |x: &Tensor| x.to_dtype(DType::F32).unwrap();
        let y = x.conv(&w, None, &ConvOptions::new()).unwrap();
        let expected = wide(&x).conv(&wide(&w), None, &ConvOptions::new()).unwrap();
        assert_eq!(y.dtype(), dtype);
        assert_close(&y, &expected.to_dtype(dtype).unwrap(), 0.0, 0.0, "half");
    }
}

/// A copy whose channels are neighbours in memory.
fn channels_last(x: &Tensor) -> Tensor {
    copied(&x.permute([0, 2, 3, 1]).unwrap()).unwrap().permute([0, 3, 1, 2]).unwrap()
}

#[test]
fn a_fused_residual_is_added_before_the_activation() {
    let mut generator = Generator::new(8);
    // [input channels, filters, groups, kernel]: direct, Winograd, any, depthwise and 1×1 kernels.
    for [channels, filters, groups, kernel] in [[2, 5, 1, 3], [32, 32, 1, 3], [8, 6, 2, 2], [6, 6, 6, 3], [8, 12, 1, 1]]
    {
        let mut random = |shape: [usize; 4]| Tensor::randn(shape, DType::F32, &mut generator).unwrap();
        let options = ConvOptions::new().groups(groups);
        let (x, w) = (random([2, channels, 9, 10]), random([filters, channels / groups, kernel, kernel]));
        let bias = random([1, 1, 1, filters]).reshape([filters]).unwrap();
        let plain = x.conv(&w, Some(&bias), &options).unwrap();
        let residual = random([2, filters, plain.shape()[2], plain.shape()[3]]);
        let expected = plain.add(&residual).unwrap().relu().unwrap();
        for device in devices(DType::F32) {
            let [x, w, bias, residual] = [&x, &w, &bias, &residual].map(|x| x.to_device(device).unwrap());
            for residual in [channels_last(&residual), copied(&residual).unwrap(), scattered(&residual)] {
                for x in [channels_last(&x), copied(&x).unwrap()] {
                    let y = x.conv_fused(&w, Some(&bias), Some(&residual), &options, Activation::Relu).unwrap();
                    assert_close(&y, &expected, 1e-4, 1e-4, &format!("{channels} {filters} {groups} {kernel}"));
                }
            }
        }
    }
    let (x, w) = (Tensor::zeros([1, 1, 3, 3], DType::F32).unwrap(), Tensor::zeros([1, 1, 2, 2], DType::F32).unwrap());
    let fused = |residual: &Tensor| x.conv_fused(&w, None, Some(residual), &ConvOptions::new(), Activation::Relu);
    let text = fused(&x).unwrap_err().to_string();
    assert_eq!(text, "conv: expected a residual of the result's shape [1, 1, 2, 2], received shape [1, 1, 3, 3]");
    // No channels: the residual alone.
    let (x, w) = (Tensor::zeros([1, 0, 3, 3], DType::F32).unwrap(), Tensor::zeros([1, 0, 2, 2], DType::F32).unwrap());
    let residual = Tensor::new([[[[-1.0f32, 2.0], [3.0, -4.0]]]]).unwrap();
    let y = x.conv_fused(&w, None, Some(&residual), &ConvOptions::new(), Activation::Relu).unwrap();
    assert_eq!(y.to_vec::<f32>().unwrap(), [0.0, 2.0, 3.0, 0.0]);
}

#[test]
fn errors_name_what_was_expected() {
    let x = Tensor::zeros([1, 4, 5, 5], DType::F32).unwrap();
    let w = Tensor::zeros([2, 4, 3, 3], DType::F32).unwrap();
    let error = |options: ConvOptions| x.conv(&w, None, &options).unwrap_err().to_string();
    let text = |result: ocelli_tensor::Result<Tensor>| result.unwrap_err().to_string();
    let options = ConvOptions::new();
    assert_eq!(error(options.clone().stride(0)), "conv: expected a stride of at least 1, received 0");
    assert_eq!(
        error(options.clone().groups(3)),
        "conv: expected a number of groups that divides the weight's 2 channels, received 3"
    );
    assert_eq!(
        error(options.clone().groups(2)),
        "conv: expected an input of 8 channels for weight [2, 4, 3, 3] and 2 groups, received shape [1, 4, 5, 5]"
    );
    assert_eq!(error(options.clone().dilation([1, 2, 3])), "conv: expected one dilation or 2, received [1, 2, 3]");
    assert!(error(options.clone().dilation(3)).contains("not smaller than the kernel"));
    assert!(error(options.clone().padding(usize::MAX)).contains("expected a padding up to"));
    assert!(error(options.clone().padding(Padding::Causal)).contains("one spatial axis"));
    let bias = Tensor::zeros([3], DType::F32).unwrap();
    assert_eq!(text(x.conv(&w, Some(&bias), &options)), "conv: expected a bias of shape [2], received shape [3]");
    let double = w.to_dtype(DType::F64).unwrap();
    assert!(text(x.conv(&double, None, &options)).contains("received dtype f64"));
    let ints = x.to_dtype(DType::I32).unwrap();
    assert_eq!(text(ints.conv(&w, None, &options)), "conv: expected a float dtype, received dtype i32");
    let flat = Tensor::zeros([4, 5], DType::F32).unwrap();
    assert!(text(flat.conv(&w, None, &options)).contains("1 to 3 spatial axes"));
    let line = Tensor::zeros([1, 4, 5], DType::F32).unwrap();
    assert!(text(line.conv(&w, None, &options)).contains("a weight of the input's rank"));
    assert!(
        text(Tensor::conv_backward_input(&w, &x, x.shape(), &options))
            .contains("a gradient of the result's shape [1, 2, 3, 3]")
    );
    let back = Tensor::zeros([4, 2, 3, 3], DType::F32).unwrap();
    assert!(text(x.conv_transpose(&back, None, &options, 1)).contains("smaller than the stride 1"));
    assert!(text(x.conv_transpose(&w, None, &options, 0)).contains("an input of 2 channels"));
    assert!(text(x.conv_transpose(&back, None, &options.padding(9), 0)).contains("takes away"));
}

#[test]
fn gradients_between_the_windows_of_many_filters_are_zero() {
    // A 1×1 window with stride 2 reads a quarter of the places; the others have no product to be computed from, however deep.
    let weight = Tensor::ones([2048, 3, 1, 1], DType::F32).unwrap();
    let dy = Tensor::ones([1, 2048, 2, 2], DType::F32).unwrap();
    let options = ConvOptions::new().stride(2);
    let dx = Tensor::conv_backward_input(&weight, &dy, &Shape::from([1, 3, 3, 3]), &options).unwrap();
    let channel = [2048.0, 0.0, 2048.0, 0.0, 0.0, 0.0, 2048.0, 0.0, 2048.0];
    assert_eq!(dx.to_vec::<f32>().unwrap(), channel.repeat(3));
}
