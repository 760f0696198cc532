//! Where tests of graphics processors run.

use std::io::Write;

use ocelli_tensor::{Device, Result};

/// The adapter that was opened, or a message that there is none; `OCELLI_TEST_ADAPTER=required` makes that a failure.
pub(crate) fn or_skipped(opened: Result<Device>) -> Option<Device> {
    match opened {
        Ok(device) => Some(device),
        Err(error) => {
            assert!(std::env::var_os("OCELLI_TEST_ADAPTER").is_none(), "{error}");
            let _ = writeln!(std::io::stderr(), "skipped: there is no graphics adapter: {error}");
            None
        }
    }
}
