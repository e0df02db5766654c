//! Everything that is computed of a landscape.

use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Result, anyhow};
use atelier_core::{Parameter, assign, flatten};
use atelier_landscape::{
    Anchor, Axes, AxisRange, Directions, GridWork, Height, Hessian, Lanczos, LandscapeConfig,
    Method, Null, Pca, Plane, PlaneCurvature, Projection, Surface, Trajectory, evaluate_grid,
    filter_normalised_directions, heights_at, heights_in_plane, plane_through,
    principal_components, random_directions, random_walk, read_rows,
};
use atelier_store::Error::Corrupt;
use atelier_train::OptimizerKind;
use serde::{Deserialize, Serialize};

use super::paths::{Between, between};
use super::subject::{Run, Subject};
use crate::failure::Help as _;
use crate::signals::Stop;
use crate::terminal::{Terminal, significant, warn};

/// Vectors that the trace of a Hessian is estimated from.
pub(crate) const TRACE_SAMPLES: usize = 10;
/// Eigenvalues of a Hessian that are reported.
const EIGENVALUES: usize = 3;

/// A landscape.
pub(crate) struct Landscape {
    pub(crate) plane: Plane,
    /// Where the directions are principal ones.
    pub(crate) pca: Option<Pca>,
    /// What random walks would have shown.
    pub(crate) null: Option<Null>,
    /// Such walks in the plane of their own principal directions, one for each run.
    pub(crate) walks: Vec<Vec<(f64, f64)>>,
    pub(crate) surface: Surface,
    /// In the order of the runs.
    pub(crate) runs: Vec<Seen>,
    /// What lies between the first run's end and that of each other.
    pub(crate) paths: Vec<Between>,
    /// How the Hessians of the runs were computed.
    pub(crate) curvature: Option<String>,
}

/// A run as seen from the plane.
pub(crate) struct Seen {
    pub(crate) projections: Vec<Projection>,
    /// At each snapshot.
    pub(crate) heights: Vec<Height>,
    /// At the projection of each snapshot: what lies on the surface.
    pub(crate) in_plane: Vec<Height>,
    pub(crate) curvature: Vec<Curvature>,
    /// Of the loss along the plane's directions, at the end of the run.
    pub(crate) within_plane: Option<PlaneCurvature>,
}

/// The Hessian of the loss at a snapshot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Curvature {
    pub(crate) step: u64,
    pub(crate) epoch: f64,
    /// The largest, falling.
    pub(crate) eigenvalues: Vec<f64>,
    /// There is an eigenvalue within this distance of the first.
    pub(crate) residual: f64,
    /// How far it may be off because products are differences; rounding alone where they are exact.
    pub(crate) difference_error: f64,
    /// Whether all residuals came below a thousandth of the largest eigenvalue.
    pub(crate) converged: bool,
    pub(crate) trace: f64,
    pub(crate) trace_standard_error: f64,
    /// The learning rate of the next step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) learning_rate: Option<f64>,
    /// 2 / learning rate, with momentum m 2 (1 + m) / learning rate: above it, gradient descent over
    /// all examples would not be stable; not known of other update rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stable_below: Option<f64>,
}

/// What the computation works with.
pub(crate) struct Work<'a> {
    pub(crate) config: &'a LandscapeConfig,
    pub(crate) seed: u64,
    pub(crate) threads: usize,
    pub(crate) terminal: Terminal,
    pub(crate) stop: &'a Stop,
    /// Where the grid is remembered.
    pub(crate) remember: &'a Path,
}

impl Work<'_> {
    /// Goes on unless a signal came.
    pub(crate) fn watch(&self) -> impl FnMut(usize, usize) -> ControlFlow<()> + '_ {
        |_, _| {
            if self.stop.requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
}

/// Computes the landscape of `subject` around `runs`; `None` if a signal came.
pub(crate) fn compute(subject: &Subject, runs: &[Run], work: &Work) -> Result<Option<Landscape>> {
    match landscape(subject, runs, work) {
        Err(error) if is_stopped(&error) => Ok(None),
        done => done.map(Some),
    }
}

fn is_stopped(error: &anyhow::Error) -> bool {
    let stopped = |cause: &(dyn std::error::Error + 'static)| {
        matches!(cause.downcast_ref(), Some(atelier_landscape::Error::Stopped { .. }))
    };
    error.chain().any(stopped)
}

fn landscape(subject: &Subject, runs: &[Run], work: &Work) -> Result<Landscape> {
    let trajectories: Vec<Trajectory> = runs.iter().map(|run| run.trajectory.clone()).collect();
    let config = work.config;
    let principal = config.directions == Directions::Pca;
    work.terminal.talk("directions");
    let pca = principal
        .then(|| principal_components(&trajectories, config.anchor, &mut work.watch()))
        .transpose()?;
    let (plane, reach) = plane(subject, &trajectories, pca.as_ref(), work)?;
    let null = (principal && config.null_draws > 0)
        .then(|| {
            let watch = &mut work.watch();
            Null::draw(&trajectories, config.anchor, config.null_draws, work.seed, watch)
        })
        .transpose()?;
    let walks = if null.is_some() { walks(&trajectories, config.anchor, work)? } else { vec![] };

    work.terminal.talk("losses at the snapshots");
    let mut seen = Vec::with_capacity(runs.len());
    for trajectory in &trajectories {
        seen.push(see(subject, trajectory, &plane, work)?);
    }
    let axes = axes(&seen, reach, config)?;
    let points = axes.x.len() * axes.y.len();
    work.terminal
        .talk(&format!("{points} points of the plane, {} examples", subject.examples.len()));
    // The grid goes on with what stands before.
    if let Err(atelier_landscape::Error::Store(damage @ Corrupt { .. })) = read_rows(work.remember)
    {
        warn(&format!("warning: {damage}: from there on the rows are computed anew"));
    }
    let grid = GridWork { threads: work.threads, remember: Some(work.remember) };
    let (objective, batches) = (subject.objective.as_ref(), subject.batches.as_slice());
    let surface = evaluate_grid(objective, &plane, &axes, batches, grid, &mut work.watch())?;
    let paths = between(subject, runs, work)?;
    let mut method = None;
    if config.curvature > 0 {
        work.terminal.talk("curvature along the runs");
        for (run, seen) in runs.iter().zip(&mut seen) {
            method = Some(curvature(subject, run, &plane, seen, work)?);
        }
    }
    Ok(Landscape { plane, pca, null, walks, surface, runs: seen, paths, curvature: method })
}

/// The plane, and how far it reaches from its origin where the runs do not say so.
fn plane(
    subject: &Subject,
    trajectories: &[Trajectory],
    pca: Option<&Pca>,
    work: &Work,
) -> Result<(Plane, Option<[f64; 2]>)> {
    let end = |trajectory: &Trajectory| -> Vec<f32> {
        trajectory.points.rows().into_iter().next_back().map(|row| row.to_vec()).unwrap_or_default()
    };
    let last = end(&trajectories[0]);
    let length = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
    Ok(match work.config.directions {
        Directions::Pca => {
            let pca = pca.ok_or_else(|| anyhow!("there are no principal directions"))?;
            (pca.plane()?, None)
        }
        Directions::Random => {
            let [first, second] = random_directions(last.len(), work.seed);
            let reach = length(&last.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
            (Plane::new(last, &first, &second)?, Some([reach; 2]))
        }
        Directions::FilterNormalized => {
            let shapes: Vec<Vec<usize>> =
                subject.objective.parameters().iter().map(Parameter::shape).collect();
            let [first, second] = filter_normalised_directions(&last, &shapes, work.seed)?;
            let reach = [length(&first), length(&second)];
            (Plane::new(last, &first, &second)?, Some(reach))
        }
        Directions::ThreePoints => {
            let [_, other, ..] = trajectories else {
                return Err(anyhow!("landscape.directions is three-points, and there is one run"))
                    .help(|| "give two runs, or other directions such as pca".to_string());
            };
            let starts = trajectories[..2].iter().map(|t| t.points.row(0));
            let mut mean = vec![0.0_f64; last.len()];
            for start in starts {
                mean.iter_mut().zip(start).for_each(|(m, &s)| *m += f64::from(s) / 2.0);
            }
            #[expect(clippy::cast_possible_truncation, reason = "points are f32")]
            let mean: Vec<f32> = mean.iter().map(|&m| m as f32).collect();
            (plane_through(&mean, &last, &end(other))?, None)
        }
        Directions::Hessian => {
            let objective = subject.objective.as_ref();
            let before = flatten(objective.parameters())?;
            go(subject, &last)?;
            let pairs = Hessian::new(objective, &subject.batches).and_then(|hessian| {
                let lanczos = Lanczos { pairs: 2, seed: work.seed, ..Lanczos::default() };
                hessian.eigenpairs(&lanczos, &mut work.watch())
            });
            go(subject, &before)?;
            let pairs = pairs?.pairs;
            // Where the quadratic of the origin would have risen by 1.
            let reach = |k: usize| (2.0 / pairs[k].value.abs().max(1e-12)).sqrt();
            let reach = [reach(0), reach(1)];
            (Plane::new(last, &pairs[0].vector, &pairs[1].vector)?, Some(reach))
        }
    })
}

/// One random walk for each run in the plane of their own principal directions.
fn walks(trajectories: &[Trajectory], anchor: Anchor, work: &Work) -> Result<Vec<Vec<(f64, f64)>>> {
    let walks: Vec<Trajectory> = trajectories
        .iter()
        .enumerate()
        .map(|(run, trajectory)| random_walk(trajectory, work.seed, run as u64))
        .collect::<atelier_landscape::Result<_>>()?;
    let plane = principal_components(&walks, anchor, &mut work.watch())?.plane()?;
    let project = |walk| Ok(plane.project_all(walk)?.iter().map(|p| (p.x, p.y)).collect());
    walks.iter().map(project).collect()
}

/// The losses of a run, at its snapshots and below or above them in the plane.
fn see(subject: &Subject, trajectory: &Trajectory, plane: &Plane, work: &Work) -> Result<Seen> {
    let objective = subject.objective.as_ref();
    let projections = plane.project_all(trajectory)?;
    let places: Vec<(f64, f64)> = projections.iter().map(|p| (p.x, p.y)).collect();
    let (points, batches) = (trajectory.points.view(), subject.batches.as_slice());
    let heights = heights_at(objective, points, batches, &mut work.watch())?;
    let in_plane = heights_in_plane(objective, plane, &places, batches, &mut work.watch())?;
    Ok(Seen { projections, heights, in_plane, curvature: Vec::new(), within_plane: None })
}

/// The points of the grid: as given, or around the runs.
fn axes(seen: &[Seen], reach: Option<[f64; 2]>, config: &LandscapeConfig) -> Result<Axes> {
    let own = if let Some([x, y]) = reach {
        [AxisRange::new(-x, x)?, AxisRange::new(-y, y)?]
    } else {
        let places = seen.iter().flat_map(|seen| &seen.projections);
        let places: Vec<(f64, f64)> = places.map(|p| (p.x, p.y)).collect();
        AxisRange::around(&places, config.margin)?
    };
    let given = config.ranges()?;
    let coordinates = |axis: usize| given[axis].unwrap_or(own[axis]).coordinates(config.grid);
    Ok(Axes { x: coordinates(0)?, y: coordinates(1)? })
}

/// Takes the model to `point`, with the statistics of data that belong there.
fn go(subject: &Subject, point: &[f32]) -> Result<()> {
    let objective = subject.objective.as_ref();
    assign(objective.parameters(), point)?;
    Ok(objective.recompute_statistics(&subject.batches)?)
}

/// The Hessian at some snapshots of a run, the first and the last among them; how it was computed.
fn curvature(
    subject: &Subject,
    run: &Run,
    plane: &Plane,
    seen: &mut Seen,
    work: &Work,
) -> Result<String> {
    let objective = subject.objective.as_ref();
    let points = &run.trajectory.points;
    let n = points.nrows();
    let count = work.config.curvature.min(n);
    let mut chosen: Vec<usize> =
        (0..count).map(|k| if count == 1 { n - 1 } else { k * (n - 1) / (count - 1) }).collect();
    chosen.dedup();
    let before = flatten(objective.parameters())?;
    let mut method = String::new();
    let mut all = || -> Result<()> {
        for &row in &chosen {
            go(subject, &points.row(row).to_vec())?;
            let hessian = Hessian::new(objective, &subject.batches)?;
            method = match hessian.method() {
                Method::Exact => "Hessian-vector products are exact.".to_string(),
                Method::Differences { step } => format!(
                    "Hessian-vector products are differences of gradients over a distance of {}, kinks of \
                     activations within it included.",
                    significant(2.0 * step)
                ),
            };
            let lanczos = Lanczos { pairs: EIGENVALUES, seed: work.seed, ..Lanczos::default() };
            let found = hessian.eigenpairs(&lanczos, &mut work.watch())?;
            let trace = hessian.trace(TRACE_SAMPLES, work.seed, &mut work.watch())?;
            let snapshot = run.trajectory.snapshots[row];
            let learning_rate = run.recipe.as_ref().map(|r| r.learning_rate(snapshot.step));
            let momentum = run.recipe.as_ref().and_then(|recipe| {
                let sgd = recipe.optimizer.kind == OptimizerKind::Sgd;
                (sgd && !recipe.optimizer.nesterov).then_some(recipe.optimizer.momentum)
            });
            seen.curvature.push(Curvature {
                step: snapshot.step,
                epoch: snapshot.epoch,
                eigenvalues: found.pairs.iter().map(|pair| pair.value).collect(),
                residual: found.pairs[0].residual,
                difference_error: found.pairs[0].difference_error,
                converged: found.converged,
                trace: trace.value,
                trace_standard_error: trace.standard_error,
                learning_rate,
                stable_below: learning_rate.zip(momentum).and_then(|(rate, momentum)| {
                    (rate > 0.0).then(|| 2.0 * (1.0 + momentum) / rate)
                }),
            });
            if row == n - 1 {
                seen.within_plane = Some(hessian.in_plane(plane)?);
            }
        }
        Ok(())
    };
    let done = all();
    go(subject, &before)?;
    done.map(|()| method)
}
