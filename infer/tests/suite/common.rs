//! What the tests of plans share.

use ocelli_autograd::{Var, no_grad};
use ocelli_infer::Plan;
use ocelli_nn::{BatchNorm2d, Conv2d, Layer, Module};
use ocelli_tensor::{DType, Generator, Tensor};

pub(crate) fn random(shape: &[usize], generator: &mut Generator) -> Tensor {
    Tensor::randn(shape, DType::F32, generator).unwrap()
}

/// Asserts that both have the same numbers up to 1e-5 of the largest.
pub(crate) fn assert_close(actual: &Tensor, expected: &Tensor, what: &str) {
    assert_eq!(actual.shape(), expected.shape(), "{what}");
    assert_eq!(actual.dtype(), expected.dtype(), "{what}");
    let (actual, expected) = (actual.to_dtype(DType::F64).unwrap(), expected.to_dtype(DType::F64).unwrap());
    let (actual, expected) = (actual.to_vec::<f64>().unwrap(), expected.to_vec::<f64>().unwrap());
    let largest = expected.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
    for (i, (a, e)) in actual.iter().zip(&expected).enumerate() {
        assert!((a - e).abs() <= 1e-5 * largest, "{what}: element {i} is {a}, expected {e} (largest {largest})");
    }
}

/// Checks a model of one input and output on batches of several sizes.
pub(crate) fn check(model: &impl Layer, shape: &[usize]) -> Plan {
    check_with(&[shape], |x| Ok(vec![model.forward(&x[0])?]), || model.eval())
}

/// Checks a computation on inputs `[1, …]` of these shapes, in batches of several sizes.
pub(crate) fn check_fn(shapes: &[&[usize]], model: impl Fn(&[Var]) -> ocelli_nn::Result<Vec<Var>>) -> Plan {
    check_with(shapes, model, || ())
}

fn check_with(shapes: &[&[usize]], model: impl Fn(&[Var]) -> ocelli_nn::Result<Vec<Var>>, prepare: impl Fn()) -> Plan {
    prepare();
    let mut generator = Generator::new(7);
    let mut batch = |n: usize| -> Vec<Tensor> {
        let shape = |shape: &&[usize]| [&[n], &shape[1..]].concat();
        shapes.iter().map(|s| random(&shape(s), &mut generator)).collect()
    };
    let plan = Plan::compile_with(&batch(1), &model).unwrap();
    for n in [1, 2, 5, 1] {
        let inputs = batch(n);
        let vars: Vec<Var> = inputs.iter().map(Var::from).collect();
        let expected = no_grad(|| model(&vars)).unwrap();
        let actual = plan.run(&inputs).unwrap();
        assert_eq!(actual.len(), expected.len());
        let mut slices: Vec<Vec<f32>> = expected.iter().map(|y| vec![0.0; y.numel()]).collect();
        let floats = expected.iter().all(|y| y.dtype() == DType::F32);
        if floats {
            let mut slices: Vec<&mut [f32]> = slices.iter_mut().map(|slice| &mut slice[..]).collect();
            plan.run_into(&inputs, &mut slices).unwrap();
        }
        for (i, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
            assert_close(actual, expected.tensor(), &format!("output {i} of a batch of {n}"));
            if floats {
                let slice = Tensor::from_slice(&slices[i], expected.shape()).unwrap();
                assert_close(&slice, expected.tensor(), &format!("slice {i} of a batch of {n}"));
            }
        }
    }
    plan
}

/// The names of a plan's steps.
pub(crate) fn names(plan: &Plan) -> Vec<String> {
    plan.report().unwrap().steps.into_iter().map(|step| step.name).collect()
}

/// A batch norm with statistics and weights as after training.
pub(crate) fn trained_norm(channels: usize, generator: &mut Generator) -> BatchNorm2d {
    let norm = BatchNorm2d::new(channels).unwrap();
    let mut uniform = |low: f64, high: f64| {
        let unit = Tensor::rand([channels], DType::F32, generator).unwrap();
        unit.mul(high - low).unwrap().add(low).unwrap()
    };
    norm.weight().set(uniform(0.5, 1.5)).unwrap();
    norm.bias().set(uniform(-0.5, 0.5)).unwrap();
    for (name, buffer) in norm.named_buffers() {
        match &name[..] {
            "running_mean" => buffer.set(uniform(-0.5, 0.5)).unwrap(),
            "running_var" => buffer.set(uniform(0.5, 2.0)).unwrap(),
            _ => {}
        }
    }
    norm
}

/// A convolution that keeps the size, without bias.
pub(crate) fn conv(inputs: usize, outputs: usize, kernel: usize, generator: &mut Generator) -> Conv2d {
    Conv2d::builder(inputs, outputs, kernel).padding(kernel / 2).bias(false).build(generator).unwrap()
}
