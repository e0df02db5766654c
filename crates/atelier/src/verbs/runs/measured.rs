//! The model of a run on the test examples, held against what its summary says.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use atelier_core::{Evaluation, Objective as _, Parameter, evaluate};
use atelier_data::Loaded;
use atelier_store::Start;
use candle_core::Device;
use serde_json::Value;

use super::verify::Checks;
use crate::config::{AutoencodingConfig, Config};
use crate::experiment::autoencoding::Summary as AutoencoderSummary;
use crate::experiment::evaluating::Evaluated;
use crate::experiment::history::{self, StepRecord};
use crate::experiment::prepared::{CHUNK, Trainable, widths};
use crate::experiment::saved::MODEL;
use crate::experiment::seen::{Look, Seen, class_results};
use crate::experiment::summary::{Iteration, Summary, Tested};
use crate::experiment::training::Given;
use crate::experiment::weights::Weights;
use crate::failure::message;
use crate::terminal::thousands;

/// How far losses may be apart, as a share: weights into which a standardisation was folded, or that
/// another processor computed with, give other roundings.
const ROUNDING: f64 = 1e-4;
/// Of so many test images one may be decided otherwise for the same reason.
const CLOSE_CALLS: usize = 2000;

/// What a summary claims of a classifier on the test examples.
struct Claimed<'a> {
    parameters: usize,
    tested: Tested,
    look: Option<&'a Look>,
}

/// A classifier: accuracy, cross-entropy, what is confused with what, the last iterations.
pub(super) fn classifier(
    path: &Path,
    config: &Config,
    summary: &Value,
    data: &Loaded,
    checks: &mut Checks,
) {
    let summary = serde_json::from_value(summary.clone()).context("the summary is none of `train`");
    let summary: Option<Summary> =
        checks.result("summary's keys", summary, |_| "all there".to_string());
    let Some(summary) = summary else { return };
    let last = history::steps(path).and_then(|steps| {
        let last = &steps[steps.len().saturating_sub(summary.last_20.len())..];
        // The metrics hold the losses as they were computed, in 32 bits.
        let pairs = summary.last_20.iter().zip(last);
        let same = |(said, step): (&Iteration, &StepRecord)| {
            said.step == step.step && said.loss.to_bits() == f64::from(step.loss).to_bits()
        };
        ensure!(
            last.len() == summary.last_20.len() && pairs.into_iter().all(same),
            "not the last steps of metrics.jsonl"
        );
        Ok(last.len())
    });
    checks.result("last_20", last, |n| format!("the last {n} steps of metrics.jsonl"));
    let look = summary.look.as_ref();
    let claimed = Claimed { parameters: summary.parameters, tested: summary.test, look };
    on_test(path, config, &claimed, data, checks);
    checks.add("train, validation", None, "`train --config` repeats them");
}

/// A classifier with weights from a file: that it is this file, and as [`classifier`].
pub(super) fn given(
    path: &Path,
    config: &Config,
    (summary, start): (&Value, Option<&Start>),
    data: &Loaded,
    checks: &mut Checks,
) {
    let summary =
        serde_json::from_value(summary.clone()).context("the summary is none of `evaluate`");
    let summary: Option<Evaluated> =
        checks.result("summary's keys", summary, |_| "all there".to_string());
    let Some(summary) = summary else { return };
    let digest = Given::read(&path.join(MODEL)).and_then(|given| {
        let found = given.start.sha256;
        let recorded = start.map(|start| start.sha256.as_str());
        ensure!(
            found == summary.sha256 && Some(found.as_str()) == recorded,
            "SHA-256 of {MODEL} is {found}, expected {} of the summary and {} of the manifest",
            summary.sha256,
            recorded.unwrap_or("none"),
        );
        Ok(())
    });
    checks.result("sha256", digest, |()| "of the file that was given".to_string());
    let (parameters, tested) = (summary.parameters, summary.test);
    let claimed = Claimed { parameters, tested, look: Some(&summary.look) };
    on_test(path, config, &claimed, data, checks);
    checks.add("validation", None, "`train --evaluate` repeats it");
}

/// What is claimed of the test examples, held against itself and against what the model file gives.
fn on_test(
    path: &Path,
    config: &Config,
    claimed: &Claimed<'_>,
    data: &Loaded,
    checks: &mut Checks,
) {
    let tested = claimed.tested;
    let share = tested.correct as f64 / tested.total.max(1) as f64;
    let consistent = tested.total == data.test.len() && (share - tested.accuracy).abs() < 1e-12;
    checks.add(
        "test images",
        Some(consistent),
        format!("{} of {} correct, accuracy {}", tested.correct, tested.total, tested.accuracy),
    );
    let Some(model) = model(path, config, claimed.parameters, data, checks) else { return };
    // A standardisation is folded into the weights.
    let seen = match Seen::of(&model, data, None, &Device::Cpu) {
        Ok(seen) => seen,
        Err(error) => return checks.add("test images", Some(false), message(&error)),
    };

    let correct = seen.found.correct.unwrap_or(0);
    let near = correct.abs_diff(tested.correct) <= tested.total / CLOSE_CALLS;
    checks.add(
        "test.accuracy",
        Some(near && seen.found.total == tested.total),
        compared(
            &format!("{correct} of {} correct", seen.found.total),
            &format!("{} of {}", tested.correct, tested.total),
            correct == tested.correct && seen.found.total == tested.total,
        ),
    );
    loss("test.cross_entropy", seen.found.loss, tested.cross_entropy, checks);
    if let Some(look) = claimed.look {
        hold(look, &seen.look, tested.total, data, checks);
    }
}

/// Classes, confusion matrix and calibration.
fn hold(said: &Look, found: &Look, total: usize, data: &Loaded, checks: &mut Checks) {
    let n = found.confusion.len();
    let square = said.confusion.len() == n && said.confusion.iter().all(|row| row.len() == n);
    let pairs = said.confusion.iter().flatten().zip(found.confusion.iter().flatten());
    let moved = pairs.map(|(said, found)| said.abs_diff(*found)).sum::<usize>().div_ceil(2);
    let place =
        if square { format!("{moved} images elsewhere") } else { "another size".to_string() };
    let same = square && moved == 0;
    checks.add(
        "confusion",
        Some(square && moved <= total / CLOSE_CALLS),
        if same { format!("{n} x {n}, the same") } else { place },
    );
    let follow = square && class_results(&data.class_names, &said.confusion) == said.classes;
    let told = if follow { "follow from the confusion matrix" } else { "not those of confusion" };
    checks.add("classes", Some(follow), told);
    let [a, b] = [found, said].map(|look| look.calibration.expected_error);
    // An image between two intervals may come to lie in the other.
    let near = (a - b).abs() <= 2.0 / CLOSE_CALLS as f64;
    let [a, b] = [a, b].map(|error| format!("{error:.6}"));
    checks.add("calibration.expected_error", Some(near), compared(&a, &b, a == b));
}

/// An autoencoder: the test error, the losses of the epochs.
pub(super) fn autoencoder(
    path: &Path,
    config: &AutoencodingConfig,
    summary: &Value,
    data: &Loaded,
    checks: &mut Checks,
) {
    let summary =
        serde_json::from_value(summary.clone()).context("the summary is none of `autoencoder`");
    let summary: Option<AutoencoderSummary> =
        checks.result("summary's keys", summary, |_| "all there".to_string());
    let Some(summary) = summary else { return };
    let means = history::batch_means(path).and_then(|means| {
        ensure!(means == summary.epoch_losses, "not the means of metrics.jsonl");
        Ok(means.len())
    });
    checks.result("epoch_losses", means, |_| "the means of metrics.jsonl".to_string());
    if let Some(model) = model(path, config, summary.parameters, data, checks) {
        let tested = || -> Result<Evaluation> {
            let batches = data.test.evaluation_batches(CHUNK, None, &Device::Cpu)?;
            Ok(evaluate(&model, batches)?)
        };
        match tested() {
            Ok(found) => loss("test_mse", found.loss, summary.test_mse, checks),
            Err(error) => checks.add("test images", Some(false), message(&error)),
        }
    }
    checks.add(
        "principal components, codes, linear classifiers",
        None,
        "`autoencoder --config` repeats them",
    );
}

/// The model with the weights of its file, which holds nothing else.
fn model<C: Trainable>(
    path: &Path,
    config: &C,
    parameters: usize,
    data: &Loaded,
    checks: &mut Checks,
) -> Option<C::Model> {
    let loaded = || {
        let model = config.model(&data.train, &Device::Cpu)?;
        let network = widths(data.train.pixels(), &C::layers(&model));
        Weights::read(&path.join(MODEL))?.load::<C>(&model, &network)?;
        let found: usize = model.parameters().iter().map(Parameter::len).sum();
        ensure!(found == parameters, "{found} parameters, expected {parameters}");
        Ok(model)
    };
    let told = |_: &C::Model| format!("{} parameters", thousands(parameters));
    checks.result(MODEL, loaded(), told)
}

fn loss(check: &str, found: f64, said: f64, checks: &mut Checks) {
    let near = (found - said).abs() <= ROUNDING * said.abs();
    let [a, b] = [found, said].map(|value| format!("{value:.6}"));
    checks.add(check, Some(near), compared(&a, &b, a == b));
}

fn compared(found: &str, said: &str, same: bool) -> String {
    if same { found.to_string() } else { format!("{found}; the summary says {said}") }
}
