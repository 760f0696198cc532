//! Layers against PyTorch's: outputs, gradients, running statistics. `fixtures/layers.py` made the numbers.

use std::collections::BTreeMap;

use ocelli_autograd::Var;
use ocelli_nn::{
    AdaptiveAvgPool2d, AvgPool2d, BatchNorm1d, BatchNorm2d, BatchNorm3d, Conv2d, Dropout, Flatten, GELU, GroupNorm,
    HardSigmoid, HardSwish, Layer, LayerNorm, LeakyReLU, Linear, MaxPool2d, Module, ReLU, ReLU6, Result, Sequential,
    SiLU, Sigmoid, Softmax, StateDict,
};
use ocelli_tensor::{Activation, DType, Generator, Tensor, safetensors};

fn fixture() -> BTreeMap<String, Tensor> {
    safetensors::load(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/layers.safetensors")).unwrap()
}

#[track_caller]
fn assert_close(actual: &Tensor, expected: &Tensor, what: &str) {
    assert_eq!(actual.shape(), expected.shape(), "{what}");
    let values = |x: &Tensor| x.to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap();
    for (a, e) in values(actual).iter().zip(values(expected)) {
        assert!((a - e).abs() <= 2e-5 * (1.0 + e.abs()), "{what}: expected {e}, received {a}");
    }
}

/// The part of the fixture below a prefix.
fn below(all: &BTreeMap<String, Tensor>, prefix: &str) -> StateDict {
    all.iter().filter_map(|(key, value)| Some((key.strip_prefix(prefix)?.to_string(), value.clone()))).collect()
}

/// Loads the layer's state, runs it, and compares everything that the fixture tells.
fn check(name: &str, layer: &dyn Layer, steps: usize) -> Result<()> {
    let all = fixture();
    let of = |part: &str| &all[&format!("{name}.{part}")];
    layer.load_state_dict(&below(&all, &format!("{name}.before.")))?;
    let x = Var::leaf(of("x").clone())?;
    let mut y = layer.forward(&x)?;
    for _ in 1..steps {
        y = layer.forward(&x)?;
    }
    assert_close(y.tensor(), of("y"), &format!("{name}: output"));
    let gradients = y.mul(of("weight"))?.sum(..)?.backward()?;
    assert_close(gradients.get(&x)?.tensor(), of("dx"), &format!("{name}: gradient of the input"));
    for (path, param) in layer.named_parameters() {
        assert_close(gradients.get(&param.var())?.tensor(), of(&format!("grad.{path}")), &format!("{name}: {path}"));
    }
    let after = below(&all, &format!("{name}.after."));
    let state = layer.state_dict();
    assert_eq!(state.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    after.iter().for_each(|(key, expected)| assert_close(&state[key], expected, &format!("{name}: {key} afterwards")));
    Ok(())
}

#[test]
fn layers_match_pytorch() -> Result<()> {
    let g = &mut Generator::new(0);
    check("linear", &Linear::new(5, 3, g)?, 1)?;
    let conv = Conv2d::builder(4, 6, [3, 2]).stride([2, 1]).padding([1, 0]).dilation([1, 2]).groups(2).build(g)?;
    check("conv", &conv, 1)?;
    let norm = BatchNorm2d::new(3)?;
    check("batch_norm_train", &norm, 3)?;
    norm.eval();
    check("batch_norm_eval", &norm, 1)?;
    check("max_pool", &MaxPool2d::new(3).stride(2).padding(1), 1)?;
    check("avg_pool", &AvgPool2d::new(3).stride(2).padding(1).count_include_pad(false), 1)?;
    check("adaptive", &AdaptiveAvgPool2d::new([3, 2]), 1)
}

#[test]
fn batch_norms_match_pytorch() -> Result<()> {
    check("batch_norm_rows", &BatchNorm1d::with(3, 1e-3, 0.3)?, 2)?;
    check("batch_norm_sequences", &BatchNorm1d::new(3)?, 1)?;
    check("batch_norm_volumes", &BatchNorm3d::new(2)?, 1)?;
    // A sequence in PyTorch, so that the keys begin with the layer's place.
    let fused = Sequential::new().add(BatchNorm2d::new(3)?.relu());
    check("batch_norm_relu_train", &fused, 2)?;
    fused.eval();
    check("batch_norm_relu_eval", &fused, 1)
}

#[test]
fn layer_and_group_norm_match_pytorch() -> Result<()> {
    check("layer_norm", &LayerNorm::new([3, 5])?, 1)?;
    check("group_norm", &GroupNorm::new(2, 6)?, 1)?;
    check("group_norm_relu", &Sequential::new().add(GroupNorm::new(2, 6)?.relu()), 1)?;
    let message = |result: Result<Var>| result.unwrap_err().to_string();
    let x = Var::constant(Tensor::zeros([2, 5, 3], DType::F32)?);
    assert!(message(LayerNorm::new([5])?.forward(&x)).contains("last axes are [5]"));
    assert!(message(GroupNorm::new(2, 4)?.forward(&x)).contains("[N, 4, …]"));
    assert!(GroupNorm::new(3, 4).is_err() && LayerNorm::new(()).is_err() && LayerNorm::with([2], -1.0).is_err());
    Ok(())
}

#[test]
fn activations_match_pytorch() -> Result<()> {
    let layers: [(&str, Box<dyn Layer>); 9] = [
        ("relu", Box::new(ReLU)),
        ("relu6", Box::new(ReLU6)),
        ("leaky_relu", Box::new(LeakyReLU::new(0.25))),
        ("sigmoid", Box::new(Sigmoid)),
        ("silu", Box::new(SiLU)),
        ("hard_swish", Box::new(HardSwish)),
        ("hard_sigmoid", Box::new(HardSigmoid)),
        ("gelu", Box::new(GELU::new(false))),
        ("gelu_tanh", Box::new(GELU::new(true))),
    ];
    layers.iter().try_for_each(|(name, layer)| check(name, layer, 1))
}

/// As a part of a layer: fused into the convolution where the gradient follows from the result.
#[test]
fn layers_with_activations_match_pytorch() -> Result<()> {
    let activations = [
        ("relu", Activation::Relu),
        ("relu6", Activation::Relu6),
        ("leaky_relu", Activation::LeakyRelu(0.25)),
        ("sigmoid", Activation::Sigmoid),
        ("silu", Activation::Silu),
        ("hard_swish", Activation::HardSwish),
        ("gelu", Activation::Gelu),
        ("gelu_tanh", Activation::GeluTanh),
    ];
    let g = &mut Generator::new(0);
    for (name, activation) in activations {
        // Sequences in PyTorch, so that the keys begin with the layer's place.
        let conv = Conv2d::builder(3, 5, 3).padding(1).activation(activation).build(g)?;
        check(&format!("conv_{name}"), &Sequential::new().add(conv), 1)?;
        let linear = Linear::builder(7, 5).activation(activation).build(g)?;
        check(&format!("linear_{name}"), &Sequential::new().add(linear), 1)?;
    }
    Ok(())
}

#[test]
fn batch_norm_keeps_the_order_of_memory() -> Result<()> {
    let norm = BatchNorm2d::new(5)?;
    let channels_last = Tensor::randn([2, 4, 3, 5], DType::F32, &mut Generator::new(3))?.permute([0, 3, 1, 2])?;
    for training in [true, false] {
        if !training {
            norm.eval();
        }
        let x = Var::leaf(channels_last.clone())?;
        let y = norm.forward(&x)?;
        assert_eq!(y.tensor().strides(), channels_last.strides());
        let gradients = y.square()?.sum(..)?.backward()?;
        assert_eq!(gradients.get(&x)?.tensor().strides(), channels_last.strides());
    }
    Ok(())
}

#[test]
fn dropout_keeps_the_mean_and_repeats_from_its_state() -> Result<()> {
    let dropout = Dropout::new(0.3, &mut Generator::new(1))?;
    let x = Var::leaf(Tensor::ones([10_000], DType::F32)?)?;
    let y = dropout.forward(&x)?;
    let values = y.to_vec::<f32>()?;
    let zeros = values.iter().filter(|&&v| v == 0.0).count() as f64 / 10_000.0;
    // The standard error of the share is 0.0046.
    assert!((zeros - 0.3).abs() < 0.02, "{zeros}");
    assert!(values.iter().all(|&v| v == 0.0 || (v - 1.0 / 0.7).abs() < 1e-6));
    assert_eq!(y.sum(..)?.backward()?.get(&x)?.to_vec::<f32>()?, values);

    let state = dropout.random_state();
    let next = dropout.forward(&x)?.to_vec::<f32>()?;
    assert_ne!(next, values);
    dropout.restore_random_state(&state);
    assert_eq!(dropout.forward(&x)?.to_vec::<f32>()?, next);

    dropout.eval();
    assert_eq!(dropout.forward(&x)?.to_vec::<f32>()?, vec![1.0; 10_000]);
    assert!(Dropout::new(1.2, &mut Generator::new(1)).unwrap_err().to_string().contains("received 1.2"));
    Ok(())
}

#[test]
fn relu6_is_between_0_and_6() -> Result<()> {
    for dtype in [DType::F16, DType::BF16, DType::F32, DType::F64] {
        let x = Var::leaf(Tensor::new([[-2.0, 0.0, 2.5], [6.0, 7.0, f64::INFINITY]])?.to_dtype(dtype)?.t()?)?;
        let y = ReLU6.forward(&x)?;
        assert_eq!(y.dtype(), dtype);
        assert_eq!(y.tensor().to_dtype(DType::F64)?.to_vec::<f64>()?, [0.0, 6.0, 0.0, 6.0, 2.5, 6.0]);
        let gradient = y.sum(..)?.backward()?.get(&x)?.tensor().to_dtype(DType::F64)?;
        assert_eq!(gradient.to_vec::<f64>()?, [0.0, 0.0, 0.0, 0.0, 1.0, 0.0], "as PyTorch's");
    }
    assert_eq!(ReLU6.forward(&Var::constant(Tensor::zeros([0, 3], DType::F32)?))?.shape()[..], [0, 3]);
    Ok(())
}

#[test]
fn flatten_and_softmax() -> Result<()> {
    let x = Var::constant(Tensor::arange(0.0, 24.0, 1.0)?.reshape([2, 3, 2, 2])?);
    assert_eq!(Flatten::new().forward(&x)?.shape()[..], [2, 12]);
    let y = Softmax::new(1).forward(&x)?;
    let sums = y.sum(1)?.to_vec::<f32>()?;
    assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-6));
    Ok(())
}

#[test]
fn unfit_inputs_are_errors_that_say_why() -> Result<()> {
    let g = &mut Generator::new(0);
    let text = |layer: &dyn Layer, shape: &[usize]| {
        layer.forward(&Tensor::zeros(shape, DType::F32).unwrap().into()).unwrap_err().to_string()
    };
    assert_eq!(
        text(&Linear::new(5, 3, g)?, &[2, 4]),
        "Linear: expected an input whose last axis has 5 elements, received shape [2, 4]"
    );
    let conv = Conv2d::new(3, 8, 5, g)?;
    assert_eq!(text(&conv, &[3, 8, 8]), "Conv2d: expected pictures [N, C, H, W], received shape [3, 8, 8]");
    let channels = text(&conv, &[1, 4, 8, 8]);
    assert!(channels.starts_with("conv: expected") && channels.contains("[1, 4, 8, 8]"), "{channels}");
    let small = text(&conv, &[1, 3, 4, 8]);
    assert!(small.starts_with("conv: expected") && small.contains("[1, 3, 4, 8]"), "{small}");
    assert!(text(&BatchNorm2d::new(3)?, &[1, 3, 1, 1]).contains("more than one value per channel"));
    assert_eq!(
        text(&BatchNorm1d::new(3)?, &[4, 2]),
        "BatchNorm1d: expected rows [N, 3] or sequences [N, 3, L], received shape [4, 2]"
    );
    assert_eq!(
        text(&BatchNorm3d::new(3)?, &[4, 3, 2, 2]),
        "BatchNorm3d: expected volumes [N, 3, D, H, W], received shape [4, 3, 2, 2]"
    );
    assert!(
        Conv2d::builder(3, 8, 3).groups(2).build(g).unwrap_err().to_string().contains("2 groups, received 3 and 8")
    );
    Ok(())
}
