//! Fetching published files: checked, resumed where a download broke off, and never half there.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// A published file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource<'a> {
    /// Its name: the last part of its address, and of its path here.
    pub name: &'a str,
    /// The SHA-256 of its content, in lower-case hexadecimal.
    pub sha256: &'a str,
    /// Its size.
    pub bytes: u64,
}

/// Where downloads are kept if the user says nothing else: `ocelli` in `$XDG_CACHE_HOME`, or in the platform's own cache directory
/// (`~/.cache`, `~/Library/Caches`, `%LOCALAPPDATA%`).
///
/// # Errors
/// [`Error::Argument`] if the environment names no home directory.
pub fn cache_directory() -> Result<PathBuf> {
    ocelli_tensor::cache_directory().ok_or_else(|| {
        let message =
            "expected an absolute path in XDG_CACHE_HOME, HOME or LOCALAPPDATA, received none: name a cache directory";
        Error::argument("cache directory", message)
    })
}

/// Fetches files into a directory; see [`fetch`].
///
/// # Errors
/// As [`fetch`].
pub fn fetch_all(mirrors: &[&str], resources: &[Resource<'_>], directory: &Path) -> Result<()> {
    resources.iter().try_for_each(|resource| fetch(mirrors, resource, directory).map(|_| ()))
}

/// Makes sure that a directory holds a published file, and tells its path.
///
/// A file that is there with the right content is left alone. Otherwise it is fetched from the first mirror that has it; a mirror is an
/// address that ends with `/`. The bytes go to `NAME.part`, which a later call resumes if this one is cut off, and only a file with the
/// right SHA-256 takes the name. Processes that fetch into the same directory wait for each other.
///
/// # Errors
/// [`Error::Io`] if the directory cannot be written, before anything is fetched; [`Error::Download`] or [`Error::Checksum`] of
/// the last mirror if none has the file.
pub fn fetch(mirrors: &[&str], resource: &Resource<'_>, directory: &Path) -> Result<PathBuf> {
    let path = directory.join(resource.name);
    if path.is_file() && sha256(&path)? == resource.sha256 {
        return Ok(path);
    }
    std::fs::create_dir_all(directory).map_err(|source| Error::io(directory, source))?;
    let lock_path = directory.join(".lock");
    let lock = File::create(&lock_path).map_err(|source| Error::io(&lock_path, source))?;
    // Held until the file is dropped.
    lock.lock().map_err(|source| Error::io(&lock_path, source))?;
    if path.is_file() && sha256(&path)? == resource.sha256 {
        return Ok(path);
    }
    let part = directory.join(format!("{}.part", resource.name));
    let mut failure = Error::argument("download", "expected at least one mirror, received none");
    for mirror in mirrors {
        match fetch_from(mirror, resource, &part) {
            Ok(()) => {
                std::fs::rename(&part, &path).map_err(|source| Error::io(&path, source))?;
                return Ok(path);
            }
            // Another mirror does not help against a full disk.
            Err(error @ Error::Io { .. }) => return Err(error),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Completes `part` from one mirror and checks it.
fn fetch_from(mirror: &str, resource: &Resource<'_>, part: &Path) -> Result<()> {
    let url = format!("{mirror}{}", resource.name);
    let resumed = receive(&url, resource, part)?;
    let received = sha256(part)?;
    if received == resource.sha256 {
        return Ok(());
    }
    std::fs::remove_file(part).map_err(|source| Error::io(part, source))?;
    if resumed {
        // What was there before may be to blame: once more from the beginning.
        return fetch_from(mirror, resource, part);
    }
    Err(Error::Checksum { path: part.to_path_buf(), expected: resource.sha256.to_string(), received })
}

/// Receives what `part` lacks; tells whether it had something.
fn receive(url: &str, resource: &Resource<'_>, part: &Path) -> Result<bool> {
    let fail = |message: String| Error::Download { url: url.to_string(), message };
    let mut have = std::fs::metadata(part).map_or(0, |data| data.len());
    if have == resource.bytes {
        return Ok(true);
    }
    if have > resource.bytes {
        std::fs::remove_file(part).map_err(|source| Error::io(part, source))?;
        have = 0;
    }
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        // The files are packed already, and ranges count the bytes as they are stored.
        .accept_encoding("identity")
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_per_read(Some(Duration::from_secs(60)))
        .build()
        .new_agent();
    let mut request = agent.get(url);
    if have > 0 {
        request = request.header("Range", format!("bytes={have}-"));
    }
    let response = request.call().map_err(|error| fail(error.to_string()))?;
    let status = response.status().as_u16();
    let range = response.headers().get("Content-Range").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let resumed = match status {
        206 if have > 0 && range.starts_with(&format!("bytes {have}-")) => true,
        // The server gives the whole file, asked for a range or not.
        200 => false,
        _ => {
            let message = format!("expected status 200 or 206, received {status} {range}");
            return Err(fail(message.trim_end().to_string()));
        }
    };
    let write_error = |source| Error::io(part, source);
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .append(resumed)
        .truncate(!resumed)
        .open(part)
        .map_err(write_error)?;
    // One byte more than there should be is enough to see that it is another file.
    let rest = resource.bytes + 1 - if resumed { have } else { 0 };
    let mut body = response.into_body().into_reader().take(rest);
    let mut buffer = vec![0; 1 << 16];
    let mut failed = None;
    loop {
        match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => file.write_all(&buffer[..count]).map_err(write_error)?,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => {
                failed = Some(error.to_string());
                break;
            }
        }
    }
    file.sync_all().map_err(write_error)?;
    let have = file.metadata().map_err(write_error)?.len();
    match failed {
        _ if have > resource.bytes => Ok(resumed),
        None if have == resource.bytes => Ok(resumed),
        reason => Err(fail(format!(
            "expected {} bytes, received {have}{}; the next call goes on from there",
            resource.bytes,
            reason.map_or(String::new(), |reason| format!(" ({reason})"))
        ))),
    }
}

/// The SHA-256 of a file, in lower-case hexadecimal.
///
/// # Errors
/// [`Error::Io`] if it cannot be read.
pub fn sha256(path: &Path) -> Result<String> {
    let fail = |source| Error::io(path, source);
    let mut file = File::open(path).map_err(fail)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut buffer).map_err(fail)?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256_known_answer() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        // FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(&path).unwrap(), expected);
    }
}
