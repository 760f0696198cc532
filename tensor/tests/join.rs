//! concat, stack, repeat_interleave, tile, flip and roll against NumPy (`fixtures/join.py`).

mod common;

use common::{assert_close, fixture, scattered};
use ocelli_tensor::{DType, Tensor};

fn same(actual: &Tensor, expected: &Tensor, what: &str) {
    assert_close(actual, expected, 0.0, 0.0, what);
}

#[test]
fn joined_like_numpy_whatever_the_strides() {
    let f = fixture("join");
    for (axis, name) in [(0, "concat_0"), (1, "concat_1"), (-1, "concat_2")] {
        let (a, b) = (&f["a"], &f[&format!("{name}_b")]);
        same(&Tensor::concat(&[a, b], axis).unwrap(), &f[name], name);
        let moved = [scattered(a), scattered(b)];
        same(&Tensor::concat(&moved, axis).unwrap(), &f[name], name);
        let reversed = |x: &Tensor| {
            let x = x.permute([2, 1, 0]).unwrap();
            x.add(0.0).unwrap().permute([2, 1, 0]).unwrap()
        };
        let both = [reversed(a), reversed(b)];
        same(&Tensor::concat(&both, axis).unwrap(), &f[name], name);
    }
    for axis in -4..4isize {
        let joined = Tensor::stack(&[&f["a"], &f["a2"]], axis).unwrap();
        same(
            &joined,
            &f[&format!("stack_{}", axis.rem_euclid(4))],
            "stack",
        );
    }
}

#[test]
fn repeated_and_rearranged_like_numpy() {
    let f = fixture("join");
    for a in [f["a"].clone(), scattered(&f["a"])] {
        for axis in 0..3 {
            let repeated = a.repeat_interleave(3, axis).unwrap();
            same(
                &repeated,
                &f[&format!("repeat_{axis}")],
                "repeat_interleave",
            );
        }
        same(&a.tile(&[2]).unwrap(), &f["tile_2"], "tile");
        same(&a.tile(&[2, 1, 3]).unwrap(), &f["tile_213"], "tile");
        same(&a.tile(&[2, 1, 2, 1]).unwrap(), &f["tile_2121"], "tile");
        same(&a.flip([0, -1]).unwrap(), &f["flip_02"], "flip");
        same(&a.flip(1).unwrap(), &f["flip_1"], "flip");
        same(&a.roll(&[1, -2], &[0, 2]).unwrap(), &f["roll_02"], "roll");
        same(&a.roll(&[7], &[1]).unwrap(), &f["roll_1"], "roll");
        same(&a.roll(&[1, 1], &[2, 2]).unwrap(), &f["roll_22"], "roll");
    }
}

#[test]
fn every_dtype_and_promotion() {
    let ones = Tensor::new([0i64, 1]).unwrap();
    for a in DType::ALL {
        for b in DType::ALL {
            let joined =
                Tensor::concat(&[ones.to_dtype(a).unwrap(), ones.to_dtype(b).unwrap()], 0).unwrap();
            assert_eq!(joined.dtype(), a.promote(b));
            let ints = joined.to_dtype(DType::I64).unwrap().to_vec::<i64>();
            assert_eq!(ints.unwrap(), [0, 1, 0, 1]);
        }
    }
}

#[test]
fn long_rows_are_cut_without_loss() {
    let x = Tensor::arange(0, 100_003, 1).unwrap();
    let y = Tensor::concat(&[&x, &x.flip(0).unwrap(), &x], 0).unwrap();
    let values = y.to_vec::<i64>().unwrap();
    let n = 100_003i64;
    let expected = (0..n).chain((0..n).rev()).chain(0..n);
    assert!(values.into_iter().eq(expected));
}

#[test]
fn empty_and_rank_zero() {
    let empty = Tensor::zeros([2, 0], DType::F32).unwrap();
    let x = Tensor::ones([2, 3], DType::F32).unwrap();
    assert_eq!(
        Tensor::concat(&[&empty, &x], 1).unwrap().shape()[..],
        [2, 3]
    );
    assert_eq!(
        Tensor::concat(&[&empty, &empty], 0).unwrap().shape()[..],
        [4, 0]
    );
    let scalar = Tensor::new(2.5f32).unwrap();
    let pair = Tensor::stack(&[&scalar, &scalar], 0).unwrap();
    assert_eq!(pair.to_vec::<f32>().unwrap(), [2.5, 2.5]);
    assert_eq!(scalar.tile(&[2, 2]).unwrap().shape()[..], [2, 2]);
    assert_eq!(x.tile(&[0, 1]).unwrap().shape()[..], [0, 3]);
    assert_eq!(x.repeat_interleave(0, 1).unwrap().shape()[..], [2, 0]);
    assert_eq!(
        empty.flip(..).unwrap().roll(&[1], &[1]).unwrap().shape()[..],
        [2, 0]
    );
    assert_eq!(scalar.flip(..).unwrap().item::<f32>().unwrap(), 2.5);
}

#[test]
fn errors_say_what_was_wrong() {
    let x = Tensor::ones([2, 3], DType::F32).unwrap();
    let y = Tensor::ones([2, 4], DType::F32).unwrap();
    let text = |r: ocelli_tensor::Result<Tensor>| r.unwrap_err().to_string();
    assert_eq!(
        text(Tensor::concat(&[&x, &y], 0)),
        "concat: expected shapes that differ from [2, 3] in axis 0 only, received shape [2, 4]"
    );
    assert_eq!(
        text(Tensor::concat::<Tensor>(&[], 0)),
        "concat: expected at least 1 tensor, received none"
    );
    assert_eq!(
        text(Tensor::stack(&[&x, &y], 0)),
        "stack: expected tensors of one shape, the first being [2, 3], received shape [2, 4]"
    );
    assert_eq!(
        text(Tensor::stack(&[&x], 3)),
        "stack: expected an axis in -3..3, received 3"
    );
    assert_eq!(
        text(Tensor::concat(&[&Tensor::new(1.0f32).unwrap()], 0)),
        "concat: expected an axis in 0..0, received 0"
    );
    assert_eq!(
        text(x.roll(&[1, 2], &[0])),
        "roll: expected one shift for each axis, received 2 shifts for 1 axes"
    );
    assert!(text(x.flip([0, 0])).contains("distinct axes"));
    assert!(text(x.tile(&[usize::MAX, 2])).contains("more bytes"));
}
