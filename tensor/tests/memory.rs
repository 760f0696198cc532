//! What tensors take on a device does not grow. A process of its own: no other test may take memory meanwhile.

mod adapter;

use ocelli_tensor::{DType, Device, Generator, Tensor, UpdateRule, WeightDecay};

use adapter::or_skipped;

fn normal(shape: [usize; 2], seed: u64) -> Tensor {
    Tensor::randn(shape, DType::F32, &mut Generator::new(seed)).unwrap()
}

fn is_flat_on(device: Device) {
    let mut w = normal([40, 30], 34).to_device(device).unwrap();
    let batch = normal([16, 40], 35);
    // As in training: a batch goes up, and a loss comes back.
    let step = |w: &mut Tensor| -> ocelli_tensor::Result<()> {
        let x = batch.to_device(device)?;
        let y = x.matmul(w)?.tanh()?;
        assert!(y.square()?.mean(..)?.item::<f32>()?.is_finite());
        let gradient = x.t()?.matmul(&y)?;
        w.update(&gradient, &mut [], UpdateRule::Descent { rate: 1e-3 }, WeightDecay::default())
    };
    for _ in 0..50 {
        step(&mut w).unwrap();
    }
    let before = device.reserved_memory().unwrap();
    // What there is at once: weights, their gradient, a batch and its products.
    assert!(before >= 4 * (2 * 40 * 30 + 16 * 40), "{before} bytes");
    for _ in 0..1000 {
        step(&mut w).unwrap();
    }
    assert_eq!(device.reserved_memory().unwrap(), before);
    assert!(w.is_finite().unwrap().all(..).unwrap().item::<bool>().unwrap());
}

#[test]
fn memory_is_flat_over_a_thousand_steps() {
    is_flat_on(Device::Cpu);
    or_skipped(Device::wgpu(0)).into_iter().for_each(is_flat_on);
}
