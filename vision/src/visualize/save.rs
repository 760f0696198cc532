//! Pictures as files.

use std::path::Path;

use ocelli_data::image_io;
use ocelli_tensor::Tensor;

use crate::{Error, Result};

/// How well a JPEG file keeps a picture: edges of letters stay clean.
const QUALITY: u8 = 95;

/// Writes a picture `[3, H, W]`, `[1, H, W]` or `[H, W]` of `u8`, which is what all of this module draws, as a file that its ending names: `.png`, or
/// `.jpg` and `.jpeg` (of quality 95). The file appears whole or not at all.
///
/// ```
/// use ocelli_tensor::{DType, Tensor};
/// use ocelli_vision::visualize::save;
/// # fn main() -> ocelli_vision::Result<()> {
/// let path = std::env::temp_dir().join(format!("ocelli-save-{}.jpg", std::process::id()));
/// save(&path, &Tensor::zeros([3, 8, 8], DType::U8)?)?;
/// # std::fs::remove_file(&path).ok();
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// For any other ending, unless shape and dtype are these, and if the file cannot be written.
pub fn save(path: impl AsRef<Path>, picture: &Tensor) -> Result<()> {
    let path = path.as_ref();
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
    match ending.as_str() {
        "png" => Ok(image_io::write_png(path, picture)?),
        "jpg" | "jpeg" => Ok(image_io::write_jpeg(path, picture, QUALITY)?),
        _ => {
            let message = format!("expected a file that ends in .png, .jpg or .jpeg, received {:?}", path.display());
            Err(Error::argument("save", message))
        }
    }
}

#[cfg(test)]
mod tests {
    use ocelli_tensor::DType;

    use super::*;

    #[test]
    fn the_ending_tells_the_format() {
        let directory = tempfile::tempdir().unwrap();
        let picture = Tensor::full([3, 8, 6], 200, DType::U8).unwrap();
        for (name, begin) in [("a.png", &b"\x89PNG"[..]), ("a.JPG", b"\xff\xd8\xff"), ("a.jpeg", b"\xff\xd8\xff")] {
            let path = directory.path().join(name);
            save(&path, &picture).unwrap();
            assert!(std::fs::read(&path).unwrap().starts_with(begin), "{name}");
            assert_eq!(image_io::read(&path).unwrap().shape()[..], [3, 8, 6]);
        }
        for name in ["a.gif", "a", "png", ".png"] {
            let text = save(directory.path().join(name), &picture).unwrap_err().to_string();
            assert!(text.contains(".png, .jpg or .jpeg"), "{text}");
        }
        assert!(save(directory.path().join("b.png"), &Tensor::zeros([8, 8], DType::F32).unwrap()).is_err());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 3);
    }
}
