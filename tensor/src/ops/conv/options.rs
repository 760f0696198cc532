//! How a window moves over its input: stride, padding, dilation, groups.

use smallvec::SmallVec;

use super::padding::{Padding, Pairs, PerAxis, extent};
use crate::{Error, Result, Shape};

/// Stride, padding, dilation and groups of a convolution; by default 1, none, 1 and 1.
///
/// ```
/// use ocelli_tensor::{ConvOptions, Padding};
///
/// let strided = ConvOptions::new().stride(2).padding(1);
/// let anisotropic = ConvOptions::new().stride([2, 1]).padding([(0, 1), (1, 1)]).dilation(2);
/// let depthwise = ConvOptions::new().padding(Padding::Same).groups(32);
/// # let _ = (strided, anisotropic, depthwise);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConvOptions {
    /// Distance between neighbouring windows.
    pub stride: PerAxis,
    /// Zeros around the input.
    pub padding: Padding,
    /// Distance between neighbouring places of one window.
    pub dilation: PerAxis,
    /// Into how many groups the channels fall, each convolved on its own.
    pub groups: usize,
}

impl Default for ConvOptions {
    fn default() -> Self {
        ConvOptions { stride: 1.into(), padding: Padding::Valid, dilation: 1.into(), groups: 1 }
    }
}

/// The options as numbers, one per spatial axis.
pub(crate) struct Resolved {
    pub(crate) stride: SmallVec<[usize; 3]>,
    pub(crate) dilation: SmallVec<[usize; 3]>,
    pub(crate) padding: Pairs,
}

impl ConvOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// With this distance between windows.
    pub fn stride(mut self, stride: impl Into<PerAxis>) -> Self {
        self.stride = stride.into();
        self
    }

    /// With these zeros around the input.
    pub fn padding(mut self, padding: impl Into<Padding>) -> Self {
        self.padding = padding.into();
        self
    }

    /// With this distance between places of a window.
    pub fn dilation(mut self, dilation: impl Into<PerAxis>) -> Self {
        self.dilation = dilation.into();
        self
    }

    /// With so many groups of channels.
    pub fn groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }

    /// The shape of [`Tensor::conv`](crate::Tensor::conv)'s result for an input `[N, C, spatial…]` and a weight
    /// `[O, C / groups, kernel…]`: `(input + padding - dilation · (kernel - 1) - 1) / stride + 1` along each spatial axis.
    ///
    /// # Errors
    /// As [`Tensor::conv`](crate::Tensor::conv).
    pub fn output_shape(&self, input: &Shape, weight: &Shape) -> Result<Shape> {
        self.check("conv", input, weight).map(|(shape, _)| shape)
    }

    /// The shape of [`Tensor::conv_transpose`](crate::Tensor::conv_transpose)'s result for an input `[N, C, spatial…]` and
    /// a weight `[C, O / groups, kernel…]`, and the explicit options of the convolution that leads back from it.
    ///
    /// Along each spatial axis the result is `(input - 1) · stride - padding + dilation · (kernel - 1) + 1 + output padding`
    /// long; with [`Padding::Same`] it is `input · stride`.
    ///
    /// # Errors
    /// As [`Tensor::conv_transpose`](crate::Tensor::conv_transpose).
    pub fn transposed_shape(
        &self,
        input: &Shape,
        weight: &Shape,
        output_padding: &PerAxis,
    ) -> Result<(Shape, ConvOptions)> {
        const OP: &str = "conv_transpose";
        check_ranks(OP, input, weight)?;
        self.check_groups(OP, weight[0])?;
        if input[1] != weight[0] {
            let expected = format!("an input of {} channels for weight {weight}", weight[0]);
            return Err(Error::shape(OP, expected, input));
        }
        let axes = input.rank() - 2;
        let stride = self.stride.resolve(OP, "stride", axes, 1)?;
        let dilation = self.dilation.resolve(OP, "dilation", axes, 1)?;
        let extra = output_padding.resolve(OP, "output padding", axes, 0)?;
        let kernel = &weight[2..];
        // The length that `Same` asks for is that of the input which a convolution would take to this one's size.
        let same: SmallVec<[usize; 3]> = (0..axes).map(|i| input[i + 2].saturating_mul(stride[i])).collect();
        let mut padding = self.padding.resolve(OP, &same, kernel, &stride, &dilation)?;
        let mut shape: SmallVec<[usize; 5]> = SmallVec::new();
        shape.extend([input[0], weight[1].saturating_mul(self.groups)]);
        for i in 0..axes {
            // Output padding takes back padding at the end first: the same places, said another way.
            let back = extra[i].min(padding[i].1);
            padding[i].1 -= back;
            let extra = extra[i] - back;
            if extra >= stride[i] {
                let message = format!(
                    "expected an output padding smaller than the stride {} (beyond the padding), received {extra}",
                    stride[i]
                );
                return Err(Error::argument(OP, message));
            }
            if self.padding == Padding::Same && back == 0 && extra == 0 {
                shape.push(same[i]);
                continue;
            }
            let full = input[i + 2]
                .saturating_sub(1)
                .saturating_mul(stride[i])
                .saturating_add(extent(kernel[i], dilation[i]))
                .saturating_add(extra);
            let size = full.checked_sub(padding[i].0 + padding[i].1);
            match size {
                Some(size) if size > 0 && input[i + 2] > 0 && kernel[i] > 0 => shape.push(size),
                _ => {
                    let expected = format!(
                        "an input that is longer than the padding {:?} takes away from its result (weight {weight})",
                        padding.as_slice()
                    );
                    return Err(Error::shape(OP, expected, input));
                }
            }
        }
        let options = ConvOptions {
            stride: stride[..].into(),
            padding: padding[..].into(),
            dilation: dilation[..].into(),
            groups: self.groups,
        };
        Ok((Shape::from(&shape[..]), options))
    }

    fn check_groups(&self, op: &'static str, channels: usize) -> Result<()> {
        if self.groups == 0 || !channels.is_multiple_of(self.groups) {
            let message = format!(
                "expected a number of groups that divides the weight's {channels} channels, received {}",
                self.groups
            );
            return Err(Error::argument(op, message));
        }
        Ok(())
    }

    /// Checks a convolution, and says what it gives.
    pub(crate) fn check(&self, op: &'static str, input: &Shape, weight: &Shape) -> Result<(Shape, Resolved)> {
        check_ranks(op, input, weight)?;
        self.check_groups(op, weight[0])?;
        if weight[1].checked_mul(self.groups) != Some(input[1]) {
            let expected = format!(
                "an input of {} channels for weight {weight} and {} groups",
                weight[1].saturating_mul(self.groups),
                self.groups
            );
            return Err(Error::shape(op, expected, input));
        }
        let axes = input.rank() - 2;
        let stride = self.stride.resolve(op, "stride", axes, 1)?;
        let dilation = self.dilation.resolve(op, "dilation", axes, 1)?;
        let (sizes, kernel) = (&input[2..], &weight[2..]);
        let padding = self.padding.resolve(op, sizes, kernel, &stride, &dilation)?;
        let mut shape: SmallVec<[usize; 5]> = SmallVec::new();
        shape.extend([input[0], weight[0]]);
        for i in 0..axes {
            let padded = sizes[i].saturating_add(padding[i].0).saturating_add(padding[i].1);
            let span = extent(kernel[i], dilation[i]);
            // An empty axis gives an empty axis where the padding makes up for nothing but `same`'s rule of no windows.
            if sizes[i] == 0 && self.padding == Padding::Same && span > 0 {
                shape.push(0);
                continue;
            }
            if span == 0 || span > padded {
                let expected = format!(
                    "a padded input that is not smaller than the kernel (weight {weight}, dilation {:?}, padding {:?})",
                    dilation.as_slice(),
                    padding.as_slice()
                );
                return Err(Error::shape(op, expected, input));
            }
            shape.push((padded - span) / stride[i] + 1);
        }
        let resolved = Resolved { stride, dilation, padding };
        Ok((Shape::from(&shape[..]), resolved))
    }
}

fn check_ranks(op: &'static str, input: &Shape, weight: &Shape) -> Result<()> {
    if !(3..=5).contains(&input.rank()) {
        let expected = "an input [N, C, spatial…] with 1 to 3 spatial axes";
        return Err(Error::shape(op, expected, input));
    }
    if weight.rank() != input.rank() {
        let expected = format!("a weight of the input's rank (input {input})");
        return Err(Error::shape(op, expected, weight));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        let shape = |options: &ConvOptions, x: &[usize], w: &[usize]| {
            options.output_shape(&x.into(), &w.into()).map(|s| s.to_vec())
        };
        let options = ConvOptions::new().stride(2).padding(3);
        let resnet = shape(&options, &[2, 3, 224, 224], &[64, 3, 7, 7]);
        assert_eq!(resnet.unwrap(), [2, 64, 112, 112]);
        let text = shape(&ConvOptions::new(), &[1, 1, 2], &[1, 1, 3]).unwrap_err();
        assert_eq!(
            text.to_string(),
            "conv: expected a padded input that is not smaller than the kernel (weight [1, 1, 3], dilation [1], \
             padding [(0, 0)]), received shape [1, 1, 2]"
        );
        assert!(shape(&ConvOptions::new().stride(0), &[1, 1, 3], &[1, 1, 3]).is_err());
        assert!(shape(&ConvOptions::new().stride(usize::MAX), &[1, 1, 3], &[1, 1, 3]).is_err());
        assert!(shape(&ConvOptions::new().groups(2), &[1, 3, 3], &[1, 1, 3]).is_err());
        let causal = ConvOptions::new().padding(Padding::Causal).dilation(2);
        assert_eq!(shape(&causal, &[1, 1, 9], &[1, 1, 3]).unwrap(), [1, 1, 9]);
        assert!(shape(&causal, &[1, 1, 9, 9], &[1, 1, 3, 3]).is_err());
    }

    #[test]
    fn transposed_shapes_lead_back() {
        let options = ConvOptions::new().stride(2).padding(1);
        let (shape, back) = options.transposed_shape(&[1, 4, 7, 7].into(), &[4, 2, 3, 3].into(), &1.into()).unwrap();
        assert_eq!(shape[..], [1, 2, 14, 14]);
        assert_eq!(back.output_shape(&shape, &[4, 2, 3, 3].into()).unwrap()[..], [1, 4, 7, 7]);
        let same = ConvOptions::new().stride(2).padding(Padding::Same);
        let (shape, _) = same.transposed_shape(&[1, 4, 7, 7].into(), &[4, 2, 3, 3].into(), &0.into()).unwrap();
        assert_eq!(shape[..], [1, 2, 14, 14]);
    }
}
