//! Linear support vector machines, trained by dual coordinate descent.

use std::collections::BTreeSet;

use ocelli_data::SampleRng;
use ocelli_tensor::kernels::over_pieces;
use ocelli_tensor::{DType, Device, Element, Error as TensorError, Tensor};

use crate::{Error, Result};

/// What a sample on the wrong side costs; `m` is its margin `y (w·x + b)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SvmLoss {
    /// `max(0, 1 − m)`.
    Hinge,
    /// `max(0, 1 − m)²`.
    #[default]
    SquaredHinge,
}

/// What a class weighs: its factor of [`LinearSvm::c`].
#[derive(Debug, Clone, PartialEq, Default)]
pub enum ClassWeight {
    /// 1 for each.
    #[default]
    Equal,
    /// `samples / (classes · samples of the class)`, so that rare classes count as much as common ones: scikit-learn's `"balanced"`.
    Balanced,
    /// One for each class, in ascending order of the labels.
    Each(Vec<f64>),
}

/// The training of a linear support vector machine: minimizes `½‖w‖² + C · Σ loss` by coordinate descent in its dual (C.-J. Hsieh and others, ICML
/// 2008), as LIBLINEAR and scikit-learn's `LinearSVC(dual=True)` do, whose names and defaults these are.
///
/// Two classes have one weight vector; of more classes each is told from all others (one-vs-rest), on all threads. The bias is the weight of
/// one more feature, which is [`LinearSvm::intercept_scaling`] everywhere, and so it is part of `‖w‖²`, as in LIBLINEAR.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::features::LinearSvm;
/// # fn main() -> ocelli_vision::Result<()> {
/// let x = Tensor::new([[0.0f32, 0.0], [1.0, 0.0], [4.0, 1.0], [5.0, 0.0], [0.0, 5.0], [1.0, 6.0]])?;
/// let labels = Tensor::new([7i64, 7, 8, 8, 9, 9])?;
/// let classifier = LinearSvm::default().fit(&x, &labels)?;
/// assert!(classifier.converged());
/// assert_eq!(classifier.predict(&x)?.to_vec::<i64>()?, [7, 7, 8, 8, 9, 9]);
/// assert_eq!(classifier.decision_function(&x)?.shape()[..], [6, 3]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LinearSvm {
    /// How much a loss counts beside `½‖w‖²`: the smaller, the wider the margin and the more errors.
    pub c: f64,
    /// The loss.
    pub loss: SvmLoss,
    /// The value of the feature whose weight is the bias; 0 for no bias.
    pub intercept_scaling: f64,
    /// What classes weigh.
    pub class_weight: ClassWeight,
    /// Stops when the projected gradients of all dual variables lie within this range.
    pub tolerance: f64,
    /// Stops after so many passes over the samples.
    pub max_iterations: usize,
    /// The order in which samples are visited follows from it.
    pub seed: u64,
}

impl Default for LinearSvm {
    fn default() -> Self {
        LinearSvm {
            c: 1.0,
            loss: SvmLoss::SquaredHinge,
            intercept_scaling: 1.0,
            class_weight: ClassWeight::Equal,
            tolerance: 1e-4,
            max_iterations: 1000,
            seed: 0,
        }
    }
}

impl LinearSvm {
    /// Learns from samples `x` (`[N, D]`, floats) and their labels (`[N]`, any integers). The classifier lies on the device of `x`; it is
    /// computed on the CPU, in `f64` over the samples as they are stored.
    ///
    /// # Errors
    /// Unless shapes and dtypes are these, all samples are finite, there are at least two classes, and the options are in their domain.
    pub fn fit(&self, x: &Tensor, labels: &Tensor) -> Result<LinearClassifier> {
        const OP: &str = "linear_svm";
        self.check()?;
        let features = samples(OP, x)?[1];
        if !labels.dtype().is_integer() {
            return Err(TensorError::dtype(OP, "labels of an integer dtype", labels.dtype()).into());
        }
        if labels.shape()[..] != [x.shape()[0]] {
            let expected = format!("one label for each sample, shape [{}]", x.shape()[0]);
            return Err(TensorError::shape(OP, expected, labels.shape()).into());
        }
        let labels = labels.to_device(Device::Cpu)?.to_dtype(DType::I64)?.to_vec::<i64>()?;
        let classes: Vec<i64> = BTreeSet::from_iter(labels.iter().copied()).into_iter().collect();
        if classes.len() < 2 {
            let message = format!("expected samples of at least two classes, received {}", classes.len());
            return Err(Error::argument(OP, message));
        }
        let costs = self.costs(&classes, &labels)?;
        let (positive, here) = (positive_classes(&classes), x.to_device(Device::Cpu)?);
        let problems = match x.dtype() {
            DType::F64 => self.solve_all(&here.to_vec::<f64>()?, features, &labels, positive, &costs)?,
            _ => self.solve_all(&here.to_dtype(DType::F32)?.to_vec::<f32>()?, features, &labels, positive, &costs)?,
        };
        let weights: Vec<f64> = problems.iter().flat_map(|problem| &problem.w[..features]).copied().collect();
        let bias: Vec<f64> = problems.iter().map(|problem| problem.w[features] * self.intercept_scaling).collect();
        let dtype = if x.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
        let place = |values: Vec<f64>, shape: &[usize]| -> Result<Tensor> {
            Ok(Tensor::from_vec(values, shape)?.to_dtype(dtype)?.to_device(x.device())?)
        };
        Ok(LinearClassifier {
            weight: place(weights, &[problems.len(), features])?,
            bias: place(bias, &[problems.len()])?,
            classes,
            iterations: problems.iter().map(|problem| problem.iterations).collect(),
            converged: problems.iter().all(|problem| problem.converged),
        })
    }

    fn check(&self) -> Result<()> {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let valid = positive(self.c)
            && positive(self.tolerance)
            && self.intercept_scaling >= 0.0
            && self.intercept_scaling.is_finite()
            && self.max_iterations > 0;
        if valid {
            return Ok(());
        }
        let message = format!(
            "expected c, tolerance and max_iterations above 0 and intercept_scaling of at least 0, received {}, {}, {} and {}",
            self.c, self.tolerance, self.max_iterations, self.intercept_scaling
        );
        Err(Error::argument("linear_svm", message))
    }

    /// What each sample's loss counts when it is of the positive class; classes share their weight in every problem they are positive in. In
    /// the other problems a sample is one of "the rest", which weighs 1, as in scikit-learn.
    fn costs(&self, classes: &[i64], labels: &[i64]) -> Result<Vec<f64>> {
        let weights = match &self.class_weight {
            ClassWeight::Equal => vec![1.0; classes.len()],
            ClassWeight::Balanced => {
                let share = |class: &i64| labels.iter().filter(|label| *label == class).count();
                classes.iter().map(|class| labels.len() as f64 / (classes.len() * share(class)) as f64).collect()
            }
            ClassWeight::Each(weights) => weights.clone(),
        };
        if weights.len() != classes.len() || !weights.iter().all(|&w| w > 0.0 && w.is_finite()) {
            let message = format!("expected {} class weights above 0, received {weights:?}", classes.len());
            return Err(Error::argument("linear_svm", message));
        }
        Ok(weights.iter().map(|weight| weight * self.c).collect())
    }

    /// The classes' problems, shared by all threads.
    fn solve_all<T: Element + Into<f64>>(
        &self,
        x: &[T],
        features: usize,
        labels: &[i64],
        positive: &[i64],
        costs: &[f64],
    ) -> Result<Vec<Problem>> {
        if let Some(value) = x.iter().map(|&value| value.into()).find(|value: &f64| !value.is_finite()) {
            return Err(Error::argument("linear_svm", format!("expected finite samples, received {value}")));
        }
        let squares: Vec<f64> = x
            .chunks_exact(features)
            .map(|row| row.iter().map(|&v| v.into() * v.into()).sum::<f64>() + self.intercept_scaling.powi(2))
            .collect();
        let mut problems: Vec<Problem> = positive.iter().map(|_| Problem::default()).collect();
        let binary = positive.len() == 1;
        over_pieces(&mut problems, 1, &|class, problem| {
            let data = Data { x, features, squares: &squares, intercept: self.intercept_scaling };
            let signs: Vec<f64> =
                labels.iter().map(|&label| if label == positive[class] { 1.0 } else { -1.0 }).collect();
            // Of two classes the second is the positive one, and both have a weight.
            let cost = if binary { [costs[0], costs[1]] } else { [self.c, costs[class]] };
            problem.iter_mut().for_each(|problem| *problem = self.solve(&data, &signs, cost, class as u64));
        });
        Ok(problems)
    }

    /// Algorithm 3 of the paper: coordinate descent with shrinking.
    fn solve<T: Element + Into<f64>>(&self, data: &Data<'_, T>, signs: &[f64], cost: [f64; 2], stream: u64) -> Problem {
        let count = signs.len();
        // The dual of the squared hinge has a term on the diagonal, and no upper limit.
        let bounds = cost.map(|c| match self.loss {
            SvmLoss::Hinge => (0.0, c),
            SvmLoss::SquaredHinge => (0.5 / c, f64::INFINITY),
        });
        let of = |i: usize| bounds[usize::from(signs[i] > 0.0)];
        let mut w = vec![0.0; data.features + 1];
        let mut alpha = vec![0.0f64; count];
        let mut order: Vec<usize> = (0..count).collect();
        let mut active = count;
        let mut rng = SampleRng::new(self.seed, 0, stream);
        let (mut high_before, mut low_before) = (f64::INFINITY, f64::NEG_INFINITY);
        for iteration in 1..=self.max_iterations {
            for last in (1..active).rev() {
                order.swap(last, rng.below(last + 1));
            }
            let (mut high, mut low) = (f64::NEG_INFINITY, f64::INFINITY);
            let mut at = 0;
            while at < active {
                let i = order[at];
                let (diagonal, upper) = of(i);
                let gradient = signs[i] * data.dot(&w, i) - 1.0 + alpha[i] * diagonal;
                let (at_zero, at_upper) = (alpha[i] == 0.0, alpha[i] == upper);
                if (at_zero && gradient > high_before) || (at_upper && gradient < low_before) {
                    // It will most likely stay at its limit: it is set aside until the others are done.
                    active -= 1;
                    order.swap(at, active);
                    continue;
                }
                let projected = match (at_zero, at_upper) {
                    (true, _) => gradient.min(0.0),
                    (_, true) => gradient.max(0.0),
                    _ => gradient,
                };
                (high, low) = (high.max(projected), low.min(projected));
                if projected.abs() > 1e-12 {
                    let before = alpha[i];
                    alpha[i] = (before - gradient / (data.squares[i] + diagonal)).clamp(0.0, upper);
                    data.add(&mut w, i, (alpha[i] - before) * signs[i]);
                }
                at += 1;
            }
            if high - low <= self.tolerance {
                if active == count {
                    return Problem { w, iterations: iteration, converged: true };
                }
                active = count;
                (high_before, low_before) = (f64::INFINITY, f64::NEG_INFINITY);
                continue;
            }
            high_before = if high > 0.0 { high } else { f64::INFINITY };
            low_before = if low < 0.0 { low } else { f64::NEG_INFINITY };
        }
        Problem { w, iterations: self.max_iterations, converged: false }
    }
}

/// A trained [`LinearSvm`]: `x · weightᵀ + bias`.
#[derive(Debug, Clone)]
pub struct LinearClassifier {
    weight: Tensor,
    bias: Tensor,
    classes: Vec<i64>,
    iterations: Vec<usize>,
    converged: bool,
}

impl LinearClassifier {
    /// From weights `[K, D]` and biases `[K]` of a file, and the labels of the classes in ascending order: `K` of them, or two for `K = 1`.
    ///
    /// # Errors
    /// Unless the shapes are these, both are of one float dtype, and the labels ascend.
    pub fn new(weight: Tensor, bias: Tensor, classes: &[i64]) -> Result<Self> {
        const OP: &str = "linear_classifier";
        let rows = samples(OP, &weight)?[0];
        if bias.shape()[..] != [rows] {
            return Err(TensorError::shape(OP, format!("biases of shape [{rows}]"), bias.shape()).into());
        }
        if bias.dtype() != weight.dtype() {
            return Err(TensorError::dtype(OP, format!("biases of {}", weight.dtype().name()), bias.dtype()).into());
        }
        let expected = if rows == 1 { 2 } else { rows };
        if classes.len() != expected || !classes.is_sorted_by(|a, b| a < b) {
            let message = format!("expected {expected} labels in ascending order, received {classes:?}");
            return Err(Error::argument(OP, message));
        }
        Ok(LinearClassifier { weight, bias, classes: classes.to_vec(), iterations: Vec::new(), converged: true })
    }

    /// The weights `[K, D]`; `K` is the number of classes, or 1 for two classes.
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// The biases `[K]`.
    pub fn bias(&self) -> &Tensor {
        &self.bias
    }

    /// The labels, ascending.
    pub fn classes(&self) -> &[i64] {
        &self.classes
    }

    /// How many passes over the samples each class took; empty for a classifier of given weights.
    pub fn iterations(&self) -> &[usize] {
        &self.iterations
    }

    /// Whether the tolerance was reached for all classes before [`LinearSvm::max_iterations`].
    pub fn converged(&self) -> bool {
        self.converged
    }

    /// The scores `[N, K]` of samples `[N, D]`. Of two classes there is one column, above 0 for the second class.
    ///
    /// # Errors
    /// Unless the samples are floats of `D` features, on the classifier's device.
    pub fn decision_function(&self, x: &Tensor) -> Result<Tensor> {
        const OP: &str = "decision_function";
        let features = self.weight.shape()[1];
        if samples(OP, x)?[1] != features {
            return Err(TensorError::shape(OP, format!("samples of shape [N, {features}]"), x.shape()).into());
        }
        Ok(x.to_dtype(self.weight.dtype())?.matmul(&self.weight.t()?)?.add(&self.bias)?)
    }

    /// The labels `[N]` of samples `[N, D]` as `i64`; of equal scores the first class has it.
    ///
    /// # Errors
    /// As [`LinearClassifier::decision_function`].
    pub fn predict(&self, x: &Tensor) -> Result<Tensor> {
        let scores = self.decision_function(x)?;
        let found = if self.weight.shape()[0] == 1 {
            scores.squeeze(1)?.gt(0.0)?.to_dtype(DType::I64)?
        } else {
            scores.argmax(1)?
        };
        let classes = Tensor::from_slice(&self.classes, [self.classes.len()])?.to_device(x.device())?;
        Ok(classes.index_select(0, &found)?)
    }
}

/// The weights of one problem, the bias's last.
#[derive(Debug, Default)]
struct Problem {
    w: Vec<f64>,
    iterations: usize,
    converged: bool,
}

/// The samples as the descent reads them.
struct Data<'a, T> {
    x: &'a [T],
    features: usize,
    /// Each sample's `x · x`, the bias's feature included.
    squares: &'a [f64],
    intercept: f64,
}

/// Sums are kept in so many numbers side by side, so that they become vector code whose result does not depend on the processor.
const LANES: usize = 8;

impl<T: Copy + Into<f64>> Data<'_, T> {
    fn row(&self, i: usize) -> &[T] {
        &self.x[i * self.features..][..self.features]
    }

    fn dot(&self, w: &[f64], i: usize) -> f64 {
        let (row, weights) = (self.row(i), &w[..self.features]);
        let (mut xs, mut ws) = (row.chunks_exact(LANES), weights.chunks_exact(LANES));
        let mut sums = [0.0; LANES];
        for (x, w) in xs.by_ref().zip(ws.by_ref()) {
            for lane in 0..LANES {
                sums[lane] += x[lane].into() * w[lane];
            }
        }
        let rest: f64 = xs.remainder().iter().zip(ws.remainder()).map(|(&x, w)| x.into() * w).sum();
        sums.iter().sum::<f64>() + rest + self.intercept * w[self.features]
    }

    fn add(&self, w: &mut [f64], i: usize, factor: f64) {
        for (w, &x) in w.iter_mut().zip(self.row(i)) {
            *w += factor * x.into();
        }
        w[self.features] += factor * self.intercept;
    }
}

/// The classes that have a problem of their own.
fn positive_classes(classes: &[i64]) -> &[i64] {
    if classes.len() == 2 { &classes[1..] } else { classes }
}

/// The sizes of a float matrix with at least one column.
fn samples(op: &'static str, x: &Tensor) -> Result<[usize; 2]> {
    if !x.dtype().is_float() {
        return Err(TensorError::dtype(op, "a float dtype", x.dtype()).into());
    }
    match x.shape()[..] {
        [rows, columns] if columns > 0 => Ok([rows, columns]),
        _ => Err(TensorError::shape(op, "a matrix with at least one column", x.shape()).into()),
    }
}
