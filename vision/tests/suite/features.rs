//! Integral images, histograms of gradients and support vector machines against scikit-image, scikit-learn and NumPy
//! (`fixtures/classical.py`), and what they are for: telling digits apart.

use crate::common::{assert_close, fixture, scattered, turned, values};
use ocelli_data::{Dataset, mnist};
use ocelli_tensor::{DType, Generator, Tensor, num_threads, set_num_threads};
use ocelli_vision::features::{
    BlockNorm, ClassWeight, Hog, LinearClassifier, LinearSvm, SvmLoss, Votes, box_sums, integral_image,
};
use proptest::prelude::*;

#[test]
fn histograms_of_gradients_are_scikit_images() {
    let fixture = fixture("classical");
    let picture = &fixture["hog.picture"];
    // The same picture with rows and columns in another memory order.
    let other_order = turned(picture);
    let norms = [BlockNorm::L1, BlockNorm::L1Sqrt, BlockNorm::L2, BlockNorm::L2Hys];
    for (name, block_norm) in ["L1", "L1-sqrt", "L2", "L2-Hys"].into_iter().zip(norms) {
        let hog = Hog { block_norm, ..Hog::default() };
        let expected = fixture[&format!("hog.{name}")].to_dtype(DType::F32).unwrap();
        for picture in [picture, &other_order, &picture.to_dtype(DType::F64).unwrap()] {
            assert_close(&hog.features(picture).unwrap(), &expected, 1e-5, 2e-6, name);
        }
    }
    let other = Hog {
        orientations: 7,
        pixels_per_cell: [6, 9],
        cells_per_block: [2, 1],
        transform_sqrt: true,
        ..Hog::default()
    };
    let expected = fixture["hog.other"].to_dtype(DType::F32).unwrap();
    assert_close(&other.features(&picture.select(0, 0).unwrap()).unwrap(), &expected, 1e-5, 2e-6, "other");
}

#[test]
fn trilinear_votes_follow_their_definition() {
    let fixture = fixture("classical");
    let hog = Hog { votes: Votes::Trilinear, cells_per_block: [2, 2], ..Hog::default() };
    let signed = Hog {
        orientations: 12,
        signed: true,
        pixels_per_cell: [6, 6],
        cells_per_block: [3, 3],
        votes: Votes::Trilinear,
        ..Hog::default()
    };
    for (hog, key) in [(hog, "hog.trilinear"), (signed, "hog.trilinear.signed")] {
        let expected = fixture[key].to_dtype(DType::F32).unwrap();
        let found = hog.features(&fixture["hog.picture"]).unwrap();
        assert_close(&found, &expected, 1e-4, 1e-5, key);
        // Many pictures at once are the same numbers, row by row.
        let pictures = Tensor::stack(&[&fixture["hog.picture"], &fixture["hog.picture"].flip(0).unwrap()], 0).unwrap();
        let rows = hog.descriptors(&pictures).unwrap();
        assert_eq!(values(&rows.select(0, 0).unwrap()), values(&found));
        assert_eq!(rows.shape()[..], [2, found.numel()]);
    }
}

#[test]
fn what_cannot_be_described_is_refused() {
    let text = |result: ocelli_vision::Result<Tensor>| result.unwrap_err().to_string();
    let hog = Hog::default();
    let small = text(hog.features(&Tensor::zeros([23, 24], DType::U8).unwrap()));
    assert!(small.ends_with("expected a picture of at least [3, 3] cells of [8, 8] pixels, received [23, 24] pixels"));
    let nan = Tensor::full([32, 32], f32::NAN, DType::F32).unwrap();
    assert!(text(hog.features(&nan)).ends_with("expected a picture of finite numbers, received NaN"));
    let batch = nan.unsqueeze(0).unwrap().unsqueeze(0).unwrap();
    assert!(text(hog.descriptors(&batch)).contains("finite"));
    assert!(hog.descriptors(&nan).is_err());
    assert!(hog.features(&Tensor::zeros([2, 32, 32], DType::U8).unwrap()).is_err());
    let negative = Tensor::full([32, 32], -1.0f32, DType::F32).unwrap();
    assert!(text(Hog::dalal_triggs().features(&negative)).ends_with("received -1"));
    for broken in [
        Hog { orientations: 0, ..hog.clone() },
        Hog { orientations: usize::MAX, ..hog.clone() },
        Hog { pixels_per_cell: [0, 8], ..hog.clone() },
        Hog { cells_per_block: [3, 0], ..hog.clone() },
        Hog { cells_per_block: [usize::MAX, 3], ..hog.clone() },
    ] {
        assert!(broken.features(&negative).is_err(), "{broken:?}");
    }
    // A flat picture has no direction, and no NaN.
    let flat = hog.features(&Tensor::ones([32, 32], DType::F32).unwrap()).unwrap();
    assert!(values(&flat).iter().all(|&x| x == 0.0));
    let none = hog.descriptors(&Tensor::zeros([0, 1, 32, 32], DType::U8).unwrap()).unwrap();
    assert_eq!(none.shape()[..], [0, 324]);
}

/// `½‖w‖² + C Σ loss`, of the problem of one class; the bias is a weight too.
fn objective(w: &[f64], b: f64, x: &[f64], signs: &[f64], costs: &[f64], loss: SvmLoss) -> f64 {
    let mut sum = 0.5 * (w.iter().map(|w| w * w).sum::<f64>() + b * b);
    for ((row, sign), cost) in x.chunks_exact(w.len()).zip(signs).zip(costs) {
        let margin = sign * (row.iter().zip(w).map(|(x, w)| x * w).sum::<f64>() + b);
        let short = (1.0 - margin).max(0.0);
        sum += cost * if loss == SvmLoss::Hinge { short } else { short * short };
    }
    sum
}

#[test]
fn support_vector_machines_are_scikit_learns() {
    let fixture = fixture("classical");
    for (name, classes) in [("two", 2usize), ("four", 4)] {
        let (x, labels) = (&fixture[&format!("svm.{name}.x")], &fixture[&format!("svm.{name}.labels")]);
        for (loss, key) in [(SvmLoss::Hinge, "hinge"), (SvmLoss::SquaredHinge, "squared_hinge")] {
            for (class_weight, weight_key) in [(ClassWeight::Equal, "None"), (ClassWeight::Balanced, "balanced")] {
                let svm = LinearSvm {
                    c: 0.5,
                    loss,
                    class_weight: class_weight.clone(),
                    tolerance: 1e-8,
                    max_iterations: 1_000_000,
                    ..LinearSvm::default()
                };
                let found = svm.fit(x, labels).unwrap();
                assert!(found.converged());
                let get = |what: &str| &fixture[&format!("svm.{name}.{key}.{weight_key}.{what}")];
                let names = format!("{name} {key} {weight_key}");
                assert_close(found.weight(), get("weight"), 1e-5, 1e-5, &names);
                assert_close(found.bias(), get("bias"), 1e-5, 1e-5, &names);
                let again = svm.fit(&scattered(x), &labels.to_dtype(DType::I32).unwrap()).unwrap();
                assert_eq!(values(again.weight()), values(found.weight()));

                // No worse than scikit-learn's solution, by the sum that both minimize.
                let all = values(labels);
                let share = |class: f64| all.iter().filter(|&&label| label == class).count() as f64;
                for (row, &class) in found.classes()[usize::from(classes == 2)..].iter().enumerate() {
                    let signs: Vec<f64> = all.iter().map(|&l| if l == class as f64 { 1.0 } else { -1.0 }).collect();
                    let weight = |&label: &f64| match class_weight {
                        ClassWeight::Balanced if classes == 2 || label == class as f64 => {
                            0.5 * 150.0 / (classes as f64 * share(label))
                        }
                        _ => 0.5,
                    };
                    let costs: Vec<f64> = all.iter().map(weight).collect();
                    let of = |weight: &Tensor, bias: &Tensor| {
                        let w = values(&weight.select(0, row as isize).unwrap());
                        objective(&w, values(bias)[row], &values(x), &signs, &costs, loss)
                    };
                    let (ours, theirs) = (of(found.weight(), found.bias()), of(get("weight"), get("bias")));
                    assert!((ours - theirs).abs() <= 1e-6 * theirs, "{names}: {ours} beside {theirs}");
                }
            }
        }
    }
}

#[test]
fn classifiers_come_back_from_their_weights() {
    let fixture = fixture("classical");
    let (x, labels) = (&fixture["svm.four.x"], &fixture["svm.four.labels"]);
    let narrow = x.to_dtype(DType::F32).unwrap();
    let threads = num_threads();
    set_num_threads(1).unwrap();
    let one = LinearSvm::default().fit(&narrow, labels).unwrap();
    set_num_threads(3).unwrap();
    let found = LinearSvm::default().fit(&narrow, labels).unwrap();
    set_num_threads(threads).unwrap();
    assert_eq!(values(found.weight()), values(one.weight()));
    assert_eq!(found.weight().dtype(), DType::F32);
    assert_eq!(found.iterations().len(), 4);
    let back = LinearClassifier::new(found.weight().clone(), found.bias().clone(), found.classes()).unwrap();
    assert_eq!(values(&back.predict(&narrow).unwrap()), values(&found.predict(&narrow).unwrap()));
    assert!(back.converged() && back.iterations().is_empty());
    let short = LinearClassifier::new(found.weight().clone(), found.bias().clone(), &[0, 1]).unwrap_err();
    assert!(short.to_string().ends_with("expected 4 labels in ascending order, received [0, 1]"));
    assert!(LinearClassifier::new(found.weight().clone(), found.bias().clone(), &[0, 2, 1, 3]).is_err());
    assert!(LinearClassifier::new(found.weight().clone(), x.clone(), found.classes()).is_err());
}

#[test]
fn svms_refuse_what_they_cannot_learn_from() {
    let x = Tensor::new([[0.0f32], [1.0], [2.0]]).unwrap();
    let labels = Tensor::new([0i64, 1, 1]).unwrap();
    let svm = LinearSvm::default();
    let text = |x: &Tensor, labels: &Tensor| svm.fit(x, labels).unwrap_err().to_string();
    assert!(text(&x, &Tensor::new([1i64, 1, 1]).unwrap()).ends_with("at least two classes, received 1"));
    assert!(text(&x, &Tensor::new([1i64, 1]).unwrap()).contains("shape [3], received shape [2]"));
    assert!(text(&x, &x.squeeze(1).unwrap()).contains("integer dtype"));
    let holes = Tensor::new([[0.0f32], [f32::INFINITY], [2.0]]).unwrap();
    assert!(text(&holes, &labels).ends_with("expected finite samples, received inf"));
    assert!(svm.fit(&Tensor::zeros([3, 0], DType::F32).unwrap(), &labels).is_err());
    for broken in [
        LinearSvm { c: 0.0, ..svm.clone() },
        LinearSvm { c: f64::NAN, ..svm.clone() },
        LinearSvm { tolerance: -1.0, ..svm.clone() },
        LinearSvm { max_iterations: 0, ..svm.clone() },
        LinearSvm { intercept_scaling: f64::INFINITY, ..svm.clone() },
        LinearSvm { class_weight: ClassWeight::Each(vec![1.0]), ..svm.clone() },
        LinearSvm { class_weight: ClassWeight::Each(vec![1.0, 0.0]), ..svm.clone() },
    ] {
        assert!(broken.fit(&x, &labels).is_err(), "{broken:?}");
    }
    let few = LinearSvm { max_iterations: 1, tolerance: 1e-12, ..svm.clone() }.fit(&x, &labels).unwrap();
    assert!(!few.converged());
    // Without a bias, of samples that are all 0, nothing is learned and nothing divided by 0.
    for loss in [SvmLoss::Hinge, SvmLoss::SquaredHinge] {
        let zero = LinearSvm { intercept_scaling: 0.0, loss, ..svm.clone() };
        let found = zero.fit(&x.zeros_like().unwrap(), &labels).unwrap();
        assert_eq!(values(found.weight()), [0.0]);
        assert_eq!(values(&found.predict(&x).unwrap()), [0.0; 3]);
    }
    let classifier = svm.fit(&x, &labels).unwrap();
    assert!(classifier.predict(&Tensor::zeros([2, 2], DType::F32).unwrap()).is_err());
}

/// Digits `[N, 1, 28, 28]` and their labels.
fn digits(data: &impl Dataset<Item = (ocelli_data::Image, usize)>, count: usize) -> (Tensor, Tensor) {
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    for i in 0..count {
        let (image, label) = data.get(i).unwrap();
        images.push(image.to_tensor().unwrap());
        labels.push(label as i64);
    }
    let images: Vec<&Tensor> = images.iter().collect();
    (Tensor::stack(&images, 0).unwrap(), Tensor::from_vec(labels, [count]).unwrap())
}

#[test]
fn gradients_and_a_linear_machine_tell_digits_apart() {
    let (train, test) = mnist::embedded().unwrap();
    let ((images, labels), (test_images, test_labels)) = (digits(&train, 4000), digits(&test, 2000));
    let hog = Hog {
        pixels_per_cell: [7, 7],
        cells_per_block: [2, 2],
        votes: Votes::Trilinear,
        signed: true,
        orientations: 12,
        ..Hog::default()
    };
    let classifier = LinearSvm::default().fit(&hog.descriptors(&images).unwrap(), &labels).unwrap();
    assert!(classifier.converged());
    let found = classifier.predict(&hog.descriptors(&test_images).unwrap()).unwrap();
    let right = values(&found).iter().zip(values(&test_labels)).filter(|(a, b)| **a == *b).count();
    assert!(right >= 1940, "expected at least 97 % of 2000 digits, received {right}");
}

#[test]
fn sums_of_boxes_come_from_four_corners() {
    let x = Tensor::rand([2, 5, 7], DType::F32, &mut Generator::new(3)).unwrap();
    let sums = integral_image(&x).unwrap();
    assert_eq!((sums.dtype(), &sums.shape()[..]), (DType::F64, &[2, 6, 8][..]));
    let boxes = Tensor::new([[0i64, 0, 7, 5], [2, 1, 5, 4], [3, 3, 3, 5]]).unwrap();
    let found = box_sums(&sums, &boxes).unwrap();
    assert_eq!(found.shape()[..], [2, 3]);
    let inner = x.narrow(2, 2, 3).unwrap().narrow(1, 1, 3).unwrap();
    let plane = |x: &Tensor, i| values(&x.select(0, i).unwrap()).iter().sum::<f64>();
    for i in 0..2 {
        let expected = [plane(&x, i), plane(&inner, i), 0.0];
        let row = values(&found.select(0, i).unwrap());
        assert!(row.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{row:?} {expected:?}");
    }
    // Nothing is lost, however large the picture: 2³² · 255 is beyond f32 and i32.
    let bright = integral_image(&Tensor::full([1, 70_000], 255u8, DType::U8).unwrap()).unwrap();
    assert_eq!(values(&bright)[2 * 70_001 - 1], 17_850_000.0);
    assert_eq!(integral_image(&Tensor::zeros([0, 3], DType::Bool).unwrap()).unwrap().shape()[..], [1, 4]);

    let text = |boxes: Tensor| box_sums(&sums, &boxes).unwrap_err().to_string();
    let outside = text(Tensor::new([[0i64, 0, 1, 1], [0, 0, 8, 1]]).unwrap());
    assert!(outside.ends_with("in a picture of 5x7, received [0, 0, 8, 1] as box 1"), "{outside}");
    assert!(text(Tensor::new([[3i64, 0, 2, 1]]).unwrap()).contains("x1 <= x2"));
    assert!(text(Tensor::new([[-1i64, 0, 2, 1]]).unwrap()).contains("x1 <= x2"));
    assert!(text(Tensor::new([[0.0f32, 0.0, 2.0, 1.0]]).unwrap()).contains("integer dtype"));
    assert!(text(Tensor::new([0i64, 0, 2, 1]).unwrap()).contains("[N, 4]"));
    assert!(box_sums(&x, &boxes).is_err());
    assert!(integral_image(&Tensor::zeros([3], DType::F32).unwrap()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn histograms_are_bounded_and_mirror(seed in 0u64..1000, bins in 1usize..12) {
        let picture = Tensor::rand([24, 32], DType::F32, &mut Generator::new(seed)).unwrap();
        let hog = Hog { orientations: bins, votes: Votes::Trilinear, cells_per_block: [2, 2], ..Hog::default() };
        let found = hog.features(&picture).unwrap();
        prop_assert!(values(&found).iter().all(|x| (0.0..=1.0).contains(x)));
        // Of the picture from left to right, blocks and cells lie from right to left and directions the other way round.
        let mirrored = hog.features(&picture.flip(1).unwrap()).unwrap().flip([1, 3, 4]).unwrap();
        for (a, b) in values(&found).into_iter().zip(values(&mirrored)) {
            prop_assert!((a - b).abs() < 1e-4, "{} {}", a, b);
        }
    }
}
