//! The model of a run on the test examples, held against what its summary says.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, ensure};
use atelier_core::{Evaluation, Objective, Parameter, evaluate};
use atelier_data::Loaded;
use atelier_models::{NamedTensor, load_state};
use atelier_store::read_model;
use candle_core::Device;
use serde_json::Value;

use super::verify::Checks;
use crate::config::{AutoencodingConfig, Config};
use crate::experiment::autoencoding::Summary as AutoencoderSummary;
use crate::experiment::history::{self, StepRecord};
use crate::experiment::prepared::{CHUNK, Trainable};
use crate::experiment::summary::{Iteration, Summary};
use crate::terminal::thousands;

/// How far losses may be apart, as a share: weights into which a standardisation was folded, or that
/// another processor computed with, give other roundings.
const ROUNDING: f64 = 1e-4;
/// Of so many test images one may be decided otherwise for the same reason.
const CLOSE_CALLS: usize = 2000;

/// A classifier: accuracy, cross-entropy, the last iterations.
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
    let tested = summary.test;
    let share = tested.correct as f64 / tested.total.max(1) as f64;
    let consistent = tested.total == data.test.len() && (share - tested.accuracy).abs() < 1e-12;
    checks.add(
        "test images",
        Some(consistent),
        format!("{} of {} correct, accuracy {}", tested.correct, tested.total, tested.accuracy),
    );
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
    let Some(found) = measure(path, config, summary.parameters, data, checks) else {
        return;
    };

    let correct = found.correct.unwrap_or(0);
    let near = correct.abs_diff(tested.correct) <= tested.total / CLOSE_CALLS;
    checks.add(
        "test.accuracy",
        Some(near && found.total == tested.total),
        compared(
            &format!("{correct} of {} correct", found.total),
            &format!("{} of {}", tested.correct, tested.total),
            correct == tested.correct && found.total == tested.total,
        ),
    );
    loss("test.cross_entropy", found.loss, tested.cross_entropy, checks);
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
    if let Some(found) = measure(path, config, summary.parameters, data, checks) {
        loss("test_mse", found.loss, summary.test_mse, checks);
    }
    checks.add(
        "principal components, codes, linear classifiers",
        None,
        "`autoencoder --config` repeats them",
    );
}

/// The model file on the test examples.
fn measure<C: Trainable>(
    path: &Path,
    config: &C,
    parameters: usize,
    data: &Loaded,
    checks: &mut Checks,
) -> Option<Evaluation> {
    let loaded = load(path, config, data).and_then(|model| {
        let found: usize = model.parameters().iter().map(Parameter::len).sum();
        ensure!(found == parameters, "{found} parameters, expected {parameters}");
        Ok(model)
    });
    let told = |_: &C::Model| format!("{} parameters", thousands(parameters));
    let model = checks.result("model.safetensors", loaded, told)?;
    let tested = || -> Result<Evaluation> {
        // A standardisation is folded into the weights.
        let batches = data.test.evaluation_batches(CHUNK, None, &Device::Cpu)?;
        Ok(evaluate(&model, batches)?)
    };
    match tested() {
        Ok(found) => Some(found),
        Err(error) => {
            checks.add("test images", Some(false), crate::failure::message(&error));
            None
        }
    }
}

/// The model with the weights of its file, which holds nothing else.
fn load<C: Trainable>(path: &Path, config: &C, data: &Loaded) -> Result<C::Model> {
    let model = config.model(&data.train, &Device::Cpu)?;
    let mut tensors = Vec::new();
    // PyTorch's counters of batches are integers, and no part of ours.
    let arrays = read_model(&path.join("model.safetensors"))?.into_iter();
    for array in arrays.filter(|array| !array.name.ends_with(".num_batches_tracked")) {
        let values = array.as_f32()?;
        tensors.push(NamedTensor { name: array.name, shape: array.shape, values });
    }
    let own: Vec<&Parameter> = model.parameters().iter().chain(model.buffers()).collect();
    let (known, others): (Vec<NamedTensor>, Vec<NamedTensor>) =
        tensors.into_iter().partition(|tensor| own.iter().any(|p| p.name == tensor.name));
    load_state(&own, &known)?;
    // What is derived from the weights, such as those of a tied decoder, must follow from them.
    let state = C::state(&model)?;
    match others.iter().find(|other| !state.contains(other)) {
        Some(other) => Err(anyhow!("`{}` does not belong to the network", other.name)),
        None => Ok(model),
    }
}

fn loss(check: &str, found: f64, said: f64, checks: &mut Checks) {
    let near = (found - said).abs() <= ROUNDING * said.abs();
    let [a, b] = [found, said].map(|value| format!("{value:.6}"));
    checks.add(check, Some(near), compared(&a, &b, a == b));
}

fn compared(found: &str, said: &str, same: bool) -> String {
    if same { found.to_string() } else { format!("{found}; the summary says {said}") }
}
