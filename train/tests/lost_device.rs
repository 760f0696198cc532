//! A graphics processor that is lost in the middle of training. A program of its own, as it takes the device from everyone.

use std::io::Write;
use std::path::Path;

use ocelli_data::{DataLoader, TensorDataset};
use ocelli_nn::{BatchNorm1d, CrossEntropy, Dropout, Linear, Module, ReLU, Sequential};
use ocelli_optim::Adam;
use ocelli_tensor::{DType, Device, Generator, Tensor};
use ocelli_train::{Callback, Context, Logs, Progress, Result, Trainer};

const EPOCHS: usize = 3;
/// 48 samples in batches of 16.
const STEPS: u64 = 3;

/// Loses the device once so many steps are done.
struct LoseAt(u64, Device);

impl Callback for LoseAt {
    fn name(&self) -> &'static str {
        "lose_at"
    }
    fn on_batch_end(&mut self, context: &mut Context<'_>, _: &Logs) -> Result<()> {
        if context.global_step() + 1 == self.0 {
            self.1.lose()?;
        }
        Ok(())
    }
}

fn data() -> DataLoader<TensorDataset> {
    let mut generator = Generator::new(5);
    let x = Tensor::randn([48, 4], DType::F32, &mut generator).unwrap();
    let labels = x.sum(1).unwrap().gt(0.0).unwrap().to_dtype(DType::I64).unwrap();
    DataLoader::new(TensorDataset::new(x, labels).unwrap(), 16).unwrap().shuffle(true).seed(7)
}

fn model(device: Device) -> Sequential {
    let mut generator = Generator::new(1);
    let model = Sequential::new()
        .add(Linear::new(4, 16, &mut generator).unwrap())
        .add(BatchNorm1d::new(16).unwrap())
        .add(ReLU)
        .add(Dropout::new(0.2, &mut generator).unwrap())
        .add(Linear::new(16, 2, &mut generator).unwrap());
    model.to(device).unwrap();
    model
}

fn trainer<'a>(model: &'a Sequential, path: &Path) -> Trainer<'a> {
    Trainer::new(model, CrossEntropy::new(), Adam::new(model.named_parameters()))
        .progress(Progress::Silent)
        .checkpoint(path)
        .checkpoint_every(2)
}

fn weights(model: &Sequential) -> Vec<(String, Vec<u32>)> {
    let bits = |x: &Tensor| x.to_vec::<f32>().unwrap().into_iter().map(f32::to_bits).collect();
    let floats = |(_, x): &(&String, &Tensor)| x.dtype() == DType::F32;
    model.state_dict().iter().filter(floats).map(|(key, x)| (key.clone(), bits(x))).collect()
}

#[test]
fn training_goes_on_from_the_last_checkpoint() {
    let device = match Device::wgpu(0) {
        Ok(device) => device,
        Err(error) => {
            assert!(std::env::var_os("OCELLI_TEST_ADAPTER").is_none(), "{error}");
            let _ = writeln!(std::io::stderr(), "skipped: there is no graphics adapter: {error}");
            return;
        }
    };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("checkpoint.safetensors");

    let uninterrupted = model(device);
    trainer(&uninterrupted, &directory.path().join("other.safetensors")).fit(&data(), None, EPOCHS).unwrap();
    let expected = weights(&uninterrupted);

    // The checkpoint is of step 4.
    let lost = model(device);
    let mut first = trainer(&lost, &path).callback(LoseAt(STEPS + 2, device));
    let error = first.fit(&data(), None, EPOCHS).err().unwrap().to_string();
    assert!(error.contains("wgpu:0: the device was lost"), "{error}");
    // What is on the device stays an error, and does not overwrite the file.
    let error = first.save_checkpoint(&path).unwrap_err().to_string();
    assert!(error.contains("the device was lost"), "{error}");
    drop(first);

    let anew = model(Device::wgpu(0).unwrap());
    let mut second = trainer(&anew, &path);
    second.resume(&path).unwrap();
    assert_eq!(second.global_step(), 4);
    second.fit(&data(), None, EPOCHS).unwrap();
    assert_eq!(weights(&anew), expected);
}
