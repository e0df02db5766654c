//! `summary.json` of a search.

use atelier_tune::{Ended, Settings, Space, State, Study, TrialRecord, importances};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::objective::epoch_of;
use crate::experiment::summary::{Iteration, Summary as Training, Tested};

/// The results of a search. Values are validation accuracies, shares of 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) schema_version: u32,
    pub(crate) verb: String,
    pub(crate) seed: u64,
    pub(crate) trials: usize,
    pub(crate) completed: usize,
    pub(crate) pruned: usize,
    pub(crate) failed: usize,
    /// `complete`, or `exhausted` where every setting of the space was tried.
    pub(crate) ended: String,
    /// How many different settings the space has, where it is finite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) settings: Option<u64>,
    pub(crate) best: Ranked,
    /// Completed trials, the best first.
    pub(crate) ranking: Vec<Ranked>,
    pub(crate) importances: Vec<Importance>,
    /// All trials, by number.
    pub(crate) history: Vec<Tried>,
    /// The winner, trained on all training examples.
    pub(crate) retrained: Retrained,
}

/// A completed trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ranked {
    pub(crate) number: usize,
    pub(crate) value: f64,
    pub(crate) params: Map<String, Value>,
}

/// How much a parameter mattered for being among the best tenth; the shares sum to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Importance {
    pub(crate) parameter: String,
    pub(crate) share: f64,
}

/// A trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tried {
    pub(crate) number: usize,
    pub(crate) state: String,
    /// The accuracy after its last epoch; that of a pruned one is its last before it was ended.
    pub(crate) value: Option<f64>,
    pub(crate) params: Map<String, Value>,
    /// The epochs that it would have had.
    pub(crate) epochs: u64,
    pub(crate) curve: Vec<Reported>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
}

/// The validation accuracy after an epoch, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reported {
    pub(crate) epoch: u64,
    pub(crate) accuracy: f64,
}

/// The winner, trained on all training examples and tested once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Retrained {
    pub(crate) epochs: usize,
    pub(crate) parameters: usize,
    pub(crate) test: Tested,
    /// The last iterations, oldest first.
    pub(crate) last_20: Vec<Iteration>,
}

impl Summary {
    /// The results of a study that has a best trial; `None` of one that has none.
    pub(super) fn new(
        seed: u64,
        space: &Space,
        study: &Study,
        (epochs, longest): (&dyn Fn(&Settings) -> u64, u64),
        trained: &Training,
    ) -> Option<Self> {
        let ranking: Vec<Ranked> = study.ranking().into_iter().filter_map(ranked).collect();
        let shares = importances(space, study).into_iter();
        Some(Self {
            schema_version: 1,
            verb: "tune".to_string(),
            seed,
            trials: study.trials.len(),
            completed: study.count(State::Complete),
            pruned: study.count(State::Pruned),
            failed: study.count(State::Failed),
            ended: if study.ended == Ended::Exhausted { "exhausted" } else { "complete" }
                .to_string(),
            settings: space.size(),
            best: ranking.first()?.clone(),
            ranking,
            importances: shares.map(|(parameter, share)| Importance { parameter, share }).collect(),
            history: study
                .trials
                .iter()
                .map(|trial| tried(trial, epochs(&trial.settings), longest))
                .collect(),
            retrained: Retrained {
                epochs: trained.epochs,
                parameters: trained.parameters,
                test: trained.test,
                last_20: trained.last_20.clone(),
            },
        })
    }
}

fn params(settings: &Settings) -> Map<String, Value> {
    settings.iter().map(|(name, value)| (name.to_string(), json!(value))).collect()
}

fn ranked(trial: &TrialRecord) -> Option<Ranked> {
    Some(Ranked { number: trial.number, value: trial.value?, params: params(&trial.settings) })
}

fn tried(trial: &TrialRecord, epochs: u64, longest: u64) -> Tried {
    let curve = trial.reports.iter().map(|(&step, &accuracy)| {
        let epoch = epoch_of(step, epochs, longest);
        Reported { epoch, accuracy }
    });
    Tried {
        number: trial.number,
        state: trial.state.name().to_string(),
        value: trial.value,
        params: params(&trial.settings),
        epochs,
        curve: curve.collect(),
        failure: trial.failure.clone(),
    }
}
