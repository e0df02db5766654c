//! Names, shapes, states and training of dense networks.

use atelier_core::init::Initializer;
use atelier_core::{Activation as Core, Batch, Mode, Objective, StepAddress, Targets, backward};
use atelier_models::{
    Activation, Classifier, DenseNet, Ends, Error, ModelConfig, NamedTensor, fold_standardization,
    load_state, state, unfold_standardization,
};
use candle_core::{Device, Tensor};

fn classifier(config: &ModelConfig) -> Classifier {
    Classifier::new(6, 3, config, 0.0, 1, &Device::Cpu).unwrap()
}

fn names(classifier: &Classifier) -> Vec<String> {
    classifier
        .parameters()
        .iter()
        .chain(classifier.buffers())
        .map(|p| format!("{} {:?}", p.name, p.shape()))
        .collect()
}

fn batch(n: usize) -> Batch {
    // Two of the six features are higher for each class.
    let values: Vec<f32> = (0..n * 6)
        .map(|i| {
            let noise = ((i * 37) % 101) as f32 / 101.0;
            if i % 6 % 3 == i / 6 % 3 { noise + 0.5 } else { noise }
        })
        .collect();
    let labels: Vec<u32> = (0..3).cycle().take(n).collect();
    Batch {
        inputs: Tensor::from_vec(values, (n, 6), &Device::Cpu).unwrap(),
        targets: Targets::Classes(Tensor::from_vec(labels, n, &Device::Cpu).unwrap()),
    }
}

#[test]
fn a_plain_network_has_the_names_of_pytorchs_sequential() {
    let config = ModelConfig { hidden: vec![4, 5], ..ModelConfig::default() };
    assert_eq!(
        names(&classifier(&config)),
        [
            "net.0.weight [4, 6]",
            "net.0.bias [4]",
            "net.2.weight [5, 4]",
            "net.2.bias [5]",
            "net.4.weight [3, 5]",
            "net.4.bias [3]",
        ]
    );
}

#[test]
fn batch_norm_prelu_and_dropout_take_their_places_in_the_sequence() {
    let config = ModelConfig {
        hidden: vec![4],
        activation: Activation::Prelu,
        batch_norm: true,
        dropout: 0.5,
        ..ModelConfig::default()
    };
    assert_eq!(
        names(&classifier(&config)),
        [
            "net.0.weight [4, 6]",
            "net.0.bias [4]",
            "net.1.weight [4]",
            "net.1.bias [4]",
            "net.2.weight [1]",
            "net.4.weight [3, 4]",
            "net.4.bias [3]",
            "net.1.running_mean [4]",
            "net.1.running_var [4]",
        ]
    );
    let kinds: Vec<_> = classifier(&config).net.layers().iter().map(|l| l.kind.clone()).collect();
    assert_eq!(kinds, ["Linear 6 to 4", "BatchNorm1d", "PReLU", "Dropout", "Linear 4 to 3"]);
    assert_eq!(classifier(&config).net.batch_counters(), ["net.1.num_batches_tracked"]);
}

#[test]
fn weights_and_nothing_else_are_decayed() {
    let config =
        ModelConfig { activation: Activation::Prelu, batch_norm: true, ..ModelConfig::default() };
    for p in classifier(&config).parameters() {
        assert_eq!(p.decayed, p.shape().len() == 2, "{}", p.name);
    }
}

#[test]
fn the_seed_decides_the_weights_and_each_layer_has_its_own() {
    let config = ModelConfig { hidden: vec![6, 6], ..ModelConfig::default() };
    let weights = |seed| {
        let net = Classifier::new(6, 6, &config, 0.0, seed, &Device::Cpu).unwrap();
        net.parameters().iter().map(|p| p.values().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(weights(1), weights(1));
    assert_ne!(weights(1)[0], weights(2)[0]);
    assert_ne!(weights(1)[0], weights(1)[2]);
}

#[test]
fn every_activation_learns_with_and_without_batch_norm() {
    for activation in [
        Activation::Relu,
        Activation::LeakyRelu,
        Activation::Elu,
        Activation::Prelu,
        Activation::Gelu,
        Activation::Silu,
        Activation::Tanh,
        Activation::Sigmoid,
    ] {
        for batch_norm in [false, true] {
            let config = ModelConfig {
                hidden: vec![16],
                activation,
                batch_norm,
                init: Initializer::XavierUniform,
                ..ModelConfig::default()
            };
            let net = classifier(&config);
            let batch = batch(30);
            let loss = |mode| net.loss(&batch, mode).unwrap();
            let value = |l: &atelier_core::Loss| l.reported.to_scalar::<f32>().unwrap();
            let first = value(&loss(Mode::Evaluate));
            for index in 0..300 {
                let loss = loss(Mode::Train(StepAddress { seed: 0, epoch: 0, index }));
                let gradients = backward(&loss.objective).unwrap();
                for p in net.parameters() {
                    let step = (gradients.get(&p.var).expect("a gradient") * 0.3).unwrap();
                    p.var.set(&(p.var.as_tensor() - step).unwrap()).unwrap();
                }
            }
            let last = value(&loss(Mode::Evaluate));
            assert!(
                last < 0.9 * first,
                "{activation:?}, batch norm {batch_norm}: {first} to {last}"
            );
        }
    }
}

#[test]
fn dropout_is_on_in_training_by_the_address_of_the_step_and_off_in_evaluation() {
    let config = ModelConfig { hidden: vec![50], dropout: 0.5, ..ModelConfig::default() };
    let net = classifier(&config);
    let at = |index| {
        let mode = Mode::Train(StepAddress { seed: 0, epoch: 0, index });
        net.loss(&batch(4), mode).unwrap().reported.to_scalar::<f32>().unwrap().to_bits()
    };
    assert_eq!(at(1), at(1));
    assert_ne!(at(1), at(2));
    let evaluated = net.loss(&batch(4), Mode::Evaluate).unwrap().reported;
    assert_ne!(evaluated.to_scalar::<f32>().unwrap().to_bits(), at(1));
}

#[test]
fn labels_are_smoothed_in_training_only() {
    let config = ModelConfig { hidden: vec![4], ..ModelConfig::default() };
    let smoothed = Classifier::new(6, 3, &config, 0.3, 1, &Device::Cpu).unwrap();
    let losses = |net: &Classifier, mode| {
        let loss = net.loss(&batch(5), mode).unwrap();
        [loss.objective, loss.reported].map(|t| t.to_scalar::<f32>().unwrap().to_bits())
    };
    let plain = losses(&classifier(&config), Mode::Evaluate);
    assert_eq!(losses(&smoothed, Mode::Evaluate), plain);
    assert_eq!(plain[0], plain[1]);
    let trained = losses(&smoothed, Mode::Train(StepAddress { seed: 0, epoch: 0, index: 0 }));
    assert_eq!(trained[1], plain[1]);
    assert_ne!(trained[0], plain[0]);
}

#[test]
fn a_state_goes_out_and_comes_back() {
    let config = ModelConfig { batch_norm: true, ..ModelConfig::default() };
    let (from, to) =
        (classifier(&config), Classifier::new(6, 3, &config, 0.0, 2, &Device::Cpu).unwrap());
    let all = |c: &Classifier| state(c.parameters().iter().chain(c.buffers())).unwrap();
    let targets: Vec<_> = to.parameters().iter().chain(to.buffers()).collect();
    assert_ne!(all(&from), all(&to));
    load_state(&targets, &all(&from)).unwrap();
    assert_eq!(all(&from), all(&to));
}

#[test]
fn a_state_that_does_not_fit_is_refused_and_changes_nothing() {
    type Change = fn(&mut Vec<NamedTensor>);

    let config = ModelConfig { hidden: vec![4], ..ModelConfig::default() };
    let net = classifier(&config);
    let targets: Vec<_> = net.parameters().iter().collect();
    let good = state(net.parameters()).unwrap();
    let cases: [(&str, Change); 5] = [
        ("no tensor \"net.2.bias\"", |s| s.truncate(3)),
        ("does not know", |s| s[0].name = "fc.weight".into()),
        ("shape", |s| s[2].shape = vec![4, 3]),
        ("finite", |s| s[1].values[2] = f32::NAN),
        ("shape", |s| s[1].values.truncate(3)),
    ];
    for (expected, change) in cases {
        let mut bad = good.clone();
        // What would be visible if a part were taken over.
        bad[2].values[0] += 1.0;
        change(&mut bad);
        let message = load_state(&targets, &bad).expect_err(expected).to_string();
        assert!(message.contains(expected), "{message}");
        assert_eq!(state(net.parameters()).unwrap(), good);
    }
}

#[test]
fn unfolding_a_standardization_takes_back_what_folding_did() {
    let net = classifier(&ModelConfig::default());
    let first: Vec<NamedTensor> = state(net.parameters()).unwrap().into_iter().take(2).collect();
    let [mut weight, mut bias] = [first[0].clone(), first[1].clone()];
    let (mean, deviation) = ([0.5, 0.1, 0.0, 0.9, 0.3, 0.2], [0.2, 1.0, 3.0, 0.5, 0.1, 0.7]);
    fold_standardization(&mut weight, &mut bias, &mean, &deviation).unwrap();
    assert_ne!(weight, first[0]);
    unfold_standardization(&mut weight, &mut bias, &mean, &deviation).unwrap();
    for (found, wanted) in [(&weight, &first[0]), (&bias, &first[1])] {
        let mut pairs = found.values.iter().zip(&wanted.values);
        assert!(pairs.all(|(a, b)| (a - b).abs() < 1e-5), "{found:?} {wanted:?}");
    }
    assert!(unfold_standardization(&mut weight, &mut bias, &mean[1..], &deviation).is_err());
}

#[test]
fn a_folded_standardization_gives_the_same_logits_on_plain_inputs() {
    let config = ModelConfig { hidden: vec![7], ..ModelConfig::default() };
    let (standardized, plain) = (classifier(&config), classifier(&config));
    let mean: Vec<f32> = (0..6).map(|i| 0.1 * i as f32).collect();
    let deviation: Vec<f32> = (0..6).map(|i| 0.05 + 0.2 * i as f32).collect();
    let mut folded = state(standardized.parameters()).unwrap();
    let (weight, rest) = folded.split_at_mut(1);
    fold_standardization(&mut weight[0], &mut rest[0], &mean, &deviation).unwrap();
    load_state(&plain.parameters().iter().collect::<Vec<_>>(), &folded).unwrap();
    let (weight, rest) = folded.split_at_mut(1);
    assert!(fold_standardization(&mut weight[0], &mut rest[0], &mean, &[0.0; 6]).is_err());

    let x = batch(5).inputs;
    let mean = Tensor::from_vec(mean, 6, &Device::Cpu).unwrap();
    let deviation = Tensor::from_vec(deviation, 6, &Device::Cpu).unwrap();
    let z = x.broadcast_sub(&mean).unwrap().broadcast_div(&deviation).unwrap();
    let wanted = standardized.net.forward(&z, Mode::Evaluate).unwrap();
    let found = plain.net.forward(&x, Mode::Evaluate).unwrap();
    let scale = wanted.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
    let error = (wanted - found).unwrap().abs().unwrap().max_all().unwrap();
    assert!(error.to_scalar::<f32>().unwrap() < 1e-5 * scale);
}

#[test]
fn an_output_activation_is_applied_and_listed() {
    let ends = Ends { prefix: "decoder", inputs: 3, outputs: 4, activation: Core::Sigmoid };
    let config = ModelConfig { hidden: vec![5], ..ModelConfig::default() };
    let net = DenseNet::new(ends, &config, 0, &Device::Cpu).unwrap();
    let y = net.forward(
        &Tensor::ones((2, 3), candle_core::DType::F32, &Device::Cpu).unwrap(),
        Mode::Evaluate,
    );
    let y = y.unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert!(y.iter().all(|v| (0.0..=1.0).contains(v)));
    assert_eq!(net.parameters()[2].name, "decoder.2.weight");
    assert_eq!(net.layers().last().unwrap().kind, "Sigmoid");
}

#[test]
fn settings_out_of_range_are_refused_by_their_key() {
    type Change = fn(&mut ModelConfig);
    let cases: [(&str, Change); 6] = [
        ("model.hidden", |c| c.hidden = vec![65_536, 65_536]),
        ("model.hidden", |c| c.hidden = vec![50, 0]),
        ("model.hidden", |c| c.hidden = vec![1; 300]),
        ("model.hidden", |c| c.hidden = vec![usize::MAX]),
        ("model.dropout", |c| c.dropout = 1.0),
        ("model.init_scale", |c| c.init_scale = f64::NAN),
    ];
    for (key, change) in cases {
        let mut config = ModelConfig::default();
        change(&mut config);
        let error = Classifier::new(6, 3, &config, 0.0, 1, &Device::Cpu).expect_err(key);
        assert!(matches!(error, Error::Setting { key: found, .. } if found == key), "{error}");
    }
    let build = |inputs, classes, smoothing| {
        Classifier::new(inputs, classes, &ModelConfig::default(), smoothing, 1, &Device::Cpu)
    };
    assert!(build(6, 3, 1.0).is_err() && build(0, 3, 0.0).is_err() && build(6, 0, 0.0).is_err());
}
