//! Networks against PyTorch and torchvision (`fixtures/models.py`): counts, keys, shapes, logits; and that they train.

mod common;

use std::collections::BTreeMap;

use common::{fixture, fixture_path, values};
use ocelli_autograd::no_grad;
use ocelli_nn::{Layer, Module, StateDict, summary};
use ocelli_tensor::{DType, Generator, Tensor, safetensors};
use ocelli_vision::models::{
    self, AlexNet, AlexNetConfig, CatsDogs, CatsDogsConfig, KerasMnist, KerasMnistConfig, LeNet1998, LeNet1998Config,
    LeNetHead, ResNet, ResNetConfig, by_name,
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

#[test]
fn keys_and_shapes_are_torchvisions() {
    for name in ["alexnet", "resnet18", "resnet50"] {
        let text = std::fs::read_to_string(fixture_path(&format!("{name}.txt"))).unwrap();
        let expected: BTreeMap<String, String> = text
            .lines()
            .map(|line| line.split_once(' ').unwrap())
            .map(|(k, s)| (k.to_string(), s.to_string()))
            .collect();
        let state = named(name, 1000).state_dict();
        let received: BTreeMap<String, String> =
            state.iter().map(|(k, x)| (k.clone(), x.shape().to_string())).collect();
        assert_eq!(received, expected, "{name}");
    }
}

/// Within 1e-4 of the largest logit.
fn assert_logits(name: &str, model: &dyn Layer, cases: &[(&str, &[usize])]) {
    load(model);
    let fixture = fixture("models");
    for (case, shape) in cases {
        let pixels = filled("input", shape.iter().product()).map(|u| u as f32).collect();
        let x = Tensor::from_vec(pixels, *shape).unwrap();
        let logits = no_grad(|| model.forward(&x.into())).unwrap();
        let expected = &fixture[*case];
        assert_eq!(logits.shape(), expected.shape(), "{name}");
        let expected = values(expected);
        let largest = expected.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
        for (i, (a, e)) in values(logits.tensor()).iter().zip(&expected).enumerate() {
            assert!((a - e).abs() <= 1e-4 * largest, "{case}: logit {i}: expected {e}, received {a}");
        }
    }
}

#[test]
fn logits_of_small_networks_are_pytorchs() {
    for name in ["keras-mnist", "lenet", "lenet-1998", "course"] {
        assert_logits(name, &*named(name, 10), &[(name, &[2, 1, 28, 28])]);
    }
    assert_logits("cats-dogs", &*named("cats-dogs", 1), &[("cats-dogs", &[2, 3, 150, 150])]);
}

#[test]
fn logits_of_alexnet_are_torchvisions() {
    let cases: [(&str, &[usize]); 2] = [("alexnet", &[1, 3, 224, 224]), ("alexnet.odd", &[1, 3, 127, 163])];
    assert_logits("alexnet", &*named("alexnet", 1000), &cases);
}

#[test]
fn logits_of_resnets_are_torchvisions() {
    let cases: [(&str, &[usize]); 2] = [("resnet18", &[1, 3, 224, 224]), ("resnet18.odd", &[2, 3, 97, 65])];
    assert_logits("resnet18", &*named("resnet18", 1000), &cases);
    assert_logits("resnet50", &*named("resnet50", 1000), &[("resnet50", &[1, 3, 97, 65])]);
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
    for name in ["keras-mnist", "lenet", "lenet-1998", "course", "cats-dogs", "resnet18"] {
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
    let empty = ResNetConfig { layers: [1, 0, 1, 1], ..ResNetConfig::resnet18() };
    assert!(ResNet::new(&empty, generator).err().unwrap().to_string().ends_with("received [1, 0, 1, 1]"));
    // A picture of the wrong shape is the layer's error.
    let x = Tensor::zeros([1, 1, 32, 32], DType::F32).unwrap();
    assert!(named("resnet18", 2).forward(&x.clone().into()).is_err());
    assert!(named("keras-mnist", 2).forward(&x.into()).is_err());
}
