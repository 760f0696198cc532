//! Training on a graphics processor is training on the CPU.

use std::io::Write;

use ocelli_autograd::Var;
use ocelli_data::{DataLoader, mnist};
use ocelli_nn::{CrossEntropy, Layer, Loss, Module};
use ocelli_tensor::{Device, Generator};
use ocelli_vision::models;

/// The losses of the first steps of LeNet on handwritten digits. By gradient descent: adaptive optimizers divide by a gradient's size, so
/// that rounding turns small ones around, and the CPU does not agree with itself from one set of instructions to another.
fn losses(device: Device, steps: usize) -> Vec<f64> {
    let model = models::by_name("lenet", 10, &mut Generator::new(3)).unwrap();
    model.to(device).unwrap();
    let mut optimizer = ocelli_optim::from_name("sgd", model.named_parameters()).unwrap();
    let (train, _) = mnist::embedded().unwrap();
    let loader = DataLoader::new(train, 64).unwrap().shuffle(true).seed(3);
    let criterion = CrossEntropy::new();
    let step = |batch: ocelli_data::Result<ocelli_data::Batch>| {
        let batch = batch.unwrap();
        let [pictures, labels] = [batch.images, batch.labels].map(|x| x.to_device(device).unwrap());
        let loss = criterion.loss(&model.forward(&Var::constant(pictures)).unwrap(), &labels).unwrap();
        optimizer.step(&loss.backward().unwrap(), 0.1).unwrap();
        loss.item::<f64>().unwrap()
    };
    loader.epoch(0).take(steps).map(step).collect()
}

#[test]
fn the_first_losses_are_those_of_the_cpu() {
    let device = match Device::wgpu(0) {
        Ok(device) => device,
        Err(error) => {
            assert!(std::env::var_os("OCELLI_TEST_ADAPTER").is_none(), "{error}");
            let _ = writeln!(std::io::stderr(), "skipped: there is no graphics adapter: {error}");
            return;
        }
    };
    let (expected, actual) = (losses(Device::Cpu, 20), losses(device, 20));
    assert!(expected[0] > 2.0 && expected[19] < expected[0] - 0.3, "it learns: {expected:?}");
    for (step, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
        assert!((actual - expected).abs() < 1e-3, "step {step}: expected {expected}, received {actual}");
    }
}
