//! Operations one by one: views, broadcasting, and what has no step of its own.

use crate::common::{self, assert_close, check_fn, names};
use ocelli_autograd::{Keeps, NodeView, Op, Var};
use ocelli_infer::Plan;
use ocelli_tensor::{DType, Generator, InterpolateMode, PadMode, ResizeTo, Slice, Tensor};

#[test]
fn reshapes_and_permutes() {
    check_fn(&[&[1, 6, 4, 5]], |x| {
        let y = x[0].relu()?;
        let n = y.shape()[0];
        Ok(vec![
            y.flatten(1, -1)?.mul(2.0)?,
            y.reshape([n, 6, 20])?.tanh()?,
            y.reshape([n, 3, 8, 5])?.relu()?,
            y.reshape([n * 6, 20])?.exp()?,
            y.permute([0, 2, 3, 1])?.exp()?,
            y.permute([2, 0, 1, 3])?.exp()?,
            y.permute([3, 2, 1, 0])?.reshape([20, 6 * n])?.exp()?,
            y.reshape([n, 1, 120, 1])?.reshape([n, 120])?.exp()?,
            y.reshape([n, 2, 3, 4, 5])?.permute([0, 2, 1, 3, 4])?.reshape([n, 6, 4, 5])?.exp()?,
        ])
    });
    check_fn(&[&[1, 12]], |x| {
        let n = x[0].shape()[0];
        let y = x[0].exp()?;
        Ok(vec![
            y.reshape([n, 3, 2, 2])?.relu()?,
            y.reshape([n, 12, 1, 1])?.relu()?,
            y.t()?.exp()?,
            y.unsqueeze(0)?.exp()?,
        ])
    });
}

#[test]
fn slices() {
    check_fn(&[&[1, 6, 4, 5]], |x| {
        let y = x[0].exp()?;
        let halves = y.chunk(2, 1)?;
        Ok(vec![
            halves[0].mul(&halves[1].sigmoid()?)?,
            Var::concat(&[&halves[1], &halves[0]], 1)?,
            y.slice_axis(2, Slice::from(..).step(-2))?.exp()?,
            y.slice_axis(3, Slice::from(1..4))?.exp()?,
            y.slice_axis(1, Slice::from(..).step(2))?.exp()?,
            y.slice_axis(1, Slice::from(-3..))?.flatten(1, -1)?.exp()?,
        ])
    });
}

#[test]
fn broadcasts() {
    let mut g = Generator::new(1);
    let (places, row) = (common::random(&[4, 5], &mut g), common::random(&[1, 6, 1, 5], &mut g));
    check_fn(&[&[1, 6, 4, 5], &[1, 6, 1, 1], &[1, 1, 4, 5]], |x| {
        let (a, b, c) = (x[0].relu()?, x[1].exp()?, x[2].exp()?);
        Ok(vec![
            a.mul(&b)?,
            b.sub(&a)?.relu()?,
            a.div(&c)?,
            c.div(&b)?,
            a.add(&places)?,
            a.mul(&row)?,
            Var::from(&row).sub(&a)?,
            a.maximum(&b)?,
            a.minimum(&x[0])?,
            a.pow(2.0)?,
            a.rem(0.3)?,
            Var::from(&places).atan2(&a)?,
        ])
    });
    let position = common::random(&[7, 3], &mut g);
    check_fn(&[&[1, 7, 3], &[1, 1, 3]], |x| {
        Ok(vec![x[0].add(&position)?, x[0].mul(&x[1])?, x[1].sub(&x[0])?, x[0].mul(&x[0].narrow(2, 0, 1)?)?])
    });
}

#[test]
fn functions() {
    check_fn(&[&[1, 3, 4, 5]], |x| {
        let y = x[0].abs()?.add(0.5)?;
        Ok(vec![
            y.ln()?,
            y.sqrt()?,
            y.rsqrt()?,
            y.recip()?,
            y.sin()?,
            y.cos()?,
            y.erf()?,
            y.softplus()?,
            y.log_sigmoid()?,
            y.floor()?,
            y.ceil()?,
            y.square()?.neg()?,
            y.cbrt()?,
            y.log2()?,
            y.pow(1.7)?,
            y.softmax(1)?,
            y.log_softmax(1)?,
            y.softmax(3)?,
            y.clamp(Some(0.7), None)?,
            y.clamp(None, Some(0.7))?,
        ])
    });
}

#[test]
fn products_over_the_last_axis() {
    let mut g = Generator::new(2);
    let (a, b) = (common::random(&[5, 7], &mut g), common::random(&[7], &mut g));
    let plan = check_fn(&[&[1, 3, 5]], |x| {
        let y = x[0].matmul(&Var::from(&a))?.add(&b)?.relu()?;
        let scores = y.matmul(&y.transpose(1, 2)?)?.softmax(-1)?;
        Ok(vec![scores.matmul(&y)?])
    });
    assert!(names(&plan).contains(&"linear 5→7 + relu".to_string()));
}

#[test]
fn what_has_no_step_runs_on_tensors() {
    let plan = check_fn(&[&[1, 3, 4, 5]], |x| {
        let y = x[0].relu()?;
        let up = y.interpolate(ResizeTo::scale(2.0), InterpolateMode::Linear { align_corners: false })?;
        let padded = up.pad(&[(1, 1), (2, 0)], PadMode::Reflect)?.relu()?;
        Ok(vec![padded, y.sum([1])?.cumsum(1)?, up.expand([y.shape()[0], 3, 8, 10])?])
    });
    let report = plan.report().unwrap();
    assert!(report.steps.iter().any(|step| step.allocates && step.name == "interpolate"));
    assert!(report.to_string().contains("* runs on tensors"));
}

/// `y = x³`, an operation of the user's own.
#[derive(Debug)]
struct Cube;

impl Op for Cube {
    fn name(&self) -> &'static str {
        "cube"
    }
    fn forward(&self, x: &[&Tensor]) -> ocelli_autograd::Result<Tensor> {
        Ok(x[0].mul(&x[0].square()?)?)
    }
    fn keeps(&self) -> Keeps {
        Keeps::inputs()
    }
    fn backward(&self, node: &NodeView<'_>, dy: &Var) -> ocelli_autograd::Result<Vec<Option<Var>>> {
        Ok(vec![Some(node.input(0)?.square()?.mul(3.0)?.mul(dy)?)])
    }
}

#[test]
fn operations_of_the_users_own() {
    let plan = check_fn(&[&[1, 3, 4, 5]], |x| {
        let y = Cube.apply(&[&x[0].relu()?])?;
        Ok(vec![Cube.apply(&[&y.add(&x[0])?])?.mul(0.5)?, Cube.apply(&[&x[0]])?])
    });
    assert_eq!(names(&plan).iter().filter(|name| *name == "cube").count(), 3);
}

#[test]
fn other_dtypes_run_on_tensors() {
    let mut g = Generator::new(3);
    let weight = Tensor::randn([4, 3], DType::F64, &mut g).unwrap();
    let example = Tensor::randn([2, 4], DType::F64, &mut g).unwrap();
    let model = |x: &[Var]| Ok(vec![x[0].matmul(&Var::from(&weight))?.relu()?, x[0].to_dtype(DType::F32)?.exp()?]);
    let plan = Plan::compile_with(std::slice::from_ref(&example), model).unwrap();
    let outputs = plan.run(std::slice::from_ref(&example)).unwrap();
    let expected = model(&[Var::from(&example)]).unwrap();
    assert_close(&outputs[0], expected[0].tensor(), "f64");
    assert_close(&outputs[1], expected[1].tensor(), "f32");
    let text = plan.run_into(&[example], &mut [&mut [0.0; 6], &mut [0.0; 8]]).unwrap_err().to_string();
    assert_eq!(text, "run_into: expected a plan whose outputs are f32, but output 0 is f64");
}

#[test]
fn inputs_lie_as_they_like() {
    let mut g = Generator::new(4);
    let plan = check_fn(&[&[1, 3, 4, 5]], |x| Ok(vec![x[0].mul(2.0)?.exp()?]));
    let base = common::random(&[4, 5, 2, 3], &mut g);
    for x in [
        base.permute([2, 3, 0, 1]).unwrap(),
        common::random(&[2, 4, 5, 3], &mut g).permute([0, 3, 1, 2]).unwrap(),
        common::random(&[2, 3, 4, 10], &mut g).slice_axis(3, Slice::from(..).step(-2)).unwrap(),
        common::random(&[1, 3, 1, 5], &mut g).expand([2, 3, 4, 5]).unwrap(),
    ] {
        let expected = x.mul(2.0).unwrap().exp().unwrap();
        assert_close(&plan.run(&[x]).unwrap()[0], &expected, "strides");
    }
}

#[test]
fn nothing_gives_nothing() {
    let plan = check_fn(&[&[1, 3, 4, 5]], |x| {
        let y = x[0].relu()?;
        Ok(vec![y.mean([2, 3])?, Var::concat(&[&y, &x[0]], 1)?, y.sum([1])?])
    });
    let outputs = plan.run(&[Tensor::zeros([0, 3, 4, 5], DType::F32).unwrap()]).unwrap();
    assert_eq!(outputs[0].shape()[..], [0, 3]);
    assert_eq!(outputs[1].shape()[..], [0, 6, 4, 5]);
    assert_eq!(outputs[2].shape()[..], [0, 4, 5]);
}
