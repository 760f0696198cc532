//! Order: sorting, the largest few, distinct elements, positions of what is not zero.

use crate::cpu::sort::{key, order_rows};
use crate::dtype::with_element;
use crate::ops::on_cpu::{on_cpu, or_on_cpu};
use crate::{DType, Error, Result, Shape, Tensor, wgpu};

impl Tensor {
    /// The elements sorted along `axis`, and the positions (`i64`) that they had. Equal elements keep their order. NaN counts as
    /// the largest: it comes last when ascending and first when descending, as in PyTorch.
    ///
    /// ```
    /// use ocelli_tensor::Tensor;
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let (values, indices) = Tensor::new([3.0f32, 1.0, 2.0])?.sort(0, false)?;
    /// assert_eq!(values.to_vec::<f32>()?, [1.0, 2.0, 3.0]);
    /// assert_eq!(indices.to_vec::<i64>()?, [1, 2, 0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Axis`] if `axis` is outside `-rank..rank`.
    pub fn sort(&self, axis: isize, descending: bool) -> Result<(Tensor, Tensor)> {
        self.first_in_order("sort", axis, None, descending)
    }

    /// The positions (`i64`) that sort the elements along `axis`; see [`Tensor::sort`].
    ///
    /// # Errors
    /// [`Error::Axis`] if `axis` is outside `-rank..rank`.
    pub fn argsort(&self, axis: isize, descending: bool) -> Result<Tensor> {
        if self.is_on_wgpu() {
            return Ok(self.first_in_order("argsort", axis, None, descending)?.1);
        }
        let axis = self.shape().axis("argsort", axis)? as isize;
        self.positions_in_order(axis, self.size(axis)?, descending)
    }

    /// The `k` largest (or smallest) elements along `axis` in order, and their positions (`i64`); of equal elements the first. NaN
    /// counts as the largest.
    ///
    /// # Errors
    /// [`Error::Axis`] if `axis` is outside `-rank..rank`, [`Error::Argument`] if `k` exceeds the size of the axis.
    pub fn topk(&self, k: usize, axis: isize, largest: bool) -> Result<(Tensor, Tensor)> {
        self.first_in_order("topk", axis, Some(k), largest)
    }

    /// The first `k` (or all) elements in order and their positions, the axis in its place.
    fn first_in_order(
        &self,
        op: &'static str,
        axis: isize,
        k: Option<usize>,
        descending: bool,
    ) -> Result<(Tensor, Tensor)> {
        let axis = self.shape().axis(op, axis)? as isize;
        let n = self.size(axis)?;
        let k = k.unwrap_or(n);
        if k > n {
            let message = format!("expected k of at most {n}, the size of axis {axis}, received {k}");
            return Err(Error::argument(op, message));
        }
        if self.is_on_wgpu() {
            let rows = self.transpose(axis, -1)?.contiguous()?;
            let others: Vec<usize> = (0..rows.rank() - 1).collect();
            let there = || {
                let [values, indices] = wgpu::windows::in_parts([&rows], &others, &|[rows]| {
                    wgpu::sort::first_in_order(&rows.contiguous()?, k, descending).map(<[Tensor; 2]>::from)
                })?;
                Ok((values, indices))
            };
            let (values, indices) =
                or_on_cpu(op, [&rows], there, |[rows]| rows.first_in_order(op, -1, Some(k), descending))?;
            return Ok((values.transpose(axis, -1)?, indices.transpose(axis, -1)?));
        }
        let indices = self.positions_in_order(axis, k, descending)?;
        Ok((self.gather(axis, &indices)?, indices))
    }

    /// On the CPU: positions of the first `k` elements in order, the axis in its place.
    fn positions_in_order(&self, axis: isize, k: usize, descending: bool) -> Result<Tensor> {
        let n = self.size(axis)?;
        let rows = self.transpose(axis, -1)?.contiguous()?;
        let mut shape: Shape = rows.shape().clone();
        shape[self.rank() - 1] = k;
        let indices = with_element!(self.dtype(), T => {
            let x = rows.view::<T>().as_contiguous().unwrap_or_default();
            Tensor::build::<i64>(shape, |out| {
                let keys = |start: usize, keys: &mut [u64]| {
                    for (out, &x) in keys.iter_mut().zip(&x[start..]) {
                        *out = key(x);
                    }
                };
                order_rows((n, k), descending, &keys, out);
                Ok(())
            })
        })?;
        indices.transpose(axis, -1)
    }

    /// The distinct elements, ascending, as one axis. All NaN count as one, as in NumPy.
    ///
    /// On a graphics processor this runs on the CPU, as how many there are must be known before the result has a shape: it waits for
    /// the elements, and brings the result back.
    ///
    /// # Errors
    /// Only if memory runs out.
    pub fn unique(&self) -> Result<Tensor> {
        Ok(self.unique_with_counts()?.0)
    }

    /// The distinct elements, ascending; for every element of this tensor its position among them (`i64`, in the tensor's
    /// shape); and how often each occurs (`i64`). All NaN count as one, as in NumPy. On a graphics processor as [`Tensor::unique`].
    ///
    /// ```
    /// use ocelli_tensor::Tensor;
    /// # fn main() -> ocelli_tensor::Result<()> {
    /// let (values, inverse, counts) = Tensor::new([7i64, 3, 7])?.unique_with_counts()?;
    /// assert_eq!(values.to_vec::<i64>()?, [3, 7]);
    /// assert_eq!(inverse.to_vec::<i64>()?, [1, 0, 1]);
    /// assert_eq!(counts.to_vec::<i64>()?, [1, 2]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Only if memory runs out.
    pub fn unique_with_counts(&self) -> Result<(Tensor, Tensor, Tensor)> {
        if self.is_on_wgpu() {
            return on_cpu("unique", [self], |[x]| x.unique_with_counts());
        }
        let flat = self.reshape([-1])?.contiguous()?;
        let order = flat.argsort(0, false)?.to_vec::<i64>()?;
        let keys: Vec<u64> = with_element!(self.dtype(), T => {
            flat.view::<T>().as_contiguous().unwrap_or_default().iter().map(|&x| key(x)).collect()
        });
        let mut inverse = vec![0i64; order.len()];
        let (mut firsts, mut counts): (Vec<i64>, Vec<i64>) = Default::default();
        let mut last = None;
        for &i in &order {
            let at = i as usize;
            if last != Some(keys[at]) {
                last = Some(keys[at]);
                firsts.push(i);
                counts.push(0);
            }
            inverse[at] = firsts.len() as i64 - 1;
            if let Some(count) = counts.last_mut() {
                *count += 1;
            }
        }
        let distinct = firsts.len();
        let values = flat.index_select(0, &Tensor::from_vec(firsts, [distinct])?)?;
        Ok((values, Tensor::from_vec(inverse, self.shape())?, Tensor::from_vec(counts, [distinct])?))
    }

    /// The positions of the elements that are true (not zero), in logical order, one a row: shape `[count, rank]`, `i64`.
    /// On a graphics processor as [`Tensor::unique`].
    ///
    /// # Errors
    /// Only if memory runs out.
    pub fn nonzero(&self) -> Result<Tensor> {
        if self.is_on_wgpu() {
            return on_cpu("nonzero", [self], |[x]| x.nonzero());
        }
        let truth = self.to_dtype(DType::Bool)?.to_vec::<bool>()?;
        let rank = self.rank();
        let places: Vec<usize> = (0..truth.len()).filter(|&i| truth[i]).collect();
        Tensor::build::<i64>([places.len(), rank], |out| {
            for (i, &place) in places.iter().enumerate() {
                let mut rest = place;
                for axis in (0..rank).rev() {
                    out[i * rank + axis] = (rest % self.shape()[axis]) as i64;
                    rest /= self.shape()[axis];
                }
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_order_as_elements_do() {
        let floats = [f64::NEG_INFINITY, -2.5, -0.0, 1e-300, 3.0, f64::INFINITY, f64::NAN];
        assert!(floats.windows(2).all(|pair| key(pair[0]) < key(pair[1])));
        assert_eq!(key(0.0f32), key(-0.0f32));
        let ints = [i64::MIN, -1, 0, 1, i64::MAX];
        assert!(ints.windows(2).all(|pair| key(pair[0]) < key(pair[1])));
        assert!(key(false) < key(true));
    }
}
