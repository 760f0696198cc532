//! Ctrl-C: the first asks training to end after the step, the second ends the process.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::{Error, Result};

/// How many trainings on this process listen.
static LISTENING: AtomicUsize = AtomicUsize::new(0);
/// Whether ctrl-C was pressed while one did.
static REQUESTED: AtomicBool = AtomicBool::new(false);

/// What a shell reports for a process that SIGINT ended.
const EXIT_CODE: i32 = 130;

/// Takes over ctrl-C for this process. While nobody listens it ends the process as it always did.
///
/// # Errors
/// If another handler is there already, or the system refuses.
pub(crate) fn install() -> Result<()> {
    static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
    let handler = || {
        if LISTENING.load(Ordering::SeqCst) == 0 || REQUESTED.swap(true, Ordering::SeqCst) {
            std::process::exit(EXIT_CODE);
        }
    };
    match INSTALLED.get_or_init(|| ctrlc::set_handler(handler).map_err(|e| e.to_string())) {
        Ok(()) => Ok(()),
        Err(message) => {
            let message = format!("expected to install a handler for ctrl-C, received: {message}");
            Err(Error::argument("stop on ctrl-C", message))
        }
    }
}

/// Listens as long as it lives.
pub(crate) struct Listening(());

impl Listening {
    pub(crate) fn new() -> Self {
        LISTENING.fetch_add(1, Ordering::SeqCst);
        Listening(())
    }

    /// Whether ctrl-C was pressed.
    pub(crate) fn requested(&self) -> bool {
        REQUESTED.load(Ordering::SeqCst)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if LISTENING.fetch_sub(1, Ordering::SeqCst) == 1 {
            REQUESTED.store(false, Ordering::SeqCst);
        }
    }
}
