//! The tree of modules: keys, loading, freezing, modes, sharing, summaries.

use ocelli_autograd::Var;
use ocelli_nn::regularizers::L2;
use ocelli_nn::{
    BatchNorm2d, Conv2d, Dropout, Error, Flatten, Layer, Linear, MaxPool2d, Module, ReLU, Result, Sequential,
    collect_penalties, distinct, summary,
};
use ocelli_tensor::{Activation, ConvOptions, DType, Generator, Tensor};

#[derive(Module)]
struct Block {
    conv: Conv2d,
    bn: BatchNorm2d,
    #[module(rename = "downsample.0")]
    shortcut: Option<Conv2d>,
    dropout: Dropout,
    width: usize,
    #[module(skip)]
    activation: fn(&Var) -> ocelli_autograd::Result<Var>,
}

impl Block {
    fn new(shortcut: bool, g: &mut Generator) -> Result<Self> {
        Ok(Block {
            conv: Conv2d::builder(2, 4, 3).padding(1).bias(false).build(g)?,
            bn: BatchNorm2d::new(4)?,
            shortcut: shortcut.then(|| Conv2d::new(2, 4, 1, g)).transpose()?,
            dropout: Dropout::new(0.5, g)?,
            width: 4,
            activation: Var::relu,
        })
    }
}

impl Layer for Block {
    fn call(&self, x: &Var) -> Result<Var> {
        let y = self.bn.forward(&self.conv.forward(x)?)?;
        let y = match &self.shortcut {
            Some(shortcut) => y.add(&shortcut.forward(x)?)?,
            None => y,
        };
        assert_eq!(y.shape()[1], self.width);
        self.dropout.forward(&(self.activation)(&y)?)
    }
}

/// A struct of a generic part, a list and a boxed layer.
#[derive(Module)]
struct Net<M: Module> {
    stem: M,
    blocks: Vec<Block>,
    head: Box<dyn Layer>,
}

#[test]
fn keys_follow_the_fields() -> Result<()> {
    let g = &mut Generator::new(0);
    let net = Net {
        stem: Sequential::new().add(Conv2d::new(1, 2, 3, g)?).add(ReLU),
        blocks: vec![Block::new(false, g)?, Block::new(true, g)?],
        head: Box::new(Linear::new(4, 2, g)?),
    };
    let keys: Vec<String> = net.state_dict().into_keys().collect();
    for key in [
        "stem.0.weight",
        "blocks.0.conv.weight",
        "blocks.0.bn.running_var",
        "blocks.0.bn.num_batches_tracked",
        "blocks.1.downsample.0.bias",
        "head.weight",
    ] {
        assert!(keys.contains(&key.to_string()), "{key} in {keys:?}");
    }
    assert!(!keys.iter().any(|key| key.starts_with("blocks.0.downsample") || key.contains("conv.bias")));
    let streams: Vec<String> = net.random_state().into_iter().map(|(key, _)| key).collect();
    assert_eq!(streams, ["blocks.0.dropout.noise", "blocks.1.dropout.noise"]);
    Ok(())
}

#[test]
fn loading_is_exact_and_lists_what_differs() -> Result<()> {
    let g = &mut Generator::new(0);
    let (a, b) = (Block::new(true, g)?, Block::new(true, g)?);
    b.load_state_dict(&a.state_dict())?;
    let copied = b.state_dict();
    for (key, tensor) in a.state_dict() {
        assert!(copied[&key].allclose(&tensor, 0.0, 0.0)?, "{key}");
    }

    let mut state = Block::new(false, g)?.state_dict();
    state.insert("extra".into(), Tensor::ones([1], DType::F32)?);
    state.insert("bn.weight".into(), Tensor::ones([5], DType::F32)?);
    state.remove("bn.num_batches_tracked");
    let before = a.state_dict()["conv.weight"].to_vec::<f32>()?;
    let error = a.load_state_dict(&state).unwrap_err();
    assert_eq!(
        error.to_string(),
        "state dict: expected exactly the module's keys and shapes, received missing 2 [downsample.0.bias, downsample.0.weight], \
         unexpected 1 [extra], misshapen 1 [bn.weight: expected [4], received [5]]"
    );
    let Error::StateDict(report) = error else { panic!("another error") };
    assert_eq!(a.state_dict()["conv.weight"].to_vec::<f32>()?, before, "a refused state changes nothing");

    assert_eq!(a.load_matching(&state)?, report);
    assert_eq!(a.state_dict()["conv.weight"].to_vec::<f32>()?, state["conv.weight"].to_vec::<f32>()?);
    Ok(())
}

#[test]
fn frozen_parameters_get_no_gradient() -> Result<()> {
    let g = &mut Generator::new(0);
    let block = Block::new(true, g)?;
    block.conv.set_trainable(false);
    let x = Var::constant(Tensor::randn([2, 2, 4, 4], DType::F32, g)?);
    let gradients = block.forward(&x)?.sum(..)?.backward()?;
    assert!(gradients.find(&block.conv.weight().var()).is_none());
    assert!(gradients.find(&block.bn.weight().var()).is_some());
    assert_eq!(summary(&block, [1, 2, 4, 4], DType::F32)?.trainable_parameters(), 8 + 12);
    Ok(())
}

#[test]
fn shared_parameters_count_once() -> Result<()> {
    let g = &mut Generator::new(0);
    let layer = Linear::new(3, 3, g)?;
    let model = Sequential::new().add(layer.clone()).add(ReLU).add(layer.clone());
    assert_eq!((model.named_parameters().len(), distinct(&model.named_parameters()).len()), (4, 2));
    assert_eq!(model.parameter_count(), 12);
    layer.bias().unwrap().set(Tensor::ones([3], DType::F32)?)?;
    assert_eq!(model.state_dict()["2.bias"].to_vec::<f32>()?, [1.0; 3]);
    Ok(())
}

#[test]
fn an_evaluated_model_serves_from_many_threads() -> Result<()> {
    let g = &mut Generator::new(0);
    let block = Block::new(true, g)?;
    block.eval();
    let x = Var::constant(Tensor::randn([2, 2, 4, 4], DType::F32, g)?);
    let expected = block.forward(&x)?.to_vec::<f32>()?;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(block.forward(&x).unwrap().to_vec::<f32>().unwrap(), expected));
        }
    });
    Ok(())
}

#[test]
fn penalties_of_activity_are_collected_once_and_divided_by_the_batch() -> Result<()> {
    let g = &mut Generator::new(0);
    let layer = Linear::builder(3, 2).activity_regularizer(L2::new(0.5)).build(g)?;
    let x = Var::constant(Tensor::randn([4, 3], DType::F32, g)?);
    let (y, penalties) = collect_penalties(|| layer.forward(&x));
    let squares: f32 = y?.to_vec::<f32>()?.iter().map(|y| y * y).sum();
    assert_eq!(penalties.len(), 1);
    assert!((penalties[0].item::<f32>()? - 0.5 * squares / 4.0).abs() < 1e-5);
    let (_, none) = collect_penalties(|| ());
    assert!(none.is_empty());
    Ok(())
}

/// The numbers of `keras.Sequential([...]).summary()` for the same network (Keras 3): 93,322 parameters.
#[test]
fn summary_has_keras_numbers() -> Result<()> {
    let g = &mut Generator::new(0);
    let model = Sequential::new()
        .add_named("conv2d", Conv2d::new(1, 32, 3, g)?)
        .add_named("relu", ReLU)
        .add_named("max_pooling2d", MaxPool2d::new(2))
        .add_named("conv2d_1", Conv2d::new(32, 64, 3, g)?)
        .add_named("relu_1", ReLU)
        .add_named("max_pooling2d_1", MaxPool2d::new(2))
        .add_named("conv2d_2", Conv2d::new(64, 64, 3, g)?)
        .add_named("relu_2", ReLU)
        .add_named("flatten", Flatten::new())
        .add_named("dense", Linear::new(576, 64, g)?)
        .add_named("relu_3", ReLU)
        .add_named("dense_1", Linear::new(64, 10, g)?);
    let summary = summary(&model, [1, 1, 28, 28], DType::F32)?;
    let counts: Vec<usize> = summary.rows().iter().map(|row| row.parameters).collect();
    assert_eq!(counts, [320, 0, 0, 18_496, 0, 0, 36_928, 0, 0, 36_928, 0, 650]);
    let names: Vec<&str> = summary.rows().iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names[1..6], ["relu", "max_pooling2d", "conv2d_1", "relu_1", "max_pooling2d_1"]);
    let table = summary.to_string();
    for part in [
        "│ conv2d_1 (Conv2d)              │ (None, 64, 11, 11)     │        18,496 │",
        " Total params: 93,322 (364.54 KB)",
        " Trainable params: 93,322 (364.54 KB)",
        " Non-trainable params: 0 (0.00 B)",
    ] {
        assert!(table.contains(part), "{part} in\n{table}");
    }
    let framed = table.lines().filter(|line| line.starts_with(['┃', '│', '├', '└']));
    framed.for_each(|line| assert_eq!(line.chars().count(), 75, "{table}"));
    Ok(())
}

#[test]
fn a_summary_leaves_the_modes_as_they_were() -> Result<()> {
    let g = &mut Generator::new(0);
    let block = Block::new(true, g)?;
    block.bn.eval();
    let before = block.state_dict();
    let summary = summary(&block, [1, 2, 4, 4], DType::F32)?;
    // The batch norm's counter of batches is no weight.
    assert_eq!(summary.total_parameters(), 72 + 4 * 4 + 12);
    let x = Var::constant(Tensor::randn([2, 2, 4, 4], DType::F32, g)?);
    block.forward(&x)?;
    assert!(block.state_dict()["bn.running_mean"].allclose(&before["bn.running_mean"], 0.0, 0.0)?);
    assert_ne!(block.dropout.random_state()[0].1, 0, "dropout is in training still");
    Ok(())
}

/// `relu(conv2(conv1(x)) + x)`.
#[derive(Module)]
struct Residual {
    conv1: Conv2d,
    conv2: Conv2d,
}

impl Layer for Residual {
    fn call(&self, x: &Var) -> Result<Var> {
        self.conv2.forward_with_residual(&self.conv1.forward(x)?, x)
    }
}

#[test]
fn a_convolution_that_adds_a_residual_is_seen_like_any_other() -> Result<()> {
    let g = &mut Generator::new(0);
    let conv = || Conv2d::builder(2, 2, 3).padding(1).activity_regularizer(L2::new(0.5));
    let block = Residual { conv1: conv().build(g)?, conv2: conv().activation(Activation::Relu).build(g)? };
    let table = summary(&block, [1, 2, 4, 4], DType::F32)?.to_string();
    assert!(table.contains("conv1") && table.contains("conv2"), "{table}");
    let x = Var::constant(Tensor::randn([2, 2, 4, 4], DType::F32, g)?);
    let (y, penalties) = collect_penalties(|| block.forward(&x));
    assert_eq!(penalties.len(), 2);
    let plain = |conv: &Conv2d, x: &Var| {
        x.conv(&conv.weight().var(), conv.bias().map(|b| b.var()).as_ref(), &ConvOptions::new().padding(1))
    };
    let expected = plain(&block.conv2, &plain(&block.conv1, &x)?)?.add(&x)?.relu()?;
    assert!(y?.tensor().allclose(expected.tensor(), 1e-5, 1e-5)?);
    Ok(())
}
