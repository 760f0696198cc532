//! Joining, padding, pooling and resizing of variables where central differences say nothing: ties, NaN, dtypes, refusals.

use ocelli_autograd::{Result, Var};
use ocelli_tensor::{DType, InterpolateMode, PadMode, PoolOptions, Tensor};

fn leaf(values: &[f32], shape: &[usize], dtype: DType) -> Var {
    Var::leaf(Tensor::from_slice(values, shape).unwrap().to_dtype(dtype).unwrap()).unwrap()
}

fn gradient(y: &Var, x: &Var) -> Tensor {
    let gradients = y.sum(..).unwrap().backward().unwrap();
    gradients.get(x).unwrap().tensor().clone()
}

fn floats(x: &Tensor) -> Vec<f32> {
    x.to_dtype(DType::F32).unwrap().to_vec().unwrap()
}

#[test]
fn the_first_of_equal_maxima_takes_all() {
    // torch.nn.functional.max_pool2d of the same numbers gives the same gradient.
    let x = leaf(&[1.0, 2.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0], &[1, 1, 2, 4], DType::F32);
    let options = PoolOptions::new(2).stride([2, 1]);
    let y = x.max_pool(&options).unwrap();
    let dx = floats(&gradient(&y, &x));
    assert_eq!(dx, [0.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    let (again, indices) = x.max_pool_with_indices(&options).unwrap();
    assert_eq!(indices.to_vec::<i64>().unwrap(), [1, 1, 2]);
    assert_eq!(floats(&gradient(&again, &x)), dx);
    let global = x.global_max_pool().unwrap();
    assert_eq!(floats(&gradient(&global, &x))[..3], [0.0, 1.0, 0.0]);
}

#[test]
fn a_maximum_that_is_nan_gets_the_gradient() {
    let x = leaf(&[1.0, f32::NAN, 3.0, 0.0], &[1, 1, 4], DType::F32);
    let y = x.max_pool(&PoolOptions::new(2)).unwrap();
    assert!(floats(y.tensor())[0].is_nan());
    assert_eq!(floats(&gradient(&y, &x)), [0.0, 1.0, 1.0, 0.0]);
}

#[test]
fn half_types_keep_their_dtype() {
    let functions: [fn(&Var) -> Result<Var>; 7] = [
        |x| x.max_pool(&PoolOptions::new(2)),
        |x| x.avg_pool(&PoolOptions::new(2)),
        |x| x.adaptive_avg_pool(3),
        |x| x.adaptive_max_pool(3),
        |x| x.pad(&[(1, 1)], PadMode::Replicate),
        |x| x.interpolate(3, InterpolateMode::Linear { align_corners: true }),
        |x| Var::stack(&[x, x], 0)?.flip(0)?.roll(&[1], &[-1])?.tile(&[1, 2]),
    ];
    for dtype in [DType::F16, DType::BF16] {
        for function in functions {
            let x = leaf(&[1.0, 4.0, 2.0, 3.0], &[1, 1, 4], dtype);
            let y = function(&x).unwrap();
            assert_eq!((y.dtype(), gradient(&y, &x).dtype()), (dtype, dtype));
        }
    }
}

#[test]
fn joined_dtypes_promote_and_gradients_come_back_in_their_own() {
    let (a, b) = (leaf(&[1.0], &[1], DType::F16), leaf(&[2.0, 3.0], &[2], DType::F64));
    let y = Var::concat(&[&a, &b], 0).unwrap();
    assert_eq!(y.dtype(), DType::F64);
    let gradients = y.square().unwrap().sum(..).unwrap().backward().unwrap();
    let (da, db) = (gradients.get(&a).unwrap(), gradients.get(&b).unwrap());
    assert_eq!((da.dtype(), db.dtype()), (DType::F16, DType::F64));
    assert_eq!(db.to_vec::<f64>().unwrap(), [4.0, 6.0]);
}

#[test]
fn whole_numbers_pool_and_join_as_constants() {
    let x = Var::constant(Tensor::new([[[1i64, 5, 2, 0]]]).unwrap());
    let y = x.max_pool(&PoolOptions::new(2)).unwrap();
    let y = Var::concat(&[&y, &y], 1).unwrap().pad(&[(0, 1)], PadMode::Constant(7.0)).unwrap();
    assert_eq!(y.to_vec::<i64>().unwrap(), [5, 2, 7, 5, 2, 7]);
}

#[test]
fn what_the_tensor_refuses_the_variable_refuses() {
    let x = leaf(&[1.0, 2.0, 3.0], &[1, 1, 3], DType::F32);
    let other = leaf(&[1.0, 2.0], &[2], DType::F32);
    let text = |result: Result<Var>| result.unwrap_err().to_string();
    assert_eq!(text(Var::concat::<Var>(&[], 0)), "concat: expected at least 1 tensor, received none");
    assert_eq!(text(Var::stack::<Var>(&[], 0)), "stack: expected at least 1 tensor, received none");
    assert_eq!(
        text(Var::stack(&[&x, &other], 0)),
        "stack: expected tensors of one shape, the first being [1, 1, 3], received shape [2]"
    );
    assert!(text(Var::concat(&[&x, &other], 0)).starts_with("concat: expected shapes that differ"));
    assert!(text(x.repeat_interleave(usize::MAX, 0)).contains("more bytes"));
    assert!(text(x.tile(&[usize::MAX, 2])).contains("more bytes"));
    assert!(text(x.roll(&[isize::MIN], &[3])).starts_with("roll: expected an axis"));
    // -2⁶³ is 1 more than a multiple of 3.
    let rolled = x.roll(&[isize::MIN], &[2]).unwrap();
    assert_eq!(rolled.to_vec::<f32>().unwrap(), [3.0, 1.0, 2.0]);
    let weighted = rolled.mul(&Tensor::new([1.0f32, 2.0, 3.0]).unwrap()).unwrap();
    assert_eq!(floats(&gradient(&weighted, &x)), [2.0, 3.0, 1.0]);
    assert!(text(x.max_pool(&PoolOptions::new(4))).contains("received shape [1, 1, 3]"));
    assert!(text(x.pad(&[(3, 0)], PadMode::Reflect)).contains("a reflection narrower than"));
    assert!(text(other.adaptive_avg_pool(1)).contains("received shape [2]"));
    assert!(text(x.interpolate(0, InterpolateMode::Nearest)).contains("at least 1"));
}
