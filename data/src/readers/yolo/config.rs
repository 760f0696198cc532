//! `data.yaml`: the classes of a data set and where its pictures lie.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::annotation::check_flip;
use crate::readers::Options;
use crate::readers::files::{self, Kind, at, decode, lines, listing, within};
use crate::{Error, Result};

/// What a `data.yaml` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct YoloConfig {
    /// The names of the classes.
    pub names: Vec<String>,
    /// How many keypoints an object has, and of how many numbers (2 or 3) each is.
    pub keypoints: Option<[usize; 2]>,
    /// Which keypoint becomes which in a mirror.
    pub flip: Vec<usize>,
    /// Of each split the folders of pictures, or texts that list them.
    pub splits: BTreeMap<String, Vec<String>>,
    /// Where the folders of the splits lie, in the data set.
    pub path: Option<String>,
}

#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    train: Option<OneOrMore>,
    #[serde(default, alias = "valid")]
    val: Option<OneOrMore>,
    #[serde(default)]
    test: Option<OneOrMore>,
    #[serde(default)]
    nc: Option<usize>,
    names: Names,
    #[serde(default)]
    kpt_shape: Option<[usize; 2]>,
    #[serde(default)]
    flip_idx: Vec<usize>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Names {
    List(Vec<String>),
    Map(BTreeMap<usize, String>),
}

impl YoloConfig {
    /// Reads the bytes of a `data.yaml`; `name` is what errors call it.
    ///
    /// # Errors
    /// [`Error::Format`] if it is no YAML, has no names of classes, or they are not those of `0..nc`.
    pub fn parse(name: impl AsRef<Path>, bytes: &[u8]) -> Result<Self> {
        let path = name.as_ref();
        let fail = |message: String| Error::format(path, message);
        let text = decode(path, bytes)?;
        let written: Written = serde_saphyr::from_str(&text).map_err(|error| {
            let message = error.to_string();
            fail(format!(
                "expected YAML with the names of classes, received something else ({})",
                message.lines().next().unwrap_or_default()
            ))
        })?;
        let names = match written.names {
            Names::List(names) => names,
            Names::Map(names) => {
                if let Some((place, (number, _))) =
                    names.iter().enumerate().find(|(place, (number, _))| place != *number)
                {
                    return Err(fail(format!(
                        "expected names of classes 0..{}, received {number} in place of {place}",
                        names.len()
                    )));
                }
                names.into_values().collect()
            }
        };
        if let Some(count) = written.nc.filter(|&count| count != names.len()) {
            return Err(fail(format!("expected names of {count} classes, as nc says, received {}", names.len())));
        }
        if let Some(shape) =
            written.kpt_shape.filter(|&[points, numbers]| points > 100_000 || !(2..=3).contains(&numbers))
        {
            return Err(fail(format!("expected keypoints of 2 or 3 numbers as kpt_shape, received {shape:?}")));
        }
        check_flip(&written.flip_idx).map_err(fail)?;
        if let Some([points, _]) =
            written.kpt_shape.filter(|shape| !written.flip_idx.is_empty() && shape[0] != written.flip_idx.len())
        {
            let received = written.flip_idx.len();
            return Err(fail(format!(
                "expected a flip_idx of {points} keypoints, as kpt_shape says, received {received}"
            )));
        }
        let parts = [("train", written.train), ("val", written.val), ("test", written.test)];
        let splits = parts.into_iter().filter_map(|(name, folders)| {
            let folders = match folders? {
                OneOrMore::One(folder) => vec![folder],
                OneOrMore::More(folders) => folders,
            };
            Some((name.to_string(), folders))
        });
        let splits = splits.filter(|(_, folders)| folders.iter().any(|folder| !folder.is_empty())).collect();
        Ok(YoloConfig { names, keypoints: written.kpt_shape, flip: written.flip_idx, splits, path: written.path })
    }

    /// What can be told of a folder without `data.yaml`.
    pub(super) fn of_folder(root: &Path, options: &Options) -> Result<Self> {
        let mut names = options.classes.clone().unwrap_or_default();
        if options.classes.is_none() {
            let candidates = ["classes.txt", "obj.names", "labels/classes.txt"].map(|name| root.join(name));
            let Some(path) = files::first_of(candidates) else {
                let message = format!(
                    "expected data.yaml, classes.txt or a list of classes for {}, received none",
                    root.display()
                );
                return Err(Error::argument("yolo", message));
            };
            names = lines(&files::read_text(&path)?).map(|(_, name)| name.to_string()).collect();
        }
        let images = root.join("images");
        let folder = if images.is_dir() { "images" } else { "." };
        let mut splits = BTreeMap::new();
        for split in ["train", "val", "test"] {
            if images.join(split).is_dir() {
                splits.insert(split.to_string(), vec![format!("{folder}/{split}")]);
            }
        }
        if splits.is_empty() {
            splits.insert("all".to_string(), vec![folder.to_string()]);
        }
        Ok(YoloConfig { names, splits, ..YoloConfig::default() })
    }

    /// The pictures of the split, or of all, each once.
    pub(crate) fn pictures(&self, root: &Path, options: &Options) -> Result<Vec<PathBuf>> {
        let folders: Vec<&String> = match options.split.as_deref() {
            None => self.splits.values().flatten().collect(),
            Some(split) => match self.splits.get(split) {
                Some(folders) => folders.iter().collect(),
                None => {
                    let message =
                        format!("expected a split of {:?}, received {split:?}", self.splits.keys().collect::<Vec<_>>());
                    return Err(Error::argument("yolo", message));
                }
            },
        };
        // `path` is where the data lay on the machine of the one who wrote it; only a folder of this set is meant by it.
        let base = self.path.as_deref().and_then(|path| within(root, path).ok()).filter(|path| path.is_dir());
        let base = base.unwrap_or_else(|| root.to_path_buf());
        let mut pictures = Vec::new();
        for folder in folders {
            let inside = within(&base, folder);
            // Roboflow writes `../train/images` for what lies beside the file.
            let beside =
                folder.strip_prefix("../").and_then(|rest| within(&base, rest).ok()).filter(|path| path.exists());
            let path = beside.map_or(inside, Ok).map_err(|message| Error::argument("yolo", message))?;
            if path.is_dir() {
                collect(&path, &mut pictures, 0, options)?;
            } else {
                let text = files::read_text(&path)?;
                for (line, name) in lines(&text) {
                    let name = name.strip_prefix("./").unwrap_or(name);
                    pictures.push(within(&base, name).map_err(|message| at(&path, line, message))?);
                }
            }
        }
        pictures.sort_unstable();
        pictures.dedup();
        Ok(pictures)
    }
}

/// How deep folders may lie in each other; a link that leads upwards ends there.
const DEEPEST: usize = 8;

fn collect(folder: &Path, pictures: &mut Vec<PathBuf>, depth: usize, options: &Options) -> Result<()> {
    if depth > DEEPEST {
        return Err(Error::format(folder, format!("expected folders up to {DEEPEST} deep, received a deeper one")));
    }
    for entry in listing(folder)? {
        match entry.kind {
            Kind::Folder => collect(&entry.path, pictures, depth + 1, options)?,
            _ if entry.is_picture(options) => pictures.push(entry.path),
            _ => {}
        }
    }
    Ok(())
}

/// The `data.yaml` of a folder: of that name, or the only one that ends so.
pub(in crate::readers) fn find(root: &Path) -> Option<PathBuf> {
    let named = files::first_of(["data.yaml", "data.yml", "dataset.yaml"].map(|name| root.join(name)));
    named.or_else(|| {
        let is_yaml = |entry: &files::Entry| entry.name.ends_with(".yaml") || entry.name.ends_with(".yml");
        let mut found = listing(root).ok()?.into_iter().filter(|entry| entry.kind == Kind::File && is_yaml(entry));
        let first = found.next()?;
        found.next().is_none().then_some(first.path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<YoloConfig> {
        YoloConfig::parse("data.yaml", text.as_bytes())
    }

    #[test]
    fn names_and_splits() {
        let config =
            parse("path: x\ntrain: images/train\nval: [a, b]\ntest:\nnc: 2\nnames: ['cat', 'dog: \"big\"']\n").unwrap();
        assert_eq!(config.names, ["cat", "dog: \"big\""]);
        assert_eq!(config.splits["val"], ["a", "b"]);
        assert_eq!(config.splits.len(), 2);
        let config = parse("names:\n  0: cat\n  1: dog\nkpt_shape: [3, 3]\nflip_idx: [0, 2, 1]\n").unwrap();
        assert_eq!((config.names.len(), config.keypoints, &config.flip[..]), (2, Some([3, 3]), &[0, 2, 1][..]));
        let text = |text| parse(text).unwrap_err().to_string();
        assert!(text("names: [a]\nkpt_shape: [17, 3]\nflip_idx: [0, 2, 1]\n").contains("a flip_idx of 17 keypoints"));
        assert!(
            text("names: [a]\nflip_idx: [0, 3, 1]\n")
                .contains("pairs among keypoints 0..3 as flip, received [0, 3, 1]")
        );
    }

    #[test]
    fn what_is_no_config() {
        let text = |text| parse(text).unwrap_err().to_string();
        assert!(text("train: a\n").starts_with("data.yaml: expected YAML"), "{}", text("train: a\n"));
        assert!(text("nc: 3\nnames: [a]\n").contains("3 classes"));
        assert!(text("names: {0: a, 2: b}\n").contains("received 2 in place of 1"));
        assert!(text("names: [a]\nkpt_shape: [5, 4]\n").contains("[5, 4]"));
        assert!(parse("names: [[[[").is_err() && parse("").is_err());
        // What grows ten times with each line.
        let laughs = "a: &a [x, x]\nb: &b [*a, *a, *a, *a]\nc: &c [*b, *b, *b, *b]\nnames: [*c]\n";
        assert!(parse(laughs).is_err());
    }

    #[test]
    fn pictures_stay_inside() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("train/images")).unwrap();
        std::fs::write(folder.path().join("train/images/a.jpg"), "").unwrap();
        std::fs::write(folder.path().join("list.txt"), "./train/images/a.jpg\n/etc/passwd\n").unwrap();
        let pictures = |train: &str| {
            parse(&format!("train: {train}\nnames: [a]\n"))
                .unwrap()
                .pictures(folder.path(), &Options::of_split("train"))
        };
        assert_eq!(pictures("train/images").unwrap().len(), 1);
        assert_eq!(pictures("../train/images").unwrap().len(), 1);
        assert!(pictures("../../x").unwrap_err().to_string().contains("inside of the data set"));
        assert!(pictures("/etc").unwrap_err().to_string().contains("inside of the data set"));
        assert!(pictures("list.txt").unwrap_err().to_string().contains("list.txt: line 2"));
        assert!(parse("names: [a]\n").unwrap().pictures(folder.path(), &Options::of_split("val")).is_err());
    }
}
