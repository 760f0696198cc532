//! Ten steps of every optimizer against PyTorch (f64) and Keras (f32); `fixtures/optimizers.py` has made the numbers.

use crate::common::{assert_close, fixture};
use ocelli_autograd::Gradients;
use ocelli_nn::Param;
use ocelli_optim::{Adadelta, Adagrad, Adam, AdamW, Optimizer, RmsProp, Sgd};
use ocelli_tensor::{DType, Tensor};

type Named = Vec<(String, Param)>;

/// The gradients of `Σ w · g`, which are `g`.
fn gradients_of(param: &Param, g: &Tensor) -> Gradients {
    let loss = param.var().mul(g).unwrap().sum(..).unwrap();
    loss.backward().unwrap()
}

/// Follows the fixture's path of a case.
fn check<O: Optimizer>(case: &str, make: impl Fn(Named) -> O) {
    let f = fixture("optimizers");
    let (dtype, rtol, atol) = match case.starts_with("keras") {
        true => (DType::F32, 2e-5, 2e-6),
        false => (DType::F64, 1e-10, 1e-13),
    };
    let read = |name: &str| f[name].to_dtype(dtype).unwrap();
    let param = Param::new(read("x/start")).unwrap();
    let mut optimizer = make(vec![("w".to_string(), param.clone())]);
    let rates: Vec<f64> = f["x/rates"].to_vec().unwrap();
    let (gradients, path) = (read("x/gradients"), &f[case]);
    for (step, rate) in rates.into_iter().enumerate() {
        let g = gradients.select(0, step as isize).unwrap();
        optimizer.step(&gradients_of(&param, &g), rate).unwrap();
        let expected = path.select(0, step as isize).unwrap();
        assert_close(&param.tensor(), &expected, rtol, atol, &format!("{case}, step {step}"));
    }
    assert_eq!(optimizer.parameters().steps(), 10);
}

#[test]
fn sgd() {
    check("torch/sgd", Sgd::pytorch);
    check("torch/sgd decay", |p| Sgd::pytorch(p).weight_decay(0.1));
    check("torch/sgd momentum", |p| Sgd::pytorch(p).momentum(0.9));
    check("torch/sgd nesterov", |p| Sgd::pytorch(p).momentum(0.9).nesterov(true).weight_decay(0.1));
    check("torch/sgd dampening", |p| Sgd::pytorch(p).momentum(0.9).dampening(0.3));
    check("keras/sgd", Sgd::new);
    check("keras/sgd decay", |p| Sgd::new(p).weight_decay(0.1));
    check("keras/sgd momentum", |p| Sgd::new(p).momentum(0.9));
    check("keras/sgd nesterov", |p| Sgd::new(p).momentum(0.9).nesterov(true).weight_decay(0.1));
}

#[test]
fn adagrad() {
    check("torch/adagrad", Adagrad::pytorch);
    let options = |o: Adagrad| o.weight_decay(0.1).initial_accumulator(0.2).epsilon(1e-3);
    check("torch/adagrad decay", |p| options(Adagrad::pytorch(p)));
    check("keras/adagrad", Adagrad::new);
    check("keras/adagrad decay", |p| options(Adagrad::new(p)));
}

#[test]
fn adadelta() {
    check("torch/adadelta", Adadelta::pytorch);
    let options = |o: Adadelta| o.rho(0.8).epsilon(1e-3).weight_decay(0.1);
    check("torch/adadelta decay", |p| options(Adadelta::pytorch(p)));
    check("keras/adadelta", Adadelta::new);
    check("keras/adadelta decay", |p| options(Adadelta::new(p)));
}

#[test]
fn rmsprop() {
    check("torch/rmsprop", RmsProp::pytorch);
    check("torch/rmsprop centered", |p| RmsProp::pytorch(p).centered(true).rho(0.9).epsilon(1e-3));
    check("torch/rmsprop momentum", |p| RmsProp::pytorch(p).momentum(0.9).weight_decay(0.1));
    check("torch/rmsprop both", |p| RmsProp::pytorch(p).momentum(0.8).centered(true).epsilon(1e-3));
    check("keras/rmsprop", RmsProp::new);
    check("keras/rmsprop centered", |p| RmsProp::new(p).centered(true).epsilon(1e-3));
    check("keras/rmsprop momentum", |p| RmsProp::new(p).momentum(0.9).weight_decay(0.1));
    check("keras/rmsprop both", |p| RmsProp::new(p).momentum(0.8).centered(true).epsilon(1e-3));
}

#[test]
fn adam() {
    check("torch/adam", Adam::pytorch);
    let decay = |o: Adam| o.betas(0.8, 0.95).epsilon(1e-3).weight_decay(0.1);
    check("torch/adam decay", |p| decay(Adam::pytorch(p)));
    check("torch/adam amsgrad", |p| Adam::pytorch(p).amsgrad(true).betas(0.8, 0.9));
    check("keras/adam", Adam::new);
    check("keras/adam decay", |p| decay(Adam::new(p)));
    check("keras/adam amsgrad", |p| Adam::new(p).amsgrad(true).betas(0.8, 0.9));
}

#[test]
fn adamw() {
    check("torch/adamw", AdamW::pytorch);
    let options = |o: AdamW| o.amsgrad(true).betas(0.8, 0.9).weight_decay(0.1);
    check("torch/adamw amsgrad", |p| options(AdamW::pytorch(p)));
    check("keras/adamw", AdamW::new);
    check("keras/adamw amsgrad", |p| options(AdamW::new(p)));
}
