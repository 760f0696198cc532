//! The names in a folder that belong to other parts of the data set: all parts share the folders of pictures and annotations.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{ANNOTATIONS, CLASS_MAPS, OBJECT_MAPS, PICTURES};
use crate::readers::files;
use crate::{Error, Result};

/// The names that a split must not use: those of files that are there, but for what this split's own lists name and no other list does. So a split that is
/// written again keeps its names.
pub(super) fn taken(root: &Path, split: &str) -> Result<HashSet<String>> {
    let mut taken = HashSet::new();
    for folder in [ANNOTATIONS, PICTURES, CLASS_MAPS, OBJECT_MAPS] {
        taken.extend(entries(&root.join(folder))?.iter().map(|path| files::stem(path)));
    }
    let (mut own, mut others) = (HashSet::new(), HashSet::new());
    let sets = entries(&root.join("ImageSets"))?;
    // Lists lie in a folder for each challenge, or without one.
    let (folders, mut lists): (Vec<PathBuf>, Vec<PathBuf>) = sets.into_iter().partition(|path| path.is_dir());
    for folder in folders {
        lists.extend(entries(&folder)?);
    }
    for list in lists.iter().filter(|path| path.extension().is_some_and(|extension| extension == "txt")) {
        let text = files::read_text(list)?;
        let names = files::lines(&text).filter_map(|(_, line)| line.split_whitespace().next()).map(String::from);
        if files::stem(list) == split { own.extend(names) } else { others.extend(names) }
    }
    taken.retain(|name| !own.contains(name));
    taken.extend(others);
    Ok(taken)
}

/// What lies in a folder; nothing if it is not there.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let fail = |source| Error::io(folder, source);
    let entries = std::fs::read_dir(folder).map_err(fail)?;
    entries.map(|entry| Ok(entry.map_err(fail)?.path())).collect()
}

/// Removes a file that an earlier writing of the same split has left, if it is there.
pub(super) fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(Error::io(path, source)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_split_alone_are_free_for_it() {
        let root = tempfile::tempdir().unwrap();
        assert!(taken(root.path(), "train").unwrap().is_empty());
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        for name in ["a", "b", "c", "stray"] {
            write(&format!("Annotations/{name}.xml"), "");
        }
        write("JPEGImages/.hidden.jpg", "");
        write("ImageSets/Main/train.txt", "a\nb\n");
        write("ImageSets/Main/val.txt", "c\nelsewhere\n");
        write("ImageSets/Segmentation/train.txt", "b\n");
        write("ImageSets/flat.txt", "b 1\n");
        let names = |split| {
            let mut names: Vec<String> = taken(root.path(), split).unwrap().into_iter().collect();
            names.sort_unstable();
            names
        };
        assert_eq!(names("train"), [".hidden", "b", "c", "elsewhere", "stray"]);
        assert_eq!(names("val"), [".hidden", "a", "b", "stray"]);
        assert_eq!(names("new"), [".hidden", "a", "b", "c", "elsewhere", "stray"]);
    }
}
