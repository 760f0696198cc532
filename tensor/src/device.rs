//! Where a tensor lives.

use std::str::FromStr;

use crate::memory;
use crate::wgpu::{self, Context};
use crate::{Adapter, AdapterKind, Error, Result};

/// The place that holds a tensor's numbers and runs its kernels.
///
/// ```
/// use ocelli_tensor::{Device, Tensor};
///
/// # fn main() -> ocelli_tensor::Result<()> {
/// let x = Tensor::new([1.0f32, 2.0])?.to_device(Device::best())?;
/// assert_eq!(x.mul(2.0)?.to_vec::<f32>()?, [2.0, 4.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Device {
    /// The processor, on [`num_threads`](crate::num_threads) threads.
    #[default]
    Cpu,
    /// A graphics processor: the adapter of this number in [`Device::adapters`].
    ///
    /// Its kernels see a limited part of a tensor at once ([`Adapter::max_binding`], and 2 GiB at most). Operations on larger tensors are
    /// done by parts. What cannot be cut, as one line that is sorted or one picture that a convolution reads, is done on the CPU, the
    /// tensors going there and back; the [`profile`](crate::profile) has a row of the operation on the CPU then.
    Wgpu(usize),
}

impl Device {
    /// The adapter of this number in [`Device::adapters`], opened; anew if it was lost or a kernel has failed on it. Tensors of before are
    /// gone then: every operation on them is an error that says what happened.
    ///
    /// # Errors
    /// [`Error::Adapter`] if there is no such adapter, or it cannot be opened.
    pub fn wgpu(index: usize) -> Result<Device> {
        Context::of(index)?;
        Ok(Device::Wgpu(index))
    }

    /// The first adapter that is a graphics processor and can be opened, else the CPU.
    pub fn best() -> Device {
        let opened = |(index, adapter): (usize, &Adapter)| {
            if adapter.kind == AdapterKind::Cpu { None } else { Device::wgpu(index).ok() }
        };
        Device::adapters().iter().enumerate().find_map(opened).unwrap_or(Device::Cpu)
    }

    /// The machine's graphics adapters, fastest kind first. The environment variable `OCELLI_ADAPTER` picks some of them: by number in
    /// the whole list, or by a part of name, driver or backend.
    pub fn adapters() -> Vec<Adapter> {
        wgpu::adapters()
    }

    /// Bytes that tensors take on this device, with those that they are copied to it and back through, and those that freed tensors and
    /// copies have left behind for the next ones ([`release_idle_memory`](crate::release_idle_memory) gives these back).
    ///
    /// # Errors
    /// [`Error::Adapter`] if the adapter cannot be opened.
    pub fn reserved_memory(self) -> Result<u64> {
        match self {
            Device::Cpu => Ok(memory::reserved_bytes() as u64),
            Device::Wgpu(index) => Ok(Context::of(index)?.reserved()),
        }
    }

    /// Waits until the device has finished all that it was told to do. On the CPU operations have finished when they return. On a graphics
    /// processor elementwise operations wait for a reader, with whom they run as one kernel: this computes them, unless their results
    /// were dropped.
    ///
    /// # Errors
    /// [`Error::Adapter`] if the adapter cannot be opened, or has failed or was lost since it was opened.
    pub fn synchronize(self) -> Result<()> {
        match self {
            Device::Cpu => Ok(()),
            Device::Wgpu(index) => Context::last(index)?.synchronize(),
        }
    }

    /// Opens an adapter whose kernels see no more than so many bytes of an operand, for tests of what is done by parts then.
    #[doc(hidden)]
    pub fn wgpu_bounded(index: usize, binding: u64) -> Result<Device> {
        Context::bounded(index, binding)?;
        Ok(Device::Wgpu(index))
    }

    /// Loses a graphics processor, as one that is pulled out or whose driver fails, for tests of what a program does then.
    #[doc(hidden)]
    pub fn lose(self) -> Result<()> {
        match self {
            Device::Cpu => Ok(()),
            Device::Wgpu(index) => Context::of(index).map(|context| context.lose()),
        }
    }
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Device::Cpu => f.write_str("cpu"),
            Device::Wgpu(index) => write!(f, "wgpu:{index}"),
        }
    }
}

/// `cpu`, `wgpu` (the first adapter), `wgpu:1`, or `best`. Adapters are opened.
impl FromStr for Device {
    type Err = Error;

    fn from_str(text: &str) -> Result<Device> {
        let number = text.strip_prefix("wgpu:").and_then(|number| number.parse().ok());
        match (text, number) {
            ("cpu", _) => Ok(Device::Cpu),
            ("best", _) => Ok(Device::best()),
            ("wgpu", _) => Device::wgpu(0),
            (_, Some(index)) => Device::wgpu(index),
            _ => Err(Error::argument("device", format!("expected cpu, wgpu, wgpu:NUMBER or best, received {text:?}"))),
        }
    }
}
