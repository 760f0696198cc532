//! Clipping on a graphics processor, beside the CPU.

use std::io::Write;

use ocelli_autograd::Gradients;
use ocelli_nn::Param;
use ocelli_optim::clip::{self, clip_by_global_norm, clip_by_norm, clip_by_value, global_norm};
use ocelli_tensor::{DType, Device, Generator, Tensor};

/// The first adapter, or a message that there is none; `OCELLI_TEST_ADAPTER=required` makes that a failure.
fn adapter() -> Option<Device> {
    match Device::wgpu(0) {
        Ok(device) => Some(device),
        Err(error) => {
            assert!(std::env::var_os("OCELLI_TEST_ADAPTER").is_none(), "{error}");
            let _ = writeln!(std::io::stderr(), "skipped: there is no graphics adapter: {error}");
            None
        }
    }
}

/// What clips the gradients of parameters.
type Change<'a> = dyn Fn(&mut Gradients, &[(String, Param)]) + 'a;

/// Parameters on a device that are their own gradients.
fn parameters(device: Device, values: &[(&str, Tensor)]) -> Vec<(String, Param)> {
    let on = |x: &Tensor| Param::new(x.to_device(device).unwrap()).unwrap();
    values.iter().map(|(path, x)| ((*path).to_owned(), on(x))).collect()
}

fn gradients(parameters: &[(String, Param)]) -> Gradients {
    let half = |(_, param): &(String, Param)| param.var().square().unwrap().mul(0.5).unwrap().sum(..).unwrap();
    let sum = parameters.iter().map(half).reduce(|a, b| a.add(&b).unwrap()).unwrap();
    sum.backward().unwrap()
}

/// The gradients once a function has changed them.
fn clipped(parameters: &[(String, Param)], change: &dyn Fn(&mut Gradients)) -> Vec<Vec<f32>> {
    let mut gradients = gradients(parameters);
    change(&mut gradients);
    let values = |x: &Tensor| x.to_device(Device::Cpu).unwrap().to_dtype(DType::F32).unwrap().to_vec::<f32>().unwrap();
    parameters.iter().map(|(_, param)| values(gradients.get(&param.var()).unwrap().tensor())).collect()
}

#[track_caller]
fn close(actual: f64, expected: f64) {
    assert!((actual / expected - 1.0).abs() < 1e-5, "expected {expected}, received {actual}");
}

#[test]
fn an_adapter_clips_as_the_processor_does() {
    let Some(device) = adapter() else { return };
    let mut generator = Generator::new(3);
    let normal = Tensor::randn([7, 30], DType::F32, &mut generator).unwrap();
    let values = [("a", normal.mul(3.0).unwrap()), ("b", Tensor::new([3.0f32, -4.0]).unwrap()), ("c", normal)];
    let [cpu, there] = [Device::Cpu, device].map(|device| parameters(device, &values));
    let (expected, actual) =
        (global_norm(&gradients(&cpu), &cpu).unwrap(), global_norm(&gradients(&there), &there).unwrap());
    close(actual, expected);
    let changes: [(&str, &Change<'_>); 3] = [
        ("value", &|g, parameters| clip_by_value(g, parameters, 0.5).unwrap()),
        ("norm", &|g, parameters| clip_by_norm(g, parameters, 2.5).unwrap()),
        ("global norm", &|g, parameters| close(clip_by_global_norm(g, parameters, 1.0).unwrap(), expected)),
    ];
    for (what, change) in changes {
        let expected = clipped(&cpu, &|g| change(g, &cpu)).concat();
        let actual = clipped(&there, &|g| change(g, &there)).concat();
        assert!(expected != clipped(&cpu, &|_| ()).concat(), "{what} changes nothing");
        let is_close = |(a, e): (&f32, &f32)| (a - e).abs() <= 1e-6 * (1.0 + e.abs());
        assert!(actual.iter().zip(&expected).all(is_close), "{what}: expected {expected:?}, received {actual:?}");
    }
    let (path, norm) = clip::largest(&gradients(&there), &there).unwrap().unwrap();
    assert_eq!(path, "a");
    close(norm, clip::largest(&gradients(&cpu), &cpu).unwrap().unwrap().1);
}

#[test]
fn norms_whose_squares_leave_the_range() {
    for device in [Some(Device::Cpu), adapter()].into_iter().flatten() {
        for dtype in [DType::F32, DType::BF16] {
            for size in [1e-37f32, 1e-25, 1e-16, 1.0, 1e16, 1e25, 1e38] {
                let x = Tensor::full([16], size, DType::F32).unwrap().to_dtype(dtype).unwrap();
                let exact = x.to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap()[0];
                let there = [("x".to_owned(), Param::new(x.to_device(device).unwrap()).unwrap())];
                let mut gradients = sums(&there, &x.to_device(device).unwrap());
                close(clip_by_global_norm(&mut gradients, &there, f64::from(size)).unwrap(), 4.0 * exact);
            }
        }
        for (number, is_as_expected) in
            [(0.0, f64::is_finite as fn(f64) -> bool), (f32::INFINITY, f64::is_infinite), (f32::NAN, f64::is_nan)]
        {
            let x = Tensor::new([number, 1e-30]).unwrap().to_device(device).unwrap();
            let there = [("x".to_owned(), Param::new(x.clone()).unwrap())];
            let (path, norm) = clip::largest(&sums(&there, &x), &there).unwrap().unwrap();
            assert!(path == "x" && is_as_expected(norm), "{number}: {norm}");
        }
    }
}

/// Gradients that are these numbers, of one parameter.
fn sums(parameters: &[(String, Param)], gradient: &Tensor) -> Gradients {
    let mut gradients = gradients(&self::parameters(Device::Cpu, &[("any", Tensor::new([1.0f32]).unwrap())]));
    gradients.set(&parameters[0].1.var(), ocelli_autograd::Var::constant(gradient.clone()));
    gradients
}
