//! Files and folders as readers see them: texts with line numbers, sorted folders, paths that stay inside.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

use super::Options;
use crate::{Error, Result};

/// The usual extensions of the formats that [`Decoder`](crate::image_io::Decoder) reads, in lower case, the most frequent first.
pub(crate) const PICTURES: [&str; 13] =
    ["jpg", "jpeg", "png", "bmp", "webp", "gif", "ppm", "pgm", "pbm", "pnm", "pam", "jpe", "jfif"];

pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| Error::io(path, source))
}

/// A text file: UTF-8, or what its byte order mark says.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    Ok(decode(path, &read(path)?)?.into_owned())
}

/// The text of a file's bytes: UTF-8, or what its byte order mark says.
pub(crate) fn decode<'a>(name: &Path, bytes: &'a [u8]) -> Result<Cow<'a, str>> {
    if let Some((encoding, mark)) = encoding_rs::Encoding::for_bom(bytes) {
        let (text, broken) = encoding.decode_without_bom_handling(&bytes[mark..]);
        if broken {
            let message =
                format!("expected text in {}, as its byte order mark says, received other bytes", encoding.name());
            return Err(Error::format(name, message));
        }
        return Ok(text);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(error) => {
            let line = 1 + bytes[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count();
            Err(at(name, line, "expected text in UTF-8, received other bytes"))
        }
    }
}

/// An [`Error::Format`] at a line, counted from 1.
pub(crate) fn at(path: &Path, line: usize, message: impl std::fmt::Display) -> Error {
    Error::format(path, format!("line {line}: {message}"))
}

/// The lines that hold something, without the space around them, with their numbers from 1.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(i, line)| (i + 1, line.trim())).filter(|(_, line)| !line.is_empty())
}

/// A finite number.
pub(crate) fn number(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(format!("expected a finite number, received {text:?}")),
    }
}

/// A path that a file names, below `root`; absolute ones and `..` are refused.
pub(crate) fn within(root: &Path, named: &str) -> Result<PathBuf, String> {
    let relative = Path::new(named);
    let inside = |component| matches!(component, Component::Normal(_) | Component::CurDir);
    if named.is_empty() || named.contains('\0') || !relative.components().all(inside) {
        return Err(format!("expected a path inside of the data set, received {named:?}"));
    }
    Ok(root.join(relative))
}

/// A name that becomes part of a file name: no path.
pub(crate) fn plain_name(named: &str) -> Result<&str, String> {
    let mut components = Path::new(named).components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(name)), None) if name.to_str() == Some(named) && !named.contains('\0') => Ok(named),
        _ => Err(format!("expected a name without a path, received {named:?}")),
    }
}

/// What lies in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    /// A link to something that is not there.
    Broken,
}

impl Entry {
    /// Whether the name ends like a picture's.
    pub(crate) fn is_picture(&self, options: &Options) -> bool {
        is_picture(&self.path, options)
    }
}

/// Whether a name ends like a picture's.
pub(crate) fn is_picture(path: &Path, options: &Options) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| extensions(options).any(|known| known.eq_ignore_ascii_case(extension)))
}

/// The extensions of pictures, without the dot.
fn extensions(options: &Options) -> impl Iterator<Item = &str> {
    let own = options.extensions.as_deref();
    let usual: &[&str] = if own.is_some() { &[] } else { &PICTURES };
    let own = own.unwrap_or_default().iter().map(|extension| extension.strip_prefix('.').unwrap_or(extension));
    own.chain(usual.iter().copied())
}

/// What lies in a folder, by name; names that begin with a dot are passed over.
pub(crate) fn listing(folder: &Path) -> Result<Vec<Entry>> {
    let fail = |source| Error::io(folder, source);
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let kind = entry.file_type().map_err(fail)?;
        let path = entry.path();
        let kind = if kind.is_symlink() {
            match std::fs::metadata(&path) {
                Ok(target) if target.is_dir() => Kind::Folder,
                Ok(_) => Kind::File,
                Err(_) => Kind::Broken,
            }
        } else if kind.is_dir() {
            Kind::Folder
        } else {
            Kind::File
        };
        entries.push(Entry { name, path, kind });
    }
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// The first of these files or folders that is there.
pub(crate) fn first_of(candidates: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    candidates.into_iter().find(|path| path.exists())
}

/// The file of a picture whose name is known but for its extension, in small or capital letters or as the options write it.
pub(crate) fn picture_named(folder: &Path, stem: &str, options: &Options) -> Option<PathBuf> {
    let spellings: [fn(&str) -> String; 3] = [str::to_string, str::to_lowercase, str::to_uppercase];
    // One after the other, so that those of one spelling come before all of the next.
    spellings.iter().find_map(|spelled| {
        first_of(extensions(options).map(|extension| folder.join(format!("{stem}.{}", spelled(extension)))))
    })
}

/// The file name without folder and extension.
pub(crate) fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        let root = Path::new("set");
        assert_eq!(within(root, "a/./b.png").unwrap(), root.join("a/b.png"));
        for outside in ["", "/etc/passwd", "../x", "a/../../x", "a/..", "a\0b"] {
            assert!(within(root, outside).is_err(), "{outside:?}");
        }
        assert!(plain_name("2007_000027").is_ok());
        for path in ["", ".", "..", "a/b", "/a", "a/"] {
            assert!(plain_name(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn names_of_pictures() {
        let usual = Options::default();
        for name in ["a.jpg", "a.b.JPEG", "a.Png", "a.webp", "a.bmp", "a.gif", "a.ppm", "a.pgm"] {
            assert!(is_picture(Path::new(name), &usual), "{name}");
        }
        for name in ["a", "jpg", "a.tif", "a.txt", "a.jpg.txt", ".jpg"] {
            assert!(!is_picture(Path::new(name), &usual), "{name}");
        }
        let own = Options { extensions: Some(vec![".Data".into(), "x".into()]), ..Options::default() };
        assert!(is_picture(Path::new("a.dATA"), &own) && is_picture(Path::new("a.X"), &own));
        assert!(!is_picture(Path::new("a.jpg"), &own));
        let folder = tempfile::tempdir().unwrap();
        let named = |options| picture_named(folder.path(), "a.b", options).map(|path| stem(&path));
        assert_eq!(named(&usual), None);
        for name in ["a.b.Data", "a.b.WEBP"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(picture_named(folder.path(), "a.b", &usual), Some(folder.path().join("a.b.WEBP")));
        assert_eq!(picture_named(folder.path(), "a.b", &own), Some(folder.path().join("a.b.Data")));
    }

    #[test]
    fn texts_in_other_encodings() {
        let name = Path::new("list.txt");
        assert_eq!(decode(name, b"\xef\xbb\xbfa\n").unwrap(), "a\n");
        assert_eq!(decode(name, b"\xff\xfea\0\n\0").unwrap(), "a\n");
        let text = decode(name, b"one\ntwo \xff\n").unwrap_err().to_string();
        assert!(text.contains("list.txt: line 2: expected text in UTF-8"), "{text}");
        assert_eq!(lines("a\r\n\n  b \n").collect::<Vec<_>>(), [(1, "a"), (3, "b")]);
        assert!(number("nan").is_err() && number("1e999").is_err() && number("").is_err());
    }
}
