//! Whether a product of `f16` goes to an adapter's matrix units, and what those kernels share.
//!
//! Shading languages have had such matrices for a short time only. So before they are used for the first time, products that are
//! known exactly are computed by them and by plain kernels; if these differ, or the adapter takes no such program, plain kernels do
//! everything.

use std::cell::Cell;

use super::{Context, Stored};
use crate::{ConvOptions, DType, Device, Result, Tensor};

/// Joined behind a file that says what is multiplied.
#[cfg(not(test))]
pub(super) const COOPERATIVE: &str = include_str!("shaders/cooperative.wgsl");
/// In this crate's own tests the same without such matrices, which few adapters have: all that surrounds them runs.
#[cfg(test)]
pub(super) const COOPERATIVE: &str = include_str!("shaders/cooperative_emulated.wgsl");

/// Rows and columns of a block, and steps at a time.
pub(super) const BLOCK: [usize; 2] = [64, 64];
pub(super) const DEPTH: usize = 32;

thread_local! {
    /// What this thread wants, if not what the adapter is good for.
    static FORCED: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Runs with or without matrix units, whatever has been found of them.
fn forced<T>(choice: bool, run: impl FnOnce() -> T) -> T {
    let before = FORCED.replace(Some(choice));
    let result = run();
    FORCED.set(before);
    result
}

/// Whether the product `m × n` of these is made by matrix units.
pub(super) fn serves(context: &Context, factors: [&Tensor; 2], [m, n]: [usize; 2]) -> bool {
    let is_half = |x: &Tensor| matches!(Stored::of(x.dtype(), context.has_f16()), Ok(Stored::F16));
    let fills = m > BLOCK[0] / 2 && n > BLOCK[1] / 2;
    fills
        && factors.into_iter().all(is_half)
        && FORCED.get().unwrap_or_else(|| {
            context.has_cooperative_matrices()
                && *context.cooperative().get_or_init(|| agree(Device::Wgpu(context.index())).unwrap_or(false))
        })
}

/// Whether both ways to compute give the same where sums of whole numbers leave no choice.
fn agree(device: Device) -> Result<bool> {
    let number = |shape: &[usize], step: usize| -> Result<Tensor> {
        let values = (0..shape.iter().product::<usize>()).map(|i| ((i * step) % 15) as f32 - 7.0);
        Tensor::from_vec(values.collect(), shape)?.to_dtype(DType::F16)?.to_device(device)
    };
    // More than a block, with edges.
    let (a, b) = (number(&[70, 77], 7)?, number(&[77, 100], 11)?);
    let (x, w) = (number(&[2, 8, 9, 9], 7)?, number(&[40, 8, 3, 3], 11)?);
    let options = ConvOptions::new().padding(1);
    let results = |choice: bool| {
        forced(choice, || -> Result<[Vec<f32>; 2]> {
            let (product, y) = (a.matmul(&b)?, x.conv(&w, None, &options)?);
            Ok([product.to_dtype(DType::F32)?.to_vec()?, y.to_dtype(DType::F32)?.to_vec()?])
        })
    };
    Ok(results(true)? == results(false)?)
}

#[cfg(all(test, feature = "wgpu"))]
mod tests {
    use ::wgpu::naga;
    use naga::valid::{Capabilities, ValidationFlags, Validator};

    use super::forced;
    use crate::lock::{SHARED_CONTEXT, locked};
    use crate::{Activation, ConvOptions, DType, Device, Generator, Result, Tensor};

    /// Both kernels as an adapter with such matrices would compile them.
    #[test]
    fn programs_are_valid() {
        let common = concat!(include_str!("shaders/rounding.wgsl"), include_str!("shaders/f32.wgsl"));
        let cooperative = include_str!("shaders/cooperative.wgsl");
        let matmul = [
            include_str!("shaders/matrices.wgsl"),
            include_str!("shaders/batch.wgsl"),
            include_str!("shaders/matmul_cooperative.wgsl"),
        ]
        .concat();
        let conv = [include_str!("shaders/windows.wgsl"), include_str!("shaders/conv_cooperative.wgsl")].concat();
        let enable = "enable wgpu_cooperative_matrix;";
        assert!(cooperative.contains(enable));
        for what in [matmul, conv] {
            for (result, operand, other) in [("f16", "f16", "f16"), ("f32", "vec4<f16>", "f32")] {
                let source = format!(
                    "enable f16;\n{enable}\nalias R = {result}; alias Left = f16; alias Right = f16;\n\
                     alias Picture = {operand}; alias Matrix = {operand}; alias Other = {other};\n\
                     const BM: u32 = 64u; const BN: u32 = 64u; const BK: u32 = 32u; const QUADS: u32 = 1u;\n{common}{what}{}",
                    cooperative.replace(enable, "")
                );
                let mut parser = naga::front::wgsl::Frontend::new();
                let mut options = naga::front::wgsl::Options::new();
                options.capabilities = Capabilities::all();
                parser.set_options(options);
                let module = parser.parse(&source).unwrap_or_else(|error| panic!("{}", error.emit_to_string(&source)));
                let mut validator = Validator::new(ValidationFlags::all(), Capabilities::all());
                validator.validate(&module).unwrap_or_else(|error| panic!("{}", error.emit_to_string(&source)));
            }
        }
    }

    #[test]
    fn what_surrounds_the_matrices_gives_the_same() -> Result<()> {
        let _shared = locked(&SHARED_CONTEXT);
        let Ok(device) = Device::wgpu(0) else { return Ok(()) };
        if !Device::adapters()[0].features.contains(&"f16") {
            return Ok(());
        }
        let generator = &mut Generator::new(1);
        let mut draw =
            |shape: &[usize]| Tensor::randn(shape, DType::F32, generator)?.to_dtype(DType::F16)?.to_device(device);
        let close = |what: &str, run: &dyn Fn() -> Result<Tensor>| -> Result<()> {
            let values = |choice: bool| forced(choice, run)?.to_dtype(DType::F32)?.to_vec::<f32>();
            let (actual, expected) = (values(true)?, values(false)?);
            let largest = expected.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
            for (i, (a, e)) in actual.iter().zip(&expected).enumerate() {
                assert!((a - e).abs() <= 2e-3 * largest, "{what}: element {i}: expected {e}, received {a}");
            }
            Ok(())
        };
        for (m, k, n) in [(64, 32, 64), (33, 7, 40), (130, 300, 70)] {
            let (a, b, c) = (draw(&[2, m, k])?, draw(&[2, k, n])?, draw(&[n, k])?.t()?);
            close(&format!("{m}×{k}×{n}"), &|| a.matmul(&b))?;
            close(&format!("{m}×{k}×{n}, the second turned"), &|| a.matmul(&c))?;
        }
        let cases = [([8, 40], 1, 1, 1, 0), ([3, 36], 1, 3, 2, 1), ([36, 50], 1, 3, 1, 1), ([72, 80], 2, 3, 1, 1)];
        for ([channels, filters], groups, size, stride, padding) in cases {
            let what = format!("{channels} to {filters} in {groups}, {size}², stride {stride}, padding {padding}");
            let options = ConvOptions::new().groups(groups).stride(stride).padding(padding);
            let w = draw(&[filters, channels / groups, size, size])?;
            let last = draw(&[2, 9, 11, channels])?.permute([0, 3, 1, 2])?;
            // A part of a tensor, and the same as one of its own.
            let bias = draw(&[filters + 3])?.narrow(0, 3, filters)?;
            let own = bias.add(0.0)?;
            for x in [draw(&[2, channels, 9, 11])?, last] {
                let with = |bias: &Tensor| {
                    forced(true, || x.conv(&w, Some(bias), &options)?.to_dtype(DType::F32)?.to_vec::<f32>())
                };
                assert_eq!(with(&bias)?, with(&own)?, "{what}, a bias that is a part");
                let dy = draw(x.conv(&w, None, &options)?.shape())?;
                close(&what, &|| x.conv_fused(&w, Some(&bias), Some(&dy), &options, Activation::Relu))?;
                close(&what, &|| Tensor::conv_backward_input(&w, &dy, x.shape(), &options))?;
                close(&what, &|| Tensor::conv_backward_weight(&x, &dy, w.shape(), &options))?;
            }
        }
        Ok(())
    }
}
