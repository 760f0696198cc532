//! Which classes are taken for which: of pixels (semantic segmentation) or of whole pictures.

use std::fmt;

use ocelli_tensor::{DType, Device, Error as TensorError, Tensor};

use crate::host::filled;
use crate::{Error, Result};

/// Counts of true and predicted classes, and what follows from them: accuracy, intersection over union, F1.
///
/// Of a class that neither occurs nor is predicted nothing is known: its numbers are `None`, and means leave it out, as Keras' `MeanIoU` does.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::metrics::ConfusionMatrix;
/// # fn main() -> ocelli_vision::Result<()> {
/// // Pixels with the label 255 are not annotated.
/// let mut matrix = ConfusionMatrix::new(3)?.ignore(255);
/// let truth = Tensor::new([[0u8, 0, 1], [1, 1, 255]])?;
/// let predicted = Tensor::new([[0u8, 1, 1], [1, 1, 2]])?;
/// matrix.update(&truth, &predicted)?;
/// assert_eq!(matrix.accuracy(), Some(0.8));
/// assert_eq!(matrix.iou(), [Some(0.5), Some(0.75), None]);
/// assert_eq!(matrix.mean_iou(), Some(0.625));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfusionMatrix {
    classes: usize,
    ignored: Option<i64>,
    /// True classes × predicted classes.
    counts: Vec<u64>,
}

impl ConfusionMatrix {
    /// An empty one for the classes `0..classes`.
    ///
    /// # Errors
    /// [`Error::Argument`] unless there is a class and at most 2¹⁵ of them; if memory cannot be had.
    pub fn new(classes: usize) -> Result<Self> {
        if !(1..=1 << 15).contains(&classes) {
            let message = format!("expected 1 to 2^15 classes, received {classes}");
            return Err(Error::argument("confusion_matrix", message));
        }
        Ok(ConfusionMatrix { classes, ignored: None, counts: filled(0, classes * classes)? })
    }

    /// With a label that marks what is not annotated: where it is the truth, the prediction does not count. 255 in Pascal VOC and Cityscapes.
    pub fn ignore(self, label: i64) -> Self {
        ConfusionMatrix { ignored: Some(label), ..self }
    }

    /// Counts true and predicted classes: integer tensors of one shape, any.
    ///
    /// # Errors
    /// Unless shapes and dtypes are these, and all classes are in `0..classes` (but for the ignored truth); nothing has been counted then.
    pub fn update(&mut self, truth: &Tensor, predicted: &Tensor) -> Result<()> {
        const OP: &str = "confusion_matrix";
        if truth.shape() != predicted.shape() {
            let expected = format!("predictions of the truth's shape {}", truth.shape());
            return Err(TensorError::shape(OP, expected, predicted.shape()).into());
        }
        let read = |tensor: &Tensor| {
            if !tensor.dtype().is_integer() {
                return Err(TensorError::dtype(OP, "classes of an integer dtype", tensor.dtype()));
            }
            tensor.to_device(Device::Cpu)?.to_dtype(DType::I64)?.to_vec::<i64>()
        };
        let (truth, predicted) = (read(truth)?, read(predicted)?);
        let classes = self.classes as i64;
        let pairs = || truth.iter().zip(&predicted).filter(|(truth, _)| self.ignored != Some(**truth));
        let inside =
            |(truth, predicted): &(&i64, &i64)| (0..classes).contains(*truth) && (0..classes).contains(*predicted);
        if let Some((truth, predicted)) = pairs().find(|pair| !inside(pair)) {
            let message =
                format!("expected classes in 0..{classes}, received {truth} for truth and {predicted} for prediction");
            return Err(Error::argument(OP, message));
        }
        let places: Vec<usize> = pairs().map(|(truth, predicted)| (truth * classes + predicted) as usize).collect();
        places.into_iter().for_each(|place| self.counts[place] += 1);
        Ok(())
    }

    /// Adds the counts of another one, of another part of the data.
    ///
    /// # Errors
    /// [`Error::Argument`] unless both have as many classes.
    pub fn merge(&mut self, other: &ConfusionMatrix) -> Result<()> {
        if other.classes != self.classes {
            let message = format!("expected {} classes, received {}", self.classes, other.classes);
            return Err(Error::argument("confusion_matrix", message));
        }
        self.counts.iter_mut().zip(&other.counts).for_each(|(sum, count)| *sum += count);
        Ok(())
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How often a true class was predicted as another (or itself); 0 for classes that there are not.
    pub fn count(&self, truth: usize, predicted: usize) -> u64 {
        if truth.max(predicted) < self.classes {
            self.counts.get(truth * self.classes + predicted).copied().unwrap_or(0)
        } else {
            0
        }
    }

    /// The counts as an `i64` tensor `[classes, classes]`: a row for each true class, a column for each predicted one.
    ///
    /// # Errors
    /// Only if memory runs out.
    pub fn to_tensor(&self) -> Result<Tensor> {
        let counts: Vec<i64> = self.counts.iter().map(|&count| count as i64).collect();
        Ok(Tensor::from_vec(counts, [self.classes, self.classes])?)
    }

    /// The fraction that is predicted right: pixel accuracy. `None` if nothing has been counted.
    pub fn accuracy(&self) -> Option<f64> {
        let right: u64 = (0..self.classes).map(|class| self.right(class)).sum();
        ratio(right, self.counts.iter().sum())
    }

    /// Of each true class the fraction that is predicted right, its recall.
    pub fn recall(&self) -> Vec<Option<f64>> {
        self.each(|right, truth, _| ratio(right, truth))
    }

    /// Of each predicted class the fraction that is right.
    pub fn precision(&self) -> Vec<Option<f64>> {
        self.each(|right, _, predicted| ratio(right, predicted))
    }

    /// Of each class the harmonic mean of precision and recall, which is the Dice coefficient.
    pub fn f1(&self) -> Vec<Option<f64>> {
        self.each(|right, truth, predicted| ratio(2 * right, truth + predicted))
    }

    /// Of each class the intersection over union of where it is and where it is predicted.
    pub fn iou(&self) -> Vec<Option<f64>> {
        self.each(|right, truth, predicted| ratio(right, truth + predicted - right))
    }

    /// The mean recall of the classes that occur: mean (or balanced) accuracy.
    pub fn mean_accuracy(&self) -> Option<f64> {
        mean(&self.recall())
    }

    /// The mean intersection over union (mIoU) of the classes that occur or are predicted.
    pub fn mean_iou(&self) -> Option<f64> {
        mean(&self.iou())
    }

    /// Intersection over union, weighted by how often a class occurs.
    pub fn frequency_weighted_iou(&self) -> Option<f64> {
        let total: u64 = self.counts.iter().sum();
        let weighted = |(class, iou): (usize, Option<f64>)| iou.unwrap_or(0.0) * self.truth(class) as f64;
        (total > 0).then(|| self.iou().into_iter().enumerate().map(weighted).sum::<f64>() / total as f64)
    }

    fn right(&self, class: usize) -> u64 {
        self.counts[class * self.classes + class]
    }

    fn truth(&self, class: usize) -> u64 {
        self.counts[class * self.classes..][..self.classes].iter().sum()
    }

    /// `f(right, truth, predicted)` for each class.
    fn each(&self, f: impl Fn(u64, u64, u64) -> Option<f64>) -> Vec<Option<f64>> {
        let mut predicted = vec![0; self.classes];
        for row in self.counts.chunks_exact(self.classes) {
            predicted.iter_mut().zip(row).for_each(|(sum, count)| *sum += count);
        }
        (0..self.classes).map(|class| f(self.right(class), self.truth(class), predicted[class])).collect()
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn mean(numbers: &[Option<f64>]) -> Option<f64> {
    let known: Vec<f64> = numbers.iter().copied().flatten().collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

impl fmt::Display for ConfusionMatrix {
    /// The lines of torchvision's reference for segmentation, in percent: accuracy, recall and intersection over union of each class, mean of these.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |x: &Option<f64>| x.map_or("-".to_owned(), |x| format!("{:.1}", 100.0 * x));
        let list = |all: &[Option<f64>]| all.iter().map(percent).collect::<Vec<_>>().join(", ");
        writeln!(f, "global correct: {}", percent(&self.accuracy()))?;
        writeln!(f, "average row correct: [{}]", list(&self.recall()))?;
        writeln!(f, "IoU: [{}]", list(&self.iou()))?;
        write!(f, "mean IoU: {}", percent(&self.mean_iou()))
    }
}
