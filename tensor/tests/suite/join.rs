//! concat, stack, repeat_interleave, tile, flip, roll and pad against NumPy (`fixtures/join.py`).

use std::collections::BTreeMap;

use crate::common::{assert_close, devices, fixture, scattered};
use ocelli_tensor::{DType, Device, PadMode, Tensor};

fn on(device: Device, fixture: BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    fixture.into_iter().map(|(name, x)| (name, x.to_device(device).unwrap())).collect()
}

fn same(actual: &Tensor, expected: &Tensor, what: &str) {
    assert_close(actual, expected, 0.0, 0.0, what);
}

/// The same elements with the last axis outermost in memory.
fn reversed(x: &Tensor) -> Tensor {
    let x = x.permute([2, 1, 0]).unwrap();
    x.reshape([x.numel()]).unwrap().reshape(x.shape()).unwrap().permute([2, 1, 0]).unwrap()
}

#[test]
fn joined_like_numpy_whatever_the_strides() {
    for device in devices(DType::F32) {
        let f = on(device, fixture("join"));
        for (axis, name) in [(0, "concat_0"), (1, "concat_1"), (-1, "concat_2")] {
            let (a, b) = (&f["a"], &f[&format!("{name}_b")]);
            same(&Tensor::concat(&[a, b], axis).unwrap(), &f[name], name);
            let moved = [scattered(a), scattered(b)];
            same(&Tensor::concat(&moved, axis).unwrap(), &f[name], name);
            let both = [reversed(a), reversed(b)];
            same(&Tensor::concat(&both, axis).unwrap(), &f[name], name);
        }
        for axis in -4..4isize {
            let joined = Tensor::stack(&[&f["a"], &f["a2"]], axis).unwrap();
            same(&joined, &f[&format!("stack_{}", axis.rem_euclid(4))], "stack");
        }
    }
}

#[test]
fn repeated_and_rearranged_like_numpy() {
    for device in devices(DType::F32) {
        let f = on(device, fixture("join"));
        for a in [f["a"].clone(), scattered(&f["a"])] {
            for axis in 0..3 {
                let repeated = a.repeat_interleave(3, axis).unwrap();
                same(&repeated, &f[&format!("repeat_{axis}")], "repeat_interleave");
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
}

#[test]
fn every_dtype_and_promotion() {
    let ones = Tensor::new([0i64, 1]).unwrap();
    for a in DType::ALL {
        for b in DType::ALL {
            let joined = Tensor::concat(&[ones.to_dtype(a).unwrap(), ones.to_dtype(b).unwrap()], 0).unwrap();
            assert_eq!(joined.dtype(), a.promote(b));
            let ints = joined.to_dtype(DType::I64).unwrap().to_vec::<i64>();
            assert_eq!(ints.unwrap(), [0, 1, 0, 1]);
        }
    }
}

#[test]
fn long_rows_are_cut_without_loss() {
    for device in devices(DType::I64) {
        let x = Tensor::arange(0, 100_003, 1).unwrap().to_device(device).unwrap();
        let y = Tensor::concat(&[&x, &x.flip(0).unwrap(), &x], 0).unwrap();
        let values = y.to_vec::<i64>().unwrap();
        let n = 100_003i64;
        let expected = (0..n).chain((0..n).rev()).chain(0..n);
        assert!(values.into_iter().eq(expected));
    }
}

#[test]
fn empty_and_rank_zero() {
    for device in devices(DType::F32) {
        let empty = Tensor::full_on(device, [2, 0], 0, DType::F32).unwrap();
        let x = Tensor::full_on(device, [2, 3], 1, DType::F32).unwrap();
        assert_eq!(Tensor::concat(&[&empty, &x], 1).unwrap().shape()[..], [2, 3]);
        assert_eq!(Tensor::concat(&[&empty, &empty], 0).unwrap().shape()[..], [4, 0]);
        let scalar = Tensor::new(2.5f32).unwrap().to_device(device).unwrap();
        let pair = Tensor::stack(&[&scalar, &scalar], 0).unwrap();
        assert_eq!(pair.to_vec::<f32>().unwrap(), [2.5, 2.5]);
        assert_eq!(scalar.tile(&[2, 2]).unwrap().shape()[..], [2, 2]);
        assert_eq!(x.tile(&[0, 1]).unwrap().shape()[..], [0, 3]);
        assert_eq!(x.repeat_interleave(0, 1).unwrap().shape()[..], [2, 0]);
        assert_eq!(empty.flip(..).unwrap().roll(&[1], &[1]).unwrap().shape()[..], [2, 0]);
        assert_eq!(scalar.flip(..).unwrap().item::<f32>().unwrap(), 2.5);
    }
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
    assert_eq!(text(Tensor::concat::<Tensor>(&[], 0)), "concat: expected at least 1 tensor, received none");
    assert_eq!(
        text(Tensor::stack(&[&x, &y], 0)),
        "stack: expected tensors of one shape, the first being [2, 3], received shape [2, 4]"
    );
    assert_eq!(text(Tensor::stack(&[&x], 3)), "stack: expected an axis in -3..3, received 3");
    assert_eq!(
        text(Tensor::concat(&[&Tensor::new(1.0f32).unwrap()], 0)),
        "concat: expected an axis in 0..0, received 0"
    );
    assert_eq!(text(x.roll(&[1, 2], &[0])), "roll: expected one shift for each axis, received 2 shifts for 1 axes");
    assert!(text(x.flip([0, 0])).contains("distinct axes"));
    assert!(text(x.tile(&[usize::MAX, 2])).contains("more bytes"));
}

#[test]
fn padded_like_numpy() {
    for device in devices(DType::F32) {
        let f = on(device, fixture("join"));
        let pads = [(1, 2), (0, 2), (3, 1)];
        for a in [f["a"].clone(), scattered(&f["a"])] {
            let constant = a.pad(&pads, PadMode::Constant(-1.5)).unwrap();
            same(&constant, &f["pad_constant"], "constant");
            let replicated = a.pad(&pads, PadMode::Replicate).unwrap();
            same(&replicated, &f["pad_replicate"], "replicate");
            let circular = a.pad(&pads, PadMode::Circular).unwrap();
            same(&circular, &f["pad_circular"], "circular");
            let reflected = a.pad(&[(1, 0), (0, 2), (3, 1)], PadMode::Reflect).unwrap();
            same(&reflected, &f["pad_reflect"], "reflect");
        }
        let wide = f["a"].pad(&[(1, 2)], PadMode::Replicate).unwrap();
        assert_eq!(wide.shape()[..], [2, 3, 7]);
    }
}

#[test]
fn gradient_of_padding_is_its_transpose() {
    // ⟨pad(x), y⟩ = ⟨x, pad_backward(y)⟩ for all x and y, in whole numbers that f32 holds.
    let x = Tensor::arange(0, 60, 1).unwrap().reshape([3, 4, 5]).unwrap().rem(11).unwrap();
    let dot = |a: &Tensor, b: &Tensor| a.mul(b).unwrap().sum(..).unwrap().item::<f64>().unwrap();
    let modes = [PadMode::Constant(0.0), PadMode::Reflect, PadMode::Replicate, PadMode::Circular];
    for dtype in [DType::F64, DType::F32] {
        for device in devices(dtype) {
            let x = x.to_dtype(dtype).unwrap().to_device(device).unwrap();
            for pads in [&[(1, 0), (2, 1)][..], &[(0, 0), (4, 4)], &[(2, 2), (3, 3), (0, 1)], &[(0, 3)]] {
                for mode in modes {
                    let padded = x.pad(pads, mode).unwrap();
                    let y = Tensor::arange(0, padded.numel(), 1).unwrap().reshape(padded.shape()).unwrap();
                    let y = y.rem(17).unwrap().to_dtype(dtype).unwrap().to_device(device).unwrap();
                    for (y, is_reversed) in [(scattered(&y), false), (reversed(&y), true)] {
                        let dx = y.pad_backward(pads, mode).unwrap();
                        assert_eq!((dx.shape(), dx.device()), (x.shape(), device), "{mode:?}");
                        assert_eq!(dot(&padded, &y), dot(&x, &dx), "{mode:?} of {pads:?} on {device}");
                        let lies_alike = dx.permute([2, 1, 0]).unwrap().is_contiguous();
                        assert!(!is_reversed || lies_alike || mode == PadMode::Constant(0.0), "{mode:?} of {pads:?}");
                        for half in [DType::BF16, DType::F16] {
                            let narrow = y.to_dtype(half).unwrap().pad_backward(pads, mode).unwrap();
                            same(&narrow, &dx.to_dtype(half).unwrap(), "halves");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_padded() {
    let x = Tensor::ones([2, 3], DType::F32).unwrap();
    let text = |r: ocelli_tensor::Result<Tensor>| r.unwrap_err().to_string();
    assert_eq!(
        text(x.pad(&[(0, 3)], PadMode::Reflect)),
        "pad: expected a reflection narrower than the 3 elements along axis 1, received 0 and 3"
    );
    assert!(text(x.pad(&[(4, 0)], PadMode::Circular)).contains("at most the 3 elements"));
    assert!(text(x.pad(&[(0, 0); 3], PadMode::Reflect)).contains("at most 2 pairs"));
    assert!(text(x.pad(&[(usize::MAX, 1)], PadMode::Constant(0.0))).contains("more bytes"));
    let empty = Tensor::zeros([2, 0], DType::U8).unwrap();
    assert!(text(empty.pad(&[(1, 0)], PadMode::Replicate)).contains("0 elements"));
    let filled = empty.pad(&[(1, 2)], PadMode::Constant(9.0)).unwrap();
    assert_eq!(filled.to_vec::<u8>().unwrap(), [9; 6]);
    let truth = Tensor::new([true]).unwrap().pad(&[(1, 1)], PadMode::Constant(0.0)).unwrap();
    assert_eq!(truth.to_vec::<bool>().unwrap(), [false, true, false]);
    assert!(text(x.pad_backward(&[(2, 2)], PadMode::Constant(0.0))).contains("at least 2 + 2"));
    let scalar = Tensor::new(1.0f32).unwrap();
    assert_eq!(scalar.pad(&[], PadMode::Reflect).unwrap().rank(), 0);
    assert!(scalar.pad_backward(&[(1, 1)], PadMode::Reflect).is_err());
}

#[test]
fn memory_order_stays() {
    let f = fixture("join");
    let is_reversed = |x: &Tensor| x.permute([2, 1, 0]).unwrap().is_contiguous();
    let (a, whole) = (reversed(&f["a"]), Tensor::concat(&[&f["a"]; 3], 1).unwrap());
    // A part of a tensor along an axis joins those that lie like the tensor.
    let part = reversed(&whole).narrow(1, 0, 2 * a.shape()[1]).unwrap();
    let joined = Tensor::concat(&[&part, &a], 1).unwrap();
    assert!(is_reversed(&joined));
    same(&joined, &whole, "concat");
    let padding = [(2, 1), (1, 0)];
    for mode in [PadMode::Constant(5.0), PadMode::Reflect, PadMode::Replicate, PadMode::Circular] {
        let (padded, expected) = (a.pad(&padding, mode).unwrap(), f["a"].pad(&padding, mode).unwrap());
        assert!(is_reversed(&padded), "{mode:?}");
        same(&padded, &expected, "pad");
        let dx = padded.pad_backward(&padding, mode).unwrap();
        same(&dx, &expected.pad_backward(&padding, mode).unwrap(), "pad_backward");
        assert!(matches!(mode, PadMode::Constant(_)) || is_reversed(&dx), "{mode:?}");
    }
}
