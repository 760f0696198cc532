//! Which instructions the kernels use.

use std::sync::LazyLock;

/// An instruction set that this processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Level {
    /// All levels that this processor has, the least first.
    pub(crate) fn all() -> Vec<Level> {
        let mut levels = vec![Level::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 =
                is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c");
            if avx2 {
                levels.push(Level::Avx2);
            }
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            if avx2 && avx512 {
                levels.push(Level::Avx512);
            }
        }
        #[cfg(target_arch = "aarch64")]
        levels.push(Level::Neon);
        levels
    }

    /// The name by which `OCELLI_CPU` asks for it.
    fn name(self) -> &'static str {
        match self {
            Level::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "avx512",
            #[cfg(target_arch = "aarch64")]
            Level::Neon => "neon",
        }
    }
}

/// The level that kernels run at: the best that the processor has, or the one that the environment variable `OCELLI_CPU` names. It is
/// read once.
pub(crate) fn level() -> Level {
    static LEVEL: LazyLock<Level> = LazyLock::new(|| {
        let levels = Level::all();
        let best = levels.last().copied().unwrap_or(Level::Portable);
        let Ok(wanted) = std::env::var("OCELLI_CPU") else { return best };
        levels.iter().copied().find(|level| level.name() == wanted).unwrap_or_else(|| {
            let names: Vec<&str> = levels.iter().map(|level| level.name()).collect();
            let names = names.join(", ");
            // There is no call that could return this error, and a wrong setting must not pass in silence.
            #[allow(clippy::print_stderr)]
            {
                eprintln!("OCELLI_CPU={wanted} is none of what this processor has ({names}); using {}", best.name());
            }
            best
        })
    });
    *LEVEL
}
