//! The programs that `cargo test` builds beside the tests.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where a program lies.
pub(crate) fn path(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let path = test.ancestors().nth(2).expect("target directory").join("examples").join(name);
    assert!(path.exists(), "expected {} to be built with the tests", path.display());
    path
}

/// Runs a program in a directory: whether it succeeded, what it printed, and its errors.
pub(crate) fn run(name: &str, arguments: &[&str], directory: &Path) -> (bool, String, String) {
    let output = Command::new(path(name)).args(arguments).current_dir(directory).output().expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.success(), text(output.stdout), text(output.stderr))
}
