//! What operations give for tensors without elements: PyTorch's answers.

use crate::common::devices;
use ocelli_tensor::{Axes, ConvOptions, DType, InterpolateMode, PadMode, PoolOptions, Tensor};

/// Runs a test on each device with what makes zeros there.
fn on_each_device(test: impl Fn(&dyn Fn(&[usize]) -> Tensor)) {
    for device in devices(DType::F32) {
        test(&|shape| Tensor::full_on(device, shape, 0, DType::F32).unwrap());
    }
}

fn values(x: &Tensor) -> Vec<f32> {
    x.to_vec::<f32>().unwrap()
}

#[test]
fn products_over_nothing_are_zero() {
    on_each_device(|zeros| {
        assert_eq!(values(&zeros(&[2, 0]).matmul(&zeros(&[0, 3])).unwrap()), [0.0; 6]);
        assert_eq!(zeros(&[0, 3]).matmul(&zeros(&[3, 2])).unwrap().shape()[..], [0, 2]);
        assert_eq!(zeros(&[4, 2, 0]).matmul(&zeros(&[0])).unwrap().shape()[..], [4, 2]);
        assert_eq!(zeros(&[0]).dot(&zeros(&[0])).unwrap().item::<f32>().unwrap(), 0.0);
        assert_eq!(zeros(&[0]).outer(&zeros(&[3])).unwrap().shape()[..], [0, 3]);
        assert_eq!(values(&Tensor::einsum("ij,jk->ik", &[&zeros(&[1, 0]), &zeros(&[0, 2])]).unwrap()), [0.0; 2]);
    });
}

#[test]
fn convolutions_of_no_images_or_channels() {
    on_each_device(|zeros| {
        let options = ConvOptions::new();
        let (x, w) = (zeros(&[0, 3, 5, 5]), zeros(&[4, 3, 2, 2]));
        let y = x.conv(&w, Some(&zeros(&[4])), &options).unwrap();
        assert_eq!(y.shape()[..], [0, 4, 4, 4]);
        assert_eq!(Tensor::conv_backward_input(&w, &y, x.shape(), &options).unwrap().shape()[..], [0, 3, 5, 5]);
        assert_eq!(values(&Tensor::conv_backward_weight(&x, &y, w.shape(), &options).unwrap()), [0.0; 48]);
        let bias = zeros(&[1]).add(2.0).unwrap();
        let of_no_channels = zeros(&[1, 0, 2, 2]).conv(&zeros(&[1, 0, 1, 1]), Some(&bias), &options).unwrap();
        assert_eq!(values(&of_no_channels), [2.0; 4]);
        assert_eq!(
            zeros(&[0, 4, 3]).conv_transpose(&zeros(&[4, 2, 3]), None, &options, 0).unwrap().shape()[..],
            [0, 2, 5]
        );
        assert!(zeros(&[1, 3, 0, 5]).conv(&w, None, &options).is_err());
    });
}

#[test]
fn reductions_over_nothing() {
    on_each_device(|zeros| {
        let x = zeros(&[2, 0]);
        assert_eq!(values(&x.sum(1).unwrap()), [0.0; 2]);
        assert_eq!(values(&x.prod(1).unwrap()), [1.0; 2]);
        assert!(values(&x.mean(1).unwrap()).iter().all(|x| x.is_nan()));
        assert!(values(&x.var(1, 1).unwrap()).iter().all(|x| x.is_nan()));
        assert!(x.mean(..).unwrap().item::<f32>().unwrap().is_nan());
        assert_eq!(values(&x.logsumexp(1).unwrap()), [f32::NEG_INFINITY; 2]);
        assert_eq!(x.all(1).unwrap().to_vec::<bool>().unwrap(), [true; 2]);
        assert_eq!(x.any(1).unwrap().to_vec::<bool>().unwrap(), [false; 2]);
        assert_eq!(values(&x.norm(2.0, 1).unwrap()), [0.0; 2]);
        for refused in [x.max(1), x.min(..), x.argmax(1), x.argmin_keepdim(-1), x.norm(f64::INFINITY, 1)] {
            assert!(refused.unwrap_err().to_string().contains("at least one element"));
        }
        // Along an axis that has elements, of which there are no rows.
        assert_eq!(x.max(0).unwrap().shape()[..], [0]);
        assert_eq!(x.argmax(0).unwrap().shape()[..], [0]);
        assert_eq!(x.sum(Axes::from(&[] as &[isize])).unwrap().shape()[..], [2, 0]);
        for same in [x.softmax(0), x.softmax(1), x.log_softmax(-1), x.cumsum(1), x.cumprod(0)] {
            assert_eq!(same.unwrap().shape()[..], [2, 0]);
        }
    });
}

#[test]
fn order_and_places_of_nothing() {
    on_each_device(|zeros| {
        let x = zeros(&[3, 0]);
        assert_eq!(x.sort(1, false).unwrap().1.shape()[..], [3, 0]);
        assert_eq!(x.topk(0, 1, true).unwrap().0.shape()[..], [3, 0]);
        assert_eq!(x.topk(2, 0, true).unwrap().0.shape()[..], [2, 0]);
        assert!(x.topk(1, 1, true).is_err());
        assert_eq!(x.unique().unwrap().shape()[..], [0]);
        assert_eq!(x.nonzero().unwrap().shape()[..], [0, 2]);
        let none = zeros(&[0]).to_dtype(DType::I64).unwrap();
        assert_eq!(zeros(&[3, 2]).index_select(0, &none).unwrap().shape()[..], [0, 2]);
        assert_eq!(zeros(&[2]).gather(0, &none).unwrap().shape()[..], [0]);
        assert!(x.index_select(1, &zeros(&[1]).to_dtype(DType::I64).unwrap()).is_err());
        assert_eq!(x.masked_select(&x.gt(0.0).unwrap()).unwrap().shape()[..], [0]);
    });
}

#[test]
fn joining_and_padding_nothing() {
    on_each_device(|zeros| {
        let (x, ones) = (zeros(&[2, 0]), zeros(&[2, 3]).add(1.0).unwrap());
        assert_eq!(values(&Tensor::concat(&[&x, &ones, &x], 1).unwrap()), [1.0; 6]);
        assert_eq!(Tensor::stack(&[&x, &x], 0).unwrap().shape()[..], [2, 2, 0]);
        assert_eq!(values(&x.pad(&[(1, 1)], PadMode::Constant(7.0)).unwrap()), [7.0; 4]);
        assert!(x.pad(&[(1, 1)], PadMode::Replicate).is_err());
        assert_eq!(x.roll(&[1], &[1]).unwrap().shape()[..], [2, 0]);
        assert_eq!(x.flip(..).unwrap().shape()[..], [2, 0]);
        assert_eq!(x.tile(&[3, 2]).unwrap().shape()[..], [6, 0]);
        assert_eq!(ones.repeat_interleave(0, 1).unwrap().shape()[..], [2, 0]);
        assert_eq!(x.reshape([0, 5]).unwrap().shape()[..], [0, 5]);
        assert!(x.reshape([-1, 0]).is_err());
    });
}

#[test]
fn pictures_of_nothing() {
    on_each_device(|zeros| {
        let none = zeros(&[0, 3, 4, 4]);
        assert_eq!(none.max_pool(&PoolOptions::new(2)).unwrap().shape()[..], [0, 3, 2, 2]);
        assert_eq!(none.adaptive_avg_pool(1).unwrap().shape()[..], [0, 3, 1, 1]);
        assert_eq!(none.interpolate(8, InterpolateMode::Nearest).unwrap().shape()[..], [0, 3, 8, 8]);
        let flat = zeros(&[1, 3, 0, 4]);
        assert!(flat.max_pool(&PoolOptions::new(2)).is_err());
        assert!(flat.global_avg_pool().is_err());
        assert!(flat.interpolate(8, InterpolateMode::Nearest).is_err());
    });
}
