//! Data sets that lie in memory.

use ocelli_tensor::Tensor;

use crate::{Dataset, Error, Result};

/// The elements of a vector.
#[derive(Debug, Clone, Default)]
pub struct VecDataset<T>(Vec<T>);

impl<T> VecDataset<T> {
    /// A data set of these samples.
    pub fn new(items: Vec<T>) -> Self {
        VecDataset(items)
    }

    /// The samples.
    pub fn items(&self) -> &[T] {
        &self.0
    }
}

impl<T: Clone + Send + Sync> Dataset for VecDataset<T> {
    type Item = T;
    fn len(&self) -> usize {
        self.0.len()
    }
    fn get(&self, index: usize) -> Result<T> {
        Error::check_index(index, self.0.len())?;
        Ok(self.0[index].clone())
    }
}

/// Inputs and targets as two tensors with one sample per row of axis 0. A sample is a pair of views; nothing is copied.
///
/// ```
/// use ocelli_data::{Dataset, TensorDataset};
/// use ocelli_tensor::{DType, Tensor};
/// # fn main() -> ocelli_data::Result<()> {
/// let data = TensorDataset::new(Tensor::zeros([5, 3, 8, 8], DType::F32)?, Tensor::zeros([5], DType::I64)?)?;
/// let (input, target) = data.get(4)?;
/// assert_eq!(input.shape()[..], [3, 8, 8]);
/// assert_eq!(target.rank(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TensorDataset {
    inputs: Tensor,
    targets: Tensor,
}

impl TensorDataset {
    /// Samples from two tensors of shapes `[n, …]`.
    ///
    /// # Errors
    /// [`Error::Tensor`] unless both have an axis 0 of the same size.
    pub fn new(inputs: Tensor, targets: Tensor) -> Result<Self> {
        let (n, m) = (inputs.size(0)?, targets.size(0)?);
        if n != m {
            let message = format!("expected one target for each input, received {n} inputs and {m} targets");
            return Err(Error::argument("tensor data set", message));
        }
        Ok(TensorDataset { inputs, targets })
    }

    /// All inputs.
    pub fn inputs(&self) -> &Tensor {
        &self.inputs
    }

    /// All targets.
    pub fn targets(&self) -> &Tensor {
        &self.targets
    }
}

impl Dataset for TensorDataset {
    type Item = (Tensor, Tensor);
    fn len(&self) -> usize {
        self.inputs.shape()[0]
    }
    fn get(&self, index: usize) -> Result<(Tensor, Tensor)> {
        Error::check_index(index, self.len())?;
        Ok((self.inputs.select(0, index as isize)?, self.targets.select(0, index as isize)?))
    }
}

#[cfg(test)]
mod tests {
    use ocelli_tensor::DType;

    use super::*;

    #[test]
    fn unequal_counts_are_refused() {
        let x = Tensor::zeros([3, 2], DType::F32).unwrap();
        let y = Tensor::zeros([4], DType::I64).unwrap();
        let text = TensorDataset::new(x.clone(), y).err().map(|e| e.to_string());
        assert!(text.is_some_and(|text| text.contains("3 inputs and 4 targets")));
        assert!(TensorDataset::new(x, Tensor::new(1.0f32).unwrap()).is_err());
    }

    #[test]
    fn samples_are_rows() {
        let x = Tensor::arange(0, 6, 1).unwrap().reshape([3, 2]).unwrap();
        let y = Tensor::arange(0, 3, 1).unwrap();
        let data = TensorDataset::new(x, y).unwrap();
        let (x, y) = data.get(2).unwrap();
        assert_eq!(x.to_vec::<i64>().unwrap(), [4, 5]);
        assert_eq!(y.item::<i64>().unwrap(), 2);
        assert!(data.get(3).is_err());
    }
}
