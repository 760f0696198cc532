//! Films as folders of frames.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{ClipSampling, VideoEntry};
use crate::annotation::Labels;
use crate::readers::files::{self, Kind, listing, within};
use crate::readers::list::split_folder;
use crate::readers::{Changes, Options, picture};
use crate::{Clip, Dataset, Error, Result, Sample, SampleRng};

/// Films whose frames are pictures in a folder for each, in the order of their names; a sample is a [`Clip`].
///
/// A clip's labels have the class of its film, if that is told, and in the metadata the number of its film as `film`; those of its frames have in the metadata
/// their place in the film, counted from 0, as `frame`.
///
/// ```
/// use ocelli_data::augment::RandomCrop;
/// use ocelli_data::readers::Options;
/// use ocelli_data::readers::video::{ClipSampling, VideoFrames};
/// use ocelli_data::{DataLoader, Dataset, StackClips, image_io};
/// use ocelli_tensor::{DType, Tensor};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let root = std::env::temp_dir().join(format!("ocelli-doc-films-{}", std::process::id()));
/// for film in ["jump/first", "run/second"] {
///     std::fs::create_dir_all(root.join(film))?;
///     for frame in 0..8 {
///         image_io::write_png(root.join(format!("{film}/{frame}.png")), &Tensor::full([3, 12, 16], frame, DType::U8)?)?;
///     }
/// }
/// let films = VideoFrames::open(&root, ClipSampling::Uniform { length: 4 }, &Options::default())?;
/// assert_eq!(films.class_names(), ["jump", "run"]);
/// // All frames of a clip are cut out at the same place.
/// let loader = DataLoader::new(films.augment(RandomCrop::new(8, 8, 0)), 2)?.collate(StackClips);
/// for batch in loader.epoch(0) {
///     let batch = batch?;
///     assert_eq!(batch.clips.shape()[..], [2, 3, 4, 8, 8]);
///     assert_eq!(batch.labels[1].classes, [1]);
/// }
/// # std::fs::remove_dir_all(&root)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct VideoFrames {
    films: Vec<Film>,
    /// Where the clips of each film begin among all clips, and how many there are.
    starts: Vec<usize>,
    classes: Vec<String>,
    sampling: ClipSampling,
    options: Options,
    changes: Changes,
}

#[derive(Debug)]
struct Film {
    folder: PathBuf,
    frames: usize,
    class: Option<usize>,
}

impl VideoFrames {
    /// Opens a folder `ROOT/CLASS/FILM/*.jpg`, or `ROOT/SPLIT/CLASS/FILM/*.jpg` for a split.
    ///
    /// # Errors
    /// [`Error::Io`] if a folder cannot be read; [`Error::Argument`] for a sampling without frames; [`Error::Format`] for a film without a folder or
    /// frames or of no class of the list, which [`Options::policy`] may leave out.
    pub fn open(root: impl AsRef<Path>, sampling: ClipSampling, options: &Options) -> Result<Self> {
        let root = split_folder(root.as_ref(), options)?;
        let mut entries = Vec::new();
        for class in listing(&root)?.into_iter().filter(|entry| entry.kind == Kind::Folder) {
            for film in listing(&class.path)?.into_iter().filter(|entry| entry.kind == Kind::Folder) {
                let folder = format!("{}/{}", class.name, film.name);
                entries.push(VideoEntry { folder, class: Some(class.name.clone()) });
            }
        }
        VideoFrames::from_list(&root, &entries, sampling, &Options { split: None, ..options.clone() })
    }

    /// Opens the films of a list: see [`ucf_list`](super::ucf_list) and [`kinetics_list`](super::kinetics_list). Without [`Options::classes`] the classes are those of the list, sorted.
    ///
    /// # Errors
    /// As [`VideoFrames::open`]; [`Error::Format`] if a folder leads out of the root; [`Error::Argument`] if a split is asked for.
    pub fn from_list(
        root: impl AsRef<Path>,
        entries: &[VideoEntry],
        sampling: ClipSampling,
        options: &Options,
    ) -> Result<Self> {
        let root = root.as_ref();
        sampling.check()?;
        options.without_split("list of films")?;
        let classes = options.classes.clone().unwrap_or_else(|| {
            let names: std::collections::BTreeSet<&String> =
                entries.iter().filter_map(|entry| entry.class.as_ref()).collect();
            names.into_iter().cloned().collect()
        });
        let numbers: std::collections::HashMap<&str, usize> = classes.iter().map(String::as_str).zip(0..).collect();
        let (mut films, mut starts, mut changes) = (Vec::with_capacity(entries.len()), vec![0], Changes::default());
        for entry in entries {
            let folder = within(root, &entry.folder).map_err(|message| Error::format(root, message))?;
            let class = entry.class.as_deref().map(|name| numbers.get(name).copied().ok_or(name));
            // Films are taken from the net, so that lists name some which are no longer there.
            let frames = match frames(&folder, options) {
                Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => None,
                frames => Some(frames?.len()),
            };
            let refused = match (class, frames) {
                (Some(Err(name)), _) => Some(format!("expected a class of the list, received {name:?}")),
                (_, None) => Some("expected a folder of frames, received a name of none".to_string()),
                (_, Some(0)) => Some("expected frames, received a folder without any".to_string()),
                _ => None,
            };
            let frames = frames.unwrap_or(0);
            if let Some(message) = refused {
                options
                    .policy
                    .refuse::<()>(&mut changes, || message)
                    .map_err(|message| Error::format(&folder, message))?;
                continue;
            }
            starts.push(starts[starts.len() - 1] + sampling.clips(frames));
            films.push(Film { folder, frames, class: class.and_then(std::result::Result::ok) });
        }
        Ok(VideoFrames { films, starts, classes, sampling, options: options.clone(), changes })
    }

    /// The number of films.
    pub fn films(&self) -> usize {
        self.films.len()
    }

    /// The names of the classes, by number.
    pub fn class_names(&self) -> &[String] {
        &self.classes
    }

    /// How many films were left out.
    pub fn changes(&self) -> Changes {
        self.changes
    }

    /// The number of the film of a clip, and its class: without reading a frame.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn film_of(&self, index: usize) -> Result<(usize, Option<usize>)> {
        Error::check_index(index, self.len())?;
        let film = self.starts.partition_point(|&start| start <= index) - 1;
        Ok((film, self.films[film].class))
    }

    fn clip(&self, index: usize, rng: Option<&mut SampleRng>) -> Result<Clip> {
        let (film, class) = self.film_of(index)?;
        let Film { folder, frames: count, .. } = &self.films[film];
        let files = frames(folder, &self.options)?;
        if files.len() != *count {
            let message = format!("expected {count} frames, as there were, received {}", files.len());
            return Err(Error::format(folder, message));
        }
        let places = self.sampling.frames(*count, index - self.starts[film], rng);
        let frame = |place: usize| {
            let mut frame = Sample::from(picture::read(&files[place], &self.options)?);
            frame.labels.metadata.insert("frame".into(), place.into());
            Ok(frame)
        };
        let frames = places.into_iter().map(frame).collect::<Result<_>>()?;
        let metadata = [("film".to_string(), film.into())].into();
        let labels = Labels { classes: class.into_iter().collect(), metadata, ..Labels::default() };
        Ok(Clip { frames, labels })
    }
}

impl Dataset for VideoFrames {
    type Item = Clip;

    fn len(&self) -> usize {
        self.starts[self.films.len()]
    }

    fn get(&self, index: usize) -> Result<Clip> {
        self.clip(index, None)
    }

    fn get_random(&self, index: usize, rng: &mut SampleRng) -> Result<Clip> {
        self.clip(index, Some(rng))
    }
}

/// The frames of a film, in order: `9.jpg` comes before `10.jpg`.
fn frames(folder: &Path, options: &Options) -> Result<Vec<PathBuf>> {
    let entries = listing(folder)?.into_iter().filter(|entry| entry.kind == Kind::File && entry.is_picture(options));
    // By the number at the end of the name, then by name.
    let mut frames: Vec<(u128, PathBuf)> = entries
        .map(|entry| {
            let stem = files::stem(&entry.path);
            let digits = stem.bytes().rev().take_while(u8::is_ascii_digit).take(30).count();
            (stem[stem.len() - digits..].parse().unwrap_or(0), entry.path)
        })
        .collect();
    frames.sort();
    Ok(frames.into_iter().map(|(_, path)| path).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::RandomCrop;
    use crate::readers::Policy;
    use crate::{DataLoader, MemoryCache, StackClips};
    use ocelli_tensor::{DType, Tensor};

    fn film(root: &Path, folder: &str, frames: usize) {
        let folder = root.join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        for i in 0..frames {
            let frame = Tensor::full([1, 2, 3], i as i64, DType::U8).unwrap();
            crate::image_io::write_png(folder.join(format!("frame_{i}.png")), &frame).unwrap();
        }
    }

    fn places(clip: &Clip) -> Vec<u64> {
        clip.frames.iter().map(|frame| frame.labels.metadata["frame"].as_u64().unwrap()).collect()
    }

    #[test]
    fn clips_of_folders() {
        let root = tempfile::tempdir().unwrap();
        film(root.path(), "jump/a", 12);
        film(root.path(), "run/b", 3);
        let sampling = ClipSampling::Sliding { length: 4, stride: 1, step: 4 };
        let data = VideoFrames::open(root.path(), sampling, &Options::default()).unwrap();
        assert_eq!((data.len(), data.films(), data.class_names().len()), (4, 2, 2));
        let clip = data.get(2).unwrap();
        // Frame 10 comes behind frame 9.
        assert_eq!(places(&clip), [8, 9, 10, 11]);
        assert_eq!((&clip.labels.metadata["film"], &clip.labels.classes[..]), (&0.into(), &[0][..]));
        let level = |frame: &Sample| (frame.image.to_f32()[0] * 255.0).round() as usize;
        assert_eq!(clip.frames.iter().map(level).collect::<Vec<_>>(), [8, 9, 10, 11]);
        let last = data.get(3).unwrap();
        assert_eq!((places(&last), &last.labels.metadata["film"]), (vec![0, 1, 2, 2], &1.into()));
        assert!(data.get(4).is_err());
        let random =
            VideoFrames::open(root.path(), ClipSampling::Random { length: 2, stride: 2 }, &Options::default()).unwrap();
        let mut rng = SampleRng::new(0, 0, 0);
        assert_eq!((random.len(), random.get_random(0, &mut rng).unwrap().frames.len()), (2, 2));
        std::fs::create_dir_all(root.path().join("run/empty")).unwrap();
        let open = |policy| VideoFrames::open(root.path(), sampling, &Options { policy, ..Options::default() });
        assert!(open(Policy::Fail).unwrap_err().to_string().contains("empty: expected frames"));
        assert_eq!(open(Policy::Drop).unwrap().changes().dropped, 1);
    }

    #[test]
    fn films_that_are_missing_go_by_the_policy() {
        let root = tempfile::tempdir().unwrap();
        film(root.path(), "jump/a", 4);
        film(root.path(), "run/c", 4);
        let entry =
            |folder: &str| VideoEntry { folder: folder.into(), class: folder.split('/').next().map(Into::into) };
        let entries = ["jump/a", "jump/b", "run/c"].map(entry);
        let open = |policy| {
            let options = Options { policy, ..Options::default() };
            VideoFrames::from_list(root.path(), &entries, ClipSampling::Uniform { length: 2 }, &options)
        };
        let text = open(Policy::Fail).unwrap_err().to_string();
        assert!(text.contains("jump/b: expected a folder of frames"), "{text}");
        for policy in [Policy::Drop, Policy::Clip] {
            let data = open(policy).unwrap();
            assert_eq!((data.len(), data.films(), data.changes().dropped), (2, 2, 1));
            assert_eq!(data.film_of(1).unwrap(), (1, Some(1)));
        }
        // What is there and cannot be read is an error whatever the policy.
        std::fs::write(root.path().join("jump/b"), "no folder").unwrap();
        assert!(matches!(open(Policy::Drop), Err(Error::Io { .. })));
    }

    #[test]
    fn films_become_batches_are_augmented_and_kept_in_memory() {
        let root = tempfile::tempdir().unwrap();
        // The same picture in all frames, each pixel of another level.
        for name in ["jump/a", "jump/b", "run/c", "run/d"] {
            std::fs::create_dir_all(root.path().join(name)).unwrap();
            let pixels = Tensor::arange(0, 99, 1).unwrap().to_dtype(DType::U8).unwrap().reshape([1, 9, 11]).unwrap();
            for i in 0..6 {
                crate::image_io::write_png(root.path().join(format!("{name}/{i}.png")), &pixels).unwrap();
            }
        }
        let films = || {
            let sampling = ClipSampling::Random { length: 3, stride: 2 };
            VideoFrames::open(root.path(), sampling, &Options::default()).unwrap()
        };
        let plain = DataLoader::new(films(), 4).unwrap().collate(StackClips);
        let batch = plain.epoch(0).next().unwrap().unwrap();
        assert_eq!(batch.clips.shape()[..], [4, 3, 3, 9, 11]);
        let classes: Vec<_> = batch.labels.iter().map(|labels| labels.classes[0]).collect();
        assert_eq!((classes, batch.frames[0].len()), (vec![0, 0, 1, 1], 3));

        let cached = MemoryCache::new(films(), 1 << 20).unwrap();
        let batches = |workers| {
            let cached = MemoryCache::new(films(), 1 << 20).unwrap().augment(RandomCrop::new(5, 5, 0));
            let loader = DataLoader::new(cached, 4).unwrap().seed(1).workers(workers).collate(StackClips);
            loader.epoch(0).next().unwrap().unwrap().clips.to_vec::<f32>().unwrap()
        };
        assert_eq!(batches(0), batches(2));
        let clip = cached.get(0).unwrap();
        assert_eq!((cached.kept(), &clip), (1, &films().get(0).unwrap()));
        let changed = films().augment(RandomCrop::new(5, 5, 0));
        let seen: std::collections::BTreeSet<Vec<u32>> = (0..20)
            .map(|epoch| {
                let clip = changed.get_random(0, &mut SampleRng::new(0, epoch, 0)).unwrap();
                assert!(clip.frames.iter().all(|frame| frame.image == clip.frames[0].image));
                clip.frames[0].image.to_f32().into_iter().map(f32::to_bits).collect()
            })
            .collect();
        assert!(seen.len() > 5, "{}", seen.len());
    }
}
