//! What is refused, and how it is said.

use crate::common;
use ocelli_autograd::Var;
use ocelli_infer::{Error, Plan};
use ocelli_nn::{BatchNorm2d, Conv2d, Dropout, Layer, Linear, Module, Sequential};
use ocelli_tensor::{DType, Device, Generator, Tensor};

fn zeros(shape: &[usize]) -> Tensor {
    Tensor::zeros(shape, DType::F32).unwrap()
}

fn compile(model: impl Fn(&Var) -> ocelli_autograd::Result<Var>) -> Result<Plan, Error> {
    let example = common::random(&[2, 3, 4], &mut Generator::new(0));
    Plan::compile_with(&[example], |x| Ok(vec![model(&x[0])?]))
}

#[test]
fn unfit_inputs_are_refused() {
    let plan = Plan::compile(&Linear::new(4, 3, &mut Generator::new(0)).unwrap(), &zeros(&[1, 4])).unwrap();
    let text = |inputs: &[Tensor]| plan.run(inputs).unwrap_err().to_string();
    assert_eq!(text(&[]), "run: expected 1 inputs, received 0");
    assert_eq!(text(&[zeros(&[2, 5])]), "run: expected input 0 of shape [N, 4], received [2, 5]");
    assert_eq!(text(&[zeros(&[4])]), "run: expected input 0 of shape [N, 4], received [4]");
    let integers = Tensor::zeros([1, 4], DType::I64).unwrap();
    assert_eq!(text(&[integers]), "run: expected input 0 of dtype f32, received i64");
    if let Ok(device) = Device::wgpu(0) {
        let there = zeros(&[2, 4]).to_device(device).unwrap();
        assert_eq!(text(&[there]), format!("plan: expected tensors on one device, received cpu and {device}"));
    }
    let text = |outputs: &mut [&mut [f32]]| plan.run_into(&[zeros(&[2, 4])], outputs).unwrap_err().to_string();
    assert_eq!(text(&mut []), "run: expected 1 outputs, received 0");
    assert_eq!(text(&mut [&mut [0.0; 5]]), "run_into: expected 6 elements for output 0 of shape [2, 3], received 5");
    // A refused run leaves the plan as it was.
    assert_eq!(plan.run(&[zeros(&[2, 4])]).unwrap()[0].shape()[..], [2, 3]);
}

#[test]
fn unfit_examples_are_refused() {
    let model = Linear::new(4, 3, &mut Generator::new(0)).unwrap();
    let text = |example: Tensor| Plan::compile(&model, &example).unwrap_err().to_string();
    assert!(text(zeros(&[1, 5])).starts_with("Linear: expected an input whose last axis has 4 elements"));
    for shape in [&[0, 4][..], &[]] {
        assert!(text(zeros(shape)).starts_with("compile: expected example inputs with at least one row"), "{shape:?}");
    }
}

#[test]
fn models_that_a_trace_cannot_see_are_refused() {
    let text = |model: &dyn Fn(&Var) -> ocelli_autograd::Result<Var>| compile(model).unwrap_err().to_string();
    let by_value = text(&|x| x.mul(&x.tensor().abs()?));
    assert!(by_value.contains("mul reads a constant") && by_value.contains("`Var::tensor`"), "{by_value}");
    let by_mask = text(&|x| x.masked_fill(&x.tensor().gt(0.0)?, 1.0));
    assert!(by_mask.contains("cannot be traced"), "{by_mask}");
    let by_batch = text(&|x| if x.shape()[0] > 2 { x.relu()?.exp() } else { x.exp() });
    assert_eq!(
        by_batch,
        "compile: expected a model that does the same for every batch, received one that runs 1 operations on a batch and 2 on another"
    );
    let by_op = text(&|x| if x.shape()[0] > 2 { x.relu() } else { x.exp() });
    assert!(by_op.contains("step 0 (exp) is relu for another batch"), "{by_op}");
    let attribute = text(&|x| x.mul(x.shape()[0] as f64));
    assert!(attribute.contains("step 0 (mul) has attributes that follow the batch"), "{attribute}");
    let way = text(&|x| x.exp()?.add(&if x.shape()[0] > 2 { x.clone() } else { x.relu()? }));
    assert!(way.contains("another"), "{way}");
}

#[test]
fn such_models_have_plans_for_one_size() {
    let example = common::random(&[2, 3, 4], &mut Generator::new(0));
    let model = |x: &[Var]| Ok(vec![x[0].mul(x[0].shape()[0] as f64)?.relu()?]);
    let plan = Plan::compile_fixed_with(std::slice::from_ref(&example), model).unwrap();
    let expected = example.mul(2.0).unwrap().relu().unwrap();
    common::assert_close(&plan.run(&[example]).unwrap()[0], &expected, "fixed");
    let text = plan.run(&[zeros(&[3, 3, 4])]).unwrap_err().to_string();
    assert_eq!(text, "run: expected input 0 of shape [2, 3, 4], received [3, 3, 4]");
}

#[test]
fn the_models_modes_stay() {
    let mut g = Generator::new(1);
    let (trains, evaluates) = (Dropout::new(0.5, &mut g).unwrap(), BatchNorm2d::new(3).unwrap());
    evaluates.eval();
    let model = Sequential::new().add(trains).add(Conv2d::new(2, 3, 1, &mut g).unwrap()).add(evaluates);
    let before = model.state_dict();
    let plan = Plan::compile(&model, &zeros(&[1, 2, 3, 3])).unwrap();
    assert!(Plan::compile_fixed(&model, &zeros(&[1, 2, 3, 4])).is_ok());
    assert!(Plan::compile(&model, &zeros(&[1, 5, 3, 3])).is_err());
    assert_eq!(plan.report().unwrap().steps.len(), 2);
    // Dropout still drops, the norm still does not follow its batches.
    let ones = Var::from(Tensor::ones([1, 2, 8, 8], DType::F32).unwrap());
    let (_, dropout) = model.iter().next().unwrap();
    assert_ne!(dropout.forward(&ones).unwrap().to_vec::<f32>().unwrap(), ones.to_vec::<f32>().unwrap());
    model.forward(&ones).unwrap();
    for (name, after) in model.state_dict() {
        assert_eq!(
            after.to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap(),
            before[&name].to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap()
        );
    }
}
