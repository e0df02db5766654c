//! Classifiers' exact products with their Hessians.

use atelier_core::{Batch, Mode, Objective, Targets, assign, backward, flatten, seed};
use atelier_models::{Activation, Classifier, ModelConfig};
use candle_core::{Device, Tensor};
use rand::{Rng as _, RngExt as _};

const INPUTS: usize = 12;
const CLASSES: u32 = 4;

/// With label smoothing and dropout, which have no part in the reported loss.
fn classifier(activation: Activation, batch_norm: bool) -> Classifier {
    let hidden = vec![9, 7];
    let config =
        ModelConfig { hidden, activation, batch_norm, dropout: 0.4, ..ModelConfig::default() };
    Classifier::new(INPUTS, CLASSES as usize, &config, 0.1, 3, &Device::Cpu).expect("a classifier")
}

fn batch() -> Batch {
    let mut stream = seed::stream(1, "test", 0, 0);
    let inputs: Vec<f32> = (0..50 * INPUTS).map(|_| stream.random::<f32>()).collect();
    let labels: Vec<u32> = (0..50).map(|_| stream.next_u32() % CLASSES).collect();
    Batch {
        inputs: Tensor::from_vec(inputs, (50, INPUTS), &Device::Cpu).expect("inputs"),
        targets: Targets::Classes(Tensor::new(labels, &Device::Cpu).expect("labels")),
    }
}

fn gradient(classifier: &Classifier, point: &[f32], batch: &Batch) -> Vec<f64> {
    assign(classifier.parameters(), point).expect("assigned");
    let loss = classifier.loss(batch, Mode::Evaluate).expect("a loss").objective;
    let gradients = backward(&loss).expect("gradients");
    let of = |p: &atelier_core::Parameter| {
        p.export(gradients.get(&p.var).expect("takes part")).expect("read")
    };
    classifier.parameters().iter().flat_map(of).map(f64::from).collect()
}

#[test]
fn a_product_is_the_change_of_the_reported_losss_gradient() {
    for activation in [Activation::Tanh, Activation::Gelu, Activation::Silu, Activation::Prelu] {
        let classifier = classifier(activation, false);
        let batch = batch();
        let point = flatten(classifier.parameters()).expect("a point");
        let mut stream = seed::stream(2, "vector", 0, 0);
        let vector: Vec<f32> = point.iter().map(|_| stream.random::<f32>() - 0.5).collect();
        let found = classifier.hessian_product(&vector, &batch).expect("fits").expect("dense");
        let h = 2e-3;
        let moved =
            |by: f32| -> Vec<f32> { point.iter().zip(&vector).map(|(w, v)| w + by * v).collect() };
        let ahead = gradient(&classifier, &moved(h), &batch);
        let behind = gradient(&classifier, &moved(-h), &batch);
        let wanted: Vec<f64> =
            ahead.iter().zip(&behind).map(|(a, b)| (a - b) / (2.0 * f64::from(h))).collect();
        let length = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
        let off: Vec<f64> = found.iter().zip(&wanted).map(|(f, w)| f64::from(*f) - w).collect();
        let (off, size) = (length(&off), length(&wanted));
        // PReLU has kinks, which differences may cross.
        let allowed = if activation == Activation::Prelu { 0.05 } else { 2e-3 };
        assert!(size > 0.1 && off < allowed * size, "{activation:?}: {off} of {size}");
    }
}

#[test]
fn batch_norm_has_no_exact_product() {
    let normed = classifier(Activation::Relu, true);
    let zeros = vec![0.0; flatten(normed.parameters()).expect("a point").len()];
    assert!(normed.hessian_product(&zeros, &batch()).expect("asked").is_none());
}
