//! What kernels run on graphics processors, and that they are timed. A process of its own, one test at a time: who waits for the device
//! has all that waits there computed, whoever holds it.

mod adapter;

use std::sync::{Mutex, MutexGuard, PoisonError};

use ocelli_tensor::{ClassTargets, DType, Device, Generator, Tensor, profile};

use adapter::or_skipped;

fn normal(shape: &[usize], seed: u64) -> Tensor {
    Tensor::randn(shape, DType::F32, &mut Generator::new(seed)).unwrap()
}

/// Has kernels timed until it is dropped, for one test at a time.
struct Profiled(#[expect(dead_code, reason = "it is held")] MutexGuard<'static, ()>);

fn profiled() -> Profiled {
    static ALONE: Mutex<()> = Mutex::new(());
    let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    profile::set_enabled(true);
    Profiled(guard)
}

impl Drop for Profiled {
    fn drop(&mut self) {
        profile::set_enabled(false);
    }
}

/// How often kernels of exactly this chain have run.
fn calls(chain: &str) -> (u64, u64) {
    let rows = profile::rows();
    rows.iter().find(|row| row.kernel == chain).map_or((0, 0), |row| (row.calls, row.bytes))
}

#[test]
fn kernels_are_timed() {
    let Some(device) = or_skipped(Device::wgpu(0)) else { return };
    let profiled = profiled();
    let x = normal(&[64, 64], 9).to_device(device).unwrap();
    for _ in 0..100 {
        x.matmul(&x).unwrap();
    }
    x.to_device(Device::Cpu).unwrap();
    device.synchronize().unwrap();
    let rows = profile::rows();
    drop(profiled);
    let row = rows.iter().find(|row| row.device == device && row.kernel.starts_with("matmul")).unwrap();
    assert!(row.calls >= 100 && row.bytes >= 100 * 3 * 64 * 64 * 4 && row.flops >= 100 * 2 * 64 * 64 * 64, "{row:?}");
    let has_timestamps = Device::adapters()[0].features.contains(&"timestamps");
    assert_eq!(row.time.is_zero(), !has_timestamps, "{row:?}");
    assert!(profile::table().contains("matmul"));
}

#[test]
fn a_chain_is_one_kernel() {
    let Some(device) = or_skipped(Device::wgpu(0)) else { return };
    let _profiled = profiled();
    let (x, mean, scale) = (normal(&[4, 3, 8, 8], 1), normal(&[3, 1, 1], 2), normal(&[3, 1, 1], 3));
    let [x, mean, scale] = [x, mean, scale].map(|x| x.to_device(device).unwrap());
    let chain = || x.sub(&mean)?.mul(&scale)?.add(0.125)?.atan2(0.5)?.gelu_tanh();
    let y = chain().unwrap();
    // Of these only the first is needed, and only once.
    let dropped = y.sign().unwrap().cosh().unwrap().asinh().unwrap();
    drop(dropped);
    let [first, second] = [y.to_vec::<f32>().unwrap(), y.to_vec::<f32>().unwrap()];
    assert_eq!(first, second);
    // Spelled out, its input being read three times.
    let cubic = y.square().unwrap().mul(&y).unwrap().mul(0.044715).unwrap().add(&y).unwrap();
    let gelu = cubic.mul(0.797_884_6).unwrap().tanh().unwrap().add(1).unwrap().mul(&y).unwrap().mul(0.5).unwrap();
    gelu.to_vec::<f32>().unwrap();
    // A small part does not keep what is large waiting for it.
    let large = Tensor::zeros([1 << 20], DType::F32).unwrap().to_device(device).unwrap();
    large.narrow(0, 5, 3).unwrap().sinh().unwrap().cbrt().unwrap().to_vec::<f32>().unwrap();
    device.synchronize().unwrap();
    assert_eq!(calls("sinh cbrt").0, 0);
    assert_eq!(calls("sub mul add atan2 gelu_tanh"), (1, 4 * (2 * 4 * 3 * 64 + 2 * 3)));
    assert_eq!(calls("square mul mul add mul tanh add mul mul"), (1, 4 * 2 * 4 * 3 * 64));
    assert_eq!(calls("sub mul add atan2 gelu_tanh sign cosh asinh").0, 0);
}

#[test]
fn waiting_for_the_device_computes_what_is_held() {
    let Some(device) = or_skipped(Device::wgpu(0)) else { return };
    let _profiled = profiled();
    let x = normal(&[100], 1).to_device(device).unwrap();
    let held = x.erf().unwrap().acosh().unwrap();
    device.synchronize().unwrap();
    assert_eq!(calls("erf acosh").0, 1);
    drop(held);
}

#[test]
fn what_is_known_of_labels_is_not_asked_again() {
    let Some(device) = or_skipped(Device::wgpu(0)) else { return };
    let _profiled = profiled();
    let asked = || {
        device.synchronize().unwrap();
        calls("bounds i32").0 + calls("bounds i64").0
    };
    let (logits, targets) = (normal(&[4, 3], 1).to_device(device).unwrap(), ClassTargets::default());
    let step = |labels: &Tensor, targets: &ClassTargets| {
        let (losses, statistics) = logits.cross_entropy(labels, 1, targets)?;
        logits.cross_entropy_backward(labels, &statistics, &losses, 1, targets)
    };
    // From the CPU, in a view that leaves out what is no class.
    let labels = Tensor::new([7i64, 2, 0, 1, 1, -100]).unwrap().to_device(device).unwrap();
    let before = asked();
    let few = Tensor::new([2u8, 0, 1, 1]).unwrap().to_device(device).unwrap();
    step(&few, &targets).unwrap();
    few.one_hot(3, DType::F32).unwrap();
    logits.index_select(0, &few).unwrap();
    assert_eq!(asked() - before, 0);
    step(&labels.narrow(0, 1, 4).unwrap(), &targets).unwrap();
    assert_eq!(asked() - before, 2);
    assert!(step(&labels.narrow(0, 0, 4).unwrap(), &targets).is_err());
    // Computed there: once, whatever the labels are asked for then, unless it is for less.
    let before = asked();
    let labels = labels.narrow(0, 1, 4).unwrap().add(0).unwrap();
    step(&labels, &targets).unwrap();
    step(&labels, &targets).unwrap();
    assert_eq!(asked() - before, 1);
    assert!(labels.one_hot(2, DType::F32).is_err());
    // With a label that does not count.
    let before = asked();
    let labels = Tensor::new([2i64, 255, 1, 1]).unwrap().to_device(device).unwrap();
    let targets = ClassTargets { ignore_index: Some(255), ..targets };
    step(&labels, &targets).unwrap();
    step(&labels, &targets).unwrap();
    assert_eq!(asked() - before, 1);
    assert!(step(&labels, &ClassTargets::default()).is_err());
}
