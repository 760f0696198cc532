//! Intersection over union of masks.

use ocelli_tensor::kernels::{build, over_pieces};
use ocelli_tensor::{DType, Device, Error as TensorError, Tensor};

use crate::Result;
use crate::check::require_masks;
use crate::host::filled;

/// The intersection over union of each mask of `a` (`[N, H, W]`) with each of `b` (`[M, H, W]`), as `f32 [N, M]`. A pixel belongs to a mask
/// where it is not 0, in any dtype. Two empty masks have 0. It is counted on the CPU, on bits; the result goes to the device of `a`.
///
/// ```
/// use ocelli_tensor::Tensor;
/// use ocelli_vision::ops::mask_iou_matrix;
/// # fn main() -> ocelli_vision::Result<()> {
/// let masks = Tensor::new([[[true, true], [true, false]], [[true, false], [false, false]]])?;
/// assert_eq!(mask_iou_matrix(&masks, &masks)?.to_vec::<f32>()?, [1.0, 1.0 / 3.0, 1.0 / 3.0, 1.0]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Unless the shapes are these.
pub fn mask_iou_matrix(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let op = "mask_iou_matrix";
    let ([n, ..], [m, ..]) = (require_masks(op, a)?, require_masks(op, b)?);
    if a.shape()[1..] != b.shape()[1..] {
        let expected = format!("masks of the first ones' height and width {:?}", &a.shape()[1..]);
        return Err(TensorError::shape(op, expected, b.shape()).into());
    }
    let (rows, columns) = (packed(a)?, packed(b)?);
    let matrix = build([n, m], |out: &mut [f32]| {
        over_pieces(out, m, &|row, out| {
            for (iou, column) in out.iter_mut().zip(&columns) {
                *iou = rows[row].iou(column);
            }
        });
    })?;
    Ok(matrix.to_device(a.device())?)
}

/// A mask, 64 pixels to a word.
#[derive(Debug, Clone, Default)]
struct Packed {
    words: Vec<u64>,
    area: u64,
}

impl Packed {
    fn iou(&self, other: &Self) -> f32 {
        let shared: u64 = self.words.iter().zip(&other.words).map(|(a, b)| u64::from((a & b).count_ones())).sum();
        let union = self.area + other.area - shared;
        if union == 0 { 0.0 } else { (shared as f64 / union as f64) as f32 }
    }
}

fn packed(masks: &Tensor) -> Result<Vec<Packed>> {
    let count = masks.shape()[0];
    let pixels = masks.numel().checked_div(count).unwrap_or(0);
    let inside = masks.to_device(Device::Cpu)?.to_dtype(DType::Bool)?.to_vec::<bool>()?;
    let mut packed = filled(Packed::default(), count)?;
    over_pieces(&mut packed, 1, &|i, mask| {
        let word = |bits: &[bool]| bits.iter().enumerate().fold(0, |word, (k, &bit)| word | u64::from(bit) << k);
        let words: Vec<u64> = inside[i * pixels..][..pixels].chunks(64).map(word).collect();
        let area = words.iter().map(|word| u64::from(word.count_ones())).sum();
        mask.iter_mut().for_each(|mask| *mask = Packed { words: words.clone(), area });
    });
    Ok(packed)
}
