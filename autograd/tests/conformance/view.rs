use ocelli_tensor::{DType, Slice, Tensor};

use crate::support::{Case, case};

pub fn cases() -> Vec<Case> {
    vec![
        case("reshape", |v| v[0].reshape([3, -1])).input(&[2, 3], -1.0, 1.0),
        case("reshape to rank 0", |v| v[0].reshape(())).input(&[1, 1], -1.0, 1.0),
        case("permute", |v| v[0].permute([2, 0, 1])).input(&[2, 3, 4], -1.0, 1.0),
        case("transpose", |v| v[0].transpose(0, -1)).input(&[2, 3, 4], -1.0, 1.0),
        case("squeeze", |v| v[0].squeeze(1)).input(&[2, 1, 3], -1.0, 1.0),
        case("unsqueeze", |v| v[0].unsqueeze(-1)).input(&[2, 3], -1.0, 1.0),
        case("flatten", |v| v[0].flatten(1, -1)).input(&[2, 3, 2], -1.0, 1.0),
        case("expand", |v| v[0].expand([2, 3, 4])).input(&[3, 1], -1.0, 1.0),
        case("expand a number", |v| v[0].expand([2, 2])).input(&[], -1.0, 1.0),
        case("sum_to", |v| v[0].sum_to(&[3, 1].into())).input(&[2, 3, 4], -1.0, 1.0),
        case("narrow", |v| v[0].narrow(1, 1, 2)).input(&[2, 4], -1.0, 1.0),
        case("select", |v| v[0].select(-1, -2)).input(&[2, 4], -1.0, 1.0),
        case("slice backwards", |v| v[0].slice(&[Slice::from(..).step(-2), Slice::from(1..)])).input(
            &[5, 3],
            -1.0,
            1.0,
        ),
        case("an empty slice", |v| v[0].slice_axis(0, 2..2)).input(&[5, 3], -1.0, 1.0),
        case("split", |v| v[0].split(2, 1)?[1].square()).input(&[2, 5], -1.0, 1.0),
        case("chunk", |v| v[0].chunk(2, 1)?[1].square()).input(&[2, 5], -1.0, 1.0),
        // Numbers and step are exact in f32, and the central difference of a square is exact.
        case("cast there and back", |v| v[0].to_dtype(DType::F32)?.square()?.to_dtype(v[0].dtype()))
            .value(Tensor::arange(-3, 5, 1).unwrap().to_dtype(DType::F64).unwrap().div(8.0).unwrap())
            .step(1.0 / 1024.0),
    ]
}
