//! `summary.json` of a study of initialisation.

use anyhow::{Result, anyhow};
use atelier_core::init::Initializer;
use atelier_init::{Gain, Identity, Layer, Scheme, Spread, Violation};
use serde::Serialize;
use serde_json::Value;

use super::Sent;
use super::training::{Group, Run};
use crate::config::InitialisingConfig;

/// The results of a study of initialisation.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) schema_version: u32,
    pub(crate) verb: String,
    pub(crate) seed: u64,
    pub(crate) draws: usize,
    pub(crate) identities: Vec<Identity>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) gains: Vec<Gain>,
    pub(crate) network: Network,
    pub(crate) propagation: Vec<Signals>,
    pub(crate) training: Vec<Training>,
    pub(crate) recipe: Recipe,
}

/// What signals are sent through.
#[derive(Debug, Serialize)]
pub(crate) struct Network {
    pub(crate) layers: usize,
    pub(crate) width: usize,
    pub(crate) networks: usize,
    pub(crate) examples: usize,
}

/// How every network is trained.
#[derive(Debug, Serialize)]
pub(crate) struct Recipe {
    pub(crate) examples: usize,
    pub(crate) units: usize,
    pub(crate) epochs: usize,
    pub(crate) batch_size: usize,
    pub(crate) learning_rate: f64,
}

/// An initialisation.
#[derive(Debug, Serialize)]
pub(crate) struct Initialised {
    pub(crate) scheme: &'static str,
    pub(crate) initializer: Initializer,
    pub(crate) scale: f64,
}

/// Signals through networks of one scheme.
#[derive(Debug, Serialize)]
pub(crate) struct Signals {
    #[serde(flatten)]
    pub(crate) of: Initialised,
    pub(crate) inputs: &'static str,
    pub(crate) activation: ByLayer,
    pub(crate) gradient: ByLayer,
    pub(crate) dead_units: Vec<f64>,
}

/// A mean square over the networks that were drawn, by layer.
#[derive(Debug, Serialize)]
pub(crate) struct ByLayer {
    pub(crate) median: Vec<f64>,
    pub(crate) smallest: Vec<f64>,
    pub(crate) largest: Vec<f64>,
    pub(crate) predicted: Vec<f64>,
}

/// Networks of one scheme and depth, trained.
#[derive(Debug, Serialize)]
pub(crate) struct Training {
    #[serde(flatten)]
    pub(crate) of: Initialised,
    pub(crate) layers: usize,
    pub(crate) loss: Option<f64>,
    pub(crate) accuracy: Option<f64>,
    pub(crate) runs: Vec<Seeded>,
    pub(crate) curve: Vec<Point>,
}

/// One of them.
#[derive(Debug, Serialize)]
pub(crate) struct Seeded {
    pub(crate) seed: u64,
    pub(crate) loss: Option<f64>,
    pub(crate) accuracy: Option<f64>,
    pub(crate) diverged: bool,
}

/// A point of a training curve.
#[derive(Debug, Serialize)]
pub(crate) struct Point {
    pub(crate) step: usize,
    pub(crate) loss: Option<f64>,
}

impl Summary {
    pub(super) fn new(
        config: &InitialisingConfig,
        identities: Vec<Identity>,
        violations: Vec<Violation>,
        gains: Vec<Gain>,
        sent: &[Sent],
        (trained, examples): (Vec<Group>, [usize; 2]),
    ) -> Self {
        let [learned_from, sent_through] = examples;
        Self {
            schema_version: 1,
            verb: super::VERB.to_string(),
            seed: config.seed,
            draws: config.init.draws,
            identities,
            violations,
            gains,
            network: Network {
                layers: config.init.layers,
                width: config.init.width,
                networks: config.init.networks,
                examples: sent_through,
            },
            propagation: sent.iter().map(signals).collect(),
            training: trained.into_iter().map(training).collect(),
            recipe: Recipe {
                examples: learned_from,
                units: config.depths.units,
                epochs: config.train.epochs,
                batch_size: config.train.batch_size,
                learning_rate: config.optimizer.learning_rate,
            },
        }
    }
}

/// What a summary says that is not as the theory has it.
pub(crate) fn broken(summary: &Value) -> Result<Option<String>> {
    let list = |key: &str, field: &str, words: &str| -> Result<Vec<String>> {
        let found = summary[key].as_array();
        let found = found.ok_or_else(|| anyhow!("`{key}` in summary.json is not a list"))?;
        let fails = |one: &&Value| one[field] != Value::Bool(true);
        Ok(found.iter().filter(fails).map(|one| format!("{} {words}", name(one))).collect())
    };
    let mut broken = list("identities", "holds", "does not hold")?;
    broken.extend(list("violations", "detected", "is not detected")?);
    broken.extend(list("violations", "explained", "is not off by as much as its theory says")?);
    Ok((!broken.is_empty()).then(|| broken.join("; ")))
}

fn name(one: &Value) -> &str {
    one["name"].as_str().unwrap_or("a check without a name")
}

fn initialised(scheme: Scheme) -> Initialised {
    let Scheme { name, initializer, scale } = scheme;
    Initialised { scheme: name, initializer, scale }
}

fn signals(sent: &Sent) -> Signals {
    let layers = &sent.found.layers;
    let by_layer = |spread: fn(&Layer) -> Spread, predicted: fn(&Layer) -> f64| {
        let of = |value: fn(Spread) -> f64| layers.iter().map(|l| value(spread(l))).collect();
        ByLayer {
            median: of(|spread| spread.median),
            smallest: of(|spread| spread.smallest),
            largest: of(|spread| spread.largest),
            predicted: layers.iter().map(predicted).collect(),
        }
    };
    Signals {
        of: initialised(sent.scheme),
        inputs: sent.inputs,
        activation: by_layer(|layer| layer.activation, |layer| layer.predicted.activation),
        gradient: by_layer(|layer| layer.gradient, |layer| layer.predicted.gradient),
        dead_units: layers.iter().map(|layer| layer.dead_units.median).collect(),
    }
}

fn training(group: Group) -> Training {
    let Group { scheme, layers, runs, ends } = group;
    let median = |of: &dyn Fn(&Run) -> f64| median(runs.iter().map(|(_, run)| of(run)).collect());
    let curve = ends.iter().enumerate().map(|(k, &step)| {
        let loss = median(&|run| run.curve[k]);
        Point { step, loss }
    });
    Training {
        of: initialised(scheme),
        layers,
        loss: median(&|run| run.loss),
        accuracy: median(&|run| run.accuracy),
        curve: curve.collect(),
        runs: runs
            .iter()
            .map(|(seed, run)| Seeded {
                seed: *seed,
                loss: Some(run.loss).filter(|loss| loss.is_finite()),
                accuracy: Some(run.accuracy).filter(|share| share.is_finite()),
                diverged: !run.loss.is_finite(),
            })
            .collect(),
    }
}

/// The middle one, or the mean of the two in the middle; `None` where that is not finite.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len();
    let (low, high) = (values.get(n.checked_sub(1)? / 2)?, values.get(n / 2)?);
    Some(0.5 * (low + high)).filter(|median| median.is_finite())
}

#[cfg(test)]
mod tests {
    use atelier_init::schemes;
    use serde_json::json;

    use super::*;

    fn run(loss: f64) -> Run {
        let accuracy = if loss.is_finite() { 0.5 } else { f64::NEG_INFINITY };
        Run { loss, accuracy, curve: vec![2.0, loss] }
    }

    fn group(losses: &[f64]) -> Training {
        let [he, ..] = schemes();
        let runs = losses.iter().map(|&loss| (0, run(loss))).collect();
        training(Group { scheme: he, layers: 3, runs, ends: vec![5, 10] })
    }

    #[test]
    fn medians_bear_less_than_half_of_diverged_networks() {
        let found = group(&[f64::INFINITY, 0.5, 0.7]);
        assert_eq!((found.loss, found.accuracy), (Some(0.7), Some(0.5)));
        assert_eq!(found.curve[1].loss, Some(0.7));
        assert_eq!(found.runs.iter().filter(|run| run.diverged).count(), 1);
        let found = group(&[f64::INFINITY, 0.5]);
        assert_eq!((found.loss, found.accuracy), (None, None));
        assert_eq!((found.curve[0].loss, found.curve[1].loss), (Some(2.0), None));
    }

    #[test]
    fn a_check_that_fails_is_broken_by_its_name() {
        let good = json!({
            "identities": [{ "name": "mean", "holds": true }],
            "violations": [{ "name": "shifted", "detected": true, "explained": true }],
        });
        assert_eq!(broken(&good).expect("a verdict"), None);
        for (place, text) in [
            ("/identities/0/holds", "mean does not hold"),
            ("/violations/0/detected", "shifted is not detected"),
            ("/violations/0/explained", "shifted is not off by as much as its theory says"),
        ] {
            let mut bad = good.clone();
            *bad.pointer_mut(place).expect("a place") = json!(false);
            assert_eq!(broken(&bad).expect("a verdict").as_deref(), Some(text));
        }
        assert!(broken(&json!({ "identities": [] })).is_err());
    }
}
