//! What went wrong on a device behind the program's back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// The first trouble of a device, which every later operation on it reports.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    message: OnceLock<String>,
    lost: AtomicBool,
}

impl Trouble {
    /// Listens to a device.
    pub(super) fn watch(device: &::wgpu::Device) -> Arc<Trouble> {
        let trouble = Arc::new(Trouble::default());
        let heard = trouble.clone();
        device.set_device_lost_callback(move |reason, message| {
            heard.lost.store(true, Ordering::Release);
            heard.note(format!(
                "the device was lost ({reason:?}: {message}); tensors on it are gone, others and files are not"
            ));
        });
        let heard = trouble.clone();
        device
            .on_uncaptured_error(Arc::new(move |error: ::wgpu::Error| heard.note(format!("a kernel failed: {error}"))));
        trouble
    }

    /// Keeps the message unless there is an earlier one.
    pub(super) fn note(&self, message: String) {
        let _ = self.message.set(message);
    }

    pub(super) fn message(&self) -> Option<String> {
        self.message.get().cloned()
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }
}
