//! More terms than adapters give an invocation rounds (65,535), and more workgroups along an axis than they take (as many).

use super::*;

/// These images, and the same with channels side by side.
fn both_orders(x: &Tensor) -> [Tensor; 2] {
    [x.clone(), x.permute([0, 2, 3, 1]).unwrap().add(0.0).unwrap().permute([0, 3, 1, 2]).unwrap()]
}

#[test]
fn global_pooling_of_large_maps() {
    for x in both_orders(&normal(&[2, 3, 300, 300], 60)) {
        alike("global", &[&x], 1e-6, |t| {
            let (y, places) = t[0].adaptive_max_pool_with_indices(1)?;
            let dy = y.add(1.0)?;
            Ok(vec![
                t[0].global_max_pool()?,
                t[0].global_avg_pool()?,
                dy.max_pool_backward(&places, [300, 300])?,
                dy.max_pool_backward_within(&places, [300, 300], &PoolOptions::new(300))?,
                dy.adaptive_avg_pool_backward([300, 300])?,
                y,
                places,
            ])
        });
    }
    // All alike: a sum one after the other would be off in the fourth digit.
    if let Some(device) = adapter() {
        let x = Tensor::full_on(device, [1, 2, 256, 260], 0.1, DType::F32).unwrap();
        for y in [x.global_avg_pool().unwrap(), x.adaptive_avg_pool([1, 2]).unwrap()] {
            assert!(y.to_vec::<f32>().unwrap().iter().all(|y| (y - 0.1).abs() < 3e-7), "{y:?}");
        }
    }
    let x = normal(&[1, 2, 260, 256], 61).mul(50.0).unwrap();
    for dtype in [DType::I32, DType::I64, DType::F16, DType::BF16] {
        let x = x.to_dtype(dtype).unwrap();
        alike(&format!("global, {dtype}"), &[&x], 0.0, |t| {
            let (y, places) = t[0].adaptive_max_pool_with_small_indices(1)?;
            Ok(vec![t[0].global_max_pool()?, y, places])
        });
    }
    alike("of halves", &[&x.to_dtype(DType::F16).unwrap()], 1e-3, |t| {
        Ok(vec![t[0].global_avg_pool()?, t[0].adaptive_avg_pool([2, 1])?])
    });
}

#[test]
fn windows_of_many_elements() {
    // Every place of the middle is covered by all 2,304 windows, or by 48 of each row; each window has 72,900 elements.
    let options = PoolOptions::new(270).stride(1).padding(20);
    for x in both_orders(&normal(&[1, 2, 277, 277], 62)) {
        alike("stride 1", &[&x], 2e-6, |t| {
            let (y, places) = t[0].max_pool_with_indices(&options)?;
            let mean = t[0].avg_pool(&options)?;
            Ok(vec![
                t[0].max_pool(&options)?,
                y.max_pool_backward(&places, [277, 277])?,
                y.max_pool_backward_within(&places, [277, 277], &options)?,
                mean.avg_pool_backward([277, 277], &options)?,
                y.avg_pool_backward([277, 277], &options.clone().count_include_pad(false))?,
                mean,
                y,
                places,
            ])
        });
    }
    // A window of 4.9·10⁹ places, nearly all of them padding that counts.
    let wide = PoolOptions::new(70_000).padding(35_000);
    alike("mostly padding", &[&normal(&[1, 2, 10, 10], 64)], 2e-6, |t| {
        let mean = t[0].avg_pool(&wide)?;
        Ok(vec![mean.avg_pool_backward([10, 10], &wide)?, mean])
    });
    // Equal elements, and NaN.
    let rows = Tensor::arange(0, 300, 1).unwrap().rem(7).unwrap().to_dtype(DType::F32).unwrap();
    let x = rows.reshape([1, 1, 300, 1]).unwrap().expand([1, 1, 300, 300]).unwrap();
    let spots = normal(&[1, 1, 300, 300], 63).gt(3.5).unwrap();
    let with_nan = spots.logical_not().unwrap().where_(&x, f32::NAN).unwrap();
    let dilated = PoolOptions::new(60).stride(3).dilation(4).padding(25);
    for (what, x) in [("equal elements", x), ("NaN", with_nan)] {
        alike(what, &[&x], 0.0, |t| {
            let (y, places) = t[0].max_pool_with_indices(&dilated)?;
            let (z, more) = t[0].adaptive_max_pool_with_indices([2, 1])?;
            Ok(vec![t[0].max_pool(&dilated)?, y, places, z, more])
        });
    }
}

/// A place that every window covers gets more gradients than an invocation has rounds.
#[test]
fn gradients_of_many_windows() {
    let options = PoolOptions::new(300).stride(1).padding(150);
    let dy = normal(&[1, 1, 301, 301], 64);
    alike("a place in all windows", &[&dy, &normal(&[1, 1, 300, 300], 65)], 1e-5, |t| {
        let (_, places) = t[1].max_pool_with_small_indices(&options)?;
        Ok(vec![
            t[0].avg_pool_backward([300, 300], &options)?,
            t[0].max_pool_backward_within(&places, [300, 300], &options)?,
        ])
    });
}

/// Along one axis alone, where sums are made in rounds.
#[test]
fn long_windows_of_one_axis() {
    let x = normal(&[1, 2, 70_007], 66);
    let options = PoolOptions::new(70_000).stride(1);
    alike("long", &[&x], 5e-6, |t| {
        let (y, places) = t[0].max_pool_with_indices(&options)?;
        let dy = y.add(1.0)?;
        Ok(vec![
            t[0].avg_pool(&options)?,
            t[0].max_pool(&options)?,
            t[0].global_avg_pool()?,
            dy.avg_pool_backward([70_007], &options)?,
            dy.max_pool_backward_within(&places, [70_007], &options)?,
            y,
            places,
        ])
    });
    let dy = normal(&[1, 1, 70_000], 67);
    alike("many", &[&dy], 1e-5, |t| Ok(vec![t[0].adaptive_avg_pool(1)?.adaptive_avg_pool_backward([70_000])?]));
}

#[test]
fn depthwise_convolutions_of_large_filters() {
    let x = normal(&[1, 2, 258, 259], 68);
    let (w, bias) = (normal(&[4, 1, 257, 257], 69), normal(&[4], 70));
    let options = ConvOptions::new().groups(2);
    alike("many taps", &[&x, &w, &bias], 1e-5, |t| Ok(vec![t[0].conv(&t[1], Some(&t[2]), &options)?]));
    let (w, dy) = (normal(&[6000, 1, 5, 5], 71), normal(&[1, 6000, 2, 2], 72));
    alike("many filters of a channel", &[&w, &dy], 1e-5, |t| {
        Ok(vec![Tensor::conv_backward_input(&t[0], &t[1], &[1, 2, 6, 6].into(), &options)?])
    });
}

#[test]
fn products_of_many_blocks() {
    let Some(device) = adapter() else { return };
    // 65,625 blocks of 32 columns, and of 32 rows.
    let n = 2_100_000;
    let many = Tensor::arange(0, n, 1).unwrap().to_dtype(DType::I32).unwrap().to_device(device).unwrap();
    let three = Tensor::full_on(device, [1, 1], 3, DType::I32).unwrap();
    let across = three.matmul(&many.reshape([1, n as usize]).unwrap()).unwrap();
    let down = many.reshape([n as usize, 1]).unwrap().matmul(&three).unwrap();
    let expected: Vec<i32> = (0..n).map(|i| 3 * i).collect();
    assert_eq!(across.to_vec::<i32>().unwrap(), expected);
    assert_eq!(down.to_vec::<i32>().unwrap(), expected);
    // Floats, whose narrow products have another kernel.
    let few = Tensor::arange(1, 10, 1).unwrap().to_dtype(DType::F32).unwrap().reshape([9, 1]).unwrap();
    let ones = Tensor::ones([1, 1], DType::F32).unwrap().to_device(device).unwrap().expand([1, n as usize]).unwrap();
    let product = few.to_device(device).unwrap().matmul(&ones).unwrap();
    for first in [0, n / 2, n - 3] {
        let part = product.narrow(1, first as usize, 3).unwrap().t().unwrap();
        assert_eq!(part.to_vec::<f32>().unwrap(), few.expand([9, 3]).unwrap().t().unwrap().to_vec::<f32>().unwrap());
    }
    let batch = Tensor::ones([1, 3, 2], DType::I32).unwrap().to_device(device).unwrap();
    let batch = batch.expand([65_540, 3, 2]).unwrap().matmul(&batch.transpose(1, 2).unwrap()).unwrap();
    assert!(batch.to_vec::<i32>().unwrap().iter().all(|&x| x == 2));
}

#[test]
fn convolutions_of_many_blocks() {
    let Some(device) = adapter() else { return };
    // 65,537 blocks of 128 places: a picture of one row that is repeated.
    let (rows, columns) = (2049, 4096);
    let row = normal(&[1, 1, 1, columns], 73);
    let w = normal(&[1, 1, 1, 3], 74);
    let options = ConvOptions::new().padding([0, 1]);
    let expected = row.conv(&w, None, &options).unwrap().to_vec::<f32>().unwrap();
    let x = row.to_device(device).unwrap().expand([1, 1, rows, columns]).unwrap();
    let y = x.conv(&w.to_device(device).unwrap(), None, &options).unwrap();
    for at in [0, rows / 2, rows - 2, rows - 1] {
        let actual = y.narrow(2, at, 1).unwrap().to_vec::<f32>().unwrap();
        assert!(actual.iter().zip(&expected).all(|(a, e)| (a - e).abs() < 1e-5), "row {at}");
    }
    // As many groups, whose filters see two channels each.
    let groups = 65_540;
    let options = ConvOptions::new().groups(groups);
    let (x, w) = (normal(&[1, 2 * groups, 1], 75), normal(&[2 * groups, 2, 1], 76));
    alike("many groups", &[&x, &w], 1e-5, |t| Ok(vec![t[0].conv(&t[1], None, &options)?]));
}
