//! What the walk back promises, whatever the operations.

use ocelli_autograd::{Backward, Error, Result, Var, is_recording, no_grad};
use ocelli_tensor::{DType, Tensor};

fn leaf(value: f64) -> Var {
    Var::leaf(Tensor::new(value).unwrap()).unwrap()
}

fn number(var: &Var) -> f64 {
    var.item().unwrap()
}

#[test]
fn a_diamond_adds_up() -> Result<()> {
    let x = leaf(3.0);
    let a = x.mul(2.0)?;
    let y = a.mul(&a)?.add(&a)?.add(&x)?;
    // y = 4x² + 2x + x
    assert_eq!(number(y.backward()?.get(&x)?), 8.0 * 3.0 + 3.0);
    Ok(())
}

#[test]
fn the_graph_is_freed_unless_kept() -> Result<()> {
    let x = leaf(3.0);
    let y = x.square()?;
    Backward::new().retain_graph().run(&y)?;
    assert_eq!(number(y.backward()?.get(&x)?), 6.0);
    let text = y.backward().unwrap_err().to_string();
    assert!(
        text.starts_with("backward: expected the values of `square`, but an earlier backward has freed them"),
        "{text}"
    );
    Ok(())
}

#[test]
fn nothing_is_recorded_where_nothing_is_needed() -> Result<()> {
    let x = leaf(3.0);
    let constant = Var::constant(Tensor::new(2.0f64)?);
    assert!(!constant.mul(&constant)?.requires_grad());
    let y = no_grad(|| {
        assert!(!is_recording());
        x.square()
    })?;
    assert!(is_recording() && !y.requires_grad());
    assert!(matches!(y.backward(), Err(Error::NoGraph)));
    assert!(std::panic::catch_unwind(|| no_grad(|| panic!("in a block"))).is_err());
    assert!(is_recording());
    let z = x.mul(&x.detach())?;
    assert_eq!(number(z.backward()?.get(&x)?), 3.0);
    Ok(())
}

#[test]
fn targets_limit_the_walk_and_may_lie_in_the_middle() -> Result<()> {
    let (x, w) = (leaf(2.0), leaf(5.0));
    let hidden = x.square()?;
    let y = hidden.mul(&w)?;
    let gradients = Backward::new().targets(&[&hidden]).retain_graph().run(&y)?;
    assert_eq!((gradients.len(), number(gradients.get(&hidden)?)), (1, 5.0));
    let gradients = Backward::new().targets(&[&w]).run(&y)?;
    assert_eq!(number(gradients.get(&w)?), 4.0);
    assert!(matches!(gradients.get(&x), Err(Error::NoGradient)));
    // The way to x was not walked, so its values are still there.
    assert_eq!(number(hidden.backward()?.get(&x)?), 4.0);
    Ok(())
}

#[test]
fn third_derivative() -> Result<()> {
    let x = leaf(2.0);
    let mut y = x.pow(4.0)?;
    for _ in 0..3 {
        y = Backward::new().create_graph().run(&y)?.get(&x)?.clone();
    }
    assert!((number(&y) - 48.0).abs() < 1e-12);
    Ok(())
}

#[test]
fn a_penalty_on_the_gradient_trains() -> Result<()> {
    let x = Var::leaf(Tensor::new([1.0f64, -2.0])?)?;
    let y = x.pow(3.0)?.sum(..)?;
    let slope = Backward::new().create_graph().run(&y)?.get(&x)?.clone();
    let penalty = slope.square()?.sum(..)?;
    // d/dx (3x²)² = 36x³
    assert_eq!(penalty.backward()?.get(&x)?.to_vec::<f64>()?, [36.0, -288.0]);
    Ok(())
}

#[test]
fn results_of_several_elements_need_a_seed() -> Result<()> {
    let x = Var::leaf(Tensor::new([1.0f64, 2.0])?)?;
    let y = x.square()?;
    assert_eq!(
        y.backward().unwrap_err().to_string(),
        "backward: expected exactly one element to start from (or a seed through `backward_from`), received shape [2]"
    );
    assert!(
        y.backward_from(Tensor::new([1.0f64])?).unwrap_err().to_string().contains("a seed of the result's shape [2]")
    );
    assert_eq!(y.backward_from(Tensor::new([10.0f64, 1.0])?)?.get(&x)?.to_vec::<f64>()?, [20.0, 4.0]);
    Ok(())
}

#[test]
fn gradients_have_their_variables_dtype() -> Result<()> {
    let x = Var::leaf(Tensor::new([1.0f32, 2.0])?.to_dtype(DType::F16)?)?;
    let w = Var::leaf(Tensor::new([3.0f32, 4.0])?)?;
    let gradients = x.mul(&w)?.sum(..)?.backward()?;
    assert_eq!((gradients.get(&x)?.dtype(), gradients.get(&w)?.dtype()), (DType::F16, DType::F32));
    let ints = Tensor::new([1i64])?;
    assert!(matches!(Var::leaf(ints), Err(Error::NotFloat { .. })));
    assert!(w.to_dtype(DType::I32).unwrap_err().to_string().contains("expected a float dtype"));
    Ok(())
}

#[test]
fn a_graph_of_two_hundred_thousand_ops_is_walked_and_dropped() -> Result<()> {
    let x = leaf(0.0);
    let mut y = x.clone();
    for _ in 0..200_000 {
        y = y.add(1.0)?;
    }
    assert_eq!(number(&y), 200_000.0);
    assert_eq!(number(y.backward()?.get(&x)?), 1.0);
    drop(y);
    Ok(())
}

#[test]
fn a_variable_keeps_its_name_when_its_value_changes() -> Result<()> {
    let w = leaf(1.0);
    let after = w.with_value(Tensor::new(2.0f64)?)?;
    let gradients = after.square()?.backward()?;
    assert_eq!(number(gradients.get(&w)?), 4.0);
    Ok(())
}

#[test]
fn gradients_on_many_threads() {
    std::thread::scope(|scope| {
        for i in 0..4 {
            scope.spawn(move || {
                let x = leaf(f64::from(i));
                let y = x.square().unwrap();
                assert_eq!(number(y.backward().unwrap().get(&x).unwrap()), 2.0 * f64::from(i));
            });
        }
    });
}

#[test]
fn texts_are_of_one_line_and_name_what_was_called() {
    let x = Var::leaf(Tensor::new([[1.0f32, 2.0], [3.0, 4.0]]).unwrap()).unwrap();
    assert_eq!(format!("{x:?}"), "Var(leaf, shape=[2, 2], dtype=f32, device=cpu)");
    assert_eq!(format!("{:?}", x.neg().unwrap()), "Var(op=neg, shape=[2, 2], dtype=f32, device=cpu)");
    assert_eq!(format!("{:?}", x.detach()), "Var(constant, shape=[2, 2], dtype=f32, device=cpu)");
    for (name, error) in [("global_avg_pool", x.global_avg_pool()), ("global_max_pool", x.global_max_pool())] {
        let text = error.unwrap_err().to_string();
        assert!(text.starts_with(&format!("{name}: expected")), "{text}");
    }
}

#[test]
fn gradients_that_are_asked_for_are_not_changed_by_what_is_behind() {
    // An activation's mask is applied in the memory of a gradient that nobody else needs.
    let x = Var::leaf(Tensor::new([-1.0f32, 2.0]).unwrap()).unwrap();
    let y = x.relu().unwrap();
    let seed = Tensor::new([3.0f32, 4.0]).unwrap();
    let run = Backward::new().seed(seed.clone()).targets(&[&x, &y]).run(&y).unwrap();
    assert_eq!(run.get(&y).unwrap().to_vec::<f32>().unwrap(), [3.0, 4.0]);
    assert_eq!(run.get(&x).unwrap().to_vec::<f32>().unwrap(), [0.0, 4.0]);
    assert_eq!(seed.to_vec::<f32>().unwrap(), [3.0, 4.0]);
    // One gradient for two inputs of a sum, each of which is an activation.
    let (a, b) = (
        Var::leaf(Tensor::new([-1.0f32, 2.0]).unwrap()).unwrap(),
        Var::leaf(Tensor::new([1.0f32, 7.0]).unwrap()).unwrap(),
    );
    let run =
        a.relu().unwrap().add(&b.relu6().unwrap()).unwrap().mul(5.0).unwrap().sum(..).unwrap().backward().unwrap();
    assert_eq!(run.get(&a).unwrap().to_vec::<f32>().unwrap(), [0.0, 5.0]);
    assert_eq!(run.get(&b).unwrap().to_vec::<f32>().unwrap(), [5.0, 0.0]);
}
