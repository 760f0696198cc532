//! The profile of a program that ends before anybody has waited for its kernels. A program without a harness, as what is tested happens
//! when its main thread ends.

mod adapter;

use std::process::Command;

use ocelli_tensor::{DType, Device, Tensor};

use adapter::or_skipped;

/// Set for the program that ends so.
const CHILD: &str = "OCELLI_TEST_ENDS_UNREAD";

fn main() {
    // Who runs tests one by one asks for their names first.
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|argument| argument == "--list") {
        if !arguments.iter().any(|argument| argument == "--ignored") {
            use std::io::Write;
            let _ = writeln!(std::io::stdout(), "the_end_waits_for_kernels: test");
        }
        return;
    }
    // On Windows nothing can wait so late.
    let Some(device) = or_skipped(Device::wgpu(0)).filter(|_| !cfg!(windows)) else { return };
    if std::env::var_os(CHILD).is_some() {
        let x = Tensor::ones([1 << 20], DType::F32).unwrap().to_device(device).unwrap();
        // Nobody reads this.
        return drop(x.cumsum(0).unwrap());
    }
    let mut program = Command::new(std::env::current_exe().unwrap());
    let ended = program.env(CHILD, "1").env("OCELLI_PROFILE", "1").output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && told.contains("scan sum") && told.contains("together"), "{ended:?}");
}
