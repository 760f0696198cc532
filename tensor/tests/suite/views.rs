//! Views and broadcasting against a plain reference that knows nothing of strides, and against numbers that NumPy gives.

use crate::common::{devices, scattered};
use ocelli_tensor::{DType, Device, Slice, Tensor};
use proptest::prelude::*;

/// `arange(n).reshape(shape)`.
fn range(device: Device, shape: &[usize]) -> Tensor {
    let count = shape.iter().product::<usize>();
    Tensor::arange(0, count, 1).unwrap().to_device(device).unwrap().reshape(shape.to_vec()).unwrap()
}

fn ints(x: &Tensor) -> Vec<i64> {
    x.to_vec::<i64>().unwrap()
}

#[test]
fn permuted_and_reshaped() {
    for device in devices(DType::I64) {
        let x = range(device, &[2, 3, 4]);
        // np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1).reshape(4, 6)[1:3]
        let y = x.permute([2, 0, 1]).unwrap().reshape([4, 6]).unwrap();
        assert_eq!(ints(&y)[6..18], [1, 5, 9, 13, 17, 21, 2, 6, 10, 14, 18, 22]);
        // np.arange(24).reshape(2, 3, 4).swapaxes(0, -1)[::-1, 1].ravel()
        let y = x.transpose(0, -1).unwrap().flip(0).unwrap().select(1, 1).unwrap();
        assert_eq!(ints(&y), [7, 19, 6, 18, 5, 17, 4, 16]);
        let y = x.flatten(1, 2).unwrap().unsqueeze(1).unwrap().expand([2, 2, 12]).unwrap();
        assert_eq!(ints(&y.sum_of_rows()), [66, 66, 210, 210]);
        assert_eq!(x.unsqueeze(0).unwrap().squeeze(0).unwrap().shape(), x.shape());
    }
}

#[test]
fn sliced() {
    for device in devices(DType::I64) {
        let x = range(device, &[4, 5]);
        // np.arange(20).reshape(4, 5)[-1:0:-2, 3:-5:-1]
        let y = x.slice(&[Slice::new(Some(-1), Some(0), -2), Slice::new(Some(3), Some(-5), -1)]).unwrap();
        assert_eq!(y.shape()[..], [2, 3]);
        assert_eq!(ints(&y), [18, 17, 16, 8, 7, 6]);
        assert_eq!(ints(&x.narrow(1, 3, 2).unwrap()), [3, 4, 8, 9, 13, 14, 18, 19]);
        let pieces = x.t().unwrap().split(2, 0).unwrap();
        assert_eq!(ints(&pieces[2]), [4, 9, 14, 19]);
        assert_eq!(x.slice_axis(0, 2..2).unwrap().shape()[..], [0, 5]);
    }
}

/// The sums of the rows, added up by hand.
trait SumOfRows {
    fn sum_of_rows(&self) -> Tensor;
}
impl SumOfRows for Tensor {
    fn sum_of_rows(&self) -> Tensor {
        let width = self.shape()[self.rank() - 1];
        let sums: Vec<i64> = ints(self).chunks(width).map(|row| row.iter().sum()).collect();
        Tensor::new(sums).unwrap()
    }
}

/// Python's `range(size)[start:stop:step]`, by its definition.
fn positions(size: usize, slice: Slice) -> Vec<usize> {
    let size = size as isize;
    let place = |x: isize| if x < 0 { x + size } else { x };
    let (mut at, stop) = if slice.step > 0 {
        (slice.start.map_or(0, |x| place(x).max(0)), slice.stop.map_or(size, |x| place(x).min(size)))
    } else {
        (slice.start.map_or(size - 1, |x| place(x).min(size - 1)), slice.stop.map_or(-1, |x| place(x).max(-1)))
    };
    let mut found = Vec::new();
    while (slice.step > 0 && at < stop) || (slice.step < 0 && at > stop) {
        found.push(at as usize);
        at += slice.step;
    }
    found
}

fn any_slice() -> impl Strategy<Value = Slice> {
    let bound = proptest::option::of(-7isize..8);
    let step = prop_oneof![-3isize..0, 1isize..4];
    (bound.clone(), bound, step).prop_map(|(start, stop, step)| Slice::new(start, stop, step))
}

/// A shape and one that broadcasts against it.
fn any_pair() -> impl Strategy<Value = (Vec<usize>, Vec<usize>)> {
    proptest::collection::vec((0usize..4, 0u8..4), 0..4).prop_map(|sizes| {
        let a: Vec<usize> = sizes.iter().map(|&(size, kind)| if kind == 1 { 1 } else { size }).collect();
        let b: Vec<usize> = sizes.iter().map(|&(size, kind)| if kind == 2 { 1 } else { size }).collect();
        let lead = sizes.iter().take_while(|&&(_, kind)| kind == 3).count();
        (a, b[lead..].to_vec())
    })
}

proptest! {
    #[test]
    fn any_slices(rows in 0usize..6, columns in 1usize..6, a in any_slice(), b in any_slice(), turn in any::<bool>()) {
        for device in devices(DType::I64) {
        let x = range(device, &[rows, columns]);
        let x = if turn { scattered(&x) } else { x };
        let expected: Vec<i64> = positions(rows, a)
            .into_iter()
            .flat_map(|i| positions(columns, b).into_iter().map(move |j| (i * columns + j) as i64))
            .collect();
        let y = x.slice(&[a, b]).unwrap();
        prop_assert_eq!(ints(&y), &expected[..]);
        prop_assert_eq!(ints(&y.reshape([-1]).unwrap_or_else(|_| y.clone())), expected);
        }
    }

    #[test]
    fn any_broadcast((a, b) in any_pair(), turn in any::<bool>()) {
        for device in devices(DType::I64) {
        let (x, y) = (range(device, &a), range(device, &b));
        let (x, y) = if turn { (scattered(&x), scattered(&y)) } else { (x, y) };
        let sum = x.mul(100).unwrap().add(&y).unwrap();
        let rank = a.len().max(b.len());
        let led = |sizes: &[usize]| [vec![1; rank - sizes.len()], sizes.to_vec()].concat();
        let (a, b) = (led(&a), led(&b));
        let shape: Vec<usize> = a.iter().zip(&b).map(|(&p, &q)| if p == 1 { q } else { p }).collect();
        let place = |sizes: &[usize], index: &[usize]| {
            sizes.iter().zip(index).fold(0, |place, (&size, &i)| place * size + if size == 1 { 0 } else { i })
        };
        let expected: Vec<i64> = (0..shape.iter().product())
            .map(|mut flat: usize| {
                let mut index = vec![0; rank];
                for axis in (0..rank).rev() {
                    index[axis] = flat % shape[axis];
                    flat /= shape[axis];
                }
                (100 * place(&a, &index) + place(&b, &index)) as i64
            })
            .collect();
        prop_assert_eq!(&sum.shape()[..], &shape[..]);
        prop_assert_eq!(ints(&sum), expected);
        }
    }

    #[test]
    fn any_order_comes_back(order in Just(vec![0isize, 1, 2, 3]).prop_shuffle(), flat in any::<bool>()) {
        for device in devices(DType::I64) {
        let x = range(device, &[2, 3, 1, 4]);
        let turned = x.permute(&order[..]).unwrap();
        let turned = if flat { turned.to_dtype(DType::F32).unwrap().to_dtype(DType::I64).unwrap() } else { turned };
        let mut back = [0isize; 4];
        for (i, &axis) in order.iter().enumerate() {
            back[axis as usize] = i as isize;
        }
        prop_assert_eq!(ints(&turned.permute(back).unwrap()), ints(&x));
        }
    }
}

#[test]
fn transposed_copies_by_tiles() {
    for device in devices(DType::I64) {
        // Rows a power of two long are copied tile by tile; 3 matrices of sizes that no tile divides.
        let x = range(device, &[3, 70, 1024]);
        for x in [&x, &x.flip([0, 2]).unwrap(), &x.slice_axis(2, 0..1001).unwrap()] {
            let copied = x.t().unwrap().to_vec::<i64>().unwrap();
            let (rows, columns) = (x.shape()[2], x.shape()[1]);
            let plain = x.to_vec::<i64>().unwrap();
            for (i, &value) in copied.iter().enumerate() {
                let (matrix, row, column) = (i / (rows * columns), i / columns % rows, i % columns);
                assert_eq!(value, plain[(matrix * columns + column) * rows + row]);
            }
        }
    }
}
