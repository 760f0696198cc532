//! What bad input gets: an error that says what is wrong, before or in training, and files that are whole.

use std::io::Write;
use std::path::Path;

use crate::common::{self, Bars, augmented_bars, blob_loader, blobs, mlp, weights};
use ocelli_data::{DataLoader, Dataset, Image};
use ocelli_nn::losses::{CrossEntropy, Reduction};
use ocelli_nn::{Module, Param, Sequential};
use ocelli_optim::Sgd;
use ocelli_tensor::{DType, Device, Tensor};
use ocelli_train::{
    Accuracy, BinaryAccuracy, Callback, Checkpoint, Clip, Context, CsvLogger, Error, ModelCheckpoint, Progress, Result,
    Trainer,
};

fn trainer(model: &Sequential) -> Trainer<'_> {
    let optimizer = Sgd::new(model.named_parameters());
    Trainer::new(model, CrossEntropy::new(), optimizer).progress(Progress::Silent).metric(Accuracy::new())
}

fn message(trainer: &mut Trainer<'_>) -> String {
    trainer.fit(&blob_loader(64, 0), None, 2).unwrap_err().to_string()
}

/// Makes one weight useless before a step.
struct Spoil {
    step: u64,
    key: &'static str,
    value: f32,
}

impl Callback for Spoil {
    fn name(&self) -> &'static str {
        "spoil"
    }
    fn on_batch_begin(&mut self, context: &mut Context<'_>) -> Result<()> {
        if context.global_step() == self.step {
            for (key, param) in context.model().named_parameters() {
                if key == self.key {
                    param.set(Tensor::full(param.shape(), self.value, param.tensor().dtype())?)?;
                }
            }
        }
        Ok(())
    }
}

#[test]
fn a_loss_that_is_no_number_names_step_and_parameter_and_leaves_the_checkpoint() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("checkpoint.safetensors");
    let model = mlp(0);
    // Four steps an epoch: the sixth is the second of the second epoch.
    let spoil = Spoil { step: 5, key: "2.bias", value: f32::NAN };
    let mut trainer = trainer(&model).callback(spoil).checkpoint(&path);
    let error = trainer.fit(&blob_loader(64, 0), None, 3).unwrap_err();
    let text = error.to_string();
    let Error::NonFiniteLoss { epoch, step, loss, culprit } = error else { panic!("{text}") };
    assert_eq!((epoch, step, loss.is_nan()), (2, 2, true));
    let (name, norm) = culprit.unwrap();
    assert!(name.starts_with("0.") || name.starts_with("2."), "{name}");
    assert!(norm.is_nan());
    assert!(
        text.starts_with("epoch 2, step 2: expected a finite loss, received NaN; the largest gradient is that of"),
        "{text}"
    );
    let checkpoint = Checkpoint::load(&path).unwrap();
    assert_eq!((checkpoint.epoch(), checkpoint.step()), (1, 0));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn an_adapter_clips_and_names_the_parameter_of_a_loss_that_is_no_number() {
    let device = match Device::wgpu(0) {
        Ok(device) => device,
        Err(error) => {
            assert!(std::env::var_os("OCELLI_TEST_ADAPTER").is_none(), "{error}");
            let _ = writeln!(std::io::stderr(), "skipped: there is no graphics adapter: {error}");
            return;
        }
    };
    for clip in [Clip::Value(0.1), Clip::Norm(0.1), Clip::GlobalNorm(0.1)] {
        let [cpu, there] = [Device::Cpu, device].map(|device| {
            let model = mlp(0);
            model.to(device).unwrap();
            trainer(&model).clip(clip).fit(&blob_loader(64, 0), None, 1).unwrap();
            model.to(Device::Cpu).unwrap();
            let values = |(_, param): (String, Param)| param.tensor().to_vec::<f32>().unwrap();
            model.named_parameters().into_iter().flat_map(values).collect::<Vec<f32>>()
        });
        let is_close = |(a, e): (&f32, &f32)| (a - e).abs() < 1e-4;
        assert!(there.iter().zip(&cpu).all(is_close), "{clip:?}: expected {cpu:?}, received {there:?}");
    }
    let model = mlp(0);
    model.to(device).unwrap();
    let bias = model.named_parameters().into_iter().find(|(key, _)| key == "2.bias").unwrap().1;
    bias.set(Tensor::full(bias.shape(), f32::NAN, DType::F32).unwrap().to_device(device).unwrap()).unwrap();
    let error = trainer(&model).fit(&blob_loader(64, 0), None, 1).unwrap_err();
    let Error::NonFiniteLoss { culprit: Some((name, norm)), .. } = error else { panic!("{error}") };
    assert!((name.starts_with("0.") || name.starts_with("2.")) && norm.is_nan(), "{name}: {norm}");
}

#[test]
fn useless_weights_are_not_written_over_good_ones() {
    struct SpoilAfter;
    impl Callback for SpoilAfter {
        fn name(&self) -> &'static str {
            "spoil_after"
        }
        fn on_epoch_end(&mut self, context: &mut Context<'_>, _: &mut ocelli_train::Logs) -> Result<()> {
            if context.epoch() == 1 {
                let (_, param) = &context.model().named_parameters()[1];
                param.set(Tensor::full(param.shape(), f32::INFINITY, param.tensor().dtype())?)?;
            }
            Ok(())
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("checkpoint.safetensors");
    let model = mlp(0);
    let mut first = trainer(&model).callback(SpoilAfter).checkpoint(&path);
    let text = first.fit(&blob_loader(64, 0), None, 3).unwrap_err().to_string();
    assert!(text.contains("expected finite weights") && text.ends_with("in 0.bias"), "{text}");
    assert_eq!(Checkpoint::load(&path).unwrap().epoch(), 1);

    let path = directory.path().join("last.safetensors");
    let model = mlp(0);
    let mut second = trainer(&model).callback(SpoilAfter).callback(ModelCheckpoint::last(&path));
    assert!(matches!(second.fit(&blob_loader(64, 0), None, 3), Err(Error::NonFiniteWeight { epoch: 2, .. })));
    assert!(ocelli_tensor::safetensors::load(&path).is_ok());
}

#[test]
fn files_that_cannot_be_written_are_known_before_training() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let inside = file.join("x");
    let model = mlp(0);
    let before = weights(&model);
    let refused = |trainer: Trainer<'_>, path: &Path| {
        let mut trainer = trainer;
        let text = message(&mut trainer);
        assert!(text.contains(&*path.to_string_lossy()), "{text}");
        assert_eq!((trainer.global_step(), weights(&model)), (0, before.clone()));
    };
    refused(trainer(&model).checkpoint(&inside), &file);
    refused(trainer(&model).callback(CsvLogger::new(&inside)), &file);
    refused(trainer(&model).callback(ModelCheckpoint::last(&inside)), &file);
    refused(trainer(&model).checkpoint(directory.path()), directory.path());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "in the way");
}

#[test]
fn workers_that_fail_end_the_training_with_their_error() {
    let broken = |panics: bool| {
        let data = Bars(32).map(move |sample: (Image, usize)| {
            if sample.1 == 1 {
                assert!(!panics, "the picture bites");
                return Err(ocelli_data::Error::format("7.png", "expected a picture, received a cat"));
            }
            Ok(sample)
        });
        DataLoader::new(data, 8).unwrap().workers(2)
    };
    let model = common::cnn(0);
    let text = trainer(&model).fit(&broken(false), None, 1).unwrap_err().to_string();
    assert_eq!(text, "sample 1: 7.png: expected a picture, received a cat");
    let text = trainer(&model).fit(&broken(true), None, 1).unwrap_err().to_string();
    assert!(text.contains("sample 1") && text.contains("the picture bites"), "{text}");
    let text = trainer(&model).evaluate(&broken(false)).unwrap_err().to_string();
    assert!(text.starts_with("sample 1: 7.png"), "{text}");
    // The same trainer goes on with data that is whole.
    let mut third = trainer(&model);
    assert!(third.fit(&broken(false), None, 1).is_err());
    third.fit(&augmented_bars(32, 2), None, 1).unwrap();
}

#[test]
fn what_cannot_be_trained_is_refused() {
    let model = mlp(0);
    let none = DataLoader::new(blobs(0, 0), 4).unwrap();
    let some = blob_loader(16, 0);
    let text = trainer(&model).fit(&none, None, 1).unwrap_err().to_string();
    assert_eq!(text, "fit: expected at least one batch in an epoch, received none");
    assert!(trainer(&model).fit(&some, Some(&none), 1).is_err());
    assert!(trainer(&model).evaluate(&none).is_err());
    let text = message(&mut trainer(&model).metric(BinaryAccuracy::new(0.5)));
    assert!(text.ends_with("received accuracy twice"), "{text}");
    for rate in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(
            message(&mut trainer(&model).learning_rate(rate)).starts_with("learning rate: expected a finite number")
        );
    }
    let unreduced = CrossEntropy::new().reduction(Reduction::None);
    let mut each = Trainer::new(&model, unreduced, Sgd::new(model.named_parameters())).progress(Progress::Silent);
    assert_eq!(message(&mut each), "loss: expected a loss that is one number, received shape [16]");
    // Pictures for a network that takes points.
    assert!(trainer(&model).fit(&augmented_bars(8, 0), None, 1).is_err());
}
