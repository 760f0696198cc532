//! YOLO's cells with priors (Redmon and Farhadi 2016, 2018).

use ocelli_tensor::Tensor;

use super::{over_maps, require_positive, strides};
use crate::{Error, Result};

const OP: &str = "yolo_priors";

/// Boxes of given widths and heights around the middle of every cell: YOLO's priors, one list for each map.
///
/// ```
/// use ocelli_vision::ops::anchors::YoloPriors;
/// # fn main() -> ocelli_vision::Result<()> {
/// let priors = YoloPriors::new(&[vec![[10.0, 20.0]]])?;
/// let boxes = priors.generate([32, 64], &[[1, 2]])?;
/// assert_eq!(boxes.to_vec::<f32>()?, [11.0, 6.0, 21.0, 26.0, 43.0, 6.0, 53.0, 26.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct YoloPriors {
    sizes: Vec<Vec<[f64; 2]>>,
}

impl YoloPriors {
    /// The `[width, height]` in pixels of each map's priors; [`kmeans_anchors`](super::kmeans_anchors) finds some.
    ///
    /// # Errors
    /// Unless each map has one, and all are above 0 and finite.
    pub fn new(sizes: &[Vec<[f64; 2]>]) -> Result<Self> {
        if sizes.is_empty() || sizes.iter().any(Vec::is_empty) {
            return Err(Error::argument(OP, "expected priors for each map, received none"));
        }
        require_positive(OP, "widths and heights", sizes.concat().as_flattened())?;
        Ok(YoloPriors { sizes: sizes.to_vec() })
    }

    /// YOLOv2's five priors for Pascal VOC, in cells of 32 pixels (darknet's `yolov2-voc.cfg`).
    ///
    /// # Errors
    /// None: the numbers are valid.
    pub fn yolo_v2_voc() -> Result<Self> {
        let cells = [[1.3221, 1.73145], [3.19275, 4.00944], [5.05587, 8.09892], [9.47112, 4.84053], [11.2364, 10.0071]];
        YoloPriors::new(&[cells.map(|size| size.map(|side| side * 32.0)).to_vec()])
    }

    /// YOLOv3's three priors for each of three maps, from the finest (stride 8) to the coarsest (stride 32), for COCO.
    ///
    /// # Errors
    /// None: the numbers are valid.
    pub fn yolo_v3_coco() -> Result<Self> {
        YoloPriors::new(&[
            vec![[10.0, 13.0], [16.0, 30.0], [33.0, 23.0]],
            vec![[30.0, 61.0], [62.0, 45.0], [59.0, 119.0]],
            vec![[116.0, 90.0], [156.0, 198.0], [373.0, 326.0]],
        ])
    }

    /// How many priors each cell of each map has.
    pub fn num_anchors_per_location(&self) -> Vec<usize> {
        self.sizes.iter().map(Vec::len).collect()
    }

    /// The boxes of a picture of `[height, width]` pixels whose maps have these `[height, width]` cells: `f32`, `[A, 4]`. A cell is
    /// as large as the picture's size divided by the map's, rounded down.
    ///
    /// # Errors
    /// Unless there is a size for each map, none of them 0 or larger than the picture.
    pub fn generate(&self, picture: [usize; 2], maps: &[[usize; 2]]) -> Result<Tensor> {
        let strides = strides(OP, picture, maps)?;
        over_maps(OP, maps, &self.num_anchors_per_location(), |k, row, column, push| {
            let middle = |i: usize, stride: usize| (i as f64 + 0.5) * stride as f64;
            let (x, y) = (middle(column, strides[k][1]), middle(row, strides[k][0]));
            for [w, h] in &self.sizes[k] {
                push([x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0].map(|corner| corner as f32));
            }
        })
    }
}
