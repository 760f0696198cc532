//! Results do not depend on the number of threads: how work is cut follows from its shape alone.

use ocelli_tensor::{ConvOptions, DType, Generator, PoolOptions, Result, Shape, Tensor};

/// Asserts that an operation gives the same bits with one, two and three threads.
#[track_caller]
fn same(what: &str, op: impl Fn() -> Result<Vec<Tensor>> + Sync) {
    let bits = |threads: usize| -> Vec<Vec<u64>> {
        ocelli_tensor::set_num_threads(threads).unwrap();
        let tensors = op().unwrap();
        let values = |x: &Tensor| x.to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap();
        tensors.iter().map(|x| values(x).into_iter().map(f64::to_bits).collect()).collect()
    };
    let one = bits(1);
    assert!(one.iter().all(|values| !values.is_empty()));
    for threads in [2, 3] {
        assert!(bits(threads) == one, "{what}: {threads} threads give other bits than 1");
    }
}

fn normal(shape: impl Into<Shape>, seed: u64) -> Tensor {
    Tensor::randn(shape, DType::F32, &mut Generator::new(seed)).unwrap()
}

#[test]
fn matrix_products() {
    let (a, b) = (normal([301, 517], 1), normal([517, 263], 2));
    same("matmul", || Ok(vec![a.matmul(&b)?, a.t()?.matmul(&a)?, a.matmul(&b.select(1, 0)?)?]));
    let (a, b) = (normal([5, 40, 70], 3), normal([5, 70, 90], 4));
    same("batched matmul", || Ok(vec![a.matmul(&b)?, Tensor::einsum("bij,bjk->ki", &[&a, &b])?]));
}

#[test]
fn convolutions_and_their_gradients() {
    for (groups, stride, channels) in [(1, 1, 12), (1, 2, 12), (3, 1, 12), (12, 2, 12)] {
        let options = ConvOptions::new().stride(stride).padding(1).groups(groups);
        let (x, w) = (normal([5, channels, 33, 31], 5), normal([24, channels / groups, 3, 3], 6));
        let bias = normal([24], 7);
        let dy = x.conv(&w, None, &options).unwrap().square().unwrap();
        same(&format!("conv of {groups} groups, stride {stride}"), || {
            Ok(vec![
                x.conv(&w, Some(&bias), &options)?,
                Tensor::conv_backward_input(&w, &dy, x.shape(), &options)?,
                Tensor::conv_backward_weight(&x, &dy, w.shape(), &options)?,
            ])
        });
    }
}

#[test]
fn reductions_softmax_and_pooling() {
    let x = normal([7, 33, 41, 29], 8);
    let last = x.permute([0, 2, 3, 1]).unwrap();
    for x in [&x, &last] {
        same("reductions", || {
            Ok(vec![
                x.sum(..)?,
                x.sum([0, 2, 3])?,
                x.mean(1)?,
                x.var([0, 2], 1)?,
                x.norm(2.0, ..)?,
                x.logsumexp([1, 3])?,
            ])
        });
        same("scans", || Ok(vec![x.cumsum(1)?, x.softmax(1)?, x.log_softmax(-1)?]));
        let options = PoolOptions::new(3).stride(2).padding(1);
        let dy = x.avg_pool(&options).unwrap();
        same("pooling", || {
            let (values, places) = x.max_pool_with_indices(&options)?;
            let spatial = &x.shape()[2..];
            Ok(vec![values.max_pool_backward(&places, spatial)?, dy.avg_pool_backward(spatial, &options)?, values])
        });
    }
}

#[test]
fn sums_at_places_that_meet() {
    let index = Tensor::randint(0, 5, [300, 400], DType::I64, &mut Generator::new(9)).unwrap();
    let (x, source) = (normal([5, 400], 10), normal([300, 400], 11));
    same("scatter_add", || Ok(vec![x.scatter_add(0, &index, &source)?]));
    let rows = index.select(1, 0).unwrap();
    same("index_add", || Ok(vec![x.index_add(0, &rows, &source)?]));
    same("sorting", || {
        let (values, places) = source.sort(0, true)?;
        Ok(vec![values, places, source.topk(7, 1, true)?.0])
    });
}
