//! Where a folder in COCO's layout keeps its files.

use std::path::{Path, PathBuf};

use crate::readers::files::{self, Kind, listing};
use crate::{Error, Result};

/// The kinds of files, the most telling first.
const KINDS: [&str; 4] = ["instances_", "person_keypoints_", "captions_", "panoptic_"];

/// Where a split lies.
#[derive(Debug, PartialEq)]
pub(super) struct Found {
    /// Its JSON file.
    pub(super) file: PathBuf,
    /// The folder of its pictures.
    pub(super) pictures: PathBuf,
    /// The folder of its maps, if the file is panoptic.
    pub(super) maps: PathBuf,
}

/// The files of a split.
pub(super) fn find(root: &Path, split: Option<&str>) -> Result<Found> {
    if let Some(split) = split {
        files::plain_name(split).map_err(|message| Error::argument("coco", message))?;
        let beside = root.join(split).join("_annotations.coco.json");
        if beside.exists() {
            let folder = root.join(split);
            return Ok(Found { file: beside, pictures: folder.clone(), maps: folder });
        }
    }
    let folder = root.join("annotations");
    let folder = if folder.is_dir() { folder } else { root.to_path_buf() };
    let all: Vec<String> = listing(&folder)?
        .into_iter()
        .filter(|entry| entry.kind == Kind::File && entry.name.ends_with(".json"))
        .map(|entry| entry.name)
        .collect();
    let of_split = |name: &&String| {
        split.is_none_or(|split| {
            name.strip_suffix(".json").is_some_and(|stem| stem == split || stem.ends_with(&format!("_{split}")))
        })
    };
    let mut names: Vec<&String> = all.iter().filter(of_split).collect();
    if names.is_empty() && all.len() == 1 && split.is_none() {
        names = all.iter().collect();
    }
    let of_kind = KINDS.iter().find_map(|kind| {
        let found: Vec<&String> = names.iter().copied().filter(|name| name.starts_with(kind)).collect();
        (found.len() == 1).then(|| found[0])
    });
    let name = match (of_kind, &names[..]) {
        // Without a split one kind must not hide that there are several splits.
        (Some(name), _) if split.is_some() || names.len() == 1 => name,
        (_, &[name]) => name,
        _ => {
            let message =
                format!("expected one JSON file of split {split:?} in {}, received {all:?}", folder.display());
            return Err(Error::argument("coco", message));
        }
    };
    let stem = name.strip_suffix(".json").unwrap_or(name);
    let part = split.or_else(|| stem.rsplit_once('_').map(|(_, part)| part)).unwrap_or(stem);
    let candidates = [root.join("images").join(part), root.join(part), root.join("images"), root.join("data")];
    let pictures = candidates.into_iter().find(|folder| folder.is_dir()).unwrap_or_else(|| folder.clone());
    let maps = [folder.join(stem), root.join(stem)].into_iter().find(|folder| folder.is_dir());
    Ok(Found { file: folder.join(name), pictures, maps: maps.unwrap_or_else(|| folder.clone()) })
}

/// Whether a folder looks like one of [`CocoDataset::open`]: which splits it has.
pub(in crate::readers) fn splits(root: &Path) -> Vec<String> {
    let mut splits = Vec::new();
    for folder in [root.join("annotations"), root.to_path_buf()] {
        for entry in listing(&folder).unwrap_or_default() {
            let stem = entry.name.strip_suffix(".json");
            let part = stem.and_then(|stem| KINDS.iter().find_map(|kind| stem.strip_prefix(kind)));
            if entry.kind == Kind::Folder && entry.path.join("_annotations.coco.json").exists() {
                splits.push(entry.name);
            } else if let Some(part) = part {
                splits.push(part.to_string());
            }
        }
    }
    splits.sort();
    splits.dedup();
    splits
}
