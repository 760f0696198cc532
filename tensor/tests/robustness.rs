//! Whatever arguments a public operation is given, it answers: with a result or with an error that has a text. No panic, no
//! overflow (the tests are built with overflow checks), no abort for want of memory.

mod adapter;
#[macro_use]
mod foe;

use adapter::or_skipped;
use foe::{Foe, HUGE, brief};
use ocelli_tensor::*;
use proptest::prelude::*;

/// Cases on an adapter, where each takes a hundred times as long on a processor that stands in for one.
const SEEDS: u64 = 100;

fn create(foe: &mut Foe) {
    let sizes: Vec<usize> = (0..foe.below(5)).map(|_| foe.size()).collect();
    let (dtype, scalar, count) = (foe.dtype(), foe.scalar(), foe.size());
    let of_some = foe.below(7);
    let mut generator = Generator::new(foe.next());
    let small = sizes.contains(&0) || sizes.iter().all(|&size| size < 9) || sizes.iter().any(|&size| size >= HUGE);
    assert!(small);
    let device = foe.device;
    foe.call("full", &(&sizes, scalar), || Tensor::full_on(device, &sizes[..], scalar, dtype));
    foe.call("from_slice", &sizes, || Tensor::from_slice(&[0.5f32; 6][..of_some], &sizes[..]));
    foe.call("eye", &(count, of_some), || Tensor::eye(count, of_some, dtype));
    foe.call("rand", &sizes, || Tensor::rand_on(device, &sizes[..], dtype, &mut generator));
    foe.call("randn", &sizes, || Tensor::randn_on(device, &sizes[..], dtype, &mut generator));
    foe.call("randperm", &count, || Tensor::randperm(count, &mut generator));
    let (a, b) = (foe.of(&[0, i64::MIN, -5, i64::MAX]), foe.of(&[0, i64::MIN, 7, i64::MAX]));
    foe.call("randint", &(a, b), || Tensor::randint_on(device, a, b, &sizes[..], dtype, &mut generator));
    let (p, q, r) = (foe.float(), foe.float(), foe.float());
    foe.call("bernoulli", &p, || Tensor::bernoulli_on(device, p, &sizes[..], &mut generator));
    foe.call("linspace", &(p, q, count), || Tensor::linspace(p, q, count, dtype));
    foe.call("arange", &(p, q, r), || Tensor::arange(p, q, r));
    let c = foe.of(&[0, 1, -1, i64::MIN, i64::MAX]);
    foe.call("arange", &(a, b, c), || Tensor::arange(a, b, c));
}

fn views(foe: &mut Foe, x: &Tensor) {
    let rank = x.rank();
    let (a, b, axes, size, other) = (foe.axis(rank), foe.axis(rank), foe.axes(rank), foe.size(), foe.size());
    let (slice, again, position) = (foe.slice(), foe.slice(), foe.position());
    let shape: Vec<usize> = (0..foe.below(6)).map(|_| foe.size()).collect();
    let open: Vec<isize> = (0..foe.below(4)).map(|_| foe.position()).collect();
    let both = [a, b];
    let along = &both[..foe.below(3)];
    each!(
        foe,
        *x,
        reshape(&shape[..]),
        reshape(&open[..]),
        permute(axes.clone()),
        transpose(a, b),
        t(),
        squeeze(axes.clone()),
        unsqueeze(a),
        flatten(a, b),
        narrow(a, size, other),
        select(a, position),
        slice_axis(a, slice),
        slice(&[slice, again]),
        slice_scatter(a, slice, size),
        expand(&shape[..]),
        split(size, a),
        chunk(size, a),
        size(a),
        flip(axes.clone()),
        roll(&open, along),
        repeat_interleave(size, a),
        tile(&shape),
    );
    let sliced = x.slice(&[slice, again]).and_then(|x| x.unsqueeze(a)).and_then(|x| x.slice_axis(b, again));
    foe.call("slice, unsqueeze, slice", &(brief(x), slice, again, a, b), || sliced?.add(1.5));
}

fn elementwise(foe: &mut Foe, x: &Tensor, y: &Tensor) {
    let (scalar, dtype, p, q) = (foe.scalar(), foe.dtype(), foe.float(), foe.float());
    let mask = x.gt(1).and_then(|mask| if p > 0.0 { mask.select(0, 0) } else { Ok(mask) }).unwrap_or(y.clone());
    each!(
        foe,
        *x,
        add(y),
        sub(y),
        mul(y),
        div(y),
        rem(y),
        floor_div(y),
        pow(y),
        maximum(y),
        minimum(y),
        atan2(y),
        hypot(y),
        eq(y),
        ge(y),
        logical_and(y),
        logical_xor(y),
        add(scalar),
        sub(scalar),
        mul(scalar),
        div(scalar),
        rem(scalar),
        floor_div(scalar),
        pow(scalar),
        maximum(scalar),
        lt(scalar),
        logical_or(scalar),
        logical_not(),
        clamp(Some(p), Some(q)),
        clamp(Some(p), None::<f64>),
        to_dtype(dtype),
        where_(y, x),
        masked_fill(&mask, scalar),
        masked_select(&mask),
        allclose(y, p, q),
        neg(),
        abs(),
        sign(),
        square(),
        relu(),
        leaky_relu(p),
        exp(),
        ln(),
        sqrt(),
        erf(),
        erfinv(),
        sigmoid(),
        softplus(),
        round(),
        is_nan(),
        is_finite(),
        zeros_like(),
    );
    foe.call("where_", &(brief(&mask), brief(x), brief(y)), || mask.where_(x, y));
}

fn reduce(foe: &mut Foe, x: &Tensor) {
    let (axes, a, p, size, down) = (foe.axes(x.rank()), foe.axis(x.rank()), foe.float(), foe.size(), foe.coin());
    each!(
        foe,
        *x,
        sum(axes.clone()),
        sum_keepdim(axes.clone()),
        prod(axes.clone()),
        mean(axes.clone()),
        max(axes.clone()),
        min_keepdim(axes.clone()),
        any(axes.clone()),
        all(axes.clone()),
        var(axes.clone(), size),
        std_keepdim(axes.clone(), size),
        norm(p, axes.clone()),
        logsumexp(axes.clone()),
        argmax(a),
        argmin_keepdim(a),
        max_with_indices(a),
        cumsum(a),
        cumprod(a),
        softmax(a),
        log_softmax(a),
        softmax_backward(x, a),
        log_softmax_backward(x, a),
        sort(a, down),
        argsort(a, down),
        topk(size, a, down),
        unique(),
        nonzero(),
        one_hot(size, DType::U8),
        qr(),
        triangular_inverse(),
    );
}

fn several(foe: &mut Foe, x: &Tensor, y: &Tensor) {
    let a = foe.axis(x.rank());
    let specs =
        ["ij,jk->ik", "ii->i", "...i,...i->...", "ij->", "i,j", "ab,cd,", "->", "i->ij", "ij,ij->ji", "a...->...", "é"];
    let spec = foe.of(&specs);
    foe.call("einsum", &(spec, brief(x), brief(y)), || Tensor::einsum(spec, &[x, y]));
    foe.call("einsum", &(spec, brief(x)), || Tensor::einsum(spec, &[x]));
    let labels = |foe: &mut Foe, count: usize| (0..count).map(|_| Label::Letter(foe.of(&['a', 'b', 'c']))).collect();
    let inputs = vec![labels(foe, x.rank()), labels(foe, y.rank())];
    let count = foe.below(3);
    let spec = EinsumSpec { inputs, output: labels(foe, count) };
    foe.call("einsum_of", &(&spec, brief(x), brief(y)), || Tensor::einsum_of(&spec, &[x, y]));
    foe.call("concat", &(brief(x), brief(y), a), || Tensor::concat(&[x, y], a));
    foe.call("concat", &(brief(x), a), || Tensor::concat(&[x, x, x], a));
    foe.call("stack", &(brief(x), brief(y), a), || Tensor::stack(&[x, y], a));
    foe.call("stack of none", &a, || Tensor::stack::<Tensor>(&[], a));
    let wide = foe.tensor();
    let modulo = foe.of(&[1, 2, 3]);
    let index = wide.abs().and_then(|x| x.to_dtype(DType::I64)?.rem(modulo)).unwrap_or(wide);
    let source = foe.lying(&[4, 4], x.dtype());
    let flat = index.flatten(0, -1).unwrap_or(index.clone());
    each!(
        foe,
        *x,
        matmul(y),
        matmul(&x.clone()),
        dot(y),
        outer(y),
        gather(a, &index),
        scatter(a, &index, &source),
        scatter(a, &index, x),
        scatter_add(a, &index, x),
        scatter_add(a, &index, y),
        index_select(a, &flat),
        index_add(a, &flat, y),
        index_add(a, &index, x),
    );
}

/// Windows and paddings: on any tensor, and on pictures that fit.
fn spatial(foe: &mut Foe, x: &Tensor, y: &Tensor) {
    let axes = 1 + foe.below(3);
    let dtype = if foe.below(4) == 0 { foe.dtype() } else { DType::F32 };
    let picture = |foe: &mut Foe, n: usize, c: usize, low: usize| {
        let shape: Vec<usize> = [n, c].into_iter().chain((0..axes).map(|_| low + foe.below(4))).collect();
        foe.lying(&shape, dtype)
    };
    let groups = 1 + foe.below(3);
    let (images, channels) = (foe.below(3), groups * foe.below(3));
    let low = foe.below(3);
    let image = picture(foe, images, channels, low);
    let filters = groups * foe.below(3);
    let weight = picture(foe, filters, channels / groups, 0);
    let (image, weight) = match foe.below(6) {
        0 => (x.clone(), y.clone()),
        1 => (x.clone(), weight),
        2 => (image, y.clone()),
        _ => (image, weight),
    };
    let mut options = ConvOptions::new().groups(if foe.below(8) == 0 { foe.size() } else { groups });
    if foe.coin() {
        options = options.padding(foe.padding(axes));
    }
    if foe.coin() {
        options = options.stride(foe.steps(axes)).dilation(foe.steps(axes));
    }
    let bias = foe.coin().then(|| foe.lying(&[filters], dtype));
    let given = (brief(&image), brief(&weight), options.clone());
    let y = image.conv(&weight, bias.as_ref(), &options);
    foe.call("conv", &given, || image.conv(&weight, bias.as_ref(), &options));
    let dy = y.unwrap_or(image.clone());
    foe.call("conv_backward_input", &given, || Tensor::conv_backward_input(&weight, &dy, image.shape(), &options));
    foe.call("conv_backward_weight", &given, || Tensor::conv_backward_weight(&image, &dy, weight.shape(), &options));
    let shape = Shape::from(foe.sizes(axes + 2));
    foe.call("conv_backward_input", &(&given, &shape), || Tensor::conv_backward_input(&weight, &dy, &shape, &options));
    foe.call("conv_backward_weight", &(&given, &shape), || Tensor::conv_backward_weight(&image, &dy, &shape, &options));
    // Strides and dilations that are just legal would make results of gigabytes here.
    let tame =
        |steps: &PerAxis| PerAxis::from(steps.iter().map(|&s| if s == 1 << 31 { 2 } else { s }).collect::<Vec<_>>());
    let (stride, dilation) = (tame(&options.stride), tame(&options.dilation));
    let tamed = options.clone().stride(stride).dilation(dilation);
    let extra = PerAxis::from(foe.sizes(axes));
    foe.call("conv_transpose", &(&given, &extra), || image.conv_transpose(&weight, None, &tamed, extra.clone()));
    foe.call("conv_transpose", &given, || image.transpose(0, 1)?.conv_transpose(&weight, bias.as_ref(), &tamed, 0));

    let kernel = if foe.coin() { PerAxis::from(1 + foe.below(3)) } else { foe.steps(axes) };
    let mut pool = PoolOptions::new(kernel).ceil_mode(foe.coin()).count_include_pad(foe.coin());
    if foe.coin() {
        pool = pool.padding(foe.padding(axes)).stride(foe.steps(axes));
    }
    if foe.below(3) == 0 {
        pool = pool.dilation(foe.steps(axes));
    }
    let (sizes, spatial) = (Shape::from(foe.sizes(axes)), Shape::from(&image.shape()[image.rank().min(2)..]));
    let other = Shape::from(foe.sizes(axes));
    let mode = foe.of(&[
        InterpolateMode::Nearest,
        InterpolateMode::Linear { align_corners: false },
        InterpolateMode::Linear { align_corners: true },
        InterpolateMode::Cubic { align_corners: false },
        InterpolateMode::Cubic { align_corners: true },
    ]);
    let scale = ResizeTo::Scale((0..foe.of(&[1, axes])).map(|_| foe.float()).collect());
    let pairs: Vec<(usize, usize)> = (0..foe.below(4)).map(|_| (foe.size(), foe.size())).collect();
    let pad = foe.of(&[PadMode::Constant(f64::NAN), PadMode::Reflect, PadMode::Replicate, PadMode::Circular]);
    let places = image.max_pool_with_indices(&pool).map_or(dy.clone(), |(_, places)| places);
    each!(
        foe,
        image,
        max_pool(&pool),
        max_pool_with_indices(&pool),
        avg_pool(&pool),
        adaptive_avg_pool(&sizes),
        adaptive_max_pool_with_indices(&sizes),
        global_avg_pool(),
        global_max_pool(),
        max_pool_take(&places),
        interpolate(sizes.clone(), mode),
        interpolate(scale.clone(), mode),
        pad(&pairs, pad),
        pad_backward(&pairs, pad),
        max_pool_backward(&places, &other),
        avg_pool_backward(&other, &pool),
        adaptive_avg_pool_backward(&other),
        interpolate_backward(&other, sizes.clone(), mode),
    );
    let pooled = image.avg_pool(&pool).unwrap_or(dy);
    let resized = image.interpolate(sizes.clone(), mode).unwrap_or(pooled.clone());
    let places_like = places.to_dtype(DType::F32).unwrap_or(pooled.clone());
    foe.call("avg_pool_backward", &(&given, &pool), || pooled.avg_pool_backward(&spatial, &pool));
    foe.call("max_pool_backward", &(&given, &pool), || places_like.max_pool_backward(&places, &spatial));
    foe.call("interpolate_backward", &(&given, &sizes), || resized.interpolate_backward(&spatial, sizes.clone(), mode));
}

/// Calls every operation; what did not answer.
fn unanswered(seed: u64, device: Device) -> Vec<String> {
    let mut foe = Foe { state: seed, device, failures: Vec::new() };
    create(&mut foe);
    let (x, y) = (foe.tensor(), foe.tensor());
    foe.call("the tensor", &brief(&x), || Ok(x.clone()));
    views(&mut foe, &x);
    elementwise(&mut foe, &x, &y);
    reduce(&mut foe, &x);
    several(&mut foe, &x, &y);
    spatial(&mut foe, &x, &y);
    foe.call("synchronize", &device, || device.synchronize());
    foe.failures
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_operation_answers(seed in any::<u64>()) {
        let failures = unanswered(seed, Device::Cpu);
        prop_assert!(failures.is_empty(), "panics: {failures:#?}");
    }
}

#[test]
fn every_operation_answers_on_an_adapter() {
    let Some(device) = or_skipped(Device::wgpu(0)) else { return };
    let failures: Vec<String> = (0..SEEDS).flat_map(|seed| unanswered(seed, device)).collect();
    assert!(failures.is_empty(), "panics, or devices that fail: {failures:#?}");
}

#[test]
fn views_of_more_elements_than_memory_holds() {
    let wide = Tensor::new([1.5f32]).unwrap().expand([HUGE]).unwrap();
    assert_eq!(wide.to_string(), "[1.5 1.5 1.5 ... 1.5 1.5 1.5]");
    let refused = |result: Result<Tensor>| matches!(result, Err(Error::OutOfMemory { .. } | Error::TooLarge { .. }));
    assert!(refused(wide.sum(..)) && refused(wide.dot(&wide)) && refused(wide.add(&wide)) && refused(wide.softmax(0)));
    assert!(matches!(wide.to_vec::<f32>(), Err(Error::OutOfMemory { .. })));
    assert!(matches!(wide.split(1, 0), Err(Error::OutOfMemory { .. })));
    assert!(wide.item::<f32>().is_err());
    // As many elements as can be counted, of more bytes than can be.
    let widest = Tensor::new([1.5f64]).unwrap().expand([usize::MAX / 32]).unwrap();
    let (same, yes) = (widest.eq(&widest), Tensor::new([true]).unwrap().expand([usize::MAX / 32]).unwrap());
    assert!(refused(same) && refused(widest.add(1.0)) && refused(widest.exp()) && refused(widest.to_dtype(DType::F32)));
    assert!(refused(yes.where_(&widest, 0.0)) && refused(widest.pad(&[(0, 1)], PadMode::Constant(0.0))));
    // No picture, however many pixels it would have.
    let (none, weight) =
        (Tensor::zeros([0, 1, 1, 1, 1], DType::F32).unwrap(), Tensor::ones([1; 5], DType::F32).unwrap());
    assert!(refused(none.expand([0, 1, 1 << 30, 1 << 30, 1 << 30])));
    assert!(refused(none.conv(
        &weight,
        None,
        &ConvOptions { padding: Padding::from(1 << 30), ..ConvOptions::default() }
    )));
    assert_eq!(wide.select(0, -1).unwrap().item::<f32>().unwrap(), 1.5);
    // Many axes, none of which can be abridged.
    let many = Tensor::new([1u8]).unwrap().expand([6; 18]).unwrap();
    assert_eq!(many.to_string(), "[...]");
    // Matrices without elements: nothing to do, however many there are.
    let none = Tensor::zeros([0], DType::F32).unwrap().expand([HUGE, 0]).unwrap();
    assert_eq!(none.unsqueeze(1).unwrap().qr().unwrap().0.shape()[..], [HUGE, 1, 0]);
    assert_eq!(none.slice_scatter(1, .., 0).unwrap().shape()[..], [HUGE, 0]);
}

#[test]
fn huge_numbers_are_not_taken_for_negative_ones() {
    let x = Tensor::new([[1.0f32, 2.0]]).unwrap();
    assert!(x.reshape([usize::MAX]).is_err());
    assert!(x.sum(usize::MAX).is_err());
    assert!(x.reshape([0, usize::MAX, usize::MAX]).is_err());
    assert_eq!(x.add(usize::MAX).unwrap().to_vec::<f32>().unwrap()[0], 1.0 + i64::MAX as f32);
    assert_eq!(Shape::from([HUGE, HUGE]).numel(), usize::MAX);
    assert_eq!(Shape::from([HUGE, HUGE, 0]).numel(), 0);
    let text = x.unsqueeze(0).unwrap().max_pool(&PoolOptions::new(usize::MAX)).unwrap_err().to_string();
    assert_eq!(text, "max_pool: expected a kernel of at most 2147483648, received 18446744073709551615");
}
