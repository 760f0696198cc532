//! The machine's adapters, and which of them a program means.

use std::sync::OnceLock;

use ::wgpu::{
    Backends, CooperativeMatrixProperties, CooperativeScalarType, DeviceType, ExperimentalFeatures, Features,
    RequestDeviceError,
};

use crate::{Adapter, AdapterKind, Device, Error, Result};

/// Picks adapters by number or by a part of name, driver or backend.
const CHOICE: &str = "OCELLI_ADAPTER";

/// Features that kernels use where they are there.
const USEFUL: [(Features, &str); 6] = [
    (Features::SHADER_F16, "f16"),
    (Features::SUBGROUP, "subgroups"),
    (Features::IMMEDIATES, "immediates"),
    (Features::TIMESTAMP_QUERY, "timestamps"),
    (Features::PIPELINE_CACHE, "pipeline-cache"),
    (Features::EXPERIMENTAL_COOPERATIVE_MATRIX, "cooperative-matrices"),
];

/// Those of an adapter. Cooperative matrices count if they are of the size and types that kernels use.
fn useful(adapter: &::wgpu::Adapter) -> Features {
    let all = USEFUL.iter().fold(Features::empty(), |all, (feature, _)| all | *feature) & adapter.features();
    let is_of_use = |matrix: &CooperativeMatrixProperties| {
        let sizes = [matrix.m_size, matrix.n_size, matrix.k_size];
        (sizes, matrix.ab_type, matrix.cr_type) == ([16; 3], CooperativeScalarType::F16, CooperativeScalarType::F32)
    };
    let needed = Features::EXPERIMENTAL_COOPERATIVE_MATRIX | Features::SHADER_F16 | Features::SUBGROUP;
    if all.contains(needed) && adapter.cooperative_matrix_properties().iter().any(is_of_use) {
        return all;
    }
    all - Features::EXPERIMENTAL_COOPERATIVE_MATRIX
}

/// The device of an adapter, and what it was opened with.
pub(super) fn opened(
    adapter: &::wgpu::Adapter,
    limits: &::wgpu::Limits,
) -> std::result::Result<(::wgpu::Device, ::wgpu::Queue, Features), RequestDeviceError> {
    let with = |features: Features, experimental_features: ExperimentalFeatures| {
        let descriptor = ::wgpu::DeviceDescriptor {
            label: None,
            required_features: features,
            required_limits: limits.clone(),
            experimental_features,
            memory_hints: ::wgpu::MemoryHints::Performance,
            trace: ::wgpu::Trace::Off,
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))?;
        Ok((device, queue, features))
    };
    let features = useful(adapter);
    let experimental = Features::EXPERIMENTAL_COOPERATIVE_MATRIX;
    if features.contains(experimental) {
        // SAFETY: of what this allows, only cooperative matrices are asked for, and only `cooperative.wgsl` uses them: on memory of its
        // workgroup, within its bounds, in uniform control flow. Its results are compared with another kernel's before they count.
        let opened = with(features, unsafe { ExperimentalFeatures::enabled() });
        if opened.is_ok() {
            return opened;
        }
    }
    with(features - experimental, ExperimentalFeatures::disabled())
}

/// What was found when the first one was asked for: the list, and so every number in it, stays as it is.
fn found() -> &'static [::wgpu::Adapter] {
    static FOUND: OnceLock<Vec<::wgpu::Adapter>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let backends = Backends::VULKAN | Backends::METAL | Backends::DX12;
        let instance = ::wgpu::Instance::new(::wgpu::InstanceDescriptor {
            backends,
            flags: ::wgpu::InstanceFlags::empty(),
            ..::wgpu::InstanceDescriptor::new_without_display_handle()
        });
        let mut adapters = pollster::block_on(instance.enumerate_adapters(backends));
        adapters.sort_by_key(|adapter| kind(adapter.get_info().device_type));
        match std::env::var(CHOICE) {
            Ok(choice) => chosen(adapters, &choice),
            Err(_) => adapters,
        }
    })
}

fn chosen(adapters: Vec<::wgpu::Adapter>, choice: &str) -> Vec<::wgpu::Adapter> {
    if let Ok(number) = choice.parse() {
        return adapters.into_iter().skip(number).take(1).collect();
    }
    let choice = choice.to_lowercase();
    let is_meant = |adapter: &::wgpu::Adapter| {
        let info = adapter.get_info();
        [info.name, info.driver, info.backend.to_str().to_owned()]
            .iter()
            .any(|text| text.to_lowercase().contains(&choice))
    };
    adapters.into_iter().filter(is_meant).collect()
}

pub(crate) fn adapters() -> Vec<Adapter> {
    let described = |adapter: &::wgpu::Adapter| {
        let (info, limits, features) = (adapter.get_info(), adapter.limits(), useful(adapter));
        Adapter {
            name: info.name,
            kind: kind(info.device_type),
            backend: info.backend.to_str().to_owned(),
            driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
            features: USEFUL.iter().filter(|(feature, _)| features.contains(*feature)).map(|(_, name)| *name).collect(),
            max_buffer: limits.max_buffer_size,
            max_binding: limits.max_storage_buffer_binding_size,
            workgroup_memory: limits.max_compute_workgroup_storage_size,
            workgroup_invocations: limits.max_compute_invocations_per_workgroup,
        }
    };
    found().iter().map(described).collect()
}

/// # Errors
/// [`Error::Adapter`] if there are not so many, with what was looked for and found.
pub(super) fn adapter(index: usize) -> Result<&'static ::wgpu::Adapter> {
    found().get(index).ok_or_else(|| {
        let names: Vec<String> = adapters().into_iter().map(|adapter| adapter.name).collect();
        let choice = std::env::var(CHOICE).map(|choice| format!(" that {CHOICE}={choice} picks")).unwrap_or_default();
        let count = names.len();
        refused(
            index,
            format!("expected an adapter of Vulkan, Metal or DX12 of this number{choice}, found {count} {names:?}"),
        )
    })
}

pub(super) fn refused(index: usize, message: String) -> Error {
    Error::Adapter { device: Device::Wgpu(index), message }
}

fn kind(device_type: DeviceType) -> AdapterKind {
    match device_type {
        DeviceType::DiscreteGpu => AdapterKind::Discrete,
        DeviceType::IntegratedGpu => AdapterKind::Integrated,
        DeviceType::VirtualGpu => AdapterKind::Virtual,
        DeviceType::Cpu => AdapterKind::Cpu,
        DeviceType::Other => AdapterKind::Other,
    }
}
