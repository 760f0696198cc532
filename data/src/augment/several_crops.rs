//! Several pieces of one picture, of whose predictions the mean is taken.

use serde::{Deserialize, Serialize};

use super::flip::{flip_horizontal, flip_vertical};
use super::geometry::{self, Geometry, Moves};
use super::{Fill, Keep};
use crate::annotation::Skeleton;
use crate::{Error, Image, Result, Sample};

/// The four corners and the middle of a picture: torchvision's `FiveCrop`. Labels follow each piece; one picture becomes several, so that this is no
/// [`Augment`](super::Augment).
///
/// ```
/// use ocelli_data::Dataset;
/// use ocelli_data::augment::FiveCrop;
/// use ocelli_data::generated::Shapes;
/// # fn main() -> ocelli_data::Result<()> {
/// let five = FiveCrop::new(40, 40);
/// let pieces = Shapes::default().map(move |sample| five.crops(&sample)).get(0)?;
/// assert!(pieces.iter().all(|piece| piece.image.size() == [40, 40]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FiveCrop {
    /// Rows of each piece.
    pub height: usize,
    /// Columns of each piece.
    pub width: usize,
    /// Which objects stay.
    #[serde(default)]
    pub keep: Keep,
}

impl FiveCrop {
    /// Pieces of this size.
    pub fn new(height: usize, width: usize) -> Self {
        FiveCrop { height, width, keep: Keep::default() }
    }

    /// The pieces in torchvision's order: top left, top right, bottom left, bottom right, middle.
    ///
    /// # Errors
    /// [`Error::Argument`] if the picture is smaller, or a mask has another size than the picture.
    pub fn crops(&self, sample: &Sample) -> Result<[Sample; 5]> {
        let size = [self.height, self.width];
        let crop = |[row, column]: [usize; 2]| {
            let piece = Moves::crop(size, [row as i64, column as i64], Fill::black());
            geometry::apply(sample.clone(), &piece, &self.keep, None)
        };
        let [a, b, c, d, e] = five_starts(sample.image.size(), size)?;
        Ok([crop(a)?, crop(b)?, crop(c)?, crop(d)?, crop(e)?])
    }
}

/// What [`FiveCrop`] gives of a picture, then of its mirror image: torchvision's `TenCrop`. Labels follow each piece.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenCrop {
    /// Rows of each piece.
    pub height: usize,
    /// Columns of each piece.
    pub width: usize,
    /// Whether top and bottom are swapped in the mirror image, not left and right.
    #[serde(default)]
    pub vertical: bool,
    /// Which keypoint each one becomes in the mirror image, as [`HorizontalFlip::mirror`](super::HorizontalFlip::mirror).
    #[serde(default)]
    pub mirror: Option<Vec<usize>>,
    /// Which objects stay.
    #[serde(default)]
    pub keep: Keep,
}

impl TenCrop {
    /// Pieces of this size, of the picture and of that with left and right swapped.
    pub fn new(height: usize, width: usize) -> Self {
        TenCrop { height, width, vertical: false, mirror: None, keep: Keep::default() }
    }

    /// With keypoints of this skeleton: what is left becomes right in the mirror image.
    #[must_use]
    pub fn with_skeleton(self, skeleton: &Skeleton) -> Self {
        TenCrop { mirror: Some(skeleton.flip().to_vec()), ..self }
    }

    /// The pieces in torchvision's order.
    ///
    /// # Errors
    /// As [`FiveCrop::crops`]; [`Error::Argument`] if an object has another number of keypoints than `mirror`.
    pub fn crops(&self, sample: &Sample) -> Result<[Sample; 10]> {
        let five = FiveCrop { height: self.height, width: self.width, keep: self.keep };
        let moves = Moves::flip(sample.image.size(), [self.vertical, !self.vertical]);
        let [a, b, c, d, e] = five.crops(sample)?;
        let mirrored = geometry::apply(sample.clone(), &moves, &Keep::ALL, self.mirror.as_deref())?;
        let [f, g, h, i, j] = five.crops(&mirrored)?;
        Ok([a, b, c, d, e, f, g, h, i, j])
    }
}

/// The four corners and the middle of a picture, each of `[height, width]`: [`FiveCrop`] for pictures of which nothing else is known.
///
/// # Errors
/// [`Error::Argument`] if the picture is smaller.
pub fn five_crop(image: &Image, size: [usize; 2]) -> Result<[Image; 5]> {
    let [a, b, c, d, e] = five_starts(image.size(), size)?
        .map(|start| Moves::crop(size, start.map(|at| at as i64), Fill::black()).image(image));
    Ok([a?, b?, c?, d?, e?])
}

/// `[row, column]` of the first pixel of each of [`five_crop`]'s pieces.
pub(super) fn five_starts([height, width]: [usize; 2], size: [usize; 2]) -> Result<[[usize; 2]; 5]> {
    let (Some(bottom), Some(right)) = (height.checked_sub(size[0]), width.checked_sub(size[1])) else {
        let message = format!("expected an image of at least {}x{}, received {height}x{width}", size[0], size[1]);
        return Err(Error::argument("five crop", message));
    };
    let middle = |room: usize| (room as f64 / 2.0).round_ties_even() as usize;
    Ok([[0, 0], [0, right], [bottom, 0], [bottom, right], [middle(bottom), middle(right)]])
}

/// What [`five_crop`] gives of a picture, then of its mirror image (left and right swapped, or, if `vertical`, top and bottom): [`TenCrop`] for pictures of
/// which nothing else is known.
///
/// # Errors
/// As [`five_crop`].
pub fn ten_crop(image: &Image, size: [usize; 2], vertical: bool) -> Result<Vec<Image>> {
    let mirrored = if vertical { flip_vertical(image)? } else { flip_horizontal(image)? };
    Ok(five_crop(image, size)?.into_iter().chain(five_crop(&mirrored, size)?).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pixels;
    use crate::annotation::{BoundingBox, BoxFormat, ClassMap, Keypoints, Object, Rle, Segmentation};

    #[test]
    fn corners_and_middle() {
        let image = Image::from_u8([3, 3, 1], (1..=9).collect()).unwrap();
        let firsts = |images: &[Image]| -> Vec<i64> {
            images.iter().map(|image| image.to_tensor().unwrap().item::<i64>().unwrap()).collect()
        };
        assert_eq!(firsts(&five_crop(&image, [1, 1]).unwrap()), [1, 3, 7, 9, 5]);
        assert_eq!(firsts(&ten_crop(&image, [1, 1], false).unwrap()), [1, 3, 7, 9, 5, 3, 1, 9, 7, 5]);
        assert_eq!(firsts(&ten_crop(&image, [1, 1], true).unwrap()), [1, 3, 7, 9, 5, 7, 9, 1, 3, 5]);
        let text = five_crop(&image, [4, 1]).unwrap_err().to_string();
        assert!(text.ends_with("at least 4x1, received 3x3"), "{text}");
    }

    #[test]
    fn labels_follow_each_piece() {
        // The number of a pixel tells its place.
        let mut sample = Sample::from(Image::from_u8([6, 8, 1], (0..48).collect()).unwrap());
        let place = BoundingBox::new([1.0, 1.0, 5.0, 4.0], BoxFormat::Xyxy).unwrap();
        let mask = Rle::from_box(&place, [6, 8]).unwrap();
        let keypoints = Some(Keypoints::visible([[2.5, 2.5], [4.5, 2.5]]).unwrap());
        let segmentation = Some(Segmentation::Rle(mask));
        sample.labels.objects.push(Object { segmentation, keypoints, ..Object::new(0, place) });
        sample.labels.class_map = Some(ClassMap::new([6, 8], (0..48).collect()).unwrap());
        sample.labels.classes = vec![7];
        let skeleton = Skeleton::new("stick", ["left", "right"], [[0, 1]]).unwrap();
        let pieces = TenCrop::new(4, 4).with_skeleton(&skeleton).crops(&sample).unwrap();
        let five = FiveCrop::new(4, 4).crops(&sample).unwrap();
        assert_eq!(pieces[..5], five);
        let boxes = std::array::from_fn(|number: usize| {
            let piece: &Sample = &pieces[number];
            assert_eq!(piece.labels.classes, [7]);
            let Pixels::U8(pixels) = piece.image.pixels() else { panic!("bytes stay bytes") };
            let map = piece.labels.class_map.as_ref().unwrap();
            assert!(pixels.iter().zip(map.classes()).all(|(&pixel, &class)| u16::from(pixel) == class));
            piece.labels.objects.first().map(|object| {
                let Some(Segmentation::Rle(mask)) = &object.segmentation else { panic!("runs stay runs") };
                assert_eq!(mask.bounding_box(), object.bounding_box);
                for (i, point) in object.keypoints.as_ref().unwrap().points().iter().enumerate() {
                    if point.is_labelled() {
                        // The left one is at pixel 18 of the picture; in a mirror image the right one is.
                        let expected = if number < 5 { [18, 20] } else { [20, 18] };
                        assert_eq!(pixels[point.y as usize * 4 + point.x as usize], expected[i]);
                    }
                }
                object.bounding_box.to_array(BoxFormat::Xyxy)
            })
        });
        let expected = [
            [1.0, 1.0, 4.0, 4.0],
            [0.0, 1.0, 1.0, 4.0],
            [1.0, 0.0, 4.0, 2.0],
            [0.0, 0.0, 1.0, 2.0],
            [0.0, 0.0, 3.0, 3.0],
            [3.0, 1.0, 4.0, 4.0],
            [0.0, 1.0, 3.0, 4.0],
            [3.0, 0.0, 4.0, 2.0],
            [0.0, 0.0, 3.0, 2.0],
            [1.0, 0.0, 4.0, 3.0],
        ];
        assert_eq!(boxes, expected.map(Some));
        let upside = TenCrop { vertical: true, ..TenCrop::new(4, 4) }.crops(&sample).unwrap();
        let images = upside.map(|piece| piece.image);
        assert_eq!(images.to_vec(), ten_crop(&sample.image, [4, 4], true).unwrap());
        let strict = FiveCrop { keep: Keep { min_visible: 0.7, ..Keep::default() }, ..FiveCrop::new(4, 4) };
        let left = strict.crops(&sample).unwrap().map(|piece| piece.labels.objects.len());
        assert_eq!(left, [1, 0, 0, 0, 1]);
        assert!(FiveCrop::new(7, 4).crops(&sample).is_err());
        let other = TenCrop::new(4, 4).with_skeleton(&Skeleton::coco_person()).crops(&sample).unwrap_err();
        assert!(other.to_string().contains("17 keypoints"), "{other}");
    }

    #[test]
    fn settings_come_back_from_json() {
        let ten: TenCrop = serde_json::from_str(r#"{"height": 4, "width": 5}"#).unwrap();
        assert_eq!(ten, TenCrop::new(4, 5));
        let text = serde_json::to_string(&TenCrop { vertical: true, mirror: Some(vec![1, 0]), ..ten.clone() }).unwrap();
        assert_eq!(serde_json::from_str::<TenCrop>(&text).unwrap().mirror, Some(vec![1, 0]));
        assert!(serde_json::from_str::<FiveCrop>(r#"{"height": 4, "width": 5, "vertical": true}"#).is_err());
    }
}
