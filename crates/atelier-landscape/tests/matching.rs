//! The matching of hidden units.

use std::ops::ControlFlow;

use atelier_core::seed::{permutation, stream};
use atelier_core::{Batch, HiddenUnits, Loss, Mode, Objective, Parameter};
use atelier_core::{assign, evaluate_batch, flatten};
use atelier_landscape::{Error, match_units};

#[path = "objectives/network.rs"]
mod network;

use network::{Examples, Network};

fn go_on(_done: usize, _of: usize) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// `point` with its units in another order, made without the code under test.
fn permuted(sizes: &[usize], point: &[f32], seed: u64) -> (Vec<f32>, Vec<Vec<u32>>) {
    let inner = sizes.len() - 2;
    let orders: Vec<Vec<u32>> = (0..inner)
        .map(|l| {
            permutation(
                &mut stream(seed, "units", 0, l as u64),
                u32::try_from(sizes[l + 1]).unwrap(),
            )
        })
        .collect();
    let unit = |layer: usize, i: usize| match layer.checked_sub(1).and_then(|l| orders.get(l)) {
        Some(order) => order[i] as usize,
        None => i,
    };
    let (mut out, mut start) = (Vec::new(), 0);
    for (layer, pair) in sizes.windows(2).enumerate() {
        let (n, m) = (pair[0], pair[1]);
        for i in 0..m {
            for j in 0..n {
                out.push(point[start + unit(layer + 1, i) * n + unit(layer, j)]);
            }
        }
        start += n * m;
        out.extend((0..m).map(|i| point[start + unit(layer + 1, i)]));
        start += m;
    }
    (out, orders)
}

#[test]
fn a_permuted_copy_of_a_network_is_matched_back_exactly() {
    let sizes = [20, 16, 12, 14, 5];
    let objective = Network::new(&sizes, 4, 0.0);
    let point = flatten(objective.parameters()).unwrap();
    let (copy, orders) = permuted(&sizes, &point, 9);
    assert_ne!(copy, point);
    let batch = &Examples::new(50, 20, 5, 1).batches(&[50])[0];
    let loss = |point: &[f32]| {
        assign(objective.parameters(), point).unwrap();
        evaluate_batch(&objective, batch).unwrap().loss
    };
    assert!((loss(&copy) - loss(&point)).abs() < 1e-6);

    let matching = match_units(&objective, &point, &copy, 0, &mut go_on).unwrap();
    assert_eq!(matching.point, point);
    for (found, order) in matching.permutations.iter().zip(&orders) {
        // Position i of the original is where the copy has put it.
        for (i, &unit) in found.iter().enumerate() {
            assert_eq!(order[unit] as usize, i);
        }
    }
    let again = match_units(&objective, &point, &point, 0, &mut go_on).unwrap();
    assert_eq!((again.point, again.rounds), (point, 1));
}

#[test]
fn another_network_comes_closer_and_stays_the_same_function() {
    let sizes = [20, 16, 12, 5];
    let objective = Network::new(&sizes, 4, 0.0);
    let a = flatten(objective.parameters()).unwrap();
    let b = flatten(Network::new(&sizes, 5, 0.0).parameters()).unwrap();
    let batch = &Examples::new(50, 20, 5, 1).batches(&[50])[0];
    let loss = |point: &[f32]| {
        assign(objective.parameters(), point).unwrap();
        evaluate_batch(&objective, batch).unwrap().loss
    };
    let distance = |p: &[f32]| p.iter().zip(&a).map(|(p, a)| (p - a).powi(2)).sum::<f32>().sqrt();
    let matching = match_units(&objective, &a, &b, 0, &mut go_on).unwrap();
    assert!(distance(&matching.point) < 0.97 * distance(&b));
    assert!((loss(&matching.point) - loss(&b)).abs() < 1e-6);
    assert!(matching.rounds > 1);
    // The same seed, the same result.
    let twice = match_units(&objective, &a, &b, 0, &mut go_on).unwrap();
    assert_eq!(matching, twice);
}

#[test]
fn a_layer_of_a_thousand_units_is_matched() {
    let sizes = [12, 1024, 3];
    let objective = Network::new(&sizes, 2, 0.0);
    let point = flatten(objective.parameters()).unwrap();
    let (copy, _) = permuted(&sizes, &point, 1);
    let matching = match_units(&objective, &point, &copy, 0, &mut go_on).unwrap();
    assert_eq!(matching.point, point);
}

/// A network that names other hidden units than it has.
struct Misnamed(Network, Vec<HiddenUnits>);

impl Objective for Misnamed {
    fn parameters(&self) -> &[Parameter] {
        self.0.parameters()
    }

    fn loss(&self, batch: &Batch, mode: Mode) -> atelier_core::Result<Loss> {
        self.0.loss(batch, mode)
    }

    fn hidden_units(&self) -> Vec<HiddenUnits> {
        self.1.clone()
    }
}

#[test]
fn units_that_are_not_there_are_refused() {
    let refused = |units: usize, axes: &[(usize, usize)]| {
        let layer = HiddenUnits { units, axes: axes.to_vec() };
        let objective = Misnamed(Network::new(&[6, 6, 3], 0, 0.0), vec![layer]);
        let point = flatten(objective.parameters()).unwrap();
        match_units(&objective, &point, &point, 0, &mut go_on).unwrap_err().to_string()
    };
    assert!(refused(5, &[(0, 0)]).contains("5 units along axis 0 of parameter 0"));
    assert!(refused(6, &[(1, 1)]).contains("axis 1 of parameter 1"));
    assert!(refused(6, &[(9, 0)]).contains("parameter 9"));
    assert!(refused(0, &[(9, 0)]).contains("0 units"));
    assert!(refused(6, &[(0, 0), (0, 1)]).contains("one axis of a parameter"));

    let objective = Misnamed(Network::new(&[6, 6, 3], 0, 0.0), Vec::new());
    let point = flatten(objective.parameters()).unwrap();
    let none = match_units(&objective, &point, &point, 0, &mut go_on).unwrap_err().to_string();
    assert!(none.contains("none"), "{none}");
}

#[test]
fn points_of_another_size_are_refused_and_a_search_can_be_stopped() {
    let objective = Network::new(&[4, 6, 3], 0, 0.0);
    let point = flatten(objective.parameters()).unwrap();
    let short = &point[1..];
    let error = match_units(&objective, &point, short, 0, &mut go_on).unwrap_err().to_string();
    assert!(error.contains("the point to reorder"), "{error}");
    let mut stop = |_: usize, _: usize| ControlFlow::Break(());
    let stopped = match_units(&objective, &point, &point, 0, &mut stop).unwrap_err();
    assert!(matches!(stopped, Error::Stopped { done: 1, .. }), "{stopped}");
}
