//! What an adapter has compiled in earlier runs, where it gives that out (through Vulkan it does): one file for each adapter.
//!
//! Files lie in the user's cache directory, or in the one that `OCELLI_PIPELINE_CACHE` names; with `none` there are none. A file that is
//! not whole, or of another driver, is not used, and one that cannot be written is left: all that is lost is time.

use std::hash::{DefaultHasher, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ::wgpu::{Device, ErrorFilter, Features, PipelineCache, PipelineCacheDescriptor};

use crate::user::cache_directory;

const VARIABLE: &str = "OCELLI_PIPELINE_CACHE";
/// What a file begins with, before the check sum of what follows.
const MAGIC: [u8; 8] = *b"OCELLI01";
/// A file is not written more often than this.
const PAUSE: Duration = Duration::from_secs(1);
/// A file that has become larger than this is begun anew: drivers only ever add.
const MOST: u64 = 256 << 20;

/// Pipelines that outlive the program.
pub(super) struct Cache {
    pipelines: PipelineCache,
    file: PathBuf,
    /// Whether there is something that the file does not have.
    has_news: bool,
    written: Option<Instant>,
}

impl Cache {
    /// None if the adapter has no such thing, or the user wants none.
    pub(super) fn open(device: &Device) -> Option<Cache> {
        let directory = match std::env::var_os(VARIABLE) {
            Some(directory) if directory == "none" => return None,
            Some(directory) => PathBuf::from(directory),
            None => cache_directory()?.join("pipelines"),
        };
        Cache::open_in(&directory, device)
    }

    pub(super) fn open_in(directory: &Path, device: &Device) -> Option<Cache> {
        if !device.features().contains(Features::PIPELINE_CACHE) {
            return None;
        }
        let file = directory.join(::wgpu::util::pipeline_cache_key(&device.adapter_info())?);
        let data = read(&file);
        let refused = device.push_error_scope(ErrorFilter::Validation);
        let descriptor = PipelineCacheDescriptor { label: None, data: data.as_deref(), fallback: true };
        // SAFETY: the data is what `get_data` gave for an adapter of this key: only `write` makes such files, each in one step under its
        // name, and the check sum says that this one is as it was made. wgpu and the driver compare versions and devices themselves.
        // Whoever can write to the user's own cache directory on purpose can as well change the program.
        let pipelines = unsafe { device.create_pipeline_cache(&descriptor) };
        let is_refused = pollster::block_on(refused.pop()).is_some();
        (!is_refused).then_some(Cache { pipelines, file, has_news: false, written: None })
    }

    /// Where a pipeline that is compiled now goes.
    pub(super) fn for_another(&mut self) -> &PipelineCache {
        self.has_news = true;
        &self.pipelines
    }

    /// Writes the file if there are news, unless that was done a moment ago.
    pub(super) fn save(&mut self) {
        if !self.has_news || self.written.is_some_and(|written| written.elapsed() < PAUSE) {
            return;
        }
        self.has_news = false;
        self.written = Some(Instant::now());
        if let Some(data) = self.pipelines.get_data() {
            // It is only time that is lost.
            let _ = write(&self.file, &data);
        }
    }
}

/// The content of a file, if it is there and whole.
fn read(file: &Path) -> Option<Vec<u8>> {
    if std::fs::metadata(file).ok()?.len() > MOST {
        return None;
    }
    let content = std::fs::read(file).ok()?;
    let (head, data) = content.split_at_checked(MAGIC.len() + size_of::<u64>())?;
    (head == begin(data)).then(|| data.to_vec())
}

/// Puts a file there in one step, so that nobody ever sees half of one.
fn write(file: &Path, data: &[u8]) -> std::io::Result<()> {
    let directory = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory)?;
    let mut whole = tempfile::NamedTempFile::new_in(directory)?;
    whole.write_all(&begin(data))?;
    whole.write_all(data)?;
    whole.persist(file)?;
    Ok(())
}

/// What stands before this data.
fn begin(data: &[u8]) -> Vec<u8> {
    let mut sum = DefaultHasher::new();
    sum.write(data);
    [MAGIC, sum.finish().to_le_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_not_whole_are_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("new").join("adapter");
        assert_eq!(read(&file), None);
        write(&file, b"pipelines").unwrap();
        assert_eq!(read(&file).unwrap(), b"pipelines");
        let whole = std::fs::read(&file).unwrap();
        for (what, content) in [
            ("empty", vec![]),
            ("cut off", whole[..whole.len() - 1].to_vec()),
            ("only its head", whole[..12].to_vec()),
            ("longer", [&whole[..], b"!"].concat()),
            ("changed", whole.iter().enumerate().map(|(i, byte)| byte ^ u8::from(i == 20)).collect()),
        ] {
            std::fs::write(&file, content).unwrap();
            assert_eq!(read(&file), None, "{what}");
        }
    }
}
