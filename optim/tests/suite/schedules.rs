//! Schedules against Keras and PyTorch; `fixtures/optimizers.py` has made the numbers.

use crate::common::{assert_close, fixture};
use ocelli_optim::Schedule;
use ocelli_optim::schedules::{Constant, CosineDecay, ExponentialDecay, PiecewiseConstantDecay, StepDecay};
use ocelli_tensor::Tensor;

fn all() -> [(&'static str, Schedule); 6] {
    let exponential = || ExponentialDecay::new(0.1, 10, 0.5);
    [
        ("torch/schedule step", StepDecay::new(0.1, 7, 0.3).into()),
        ("keras/schedule exponential", exponential().into()),
        ("keras/schedule staircase", exponential().staircase(true).into()),
        ("keras/schedule cosine", CosineDecay::new(0.1, 20).alpha(0.1).into()),
        ("keras/schedule warm-up", CosineDecay::new(0.01, 20).warm_up(0.1, 8).into()),
        ("keras/schedule piecewise", PiecewiseConstantDecay::new([5, 12], [0.1, 0.05, 0.01]).into()),
    ]
}

#[test]
fn rates_are_those_of_keras_and_pytorch() {
    let f = fixture("optimizers");
    for (name, schedule) in all() {
        schedule.check().unwrap();
        let rates: Vec<f64> = (0..40).map(|step| schedule.at(step)).collect();
        assert_close(&Tensor::from_vec(rates, [40]).unwrap(), &f[name], 1e-6, 1e-8, name);
    }
    assert_eq!(Schedule::from(0.25).at(1000), 0.25);
}

#[test]
fn schedules_go_through_json() {
    for (name, schedule) in all() {
        let json = serde_json::to_string(&schedule).unwrap();
        assert_eq!(serde_json::from_str::<Schedule>(&json).unwrap(), schedule, "{name}");
    }
    // As Keras writes it.
    let json = r#"{"module": "keras.optimizers.schedules", "class_name": "CosineDecay", "config": {
        "initial_learning_rate": 0.01, "decay_steps": 20, "alpha": 0.0, "name": "CosineDecay",
        "warmup_target": 0.1, "warmup_steps": 8}, "registered_name": null}"#;
    let schedule: Schedule = serde_json::from_str(json).unwrap();
    assert_eq!(schedule, CosineDecay::new(0.01, 20).warm_up(0.1, 8).into());
}

#[test]
fn impossible_schedules_are_refused() {
    let refuse = |schedule: Schedule, text: &str| {
        assert_eq!(schedule.check().unwrap_err().to_string(), format!("schedule: expected {text}"));
        // Asked all the same, it does not panic.
        for step in [0, 1, 7, u64::MAX] {
            let _ = schedule.at(step);
        }
    };
    refuse(StepDecay::new(0.1, 0, 0.5).into(), "at least 1 decay step, received 0");
    refuse(ExponentialDecay::new(0.1, 5, 0.0).into(), "a finite decay rate above 0, received 0");
    refuse(CosineDecay::new(0.1, 0).into(), "at least 1 decay step, received 0");
    refuse(CosineDecay::new(0.1, 5).alpha(-1.0).into(), "a finite alpha of at least 0, received -1");
    let rate = Constant { learning_rate: f64::NAN };
    refuse(rate.into(), "a finite learning rate of at least 0, received NaN");
    let values = PiecewiseConstantDecay::new([1, 2], [0.1, 0.2]);
    refuse(values.into(), "one more value than the 2 boundaries, received 2");
    let order = PiecewiseConstantDecay::new([2, 1], [0.1, 0.2, 0.3]);
    refuse(order.into(), "ascending boundaries, received [2, 1]");
}
