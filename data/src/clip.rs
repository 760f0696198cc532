//! Pictures in a row.

use crate::Sample;
use crate::annotation::Labels;
use crate::image_io::Animation;

/// A clip of a film: its frames in order, and what is known of them together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Clip {
    /// The frames, each with its own labels; the ids of objects tell which are the same in several frames.
    pub frames: Vec<Sample>,
    /// What holds for the whole clip, such as the class of an action.
    pub labels: Labels,
}

impl From<Animation> for Clip {
    /// The pictures of an animated file. The metadata of each have its place among them, counted from 0, as `frame`, and how long it is shown, in milliseconds, as
    /// `delay`.
    ///
    /// ```no_run
    /// use ocelli_data::image_io::Decoder;
    /// use ocelli_data::{Clip, Dataset, VecDataset};
    /// # fn main() -> ocelli_data::Result<()> {
    /// let files = VecDataset::new(vec!["run.gif", "jump.gif"]);
    /// let clips = files.map(|file| Ok(Clip::from(Decoder::default().read_animation(file)?)));
    /// # let _ = clips.get(0)?;
    /// # Ok(())
    /// # }
    /// ```
    fn from(film: Animation) -> Self {
        let frame = |(place, (image, delay)): (usize, (_, f64))| {
            let mut frame = Sample::from(image);
            frame.labels.metadata = [("frame".to_string(), place.into()), ("delay".to_string(), delay.into())].into();
            frame
        };
        let frames = film.frames.into_iter().zip(film.delays).enumerate().map(frame).collect();
        Clip { frames, labels: Labels::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Image;

    #[test]
    fn animations_become_clips() {
        let frames = [1, 2].map(|level| Image::from_u8([1, 1, 1], vec![level]).unwrap()).to_vec();
        let clip = Clip::from(Animation { frames: frames.clone(), delays: vec![40.0, 20.5] });
        assert_eq!(clip.frames.iter().map(|frame| frame.image.clone()).collect::<Vec<_>>(), frames);
        let metadata = &clip.frames[1].labels.metadata;
        assert_eq!((&metadata["frame"], &metadata["delay"], metadata.len()), (&1.into(), &20.5.into(), 2));
        assert_eq!(clip.labels, Labels::default());
    }
}
