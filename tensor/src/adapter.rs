//! What is known of the machine's graphics adapters.

/// What an adapter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AdapterKind {
    /// A graphics card with memory of its own.
    Discrete,
    /// A graphics processor that shares the processor's memory.
    Integrated,
    /// A graphics processor that is lent to a virtual machine.
    Virtual,
    /// The driver does not say.
    Other,
    /// A driver that computes on the processor: right, but slow.
    Cpu,
}

/// An adapter that [`Device::wgpu`](crate::Device::wgpu) can open, as [`Device::adapters`](crate::Device::adapters) lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Adapter {
    /// The adapter's name.
    pub name: String,
    /// What it is.
    pub kind: AdapterKind,
    /// The interface that it is reached by: `vulkan`, `metal`, `dx12`.
    pub backend: String,
    /// The driver and its version.
    pub driver: String,
    /// What of use it can do beyond WebGPU's core: `f16`, `subgroups`, `timestamps`, `cooperative-matrices`, …
    pub features: Vec<&'static str>,
    /// Most bytes of one tensor's memory.
    pub max_buffer: u64,
    /// Most bytes that one kernel sees of a tensor at once.
    pub max_binding: u64,
    /// Bytes that the invocations of a workgroup share.
    pub workgroup_memory: u32,
    /// Most invocations of a workgroup.
    pub workgroup_invocations: u32,
}
