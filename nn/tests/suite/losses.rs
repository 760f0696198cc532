//! Losses against PyTorch (values and gradients, in f64) and Keras (values, in f32); `fixtures/losses.py` has made the numbers.

use std::collections::BTreeMap;

use crate::common::{assert_close, fixture, scattered};
use ocelli_autograd::Var;
use ocelli_nn::losses::{
    self, BinaryCrossEntropy, CategoricalCrossEntropy, CrossEntropy, Loss, MeanAbsoluteError, MeanSquaredError,
    Reduction,
};
use ocelli_tensor::{DType, Tensor};

const REDUCTIONS: [(&str, Reduction); 3] =
    [("mean", Reduction::Mean), ("sum", Reduction::Sum), ("none", Reduction::None)];

/// Value and gradient as PyTorch's, also for non-contiguous inputs.
fn check_torch(f: &BTreeMap<String, Tensor>, case: &str, loss: &dyn Loss, x: &str, target: &Tensor) {
    for x in [f[x].clone(), scattered(&f[x])] {
        let x = Var::leaf(x).unwrap();
        let y = loss.loss(&x, target).unwrap();
        assert_close(y.tensor(), &f[&format!("torch/{case}")], 1e-12, 1e-14, case);
        let gradients = y.sum(..).unwrap().backward().unwrap();
        let gradient = gradients.get(&x).unwrap().tensor();
        assert_close(gradient, &f[&format!("grad/{case}")], 1e-10, 1e-14, &format!("gradient of {case}"));
    }
}

#[test]
fn cross_entropies_are_those_of_pytorch() {
    let f = fixture("losses");
    let weights: Vec<f64> = f["x/weights"].to_vec().unwrap();
    let labels = &f["x/labels"];
    for (name, reduction) in REDUCTIONS {
        let plain = CrossEntropy::new().reduction(reduction);
        check_torch(&f, &format!("ce {name}"), &plain, "x/logits", labels);
        let all_options = CrossEntropy::new()
            .class_weights(&weights[..3])
            .ignore_index(255)
            .label_smoothing(0.1)
            .reduction(reduction);
        let masks = scattered(&f["x/masks"]);
        check_torch(&f, &format!("ce maps {name}"), &all_options, "x/maps", &masks);
    }
    check_torch(&f, "ce weighted", &CrossEntropy::new().class_weights(weights), "x/logits", labels);
    check_torch(&f, "ce smoothed", &CrossEntropy::new().label_smoothing(0.2), "x/logits", labels);
    check_torch(&f, "ce one", &CrossEntropy::new(), "x/one", &Tensor::new(3u8).unwrap());
    check_torch(&f, "ce probabilities", &CrossEntropy::of_probabilities(), "x/probabilities", labels);
    let soft = CategoricalCrossEntropy::new();
    check_torch(&f, "cce soft", &soft, "x/logits", &f["x/soft"]);
    check_torch(&f, "cce soft smoothed", &soft.label_smoothing(0.2), "x/logits", &f["x/soft"]);
}

#[test]
fn the_others_are_those_of_pytorch() {
    let f = fixture("losses");
    for (name, reduction) in REDUCTIONS {
        let case = |loss: &str| format!("{loss} {name}");
        check_torch(&f, &case("bce"), &BinaryCrossEntropy::new().reduction(reduction), "x/binary", &f["x/unsure"]);
        check_torch(&f, &case("mse"), &MeanSquaredError::new().reduction(reduction), "x/values", &f["x/others"]);
        check_torch(&f, &case("mae"), &MeanAbsoluteError::new().reduction(reduction), "x/values", &f["x/others"]);
    }
    check_torch(&f, "bce probabilities", &BinaryCrossEntropy::of_probabilities(), "x/chances", &f["x/unsure"]);
}

#[test]
fn values_are_those_of_keras() {
    let f = fixture("losses");
    let single = |name: &str| Var::from(f[&format!("x/{name}")].to_dtype(DType::F32).unwrap());
    let check = |case: &str, loss: &dyn Loss, x: &str, target: &str| {
        let y = loss.loss(&single(x), &f[&format!("x/{target}")]).unwrap();
        assert_close(y.tensor(), &f[&format!("keras/{case}")], 2e-6, 0.0, case);
    };
    let (sparse, categorical) = (CrossEntropy::new(), CategoricalCrossEntropy::new());
    check("sparse logits", &sparse, "logits", "labels");
    check("sparse ignored", &sparse.ignore_index(4), "logits", "labels");
    check("sparse", &CrossEntropy::of_probabilities(), "probabilities", "labels");
    check("categorical logits", &categorical, "logits", "soft");
    let categorical = CategoricalCrossEntropy::of_probabilities();
    check("categorical", &categorical, "probabilities", "soft");
    check("categorical smoothed", &categorical.label_smoothing(0.2), "probabilities", "onehot");
    check("binary logits", &BinaryCrossEntropy::new(), "binary", "answers");
    let binary = BinaryCrossEntropy::of_probabilities();
    check("binary", &binary, "chances", "answers");
    check("binary clipped", &binary, "certain", "wrong");
    check("binary smoothed", &binary.label_smoothing(0.2), "chances", "answers");
    check("mse", &MeanSquaredError::new(), "values", "others");
    check("mae", &MeanAbsoluteError::new(), "values", "others");
    let scaled = single("probabilities").mul(3.0).unwrap();
    let y = CategoricalCrossEntropy::of_probabilities().loss(&scaled, &f["x/onehot"]).unwrap();
    assert_close(y.tensor(), &f["keras/categorical unnormalized"], 2e-6, 0.0, "unnormalized");
}

#[test]
fn names_of_keras_take_probabilities() {
    let f = fixture("losses");
    for (name, case, x, target) in [
        ("sparse_categorical_crossentropy", "sparse", "x/probabilities", "x/labels"),
        ("categorical_crossentropy", "categorical", "x/probabilities", "x/soft"),
        ("binary_crossentropy", "binary", "x/chances", "x/answers"),
        ("mean_squared_error", "mse", "x/values", "x/others"),
        ("mse", "mse", "x/values", "x/others"),
        ("mean_absolute_error", "mae", "x/values", "x/others"),
        ("mae", "mae", "x/values", "x/others"),
        ("cross_entropy", "sparse logits", "x/logits", "x/labels"),
        ("binary_cross_entropy_with_logits", "binary logits", "x/binary", "x/answers"),
    ] {
        let x = Var::from(f[x].to_dtype(DType::F32).unwrap());
        let y = losses::from_name(name).unwrap().loss(&x, &f[target]).unwrap();
        assert_close(y.tensor(), &f[&format!("keras/{case}")], 2e-6, 0.0, name);
    }
    let error = losses::from_name("huge").err().unwrap().to_string();
    assert!(error.starts_with("loss: expected one of sparse_categorical") && error.ends_with("received \"huge\""));
}

#[test]
fn extreme_predictions_stay_finite() {
    let finite = |loss: &dyn Loss, x: Tensor, target: &Tensor| {
        let x = Var::leaf(x).unwrap();
        let y = loss.loss(&x, target).unwrap();
        let gradients = y.backward().unwrap();
        let gradient = gradients.get(&x).unwrap().to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap();
        let y = y.to_dtype(DType::F64).unwrap().item::<f64>().unwrap();
        assert!(y.is_finite() && gradient.iter().all(|g| g.is_finite()), "{y} {gradient:?}");
        (y, gradient)
    };
    let x = Tensor::new([[1e4f32, -1e4, 0.0], [-1e4, -1e4, 1e4]]).unwrap();
    let labels = Tensor::new([1i64, 2]).unwrap();
    assert_eq!(finite(&CrossEntropy::new(), x.clone(), &labels).0, 1e4);
    let onehot = labels.one_hot(3, DType::F32).unwrap();
    assert_eq!(finite(&CategoricalCrossEntropy::new(), x.clone(), &onehot).0, 1e4);
    let (y, gradient) = finite(&BinaryCrossEntropy::new(), x.clone(), &onehot);
    assert!((y - (2e4 + 2f64.ln()) / 6.0).abs() < 1e-3, "{y}");
    assert!((gradient[2] - 0.5 / 6.0).abs() < 1e-8, "{gradient:?}");
    // A logit of -∞ rules a class out.
    let masked = Tensor::new([[0.0f64, f64::NEG_INFINITY, 0.0]]).unwrap();
    let (y, gradient) = finite(&CrossEntropy::new(), masked, &Tensor::new([0i64]).unwrap());
    assert_eq!((y, gradient), (2f64.ln(), vec![-0.5, 0.0, 0.5]));
    // Small surprises keep their digits.
    let sure = Tensor::new([50.0f64]).unwrap();
    let (y, _) = finite(&BinaryCrossEntropy::new(), sure, &Tensor::new([1.0f64]).unwrap());
    assert!((y / (-50f64).exp() - 1.0).abs() < 1e-12);
    // Probabilities of 0 and 1.
    let p = Tensor::new([[1.0f32, 0.0, 0.0], [0.0, 0.0, 1.0]]).unwrap();
    finite(&CrossEntropy::of_probabilities(), p.clone(), &labels);
    finite(&CategoricalCrossEntropy::of_probabilities(), p.clone(), &onehot);
    finite(&BinaryCrossEntropy::of_probabilities(), p, &onehot);
}

#[test]
fn halves_and_empty_batches() {
    let labels = Tensor::new([1i64, 2]).unwrap();
    for dtype in [DType::F16, DType::BF16] {
        let x = Var::leaf(Tensor::zeros([2, 3], dtype).unwrap()).unwrap();
        let y = CrossEntropy::new().loss(&x, &labels).unwrap();
        assert_eq!((y.dtype(), y.rank()), (dtype, 0));
        let y = y.to_dtype(DType::F64).unwrap().item::<f64>().unwrap();
        assert!((y - 3f64.ln()).abs() < 1e-2, "{y}");
    }
    let none = Var::from(Tensor::zeros([0, 3], DType::F32).unwrap());
    let no_labels = Tensor::zeros([0], DType::I64).unwrap();
    let sum = CrossEntropy::new().reduction(Reduction::Sum);
    assert_eq!(sum.loss(&none, &no_labels).unwrap().item::<f32>().unwrap(), 0.0);
    let y = CrossEntropy::new().loss(&none, &no_labels).unwrap();
    assert!(y.item::<f32>().unwrap().is_nan());
    let y = MeanSquaredError::new().loss(&none, none.tensor()).unwrap();
    assert!(y.item::<f32>().unwrap().is_nan());
}

#[test]
fn a_function_is_a_loss() {
    let loss: Box<dyn Loss> = Box::new(|x: &Var, t: &Tensor| Ok(x.sub(t)?.abs()?.sum(..)?));
    let x = Var::from(Tensor::new([1.0f32, 5.0]).unwrap());
    let y = loss.loss(&x, &Tensor::new([2.0f32, 3.0]).unwrap()).unwrap();
    assert_eq!(y.item::<f32>().unwrap(), 3.0);
}

#[test]
fn bad_input_is_refused() {
    let x = Var::from(Tensor::zeros([2, 3], DType::F32).unwrap());
    let refuse = |loss: &dyn Loss, target: Tensor, text: &str| {
        assert_eq!(loss.loss(&x, &target).unwrap_err().to_string(), text);
    };
    let ce = CrossEntropy::new();
    let text = "cross_entropy: expected labels in 0..3, one for each of 3 classes, received label 3";
    refuse(&ce, Tensor::new([0i64, 3]).unwrap(), text);
    let text = "cross_entropy: expected labels in 0..3, one for each of 3 classes, received label -1";
    refuse(&ce, Tensor::new([-1i64, 0]).unwrap(), text);
    let text = "cross_entropy: expected labels of shape [2] for predictions of shape [2, 3], received shape [3]";
    refuse(&ce, Tensor::new([0i64, 1, 2]).unwrap(), text);
    let text = "cross_entropy: expected class indices of an integer dtype, received dtype f32";
    refuse(&ce, Tensor::new([0.0f32, 1.0]).unwrap(), text);
    let labels = Tensor::new([0i64, 1]).unwrap();
    let text = "cross_entropy: expected 3 class weights, one for each class, received 2";
    refuse(&ce.clone().class_weights([1.0, 2.0]), labels.clone(), text);
    let text = "cross_entropy: expected finite class weights of at least 0, received -1";
    refuse(&ce.clone().class_weights([1.0, -1.0, 0.0]), labels.clone(), text);
    let text = "cross_entropy: expected a label smoothing in 0..=1, received 2";
    refuse(&ce.label_smoothing(2.0), labels.clone(), text);
    let text = "mean_squared_error: expected a target of the prediction's shape [2, 3], received shape [2]";
    refuse(&MeanSquaredError::new(), labels.clone(), text);
    let integers = Var::from(labels.clone());
    let error = MeanSquaredError::new().loss(&integers, &labels).unwrap_err().to_string();
    assert_eq!(error, "mean_squared_error: expected predictions of a float dtype, received dtype i64");
    let scalar = Var::from(Tensor::zeros((), DType::F32).unwrap());
    let error = CrossEntropy::new().loss(&scalar, &labels).unwrap_err().to_string();
    assert!(error.contains("expected predictions [classes] or [samples, classes, …]"), "{error}");
}
