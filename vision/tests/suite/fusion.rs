//! Fused boxes against `ensemble-boxes` (`fixtures/suppression.py`).

use crate::common::{assert_close, fixture, values};
use ocelli_tensor::{DType, Tensor};
use ocelli_vision::ops::{Detections, FusedScore, FusionOptions, weighted_boxes_fusion};

#[test]
fn fused_boxes_are_those_of_ensemble_boxes() {
    let fixture = fixture("suppression");
    let models: Vec<Detections> = (0..3)
        .map(|k| {
            let [boxes, scores, labels] =
                ["boxes", "scores", "labels"].map(|key| fixture[&format!("fusion.{k}.{key}")].clone());
            Detections { boxes, scores, labels }
        })
        .collect();
    let weighted = |score| FusionOptions { weights: vec![2.0, 1.0, 0.5], score, ..FusionOptions::default() };
    let cases = [
        ("avg", FusionOptions::default()),
        ("overflow", FusionOptions { allow_overflow: true, iou_threshold: 0.4, ..FusionOptions::default() }),
        ("weighted", FusionOptions { skip_threshold: 0.2, ..weighted(FusedScore::Average) }),
        ("max", weighted(FusedScore::Max)),
        ("box_and_model_avg", weighted(FusedScore::BoxAndModelAverage)),
        ("absent_model_aware_avg", weighted(FusedScore::AbsentModelAwareAverage)),
    ];
    for (key, options) in cases {
        let fused = weighted_boxes_fusion(&models, &options).unwrap();
        let get = |what: &str| &fixture[&format!("fusion.{key}.{what}")];
        // The package adds up in f32.
        assert_close(&fused.scores, get("scores"), 1e-6, 0.0, key);
        assert_close(&fused.boxes, get("boxes"), 1e-6, 1e-6, key);
        assert_eq!(values(&fused.labels), values(get("labels")), "{key}");
    }
    let empty = Detections {
        boxes: Tensor::zeros([0, 4], DType::F32).unwrap(),
        scores: Tensor::zeros([0], DType::F16).unwrap(),
        labels: Tensor::zeros([0], DType::I32).unwrap(),
    };
    let fused = weighted_boxes_fusion(&[empty.clone(), empty.clone()], &FusionOptions::default()).unwrap();
    assert_eq!((fused.boxes.shape()[..].to_vec(), fused.scores.dtype()), (vec![0, 4], DType::F16));
    let error = |models: &[Detections], options: FusionOptions| {
        weighted_boxes_fusion(models, &options).unwrap_err().to_string()
    };
    assert!(error(&[], FusionOptions::default()).ends_with("received none"));
    let one = [empty];
    assert!(error(&one, weighted(FusedScore::Max)).ends_with("a weight for each of 1 models, received 3"));
    let zero = FusionOptions { weights: vec![0.0], ..FusionOptions::default() };
    assert!(error(&one, zero).ends_with("received 0"));
    let negative = Detections { scores: Tensor::new([-0.5f32]).unwrap(), ..models[0].clone() };
    assert!(error(&[negative], FusionOptions::default()).contains("shape [40]"));
}
