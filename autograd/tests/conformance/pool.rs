use ocelli_tensor::{Padding, PoolOptions, Tensor};

use crate::support::{Case, beside, case};

/// Windows of every kind, and an input for them.
fn windows() -> Vec<(&'static str, PoolOptions, &'static [usize])> {
    let new = PoolOptions::new;
    vec![
        ("1-D", new(2), &[2, 1, 5]),
        ("1-D, ceil mode", new(3).stride(2).padding(1).ceil_mode(true), &[1, 2, 6]),
        ("2-D", new(2), &[1, 2, 4, 5]),
        ("2-D, overlapping", new(3).stride(2).padding(1), &[1, 1, 5, 5]),
        ("2-D, uneven", PoolOptions::new([2, 3]).stride([1, 2]).padding([(0, 1), (1, 0)]), &[1, 1, 4, 5]),
        ("2-D, padding not counted", new(3).stride(2).padding(1).count_include_pad(false), &[1, 1, 5, 4]),
        ("2-D, ceil mode", new(3).stride(2).padding(1).ceil_mode(true), &[1, 1, 4, 6]),
        (
            "2-D, ceil mode, padding not counted",
            new(2).stride(3).ceil_mode(true).count_include_pad(false),
            &[1, 1, 5, 4],
        ),
        ("2-D, same", new(3).stride(2).padding(Padding::Same), &[1, 1, 4, 5]),
        ("2-D, of nothing", new(2), &[0, 2, 4, 4]),
        ("3-D", new(2).padding(1), &[1, 1, 2, 3, 3]),
    ]
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, options, shape) in windows() {
        let again = options.clone();
        cases.extend([
            case(format!("max_pool {name}"), move |v| v[0].max_pool(&options)?.square()).distinct(shape),
            case(format!("avg_pool {name}"), move |v| v[0].avg_pool(&again)?.square()).input(shape, -1.0, 1.0),
        ]);
    }
    let dilated = PoolOptions::new(2).stride(1).dilation([2, 1]);
    let places = Tensor::new([[[[0i64, 5], [5, -1]]]]).unwrap();
    cases.extend([
        case("max_pool dilated", move |v| v[0].max_pool(&dilated)?.square()).distinct(&[1, 1, 4, 4]),
        case("max_pool_with_indices", |v| {
            let (y, _) = v[0].max_pool_with_indices(&PoolOptions::new(2))?;
            y.square()
        })
        .distinct(&[1, 2, 4, 4]),
        case("max_pool_take", move |v| v[0].max_pool_take(&beside(&v[0], &places))?.square()).input(
            &[1, 1, 2, 3],
            -1.0,
            1.0,
        ),
        case("adaptive_max_pool", |v| v[0].adaptive_max_pool([2, 3])?.square()).distinct(&[1, 2, 5, 4]),
        case("adaptive_max_pool_with_indices", |v| {
            let (y, _) = v[0].adaptive_max_pool_with_indices(2)?;
            y.square()
        })
        .distinct(&[2, 1, 5]),
        case("adaptive_avg_pool", |v| v[0].adaptive_avg_pool([2, 3])?.square()).input(&[1, 2, 5, 4], -1.0, 1.0),
        case("adaptive_avg_pool to more", |v| v[0].adaptive_avg_pool(5)?.square()).input(&[1, 2, 3], -1.0, 1.0),
        case("global_avg_pool", |v| v[0].global_avg_pool()?.square()).input(&[2, 2, 3, 2], -1.0, 1.0),
        case("global_max_pool", |v| v[0].global_max_pool()?.square()).distinct(&[1, 2, 2, 2, 2]),
    ]);
    cases
}
