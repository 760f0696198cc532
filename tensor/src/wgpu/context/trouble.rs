//! What went wrong on a device behind the program's back.

use std::sync::{Arc, OnceLock};

/// The first trouble of a device, which every later operation on it reports. A device that has had any is not used again: what a
/// kernel that failed should have written is arbitrary, and with it what was computed from that.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    failed: OnceLock<String>,
    lost: OnceLock<String>,
}

impl Trouble {
    /// Listens to a device.
    pub(super) fn watch(device: &::wgpu::Device) -> Arc<Trouble> {
        let trouble = Arc::new(Trouble::default());
        let heard = trouble.clone();
        device.set_device_lost_callback(move |reason, message| {
            let _ = heard.lost.set(format!(
                "the device was lost ({reason:?}: {message}); tensors on it are gone, others and files are not; Device::wgpu opens it anew"
            ));
        });
        let heard = trouble.clone();
        device.on_uncaptured_error(Arc::new(move |error: ::wgpu::Error| {
            heard.note(format!(
                "a kernel failed, and the device is not used any more (Device::wgpu opens it anew): {error}"
            ));
        }));
        trouble
    }

    /// Keeps the message unless there is an earlier one.
    pub(super) fn note(&self, message: String) {
        let _ = self.failed.set(message);
    }

    /// That the device was lost comes first: errors of other kinds follow from it.
    pub(super) fn message(&self) -> Option<&str> {
        self.lost.get().or(self.failed.get()).map(String::as_str)
    }
}
