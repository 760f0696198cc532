//! How far each kernel's numbers in f32 are from the same in f64, under every instruction set of this processor, as a table:
//!
//! `cargo run --release -p ocelli-benches --bin accuracy > benches/ACCURACY.md`
//!
//! Inputs are standard normal numbers of f32. The f64 kernels that they are compared with are tested against plain loops and central
//! differences; their own error is nine digits further down.

#![allow(clippy::print_stdout)] // The table is its output.

use std::error::Error;
use std::process::Command;

use ocelli_autograd::{Gradients, Var};
use ocelli_benches::randn;
use ocelli_nn::{GRU, LSTM, Layer};
use ocelli_tensor::{ConvOptions, DType, Generator, InterpolateMode, NormOptions, PoolOptions, Tensor};

type Result<T> = std::result::Result<T, Box<dyn Error>>;
type Function = Box<dyn Fn(&[Var]) -> ocelli_autograd::Result<Var>>;

/// Tells a child which instruction set to use, as it does to every program.
const LEVEL: &str = "OCELLI_CPU";
/// Tells a child to print numbers and no table.
const CHILD: &str = "--lines";

/// A kernel, and the shapes that it is tried with.
struct Case {
    name: &'static str,
    shapes: Vec<Vec<usize>>,
    f: Function,
}

fn case(name: &'static str, shapes: &[&[usize]], f: impl Fn(&[Var]) -> ocelli_autograd::Result<Var> + 'static) -> Case {
    Case { name, shapes: shapes.iter().map(|shape| shape.to_vec()).collect(), f: Box::new(f) }
}

fn conv(name: &'static str, x: &[usize], weight: &[usize], options: ConvOptions) -> Case {
    case(name, &[x, weight, &weight[..1]], move |v| v[0].conv(&v[1], Some(&v[2]), &options))
}

fn cases() -> Vec<Case> {
    let o = ConvOptions::new;
    let batch = NormOptions::batch(1e-5);
    let groups = NormOptions::groups(4, 1e-5);
    vec![
        case("matmul 512×512×512", &[&[512, 512], &[512, 512]], |v| v[0].matmul(&v[1])),
        case("matmul 8×4096×8", &[&[8, 4096], &[4096, 8]], |v| v[0].matmul(&v[1])),
        case("matrix · vector 512×2048", &[&[512, 2048], &[2048]], |v| v[0].matmul(&v[1])),
        conv("conv 1×1, 256→64", &[2, 256, 14, 14], &[64, 256, 1, 1], o()),
        conv("conv 3×3, 64→64 (Winograd 4×4)", &[2, 64, 28, 28], &[64, 64, 3, 3], o().padding(1)),
        conv("conv 3×3, 64→64, 6×6 (Winograd 3×3)", &[16, 64, 6, 6], &[64, 64, 3, 3], o().padding(1)),
        conv("conv 3×3, 64→64, 2×2 (Winograd 2×2)", &[64, 64, 2, 2], &[64, 64, 3, 3], o().padding(1)),
        conv("conv 3×3 stride 2, 64→64", &[2, 64, 28, 28], &[64, 64, 3, 3], o().padding(1).stride(2)),
        conv("conv 7×7 stride 2, 3→64 (direct)", &[2, 3, 56, 56], &[64, 3, 7, 7], o().padding(3).stride(2)),
        conv("conv 3×3, 32 groups of 4", &[2, 128, 14, 14], &[128, 4, 3, 3], o().padding(1).groups(32)),
        conv("conv 3×3 depthwise", &[2, 96, 28, 28], &[96, 1, 3, 3], o().padding(1).groups(96)),
        conv("conv 3, 1-d", &[2, 32, 100], &[32, 32, 3], o().padding(1)),
        conv("conv 3×3×3, 3-d", &[1, 16, 8, 8, 8], &[16, 16, 3, 3, 3], o().padding(1)),
        case("conv transposed 4×4 stride 2", &[&[2, 32, 14, 14], &[32, 16, 4, 4]], move |v| {
            v[0].conv_transpose(&v[1], None, &ConvOptions::new().stride(2).padding(1), 0)
        }),
        case("max pool 3×3", &[&[2, 64, 28, 28]], |v| v[0].max_pool(&PoolOptions::new(3).stride(2).padding(1))),
        case("average pool 3×3", &[&[2, 64, 28, 28]], |v| v[0].avg_pool(&PoolOptions::new(3).stride(2).padding(1))),
        case("batch norm, training", &[&[8, 64, 14, 14], &[64], &[64]], move |v| {
            Ok(v[0].channel_norm(&v[1], &v[2], &batch)?.0)
        }),
        case("group norm", &[&[8, 64, 14, 14], &[64], &[64]], move |v| Ok(v[0].channel_norm(&v[1], &v[2], &groups)?.0)),
        case("layer norm 384", &[&[200, 384], &[384], &[384]], |v| v[0].layer_norm(&v[1], &v[2], 1e-5)),
        case("softmax 1000", &[&[64, 1000]], |v| v[0].softmax(-1)),
        case("log softmax 1000", &[&[64, 1000]], |v| v[0].log_softmax(-1)),
        case("softmax over channels", &[&[4, 21, 32, 32]], |v| v[0].softmax(1)),
        case("logsumexp 1000", &[&[64, 1000]], |v| v[0].logsumexp(-1)),
        case("sum of 1,000,000", &[&[1_000_000]], |v| v[0].sum(..)),
        case("mean over rows", &[&[4096, 64]], |v| v[0].mean(0)),
        case("variance over columns", &[&[64, 4096]], |v| v[0].var(1, 1)),
        case("bilinear resize", &[&[2, 16, 20, 24]], |v| {
            v[0].interpolate([31, 47], InterpolateMode::Linear { align_corners: false })
        }),
        case("exp", &[&[10_000]], |v| v[0].exp()),
        case("ln of a square", &[&[10_000]], |v| v[0].square()?.ln()),
        case("tanh", &[&[10_000]], |v| v[0].tanh()),
        case("sigmoid", &[&[10_000]], |v| v[0].sigmoid()),
        case("erf", &[&[10_000]], |v| v[0].erf()),
        case("softplus", &[&[10_000]], |v| v[0].softplus()),
        case("silu", &[&[10_000]], |v| v[0].silu()),
        case("gelu", &[&[10_000]], |v| v[0].gelu()),
        case("gelu_tanh", &[&[10_000]], |v| v[0].gelu_tanh()),
        case("hard_swish", &[&[10_000]], |v| v[0].hard_swish()),
    ]
}

fn main() -> Result<()> {
    if std::env::args().any(|argument| argument == CHILD) {
        for case in cases() {
            let (forward, backward) = errors(&case)?;
            println!("{}\t{forward:.1e}\t{backward:.1e}", case.name);
        }
        for (name, forward, backward) in recurrent()? {
            println!("{name}\t{forward:.1e}\t{backward:.1e}");
        }
        return Ok(());
    }
    let levels = levels();
    let mut columns = Vec::new();
    for level in &levels {
        let child = Command::new(std::env::current_exe()?).arg(CHILD).env(LEVEL, level).output()?;
        if !child.status.success() {
            return Err(format!("{level}: {}", String::from_utf8_lossy(&child.stderr)).into());
        }
        columns.push(String::from_utf8(child.stdout)?);
    }
    print!("{}", table(&levels, &columns));
    Ok(())
}

/// The instruction sets of this processor, as `OCELLI_CPU` names them.
fn levels() -> Vec<&'static str> {
    let mut levels = vec!["portable"];
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            levels.push("avx2");
        }
        if is_x86_feature_detected!("avx512f") {
            levels.push("avx512");
        }
    }
    #[cfg(target_arch = "aarch64")]
    levels.push("neon");
    levels
}

fn table(levels: &[&str], columns: &[String]) -> String {
    let mut text = String::from(
        "# Accuracy\n\nWritten by `cargo run --release -p ocelli-benches --bin accuracy`: the largest distance of a result in f32 from \
         that in f64,\ndivided by the largest result; and the same of the gradients with respect to all inputs, of the sum of the results \
         times\nstandard normal numbers. Inputs are standard normal. A number of f32 is within 6.0e-8 of the one that is meant.\n\n",
    );
    let heads: Vec<String> = levels.iter().map(|level| format!("{level} | its gradients")).collect();
    text += &format!("| kernel | {} |\n|{}\n", heads.join(" | "), " --- |".repeat(1 + 2 * levels.len()));
    let lines: Vec<Vec<&str>> = columns.iter().map(|column| column.lines().collect()).collect();
    for i in 0..lines.first().map_or(0, Vec::len) {
        let name = lines[0][i].split('\t').next().unwrap_or_default();
        let numbers = lines.iter().flat_map(|lines| lines[i].split('\t').skip(1)).collect::<Vec<_>>();
        text += &format!("| {name} | {} |\n", numbers.join(" | "));
    }
    text
}

/// The errors of a case's result and of its gradients.
fn errors(case: &Case) -> Result<(f64, f64)> {
    let inputs: Vec<Tensor> = case.shapes.iter().map(|shape| randn(shape)).collect();
    let run = |dtype: DType| -> Result<Vec<Tensor>> {
        let leaf = |x: &Tensor| Ok(Var::leaf(x.to_dtype(dtype)?)?);
        let leaves: Vec<Var> = inputs.iter().map(leaf).collect::<Result<_>>()?;
        let y = (case.f)(&leaves)?;
        let gradients = gradients_of(&y)?;
        let of_inputs = leaves.iter().map(|leaf| Ok(gradients.get(leaf)?.tensor().clone()));
        std::iter::once(Ok(y.tensor().clone())).chain(of_inputs).collect()
    };
    worst(&run(DType::F32)?, &run(DType::F64)?)
}

/// The recurrent layers, whose weights are drawn by themselves.
fn recurrent() -> Result<Vec<(&'static str, f64, f64)>> {
    let run = |dtype: DType, is_lstm: bool| -> Result<Vec<Tensor>> {
        let x = Var::leaf(randn(&[8, 32, 64]).to_dtype(dtype)?)?;
        let g = &mut Generator::new(0);
        let (y, weights) = if is_lstm {
            let make = |dtype| LSTM::builder(64, 96).return_sequences(true).dtype(dtype);
            with_weights_of(&make(DType::F32).build(g)?, &make(dtype).build(g)?, &x)?
        } else {
            let make = |dtype| GRU::builder(64, 96).return_sequences(true).dtype(dtype);
            with_weights_of(&make(DType::F32).build(g)?, &make(dtype).build(g)?, &x)?
        };
        let gradients = gradients_of(&y)?;
        let leaves = std::iter::once(&x).chain(&weights);
        let of_inputs = leaves.map(|leaf| Ok(gradients.get(leaf)?.tensor().clone()));
        std::iter::once(Ok(y.tensor().clone())).chain(of_inputs).collect()
    };
    let mut rows = Vec::new();
    for (name, is_lstm) in [("LSTM, 32 steps", true), ("GRU, 32 steps", false)] {
        let (forward, backward) = worst(&run(DType::F32, is_lstm)?, &run(DType::F64, is_lstm)?)?;
        rows.push((name, forward, backward));
    }
    Ok(rows)
}

/// The result of a layer that takes over the weights of another, and these weights.
fn with_weights_of(single: &impl Layer, layer: &impl Layer, x: &Var) -> Result<(Var, Vec<Var>)> {
    let parameters = layer.named_parameters();
    for ((_, from), (_, to)) in single.named_parameters().iter().zip(&parameters) {
        to.set(from.tensor().to_dtype(x.dtype())?)?;
    }
    let y = layer.forward(x)?;
    Ok((y, parameters.iter().map(|(_, parameter)| parameter.var()).collect()))
}

/// The gradients of the sum of the results times random numbers.
fn gradients_of(y: &Var) -> Result<Gradients> {
    let weight = Tensor::randn(y.shape().clone(), DType::F32, &mut Generator::new(99))?.to_dtype(y.dtype())?;
    Ok(y.mul(&weight)?.sum(..)?.backward()?)
}

/// The relative error of the first tensor, and the largest of the others.
fn worst(single: &[Tensor], double: &[Tensor]) -> Result<(f64, f64)> {
    let mut errors = Vec::new();
    for (a, b) in single.iter().zip(double) {
        let (distance, largest) = (a.to_dtype(DType::F64)?.sub(b)?.abs()?.max(..)?, b.abs()?.max(..)?);
        errors.push(distance.item::<f64>()? / largest.item::<f64>()?.max(f64::MIN_POSITIVE));
    }
    let others = errors[1..].iter().copied().fold(0.0, f64::max);
    Ok((errors[0], others))
}
