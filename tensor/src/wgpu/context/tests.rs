//! Contexts that fail. Each test opens its own, but for the one about opening anew.

use std::sync::Arc;

use super::Context;
use crate::wgpu::{Grid, Kernel, Program, transfer};
use crate::{Result, Tensor};

/// A context of the first adapter, or none if there is no adapter; `OCELLI_TEST_ADAPTER=required` makes that a failure.
fn opened(open: impl FnOnce() -> Result<Arc<Context>>) -> Option<Arc<Context>> {
    match open() {
        Ok(context) => Some(context),
        Err(error) => {
            assert!(std::env::var_os("OCELLI_TEST_ADAPTER").is_none(), "{error}");
            None
        }
    }
}

fn own() -> Option<Arc<Context>> {
    opened(|| Context::open(0).map(Arc::new))
}

fn broken(context: &Context) {
    static BROKEN: Kernel = Kernel { name: "broken", files: &["fn main() {}"] };
    let program = Program { kernel: &BROKEN, types: &[], sizes: &[], constants: &[] };
    // The kernel is only found out once it is recorded.
    context.run(program, &[0, 0], &[], &[], Grid::of(1, 64)).unwrap();
}

#[test]
fn a_context_in_which_a_kernel_failed_is_opened_anew() {
    let Some(context) = opened(|| Context::of(0)) else { return };
    let x = transfer::upload(&context, &Tensor::new([1.0f32, 2.0]).unwrap()).unwrap();
    broken(&context);
    for error in [x.add(&x).unwrap_err(), x.to_vec::<f32>().unwrap_err(), x.device().synchronize().unwrap_err()] {
        assert!(error.to_string().contains("a kernel failed"), "{error}");
    }
    let anew = Context::of(0).unwrap();
    assert!(!Arc::ptr_eq(&context, &anew));
    let y = transfer::upload(&anew, &Tensor::new([3.0f32, 4.0]).unwrap()).unwrap();
    assert_eq!(y.add(1.0).unwrap().to_vec::<f32>().unwrap(), [4.0, 5.0]);
    // Both say that they are on wgpu:0.
    for error in [y.add(&x).unwrap_err(), x.add(&y).unwrap_err()] {
        assert!(error.to_string().contains("a kernel failed"), "{error}");
    }
    assert_eq!(y.mul(2.0).unwrap().to_vec::<f32>().unwrap(), [6.0, 8.0]);
    y.device().synchronize().unwrap();
}

#[test]
fn tensors_of_two_contexts_do_not_meet() {
    let (Some(one), Some(other)) = (own(), own()) else { return };
    let x = Tensor::new([1.0f32, 2.0]).unwrap();
    let (x, y) = (transfer::upload(&one, &x).unwrap(), transfer::upload(&other, &x).unwrap());
    let error = x.add(&y).unwrap_err().to_string();
    assert!(error.contains("before it was opened anew"), "{error}");
    assert_eq!(x.add(&x).unwrap().to_vec::<f32>().unwrap(), [2.0, 4.0]);
}

#[test]
fn a_lost_device_says_so() {
    let Some(context) = own() else { return };
    let x = transfer::upload(&context, &Tensor::new([1.0f32, 2.0]).unwrap()).unwrap();
    // In the middle of a recording.
    let y = x.add(&x).unwrap();
    context.lose();
    let upload = transfer::upload(&context, &Tensor::new([1.0f32]).unwrap());
    for error in [upload.err(), x.add(&x).err(), y.to_vec::<f32>().err(), context.synchronize().err()] {
        let error = error.unwrap().to_string();
        assert!(error.starts_with("wgpu:0: the device was lost"), "{error}");
    }
}
