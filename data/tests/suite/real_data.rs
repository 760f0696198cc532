//! Where real data sets lie, for tests that are skipped where there are none.

use std::path::PathBuf;

/// `$OCELLI_DATA`, or the directory `shared/data` beside the workspace.
pub(crate) fn directory(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("OCELLI_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")), PathBuf::from);
    let directory = root.join(name);
    if directory.is_dir() {
        return Some(directory);
    }
    use std::io::Write;
    let _ = writeln!(
        std::io::stderr(),
        "skipped: there is no {}; set OCELLI_DATA to the directory that holds {name}",
        directory.display()
    );
    None
}
