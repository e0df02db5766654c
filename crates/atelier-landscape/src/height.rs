use atelier_core::{Batch, Evaluation, Objective, assign, evaluate_batch};
use ndarray::ArrayView2;

use crate::kept::restored;
use crate::watch::report;
use crate::{Error, Plane, Result, Watch};

/// The mean over some examples, batch by batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Height {
    /// Mean loss per example.
    pub loss: f64,
    /// Standard error of that mean as an estimate for the population that the examples come from,
    /// told from the differences between the batches; `None` for fewer than two batches.
    pub standard_error: Option<f64>,
    /// Share of examples classified correctly, where the question makes sense.
    pub accuracy: Option<f64>,
}

impl Height {
    /// The mean over `batches`, each weighted by its number of examples.
    ///
    /// # Errors
    /// [`Error::Setting`] if there is no example.
    pub fn new(batches: &[Evaluation]) -> Result<Self> {
        let losses: Vec<(f64, usize)> = batches.iter().map(|b| (b.loss, b.total)).collect();
        let (loss, standard_error) = mean_and_error(&losses)?;
        let total: usize = batches.iter().map(|b| b.total).sum();
        let correct: Option<usize> = batches.iter().map(|b| b.correct).sum();
        let accuracy = correct.map(|correct| correct as f64 / total as f64);
        Ok(Self { loss, standard_error, accuracy })
    }
}

/// The mean of values that stand for some examples each, and its standard error.
pub(crate) fn mean_and_error(values: &[(f64, usize)]) -> Result<(f64, Option<f64>)> {
    let total = values.iter().map(|(_, n)| n).sum::<usize>() as f64;
    if total <= 0.0 {
        return Err(Error::setting("the examples", "one or more", "none"));
    }
    let mean = values.iter().map(|(value, n)| value * *n as f64).sum::<f64>() / total;
    let squares: f64 =
        values.iter().map(|(value, n)| (*n as f64 / total * (value - mean)).powi(2)).sum();
    let m = values.len() as f64;
    let error = (values.len() > 1).then(|| (squares * m / (m - 1.0)).sqrt());
    Ok((mean, error))
}

/// The height at each of `points`, a row each as [`atelier_core::flatten`] gives points; statistics of
/// data are recomputed there. The objective keeps its values.
///
/// # Errors
/// [`Error::NonFinite`] if a loss is not finite; [`Error::Stopped`] if `watch`, which is told after each
/// point, says so; fails if a point has another number of parameters, or the objective does.
pub fn heights_at(
    objective: &dyn Objective,
    points: ArrayView2<f32>,
    batches: &[Batch],
    watch: &mut Watch,
) -> Result<Vec<Height>> {
    restored(objective, || {
        let mut heights = Vec::with_capacity(points.nrows());
        for (i, point) in points.rows().into_iter().enumerate() {
            let evaluations = evaluate_at(objective, &point.to_vec(), batches)?;
            heights.push(finite(&evaluations, || format!("snapshot {i}"))?);
            report(watch, i + 1, points.nrows())?;
        }
        Ok(heights)
    })
}

/// The height at each of `places` (x, y) of a plane, the fast way where the objective has one.
///
/// # Errors
/// As [`heights_at`].
pub fn heights_in_plane(
    objective: &dyn Objective,
    plane: &Plane,
    places: &[(f64, f64)],
    batches: &[Batch],
    watch: &mut Watch,
) -> Result<Vec<Height>> {
    let evaluator = objective.plane(plane.of_parameters(), batches)?;
    restored(objective, || {
        let mut heights = Vec::with_capacity(places.len());
        for (i, &(x, y)) in places.iter().enumerate() {
            let evaluations = match &evaluator {
                Some(evaluator) => evaluator.at(x, y)?,
                None => evaluate_at(objective, &plane.point(x, y), batches)?,
            };
            heights.push(finite(&evaluations, || format!("({x}, {y}) of the plane"))?);
            report(watch, i + 1, places.len())?;
        }
        Ok(heights)
    })
}

/// The height of `batches`, if it is one.
pub(crate) fn finite(batches: &[Evaluation], place: impl FnOnce() -> String) -> Result<Height> {
    let height = Height::new(batches)?;
    if height.loss.is_finite() {
        return Ok(height);
    }
    Err(Error::NonFinite { place: place(), value: height.loss })
}

/// The evaluation of each batch at `point`, where the objective stays.
pub(crate) fn evaluate_at(
    objective: &dyn Objective,
    point: &[f32],
    batches: &[Batch],
) -> Result<Vec<Evaluation>> {
    assign(objective.parameters(), point)?;
    objective.recompute_statistics(batches)?;
    batches.iter().map(|batch| Ok(evaluate_batch(objective, batch)?)).collect()
}
