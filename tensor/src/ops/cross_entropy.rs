//! Cross-entropy of logits with class indices, and its gradient.

use smallvec::SmallVec;

use crate::cpu::cross_entropy as kernel;
use crate::cpu::math::Float;
use crate::cpu::reduce::Block;
use crate::dtype::with_float;
use crate::layout::Layout;
use crate::ops::norm::as_kernels_read;
use crate::ops::on_cpu::or_on_cpu;
use crate::ops::reduce::{in_logical_order, in_memory_order};
use crate::{DType, Element, Error, Result, Shape, Tensor, wgpu};

/// What class indices stand for as targets of a cross-entropy. By default each stands for its class alone, with weight 1.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClassTargets {
    /// How much each class counts; not negative, one weight for each class. `None`: all count 1.
    pub weights: Option<Vec<f64>>,
    /// The share of each label that is given to all classes alike, in `0..=1`.
    pub label_smoothing: f64,
    /// The label of positions that do not count: their loss and gradient are 0.
    pub ignore_index: Option<i64>,
}

impl Tensor {
    /// The cross-entropy of these logits with class indices along `axis`, which the result does not have any more:
    /// `−Σ target · log softmax(x)`, where class `c` has the target `weight[c] · (smoothing / classes + (1 − smoothing if c is the
    /// label))`. Also returned are the statistics that [`Tensor::cross_entropy_backward`] reads.
    ///
    /// A graphics processor is asked whether all labels are classes: this waits for what it was given to compute before, as do the
    /// gradient and [`ClassTargets::mass`].
    ///
    /// ```
    /// use ocelli_tensor::{ClassTargets, Tensor};
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let logits = Tensor::new([[0.0f32, 0.0], [1000.0, 0.0]])?;
    /// let (losses, _) = logits.cross_entropy(&Tensor::new([1i64, 0])?, 1, &ClassTargets::default())?;
    /// assert_eq!(losses.to_vec::<f32>()?, [2f32.ln(), 0.0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Axis`], [`Error::DType`] unless the logits are of a float type and the labels of an integer type, [`Error::Shape`]
    /// unless the labels have the logits' shape without `axis`, [`Error::Argument`] for a label that is no class or targets out of
    /// their domain.
    pub fn cross_entropy(&self, labels: &Tensor, axis: isize, targets: &ClassTargets) -> Result<(Tensor, Tensor)> {
        const OP: &str = "cross_entropy";
        let problem = Problem::new(OP, self, labels, axis, targets)?;
        let Problem { shape, block, .. } = &problem;
        let lead = |shape: &Shape| [2].iter().chain(shape.iter()).copied().collect::<Shape>();
        if let Some(classes) = &problem.on_wgpu {
            let there = || {
                let [losses, statistics] = wgpu::cross_entropy::forward(&problem.x, *block, classes, targets)?;
                Ok(problem.finish(losses, statistics.with_layout(Layout::contiguous(lead(shape)))))
            };
            return or_on_cpu(OP, [self, labels], there, |[x, labels]| x.cross_entropy(labels, axis, targets));
        }
        let mut statistics = None;
        let losses = with_float!(problem.x.dtype(), T => Tensor::build::<T>(shape, |losses| {
            statistics = Some(Tensor::build::<T>(lead(shape), |statistics| {
                let weights = targets.numbers::<T>(block.n);
                let targets = targets.kernel(&problem.labels, &weights);
                if block.n == 0 {
                    losses.fill(T::from_f64(0.0));
                    statistics.fill(T::from_f64(0.0));
                    return Ok(());
                }
                kernel::forward(problem.elements::<T>(), *block, targets, losses, statistics);
                Ok(())
            })?);
            Ok(())
        }))?;
        match statistics {
            Some(statistics) => Ok(problem.finish(losses.to_dtype(self.dtype())?, statistics)),
            None => unreachable!("the statistics are built together with the losses"),
        }
    }

    /// The gradient of [`Tensor::cross_entropy`] at these logits, from the gradient `dy` at its result and the statistics that it
    /// returned: `(softmax(x) · Σ target − target) · dy`.
    ///
    /// # Errors
    /// Those of [`Tensor::cross_entropy`], and if `dy` or the statistics do not fit.
    pub fn cross_entropy_backward(
        &self,
        labels: &Tensor,
        statistics: &Tensor,
        dy: &Tensor,
        axis: isize,
        targets: &ClassTargets,
    ) -> Result<Tensor> {
        const OP: &str = "cross_entropy_backward";
        let all = [self, labels, statistics, dy];
        let problem = Problem::new(OP, self, labels, axis, targets)?;
        let dtype = problem.x.dtype().wide();
        self.require_same_device(OP, dy)?;
        self.require_same_device(OP, statistics)?;
        if dy.shape() != labels.shape() {
            return Err(Error::shape(OP, format!("a gradient of the labels' shape {}", labels.shape()), dy.shape()));
        }
        if statistics.rank() != dy.rank() + 1 || statistics.shape()[0] != 2 || statistics.shape()[1..] != dy.shape()[..]
        {
            let expected = format!("statistics of shape [2] and {} behind", labels.shape());
            return Err(Error::shape(OP, expected, statistics.shape()));
        }
        dy.dtype().require_float(OP)?;
        statistics.dtype().require_float(OP)?;
        let order = &problem.order;
        let behind: SmallVec<[usize; 4]> = std::iter::once(0).chain(order.iter().map(|axis| axis + 1)).collect();
        let moved = |x: &Tensor, order: &[usize]| {
            let x = x.to_dtype(dtype)?;
            x.with_layout(x.layout().permute(order)).contiguous()
        };
        let (dy, statistics) = (moved(dy, order)?, moved(statistics, &behind)?);
        if let Some(classes) = &problem.on_wgpu {
            let there = || {
                let operands = [&problem.x, &statistics, &dy];
                let dx = wgpu::cross_entropy::backward(operands, problem.block, classes, targets)?;
                Ok(dx.with_layout(in_logical_order(dx.layout(), &problem.axes)))
            };
            return or_on_cpu(OP, all, there, |[x, labels, statistics, dy]| {
                x.cross_entropy_backward(labels, statistics, dy, axis, targets)
            });
        }
        let dx = with_float!(dtype, T => Tensor::build::<T>(problem.x.shape(), |dx| {
            let weights = targets.numbers::<T>(problem.block.n);
            let targets = targets.kernel(&problem.labels, &weights);
            let others = [&statistics, &dy].map(|x| x.view::<T>().as_contiguous().unwrap_or_default());
            kernel::backward([problem.elements::<T>(), others[0], others[1]], problem.block, targets, dx);
            Ok(())
        }))?;
        dx.with_layout(in_logical_order(dx.layout(), &problem.axes)).to_dtype(self.dtype())
    }
}

impl ClassTargets {
    /// The sum of the targets of all classes, for each label: what the softmax is multiplied by in the gradient.
    ///
    /// # Errors
    /// [`Error::Argument`] for a label that is no class or numbers out of their domain, [`Error::DType`] unless the labels are of
    /// an integer type and `dtype` is a float type.
    pub fn mass(&self, labels: &Tensor, classes: usize, dtype: DType) -> Result<Tensor> {
        const OP: &str = "cross_entropy";
        dtype.require_float(OP)?;
        self.check(OP, classes)?;
        if labels.is_on_wgpu() {
            return wgpu::cross_entropy::mass(&self.classes_on_wgpu(OP, labels, classes)?, classes, dtype, self);
        }
        let labels = self.classes(OP, labels, classes)?;
        let weights = self.numbers::<f64>(classes);
        let targets = self.kernel(&labels.1, &weights);
        let masses = (0..labels.1.len()).map(|i| targets.mass_at(i)).collect::<Vec<f64>>();
        Tensor::from_vec(masses, labels.0)?.to_dtype(dtype)
    }

    fn check(&self, op: &'static str, classes: usize) -> Result<()> {
        if !(0.0..=1.0).contains(&self.label_smoothing) {
            let message = format!("expected a label smoothing in 0..=1, received {}", self.label_smoothing);
            return Err(Error::argument(op, message));
        }
        let Some(weights) = &self.weights else { return Ok(()) };
        if weights.len() != classes {
            let message = format!("expected {classes} class weights, one for each class, received {}", weights.len());
            return Err(Error::argument(op, message));
        }
        match weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
            Some(weight) => {
                let message = format!("expected finite class weights of at least 0, received {weight}");
                Err(Error::argument(op, message))
            }
            None => Ok(()),
        }
    }

    /// The labels' shape, and in logical order the number of each label's class, or -1 if it does not count.
    fn classes(&self, op: &'static str, labels: &Tensor, classes: usize) -> Result<(Shape, Vec<i64>)> {
        require_integer(op, labels)?;
        let mut numbers = labels.to_dtype(DType::I64)?.to_vec::<i64>()?;
        for label in &mut numbers {
            if self.ignore_index == Some(*label) {
                *label = -1;
            } else if !usize::try_from(*label).is_ok_and(|class| class < classes) {
                let message = format!(
                    "expected labels in 0..{classes}, one for each of {classes} classes, received label {label}"
                );
                return Err(Error::argument(op, message));
            }
        }
        Ok((labels.shape().clone(), numbers))
    }

    /// As [`ClassTargets::classes`], left on a graphics processor, which is waited for: whether a label is no class is its answer.
    fn classes_on_wgpu(&self, op: &'static str, labels: &Tensor, classes: usize) -> Result<Tensor> {
        require_integer(op, labels)?;
        let (numbers, are_classes) = wgpu::cross_entropy::classes(labels, classes, self.ignore_index)?;
        if !are_classes {
            // Which one it is.
            self.classes(op, labels, classes)?;
        }
        Ok(numbers)
    }

    fn numbers<T: Float>(&self, classes: usize) -> Vec<T> {
        match &self.weights {
            Some(weights) => weights.iter().map(|&weight| T::r(weight)).collect(),
            None => vec![T::r(1.0); classes],
        }
    }

    fn kernel<'a, T: Float>(&self, labels: &'a [i64], weights: &'a [T]) -> kernel::Targets<'a, T> {
        kernel::Targets {
            labels,
            weights,
            own: T::r(1.0 - self.label_smoothing),
            share: T::r(self.label_smoothing / weights.len() as f64),
            total: weights.iter().copied().sum(),
        }
    }
}

fn require_integer(op: &'static str, labels: &Tensor) -> Result<()> {
    match labels.dtype().is_integer() {
        true => Ok(()),
        false => Err(Error::dtype(op, "class indices of an integer dtype", labels.dtype())),
    }
}

/// Logits and labels as the kernel takes them.
struct Problem {
    /// In memory order.
    x: Tensor,
    axes: SmallVec<[usize; 4]>,
    block: Block,
    /// The same order and the shape in it, without the axis of the classes.
    order: SmallVec<[usize; 4]>,
    shape: Shape,
    labels: Vec<i64>,
    /// In place of the labels, where the logits are on a graphics processor.
    on_wgpu: Option<Tensor>,
}

impl Problem {
    fn new(op: &'static str, x: &Tensor, labels: &Tensor, axis: isize, targets: &ClassTargets) -> Result<Problem> {
        let axis = x.shape().axis(op, axis)?;
        x.dtype().require_float(op)?;
        x.require_same_device(op, labels)?;
        let mut sizes = x.shape().to_vec();
        let classes = sizes.remove(axis);
        let expected = Shape::from(&sizes[..]);
        if *labels.shape() != expected {
            let expected = format!("labels of shape {expected} for logits of shape {}", x.shape());
            return Err(Error::shape(op, expected, labels.shape()));
        }
        targets.check(op, classes)?;
        let (x, axes) = in_memory_order(&as_kernels_read(x)?)?;
        let place = axes.iter().position(|&at| at == axis).unwrap_or_default();
        let order: SmallVec<[usize; 4]> =
            axes.iter().filter(|&&at| at != axis).map(|&at| at - usize::from(at > axis)).collect();
        let labels = labels.with_layout(labels.layout().permute(&order));
        let block = Block::around(x.shape(), place);
        if x.is_on_wgpu() {
            let numbers = targets.classes_on_wgpu(op, &labels, classes)?;
            let shape = labels.shape().clone();
            return Ok(Problem { x, axes, block, order, shape, labels: Vec::new(), on_wgpu: Some(numbers) });
        }
        let (shape, labels) = targets.classes(op, &labels, classes)?;
        Ok(Problem { x, axes, block, order, shape, labels, on_wgpu: None })
    }

    /// Losses and statistics with their axes in logical order.
    fn finish(&self, losses: Tensor, statistics: Tensor) -> (Tensor, Tensor) {
        let behind: SmallVec<[usize; 4]> = std::iter::once(0).chain(self.order.iter().map(|axis| axis + 1)).collect();
        (
            losses.with_layout(in_logical_order(losses.layout(), &self.order)),
            statistics.with_layout(in_logical_order(statistics.layout(), &behind)),
        )
    }

    fn elements<T: Float>(&self) -> &[T] {
        self.x.view::<T>().as_contiguous().unwrap_or_default()
    }
}
