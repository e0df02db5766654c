//! Names, shapes, gradients and noise of autoencoders.

use atelier_autoencoder::{Autoencoder, AutoencoderConfig, Error};
use atelier_core::seed::stream;
use atelier_core::{Batch, Mode, Objective, StepAddress, Targets, backward};
use atelier_models::{NamedTensor, load_state, state};
use candle_core::{Device, Tensor};

fn autoencoder(config: &AutoencoderConfig) -> Autoencoder {
    Autoencoder::new(9, config, 1, &Device::Cpu).unwrap()
}

fn small() -> AutoencoderConfig {
    AutoencoderConfig { hidden: vec![7], latent: 3, ..AutoencoderConfig::default() }
}

/// Values in [0, 1] that lie near a plane.
fn batch(n: usize) -> Batch {
    let values: Vec<f32> = (0..n * 9)
        .map(|i| {
            let (row, feature) = ((i / 9) as f32, (i % 9) as f32);
            0.5 + 0.25 * (0.7 * row).sin() * feature.cos() + 0.2 * (0.3 * row).cos() * feature.sin()
        })
        .collect();
    let inputs = Tensor::from_vec(values, (n, 9), &Device::Cpu).unwrap();
    Batch { inputs, targets: Targets::None }
}

fn train_mode(index: u64) -> Mode {
    Mode::Train(StepAddress { seed: 4, epoch: 0, index })
}

fn reported(autoencoder: &Autoencoder, batch: &Batch, mode: Mode) -> f32 {
    autoencoder.loss(batch, mode).unwrap().reported.to_scalar().unwrap()
}

#[test]
fn the_assignments_network_has_its_names_shapes_and_parameters() {
    let autoencoder =
        Autoencoder::new(784, &AutoencoderConfig::default(), 0, &Device::Cpu).unwrap();
    let named: Vec<String> =
        autoencoder.parameters().iter().map(|p| format!("{} {:?}", p.name, p.shape())).collect();
    assert_eq!(
        named,
        [
            "encoder.0.weight [128, 784]",
            "encoder.0.bias [128]",
            "encoder.2.weight [64, 128]",
            "encoder.2.bias [64]",
            "decoder.0.weight [128, 64]",
            "decoder.0.bias [128]",
            "decoder.2.weight [784, 128]",
            "decoder.2.bias [784]",
        ]
    );
    let numbers: usize = autoencoder.parameters().iter().map(atelier_core::Parameter::len).sum();
    assert_eq!(numbers, 784 * 128 + 128 + 128 * 64 + 64 + 64 * 128 + 128 + 128 * 784 + 784);
    let layers: Vec<&str> = autoencoder.layers().map(|layer| layer.kind.as_str()).collect();
    assert_eq!(
        layers,
        [
            "Linear 784 to 128",
            "ReLU",
            "Linear 128 to 64",
            "ReLU",
            "Linear 64 to 128",
            "ReLU",
            "Linear 128 to 784",
            "Sigmoid",
        ]
    );
}

#[test]
fn a_deeper_encoder_is_mirrored_by_its_decoder() {
    let config = AutoencoderConfig { hidden: vec![8, 5], latent: 2, ..small() };
    let autoencoder = autoencoder(&config);
    let widths: Vec<usize> = autoencoder
        .layers()
        .filter(|layer| layer.kind.starts_with("Linear"))
        .map(|l| l.outputs)
        .collect();
    assert_eq!(widths, [8, 5, 2, 5, 8, 9]);
    let none = AutoencoderConfig { hidden: vec![], ..small() };
    assert_eq!(self::autoencoder(&none).parameters().len(), 4);
}

#[test]
fn a_reconstruction_is_what_the_formula_says() {
    let autoencoder = autoencoder(&small());
    let batch = batch(5);
    let layer = |x: &[f64], position: usize, activation: &dyn Fn(f64) -> f64| -> Vec<f64> {
        let [weight, bias] = [2 * position, 2 * position + 1].map(|i| {
            autoencoder.parameters()[i].values().unwrap().into_iter().map(f64::from).collect()
        });
        let (weight, bias): (Vec<f64>, Vec<f64>) = (weight, bias);
        let rows = weight.chunks_exact(x.len()).zip(&bias);
        rows.map(|(row, b)| activation(row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>() + b))
            .collect()
    };
    let relu = |z: f64| z.max(0.0);
    let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
    let reconstructed = autoencoder.reconstruct(&batch.inputs).unwrap().to_vec2::<f32>().unwrap();
    let mut sum = 0.0;
    for (x, y) in batch.inputs.to_vec2::<f32>().unwrap().iter().zip(&reconstructed) {
        let x: Vec<f64> = x.iter().copied().map(f64::from).collect();
        let code = layer(&layer(&x, 0, &relu), 1, &relu);
        let expected = layer(&layer(&code, 2, &relu), 3, &sigmoid);
        for (y, e) in y.iter().zip(&expected) {
            assert!((f64::from(*y) - e).abs() < 1e-6, "{y} is not {e}");
        }
        sum += x.iter().zip(&expected).map(|(x, e)| (x - e).powi(2)).sum::<f64>();
    }
    let loss = f64::from(reported(&autoencoder, &batch, Mode::Evaluate));
    assert!((loss - sum / 45.0).abs() < 1e-6, "{loss}");
}

#[test]
fn gradient_descent_reconstructs_better() {
    let autoencoder = autoencoder(&small());
    let batch = batch(40);
    let before = reported(&autoencoder, &batch, Mode::Evaluate);
    for index in 0..500 {
        let loss = autoencoder.loss(&batch, train_mode(index)).unwrap();
        let gradients = backward(&loss.objective).unwrap();
        for parameter in autoencoder.parameters() {
            let step = (gradients.get(&parameter.var).unwrap() * 2.0).unwrap();
            parameter.var.set(&(parameter.var.as_tensor() - step).unwrap().detach()).unwrap();
        }
    }
    let after = reported(&autoencoder, &batch, Mode::Evaluate);
    assert!(after < 0.5 * before, "{before} to {after}");
}

#[test]
fn targets_make_no_difference() {
    let autoencoder = autoencoder(&small());
    let plain = batch(4);
    let classes = Tensor::new(&[0_u32, 1, 2, 3], &Device::Cpu).unwrap();
    let labelled = Batch { inputs: plain.inputs.clone(), targets: Targets::Classes(classes) };
    let losses = [plain, labelled].map(|b| reported(&autoencoder, &b, Mode::Evaluate).to_bits());
    assert_eq!(losses[0], losses[1]);
}

#[test]
fn noise_is_that_of_the_step_and_there_is_none_in_evaluation() {
    let clean = autoencoder(&small());
    let noisy = autoencoder(&AutoencoderConfig { noise: 0.3, ..small() });
    let batch = batch(4);
    let loss = |autoencoder: &Autoencoder, mode| reported(autoencoder, &batch, mode).to_bits();
    assert_eq!(loss(&noisy, train_mode(0)), loss(&noisy, train_mode(0)));
    assert_ne!(loss(&noisy, train_mode(0)), loss(&noisy, train_mode(1)));
    assert_ne!(loss(&noisy, train_mode(0)), loss(&clean, train_mode(0)));
    assert_eq!(loss(&noisy, Mode::Evaluate), loss(&clean, train_mode(0)));
}

#[test]
fn noise_has_the_deviation_that_was_set_and_leaves_inputs_within_their_range() {
    let noisy = autoencoder(&AutoencoderConfig { noise: 0.1, ..small() });
    let draw = |value: f32| -> Vec<f32> {
        let inputs = Tensor::full(value, (1000, 9), &Device::Cpu).unwrap();
        let noisy = noisy.noisy(&inputs, &mut stream(5, "a test", 0, 0)).unwrap();
        noisy.flatten_all().unwrap().to_vec1().unwrap()
    };
    let found = draw(0.5);
    let squares = found.iter().map(|&x| (f64::from(x) - 0.5).powi(2)).sum::<f64>();
    let deviation = (squares / found.len() as f64).sqrt();
    // Its standard error is 0.1 / sqrt(2 * 9000), 0.00075.
    assert!((deviation - 0.1).abs() < 0.004, "{deviation}");
    assert_eq!(found, draw(0.5));
    for edge in [0.0, 1.0] {
        let found = draw(edge);
        assert!(found.iter().all(|value| (0.0..=1.0).contains(value)));
        assert!(found.iter().any(|&value| (value - edge).abs() > 0.1));
    }
}

#[test]
fn the_seed_decides_the_weights_and_encoder_and_decoder_draw_their_own() {
    let config = AutoencoderConfig { hidden: vec![], latent: 9, ..AutoencoderConfig::default() };
    let values = |seed, which: usize| {
        let autoencoder = Autoencoder::new(9, &config, seed, &Device::Cpu).unwrap();
        autoencoder.parameters()[which].values().unwrap()
    };
    assert_eq!(values(1, 0), values(1, 0));
    assert_ne!(values(1, 0), values(2, 0));
    assert_ne!(values(1, 0), values(1, 2));
}

#[test]
fn a_bias_of_the_code_raises_its_units_and_nothing_else() {
    let (plain, raised) =
        (autoencoder(&small()), autoencoder(&AutoencoderConfig { code_bias: 0.5, ..small() }));
    for (a, b) in plain.parameters().iter().zip(raised.parameters()) {
        let by = if a.name == "encoder.2.bias" { 0.5 } else { 0.0 };
        for (a, b) in a.values().unwrap().iter().zip(b.values().unwrap()) {
            assert!((b - a - by).abs() < 1e-6, "{b} is not {a} + {by}");
        }
    }
}

/// A tied autoencoder and one whose own weights are equal to the tied ones.
fn tied_and_its_equal() -> (Autoencoder, Autoencoder) {
    // A code that is alive, so that every gradient is there to be compared.
    let config = AutoencoderConfig { hidden: vec![7, 5], code_bias: 1.0, ..small() };
    let tied = autoencoder(&AutoencoderConfig { tied: true, ..config.clone() });
    let equal = Autoencoder::new(9, &config, 2, &Device::Cpu).unwrap();
    let parameters: Vec<_> = equal.parameters().iter().collect();
    load_state(&parameters, &tied.state().unwrap()).unwrap();
    (tied, equal)
}

#[test]
fn tied_weights_are_parameters_once_and_the_table_says_whose_they_are() {
    let tied = AutoencoderConfig { tied: true, ..AutoencoderConfig::default() };
    let autoencoder = Autoencoder::new(784, &tied, 0, &Device::Cpu).unwrap();
    let names: Vec<&str> = autoencoder.parameters().iter().map(|p| p.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "encoder.0.weight",
            "encoder.0.bias",
            "encoder.2.weight",
            "encoder.2.bias",
            "decoder.0.bias",
            "decoder.2.bias",
        ]
    );
    let numbers: usize = autoencoder.parameters().iter().map(atelier_core::Parameter::len).sum();
    assert_eq!(numbers, 784 * 128 + 128 + 128 * 64 + 64 + 128 + 784);
    assert_eq!(autoencoder.layers().map(|layer| layer.parameters).sum::<usize>(), numbers);
    let layers: Vec<&str> = autoencoder.layers().map(|layer| layer.kind.as_str()).collect();
    assert_eq!(
        layers[4..],
        [
            "Linear 64 to 128, weights of encoder.2",
            "ReLU",
            "Linear 128 to 784, weights of encoder.0",
            "Sigmoid",
        ]
    );
}

#[test]
fn a_tied_state_has_every_tensor_of_an_untied_one_and_the_same_reconstructions() {
    let (tied, equal) = tied_and_its_equal();
    let (ours, theirs) = (tied.state().unwrap(), equal.state().unwrap());
    assert_eq!(ours, theirs);
    let find = |name: &str| ours.iter().find(|tensor| tensor.name == name).unwrap();
    let (down, up) = (find("encoder.0.weight"), find("decoder.4.weight"));
    assert_eq!((down.shape.as_slice(), up.shape.as_slice()), (&[7, 9][..], &[9, 7][..]));
    for (row, values) in down.values.chunks_exact(9).enumerate() {
        let column: Vec<f32> = up.values.iter().copied().skip(row).step_by(7).collect();
        assert_eq!(column, values);
    }
    let x = batch(5).inputs;
    let [ours, theirs] =
        [&tied, &equal].map(|a| a.reconstruct(&x).unwrap().to_vec2::<f32>().unwrap());
    assert_eq!(ours, theirs);
}

#[test]
fn the_gradient_of_a_tied_weight_is_the_sum_of_both_of_its_uses() {
    let (tied, equal) = tied_and_its_equal();
    let batch = batch(6);
    let gradients = |autoencoder: &Autoencoder| -> Vec<(String, Vec<f32>)> {
        let loss = autoencoder.loss(&batch, train_mode(0)).unwrap();
        let gradients = backward(&loss.objective).unwrap();
        let of = |p: &atelier_core::Parameter| {
            (p.name.clone(), p.export(gradients.get(&p.var).unwrap()).unwrap())
        };
        autoencoder.parameters().iter().map(of).collect()
    };
    let (ours, theirs) = (gradients(&tied), gradients(&equal));
    let find = |name: &str| theirs.iter().find(|(known, _)| known == name).unwrap().1.clone();
    for (name, gradient) in ours {
        let mut expected = find(&name);
        let mirror = [("encoder.0", 4), ("encoder.2", 2), ("encoder.4", 0)]
            .into_iter()
            .find(|(layer, _)| name == format!("{layer}.weight"));
        if let Some((_, position)) = mirror {
            let other = find(&format!("decoder.{position}.weight"));
            let outputs = tied.parameters().iter().find(|p| p.name == name).unwrap().shape()[0];
            let inputs = other.len() / outputs;
            for (i, value) in expected.iter_mut().enumerate() {
                *value += other[(i % inputs) * outputs + i / inputs];
            }
        }
        let largest = expected.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        assert!(largest > 1e-6, "{name} has no gradient to compare");
        for (found, expected) in gradient.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-5 * largest, "{name}: {found}, not {expected}");
        }
    }
}

#[test]
fn a_state_comes_back_to_the_bit_and_a_foreign_or_broken_one_is_refused() {
    let first = autoencoder(&small());
    let second = Autoencoder::new(9, &small(), 2, &Device::Cpu).unwrap();
    let saved = state(first.parameters()).unwrap();
    let parameters: Vec<_> = second.parameters().iter().collect();
    load_state(&parameters, &saved).unwrap();
    assert_eq!(state(second.parameters()).unwrap(), saved);

    let narrower = autoencoder(&AutoencoderConfig { latent: 2, ..small() });
    let foreign = state(narrower.parameters()).unwrap();
    let message = load_state(&parameters, &foreign).unwrap_err().to_string();
    assert!(message.contains("encoder.2.weight") && message.contains("[3, 7]"), "{message}");

    let mut broken: Vec<NamedTensor> = saved.clone();
    broken[6].values[0] = f32::NAN;
    let message = load_state(&parameters, &broken).unwrap_err().to_string();
    assert!(message.contains("decoder.2.weight[0]"), "{message}");
    assert_eq!(state(second.parameters()).unwrap(), saved);
}

#[test]
fn settings_out_of_range_are_refused_with_their_key() {
    let base = small();
    for (config, key) in [
        (AutoencoderConfig { latent: 0, ..base.clone() }, "autoencoder.latent is 0"),
        (AutoencoderConfig { latent: 8193, ..base.clone() }, "autoencoder.latent is 8193"),
        (AutoencoderConfig { hidden: vec![4, 0], ..base.clone() }, "autoencoder.hidden is 0"),
        (AutoencoderConfig { hidden: vec![1; 129], ..base.clone() }, "autoencoder.hidden is 129"),
        (
            AutoencoderConfig { code_bias: f64::INFINITY, ..base.clone() },
            "autoencoder.code_bias is inf",
        ),
        (
            AutoencoderConfig { code_bias: -1000.5, ..base.clone() },
            "autoencoder.code_bias is -1000.5",
        ),
        (AutoencoderConfig { noise: -0.1, ..base.clone() }, "autoencoder.noise is -0.1"),
        (AutoencoderConfig { noise: f64::NAN, ..base.clone() }, "autoencoder.noise is NaN"),
        (AutoencoderConfig { noise: 10.1, ..base.clone() }, "autoencoder.noise is 10.1"),
        // 0 as soon as it is an f32.
        (AutoencoderConfig { noise: 1e-60, ..base.clone() }, "autoencoder.noise is 1e-60"),
    ] {
        let refused = Autoencoder::new(9, &config, 0, &Device::Cpu).unwrap_err();
        assert!(matches!(refused, Error::Setting { .. }));
        assert!(refused.to_string().starts_with(key), "{refused}");
    }
    assert!(Autoencoder::new(0, &base, 0, &Device::Cpu).is_err());
}

#[test]
fn images_of_another_size_are_refused() {
    let autoencoder = autoencoder(&small());
    let images = Tensor::zeros((2, 8), candle_core::DType::F32, &Device::Cpu).unwrap();
    assert!(autoencoder.reconstruct(&images).is_err());
    assert!(autoencoder.decode(&images).is_err());
}
