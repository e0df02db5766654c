//! What a landscape asks of a network: replicas, planes, statistics, the order of hidden units.

use atelier_core::{
    Batch, Mode, Objective, PlaneOfParameters, Targets, assign, evaluate_batch, flatten, seed,
};
use atelier_models::{Activation, Classifier, ModelConfig};
use candle_core::{Device, Tensor};
use rand::{Rng as _, RngExt as _};

const INPUTS: usize = 12;
const CLASSES: usize = 4;

fn classifier(change: impl FnOnce(&mut ModelConfig)) -> Classifier {
    let mut config = ModelConfig { hidden: vec![9, 7], ..ModelConfig::default() };
    change(&mut config);
    Classifier::new(INPUTS, CLASSES, &config, 0.1, 3, &Device::Cpu).expect("a classifier")
}

/// Batches of different sizes, which do not fill blocks of any power of two.
fn batches() -> Vec<Batch> {
    let mut stream = seed::stream(1, "test", 0, 0);
    let mut batch = |n: usize| {
        let inputs: Vec<f32> = (0..n * INPUTS).map(|_| stream.random::<f32>()).collect();
        let labels: Vec<u32> = (0..n).map(|_| stream.next_u32() % 4).collect();
        Batch {
            inputs: Tensor::from_vec(inputs, (n, INPUTS), &Device::Cpu).expect("inputs"),
            targets: Targets::Classes(Tensor::from_vec(labels, n, &Device::Cpu).expect("labels")),
        }
    };
    vec![batch(50), batch(50), batch(37)]
}

fn direction(n: usize, lane: u64) -> Vec<f32> {
    let mut stream = seed::stream(2, "direction", 0, lane);
    (0..n).map(|_| stream.random::<f32>() - 0.5).collect()
}

/// The plane through the classifier's own point.
fn compare_with_the_plain_way(classifier: &Classifier) {
    let batches = batches();
    let origin = flatten(classifier.parameters()).expect("a point");
    let (first, second) = (direction(origin.len(), 0), direction(origin.len(), 1));
    let plane = PlaneOfParameters { origin: &origin, first: &first, second: &second };
    let evaluator = classifier.plane(plane, &batches).expect("fits").expect("a dense network");
    for (a, b) in [(0.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.3, 2.5), (-8.0, 5.0)] {
        #[expect(clippy::cast_possible_truncation, reason = "parameters are f32")]
        let point: Vec<f32> = origin
            .iter()
            .zip(&first)
            .zip(&second)
            .map(|((&o, &f), &s)| (f64::from(o) + a * f64::from(f) + b * f64::from(s)) as f32)
            .collect();
        assign(classifier.parameters(), &point).expect("assigned");
        for (fast, batch) in evaluator.at(a, b).expect("evaluated").iter().zip(&batches) {
            let plain = evaluate_batch(classifier, batch).expect("evaluated");
            let difference = (fast.loss - plain.loss).abs();
            assert!(difference < 1e-5 * plain.loss.max(1.0), "({a}, {b}): {fast:?} {plain:?}");
            assert_eq!((fast.correct, fast.total), (plain.correct, plain.total));
        }
    }
}

#[test]
fn the_plane_evaluator_agrees_with_setting_the_parameters() {
    for activation in [
        Activation::Relu,
        Activation::LeakyRelu,
        Activation::Elu,
        Activation::Prelu,
        Activation::Gelu,
        Activation::Tanh,
    ] {
        compare_with_the_plain_way(&classifier(|config| {
            config.activation = activation;
            config.dropout = 0.4;
        }));
    }
    compare_with_the_plain_way(&classifier(|config| config.hidden = vec![]));
}

#[test]
fn a_plane_of_another_size_is_refused_and_batch_norm_has_no_fast_way() {
    let plain = classifier(|_| ());
    let short = vec![0.0; 5];
    let plane = PlaneOfParameters { origin: &short, first: &short, second: &short };
    let message = plain.plane(plane, &batches()).err().expect("refused").to_string();
    assert!(message.contains("a vector of the plane"), "{message}");

    let normed = classifier(|config| config.batch_norm = true);
    let zeros = vec![0.0; flatten(normed.parameters()).expect("a point").len()];
    let plane = PlaneOfParameters { origin: &zeros, first: &zeros, second: &zeros };
    assert!(normed.plane(plane, &batches()).expect("asked").is_none());
}

#[test]
fn a_class_that_is_not_there_is_left_to_the_loss_which_refuses_it() {
    let classifier = classifier(|_| ());
    let mut batches = batches();
    let labels = Tensor::new(&[4_u32; 50], &Device::Cpu).expect("labels");
    batches[0].targets = Targets::Classes(labels);
    let zeros = vec![0.0; flatten(classifier.parameters()).expect("a point").len()];
    let plane = PlaneOfParameters { origin: &zeros, first: &zeros, second: &zeros };
    assert!(classifier.plane(plane, &batches).expect("asked").is_none());
    assert!(evaluate_batch(&classifier, &batches[0]).is_err());
}

#[test]
fn a_replica_has_the_same_values_and_keeps_them() {
    let original = classifier(|config| {
        config.batch_norm = true;
        config.activation = Activation::Prelu;
    });
    let batch = &batches()[0];
    let step = atelier_core::StepAddress { seed: 0, epoch: 0, index: 0 };
    // Statistics that are not those of the beginning.
    original.loss(batch, Mode::Train(step)).expect("a step");
    let replica = original.replica().expect("memory").expect("a replica");
    let before = evaluate_batch(&original, batch).expect("evaluated");
    assert_eq!(evaluate_batch(&*replica, batch).expect("evaluated"), before);
    let zeros = vec![0.0; flatten(original.parameters()).expect("a point").len()];
    assign(original.parameters(), &zeros).expect("assigned");
    original.loss(batch, Mode::Train(step)).expect("a step");
    assert_eq!(evaluate_batch(&*replica, batch).expect("evaluated"), before);
    let changed = evaluate_batch(&original, batch).expect("evaluated");
    assert!((changed.loss - before.loss).abs() > 1e-6);
}

#[test]
fn recomputed_statistics_are_those_of_all_examples_whatever_the_batches() {
    let classifier = classifier(|config| config.batch_norm = true);
    let batches = batches();
    let all: Vec<Tensor> = batches.iter().map(|batch| batch.inputs.clone()).collect();
    let together = Tensor::cat(&all, 0).expect("one batch");
    let whole = Batch { inputs: together.clone(), targets: Targets::None };

    classifier.recompute_statistics(&[whole]).expect("recomputed");
    let statistics =
        || classifier.buffers().iter().flat_map(|b| b.values().expect("read")).collect::<Vec<_>>();
    let at_once = statistics();
    classifier.recompute_statistics(&batches).expect("recomputed");
    for (parts, whole) in statistics().iter().zip(&at_once) {
        assert!((parts - whole).abs() < 1e-5 * whole.abs().max(1.0));
    }
    // The first layer's are those of x W + b, which can be told from the parameters.
    let weight = classifier.parameters()[0].var.as_tensor();
    let sums = together.matmul(weight).expect("x W");
    let mean = sums.mean(0).expect("mean").to_vec1::<f32>().expect("read");
    let bias = classifier.parameters()[1].values().expect("read");
    for ((found, mean), bias) in at_once.iter().zip(mean).zip(bias) {
        assert!((found - mean - bias).abs() < 1e-5);
    }
    // And a second layer's normalised output has mean 0 and deviation 1, so that a batch of all
    // examples in training mode gives what evaluation gives now.
    let logits = classifier.net.forward(&together, Mode::Evaluate).expect("evaluated");
    let step = atelier_core::StepAddress { seed: 0, epoch: 0, index: 0 };
    let trained = classifier.net.forward(&together, Mode::Train(step)).expect("trained");
    let difference = (logits - trained).expect("same shape").abs().expect("abs");
    // Biased and unbiased variances differ by 1 in 137.
    let largest = difference.max_all().expect("max").to_scalar::<f32>().expect("read");
    assert!(largest < 0.05, "{largest}");
}

#[test]
fn hidden_units_in_another_order_compute_the_same() {
    for (batch_norm, activation) in [(false, Activation::Relu), (true, Activation::Prelu)] {
        let classifier = classifier(|config| {
            config.batch_norm = batch_norm;
            config.activation = activation;
        });
        let batches = batches();
        classifier.recompute_statistics(&batches).expect("recomputed");
        let before = evaluate_batch(&classifier, &batches[0]).expect("evaluated").loss;
        let layers = classifier.hidden_units();
        assert_eq!(layers.iter().map(|layer| layer.units).collect::<Vec<_>>(), [9, 7]);
        for layer in layers {
            for (position, axis) in layer.axes {
                let parameter = &classifier.parameters()[position];
                let shape = parameter.shape();
                assert_eq!(shape[axis], layer.units, "{}", parameter.name);
                let values = parameter.values().expect("read");
                let old = Tensor::from_vec(values, shape, &Device::Cpu).expect("a tensor");
                let count = u32::try_from(layer.units).expect("few");
                let order: Vec<u32> = (0..count).map(|i| (i + 2) % count).collect();
                let order = Tensor::new(order, &Device::Cpu).expect("an order");
                let new = old.index_select(&order, axis).expect("reordered");
                let new = new.flatten_all().expect("flat").to_vec1::<f32>().expect("read");
                parameter.assign(&new).expect("assigned");
            }
        }
        classifier.recompute_statistics(&batches).expect("recomputed");
        let after = evaluate_batch(&classifier, &batches[0]).expect("evaluated").loss;
        assert!((after - before).abs() < 1e-5, "{before} {after}");
    }
}
