//! ImageNet's layout (O. Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge", 2015).

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::csv_labels::Table;
use super::files::{self, Kind, at, lines, listing, number, plain_name};
use super::list::{Item, PictureList};
use super::{Changes, Options};
use crate::{Error, Result};

/// The classes of ImageNet: WordNet's number and a name of each, in the order of the classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageNetClasses {
    ids: Vec<String>,
    names: Vec<String>,
}

impl ImageNetClasses {
    /// Reads `imagenet_class_index.json` (`{"0": ["n01440764", "tench"], …}`), or lines of WordNet's number and words, as `synset_words.txt` and
    /// `LOC_synset_mapping.txt` have them; `name` is what errors call the file.
    ///
    /// # Errors
    /// [`Error::Format`] if the bytes are neither, or a number occurs twice.
    pub fn parse(name: impl AsRef<Path>, bytes: &[u8]) -> Result<Self> {
        let path = name.as_ref();
        let text = files::decode(path, bytes)?;
        let mut made = ImageNetClasses { ids: Vec::new(), names: Vec::new() };
        if text.trim_start().starts_with('{') {
            let index: BTreeMap<usize, [String; 2]> = serde_json::from_str(&text).map_err(|error| {
                Error::format(
                    path,
                    format!("expected {{\"0\": [\"n01440764\", \"tench\"], …}}, received something else ({error})"),
                )
            })?;
            for (place, (number, [id, name])) in index.into_iter().enumerate() {
                if place != number {
                    return Err(Error::format(path, format!("expected class {place}, received {number}")));
                }
                made.ids.push(id);
                made.names.push(name);
            }
        } else {
            for (line, entry) in lines(&text) {
                let (id, words) = entry.split_once(char::is_whitespace).unwrap_or((entry, ""));
                if !is_synset(id) {
                    return Err(at(
                        path,
                        line,
                        format!("expected a number of WordNet such as n01440764, received {id:?}"),
                    ));
                }
                // Of several words for the same thing the first.
                let word = words.split(',').next().unwrap_or_default().trim();
                made.ids.push(id.into());
                made.names.push(if word.is_empty() { id.into() } else { word.into() });
            }
        }
        let mut seen = std::collections::HashSet::new();
        match made.ids.iter().find(|id| !seen.insert(*id)) {
            Some(twice) => Err(Error::format(path, format!("expected each class once, received {twice} twice"))),
            None => Ok(made),
        }
    }

    /// WordNet's numbers, such as `n01440764`.
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// The names; two classes may have the same (there are two kinds of `crane`).
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

/// The files that name the classes, the best first.
pub(super) const INDICES: [&str; 3] = ["imagenet_class_index.json", "LOC_synset_mapping.txt", "synset_words.txt"];

/// Opens ImageNet's folder: `train/n01440764/*.JPEG` and the like (also below `ILSVRC/Data/CLS-LOC`), with one of `imagenet_class_index.json`,
/// `LOC_synset_mapping.txt` and `synset_words.txt`, which gives numbers and names; without one the numbers of WordNet are the classes, sorted. The split is `train`
/// unless another is named. A split that has its pictures in one folder is read with `LOC_SPLIT_solution.csv`, whose boxes become objects. Pictures are not turned as EXIF data say, in no split: boxes
/// tell of the pixels as they lie in the file.
///
/// # Errors
/// [`Error::Io`] and [`Error::Format`] for what is absent or broken; a folder that is of no class is left out and counted if [`Options::policy`] says
/// so. [`Error::Argument`] if [`Options::classes`] are given: the classes are those of the files.
pub fn imagenet(root: impl AsRef<Path>, options: &Options) -> Result<PictureList> {
    let root = root.as_ref();
    if options.classes.is_some() {
        return Err(Error::argument(
            "imagenet",
            "expected no list of classes, received one: they are those of its files",
        ));
    }
    let split = plain_name(options.split.as_deref().unwrap_or("train"))
        .map_err(|message| Error::argument("imagenet", message))?;
    let folder = ["ILSVRC/Data/CLS-LOC", "Data/CLS-LOC", "."].map(|place| root.join(place).join(split));
    let folder = folder.into_iter().find(|folder| folder.is_dir()).unwrap_or_else(|| root.join(split));
    let entries = listing(&folder)?;
    let classes = match files::first_of(INDICES.map(|name| root.join(name))) {
        Some(path) => ImageNetClasses::parse(&path, &files::read(&path)?)?,
        None => {
            let ids = entries.iter().filter(|entry| entry.kind == Kind::Folder && is_synset(&entry.name));
            let ids: Vec<String> = ids.map(|entry| entry.name.clone()).collect();
            ImageNetClasses { names: ids.clone(), ids }
        }
    };
    let numbers: HashMap<&str, u32> = classes.ids.iter().map(String::as_str).zip(0..).collect();
    let mut changes = Changes::default();
    let mut items = Vec::new();
    if entries.iter().any(|entry| entry.kind == Kind::Folder) {
        for entry in entries.iter().filter(|entry| entry.kind == Kind::Folder) {
            let Some(&class) = numbers.get(entry.name.as_str()) else {
                let message = || format!("expected a folder of a class, received {:?}", entry.name);
                options
                    .policy
                    .refuse::<()>(&mut changes, message)
                    .map_err(|message| Error::format(&folder, message))?;
                continue;
            };
            for picture in listing(&entry.path)? {
                if picture.kind == Kind::File && picture.is_picture(options) {
                    items.push(Item::new(Path::new(&entry.name).join(&picture.name), [class]));
                }
            }
        }
    } else {
        let solution = root.join(format!("LOC_{split}_solution.csv"));
        items = solutions(&solution, &files::read(&solution)?, &numbers)?;
    }
    Ok(PictureList::new(&folder, items, classes.names, options, changes).stored())
}

/// Whether this is a number of WordNet.
pub(super) fn is_synset(name: &str) -> bool {
    name.strip_prefix('n').is_some_and(|digits| digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The rows of `LOC_val_solution.csv`: a picture, and fives of class and corners.
fn solutions(path: &Path, bytes: &[u8], numbers: &HashMap<&str, u32>) -> Result<Vec<Item>> {
    let mut table = Table::open(path, bytes)?;
    let (image, prediction) = (table.column("ImageId")?, table.column("PredictionString")?);
    let mut items = Vec::new();
    while let Some((line, row)) = table.next()? {
        let fail = |message: String| at(path, line as usize, message);
        let name = plain_name(&row[image]).map_err(fail)?;
        let words: Vec<&str> = row[prediction].split_whitespace().collect();
        let (fives, rest) = words.as_chunks::<5>();
        if !rest.is_empty() || fives.is_empty() {
            return Err(fail(format!(
                "expected a class and four corners of each object, received {} words",
                words.len()
            )));
        }
        let mut objects = Vec::with_capacity(fives.len());
        for &[id, x1, y1, x2, y2] in fives {
            let class =
                numbers.get(id).ok_or_else(|| fail(format!("expected a class of the list, received {id:?}")))?;
            let mut corners = [0.0; 4];
            for (corner, text) in corners.iter_mut().zip([x1, y1, x2, y2]) {
                *corner = number(text).map_err(fail)?;
            }
            objects.push((*class, corners));
        }
        let mut classes: Vec<u32> = objects.iter().map(|(class, _)| *class).collect();
        classes.sort_unstable();
        classes.dedup();
        items.push(Item { objects, ..Item::new(format!("{name}.JPEG"), classes) });
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dataset, LabelledDataset};

    #[test]
    fn class_lists() {
        let json =
            ImageNetClasses::parse("i.json", br#"{"1": ["n01443537", "goldfish"], "0": ["n01440764", "tench"]}"#)
                .unwrap();
        let words = b"n01440764 tench, Tinca tinca\nn01443537 goldfish, Carassius auratus\n";
        assert_eq!(ImageNetClasses::parse("w.txt", words).unwrap(), json);
        assert_eq!((json.ids()[1].as_str(), json.names()[0].as_str()), ("n01443537", "tench"));
        let text = |bytes: &[u8]| ImageNetClasses::parse("w.txt", bytes).unwrap_err().to_string();
        assert!(text(b"n01440764 a\ntench\n").contains("line 2"));
        assert!(text(b"n01440764 a\nn01440764 b\n").contains("twice"));
        assert!(text(b"{\"1\": [\"n01443537\", \"goldfish\"]}").contains("expected class 0, received 1"));
        assert!(text(b"{\"0\": \"tench\"}").contains("n01440764"));
    }

    #[test]
    fn folders_and_solutions() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        for file in ["train/n01443537/a.JPEG", "train/n01440764/b.JPEG", "train/n01440764/c.txt", "val/v1.JPEG"] {
            std::fs::create_dir_all(path(file).parent().unwrap()).unwrap();
            std::fs::write(path(file), "").unwrap();
        }
        std::fs::write(path("synset_words.txt"), "n01443537 goldfish\nn01440764 tench, Tinca\n").unwrap();
        let data = imagenet(root.path(), &Options::default()).unwrap();
        assert_eq!((data.len(), data.class_names()[1].as_str()), (2, "tench"));
        assert_eq!(data.record(0).unwrap().labels.classes, [1]);
        assert!(
            imagenet(root.path(), &Options::of_split("val")).unwrap_err().to_string().contains("LOC_val_solution.csv")
        );
        let csv = "ImageId,PredictionString\nv1,n01440764 1 2 3 4 n01440764 0 0 5 5\n";
        std::fs::write(path("LOC_val_solution.csv"), csv).unwrap();
        crate::image_io::write_png(
            path("val/v1.JPEG"),
            &ocelli_tensor::Tensor::zeros([5, 5], ocelli_tensor::DType::U8).unwrap(),
        )
        .unwrap();
        let record = imagenet(root.path(), &Options::of_split("val")).unwrap().record(0).unwrap();
        assert_eq!((record.labels.classes, record.labels.objects.len(), record.size), (vec![1], 2, Some([5, 5])));
        for broken in ["v1,n01440764 1 2 3", "v1,n00000000 1 2 3 4", "../v1,n01440764 1 2 3 4", "v1,n01440764 1 2 x 4"]
        {
            std::fs::write(path("LOC_val_solution.csv"), format!("ImageId,PredictionString\n{broken}\n")).unwrap();
            let text = imagenet(root.path(), &Options::of_split("val")).unwrap_err().to_string();
            assert!(text.contains("line 2"), "{text}");
        }
    }
}
