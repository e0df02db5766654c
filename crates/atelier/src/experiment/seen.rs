//! What a classifier says of the test examples, from one look at them.

use anyhow::{Context as _, Result, anyhow, bail};
use atelier_core::{Evaluation, Mode, Targets, ops};
use atelier_data::{Loaded, Standardization};
use atelier_models::Classifier;
use candle_core::Device;
use serde::{Deserialize, Serialize};

use super::prepared::{CHUNK, Prepared};

/// Confidences are counted in so many intervals of equal width (Guo et al., "On Calibration of Modern
/// Neural Networks", 2017).
const INTERVALS: usize = 15;
/// Mistakes that are kept, the most confident ones.
pub(crate) const MISTAKES: usize = 24;

/// The test examples as a network sees them.
pub(crate) struct Seen {
    pub(crate) found: Evaluation,
    pub(crate) look: Look,
    /// The most confident mistakes, most confident first.
    pub(crate) mistakes: Vec<Mistake>,
}

/// What is told of the test examples beside loss and accuracy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Look {
    /// One for each class, in the order of the labels.
    pub(crate) classes: Vec<ClassResult>,
    /// How many examples of each class (row) were said to be of each class (column).
    pub(crate) confusion: Vec<Vec<usize>>,
    pub(crate) calibration: Calibration,
}

/// How well one class is told from the others. A ratio of nothing to nothing is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ClassResult {
    pub(crate) class: String,
    /// Of the examples said to be of the class, the share that is.
    pub(crate) precision: Option<f64>,
    /// Of the examples of the class, the share that was said to be.
    pub(crate) recall: Option<f64>,
    /// The harmonic mean of both.
    pub(crate) f1: Option<f64>,
    /// Examples of the class.
    pub(crate) support: usize,
}

/// Whether probabilities mean what they say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Calibration {
    /// The mean difference between confidence and accuracy within an interval, by size, weighted by the
    /// examples in it.
    pub(crate) expected_error: f64,
    /// Intervals of confidence in which there are examples, lowest first.
    pub(crate) intervals: Vec<Interval>,
}

/// The examples whose most probable class has a probability above `from` and up to `to`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Interval {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) examples: usize,
    /// Mean probability of the most probable class.
    pub(crate) confidence: f64,
    /// The share for which it is the right one.
    pub(crate) accuracy: f64,
}

/// An example that was said to be of another class than it is.
pub(crate) struct Mistake {
    /// Its place in the test file, from 0.
    pub(crate) index: usize,
    pub(crate) is: usize,
    pub(crate) said: usize,
    /// Of the class that it was said to be of.
    pub(crate) probability: f64,
    /// In [0, 1].
    pub(crate) pixels: Vec<f32>,
}

/// One interval in the making.
#[derive(Clone, Copy, Default)]
struct Sums {
    examples: usize,
    confidence: f64,
    correct: usize,
}

impl Seen {
    /// As the prepared network sees them; reads the test examples once.
    pub(crate) fn of_test(prepared: &Prepared) -> Result<Self> {
        let standardization = prepared.standardization.as_ref();
        Self::of(&prepared.model, &prepared.data, standardization, &prepared.device)
    }

    /// As a network on `device` sees the test examples, standardised if it was trained so; reads them
    /// once.
    pub(crate) fn of(
        model: &Classifier,
        data: &Loaded,
        standardization: Option<&Standardization>,
        device: &Device,
    ) -> Result<Self> {
        let batches = data.test.evaluation_batches(CHUNK, standardization, device)?;
        let n = data.train.classes();
        let (mut sum, mut total, mut correct) = (0.0, 0, 0);
        let mut confusion = vec![vec![0; n]; n];
        let mut sums = [Sums::default(); INTERVALS];
        let mut mistakes: Vec<Mistake> = Vec::new();
        for batch in batches {
            let batch = batch.context("cannot evaluate the test examples")?;
            let inputs = batch.matrix()?;
            let logits = model.net.forward(&inputs, Mode::Evaluate)?.detach();
            let loss = ops::cross_entropy(&logits, &batch.targets, 0.0)?;
            sum += f64::from(loss.reported.to_scalar::<f32>()?) * loss.total as f64;
            let Targets::Classes(classes) = &batch.targets else {
                bail!("the test examples have no classes");
            };
            let classes: Vec<u32> = classes.to_vec1()?;
            for (row, (logits, class)) in logits.to_vec2::<f32>()?.iter().zip(classes).enumerate() {
                let is = usize::try_from(class)?;
                let shares = softmax(logits);
                let said = most_probable(&shares);
                let confidence = shares[said];
                *confusion
                    .get_mut(is)
                    .and_then(|of: &mut Vec<usize>| of.get_mut(said))
                    .ok_or_else(|| anyhow!("class {is} of a test example is not below {n}"))? += 1;
                let of = &mut sums[interval(confidence)];
                of.examples += 1;
                of.confidence += confidence;
                of.correct += usize::from(is == said);
                correct += usize::from(is == said);
                let least = mistakes.last().map_or(0.0, |least| least.probability);
                if is != said && (mistakes.len() < MISTAKES || confidence > least) {
                    let pixels = inputs.get(row)?.to_vec1()?;
                    let (index, probability) = (total + row, confidence);
                    let pixels = plain(pixels, standardization);
                    let at = mistakes.partition_point(|other| other.probability >= probability);
                    mistakes.insert(at, Mistake { index, is, said, probability, pixels });
                    mistakes.truncate(MISTAKES);
                }
            }
            total += loss.total;
        }
        let found = Evaluation { loss: sum / total as f64, correct: Some(correct), total };
        let classes = class_results(&data.class_names, &confusion);
        let look = Look { classes, calibration: calibration(&sums, total), confusion };
        Ok(Self { found, look, mistakes })
    }
}

/// Probabilities from logits.
pub(crate) fn softmax(logits: &[f32]) -> Vec<f64> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|&x| f64::from(x - most).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// The first of the largest.
pub(crate) fn most_probable(shares: &[f64]) -> usize {
    let larger = |best: usize, i: usize| if shares[i] > shares[best] { i } else { best };
    (0..shares.len()).fold(0, larger)
}

/// The interval `(k / 15, (k + 1) / 15]` that a confidence lies in.
fn interval(confidence: f64) -> usize {
    let place = (confidence * INTERVALS as f64).ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 15; NaN is 0"
    )]
    let place = place as usize;
    place.clamp(1, INTERVALS) - 1
}

/// Pixels in [0, 1] again, where they were standardised.
fn plain(mut pixels: Vec<f32>, standardization: Option<&Standardization>) -> Vec<f32> {
    if let Some(Standardization { mean, scale }) = standardization {
        for ((pixel, mean), scale) in pixels.iter_mut().zip(mean).zip(scale) {
            *pixel = *pixel * scale + mean;
        }
    }
    pixels
}

/// The results of the classes with these names, from how often each was said to be which.
pub(crate) fn class_results(names: &[String], confusion: &[Vec<usize>]) -> Vec<ClassResult> {
    let share = |part: usize, of: usize| (of > 0).then(|| part as f64 / of as f64);
    let of_class = |class: usize| {
        let right = confusion[class][class];
        let support: usize = confusion[class].iter().sum();
        let said: usize = confusion.iter().map(|row| row[class]).sum();
        ClassResult {
            class: names.get(class).cloned().unwrap_or_else(|| class.to_string()),
            precision: share(right, said),
            recall: share(right, support),
            f1: share(2 * right, support + said),
            support,
        }
    };
    (0..confusion.len()).map(of_class).collect()
}

fn calibration(sums: &[Sums; INTERVALS], total: usize) -> Calibration {
    let bound = |k: usize| k as f64 / INTERVALS as f64;
    let filled = sums.iter().enumerate().filter(|(_, of)| of.examples > 0);
    let intervals: Vec<Interval> = filled
        .map(|(k, of)| Interval {
            from: bound(k),
            to: bound(k + 1),
            examples: of.examples,
            confidence: of.confidence / of.examples as f64,
            accuracy: of.correct as f64 / of.examples as f64,
        })
        .collect();
    let error = |of: &Interval| of.examples as f64 * (of.confidence - of.accuracy).abs();
    let expected_error = intervals.iter().map(error).sum::<f64>() / total as f64;
    Calibration { expected_error, intervals }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_recall_and_their_mean_come_from_columns_rows_and_both() {
        let names = ["a", "b", "c", "d"].map(str::to_string);
        let confusion = [vec![8, 2, 0, 0], vec![4, 6, 0, 0], vec![0, 1, 0, 0], vec![0, 0, 0, 0]];
        let found = class_results(&names, &confusion);
        let close = |found: Option<f64>, wanted: f64| (found.unwrap() - wanted).abs() < 1e-12;
        assert!(close(found[0].precision, 8.0 / 12.0) && close(found[0].recall, 0.8));
        assert!(close(found[0].f1, 2.0 * 8.0 / 22.0));
        // Never said: no precision, and a recall of 0.
        assert_eq!(
            (found[2].precision, found[2].recall, found[2].f1),
            (None, Some(0.0), Some(0.0))
        );
        // Neither there nor said.
        assert_eq!((found[3].precision, found[3].recall, found[3].f1), (None, None, None));
    }

    #[test]
    fn confidences_lie_in_the_interval_that_ends_with_them() {
        let of = |confidence| interval(confidence);
        assert_eq!((of(0.0), of(0.01), of(1.0 / 15.0 + 1e-9), of(1.0)), (0, 0, 1, 14));
        assert_eq!(of(f64::NAN), 0);
    }

    #[test]
    fn the_calibration_error_is_the_mean_gap_weighted_by_examples() {
        let mut sums = [Sums::default(); INTERVALS];
        // 10 at 0.9, of which 7 are right, and 30 at 0.5, of which 18 are right.
        sums[13] = Sums { examples: 10, confidence: 9.0, correct: 7 };
        sums[7] = Sums { examples: 30, confidence: 15.0, correct: 18 };
        let found = calibration(&sums, 40);
        assert!((found.expected_error - (10.0 * 0.2 + 30.0 * 0.1) / 40.0).abs() < 1e-12);
        assert_eq!(found.intervals.len(), 2);
    }

    #[test]
    fn probabilities_sum_to_one_however_large_the_logits_are() {
        let shares = softmax(&[1000.0, 999.0, -1000.0]);
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((shares[0] - 1.0 / (1.0 + (-1.0_f64).exp())).abs() < 1e-9);
        assert_eq!(most_probable(&[0.2, 0.4, 0.4]), 1);
    }

    #[test]
    fn standardised_pixels_come_back() {
        let standardization = Standardization { mean: vec![0.5, 0.25], scale: vec![2.0, 0.5] };
        let pixels = plain(vec![0.25, -0.5], Some(&standardization));
        assert_eq!(pixels, [1.0, 0.0]);
    }
}
