//! Coders against torchvision (`fixtures/assignment.py`), there and back, and their gradients.

use crate::common::{assert_close, fixture, scattered, values};
use ocelli_autograd::Var;
use ocelli_tensor::{DType, Tensor};
use ocelli_vision::ops::anchors::YoloPriors;
use ocelli_vision::ops::coders::{BoxCoder, YoloV1Coder, YoloV2Coder};
use proptest::prelude::*;

#[test]
fn rcnns_codes_are_torchvisions() {
    let fixture = fixture("assignment");
    for (name, tolerance) in [("f32", 1e-5), ("f64", 1e-13)] {
        let get = |key: &str| &fixture[&format!("coder.{key}.{name}")];
        let (boxes, proposals, codes) = (get("boxes"), get("proposals"), get("codes"));
        for (weights, key) in [([1.0; 4], "1"), ([10.0, 10.0, 5.0, 5.0], "10")] {
            let expected = |what: &str| &fixture[&format!("coder.{key}.{name}.{what}")];
            let coder = BoxCoder::new(weights).unwrap();
            for (boxes, proposals, codes) in [
                (boxes.clone(), proposals.clone(), codes.clone()),
                (scattered(boxes), scattered(proposals), scattered(codes)),
            ] {
                let encoded = coder.encode(&boxes, &proposals).unwrap();
                assert_close(&encoded, expected("encoded"), tolerance, tolerance, "encoded");
                let codes = Var::leaf(codes).unwrap();
                let decoded = coder.decode(&codes, &proposals).unwrap();
                assert_close(decoded.tensor(), expected("decoded"), tolerance, 100.0 * tolerance, "decoded");
                let seed: Vec<f64> = (0..decoded.numel()).map(|i| (i % 7) as f64).collect();
                let seed = Tensor::from_vec(seed, decoded.shape()).unwrap().to_dtype(decoded.dtype()).unwrap();
                let gradients = decoded.mul(&seed).unwrap().sum(..).unwrap().backward().unwrap();
                let gradient = gradients.get(&codes).unwrap().tensor().clone();
                assert_close(&gradient, expected("gradient"), tolerance, 100.0 * tolerance, "gradient");
                let back = coder.decode(&Var::from(&encoded), &proposals).unwrap();
                let back = back.tensor().squeeze(1).unwrap();
                assert_close(&back, &boxes, tolerance, 100.0 * tolerance, "there and back");
            }
        }
    }
}

#[test]
fn variances_are_weights_turned_over() {
    let fixture = fixture("assignment");
    let (boxes, priors) = (&fixture["coder.boxes.f64"], &fixture["coder.proposals.f64"]);
    let ssd = BoxCoder::with_variances([0.1, 0.1, 0.2, 0.2]).unwrap();
    let codes = ssd.encode(boxes, priors).unwrap();
    assert_close(&codes, &fixture["coder.10.f64.encoded"], 1e-13, 1e-13, "codes");
    // A box a hundred times as large is beyond R-CNN's clipping, not beyond SSD's.
    let wide = Var::from(Tensor::new([[0.0f64, 0.0, 100f64.ln() / 0.2, 0.0]]).unwrap());
    let prior = Tensor::new([[0.0f64, 0.0, 2.0, 2.0]]).unwrap();
    let width = |coder: BoxCoder| {
        let decoded = values(coder.decode(&wide, &prior).unwrap().tensor());
        decoded[2] - decoded[0]
    };
    assert!((width(ssd) - 200.0).abs() < 1e-9);
    let clipped = ssd.clip(Some((1000.0f64 / 16.0).ln())).unwrap();
    assert!((width(clipped) - 125.0).abs() < 1e-9);
    assert!(ssd.clip(Some(f64::NAN)).is_err());
}

#[test]
fn half_types_are_widened() {
    let boxes = Tensor::new([[10.0f32, 20.0, 300.0, 400.0]]).unwrap();
    let coder = BoxCoder::new([1.0; 4]).unwrap();
    for dtype in [DType::F16, DType::BF16] {
        let half = boxes.to_dtype(dtype).unwrap();
        let codes = coder.encode(&half, &half).unwrap();
        assert_eq!((codes.dtype(), values(&codes)), (DType::F32, vec![0.0; 4]));
        let decoded = coder.decode(&Var::from(codes.to_dtype(dtype).unwrap()), &half).unwrap();
        assert_eq!(decoded.dtype(), DType::F32);
        assert_eq!(values(decoded.tensor()), values(&half));
        assert_eq!(YoloV2Coder::new([16.0; 2]).unwrap().encode(&half, &half).unwrap().dtype(), DType::F32);
        assert_eq!(YoloV1Coder::new([7, 7], [448, 448]).unwrap().encode(&half).unwrap().1.dtype(), DType::F32);
    }
}

/// `dcode` of the sum of squares of decoded boxes by central differences.
fn check_gradient(codes: &Tensor, decode: impl Fn(&Var) -> ocelli_vision::Result<Var>) {
    let leaf = Var::leaf(codes.clone()).unwrap();
    let loss = |codes: &Var| decode(codes).unwrap().square().unwrap().sum(..).unwrap();
    let actual = values(loss(&leaf).backward().unwrap().get(&leaf).unwrap().tensor());
    let point = values(codes);
    for (i, actual) in actual.into_iter().enumerate() {
        let at = |step: f64| {
            let mut point = point.clone();
            point[i] += step;
            loss(&Var::from(Tensor::from_vec(point, codes.shape()).unwrap())).item::<f64>().unwrap()
        };
        let expected = (at(1e-5) - at(-1e-5)) / 2e-5;
        assert!((actual - expected).abs() <= 1e-5 * (1.0 + expected.abs()), "{i}: {actual}, expected {expected}");
    }
}

#[test]
fn gradients_are_central_differences() {
    let codes = Tensor::new([[0.3f64, -0.8, 0.5, 0.1], [0.9, 0.2, 0.7, -0.4]]).unwrap();
    let boxes = Tensor::new([[1.0f64, 2.0, 4.0, 9.0], [8.0, 0.0, 24.0, 16.0]]).unwrap();
    let rcnn = BoxCoder::new([10.0, 10.0, 5.0, 5.0]).unwrap();
    check_gradient(&codes, |codes| rcnn.decode(codes, &boxes));
    let v2 = YoloV2Coder::new([16.0, 8.0]).unwrap();
    check_gradient(&codes, |codes| v2.decode(codes, &boxes));
    let (v1, cells) = (YoloV1Coder::new([3, 4], [30, 50]).unwrap(), Tensor::new([5i64, 11]).unwrap());
    check_gradient(&codes, |codes| v1.decode(codes, &cells));
}

#[test]
fn yolos_formulas() {
    // b = σ(t) + c in cells, p·eᵗ in pixels (YOLO9000, figure 3), here for cell (row 2, column 1) of 32 pixels.
    let prior = YoloPriors::new(&[vec![[50.0, 20.0]]]).unwrap().generate([96, 96], &[[3, 3]]).unwrap();
    let prior = prior.narrow(0, 7, 1).unwrap().to_dtype(DType::F64).unwrap();
    let codes = Tensor::new([[0.7f64, -1.2, 0.4, -0.3]]).unwrap();
    let coder = YoloV2Coder::new([32.0, 32.0]).unwrap();
    let decoded = coder.decode(&Var::from(&codes), &prior).unwrap();
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let (x, y) = ((1.0 + sigmoid(0.7)) * 32.0, (2.0 + sigmoid(-1.2)) * 32.0);
    let (w, h) = (50.0 * 0.4f64.exp(), 20.0 * (-0.3f64).exp());
    let expected = Tensor::new([[x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0]]).unwrap();
    assert_close(decoded.tensor(), &expected, 1e-12, 1e-12, "decoded");
    assert_close(&coder.encode(&expected, &prior).unwrap(), &codes, 1e-12, 1e-12, "encoded");
    // A middle on the edge has the last finite logit.
    let edge = Tensor::new([[31.0f64, 63.0, 33.0, 65.0]]).unwrap();
    let codes = values(&coder.encode(&edge, &prior).unwrap());
    assert!((codes[0] + (1e6f64).ln()).abs() < 1e-5 && codes[0] == codes[1], "{codes:?}");

    let v1 = YoloV1Coder::new([2, 2], [100, 200]).unwrap();
    let corner = Tensor::new([[150.0f64, 60.0, 250.0, 140.0]]).unwrap();
    let (cells, codes) = v1.encode(&corner).unwrap();
    assert_eq!((cells.to_vec::<i64>().unwrap(), values(&codes)[..2].to_vec()), (vec![3], vec![1.0, 1.0]));
}

#[test]
fn bad_arguments_are_named() {
    let boxes = Tensor::new([[0.0f32, 0.0, 4.0, 4.0]]).unwrap();
    let coder = BoxCoder::new([1.0; 4]).unwrap();
    let (v1, v2) = (YoloV1Coder::new([2, 2], [8, 8]).unwrap(), YoloV2Coder::new([8.0, 8.0]).unwrap());
    for bad in
        [[4.0f32, 0.0, 0.0, 4.0], [1.0, 1.0, 1.0, 1.0], [0.0, 0.0, f32::NAN, 1.0], [0.0, 0.0, f32::INFINITY, 1.0]]
    {
        let bad = Tensor::new([bad]).unwrap();
        for result in [
            coder.encode(&bad, &boxes),
            coder.encode(&boxes, &bad),
            v2.encode(&bad, &boxes),
            v2.encode(&boxes, &bad),
            v1.encode(&bad).map(|(_, codes)| codes),
        ] {
            let text = result.unwrap_err().to_string();
            assert!(text.contains("with finite corners and sides above 0, received a side of"), "{text}");
        }
    }
    for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(BoxCoder::new([1.0, 1.0, 1.0, wrong]).is_err());
        assert!(BoxCoder::with_variances([1.0, 1.0, wrong, 1.0]).is_err());
        assert!(YoloV2Coder::new([8.0, wrong]).is_err());
    }
    assert!(YoloV1Coder::new([0, 2], [8, 8]).is_err() && YoloV1Coder::new([2, 2], [8, 0]).is_err());
    let two = Tensor::concat(&[&boxes, &boxes], 0).unwrap();
    assert!(coder.encode(&boxes, &two).unwrap_err().to_string().contains("proposals of shape [1, 4]"));
    let codes = |shape: [usize; 2]| Var::from(Tensor::zeros(shape, DType::F32).unwrap());
    assert!(coder.decode(&codes([1, 6]), &boxes).unwrap_err().to_string().contains("codes of shape [N, 4·k]"));
    assert!(coder.decode(&codes([2, 4]), &boxes).is_err());
    assert!(coder.decode(&Var::from(Tensor::zeros([1, 4], DType::I64).unwrap()), &boxes).is_err());
    assert!(v2.decode(&codes([1, 8]), &boxes).is_err());
    let far = Tensor::new([[20.0f32, 0.0, 24.0, 4.0]]).unwrap();
    assert!(v2.encode(&far, &boxes).unwrap_err().to_string().contains("in the cell of their prior"));
    assert!(v1.encode(&far).unwrap_err().to_string().contains("with their middle in the picture"));
    for cell in [-1i64, 4, i64::MAX] {
        let text = v1.decode(&codes([1, 4]), &Tensor::new([cell]).unwrap()).unwrap_err().to_string();
        assert!(text.contains(&format!("cells of a grid of 2 × 2, received {cell}")), "{text}");
    }
    assert!(v1.decode(&codes([1, 4]), &Tensor::zeros([2], DType::I64).unwrap()).is_err());
    assert!(v1.decode(&codes([1, 4]), &Tensor::zeros([1], DType::F32).unwrap()).is_err());

    // Of no boxes there is nothing to complain about; odd codes decode as IEEE 754 has it.
    let none = Tensor::zeros([0, 4], DType::F32).unwrap();
    assert_eq!(coder.encode(&none, &none).unwrap().shape()[..], [0, 4]);
    assert_eq!(coder.decode(&codes([0, 8]), &none).unwrap().shape()[..], [0, 2, 4]);
    assert_eq!(v1.encode(&none).unwrap().1.shape()[..], [0, 4]);
    assert_eq!(v2.encode(&none, &none).unwrap().shape()[..], [0, 4]);
    let odd = Var::from(Tensor::new([[0.0f32, f32::NAN, f32::INFINITY, f32::NEG_INFINITY]]).unwrap());
    let decoded = values(coder.decode(&odd, &boxes).unwrap().tensor());
    assert!(decoded[1].is_nan() && decoded[3].is_nan());
    // A width of 4 · 1000 / 16 at most.
    assert!((decoded[0] + 123.0).abs() < 1e-4 && (decoded[2] - 127.0).abs() < 1e-4, "{decoded:?}");
}

/// Boxes of sides from 1 to 40 with middles in a picture of 64 × 64.
fn some_boxes() -> impl Strategy<Value = Tensor> {
    prop::collection::vec((0.5f64..63.5, 0.5f64..63.5, 1.0f64..40.0, 1.0f64..40.0), 1..10).prop_map(|boxes| {
        let count = boxes.len();
        let corners = boxes.into_iter().flat_map(|(x, y, w, h)| [x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0]);
        Tensor::from_vec(corners.collect(), [count, 4]).unwrap()
    })
}

proptest! {
    #[test]
    fn decoding_undoes_encoding(boxes in some_boxes(), others in some_boxes()) {
        let close = |back: &Tensor, boxes: &Tensor| back.allclose(boxes, 1e-9, 1e-6).unwrap();
        let count = boxes.shape()[0].min(others.shape()[0]);
        let (a, b) = (boxes.narrow(0, 0, count).unwrap(), others.narrow(0, 0, count).unwrap());
        for coder in [BoxCoder::new([10.0, 10.0, 5.0, 5.0]).unwrap(), BoxCoder::with_variances([0.1; 4]).unwrap()] {
            let codes = coder.encode(&a, &b).unwrap();
            let back = coder.decode(&Var::from(codes), &b).unwrap().tensor().squeeze(1).unwrap();
            prop_assert!(close(&back, &a));
        }
        let v1 = YoloV1Coder::new([7, 5], [64, 64]).unwrap();
        let (cells, codes) = v1.encode(&boxes).unwrap();
        prop_assert!(values(&codes).iter().all(|code| (0.0..=1.0).contains(code)));
        prop_assert!(close(v1.decode(&Var::from(codes), &cells).unwrap().tensor(), &boxes));
        // Each in the cell of its middle, of 16 pixels; v1 finds the cells.
        let (cells, _) = YoloV1Coder::new([4, 4], [64, 64]).unwrap().encode(&boxes).unwrap();
        let priors = YoloPriors::new(&[vec![[10.0, 14.0]]]).unwrap().generate([64, 64], &[[4, 4]]).unwrap();
        let priors = priors.to_dtype(DType::F64).unwrap().index_select(0, &cells).unwrap();
        let v2 = YoloV2Coder::new([16.0, 16.0]).unwrap();
        let codes = v2.encode(&boxes, &priors).unwrap();
        let back = v2.decode(&Var::from(codes), &priors).unwrap();
        prop_assert!(back.tensor().allclose(&boxes, 1e-9, 2e-5).unwrap());
    }
}
