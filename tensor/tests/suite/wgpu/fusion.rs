//! Chains of elementwise operations run as one kernel, and give what their operations give one by one.

use proptest::prelude::*;

use super::*;

/// An operation on numbers that were computed before: its name's place, and those of its operands.
type Instruction = (usize, usize, usize);
type Function = fn(&Tensor, &Tensor) -> Result<Tensor>;

/// Functions that are exact on every device: rounded once, or not at all.
const EXACT: [Function; 16] = [
    |x, y| x.add(y),
    |x, y| x.sub(y),
    |x, y| x.mul(y),
    |x, y| x.maximum(y),
    |x, y| x.minimum(y),
    |x, _| x.relu(),
    |x, _| x.neg(),
    |x, _| x.abs(),
    |x, _| x.square(),
    |x, _| x.clamp(Some(-1.5), Some(2.5)),
    |x, _| x.mul(0.75)?.add(1),
    |x, y| x.gt(y)?.where_(x, y),
    |x, y| x.le(y)?.logical_or(&x.is_nan()?)?.to_dtype(x.dtype())?.mul(x),
    |x, y| x.ne(0.5)?.logical_and(&y.lt(1.0)?)?.where_(y, 3.0),
    |x, y| x.to_dtype(DType::F16)?.mul(y)?.to_dtype(x.dtype()),
    |x, y| x.to_dtype(DType::I32)?.maximum(2)?.to_dtype(DType::BF16)?.sub(y)?.to_dtype(x.dtype()),
];

/// Functions of the adapter's own accuracy.
const OTHERS: [Function; 8] = [
    |x, y| x.div(y),
    |x, _| x.sigmoid(),
    |x, _| x.tanh(),
    |x, _| x.gelu(),
    |x, _| x.abs()?.add(1e-3)?.rsqrt(),
    |x, _| x.leaky_relu(0.1),
    |x, y| x.hypot(y),
    |x, _| x.exp_m1()?.silu(),
];

/// The last three numbers of a program, all of whose results are held. `wait` has each operation run before the next one.
fn outcome(inputs: &[Tensor], program: &[Instruction], functions: &[Function], wait: bool) -> Result<Vec<Tensor>> {
    let mut values = inputs.to_vec();
    for &(function, first, second) in program {
        let pick = |back: usize| &values[values.len() - 1 - back % values.len()];
        let next = functions[function % functions.len()](pick(first), pick(second))?;
        if wait {
            next.device().synchronize()?;
        }
        // Results stay in a range where most functions differ.
        let next = if next.dtype().is_float() { next.clamp(Some(-8.0), Some(8.0))? } else { next };
        if wait {
            next.device().synchronize()?;
        }
        values.push(next);
    }
    Ok(values.split_off(values.len() - 3))
}

fn inputs(dtype: DType) -> Vec<Tensor> {
    let x = normal(&[3, 4, 5], 1).mul(2.0).unwrap();
    let views = [
        normal(&[5], 2),
        normal(&[4, 1], 3),
        scattered(&normal(&[3, 4, 5], 4)),
        x.permute([2, 0, 1]).unwrap().add(0.5).unwrap().permute([1, 2, 0]).unwrap(),
        x,
    ];
    views.iter().map(|x| x.to_dtype(dtype).unwrap()).collect()
}

fn values(x: &Tensor) -> Vec<f64> {
    x.to_device(Device::Cpu).unwrap().to_dtype(DType::F64).unwrap().to_vec().unwrap()
}

/// Bits as they are, NaN being one.
fn bits(x: &Tensor) -> Vec<u64> {
    values(x).iter().map(|x| if x.is_nan() { 1 } else { x.to_bits() }).collect()
}

fn check_chains(dtype: DType, program: &[Instruction]) {
    let Some(device) = adapter() else { return };
    let inputs = inputs(dtype);
    let there: Vec<Tensor> = inputs.iter().map(|x| x.to_device(device).unwrap()).collect();
    let expected = outcome(&inputs, program, &EXACT, false).unwrap();
    let fused = outcome(&there, program, &EXACT, false).unwrap();
    for (fused, expected) in fused.iter().zip(&expected) {
        assert_eq!((fused.device(), fused.dtype(), fused.shape()), (device, expected.dtype(), expected.shape()));
        for (a, e) in values(fused).into_iter().zip(values(expected)) {
            assert!(ulps(a, e, dtype) == 0.0, "{dtype} {program:?}: expected {e}, received {a}");
        }
    }
    let all: Vec<Function> = EXACT.into_iter().chain(OTHERS).collect();
    let fused = outcome(&there, program, &all, false).unwrap();
    let alone = outcome(&there, program, &all, true).unwrap();
    for (fused, alone) in fused.iter().zip(&alone) {
        assert_eq!(bits(fused), bits(alone), "{dtype} {program:?}");
    }
}

proptest! {
    // Each program has kernels of its own, whose compilation is what takes the time.
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn chains_of_floats(
        program in prop::collection::vec((0usize..24, 0usize..3, 0usize..6), 3..12),
        dtype in prop::sample::select(&[DType::F32, DType::F16, DType::BF16][..]),
    ) {
        check_chains(dtype, &program);
    }
}

#[test]
fn chains_of_whole_numbers_and_booleans() {
    let chain = |x: &[Tensor]| {
        let y = x[0].mul(3)?.add(&x[1])?.neg()?.maximum(-50)?.sub(&x[0])?;
        y.gt(&x[1])?.logical_xor(&x[0].eq(1)?)?.where_(&y, 7)?.rem(11)?.floor_div(2)
    };
    let logic = |x: &[Tensor]| {
        let [a, b] = [x[0].gt(1)?, x[1].to_dtype(DType::Bool)?];
        let y = a.lt(&b)?.add(&a.ge(&b)?.mul(&b)?)?.logical_and(&a.le(&b)?)?.logical_or(&a.gt(&b)?)?;
        y.eq(&a)?.ne(&b)?.maximum(&y)?.minimum(true)?.logical_not()?.to_dtype(DType::I64)?.add(2)
    };
    let casts = |x: &[Tensor]| {
        let y = x[0].to_dtype(DType::F32)?.div(255)?.sub(0.4)?.mul(100.7)?;
        y.to_dtype(DType::U8)?.to_dtype(DType::I64)?.add(&y.to_dtype(DType::I64)?)?.to_dtype(DType::I32)
    };
    for dtype in [DType::I32, DType::I64, DType::U8] {
        let x = whole(dtype);
        let y = x.flip(0).unwrap();
        same("whole", &[&x, &y], 0.0, chain);
        same("logic", &[&x, &y], 0.0, logic);
        same("casts", &[&x, &y], 0.0, casts);
    }
}

#[test]
fn changes_in_place_are_not_seen_by_what_waits() {
    let Some(device) = adapter() else { return };
    let start = normal(&[50], 1);
    let (mut w, mut there) = (start.clone(), start.to_device(device).unwrap());
    let rule = UpdateRule::Descent { rate: 0.5 };
    for step in 0..3 {
        // Both the gradient and what is held read the parameter.
        let (held, held_there) = (w.mul(2.0).unwrap().relu().unwrap(), there.mul(2.0).unwrap().relu().unwrap());
        let (g, g_there) = (w.abs().unwrap().add(1.0).unwrap(), there.abs().unwrap().add(1.0).unwrap());
        w.update(&g, &mut [], rule, WeightDecay::default()).unwrap();
        there.update(&g_there, &mut [], rule, WeightDecay::default()).unwrap();
        assert_eq!(held_there.to_vec::<f32>().unwrap(), held.to_vec::<f32>().unwrap(), "step {step}");
        assert_eq!(there.to_vec::<f32>().unwrap(), w.to_vec::<f32>().unwrap(), "step {step}");
    }
    // A parameter that waits itself.
    let mut there = there.mul(2.0).unwrap();
    let expected = w.mul(2.0).unwrap().sub(0.5).unwrap();
    let ones = there.ones_like().unwrap();
    there.update(&ones, &mut [], rule, WeightDecay::default()).unwrap();
    assert_eq!(there.to_vec::<f32>().unwrap(), expected.to_vec::<f32>().unwrap());
    // What is written piece by piece.
    let parts = |x: &Tensor| {
        let x = x.mul(2.0)?;
        Tensor::concat(&[&x.add(1.0)?, &x.sub(1.0)?, &x], 0)?.pad(&[(3, 4)], PadMode::Reflect)
    };
    same("parts", &[&start], 0.0, |x| parts(&x[0]));
}

#[test]
fn expressions_do_not_grow_without_bounds() {
    // Squares of sums: what is read twice each time is there once.
    same("doubling", &[&normal(&[30], 1)], 0.0, |x| {
        (0..60).try_fold(x[0].clone(), |y, i| y.add(&y)?.mul(if i % 2 == 0 { 0.25 } else { 1.0 }))
    });
    same("long", &[&normal(&[2, 3], 1), &normal(&[3], 2)], 0.0, |x| {
        (0..500).try_fold(x[0].clone(), |y, _| y.add(&x[1])?.mul(0.5))
    });
    same("wide", &[&normal(&[7], 1)], 0.0, |x| {
        let terms: Vec<Tensor> =
            (0..40).map(|i| x[0].mul(f64::from(i))?.to_dtype(DType::F16)).collect::<Result<_>>()?;
        terms.iter().try_fold(terms[0].clone(), |sum, term| sum.maximum(term)?.sub(&term.narrow(0, 0, 1)?))
    });
    // One result with many readers, views of it among them.
    same("many readers", &[&normal(&[4, 6], 1), &normal(&[6], 2)], 0.0, |x| {
        let y = x[0].add(&x[1])?.relu()?;
        let read = |i: i32| match i % 3 {
            0 => y.add(f64::from(i)),
            1 => y.t()?.mul(f64::from(i))?.t(),
            _ => y.reshape([6, 4])?.neg()?.reshape([4, 6]),
        };
        let all = (0..30).map(read).collect::<Result<Vec<_>>>()?;
        Tensor::stack(&all.iter().collect::<Vec<_>>(), 0)
    });
    // Axes of which no two lie as one block.
    let axes = [2usize; 12];
    let reversed: Vec<usize> = (0..12).rev().collect();
    let x = normal(&axes, 3);
    same("axes", &[&x], 0.0, |x| x[0].relu()?.select(0, 0)?.transpose(0, 10)?.neg()?.add(1.0));
    let Some(device) = adapter() else { return };
    let x = x.to_device(device).unwrap();
    let sum = x.add(&x.permute(&reversed[..]).unwrap()).and_then(|x| x.add(1.0));
    assert!(sum.is_ok_and(|x| x.to_vec::<f32>().is_ok()));
}

#[test]
fn threads_share_results_that_wait() {
    let Some(device) = adapter() else { return };
    let x = normal(&[1000], 1);
    let expected = x.mul(3.0).unwrap().relu().unwrap();
    for _ in 0..20 {
        let shared = x.to_device(device).unwrap().mul(3.0).unwrap().relu().unwrap();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (shared, expected) = (&shared, &expected);
                scope.spawn(move || match thread % 4 {
                    0 => assert_eq!(shared.to_vec::<f32>().unwrap(), expected.to_vec::<f32>().unwrap()),
                    1 => assert_eq!(
                        shared.add(1.0).unwrap().to_vec::<f32>().unwrap(),
                        expected.add(1.0).unwrap().to_vec::<f32>().unwrap()
                    ),
                    2 => device.synchronize().unwrap(),
                    _ => assert!(shared.sum(..).unwrap().item::<f32>().unwrap() > 0.0),
                });
            }
        });
    }
}
