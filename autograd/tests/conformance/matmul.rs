use crate::support::{Case, case};

pub fn cases() -> Vec<Case> {
    let product = |name: &str, a: &[usize], b: &[usize]| {
        case(name, |v| v[0].matmul(&v[1])).input(a, -1.0, 1.0).input(b, -1.0, 1.0)
    };
    vec![
        product("matmul", &[2, 3], &[3, 4]),
        product("matmul of vectors", &[3], &[3]),
        product("matmul with a vector", &[2, 3], &[3]),
        product("matmul of a vector", &[3], &[3, 2]),
        product("matmul batched", &[2, 2, 3], &[2, 3, 2]),
        product("matmul broadcast", &[2, 1, 2, 3], &[2, 3, 2]),
        product("matmul of a batch with one matrix", &[2, 2, 3], &[3, 2]),
        product("matmul of one matrix with a batch", &[2, 3], &[2, 3, 2]),
        product("matmul of a vector with a batch", &[3], &[2, 3, 2]),
        product("matmul of a batch with a vector", &[2, 2, 3], &[3]),
        product("matmul over nothing", &[2, 0], &[0, 2]),
        product("matmul of nothing", &[0, 3], &[3, 2]),
        case("matmul with itself", |v| v[0].matmul(&v[0])).input(&[3, 3], -1.0, 1.0),
        case("dot", |v| v[0].dot(&v[1])).input(&[4], -1.0, 1.0).input(&[4], -1.0, 1.0),
        case("outer", |v| v[0].outer(&v[1])).input(&[3], -1.0, 1.0).input(&[2], -1.0, 1.0),
    ]
}
