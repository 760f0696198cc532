//! Which class is taken for which.

use ocelli_tensor::Tensor;

use super::{Metric, classes, largest, rows};
use crate::{Error, Result};

/// How many samples of each class were predicted as each class: rows are the true classes, columns the predicted ones. Shapes are
/// those of [`Accuracy`](crate::Accuracy). As a metric its value is the share on the diagonal.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_train::{ConfusionMatrix, Metric};
/// # fn main() -> ocelli_train::Result<()> {
/// let mut matrix = ConfusionMatrix::new(2)?;
/// let scores = Tensor::new([[0.9f32, 0.1], [0.2, 0.8], [0.3, 0.7]])?;
/// matrix.update(&scores, &Tensor::new([0i64, 1, 0])?)?;
/// assert_eq!(matrix.tensor()?.to_vec::<i64>()?, [1, 1, 0, 1]);
/// assert_eq!((matrix.precision(1), matrix.recall(1)), (0.5, 1.0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfusionMatrix {
    classes: usize,
    counts: Vec<u64>,
    names: Option<Vec<String>>,
}

impl ConfusionMatrix {
    /// Of so many classes.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are none.
    pub fn new(classes: usize) -> Result<Self> {
        let cells = classes.checked_mul(classes).filter(|&cells| cells > 0);
        let Some(cells) = cells else {
            let message = format!("expected at least one class, received {classes}");
            return Err(Error::argument("confusion matrix", message));
        };
        Ok(ConfusionMatrix { classes, counts: vec![0; cells], names: None })
    }

    /// With names of the classes for the table.
    ///
    /// # Errors
    /// [`Error::Argument`] unless there is a name for each class.
    pub fn with_names<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Result<Self> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        if names.len() != self.classes {
            let message = format!("expected {} class names, received {}", self.classes, names.len());
            return Err(Error::argument("confusion matrix", message));
        }
        self.names = Some(names);
        Ok(self)
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How many samples of class `truth` were predicted as `predicted`; 0 for classes that there are not.
    pub fn count(&self, truth: usize, predicted: usize) -> u64 {
        if truth < self.classes && predicted < self.classes { self.counts[truth * self.classes + predicted] } else { 0 }
    }

    /// All counts, `i64` of shape `[classes, classes]`.
    ///
    /// # Errors
    /// Only if memory runs out.
    pub fn tensor(&self) -> Result<Tensor> {
        let counts = self.counts.iter().map(|&count| count as i64).collect();
        Ok(Tensor::from_vec(counts, [self.classes, self.classes])?)
    }

    /// The share of the right ones among those predicted as this class; 0 if there are none.
    pub fn precision(&self, class: usize) -> f64 {
        let predicted = (0..self.classes).map(|truth| self.count(truth, class)).sum();
        share(self.count(class, class), predicted)
    }

    /// The share of this class's samples that were found; 0 if there are none.
    pub fn recall(&self, class: usize) -> f64 {
        let present = (0..self.classes).map(|predicted| self.count(class, predicted)).sum();
        share(self.count(class, class), present)
    }

    /// The harmonic mean of precision and recall; 0 if both are.
    pub fn f1(&self, class: usize) -> f64 {
        let (precision, recall) = (self.precision(class), self.recall(class));
        if precision + recall == 0.0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) }
    }

    fn class_name(&self, class: usize) -> String {
        let known = self.names.as_ref().and_then(|names| names.get(class));
        known.cloned().unwrap_or_else(|| class.to_string())
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

impl Metric for ConfusionMatrix {
    fn name(&self) -> &str {
        "confusion_accuracy"
    }
    fn update(&mut self, prediction: &Tensor, target: &Tensor) -> Result<()> {
        let (scores, count) = rows("confusion matrix", prediction)?;
        if count != self.classes {
            let message = format!("expected scores of shape [n, {}, …], received {}", self.classes, prediction.shape());
            return Err(Error::argument("confusion matrix", message));
        }
        let truth = classes("confusion matrix", prediction, target)?;
        for (row, class) in scores.chunks_exact(count).zip(truth) {
            self.counts[class * count + largest(row)] += 1;
        }
        Ok(())
    }
    fn value(&self) -> f64 {
        let right = (0..self.classes).map(|class| self.count(class, class)).sum();
        share(right, self.counts.iter().sum())
    }
    fn reset(&mut self) {
        self.counts.fill(0);
    }
    fn state(&self) -> Vec<f64> {
        // Exact: nobody counts to 2⁵³.
        self.counts.iter().map(|&count| count as f64).collect()
    }
    fn restore(&mut self, state: &[f64]) -> Result<()> {
        if state.len() != self.counts.len() {
            let message = format!("expected a state of {} numbers, received {}", self.counts.len(), state.len());
            return Err(Error::argument("confusion matrix", message));
        }
        self.counts = state.iter().map(|&count| count as u64).collect();
        Ok(())
    }
    fn boxed_clone(&self) -> Box<dyn Metric> {
        Box::new(self.clone())
    }
}

impl std::fmt::Display for ConfusionMatrix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<String> = (0..self.classes).map(|class| self.class_name(class)).collect();
        let width = |text: &String| text.chars().count();
        let first = names.iter().map(width).chain(["true \\ pred.".len()]).max().unwrap_or(0);
        let cells = self.counts.iter().map(|count| count.to_string().len()).max();
        let cell = names.iter().map(width).chain(cells).max().unwrap_or(0).max(3) + 2;
        write!(f, "{:<first$}", "true \\ pred.")?;
        for name in &names {
            write!(f, "{name:>cell$}")?;
        }
        writeln!(f, "{:>10}{:>9}{:>9}", "precision", "recall", "f1")?;
        for (class, name) in names.iter().enumerate() {
            write!(f, "{name:<first$}")?;
            for predicted in 0..self.classes {
                write!(f, "{:>cell$}", self.count(class, predicted))?;
            }
            let (precision, recall) = (self.precision(class), self.recall(class));
            writeln!(f, "{precision:>10.4}{recall:>9.4}{:>9.4}", self.f1(class))?;
        }
        let total: u64 = self.counts.iter().sum();
        write!(f, "accuracy: {:.4} of {total} samples", self.value())
    }
}

#[cfg(test)]
mod tests {
    use ocelli_tensor::DType;

    use super::*;

    fn filled() -> ConfusionMatrix {
        let mut matrix = ConfusionMatrix::new(3).unwrap();
        let predicted = Tensor::new([0i64, 1, 1, 2, 0, 0]).unwrap();
        let truth = Tensor::new([0i64, 1, 2, 2, 1, 0]).unwrap();
        let scores = predicted.one_hot(3, DType::F32).unwrap();
        matrix.update(&scores, &truth).unwrap();
        matrix
    }

    #[test]
    fn counts_and_shares() {
        // The numbers are those of scikit-learn's confusion_matrix and classification_report.
        let matrix = filled();
        let counts = matrix.tensor().unwrap().to_vec::<i64>().unwrap();
        assert_eq!(counts, [2, 0, 0, 1, 1, 0, 0, 1, 1]);
        assert_eq!(matrix.precision(0), 2.0 / 3.0);
        assert_eq!(matrix.recall(0), 1.0);
        assert_eq!(matrix.f1(0), 0.8);
        assert_eq!((matrix.precision(1), matrix.recall(1)), (0.5, 0.5));
        assert_eq!((matrix.precision(2), matrix.recall(2)), (1.0, 0.5));
        assert_eq!(matrix.value(), 4.0 / 6.0);
        assert_eq!((matrix.precision(7), matrix.recall(7), matrix.f1(7)), (0.0, 0.0, 0.0));
        let mut other = ConfusionMatrix::new(3).unwrap();
        assert_eq!(other.value(), 0.0);
        other.restore(&matrix.state()).unwrap();
        assert_eq!(other, matrix);
        assert!(other.restore(&[1.0]).is_err());
    }

    #[test]
    fn the_table_is_aligned_and_named() {
        let text = filled().with_names(["cat", "dog", "weasel"]).unwrap().to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5);
        let length = lines[0].chars().count();
        assert!(lines[..4].iter().all(|line| line.chars().count() == length), "{text}");
        assert!(lines[3].starts_with("weasel") && lines[3].ends_with("1.0000   0.5000   0.6667"), "{text}");
        assert_eq!(lines[4], "accuracy: 0.6667 of 6 samples");
        assert!(filled().with_names(["one"]).is_err());
    }

    #[test]
    fn other_numbers_of_classes_are_refused() {
        assert!(ConfusionMatrix::new(0).is_err());
        let scores = Tensor::zeros([1, 4], DType::F32).unwrap();
        let text = filled().update(&scores, &Tensor::new([0i64]).unwrap()).unwrap_err().to_string();
        assert_eq!(text, "confusion matrix: expected scores of shape [n, 3, …], received [1, 4]");
    }
}
