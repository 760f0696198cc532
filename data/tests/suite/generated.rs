//! Generated points beside scikit-learn's definitions, and their statistics.

use ocelli_data::generated::{
    Blobs, Centers, Circles, Classification, Moons, Regression, make_blobs, make_circles, make_classification,
    make_moons, make_regression,
};
use ocelli_data::{Error, TensorDataset};
use ocelli_tensor::safetensors;

/// Rows of inputs with their targets.
fn rows(data: &TensorDataset) -> Vec<(Vec<f64>, i64)> {
    let features = data.inputs().shape()[1];
    let inputs: Vec<f32> = data.inputs().to_vec().unwrap();
    let targets: Vec<i64> = data.targets().to_vec().unwrap();
    let row = |i: usize| inputs[i * features..][..features].iter().map(|&x| f64::from(x)).collect();
    targets.into_iter().enumerate().map(|(i, target)| (row(i), target)).collect()
}

fn mean_and_deviation(numbers: &[f64]) -> (f64, f64) {
    let count = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    (mean, (numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt())
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let ((mean_a, dev_a), (mean_b, dev_b)) = (mean_and_deviation(a), mean_and_deviation(b));
    a.iter().zip(b).map(|(x, y)| (x - mean_a) * (y - mean_b)).sum::<f64>() / (a.len() as f64 * dev_a * dev_b)
}

fn column(rows: &[(Vec<f64>, i64)], feature: usize) -> Vec<f64> {
    rows.iter().map(|(row, _)| row[feature]).collect()
}

#[test]
fn circles_and_moons_are_scikit_learns() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/generated.safetensors");
    let fixture = safetensors::load(path).unwrap();
    let numbers = |name: &str| fixture[name].to_vec::<f64>().unwrap();
    let check = |name: &str, data: TensorDataset| {
        let expected = numbers(&format!("{name}.x"));
        let received: Vec<f32> = data.inputs().to_vec().unwrap();
        assert_eq!(expected.len(), received.len(), "{name}");
        // Half a unit in the last place of a float near 1, and the rounding of angles.
        assert!(expected.iter().zip(received).all(|(x, y)| (x - f64::from(y)).abs() < 1e-7), "{name}");
        let labels = fixture[&format!("{name}.y")].to_vec::<i64>().unwrap();
        assert_eq!(data.targets().to_vec::<i64>().unwrap(), labels, "{name}");
    };
    for (i, samples) in [[7, 5], [50, 50], [1, 0], [0, 3]].into_iter().enumerate() {
        let factor = numbers(&format!("circles.{i}.factor"))[0];
        let settings = Circles { samples, factor, shuffle: false, ..Circles::default() };
        check(&format!("circles.{i}"), make_circles(&settings).unwrap());
    }
    for (i, samples) in [[7, 5], [50, 50], [1, 0], [0, 3], [2, 1]].into_iter().enumerate() {
        let settings = Moons { samples, shuffle: false, ..Moons::default() };
        check(&format!("moons.{i}"), make_moons(&settings).unwrap());
    }
}

#[test]
fn noise_and_order_change_nothing_else() {
    let exact = Moons { samples: [3000, 2000], shuffle: false, ..Moons::default() };
    let noisy = Moons { noise: 0.25, seed: 4, ..exact };
    let (exact, still) = (rows(&make_moons(&exact).unwrap()), rows(&make_moons(&noisy).unwrap()));
    for feature in 0..2 {
        let off: Vec<f64> =
            column(&still, feature).iter().zip(column(&exact, feature)).map(|(noisy, exact)| noisy - exact).collect();
        let (mean, deviation) = mean_and_deviation(&off);
        // Deviations 0.0035 and 0.0025.
        assert!(mean.abs() < 0.015 && (deviation - 0.25).abs() < 0.01, "{mean} {deviation}");
    }
    let mixed = rows(&make_moons(&Moons { shuffle: true, ..noisy }).unwrap());
    assert_ne!(mixed, still);
    let sorted = |mut rows: Vec<(Vec<f64>, i64)>| {
        rows.sort_by(|a, b| a.0.partial_cmp(&b.0).unwrap());
        rows
    };
    assert_eq!(sorted(mixed), sorted(still.clone()));
    assert_ne!(rows(&make_moons(&Moons { seed: 5, ..noisy }).unwrap()), still);
}

#[test]
fn blobs_lie_around_their_centers() {
    let centers = vec![vec![-3.0, 0.0, 8.0], vec![5.0, 5.0, 5.0]];
    let settings = Blobs {
        samples: 4001,
        features: 3,
        centers: Centers::At(centers.clone()),
        cluster_std: vec![0.5, 2.0],
        ..Blobs::default()
    };
    let data = rows(&make_blobs(&settings).unwrap());
    for (class, count) in [2001, 2000].into_iter().enumerate() {
        let cloud: Vec<_> = data.iter().filter(|(_, label)| *label == class as i64).cloned().collect();
        assert_eq!(cloud.len(), count);
        for (feature, center) in centers[class].iter().enumerate() {
            let (mean, deviation) = mean_and_deviation(&column(&cloud, feature));
            let expected = [0.5, 2.0][class];
            // Deviations are those of a mean and of a deviation of 2,000 numbers; four of them.
            assert!((mean - center).abs() < expected * 0.09, "{mean}");
            assert!((deviation - expected).abs() < expected * 0.065, "{deviation}");
        }
    }
    // In random order.
    assert!(data.windows(2).filter(|pair| pair[0].1 != pair[1].1).count() > 1800);
    let random = Blobs { centers: Centers::Random(500), center_box: [2.0, 6.0], seed: 1, ..settings.clone() };
    assert!(make_blobs(&random).is_err(), "two deviations for 500 centers");
    let places = random.centers().unwrap();
    assert_eq!((places.len(), places[0].len()), (500, 3));
    let (mean, deviation) = mean_and_deviation(&places.concat());
    assert!((mean - 4.0).abs() < 0.12 && (deviation - 4.0 / 12f64.sqrt()).abs() < 0.05, "{mean} {deviation}");
    // The centres are those of which the points are made.
    let at_centers = Blobs { cluster_std: vec![0.0], samples: 500, shuffle: false, ..random };
    for ((row, label), place) in rows(&make_blobs(&at_centers).unwrap()).iter().zip(&places) {
        assert_eq!(places[*label as usize], *place);
        assert!(row.iter().zip(place).all(|(x, y)| (x - y).abs() < 1e-6));
    }
}

#[test]
fn regression_is_linear_in_its_features() {
    for (targets, shuffle, effective_rank) in [(1, true, None), (3, true, None), (3, false, Some(4))] {
        let settings = Regression {
            samples: 400,
            features: 12,
            informative: 5,
            targets,
            bias: -7.0,
            effective_rank,
            tail_strength: 0.1,
            shuffle,
            seed: 9,
            ..Regression::default()
        };
        let data = make_regression(&settings).unwrap();
        let weights: Vec<f64> = settings.coefficients().unwrap().to_vec().unwrap();
        assert_eq!(weights.iter().filter(|&&weight| weight > 0.0 && weight <= 100.0).count(), 5 * targets);
        assert_eq!(weights.iter().filter(|&&weight| weight == 0.0).count(), 7 * targets);
        assert_eq!(weights[..5 * targets].iter().all(|&weight| weight > 0.0), !shuffle);
        let shape: &[usize] = if targets == 1 { &[400] } else { &[400, 3] };
        assert_eq!(&data.targets().shape()[..], shape);
        let inputs: Vec<f32> = data.inputs().to_vec().unwrap();
        let values: Vec<f32> = data.targets().to_vec().unwrap();
        for sample in 0..400 {
            for target in 0..targets {
                let row = &inputs[sample * 12..][..12];
                let sum: f64 = row.iter().enumerate().map(|(f, &x)| f64::from(x) * weights[f * targets + target]).sum();
                let value = f64::from(values[sample * targets + target]);
                assert!((sum - 7.0 - value).abs() < 1e-4 * (1.0 + value.abs()), "{sum} {value}");
            }
        }
        let (mean, deviation) = mean_and_deviation(&inputs.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
        if effective_rank.is_none() {
            assert!(mean.abs() < 0.06 && (deviation - 1.0).abs() < 0.045, "{mean} {deviation}");
        } else {
            // The squares of all numbers add up to those of the singular values.
            let squares: f64 = (0..12)
                .map(|i| {
                    let place = f64::from(i) / 4.0;
                    (0.9 * (-place * place).exp() + 0.1 * (-0.1 * place).exp()).powi(2)
                })
                .sum();
            let sum: f64 = inputs.iter().map(|&x| f64::from(x).powi(2)).sum();
            assert!((sum - squares).abs() < 1e-4, "{sum} {squares}");
        }
        let noisy = make_regression(&Regression { noise: 3.0, ..settings }).unwrap();
        let noisy: Vec<f32> = noisy.targets().to_vec().unwrap();
        let off: Vec<f64> = noisy.iter().zip(&values).map(|(a, b)| f64::from(a - b)).collect();
        let (mean, deviation) = mean_and_deviation(&off);
        assert!(mean.abs() < 0.6 && (deviation - 3.0).abs() < 0.45, "{mean} {deviation}");
    }
}

#[test]
fn classification_has_the_features_that_it_names() {
    let settings = Classification {
        samples: 2000,
        features: 9,
        informative: 3,
        redundant: 2,
        repeated: 2,
        classes: 3,
        weights: Some(vec![0.5, 0.3]),
        flip_y: 0.0,
        class_sep: 20.0,
        shuffle: false,
        ..Classification::default()
    };
    let data = rows(&make_classification(&settings).unwrap());
    let count = |data: &[(Vec<f64>, i64)], class| data.iter().filter(|(_, label)| *label == class).count();
    // As scikit-learn cuts them: 1 - 0.5 - 0.3 is a little less than 0.2, and what is lacking goes to the first two clusters.
    assert_eq!([0, 1, 2].map(|class| count(&data, class)), [1001, 601, 398]);
    // Far from each other, clouds keep to their corners, and no corner has two classes.
    let mut corners = std::collections::BTreeMap::new();
    for (row, label) in &data {
        let corner: Vec<bool> = row[..3].iter().map(|&x| x > 0.0).collect();
        assert!(row[..3].iter().all(|x| (x.abs() - 20.0).abs() < 12.0), "{row:?}");
        assert_eq!(*corners.entry(corner).or_insert(*label), *label);
    }
    assert_eq!(corners.len(), 6);
    // Repeated features are copies; noise has nothing to do with any other.
    for repeated in 5..7 {
        let copy = column(&data, repeated);
        assert!((0..5).any(|feature| column(&data, feature) == copy));
    }
    for noise in 7..9 {
        let (mean, deviation) = mean_and_deviation(&column(&data, noise));
        assert!(mean.abs() < 0.1 && (deviation - 1.0).abs() < 0.07, "{mean} {deviation}");
        for feature in 0..7 {
            assert!(correlation(&column(&data, feature), &column(&data, noise)).abs() < 0.1);
        }
    }
    // Redundant features are linear combinations of three: they follow from them by Cramer's rule on three other samples.
    let solve = |m: [[f64; 3]; 3], v: [f64; 3]| {
        let det = |m: [[f64; 3]; 3]| {
            m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
                + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
        };
        let whole = det(m);
        [0, 1, 2].map(|column| {
            let mut other = m;
            (0..3).for_each(|row| other[row][column] = v[row]);
            det(other) / whole
        })
    };
    // One sample of each of three clusters.
    let base = [0, 600, 900].map(|i| &data[i].0);
    for redundant in 3..5 {
        let weights = solve(base.map(|row| [row[0], row[1], row[2]]), base.map(|row| row[redundant]));
        assert!(weights.iter().all(|weight| weight.abs() < 1.01), "{weights:?}");
        for (row, _) in &data {
            let sum: f64 = (0..3).map(|i| weights[i] * row[i]).sum();
            assert!((sum - row[redundant]).abs() < 1e-2, "{sum} {}", row[redundant]);
        }
    }
    // A tenth of the labels is drawn anew, and two thirds of those change.
    let flipped = rows(&make_classification(&Classification { flip_y: 0.1, ..settings.clone() }).unwrap());
    let changed = flipped.iter().zip(&data).filter(|(a, b)| a.1 != b.1).count();
    assert!((90..180).contains(&changed), "{changed}");
    assert!(flipped.iter().zip(&data).all(|(a, b)| a.0 == b.0));
    // Shift and scale.
    let moved = Classification { shift: Some(1.5), scale: Some(-2.0), ..settings.clone() };
    for (moved, row) in rows(&make_classification(&moved).unwrap()).iter().zip(&data) {
        assert!(moved.0.iter().zip(&row.0).all(|(y, x)| (y - (x + 1.5) * -2.0).abs() < 1e-4));
    }
    let random = Classification { shift: None, scale: None, ..settings.clone() };
    for feature in 7..9 {
        let (mean, deviation) = mean_and_deviation(&column(&rows(&make_classification(&random).unwrap()), feature));
        assert!((0.9..109.0).contains(&deviation) && (mean / deviation).abs() < 20.2, "{mean} {deviation}");
    }
    let polytope = rows(&make_classification(&Classification { hypercube: false, ..settings }).unwrap());
    assert!(polytope.iter().any(|(row, _)| row[..3].iter().all(|x| x.abs() < 12.0)));
}

#[test]
fn every_corner_of_a_cube_can_be_a_cluster() {
    let settings = Classification {
        samples: 320,
        features: 5,
        informative: 5,
        redundant: 0,
        classes: 16,
        class_sep: 100.0,
        flip_y: -1.0,
        ..Classification::default()
    };
    let data = rows(&make_classification(&settings).unwrap());
    let corners: std::collections::BTreeSet<Vec<bool>> =
        data.iter().map(|(row, _)| row.iter().map(|&x| x > 0.0).collect()).collect();
    assert_eq!(corners.len(), 32);
    // More dimensions than a number has bits.
    let wide = Classification { features: 100, informative: 90, ..settings };
    assert_eq!(make_classification(&wide).unwrap().inputs().shape()[..], [320, 100]);
}

#[test]
fn wrong_settings_are_refused() {
    let text = |result: Result<TensorDataset, Error>| {
        let text = result.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(text.contains("expected") && text.contains("received"), "{text:?}");
    };
    text(make_circles(&Circles { factor: 1.0, ..Circles::default() }));
    text(make_circles(&Circles { noise: -0.1, ..Circles::default() }));
    text(make_moons(&Moons { noise: f64::NAN, ..Moons::default() }));
    assert!(make_moons(&Moons { samples: [usize::MAX, 1], ..Moons::default() }).is_err());
    text(make_blobs(&Blobs { centers: Centers::Random(0), ..Blobs::default() }));
    text(make_blobs(&Blobs { centers: Centers::At(vec![vec![1.0]]), ..Blobs::default() }));
    text(make_blobs(&Blobs { cluster_std: vec![], ..Blobs::default() }));
    text(make_blobs(&Blobs { center_box: [1.0, 0.0], ..Blobs::default() }));
    assert!(make_blobs(&Blobs { centers: Centers::Random(usize::MAX), ..Blobs::default() }).is_err());
    text(make_regression(&Regression { noise: -1.0, ..Regression::default() }));
    text(make_regression(&Regression { bias: f64::INFINITY, ..Regression::default() }));
    text(make_regression(&Regression { effective_rank: Some(0), ..Regression::default() }));
    assert!(make_regression(&Regression { samples: usize::MAX, ..Regression::default() }).is_err());
    let classification = Classification::default;
    text(make_classification(&Classification { features: 3, ..classification() }));
    text(make_classification(&Classification { classes: 3, ..classification() }));
    text(make_classification(&Classification { classes: 0, ..classification() }));
    text(make_classification(&Classification {
        informative: 0,
        classes: 1,
        clusters_per_class: 1,
        ..classification()
    }));
    text(make_classification(&Classification { weights: Some(vec![0.6, 0.6]), ..classification() }));
    text(make_classification(&Classification { weights: Some(vec![0.2; 3]), ..classification() }));
    text(make_classification(&Classification { flip_y: f64::NAN, ..classification() }));
    text(make_classification(&Classification { class_sep: -1.0, ..classification() }));
    assert!(make_blobs(&Blobs { samples: 0, ..Blobs::default() }).is_ok_and(|data| data.targets().numel() == 0));
}
