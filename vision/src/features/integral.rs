//! The integral image, also called summed-area table (F. Crow, SIGGRAPH 1984; P. Viola and M. Jones, CVPR 2001).

use ocelli_tensor::{DType, Device, Element, Error as TensorError, PadMode, Tensor};

use crate::{Error, Result};

/// The sums over all rectangles that begin at the upper left corner: `[..., H, W]` becomes `[..., H + 1, W + 1]`, whose element `(y, x)` is the
/// sum over the rows before `y` and the columns before `x`, as OpenCV's `integral`. The first row and column are 0.
///
/// Integers and `bool` become `i64`, exactly; floats become `f64`, since what is read later are differences of large sums. Adapters have no
/// `f64`: the sums of floats lie on the CPU, those of integers on the picture's device.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::features::{box_sums, integral_image};
/// # fn main() -> ocelli_vision::Result<()> {
/// let image = Tensor::new([[1u8, 2, 3], [4, 5, 6]])?;
/// let sums = integral_image(&image)?;
/// assert_eq!(sums.shape()[..], [3, 4]);
/// let boxes = Tensor::new([[1i64, 0, 3, 2], [0, 1, 1, 2]])?;
/// assert_eq!(box_sums(&sums, &boxes)?.to_vec::<i64>()?, [16, 4]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless the picture has at least two axes.
pub fn integral_image(image: &Tensor) -> Result<Tensor> {
    if image.rank() < 2 {
        return Err(TensorError::shape("integral_image", "a picture of shape [..., H, W]", image.shape()).into());
    }
    let wide = if image.dtype().is_float() {
        image.to_device(Device::Cpu)?.to_dtype(DType::F64)?
    } else {
        image.to_dtype(DType::I64)?
    };
    Ok(wide.cumsum(-2)?.cumsum(-1)?.pad(&[(1, 0), (1, 0)], PadMode::Constant(0.0))?)
}

/// The sums over boxes (`[N, 4]` of integers: left, top, right, bottom; right and bottom do not belong to the box) of the picture whose integral
/// image `[..., H + 1, W + 1]` this is: a tensor `[..., N]` of its dtype, on its device. An empty box has the sum 0.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::features::{box_sums, integral_image};
/// # fn main() -> ocelli_vision::Result<()> {
/// let sums = integral_image(&Tensor::new([[1u8, 2, 3], [4, 5, 6]])?)?;
/// // The whole picture, its last column, nothing.
/// let boxes = Tensor::new([[0i64, 0, 3, 2], [2, 0, 3, 2], [1, 1, 1, 1]])?;
/// assert_eq!(box_sums(&sums, &boxes)?.to_vec::<i64>()?, [21, 9, 0]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless the sums are of `i64` or `f64`, the boxes of integers, and each box lies in the picture with `x1 ≤ x2`, `y1 ≤ y2`.
pub fn box_sums(sums: &Tensor, boxes: &Tensor) -> Result<Tensor> {
    match sums.dtype() {
        DType::I64 => sums_of::<i64>(sums, boxes, |a, b, c, d| a.wrapping_sub(b).wrapping_sub(c).wrapping_add(d)),
        DType::F64 => sums_of::<f64>(sums, boxes, |a, b, c, d| a - b - c + d),
        dtype => Err(TensorError::dtype("box_sums", "sums of i64 or f64, as integral_image gives them", dtype).into()),
    }
}

fn sums_of<T: Element>(sums: &Tensor, boxes: &Tensor, mix: impl Fn(T, T, T, T) -> T) -> Result<Tensor> {
    const OP: &str = "box_sums";
    let shape = sums.shape();
    let (rows, columns) = match shape[..] {
        [.., rows, columns] if rows > 0 && columns > 0 => (rows, columns),
        _ => return Err(TensorError::shape(OP, "sums of shape [..., H + 1, W + 1]", shape).into()),
    };
    if !boxes.dtype().is_integer() {
        return Err(TensorError::dtype(OP, "boxes of an integer dtype", boxes.dtype()).into());
    }
    let count = match boxes.shape()[..] {
        [count, 4] => count,
        _ => return Err(TensorError::shape(OP, "boxes of shape [N, 4]", boxes.shape()).into()),
    };
    let corners = boxes.to_dtype(DType::I64)?.to_vec::<i64>()?;
    let mut places = Vec::with_capacity(count);
    for (i, corner) in corners.chunks_exact(4).enumerate() {
        let inside = |at: i64, size: usize| usize::try_from(at).ok().filter(|&at| at < size);
        let place = match (inside(corner[0], columns), inside(corner[1], rows)) {
            (Some(x1), Some(y1)) => inside(corner[2], columns)
                .zip(inside(corner[3], rows))
                .filter(|&(x2, y2)| x1 <= x2 && y1 <= y2)
                .map(|(x2, y2)| [y2 * columns + x2, y1 * columns + x2, y2 * columns + x1, y1 * columns + x1]),
            _ => None,
        };
        let message = || {
            let (height, width) = (rows - 1, columns - 1);
            format!(
                "expected boxes with x1 <= x2 and y1 <= y2 in a picture of {height}x{width}, received {corner:?} as box {i}"
            )
        };
        places.push(place.ok_or_else(|| Error::argument(OP, message()))?);
    }
    let values = sums.to_vec::<T>()?;
    let planes = values.chunks_exact(rows * columns);
    let found = planes.flat_map(|s| places.iter().map(|&[a, b, c, d]| mix(s[a], s[b], s[c], s[d]))).collect();
    let mut result: Vec<usize> = shape[..shape.len() - 2].to_vec();
    result.push(count);
    Ok(Tensor::from_vec::<T>(found, result.as_slice())?.to_device(sums.device())?)
}
