//! Small problems and models that the tests share.

use ocelli_data::{DataLoader, Dataset, Image, Stack, TensorDataset};
use ocelli_nn::{BatchNorm2d, Conv2d, Dropout, Flatten, Linear, MaxPool2d, Module, ReLU, Sequential, StateDict};
use ocelli_tensor::{DType, Generator, Tensor};

/// Two round clouds of points around (-1.5, -1.5) and (1.5, 1.5), of standard deviation 0.7.
pub(crate) fn blobs(count: usize, seed: u64) -> TensorDataset {
    let mut generator = Generator::new(seed);
    let labels = Tensor::arange(0, count as i64, 1).unwrap().rem(2).unwrap();
    let centers = labels.to_dtype(DType::F32).unwrap().mul(3.0).unwrap().sub(1.5).unwrap();
    let noise = Tensor::randn([count, 2], DType::F32, &mut generator).unwrap().mul(0.7).unwrap();
    let points = noise.add(&centers.reshape([count, 1]).unwrap()).unwrap();
    TensorDataset::new(points, labels).unwrap()
}

pub(crate) fn blob_loader(count: usize, seed: u64) -> DataLoader<TensorDataset> {
    DataLoader::new(blobs(count, seed), 16).unwrap().shuffle(true).seed(7)
}

pub(crate) fn mlp(seed: u64) -> Sequential {
    let mut generator = Generator::new(seed);
    Sequential::new()
        .add(Linear::new(2, 16, &mut generator).unwrap())
        .add(ReLU)
        .add(Linear::new(16, 2, &mut generator).unwrap())
}

/// Pictures of 6×6 bytes: class 0 has a bright row, class 1 a bright column.
#[derive(Debug, Clone)]
pub(crate) struct Bars(pub usize);

impl Dataset for Bars {
    type Item = (Image, usize);
    fn len(&self) -> usize {
        self.0
    }
    fn get(&self, index: usize) -> ocelli_data::Result<(Image, usize)> {
        let (class, place) = (index % 2, (index / 2) % 6);
        let bright = |i: usize| if class == 0 { i / 6 == place } else { i % 6 == place };
        let pixels = (0..36).map(|i| if bright(i) { 200 } else { ((i * 37 + index * 11) % 60) as u8 }).collect();
        Ok((Image::from_u8([6, 6, 1], pixels)?, class))
    }
}

/// [`Bars`], each brightened at random as it is read.
pub(crate) fn augmented_bars(
    count: usize,
    workers: usize,
) -> DataLoader<impl Dataset<Item = (Image, usize)> + 'static, Stack> {
    let brightened = Bars(count).map_random(|(image, class): (Image, usize), rng| {
        let factor = rng.uniform(0.7, 1.2)? as f32;
        let pixels = match image.pixels() {
            ocelli_data::Pixels::U8(bytes) => bytes.iter().map(|&x| f32::from(x) / 255.0 * factor).collect(),
            ocelli_data::Pixels::F32(floats) => floats.iter().map(|x| x * factor).collect(),
        };
        Ok((Image::from_f32(image.shape(), pixels)?, class))
    });
    DataLoader::new(brightened, 8).unwrap().shuffle(true).seed(3).workers(workers)
}

/// A network with everything that has a state: dropout, batch norm.
pub(crate) fn cnn(seed: u64) -> Sequential {
    let mut generator = Generator::new(seed);
    Sequential::new()
        .add(Conv2d::new(1, 4, 3, &mut generator).unwrap())
        .add(BatchNorm2d::new(4).unwrap())
        .add(ReLU)
        .add(MaxPool2d::new(2))
        .add(Flatten::new())
        .add(Dropout::new(0.3, &mut generator).unwrap())
        .add(Linear::new(16, 2, &mut generator).unwrap())
}

/// The bits of all weights and buffers.
pub(crate) fn bits(state: &StateDict) -> Vec<(String, Vec<u64>)> {
    let of = |tensor: &Tensor| {
        let values = tensor.to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap();
        values.into_iter().map(f64::to_bits).collect()
    };
    state.iter().map(|(key, tensor)| (key.clone(), of(tensor))).collect()
}

pub(crate) fn weights(model: &dyn Module) -> Vec<(String, Vec<u64>)> {
    bits(&model.state_dict())
}
