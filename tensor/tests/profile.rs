//! What kernels run on graphics processors, and that they are timed. A process of its own, one test at a time: who waits for the device
//! has all that waits there computed, whoever holds it.

mod adapter;

use std::sync::{Mutex, MutexGuard, PoisonError};

use ocelli_tensor::{DType, Device, Generator, Tensor, profile};

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
