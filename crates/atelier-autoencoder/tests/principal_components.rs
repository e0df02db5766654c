//! Principal components against their definition and against linfa's.

use atelier_autoencoder::pca::{Moments, Pca};
use linfa::DatasetBase;
use linfa::traits::{Fit as _, Predict as _};
use linfa_reduction::Pca as Linfa;
use ndarray::{Array1, Array2, s};

/// Examples with a different spread in every direction, none of them along a feature.
fn examples(n: usize, features: usize) -> Array2<f32> {
    Array2::from_shape_fn((n, features), |(row, feature)| {
        let (row, feature) = (row as f32, feature as f32);
        let waves = (1..=features).map(|k| {
            let k = k as f32;
            (row * k * 1.37 + k * k).sin() * (feature * k * 0.61 + k).cos() / k
        });
        0.3 + 0.1 * waves.sum::<f32>()
    })
}

fn fit(examples: &Array2<f32>, components: usize) -> Pca {
    let mut moments = Moments::new(examples.ncols());
    moments.add(examples.view()).unwrap();
    moments.principal_components(components).unwrap()
}

#[test]
fn directions_are_orthonormal_and_variances_fall_and_add_up() {
    let examples = examples(300, 12);
    let pca = fit(&examples, 12);
    let identity = pca.directions.dot(&pca.directions.t());
    for ((i, j), value) in identity.indexed_iter() {
        assert!((value - f64::from(u8::from(i == j))).abs() < 1e-10, "({i}, {j}): {value}");
    }
    assert!(pca.variances.windows(2).into_iter().all(|pair| pair[0] >= pair[1]));
    assert!((pca.variances.sum() / pca.total_variance - 1.0).abs() < 1e-10);
}

#[test]
fn the_error_of_the_reconstruction_is_the_variance_that_was_left_out() {
    let examples = examples(300, 12);
    for components in [1, 3, 12] {
        let pca = fit(&examples, components);
        let left = pca.total_variance - pca.variances.sum();
        let error = pca.squared_error(examples.view()).unwrap() / 300.0;
        assert!((error - left).abs() < 1e-9, "{components}: {error} is not {left}");
    }
}

#[test]
fn examples_in_batches_give_the_components_of_all() {
    let examples = examples(300, 12);
    let mut moments = Moments::new(12);
    for start in (0..300).step_by(64) {
        moments.add(examples.slice(s![start..(start + 64).min(300), ..])).unwrap();
    }
    let (batches, whole) = (moments.principal_components(4).unwrap(), fit(&examples, 4));
    let apart = (&batches.directions - &whole.directions).mapv(f64::abs);
    assert!(apart.iter().all(|&difference| difference < 1e-9), "{apart}");
}

#[test]
fn linfa_finds_the_same_subspace_and_error() {
    let examples = examples(400, 20);
    let wide = examples.mapv(f64::from);
    let ours = fit(&examples, 5);
    let theirs = Linfa::params(5).fit(&DatasetBase::from(wide.clone())).unwrap();
    let codes: Array2<f64> = theirs.predict(&wide);
    let restored = theirs.inverse_transform(codes);
    let error: f64 = (&wide - &restored).iter().map(|difference| difference.powi(2)).sum();
    let found = ours.squared_error(examples.view()).unwrap();
    assert!((found / error - 1.0).abs() < 1e-6, "{found} is not {error}");
    // Each of their directions lies in the span of ours.
    for theirs in theirs.components().rows() {
        let inside = ours.directions.dot(&theirs);
        assert!((inside.dot(&inside) / theirs.dot(&theirs) - 1.0).abs() < 1e-6);
    }
}

#[test]
fn coordinates_of_the_mean_are_zero_and_restore_it() {
    let examples = examples(50, 6);
    let pca = fit(&examples, 2);
    let restored = pca.restore(&Array2::zeros((1, 2))).unwrap();
    let apart: Array1<f64> =
        &restored.row(0) - &examples.mapv(f64::from).mean_axis(ndarray::Axis(0)).unwrap();
    assert!(apart.iter().all(|difference| difference.abs() < 1e-9));
}

#[test]
fn what_cannot_be_decomposed_is_refused() {
    let one = examples(3, 4);
    let mut moments = Moments::new(4);
    let message = moments.principal_components(2).unwrap_err().to_string();
    assert!(message.contains("found none"), "{message}");
    moments.add(one.view()).unwrap();
    for components in [0, 5] {
        let message = moments.principal_components(components).unwrap_err().to_string();
        assert!(message.contains("from 1 to 4"), "{message}");
    }
    assert!(moments.add(examples(3, 5).view()).is_err());
    moments.add(Array2::from_elem((1, 4), f32::INFINITY).view()).unwrap();
    assert!(moments.principal_components(2).unwrap_err().to_string().contains("finite"));
}

#[test]
fn examples_without_variance_are_their_mean() {
    let pca = fit(&Array2::from_elem((5, 3), 0.25), 1);
    assert!(pca.squared_error(Array2::from_elem((2, 3), 0.25).view()).unwrap() < 1e-20);
}

#[test]
fn few_examples_have_the_same_components_by_their_products_with_each_other() {
    // More features than fit into a block.
    let examples = Array2::from_shape_fn((20, 300), |(row, feature)| {
        let (row, feature) = (row as f32, feature as f32);
        let waves = (1..=20_u8)
            .map(f32::from)
            .map(|k| (row * k * 1.37 + k * k).sin() * (feature * k * 0.061 + k).cos() / k);
        0.3 + 0.1 * waves.sum::<f32>()
    });
    let (by_features, by_examples) =
        (fit(&examples, 12), Pca::of_few(examples.view(), 12).unwrap());
    assert!((by_features.total_variance / by_examples.total_variance - 1.0).abs() < 1e-9);
    let close = |a: &Array1<f64>, b: &Array1<f64>, least: f64| {
        a.iter().zip(b).all(|(a, b)| (a - b).abs() < least)
    };
    assert!(close(&by_features.mean, &by_examples.mean, 1e-12));
    assert!(close(&by_features.variances, &by_examples.variances, 1e-12));
    for (a, b) in by_features.directions.rows().into_iter().zip(by_examples.directions.rows()) {
        assert!((a.dot(&b) - 1.0).abs() < 1e-8, "{}", a.dot(&b));
    }
    let others = examples.mapv(|value| value * value);
    let [a, b] = [by_features, by_examples].map(|pca| pca.squared_error(others.view()).unwrap());
    assert!((a / b - 1.0).abs() < 1e-8, "{a} is not {b}");
}

#[test]
fn few_examples_have_no_more_components_than_directions_that_they_vary_in() {
    let examples = examples(5, 40);
    let pca = Pca::of_few(examples.view(), 12).unwrap();
    assert_eq!(pca.directions.dim(), (4, 40));
    assert!(pca.squared_error(examples.view()).unwrap() < 1e-10);
    let identity = pca.directions.dot(&pca.directions.t());
    for ((i, j), value) in identity.indexed_iter() {
        assert!((value - f64::from(u8::from(i == j))).abs() < 1e-8, "({i}, {j}): {value}");
    }
    let alike = Array2::from_elem((5, 40), 0.25);
    let pca = Pca::of_few(alike.view(), 12).unwrap();
    assert_eq!(pca.directions.dim(), (1, 40));
    assert!(pca.squared_error(alike.view()).unwrap() < 1e-20);
    let message =
        |examples: &Array2<f32>, n| Pca::of_few(examples.view(), n).unwrap_err().to_string();
    assert!(message(&alike, 41).contains("from 1 to 40"));
    assert!(message(&Array2::zeros((0, 40)), 1).contains("found none"));
    assert!(message(&Array2::from_elem((2, 40), f32::NAN), 1).contains("finite"));
}
