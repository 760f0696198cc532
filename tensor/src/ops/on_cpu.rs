//! Operations of which graphics processors have no kernel, or none that would see enough of their operands at once: these go to the CPU,
//! and the results come back.

use crate::{Device, Error, Result, Tensor, profile};

/// What an operation gives, to be moved to a device.
pub(crate) trait Movable: Sized {
    fn moved_to(self, device: Device) -> Result<Self>;
}

impl Movable for Tensor {
    fn moved_to(self, device: Device) -> Result<Self> {
        self.to_device(device)
    }
}

impl Movable for Option<Tensor> {
    fn moved_to(self, device: Device) -> Result<Self> {
        self.map(|x| x.moved_to(device)).transpose()
    }
}

impl Movable for Vec<Tensor> {
    fn moved_to(self, device: Device) -> Result<Self> {
        self.into_iter().map(|x| x.moved_to(device)).collect()
    }
}

impl<A: Movable, B: Movable> Movable for (A, B) {
    fn moved_to(self, device: Device) -> Result<Self> {
        Ok((self.0.moved_to(device)?, self.1.moved_to(device)?))
    }
}

impl<A: Movable, B: Movable, C: Movable> Movable for (A, B, C) {
    fn moved_to(self, device: Device) -> Result<Self> {
        Ok((self.0.moved_to(device)?, self.1.moved_to(device)?, self.2.moved_to(device)?))
    }
}

/// Runs an operation on copies of these operands (at least one, all on one device) on the CPU, and moves the result to their device.
pub(crate) fn on_cpu<const N: usize, R: Movable>(
    op: &'static str,
    operands: [&Tensor; N],
    run: impl FnOnce([&Tensor; N]) -> Result<R>,
) -> Result<R> {
    let _span = profile::span(op, 0);
    operands.iter().try_for_each(|other| operands[0].require_same_device(op, other))?;
    let copies = operands.iter().map(|x| x.to_device(Device::Cpu)).collect::<Result<Vec<Tensor>>>()?;
    run(std::array::from_fn(|i| &copies[i]))?.moved_to(operands[0].device())
}

/// What an operation gives `there`, on the graphics processor of these operands; where a kernel would have to see more of one at once than
/// that allows ([`Error::Binding`]), what it gives here, on the CPU. The profile has a row of this name then.
pub(crate) fn or_on_cpu<const N: usize, R: Movable>(
    op: &'static str,
    operands: [&Tensor; N],
    there: impl FnOnce() -> Result<R>,
    here: impl FnOnce([&Tensor; N]) -> Result<R>,
) -> Result<R> {
    match there() {
        Err(Error::Binding { .. }) => on_cpu(op, operands, here),
        result => result,
    }
}
