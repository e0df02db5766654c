//! A loss whose landscape is known: what is found beside what theory says.
//!
//! `cargo run --release -p atelier-landscape --example quadratic`

use std::ops::ControlFlow;

use atelier_core::{Batch, Loss, Mode, Objective, Parameter, Targets, backward, flatten, seed};
use atelier_landscape::{
    Anchor, Axes, GridWork, Hessian, Lanczos, Result, Snapshot, Trajectory, evaluate_grid,
    line_losses, principal_components,
};
use candle_core::{Device, Tensor, Var};
use ndarray::Array2;
use rand_distr::{Distribution as _, StandardNormal};

const DIMENSIONS: usize = 30;
const STEPS: usize = 40;

/// 1/2 the sum of c (w - x)^2, as a mean over the examples x; c is 16, 8, 4, 2, and 1 from there on.
struct Quadratic {
    w: Vec<Parameter>,
    curvature: Tensor,
}

impl Objective for Quadratic {
    fn parameters(&self) -> &[Parameter] {
        &self.w
    }

    fn loss(&self, batch: &Batch, _mode: Mode) -> atelier_core::Result<Loss> {
        let squares = batch.inputs.broadcast_sub(self.w[0].var.as_tensor())?.sqr()?;
        let objective = (squares.broadcast_mul(&self.curvature)?.sum(1)?.mean_all()? * 0.5)?;
        Ok(Loss { reported: objective.detach(), objective, correct: None, total: batch.len() })
    }
}

fn main() -> Result<()> {
    let curvature: Vec<f32> =
        (0..DIMENSIONS).map(|i| [16.0, 8.0, 4.0, 2.0, 1.0][i.min(4)]).collect();
    let var = Var::from_tensor(&normal(1, "start")?.squeeze(0)?)?;
    let w = Parameter { name: "w".to_string(), var, decayed: false, transposed: false };
    let objective =
        Quadratic { w: vec![w], curvature: Tensor::new(curvature.as_slice(), &Device::Cpu)? };
    let batches = vec![batch("first")?, batch("second")?, batch("third")?];

    // Gradient descent on the first batch, every point kept.
    let mut points = flatten(objective.parameters())?;
    for _ in 0..STEPS {
        let gradients = backward(&objective.loss(&batches[0], Mode::Evaluate)?.objective)?;
        let var = &objective.w[0].var;
        if let Some(gradient) = gradients.get(var) {
            var.set(&(var.as_tensor() - (gradient * 0.05)?)?)?;
        }
        points.extend(flatten(objective.parameters())?);
    }
    let points =
        Array2::from_shape_fn((STEPS + 1, DIMENSIONS), |(i, j)| points[i * DIMENSIONS + j]);
    let at = |step| Snapshot { step, epoch: step as f64, minibatch_loss: None };
    let descent = Trajectory::new("descent", points, (0..=STEPS as u64).map(at).collect())?;

    let watch = &mut |_, _| ControlFlow::Continue(());
    let pca = principal_components(std::slice::from_ref(&descent), Anchor::Final, watch)?;
    let shares = pca.shares();
    println!("shares of the variance: {:.4}, {:.4}, {:.4}", shares[0], shares[1], shares[2]);

    let plane = pca.plane()?;
    let axes = Axes { x: vec![-2.0, 0.0, 2.0], y: vec![-1.0, 0.0, 1.0] };
    let work = GridWork { threads: 1, remember: None };
    let surface = evaluate_grid(&objective, &plane, &axes, &batches, work, watch)?;
    println!("\n   x    y    loss  theory");
    for (j, &y) in axes.y.iter().enumerate() {
        for (i, &x) in axes.x.iter().enumerate() {
            let known = theory(&plane.point(x, y), &curvature, &batches)?;
            println!("{x:4} {y:4} {:7.3} {known:7.3}", surface.loss[j * axes.x.len() + i]);
        }
    }

    let hessian = Hessian::new(&objective, &batches)?;
    let found = hessian.eigenpairs(&Lanczos { pairs: 4, ..Lanczos::default() }, watch)?;
    println!("\neigenvalue  theory  residual");
    for (pair, known) in found.pairs.iter().zip(&curvature) {
        println!("{:10.4} {known:7.1}  {:.1e}", pair.value, pair.residual);
    }
    let trace = hessian.trace(20, 0, watch)?;
    let known: f32 = curvature.iter().sum();
    println!(
        "trace {:.2}, standard error {:.2}; theory {known}",
        trace.value, trace.standard_error
    );

    // A convex loss has no barrier.
    let (start, end) = (descent.points.row(0).to_vec(), descent.points.row(STEPS).to_vec());
    let line = line_losses(&objective, &batches, &start, &end, 11, watch)?;
    println!(
        "\nbarrier from start to end {}, distinct: {}",
        line.barrier.rise,
        line.barrier.is_distinct()
    );
    Ok(())
}

/// `rows` by `DIMENSIONS` normal numbers.
fn normal(rows: usize, purpose: &str) -> Result<Tensor> {
    let stream = &mut seed::stream(0, purpose, 0, 0);
    let values: Vec<f32> = (0..rows * DIMENSIONS).map(|_| StandardNormal.sample(stream)).collect();
    Ok(Tensor::from_vec(values, (rows, DIMENSIONS), &Device::Cpu)?)
}

fn batch(purpose: &str) -> Result<Batch> {
    Ok(Batch { inputs: (normal(20, purpose)? * 0.2)?, targets: Targets::None })
}

/// The loss at `w`, by hand.
fn theory(w: &[f32], curvature: &[f32], batches: &[Batch]) -> Result<f64> {
    let mut sum = 0.0;
    let mut rows = 0.0;
    for batch in batches {
        for x in batch.inputs.to_vec2::<f32>()? {
            let terms = w.iter().zip(&x).zip(curvature);
            sum += terms.map(|((w, x), c)| 0.5 * f64::from(c * (w - x).powi(2))).sum::<f64>();
            rows += 1.0;
        }
    }
    Ok(sum / rows)
}
