//! Barriers and curved paths.

use std::ops::ControlFlow;

use atelier_core::update::{SgdStep, sgd};
use atelier_core::{
    Batch, Loss, Mode, Objective, Parameter, StepAddress, assign, backward, evaluate_batch, flatten,
};
use atelier_landscape::{Bezier, Error, PATH_POINTS, line_losses};
use candle_core::{Device, Var};

#[path = "objectives/network.rs"]
mod network;
#[path = "objectives/scalar.rs"]
mod scalar;

use network::{Examples, Network};
use scalar::{Scalar, batches};

fn go_on(_done: usize, _of: usize) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// (x^2 - 1)^2 + y^2: minima at (-1, 0) and (1, 0), and 1 between them.
fn double_well() -> Scalar {
    Scalar::new(&[0.25, 0.5], |w| {
        let (x, y) = (w.get(0)?, w.get(1)?);
        (x.sqr()? - 1.0)?.sqr()? + y.sqr()?
    })
}

/// A hill of height 1 a little beside the way from (-1, 0) to (1, 0), where the loss is 0.02.
fn hill() -> Scalar {
    Scalar::new(&[0.0, 0.0], |w| {
        let (x, y) = (w.get(0)?, (w.get(1)? - 0.1)?);
        ((x.sqr()? + y.sqr()?)? * -4.0)?.exp()
    })
}

#[test]
fn a_convex_function_has_no_barrier() {
    let objective = Scalar::new(&[0.0, 0.0], |w| w.sqr()?.sum_all());
    let batches = batches(&[&[1.0], &[1.2], &[0.7]]);
    let path =
        line_losses(&objective, &batches, &[-1.0, 0.5], &[2.0, 1.0], 25, &mut go_on).unwrap();
    assert!(path.barrier.rise.abs() < 1e-6, "{:?}", path.barrier);
    assert!(!path.barrier.is_distinct());
}

#[test]
fn the_barrier_of_a_double_well_is_its_middle_with_the_error_of_the_batches() {
    let objective = double_well();
    // Heights 0.8, 1.0 and 1.4 with 2, 1 and 1 examples.
    let batches = batches(&[&[0.7, 0.9], &[1.0], &[1.4]]);
    let path =
        line_losses(&objective, &batches, &[-1.0, 0.0], &[1.0, 0.0], PATH_POINTS, &mut go_on)
            .unwrap();
    assert_eq!(path.points.len(), 25);
    assert!((path.points[6].t - 0.25).abs() < 1e-12);
    assert!((path.points[6].height.loss - 0.5625).abs() < 1e-6, "{:?}", path.points[6]);
    assert!((path.barrier.rise - 1.0).abs() < 1e-6, "{:?}", path.barrier);
    assert!((path.barrier.t - 0.5).abs() < 1e-12);
    // sqrt(3/2 (0.5^2 0.2^2 + 0.25^2 0 + 0.25^2 0.4^2))
    let expected = (1.5 * (0.01 + 0.01_f64)).sqrt();
    assert!((path.barrier.standard_error.unwrap() - expected).abs() < 1e-6, "{:?}", path.barrier);
    assert!(path.barrier.is_distinct());
    assert_eq!(flatten(objective.parameters()).unwrap(), [0.25, 0.5]);
}

#[test]
fn the_points_of_a_line_carry_accuracies_and_the_losses_of_their_batches() {
    let objective = Network::new(&[4, 6, 3], 0, 0.0);
    let batches = Examples::new(30, 4, 3, 5).batches(&[12, 10, 8]);
    let a = flatten(objective.parameters()).unwrap();
    let b = flatten(Network::new(&[4, 6, 3], 1, 0.0).parameters()).unwrap();
    let path = line_losses(&objective, &batches, &a, &b, 5, &mut go_on).unwrap();
    let start = &path.points[0];
    let mut correct = 0;
    for (batch, loss) in batches.iter().zip(&start.batch_losses) {
        let one = evaluate_batch(&objective, batch).unwrap();
        assert!((one.loss - loss).abs() < 1e-6);
        correct += one.correct.unwrap();
    }
    assert!((start.height.accuracy.unwrap() - correct as f64 / 30.0).abs() < 1e-12);
}

/// Its loss is the square of the distance between the parameter and a statistic; 0 where the
/// statistic has been recomputed.
struct Statistical(Parameter, Parameter);

impl Statistical {
    fn new() -> Self {
        let parameter = |name: &str, value: f32| Parameter {
            name: name.into(),
            var: Var::from_slice(&[value], 1, &Device::Cpu).unwrap(),
            decayed: true,
            transposed: false,
        };
        Self(parameter("w", 3.0), parameter("mean", 7.0))
    }
}

impl Objective for Statistical {
    fn parameters(&self) -> &[Parameter] {
        std::slice::from_ref(&self.0)
    }

    fn buffers(&self) -> &[Parameter] {
        std::slice::from_ref(&self.1)
    }

    fn loss(&self, batch: &Batch, _mode: Mode) -> atelier_core::Result<Loss> {
        let objective = (self.0.var.as_tensor() - self.1.var.as_tensor())?.sqr()?.sum_all()?;
        Ok(Loss { reported: objective.detach(), objective, correct: None, total: batch.len() })
    }

    fn recompute_statistics(&self, _batches: &[Batch]) -> atelier_core::Result<()> {
        Ok(self.1.var.set(&self.0.var.as_tensor().copy()?)?)
    }
}

#[test]
fn statistics_are_recomputed_at_every_place_and_put_back_afterwards() {
    let objective = Statistical::new();
    let batches = batches(&[&[1.0], &[1.0]]);
    let path = line_losses(&objective, &batches, &[0.0], &[1.0], 5, &mut go_on).unwrap();
    for point in &path.points {
        assert!(point.height.loss < 1e-12, "{point:?}");
    }
    assert_eq!(objective.0.values().unwrap(), [3.0]);
    assert_eq!(objective.1.values().unwrap(), [7.0]);
}

#[test]
fn a_bend_is_trained_around_a_hill() {
    let objective = hill();
    let batches = batches(&[&[1.0], &[1.1], &[0.9]]);
    let (a, b) = ([-1.0, 0.0], [1.0, 0.0]);
    let before = line_losses(&objective, &batches, &a, &b, 25, &mut go_on).unwrap();
    assert!(before.barrier.rise > 0.9, "{:?}", before.barrier);

    let curve = Bezier::new(&objective, &a, &b).unwrap();
    let step = SgdStep {
        learning_rate: 0.2,
        momentum: 0.0,
        nesterov: false,
        weight_decay: 0.0,
        gradient_scale: 1.0,
    };
    for epoch in 0..100 {
        for (index, batch) in (0..).zip(&batches) {
            let mode = Mode::Train(StepAddress { seed: 0, epoch, index });
            let loss = curve.loss(batch, mode).unwrap();
            let (value, reported) = (&loss.objective, &loss.reported);
            let difference = (value - reported).unwrap().to_scalar::<f32>().unwrap();
            assert!(difference.abs() < 1e-6, "{difference}");
            let gradients = backward(value).unwrap();
            let bend = &curve.parameters()[0].var;
            sgd(bend, None, gradients.get(bend).unwrap(), &step).unwrap();
        }
    }
    let after = curve.losses(&batches, 25, &mut go_on).unwrap();
    assert!(after.barrier.rise < 0.1, "{:?}", after.barrier);
    let straight = |t: usize| (&before.points[t].height.loss, &after.points[t].height.loss);
    for end in [0, 24] {
        let (line, curve) = straight(end);
        assert!((line - curve).abs() < 1e-6);
    }
    assert_eq!(curve.point(0.0).unwrap(), a);
    assert_eq!(curve.point(1.0).unwrap(), b);
    drop(curve);
    assert_eq!(flatten(objective.parameters()).unwrap(), [0.0, 0.0]);
}

#[test]
fn at_first_the_curve_is_the_straight_line() {
    let objective = double_well();
    let curve = Bezier::new(&objective, &[-1.0, 0.0], &[1.0, 4.0]).unwrap();
    let point = curve.point(0.25).unwrap();
    assert!((point[0] + 0.5).abs() < 1e-6 && (point[1] - 1.0).abs() < 1e-6, "{point:?}");
    assert_eq!(curve.parameters()[0].name, "bend.w");
}

#[test]
fn the_gradient_of_the_bend_is_that_of_the_evaluated_loss() {
    let objective = Network::new(&[4, 6, 3], 0, 0.0);
    let batch = &Examples::new(30, 4, 3, 5).batches(&[30])[0];
    let a = flatten(objective.parameters()).unwrap();
    let b = flatten(Network::new(&[4, 6, 3], 1, 0.0).parameters()).unwrap();
    let curve = Bezier::new(&objective, &a, &b).unwrap();
    let parameters = curve.parameters();
    let loss = curve.loss(batch, Mode::Evaluate).unwrap();
    let right = loss.correct.unwrap().to_scalar::<f32>().unwrap();
    assert!(right.fract() == 0.0 && (0.0..=30.0).contains(&right));
    let gradients = backward(&loss.objective).unwrap();
    let mut gradient = Vec::new();
    for parameter in parameters {
        gradient.extend(parameter.export(gradients.get(&parameter.var).unwrap()).unwrap());
    }
    // Along the gradient, the loss changes by its length times the step.
    let bend = flatten(parameters).unwrap();
    let length = gradient.iter().map(|g| g * g).sum::<f32>().sqrt();
    let at = |h: f32| {
        let moved: Vec<f32> = bend.iter().zip(&gradient).map(|(w, g)| w + h * g / length).collect();
        assign(parameters, &moved).unwrap();
        evaluate_batch(&curve, batch).unwrap().loss
    };
    let slope = (at(0.01) - at(-0.01)) / 0.02;
    assert!((slope / f64::from(length) - 1.0).abs() < 1e-3, "{slope}, expected {length}");
}

#[test]
fn what_cannot_be_compared_or_evaluated_is_refused() {
    let objective = double_well();
    let two = batches(&[&[1.0], &[1.0]]);
    let (a, b) = ([-1.0, 0.0], [1.0, 0.0]);
    let line = |batches: &[Batch], a: &[f32], points: usize| {
        line_losses(&objective, batches, a, &b, points, &mut go_on).unwrap_err().to_string()
    };
    assert!(line(&two, &[1.0], 25).contains("the start of the line is one with 1"));
    assert!(line(&two, &[1.0, f32::INFINITY], 25).contains("position 1"));
    assert!(line(&[], &a, 25).contains("at least one batch"));
    assert!(line(&batches(&[&[1.0], &[]]), &a, 25).contains("empty batch at position 1"));
    assert!(line(&two, &a, 2).contains("3 or more"));
    assert!(Bezier::new(&objective, &a, &[1.0]).is_err());

    let logarithm = Scalar::new(&[1.0], |w| w.log()?.sum_all());
    let error = line_losses(&logarithm, &two, &[1.0], &[-1.0], 5, &mut go_on).unwrap_err();
    assert!(matches!(&error, Error::NonFinite { place, .. } if place.contains("t = 0.5")));
    assert_eq!(flatten(logarithm.parameters()).unwrap(), [1.0]);

    let mut stop = |done: usize, _of: usize| {
        if done == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let stopped = line_losses(&objective, &two, &a, &b, 25, &mut stop).unwrap_err();
    assert!(matches!(stopped, Error::Stopped { done: 2, of: 25 }), "{stopped}");
    assert_eq!(flatten(objective.parameters()).unwrap(), [0.25, 0.5]);
}
