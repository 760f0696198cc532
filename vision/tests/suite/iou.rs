//! Forms of intersection over union, losses and rotated boxes against torchvision (`fixtures/iou.py`) and by their properties.

use std::f64::consts::PI;

use crate::common::{assert_close, fixture, scattered, values};
use ocelli_autograd::Var;
use ocelli_nn::losses::Reduction;
use ocelli_tensor::{DType, Tensor};
use ocelli_vision::ops::rotated::{self, RotatedFormat};
use ocelli_vision::ops::{
    LOSS_EPSILON, box_iou_loss, ciou_matrix, complete_box_iou_loss, diou_matrix, distance_box_iou_loss,
    generalized_box_iou_loss, giou_matrix, iou_matrix, mask_iou_matrix,
};
use proptest::prelude::*;

type Matrix = fn(&Tensor, &Tensor) -> ocelli_vision::Result<Tensor>;
type BoxLoss = fn(&Var, &Var, Reduction, f64) -> ocelli_vision::Result<Var>;

const MATRICES: [(&str, Matrix); 4] =
    [("iou", iou_matrix), ("giou", giou_matrix), ("diou", diou_matrix), ("ciou", ciou_matrix)];
const LOSSES: [(&str, BoxLoss); 4] = [
    ("iou_loss", box_iou_loss),
    ("giou_loss", generalized_box_iou_loss),
    ("diou_loss", distance_box_iou_loss),
    ("ciou_loss", complete_box_iou_loss),
];
const REDUCTIONS: [(&str, Reduction); 3] =
    [("none", Reduction::None), ("mean", Reduction::Mean), ("sum", Reduction::Sum)];

/// What the roundings of a few operations may add up to.
fn roundings(name: &str) -> f64 {
    if name == "f64" { 1e-14 } else { 2e-6 }
}

#[test]
fn matrices_are_torchvisions() {
    let fixture = fixture("iou");
    for name in ["f32", "f64"] {
        let get = |key: &str| &fixture[&format!("{name}.{key}")];
        for (key, matrix) in MATRICES {
            let found = matrix(get("a"), get("b")).unwrap();
            assert_close(&found, get(key), 0.0, roundings(name), key);
            let again = matrix(&scattered(get("a")), &scattered(get("b"))).unwrap();
            assert_eq!(values(&again), values(&found), "{key}");
            let batch = matrix(get("batch_a"), get("batch_b")).unwrap();
            assert_close(&batch, get(&format!("{key}.batch")), 0.0, roundings(name), key);
        }
    }
    for (key, matrix) in MATRICES {
        let half = |key: &str| fixture[key].to_dtype(DType::F16).unwrap();
        let rounded = |key: &str| half(key).to_dtype(DType::F32).unwrap();
        let found = matrix(&half("f32.a"), &half("f32.b")).unwrap();
        assert_eq!(values(&found), values(&matrix(&rounded("f32.a"), &rounded("f32.b")).unwrap()), "{key}");
        assert_eq!(matrix(&fixture["f32.a"], &fixture["f64.b"]).unwrap().dtype(), DType::F64);
    }
}

#[test]
fn nothing_of_nothing_is_nothing() {
    let boxes = Tensor::new([[0.0f64, 0.0, 0.0, 0.0], [2.0, 2.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0]]).unwrap();
    assert_eq!(values(&giou_matrix(&boxes, &boxes).unwrap())[..3], [0.0, -1.0, 0.0]);
    assert!((values(&diou_matrix(&boxes, &boxes).unwrap())[1] + 1.0).abs() < 1e-6);
    for (key, matrix) in MATRICES {
        assert!(values(&matrix(&boxes, &boxes).unwrap()).iter().all(|iou| iou.is_finite()), "{key}");
        let none = Tensor::zeros([0, 4], DType::F32).unwrap();
        assert_eq!(matrix(&none, &boxes).unwrap().shape()[..], [0, 3]);
        assert_eq!(matrix(&boxes, &none).unwrap().shape()[..], [3, 0]);
        let lost = Tensor::new([[f64::NAN, 0.0, 1.0, 1.0]]).unwrap();
        assert!(values(&matrix(&lost, &boxes).unwrap()).iter().all(|iou| iou.is_nan()), "{key}");
    }
}

#[test]
fn losses_and_their_gradients_are_torchvisions() {
    let fixture = fixture("iou");
    for name in ["f32", "f64"] {
        let get = |key: &str| &fixture[&format!("{name}.{key}")];
        for (key, loss) in LOSSES {
            for (suffix, reduction) in REDUCTIONS {
                let (x, y) = (Var::leaf(get("x").clone()).unwrap(), Var::leaf(get("y").clone()).unwrap());
                let found = loss(&x, &y, reduction, LOSS_EPSILON).unwrap();
                let get = |suffix2: &str| get(&format!("{key}.{suffix}{suffix2}"));
                let what = format!("{name} {key} {suffix}");
                assert_close(found.tensor(), get(""), roundings(name), roundings(name), &what);
                let weighted =
                    if suffix == "none" { found.mul(&fixture[&format!("{name}.weight")]) } else { Ok(found) };
                let gradients = weighted.unwrap().sum(..).unwrap().backward().unwrap();
                let tolerance = 10.0 * roundings(name);
                assert_close(gradients.get(&x).unwrap().tensor(), get(".dx"), tolerance, tolerance, &what);
                assert_close(gradients.get(&y).unwrap().tensor(), get(".dy"), tolerance, tolerance, &what);
            }
            if let Some(expected) = fixture.get(&format!("{name}.{key}.eps")) {
                let (x, y) = (Var::constant(get("x").clone()), Var::constant(get("y").clone()));
                let found = loss(&x, &y, Reduction::None, 0.25).unwrap();
                assert_close(found.tensor(), expected, roundings(name), roundings(name), key);
            }
        }
    }
}

#[test]
fn gradients_of_losses_match_central_differences() {
    // No two corners at one place: there the losses have kinks.
    let x = [3.0, 4.0, 9.5, 12.0, 0.0, 0.5, 2.0, 3.0, 5.0, 5.5, 6.0, 7.5];
    let y = [4.0, 2.0, 11.0, 8.5, 5.0, 6.0, 8.0, 7.0, 4.5, 4.0, 9.0, 9.0];
    let losses = |loss: BoxLoss, x: &[f64; 12]| {
        let var = |numbers: &[f64]| Var::leaf(Tensor::from_slice(numbers, [3, 4]).unwrap()).unwrap();
        let x = var(x);
        let losses = loss(&x, &var(&y), Reduction::None, LOSS_EPSILON).unwrap();
        let gradient = losses.sum(..).unwrap().backward().unwrap().get(&x).unwrap().to_vec::<f64>().unwrap();
        (values(losses.tensor()), gradient)
    };
    // v of CIoU's pair i, and the alpha that its gradient takes for a constant.
    let shape = |x: &[f64; 12], i: usize| {
        let angle = |b: &[f64]| ((b[2] - b[0]) / (b[3] - b[1])).atan();
        4.0 / PI.powi(2) * (angle(&y[4 * i..]) - angle(&x[4 * i..])).powi(2)
    };
    let alpha = |i: usize| {
        let iou = 1.0 - losses(box_iou_loss, &x).0[i];
        shape(&x, i) / (1.0 - iou + shape(&x, i) + LOSS_EPSILON)
    };
    for (key, loss) in LOSSES {
        let (_, gradient) = losses(loss, &x);
        for k in 0..x.len() {
            let at = |step: f64| {
                let mut moved = x;
                moved[k] += step;
                match key {
                    "ciou_loss" => losses(distance_box_iou_loss, &moved).0[k / 4] + alpha(k / 4) * shape(&moved, k / 4),
                    _ => losses(loss, &moved).0[k / 4],
                }
            };
            let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((gradient[k] - difference).abs() < 1e-8, "{key} {k}: {} {difference}", gradient[k]);
        }
    }
}

#[test]
fn losses_of_half_types_of_one_box_and_of_none() {
    let fixture = fixture("iou");
    for (key, loss) in LOSSES {
        let half = Var::leaf(fixture["f32.x"].to_dtype(DType::F16).unwrap()).unwrap();
        let found = loss(&half, &half, Reduction::Mean, LOSS_EPSILON).unwrap();
        assert_eq!(found.dtype(), DType::F32);
        assert_eq!(found.backward().unwrap().get(&half).unwrap().dtype(), DType::F16);

        let one = Var::constant(Tensor::new([0.0f64, 0.0, 2.0, 2.0]).unwrap());
        let single = loss(&one, &one, Reduction::None, LOSS_EPSILON).unwrap();
        assert!(single.rank() == 0 && single.item::<f64>().unwrap().abs() < 1e-7, "{key}");

        let none = Var::leaf(Tensor::zeros([0, 4], DType::F32).unwrap()).unwrap();
        assert_eq!(loss(&none, &none, Reduction::Mean, LOSS_EPSILON).unwrap().item::<f64>().unwrap(), 0.0);
        assert_eq!(loss(&none, &none, Reduction::None, LOSS_EPSILON).unwrap().shape()[..], [0]);

        let error = loss(&half, &none, Reduction::Mean, LOSS_EPSILON).unwrap_err().to_string();
        assert!(error.ends_with("expected boxes of the first ones' shape [21, 4], received shape [0, 4]"), "{error}");
        for eps in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(loss(&none, &none, Reduction::Mean, eps).unwrap_err().to_string().contains("eps"));
        }
        assert!(loss(&Var::constant(Tensor::zeros([3], DType::F32).unwrap()), &none, Reduction::Sum, 0.0).is_err());
    }
}

#[test]
fn rotated_boxes_are_torchvisions() {
    let fixture = fixture("iou");
    for (name, tolerance) in [("f32", 2e-5f64), ("f64", 1e-12)] {
        let get = |key: &str| &fixture[&format!("{name}.rotated.{key}")];
        let (a, b) = (get("a"), get("b"));
        let iou = rotated::iou_matrix(a, b).unwrap();
        // torchvision gives f32 in any case.
        assert_close(&iou.to_dtype(DType::F32).unwrap(), get("iou"), 0.0, tolerance.max(1e-7), name);
        assert_eq!(values(&rotated::iou_matrix(&scattered(a), &scattered(b)).unwrap()), values(&iou));
        for key in ["xywhr", "xyxyxyxy"] {
            let format: RotatedFormat = key.parse().unwrap();
            let there = rotated::convert(a, RotatedFormat::Cxcywhr, format).unwrap();
            assert_close(&there, get(key), tolerance, tolerance, key);
            let back = rotated::convert(get(key), format, RotatedFormat::Cxcywhr).unwrap();
            assert_close(&back, get(&format!("{key}.back")), tolerance, 20.0 * tolerance, key);
        }
        let corners = rotated::convert(get("xywhr"), RotatedFormat::Xywhr, RotatedFormat::Xyxyxyxy).unwrap();
        assert_close(&corners, get("xyxyxyxy"), tolerance, tolerance, "xywhr to xyxyxyxy");
    }
    let mixed = rotated::iou_matrix(&fixture["f32.rotated.a"], &fixture["f64.rotated.b"]).unwrap();
    assert_eq!(mixed.dtype(), DType::F64);
    assert_eq!("cxcywhr".parse::<RotatedFormat>().unwrap(), RotatedFormat::Cxcywhr);
    assert!("xyxy".parse::<RotatedFormat>().unwrap_err().to_string().ends_with("received \"xyxy\""));
}

#[test]
fn rotated_boxes_without_area_and_bad_ones() {
    let boxes = Tensor::new([
        [0.0f32, 0.0, 4.0, 2.0, 30.0],
        [0.0, 0.0, 0.0, 2.0, 30.0],
        [0.0, 0.0, -4.0, 2.0, 30.0],
        [0.0, 0.0, 4.0, 2.0, f32::NAN],
        [f32::INFINITY, 0.0, 4.0, 2.0, 0.0],
    ])
    .unwrap();
    let iou = values(&rotated::iou_matrix(&boxes, &boxes).unwrap());
    assert_eq!(iou[..3], [1.0, 0.0, 0.0]);
    assert!(iou[3].is_nan() && iou[4].is_nan() && iou[24].is_nan());
    assert_eq!(values(&rotated::area(&boxes).unwrap())[..3], [8.0, 0.0, -8.0]);
    let quarter = Tensor::new([[1.0f64, 2.0, 4.0, 2.0, -90.0]]).unwrap();
    for (found, expected) in values(&rotated::enclosing(&quarter).unwrap()).into_iter().zip([0.0, 0.0, 2.0, 4.0]) {
        assert!((found - expected).abs() < 1e-12);
    }
    let none = Tensor::zeros([0, 5], DType::F32).unwrap();
    assert_eq!(rotated::iou_matrix(&none, &boxes).unwrap().shape()[..], [0, 5]);
    assert_eq!(rotated::iou_matrix(&boxes, &none).unwrap().shape()[..], [5, 0]);
    assert_eq!(rotated::enclosing(&none).unwrap().shape()[..], [0, 4]);
    let four = Tensor::zeros([3, 4], DType::F32).unwrap();
    let error = rotated::iou_matrix(&boxes, &four).unwrap_err().to_string();
    assert_eq!(error, "rotated::iou_matrix: expected rotated boxes of shape [..., 5], received shape [3, 4]");
    assert!(rotated::convert(&boxes, RotatedFormat::Xyxyxyxy, RotatedFormat::Xywhr).is_err());
    assert!(rotated::area(&Tensor::zeros([3, 5], DType::I64).unwrap()).is_err());
}

#[test]
fn masks_are_counted_in_every_dtype_and_layout() {
    let fixture = fixture("suppression");
    let masks = &fixture["masks"];
    let iou = mask_iou_matrix(masks, masks).unwrap();
    let expected = fixture["masks.iou"].to_dtype(DType::F32).unwrap();
    assert_close(&iou, &expected, 1e-7, 0.0, "masks");
    for dtype in [DType::Bool, DType::F32, DType::F16, DType::I64] {
        let other = masks.to_dtype(dtype).unwrap();
        let other =
            other.permute([2, 1, 0]).unwrap().mul(1).unwrap().to_dtype(dtype).unwrap().permute([2, 1, 0]).unwrap();
        assert_eq!(values(&mask_iou_matrix(&other, masks).unwrap()), values(&iou), "{dtype}");
    }
    let none = Tensor::zeros([0, 37, 45], DType::U8).unwrap();
    assert_eq!(mask_iou_matrix(&none, masks).unwrap().shape()[..], [0, 29]);
    assert_eq!(mask_iou_matrix(masks, &none).unwrap().shape()[..], [29, 0]);
    let flat = Tensor::zeros([2, 0, 45], DType::U8).unwrap();
    assert_eq!(values(&mask_iou_matrix(&flat, &flat).unwrap()), [0.0; 4]);
    assert!(mask_iou_matrix(masks, &flat).unwrap_err().to_string().ends_with("received shape [2, 0, 45]"));
    assert!(mask_iou_matrix(&Tensor::zeros([3, 3], DType::U8).unwrap(), masks).is_err());
}

/// Boxes among which equal, touching, nested and empty ones are common.
fn boxes() -> impl Strategy<Value = Vec<[f32; 4]>> {
    let one = (0u8..9, 0u8..9, 0u8..7, 0u8..7, 0.0f32..1.0);
    let one = one.prop_map(|(x, y, w, h, part)| {
        let [x, y, w, h] = [x, y, w, h].map(f32::from);
        // Half of them with fractions.
        let part = if part < 0.5 { 0.0 } else { part };
        [x + part, y, x + w + 2.0 * part, y + h + part]
    });
    prop::collection::vec(one, 1..12)
}

fn tensor<const K: usize>(boxes: &[[f32; K]]) -> Tensor {
    Tensor::from_slice(&boxes.concat(), [boxes.len(), K]).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn overlaps_are_symmetric_and_in_their_ranges(a in boxes(), b in boxes()) {
        let (a, b) = (tensor(&a), tensor(&b));
        for (key, matrix) in MATRICES {
            let (there, back) = (matrix(&a, &b).unwrap(), matrix(&b, &a).unwrap().t().unwrap());
            prop_assert_eq!(values(&there), values(&back), "{}", key);
        }
        let [iou, giou, diou, ciou] = MATRICES.map(|(_, matrix)| values(&matrix(&a, &b).unwrap()));
        for k in 0..iou.len() {
            prop_assert!((0.0..=1.0).contains(&iou[k]));
            prop_assert!((-1.0..=iou[k] + 1e-6).contains(&giou[k]), "{} {}", giou[k], iou[k]);
            prop_assert!(diou[k] <= iou[k] && diou[k] >= -1.0 && ciou[k] <= diou[k]);
        }
        let itself = values(&iou_matrix(&a, &a).unwrap());
        let n = a.shape()[0];
        let areas = values(&ocelli_vision::ops::boxes::area(&a, ocelli_vision::ops::BoxFormat::Xyxy).unwrap());
        for i in 0..n {
            prop_assert_eq!(itself[i * n + i], f64::from(u8::from(areas[i] > 0.0)));
        }
    }

    #[test]
    fn rotated_overlaps_are_symmetric_and_turn_with_the_picture(
        upright in prop::collection::vec((-9.0f64..9.0, -9.0f64..9.0, 0.0f64..8.0, 0.0f64..8.0), 1..8),
        turn in -400.0f64..400.0,
    ) {
        let n = upright.len();
        let (sin, cos) = turn.to_radians().sin_cos();
        let corners: Vec<f64> =
            upright.iter().flat_map(|&(x, y, w, h)| [x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0]).collect();
        // Counter-clockwise, with y down.
        let turned: Vec<f64> = upright
            .iter()
            .flat_map(|&(x, y, w, h)| [x * cos + y * sin, y * cos - x * sin, w, h, turn])
            .collect();
        let corners = Tensor::from_slice(&corners, [n, 4]).unwrap();
        let turned = Tensor::from_slice(&turned, [n, 5]).unwrap();
        let (plain, found) = (iou_matrix(&corners, &corners).unwrap(), rotated::iou_matrix(&turned, &turned).unwrap());
        for (plain, found) in values(&plain).into_iter().zip(values(&found)) {
            prop_assert!((plain - found).abs() < 1e-9, "{} {}", plain, found);
            prop_assert!((0.0..=1.0).contains(&found));
        }
        prop_assert_eq!(values(&found.t().unwrap()), values(&found));
        let enclosed = values(&rotated::enclosing(&turned).unwrap());
        prop_assert!(enclosed.iter().all(|x| x.is_finite()));
    }
}
