//! Contexts that fail. Each test opens its own, but for the one about opening anew.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Barrier};
use std::task::{self, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use super::cache::Cache;
use super::pipelines::Pipelines;
use super::stream::AHEAD;
use super::{Bounds, Context};
use crate::lock::{SHARED_CONTEXT, locked};
use crate::wgpu::{Grid, Kernel, Program, transfer};
use crate::{DType, Device, Error, Result, Tensor};

/// A context of the first adapter, or none if there is no adapter; `OCELLI_TEST_ADAPTER=required` makes that a failure.
fn opened(open: impl FnOnce() -> Result<Arc<Context>>) -> Option<Arc<Context>> {
    match open() {
        Ok(context) => Some(context),
        Err(error) => {
            assert!(std::env::var_os("OCELLI_TEST_ADAPTER").is_none(), "{error}");
            None
        }
    }
}

fn own() -> Option<Arc<Context>> {
    bounded(Bounds::NONE)
}

fn bounded(bounds: Bounds) -> Option<Arc<Context>> {
    opened(|| Context::open(0, bounds).map(Arc::new))
}

fn bytes(memory: u64) -> Bounds {
    Bounds { memory, ..Bounds::NONE }
}

/// So many MiB of twos.
fn megabytes(context: &Arc<Context>, count: usize) -> Result<Tensor> {
    transfer::upload(context, &Tensor::full([count << 18], 2, DType::F32).unwrap())
}

/// As [`megabytes`], without their being copied to the adapter.
fn made(context: &Arc<Context>, count: usize) -> Result<Tensor> {
    let number = |number: f32| transfer::upload(context, &Tensor::new([number])?);
    let x = number(2.0)?.expand([count << 18])?.mul(&number(1.0)?)?;
    x.memory().settle()?;
    Ok(x)
}

/// Fails where the test takes minutes, as those do that wait for each other.
fn in_time(test: impl FnOnce() + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    let thread = thread::spawn(move || {
        test();
        let _ = done.send(());
    });
    if is_done.recv_timeout(Duration::from_secs(120)) == Err(RecvTimeoutError::Timeout) {
        panic!("it does not end");
    }
    thread.join().unwrap();
}

/// Has an adapter refuse something that nobody waits for.
fn fail(context: &Context) {
    let usage = ::wgpu::BufferUsages::empty();
    let _ = context.device.create_buffer(&::wgpu::BufferDescriptor {
        label: None,
        size: 4,
        usage,
        mapped_at_creation: false,
    });
}

#[test]
fn a_broken_kernel_is_refused() {
    static BROKEN: Kernel = Kernel { name: "broken", files: &["fn main() {}"] };
    let Some(context) = own() else { return };
    let program = Program { kernel: &BROKEN, types: &[], sizes: &[], constants: &[] };
    let error = context.run(program, &[0, 0], &[], &[], Grid::of(1, 64)).unwrap_err().to_string();
    assert!(error.contains("expected it to take the kernel `broken`, received"), "{error}");
    // Others are none the worse.
    let x = transfer::upload(&context, &Tensor::new([1.0f32, 2.0]).unwrap()).unwrap();
    assert_eq!(x.add(&x).unwrap().to_vec::<f32>().unwrap(), [2.0, 4.0]);
}

#[test]
fn a_context_that_failed_is_opened_anew() {
    let _shared = locked(&SHARED_CONTEXT);
    let Some(context) = opened(|| Context::of(0)) else { return };
    let x = transfer::upload(&context, &Tensor::new([1.0f32, 2.0]).unwrap()).unwrap();
    fail(&context);
    for error in [x.add(&x).unwrap_err(), x.to_vec::<f32>().unwrap_err(), x.device().synchronize().unwrap_err()] {
        assert!(error.to_string().contains("a kernel failed"), "{error}");
    }
    let anew = Context::of(0).unwrap();
    assert!(!Arc::ptr_eq(&context, &anew));
    let y = transfer::upload(&anew, &Tensor::new([3.0f32, 4.0]).unwrap()).unwrap();
    assert_eq!(y.add(1.0).unwrap().to_vec::<f32>().unwrap(), [4.0, 5.0]);
    // Both say that they are on wgpu:0.
    for error in [y.add(&x).unwrap_err(), x.add(&y).unwrap_err()] {
        assert!(error.to_string().contains("a kernel failed"), "{error}");
    }
    assert_eq!(y.mul(2.0).unwrap().to_vec::<f32>().unwrap(), [6.0, 8.0]);
    y.device().synchronize().unwrap();
}

#[test]
fn tensors_of_two_contexts_do_not_meet() {
    let (Some(one), Some(other)) = (own(), own()) else { return };
    let x = Tensor::new([1.0f32, 2.0]).unwrap();
    let (x, y) = (transfer::upload(&one, &x).unwrap(), transfer::upload(&other, &x).unwrap());
    let error = x.add(&y).unwrap_err().to_string();
    assert!(error.contains("before it was opened anew"), "{error}");
    assert_eq!(x.add(&x).unwrap().to_vec::<f32>().unwrap(), [2.0, 4.0]);
}

#[test]
fn a_lost_device_says_so() {
    let Some(context) = own() else { return };
    let x = transfer::upload(&context, &Tensor::new([1.0f32, 2.0]).unwrap()).unwrap();
    // In the middle of a recording.
    let y = x.add(&x).unwrap();
    context.lose();
    let upload = transfer::upload(&context, &Tensor::new([1.0f32]).unwrap());
    for error in [upload.err(), x.add(&x).err(), y.to_vec::<f32>().err(), context.synchronize().err()] {
        let error = error.unwrap().to_string();
        assert!(error.starts_with("wgpu:0: the device was lost"), "{error}");
    }
}

#[test]
fn few_submissions_are_ahead_of_the_adapter() {
    let Some(context) = own() else { return };
    let finished = Arc::new(AtomicUsize::new(0));
    let mut x = transfer::upload(&context, &Tensor::zeros([1000], DType::F32).unwrap()).unwrap();
    for _ in 0..3 * AHEAD {
        // As many kernels as are handed over at once.
        for _ in 0..64 {
            x = x.add(&x).unwrap();
            x.memory().settle().unwrap();
        }
        let finished = finished.clone();
        context.queue.on_submitted_work_done(move || {
            finished.fetch_add(1, Ordering::Relaxed);
        });
        assert!(locked(&context.stream).ahead.len() <= AHEAD);
    }
    let finished = finished.load(Ordering::Relaxed);
    assert!(finished >= 2 * AHEAD - 2, "{finished} submissions have finished");
    // Memory that is freed while kernels use it is the next kernel's: three tensors live at a time. One more was copied through.
    assert!(context.reserved() <= 5 * 4096, "{}", context.reserved());
}

#[test]
fn large_kernels_are_handed_over_early() {
    let Some(context) = own() else { return };
    let submitted = || locked(&context.stream).ahead.len();
    let x = transfer::upload(&context, &Tensor::zeros([8 << 20], DType::F32).unwrap()).unwrap();
    let before = submitted();
    for _ in 0..5 {
        // Kernels that nobody waits for run when they are told to.
        x.add(&x).unwrap().memory().settle().unwrap();
    }
    assert_eq!(submitted(), before + 1);
}

#[test]
fn idle_memory_is_given_back_before_there_is_none() {
    let Some(context) = bounded(bytes((12 << 20) + (1 << 16))) else { return };
    let megabytes = |count: usize| megabytes(&context, count);
    let kept = megabytes(3).unwrap();
    let freed: Vec<Tensor> = (0..6).map(|_| megabytes(1).unwrap()).collect();
    // On its way while its memory is freed.
    let sum = freed[5].add(&freed[4]).unwrap().sum(0).unwrap();
    assert!(matches!(megabytes(4), Err(Error::OutOfMemory { .. })));
    drop(freed);
    let large = megabytes(4).unwrap();
    assert!(matches!(megabytes(4), Err(Error::OutOfMemory { .. })));
    assert!(context.reserved() < 13 << 20, "{}", context.reserved());
    // Nothing has come to harm.
    assert_eq!(sum.item::<f32>().unwrap(), (4 << 18) as f32);
    assert_eq!(kept.max(0).unwrap().item::<f32>().unwrap(), 2.0);
    assert_eq!(large.min(0).unwrap().item::<f32>().unwrap(), 2.0);
}

#[test]
fn a_result_that_waits_and_has_no_room_is_an_error() {
    in_time(|| {
        let Some(context) = bounded(bytes((7 << 20) + (1 << 17))) else { return };
        let x = made(&context, 3).unwrap();
        let (y, z) = (x.add(&x).unwrap(), x.mul(&x).unwrap());
        // Three MiB more do not fit now.
        let filled = made(&context, 2).unwrap();
        // Held results are not forgotten with that: it stays an error as long as they have no room.
        for _ in 0..2 {
            for error in [y.sum(0).err(), y.to_vec::<f32>().err(), context.synchronize().err()] {
                assert!(matches!(error, Some(Error::OutOfMemory { .. })), "{error:?}");
            }
        }
        drop(filled);
        assert_eq!(y.sum(0).unwrap().item::<f32>().unwrap(), (3 << 20) as f32);
        assert!(matches!(context.synchronize(), Err(Error::OutOfMemory { .. })));
        drop(y);
        context.synchronize().unwrap();
        assert_eq!(z.max(0).unwrap().item::<f32>().unwrap(), 4.0);
    });
}

#[test]
fn threads_whose_results_have_no_room_do_not_wait_for_each_other() {
    in_time(|| {
        let Some(context) = bounded(bytes((4 << 20) + (1 << 18))) else { return };
        let x = made(&context, 3).unwrap();
        for _ in 0..50 {
            let results = [x.add(&x).unwrap(), x.mul(&x).unwrap()];
            let start = Barrier::new(results.len());
            thread::scope(|scope| {
                for y in &results {
                    scope.spawn(|| {
                        start.wait();
                        let error = y.sum(0).err();
                        assert!(matches!(error, Some(Error::OutOfMemory { .. })), "{error:?}");
                    });
                }
            });
        }
        assert_eq!(x.sum(0).unwrap().item::<f32>().unwrap(), (3 << 19) as f32);
    });
}

#[test]
fn operands_of_results_that_wait_are_given_back_too() {
    in_time(|| {
        let Some(context) = bounded(bytes((7 << 20) + (1 << 17))) else { return };
        // Four MiB that one result of one MiB holds.
        let y = {
            let x = [(); 4].map(|()| made(&context, 1).unwrap());
            x[0].add(&x[1]).unwrap().mul(&x[2]).unwrap().sub(&x[3]).unwrap()
        };
        let large = made(&context, 4).unwrap();
        assert_eq!(y.max(0).unwrap().item::<f32>().unwrap(), 6.0);
        assert_eq!(large.max(0).unwrap().item::<f32>().unwrap(), 2.0);
    });
}

#[test]
fn copies_have_idle_memory_given_back() {
    let Some(context) = bounded(bytes((8 << 20) + (1 << 17))) else { return };
    let on_the_way = || context.staged.load(Ordering::Relaxed);
    let small = megabytes(&context, 1).unwrap();
    assert_eq!(on_the_way(), 1 << 20);
    drop(small);
    context.reclaim().unwrap();
    assert_eq!((on_the_way(), context.reserved()), (0, 0));
    // Six MiB of tensors, of which three lie idle; three more are needed to copy the others.
    let kept = made(&context, 3).unwrap();
    drop(made(&context, 3).unwrap());
    assert!(context.reserved() >= 6 << 20, "{}", context.reserved());
    assert_eq!(kept.to_vec::<f32>().unwrap().len(), 3 << 18);
    let other = made(&context, 3).unwrap();
    let error = megabytes(&context, 2).err();
    assert!(matches!(error, Some(Error::OutOfMemory { .. })), "{error:?}");
    assert_eq!(other.max(0).unwrap().item::<f32>().unwrap(), 2.0);
}

/// Counts how often it was woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

#[test]
fn results_come_as_futures() {
    let Some(context) = own() else { return };
    let cpu = Tensor::new([1.0f32, 2.0, 3.0]).unwrap();
    let x = transfer::upload(&context, &cpu).unwrap();
    assert_eq!(pollster::block_on(x.add(&x).unwrap().to_vec_async::<f32>()).unwrap(), [2.0, 4.0, 6.0]);
    let there = pollster::block_on(x.to_device_async(Device::Cpu)).unwrap();
    assert_eq!((there.device(), there.to_vec::<f32>().unwrap()), (Device::Cpu, cpu.to_vec::<f32>().unwrap()));
    let error = pollster::block_on(x.to_vec_async::<i64>()).unwrap_err();
    assert!(matches!(error, Error::DType { .. }), "{error}");
    let empty = x.narrow(0, 3, 0).unwrap();
    assert_eq!(pollster::block_on(empty.to_vec_async::<f32>()).unwrap(), [0.0f32; 0]);
    // At once on the CPU.
    let mut ready = pin!(cpu.to_vec_async::<f32>());
    assert!(ready.as_mut().poll(&mut task::Context::from_waker(Waker::noop())).is_ready());
}

#[test]
fn futures_wake_their_tasks_and_keep_no_thread() {
    let Some(context) = own() else { return };
    let mut x = transfer::upload(&context, &Tensor::eye(256, 256, DType::F32).unwrap()).unwrap();
    for _ in 0..20 {
        x = x.matmul(&x).unwrap();
    }
    // More bytes than come in one piece.
    let large = x.reshape([1, 65536]).unwrap().expand([200, 65536]).unwrap();
    let mut futures = [x, large].map(|x| Box::pin(x.to_vec_async::<f32>()));
    let mut woken = [Arc::<Woken>::default(), Arc::default()];
    let mut results = [None, None];
    let start = std::time::Instant::now();
    while results.iter().any(Option::is_none) {
        for ((future, woken), result) in futures.iter_mut().zip(&mut woken).zip(&mut results) {
            let waker = Waker::from(woken.clone());
            if result.is_none()
                && let Poll::Ready(values) = future.as_mut().poll(&mut task::Context::from_waker(&waker))
            {
                *result = Some(values.unwrap());
            }
        }
        // Both are asked again only after one of them was woken.
        while results.iter().any(Option::is_none) && woken.iter().all(|woken| woken.0.swap(0, Ordering::Acquire) == 0) {
            assert!(start.elapsed().as_secs() < 300, "nobody was woken");
            std::thread::yield_now();
        }
    }
    let [values, large] = results.map(Option::unwrap);
    assert_eq!(values.iter().sum::<f32>(), 256.0);
    assert!(large.chunks(65536).all(|row| row == values));
}

#[test]
fn futures_tell_of_a_lost_device() {
    let Some(context) = own() else { return };
    let x = transfer::upload(&context, &Tensor::new([1.0f32, 2.0]).unwrap()).unwrap();
    let mut future = Box::pin(x.add(&x).unwrap().to_vec_async::<f32>());
    let first = future.as_mut().poll(&mut task::Context::from_waker(Waker::noop()));
    context.lose();
    // The numbers may have come before.
    let result = match first {
        Poll::Ready(result) => result,
        Poll::Pending => pollster::block_on(future),
    };
    if let Err(error) = result {
        assert!(error.to_string().contains("the device was lost"), "{error}");
    }
    let error = pollster::block_on(x.to_vec_async::<f32>()).unwrap_err();
    assert!(error.to_string().contains("the device was lost"), "{error}");
}

#[test]
fn bindings_are_kept_with_their_memory() {
    let Some(context) = own() else { return };
    let x = transfer::upload(&context, &Tensor::zeros([1000], DType::F32).unwrap()).unwrap();
    let kept = || locked(&context.stream).bindings.len();
    let flipped = |x: &Tensor| x.flip(0).unwrap().contiguous().unwrap();
    flipped(&x);
    assert_eq!(kept(), 1);
    for _ in 0..10 {
        // The first result lies in the memory of before.
        flipped(&flipped(&x));
    }
    assert_eq!(kept(), 2);
    context.release_idle_memory();
    assert_eq!(kept(), 0);
    assert_eq!(flipped(&x).to_vec::<f32>().unwrap()[..2], [0.0, 0.0]);
}

#[test]
fn what_was_compiled_is_kept_for_the_next_program() {
    let directory = tempfile::tempdir().unwrap();
    let files = || std::fs::read_dir(directory.path()).unwrap().map(|file| file.unwrap().path()).collect::<Vec<_>>();
    for round in 0..3 {
        let Some(context) = own() else { return };
        let Some(cache) = Cache::open_in(directory.path(), &context.device) else { return };
        *locked(&context.pipelines) = Pipelines::new(&context.device, Some(cache));
        let x = transfer::upload(&context, &Tensor::new([1.0f32, 2.0]).unwrap()).unwrap();
        let y = x.add(&x).unwrap().mul(&x).unwrap();
        assert_eq!(y.to_vec::<f32>().unwrap(), [2.0, 8.0]);
        let [file] = &files()[..] else { panic!("round {round}: expected one file, received {:?}", files()) };
        // The last round finds a file that is of no use.
        if round == 1 {
            std::fs::write(file, "OCELLI01").unwrap();
        }
    }
}
