//! Every network through a `Plan`: the numbers of `forward`, and nothing left to the tensors.

use ocelli_autograd::{Var, no_grad};
use ocelli_infer::Plan;
use ocelli_nn::{Layer, Module};
use ocelli_tensor::{DType, Generator, Tensor};
use ocelli_vision::models::by_name;

/// Where the first weights would hide a mistake: batch norms that change nothing.
fn disturb(model: &dyn Layer, generator: &mut Generator) {
    let noise = |shape: &ocelli_tensor::Shape, generator: &mut Generator| {
        Tensor::rand(shape, DType::F32, generator).unwrap().mul(0.5).unwrap()
    };
    for (name, buffer) in model.named_buffers() {
        let tensor = buffer.tensor();
        if tensor.dtype() == DType::F32 {
            let moved = tensor.add(&noise(tensor.shape(), generator)).unwrap();
            buffer.set(moved).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
    for (_, param) in model.named_parameters() {
        if param.shape().rank() == 1 {
            param.set(param.tensor().add(&noise(&param.shape(), generator)).unwrap()).unwrap();
        }
    }
}

fn check(name: &str, image: [usize; 3]) {
    let mut generator = Generator::new(3);
    let model = by_name(name, 10, &mut generator).unwrap();
    disturb(&*model, &mut generator);
    model.eval();
    let [c, h, w] = image;
    let plan = Plan::compile(&*model, &Tensor::zeros([1, c, h, w], DType::F32).unwrap()).unwrap();
    for n in [1, 3] {
        let x = Tensor::randn([n, c, h, w], DType::F32, &mut generator).unwrap();
        let expected = no_grad(|| model.forward(&Var::from(&x))).unwrap().to_vec::<f32>().unwrap();
        let actual = plan.run(&[x]).unwrap()[0].to_vec::<f32>().unwrap();
        let largest = expected.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
        assert_eq!(actual.len(), expected.len());
        for (a, e) in actual.iter().zip(&expected) {
            assert!((a - e).abs() <= 1e-5 * largest, "{name}, batch of {n}: {a}, expected {e} (largest {largest})");
        }
    }
    let report = plan.report().unwrap().to_string();
    // LeNet of 1998 has affine functions of its own, behind pools and activations.
    assert!(name == "lenet-1998" || !report.contains("affine"), "{name}: an affine function was not folded:\n{report}");
    let steps = plan.report().unwrap().steps;
    let left = steps.iter().find(|step| step.allocates).map(|step| &step.name);
    assert_eq!(left, None, "{name}: no step of its own:\n{report}");
}

#[test]
fn course_networks() {
    for name in ["keras-mnist", "lenet", "lenet-1998", "course"] {
        check(name, [1, 28, 28]);
    }
    check("cats-dogs", [3, 150, 150]);
}

#[test]
fn alexnet() {
    check("alexnet", [3, 64, 64]);
}

#[test]
fn residual_networks() {
    for name in ["resnet18", "resnet50", "mobilenet_v2"] {
        check(name, [3, 64, 64]);
    }
}

#[test]
fn vgg() {
    check("vgg11_bn", [3, 32, 32]);
}
