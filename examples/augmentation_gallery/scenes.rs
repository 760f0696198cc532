//! What is changed: a picture with labels, and others to mix it with.

use std::f64::consts::TAU;
use std::path::Path;

use ocelli_data::annotation::{Bitmap, BoundingBox, Keypoints, Object, Polygon, Segmentation, Skeleton};
use ocelli_data::augment::{Augment, Letterbox, flip_horizontal};
use ocelli_data::generated::{Background, Shapes};
use ocelli_data::image_io::{ColorMode, Decoder};
use ocelli_data::{Dataset, LabelledDataset, Sample, SampleRng};
use ocelli_examples::Result;

/// Of every picture before it is changed.
pub(crate) const HEIGHT: usize = 240;
pub(crate) const WIDTH: usize = 320;

/// Samples, and what their labels mean.
pub(crate) struct Scenes {
    /// The first one is shown; the others are mixed into it.
    pub(crate) samples: [Sample; 4],
    /// The names of the classes.
    pub(crate) names: Vec<String>,
    /// The keypoints of each class.
    pub(crate) skeletons: Vec<Skeleton>,
}

impl Scenes {
    /// Figures before stripes.
    pub(crate) fn generated(seed: u64) -> Result<Self> {
        let shapes = Shapes {
            samples: 4,
            size: [HEIGHT, WIDTH],
            objects: 4..=4,
            radius: [0.16, 0.26],
            min_visible: 0.7,
            truncate: false,
            background: Background::Stripes { amplitude: 14 },
            seed,
        };
        let samples = [shapes.get(0)?, shapes.get(1)?, shapes.get(2)?, shapes.get(3)?];
        let names = shapes.class_names().to_vec();
        let skeletons = (0..names.len()).map(Shapes::skeleton).collect::<ocelli_data::Result<_>>()?;
        Ok(Scenes { samples, names, skeletons })
    }

    /// A file, in whose middle an oval stands for an object; it is mixed with its mirror image.
    pub(crate) fn of_picture(path: &Path) -> Result<Self> {
        let image = Decoder { mode: ColorMode::Rgb, ..Decoder::default() }.read(path)?;
        let image = Letterbox::new(HEIGHT, WIDTH).apply_image(image, &mut SampleRng::new(0, 0, 0))?;
        let mirrored = Sample { image: flip_horizontal(&image)?, labels: Default::default() };
        let mut sample = Sample::from(image);
        let middle = [WIDTH as f64 / 2.0, HEIGHT as f64 / 2.0];
        let at = |turn: f64| {
            let (sine, cosine) = (turn * TAU).sin_cos();
            [middle[0] + 0.22 * WIDTH as f64 * cosine, middle[1] + 0.3 * HEIGHT as f64 * sine]
        };
        let outline = Segmentation::Polygons(vec![Polygon::new((0..72).map(|i| at(f64::from(i) / 72.0)).collect())?]);
        // Of pixels, as a network would find it; the box is that of the mask.
        let mask = outline.to_rle([HEIGHT, WIDTH])?;
        let place: BoundingBox = mask.bounding_box();
        let ends = [middle, at(0.75), at(0.0), at(0.25), at(0.5)];
        sample.labels.objects.push(Object {
            segmentation: Some(Segmentation::Bitmap(Bitmap::try_from(mask)?)),
            keypoints: Some(Keypoints::visible(ends)?),
            ..Object::new(0, place)
        });
        let skeleton = Skeleton::new("oval", ["middle", "top", "right end", "bottom", "left end"], [[1, 3], [2, 4]])?;
        let samples = [sample.clone(), mirrored, sample.clone(), sample];
        Ok(Scenes { samples, names: vec!["oval".into()], skeletons: vec![skeleton] })
    }
}
