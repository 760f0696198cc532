//! Networks against PyTorch and torchvision (`fixtures/models.py`): counts, keys, shapes, logits, gradients; and that they train.

use std::collections::BTreeMap;

use crate::common::{fixture, fixture_path, values};
use ocelli_autograd::no_grad;
use ocelli_nn::{Layer, Module, Param, StateDict, summary};
use ocelli_tensor::{DType, Generator, Tensor, safetensors};
use ocelli_vision::models::{
    self, AlexNet, AlexNetConfig, CatsDogs, CatsDogsConfig, KerasMnist, KerasMnistConfig, LeNet1998, LeNet1998Config,
    LeNetHead, MobileNetV2, MobileNetV2Config, ResNet, ResNetConfig, Vgg, VggConfig, by_name,
};

fn named(name: &str, classes: usize) -> Box<dyn Layer> {
    by_name(name, classes, &mut Generator::new(1)).unwrap()
}

/// Numbers in [-1, 1) that follow from the name and the position, as in `fixtures/models.py`.
fn filled(name: &str, count: usize) -> impl Iterator<Item = f64> {
    let key = name.bytes().fold(2_166_136_261u32, |key, byte| (key ^ u32::from(byte)).wrapping_mul(16_777_619));
    (0..count as u32).map(move |i| {
        let mut h = i.wrapping_add(key).wrapping_mul(0x9E37_79B1);
        h ^= h >> 15;
        h = h.wrapping_mul(0x85EB_CA77);
        h ^= h >> 13;
        h = h.wrapping_mul(0xC2B2_AE3D);
        h ^= h >> 16;
        f64::from(h) / 2_147_483_648.0 - 1.0
    })
}

/// The weight of this name and shape in `fixtures/models.py`.
fn value(name: &str, shape: &[usize]) -> Tensor {
    let last = name.rsplit('.').next().unwrap();
    let (offset, scale) = match (last, shape) {
        ("num_batches_tracked", _) => return Tensor::zeros((), DType::I64).unwrap(),
        ("running_var", _) | ("weight", [_]) => (1.0, 0.5),
        (_, [_]) => (0.0, 0.1),
        (_, shape) => (0.0, (6.0 / shape[1..].iter().product::<usize>() as f64).sqrt()),
    };
    let numbers = filled(name, shape.iter().product()).map(|u| (offset + scale * u) as f32).collect();
    Tensor::from_vec(numbers, shape).unwrap()
}

/// Gives the model the weights of `fixtures/models.py`.
fn load(model: &dyn Layer) {
    let state = model.state_dict();
    let state: StateDict = state.iter().map(|(name, x)| (name.clone(), value(name, x.shape()))).collect();
    model.load_state_dict(&state).unwrap();
    model.eval();
}

#[test]
fn parameter_counts() {
    for (name, classes, count) in [
        ("keras-mnist", 10, 93_322),
        ("lenet", 10, 61_706),
        ("lenet-1998", 10, 60_850),
        ("course", 10, 58_796),
        ("cats-dogs", 1, 3_453_121),
        ("alexnet", 1000, 61_100_840),
        ("resnet18", 1000, 11_689_512),
        ("resnet34", 1000, 21_797_672),
        ("resnet50", 1000, 25_557_032),
        ("mobilenet_v2", 1000, 3_504_872),
    ] {
        assert_eq!(named(name, classes).parameter_count(), count, "{name}");
    }
    let config = LeNet1998Config { head: LeNetHead::Rbf, input_size: 32, ..Default::default() };
    let lenet = LeNet1998::new(&config, &mut Generator::new(0)).unwrap();
    assert_eq!(lenet.parameter_count(), 60_000, "the paper's number");
    let logits = lenet.forward(&Tensor::zeros([3, 1, 32, 32], DType::F32).unwrap().into()).unwrap();
    assert_eq!(logits.shape()[..], [3, 10]);
    assert!(values(logits.tensor()).iter().all(|&logit| logit < 0.0), "minus a distance");
}

/// The keys and shapes of `fixtures/keys/<name>.txt`.
fn assert_keys(name: &str, model: &dyn Layer) {
    let text = std::fs::read_to_string(fixture_path(&format!("keys/{name}.txt"))).unwrap();
    let expected: BTreeMap<String, String> =
        text.lines().map(|line| line.split_once(' ').unwrap()).map(|(k, s)| (k.to_string(), s.to_string())).collect();
    let state = model.state_dict();
    let received: BTreeMap<String, String> = state.iter().map(|(k, x)| (k.clone(), x.shape().to_string())).collect();
    assert_eq!(received, expected, "{name}");
}

/// Asserts that all elements are within 1e-4 of the largest.
#[track_caller]
fn assert_within(actual: &Tensor, expected: &Tensor, what: &str) {
    assert_eq!(actual.shape(), expected.shape(), "{what}");
    let expected = values(expected);
    let largest = expected.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
    for (i, (a, e)) in values(actual).iter().zip(&expected).enumerate() {
        assert!((a - e).abs() <= 1e-4 * largest, "{what}: element {i}: expected {e}, received {a}");
    }
}

/// The picture of this shape in `fixtures/models.py`.
fn picture(shape: &[usize]) -> Tensor {
    Tensor::from_vec(filled("input", shape.iter().product()).map(|u| u as f32).collect(), shape).unwrap()
}

/// The logits of each case of the fixture for its shape of input.
fn assert_logits(model: &dyn Layer, cases: &[(&str, &[usize])]) {
    load(model);
    let fixture = fixture("models");
    for (case, shape) in cases {
        let logits = no_grad(|| model.forward(&picture(shape).into())).unwrap();
        assert_within(logits.tensor(), &fixture[*case], case);
    }
}

#[test]
fn small_networks_are_pytorchs() {
    for name in ["keras-mnist", "lenet", "lenet-1998", "course"] {
        assert_logits(&*named(name, 10), &[(name, &[2, 1, 28, 28])]);
    }
    assert_logits(&*named("cats-dogs", 1), &[("cats-dogs", &[2, 3, 150, 150])]);
}

#[test]
fn alexnet_is_torchvisions() {
    let model = named("alexnet", 1000);
    assert_keys("alexnet", &*model);
    assert_logits(&*model, &[("alexnet", &[1, 3, 224, 224]), ("alexnet.odd", &[1, 3, 127, 163])]);
}

#[test]
fn vggs_are_torchvisions() {
    for (name, parameters) in
        [("vgg11", 132_863_336), ("vgg16", 138_357_544), ("vgg16_bn", 138_365_992), ("vgg19_bn", 143_678_248)]
    {
        let model = named(name, 1000);
        assert_eq!(model.parameter_count(), parameters, "{name}");
        assert_keys(name, &*model);
        assert_logits(&*model, &[(name, &[1, 3, 64, 64])]);
    }
}

#[test]
fn resnets_are_torchvisions() {
    for name in ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"] {
        let model = named(name, 1000);
        assert_keys(name, &*model);
        match name {
            "resnet18" => {
                assert_logits(&*model, &[(name, &[1, 3, 224, 224]), ("resnet18.odd", &[2, 3, 97, 65])]);
            }
            _ => assert_logits(&*model, &[(name, &[1, 3, 64, 64])]),
        }
    }
}

#[test]
fn mobilenets_are_torchvisions() {
    let model = named("mobilenet_v2", 1000);
    assert_keys("mobilenet_v2", &*model);
    assert_logits(&*model, &[("mobilenet_v2", &[1, 3, 64, 64]), ("mobilenet_v2.odd", &[2, 3, 97, 65])]);
    for width_mult in [0.25, 0.5, 1.4] {
        let name = format!("mobilenet_v2_{width_mult}");
        let config = MobileNetV2Config { width_mult, ..Default::default() };
        let model = MobileNetV2::new(&config, &mut Generator::new(1)).unwrap();
        assert_keys(&name, &model);
        assert_logits(&model, &[(&name, &[1, 3, 64, 64])]);
    }
}

/// Logits, gradients and running statistics of a step in training mode, with the batch norms' biases of `fixtures/models.py`.
fn assert_step(name: &str, model: &dyn Layer) {
    load(model);
    model.train();
    let params: BTreeMap<String, Param> = model.named_parameters().into_iter().collect();
    let norms =
        model.named_buffers().into_iter().filter_map(|(key, _)| Some(key.strip_suffix("running_mean")?.to_string()));
    for norm in norms {
        let bias = &params[&format!("{norm}bias")];
        bias.set(bias.tensor().add(3.0).unwrap()).unwrap();
    }
    let logits = model.forward(&picture(&[4, 3, 64, 64]).into()).unwrap();
    let direction = filled("direction", logits.numel()).map(|u| u as f32).collect();
    let direction = Tensor::from_vec(direction, logits.shape()).unwrap();
    let gradients = logits.mul(&direction).unwrap().sum(..).unwrap().backward().unwrap();
    let state = model.state_dict();
    let prefix = format!("{name}.step");
    let cases: Vec<_> = fixture("models").into_iter().filter(|(key, _)| key.starts_with(&prefix)).collect();
    assert!(cases.len() >= 4, "{name}");
    for (case, expected) in cases {
        let key = case[prefix.len()..].trim_start_matches('.');
        match params.get(key) {
            Some(param) => assert_within(gradients.get(&param.var()).unwrap().tensor(), &expected, &case),
            None if key.is_empty() => assert_within(logits.tensor(), &expected, &case),
            None => assert_within(&state[key], &expected, &case),
        }
    }
}

#[test]
fn steps_of_training_are_torchvisions() {
    let generator = &mut Generator::new(1);
    for name in ["resnet18", "resnet50"] {
        assert_step(name, &*named(name, 10));
    }
    let config = MobileNetV2Config { num_classes: 10, width_mult: 0.25, dropout: 0.0, ..Default::default() };
    assert_step("mobilenet_v2_0.25", &MobileNetV2::new(&config, generator).unwrap());
    let config = VggConfig { num_classes: 10, dropout: 0.0, ..VggConfig::vgg11() };
    assert_step("vgg11", &Vgg::new(&config, generator).unwrap());
}

#[test]
fn gradients_reach_every_parameter() {
    for (name, shape) in [
        ("keras-mnist", [2, 1, 28, 28]),
        ("lenet", [2, 1, 28, 28]),
        ("lenet-1998", [2, 1, 28, 28]),
        ("course", [2, 1, 28, 28]),
        ("cats-dogs", [2, 3, 150, 150]),
        ("alexnet", [2, 3, 96, 96]),
        ("resnet18", [2, 3, 64, 64]),
        ("resnet50", [2, 3, 64, 64]),
        ("mobilenet_v2", [2, 3, 64, 64]),
    ] {
        let model = named(name, 5);
        model.train();
        let x = Tensor::randn(shape, DType::F32, &mut Generator::new(3)).unwrap();
        let logits = model.forward(&x.into()).unwrap();
        let gradients = logits.square().unwrap().sum(..).unwrap().backward().unwrap();
        for (path, param) in model.named_parameters() {
            let gradient = gradients.get(&param.var()).unwrap();
            assert_eq!(gradient.shape(), &param.shape(), "{name} {path}");
            let size = gradient.tensor().abs().unwrap().sum(..).unwrap().item::<f64>().unwrap();
            assert!(size.is_finite() && size > 0.0, "{name} {path}: {size}");
        }
    }
}

#[test]
fn first_weights_are_torchvisions_distributions() {
    let resnet = named("resnet18", 1000);
    let state = resnet.state_dict();
    let moments = |x: &Tensor| {
        let mean = x.mean(..).unwrap().item::<f64>().unwrap();
        let square = x.square().unwrap().mean(..).unwrap().item::<f64>().unwrap();
        (mean, (square - mean * mean).sqrt())
    };
    let (mean, deviation) = moments(&state["layer3.1.conv2.weight"]);
    assert!(mean.abs() < 1e-3 && (deviation - (2.0f64 / (256.0 * 9.0)).sqrt()).abs() < 1e-3, "{mean} {deviation}");
    let limit = 1.0 / 512.0f64.sqrt();
    for key in ["fc.weight", "fc.bias"] {
        let x = values(&state[key]);
        let largest = x.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
        assert!(largest <= limit && largest > 0.95 * limit, "{key}: {largest}");
    }
    assert_eq!(moments(&state["bn1.weight"]), (1.0, 0.0));
    let state = named("mobilenet_v2", 1000).state_dict();
    let (mean, deviation) = moments(&state["classifier.1.weight"]);
    assert!(mean.abs() < 1e-4 && (deviation - 0.01).abs() < 1e-4, "{mean} {deviation}");
    assert_eq!(moments(&state["classifier.1.bias"]), (0.0, 0.0));
    // A depthwise kernel's fan out counts all channels, as PyTorch does.
    let (_, deviation) = moments(&state["features.17.conv.1.0.weight"]);
    assert!((deviation - (2.0f64 / (960.0 * 9.0)).sqrt()).abs() < 1e-3, "{deviation}");
    // Keras' networks begin with Glorot's limits and biases of 0.
    let state = named("keras-mnist", 10).state_dict();
    let limit = (6.0f64 / (64.0 * 9.0 + 64.0 * 9.0)).sqrt();
    let largest = values(&state["conv2d_2.weight"]).iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
    assert!(largest <= limit && largest > 0.95 * limit, "{largest}");
    assert!(values(&state["dense.bias"]).iter().all(|&x| x == 0.0));
    // The same seed gives the same network.
    assert_eq!(
        values(&named("lenet-1998", 10).state_dict()["c3.weight"]),
        values(&named("lenet-1998", 10).state_dict()["c3.weight"])
    );
}

#[test]
fn files_load_and_say_what_does_not_fit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    let model = named("keras-mnist", 10);
    safetensors::save(&path, &model.state_dict()).unwrap();
    let loaded = KerasMnist::from_safetensors(&KerasMnistConfig::default(), &path).unwrap();
    for (key, tensor) in model.state_dict() {
        assert_eq!(values(&tensor), values(&loaded.state_dict()[&key]), "{key}");
    }

    let config = KerasMnistConfig { num_classes: 7, ..Default::default() };
    let error = KerasMnist::from_safetensors(&config, &path).unwrap_err().to_string();
    assert!(error.starts_with(&path.display().to_string()), "{error}");
    assert!(error.contains("misshapen 2 [dense_1.bias: expected [7], received [10], dense_1.weight"), "{error}");
    let error = CatsDogs::from_safetensors(&CatsDogsConfig::default(), &path).unwrap_err().to_string();
    assert!(error.contains("missing 2 [conv2d_3.bias, conv2d_3.weight]"), "{error}");
    let before = loaded.state_dict();
    let other = directory.path().join("other.safetensors");
    safetensors::save(&other, &named("lenet", 10).state_dict()).unwrap();
    let error = models::load_safetensors(&loaded, &other).unwrap_err().to_string();
    assert!(error.contains("missing 10 [") && error.contains("unexpected 10 [conv1.bias, "), "{error}");
    assert!(before.iter().all(|(key, tensor)| values(tensor) == values(&loaded.state_dict()[key])));

    std::fs::write(&path, b"no safetensors").unwrap();
    let error = KerasMnist::from_safetensors(&KerasMnistConfig::default(), &path).unwrap_err().to_string();
    assert!(error.contains("model.safetensors"), "{error}");
    assert!(AlexNet::from_safetensors(&AlexNetConfig { num_classes: 2, dropout: 0.5 }, "/no/such/file").is_err());

    // Files of PyTorch before 0.4.1 have no counters.
    let resnet = named("resnet18", 3);
    let mut state = resnet.state_dict();
    state.retain(|key, _| !key.ends_with("num_batches_tracked"));
    safetensors::save(&path, &state).unwrap();
    ResNet::from_safetensors(&ResNetConfig { num_classes: 3, ..ResNetConfig::resnet18() }, &path).unwrap();
}

#[test]
fn summaries_are_keras_tables() {
    let table = summary(&*named("keras-mnist", 10), [1, 1, 28, 28], DType::F32).unwrap();
    let rows: Vec<_> = table.rows().iter().map(|row| (row.name.as_str(), &row.output[1..], row.parameters)).collect();
    let expected: [(&str, &[usize], usize); 8] = [
        ("conv2d", &[32, 26, 26], 320),
        ("max_pooling2d", &[32, 13, 13], 0),
        ("conv2d_1", &[64, 11, 11], 18_496),
        ("max_pooling2d_1", &[64, 5, 5], 0),
        ("conv2d_2", &[64, 3, 3], 36_928),
        ("flatten", &[576], 0),
        ("dense", &[64], 36_928),
        ("dense_1", &[10], 650),
    ];
    assert_eq!(rows, expected);
    let table = summary(&*named("cats-dogs", 1), [1, 3, 150, 150], DType::F32).unwrap().to_string();
    assert!(table.contains("Total params: 3,453,121 (13.17 MB)"), "{table}");
    let table = summary(&*named("resnet18", 10), [1, 3, 64, 64], DType::F32).unwrap();
    assert_eq!(table.rows().len(), 3 + 8 + 3);
    assert_eq!((table.rows()[3].name.as_str(), table.rows()[3].type_name), ("layer1.0", "BasicBlock"));
}

#[test]
fn bad_configs_are_named() {
    let generator = &mut Generator::new(0);
    let error = by_name("vgg", 10, generator).err().unwrap().to_string();
    assert!(
        error.starts_with("model: expected one of keras-mnist, lenet,") && error.ends_with("received \"vgg\""),
        "{error}"
    );
    for name in ["keras-mnist", "lenet", "lenet-1998", "course", "cats-dogs", "resnet18", "mobilenet_v2"] {
        assert!(by_name(name, 0, generator).is_err(), "{name}");
    }
    let dropout = KerasMnistConfig { dropout: 1.5, ..Default::default() };
    assert!(KerasMnist::new(&dropout, generator).unwrap_err().to_string().contains("received 1.5"));
    let small = CatsDogsConfig { input_size: [45, 150], ..Default::default() };
    let error = CatsDogs::new(&small, generator).unwrap_err().to_string();
    assert_eq!(error, "CatsDogs: expected pictures of at least 46×46, received 45×150");
    CatsDogs::new(&CatsDogsConfig { input_size: [46, 46], dropout: 0.5, ..Default::default() }, generator).unwrap();
    let size = LeNet1998Config { input_size: 30, ..Default::default() };
    assert!(LeNet1998::new(&size, generator).err().unwrap().to_string().ends_with("received 30"));
    let head = LeNet1998Config { num_classes: 5, head: LeNetHead::Rbf, ..Default::default() };
    assert!(LeNet1998::new(&head, generator).err().unwrap().to_string().ends_with("received 5"));
    let empty = VggConfig { layers: [1, 1, 0, 1, 1], ..VggConfig::vgg11() };
    let error = Vgg::new(&empty, generator).err().unwrap().to_string();
    assert_eq!(error, "Vgg: expected at least one convolution in each stage, received [1, 1, 0, 1, 1]");
    for (width_mult, round_nearest) in [(0.0, 8), (f64::NAN, 8), (f64::INFINITY, 8), (1e300, 8), (1.0, 0)] {
        let config = MobileNetV2Config { width_mult, round_nearest, ..Default::default() };
        assert!(MobileNetV2::new(&config, generator).is_err(), "{width_mult} {round_nearest}");
    }
    let config = MobileNetV2Config { width_mult: -1.0, ..Default::default() };
    let error = MobileNetV2::new(&config, generator).err().unwrap().to_string();
    assert_eq!(error, "MobileNetV2: expected width_mult > 0 and round_nearest ≥ 1, received -1 and 8");
    let empty = ResNetConfig { layers: [1, 0, 1, 1], ..ResNetConfig::resnet18() };
    assert!(ResNet::new(&empty, generator).err().unwrap().to_string().ends_with("received [1, 0, 1, 1]"));
    // A picture of the wrong shape is the layer's error.
    let x = Tensor::zeros([1, 1, 32, 32], DType::F32).unwrap();
    assert!(named("resnet18", 2).forward(&x.clone().into()).is_err());
    assert!(named("keras-mnist", 2).forward(&x.into()).is_err());
}
