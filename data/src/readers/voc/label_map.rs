//! The order of the classes, which Pascal VOC's own files do not tell: `labelmap.txt`, as annotation programs write it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::masks::color;
use crate::readers::files::{self, at};
use crate::{Error, Result};

const BACKGROUND: &str = "background";

/// Where it lies, whether it is there or not.
pub(crate) fn path(root: &Path) -> PathBuf {
    root.join("labelmap.txt")
}

/// The names of the classes, if the file is there.
pub(crate) fn read(root: &Path) -> Result<Option<Vec<String>>> {
    let path = path(root);
    if !path.exists() {
        return Ok(None);
    }
    parse(&path, &files::read_text(&path)?).map(Some)
}

/// The names in lines `NAME:RED,GREEN,BLUE:PARTS:ACTIONS`; the first one may be that of the background, which is no class.
fn parse(path: &Path, text: &str) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    let entries = files::lines(text).filter(|(_, line)| !line.starts_with('#'));
    for (i, (line, entry)) in entries.enumerate() {
        let mut fields = entry.rsplitn(4, ':');
        // From behind: names may have colons.
        let (Some(_), Some(_), Some(_), Some(name)) = (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(at(path, line, format!("expected NAME:RED,GREEN,BLUE:PARTS:ACTIONS, received {entry:?}")));
        };
        if i == 0 && name == BACKGROUND {
            continue;
        }
        if names.iter().any(|known| known == name) {
            return Err(at(path, line, format!("expected each class once, received {name:?} again")));
        }
        names.push(name.into());
    }
    Ok(names)
}

/// The file of these classes.
///
/// # Errors
/// [`Error::Argument`] for a name that comes twice or that a line of the file cannot hold.
pub(crate) fn text(names: &[String]) -> Result<String> {
    let mut text = String::from("# label:color_rgb:parts:actions\n");
    for (number, name) in std::iter::once(BACKGROUND).chain(names.iter().map(String::as_str)).enumerate() {
        // There are more colours than numbers in a map.
        let [r, g, b] = color((number % 255) as u8);
        // Writing into memory cannot fail.
        let _ = writeln!(text, "{name}:{r},{g},{b}::");
    }
    match parse(Path::new("labelmap.txt"), &text) {
        Ok(read) if read == names => Ok(text),
        _ => {
            let message = format!("expected classes with a name of one line and of their own, received {names:?}");
            Err(Error::argument("write_voc", message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        for list in [&[][..], &["b", "a"], &["background"], &["a:b", "c d", ""]] {
            let list = names(list);
            assert_eq!(parse(Path::new("l"), &text(&list).unwrap()).unwrap(), list);
        }
        for broken in [&["a", "a"][..], &["#a"], &[" a"], &["a\nb"]] {
            assert!(text(&names(broken)).unwrap_err().to_string().contains("a name of one line"), "{broken:?}");
        }
        assert_eq!(text(&names(&["cat"])).unwrap().lines().last(), Some("cat:128,0,0::"));
        let error = parse(Path::new("l.txt"), "# x\ncat:1,2,3\n").unwrap_err().to_string();
        assert!(error.contains("l.txt: line 2: expected NAME:RED"), "{error}");
    }
}
