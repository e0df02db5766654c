//! `tuning.html`: the search as one offline page.

use anyhow::{Context as _, Result};
use atelier_plot::{PageParameter, PageScale, PageTrial, PageTrialState, TuningPage};
use atelier_tune::{Domain, Parameter, Space};

use super::board;
use super::figures::{error, place};
use super::summary::{Summary, Tried};
use crate::experiment::recorded::Recorded;
use crate::terminal::{counted, percent, thousands};

/// Writes the page.
pub(super) fn write(
    recorded: &Recorded,
    space: &Space,
    summary: &Summary,
    subtitle: &str,
) -> Result<()> {
    let parameters = space.parameters();
    let page = TuningPage {
        title: "The search for settings".to_string(),
        subtitle: subtitle.to_string(),
        caption: "Validation error: 100 % less the accuracy on the validation examples, which settings are chosen by. \
                  Trials of different lengths are compared at equal shares of their length. The test examples were \
                  read once, by the winner after it was trained anew."
            .to_string(),
        facts: facts(summary),
        quantity: "validation error (%)".to_string(),
        step: "epoch".to_string(),
        parameters: parameters.iter().map(parameter).collect(),
        trials: summary.history.iter().map(|tried| trial(parameters, tried)).collect(),
        importances: summary
            .importances
            .iter()
            .map(|of| (of.parameter.clone(), of.share))
            .collect(),
    };
    let html = page.render().context("cannot write the page")?;
    Ok(recorded.dir.write("tuning.html", html.as_bytes())?)
}

fn parameter(parameter: &Parameter) -> PageParameter {
    let scale = match &parameter.domain {
        Domain::Choices(choices) => PageScale::Words(choices.iter().map(board::shown).collect()),
        Domain::Float { log: true, .. } | Domain::Int { log: true, .. } => PageScale::Logarithmic,
        _ => PageScale::Linear,
    };
    PageParameter::new(parameter.name.clone(), scale)
}

fn trial(parameters: &[Parameter], tried: &Tried) -> PageTrial {
    let state = match tried.state.as_str() {
        "complete" => PageTrialState::Complete,
        "failed" => PageTrialState::Failed,
        _ => PageTrialState::Pruned,
    };
    let places = parameters.iter().map(|parameter| {
        let value = tried.params.get(&parameter.name)?;
        Some(place(parameter, value)).filter(|place| place.is_finite())
    });
    PageTrial {
        number: tried.number,
        state,
        value: tried.value.map(error),
        places: places.collect(),
        reports: tried.curve.iter().map(|at| (at.epoch as f64, error(at.accuracy))).collect(),
        note: tried.failure.clone().unwrap_or_default(),
    }
}

fn facts(summary: &Summary) -> Vec<(String, String)> {
    let (best, retrained) = (&summary.best, &summary.retrained);
    let mut facts = vec![
        ("best trial".to_string(), best.number.to_string()),
        ("its validation accuracy".to_string(), percent(best.value)),
    ];
    facts.extend(best.params.iter().map(|(name, value)| (name.clone(), super::shown::cell(value))));
    let test = retrained.test;
    facts.extend([
        ("trained anew on all examples".to_string(), counted(retrained.epochs, "epoch")),
        (
            "test accuracy after that".to_string(),
            format!(
                "{} ({} of {})",
                percent(test.accuracy),
                thousands(test.correct),
                thousands(test.total)
            ),
        ),
    ]);
    facts
}
