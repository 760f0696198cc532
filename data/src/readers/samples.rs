//! Pictures of one class each as samples.

use crate::annotation::Labels;
use crate::{Dataset, Error, ImageClassification, LabelledDataset, Record, Result, Sample};

/// What [`mnist`](crate::mnist), [`fashion_mnist`](crate::fashion_mnist) and [`idx`](crate::idx) read, as a data set of samples.
///
/// ```
/// use ocelli_data::readers::ClassificationSamples;
/// use ocelli_data::{Dataset, LabelledDataset, mnist};
/// # fn main() -> ocelli_data::Result<()> {
/// let (train, _) = mnist::embedded()?;
/// let samples = ClassificationSamples::new(train);
/// assert_eq!(samples.record(0)?.labels.classes, [5]);
/// assert_eq!(samples.get(0)?.image.shape(), [28, 28, 1]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ClassificationSamples(ImageClassification);

impl ClassificationSamples {
    /// The same pictures as samples.
    pub fn new(data: ImageClassification) -> Self {
        ClassificationSamples(data)
    }
}

impl Dataset for ClassificationSamples {
    type Item = Sample;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, index: usize) -> Result<Sample> {
        let (image, class) = self.0.get(index)?;
        Ok(Sample { image, labels: Labels { classes: vec![class], ..Labels::default() } })
    }
}

impl LabelledDataset for ClassificationSamples {
    fn record(&self, index: usize) -> Result<Record> {
        Error::check_index(index, self.0.len())?;
        // The last two axes are those of the pictures.
        let shape = self.0.images().shape();
        let size = [shape[shape.len() - 2], shape[shape.len() - 1]];
        let labels = Labels { classes: vec![self.0.label(index)?], ..Labels::default() };
        Ok(Record { path: None, size: Some(size), labels })
    }

    fn class_names(&self) -> &[String] {
        self.0.class_names()
    }
}
