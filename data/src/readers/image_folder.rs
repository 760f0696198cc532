//! A folder for each class.

use std::path::{Path, PathBuf};

use super::files::{Kind, listing};
use super::list::{Item, PictureList, split_folder};
use super::{Changes, Options};
use crate::{Error, Result};

/// How deep folders may lie in the folder of a class.
const DEEPEST: usize = 16;

/// Opens a folder in which each class has a folder of its pictures, at any depth: `ROOT/cat/1.jpg`, `ROOT/dog/more/2.png`. A split is a folder between
/// (`ROOT/train/cat/1.jpg`). The classes are the names of the folders, sorted, as in torchvision's `ImageFolder`, unless [`Options::classes`] names them; pictures
/// come by class, then by path. Files that are no pictures by their names (see [`Options::extensions`]), and names that begin with a dot, are passed over. Pictures are turned as
/// their EXIF data say.
///
/// # Errors
/// [`Error::Io`] if a folder cannot be read. [`Error::Format`] if there is no folder of a class, a folder is of no class of the list, a class has no
/// picture, or a link leads nowhere or in a circle; the last three are left out and counted if [`Options::policy`] says so.
pub fn image_folder(root: impl AsRef<Path>, options: &Options) -> Result<PictureList> {
    let root = split_folder(root.as_ref(), options)?;
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    let mut changes = Changes::default();
    for entry in listing(&root)? {
        match entry.kind {
            Kind::Folder => found.push((entry.name, entry.path)),
            Kind::Broken => broken_link(&entry.path, options, &mut changes)?,
            Kind::File => {}
        }
    }
    let classes = options.classes.clone().unwrap_or_else(|| found.iter().map(|(name, _)| name.clone()).collect());
    if found.is_empty() {
        return Err(Error::format(&root, "expected a folder for each class, received none"));
    }
    let mut items = Vec::new();
    for (name, folder) in found {
        let fail = |message| Error::format(&folder, message);
        let Some(class) = classes.iter().position(|class| *class == name) else {
            let message = || format!("expected a class of the list, received {name:?}");
            options.policy.refuse::<()>(&mut changes, message).map_err(fail)?;
            continue;
        };
        let before = items.len();
        let mut within = Vec::new();
        collect(&root, &folder, class as u32, &mut within, &mut items, options, &mut changes)?;
        if items.len() == before {
            let message = || "expected at least one picture of the class, received none".to_string();
            options.policy.refuse::<()>(&mut changes, message).map_err(fail)?;
        }
    }
    Ok(PictureList::new(&root, items, classes, options, changes))
}

fn broken_link(path: &Path, options: &Options, changes: &mut Changes) -> Result<()> {
    let message = || "expected a file or a folder, received a link that leads nowhere".to_string();
    options.policy.refuse::<()>(changes, message).map_err(|message| Error::format(path, message)).map(drop)
}

/// Adds the pictures of a folder; `within` are the folders in which it lies, as they are called without links.
fn collect(
    root: &Path,
    folder: &Path,
    class: u32,
    within: &mut Vec<PathBuf>,
    items: &mut Vec<Item>,
    options: &Options,
    changes: &mut Changes,
) -> Result<()> {
    let real = folder.canonicalize().map_err(|source| Error::io(folder, source))?;
    if within.contains(&real) || within.len() >= DEEPEST {
        let message = || format!("expected folders up to {DEEPEST} deep, received a deeper one or a link in a circle");
        return options
            .policy
            .refuse::<()>(changes, message)
            .map_err(|message| Error::format(folder, message))
            .map(drop);
    }
    within.push(real);
    for entry in listing(folder)? {
        match entry.kind {
            Kind::Folder => collect(root, &entry.path, class, within, items, options, changes)?,
            Kind::File if entry.is_picture(options) => {
                items.push(Item::new(entry.path.strip_prefix(root).unwrap_or(&entry.path), [class]));
            }
            Kind::Broken if entry.is_picture(options) => broken_link(&entry.path, options, changes)?,
            Kind::File | Kind::Broken => {}
        }
    }
    within.pop();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readers::Policy;
    use crate::{Dataset, LabelledDataset};

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        root
    }

    #[test]
    fn folders_are_classes() {
        let root = folder(&[
            "train/dog/b.JPG",
            "train/cat/x/2.png",
            "train/cat/1.jpeg",
            "train/cat/.1.jpg",
            "train/cat/notes.txt",
            "train/list.txt",
        ]);
        let data = image_folder(root.path(), &Options::of_split("train")).unwrap();
        assert_eq!((data.len(), data.class_names()), (3, &["cat".to_string(), "dog".into()][..]));
        let record = data.record(1).unwrap();
        assert_eq!((record.path.unwrap(), record.labels.classes), (root.path().join("train/cat/x/2.png"), vec![0]));
        assert!(data.get(1).unwrap_err().to_string().contains("2.png"));
        let options = Options { classes: Some(vec!["dog".into(), "cat".into()]), ..Options::of_split("train") };
        assert_eq!(image_folder(root.path(), &options).unwrap().record(0).unwrap().labels.classes, [1]);
        assert!(image_folder(root.path(), &Options::of_split("../x")).is_err());
        assert!(image_folder(root.path().join("train/dog"), &Options::default()).is_err());
    }

    #[test]
    fn pictures_of_all_formats_or_of_those_named() {
        let names = ["a.bmp", "b.webp", "c.GIF", "d.ppm", "e.pgm", "f.jpg", "g.png", "h.jpeg", "i.tif", "j.txt"];
        let root = folder(&names.map(|name| format!("cat/{name}")).each_ref().map(String::as_str));
        assert_eq!(image_folder(root.path(), &Options::default()).unwrap().len(), 8);
        let options = Options { extensions: Some(vec![".gif".into(), "txt".into()]), ..Options::default() };
        let data = image_folder(root.path(), &options).unwrap();
        let found: Vec<_> = (0..data.len()).map(|i| data.record(i).unwrap().path.unwrap()).collect();
        assert_eq!(found, [root.path().join("cat/c.GIF"), root.path().join("cat/j.txt")]);
    }

    #[test]
    fn what_does_not_fit() {
        let root = folder(&["cat/1.jpg", "dog/readme.txt"]);
        let open = |policy| image_folder(root.path(), &Options { policy, ..Options::default() });
        assert!(open(Policy::Fail).unwrap_err().to_string().contains("dog: expected at least one picture"));
        let data = open(Policy::Drop).unwrap();
        assert_eq!((data.len(), data.changes().dropped), (1, 1));
        let options = Options { classes: Some(vec!["dog".into()]), ..Options::default() };
        assert!(image_folder(root.path(), &options).unwrap_err().to_string().contains("received \"cat\""));
    }

    #[cfg(unix)]
    #[test]
    fn links() {
        use std::os::unix::fs::symlink;
        let root = folder(&["cat/1.jpg"]);
        symlink(root.path().join("nowhere.jpg"), root.path().join("cat/2.jpg")).unwrap();
        let open = |policy| image_folder(root.path(), &Options { policy, ..Options::default() });
        assert!(open(Policy::Fail).unwrap_err().to_string().contains("2.jpg: expected a file"));
        assert_eq!(open(Policy::Drop).unwrap().len(), 1);
        std::fs::remove_file(root.path().join("cat/2.jpg")).unwrap();
        symlink(root.path().join("cat"), root.path().join("cat/again")).unwrap();
        assert!(open(Policy::Fail).unwrap_err().to_string().contains("in a circle"));
        assert_eq!(open(Policy::Drop).unwrap().changes().dropped, 1);
        symlink(root.path().join("cat/1.jpg"), root.path().join("cat/3.jpg")).unwrap();
        assert_eq!(open(Policy::Drop).unwrap().len(), 2);
    }
}
