//! Whole models: the plan's numbers are those of `forward`, at every batch size, and what can be fused is.

use crate::common::{self, check, check_fn, conv, names, trained_norm};
use ocelli_autograd::Var;
use ocelli_infer::Plan;
use ocelli_nn::{
    AdaptiveAvgPool2d, AvgPool2d, BatchNorm2d, Conv2d, Dropout, Flatten, Layer, LeakyReLU, Linear, MaxPool2d, Module,
    ReLU, Sequential, Sigmoid, Softmax, Tanh,
};
use ocelli_tensor::{Activation, ConvOptions, DType, Generator, Padding, Tensor};

#[test]
fn a_perceptron() {
    let mut g = Generator::new(0);
    let model = Sequential::new()
        .add(Linear::new(20, 16, &mut g).unwrap())
        .add(ReLU)
        .add(Dropout::new(0.5, &mut g).unwrap())
        .add(Linear::new(16, 12, &mut g).unwrap())
        .add(Sigmoid)
        .add(Linear::builder(12, 7).bias(false).build(&mut g).unwrap())
        .add(Tanh)
        .add(Softmax::default());
    let plan = check(&model, &[1, 20]);
    let expected = ["load", "linear 20→16 + relu", "linear 16→12 + sigmoid", "linear 12→7", "tanh", "softmax"];
    assert_eq!(names(&plan), expected);
}

#[test]
fn a_small_cnn() {
    let mut g = Generator::new(1);
    let model = Sequential::new()
        .add(Conv2d::new(3, 8, 3, &mut g).unwrap())
        .add(trained_norm(8, &mut g))
        .add(LeakyReLU::new(0.1))
        .add(MaxPool2d::new(3).stride(2).padding(1))
        .add(conv(8, 12, 3, &mut g))
        .add(trained_norm(12, &mut g))
        .add(ReLU)
        .add(AvgPool2d::new(2))
        .add(Flatten::new())
        .add(Linear::new(12 * 3 * 3, 10, &mut g).unwrap());
    let plan = check(&model, &[1, 3, 14, 15]);
    let expected = [
        "load",
        "conv 3×3 3→8 + leakyrelu",
        "max pool 3/2",
        "conv 3×3 8→12 + relu",
        "average pool 2/2",
        "linear 108→10",
    ];
    assert_eq!(names(&plan), expected);
}

#[test]
fn a_layer_that_adds_a_residual_itself() {
    let mut g = Generator::new(11);
    let first = Conv2d::new(3, 8, 3, &mut g).unwrap();
    let second = Conv2d::builder(8, 8, 3).padding(1).activation(Activation::Relu).build(&mut g).unwrap();
    let plan = check_fn(&[&[1, 3, 9, 8]], |x| {
        let x = first.call(&x[0])?;
        Ok(vec![second.forward_with_residual(&x, &x)?])
    });
    assert_eq!(names(&plan), ["load", "conv 3×3 3→8", "conv 3×3 8→8 + add + relu"]);
}

#[test]
fn pools_with_all_their_options() {
    let mut g = Generator::new(2);
    let first = |g: &mut Generator| Sequential::new().add(conv(2, 5, 1, g));
    check(&first(&mut g).add(MaxPool2d::new([3, 2]).stride([2, 1]).padding([(1, 1), (0, 1)])), &[1, 2, 9, 8]);
    check(&first(&mut g).add(MaxPool2d::new(2).dilation(2).ceil_mode(true)), &[1, 2, 9, 8]);
    check(&first(&mut g).add(MaxPool2d::new(3).padding(Padding::Same).stride(2)), &[1, 2, 9, 8]);
    check(&first(&mut g).add(AvgPool2d::new(3).stride(2).padding(1).ceil_mode(true)), &[1, 2, 9, 8]);
    check(&first(&mut g).add(AvgPool2d::new(3).stride(2).padding(1).count_include_pad(false)), &[1, 2, 9, 8]);
    check(&first(&mut g).add(AvgPool2d::new(2).padding(Padding::Same)), &[1, 2, 9, 7]);
    check(&first(&mut g).add(AdaptiveAvgPool2d::new([3, 4])), &[1, 2, 10, 9]);
    check(&first(&mut g).add(AdaptiveAvgPool2d::new([1, 1])).add(Flatten::new()), &[1, 2, 10, 9]);
    let plan = check_fn(&[&[1, 40, 6, 5]], |x| Ok(vec![x[0].mean([2, 3])?, x[0].adaptive_max_pool([2, 2])?]));
    assert_eq!(names(&plan), ["load", "adaptive average pool", "adaptive max pool"]);
}

#[test]
fn convolutions_of_all_kinds() {
    let mut g = Generator::new(3);
    let mut layer = |inputs, outputs, kernel: [usize; 2], options: ConvOptions| {
        let builder = Conv2d::builder(inputs, outputs, kernel).stride(options.stride).padding(options.padding);
        builder.dilation(options.dilation).groups(options.groups).build(&mut g).unwrap()
    };
    let o = ConvOptions::new;
    check(&layer(4, 6, [3, 3], o().groups(2).padding(1)), &[1, 4, 7, 8]);
    check(&layer(6, 6, [3, 3], o().groups(6).padding(1).stride(2)), &[1, 6, 7, 8]);
    check(&layer(4, 8, [5, 3], o().groups(4).padding(Padding::Same)), &[1, 4, 7, 8]);
    check(&layer(3, 5, [3, 3], o().dilation(2).padding(2)), &[1, 3, 9, 8]);
    check(&layer(3, 5, [1, 1], o().stride(2)), &[1, 3, 9, 8]);
    check(&layer(3, 70, [7, 7], o().stride(2).padding(3)), &[1, 3, 19, 18]);
    check(&layer(3, 5, [3, 2], o().padding([(0, 2), (1, 0)]).stride([2, 1])), &[1, 3, 9, 8]);
}

/// `relu(bn(conv(x)) + shortcut(x))`, and then squeeze and excitation.
#[derive(Module)]
struct Block {
    conv: Conv2d,
    bn: BatchNorm2d,
    shortcut: Option<Conv2d>,
    squeeze: Linear,
}

impl Layer for Block {
    fn call(&self, x: &Var) -> ocelli_nn::Result<Var> {
        let y = self.bn.forward(&self.conv.forward(x)?)?;
        let shortcut = self.shortcut.as_ref().map_or(Ok(x.clone()), |conv| conv.forward(x))?;
        let y = y.add(&shortcut)?.relu()?;
        let scale = self.squeeze.forward(&y.mean([2, 3])?)?.sigmoid()?;
        let (n, c) = (scale.shape()[0], scale.shape()[1]);
        Ok(y.mul(&scale.reshape([n, c, 1, 1])?)?)
    }
}

#[test]
fn residuals_are_sums_in_epilogues() {
    let mut g = Generator::new(4);
    let mut block = |inputs: usize, outputs: usize| Block {
        conv: conv(inputs, outputs, 3, &mut g),
        bn: trained_norm(outputs, &mut g),
        shortcut: (inputs != outputs).then(|| conv(inputs, outputs, 1, &mut g)),
        squeeze: Linear::new(outputs, outputs, &mut g).unwrap(),
    };
    let model = Sequential::new().add(block(4, 4)).add(block(4, 6));
    let plan = check(&model, &[1, 4, 6, 5]);
    let expected = [
        "load",
        "conv 3×3 4→4 + add + relu",
        "adaptive average pool",
        "linear 4→4 + sigmoid",
        "mul",
        "conv 3×3 4→6",
        "conv 1×1 4→6 + add + relu",
        "adaptive average pool",
        "linear 6→6 + sigmoid",
        "mul",
    ];
    assert_eq!(names(&plan), expected);
}

/// Four branches side by side, as in Inception.
#[derive(Module)]
struct Inception(Conv2d, Conv2d, Conv2d, Conv2d);

impl Layer for Inception {
    fn call(&self, x: &Var) -> ocelli_nn::Result<Var> {
        let branches = [
            self.0.forward(x)?.relu()?,
            self.2.forward(&self.1.forward(x)?.relu()?)?.relu()?,
            self.3.forward(&x.max_pool(&ocelli_tensor::PoolOptions::new(3).stride(1).padding(1))?)?,
            x.avg_pool(&ocelli_tensor::PoolOptions::new(3).stride(1).padding(1))?,
        ];
        Ok(Var::concat(&branches, 1)?)
    }
}

#[test]
fn branches_write_into_their_slices() {
    let mut g = Generator::new(5);
    let mut block = |channels| {
        Inception(
            conv(channels, 5, 1, &mut g),
            conv(channels, 3, 1, &mut g),
            conv(3, 7, 3, &mut g),
            conv(channels, 4, 1, &mut g),
        )
    };
    let model = Sequential::new().add(block(3)).add(block(19)).add(AdaptiveAvgPool2d::new([1, 1])).add(Flatten::new());
    let plan = check(&model, &[1, 3, 6, 7]);
    let names = names(&plan);
    assert!(!names.iter().any(|name| name == "concat" || name == "copy"), "{names:?}");
}

/// Every layer sees all before it, as in DenseNet.
#[derive(Module)]
struct Dense {
    norms: Vec<BatchNorm2d>,
    convs: Vec<Conv2d>,
}

impl Layer for Dense {
    fn call(&self, x: &Var) -> ocelli_nn::Result<Var> {
        let mut features = vec![x.relu()?];
        for (norm, conv) in self.norms.iter().zip(&self.convs) {
            let all = Var::concat(&features, 1)?;
            features.push(conv.forward(&norm.forward(&all)?.relu()?)?);
        }
        Ok(Var::concat(&features, 1)?)
    }
}

#[test]
fn growing_concats_share_one_memory() {
    let mut g = Generator::new(6);
    let model = Dense {
        norms: (0..4).map(|i| trained_norm(6 + 3 * i, &mut g)).collect(),
        convs: (0..4).map(|i| conv(6 + 3 * i, 3, 3, &mut g)).collect(),
    };
    let plan = check(&model, &[1, 6, 5, 4]);
    let names = names(&plan);
    assert!(!names.iter().any(|name| name == "concat" || name == "copy"), "{names:?}");
    assert!(names.iter().any(|name| name == "affine + relu"), "{names:?}");
}

#[test]
fn concats_of_what_lies_elsewhere_are_copied() {
    let plan = check_fn(&[&[1, 3, 4, 5], &[1, 2, 4, 5]], |x| {
        let y = x[0].relu()?;
        let constant = Var::constant(Tensor::ones([1, 1, 1, 1], DType::F32)?);
        let wide = y.mul(&constant)?;
        let twice = Var::concat(&[&y, &y, &x[1], &wide.narrow(1, 1, 2)?], 1)?;
        Ok(vec![twice.clone(), Var::concat(&[&twice, &y], 1)?, Var::concat(&[&twice.narrow(1, 2, 3)?, &twice], 1)?])
    });
    assert!(names(&plan).contains(&"concat".to_string()));
    check_fn(&[&[1, 6], &[1, 3]], |x| {
        let joined = Var::concat(&[&x[0].tanh()?, &x[1].exp()?], 1)?;
        let fc = Var::constant(Tensor::ones([9, 2], DType::F32)?);
        Ok(vec![joined.matmul(&fc)?, joined])
    });
}

#[test]
fn activations_written_out_are_known() {
    let mut g = Generator::new(7);
    let layer = conv(3, 6, 3, &mut g);
    let activation = |name: &str, f: &dyn Fn(&Var) -> ocelli_autograd::Result<Var>| {
        let plan = check_fn(&[&[1, 3, 5, 6]], |x| Ok(vec![f(&layer.forward(&x[0])?)?]));
        assert_eq!(names(&plan), ["load", &format!("conv 3×3 3→6 + {name}")]);
    };
    activation("relu", &|x| x.relu());
    activation("relu", &|x| x.maximum(0.0));
    activation("relu6", &|x| x.relu6());
    activation("relu6", &|x| x.clamp(Some(0.0), Some(6.0)));
    activation("relu6", &|x| x.relu()?.minimum(6.0));
    activation("leakyrelu", &|x| x.leaky_relu(0.3));
    activation("sigmoid", &|x| x.sigmoid());
    activation("silu", &|x| x.mul(&x.sigmoid()?));
    activation("silu", &|x| x.sigmoid()?.mul(x));
    activation("hardswish", &|x| x.mul(&x.add(3.0)?.clamp(Some(0.0), Some(6.0))?)?.div(6.0));
    activation("hardswish", &|x| x.add(3.0)?.clamp(Some(0.0), Some(6.0))?.div(6.0)?.mul(x));
    activation("gelu", &|x| x.mul(0.5)?.mul(&x.div(2f64.sqrt())?.erf()?.add(1.0)?));
    activation("gelu", &|x| x.mul(&x.mul(0.5f64.sqrt())?.erf()?.add(1.0)?)?.mul(0.5));
}

#[test]
fn affine_functions_are_weights() {
    let mut g = Generator::new(8);
    let (layer, fc) = (Conv2d::new(3, 6, 3, &mut g).unwrap(), Linear::new(6, 4, &mut g).unwrap());
    let constant = common::random(&[6, 1, 1], &mut g);
    let features = common::random(&[4], &mut g);
    let plan = check_fn(&[&[1, 3, 5, 6]], |x| {
        let y = layer.forward(&x[0])?.mul(&constant)?.sub(&constant)?.div(&constant)?.neg()?;
        let y = Var::from(&constant).sub(&y)?.add(1.0)?.mean([2, 3])?;
        Ok(vec![fc.forward(&y)?.mul(&features)?.add(&features)?])
    });
    assert_eq!(names(&plan), ["load", "conv 3×3 3→6", "adaptive average pool", "linear 6→4"]);
}

#[test]
fn what_is_read_twice_is_not_folded() {
    let mut g = Generator::new(9);
    let (a, b) = (conv(3, 3, 3, &mut g), conv(3, 3, 1, &mut g));
    check_fn(&[&[1, 3, 5, 6]], |x| {
        let y = a.forward(&x[0])?;
        let z = y.mul(2.0)?.relu()?;
        let sum = b.forward(&z)?.add(&y)?;
        Ok(vec![sum.relu()?, sum.clone(), sum.add(&z)?.tanh()?, z, y])
    });
    check_fn(&[&[1, 3, 5, 6]], |x| {
        let y = a.forward(&x[0])?;
        Ok(vec![y.add(&y)?, y.mul(&y)?, y])
    });
}

#[test]
fn inputs_and_constants_can_be_outputs() {
    check_fn(&[&[1, 3, 2, 2], &[1, 3]], |x| Ok(vec![x[1].clone(), x[0].clone(), x[0].relu()?]));
    let plan = Plan::compile_with(&[Tensor::zeros([1, 2], DType::F32).unwrap()], |_| {
        Ok(vec![Var::constant(Tensor::new([1.0f32, 2.0])?)])
    });
    let outputs = plan.unwrap().run(&[Tensor::ones([3, 2], DType::F32).unwrap()]).unwrap();
    assert_eq!(outputs[0].to_vec::<f32>().unwrap(), [1.0, 2.0]);
}
