//! Where programs keep what they can make or fetch again.

use std::path::PathBuf;

/// `ocelli` in `$XDG_CACHE_HOME`, or in the platform's own cache directory (`~/.cache`, `~/Library/Caches`, `%LOCALAPPDATA%`); none if the
/// environment names no home.
pub fn cache_directory() -> Option<PathBuf> {
    cache_directory_in(cfg!(windows), cfg!(target_os = "macos"), |name| {
        std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
    })
}

fn cache_directory_in(windows: bool, macos: bool, variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let platform = || match (windows, macos) {
        (true, _) => variable("LOCALAPPDATA"),
        (_, true) => variable("HOME").map(|home| home.join("Library/Caches")),
        _ => variable("HOME").map(|home| home.join(".cache")),
    };
    let root = variable("XDG_CACHE_HOME").or_else(platform);
    root.map(|root| root.join("ocelli"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_follows_the_environment() {
        let directory = |windows, macos, set: &[(&str, &str)]| {
            cache_directory_in(windows, macos, |name| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| PathBuf::from(value))
            })
        };
        let home = ("HOME", "/home/me");
        let path = |text| Some(PathBuf::from(text));
        assert_eq!(directory(false, false, &[home]), path("/home/me/.cache/ocelli"));
        assert_eq!(directory(false, true, &[home]), path("/home/me/Library/Caches/ocelli"));
        assert_eq!(directory(true, false, &[("LOCALAPPDATA", "/local")]), path("/local/ocelli"));
        assert_eq!(directory(false, false, &[home, ("XDG_CACHE_HOME", "/cache")]), path("/cache/ocelli"));
        assert_eq!(directory(false, false, &[]), None);
    }
}
