//! Convolutions of operands that are parts or reversals of other tensors.

use super::*;

/// Images, channels and size of the input; filters, groups and kernel.
const KINDS: [(&str, [usize; 4], [usize; 3]); 5] = [
    ("plain", [2, 3, 9, 11], [6, 1, 3]),
    ("by four", [2, 8, 9, 11], [12, 1, 3]),
    ("grouped", [2, 8, 9, 11], [12, 4, 3]),
    ("depthwise", [2, 6, 9, 11], [12, 6, 3]),
    ("a depth in parts", [1, 300, 5, 5], [4, 1, 3]),
];

fn operands([n, c, h, w]: [usize; 4], [filters, groups, kernel]: [usize; 3]) -> (Tensor, Tensor, Tensor, ConvOptions) {
    let (x, weight) = (normal(&[n, c, h, w], 50), normal(&[filters, c / groups, kernel, kernel], 51));
    (x, weight, normal(&[n, filters, h, w], 52), ConvOptions::new().padding(1).groups(groups))
}

#[test]
fn a_bias_begins_where_its_view_begins() {
    for (what, input, [filters, groups, kernel]) in KINDS {
        let (x, weight, residual, options) = operands(input, [filters, groups, kernel]);
        let all = normal(&[filters + 5], 53);
        for dtype in [DType::F32, DType::F16] {
            let [x, weight, residual, all] = [&x, &weight, &residual, &all].map(|x| x.to_dtype(dtype).unwrap());
            let share = if dtype == DType::F32 { 3e-5 } else { 2e-3 };
            alike(&format!("{what}, {dtype}"), &[&x, &weight, &residual, &all], share, |t| {
                let bias = t[3].narrow(0, 5, filters)?;
                Ok(vec![
                    t[0].conv(&t[1], Some(&bias), &options)?,
                    t[0].conv_fused(&t[1], Some(&bias), Some(&t[2]), &options, Activation::Relu)?,
                ])
            });
        }
    }
    for groups in [1, 2, 6] {
        let options = ConvOptions::new().stride(2).padding(1).groups(groups);
        let (x, weight) = (normal(&[2, 6, 5, 4], 54), normal(&[6, 12 / groups, 3, 3], 55));
        alike(&format!("transposed, in {groups}"), &[&x, &weight, &normal(&[20], 56)], 1e-5, |t| {
            Ok(vec![t[0].conv_transpose(&t[1], Some(&t[2].narrow(0, 7, 12)?), &options, 1)?])
        });
    }
}

#[test]
fn pictures_may_lie_in_reverse() {
    for (what, input, sizes) in KINDS {
        let (x, weight, dy, options) = operands(input, sizes);
        for axes in [&[1isize][..], &[0, 1, 2, 3], &[0, 3]] {
            alike(&format!("{what}, axes {axes:?}"), &[&x, &weight, &dy], 3e-5, |t| {
                let (x, dy) = (t[0].flip(axes)?, t[2].flip(axes)?);
                Ok(vec![
                    x.conv(&t[1], None, &options)?,
                    Tensor::conv_backward_input(&t[1], &dy, x.shape(), &options)?,
                    Tensor::conv_backward_weight(&x, &dy, t[1].shape(), &options)?,
                ])
            });
        }
    }
}
