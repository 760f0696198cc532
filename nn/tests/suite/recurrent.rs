//! Recurrent layers against PyTorch's and Keras'. `fixtures/recurrent.py` made the numbers.

use std::collections::BTreeMap;

use crate::common::{assert_close, fixture, scattered};
use ocelli_autograd::Var;
use ocelli_nn::{GRU, LSTM, Layer, Module, Recurrent, RecurrentKind, Result, SimpleRNN, StateDict};
use ocelli_tensor::{DType, Generator, Tensor};

/// Loads PyTorch's weights, runs the layer, and compares outputs, states and all gradients.
fn check<K: RecurrentKind>(name: &str, layer: &Recurrent<K>) -> Result<()> {
    let all = fixture("recurrent");
    let of = |part: &str| all.get(&format!("{name}.{part}"));
    let prefix = format!("{name}.before.");
    let before: StateDict =
        all.iter().filter_map(|(key, value)| Some((key.strip_prefix(&prefix)?.to_string(), value.clone()))).collect();
    layer.load_state_dict(&before)?;
    for view in [Tensor::clone, scattered] {
        let x = Var::leaf(view(&all[&format!("{name}.x")]))?;
        let state: Vec<Var> = (0..2)
            .filter_map(|i| of(&format!("state{i}")))
            .map(|state| Var::leaf(view(state)))
            .collect::<Result<_, _>>()?;
        let (y, last) = layer.forward_with_state(&x, (!state.is_empty()).then_some(&state[..]))?;
        let mut loss = Var::constant(Tensor::zeros((), DType::F32)?);
        let given = [("y".to_string(), &y)].into_iter();
        for (key, value) in given.chain(last.iter().enumerate().map(|(i, last)| (format!("last{i}"), last))) {
            assert_close(value.tensor(), of(&key).unwrap(), 2e-5, 2e-6, &format!("{name}: {key}"));
            loss = loss.add(&value.mul(of(&format!("{key}_weight")).unwrap())?.sum(..)?)?;
        }
        let gradients = loss.backward()?;
        let compare = |var: &Var, key: &str| {
            let what = format!("{name}: {key}");
            assert_close(gradients.get(var).unwrap().tensor(), of(key).unwrap(), 2e-5, 2e-5, &what);
        };
        compare(&x, "dx");
        state.iter().enumerate().for_each(|(i, state)| compare(state, &format!("dstate{i}")));
        layer.named_parameters().iter().for_each(|(key, param)| compare(&param.var(), &format!("grad.{key}")));
    }
    Ok(())
}

#[test]
fn layers_match_pytorch() -> Result<()> {
    let g = &mut Generator::new(0);
    check("lstm", &LSTM::new(5, 4, g)?)?;
    check("lstm_deep", &LSTM::builder(3, 5).layers(2).bidirectional(true).batch_first(false).build(g)?)?;
    check("lstm_wide", &LSTM::builder(6, 19).bias(false).build(g)?)?;
    check("gru", &GRU::new(5, 4, g)?)?;
    check("gru_deep", &GRU::builder(3, 5).layers(2).bidirectional(true).batch_first(false).build(g)?)?;
    check("rnn", &SimpleRNN::new(5, 18, g)?)
}

/// Keras' weights under PyTorch's keys: transposed, the gates in the order `gates`, one bias being zero where Keras has one alone.
fn from_keras(
    all: &BTreeMap<String, Tensor>,
    prefix: &str,
    gates: &[usize],
    end: &str,
    state: &mut StateDict,
) -> Result<()> {
    let of = |part: &str| &all[&format!("{prefix}.{part}")];
    let ordered = |x: &Tensor| -> Result<Tensor> {
        let parts = x.chunk(gates.len(), 0)?;
        let parts: Vec<Tensor> = gates.iter().map(|&gate| parts[gate].clone()).collect();
        Ok(Tensor::concat(&parts, 0)?)
    };
    let bias = of("bias");
    let zero = Tensor::zeros(bias.shape(), DType::F32)?;
    let (input, hidden) =
        if bias.rank() == 2 { (bias.select(0, 0)?, bias.select(0, 1)?) } else { (bias.clone(), zero) };
    let weights = [
        ("weight_ih", of("kernel").t()?),
        ("weight_hh", of("recurrent_kernel").t()?),
        ("bias_ih", input),
        ("bias_hh", hidden),
    ];
    for (key, value) in weights {
        state.insert(format!("{key}_{end}"), ordered(&value)?);
    }
    Ok(())
}

#[test]
fn layers_match_keras() -> Result<()> {
    let (all, g) = (fixture("recurrent"), &mut Generator::new(0));
    // Keras' GRU has the gates z, r, n.
    let (lstm, gru, plain) = (&[0, 1, 2, 3][..], &[1, 0, 2][..], &[0][..]);
    let cases: [(&str, &[usize], Box<dyn Layer>); 5] = [
        ("keras_lstm", lstm, Box::new(LSTM::new(5, 4, g)?)),
        ("keras_gru", gru, Box::new(GRU::new(5, 4, g)?)),
        ("keras_gru_reset_before", gru, Box::new(GRU::builder(5, 4).reset_after(false).build(g)?)),
        ("keras_simple_rnn", plain, Box::new(SimpleRNN::new(5, 4, g)?)),
        ("keras_bidirectional", lstm, Box::new(LSTM::builder(5, 4).bidirectional(true).build(g)?)),
    ];
    for (name, gates, layer) in cases {
        let mut state = StateDict::new();
        if name == "keras_bidirectional" {
            from_keras(&all, "keras_bidirectional.forward", gates, "l0", &mut state)?;
            from_keras(&all, "keras_bidirectional.backward", gates, "l0_reverse", &mut state)?;
        } else {
            from_keras(&all, name, gates, "l0", &mut state)?;
        }
        layer.load_state_dict(&state)?;
        let y = layer.forward(&all[&format!("{name}.x")].clone().into())?;
        assert_close(y.tensor(), &all[&format!("{name}.y")], 2e-5, 2e-6, name);
    }
    Ok(())
}

#[test]
fn first_weights_are_pytorchs() -> Result<()> {
    let lstm = LSTM::builder(30, 64).layers(2).bidirectional(true).build(&mut Generator::new(1))?;
    let keys: Vec<String> = lstm.named_parameters().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys[..4], ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]);
    assert_eq!((keys.len(), keys[12].as_str()), (16, "weight_ih_l1_reverse"));
    for (key, param) in lstm.named_parameters() {
        let largest = param.tensor().abs()?.max(..)?.item::<f64>()?;
        assert!(largest <= 0.125 && largest > 0.11, "{key}: {largest}");
    }
    assert_eq!(lstm.parameter_count(), 2 * 256 * (30 + 64 + 2) + 2 * 256 * (128 + 64 + 2));
    Ok(())
}

#[test]
fn dropout_stands_between_layers_in_training_alone() -> Result<()> {
    let g = &mut Generator::new(2);
    let gru = GRU::builder(3, 8).layers(2).dropout(0.5).return_sequences(true).build(g)?;
    let x: Var = Tensor::randn([2, 5, 3], DType::F32, g)?.into();
    let run = || gru.forward(&x)?.to_vec::<f32>().map_err(Into::into);
    let state = gru.random_state();
    let (first, second): (Vec<f32>, Vec<f32>) = (run()?, run()?);
    assert_ne!(first, second);
    gru.restore_random_state(&state);
    assert_eq!(run()?, first);
    gru.eval();
    let (first, second): (Vec<f32>, Result<Vec<f32>>) = (run()?, run());
    assert_eq!(first, second?);
    Ok(())
}

#[test]
fn half_precision_is_close_to_single() -> Result<()> {
    let single = LSTM::new(6, 9, &mut Generator::new(3))?;
    let x = Tensor::randn([2, 4, 6], DType::F32, &mut Generator::new(4))?;
    let expected = single.forward(&x.clone().into())?;
    for (dtype, tolerance) in [(DType::F16, 4e-3), (DType::BF16, 3e-2), (DType::F64, 1e-5)] {
        let other = LSTM::builder(6, 9).dtype(dtype).build(&mut Generator::new(5))?;
        other.load_state_dict(&single.state_dict())?;
        let x = Var::leaf(x.to_dtype(dtype)?)?;
        let y = other.forward(&x)?;
        assert_eq!(y.dtype(), dtype);
        assert_close(&y.tensor().to_dtype(DType::F32)?, expected.tensor(), 0.0, tolerance, dtype.name());
        let gradients = y.sum(..)?.backward()?;
        assert_eq!(gradients.get(&x)?.dtype(), dtype);
    }
    Ok(())
}

#[test]
fn unfit_inputs_are_errors_that_say_why() -> Result<()> {
    let g = &mut Generator::new(0);
    let lstm = LSTM::new(5, 3, g)?;
    let text = |shape: &[usize], state: Option<&[Var]>| {
        let x = Tensor::zeros(shape, DType::F32).unwrap().into();
        lstm.forward_with_state(&x, state).unwrap_err().to_string()
    };
    assert_eq!(
        text(&[2, 4], None),
        "LSTM: expected sequences [batch, time, features] of 5 features, received shape [2, 4]"
    );
    assert!(text(&[2, 4, 6], None).ends_with("received shape [2, 4, 6]"));
    assert_eq!(
        text(&[2, 0, 5], None),
        "LSTM: expected at least one step, received [batch, time, features] = [2, 0, 5]"
    );
    let state: [Var; 1] = [Tensor::zeros([1, 2, 3], DType::F32)?.into()];
    assert_eq!(
        text(&[2, 4, 5], Some(&state)),
        "LSTM: expected 2 states of shape [1, 2, 3], received 1 of shapes [1, 2, 3]"
    );
    assert!(GRU::new(0, 3, g).unwrap_err().to_string().starts_with("GRU: expected at least 1 input"));
    assert!(GRU::builder(2, 3).dropout(1.5).build(g).is_err());
    let empty = lstm.forward(&Tensor::zeros([0, 4, 5], DType::F32)?.into())?;
    assert_eq!(empty.shape()[..], [0, 3]);
    Ok(())
}
