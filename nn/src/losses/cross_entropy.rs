//! Cross-entropy with class indices as targets.

use ocelli_autograd::Var;
use ocelli_tensor::{ClassTargets, DType, Element, Shape, Tensor};

use super::{Loss, Reduction, check_smoothing, class_axis, normalized_ln, require_float};
use crate::{Error, Result};

const NAME: &str = "cross_entropy";

/// `−ln p(label)`, where the label is the index of a class. Predictions are `[samples, classes]` with labels `[samples]`, or with
/// positions `[samples, classes, …]` and `[samples, …]`, or of one sample `[classes]` and `[]`. Labels are of an integer dtype.
///
/// With class weights a sample counts `weight[label]` times, in the sum and in what the mean divides by, as in PyTorch. Keras has
/// the classes on the last axis; that is the same for `[samples, classes]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CrossEntropy {
    probabilities: bool,
    label_smoothing: f64,
    class_weights: Option<Vec<f64>>,
    ignore_index: Option<i64>,
    reduction: Reduction,
}

impl CrossEntropy {
    /// Of logits: PyTorch's `CrossEntropyLoss`, Keras' `SparseCategoricalCrossentropy(from_logits=True)`.
    pub fn new() -> Self {
        CrossEntropy::default()
    }

    /// Of probabilities, which are divided by their sum and clipped to `1e-7..=1 − 1e-7`, as in Keras.
    pub fn of_probabilities() -> Self {
        CrossEntropy { probabilities: true, ..CrossEntropy::default() }
    }

    /// Gives the share `s` of each label to all classes alike.
    ///
    /// C. Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016.
    #[must_use]
    pub fn label_smoothing(mut self, smoothing: f64) -> Self {
        self.label_smoothing = smoothing;
        self
    }

    /// How often a sample of each class counts; not negative, one weight for each class.
    #[must_use]
    pub fn class_weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.class_weights = Some(weights.into());
        self
    }

    /// The label of samples (or positions) that count nothing: 255 in many segmentation masks. By default there is none.
    #[must_use]
    pub fn ignore_index(mut self, label: i64) -> Self {
        self.ignore_index = Some(label);
        self
    }

    /// Another reduction: the sum, or one loss for each sample (and position).
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    fn weights(&self, classes: usize) -> Result<Vec<f64>> {
        let Some(weights) = &self.class_weights else {
            return Ok(vec![1.0; classes]);
        };
        if weights.len() != classes {
            let count = weights.len();
            let message = format!("expected {classes} class weights, one for each class, received {count}");
            return Err(Error::argument(NAME, message));
        }
        match weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
            Some(weight) => {
                let message = format!("expected finite class weights of at least 0, received {weight}");
                Err(Error::argument(NAME, message))
            }
            None => Ok(weights.clone()),
        }
    }

    /// The target weight of each class in the shape of the predictions; every label that is not ignored is a class.
    fn dense_target<T: Element>(
        &self,
        shape: &Shape,
        axis: usize,
        labels: &[i64],
        weights: &[f64],
        number: impl Fn(f64) -> T,
    ) -> Result<Tensor> {
        let classes = shape[axis];
        let positions: usize = shape[axis + 1..].iter().product();
        let share = self.label_smoothing / classes as f64;
        let mut target = vec![number(0.0); shape.numel()];
        for (i, &label) in labels.iter().enumerate().filter(|(_, label)| self.ignore_index != Some(**label)) {
            let (sample, position) = (i / positions, i % positions);
            let mut set = |class: usize, share: f64| {
                target[(sample * classes + class) * positions + position] = number(weights[class] * share);
            };
            if self.label_smoothing != 0.0 {
                (0..classes).for_each(|class| set(class, share));
            }
            set(label as usize, 1.0 - self.label_smoothing + share);
        }
        Ok(Tensor::from_vec(target, shape)?)
    }
}

impl Loss for CrossEntropy {
    fn loss(&self, prediction: &Var, labels: &Tensor) -> Result<Var> {
        check_smoothing(NAME, self.label_smoothing)?;
        let dtype = require_float(NAME, prediction)?;
        let shape = prediction.shape();
        let axis = class_axis(NAME, shape)?;
        let mut sizes = shape.to_vec();
        sizes.remove(axis);
        let expected = Shape::from(&sizes[..]);
        if *labels.shape() != expected {
            let expected = format!("labels of shape {expected} for predictions of shape {shape}");
            return Err(ocelli_tensor::Error::shape(NAME, expected, labels.shape()).into());
        }
        if !labels.dtype().is_integer() {
            let expected = "class indices of an integer dtype";
            return Err(ocelli_tensor::Error::dtype(NAME, expected, labels.dtype()).into());
        }
        let classes = shape[axis];
        let weights = self.weights(classes)?;
        let numbers = labels.to_dtype(DType::I64)?.to_vec::<i64>()?;
        let mut total = 0.0;
        for &label in numbers.iter().filter(|&&label| self.ignore_index != Some(label)) {
            let class = usize::try_from(label).ok().filter(|&class| class < classes);
            total += weights[class.ok_or_else(|| out_of_range(label, classes))?];
        }
        let losses = if self.probabilities {
            let target = match dtype {
                DType::F64 => self.dense_target(shape, axis, &numbers, &weights, |number| number)?,
                _ => self.dense_target(shape, axis, &numbers, &weights, |number| number as f32)?,
            };
            normalized_ln(prediction, axis)?
                .mul(&target.to_dtype(dtype)?.to_device(prediction.device())?)?
                .sum(axis)?
                .neg()?
        } else {
            let targets = ClassTargets {
                weights: self.class_weights.clone(),
                label_smoothing: self.label_smoothing,
                ignore_index: self.ignore_index,
            };
            prediction.cross_entropy(labels, axis as isize, &targets)?
        };
        self.reduction.reduce(&losses, total)
    }
}

fn out_of_range(label: i64, classes: usize) -> Error {
    let message = format!("expected labels in 0..{classes}, one for each of {classes} classes, received label {label}");
    Error::argument(NAME, message)
}
