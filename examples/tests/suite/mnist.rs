//! The main program from outside: killed and resumed, interrupted, and given what it cannot use.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::program::path as program;
use ocelli_tensor::safetensors;

/// A short training: two epochs of the embedded digits with a small network and augmentation.
fn training(out: &Path, checkpoint_every: &str) -> Command {
    let mut command = Command::new(program("mnist"));
    command.args([
        "--arch",
        "course",
        "--epochs",
        "2",
        "--seed",
        "5",
        "--threads",
        "2",
        "--augment",
        "--batch-size",
        "128",
    ]);
    command
        .args(["--checkpoint-every", checkpoint_every, "--out"])
        .arg(out)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn weights(out: &Path) -> Vec<(String, Vec<f32>)> {
    let state = safetensors::load(out.join("model.safetensors")).expect("a saved model");
    state.into_iter().map(|(key, tensor)| (key, tensor.to_vec::<f32>().expect("f32 weights"))).collect()
}

/// Waits until the checkpoint has been written `times` times. Each time it is a new file, so its number changes.
fn wait_for_checkpoints(child: &mut Child, out: &Path, times: usize) {
    let (mut seen, mut last, start) = (0, None, Instant::now());
    while seen < times {
        assert!(start.elapsed() < Duration::from_secs(300), "no checkpoint after five minutes");
        assert!(child.try_wait().expect("a child").is_none(), "the training ended before it was stopped");
        let modified = std::fs::metadata(out.join("checkpoint.safetensors")).and_then(|m| m.modified()).ok();
        if modified.is_some() && modified != last {
            (seen, last) = (seen + 1, modified);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_killed_training_resumes_to_the_same_weights() {
    let directory = tempfile::tempdir().unwrap();
    let (whole, killed) = (directory.path().join("whole"), directory.path().join("killed"));
    assert!(training(&whole, "10").status().unwrap().success());

    // Once in the first epoch and once in the second, with SIGKILL.
    for times in [2, 7] {
        let mut command = training(&killed, "10");
        let mut child = if times == 2 { command.spawn() } else { command.arg("--resume").spawn() }.unwrap();
        wait_for_checkpoints(&mut child, &killed, times);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!killed.join("model.safetensors").exists());
    }
    assert!(training(&killed, "10").arg("--resume").status().unwrap().success());

    let (expected, received) = (weights(&whole), weights(&killed));
    assert_eq!(expected.len(), received.len());
    for ((key, expected), (_, received)) in expected.iter().zip(&received) {
        assert!(expected.iter().zip(received).all(|(a, b)| a.to_bits() == b.to_bits()), "{key} differs");
    }
    let history = |out: &Path| std::fs::read_to_string(out.join("history.csv")).unwrap();
    assert_eq!(history(&whole), history(&killed));
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_a_checkpoint() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("run");
    // No checkpoint but the one at the interruption.
    let mut child = training(&out, "1000000").stderr(Stdio::piped()).spawn().unwrap();
    // The first line of progress comes when the training listens already.
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("Epoch 1/2"));
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    assert!(child.wait().unwrap().success());
    assert!(out.join("checkpoint.safetensors").exists());
    assert!(!out.join("model.safetensors").exists());
    assert!(training(&out, "10").arg("--resume").status().unwrap().success());
    assert!(out.join("model.safetensors").exists());
}

fn refused(arguments: &[&str]) -> String {
    let Output { status, stderr, .. } = Command::new(program("mnist")).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&stderr).into_owned();
    assert!(!status.success() && !text.contains("panicked"), "{text}");
    text
}

#[test]
fn what_it_cannot_use_is_an_error_that_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "no directory").unwrap();
    let (file, out) = (file.to_str().unwrap(), directory.path().join("out"));
    let out = out.to_str().unwrap();
    assert!(refused(&["--out", file]).contains(file));
    assert!(refused(&["--out", out, "--arch", "nonesuch"]).contains("nonesuch"));
    assert!(refused(&["--out", out, "--optimizer", "nonesuch"]).contains("expected one of sgd"));
    assert!(refused(&["--out", out, "--dataset", "fashion-mnist"]).contains("--data DIR"));
    let empty = directory.path().to_str().unwrap();
    assert!(refused(&["--out", out, "--data", empty]).contains("train-images-idx3-ubyte"));
}

#[test]
fn a_saved_model_reads_a_picture() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("run");
    assert!(training(&out, "10").status().unwrap().success());
    for name in ["model.safetensors", "history.csv", "history.png", "predictions.png"] {
        assert!(std::fs::metadata(out.join(name)).unwrap().len() > 0, "{name}");
    }
    // A seven of the test set, dark on light and three times as large.
    let (_, test) = ocelli_data::mnist::embedded().unwrap();
    let seven = test.labels().iter().position(|&label| label == 7).unwrap();
    let digit = test.images().select(0, seven as isize).unwrap();
    let dark = digit.to_dtype(ocelli_tensor::DType::I32).unwrap().neg().unwrap().add(255).unwrap();
    let large = dark.repeat_interleave(3, 0).unwrap().repeat_interleave(3, 1).unwrap();
    let picture = directory.path().join("seven.png");
    let bytes = large.to_dtype(ocelli_tensor::DType::U8).unwrap().unsqueeze(0).unwrap();
    ocelli_data::image_io::write_png(&picture, &bytes).unwrap();

    let predict = |model: &Path| {
        let mut command = Command::new(program("predict_digit"));
        command.arg(&picture).arg("--model").arg(model).output().unwrap()
    };
    let Output { status, stdout, .. } = predict(&out.join("model.safetensors"));
    let text = String::from_utf8_lossy(&stdout).into_owned();
    assert!(status.success() && text.starts_with('7') && text.lines().count() == 3, "{text}");
    let broken = predict(&out.join("checkpoint.safetensors"));
    assert!(!broken.status.success() && String::from_utf8_lossy(&broken.stderr).contains("received one without"));
}
