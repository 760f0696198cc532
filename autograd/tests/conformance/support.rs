//! One operation at one choice of options, and the checks that each must pass.

use std::collections::BTreeSet;

use ocelli_autograd::{Backward, Result, Var, no_grad};
use ocelli_tensor::{DType, Device, Generator, Tensor};

type Function = Box<dyn Fn(&[Var]) -> Result<Var>>;

/// A function of some f64 tensors, at points where it is smooth.
pub struct Case {
    name: String,
    inputs: Vec<Tensor>,
    function: Function,
    step: f64,
}

/// What f32 may differ by, of results and gradients up to about 1.
const TOLERANCE: f64 = 1e-5;

/// What a case takes besides its inputs, on the device of an input, and of its dtype if it holds floats.
pub fn beside(x: &Var, tensor: &Tensor) -> Tensor {
    let tensor = if tensor.dtype().is_float() { tensor.to_dtype(x.dtype()).unwrap() } else { tensor.clone() };
    tensor.to_device(x.device()).unwrap()
}

/// A case from a name and a function; add its inputs with [`Case::input`] or [`Case::value`].
pub fn case(name: impl Into<String>, function: impl Fn(&[Var]) -> Result<Var> + 'static) -> Case {
    Case { name: name.into(), inputs: Vec::new(), function: Box::new(function), step: 1e-5 }
}

impl Case {
    /// Adds an input with numbers drawn evenly from `low..high`, the same at each run.
    pub fn input(self, shape: &[usize], low: f64, high: f64) -> Self {
        let mut generator = Generator::new(1000 + self.inputs.len() as u64);
        let unit = Tensor::rand(shape, DType::F64, &mut generator).unwrap();
        self.value(unit.mul(high - low).unwrap().add(low).unwrap())
    }

    /// Adds an input of pairwise distinct numbers in random order, at least `1 / numel` apart: for maxima and sorting.
    pub fn distinct(self, shape: &[usize]) -> Self {
        let mut generator = Generator::new(2000 + self.inputs.len() as u64);
        let numel = shape.iter().product::<usize>();
        let order = Tensor::randperm(numel, &mut generator).unwrap().to_dtype(DType::F64).unwrap();
        let spread = order.div(numel.max(1) as f64 / 2.0).unwrap().sub(0.99).unwrap();
        self.value(spread.reshape(shape).unwrap())
    }

    /// Another step of the differences than 1e-5 (their error is of the order of its square).
    pub fn step(mut self, step: f64) -> Self {
        self.step = step;
        self
    }

    /// Adds this input.
    pub fn value(mut self, tensor: Tensor) -> Self {
        self.inputs.push(tensor.to_dtype(DType::F64).unwrap());
        self
    }

    fn apply(&self, inputs: &[Var]) -> Var {
        (self.function)(inputs).unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }

    fn leaves(&self) -> Vec<Var> {
        self.inputs.iter().map(|input| Var::leaf(input.clone()).unwrap()).collect()
    }

    /// The inputs in f32 on a device.
    fn leaves_on(&self, device: Device) -> Vec<Var> {
        let there = |x: &Tensor| x.to_dtype(DType::F32).unwrap().to_device(device).unwrap();
        self.inputs.iter().map(|input| Var::leaf(there(input)).unwrap()).collect()
    }

    /// `Σ weights ⊙ f(inputs)`, so that no two elements of the result count alike.
    fn weighted(&self, inputs: &[Var]) -> Var {
        let y = self.apply(inputs);
        let mut generator = Generator::new(3000);
        let weights = Tensor::rand(y.shape(), DType::F64, &mut generator).unwrap().add(0.5).unwrap();
        y.mul(&beside(&y, &weights)).unwrap().sum(..).unwrap()
    }

    /// The gradient of each input of `f(inputs)` by central differences.
    fn differences(&self, f: impl Fn(&[Var]) -> f64) -> Vec<Vec<f64>> {
        let point: Vec<Vec<f64>> = self.inputs.iter().map(|input| input.to_vec().unwrap()).collect();
        let at = |which: usize, element: usize, value: f64| {
            let inputs: Vec<Var> = point
                .iter()
                .zip(&self.inputs)
                .enumerate()
                .map(|(i, (values, input))| {
                    let mut values = values.clone();
                    if i == which {
                        values[element] = value;
                    }
                    Var::leaf(Tensor::from_vec(values, input.shape()).unwrap()).unwrap()
                })
                .collect();
            f(&inputs)
        };
        point
            .iter()
            .enumerate()
            .map(|(i, values)| {
                (0..values.len())
                    .map(|j| (at(i, j, values[j] + self.step) - at(i, j, values[j] - self.step)) / (2.0 * self.step))
                    .collect()
            })
            .collect()
    }

    #[track_caller]
    fn compare(&self, what: &str, actual: &[Vec<f64>], expected: &[Vec<f64>], tolerance: f64) {
        for (input, (actual, expected)) in actual.iter().zip(expected).enumerate() {
            assert_eq!(actual.len(), expected.len(), "{}: {what} of input {input}", self.name);
            for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
                let close = (a - e).abs() <= tolerance * (1.0 + e.abs());
                assert!(close, "{}: {what} of input {input}, element {i}: expected {e}, received {a}", self.name);
            }
        }
    }

    /// Gradients as vectors, zeros for inputs that the result does not depend on.
    fn gradients(&self, result: &Var, leaves: &[Var]) -> Vec<Vec<f64>> {
        if !result.requires_grad() {
            return leaves.iter().map(|leaf| vec![0.0; leaf.numel()]).collect();
        }
        let gradients = result.backward().unwrap_or_else(|e| panic!("{}: {e}", self.name));
        let vector = |leaf: &Var| match gradients.find(leaf) {
            Some(gradient) => numbers(gradient),
            None => vec![0.0; leaf.numel()],
        };
        leaves.iter().map(vector).collect()
    }

    pub fn check_gradient(&self) {
        let leaves = self.leaves();
        let actual = self.gradients(&self.weighted(&leaves), &leaves);
        let expected = self.differences(|inputs| no_grad(|| self.weighted(inputs)).item().unwrap());
        self.compare("gradient", &actual, &expected, 1e-6);
    }

    pub fn check_used_twice(&self) {
        let leaves = self.leaves();
        let once = self.gradients(&self.weighted(&leaves), &leaves);
        let both = self.weighted(&leaves).add(&self.weighted(&leaves)).unwrap();
        let twice: Vec<Vec<f64>> = once.iter().map(|g| g.iter().map(|g| 2.0 * g).collect()).collect();
        self.compare("gradient of two uses", &self.gradients(&both, &leaves), &twice, 1e-12);
    }

    pub fn check_scattered(&self) {
        let leaves = self.leaves();
        let y = self.weighted(&leaves);
        let expected = self.gradients(&y, &leaves);
        let scattered: Vec<Var> = self.inputs.iter().map(|input| Var::leaf(scattered(input)).unwrap()).collect();
        let again = self.weighted(&scattered);
        let (a, b) = (y.item::<f64>().unwrap(), again.item::<f64>().unwrap());
        assert!((a - b).abs() <= 1e-12 * (1.0 + a.abs()), "{}: expected {a}, received {b}", self.name);
        self.compare("gradient of a scattered input", &self.gradients(&again, &scattered), &expected, 1e-10);
    }

    /// `s = Σᵢ weights ⊙ (∂f/∂xᵢ)²`, squared so that it depends on the incoming gradient in a curved way; none if `f` is constant.
    fn slope(&self, inputs: &[Var]) -> Option<Var> {
        let y = self.weighted(inputs);
        if !y.requires_grad() {
            return None;
        }
        let first = Backward::new().create_graph().run(&y).unwrap_or_else(|e| panic!("{}: {e}", self.name));
        let squares = inputs.iter().enumerate().filter_map(|(i, input)| {
            let gradient = first.find(input)?;
            let weights = Tensor::rand(gradient.shape(), DType::F64, &mut Generator::new(4000 + i as u64)).unwrap();
            Some(gradient.square().unwrap().mul(&beside(gradient, &weights)).unwrap().sum(..).unwrap())
        });
        squares.reduce(|a, b| a.add(&b).unwrap())
    }

    pub fn check_second_derivative(&self) {
        let leaves = self.leaves();
        let Some(result) = self.slope(&leaves) else { return };
        let actual = self.gradients(&result, &leaves);
        let expected = self.differences(|inputs| self.slope(inputs).map_or(0.0, |s| s.item().unwrap()));
        self.compare("second derivative", &actual, &expected, 2e-5);
    }

    /// Result, gradients and second derivatives in f32 on a device against those in f64 on the CPU, which the other checks are
    /// about; of inputs that lie in order and of such that do not.
    pub fn check_on(&self, device: Device) {
        let exact = self.leaves();
        let (y, weighted) = (self.apply(&exact), self.weighted(&exact));
        let gradients = self.gradients(&weighted, &exact);
        let second = self.slope(&exact).map(|slope| self.gradients(&slope, &exact));
        let straight = self.leaves_on(device);
        let turned = straight.iter().map(|x| Var::leaf(scattered(x.tensor())).unwrap()).collect();
        for (order, leaves) in [("", straight), (" of scattered inputs", turned)] {
            let what = |part: &str| format!("{part}{order} on {device}");
            let result = self.apply(&leaves);
            assert_eq!((result.device(), result.shape()), (device, y.shape()), "{}: {}", self.name, what("result"));
            self.compare(&what("result"), &[numbers(&result)], &[numbers(&y)], TOLERANCE);
            let first = self.gradients(&self.weighted(&leaves), &leaves);
            self.compare(&what("gradient"), &first, &gradients, TOLERANCE);
            if let (Some(expected), Some(slope)) = (&second, self.slope(&leaves)) {
                // Products of two gradients, each with its error.
                let tolerance = 10.0 * TOLERANCE;
                self.compare(&what("second derivative"), &self.gradients(&slope, &leaves), expected, tolerance);
            }
        }
    }

    /// The type names of all ops that the function, its gradient and second gradient have recorded.
    pub fn recorded_ops(&self) -> BTreeSet<String> {
        let leaves = self.leaves();
        let y = self.weighted(&leaves);
        let mut found: BTreeSet<String> = y.recorded_ops().into_iter().collect();
        if y.requires_grad() {
            let first = Backward::new().create_graph().run(&y).unwrap();
            found.extend(leaves.iter().filter_map(|leaf| first.find(leaf)).flat_map(Var::recorded_ops));
        }
        found
    }
}

/// The elements, wherever and of whichever float type they are.
fn numbers(x: &Var) -> Vec<f64> {
    let here = x.tensor().to_device(Device::Cpu).unwrap();
    here.to_dtype(DType::F64).unwrap().to_vec().unwrap()
}

/// The same elements as every second one of a larger tensor, with its axes in reverse order.
fn scattered(x: &Tensor) -> Tensor {
    let reversed: Vec<usize> = (0..x.rank()).rev().collect();
    let zeros = Tensor::full_on(x.device(), [2], 0, x.dtype()).unwrap();
    let spread = x.permute(&reversed[..]).unwrap().unsqueeze(-1).unwrap().add(&zeros).unwrap();
    spread.select(-1, 1).unwrap().permute(&reversed[..]).unwrap()
}
