//! The learning-rate range test: the rate grows exponentially from step to step, and the loss tells
//! where training is fastest and where it breaks.
//!
//! # References
//! Smith, *Cyclical learning rates for training neural networks*, WACV 2017.

use atelier_core::{Mode, Objective, StepAddress, backward};
use serde::Serialize;

use crate::optimizer::Optimizer;
use crate::{Error, Result, Settings, Source};

/// The first rate; far too small for any network of this kind.
const FROM: f64 = 1e-5;
/// The last rate; far too large.
const TO: f64 = 10.0;
/// Weight of the past in the smoothed loss.
const SMOOTHING: f64 = 0.95;
/// The test ends where the smoothed loss is this many times its lowest.
const BROKEN: f64 = 4.0;

/// A curve of fewer points has no slope to speak of.
const FEWEST_STEPS: usize = 10;

/// One step of the test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RangePoint {
    /// The learning rate of the step.
    pub learning_rate: f64,
    /// Reported loss of its batch.
    pub loss: f64,
    /// The loss, smoothed over the steps before.
    pub smoothed: f64,
}

/// The curve, and what to read off it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RangeTest {
    /// All steps in order.
    pub points: Vec<RangePoint>,
    /// The rate at which the smoothed loss fell fastest (per factor of the rate): a place to begin,
    /// no more than that. `None` if it fell nowhere.
    pub suggestion: Option<f64>,
}

/// Runs the test over at most `steps` batches, from a rate of 1e-5 to 10. The objective is not fit
/// for use afterwards.
///
/// # Errors
/// As [`Settings::check`]; [`Error::NoBatches`]; [`Error::TooFewSteps`] if there are fewer than ten;
/// [`Error::Diverged`] if the very first loss is not finite; fails if the objective or the source does.
pub fn range_test(
    objective: &dyn Objective,
    settings: &Settings,
    seed: u64,
    source: &mut Source,
    steps: usize,
) -> Result<RangeTest> {
    settings.check()?;
    if source.batches_per_epoch == 0 {
        return Err(Error::NoBatches);
    }
    if steps < FEWEST_STEPS {
        return Err(Error::TooFewSteps { steps, least: FEWEST_STEPS });
    }
    let train = &settings.train;
    let parameters = objective.parameters();
    let mut optimizer =
        Optimizer::new(&settings.optimizer, train.weight_decay, train.clip, parameters)?;
    let (mut smoothed, mut weight, mut lowest) = (0.0, 0.0, f64::INFINITY);
    let mut points: Vec<RangePoint> = Vec::with_capacity(steps);
    for step in 0..steps {
        let learning_rate = FROM * (TO / FROM).powf(step as f64 / (steps - 1) as f64);
        let (epoch, index) = (step / source.batches_per_epoch, step % source.batches_per_epoch);
        let (epoch, batch) = (epoch as u64, (source.batch)(epoch as u64, index)?);
        let address = StepAddress { seed, epoch, index: index as u64 };
        let loss = objective.loss(&batch, Mode::Train(address))?;
        let value = f64::from(loss.reported.to_scalar::<f32>()?);
        if step == 0 && !value.is_finite() {
            #[expect(clippy::cast_possible_truncation, reason = "not finite in f32 either")]
            let value = value as f32;
            return Err(Error::Diverged {
                quantity: "loss",
                value,
                epoch: 1,
                step: 1,
                learning_rate,
            });
        }
        // The weight corrects for the start of the average at 0.
        smoothed = SMOOTHING * smoothed + (1.0 - SMOOTHING) * value;
        weight = SMOOTHING * weight + (1.0 - SMOOTHING);
        let level = smoothed / weight;
        if !level.is_finite() || level > BROKEN * lowest {
            break;
        }
        lowest = lowest.min(level);
        points.push(RangePoint { learning_rate, loss: value, smoothed: level });
        optimizer.step(parameters, &backward(&loss.objective)?, learning_rate)?;
    }
    Ok(RangeTest { suggestion: steepest(&points), points })
}

/// The rate where the smoothed loss falls fastest, over windows of a tenth of the curve.
fn steepest(points: &[RangePoint]) -> Option<f64> {
    let width = (points.len() / 10).max(1);
    let mut best = (0.0, None);
    for pair in points.windows(width + 1) {
        let (first, last) = (pair[0], pair[width]);
        let slope =
            (last.smoothed - first.smoothed) / (last.learning_rate / first.learning_rate).ln();
        if slope < best.0 {
            best = (slope, Some((first.learning_rate * last.learning_rate).sqrt()));
        }
    }
    best.1
}
