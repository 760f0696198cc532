//! What optimizers do alike: state dicts, groups, constraints, frozen and shared parameters, half precision; and clipping.

use ocelli_autograd::Gradients;
use ocelli_nn::Param;
use ocelli_nn::constraints::NonNeg;
use ocelli_optim::{
    Adam, Error, Group, Optimizer, RmsProp, Sgd, clip, clip_by_global_norm, clip_by_norm, clip_by_value, from_name,
};
use ocelli_tensor::{DType, Tensor};

type Named = Vec<(String, Param)>;

const NAMES: [&str; 6] = ["sgd", "adagrad", "adadelta", "rmsprop", "adam", "adamw"];

fn parameters() -> Named {
    [("conv.weight", vec![1.0f32, -2.0]), ("conv.bias", vec![0.5]), ("conv2.weight", vec![3.0, 4.0, 5.0])]
        .into_iter()
        .map(|(path, values)| {
            let shape = [values.len()];
            (path.to_string(), Param::new(Tensor::from_vec(values, shape).unwrap()).unwrap())
        })
        .collect()
}

/// The gradients of `Σ w²` over these parameters.
fn gradients(parameters: &[(String, Param)]) -> Gradients {
    let squares = parameters.iter().map(|(_, param)| param.var().square().unwrap().sum(..).unwrap());
    let loss = squares.reduce(|a, b| a.add(&b).unwrap()).unwrap();
    loss.backward().unwrap()
}

fn values(parameters: &[(String, Param)]) -> Vec<Vec<f32>> {
    parameters.iter().map(|(_, param)| param.tensor().to_vec().unwrap()).collect()
}

#[test]
fn every_optimizer_makes_a_loss_smaller() {
    for name in NAMES {
        let parameters = parameters();
        let mut optimizer = from_name(name, parameters.clone()).unwrap();
        assert_eq!(optimizer.name(), name);
        let rate = optimizer.default_learning_rate();
        let before: f32 = values(&parameters).concat().iter().map(|x| x * x).sum();
        for _ in 0..5 {
            optimizer.step(&gradients(&parameters), rate).unwrap();
        }
        let after: f32 = values(&parameters).concat().iter().map(|x| x * x).sum();
        assert!(after < before, "{name}: {before} to {after}");
    }
    let error = from_name("sdg", parameters()).err().unwrap().to_string();
    assert!(error.ends_with("expected one of sgd, adagrad, adadelta, rmsprop, adam, adamw, received \"sdg\""));
}

#[test]
fn a_loaded_state_goes_on_to_the_same_numbers() {
    for name in NAMES {
        let one = parameters();
        let mut first = from_name(name, one.clone()).unwrap();
        (0..3).for_each(|_| first.step(&gradients(&one), 0.1).unwrap());

        let two = parameters();
        two.iter().zip(&one).for_each(|((_, two), (_, one))| two.set(one.tensor()).unwrap());
        let mut second = from_name(name, two.clone()).unwrap();
        let state = first.state_dict().unwrap();
        second.load_state_dict(&state).unwrap();
        assert_eq!(second.parameters().steps(), 3);
        let state_again = second.state_dict().unwrap();
        assert!(state.keys().eq(state_again.keys()));

        (0..3).for_each(|_| first.step(&gradients(&one), 0.1).unwrap());
        (0..3).for_each(|_| second.step(&gradients(&two), 0.1).unwrap());
        assert_eq!(values(&one), values(&two), "{name}");
    }
}

#[test]
fn a_state_that_does_not_fit_is_refused_and_changes_nothing() {
    let parameters = parameters();
    let mut optimizer = Adam::new(parameters.clone());
    optimizer.step(&gradients(&parameters), 0.1).unwrap();
    let good = optimizer.state_dict().unwrap();
    let keys: Vec<&str> = good.keys().map(String::as_str).collect();
    assert_eq!(keys[..4], ["conv.bias.momentum", "conv.bias.step", "conv.bias.velocity", "conv.weight.momentum"]);

    let mut bad = good.clone();
    bad.remove("conv.bias.velocity");
    bad.insert("fc.weight.velocity".to_string(), Tensor::zeros([2], DType::F32).unwrap());
    bad.insert("conv2.weight.momentum".to_string(), Tensor::zeros([2], DType::F32).unwrap());
    let Err(Error::State(report)) = optimizer.load_state_dict(&bad) else {
        panic!("expected the state to be refused");
    };
    assert_eq!(report.missing, ["conv.bias.velocity"]);
    assert_eq!(report.unexpected, ["fc.weight.velocity"]);
    assert_eq!(report.misshapen[0].key, "conv2.weight.momentum");

    let mut negative = good.clone();
    negative.insert("conv.bias.step".to_string(), Tensor::new(-1i64).unwrap());
    let error = optimizer.load_state_dict(&negative).unwrap_err().to_string();
    assert!(error.ends_with("expected at least 0 steps in \"conv.bias.step\", received -1"), "{error}");
    let state = optimizer.state_dict().unwrap();
    assert!(state.iter().all(|(key, tensor)| tensor.allclose(&good[key], 0.0, 0.0).unwrap()));
    // Another method's state.
    assert!(RmsProp::new(parameters).load_state_dict(&good).is_err());
}

#[test]
fn parameters_without_a_gradient_are_left_alone() {
    let parameters = parameters();
    parameters[0].1.set_trainable(false);
    let mut optimizer = Adam::new(parameters.clone()).weight_decay(0.1);
    let before = values(&parameters);
    // The loss depends on the first two only, and the first is frozen.
    optimizer.step(&gradients(&parameters[..2]), 0.1).unwrap();
    let after = values(&parameters);
    assert_eq!((&after[0], &after[2]), (&before[0], &before[2]));
    assert_ne!(after[1], before[1]);
    let state = optimizer.state_dict().unwrap();
    let steps = |path: &str| state[&format!("{path}.step")].item::<i64>().unwrap();
    assert_eq!((steps("conv.weight"), steps("conv.bias"), steps("conv2.weight")), (0, 1, 0));
}

#[test]
fn a_shared_parameter_takes_one_step() {
    let mut parameters = parameters();
    parameters.push(("tied".to_string(), parameters[0].1.clone()));
    let mut optimizer = Sgd::new(parameters.clone());
    optimizer.step(&gradients(&parameters[..1]), 0.25).unwrap();
    // w - 0.25 · 2w
    assert_eq!(values(&parameters)[0], [0.5, -1.0]);
    assert_eq!(optimizer.parameters().named().len(), 3);
}

#[test]
fn groups_have_their_own_numbers() {
    let parameters = parameters();
    let slow = Group::default().learning_rate_factor(0.5).weight_decay(0.0);
    let mut optimizer = Sgd::new(parameters.clone()).weight_decay(0.2).group("conv", slow).unwrap();
    optimizer.step(&gradients(&parameters), 0.25).unwrap();
    let after = values(&parameters);
    // In the group: w - 0.125 · 2w. Outside, although its path begins alike: w·(1 - 0.25·0.2) - 0.25 · 2w.
    assert_eq!(after[..2], [vec![0.75, -1.5], vec![0.375]]);
    let expected = [3.0f32, 4.0, 5.0].map(|w| w * 0.45);
    assert!(after[2].iter().zip(expected).all(|(a, e)| (a - e).abs() < 1e-6), "{after:?}");
    let error = Sgd::new(parameters.clone()).group("con", slow).unwrap_err().to_string();
    assert!(error.contains("conv.weight, conv.bias") && error.ends_with("received \"con\""), "{error}");
    assert!(Sgd::new(parameters).group("conv", slow.weight_decay(-1.0)).is_err());
}

#[test]
fn constraints_run_after_the_step() {
    let start = Tensor::new([0.1f32, 2.0]).unwrap();
    let param = Param::with(start, None, Some(NonNeg {}.into())).unwrap();
    let parameters = vec![("w".to_string(), param.clone())];
    let loss = param.var().sum(..).unwrap();
    Sgd::new(parameters).step(&loss.backward().unwrap(), 1.0).unwrap();
    assert_eq!(param.tensor().to_vec::<f32>().unwrap(), [0.0, 1.0]);
}

#[test]
fn halves_are_remembered_in_single_precision() {
    for dtype in [DType::F16, DType::BF16] {
        let param = Param::new(Tensor::ones([2], dtype).unwrap()).unwrap();
        let parameters = vec![("w".to_string(), param.clone())];
        let mut optimizer = Adam::new(parameters.clone());
        optimizer.step(&gradients(&parameters), 0.1).unwrap();
        assert_eq!(param.tensor().dtype(), dtype);
        assert_eq!(optimizer.state_dict().unwrap()["w.velocity"].dtype(), DType::F32);
        let value = param.tensor().to_dtype(DType::F32).unwrap().to_vec::<f32>().unwrap()[0];
        assert!((value - 0.9).abs() < 0.01, "{value}");
    }
}

#[test]
fn impossible_numbers_are_refused() {
    let parameters = parameters();
    let before = values(&parameters);
    let refuse = |mut optimizer: Box<dyn Optimizer>, rate: f64, text: &str| {
        let error = optimizer.step(&gradients(&parameters), rate).unwrap_err().to_string();
        assert_eq!(error, text);
    };
    let p = || parameters.clone();
    let text = "learning rate: expected a finite number of at least 0, received NaN";
    refuse(Box::new(Sgd::new(p())), f64::NAN, text);
    let text = "weight decay: expected a finite number of at least 0, received -1";
    refuse(Box::new(Sgd::new(p()).weight_decay(-1.0)), 0.1, text);
    let text = "momentum: expected a number in 0..=1, received 1.5";
    refuse(Box::new(Sgd::new(p()).momentum(1.5)), 0.1, text);
    let text = "beta_2: expected a number in 0..1, received 1";
    refuse(Box::new(Adam::new(p()).betas(0.9, 1.0)), 0.1, text);
    let text = "epsilon: expected a number of at least 0, received -1";
    refuse(Box::new(RmsProp::new(p()).epsilon(-1.0)), 0.1, text);
    assert_eq!(values(&parameters), before);
}

#[test]
fn clipping() {
    // The gradients are 2w: [2, -4], [1], [6, 8, 10].
    let parameters = parameters();
    let clipped = |clip: &dyn Fn(&mut Gradients)| -> Vec<Vec<f32>> {
        let mut gradients = gradients(&parameters);
        clip(&mut gradients);
        parameters.iter().map(|(_, param)| gradients.get(&param.var()).unwrap().to_vec().unwrap()).collect()
    };
    let by_value = clipped(&|g| clip_by_value(g, &parameters, 3.0).unwrap());
    assert_eq!(by_value, [vec![2.0, -3.0], vec![1.0], vec![3.0, 3.0, 3.0]]);
    let by_norm = clipped(&|g| clip_by_norm(g, &parameters, 200f64.sqrt() / 2.0).unwrap());
    assert_eq!(by_norm[..2], [vec![2.0, -4.0], vec![1.0]]);
    assert!(by_norm[2].iter().zip([3.0, 4.0, 5.0]).all(|(a, e): (&f32, f32)| (a - e).abs() < 1e-6));
    let norm = 221f64.sqrt();
    let global = clipped(&|g| assert_eq!(clip_by_global_norm(g, &parameters, norm / 2.0).unwrap(), norm));
    assert!(
        global.concat().iter().zip([1.0, -2.0, 0.5, 3.0, 4.0, 5.0]).all(|(a, e): (&f32, f32)| (a - e).abs() < 1e-6)
    );
    let untouched = clipped(&|g| assert!(clip_by_global_norm(g, &parameters, 100.0).unwrap() < 100.0));
    assert_eq!(untouched, [vec![2.0, -4.0], vec![1.0], vec![6.0, 8.0, 10.0]]);
    let (path, largest) = clip::largest(&gradients(&parameters), &parameters).unwrap().unwrap();
    assert_eq!((path.as_str(), largest), ("conv2.weight", 200f64.sqrt()));
    let error = clip_by_value(&mut gradients(&parameters), &parameters, -1.0).unwrap_err().to_string();
    assert_eq!(error, "clip_by_value: expected a limit of at least 0, received -1");
}

#[test]
fn norms_beyond_single_precision() {
    let big = Param::new(Tensor::full([4], 1e30f32, DType::F32).unwrap()).unwrap();
    let nan = Param::new(Tensor::full([1], f32::NAN, DType::F32).unwrap()).unwrap();
    let parameters = vec![("big".to_string(), big.clone()), ("nan".to_string(), nan)];
    let mut finite = gradients(&parameters[..1]);
    let norm = clip_by_global_norm(&mut finite, &parameters, 1.0).unwrap();
    assert!((norm / 4e30 - 1.0).abs() < 1e-6, "{norm}");
    let clipped = finite.get(&big.var()).unwrap().to_vec::<f32>().unwrap();
    assert!(clipped.iter().all(|x| (x - 0.5).abs() < 1e-6), "{clipped:?}");
    let mut broken = gradients(&parameters);
    assert!(clip_by_global_norm(&mut broken, &parameters, 1.0).unwrap().is_nan());
    assert_eq!(clip::largest(&broken, &parameters).unwrap().unwrap().0, "nan");
}

#[test]
fn a_step_changes_nothing_that_was_handed_out_before() {
    for name in NAMES {
        let parameters = parameters();
        let mut optimizer = from_name(name, parameters.clone()).unwrap();
        optimizer.step(&gradients(&parameters), 0.1).unwrap();
        let (weights, state): (Vec<Tensor>, _) =
            (parameters.iter().map(|(_, param)| param.tensor()).collect(), optimizer.state_dict().unwrap());
        let numbers = |x: &Tensor| x.to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap();
        let all = || weights.iter().chain(state.values()).map(numbers).collect::<Vec<_>>();
        let before = all();
        optimizer.step(&gradients(&parameters), 0.1).unwrap();
        assert_eq!(all(), before, "{name}");
        assert_ne!(values(&parameters)[0], weights[0].to_vec::<f32>().unwrap(), "{name}");
    }
}
