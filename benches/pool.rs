//! Pooling and its gradients.
#![allow(missing_docs)] // criterion's macros make public items without documentation

use criterion::{Criterion, criterion_group, criterion_main};
use ocelli_autograd::Var;
use ocelli_benches::{bench, bytes, criterion, randn};
use ocelli_tensor::PoolOptions;

fn pool(c: &mut Criterion) {
    let x = randn(&[8, 64, 112, 112]);
    for (name, options) in [("3x3/2", PoolOptions::new(3).stride(2).padding(1)), ("2x2/2", PoolOptions::new(2))] {
        bench(c, "max pool 64x112x112 b8", name, bytes(&x), || x.max_pool(&options));
        bench(c, "average pool 64x112x112 b8", name, bytes(&x), || x.avg_pool(&options));
        let x = Var::leaf(x.clone()).expect("a float tensor");
        let dy = randn(x.max_pool(&options).expect("shapes that fit").shape());
        bench(c, "max pool 64x112x112 b8", &format!("{name}, forward and backward"), bytes(x.tensor()), || {
            x.max_pool(&options)?.backward_from(dy.clone())
        });
        bench(c, "average pool 64x112x112 b8", &format!("{name}, forward and backward"), bytes(x.tensor()), || {
            x.avg_pool(&options)?.backward_from(dy.clone())
        });
    }
    let x = randn(&[8, 2048, 7, 7]);
    bench(c, "average pool", "global 2048x7x7 b8", bytes(&x), || x.global_avg_pool());
}

criterion_group!(name = benches; config = criterion(); targets = pool);
criterion_main!(benches);
