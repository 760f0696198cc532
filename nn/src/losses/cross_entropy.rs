//! Cross-entropy with class indices as targets.

use ocelli_autograd::Var;
use ocelli_tensor::{ClassTargets, DType, Device, Shape, Tensor};

use super::{Loss, Reduction, check_smoothing, class_axis, normalized_ln, require_float};
use crate::Result;

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

    /// The target weight of each class in the shape of the predictions; every label that is not ignored is a class.
    fn dense_target(&self, labels: &Tensor, axis: usize, classes: usize, dtype: DType) -> Result<Tensor> {
        let labels = labels.to_dtype(DType::I64)?;
        let counts = self.ignore_index.map(|ignored| labels.ne(ignored)).transpose()?;
        let classed = match &counts {
            Some(counts) => counts.where_(&labels, 0)?,
            None => labels,
        };
        let (own, share) = (1.0 - self.label_smoothing, self.label_smoothing / classes as f64);
        let mut target = classed.one_hot(classes, dtype)?.mul(own)?.add(share)?;
        if let Some(weights) = &self.class_weights {
            let weights = Tensor::from_vec(weights.clone(), [classes])?.to_dtype(dtype)?;
            target = target.mul(&weights.to_device(target.device())?)?;
        }
        if let Some(counts) = counts {
            target = counts.unsqueeze(-1)?.where_(&target, 0)?;
        }
        let mut order: Vec<usize> = (0..target.rank() - 1).collect();
        order.insert(axis, target.rank() - 1);
        Ok(target.permute(&order[..])?)
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
        let targets = ClassTargets {
            weights: self.class_weights.clone(),
            label_smoothing: self.label_smoothing,
            ignore_index: self.ignore_index,
        };
        // Labels that are no classes are refused here.
        let wide = if labels.device() == Device::Cpu { DType::F64 } else { DType::F32 };
        let total = ClassTargets { label_smoothing: 0.0, ..targets.clone() }.mass(labels, classes, wide)?.sum(..)?;
        let losses = if self.probabilities {
            let target = self.dense_target(labels, axis, classes, dtype)?;
            normalized_ln(prediction, axis)?.mul(&target)?.sum(axis)?.neg()?
        } else {
            prediction.cross_entropy(labels, axis as isize, &targets)?
        };
        match self.reduction {
            Reduction::Mean => Ok(losses.sum(..)?.div(&total.to_dtype(dtype)?)?),
            _ => self.reduction.reduce(&losses, 1.0),
        }
    }
}
