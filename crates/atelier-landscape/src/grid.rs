//! The loss over a grid of points in a plane.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use atelier_core::{Batch, Evaluation, Objective};

use crate::done::Done;
use crate::height::{evaluate_at, finite};
use crate::kept::{examples, restored};
use crate::watch::report;
use crate::{Error, Height, Plane, Result, Watch};

/// The points of a grid: all pairs of an `x` and a `y`.
#[derive(Debug, Clone, PartialEq)]
pub struct Axes {
    /// Coordinates along the plane's first direction, rising.
    pub x: Vec<f64>,
    /// Coordinates along the second, rising.
    pub y: Vec<f64>,
}

/// More points than this are taken for a slip of the pen.
const MOST_POINTS: usize = 4_000_000;

impl Axes {
    /// Checks that the coordinates make a grid.
    ///
    /// # Errors
    /// [`Error::Setting`] if an axis has fewer than two points, does not rise or is not finite, or
    /// if there are more than four million points.
    pub fn check(&self) -> Result<()> {
        for axis in [&self.x, &self.y] {
            if axis.len() < 2 {
                let found = format!("{} x {}", self.x.len(), self.y.len());
                return Err(Error::setting("landscape.grid", "2 or more points each way", found));
            }
            if !axis.iter().all(|c| c.is_finite()) || axis.windows(2).any(|c| c[0] >= c[1]) {
                let expected = "finite coordinates, each larger than the one before";
                return Err(Error::setting("the axes of the grid", expected, "others"));
            }
        }
        let points = self.x.len().saturating_mul(self.y.len());
        if points > MOST_POINTS {
            return Err(Error::setting("landscape.grid", "at most 4000000 points", points));
        }
        Ok(())
    }
}

/// The loss over a grid; lists hold a value for each point, row by row, a row for each `y`.
#[derive(Debug, Clone, PartialEq)]
pub struct Surface {
    /// Where it was evaluated.
    pub axes: Axes,
    /// Mean loss per example.
    pub loss: Vec<f64>,
    /// Its standard error, see [`Height::standard_error`].
    pub standard_error: Option<Vec<f64>>,
    /// Share of examples classified correctly.
    pub accuracy: Option<Vec<f64>>,
}

/// How [`evaluate_grid`] works.
#[derive(Debug, Clone, Copy)]
pub struct GridWork<'a> {
    /// How many threads evaluate points; the values do not depend on it. An objective that has neither
    /// a plane evaluator nor a replica is evaluated by the caller's thread alone.
    pub threads: usize,
    /// A file that remembers finished rows, each with a checksum, so that a killed evaluation can go on;
    /// what it holds of another grid, plane, objective or set of examples is thrown away, and so is what
    /// stands from a damaged line on ([`read_rows`](crate::read_rows) says whether there is one).
    pub remember: Option<&'a Path>,
}

/// Evaluates at a point of the plane.
type At<'a> = Box<dyn FnMut(f64, f64) -> Result<Vec<Evaluation>> + Send + 'a>;

/// Evaluates `objective` over `plane` at all points of `axes`, on all examples of `batches`.
///
/// Where the objective has a [`atelier_core::PlaneEvaluator`], that is used; otherwise its parameters
/// are set for each point (those of a replica for each thread) and statistics of data are recomputed
/// there. The objective itself is left with the values it had. `watch` is told how many points are
/// done at the beginning and after each row.
///
/// # Errors
/// As [`Axes::check`]; [`Error::Setting`] if there are no examples; [`Error::NonFinite`] if a loss is
/// not finite; [`Error::Stopped`] if `watch` says so, with the rows that are done in the file; fails
/// if the plane is of another number of parameters, or the objective or the disk does.
pub fn evaluate_grid(
    objective: &dyn Objective,
    plane: &Plane,
    axes: &Axes,
    batches: &[Batch],
    work: GridWork,
    watch: &mut Watch,
) -> Result<Surface> {
    axes.check()?;
    examples(batches)?;
    let mut done = Done::open(work.remember, objective, plane, axes, batches)?;
    let todo = done.todo();
    let points = axes.x.len() * axes.y.len();
    report(watch, points - todo.len() * axes.x.len(), points)?;

    let evaluator = objective.plane(plane.of_parameters(), batches)?;
    let threads = work.threads.clamp(1, todo.len().max(1));
    let workers: Vec<At> = match &evaluator {
        Some(evaluator) => {
            let worker = || -> At { Box::new(|x, y| Ok(evaluator.at(x, y)?)) };
            (0..threads).map(|_| worker()).collect()
        }
        None => replicas(objective, threads, plane, batches)?,
    };
    let mut keep = |row: usize, heights: Vec<Height>| {
        done.add(row, heights)?;
        report(watch, points - done.left() * axes.x.len(), points)
    };
    let evaluated = if workers.is_empty() {
        let at = |x, y| evaluate_at(objective, &plane.point(x, y), batches);
        restored(objective, || todo.iter().try_for_each(|&row| keep(row, row_of(row, axes, at)?)))
    } else {
        spread(workers, &todo, axes, &mut keep)
    };
    // Also after an error: what is done need not be done again.
    let synced = done.sync();
    evaluated.and(synced)?;
    Ok(done.surface())
}

/// A worker with a replica for each thread; none where there is one thread, or no replica.
fn replicas<'a>(
    objective: &dyn Objective,
    threads: usize,
    plane: &'a Plane,
    batches: &'a [Batch],
) -> Result<Vec<At<'a>>> {
    let mut workers: Vec<At> = Vec::new();
    while threads > 1 && workers.len() < threads {
        let Some(replica) = objective.replica()? else { break };
        workers.push(Box::new(move |x, y| evaluate_at(&*replica, &plane.point(x, y), batches)));
    }
    Ok(workers)
}

/// Gives rows to the workers, each on a thread of its own, until none is left or `keep` fails.
fn spread(
    workers: Vec<At>,
    todo: &[usize],
    axes: &Axes,
    keep: &mut dyn FnMut(usize, Vec<Height>) -> Result<()>,
) -> Result<()> {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let (send, receive) = channel();
        let mut begun = 0;
        for mut at in workers {
            let (send, next, stop) = (send.clone(), &next, &stop);
            let work = move || {
                while !stop.load(Ordering::Relaxed) {
                    let Some(&row) = todo.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                    // Nobody listens any more after an error.
                    if send.send((row, row_of(row, axes, &mut at))).is_err() {
                        break;
                    }
                }
            };
            match std::thread::Builder::new().spawn_scoped(scope, work) {
                Ok(_) => begun += 1,
                // The system has no more threads to give: those that there are do it.
                Err(_) if begun > 0 => break,
                Err(error) => return Err(Error::Thread(error)),
            }
        }
        drop(send);
        for (row, heights) in receive {
            if let Err(error) = heights.and_then(|heights| keep(row, heights)) {
                stop.store(true, Ordering::Relaxed);
                return Err(error);
            }
        }
        Ok(())
    })
}

/// The heights along one row.
fn row_of(
    row: usize,
    axes: &Axes,
    mut at: impl FnMut(f64, f64) -> Result<Vec<Evaluation>>,
) -> Result<Vec<Height>> {
    let y = axes.y[row];
    let height = |&x: &f64| finite(&at(x, y)?, || format!("({x}, {y}) of the plane"));
    axes.x.iter().map(height).collect()
}
