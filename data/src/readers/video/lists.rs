//! Lists of films.

use std::path::Path;

use crate::Result;
use crate::readers::csv_labels::Table;
use crate::readers::files::{self, at, decode, lines, number, within};

/// A film in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoEntry {
    /// The folder of its frames, below the root.
    pub folder: String,
    /// The name of its class.
    pub class: Option<String>,
}

/// Reads a list of UCF101 (K. Soomro et al., 2012), `trainlist01.txt` or `testlist01.txt`: lines `CLASS/FILM.avi NUMBER`, the number being optional. Frames
/// are expected in the folder `CLASS/FILM`; `name` is what errors call the file.
///
/// # Errors
/// [`Error::Format`](crate::Error::Format) with the line.
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
/// [`Error::Format`](crate::Error::Format) with the line.
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
