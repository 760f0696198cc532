use ocelli_autograd::Var;
use ocelli_tensor::{ConvOptions, Padding, Shape};

use crate::support::{Case, case};

pub fn cases() -> Vec<Case> {
    let o = ConvOptions::new;
    // Input, weight and bias.
    let conv = |name: &str, options: ConvOptions, x: &[usize], w: &[usize]| {
        case(format!("conv {name}"), move |v| v[0].conv(&v[1], Some(&v[2]), &options))
            .input(x, -1.0, 1.0)
            .input(w, -1.0, 1.0)
            .input(&w[..1], -1.0, 1.0)
    };
    let transpose = |name: &str, options: ConvOptions, extra: usize, x: &[usize], w: &[usize]| {
        let channels = w[1] * options.groups;
        case(format!("conv_transpose {name}"), move |v| v[0].conv_transpose(&v[1], Some(&v[2]), &options, extra))
            .input(x, -1.0, 1.0)
            .input(w, -1.0, 1.0)
            .input(&[channels], -1.0, 1.0)
    };
    let strided = o().stride(2).padding(1);
    let (back, front) = (strided.clone(), strided.clone());
    vec![
        conv("1d", o().stride(2).padding(1).dilation(2), &[2, 2, 7], &[2, 2, 2]),
        conv("1d causal", o().padding(Padding::Causal), &[1, 2, 4], &[2, 2, 3]),
        conv("2d", o(), &[2, 2, 4, 3], &[2, 2, 2, 2]),
        conv("2d padded", o().padding([1, 0]), &[1, 2, 3, 4], &[2, 2, 2, 3]),
        conv("2d asymmetric", o().padding([(0, 2), (1, 0)]), &[1, 1, 3, 3], &[2, 1, 2, 3]),
        conv("2d same", o().padding(Padding::Same).stride([2, 1]), &[1, 2, 4, 3], &[1, 2, 3, 2]),
        conv("2d strided", strided, &[1, 2, 5, 4], &[2, 2, 3, 3]),
        conv("2d dilated", o().dilation([2, 1]), &[1, 1, 5, 3], &[2, 1, 2, 2]),
        conv("2d grouped", o().groups(2).padding(1), &[1, 4, 3, 2], &[2, 2, 2, 2]),
        conv("2d depthwise", o().groups(2).padding(1), &[2, 2, 3, 3], &[2, 1, 3, 3]),
        conv("2d depthwise, two filters", o().groups(2).stride(2), &[1, 2, 4, 3], &[4, 1, 2, 2]),
        conv("2d of 1×1", o(), &[2, 2, 2, 2], &[3, 2, 1, 1]),
        conv("2d of nothing", o(), &[0, 2, 3, 3], &[1, 2, 2, 2]),
        conv("3d", o().stride([1, 2, 1]).padding([1, 0, 1]), &[1, 1, 2, 4, 2], &[2, 1, 2, 2, 2]),
        case("conv without bias", |v| v[0].conv(&v[1], None, &ConvOptions::new()))
            .input(&[1, 1, 3, 3], -1.0, 1.0)
            .input(&[2, 1, 2, 2], -1.0, 1.0),
        transpose("1d", o().stride(2).padding(1), 1, &[1, 2, 3], &[2, 2, 3]),
        transpose("2d", o(), 0, &[1, 2, 2, 3], &[2, 1, 2, 2]),
        transpose("2d strided", o().stride([2, 3]).padding(1), 1, &[1, 2, 2, 2], &[2, 2, 3, 3]),
        transpose("2d dilated", o().stride(2).dilation(2), 0, &[1, 1, 2, 2], &[1, 2, 2, 2]),
        transpose("2d same", o().stride(2).padding(Padding::Same), 0, &[1, 1, 2, 3], &[1, 1, 3, 3]),
        transpose("2d grouped", o().stride(2).groups(2), 1, &[1, 2, 2, 2], &[2, 2, 2, 2]),
        transpose("3d", o().stride([1, 2, 1]), 0, &[1, 1, 2, 2, 1], &[1, 2, 1, 2, 2]),
        case("conv_backward_input", move |v| Var::conv_backward_input(&v[0], &v[1], &Shape::from([1, 2, 4, 5]), &back))
            .input(&[2, 2, 3, 3], -1.0, 1.0)
            .input(&[1, 2, 2, 3], -1.0, 1.0),
        case("conv_backward_weight", move |v| {
            Var::conv_backward_weight(&v[0], &v[1], &Shape::from([2, 2, 3, 3]), &front)
        })
        .input(&[1, 2, 4, 5], -1.0, 1.0)
        .input(&[1, 2, 2, 3], -1.0, 1.0),
    ]
}
