//! What a plan computes on slices of its arena allocates nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use ocelli_autograd::Var;
use ocelli_infer::Plan;
use ocelli_nn::{BatchNorm2d, Conv2d, Flatten, Layer, Linear, MaxPool2d, Module, ReLU, Sequential};
use ocelli_tensor::{DType, Generator, PoolOptions, Tensor};

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn random(shape: &[usize], generator: &mut Generator) -> Tensor {
    Tensor::randn(shape, DType::F32, generator).unwrap()
}

/// The fewest allocations of a run among several: a thread pool's queue takes a block of memory for every few dozen jobs.
fn fewest(mut run: impl FnMut()) -> usize {
    (0..3).for_each(|_| run());
    let count = |_| {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        run();
        ALLOCATIONS.load(Ordering::Relaxed) - before
    };
    (0..10).map(count).min().unwrap()
}

#[test]
fn steps_on_slices_allocate_nothing() {
    let mut g = Generator::new(0);
    let norm = BatchNorm2d::new(16).unwrap();
    norm.eval();
    for n in [1, 4] {
        let x = random(&[n, 16, 32, 32], &mut g);
        let plan = Plan::compile_with(std::slice::from_ref(&x), |x| {
            let y = norm.forward(&x[0])?.relu()?;
            let y = Var::concat(&[&y.max_pool(&PoolOptions::new(2))?, &y.avg_pool(&PoolOptions::new(2))?], 1)?;
            let mean = y.mean_keepdim([2, 3])?;
            Ok(vec![y.mul(&mean.sigmoid()?)?.adaptive_avg_pool([2, 2])?.flatten(1, -1)?.softmax(1)?])
        })
        .unwrap();
        assert!(plan.report().unwrap().steps.iter().all(|step| !step.allocates));
        let inputs = [x];
        let mut out = vec![0.0; 128 * n];
        assert_eq!(fewest(|| plan.run_into(&inputs, &mut [&mut out]).unwrap()), 0, "a batch of {n}");
        // What lies channels-last is no exception.
        let inputs = [random(&[n, 32, 32, 16], &mut g).permute([0, 3, 1, 2]).unwrap()];
        assert_eq!(fewest(|| plan.run_into(&inputs, &mut [&mut out]).unwrap()), 0, "channels-last, a batch of {n}");
    }
}

#[test]
fn convolutions_and_linear_layers_allocate_nothing() {
    let mut g = Generator::new(1);
    let conv = |channels, filters, kernel, groups, g: &mut Generator| {
        Conv2d::builder(channels, filters, kernel).padding(kernel / 2).groups(groups).build(g).unwrap()
    };
    let model = Sequential::new()
        .add(conv(3, 32, 7, 1, &mut g))
        .add(ReLU)
        .add(conv(32, 32, 3, 32, &mut g))
        .add(MaxPool2d::new(2))
        .add(conv(32, 64, 3, 1, &mut g))
        .add(conv(64, 48, 1, 1, &mut g))
        .add(Flatten::new())
        .add(Linear::new(48 * 16 * 16, 100, &mut g).unwrap());
    for n in [1, 3] {
        let x = random(&[n, 3, 32, 32], &mut g);
        let plan = Plan::compile(&model, &x).unwrap();
        let inputs = [x];
        let mut out = vec![0.0; 100 * n];
        assert_eq!(fewest(|| plan.run_into(&inputs, &mut [&mut out]).unwrap()), 0, "a batch of {n}");
    }
}
