//! Compute pipelines, each compiled once.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use ::wgpu::{
    BindGroupLayout, BindGroupLayoutEntry, BindingType, BufferBindingType, ComputePipeline, ErrorFilter, ShaderStages,
};

use super::Context;
use super::cache::Cache;
use crate::wgpu::{Program, Stored};

/// A pipeline and what it binds.
pub(super) struct Pipeline {
    pub(super) compute: ComputePipeline,
    pub(super) bindings: Arc<BindGroupLayout>,
    /// Bytes of parameters that go with the command, if they do not lie in uniform memory.
    pub(super) immediate: Option<usize>,
}

/// How kernels name their parameters, and how those do that get them with the command.
const UNIFORM: &str = "@group(0) @binding(0) var<uniform> p: Params;";
const IMMEDIATE: &str = "var<immediate> p: Params;";
/// Vectors of four, of which parameters may consist, take so many bytes.
const VECTOR: usize = 16;

type Key = (&'static str, Vec<(&'static str, Stored)>, Vec<(&'static str, u32)>, Vec<(&'static str, u32)>);

pub(super) struct Pipelines {
    device: ::wgpu::Device,
    compiled: HashMap<Key, Arc<Pipeline>>,
    cache: Option<Cache>,
    /// By the numbers of buffers that are written and read, and whether parameters lie in uniform memory.
    layouts: HashMap<(usize, usize, bool), Arc<BindGroupLayout>>,
}

impl Pipelines {
    pub(super) fn new(device: &::wgpu::Device, cache: Option<Cache>) -> Self {
        Pipelines { device: device.clone(), compiled: HashMap::new(), cache, layouts: HashMap::new() }
    }

    /// Keeps what was compiled for other programs, where that is done and about time.
    pub(super) fn save(&mut self) {
        self.cache.iter_mut().for_each(Cache::save);
    }

    pub(super) fn get(
        &mut self,
        context: &Context,
        program: Program<'_>,
        params: usize,
        (writes, reads): (usize, usize),
    ) -> Result<Arc<Pipeline>, ::wgpu::Error> {
        let key = (program.kernel.name, program.types.to_vec(), program.sizes.to_vec(), program.constants.to_vec());
        if let Some(pipeline) = self.compiled.get(&key) {
            return Ok(pipeline.clone());
        }
        let bytes = (params * size_of::<u32>()).next_multiple_of(VECTOR);
        let immediate = (bytes <= context.limits.max_immediate_size as usize).then_some(bytes);
        let bindings = self.layout(writes, reads, immediate.is_none());
        let cache = self.cache.as_mut().map(Cache::for_another);
        let compute = compile(context, program, &bindings, immediate, cache)?;
        let pipeline = Arc::new(Pipeline { compute, bindings, immediate });
        self.compiled.insert(key, pipeline.clone());
        Ok(pipeline)
    }

    fn layout(&mut self, writes: usize, reads: usize, has_uniform: bool) -> Arc<BindGroupLayout> {
        let device = &self.device;
        let layout = self.layouts.entry((writes, reads, has_uniform)).or_insert_with(|| {
            let entry = |binding: usize, ty: BufferBindingType| BindGroupLayoutEntry {
                binding: binding as u32,
                visibility: ShaderStages::COMPUTE,
                ty: BindingType::Buffer {
                    ty,
                    has_dynamic_offset: ty == BufferBindingType::Uniform,
                    min_binding_size: None,
                },
                count: None,
            };
            let storage = |i: usize| entry(i + 1, BufferBindingType::Storage { read_only: i >= writes });
            let uniform = has_uniform.then(|| entry(0, BufferBindingType::Uniform));
            let entries: Vec<BindGroupLayoutEntry> =
                uniform.into_iter().chain((0..writes + reads).map(storage)).collect();
            let descriptor = ::wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries };
            Arc::new(device.create_bind_group_layout(&descriptor))
        });
        layout.clone()
    }
}

/// The whole program.
fn source(program: Program<'_>, is_immediate: bool) -> String {
    let Program { kernel, types, sizes, .. } = program;
    // Extensions stand first, whichever file needs them.
    let is_enable = |line: &&str| line.starts_with("enable ");
    let mut source: String = if types.iter().any(|(_, stored)| matches!(stored, Stored::F16 | Stored::F16x4)) {
        "enable f16;\n".to_owned()
    } else {
        String::new()
    };
    for line in kernel.files.iter().flat_map(|file| file.lines()).filter(is_enable) {
        let _ = writeln!(source, "{line}");
    }
    for (name, stored) in types {
        let _ = writeln!(source, "alias {name} = {};", name_of(*stored));
    }
    for (name, size) in sizes {
        let _ = writeln!(source, "const {name}: u32 = {size}u;");
    }
    for line in kernel.files.iter().flat_map(|file| file.lines()).filter(|line| !is_enable(line)) {
        let line = if is_immediate && line == UNIFORM { IMMEDIATE } else { line };
        let _ = writeln!(source, "{line}");
    }
    source
}

/// # Errors
/// What the adapter says of a program that it does not take.
fn compile(
    context: &Context,
    program: Program<'_>,
    bindings: &BindGroupLayout,
    immediate: Option<usize>,
    cache: Option<&::wgpu::PipelineCache>,
) -> Result<ComputePipeline, ::wgpu::Error> {
    let Program { kernel, constants, .. } = program;
    let device = &context.device;
    let invalid = device.push_error_scope(ErrorFilter::Validation);
    let failed = device.push_error_scope(ErrorFilter::Internal);
    let module = device.create_shader_module(::wgpu::ShaderModuleDescriptor {
        label: Some(kernel.name),
        source: ::wgpu::ShaderSource::Wgsl(source(program, immediate.is_some()).into()),
    });
    let layout = device.create_pipeline_layout(&::wgpu::PipelineLayoutDescriptor {
        label: None,
        bind_group_layouts: &[Some(bindings)],
        immediate_size: immediate.unwrap_or_default() as u32,
    });
    let constants: Vec<(&str, f64)> = constants.iter().map(|&(name, value)| (name, f64::from(value))).collect();
    let pipeline = device.create_compute_pipeline(&::wgpu::ComputePipelineDescriptor {
        label: Some(kernel.name),
        layout: Some(&layout),
        module: &module,
        entry_point: Some("main"),
        compilation_options: ::wgpu::PipelineCompilationOptions {
            constants: &constants,
            zero_initialize_workgroup_memory: false,
        },
        cache,
    });
    let errors = [pollster::block_on(failed.pop()), pollster::block_on(invalid.pop())];
    errors.into_iter().flatten().next().map_or(Ok(pipeline), Err)
}

/// A type's name in WGSL.
fn name_of(stored: Stored) -> &'static str {
    match stored {
        Stored::F32 => "f32",
        Stored::F16 => "f16",
        Stored::I32 => "i32",
        Stored::U32 => "u32",
        Stored::I64 => "vec2<u32>",
        Stored::F32x4 => "vec4<f32>",
        Stored::F16x4 => "vec4<f16>",
        Stored::I32x4 => "vec4<i32>",
        Stored::U32x4 => "vec4<u32>",
    }
}
