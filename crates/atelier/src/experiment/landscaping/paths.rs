//! What lies between the end points of two runs.

use anyhow::Result;
use atelier_core::Batch;
use atelier_landscape::{
    Barrier, Bezier, PATH_POINTS, PathLosses, PathPoint, line_losses, match_units,
};
use atelier_train::{
    OptimizerConfig, ScheduleConfig, ScheduleKind, Settings, Source, Stop as Ending, Surroundings,
    TrainConfig, Trainer,
};
use serde::Serialize;

use super::computed::Work;
use super::subject::{Run, Subject};

/// The paths between the ends of two runs.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Between {
    pub(crate) from: String,
    pub(crate) to: String,
    /// Of the two points in parameter space.
    pub(crate) distance: f64,
    /// Along the straight line.
    pub(crate) line: Path,
    /// Along a curve whose bend was trained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) curve: Option<Path>,
    /// Along the straight line to the second point with its hidden units reordered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) aligned: Option<Aligned>,
}

/// The losses along a path.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Path {
    pub(crate) barrier: f64,
    /// Of differences taken batch by batch.
    pub(crate) standard_error: Option<f64>,
    /// Where the barrier is highest, from 0 to 1.
    pub(crate) at: f64,
    /// Whether it is more than three standard errors.
    pub(crate) distinct: bool,
    pub(crate) points: Vec<Place>,
}

/// A point of a path.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Place {
    pub(crate) t: f64,
    pub(crate) loss: f64,
    pub(crate) standard_error: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) accuracy: Option<f64>,
}

/// The straight line after the units of one end were matched to those of the other.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Aligned {
    /// Of the two points, afterwards.
    pub(crate) distance: f64,
    /// Hidden units that have another place than before, and all.
    pub(crate) moved: usize,
    pub(crate) units: usize,
    pub(crate) line: Path,
}

impl From<PathLosses> for Path {
    fn from(losses: PathLosses) -> Self {
        let Barrier { rise, standard_error, t, .. } = losses.barrier;
        let place = |p: &PathPoint| Place {
            t: p.t,
            loss: p.height.loss,
            standard_error: p.height.standard_error,
            accuracy: p.height.accuracy,
        };
        Self {
            barrier: rise,
            standard_error,
            at: t,
            distinct: losses.barrier.is_distinct(),
            points: losses.points.iter().map(place).collect(),
        }
    }
}

/// The paths from the first run's end to that of each other.
pub(crate) fn between(subject: &Subject, runs: &[Run], work: &Work) -> Result<Vec<Between>> {
    let [first, others @ ..] = runs else { return Ok(Vec::new()) };
    others.iter().map(|other| pair(subject, first, other, work)).collect()
}

fn pair(subject: &Subject, from: &Run, to: &Run, work: &Work) -> Result<Between> {
    let objective = subject.objective.as_ref();
    let batches = subject.batches.as_slice();
    let end = |run: &Run| run.trajectory.points.row(run.trajectory.points.nrows() - 1).to_vec();
    let (a, b) = (end(from), end(to));
    work.terminal.talk(&format!("the line between the ends of {} and {}", from.name, to.name));
    let line = line_losses(objective, batches, &a, &b, PATH_POINTS, &mut work.watch())?;
    let curve = (work.config.path_epochs > 0).then(|| curve(subject, &a, &b, work)).transpose()?;
    let layers = objective.hidden_units();
    let aligned = (!layers.is_empty())
        .then(|| -> Result<Aligned> {
            let matching = match_units(objective, &a, &b, work.seed, &mut work.watch())?;
            let b = &matching.point;
            let line = line_losses(objective, batches, &a, b, PATH_POINTS, &mut work.watch())?;
            let moved =
                |order: &Vec<usize>| order.iter().enumerate().filter(|(i, u)| i != *u).count();
            Ok(Aligned {
                distance: distance(&a, b),
                moved: matching.permutations.iter().map(moved).sum(),
                units: layers.iter().map(|layer| layer.units).sum(),
                line: line.into(),
            })
        })
        .transpose()?;
    Ok(Between {
        from: from.name.clone(),
        to: to.name.clone(),
        distance: distance(&a, &b),
        line: line.into(),
        curve,
        aligned,
    })
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>().sqrt()
}

/// The losses along a Bézier curve, its bend trained on the examples of the landscape.
fn curve(subject: &Subject, a: &[f32], b: &[f32], work: &Work) -> Result<Path> {
    work.terminal.talk("a curved path between them");
    let curve = Bezier::new(subject.objective.as_ref(), a, b)?;
    let settings = Settings {
        train: TrainConfig { epochs: work.config.path_epochs, ..TrainConfig::default() },
        optimizer: OptimizerConfig {
            learning_rate: 0.05,
            momentum: 0.9,
            ..OptimizerConfig::default()
        },
        schedule: ScheduleConfig { kind: ScheduleKind::Cosine, ..ScheduleConfig::default() },
    };
    let batches = subject.batches.clone();
    let mut order = (u64::MAX, Vec::new());
    let shuffled = |epoch: u64| {
        let mut stream = atelier_core::seed::stream(work.seed, "path", epoch, 0);
        let n = u32::try_from(batches.len()).unwrap_or(u32::MAX);
        atelier_core::seed::permutation(&mut stream, n)
    };
    let mut source = Source {
        batches_per_epoch: batches.len(),
        batch: Box::new(|epoch, index| -> atelier_core::Result<Batch> {
            if order.0 != epoch {
                order = (epoch, shuffled(epoch));
            }
            Ok(batches[order.1[index] as usize].clone())
        }),
    };
    let surroundings = Surroundings {
        validation: None,
        run_dir: None,
        observer: &mut |_| {},
        interrupted: &|| work.stop.requested(),
    };
    let outcome = Trainer::new(&curve, &settings, work.seed)?.run(&mut source, surroundings)?;
    if outcome.stop == Ending::Interrupted {
        let (done, of) = (outcome.epochs, settings.train.epochs);
        return Err(atelier_landscape::Error::Stopped { done, of }.into());
    }
    Ok(curve.losses(&subject.batches, PATH_POINTS, &mut work.watch())?.into())
}
