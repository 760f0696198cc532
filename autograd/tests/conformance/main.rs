//! Every differentiable operation, checked against central differences in f64: the gradient, the gradient of a variable that is
//! used twice, non-contiguous and empty inputs, and the second derivative. What holds in f64 on the CPU is then what f32 has to give
//! on every device, within one tolerance (`support.rs`).
//!
//! To add an operation: one or more [`Case`]s in the file of its family. The last test finds every `impl Op for …` in the
//! crate's sources and fails if no case has recorded it.

mod activation;
mod arithmetic;
mod arrange;
mod conv;
mod cross_entropy;
mod dropout;
mod einsum;
mod index;
mod interpolate;
mod join;
mod linalg;
mod math;
mod matmul;
mod norm;
mod pad;
mod pool;
mod recurrent;
mod reduce;
mod roi;
mod scan;
mod select;
mod softmax;
mod sort;
mod support;
mod view;

use std::collections::BTreeSet;
use std::io::Write;

use ocelli_tensor::Device;

use support::Case;

fn all_cases() -> Vec<Case> {
    [
        activation::cases,
        arithmetic::cases,
        arrange::cases,
        conv::cases,
        cross_entropy::cases,
        dropout::cases,
        einsum::cases,
        index::cases,
        interpolate::cases,
        join::cases,
        linalg::cases,
        math::cases,
        matmul::cases,
        norm::cases,
        pad::cases,
        pool::cases,
        recurrent::cases,
        reduce::cases,
        roi::cases,
        scan::cases,
        select::cases,
        softmax::cases,
        sort::cases,
        view::cases,
    ]
    .iter()
    .flat_map(|family| family())
    .collect()
}

#[test]
fn gradients_match_central_differences() {
    all_cases().iter().for_each(Case::check_gradient);
}

#[test]
fn a_variable_used_twice_gets_both_gradients() {
    all_cases().iter().for_each(Case::check_used_twice);
}

#[test]
fn non_contiguous_inputs_give_the_same() {
    all_cases().iter().for_each(Case::check_scattered);
}

#[test]
fn second_derivatives_match_central_differences() {
    all_cases().iter().for_each(Case::check_second_derivative);
}

#[test]
fn the_cpu_computes_the_same_in_f32() {
    all_cases().iter().for_each(|case| case.check_on(Device::Cpu));
}

/// On the first adapter; without one, a message. `OCELLI_TEST_ADAPTER=required` makes that a failure.
#[test]
fn graphics_processors_compute_the_same() {
    match Device::wgpu(0) {
        Ok(device) => all_cases().iter().for_each(|case| case.check_on(device)),
        Err(error) => {
            assert!(std::env::var_os("OCELLI_TEST_ADAPTER").is_none(), "{error}");
            let _ = writeln!(std::io::stderr(), "skipped: there is no graphics adapter: {error}");
        }
    }
}

#[test]
fn every_op_has_a_case() {
    let mut ops = BTreeSet::new();
    let mut directories = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/ops"))];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let text = std::fs::read_to_string(path).unwrap();
            let names = text.split("impl Op for ").skip(1).filter_map(|rest| rest.split([' ', '{']).next());
            ops.extend(names.map(str::to_string));
        }
    }
    assert!(ops.len() > 10, "expected to find the ops in the sources, received {ops:?}");
    let recorded: BTreeSet<String> = all_cases().iter().flat_map(Case::recorded_ops).collect();
    let missing: Vec<_> = ops.difference(&recorded).collect();
    assert!(missing.is_empty(), "expected a case for each op, received none for {missing:?}");
}
