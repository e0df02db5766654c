#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use crate::error::Error;
use crate::page_document::{self, CANVAS, ELEMENTS, NUMBERS, Parts, THEME, number};

pub(crate) const PARTS: Parts = Parts {
    template: include_str!("../assets/tuning/page.html"),
    scripts: &[
        NUMBERS,
        include_str!("../assets/tuning/data.js"),
        include_str!("../assets/tuning/state.js"),
        CANVAS,
        include_str!("../assets/tuning/axes.js"),
        include_str!("../assets/tuning/scatter_view.js"),
        include_str!("../assets/tuning/curve_view.js"),
        include_str!("../assets/tuning/parallel_view.js"),
        include_str!("../assets/tuning/importance_view.js"),
        ELEMENTS,
        include_str!("../assets/tuning/words.js"),
        THEME,
        include_str!("../assets/tuning/main.js"),
    ],
};

/// An interactive page of a search for settings: one HTML document that needs no network and no other file.
///
/// It shows the trials by number, by each of their parameters, all parameters side by side, the values on their way, and
/// how much each parameter mattered. Views are linked: what is pointed at in one is marked in all. Values are
/// losses or errors: small ones are good. Those far above the best are hidden at first, behind a switch.
///
/// ```
/// use atelier_plot::{PageParameter, PageScale, PageTrial, PageTrialState, TuningPage};
///
/// let trial = |number: usize, rate: f64, error: f64| PageTrial {
///     number,
///     state: PageTrialState::Complete,
///     value: Some(error),
///     places: vec![Some(rate)],
///     reports: vec![(1.0, 2.0 * error), (2.0, error)],
///     note: String::new(),
/// };
/// let page = TuningPage {
///     title: "A search".into(),
///     quantity: "validation error (%)".into(),
///     parameters: vec![PageParameter::new("learning rate", PageScale::Logarithmic)],
///     trials: vec![trial(0, 0.001, 30.0), trial(1, 0.1, 12.0)],
///     ..TuningPage::default()
/// };
/// assert!(page.render()?.starts_with("<!DOCTYPE html>"));
/// # Ok::<(), atelier_plot::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct TuningPage {
    /// The heading, and the document's title.
    pub title: String,
    /// The line under the heading; empty for none.
    pub subtitle: String,
    /// How to read the page, and what it does not show; empty for none.
    pub caption: String,
    /// A table of names and values: how the page's data came about.
    pub facts: Vec<(String, String)>,
    /// What the values are, with the unit; small ones are good, and all are above 0.
    pub quantity: String,
    /// What the reports on the way are counted in; empty for steps.
    pub step: String,
    /// What was searched.
    pub parameters: Vec<PageParameter>,
    /// The trials by number, at least one.
    pub trials: Vec<PageTrial>,
    /// Shares of the parameters in how much mattered, 0 to 1, the greatest first; empty for none.
    pub importances: Vec<(String, f64)>,
}

/// A parameter of a search.
#[derive(Clone, Debug)]
pub struct PageParameter {
    /// Its name.
    pub name: String,
    /// How its values are laid along an axis.
    pub scale: PageScale,
}

/// How values are laid along an axis.
#[derive(Clone, Debug, PartialEq)]
pub enum PageScale {
    /// Numbers; equal distances for equal differences.
    Linear,
    /// Numbers above 0; equal distances for equal ratios.
    Logarithmic,
    /// Words, in this order; the place of a trial is the position of its word, counted from 0.
    Words(Vec<String>),
}

impl PageParameter {
    /// A parameter.
    #[must_use]
    pub fn new(name: impl Into<String>, scale: PageScale) -> Self {
        Self { name: name.into(), scale }
    }
}

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageTrialState {
    /// It has a value.
    Complete,
    /// It was ended early.
    Pruned,
    /// It came to no value.
    Failed,
}

/// A trial of a search.
#[derive(Clone, Debug)]
pub struct PageTrial {
    /// Its number.
    pub number: usize,
    /// How it ended.
    pub state: PageTrialState,
    /// Its value: for a pruned trial the last one that is known.
    pub value: Option<f64>,
    /// Where it stands on the axis of each parameter; `None` where it does not have the parameter.
    pub places: Vec<Option<f64>>,
    /// The values on the way, by step.
    pub reports: Vec<(f64, f64)>,
    /// Shown with the trial, such as why it failed.
    pub note: String,
}

impl TuningPage {
    /// Writes the page. The same data give the same text.
    ///
    /// # Errors
    /// Where there is no trial with a value, where a trial has not one place for each parameter, and where a number
    /// cannot stand on its axis: values must be above 0, words must exist, shares lie between 0 and 1.
    pub fn render(&self) -> Result<String, Error> {
        self.check()?;
        Ok(page_document::write(&PARTS, &self.title, &self.data()))
    }

    fn check(&self) -> Result<(), Error> {
        if !self.trials.iter().any(|trial| trial.value.is_some()) {
            return Err(Error::NoPageTrial { trials: self.trials.len() });
        }
        for trial in &self.trials {
            let (number, found, expected) =
                (trial.number, trial.places.len(), self.parameters.len());
            if found != expected {
                return Err(Error::PagePlaces { number, found, expected });
            }
            let above = |what: String, value: f64| {
                let place = format!("{what} of trial {number}");
                check(value.is_finite() && value > 0.0, place, value, "a finite number above 0")
            };
            trial.value.map_or(Ok(()), |value| above("value".into(), value))?;
            for (step, value) in &trial.reports {
                let place = || format!("step of trial {number}");
                check(step.is_finite(), place(), *step, "a finite number")?;
                above(format!("report at {step}"), *value)?;
            }
            for (parameter, place) in self.parameters.iter().zip(&trial.places) {
                let Some(value) = *place else { continue };
                let place = format!("{} of trial {number}", parameter.name);
                match &parameter.scale {
                    PageScale::Linear => {
                        check(value.is_finite(), place, value, "a finite number")?;
                    }
                    PageScale::Logarithmic => above(parameter.name.clone(), value)?,
                    PageScale::Words(words) => {
                        let known = (0..words.len()).any(|i| (value - i as f64).abs() < 1e-9);
                        check(known, place, value, "the position of a word")?;
                    }
                }
            }
        }
        for (name, share) in &self.importances {
            let fits = (0.0..=1.0 + 1e-9).contains(share);
            check(fits, format!("importance of {name}"), *share, "a share between 0 and 1")?;
        }
        Ok(())
    }

    /// What the page's scripts read.
    fn data(&self) -> Value {
        let parameters = self.parameters.iter().map(|parameter| {
            let (kind, words) = match &parameter.scale {
                PageScale::Linear => ("linear", None),
                PageScale::Logarithmic => ("logarithmic", None),
                PageScale::Words(words) => ("words", Some(words)),
            };
            json!({ "name": parameter.name, "kind": kind, "words": words })
        });
        let optional = |value: Option<f64>| value.map_or(Value::Null, number);
        let trials = self.trials.iter().map(|trial| {
            let state = match trial.state {
                PageTrialState::Complete => "complete",
                PageTrialState::Pruned => "pruned",
                PageTrialState::Failed => "failed",
            };
            json!({
                "number": trial.number,
                "state": state,
                "value": optional(trial.value),
                "places": trial.places.iter().map(|place| optional(*place)).collect::<Vec<_>>(),
                "steps": trial.reports.iter().map(|(step, _)| number(*step)).collect::<Vec<_>>(),
                "values": trial.reports.iter().map(|(_, value)| number(*value)).collect::<Vec<_>>(),
                "note": trial.note,
            })
        });
        let importances = self
            .importances
            .iter()
            .map(|(name, share)| json!({ "name": name, "share": number(*share) }));
        json!({
            "title": self.title,
            "subtitle": self.subtitle,
            "caption": self.caption,
            "facts": self.facts,
            "quantity": self.quantity,
            "step": if self.step.is_empty() { "step" } else { &self.step },
            "parameters": parameters.collect::<Vec<_>>(),
            "trials": trials.collect::<Vec<_>>(),
            "importances": importances.collect::<Vec<_>>(),
        })
    }
}

fn check(holds: bool, place: String, value: f64, expected: &'static str) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(Error::PageValue { place, value, expected }) }
}
