//! Regions of interest on every device: known numbers, the CPU's for whatever else, and what is refused.
//! (torchvision's numbers are in `vision/tests/suite/roi.rs`.)

use crate::common::{assert_close, copied, devices, scattered};
use ocelli_tensor::{DType, Device, Generator, Result, RoiMode, RoiOptions, Tensor};

/// How often each way to take a mean is tried on other maps and regions.
const ROUNDS: u64 = 3;

fn modes() -> Vec<RoiMode> {
    let align = |sampling_ratio| [false, true].map(|aligned| RoiMode::Align { sampling_ratio, aligned });
    let ps = [0, 1, 3].map(|sampling_ratio| RoiMode::PsAlign { sampling_ratio });
    [0, 1, 2, 5].into_iter().flat_map(align).chain(ps).chain([RoiMode::PsPool]).collect()
}

fn normal(shape: &[usize], seed: u64) -> Tensor {
    Tensor::randn(shape, DType::F32, &mut Generator::new(seed)).unwrap()
}

/// Boxes of all sizes in and about maps of this size; the first ones are without area, of one pixel, turned inside out, outside, far away and
/// over everything.
fn regions(count: usize, images: usize, [height, width]: [usize; 2], seed: u64) -> Tensor {
    let numbers = Tensor::rand([count, 5], DType::F32, &mut Generator::new(seed)).unwrap().to_vec::<f32>().unwrap();
    let (high, wide) = (height as f32, width as f32);
    let odd = [
        [2.2, 2.1, 2.2, 2.1],
        [1.0, 1.0, 2.0, 2.0],
        [3.1, 3.2, 1.0, 0.9],
        [wide + 9.3, high + 9.0, wide + 12.0, high + 12.0],
        [-1e30, -1e30, -1e30, -1e30],
        [-20.0, -20.0, wide + 20.0, high + 20.0],
    ];
    let rows = numbers.as_chunks::<5>().0.iter().enumerate().flat_map(|(i, &[image, x, y, across, down])| {
        let (x, y) = (x * (wide + 6.0) - 3.0, y * (high + 6.0) - 3.0);
        let usual = [x, y, x + across * across * wide, y + down * down * high];
        let [x1, y1, x2, y2] = *odd.get(i).unwrap_or(&usual);
        [(image * images as f32).floor().min(images as f32 - 1.0), x1, y1, x2, y2]
    });
    Tensor::from_vec(rows.collect::<Vec<f32>>(), [count, 5]).unwrap()
}

/// The adapter's half of [`devices`].
fn adapter(dtype: DType) -> Option<Device> {
    devices(dtype).into_iter().find(|device| *device != Device::Cpu)
}

/// Asserts that an operation gives the same on the adapter as on the CPU, within these tolerances.
#[track_caller]
fn same(what: &str, inputs: &[&Tensor], [rtol, atol]: [f64; 2], op: impl Fn(&[Tensor]) -> Result<Vec<Tensor>>) {
    let Some(device) = adapter(DType::F32) else { return };
    let on = |device| -> Vec<Tensor> { inputs.iter().map(|x| x.to_device(device).unwrap()).collect() };
    let (expected, actual) = (op(&on(Device::Cpu)).unwrap(), op(&on(device)).unwrap());
    for (i, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
        assert_eq!(actual.device(), device, "{what}, result {i}");
        // Of axes of size 1 strides say nothing.
        let strides = |x: &Tensor| {
            x.shape().iter().zip(x.strides()).filter(|(size, _)| **size > 1).map(|(_, s)| *s).collect::<Vec<_>>()
        };
        assert_eq!(strides(actual), strides(expected), "{what}, result {i}: strides");
        assert_close(actual, expected, rtol, atol, &format!("{what}, result {i}"));
    }
}

/// Tolerances of results of this dtype: of sums, whose terms are added in another order, and rounded.
fn tolerances(dtype: DType) -> [f64; 2] {
    match dtype {
        DType::F16 => [1e-3, 1e-3],
        DType::BF16 => [8e-3, 8e-3],
        _ => [1e-5, 1e-5],
    }
}

/// Everything that comes of these maps and regions in this way: means and their gradient.
fn means(x: &Tensor, dy: &Tensor, regions: &Tensor, options: &RoiOptions) -> Result<Vec<Tensor>> {
    Ok(vec![x.roi_mean(regions, options)?, dy.roi_mean_backward(regions, x.shape(), options)?])
}

/// The greatest elements, their places, the elements there, and the gradient.
fn maxima(x: &Tensor, dy: &Tensor, regions: &Tensor, bins: [usize; 2], scale: f64) -> Result<Vec<Tensor>> {
    let (values, places) = x.roi_max_with_indices(regions, bins, scale)?;
    let (taken, dx) = (x.roi_max_take(&places, regions)?, dy.roi_max_backward(&places, regions, x.shape())?);
    Ok(vec![values, places, taken, dx])
}

#[test]
fn known_boxes() {
    let x = Tensor::arange(0.0, 16.0, 1.0).unwrap().to_dtype(DType::F32).unwrap().reshape([1, 1, 4, 4]).unwrap();
    for device in devices(DType::F32) {
        let x = x.to_device(device).unwrap();
        let region = Tensor::new([[0.0f32, 0.0, 0.0, 4.0, 4.0]]).unwrap().to_device(device).unwrap();
        let mode = RoiMode::Align { sampling_ratio: 2, aligned: true };
        let options = RoiOptions { mode, ..RoiOptions::align([2, 2]) };
        let y = x.roi_mean(&region, &options).unwrap();
        assert_eq!(y.to_vec::<f32>().unwrap(), [2.5, 4.5, 10.5, 12.5]);
        // Each pixel is read by one bin, of which it is a quarter.
        let dx = y.roi_mean_backward(&region, [1, 1, 4, 4], &options).unwrap();
        let quarters = [2.5, 2.5, 4.5, 4.5, 2.5, 2.5, 4.5, 4.5, 10.5, 10.5, 12.5, 12.5, 10.5, 10.5, 12.5, 12.5];
        assert_eq!(dx.mul(4.0).unwrap().to_vec::<f32>().unwrap(), quarters);

        let pixels = Tensor::new([[0.0f32, 0.0, 0.0, 3.0, 3.0]]).unwrap().to_device(device).unwrap();
        let (max, places) = x.roi_max_with_indices(&pixels, [2, 2], 1.0).unwrap();
        assert_eq!(max.to_vec::<f32>().unwrap(), [5.0, 7.0, 13.0, 15.0]);
        assert_eq!(places.to_vec::<i32>().unwrap(), [5, 7, 13, 15]);
        // Each bin of the position-sensitive form has a channel of its own.
        let four = Tensor::arange(0.0, 4.0, 1.0).unwrap().to_dtype(DType::F32).unwrap().to_device(device).unwrap();
        let four = four.reshape([1, 4, 1, 1]).unwrap().expand([1, 4, 4, 4]).unwrap();
        for mode in [RoiMode::PsPool, RoiMode::PsAlign { sampling_ratio: 2 }] {
            let y = four.roi_mean(&pixels, &RoiOptions { mode, ..options }).unwrap();
            assert_eq!(y.to_vec::<f32>().unwrap(), [0.0, 1.0, 2.0, 3.0]);
        }
    }
}

#[test]
fn means_of_any_regions_are_the_cpus() {
    let shapes = [([2, 18, 13, 17], [3, 2], 0.9), ([1, 12, 1, 9], [2, 3], 2.0), ([3, 66, 20, 7], [1, 1], 0.37)];
    for (seed, mode) in (0..ROUNDS).flat_map(|seed| modes().into_iter().map(move |mode| (seed, mode))) {
        let (shape @ [images, channels, height, width], output_size, spatial_scale) = shapes[seed as usize % 3];
        let options = RoiOptions { mode, output_size, spatial_scale };
        let size = [height, width].map(|size| (size as f64 / spatial_scale) as usize);
        let regions = scattered(&regions(37, images, size, seed));
        let [high, wide] = output_size;
        let own = if mode.is_position_sensitive() { channels / (high * wide) } else { channels };
        let (x, dy) = (normal(&shape, seed), normal(&[37, own, high, wide], seed + 9));
        for dtype in [DType::F32, DType::F16, DType::BF16] {
            let (x, dy) = (x.to_dtype(dtype).unwrap(), dy.to_dtype(dtype).unwrap());
            let what = format!("{mode:?} of {shape:?} as {dtype}");
            for (x, dy) in [(x.clone(), dy.clone()), (scattered(&x), scattered(&dy))] {
                same(&what, &[&x, &dy, &regions], tolerances(dtype), |x| means(&x[0], &x[1], &x[2], &options));
            }
        }
        // Memory in other orders, which copies to a device do not keep.
        same("channels-last, turned and cut out", &[&x, &dy, &regions], tolerances(DType::F32), |x| {
            let last = copied(&x[0].permute([0, 2, 3, 1])?)?.permute([0, 3, 1, 2])?;
            let turned = copied(&x[0].flip(2)?.permute([3, 1, 0, 2])?)?.permute([2, 1, 3, 0])?;
            let wide = Tensor::concat(&[&x[0], &x[0]], 3)?.narrow(3, 1, width)?;
            let maps = [last, turned, wide, x[0].narrow(1, 0, 1)?.expand(shape)?];
            maps.iter().map(|x| x.roi_mean(&regions.to_device(x.device())?, &options)).collect()
        });
    }
}

#[test]
fn greatest_elements_of_any_regions_are_the_cpus() {
    let shapes = [([2, 5, 13, 17], [3, 2], 0.9), ([1, 70, 1, 9], [2, 3], 2.0), ([3, 66, 20, 7], [1, 1], 0.37)];
    for (seed, (shape @ [images, channels, height, width], bins, scale)) in (0..).zip(shapes) {
        let size = [height, width].map(|size| (size as f64 / scale) as usize);
        let regions = scattered(&regions(37, images, size, seed));
        // Few different numbers: most are equal to another one.
        let x = normal(&shape, seed).mul(1.5).unwrap().round().unwrap();
        let dy = normal(&[37, channels, bins[0], bins[1]], seed + 9);
        for dtype in [DType::F32, DType::F16, DType::BF16] {
            let (x, dy) = (x.to_dtype(dtype).unwrap(), dy.to_dtype(dtype).unwrap());
            for (x, dy) in [(x.clone(), dy.clone()), (scattered(&x), scattered(&dy))] {
                let what = format!("{shape:?} as {dtype}");
                same(&what, &[&x, &dy, &regions], tolerances(dtype), |x| maxima(&x[0], &x[1], &x[2], bins, scale));
                same(&what, &[&x, &dy, &regions], [0.0; 2], |x| {
                    Ok(maxima(&x[0], &x[1], &x[2], bins, scale)?[..3].to_vec())
                });
            }
        }
    }
}

#[test]
fn nan_and_infinity_go_where_they_go_on_the_cpu() {
    let odd = |shape: &[usize], seed: u64| {
        let (x, kind) = (normal(shape, seed), normal(shape, seed + 1));
        let put = |x: Tensor, over: f64, value: f64| x.masked_fill(&kind.gt(over).unwrap(), value).unwrap();
        put(put(put(x, 1.7, f64::INFINITY), 2.0, f64::NEG_INFINITY), 2.4, f64::NAN)
    };
    let (x, regions) = (odd(&[2, 12, 11, 9], 3), regions(60, 2, [11, 9], 5));
    for mode in modes() {
        let options = RoiOptions { mode, output_size: [3, 2], spatial_scale: 1.0 };
        let dy = odd(&[60, if mode.is_position_sensitive() { 2 } else { 12 }, 3, 2], 7);
        same(&format!("{mode:?}"), &[&x, &dy, &regions], [1e-5; 2], |x| means(&x[0], &x[1], &x[2], &options));
    }
    let dy = odd(&[60, 12, 3, 2], 7);
    same("maxima", &[&x, &dy, &regions], [1e-5; 2], |x| maxima(&x[0], &x[1], &x[2], [3, 2], 1.0));
}

#[test]
fn many_regions_and_many_workgroups() {
    // More regions than are worked on at once, and more than 65,535 workgroups of 64 for their bins (in the first batch alone).
    let (x, regions) = (normal(&[1, 84, 20, 24], 1), regions(1100, 1, [20, 24], 2));
    let corner = regions.narrow(1, 1, 2).unwrap();
    let small = Tensor::concat(&[&regions.narrow(1, 0, 1).unwrap(), &corner, &corner.add(6.0).unwrap()], 1).unwrap();
    let options = RoiOptions::align([7, 7]);
    same("bins", &[&x, &small], [1e-5; 2], |x| Ok(vec![x[0].roi_mean(&x[1], &options)?]));
    same("greatest", &[&x, &small], [0.0; 2], |x| Ok(vec![x[0].roi_max(&x[1], [7, 7], 1.0)?]));
    // As many for the maps.
    let (maps, dy) = ([1, 18, 490, 490], normal(&[9, 18, 7, 7], 3));
    let few = regions.narrow(0, 0, 9).unwrap();
    let wide = few.mul(&Tensor::new([1.0f32, 20.0, 20.0, 20.0, 20.0]).unwrap()).unwrap();
    same("maps", &[&dy, &wide], [1e-5; 2], |x| Ok(vec![x[0].roi_mean_backward(&x[1], maps, &options)?]));
    // Gradients of several batches meet.
    let options = RoiOptions { mode: RoiMode::PsPool, output_size: [2, 2], spatial_scale: 0.9 };
    let (x, dy) = (x.narrow(1, 0, 8).unwrap(), normal(&[1100, 2, 2, 2], 4));
    same("batches", &[&x, &dy, &regions], [1e-4; 2], |x| means(&x[0], &x[1], &x[2], &options));
}

#[test]
fn more_than_an_invocation_may_go_through() {
    // One bin reads 120,000 pixels, or 40,000 of a row; equal ones and NaN among them.
    for (shape, bins) in [([1, 2, 300, 400], [1, 1]), ([1, 2, 3, 40_000], [2, 1])] {
        let x = normal(&shape, 1).mul(4.0).unwrap().round().unwrap();
        let regions = regions(7, 1, [shape[2], shape[3]], 3);
        let dy = normal(&[7, 2, bins[0], bins[1]], 2);
        let nan = x.masked_fill(&normal(&shape, 5).gt(3.5).unwrap(), f64::NAN).unwrap();
        let options = RoiOptions::align(bins);
        same("mean", &[&x, &dy, &regions], [1e-5; 2], |x| means(&x[0], &x[1], &x[2], &options));
        for x in [x, nan] {
            same("max", &[&x, &dy, &regions], [1e-5; 2], |x| maxima(&x[0], &x[1], &x[2], bins, 1.0));
        }
    }
    // One pixel is read by 40,000 bins, and by as many of a row.
    for bins in [[200, 200], [1, 40_000], [40_000, 1]] {
        let (x, dy) = (normal(&[1, 2, 4, 5], 1), normal(&[3, 2, bins[0], bins[1]], 2));
        let point = Tensor::new([[0.0f32, 2.1, 1.2, 2.2, 1.3], [0.0, 2.1, 1.2, 2.2, 1.3], [0.0, 0.0, 0.0, 4.0, 4.0]]);
        let options =
            RoiOptions { mode: RoiMode::Align { sampling_ratio: 1, aligned: true }, ..RoiOptions::align(bins) };
        // 80,000 numbers of both signs are added up.
        same("points", &[&x, &dy, &point.unwrap()], [1e-4, 1e-3], |x| means(&x[0], &x[1], &x[2], &options));
    }
}

#[test]
fn the_same_bits_each_time() {
    let (x, regions) = (normal(&[2, 33, 20, 24], 1), regions(1500, 2, [20, 24], 2));
    let (means_dy, maxima_dy) = (normal(&[1500, 33, 3, 3], 3), normal(&[1500, 33, 2, 2], 4));
    for device in devices(DType::F32) {
        let [x, regions, means_dy, maxima_dy] =
            [&x, &regions, &means_dy, &maxima_dy].map(|x| x.to_device(device).unwrap());
        let run = || {
            let means = means(&x, &means_dy, &regions, &RoiOptions::align([3, 3])).unwrap();
            let maxima = maxima(&x, &maxima_dy, &regions, [2, 2], 1.0).unwrap();
            let all = means.into_iter().chain(maxima).map(|x| x.to_dtype(DType::F32).unwrap().to_vec::<f32>().unwrap());
            all.map(|x| x.into_iter().map(f32::to_bits).collect()).collect::<Vec<Vec<u32>>>()
        };
        assert!(run() == run());
    }
}

#[test]
fn no_regions_no_images_no_channels() {
    for device in devices(DType::F32) {
        let zeros = |shape: &[usize]| Tensor::full_on(device, shape, 0, DType::F32).unwrap();
        for (maps, count) in [([2, 6, 4, 4], 0), ([0, 6, 4, 4], 0), ([1, 0, 4, 4], 2)] {
            let (x, regions) = (zeros(&maps), zeros(&[count, 5]));
            for mode in modes() {
                let options = RoiOptions { mode, output_size: [3, 2], spatial_scale: 1.0 };
                let own = if mode.is_position_sensitive() { maps[1] / 6 } else { maps[1] };
                let y = x.roi_mean(&regions, &options).unwrap();
                assert_eq!(y.shape()[..], [count, own, 3, 2]);
                let dx = y.roi_mean_backward(&regions, maps, &options).unwrap();
                assert_eq!((dx.shape()[..].to_vec(), dx.device()), (maps.to_vec(), device));
                assert!(dx.to_vec::<f32>().unwrap().iter().all(|&x| x == 0.0));
            }
            let [values, places, taken, dx] =
                &maxima(&x, &zeros(&[count, maps[1], 3, 2]), &regions, [3, 2], 1.0).unwrap()[..]
            else {
                unreachable!()
            };
            assert_eq!((values.shape(), places.shape()), (taken.shape(), taken.shape()));
            assert!(dx.to_vec::<f32>().unwrap().iter().all(|&x| x == 0.0));
        }
    }
}

#[test]
fn errors_are_those_of_the_cpu() {
    for device in devices(DType::F32) {
        let maps = Tensor::full_on(device, [2, 6, 4, 4], 0, DType::F32).unwrap();
        let dy = Tensor::full_on(device, [1, 6, 3, 2], 0, DType::F32).unwrap();
        let rois = |row: [f32; 5]| Tensor::new([row]).unwrap().to_device(device).unwrap();
        let good = rois([0.0, 0.0, 0.0, 2.0, 2.0]);
        let aligned = RoiOptions::align([3, 2]);
        let all = |maps: &Tensor, rois: &Tensor, options: &RoiOptions| -> Vec<String> {
            let places = Tensor::full_on(device, [1, 6, 3, 2], 0, DType::I32).unwrap();
            let results = [
                maps.roi_mean(rois, options),
                dy.roi_mean_backward(rois, maps.shape(), options),
                maps.roi_max(rois, [3, 2], 1.0),
                dy.roi_max_backward(&places, rois, maps.shape()),
                maps.roi_max_take(&places, rois),
            ];
            results.into_iter().map(|result| result.unwrap_err().to_string()).collect()
        };
        for image in [2.0, -1.0, 0.5, f32::NAN] {
            for text in all(&maps, &rois([image, 0.0, 0.0, 2.0, 2.0]), &aligned) {
                assert!(text.contains("expected the number of an image in 0..2, received"), "{text}");
            }
        }
        for text in all(&maps, &rois([0.0, 0.0, f32::INFINITY, 2.0, 2.0]), &aligned) {
            assert!(text.contains("expected boxes of finite numbers"), "{text}");
        }
        if device != Device::Cpu {
            for text in all(&maps, &good.to_device(Device::Cpu).unwrap(), &aligned) {
                assert!(text.contains("device"), "{text}");
            }
        }
        let large = maps.roi_mean(&rois([0.0, 0.0, 0.0, 1e9, 1.0]), &aligned).unwrap_err().to_string();
        assert!(large.contains("at most 1048576 samples"), "{large}");
        let narrow = dy.narrow(3, 0, 1).unwrap().roi_mean_backward(&good, maps.shape(), &aligned);
        assert!(narrow.unwrap_err().to_string().contains("a gradient of shape [1, 6, 3, 2]"));
        for place in [-2, 16, i32::MIN, i32::MAX] {
            let wrong = Tensor::full_on(device, [1, 6, 3, 2], place, DType::I32).unwrap();
            let text = dy.roi_max_backward(&wrong, &good, [2, 6, 4, 4]).unwrap_err().to_string();
            assert!(text.contains(&format!("expected places in -1..16, received {place}")), "{text}");
            assert!(maps.roi_max_take(&wrong, &good).is_err());
        }
        // Maps that nobody could hold.
        let places = Tensor::full_on(device, [1, 0, 3, 2], 0, DType::I32).unwrap();
        let none = Tensor::full_on(device, [1, 0, 3, 2], 0, DType::F32).unwrap();
        assert!(none.roi_max_backward(&places, &good, [1, 0, 1 << 40, 1 << 40]).is_err());
    }
}
