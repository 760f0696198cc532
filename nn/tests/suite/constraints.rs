//! Constraints and regularizers against Keras; `fixtures/constraints.py` has made the numbers.

use crate::common::{assert_close, fixture, scattered};
use ocelli_autograd::Var;
use ocelli_nn::constraints::{MaxNorm, MinMaxNorm, NonNeg, UnitNorm};
use ocelli_nn::regularizers::{L1, L1L2, L2};
use ocelli_nn::{Constraint, Regularizer};
use ocelli_tensor::{DType, Tensor};

#[test]
fn constraints_are_those_of_keras() {
    let f = fixture("constraints");
    let min_max = || MinMaxNorm::new(0.5, 1.5).rate(0.75);
    let constraints: [(&str, Constraint, Constraint); 4] = [
        ("non_neg", NonNeg {}.into(), NonNeg {}.into()),
        ("unit_norm", UnitNorm::default().into(), UnitNorm::default().axis([0]).into()),
        ("max_norm", MaxNorm::new(1.5).into(), MaxNorm::new(1.5).axis([0]).into()),
        ("min_max_norm", min_max().into(), min_max().axis([0]).into()),
    ];
    for (name, incoming, along_first) in constraints {
        let check = |constraint: &Constraint, weight: &str, expected: &str| {
            let (weight, expected) = (&f[&format!("x/{weight}")], &f[&format!("{name}/{expected}")]);
            for weight in [weight.clone(), scattered(weight)] {
                assert_close(&constraint.apply(&weight).unwrap(), expected, 1e-6, 1e-9, name);
            }
        };
        check(&incoming, "dense", "dense");
        check(&incoming, "conv", "conv");
        check(&incoming, "bias", "bias");
        check(&along_first, "dense", "dense axis 0");
    }
}

#[test]
fn regularizers_are_those_of_keras() {
    let f = fixture("constraints");
    let regularizers: [(&str, Regularizer); 3] =
        [("l1", L1::new(0.5).into()), ("l2", L2::new(0.25).into()), ("l1_l2", L1L2::new(0.5, 0.25).into())];
    for (name, regularizer) in regularizers {
        let x = Var::leaf(scattered(&f["x/dense"])).unwrap();
        let penalty = regularizer.penalty(&x).unwrap();
        assert_close(penalty.tensor(), &f[&format!("{name}/dense")], 1e-6, 0.0, name);
    }
    // The gradient of l1·|x| + l2·x².
    let x = Var::leaf(Tensor::new([3.0f64, 0.0, -2.0]).unwrap()).unwrap();
    let penalty = Regularizer::from(L1L2::new(0.5, 0.25)).penalty(&x).unwrap();
    let gradients = penalty.backward().unwrap();
    assert_eq!(gradients.get(&x).unwrap().to_vec::<f64>().unwrap(), [2.0, 0.0, -1.5]);
}

#[test]
fn names_give_the_defaults_of_keras() {
    assert_eq!(Regularizer::from_name("l1").unwrap(), L1::new(0.01).into());
    assert_eq!("l2".parse::<Regularizer>().unwrap(), L2::new(0.01).into());
    assert_eq!(Regularizer::from_name("l1_l2").unwrap(), L1L2::new(0.01, 0.01).into());
    let error = Regularizer::from_name("l3").unwrap_err().to_string();
    assert_eq!(error, "regularizer: expected one of l1, l2, l1_l2, received \"l3\"");
    assert_eq!(Constraint::from_name("max_norm").unwrap(), MaxNorm::new(2.0).into());
    assert_eq!("MinMaxNorm".parse::<Constraint>().unwrap(), MinMaxNorm::new(0.0, 1.0).into());
    assert!(Constraint::from_name("norm").unwrap_err().to_string().ends_with("received \"norm\""));
}

#[test]
fn configurations_go_through_json() {
    let constraints: [(Constraint, &str); 4] = [
        (NonNeg {}.into(), r#"{"class_name":"NonNeg","config":{}}"#),
        (UnitNorm::default().into(), r#"{"class_name":"UnitNorm","config":{"axis":null}}"#),
        (MaxNorm::new(3.0).axis([0]).into(), r#"{"class_name":"MaxNorm","config":{"max_value":3.0,"axis":0}}"#),
        (
            MinMaxNorm::new(0.5, 1.0).axis([1, -1]).into(),
            r#"{"class_name":"MinMaxNorm","config":{"min_value":0.5,"max_value":1.0,"rate":1.0,"axis":[1,-1]}}"#,
        ),
    ];
    for (constraint, json) in constraints {
        assert_eq!(serde_json::to_string(&constraint).unwrap(), json);
        assert_eq!(serde_json::from_str::<Constraint>(json).unwrap(), constraint);
    }
    let missing: Constraint = serde_json::from_str(r#"{"class_name":"UnitNorm","config":{}}"#).unwrap();
    assert_eq!(missing, UnitNorm::default().into());
}

#[test]
fn edges() {
    let all = ["non_neg", "unit_norm", "max_norm", "min_max_norm"].map(|name| Constraint::from_name(name).unwrap());
    for constraint in &all {
        for dtype in [DType::F16, DType::BF16, DType::F32, DType::F64] {
            for shape in [&[][..], &[3], &[0, 3], &[2, 0], &[2, 3, 1, 1]] {
                let weight = Tensor::full(shape, -100.0, dtype).unwrap();
                let kept = constraint.apply(&weight).unwrap();
                assert_eq!((kept.shape(), kept.dtype()), (weight.shape(), dtype));
                let values = kept.to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap();
                assert!(values.iter().all(|x| x.is_finite() && x.abs() < 2.01), "{constraint:?} {values:?}");
            }
        }
        let error = constraint.apply(&Tensor::zeros([2], DType::I64).unwrap()).unwrap_err().to_string();
        assert_eq!(error, "constraint: expected a float dtype, received dtype i64");
    }
    let weight = Tensor::ones([2, 3], DType::F32).unwrap();
    let refuse = |constraint: Constraint, ending: &str| {
        let error = constraint.apply(&weight).unwrap_err().to_string();
        assert!(error.ends_with(ending), "{error}");
    };
    refuse(UnitNorm::default().axis([2]).into(), "expected an axis in -2..2, received 2");
    refuse(MaxNorm::new(-1.0).into(), "expected limits 0 ≤ min_value ≤ max_value, received 0 and -1");
    refuse(MinMaxNorm::new(2.0, 1.0).into(), "received 2 and 1");
    refuse(MinMaxNorm::new(0.0, 1.0).rate(1.5).into(), "expected a rate in 0..=1, received 1.5");
    let error = Regularizer::from(L1::new(-1.0)).penalty(&weight.into()).unwrap_err().to_string();
    assert!(error.ends_with("expected finite factors of at least 0, received -1"), "{error}");
}
