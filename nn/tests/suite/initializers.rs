//! Initializers: moments, bounds, orthogonality, seeds, and the configurations that Keras writes (`fixtures/keras_configs.json`,
//! made by the script beside it).

use ocelli_nn::initializers::{
    Constant, Distribution, FanMode, GlorotUniform, HeNormal, Identity, Orthogonal, RandomNormal, RandomUniform,
    TruncatedNormal, VarianceScaling,
};
use ocelli_nn::{Initializer, Regularizer};
use ocelli_tensor::{DType, Generator, Shape};
use serde_json::Value;

fn numbers(initializer: impl Into<Initializer>, shape: &[usize]) -> Vec<f64> {
    let tensor = initializer.into().init(shape, DType::F32, &mut Generator::new(11)).unwrap();
    assert_eq!((&tensor.shape()[..], tensor.dtype()), (shape, DType::F32));
    tensor.to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap()
}

/// `(mean, standard deviation, largest absolute value)`
fn moments(values: &[f64]) -> (f64, f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
    let largest = values.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    (mean, variance.sqrt(), largest)
}

/// Asserts the moments of a sample of 200 000: of normal and even distributions they lie within 1 % of the deviation.
#[track_caller]
fn assert_moments(values: &[f64], mean: f64, deviation: f64) {
    let (m, d, _) = moments(values);
    assert!(
        (m - mean).abs() < 0.01 * deviation && (d / deviation - 1.0).abs() < 0.01,
        "expected {mean} ± {deviation}, received {m} ± {d}"
    );
}

const MANY: [usize; 2] = [400, 500];

#[test]
fn constants_are_what_they_say() {
    let all = |initializer: &str, value: f64| {
        let values = numbers(Initializer::from_name(initializer).unwrap(), &[2, 3]);
        assert_eq!(values, [value; 6]);
    };
    all("zeros", 0.0);
    all("ones", 1.0);
    all("constant", 0.0);
    assert_eq!(numbers(Constant::new(0.5), &[]), [0.5]);
    let expected = [2.0, 0.0, 0.0, 0.0, 2.0, 0.0];
    assert_eq!(numbers(Identity { gain: 2.0 }, &[2, 3]), expected);
}

#[test]
fn plain_distributions_have_their_moments() {
    assert_moments(&numbers(RandomNormal::new(1.0, 0.5), &MANY), 1.0, 0.5);
    let even = numbers(RandomUniform::new(-1.0, 3.0), &MANY);
    assert_moments(&even, 1.0, 4.0 / 12f64.sqrt());
    assert!(even.iter().all(|x| (-1.0..3.0).contains(x)));
    let cut = numbers(TruncatedNormal::new(0.0, 0.5), &MANY);
    // The deviation of a standard normal distribution cut at ±2 is 0.87963.
    assert_moments(&cut, 0.0, 0.5 * 0.879_625_661_034_24);
    let (_, _, largest) = moments(&cut);
    assert!((0.99..=1.0).contains(&largest), "{largest}");
    // Half of a cut normal distribution lies within 0.63972 standard deviations.
    let half = cut.iter().filter(|x| x.abs() < 0.5 * 0.639_72).count();
    assert!((half as f64 / cut.len() as f64 - 0.5).abs() < 0.005, "{half}");
}

#[test]
fn variance_follows_from_the_fans() {
    // 64 output channels, 32 input channels, 3×3: fan in 288, fan out 576.
    let shape = [64, 32, 3, 3];
    let cases = [
        ("glorot_normal", 2.0 / (288.0 + 576.0)),
        ("glorot_uniform", 2.0 / (288.0 + 576.0)),
        ("he_normal", 2.0 / 288.0),
        ("he_uniform", 2.0 / 288.0),
        ("lecun_normal", 1.0 / 288.0),
        ("lecun_uniform", 1.0 / 288.0),
        ("variance_scaling", 1.0 / 288.0),
    ];
    for (name, variance) in cases {
        let values = numbers(Initializer::from_name(name).unwrap(), &shape);
        let (mean, deviation, largest) = moments(&values);
        let expected = f64::sqrt(variance);
        // 18 432 numbers: the standard error of the mean is 0.0074 deviations, of the deviation at most 0.0053.
        assert!(mean.abs() < 0.03 * expected, "{name}: mean {mean}");
        assert!((deviation / expected - 1.0).abs() < 0.02, "{name}: {deviation}, expected {expected}");
        let bound = if name.contains("uniform") { 3f64.sqrt() } else { 2.0 / 0.879_625_661_034_24 };
        assert!(largest <= expected * bound * (1.0 + 1e-6) && largest > 0.97 * expected * bound, "{name}: {largest}");
    }
    let wide = VarianceScaling::new(3.0, FanMode::FanOut, Distribution::UntruncatedNormal);
    assert_moments(&numbers(wide, &MANY), 0.0, (3.0f64 / 400.0).sqrt());
}

#[test]
fn fans_of_each_rank() {
    let plain = VarianceScaling::default();
    let fans = |shape: &[usize]| plain.fans(&Shape::from(shape)).unwrap();
    assert_eq!(fans(&[]), (1.0, 1.0));
    assert_eq!(fans(&[7]), (7.0, 7.0));
    assert_eq!(fans(&[10, 20]), (20.0, 10.0));
    assert_eq!(fans(&[4, 3, 5, 7]), (105.0, 140.0));
    let keras = VarianceScaling { input_axes: Some(vec![0, 1, -2]), output_axes: Some(vec![-1]), ..plain };
    assert_eq!(keras.fans(&Shape::from([5, 7, 3, 4])).unwrap(), (105.0, 4.0));
    let bad = VarianceScaling { input_axes: Some(vec![2]), output_axes: Some(vec![0]), ..VarianceScaling::default() };
    assert!(bad.fans(&Shape::from([2, 2])).is_err());
}

#[test]
fn orthogonal_matrices_are_orthogonal() {
    for (shape, dtype, tolerance) in [
        (vec![8, 5], DType::F64, 1e-12),
        (vec![5, 8], DType::F64, 1e-12),
        (vec![6, 6], DType::F32, 1e-5),
        (vec![4, 3, 2, 2], DType::F32, 1e-5),
    ] {
        let weight = Initializer::from(Orthogonal::new(1.5)).init(&shape[..], dtype, &mut Generator::new(3)).unwrap();
        assert_eq!((&weight.shape()[..], weight.dtype()), (&shape[..], dtype));
        let columns = shape[1..].iter().product::<usize>();
        let weight = weight.to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap();
        let at = |row: usize, column: usize| weight[row * columns + column];
        let fewer = shape[0].min(columns);
        for i in 0..fewer {
            for j in 0..fewer {
                let product: f64 = if shape[0] < columns {
                    (0..columns).map(|k| at(i, k) * at(j, k)).sum()
                } else {
                    (0..shape[0]).map(|k| at(k, i) * at(k, j)).sum()
                };
                let expected = if i == j { 2.25 } else { 0.0 };
                assert!((product - expected).abs() < tolerance, "{shape:?} {i} {j}: {product}");
            }
        }
    }
}

/// Without the fix of the signs the first diagonal element of Q would always have the same sign.
#[test]
fn orthogonal_matrices_are_evenly_distributed() {
    let g = &mut Generator::new(5);
    let corners: Vec<f64> = (0..400)
        .map(|_| {
            let q = Initializer::from(Orthogonal::default()).init([2, 2], DType::F64, g).unwrap();
            q.to_vec::<f64>().unwrap()[0]
        })
        .collect();
    let (mean, deviation, _) = moments(&corners);
    // The cosine of an evenly distributed angle: mean 0, deviation √½; standard errors 0.035 and 0.018.
    assert!(mean.abs() < 0.12 && (deviation - 0.5f64.sqrt()).abs() < 0.06, "{mean} ± {deviation}");
}

#[test]
fn seeds_repeat_numbers() {
    let draw = |initializer: &Initializer, g: &mut Generator| {
        initializer.init([3, 4], DType::F32, g).unwrap().to_vec::<f32>().unwrap()
    };
    for name in ["random_normal", "random_uniform", "truncated_normal", "he_normal", "glorot_uniform", "orthogonal"] {
        let initializer = Initializer::from_name(name).unwrap();
        let g = &mut Generator::new(1);
        let first = draw(&initializer, g);
        assert_ne!(first, draw(&initializer, g), "{name}");
        assert_eq!(first, draw(&initializer, &mut Generator::new(1)), "{name}");
    }
    let fixed = Initializer::from(HeNormal { seed: Some(9), ..HeNormal::default() });
    let g = &mut Generator::new(1);
    assert_eq!(draw(&fixed, g), draw(&fixed, g));
    assert_eq!(*g, Generator::new(1));
}

#[test]
fn shapes_and_dtypes_at_the_edge() {
    let g = &mut Generator::new(0);
    for name in ["zeros", "random_normal", "truncated_normal", "glorot_uniform", "orthogonal", "identity"] {
        let initializer = Initializer::from_name(name).unwrap();
        assert_eq!(initializer.init([0, 3], DType::F32, g).unwrap().numel(), 0, "{name}");
        for dtype in [DType::F16, DType::BF16, DType::F64] {
            assert_eq!(initializer.init([3, 2], dtype, g).unwrap().dtype(), dtype, "{name}");
        }
        let error = initializer.init([3, 2], DType::I64, g).unwrap_err().to_string();
        assert!(error.ends_with("expected a float dtype, received dtype i64"), "{error}");
    }
    let scalar = Initializer::from(GlorotUniform::default()).init((), DType::F32, g).unwrap();
    assert_eq!(scalar.rank(), 0);
}

#[test]
fn bad_configurations_are_refused() {
    let refuse = |initializer: Initializer, shape: &[usize], ending: &str| {
        let error = initializer.init(shape, DType::F32, &mut Generator::new(0)).unwrap_err().to_string();
        assert!(error.ends_with(ending), "{error}");
    };
    refuse(Identity::default().into(), &[3], "expected a shape of 2 axes, received [3]");
    refuse(Orthogonal::default().into(), &[3], "expected a shape of at least 2 axes, received [3]");
    refuse(RandomNormal::new(0.0, -1.0).into(), &[3], "expected a finite stddev of at least 0, received -1");
    refuse(TruncatedNormal::new(0.0, f64::NAN).into(), &[3], "received NaN");
    refuse(RandomUniform::new(1.0, 0.0).into(), &[3], "expected finite minval ≤ maxval, received 1 and 0");
    let zero = VarianceScaling { scale: 0.0, ..VarianceScaling::default() };
    refuse(zero.into(), &[3], "expected a finite scale above 0, received 0");
    let error = Initializer::from_name("he").unwrap_err().to_string();
    assert!(error.starts_with("initializer: expected one of zeros,") && error.ends_with("received \"he\""), "{error}");
}

/// Whether two JSON values are equal, numbers to single precision, in which Keras keeps some.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => (a.as_f64().unwrap() - b.as_f64().unwrap()).abs() <= 1e-8,
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

#[test]
fn configurations_are_those_of_keras() {
    let text = include_str!("../fixtures/keras_configs.json");
    let keras: Value = serde_json::from_str(text).unwrap();
    let check = |family: &str, through: &dyn Fn(&Value) -> Value| {
        let configs = keras[family].as_array().unwrap();
        assert!(!configs.is_empty());
        for config in configs {
            let written = through(config);
            assert!(same(config, &written), "expected {config}, received {written}");
        }
    };
    check("initializers", &|config| {
        let initializer: Initializer = serde_json::from_value(config.clone()).unwrap();
        assert_eq!(initializer.name(), config["class_name"]);
        assert_eq!(initializer.name().parse::<Initializer>().unwrap().name(), initializer.name());
        serde_json::to_value(initializer).unwrap()
    });
    check("regularizers", &|config| {
        let regularizer: Regularizer = serde_json::from_value(config.clone()).unwrap();
        serde_json::to_value(regularizer).unwrap()
    });
}

#[test]
fn missing_and_foreign_fields_are_taken_as_keras_takes_them() {
    let json = r#"{"module": "keras.initializers", "class_name": "HeNormal", "config": {}, "registered_name": null}"#;
    let initializer: Initializer = serde_json::from_str(json).unwrap();
    assert_eq!(initializer, HeNormal::default().into());
    let old = r#"{"class_name": "OrthogonalInitializer", "config": {"gain": 2.0, "seed": null}}"#;
    assert_eq!(serde_json::from_str::<Initializer>(old).unwrap(), Orthogonal::new(2.0).into());
    assert!(serde_json::from_str::<Initializer>(r#"{"class_name": "Magic", "config": {}}"#).is_err());
}
