//! Films as folders of frames.

use std::path::{Path, PathBuf};

use super::ClipSampling;
use crate::readers::csv_labels::Table;
use crate::readers::files::{self, Kind, at, decode, lines, listing, number, within};
use crate::readers::list::split_folder;
use crate::readers::{Changes, Options, picture};
use crate::{Dataset, Error, Image, Result, SampleRng};

/// Some frames of a film.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    /// The frames in their order.
    pub frames: Vec<Image>,
    /// Their places in the film, counted from 0.
    pub places: Vec<usize>,
    /// The number of the film.
    pub film: usize,
    /// What it shows, if that is told.
    pub class: Option<usize>,
}

/// A film in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoEntry {
    /// The folder of its frames, below the root.
    pub folder: String,
    /// The name of its class.
    pub class: Option<String>,
}

/// Films whose frames are pictures in a folder for each, in the order of their names; a sample is a [`Clip`].
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
    /// [`Error::Io`] if a folder cannot be read; [`Error::Argument`] for a sampling without frames; [`Error::Format`] for a film without frames or of
    /// no class of the list, which [`Options::policy`] may leave out.
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

    /// Opens the films of a list: see [`ucf_list`] and [`kinetics_list`]. Without [`Options::classes`] the classes are those of the list, sorted.
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
            let frames = frames(&folder, options)?.len();
            let refused = match class {
                Some(Err(name)) => Some(format!("expected a class of the list, received {name:?}")),
                _ if frames == 0 => Some("expected frames, received a folder without any".to_string()),
                _ => None,
            };
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
        let frames = places.iter().map(|&place| picture::read(&files[place], &self.options)).collect::<Result<_>>()?;
        Ok(Clip { frames, places, film, class })
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

/// Reads a list of UCF101 (K. Soomro et al., 2012), `trainlist01.txt` or `testlist01.txt`: lines `CLASS/FILM.avi NUMBER`, the number being optional. Frames
/// are expected in the folder `CLASS/FILM`; `name` is what errors call the file.
///
/// # Errors
/// [`Error::Format`] with the line.
pub fn ucf_list(name: impl AsRef<Path>, bytes: &[u8]) -> Result<Vec<VideoEntry>> {
    let path = name.as_ref();
    let text = decode(path, bytes)?;
    let entry = |(line, entry): (usize, &str)| {
        // Names of films have no space, but numbers follow them.
        let (film, rest) = entry.split_once(char::is_whitespace).unwrap_or((entry, ""));
        let broken = || at(path, line, format!("expected CLASS/FILM.avi and a number, received {entry:?}"));
        if !rest.trim().is_empty() && rest.trim().parse::<u32>().is_err() {
            return Err(broken());
        }
        within(Path::new(""), film).map_err(|message| at(path, line, message))?;
        let (class, _) = film.split_once('/').ok_or_else(broken)?;
        let folder = film.strip_suffix(".avi").unwrap_or(film);
        Ok(VideoEntry { folder: folder.into(), class: Some(class.into()) })
    };
    lines(&text).map(entry).collect()
}

/// Reads a list of Kinetics (W. Kay et al., 2017): a CSV file with `label`, `youtube_id`, `time_start` and `time_end`. Frames are expected in the folder
/// `LABEL/YOUTUBEID_000010_000020`; lists without labels (of the test set) name folders without one. `name` is what errors call the file.
///
/// # Errors
/// [`Error::Format`] with the line.
pub fn kinetics_list(name: impl AsRef<Path>, bytes: &[u8]) -> Result<Vec<VideoEntry>> {
    let path = name.as_ref();
    let mut table = Table::open(path, bytes)?;
    let label = table.column("label").ok();
    let [id, start, end] = [table.column("youtube_id")?, table.column("time_start")?, table.column("time_end")?];
    let mut entries = Vec::new();
    while let Some((line, row)) = table.next()? {
        let fail = |message: String| at(path, line as usize, message);
        let second = |text: &str| match number(text) {
            Ok(second) if (0.0..1e6).contains(&second) && second.fract() == 0.0 => Ok(second as u32),
            _ => Err(fail(format!("expected whole seconds, received {text:?}"))),
        };
        let film = format!(
            "{}_{:06}_{:06}",
            files::plain_name(&row[id]).map_err(fail)?,
            second(&row[start])?,
            second(&row[end])?
        );
        let class = label.map(|label| &row[label]).filter(|label| !label.is_empty());
        let folder = match class {
            Some(class) => format!("{}/{film}", files::plain_name(class).map_err(fail)?),
            None => film,
        };
        entries.push(VideoEntry { folder, class: class.map(String::from) });
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readers::Policy;
    use ocelli_tensor::{DType, Tensor};

    fn film(root: &Path, folder: &str, frames: usize) {
        let folder = root.join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        for i in 0..frames {
            let frame = Tensor::full([1, 2, 3], i as i64, DType::U8).unwrap();
            crate::image_io::write_png(folder.join(format!("frame_{i}.png")), &frame).unwrap();
        }
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
        assert_eq!((clip.places, clip.film, clip.class), (vec![8, 9, 10, 11], 0, Some(0)));
        let level = |image: &Image| (image.to_f32()[0] * 255.0).round() as usize;
        assert_eq!(clip.frames.iter().map(level).collect::<Vec<_>>(), [8, 9, 10, 11]);
        assert_eq!(data.get(3).unwrap().places, [0, 1, 2, 2]);
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
    fn lists() {
        let films = ucf_list("l.txt", b"Jump/v_a.avi 1\nRun/v_b.avi\n").unwrap();
        assert_eq!(films[0], VideoEntry { folder: "Jump/v_a".into(), class: Some("Jump".into()) });
        assert!(ucf_list("l.txt", b"a.avi 1\n").unwrap_err().to_string().contains("line 1"));
        assert!(ucf_list("l.txt", b"A/b.avi x\n").is_err() && ucf_list("l.txt", b"A/../../b.avi 1\n").is_err());
        let csv = b"label,youtube_id,time_start,time_end,split\nriding a bike,x_-1,10,20,train\n";
        let films = kinetics_list("k.csv", csv).unwrap();
        assert_eq!(films[0].folder, "riding a bike/x_-1_000010_000020");
        assert!(
            kinetics_list("k.csv", b"youtube_id,time_start,time_end\nx,1.5,2\n")
                .unwrap_err()
                .to_string()
                .contains("line 2")
        );
        assert_eq!(kinetics_list("k.csv", b"youtube_id,time_start,time_end\nx,1,2\n").unwrap()[0].class, None);
    }
}
