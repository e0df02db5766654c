//! What a landscape asks of an autoencoder: replicas, planes, the order of hidden units.

use atelier_autoencoder::{Autoencoder, AutoencoderConfig};
use atelier_core::{
    Batch, Mode, Objective, Parameter, PlaneOfParameters, Targets, assign, backward,
    evaluate_batch, flatten, seed,
};
use candle_core::{Device, Tensor};
use rand::RngExt as _;

const INPUTS: usize = 13;

fn autoencoder(tied: bool) -> Autoencoder {
    let hidden = vec![9, 7];
    let config = AutoencoderConfig { hidden, latent: 5, tied, ..AutoencoderConfig::default() };
    Autoencoder::new(INPUTS, &config, 3, &Device::Cpu).expect("an autoencoder")
}

fn random(n: usize, lane: u64) -> Vec<f32> {
    let mut stream = seed::stream(4, "test", 0, lane);
    (0..n).map(|_| stream.random::<f32>()).collect()
}

fn batch(n: usize) -> Batch {
    let inputs = Tensor::from_vec(random(n * INPUTS, n as u64), (n, INPUTS), &Device::Cpu);
    Batch { inputs: inputs.expect("inputs"), targets: Targets::None }
}

#[test]
fn the_plane_evaluator_agrees_with_setting_the_parameters() {
    let model = autoencoder(false);
    let batches = [batch(70), batch(33)];
    let origin = flatten(model.parameters()).expect("a point");
    let centred = |lane| random(origin.len(), lane).iter().map(|x| x - 0.5).collect::<Vec<f32>>();
    let (first, second) = (centred(1), centred(2));
    let plane = PlaneOfParameters { origin: &origin, first: &first, second: &second };
    let evaluator = model.plane(plane, &batches).expect("fits").expect("a dense network");
    for (a, b) in [(0.0, 0.0), (0.5, -1.0), (3.0, 2.0)] {
        #[expect(clippy::cast_possible_truncation, reason = "parameters are f32")]
        let point: Vec<f32> = (0..origin.len())
            .map(|i| {
                let along = a * f64::from(first[i]) + b * f64::from(second[i]);
                (f64::from(origin[i]) + along) as f32
            })
            .collect();
        assign(model.parameters(), &point).expect("assigned");
        for (fast, batch) in evaluator.at(a, b).expect("evaluated").iter().zip(&batches) {
            let plain = evaluate_batch(&model, batch).expect("evaluated");
            assert!((fast.loss - plain.loss).abs() < 1e-6, "({a}, {b}): {fast:?} {plain:?}");
            assert_eq!((fast.correct, fast.total), (None, plain.total));
        }
    }
    let tied = autoencoder(true);
    let zeros = vec![0.0; flatten(tied.parameters()).expect("a point").len()];
    let plane = PlaneOfParameters { origin: &zeros, first: &zeros, second: &zeros };
    assert!(tied.plane(plane, &batches).expect("asked").is_none());
}

#[test]
fn exact_products_with_the_hessian_are_the_change_of_the_gradient() {
    let model = autoencoder(false);
    let batch = batch(40);
    let point = flatten(model.parameters()).expect("a point");
    let vector: Vec<f32> = random(point.len(), 3).iter().map(|x| x - 0.5).collect();
    let found = model.hessian_product(&vector, &batch).expect("fits").expect("a dense network");
    let h = 1e-4;
    let gradient = |by: f32| -> Vec<f32> {
        let moved: Vec<f32> = point.iter().zip(&vector).map(|(w, v)| w + by * v).collect();
        assign(model.parameters(), &moved).expect("assigned");
        let gradients = backward(&model.loss(&batch, Mode::Evaluate).expect("a loss").objective)
            .expect("gradients");
        let of = |p: &Parameter| {
            gradients.get(&p.var).map(|g| p.export(g).expect("read")).expect("takes part")
        };
        model.parameters().iter().flat_map(of).collect()
    };
    let (ahead, behind) = (gradient(h), gradient(-h));
    let (mut off, mut size) = (0.0, 0.0);
    for (found, (ahead, behind)) in found.iter().zip(ahead.iter().zip(&behind)) {
        let wanted = (f64::from(*ahead) - f64::from(*behind)) / (2.0 * f64::from(h));
        off += (f64::from(*found) - wanted).powi(2);
        size += wanted.powi(2);
    }
    // ReLU's kinks are in the differences only; so short a step crosses few, and rounding is 1 %.
    assert!(size > 0.0 && off.sqrt() < 0.05 * size.sqrt(), "{} of {}", off.sqrt(), size.sqrt());
    let tied = autoencoder(true);
    let zeros = vec![0.0; flatten(tied.parameters()).expect("a point").len()];
    assert!(tied.hessian_product(&zeros, &batch).expect("asked").is_none());
}

#[test]
fn replicas_have_the_same_values_and_keep_them() {
    for tied in [false, true] {
        let model = autoencoder(tied);
        let batch = batch(20);
        let replica = model.replica().expect("memory").expect("a replica");
        let before = evaluate_batch(&model, &batch).expect("evaluated");
        assert_eq!(evaluate_batch(&*replica, &batch).expect("evaluated"), before);
        let point = flatten(replica.parameters()).expect("a point");
        assert_eq!(point, flatten(model.parameters()).expect("a point"));
        assign(model.parameters(), &vec![0.0; point.len()]).expect("assigned");
        assert_eq!(evaluate_batch(&*replica, &batch).expect("evaluated"), before);
        assign(replica.parameters(), &vec![0.0; point.len()]).expect("assigned");
        let zero = evaluate_batch(&*replica, &batch).expect("evaluated");
        assert!((zero.loss - before.loss).abs() > 1e-6);
    }
}

#[test]
fn hidden_units_in_another_order_compute_the_same() {
    for tied in [false, true] {
        let model = autoencoder(tied);
        // Biases that differ, so that a forgotten one is noticed.
        let point = flatten(model.parameters()).expect("a point");
        let noise = random(point.len(), 9);
        let point: Vec<f32> = point.iter().zip(&noise).map(|(p, n)| p + 0.2 * (n - 0.4)).collect();
        assign(model.parameters(), &point).expect("assigned");
        let batch = batch(20);
        let before = evaluate_batch(&model, &batch).expect("evaluated").loss;
        let layers = model.hidden_units();
        let units: Vec<usize> = layers.iter().map(|layer| layer.units).collect();
        assert_eq!(units, if tied { vec![9, 7, 5] } else { vec![9, 7, 5, 7, 9] });
        for layer in layers {
            let count = u32::try_from(layer.units).expect("few");
            let order: Vec<u32> = (0..count).map(|i| (i + 2) % count).collect();
            let order = Tensor::new(order, &Device::Cpu).expect("an order");
            for (position, axis) in layer.axes {
                let parameter = &model.parameters()[position];
                assert_eq!(parameter.shape()[axis], layer.units, "{}", parameter.name);
                let values = parameter.values().expect("read");
                let old = Tensor::from_vec(values, parameter.shape(), &Device::Cpu);
                let new = old.expect("a tensor").index_select(&order, axis).expect("reordered");
                let new = new.flatten_all().expect("flat").to_vec1::<f32>().expect("read");
                parameter.assign(&new).expect("assigned");
            }
            let after = evaluate_batch(&model, &batch).expect("evaluated").loss;
            assert!((after - before).abs() < 1e-6, "{before} {after}, tied: {tied}");
        }
    }
}
