//! The promises of signals through deep networks.

use atelier_core::{Activation, init::Initializer, threads};
use atelier_init::{Error, Layer, Network, gain, propagation, random_inputs, schemes};
use ndarray::{Array2, array};

fn layers(network: &Network, draws: usize) -> Vec<Layer> {
    let inputs = random_inputs(32, 64, 1);
    propagation(network, inputs.view(), draws, &[], 1).expect("a network that can be").layers
}

/// 30 layers of 64 units.
fn small() -> Network {
    Network { layers: 30, width: 64, ..Network::default() }
}

#[test]
fn means_are_those_predicted_within_four_standard_errors_while_layers_are_few() {
    let draws = 200;
    for scheme in schemes() {
        for activation in [Activation::Relu, Activation::LeakyRelu, Activation::Identity] {
            let network = Network { layers: 5, activation, ..small() }.initialised(scheme);
            for layer in layers(&network, draws) {
                let predicted = layer.predicted;
                for (found, expected) in [
                    (layer.pre_activation, predicted.pre_activation),
                    (layer.activation, predicted.activation),
                    (layer.gradient, predicted.gradient),
                ] {
                    let error = found.standard_deviation / (draws as f64).sqrt();
                    // With PyTorch's biases the prediction is that of wide layers.
                    let slack = if scheme.name == "PyTorch" { 0.05 * expected } else { 0.0 };
                    assert!(
                        (found.mean - expected).abs() < 4.0 * error + slack,
                        "{} {activation:?} {layer:?}",
                        scheme.name
                    );
                }
            }
        }
    }
}

#[test]
fn only_hes_scale_keeps_signals_and_gradients_through_thirty_relu_layers() {
    for scheme in schemes() {
        let layers = layers(&small().initialised(scheme), 20);
        let (first, last) = (&layers[0], &layers[29]);
        let forward = last.pre_activation.median / first.pre_activation.median;
        let backward = first.gradient.median / last.gradient.median;
        let kept = 0.02..50.0;
        match scheme.name {
            "He" => assert!(kept.contains(&forward) && kept.contains(&backward)),
            "too large" => assert!(forward > 1e12 && backward > 1e12),
            // The biases put a floor under the signal, not under the gradient.
            "PyTorch" => assert!(forward < 0.05 && backward < 1e-12),
            _ => assert!(forward < 1e-6 && backward < 1e-6, "{}: {forward}", scheme.name),
        }
    }
}

#[test]
fn fewer_features_than_units_change_neither_signals_nor_gradients_of_he_layers() {
    let network = Network { width: 256, layers: 3, ..small() };
    let layers = layers(&network, 30);
    // Inputs of mean square 1, 64 of them with weights of variance 2/64.
    assert!((layers[0].pre_activation.mean / 2.0 - 1.0).abs() < 0.1);
    assert!((layers[2].pre_activation.mean / 2.0 - 1.0).abs() < 0.1);
    assert!((layers[0].gradient.mean / layers[2].gradient.mean - 1.0).abs() < 0.1);
}

#[test]
fn the_gain_of_tanh_leads_its_signal_to_variance_one_and_without_it_the_signal_fades() {
    let tanh = |scale| {
        let initializer = Initializer::LecunNormal;
        let network =
            Network { activation: Activation::Tanh, initializer, scale, width: 256, ..small() };
        let layers = layers(&network, 4);
        let last = layers[29];
        let expected = last.predicted.pre_activation;
        let found = last.pre_activation.mean;
        assert!((found / expected - 1.0).abs() < 0.1, "{found} instead of {expected}");
        found
    };
    let kept = tanh(gain(Activation::Tanh).forward);
    assert!((kept - 1.0).abs() < 0.1, "{kept}");
    let faded = tanh(1.0);
    assert!(faded < 0.1, "{faded}");
}

#[test]
fn batch_norm_makes_the_signal_independent_of_the_scale_and_lets_gradients_grow_backwards() {
    let normed = |scale| {
        let network = Network { batch_norm: true, scale, ..small() };
        layers(&network, 5)
    };
    let (one, large) = (normed(1.0), normed(30.0));
    for (one, large) in one.iter().zip(&large) {
        assert!((one.activation.mean / large.activation.mean - 1.0).abs() < 1e-3);
        assert!((one.activation.mean / 0.5 - 1.0).abs() < 0.1);
        let ratio = one.gradient.mean / large.gradient.mean / 900.0;
        // What is added to the variance before the division makes a small difference in each layer.
        assert!((0.8..1.25).contains(&ratio), "gradients at z fall with the scale: {ratio}");
    }
    let growth = (one[0].gradient.median / one[29].gradient.median).powf(1.0 / 29.0);
    assert!((growth / one[0].predicted.gradient.powf(1.0 / 30.0) - 1.0).abs() < 0.1, "{growth}");
    assert!(growth > 1.3);
}

#[test]
fn dead_units_are_those_that_pass_nothing_back_for_any_input() {
    // One example: half of the units of every ReLU layer are silent.
    let one = random_inputs(1, 64, 2);
    let network = Network { layers: 3, ..small() };
    let found = propagation(&network, one.view(), 50, &[], 1).expect("a network that can be");
    for layer in found.layers {
        assert!((layer.dead_units.mean - 0.5).abs() < 0.05, "{layer:?}");
        assert!(layer.dead_units.largest <= 1.0 && layer.dead_units.smallest >= 0.0);
    }
    for activation in [Activation::Tanh, Activation::LeakyRelu, Activation::Identity] {
        let network = Network { activation, ..small() };
        assert!(layers(&network, 1).iter().all(|layer| layer.dead_units.largest <= 0.0));
    }
}

#[test]
fn histograms_are_of_the_layers_that_were_asked_for() {
    let inputs = random_inputs(32, 64, 1);
    let found = propagation(&small(), inputs.view(), 2, &[1, 30], 1).expect("layers 1 and 30");
    let asked: Vec<usize> = found.histograms.iter().map(|histogram| histogram.layer).collect();
    assert_eq!(asked, [1, 30]);
    for histogram in &found.histograms {
        let all = histogram.zeros + histogram.counts.iter().sum::<u64>();
        assert_eq!(all, 32 * 64);
        let zeros = histogram.zeros as f64 / all as f64;
        assert!((0.3..0.7).contains(&zeros), "{zeros}");
        assert!(histogram.low > 0.0 && histogram.high > histogram.low);
    }
}

#[test]
fn results_depend_on_the_seed_and_not_on_the_number_of_threads() {
    let inputs = random_inputs(16, 64, 1);
    let run = |seed| propagation(&small(), inputs.view(), 5, &[2], seed).expect("it can be");
    threads::set(1);
    let one = run(1);
    threads::set(3);
    assert_eq!(one, run(1));
    assert_ne!(one, run(2));
    threads::set(1);
}

#[test]
fn arguments_that_cannot_be_are_refused_with_their_name() {
    let inputs = random_inputs(2, 3, 1);
    let refused = |network: &Network, inputs: &Array2<f32>, draws, layers: &[usize]| {
        propagation(network, inputs.view(), draws, layers, 1).expect_err("cannot be").to_string()
    };
    let network = small();
    let none = Network { layers: 0, ..network };
    assert_eq!(refused(&none, &inputs, 1, &[]), "layers is 0, expected at least 1");
    assert_eq!(refused(&network, &inputs, 0, &[]), "draws is 0, expected at least 1");
    let message = "histograms is 31, expected a layer of the network, counted from 1";
    assert_eq!(refused(&network, &inputs, 1, &[1, 31]), message);
    let message = "inputs is 0 x 3, expected at least one example with one feature";
    assert_eq!(refused(&network, &Array2::zeros((0, 3)), 1, &[]), message);
    let message = "inputs is NaN, expected finite numbers";
    assert_eq!(refused(&network, &array![[1.0, f32::NAN]], 1, &[]), message);
}

#[test]
fn a_signal_beyond_all_numbers_is_an_error_that_says_where() {
    let inputs = random_inputs(2, 64, 1);
    let network = Network { scale: 1e30, ..small() };
    match propagation(&network, inputs.view(), 1, &[], 1) {
        Err(Error::NonFinite { signal: "pre-activation", layer, draw: 0 }) => {
            assert!((2..10).contains(&layer), "{layer}");
        }
        other => panic!("{other:?}"),
    }
}
