//! How much memory samples take.

use ocelli_tensor::Tensor;

use crate::annotation::{Labels, Object, Segmentation};
use crate::{Clip, Image, Pixels, Sample};

/// What tells how much memory it takes.
pub trait InMemory {
    /// About how many bytes it has in memory, what it points to among them.
    fn bytes(&self) -> usize;
}

impl InMemory for Image {
    fn bytes(&self) -> usize {
        let pixels = match self.pixels() {
            Pixels::U8(pixels) => size_of_val(&pixels[..]),
            Pixels::F32(pixels) => size_of_val(&pixels[..]),
        };
        size_of::<Image>() + pixels
    }
}

impl InMemory for Tensor {
    fn bytes(&self) -> usize {
        size_of::<Tensor>() + self.numel() * self.dtype().size()
    }
}

impl InMemory for usize {
    fn bytes(&self) -> usize {
        size_of::<usize>()
    }
}

impl<A: InMemory, B: InMemory> InMemory for (A, B) {
    fn bytes(&self) -> usize {
        self.0.bytes() + self.1.bytes()
    }
}

impl InMemory for Object {
    fn bytes(&self) -> usize {
        let segmentation = match &self.segmentation {
            Some(Segmentation::Polygons(polygons)) => {
                polygons.iter().map(|polygon| size_of_val(polygon) + size_of_val(polygon.points())).sum()
            }
            Some(Segmentation::Rle(mask)) => size_of_val(mask.counts()),
            Some(Segmentation::Bitmap(mask)) => mask.pixels().len(),
            None => 0,
        };
        let keypoints = self.keypoints.as_ref().map_or(0, |keypoints| size_of_val(keypoints.points()));
        size_of::<Object>() + segmentation + keypoints + written(&self.attributes)
    }
}

impl InMemory for Labels {
    fn bytes(&self) -> usize {
        let objects: usize = self.objects.iter().map(InMemory::bytes).sum();
        let class_map = self.class_map.as_ref().map_or(0, |map| size_of_val(map.classes()));
        size_of::<Labels>() + size_of_val(&self.classes[..]) + objects + class_map + written(&self.metadata)
    }
}

impl InMemory for Sample {
    fn bytes(&self) -> usize {
        self.image.bytes() + self.labels.bytes()
    }
}

impl InMemory for Clip {
    fn bytes(&self) -> usize {
        self.labels.bytes() + self.frames.iter().map(InMemory::bytes).sum::<usize>()
    }
}

/// Of free-form entries, twice the length of their text stands for what they take.
fn written(entries: &std::collections::BTreeMap<String, serde_json::Value>) -> usize {
    entries.iter().map(|(name, value)| 2 * (name.len() + value.to_string().len()) + size_of_val(value)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dataset;
    use crate::generated::Shapes;

    #[test]
    fn what_takes_more_counts_more() {
        let image = Image::from_u8([10, 20, 1], vec![0; 200]).unwrap();
        assert_eq!(image.bytes() - size_of::<Image>(), 200);
        assert_eq!(image.clone().into_float().bytes() - size_of::<Image>(), 800);
        assert_eq!((image.clone(), 3usize).bytes(), image.bytes() + 8);
        let mut sample = Shapes::default().get(0).unwrap();
        let all = sample.bytes();
        // Three bytes of colour and two of class for each pixel.
        assert!((5 * 4096..6 * 4096).contains(&all), "{all}");
        sample.labels.metadata.insert("text".into(), "x".repeat(1000).into());
        assert!(sample.bytes() >= all + 1000);
        sample.labels.metadata.clear();
        sample.labels.class_map = None;
        assert_eq!(sample.bytes(), all - 2 * 4096);
        let clip = Clip { frames: vec![sample.clone(), sample.clone()], ..Clip::default() };
        assert_eq!(clip.bytes(), 2 * sample.bytes() + size_of::<Labels>());
    }
}
