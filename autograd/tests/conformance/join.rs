use ocelli_autograd::Var;

use crate::support::{Case, case};

pub fn cases() -> Vec<Case> {
    vec![
        case("concat", |v| Var::concat(&[&v[0], &v[1], &v[0]], -1)?.square()).input(&[2, 3], -1.0, 1.0).input(
            &[2, 1],
            -1.0,
            1.0,
        ),
        case("concat along the first axis, with nothing", |v| Var::concat(v, 0)?.square())
            .input(&[2, 3], -1.0, 1.0)
            .input(&[0, 3], -1.0, 1.0)
            .input(&[1, 3], -1.0, 1.0),
        case("stack", |v| Var::stack(v, 1)?.square()).input(&[2, 3], -1.0, 1.0).input(&[2, 3], -1.0, 1.0),
        case("stack of numbers", |v| Var::stack(&[&v[0], &v[1]], -1)?.square()).input(&[], -1.0, 1.0).input(
            &[],
            -1.0,
            1.0,
        ),
        case("repeat_interleave", |v| v[0].repeat_interleave(3, 1)?.square()).input(&[2, 2, 2], -1.0, 1.0),
        case("tile", |v| v[0].tile(&[2, 3])?.square()).input(&[2, 2], -1.0, 1.0),
        case("tile to more axes", |v| v[0].tile(&[2, 1, 2])?.square()).input(&[3, 2], -1.0, 1.0),
        case("tile a number", |v| v[0].tile(&[2, 2])?.square()).input(&[], -1.0, 1.0),
        case("tile of nothing", |v| v[0].tile(&[2, 0])?.square()).input(&[2, 2], -1.0, 1.0),
    ]
}
