//! Whatever arguments a public operation is given, it answers: with a result or with an error that has a text. No panic, no
//! overflow (the tests are built with overflow checks), no abort for want of memory.

mod adapter;

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

use adapter::or_skipped;
use ocelli_tensor::*;
use proptest::prelude::*;

/// More elements than any address space holds, so that no allocator gives them, though a view may have them.
const HUGE: usize = 1 << 52;
/// Cases on an adapter, where each takes a hundred times as long on a processor that stands in for one.
const SEEDS: u64 = 100;

/// Where the hostile arguments of one case come from (SplitMix64), and what went wrong.
struct Foe {
    state: u64,
    /// Where its tensors are.
    device: Device,
    failures: Vec<String>,
}

impl Foe {
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    /// Mostly a small number.
    fn size(&mut self) -> usize {
        if self.below(6) > 0 {
            self.below(4)
        } else {
            self.of(&[HUGE, usize::MAX, usize::MAX - 1, isize::MAX as usize])
        }
    }

    /// One for all axes, one for each of `rank`, or a wrong number of them.
    fn sizes(&mut self, rank: usize) -> Vec<usize> {
        let count = self.of(&[1, rank, rank, rank + 1]);
        (0..count).map(|_| self.size()).collect()
    }

    /// As [`Foe::sizes`] for a stride, dilation or kernel, whose greatest legal number makes no result large.
    fn steps(&mut self, rank: usize) -> PerAxis {
        let sizes = self.sizes(rank);
        let steps: Vec<usize> =
            sizes.into_iter().map(|size| if self.below(8) == 0 { 1 << 31 } else { size.max(self.below(2)) }).collect();
        PerAxis::from(steps)
    }

    fn padding(&mut self, rank: usize) -> Padding {
        match self.below(5) {
            0 => Padding::Valid,
            1 => Padding::Same,
            2 => Padding::Causal,
            3 => Padding::from(&self.sizes(rank)[..]),
            _ => Padding::from((self.size(), self.size())),
        }
    }

    fn axis(&mut self, rank: usize) -> isize {
        let rank = rank as isize;
        if self.below(4) > 0 && rank > 0 {
            return self.below(2 * rank as usize) as isize - rank;
        }
        self.of(&[rank, -rank - 1, isize::MIN, isize::MAX, 0, -1])
    }

    fn axes(&mut self, rank: usize) -> Axes {
        let count = self.below(4);
        if count == 3 {
            return Axes::All;
        }
        let axes: Vec<isize> = (0..count).map(|_| self.axis(rank)).collect();
        Axes::from(&axes[..])
    }

    fn position(&mut self) -> isize {
        self.of(&[0, 1, -1, 2, -3, 7, isize::MIN, isize::MAX])
    }

    fn slice(&mut self) -> Slice {
        let mut position = || self.coin().then(|| self.position());
        let (start, stop) = (position(), position());
        Slice::new(start, stop, self.position())
    }

    fn float(&mut self) -> f64 {
        self.of(&[0.0, 1.0, -1.5, 2.0, 0.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300, 1e-300])
    }

    fn scalar(&mut self) -> Scalar {
        match self.below(3) {
            0 => Scalar::Bool(self.coin()),
            1 => Scalar::Int(self.of(&[0, 1, -1, 3, i64::MIN, i64::MAX])),
            _ => Scalar::Float(self.float()),
        }
    }

    fn dtype(&mut self) -> DType {
        if self.coin() { DType::F32 } else { self.of(&DType::ALL) }
    }

    fn shape(&mut self) -> Vec<usize> {
        let rank = self.below(6);
        (0..rank).map(|_| self.of(&[1, 2, 2, 3, 3, 4, 0])).collect()
    }

    /// A tensor of a shape and dtype, lying in memory in one of many ways.
    fn lying(&mut self, shape: &[usize], dtype: DType) -> Tensor {
        let rank = shape.len();
        let reversed: Vec<isize> = (0..rank as isize).rev().collect();
        let order = if self.coin() { (0..rank as isize).collect() } else { reversed };
        let place = |axis: usize| order.iter().position(|&at| at as usize == axis).unwrap();
        let wide = self.below(3);
        let base: Vec<usize> = order.iter().map(|&axis| shape[axis as usize] * if wide == 0 { 2 } else { 1 }).collect();
        let count: usize = base.iter().product();
        let mut x = Tensor::arange(0, count, 1).unwrap().sub(2).unwrap();
        if self.below(3) == 0 {
            let special = Tensor::full((), self.float(), DType::F32).unwrap();
            x = x.lt(3).unwrap().where_(&special, &x.to_dtype(DType::F32).unwrap()).unwrap();
        }
        x = x.to_dtype(dtype).unwrap().reshape(&base[..]).unwrap();
        // Doubles stay where they are: an adapter has none, and operands of two devices are to be refused.
        if dtype != DType::F64 {
            x = x.to_device(self.device).unwrap();
        }
        if wide == 0 {
            for axis in 0..rank {
                x = x.slice_axis(axis as isize, Slice::from(..).step(self.of(&[2, -2]))).unwrap();
            }
        }
        let inverse: Vec<usize> = (0..rank).map(place).collect();
        let x = x.permute(&inverse[..]).unwrap();
        assert_eq!(x.shape()[..], *shape);
        x
    }

    fn tensor(&mut self) -> Tensor {
        let (shape, dtype) = (self.shape(), self.dtype());
        let x = self.lying(&shape, dtype);
        let rank = x.rank();
        match self.below(8) {
            0 => {
                // An axis along which nothing moves, of any length.
                let axis = self.below(rank + 1);
                let mut wide = x.unsqueeze(axis as isize).unwrap();
                let mut shape = wide.shape().clone();
                shape[axis] = self.of(&[3, 3, HUGE]);
                wide = wide.expand(shape).unwrap_or(wide);
                wide
            }
            1 if rank > 0 => x.flip(self.below(rank)).unwrap(),
            _ => x,
        }
    }

    /// Calls an operation; what it gives is looked at in every way there is.
    fn call<T: Outcome>(&mut self, name: &str, given: &dyn std::fmt::Debug, op: impl FnOnce() -> Result<T>) {
        let outcome = catch_unwind(AssertUnwindSafe(|| match op() {
            Ok(result) => result.look(),
            Err(error) => {
                let text = error.to_string();
                assert!(text.len() > 8);
                // A device does not fail for what it is given.
                let troubles = ["a kernel failed", "take the kernel", "was lost", "does not answer", "opened anew"];
                assert!(!troubles.iter().any(|trouble| text.contains(trouble)), "{text}");
            }
        }));
        if outcome.is_err() {
            self.failures.push(format!("{name} of {given:?}"));
        }
    }
}

/// What an operation gives.
trait Outcome {
    fn look(&self);
}

impl Outcome for Tensor {
    fn look(&self) {
        let text = |x: &dyn Display| assert!(!x.to_string().is_empty());
        text(self);
        assert!(format!("{self:?}").contains("shape="));
        let _ = self.item::<f64>();
        match self.dtype() {
            DType::F32 => {
                assert!(self.to_vec::<f32>().is_ok_and(|x| x.len() == self.numel()) || self.numel() >= HUGE / 8)
            }
            _ => assert!(self.to_vec::<f32>().is_err()),
        }
        assert_eq!(self.strides().len(), self.rank());
    }
}
impl<A: Outcome, B: Outcome> Outcome for (A, B) {
    fn look(&self) {
        self.0.look();
        self.1.look();
    }
}
impl<T: Outcome> Outcome for Vec<T> {
    fn look(&self) {
        self.iter().for_each(T::look);
    }
}
macro_rules! plain_outcome {
    ($($T:ty),*) => {$(impl Outcome for $T { fn look(&self) {} })*};
}
plain_outcome!((), bool, usize, Shape, ConvOptions);

/// Calls methods of one tensor by name.
macro_rules! each {
    ($foe:ident, $x:expr, $($name:ident($($argument:expr),*)),* $(,)?) => {$({
        let x = &$x;
        let what = (brief(x), vec![$(format!("{:?}", $argument)),*] as Vec<String>);
        $foe.call(stringify!($name), &what, || x.$name($($argument),*));
    })*};
}

fn brief(x: &Tensor) -> String {
    format!("{} {} {:?}", x.dtype(), x.shape(), x.strides())
}

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
