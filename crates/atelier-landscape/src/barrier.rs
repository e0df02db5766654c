//! The loss along a path from one solution to another, and the barrier on it.
//!
//! The barrier is the largest excess of the loss over the straight line between the losses of the
//! ends. Whether it is more than noise of the examples is judged by differences taken batch by batch:
//! what makes a batch hard at one point makes it hard at all, and cancels.
//!
//! # References
//! Frankle et al., *Linear mode connectivity and the lottery ticket hypothesis*, ICML 2020 (the
//! excess over the mean of the ends); Entezari et al., *The role of permutation invariance in linear
//! mode connectivity of neural networks*, ICLR 2022 (over the line between them).

use atelier_core::{Batch, Evaluation, Objective};

use crate::height::{evaluate_at, mean_and_error};
use crate::kept::{check_point, examples, restored};
use crate::watch::report;
use crate::{Error, Height, Result, Watch};

/// The loss at one point of a path.
#[derive(Debug, Clone, PartialEq)]
pub struct PathPoint {
    /// Where on the path: 0 at its start, 1 at its end.
    pub t: f64,
    /// Mean reported loss over all examples, its standard error, and the accuracy.
    pub height: Height,
    /// Mean reported loss of each batch.
    pub batch_losses: Vec<f64>,
}

/// The highest rise above the straight line between the losses of the ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Barrier {
    /// Largest loss(t) - ((1 - t) loss(0) + t loss(1)) over the points of the path; at least 0, its
    /// value at the ends.
    pub rise: f64,
    /// Standard error of the rise, from differences taken batch by batch; `None` for one batch.
    pub standard_error: Option<f64>,
    /// Where that is.
    pub t: f64,
}

impl Barrier {
    /// Whether the rise is more than three standard errors, so that the ends are distinct minima.
    #[must_use]
    pub fn is_distinct(&self) -> bool {
        self.standard_error.is_some_and(|error| self.rise > 3.0 * error)
    }
}

/// The losses along a path.
#[derive(Debug, Clone, PartialEq)]
pub struct PathLosses {
    /// In order, the ends included.
    pub points: Vec<PathPoint>,
    /// The barrier on it.
    pub barrier: Barrier,
}

/// How many points a path is evaluated at, unless there is a reason for another number.
pub const PATH_POINTS: usize = 25;

/// The losses at `points` places evenly spaced on the straight line from one point to another, both
/// included.
///
/// Statistics of batch norm are recomputed at each place. The standard errors take the batches for
/// independent samples, weighted by their sizes: have ten or more of them. The objective has its own
/// values again afterwards, also after an error.
///
/// # Errors
/// [`Error::Setting`] if there are fewer than three points or no batches, a batch is empty, or an end
/// is no point of the objective; [`Error::NonFinite`] with the place of such a loss;
/// [`Error::Stopped`] if `watch`, which is told after every place, says so.
pub fn line_losses(
    objective: &dyn Objective,
    batches: &[Batch],
    from: &[f32],
    to: &[f32],
    points: usize,
    watch: &mut Watch,
) -> Result<PathLosses> {
    check_point(objective, "the start of the line", from)?;
    check_point(objective, "the end of the line", to)?;
    restored(objective, || {
        path_losses(batches, points, watch, &mut |t| {
            #[expect(clippy::cast_possible_truncation, reason = "points are f32")]
            let between =
                |(&a, &b): (&f32, &f32)| ((1.0 - t) * f64::from(a) + t * f64::from(b)) as f32;
            let point: Vec<f32> = from.iter().zip(to).map(between).collect();
            evaluate_at(objective, &point, batches)
        })
    })
}

/// The losses along the path on which `evaluate` gives the evaluation of each batch at t.
pub(crate) fn path_losses(
    batches: &[Batch],
    points: usize,
    watch: &mut Watch,
    evaluate: &mut dyn FnMut(f64) -> Result<Vec<Evaluation>>,
) -> Result<PathLosses> {
    examples(batches)?;
    if points < 3 {
        return Err(Error::setting("the number of points of a path", "3 or more", points));
    }
    let mut path = Vec::with_capacity(points);
    for k in 0..points {
        let t = k as f64 / (points - 1) as f64;
        let evaluations = evaluate(t)?;
        let batch_losses: Vec<f64> = evaluations.iter().map(|e| e.loss).collect();
        if let Some(i) = batch_losses.iter().position(|loss| !loss.is_finite()) {
            let place = format!("batch {i}, t = {t} of the path");
            return Err(Error::NonFinite { place, value: batch_losses[i] });
        }
        path.push(PathPoint { t, height: Height::new(&evaluations)?, batch_losses });
        report(watch, k + 1, points)?;
    }
    let sizes: Vec<usize> = batches.iter().map(Batch::len).collect();
    let barrier = barrier(&path, &sizes)?;
    Ok(PathLosses { points: path, barrier })
}

fn barrier(path: &[PathPoint], sizes: &[usize]) -> Result<Barrier> {
    let (start, end) = (&path[0].batch_losses, &path[path.len() - 1].batch_losses);
    let mut highest = Barrier { rise: f64::NEG_INFINITY, standard_error: None, t: 0.0 };
    for point in path {
        let t = point.t;
        let ends = start.iter().zip(end).map(|(a, b)| (1.0 - t) * a + t * b);
        let excess = point.batch_losses.iter().zip(ends).map(|(loss, ends)| loss - ends);
        let excess: Vec<(f64, usize)> = excess.zip(sizes.iter().copied()).collect();
        let (rise, standard_error) = mean_and_error(&excess)?;
        if rise > highest.rise {
            highest = Barrier { rise, standard_error, t };
        }
    }
    Ok(highest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_batches_share_at_all_points_does_not_count_in_the_error_of_a_barrier() {
        let point = |t, rise: f64| {
            let batch_losses = vec![1.0 + rise, 5.0 + rise, 9.0 + rise];
            let height = Height { loss: 5.0 + rise, standard_error: Some(2.3), accuracy: None };
            PathPoint { t, height, batch_losses }
        };
        let path = [point(0.0, 0.0), point(0.25, 0.1), point(0.5, 0.3), point(1.0, 0.2)];
        let barrier = barrier(&path, &[10; 3]).unwrap();
        assert!((barrier.rise - 0.2).abs() < 1e-12);
        assert!((barrier.t - 0.5).abs() < 1e-12);
        assert!(barrier.standard_error.unwrap() < 1e-12 && barrier.is_distinct());
    }

    #[test]
    fn one_batch_has_no_standard_error_and_proves_nothing() {
        let barrier = Barrier { rise: 10.0, standard_error: None, t: 0.5 };
        assert!(!barrier.is_distinct());
    }
}
