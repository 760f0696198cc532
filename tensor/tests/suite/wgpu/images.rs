//! Convolutions and pooling.

use super::*;

/// Channels, filters, groups, kernel, stride, padding, dilation.
type ConvCase = ([usize; 3], &'static [usize], usize, usize, usize);

#[test]
fn convolutions_and_their_gradients() {
    let cases: [ConvCase; 14] = [
        ([3, 8, 1], &[3, 3], 1, 1, 1),
        ([16, 24, 1], &[3, 3], 1, 1, 1),
        ([16, 24, 1], &[3, 3], 2, 1, 1),
        ([8, 12, 1], &[1, 1], 1, 0, 1),
        ([8, 12, 1], &[1, 1], 2, 0, 1),
        ([3, 40, 1], &[7, 7], 2, 3, 1),
        ([8, 12, 4], &[3, 3], 1, 1, 1),
        ([12, 12, 12], &[3, 3], 1, 1, 1),
        ([12, 24, 12], &[5, 3], 2, 2, 1),
        ([6, 5, 1], &[3, 3], 1, 2, 2),
        ([4, 6, 2], &[3], 2, 1, 1),
        ([3, 4, 1], &[2, 3, 3], 1, 1, 1),
        ([4, 8, 4], &[2, 2, 2], 2, 0, 1),
        ([70, 90, 1], &[3, 3], 1, 1, 1),
    ];
    for ([channels, filters, groups], kernel, stride, padding, dilation) in cases {
        let options = ConvOptions::new().stride(stride).padding(padding).dilation(dilation).groups(groups);
        let spatial = &[9, 11, 10][..kernel.len()];
        let x = normal(&[&[2, channels][..], spatial].concat(), 19).mul(0.2).unwrap();
        let w = normal(&[&[filters, channels / groups][..], kernel].concat(), 20);
        let bias = normal(&[filters], 21);
        let y = x.conv(&w, None, &options).unwrap();
        let (dy, residual) = (normal(y.shape(), 22), normal(y.shape(), 23));
        let what = format!(
            "{channels} to {filters} in {groups}, {kernel:?}, stride {stride}, padding {padding}, dilation {dilation}"
        );
        let last = |x: &Tensor| {
            let order: Vec<isize> = [0].into_iter().chain(2..x.rank() as isize).chain([1]).collect();
            let back: Vec<isize> = [0, x.rank() as isize - 1].into_iter().chain(1..x.rank() as isize - 1).collect();
            let moved = x.permute(&order[..]).unwrap();
            moved.add(0.0).unwrap().permute(&back[..]).unwrap()
        };
        for (x, dy) in [(x.clone(), dy.clone()), (last(&x), last(&dy))] {
            // The CPU's own error (Winograd's method) is up to 6e-6 of the largest sum, which a ReLU6 cuts off.
            alike(&what, &[&x, &w, &bias, &residual, &dy], 3e-5, |t| {
                let mut all = vec![t[0].conv(&t[1], None, &options)?];
                for activation in [Activation::Relu, Activation::Relu6, Activation::Silu, Activation::LeakyRelu(0.1)] {
                    all.push(t[0].conv_fused(&t[1], Some(&t[2]), Some(&t[3]), &options, activation)?);
                }
                all.push(Tensor::conv_backward_input(&t[1], &t[4], t[0].shape(), &options)?);
                all.push(Tensor::conv_backward_weight(&t[0], &t[4], t[1].shape(), &options)?);
                Ok(all)
            });
        }
    }
    // Channels that are read by four, and such that cannot be: parts of pictures that lie channels-last.
    for (first, channels, filters) in [(4isize, 8, 12), (4, 8, 10), (2, 8, 12), (3, 5, 8)] {
        let x = normal(&[2, 9, 8, 16], 32).permute([0, 3, 1, 2]).unwrap();
        let dy = normal(&[2, 9, 8, 20], 33).permute([0, 3, 1, 2]).unwrap();
        let w = normal(&[filters, channels, 3, 3], 34);
        let options = ConvOptions::new().padding(1);
        for dtype in [DType::F32, DType::F16] {
            let part = |x: &Tensor, count: usize| {
                let end = first + count as isize;
                x.to_dtype(dtype).unwrap().slice_axis(1, Slice::from(first..end)).unwrap()
            };
            let (x, dy, w) = (part(&x, channels), part(&dy, filters), w.to_dtype(dtype).unwrap());
            let share = if dtype == DType::F32 { 1e-5 } else { 2e-3 };
            alike(&format!("channels {first} and {channels} more, {dtype}"), &[&x, &w, &dy], share, |t| {
                Ok(vec![
                    t[0].conv(&t[1], None, &options)?,
                    Tensor::conv_backward_input(&t[1], &t[2], t[0].shape(), &options)?,
                    Tensor::conv_backward_weight(&t[0], &t[2], t[1].shape(), &options)?,
                ])
            });
        }
    }
    // A depth that is cut into parts, with bias and activation behind.
    let (x, w) = (normal(&[1, 300, 5, 5], 24), normal(&[4, 300, 3, 3], 25));
    let options = ConvOptions::new().padding(1);
    alike("a long depth", &[&x, &w, &normal(&[4], 26)], 1e-5, |t| {
        Ok(vec![t[0].conv_fused(&t[1], Some(&t[2]), None, &options, Activation::Relu)?])
    });
    let (x, w) = (x.to_dtype(DType::F16).unwrap(), w.to_dtype(DType::F16).unwrap());
    alike("halves", &[&x, &w], 1e-3, |t| Ok(vec![t[0].conv(&t[1], None, &options)?]));
    let transposed = ConvOptions::new().stride(2).padding(1);
    alike("transposed", &[&normal(&[2, 6, 5, 4], 27), &normal(&[6, 3, 3, 3], 28), &normal(&[3], 29)], 1e-5, |t| {
        Ok(vec![t[0].conv_transpose(&t[1], Some(&t[2]), &transposed, 1)?])
    });
    let far = ConvOptions::new().dilation(1usize << 31).padding(1usize << 31);
    alike("far apart", &[&normal(&[1, 2, 3, 3], 30), &normal(&[2, 2, 3, 3], 31)], 1e-5, |t| {
        Ok(vec![t[0].conv(&t[1], None, &far)?])
    });
}

#[test]
fn pooling_and_its_gradients() {
    let shapes: [(&[usize], PoolOptions); 6] = [
        (&[2, 3, 9, 10], PoolOptions::new(2)),
        (&[2, 3, 9, 10], PoolOptions::new(3).stride(2).padding(1)),
        (&[2, 3, 9, 10], PoolOptions::new(3).stride(2).padding(1).ceil_mode(true).count_include_pad(false)),
        (&[2, 5, 13], PoolOptions::new(4).stride(3)),
        (&[1, 4, 5, 6, 7], PoolOptions::new([2, 3, 2]).stride([1, 2, 2])),
        (&[2, 3, 8, 8], PoolOptions::new(5).stride(1).padding(2)),
    ];
    for (shape, options) in shapes {
        let x = normal(shape, 36);
        let order: Vec<isize> = [0].into_iter().chain(2..x.rank() as isize).chain([1]).collect();
        let back: Vec<isize> = [0, x.rank() as isize - 1].into_iter().chain(1..x.rank() as isize - 1).collect();
        let last = x.permute(&order[..]).unwrap().add(0.0).unwrap().permute(&back[..]).unwrap();
        for x in [x, last] {
            alike(&format!("{shape:?} {options:?}"), &[&x], 1e-5, |x| {
                let (x, spatial) = (&x[0], &shape[2..]);
                let (y, places) = x.max_pool_with_indices(&options)?;
                let dy = y.mul(0.5)?.add(1.0)?;
                let (_, small) = x.max_pool_with_small_indices(&options)?;
                let mean = x.avg_pool(&options)?;
                Ok(vec![
                    x.max_pool(&options)?,
                    dy.max_pool_backward(&places, spatial)?,
                    dy.max_pool_backward_within(&small, spatial, &options)?,
                    dy.max_pool_backward_within(&places, spatial, &options)?,
                    mean.avg_pool_backward(spatial, &options)?,
                    x.max_pool_take(&places)?,
                    x.adaptive_avg_pool(3)?.adaptive_avg_pool_backward(spatial)?,
                    x.adaptive_avg_pool(3)?,
                    x.adaptive_max_pool(2)?,
                    x.global_avg_pool()?,
                    mean,
                    y,
                    places,
                ])
            });
        }
    }
    let dilated = PoolOptions::new(2).dilation(3);
    let x = wild(27).narrow(0, 0, 36).unwrap().reshape([1, 1, 6, 6]).unwrap();
    alike("dilated, with NaN", &[&x], 0.0, |x| {
        let (y, places) = x[0].max_pool_with_small_indices(&dilated)?;
        Ok(vec![y.ones_like()?.max_pool_backward_within(&places, [6, 6], &dilated)?, y])
    });
    for dtype in [DType::U8, DType::I32, DType::I64, DType::F16] {
        let x = normal(&[1, 2, 4, 4], 37).mul(9.0).unwrap().abs().unwrap().to_dtype(dtype).unwrap();
        alike(&format!("{dtype}"), &[&x], 0.0, |x| Ok(vec![x[0].max_pool(&PoolOptions::new(2))?]));
    }
}
